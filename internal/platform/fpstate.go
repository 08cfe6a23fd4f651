package platform

import (
	"encoding/binary"
	"sync"
	"unsafe"
)

// The extended state lies in the signal frame: 512 bytes as FXSAVE lays them
// out, then the XSAVE header and the rest. In the 48 bytes that FXSAVE leaves to
// software, Linux says how much there is.

const (
	fpSize       = 512
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

// FP returns the x87 and SSE state, as FXSAVE stores it.
func (t *Thread) FP() (fx [fpSize]byte) {
	if !t.enter() {
		return fx
	}
	defer t.leave()
	return t.readFP()
}

// readFP is FP for those who have entered.
func (t *Thread) readFP() (fx [fpSize]byte) {
	if t.light && t.fpDirty {
		return t.fp
	}
	if t.light && t.fpSaved {
		return t.slot.lightFP()
	}
	if t.light {
		t.giveTurn(opSaveFP)
		if !t.awaitTurn() {
			return fx
		}
		t.light = t.slot.inLight() // else a signal came in between
	}
	if t.light {
		return t.slot.lightFP()
	}
	if a, ok := t.slot.frameFP(); ok {
		copy(fx[:], t.slot.bytes(a.span))
	}
	return fx
}

// SetFP replaces the x87 and SSE state. Bits of MXCSR that the processor
// doesn't have are dropped.
func (t *Thread) SetFP(fx *[fpSize]byte) {
	if !t.enter() {
		return
	}
	defer t.leave()
	if !t.light {
		t.setFP(fx[:])
		return
	}
	putFP(t.fp[:], fx[:])
	t.fpDirty = true
}

// setFP sets it in the signal frame.
func (t *Thread) setFP(fx []byte) {
	a, ok := t.slot.frameFP()
	if !ok {
		return
	}
	putFP(t.slot.bytes(a.span), fx)
	t.slot.addFeatures(a, hasX87|hasSSE)
}

// addFeatures says that the state has them, if there is a header that could.
func (s slot) addFeatures(a fpArea, features byte) {
	if a.extended() {
		s.bytes(a.span)[fpSize] |= features
	}
}

// putFP copies what can be loaded. Both are at least fpSize long.
func putFP(to, fx []byte) {
	le := binary.LittleEndian
	copy(to[:fpSoftware], fx)
	le.PutUint32(to[fpMXCSR:], le.Uint32(fx[fpMXCSR:])&mxcsrMask())
	le.PutUint32(to[fpMXCSRMask:], mxcsrMask())
}

// mxcsrMask is what bits of MXCSR the processor has.
var mxcsrMask = sync.OnceValue(func() uint32 {
	b := new([2 * fpSize]byte) // of which an aligned part is used
	to := (*[fpSize]byte)(b[-uintptr(unsafe.Pointer(b))&15:])
	fxsave(to)
	if mask := binary.LittleEndian.Uint32(to[fpMXCSRMask:]); mask != 0 {
		return mask
	}
	return 0xffbf // what the manual gives for a mask of 0
})

// xlayout is what XSAVE stores: as much as Linux does in a signal frame.
type xlayout struct {
	size     int
	features uint64
}

// learnX finds it in a signal frame that no guest can have changed.
func (p *Platform) learnX(t *Thread) {
	a, ok := t.slot.frameFP()
	if p.xlayout.Load() != nil || !ok || !a.extended() {
		return
	}
	const protectionKeys = 1 << 9 // wrong ones would lock the stub out of its slot
	x := xlayout{a.size, a.features &^ protectionKeys}
	if x.size > fpSize+xstateHeader && x.size <= p.arena.slotSize-slotFP {
		p.xlayout.Store(&x)
	}
}

// prepareFP puts into the slot what the stub is to load.
func (t *Thread) prepareFP() {
	if !t.fpDirty {
		return
	}
	t.fpDirty = false
	if t.xstate == nil {
		t.slot.putLight(t.fp[:])
		t.slot.store32(slotLoadFP, loadFP)
		return
	}
	t.slot.putLight(t.xstate)
	t.slot.putLight(t.fp[:fpSoftware])
	t.slot.store(slotFeatures, t.proc.platform.xlayout.Load().features)
	t.slot.store32(slotLoadFP, loadX)
}

// moveFPToFrame does it for a light trap that has become a signal frame, if it has not been
// done.
func (t *Thread) moveFPToFrame() {
	if t.fpDirty || t.slot.fpToLoad() {
		if a, ok := t.slot.frameFP(); ok {
			putX(t.slot.bytes(a.span), a.features, t.xstate)
		}
		t.setFP(t.fp[:])
		t.fpDirty = false
		t.slot.store32(slotLoadFP, 0)
	}
	t.xstate = nil
}

// SaveX returns the whole extended state, AVX included, for RestoreX.
func (t *Thread) SaveX() []byte {
	if !t.enter() {
		return nil
	}
	defer t.leave()
	if x := t.proc.platform.xlayout.Load(); t.light && x != nil && !t.fpDirty {
		t.slot.store(slotFeatures, x.features)
		t.giveTurn(opSaveX)
		if !t.awaitTurn() {
			return nil
		}
		t.light = t.slot.inLight() // else a signal came in between
		if t.light {
			return t.slot.lightX(x.size)
		}
	}
	if !t.ensureFrame() {
		return nil
	}
	a, ok := t.slot.frameFP()
	if !ok {
		return nil
	}
	if x := t.proc.platform.xlayout.Load(); x != nil {
		a.size = min(a.size, x.size) // a spoilt frame is not worth more room
	}
	return append([]byte(nil), t.slot.bytes(a.span)...)
}

// RestoreX brings a state back that SaveX returned, on this machine. It may
// have been in guest memory meanwhile; what can't be loaded is left out.
func (t *Thread) RestoreX(state []byte) {
	if !t.enter() {
		return
	}
	defer t.leave()
	if len(state) < fpSize {
		return
	}
	if x := t.proc.platform.xlayout.Load(); t.light && x != nil && len(state) >= x.size {
		t.xstate = make([]byte, x.size)
		putX(t.xstate, x.features, state)
		putFP(t.fp[:], state)
		t.fpDirty = true
		return
	}
	if !t.ensureFrame() {
		return
	}
	if a, ok := t.slot.frameFP(); ok {
		putX(t.slot.bytes(a.span), a.features, state)
		t.setFP(state[:fpSize])
	}
}

// putX sets in to, a signal frame's area or one for XRSTOR, what state has beyond x87 and
// SSE of these features. Either may be of any length, and without a header: then there is
// nothing to set.
func putX(to []byte, features uint64, state []byte) {
	const header = fpSize + xstateHeader
	if min(len(to), len(state)) < header {
		return
	}
	le := binary.LittleEndian
	has := le.Uint64(state[fpSize:])&features | hasX87 | hasSSE
	clear(to[fpSize:header])
	le.PutUint64(to[fpSize:], has)
	copy(to[header:], state[header:])
}
