package kern

// This file has the reaper of release 2003: one goroutine with two queues, dead LWPs
// and dead processes (items 57 to 65). The LWPs come first. Both queues are last in,
// first out. Release 10 has none.
//
// It is a goroutine and no LWP: it has no process, takes no signals and appears in no list. An exit hands over
// the last LWP and the process with mu held, and then only counts its goroutine out. Memory is freed here with
// mu dropped, and all that may look at the process meanwhile finds it dead, and not yet to be waited for.

// reaper is the state of it. mu guards all but the channels, which are made once, before it starts. The queues
// are slices whose end is NetBSD's head of the list.
type reaper struct {
	lwps   []*LWP
	procs  []*Proc
	asleep bool
	stop   bool
	wake   chan struct{}
	done   chan struct{}
}

// startReaper starts the reaper of release 2003. The channel has room for one wakeup, which is
// all that there can be.
func (m *Machine) startReaper() {
	if !m.r2003 {
		return
	}
	m.reaper.wake = make(chan struct{}, 1)
	m.reaper.done = make(chan struct{})
	go m.contain(nil, "the reaper ran", m.reap)
}

// stopReaper has the reaper end once both queues are empty. No process but init may be left that could hand it
// something: one that came after its end would never become a zombie. mu is held.
func (m *Machine) stopReaper() {
	if m.r2003 {
		m.reaper.stop = true
		m.reaper.rouse()
	}
}

// awaitReaper waits until the reaper has ended: after it no goroutine of the machine is left. mu must not be
// held, as the reaper needs it to end.
func (m *Machine) awaitReaper() {
	if m.r2003 {
		<-m.reaper.done
	}
}

// rouse wakes the reaper if it sleeps; asleep is set with mu held, so no wakeup is lost
// between its look and its sleep (item 58). mu is held.
func (r *reaper) rouse() {
	if r.asleep {
		r.asleep = false
		r.wake <- struct{}{}
	}
}

// pushLWP is lwp_exit2. l is LWPDead. The reaper may free it as soon as mu is dropped, after which l only counts
// its goroutine out. mu is held.
func (r *reaper) pushLWP(l *LWP) {
	l.p.step(l, StepWakeReaper)
	r.lwps = append(r.lwps, l)
	r.rouse()
}

// exit2 puts the process on the dead list and then its last LWP on the other, which
// wakes the reaper. mu is dropped; l's goroutine is at its end.
func (l *LWP) exit2() {
	p, m := l.p, l.p.m
	p.step(l, StepCPUExit)
	p.step(l, StepQueueDead)
	m.reaper.procs = append(m.reaper.procs, p)
	l.mode.Store(modeDead)
	m.reaper.pushLWP(l)
	m.unlock()
	l.goroutineEnds()
}

// The LWP queue is served before the process queue: a process must not be freed before its last LWP (item 59).
// What was put off until mu is dropped runs after each body, so that a parent hears of one death before the
// next is begun. Entries are cleared as they are taken: a slice that is kept would hold on to the dead of the
// largest burst.
func (m *Machine) reap() {
	defer close(m.reaper.done)
	r := &m.reaper
	m.lock()
	for {
		switch {
		case len(r.lwps) > 0:
			l := r.lwps[len(r.lwps)-1]
			r.lwps[len(r.lwps)-1] = nil
			r.lwps = r.lwps[:len(r.lwps)-1]
			m.reapLWP(l)
		case len(r.procs) > 0:
			p := r.procs[len(r.procs)-1]
			r.procs[len(r.procs)-1] = nil
			r.procs = r.procs[:len(r.procs)-1]
			m.reapProc(p)
		case r.stop:
			m.unlock()
			return
		default:
			r.asleep = true
			m.unlock()
			<-r.wake
			m.lock()
		}
		if len(m.post) > 0 {
			m.unlock()
			m.lock()
		}
	}
}

// reapLWP is the reaper's part of lwp_exit: what is left of l's machine, then its zombie, or its end if it was
// detached (items 60 to 62). mu is held, and dropped while the address space works.
func (m *Machine) reapLWP(l *LWP) {
	l.p.step(l, StepReapLWP)
	l.p.freeLWPVM(l)
	l.rest()
}

// reapProc frees the memory, and only then the process is a zombie (63); the signal
// comes before the wakeup (64).
//
// The parent is looked up after the memory has gone: while that takes, it may exit, and p is init's. mu is
// held, and dropped while the address space works.
func (m *Machine) reapProc(p *Proc) {
	p.step(nil, StepReapProc)
	p.freeVM(nil)
	p.step(nil, StepSetZombie)
	p.becomeZombie()
	if p.flags&fFSTrace == 0 && p.exitsig != 0 {
		p.step(nil, StepSignalParent)
		p.exitSignal(p.parent)
	}
	p.step(nil, StepWakeParent)
	p.parent.waiters.wakeAll()
}
