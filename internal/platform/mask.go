package platform

// A thread can have its LWP's signal mask and signal stack in its slot. The stub then
// answers what changes them, as a Go program does at each start of a thread and around
// each fork. Anybody may look at the mask while the thread runs; the stack is taken when
// the thread traps.

// A Stack is a signal stack, as sigaltstack(2) has it.
type Stack struct {
	Sp, Size uint64
	Flags    uint32
}

func (s slot) hideMask() {
	s.setMask(masking{})
	s.store32(slotStackNew, 0)
}

// masking is what a thread's owner knows of the slot, which is dear to write.
type masking struct {
	on, stack bool
	mask      uint64
}

func (s slot) setMask(m masking) {
	s.store(slotMask, m.mask)
	s.store32(slotMaskOn, flag(m.on))
	s.store32(slotStackOn, flag(m.on && m.stack))
}

func flag(on bool) uint32 {
	if on {
		return 1
	}
	return 0
}

// ShowMask puts the mask in its place; signal n is bit n-1. The guest may change it, and
// its signal stack, if on and stack say so. For t's owner, before a Run.
func (t *Thread) ShowMask(mask uint64, on, stack bool) {
	if m := (masking{on, stack, mask}); t.masking != m {
		t.masking = m
		t.slot.setMask(m)
	}
}

// Mask gives the mask that ShowMask has shown and the guest may have changed, and false
// if no guest code can be running: then it is the owner's. Any goroutine may call it.
func (t *Thread) Mask() (uint64, bool) {
	if t.state.Load() != threadRunning {
		return 0, false
	}
	return t.slot.mask(), true
}

// TakeMask gives the mask after a Run, and false if it was not shown.
func (t *Thread) TakeMask() (uint64, bool) {
	if t.masking.on && !t.proc.dead.Load() { // then the slot may be another's already
		t.masking.mask = t.slot.mask()
	}
	return t.masking.mask, t.masking.on
}

// TakeStack gives the signal stack that the guest has chosen since it was asked last.
func (t *Thread) TakeStack() (Stack, bool) {
	s, ok := t.slot.stack()
	if ok {
		t.slot.store32(slotStackNew, 0)
	}
	return s, ok
}
