package machine

import (
	"bytes"
	"testing"

	"toaster/netbsd"
)

// xRegs are a scripted thread's extended state on a processor that lays it out in its own way: AVX at 640, opmasks behind it at 896.
type xRegs struct{ state []byte }

const xRegsSize = 960

func newXRegs(has uint64) *xRegs {
	r := &xRegs{make([]byte, xRegsSize)}
	for i := range r.state {
		r.state[i] = byte(i * 7)
	}
	le.PutUint64(r.state[512:], has)
	return r
}

func (r *xRegs) FP() (fx [netbsd.SizeofFpregs]byte)  { copy(fx[:], r.state); return fx }
func (r *xRegs) SetFP(fx *[netbsd.SizeofFpregs]byte) { copy(r.state, fx[:]) }
func (r *xRegs) SaveX() []byte                       { return bytes.Clone(r.state) }
func (r *xRegs) RestoreX(state []byte)               { copy(r.state, state) }
func (r *xRegs) XFeatures() uint64                   { return 1<<9 | netbsd.XCR0_Opmask | 7 } // with protection keys
func (r *xRegs) component(n int) []byte              { at, size := r.XComponent(n); return r.state[at : at+size] }
func (r *xRegs) XComponent(n int) (at, size int) {
	c := map[int][2]int{2: {640, 256}, 5: {896, 64}}[n]
	return c[0], c[1]
}
func (r *xRegs) has() uint64               { return le.Uint64(r.state[512:]) }
func (r *xRegs) piece(from, to int) []byte { return r.state[from:to] }

// process_read_xstate: the components that there are, those that are not as the processor begins, and what is in them; zeros else.
func TestXState(t *testing.T) {
	r := newXRegs(7)
	var x netbsd.Xstate
	(&Context{fpu: r}).XState(&x)
	if x.RFBM() != netbsd.XCR0_Opmask|7 || x.Has() != 7 {
		t.Errorf("rfbm %#x, xstate_bv %#x", x.RFBM(), x.Has())
	}
	if !bytes.Equal(x.Fxsave()[:416], r.piece(0, 416)) || !bytes.Equal(x.Component(2), r.component(2)) {
		t.Error("x87, SSE or AVX state is another")
	}
	for _, n := range []int{5, 6, 7} {
		if c := x.Component(n); !bytes.Equal(c, make([]byte, len(c))) {
			t.Errorf("component %d is not empty", n)
		}
	}
	x = netbsd.Xstate{}
	(&Context{fpu: &fpRegs{fx: [netbsd.SizeofFpregs]byte{1, 2}}}).XState(&x)
	if x.RFBM() != 3 || x.Has() != 3 || x.Fxsave()[1] != 2 {
		t.Errorf("without XSAVE it is %#x, %#x", x.RFBM(), x.Has())
	}
}

// process_verify_xstate: EINVAL for components that are not there, and for a state of those that are not named.
func TestSetXStateRefused(t *testing.T) {
	for _, maps := range [][2]uint64{{1, 3}, {0x200, 0}, {netbsd.XCR0_ZMM_Hi256, 0}, {1 << 63, 1 << 63}} {
		var x netbsd.Xstate
		x.SetBitmaps(maps[0], maps[1])
		r := newXRegs(7)
		if errno := (&Context{fpu: r}).SetXState(&x); errno != netbsd.EINVAL || !bytes.Equal(r.state, newXRegs(7).state) {
			t.Errorf("%#x: %v", maps, errno)
		}
		if errno := (&Context{fpu: &fpRegs{}}).SetXState(&x); errno != netbsd.EINVAL {
			t.Errorf("%#x without XSAVE: %v", maps, errno)
		}
	}
}

// process_write_xstate: a component that is named is set, or reset if it has no state; others stay. MXCSR comes with SSE and AVX.
func TestSetXState(t *testing.T) {
	old := newXRegs(7 | netbsd.XCR0_Opmask)
	fill := func(b []byte) {
		for i := range b {
			b[i] = 0xee
		}
	}
	fresh := make([]byte, 128)
	le.PutUint16(fresh, 0x37f) // FNINIT
	for _, test := range []struct {
		name                         string
		rfbm, set, has               uint64
		x87, mxcsr, sse, avx, opmask byte // s: set, k: kept, r: reset
	}{
		{"all", 0x27, 0x27, 0x27, 's', 's', 's', 's', 's'},
		{"none", 0, 0, 0x27, 'k', 'k', 'k', 'k', 'k'},
		{"x87", 1, 1, 0x27, 's', 'k', 'k', 'k', 'k'},
		{"x87 reset", 1, 0, 0x26, 'r', 'k', 'k', 'k', 'k'},
		{"SSE reset", 2, 0, 0x25, 'k', 'k', 'r', 'k', 'k'},
		{"AVX", 4, 4, 0x27, 'k', 's', 'k', 's', 'k'},
		{"opmasks reset, SSE", 0x22, 2, 0x07, 'k', 's', 's', 'k', 'k'},
	} {
		r := newXRegs(7 | netbsd.XCR0_Opmask)
		var x netbsd.Xstate
		fill(x[:])
		x.SetBitmaps(test.rfbm, test.set)
		if errno := (&Context{fpu: r}).SetXState(&x); errno != 0 {
			t.Errorf("%s: %v", test.name, errno)
		}
		if r.has() != test.has {
			t.Errorf("%s: xstate_bv is %#x, want %#x", test.name, r.has(), test.has)
		}
		look := func(piece string, how byte, got, was, begin []byte) {
			want := bytes.Repeat([]byte{0xee}, len(got))
			switch how {
			case 'k':
				want = was
			case 'r':
				want = begin
			}
			if !bytes.Equal(got, want) {
				t.Errorf("%s: %s is not as it should be (%c)", test.name, piece, how)
			}
		}
		look("x87", test.x87, r.piece(0, 24), old.piece(0, 24), fresh[:24])
		look("the FPU's registers", test.x87, r.piece(32, 160), old.piece(32, 160), make([]byte, 128))
		look("MXCSR", test.mxcsr, r.piece(24, 28), old.piece(24, 28), nil)
		look("SSE", test.sse, r.piece(160, 416), old.piece(160, 416), make([]byte, 256))
		look("AVX", test.avx, r.component(2), old.component(2), nil)
		look("opmasks", test.opmask, r.component(5), old.component(5), nil)
	}
}
