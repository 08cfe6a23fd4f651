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

// Borrow returns a Thread for an LWP that runs while t's does not. It has t's registers and extended state, and is the
// caller's, who calls its Exit. Until then t may not be used but for Regs, FP, SetFP, CPUTime and Reclaim. It fails with
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
	fp, dirty := t.fp, t.fpDirty
	fx := t.readFP()
	used, err := t.usedUpToNow()
	if err != nil {
		return nil, ErrGone
	}
	n.usedBefore = used
	t.usedSoFar = Usage{User: used.User - t.usedBefore.User, System: used.System - t.usedBefore.System}
	n.light, n.regs, n.fp, n.fpDirty, n.xstate = t.light, t.regs, fp, dirty, t.xstate
	stub.PutFP(t.fp[:], fx[:])
	t.fpDirty, t.fpSaved, t.xstate, t.usageAt, t.fetchAt = false, false, nil, nil, 0
	t.setLent(0)
	n.lent = t.lent
	if !t.hand(n) {
		return nil, ErrGone
	}
	t.borrower.Store(n)
	return n, nil
}

// usedUpToNow asks for what the host thread has used. Preconditions: t is entered.
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

// giveBack is the Exit of a borrower, whether or not the process lives.
func (t *Thread) giveBack() {
	l := t.lender
	defer close(t.returned)
	if !t.enter() {
		return
	}
	defer t.leave()
	t.setLent(0)
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
	}
	t.borrower.Store(nil)
	if !t.enter() {
		return
	}
	defer t.leave()
	if t.light {
		t.fpDirty = true
	} else {
		t.slot.SetFrameFP(t.fp[:])
	}
}
