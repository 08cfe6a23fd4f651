package kern

import (
	"time"

	"toaster/netbsd"
)

// This file has sleeping and waking. An LWP sleeps on one channel of its own, wake,
// with a bare receive; whoever ends the sleep changes the LWP's state under mu and
// then sends exactly one token. NetBSD's wait channels are small queues in the
// object slept upon.

// Why a sleep ended.
const (
	rWoken   int8 = iota // Wake, or the queue was woken
	rSignal              // look at attn
	rTimeout             // the deadline passed
)

// noDeadline as a deadline is none.
var noDeadline time.Time

// waitq is a queue of LWPs that sleep for one thing.
type waitq struct{ head *LWP }

// add puts l at the head, so that the last one to sleep is woken first; nothing depends on it,
// as all are woken. mu is held.
func (q *waitq) add(l *LWP) {
	l.wq, l.qprev, l.qnext = q, nil, q.head
	if q.head != nil {
		q.head.qprev = l
	}
	q.head = l
}

// dequeue takes l off the queue that it is on, if any: a signal or the deadline can end a
// sleep before the wakeup. mu is held.
func (l *LWP) dequeue() {
	q := l.wq
	if q == nil {
		return
	}
	if l.qnext != nil {
		l.qnext.qprev = l.qprev
	}
	if l.qprev != nil {
		l.qprev.qnext = l.qnext
	} else {
		q.head = l.qnext
	}
	l.wq, l.qnext, l.qprev = nil, nil, nil
}

// wakeAll is wakeup(9) on q.
//
// They run once mu is dropped, and each looks again at what it waited for. mu is held.
func (q *waitq) wakeAll() {
	for q.head != nil {
		l := q.head
		l.dequeue()
		l.wakeup(rWoken)
	}
}

// wakeup ends l's sleep, or makes its next one end at once.
//
// A wakeup that finds l awake is kept as a token, since l may be on its way to the sleep, past
// its test and before mu. One token is enough: sleepers test again. A stopped LWP whose sleep
// ends stays stopped, and finds that it was woken when it continues. mu is held.
func (l *LWP) wakeup(why int8) {
	if !l.asleep {
		if why == rWoken {
			l.token = true
		}
		return
	}
	l.asleep, l.reason = false, why
	if l.stat == LWPSleeping {
		l.resume()
	}
}

// resume lets a parked LWP run.
//
// The channel has room for one, and parked says whether anybody is waiting: so the send never
// blocks, which it must not with mu held. mu is held.
func (l *LWP) resume() {
	l.setStat(LWPRunning)
	if l.parked {
		l.parked = false
		l.wake <- struct{}{}
	}
}

// park returns up mu and blocks until resume.
//
// The receive is bare, without a select: synctest then knows that the goroutine is durably
// blocked, and it is the cheapest that Go has. A tracer that looks into the process (Look)
// keeps its LWPs from going on, whoever resumed them. mu is held before and after.
func (l *LWP) park() {
	m := l.p.m
	l.parked = true
	l.parks++
	l.leaveCPU()
	k := l.p.switchTracer()
	m.unlock()
	if k != nil {
		k.Switch(l, true)
	}
	<-l.wake
	if k != nil {
		k.Switch(l, false)
	}
	m.lock()
	l.takeCPU()
	l.awaitLooks()
}

// awaitLooks returns once nobody looks into the process. mu is held before and after.
func (l *LWP) awaitLooks() {
	for l.p.awaitLook() {
	}
}

// sleep blocks l, in q if q is not nil, until somebody wakes it (0), the deadline
// passes (EWOULDBLOCK) or, if intr, a signal or the like wants it (EINTR, ERESTART).
// 0 can come without cause: callers test again. mu is held before and after.
//
// A signal that came before the sleep is seen to first, as tsleep's CATCH does: it would not
// wake anybody afterwards. If l was stopped for it, the condition that the caller tested is
// old, and so it gets 0 and tests again.
func (l *LWP) sleep(q *waitq, intr bool, deadline time.Time) netbsd.Errno {
	if intr && l.attn.Load() != 0 {
		if l.attn.And(^aCancel)&aCancel != 0 {
			return netbsd.EINTR
		}
		parks := l.parks
		if errno := l.interrupted(); errno != 0 {
			return errno
		}
		if l.parks != parks {
			return 0 // it stopped here: what the caller tested may have changed
		}
	}
	if l.token && q == nil {
		l.token = false
		return 0
	}
	if !deadline.IsZero() {
		return l.sleepUntil(q, intr, deadline)
	}
	return l.doSleep(q, intr)
}

