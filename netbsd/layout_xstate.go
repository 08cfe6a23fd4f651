package netbsd

// Xstate is struct xstate of x86/cpu_extended_state.h, what PT_GETXSTATE and PT_SETXSTATE move, in its own order whatever the processor's
// is:
//
//	0 xs_rfbm     8 xs_xstate_bv   16 xs_fxsave (512)        528 xs_ymm_hi128 (256)
//	784 xs_opmask (64)             848 xs_zmm_hi256 (512)   1360 xs_hi16_zmm (1024)
type Xstate [SizeofXstate]byte

// SizeofXstate is the size of struct xstate.
const SizeofXstate = 2384

// Components of the extended state, by their bits in XCR0 (x86/specialreg.h). XCR0_FPU are those that a program's state is made of.
const (
	XCR0_X87       = 0x01
	XCR0_SSE       = 0x02
	XCR0_YMM_Hi128 = 0x04
	XCR0_Opmask    = 0x20
	XCR0_ZMM_Hi256 = 0x40
	XCR0_Hi16_ZMM  = 0x80
	XCR0_FPU       = XCR0_X87 | XCR0_SSE | XCR0_YMM_Hi128 | XCR0_Opmask | XCR0_ZMM_Hi256 | XCR0_Hi16_ZMM
)

// RFBM returns xs_rfbm: the components that there are, or that are to be set.
func (x *Xstate) RFBM() uint64 { return le.Uint64(x[:]) }

// Has returns xs_xstate_bv: of these, those that are not as the processor begins.
func (x *Xstate) Has() uint64 { return le.Uint64(x[8:]) }

// SetBitmaps sets both.
func (x *Xstate) SetBitmaps(rfbm, has uint64) {
	le.PutUint64(x[:], rfbm)
	le.PutUint64(x[8:], has)
}

// Fxsave returns the place of what FXSAVE stores: the components 0 and 1.
func (x *Xstate) Fxsave() []byte { return x[16:][:SizeofFpregs] }

// Component returns the place of another component, by the number of its bit; nil if the structure has none for it.
func (x *Xstate) Component(n int) []byte {
	switch 1 << n {
	case XCR0_YMM_Hi128:
		return x[528:784]
	case XCR0_Opmask:
		return x[784:848]
	case XCR0_ZMM_Hi256:
		return x[848:1360]
	case XCR0_Hi16_ZMM:
		return x[1360:]
	}
	return nil
}
