package platform

import "math/bits"

// A process with one thread may have its signal actions in the thread's slot. The stub
// then answers what asks for one, and notes what changes one, both without the kernel:
// Go programs make a hundred such calls at each start and after each fork. The kernel
// takes the changes when the thread traps, and before it looks at the actions while the
// thread runs (TakePosted). So nobody can tell when it did.
//
// An action in the slot is what the guest sees, struct sigaction, with the version of
// the trampoline where that has padding, and the trampoline's address behind it. A
// changed one keeps its bit until the thread has trapped, and the stub does not change
// it again, so it can be read at any time.

// An Action is what a guest may do on a signal, as sigaction(2) has it.
type Action struct {
	Handler uint64
	Mask    uint64 // signal n is bit n-1
	Flags   uint32
	Version uint32 // of the trampoline
	Tramp   uint64
}

const actionSize = 40

func (s slot) putAction(sig int, a *Action) {
	at := slotActions + actionSize*sig
	s.store(at, a.Handler)
	s.store(at+8, a.Mask)
	s.store(at+16, 0)
	s.store(at+24, uint64(a.Version)<<32|uint64(a.Flags))
	s.store(at+32, a.Tramp)
}

func (s slot) hideActions() {
	s.store32(slotPost, 0)
	s.store(slotPosted, 0)
}

// ActionsShown says whether the stub has the actions.
func (t *Thread) ActionsShown() bool { return t.shown }

// ShowAction puts one in its place, or brings it up to date; sig is 1 to 63.
func (t *Thread) ShowAction(sig int, a Action) { t.slot.putAction(sig, &a) }

// ActionsComplete says that all are in place: the stub may have them. Nothing is posted.
func (t *Thread) ActionsComplete() {
	t.shown = true
	t.slot.store32(slotPost, 1)
}

// HideActions ends it. What is posted must have been taken.
func (t *Thread) HideActions() {
	t.shown = false
	t.slot.store32(slotPost, 0)
}

// Posted says whether there are changes. For t's owner.
func (t *Thread) Posted() bool { return t.slot.posted() != 0 }

// TakePosted gives the changes that it has not given yet. Any goroutine may call it
// while t is not released, one at a time. settle is for t's owner: t is stopped.
func (t *Thread) TakePosted(settle bool, set func(sig int, a Action)) {
	posted := t.slot.posted()
	for todo := posted &^ t.taken; todo != 0; todo &= todo - 1 {
		sig := bits.TrailingZeros64(todo)
		set(sig, t.slot.action(sig))
	}
	t.taken |= posted
	if settle {
		t.taken = 0
		t.slot.store(slotPosted, 0)
	}
}

// leaveAction is for a signal that met the guest in a sigaction(2). If that is done it
// counts; if not it comes again, and what it leaves in the slot is not to be relied on.
func (t *Thread) leaveAction(at place) {
	if at != placePosted && at != placeAnswered {
		t.HideActions()
		return
	}
	t.answered(0)
}

// answered gives the guest the registers that a call leaves that has succeeded.
func (t *Thread) answered(result uint64) {
	r := &t.regs
	r.RIP, r.R11 = r.RCX, r.RFLAGS
	r.RAX, r.RDX = result, 0
	r.RFLAGS &^= 1
}
