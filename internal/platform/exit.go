package platform

// Exit ends t's host thread, or lets it rest for a later one, and the host process
// with its last one. t must not be used afterwards.
func (t *Thread) Exit() {
	if !t.enter() {
		return
	}
	defer t.leave()
	if t.rest() {
		return
	}
	if t.proc.onlyResting(t) {
		t.proc.Kill()
		return
	}
	t.expect(order{kind: orderExit})
	t.handOver(opExit)
}

// onlyResting says whether all threads of q but t rest, and some do.
func (q *Process) onlyResting(t *Thread) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.resting) > 0 && len(q.threads)-len(q.resting) == 1
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
	t.done()
}
