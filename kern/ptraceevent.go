package kern

import "toaster/netbsd"

// This file tells a tracer what a process does beside taking signals: that it forks,
// execs, makes and loses LWPs. Each of it is a stop with SIGTRAP.

// ptraceEvents is the tracer's wish.
type ptraceEvents struct {
	mask  uint32
	ended []int32 // LWPs that an exec has ended, of which the tracer is to hear
}

// traceEvent is a stop that is no signal's.
type traceEvent struct {
	code  int32  // TRAP_CHLD and the like
	kind  uint32 // one of the events above; 0 is none
	other int32  // pid or lid
	call  *netbsd.SiginfoSyscall
}

// siginfo is what PT_GET_SIGINFO tells of it (siginfo(2)): si_pe_report_event and si_pe_other_pid or si_pe_lwp; or of a
// system call.
func (ev *traceEvent) siginfo() netbsd.Siginfo {
	return netbsd.Siginfo{Signo: netbsd.SIGTRAP, Code: ev.code, Status: int32(ev.kind), Pid: ev.other, Syscall: ev.call}
}

// TraceState is what PT_GET_PROCESS_STATE tells of the last event: a pid, or an lid.
type TraceState struct {
	Event uint32
	Other int
}

// allPtraceEvents are those that there are.
const allPtraceEvents = netbsd.PTRACE_FORK | netbsd.PTRACE_VFORK | netbsd.PTRACE_VFORK_DONE |
	netbsd.PTRACE_LWP_CREATE | netbsd.PTRACE_LWP_EXIT | netbsd.PTRACE_POSIX_SPAWN

// PtraceEventMask sets which events stop pid with SIGTRAP, and returns the old mask
// (PT_SET_EVENT_MASK, PT_GET_EVENT_MASK). What is none is not looked at.
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
		t.ext.events.mask = *set & allPtraceEvents
	}
	return old, 0
}

// PtraceState is PT_GET_PROCESS_STATE. Without an event it is zeroes. What PT_SET_SIGINFO has set counts.
func (l *LWP) PtraceState(pid int) (TraceState, netbsd.Errno) {
	m := l.p.m
	m.lock()
	defer m.unlock()
	t, errno := l.p.tracee(pid, true)
	if errno != 0 {
		return TraceState{}, errno
	}
	info := &t.extra().stopInfo
	if info.Signo != netbsd.SIGTRAP || info.Code != netbsd.TRAP_CHLD && info.Code != netbsd.TRAP_LWP {
		return TraceState{}, 0
	}
	return TraceState{uint32(info.Status), int(info.Pid)}, 0
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
	whom := l.lid
	if ev.code == netbsd.TRAP_LWP {
		whom = ev.other
	}
	l.showTrap(ev.siginfo(), whom)
	l.attn.Or(aSignal) // the tracer's, and those that came meanwhile and woke nobody
}

// showTrap is traceStop for what came by no sender. ktrace(2) is told of it behind the stop, whatever the tracer has made of it (trapsignal, eventswitch,
// proc_stoptrace). mu is held before and after, and dropped meanwhile.
func (l *LWP) showTrap(info netbsd.Siginfo, whom int32) {
	p := l.p
	handler := p.acts.act[info.Signo].Handler
	if info.Code != netbsd.TRAP_SCE && info.Code != netbsd.TRAP_SCX {
		p.extra().faked = true // but at a system call (proc_stoptrace)
	}
	l.traceStop(info, whom)
	if !p.m.r2003 && p.Ktraced() && l.attn.Load()&aExit == 0 {
		mask := l.mask
		p.unlocked(func() { l.tracePsig(&info, handler, mask) })
	}
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
	l.tellEnded()
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
	case l.extra().spawner == 0:
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
		cl.extra().spawner = p.pid
	default:
		cl.trapLater(traceEvent{code: netbsd.TRAP_CHLD, kind: kind, other: p.pid})
	}
}

// forkStops is what a fork does besides under a tracer, or with PS_STOPFORK, whose child has
// stopped now that it has begun. If the tracer wants to hear of it the child is its tracee, too.
//
// mu is held.
func (p *Proc) forkStops(c *Proc, a *ForkArgs) {
	if !p.tells(a.forkEvent()) {
		c.checkStopped(false)
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
		l.trap(traceEvent{code: netbsd.TRAP_CHLD, kind: kind, other: pid})
	}
}

// tellEnded tells of the LWPs that l's exec has ended, one after the other. NetBSD's kernel has room for one of them: a second one waits
// for the stop of the first, which waits for the exec, which waits for the second (eventswitch, exit_lwps).
//
// mu is held before and after.
func (l *LWP) tellEnded() {
	x := l.p.ext
	for x != nil && len(x.events.ended) > 0 {
		lid := x.events.ended[0]
		x.events.ended = x.events.ended[1:]
		if l.p.tells(netbsd.PTRACE_LWP_EXIT) {
			l.trap(traceEvent{code: netbsd.TRAP_LWP, kind: netbsd.PTRACE_LWP_EXIT, other: lid})
		}
	}
}

// spawned is the child's side of it for a posix_spawn, which is one event, with the
// exec in it, and has the pid of who asked, who may have ended by now. A child that could not exec has none; it stays a tracee.
func (l *LWP) spawned(errno netbsd.Errno) {
	p := l.p
	p.m.lock()
	defer p.m.unlock()
	var spawner int32
	if l.ext != nil {
		spawner, l.ext.spawner = l.ext.spawner, 0
	}
	// Without a spawner the tracer has come since.
	if p.flags&fTraced != 0 && errno == 0 && spawner != 0 {
		l.trapLater(traceEvent{code: netbsd.TRAP_CHLD, kind: netbsd.PTRACE_POSIX_SPAWN, other: spawner})
	}
}

// lwpExitTrap stops a dying LWP for its tracer, unless the whole process dies. Where an exec ends it, it cannot stand: exit_lwps sets going who
// does, and the process stops when the exec is done.
//
// What the tracer gives back is dropped: this LWP takes no more signals. mu is held before and
// after.
func (l *LWP) lwpExitTrap() {
	p := l.p
	switch {
	case p.flags&fWExit != 0 || !p.tells(netbsd.PTRACE_LWP_EXIT):
		return
	case p.flags&fExecing != 0:
		p.ext.events.ended = append(p.ext.events.ended, l.lid)
		return
	}
	l.trap(traceEvent{code: netbsd.TRAP_LWP, kind: netbsd.PTRACE_LWP_EXIT, other: l.lid})
	l.dbgSig = 0
}
