package platform

import (
	"slices"
	"time"

	"golang.org/x/sys/unix"

	"toaster/internal/platform/stub"
)

// A thread whose LWP has ended does not end with it but is parked where it is, stopped in
// the stub, and the next LWP of its process is born in it. A clone takes a question to
// the supervisor and several switches; this takes none before the newborn runs. Nobody
// can tell: registers and FP state are the creator's, as after a clone. Only the state
// beyond SSE is not; no function call preserves that.
//
// A parked thread is the process's (Process.parked), with a Thread of its own that has no
// owner; it keeps its slot and its turn is the kernel's, so that it waits in the stub for
// nothing. Before it waits it asks the host what it has used: what the next LWP uses begins
// there.

// maxParked is how many threads of a process are parked. Each is a task of the host.
const maxParked = 8

// leads reports whether t's is the host process's first thread. That is parked in any case: once it has ended the host
// shows nobody the process's memory by its pid (process_vm_readv(2), ESRCH), nor its descriptors.
func (t *Thread) leads() bool { return t.tid == t.proc.pid }

// park parks t's host thread and reports whether it has; t is then as good as ended. It
// has not if enough threads of the process are parked, or if no other runs. Preconditions: t is
// entered.
func (t *Thread) park() bool {
	q, p := t.proc, t.proc.platform
	if p.Lean() && !t.leads() {
		return false
	}
	n := &Thread{proc: q, tid: t.tid, index: t.index, slot: t.slot, light: t.light}
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.reaped || len(q.parked) >= maxParked && !t.leads() || len(q.threads)-len(q.parked) <= 1 {
		return false
	}
	delete(q.threads, t)
	q.threads[n] = struct{}{}
	p.mu.Lock()
	p.threads[uint32(t.tid)] = n
	p.parked++
	p.mu.Unlock()
	n.setCommands(n.slot.UsageCommand(unix.RUSAGE_THREAD))
	n.postOp(stub.OpCall) // the time that the next LWP has not used; nobody waits for it
	q.parked = append(q.parked, n)
	return true
}

// unpark gives a parked thread the state of t, which creates an LWP; nil if there is
// none. Preconditions: t is entered.
func (t *Thread) unpark() *Thread {
	n := t.proc.takeParked(true)
	if n == nil {
		return nil
	}
	fx := t.readFP()
	if n.light {
		n.slot.PrepareLight(t.slot)
		stub.PutFP(n.fp[:], fx[:])
		n.fpDirty = true
	} else {
		n.slot.Vacate()
		n.slot.SetFrameFP(fx[:])
	}
	n.regs = t.regs
	return n
}

// takeParked takes a thread that is parked already, the one that was parked last; nil if
// there is none. One that has only just been told to is not waited for. first says whether it may be the first
// thread, which cannot be spared.
func (q *Process) takeParked(first bool) *Thread {
	p := q.platform
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.reaped {
		return nil
	}
	for i := len(q.parked) - 1; i >= 0; i-- {
		n := q.parked[i]
		if n.slot.LoadTurn() < stub.TurnKernel || n.leads() && !first {
			continue
		}
		n.fulfil() // it is parked: the watchdog may not have looked since
		q.parked = slices.Delete(q.parked, i, i+1)
		p.mu.Lock()
		p.parked--
		p.mu.Unlock()
		u := n.usageInSlot()
		n.usedBefore = Usage{User: u.User, System: u.System}
		return n
	}
	return nil
}

// postOp gives the turn to the host thread, to do op, without waiting for its end. The watchdog
// does, so that a thread that is to be parked, or to end, cannot go on as it likes.
func (t *Thread) postOp(op uint32) {
	if op == stub.OpExit {
		t.assign(assignedEnd)
	} else {
		t.assign(assignedQuick)
	}
	t.slot.SetOp(op, 0)
	if t.slot.GiveTurn() {
		futexWake(t.slot.Turn())
	}
}

// Prepare has the only thread of a process that has not run make up to n that are parked, for
// the LWPs to come.
func (t *Thread) Prepare(n int) error {
	var list []*Thread
	defer func() {
		for _, r := range list {
			r.Exit()
		}
	}()
	for range min(n, maxParked) {
		r, err := t.NewThread()
		if err != nil {
			return err
		}
		list = append(list, r)
	}
	return nil
}

// CPUTime returns the time that the thread's LWP has used; it must be stopped.
func (t *Thread) CPUTime() (user, system time.Duration) {
	if t.borrower.Load() != nil {
		return max(t.usedSoFar.User, 0), max(t.usedSoFar.System, 0)
	}
	u, err := t.usage(unix.RUSAGE_THREAD)
	if err != nil {
		return 0, 0
	}
	return max(u.User-t.usedBefore.User, 0), max(u.System-t.usedBefore.System, 0)
}
