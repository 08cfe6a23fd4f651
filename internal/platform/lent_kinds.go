package platform

import (
	"math/bits"

	"toaster/internal/platform/stub"
)

// This file has what is particular to each kind of state that is lent (lent.go).

// PublishMask puts the LWP's signal mask in the slot, where signal n is bit n-1, and lends
// it or not, and the LWP's signal stack, as kinds says. Only t's owner may call it, before
// a Run.
func (t *Thread) PublishMask(mask uint64, kinds Lent) {
	if t.lent.mask != mask {
		t.lent.mask = mask
		t.slot.SetMask(mask)
	}
	t.setLent(t.lent.kinds&^(LentMask|LentStack) | kinds)
}

// Mask returns the mask that was published and that the guest may have changed, and false
// if no guest code can be running: then the mask is its owner's. Any goroutine may call it.
func (t *Thread) Mask() (uint64, bool) {
	if t.state.Load() != threadRunning {
		return 0, false
	}
	return t.slot.Mask(), true
}

// CollectMask returns what the guest has made of its mask: any set.
func (t *Thread) CollectMask() uint64 {
	t.lent.mask = t.slot.Mask()
	return t.lent.mask
}

// A Stack is a signal stack, as sigaltstack(2) has it.
type Stack = stub.Stack

// CollectStack returns the signal stack that the guest has chosen, and false if it has
// not chosen one since it was asked last.
func (t *Thread) CollectStack() (Stack, bool) {
	s, ok := t.slot.Stack()
	t.slot.ForgetStack()
	return s, ok
}

// An Action is what a guest may do on a signal, as sigaction(2) has it.
type Action = stub.Action

// PublishAction puts the action of a signal, 1 to 63, in the slot, or brings it up to date.
func (t *Thread) PublishAction(sig int, a Action) { t.slot.PutAction(sig, &a) }

// LendActions lends the actions, all of which PublishAction has put in the slot.
func (t *Thread) LendActions() { t.setLent(t.lent.kinds | LentActions) }

// CollectActions calls set for each changed action for which it has not done so yet. Any
// goroutine may call it while t is not released, one at a time. settle is for t's owner,
// with t stopped: afterwards nothing is noted, and the stub may change the actions again.
func (t *Thread) CollectActions(settle bool, set func(sig int, a Action)) {
	noted := t.slot.ActionsNoted()
	for todo := noted &^ t.lent.actions; todo != 0; todo &= todo - 1 {
		sig := bits.TrailingZeros64(todo)
		set(sig, t.slot.Action(sig))
	}
	t.lent.actions |= noted
	if settle {
		t.lent.actions = 0
		t.slot.ForgetActions()
	}
}

// leaveAction is for a signal that met the guest in a sigaction(2). If that is done it
// counts; if not it comes again, and what it leaves in the slot is not to be relied on.
func (t *Thread) leaveAction(at stub.Region) {
	if at != stub.Noted && at != stub.Answered {
		t.Revoke(LentActions)
		return
	}
	t.regs.Finish(0)
}

// Placed is memory that the stub has mapped for the guest. A hostile guest can note what
// it likes: no more is true of it than that it is aligned and the guest's to map.
type Placed = stub.Placed

// PublishRoom lends the addresses between low and high, which are multiples of a page's
// size, and where nothing is mapped. The stub then maps private anonymous memory where the
// guest says, or, if the guest leaves that open, at the top of the room. Whoever changes the
// guest's memory otherwise publishes the room anew; until then the stub may fail to use it,
// but maps nothing over anything (MAP_FIXED_NOREPLACE).
func (t *Thread) PublishRoom(low, high uint64) {
	t.slot.SetRoom(low, high)
	t.setLent(t.lent.kinds | LentRoom)
}

// CollectRoom returns what the guest has mapped since it was asked last, in order. The
// slice is valid until the next Run.
func (t *Thread) CollectRoom() []Placed {
	p := t.lent.placed
	t.lent.placed = p[:0]
	return p
}

// takeNotes takes the notes of mapped memory from the slot, and returns how many there
// were. It follows each stop: commands use the same place.
func (t *Thread) takeNotes() int {
	n := t.slot.RoomNotes()
	if n == 0 {
		return 0
	}
	for i := range n {
		t.takeNote(i)
	}
	t.slot.ForgetRoom()
	return n
}

// takeNote takes one note, unless no room is lent: then the stub has mapped nothing, and a guest whose memory is counted would have made
// the note up to have it counted for less.
func (t *Thread) takeNote(i int) {
	if p, ok := t.slot.RoomNote(i); ok && t.Lends(LentRoom) != 0 {
		t.lent.placed = append(t.lent.placed, p)
	}
}

// leaveMap is for a signal that met the guest in an mmap(2); rax is what it found in that
// register, and placed how many notes there were before. If memory is mapped the call is
// done; if not it comes again.
func (t *Thread) leaveMap(at stub.Region, rax uint64, placed int) {
	switch addr := t.slot.Answer(); at {
	case stub.Mapped:
		if rax != addr || placed == stub.MaxPlaced {
			return
		}
		t.takeNote(placed)
		fallthrough
	case stub.Noted, stub.Answered:
		t.regs.Finish(addr)
	}
}
