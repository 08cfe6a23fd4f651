package stub

import (
	"encoding/binary"
	"sync"
	"unsafe"
)

// This file knows how the extended state of a processor lies in memory: 512 bytes as FXSAVE
// lays them out, then the XSAVE header and the rest (Intel's manual, volume 1, chapter 13).
// In the 48 bytes that FXSAVE leaves to software, Linux says in a signal frame how much there
// is (struct _fpx_sw_bytes).

// FPSize is the size of the x87 and SSE state.
const FPSize = 512

const (
	fpMXCSR      = 24
	fpMXCSRMask  = 28
	fpSoftware   = 464 // magic, size of everything, feature bits
	fpMagic      = 0x46505853
	xstateHeader = 64
	xstateMagic2 = 4 // behind everything

	fpXMM   = 160 // in FXSAVE's area
	xmmSize = 16 * 16
)

// hasX87 and hasSSE are bits of the features that a header says to be present.
const (
	hasX87 = 1
	hasSSE = 2
)

// An XLayout is what XSAVE stores: as much as Linux does in a signal frame.
type XLayout struct {
	Size     int
	Features uint64
}

// fxsave stores the calling thread's own x87 and SSE state; to is aligned to 16 bytes.
//
//go:noescape
func fxsave(to *[512]byte)

// mxcsrMask is what bits of MXCSR the processor has.
var mxcsrMask = sync.OnceValue(func() uint32 {
	b := new([2 * FPSize]byte) // of which an aligned part is used
	to := (*[FPSize]byte)(b[-uintptr(unsafe.Pointer(b))&15:])
	fxsave(to)
	if mask := binary.LittleEndian.Uint32(to[fpMXCSRMask:]); mask != 0 {
		return mask
	}
	return 0xffbf // what a mask of 0 means, by the manual
})

// PutFP copies x87 and SSE state, without what cannot be loaded: a bit of MXCSR that the
// processor does not have would be a fault in the stub. Both are at least FPSize long.
func PutFP(to, fx []byte) {
	le := binary.LittleEndian
	copy(to[:fpSoftware], fx)
	le.PutUint32(to[fpMXCSR:], le.Uint32(fx[fpMXCSR:])&mxcsrMask())
	le.PutUint32(to[fpMXCSRMask:], mxcsrMask())
}

// PutX sets in to, a signal frame's area or one for XRSTOR, what state has beyond x87 and
// SSE of these features. Either may be of any length, and without a header: then there is
// nothing to set.
func PutX(to []byte, features uint64, state []byte) {
	const header = FPSize + xstateHeader
	if min(len(to), len(state)) < header {
		return
	}
	le := binary.LittleEndian
	has := le.Uint64(state[FPSize:])&features | hasX87 | hasSSE
	clear(to[FPSize:header])
	le.PutUint64(to[FPSize:], has)
	copy(to[header:], state[header:])
}

// FrameXLayout returns what Linux has stored in the signal frame. Preconditions: no guest
// code has run in the process, or the answer is the guest's.
func (s Slot) FrameXLayout() (x XLayout, ok bool) {
	a, ok := s.frameFP()
	if !ok || !a.extended() {
		return x, false
	}
	const protectionKeys = 1 << 9 // wrong ones would lock the stub out of its slot
	x = XLayout{a.size, a.features &^ protectionKeys}
	return x, x.Size > FPSize+xstateHeader && x.Size <= len(s.mem)-slotFP
}

// FrameFP returns the x87 and SSE state that the signal frame has, zeros if it has none.
func (s Slot) FrameFP() (fx [FPSize]byte) {
	if a, ok := s.frameFP(); ok {
		copy(fx[:], s.bytes(a.Span))
	}
	return fx
}

// FrameX returns all extended state that the signal frame has, but no more than most bytes,
// as a spoilt frame is not worth more room; nil if it has none.
func (s Slot) FrameX(most int) []byte {
	a, ok := s.frameFP()
	if !ok {
		return nil
	}
	a.size = min(a.size, most)
	return append([]byte(nil), s.bytes(a.Span)...)
}

// SetFrameFP sets the x87 and SSE state in the signal frame.
func (s Slot) SetFrameFP(fx []byte) {
	if a, ok := s.frameFP(); ok {
		PutFP(s.bytes(a.Span), fx)
		s.addFeatures(a, hasX87|hasSSE)
	}
}

// SetFrameX sets in the signal frame what a state has beyond x87 and SSE.
func (s Slot) SetFrameX(state []byte) {
	if a, ok := s.frameFP(); ok {
		PutX(s.bytes(a.Span), a.features, state)
	}
}

// RestoreXMM puts into the signal frame the XMM registers that the guest had before the vdso
// used them.
func (s Slot) RestoreXMM() {
	if a, ok := s.frameFP(); ok {
		xmm := s.xmm()
		copy(s.bytes(a.Span)[fpXMM:], xmm[:])
		s.addFeatures(a, hasSSE)
	}
}

// addFeatures says that the state has them, if there is a header that could.
func (s Slot) addFeatures(a fpArea, features byte) {
	if a.extended() {
		s.bytes(a.Span)[FPSize] |= features
	}
}

// PutFP puts x87 and SSE state where the stub loads it from (LoadFP).
func (s Slot) PutFP(fx *[FPSize]byte) { copy(s.mem[slotFP:], fx[:]) }

// PutX does so for all extended state (LoadX): of x as PutX lays it out, with the x87 and SSE state
// of fx.
func (s Slot) PutX(x []byte, fx *[FPSize]byte, features uint64) {
	copy(s.mem[slotFP:], x)
	copy(s.mem[slotFP:], fx[:fpSoftware])
	s.store(slotFeatures, features)
}

// SetLoad says what the stub is to do before it resumes a light trap: bits, LoadFP to LoadOut. It clears them when it has.
func (s Slot) SetLoad(what uint32) { s.put32(slotLoad, what) }

// SetFeatures says what OpSaveX is to store.
func (s Slot) SetFeatures(features uint64) { s.store(slotFeatures, features) }
