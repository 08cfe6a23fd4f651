package host

import "sync/atomic"

// Exit ends t's host thread, and the host process with its last one. t must
// not be used afterwards.
func (t *Thread) Exit() {
	if !t.enter() {
		return
	}
	defer t.leave()
	t.expect(order{kind: orderExit})
	t.slot.store32(slotOp, opExit)
	if atomic.SwapUint32(t.slot.turn(), turnGuest) == turnKernelAwait {
		futexWake(t.slot.turn())
	}
}

// forget drops a thread that is about to exit; its slot may be used again.
func (t *Thread) forget() {
	q, p := t.proc, t.proc.platform
	q.mu.Lock()
	defer q.mu.Unlock()
	delete(q.threads, t)
	p.mu.Lock()
	delete(p.threads, uint32(t.tid))
	p.mu.Unlock()
	if q.win != nil {
		q.win.drop(t.index)
	}
}
