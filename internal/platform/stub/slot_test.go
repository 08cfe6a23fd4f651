package stub

import (
	"bytes"
	"encoding/binary"
	"testing"
)

// What is written to a signal frame is what is read back, but for flags that user code cannot
// have (Intel's manual, volume 1, 3.4.3: IOPL, IF, VM and their like) and segment bases that
// are not the guest's: another one would be a fault in the stub.
func TestRegistersOfAFrame(t *testing.T) {
	const interrupts, reserved = 1 << 9, 1 << 1 // always set
	for _, c := range []struct {
		name                             string
		flags, wantFlags, base, wantBase uint64
	}{
		{"plain", 0x246, 0x246, 0x500000, 0x500000},
		{"none", 0, interrupts | reserved, 0, 0},
		{"status, direction, nested task, alignment, identification", 0x244cd5, 0x244cd5 | interrupts | reserved, GuestEnd - 8, GuestEnd - 8},
		{"IOPL 3, VM, VIF, VIP", 0x1a3000, interrupts | reserved, GuestEnd, 0},
		{"all", ^uint64(0), 0x254dd5 | interrupts | reserved, ^uint64(0), 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := StoppedSlot()
			at, ok := s.Frame()
			if !ok {
				t.Fatal("no frame")
			}
			var r Regs
			for i, f := range r.Fields() {
				*f = 0x0101010101010101 * uint64(i+1)
			}
			r.RFLAGS, r.FSBase, r.GSBase = c.flags, c.base, c.base
			want := r
			want.RFLAGS, want.FSBase, want.GSBase = c.wantFlags, c.wantBase, c.wantBase
			s.WriteFrame(at, &r, false)
			if got := s.Registers(at); got != want {
				t.Errorf("%+v\nwant %+v", got, want)
			}
		})
	}
}

// A guest whose call sites are rewritten has the stub's GS, whatever it wants.
func TestFastGuestsHaveTheStubsGS(t *testing.T) {
	s := StoppedSlot()
	at, _ := s.Frame()
	r := Regs{GSBase: 0x500000}
	s.WriteFrame(at, &r, true)
	if gs := s.Registers(at).GSBase; gs != 0 || s.load(slotGSBase) != s.Addr() || s.load(slotSelf) != s.Addr() {
		t.Errorf("GS %#x in the slot %#x, which says of itself %#x; the guest's %#x", s.load(slotGSBase), s.Addr(), s.load(slotSelf), gs)
	}
}

// Bits of MXCSR that the processor does not have are a fault when they are loaded (Intel's
// manual, volume 1, 11.6.6), in the stub; what FXSAVE leaves to software is Linux's.
func TestPutFP(t *testing.T) {
	le := binary.LittleEndian
	for bit := range 32 {
		to, fx := bytes.Repeat([]byte{0xaa}, FPSize), bytes.Repeat([]byte{0x55}, FPSize)
		le.PutUint32(fx[fpMXCSR:], 1<<bit)
		PutFP(to, fx)
		if v := le.Uint32(to[fpMXCSR:]); v&^mxcsrMask() != 0 || v != 1<<bit&mxcsrMask() {
			t.Errorf("bit %d: MXCSR %#x, the processor has %#x", bit, v, mxcsrMask())
		}
		if !bytes.Equal(to[fpSoftware:], bytes.Repeat([]byte{0xaa}, FPSize-fpSoftware)) {
			t.Errorf("bit %d: software's bytes are % x", bit, to[fpSoftware:])
		}
		if !bytes.Equal(to[fpXMM:fpXMM+xmmSize], fx[fpXMM:fpXMM+xmmSize]) {
			t.Errorf("bit %d: XMM registers % x", bit, to[fpXMM:fpXMM+xmmSize])
		}
	}
}

// XRSTOR faults on a header that names features that the processor does not have, or that is
// not zero elsewhere (Intel's manual, volume 1, 13.8.1): neither is left, whatever the state.
func TestPutX(t *testing.T) {
	const header, features = FPSize + xstateHeader, 7
	state := bytes.Repeat([]byte{0xff}, ForgedX)
	for size := range ForgedX + 1 {
		to := make([]byte, ForgedX)
		PutX(to, features, state[:size])
		has := binary.LittleEndian.Uint64(to[FPSize:])
		if size < header {
			if !bytes.Equal(to, make([]byte, ForgedX)) {
				t.Fatalf("%d bytes without a header were set", size)
			}
			continue
		}
		if has&^features != 0 || has&(hasX87|hasSSE) != hasX87|hasSSE {
			t.Errorf("%d bytes: features %#x of %#x", size, has, features)
		}
		if !bytes.Equal(to[FPSize+8:header], make([]byte, xstateHeader-8)) {
			t.Errorf("%d bytes: the header is % x", size, to[FPSize:header])
		}
		if !bytes.Equal(to[header:size], state[header:size]) {
			t.Errorf("%d bytes: not all are set", size)
		}
	}
}
