package platform

import (
	"math"
	"slices"

	"toaster/internal/platform/stub"
)

// A thread in a light trap has its extended state still in the processor; in a signal frame
// Linux has stored it (package stub knows how). Here it is read and replaced where it is.
//
// While fpDirty is set, what the guest is to resume with is in Thread.fp, and in xstate if RestoreX has brought it, which
// happens in light traps alone. prepareFP moves it to the slot, and the stub loads it when it resumes. In slot
// and frame it is in the guest's memory, so it is the guest's word: all that is seen to is that nothing is loaded which
// the processor refuses, as that would be a fault in the stub (stub.PutFP).

// FP returns the x87 and SSE state, as FXSAVE stores it; zeros if the process is dead. A lender's is what Borrow has kept.
func (t *Thread) FP() (fx [stub.FPSize]byte) {
	if t.borrower.Load() != nil {
		return t.fp
	}
	if !t.enter() {
		return fx
	}
	defer t.leave()
	return t.readFP()
}

// readFP is FP for those who have entered. In a light trap a signal can come before the stub has
// stored the state, a late kick, and makes a signal frame of it: then that has it.
func (t *Thread) readFP() (fx [stub.FPSize]byte) {
	if t.light && t.fpDirty { // first: it is newer than what came along with the trap
		return t.fp
	}
	if t.light && t.fpSaved {
		return t.slot.LightFP()
	}
	if t.light {
		t.giveTurn(stub.OpSaveFP)
		if !t.awaitTurn() {
			return fx
		}
		t.light = t.slot.InLight() // else a signal came in between
	}
	if t.light {
		return t.slot.LightFP()
	}
	return t.slot.FrameFP()
}

// SetFP replaces the x87 and SSE state. Bits of MXCSR that the processor
// doesn't have are dropped. xstate stays: after RestoreX this replaces the x87 and SSE part of that state alone.
func (t *Thread) SetFP(fx *[stub.FPSize]byte) {
	if t.borrower.Load() != nil {
		stub.PutFP(t.fp[:], fx[:])
		return
	}
	if !t.enter() {
		return
	}
	defer t.leave()
	if !t.light {
		t.slot.SetFrameFP(fx[:])
		return
	}
	stub.PutFP(t.fp[:], fx[:])
	t.fpDirty = true
}

// learnX finds out what XSAVE is to store, in a signal frame that no guest can have changed: t is the zygote's, and the first
// fork of that comes before any guest. On a processor without XSAVE xlayout stays nil, and SaveX always takes the way by a
// signal frame.
func (p *Platform) learnX(t *Thread) {
	if p.xlayout.Load() != nil {
		return
	}
	if x, ok := t.slot.FrameXLayout(); ok {
		p.xlayout.Store(&x)
	}
}

// prepareFP puts into the slot what the stub is to load, and returns what to say of it (SetLoad). t.fp and t.xstate are kept: a signal can make
// a frame of the light trap before the stub has loaded anything (moveFPToFrame).
func (t *Thread) prepareFP() (load uint32) {
	if !t.fpDirty {
		return 0
	}
	t.fpDirty = false
	if t.xstate == nil {
		t.slot.PutFP(&t.fp)
		return stub.LoadFP
	}
	t.slot.PutX(t.xstate, &t.fp, t.proc.platform.xlayout.Load().Features)
	return stub.LoadX
}

// moveFPToFrame does it for a light trap that has become a signal frame, if the stub has not
// loaded the state by then: the frame has what the processor had instead. Whether it has is the guest's word; one that
// says it falsely resumes with an older state of its own.
func (t *Thread) moveFPToFrame() {
	if t.fpDirty || t.slot.ToLoad(stub.LoadFP|stub.LoadX) {
		t.slot.SetFrameX(t.xstate)
		t.slot.SetFrameFP(t.fp[:])
		t.fpDirty = false
	}
	t.slot.SetLoad(0)
	t.xstate = nil
}

// SaveX returns the whole extended state, AVX included, for RestoreX; nil if the process is
// dead. What the state is, and how long, is the host processor's affair: the caller keeps it as
// it is. A lender's is what Borrow has kept, nil on a processor without XSAVE.
func (t *Thread) SaveX() []byte {
	if t.borrower.Load() != nil {
		return t.keptX()
	}
	if !t.enter() {
		return nil
	}
	defer t.leave()
	return t.readX(nil)
}

// readX is SaveX for those who have entered. room is what the state may lie in.
func (t *Thread) readX(room []byte) []byte {
	// What is in t.fp is not in the processor: ensureFrame puts that into the frame, where it is read with the rest.
	if x := t.proc.platform.xlayout.Load(); t.light && x != nil && !t.fpDirty {
		t.slot.SetFeatures(x.Features)
		t.giveTurn(stub.OpSaveX)
		if !t.awaitTurn() {
			return nil
		}
		t.light = t.slot.InLight() // else a signal came in between
		if t.light {
			return t.slot.LightX(room, x.Size)
		}
	}
	if !t.ensureFrame() {
		return nil
	}
	most := math.MaxInt // the slot's size bounds it
	if x := t.proc.platform.xlayout.Load(); x != nil {
		most = x.Size
	}
	return t.slot.FrameX(most)
}

// keptX is SaveX of a lender: what lies in t.xstate, with the x87 and SSE state of t.fp.
func (t *Thread) keptX() []byte {
	if len(t.xstate) < stub.FPSize {
		return nil
	}
	x := slices.Clone(t.xstate)
	stub.PutFP(x, t.fp[:])
	return x
}

// XFeatures returns which components the host processor has that a state of SaveX may have, as bits of XCR0; 0 if it has no XSAVE.
func (t *Thread) XFeatures() uint64 {
	if x := t.proc.platform.xlayout.Load(); x != nil {
		return x.Features
	}
	return 0
}

// XComponent returns where in such a state the host processor has component n, and how long it is (Intel's manual, volume 1, section 13.5: leaf
// 0xd of CPUID). The first two are what FXSAVE stores, and bit 63 of XCR0 names none.
func (t *Thread) XComponent(n int) (at, size int) {
	if n < 2 || n > 62 {
		return 0, 0
	}
	a, b := xsaveComponent(uint32(n))
	return int(b), int(a)
}

// xsaveComponent returns EAX and EBX of CPUID's leaf 0xd.
func xsaveComponent(n uint32) (size, at uint32)

// RestoreX brings a state back that SaveX returned, on this machine. It may
// have been in guest memory meanwhile; what can't be loaded is left out. What is shorter than FPSize, as SaveX's nil of
// a dead process, changes nothing. A lender has it when its thread is its own again.
func (t *Thread) RestoreX(state []byte) {
	if len(state) < stub.FPSize {
		return
	}
	if t.borrower.Load() != nil {
		t.xstate = slices.Clone(state)
		stub.PutFP(t.fp[:], state)
		return
	}
	if !t.enter() {
		return
	}
	defer t.leave()
	t.writeX(slices.Clone(state))
}

// writeX is RestoreX for those who have entered. It keeps state.
func (t *Thread) writeX(state []byte) {
	if x := t.proc.platform.xlayout.Load(); t.light && x != nil && len(state) >= x.Size {
		t.xstate = state[:x.Size]
		stub.PutX(t.xstate, x.Features, state)
		stub.PutFP(t.fp[:], state)
		t.fpDirty = true
		return
	}
	if !t.ensureFrame() {
		return
	}
	t.slot.SetFrameX(state)
	t.slot.SetFrameFP(state[:stub.FPSize])
}
