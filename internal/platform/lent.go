package platform

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
// decode.go reads the notes.

// Lent is a set of kinds of state that can be lent.
type Lent uint32

const (
	// LentMask is the LWP's signal mask. Anybody may look at it while the guest runs.
	LentMask Lent = 1 << iota
	// LentStack is the LWP's signal stack.
	LentStack
	// LentActions are the process's signal actions. Anybody may look at them while the
	// guest runs.
	LentActions
	// LentRoom are free addresses, where the stub maps memory.
	LentRoom

	// LentKinds is how many kinds there are.
	LentKinds = iota
)

// lentNotes says for each kind which word of a slot is not as it was published once the
// guest has changed something. It is 0 when a slot changes hands.
var lentNotes = [LentKinds]int{slotMask, slotStackNoted, slotActionsNoted, slotRoomNoted}

// revokeAll removes what was lent to the LWP that had the slot, and its notes.
func (s slot) revokeAll() {
	s.store32(slotLent, 0)
	for _, at := range lentNotes {
		s.store(at, 0)
	}
}

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
		t.slot.store32(slotLent, uint32(kinds))
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
	if s.mask() != t.lent.mask && t.Lends(LentMask) != 0 && !t.proc.dead.Load() { // then the slot may be another's
		noted |= LentMask
	}
	if s.stackNoted() {
		noted |= LentStack
	}
	if s.actionsNoted() != 0 {
		noted |= LentActions
	}
	if len(t.lent.placed) > 0 {
		noted |= LentRoom
	}
	return noted
}

// finishCall puts the guest behind a call that has succeeded with this result.
func (t *Thread) finishCall(result uint64) {
	r := &t.regs
	r.RIP, r.R11 = r.RCX, r.RFLAGS
	r.RAX, r.RDX = result, 0
	r.RFLAGS &^= 1
}
