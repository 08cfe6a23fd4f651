package platform

import "toaster/internal/platform/stub"

// Exit ends t's host thread, or parks it for a later LWP, and the host process with its last
// one. One that was borrowed goes back to its lender. It does not wait for the end. t must not be used afterwards.
//
// A thread that ends asks the supervisor first (exit is a notification), so that its slot is
// not given to another one while it may still write there. A guest whose thread does not end
// is found out by the watchdog.
func (t *Thread) Exit() {
	if t.lender != nil {
		t.giveBack()
		return
	}
	t.Reclaim()
	if !t.enter() {
		return
	}
	defer t.leave()
	if t.clearDebugRegs() && t.park() {
		return
	}
	if t.proc.endsWith(t) {
		t.proc.Kill()
		return
	}
	t.setOrder(order{kind: orderExit})
	t.postOp(stub.OpExit)
}

// endsWith says whether q, which has other threads than t, is over when t ends: all of them are parked, or t's is the first
// one, and could not be parked.
func (q *Process) endsWith(t *Thread) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	others := len(q.threads) - 1
	return others > 0 && (t.leads() || len(q.parked) == others)
}

// deregister drops a thread that asks for its exit. It is inside that call, with all signals
// blocked, so that no instruction of it follows and its slot may be used again.
func (t *Thread) deregister() {
	q, p := t.proc, t.proc.platform
	q.mu.Lock()
	defer q.mu.Unlock()
	delete(q.threads, t)
	p.mu.Lock()
	delete(p.threads, uint32(t.tid))
	p.mu.Unlock()
	if q.win != nil {
		q.win.freeSlot(t.index)
	}
	t.fulfil()
}
