package main

// Cases about kqueues that are lent and taken back while others wait in them: what comes is told, whatever else happens to the kqueue.

const (
	stormPipes  = 4
	stormRounds = 4000
	stormEvery  = 120 // acknowledgements between two changes, in which the kqueue is lent again
	stormEnd    = 99  // the ident of the EVFILT_USER that ends the consumers
	stormOther  = 9
)

// A storm is a kqueue of pipes to which a child writes one byte at a time, and the next when that has been read: an event that is
// lost is one for which everybody waits.
type storm struct {
	kq     int
	p      [stormPipes]pipe
	ack    pipe
	lids   [2]int
	events [4][manyEvents]keventT
}

var theStorm storm

func (s *storm) open() {
	s.kq = must("kqueue", sysKqueue)
	s.ack.open()
	for i := range s.p {
		s.p[i].open()
		s.p[i].setfl(s.p[i].r, oNONBLOCK)
		s.watch(i, evADD|evCLEAR)
	}
}

func (s *storm) watch(i, flags int) { register(s.kq, int(s.p[i].r), evfiltREAD, flags, 0) }

// produce writes all bytes, each when the one before has been acknowledged.
func (s *storm) produce() {
	for i := range stormRounds {
		s.p[i*7/3%stormPipes].post()
		s.ack.wait()
	}
}

// drain reads what an event tells of, and acknowledges it.
func (s *storm) drain(fd int) {
	var b byte
	for {
		n, e := call(sysRead, fd, ptr(&b), 1)
		if e != 0 {
			eq("read", e, eagain)
			return
		}
		eq("bytes", n, 1)
		add(&cells[4])
		s.ack.post()
	}
}

// consume asks kq once, and reports whether the storm is over.
func (s *storm) consume(who, kq, room, timeout int) (over bool) {
	ev := &s.events[who]
	n, e := call(sysKevent, kq, 0, 0, ptr(ev), room, timeout)
	if e != 0 {
		eq("kevent", e, eintr)
		return false
	}
	for i := range n {
		switch {
		case ev[i].filter == evfiltUSER:
			over = over || ev[i].ident == stormEnd
		case ev[i].filter == evfiltREAD:
			s.drain(int(ev[i].ident))
		}
	}
	return over
}

var stormTime = [2]int{0, 3_000_000}

// consumer waits for ever, or, every third time, for a while; and every fifth time with so little room that the kernel is asked.
func (s *storm) consumer(who int) {
	for i := 0; ; i++ {
		timeout, room := 0, manyEvents
		if (i+who)%3 == 0 {
			timeout = ptr(&stormTime)
		}
		if (i+who)%5 == 0 {
			room--
		}
		if s.consume(who, s.kq, room, timeout) {
			return
		}
	}
}

// change does something to the kqueue, or to those who wait there.
func (s *storm) change(n int) {
	i := n / 7 % stormPipes
	switch n % 7 {
	case 0:
		register(s.kq, stormOther, evfiltUSER, evADD|evCLEAR, 0)
		register(s.kq, stormOther, evfiltUSER, 0, noteTRIGGER)
		register(s.kq, stormOther, evfiltUSER, evDELETE, 0)
	case 1: // what there is no room for others are told of
		twin := must("dup", sysDup, s.kq)
		s.consume(2, twin, 1, ptr(&noTime))
		must("close", sysClose, twin)
	case 2:
		s.watch(i, evDISABLE)
		s.watch(i, evENABLE)
	case 3:
		s.watch(i, evDELETE)
		s.watch(i, evADD|evCLEAR)
	case 4:
		var q pipe
		q.open()
		register(s.kq, int(q.r), evfiltREAD, evADD|evCLEAR, 0)
		q.closeR()
		q.closeW()
	case 5:
		for _, lid := range s.lids {
			call(sysLwpKill, lid, sigUSR1)
		}
	case 6:
		reapOK(fork(func() {}))
	}
}

func (s *storm) chaos() {
	for n, at := 0, 0; load(&cells[5]) == 0; n, at = n+1, at+stormEvery {
		for load(&cells[4]) < at && load(&cells[5]) == 0 {
			yield()
		}
		s.change(n)
	}
}

// lendKqueueStorm: two LWPs wait in a kqueue, and a third one changes it.
func lendKqueueStorm() {
	s := &theStorm
	s.open()
	catch(sigUSR1, saRESTART)
	pid := fork(s.produce)
	s.lids[0] = lwpCreate(1, 0, func() { theStorm.consumer(0) })
	s.lids[1] = lwpCreate(2, 0, func() { theStorm.consumer(1) })
	third := lwpCreate(3, 0, func() { theStorm.chaos() })
	reapOK(pid)
	eq("acknowledgements", load(&cells[4]), stormRounds)
	add(&cells[5])
	must("_lwp_wait", sysLwpWait, third, 0)
	register(s.kq, stormEnd, evfiltUSER, evADD, 0)
	register(s.kq, stormEnd, evfiltUSER, 0, noteTRIGGER)
	for _, lid := range s.lids {
		must("_lwp_wait", sysLwpWait, lid, 0)
	}
}
