package stub

// This file writes the state that the kernel lends to guest code: what the stub may answer
// system calls with, and change, without the kernel. Package platform has the cycle in which
// it is published, collected and revoked.

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
	// LentDescriptors are open files. They are lent to all threads of a process at once, by
	// another table (files.go).
	LentDescriptors

	// LentKinds is how many kinds there are.
	LentKinds = iota
)

// lentNotes says for each kind which word of a slot is not as it was published once the
// guest has changed something. It is 0 when a slot changes hands. Of files there is nothing to
// note: what is done to them is done.
var lentNotes = []int{slotMask, slotStackNoted, slotActionsNoted, slotRoomNoted}

// SetLent has the stub answer the calls of just these kinds.
func (s Slot) SetLent(kinds Lent) { s.store32(slotLent, uint32(kinds)) }

// revokeAll removes what was lent to the LWP that had the slot, and its notes.
func (s Slot) revokeAll() {
	s.SetLent(0)
	for _, at := range lentNotes {
		s.store(at, 0)
	}
}

// SetMask puts the LWP's signal mask in the slot, where signal n is bit n-1.
func (s Slot) SetMask(mask uint64) { s.store(slotMask, mask) }

// A Stack is a signal stack, as sigaltstack(2) has it.
type Stack struct {
	Sp, Size uint64
	Flags    uint32
}

// ForgetStack drops the note of the signal stack that the guest has chosen.
func (s Slot) ForgetStack() { s.store(slotStackNoted, 0) }

// An Action is what a guest may do on a signal, as sigaction(2) has it. In the slot it is
// what the guest sees, struct sigaction, with the version of the trampoline where that has
// padding, and the trampoline's address behind it. The stub changes one only if it is not
// noted, so a noted one can be read at any time.
type Action struct {
	Handler uint64
	Mask    uint64 // signal n is bit n-1
	Flags   uint32
	Version uint32 // of the trampoline
	Tramp   uint64
}

const actionSize = 40

// PutAction puts the action of a signal, 1 to 63, in the slot.
func (s Slot) PutAction(sig int, a *Action) {
	at := slotActions + actionSize*sig
	s.store(at, a.Handler)
	s.store(at+8, a.Mask)
	s.store(at+16, 0)
	s.store(at+24, uint64(a.Version)<<32|uint64(a.Flags))
	s.store(at+32, a.Tramp)
}

// ForgetActions drops the notes: the stub may change all actions again.
func (s Slot) ForgetActions() { s.store(slotActionsNoted, 0) }

// Placed is memory that the stub has mapped for the guest. A hostile guest can note what
// it likes: no more is true of it than that it is aligned and the guest's to map.
type Placed struct {
	Addr, Size uint64
	Prot       int
}

const (
	// MaxPlaced is how many mappings the stub notes before it leaves mmap to the kernel.
	MaxPlaced = 48 // < (slotScratch-slotCommand)/placedSize

	placedSize = 24
)

// SetRoom says between which addresses, multiples of a page's size, nothing is mapped.
func (s Slot) SetRoom(low, high uint64) {
	s.store(slotRoomLow, low)
	s.store(slotRoomHigh, high)
}

// ForgetRoom drops the notes of mapped memory.
func (s Slot) ForgetRoom() { s.store(slotRoomNoted, 0) }
