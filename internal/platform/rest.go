package platform

import (
	"slices"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

// A thread whose LWP has ended does not end with it but rests where it is, stopped in
// the stub, and the next LWP of its process is born in it. A clone takes a question to
// the supervisor and several switches; this takes none before the newborn runs. Nobody
// can tell: registers and FP state are the creator's, as after a clone. Only the state
// beyond SSE is not; no function call preserves that.

// maxResting is how many threads of a process rest. Each is a task of the host.
const maxResting = 8

// rest makes a resting thread of t's, and says whether it has; t is then as good as
// ended. It has not if enough of them rest, and if no other runs. Preconditions: t is
// entered.
func (t *Thread) rest() bool {
	q, p := t.proc, t.proc.platform
	if p.Lean() {
		return false
	}
	n := &Thread{proc: q, tid: t.tid, index: t.index, slot: t.slot, light: t.light}
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.reaped || len(q.resting) >= maxResting || len(q.threads)-len(q.resting) <= 1 {
		return false
	}
	delete(q.threads, t)
	q.threads[n] = struct{}{}
	p.mu.Lock()
	p.threads[uint32(t.tid)] = n
	p.resting++
	p.mu.Unlock()
	n.slot.store32(slotSpin, 0)
	n.setCommands(n.usageCommand(unix.RUSAGE_THREAD))
	n.handOver(opCall) // the time that the next LWP has not used; nobody waits for it
	q.resting = append(q.resting, n)
	return true
}

// rouse gives a resting thread the state of t, which creates an LWP; nil if there is
// none. Preconditions: t is entered.
func (t *Thread) rouse() *Thread {
	n := t.proc.takeResting()
	if n == nil {
		return nil
	}
	fx := t.fp512()
	if n.light {
		n.slot.prepareLight(t.slot)
		putFP(n.fp[:], fx[:])
		n.fpDirty = true
	} else {
		n.slot.vacate()
		n.setFP(fx[:])
	}
	n.regs = t.regs
	return n
}

// takeResting takes one that rests already.
func (q *Process) takeResting() *Thread {
	p := q.platform
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.reaped {
		return nil
	}
	for i := len(q.resting) - 1; i >= 0; i-- {
		n := q.resting[i]
		if atomicTurn(n.slot) < turnKernel {
			continue // it has only just been told to
		}
		n.done() // it rests: the watchdog may not have looked since
		q.resting = slices.Delete(q.resting, i, i+1)
		p.mu.Lock()
		p.resting--
		p.mu.Unlock()
		u := n.slot.rusage()
		n.before = Usage{User: u.User, System: u.System}
		return n
	}
	return nil
}

// handOver gives the turn to the host thread, to do op, without waiting for its end.
func (t *Thread) handOver(op uint32) {
	if op == opExit {
		t.give(givenEnd)
	} else {
		t.give(givenQuick)
	}
	t.slot.store32(slotOp, op)
	if atomic.SwapUint32(t.slot.turn(), turnGuest) == turnKernelAwait {
		futexWake(t.slot.turn())
	}
}

// Prepare has the only thread of a process that has not run make up to n that rest, for
// the LWPs to come.
func (t *Thread) Prepare(n int) error {
	var list []*Thread
	defer func() {
		for _, r := range list {
			r.Exit()
		}
	}()
	for range min(n, maxResting) {
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
	u, err := t.usage(unix.RUSAGE_THREAD)
	if err != nil {
		return 0, 0
	}
	return max(u.User-t.before.User, 0), max(u.System-t.before.System, 0)
}
