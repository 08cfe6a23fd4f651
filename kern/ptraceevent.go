package kern

import "toaster/netbsd"

// This file tells a tracer what a process does beside taking signals: that it forks,
// execs, makes and loses LWPs. Each of it is a stop with SIGTRAP.

const allPtraceEvents = 0x3f

// ptraceEvents is the tracer's wish, and what PT_GET_PROCESS_STATE tells of the stop
// that the process is in.
type ptraceEvents struct {
	mask uint32
	last traceEvent
}

// traceEvent is a stop that is no signal's.
type traceEvent struct {
	code  int32  // TRAP_CHLD and the like
	kind  uint32 // one of the events above; 0 is none
	other int32  // pid or lid
}

// TraceState is what PT_GET_PROCESS_STATE tells of the last event: a pid, or an lid.
type TraceState struct {
	Event uint32
	Other int
}

// PtraceEventMask sets which events stop pid with SIGTRAP, and returns the old mask
// (PT_SET_EVENT_MASK, PT_GET_EVENT_MASK). EINVAL: unknown events.
func (l *LWP) PtraceEventMask(pid int, set *uint32) (uint32, netbsd.Errno) {
	m := l.p.m
	m.lock()
	defer m.unlock()
	t, errno := l.p.tracee(pid, true)
	if errno != 0 {
		return 0, errno
	}
	old := t.extra().events.mask
	if set != nil {
		if *set&^allPtraceEvents != 0 {
			return 0, netbsd.EINVAL
		}
		t.ext.events.mask = *set
	}
	return old, 0
}

// PtraceState is PT_GET_PROCESS_STATE.
func (l *LWP) PtraceState(pid int) (TraceState, netbsd.Errno) {
	m := l.p.m
	m.lock()
	defer m.unlock()
	t, errno := l.p.tracee(pid, true)
	if errno != 0 {
		return TraceState{}, errno
	}
	ev := t.extra().events.last
	return TraceState{ev.kind, int(ev.other)}, 0
}

// tells reports whether p's tracer wants to hear of an event.
//
// mu is held.
func (p *Proc) tells(kind uint32) bool {
	return p.flags&fTraced != 0 && p.ext != nil && p.ext.events.mask&kind != 0
}

// trap stops the calling LWP with SIGTRAP, masked or not, to tell its tracer of ev
// (eventswitch). If the process is in another LWP's stop, it waits for its turn: the
// tracer hears of one thing at a time.
//
// mu is held before and after, and dropped while l stands.
func (l *LWP) trap(ev traceEvent) {
	p := l.p
	for p.flags&(fStopping|fStopped) != 0 && l.mayTrap() {
		l.stopHere()
	}
	if !l.mayTrap() {
		return
	}
	l.traceStop(netbsd.Siginfo{Signo: netbsd.SIGTRAP, Code: ev.code}, ev)
	l.attn.Or(aSignal) // the tracer's, and those that came meanwhile and woke nobody
}

// mayTrap is false for who is to die, and when the tracer has gone meanwhile.
//
// A SIGKILL that is pending must not wait for a tracer. mu is held.
func (l *LWP) mayTrap() bool {
	return l.p.flags&fTraced != 0 && l.attn.Load()&aExit == 0 && !l.wanted().Has(netbsd.SIGKILL)
}

// trapLater has l trap before it goes to user mode.
//
// An event that happens in the middle of a call is told at its end, when the registers are
// what the tracer is to see. mu is held, or l has not run yet.
func (l *LWP) trapLater(ev traceEvent) {
	l.extra().due = ev
	l.attn.Or(aTrap)
}

// trapDue is what trapLater promised, unless the tracer has changed its mind.
//
// mu is held before and after.
func (l *LWP) trapDue() {
	l.attn.And(^aTrap)
	if ev := l.ext.due; ev.kind == 0 || l.p.tells(ev.kind) {
		l.trap(ev)
	}
}

// execTrap tells of an exec. In 2003 that is a signal like others, which a mask hides; in
// 10 it is part of the event if it is a posix_spawn's. mu is held.
func (l *LWP) execTrap() {
	p := l.p
	switch {
	case p.flags&fTraced == 0:
	case p.m.r2003:
		p.m.psignal(p, &netbsd.Siginfo{Signo: netbsd.SIGTRAP, Code: netbsd.TRAP_EXEC}, l)
	case !l.extra().inSpawn:
		l.trapLater(traceEvent{code: netbsd.TRAP_EXEC})
	}
}

// forkEvent says what a fork is for a tracer.
func (a *ForkArgs) forkEvent() uint32 {
	switch {
	case a.spawn:
		return netbsd.PTRACE_POSIX_SPAWN
	case a.Vfork:
		return netbsd.PTRACE_VFORK
	}
	return netbsd.PTRACE_FORK
}

// inheritTrace has the embryo tell its tracer that it is there, before anything else.
//
// The child's first stop is so its first act in user mode, before any instruction of its own.
// mu is held.
func (p *Proc) inheritTrace(cl *LWP, a *ForkArgs) {
	kind := a.forkEvent()
	switch {
	case !p.tells(kind):
	case a.spawn:
		cl.extra().inSpawn = true
	default:
		cl.trapLater(traceEvent{netbsd.TRAP_CHLD, kind, p.pid})
	}
}

// forkStops is what a fork does besides under a tracer, or with PS_STOPFORK. The child
// has not been seen yet: mu has not been dropped since it began. If the tracer wants to
// hear of it the child is its tracee, too.
//
// mu is held.
func (p *Proc) forkStops(c *Proc, a *ForkArgs) {
	if !p.tells(a.forkEvent()) {
		if p.flags&fStopFork != 0 && !a.spawn { // do_posix_spawn does not look at it
			c.stop(0, false)
		}
		return
	}
	c.extra().events.mask = p.ext.events.mask
	c.setTraced(true)
	c.reparent2(p.parent)
	c.setOpptr(p)
}

// tell traps for an event of a child, if the tracer wants to hear of it.
//
// mu is held before and after.
func (l *LWP) tell(kind uint32, pid int32) {
	if l.p.tells(kind) {
		l.trap(traceEvent{netbsd.TRAP_CHLD, kind, pid})
	}
}

// spawned is the child's side of it for a posix_spawn, which is one event, with the
// exec in it. A child that could not exec is no tracee, if the parent can still say that
// there is none.
func (l *LWP) spawned(errno netbsd.Errno, early bool) {
	p := l.p
	p.m.lock()
	defer p.m.unlock()
	if l.ext != nil {
		l.ext.inSpawn = false
	}
	switch {
	case p.flags&fTraced == 0:
	case errno == 0:
		l.trapLater(traceEvent{netbsd.TRAP_CHLD, netbsd.PTRACE_POSIX_SPAWN, p.realParent().pid})
	case !early:
		p.detach()
	}
}

// lwpExitTrap stops a dying LWP for its tracer, unless the whole process dies.
//
// What the tracer gives back is dropped: this LWP takes no more signals. mu is held before and
// after.
func (l *LWP) lwpExitTrap() {
	if l.p.flags&(fWExit|fExecing) != 0 || !l.p.tells(netbsd.PTRACE_LWP_EXIT) {
		return
	}
	l.trap(traceEvent{netbsd.TRAP_LWP, netbsd.PTRACE_LWP_EXIT, l.lid})
	l.dbgSig = 0
}
