package platform

import "toaster/internal/platform/stub"

// This file lends state of the kernel's to a thread's guest code, in the thread's slot. The
// stub answers the system calls that ask for such state or change it without a hand-over,
// and leaves a note of each change. Go programs make such calls by the hundred at each
// start, after each fork and at each birth of an LWP.
//
// The cycle is the same for every kind:
//
//	publish   the kernel puts what it knows in the slot, before a Run
//	collect   it takes what the guest has made of it, after the Run, or, where somebody
//	          else may look while the guest runs, at any moment
//	revoke    the stub leaves the calls to the kernel again
//
// A guest can write its slot. It can so change what is not lent to it, and note what the
// stub would not have: none of that may be more than the guest could have said in a call.
// Package stub reads the notes.

// Lent is a set of kinds of state that can be lent.
type Lent = stub.Lent

// The kinds.
const (
	LentMask        = stub.LentMask
	LentStack       = stub.LentStack
	LentActions     = stub.LentActions
	LentRoom        = stub.LentRoom
	LentDescriptors = stub.LentDescriptors
	LentKinds       = stub.LentKinds
)

// lending is what a thread's owner knows of its slot: to write there is dear, as the
// guest's core has the memory in its cache.
type lending struct {
	kinds Lent
	mask  uint64 // as published or collected last

	// actions are those that were collected but are still noted, as bits like the note's.
	// It is guarded by who calls CollectActions.
	actions uint64

	placed []Placed // taken from the slot at the thread's stops, see takeNotes
}

// setLent has the stub answer the calls of just these kinds.
func (t *Thread) setLent(kinds Lent) {
	if t.lent.kinds != kinds {
		t.lent.kinds = kinds
		t.slot.SetLent(kinds)
	}
}

// Lends returns those of kinds that are lent.
func (t *Thread) Lends(kinds Lent) Lent { return t.lent.kinds & kinds }

// Revoke ends the lending of kinds. The guest is stopped; what it has changed remains to be
// collected.
func (t *Thread) Revoke(kinds Lent) { t.setLent(t.lent.kinds &^ kinds) }

// Noted returns the kinds of which there is something to collect. Only t's owner may ask,
// after a Run.
func (t *Thread) Noted() (noted Lent) {
	s := t.slot
	if s.Mask() != t.lent.mask && t.Lends(LentMask) != 0 && !t.proc.dead.Load() { // then the slot may be another's
		noted |= LentMask
	}
	if s.StackNoted() {
		noted |= LentStack
	}
	if s.ActionsNoted() != 0 {
		noted |= LentActions
	}
	if len(t.lent.placed) > 0 {
		noted |= LentRoom
	}
	return noted
}