// doSleep sleeps without a deadline of its own. gen counts sleeps, so that a timer of an
// earlier one which fires late ends nothing. In a process that is stopping, an interruptible
// sleeper counts as stopped: it would not come by for a long time. One that takes upcalls has its process told first.
// mu is held before and after.
func (l *LWP) doSleep(q *waitq, intr bool) netbsd.Errno {
	if l.flags&lSA != 0 && l.saSwitch() {
		return 0
	}
	l.setStat(LWPSleeping)
	l.asleep, l.reason = true, rWoken
	l.gen++
	if intr {
		l.flags |= lIntr
		if l.p.flags&fStopping != 0 {
			l.p.stopAsleep(l)
		}
	}
	if q != nil {
		q.add(l)
	}
	l.park()
	l.flags &^= lIntr
	l.dequeue()
	switch {
	case l.reason == rTimeout:
		return netbsd.EWOULDBLOCK
	case intr && l.attn.Load() != 0:
		return l.interrupted()
	}
	return 0
}

// A deadline that has passed is EWOULDBLOCK at once. mu is held before and after.
func (l *LWP) sleepUntil(q *waitq, intr bool, deadline time.Time) netbsd.Errno {
	d := time.Until(deadline)
	if d <= 0 {
		return netbsd.EWOULDBLOCK
	}
	m, gen := l.p.m, l.gen+1
	t := m.afterFunc(d, func() {
		m.lock()
		if l.gen == gen && l.asleep {
			l.wakeup(rTimeout)
		}
		m.unlock()
	})
	errno := l.doSleep(q, intr)
	t.Stop()
	return errno
}

// interrupted looks at what wants an interruptibly sleeping LWP: EINTR or ERESTART
// if it must go back to user mode, 0 if not or if all has been seen to here. It
// may stop or suspend the LWP meanwhile.
//
// _lwp_wakeup(2) comes first, so that it is not lost behind a signal. It is forgotten at the beginning of a sleep alone (sleep), so that the one after
// the sleep that it has ended does not begin: sleepq_block has it so. A signal without effect, or a stop that has been carried out, does not end the
// sleep: issignal takes it. mu is held before and after.
func (l *LWP) interrupted() netbsd.Errno {
	a := l.attn.Load()
	if a&(aCancel|aExit) != 0 {
		return netbsd.EINTR
	}
	if a&(aSuspend|aHold) != 0 {
		l.suspendSelf()
	}
	if l.attn.Load()&(aSignal|aStop) == 0 {
		return 0
	}
	sig := l.sigispending()
	if sig != 0 && sigprops[sig]&sStop == 0 && !l.p.acts.ignore.Has(sig) {
		return l.restartErrno(sig)
	}
	if sig = l.issignal(); sig != 0 {
		return l.restartErrno(sig)
	}
	if l.attn.Load()&aExit != 0 {
		return netbsd.EINTR
	}
	return 0
}

// restartErrno says what an interrupted call returns: ERESTART has it made again after the
// handler, EINTR is for the program (sigaction(2), SA_RESTART). mu is held.
func (l *LWP) restartErrno(sig netbsd.Signal) netbsd.Errno {
	if l.p.acts.act[sig].Flags&netbsd.SA_RESTART != 0 {
		return netbsd.ERESTART
	}
	return netbsd.EINTR
}

// Sleep blocks the calling LWP until Wake, which may have come before; it is how
// every layer above kern waits. With interruptible it also ends for a signal, an
// exit or an _lwp_wakeup(2): EINTR, or ERESTART if the signal's action has
// SA_RESTART. A deadline that is not zero ends it with EWOULDBLOCK.
//
// Wakeups are tokens and can be spurious: register with what you wait for, test,
// Sleep, test again. Hold no mutex.
func (l *LWP) Sleep(interruptible bool, deadline time.Time) netbsd.Errno {
	return l.call(func() netbsd.Errno { return l.sleep(nil, interruptible, deadline) })
}

// Wake ends l's Sleep or makes its next one return at once. Any goroutine may call
// it at any time.
func (l *LWP) Wake() {
	m := l.p.m
	m.lock()
	if l.stat < LWPDead && l.wq == nil {
		l.wakeup(rWoken)
	}
	m.unlock()
}

// Nanosleep sleeps for d: EINTR if a signal came first, and then the time that was
// left. It is nanosleep(2).
func (l *LWP) Nanosleep(d time.Duration) (left time.Duration, errno netbsd.Errno) {
	var end time.Time
	errno = l.call(func() (errno netbsd.Errno) {
		end = time.Now().Add(d)
		for errno == 0 {
			errno = l.sleep(nil, true, end)
		}
		switch errno {
		case netbsd.EWOULDBLOCK:
			return 0
		case netbsd.ERESTART:
			return netbsd.EINTR
		}
		return errno
	})
	switch {
	case errno == 0:
		return 0, 0
	case end.IsZero(): // l was not let in
		return d, errno
	}
	return max(0, time.Until(end)), errno
}
