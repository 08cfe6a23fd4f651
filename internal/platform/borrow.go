package platform

import (
	"golang.org/x/sys/unix"

	"toaster/internal/platform/stub"
)

// A vfork(2) child has its parent's memory, and the parent's LWP sleeps as long as it has. So the child need not have a host
// thread of its own: it borrows the parent's, which is awake, in the stub, on a core with that memory in its cache.
//
//	Borrow   another Thread of the same host thread, with t's registers; t is out of use
//	Exit     the borrower's: the host thread is t's again
//	Reclaim  t's owner waits for that; t resumes as it stood
//
// A Thread that is out of use is in no list of the process: what is done to all threads is done to its borrower. Its
// registers are in it and its extended state, too, so a debugger finds both. A kick is kept for its next Run.
//
// The two have one slot, so only one of them may ever give it the turn. hand decides which: the set of threads and the supervisor's map
// name one Thread for a host thread at any moment, under both locks.

// Borrow returns a Thread for an LWP that runs while t's does not. It has t's registers and extended state, and is the
// caller's, who calls its Exit. Until then t may not be used but for Regs, FP, SetFP, SaveX, RestoreX, CPUTime and Reclaim. It fails with
// ErrGone where the process is dead. Nothing of t's is lent to the guest any more.
func (t *Thread) Borrow() (*Thread, error) {
	if !t.enter() {
		return nil, ErrGone
	}
	defer t.leave()
	n := &Thread{
		proc: t.proc, tid: t.tid, index: t.index, slot: t.slot, chatty: t.chatty, trapAll: t.trapAll,
		lender: t, returned: make(chan struct{}),
	}
	// The child begins with what waits in t.fp, or is in the processor or the frame, and has that where it is. t.fp and t.xstate become
	// copies, for Reclaim to have loaded again, as by then the child's is there.
	x := t.xToKeep()
	fp, dirty, xstate := t.fp, t.fpDirty, t.xstate
	var fx [stub.FPSize]byte
	if copy(fx[:], x) == 0 {
		fx = t.readFP()
	}
	used, err := t.usedUpToNow()
	if err != nil {
		return nil, ErrGone
	}
	n.usedBefore = used
	t.usedSoFar = Usage{User: used.User - t.usedBefore.User, System: used.System - t.usedBefore.System}
	n.light, n.regs, n.fp, n.fpDirty, n.xstate = t.light, t.regs, fp, dirty, xstate
	stub.PutFP(t.fp[:], fx[:])
	t.fpDirty, t.fpSaved, t.xstate, t.usageAt, t.fetchAt = false, false, x, nil, 0
	t.setLent(0) // mask and signal stack in the slot are the parent's
	n.lent = t.lent
	if !t.hand(n) {
		return nil, ErrGone
	}
	t.borrower.Store(n)
	return n, nil
}

// xToKeep returns all extended state, which a child may change as it may x87 and SSE state; nil where there is no more
// than those. Preconditions: t is entered.
func (t *Thread) xToKeep() []byte {
	if t.proc.platform.xlayout.Load() == nil {
		return nil
	}
	x := t.readX(t.xroom)
	if len(x) < stub.FPSize {
		return nil
	}
	t.xroom = x // for the next child, by whose time this one has gone
	return x
}

// usedUpToNow asks for what the host thread has used, in all its lives: each LWP's own time is the difference of two such answers. It is
// the guest's word, and no limit goes by it. Preconditions: t is entered.
func (t *Thread) usedUpToNow() (Usage, error) {
	if err := t.inject(t.slot.UsageCommand(unix.RUSAGE_THREAD)); err != nil {
		return Usage{}, err
	}
	u := t.usageInSlot()
	return Usage{User: u.User, System: u.System}, nil
}

// hand makes the host thread to's. guestEntries goes on, as the process's others count by it. It reports false if the
// process is dead: then its slot may be another's.
func (t *Thread) hand(to *Thread) bool {
	q, p := t.proc, t.proc.platform
	to.guestEntries.Store(t.guestEntries.Load() + 1)
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.reaped {
		return false
	}
	delete(q.threads, t)
	q.threads[to] = struct{}{}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.threads[uint32(t.tid)] = to
	return true
}

// giveBack is the Exit of a borrower, whether or not the process lives. returned is closed last, by defer: until then the slot is t's,
// and the lender's fields, which are set here, are not its owner's; unless that has stopped waiting, as the process is dead: then they are
// left alone. settled decides which.
func (t *Thread) giveBack() {
	l := t.lender
	defer close(t.returned)
	if t.settled.Swap(true) || !t.enter() {
		return
	}
	defer t.leave()
	t.setLent(0)
	t.clearDebugRegs() // a debugger's of the child
	l.debugging = t.debugging
	if used, err := t.usedUpToNow(); err == nil {
		l.usedBefore = Usage{User: used.User - l.usedSoFar.User, System: used.System - l.usedSoFar.System}
	}
	l.light, l.lent, l.trapAll, l.chatty = t.light, t.lent, t.trapAll, t.chatty
	t.hand(l)
}

// Reclaim waits until t's host thread has been given back, or the process is dead: t goes on with what registers and
// extended state it has. It is for t's owner, and does nothing where nobody has borrowed t.
func (t *Thread) Reclaim() {
	n := t.borrower.Load()
	if n == nil {
		return
	}
	select {
	case <-n.returned:
	case <-t.proc.gone:
		if n.settled.Swap(true) { // the borrower is in giveBack: what it asks of a dead process fails at once
			<-n.returned
		}
	}
	t.borrower.Store(nil)
	if !t.enter() {
		return
	}
	defer t.leave()
	x, fp := t.xstate, t.fp
	t.xstate = nil
	if len(x) > 0 {
		t.writeX(x)
	}
	if t.light {
		t.fp, t.fpDirty = fp, true
	} else {
		t.slot.SetFrameFP(fp[:])
	}
}
