package platform

import "toaster/internal/platform/stub"

// To read or write a guest's memory takes a call of the host's, which looks the guest's pages up: as long as a whole light trap. So
// the stub, which is in that memory, brings along the path that a call begins with, and takes along what it ends with. Both lie in
// the slot in between, where the guest's other threads can change them, as they can in the guest's own memory.

// FetchedPath returns the string at addr if the system call brought it along, see Fetched.
func (t *Thread) FetchedPath(addr uint64) (string, bool) {
	if t.fetchAt == 0 || t.fetchAt != addr {
		return "", false
	}
	return t.slot.Path()
}

// Return has the stub store b at addr when the guest goes on, behind a system call that has succeeded: what cannot be stored there makes it
// fail with EFAULT, as copyout(9) does. It returns false if the stub cannot: the caller then writes itself. Until Run or Settle the
// memory is as it was. It is for the thread's owner, while it is stopped in a system call, and only once for each.
func (t *Thread) Return(addr uint64, b []byte) bool {
	if !t.light || t.trapAll || len(b) == 0 || len(b) > stub.CarryMax || !stub.InGuestRange(addr, uint64(len(b))) {
		return false
	}
	t.slot.PutOut(addr, b)
	t.outAt, t.outSize = addr, len(b)
	return true
}

// Settle stores what Return was to have stored, if that has not happened yet. It comes before whatever else looks at the guest's memory or changes
// its registers.
func (t *Thread) Settle() {
	if t.outSize == 0 {
		return
	}
	b, size := t.slot.Out(), t.outSize
	t.outSize = 0
	if _, ok := t.proc.Write(t.outAt, b[:size]); !ok {
		t.regs.RAX = stub.GuestEFAULT
		t.regs.RFLAGS |= 1
	}
}

// prepareLoad tells the stub what to do before it resumes a light trap; the turn must follow.
func (t *Thread) prepareLoad() {
	load := t.prepareFP()
	if t.outSize > 0 {
		load |= stub.LoadOut
	}
	if load != 0 {
		t.slot.SetLoad(load)
	}
}

// checkOut finds out, at a trap, whether the stub has stored what it was told to. If a signal came first, or the memory is not there, the
// registers are still those of the call's end.
func (t *Thread) checkOut() {
	if t.outSize > 0 && t.slot.ToLoad(stub.LoadOut) {
		t.Settle()
	}
	t.outSize = 0
}
