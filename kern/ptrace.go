package kern

import "toaster/netbsd"

// This file has what ptrace(2) means for processes: who traces whom, stopping and
// going on. Registers and memory are the layers' above: TraceTarget says whether they
// may be touched.
//
// A tracer is the tracee's parent for the time (opptr is who was), so that it hears of stops by wait(2).
// Requests find the tracee by its pid each time and ask again what it is: between two of them SIGKILL may have
// ended its stop, or the process.

// TraceMe is PT_TRACE_ME: the parent traces the caller from now on. EBUSY: it is
// traced already; EPERM: the parent is init, which is no tracer, or the caller runs with rights that its user has not.
func (l *LWP) TraceMe() netbsd.Errno {
	return l.call(func() netbsd.Errno {
		p := l.p
		switch {
		case p.parent == nil || p.parent == p.m.init:
			return netbsd.EPERM
		case p.flags&fTraced != 0:
			return netbsd.EBUSY
		case !p.mayTrace(p):
			return netbsd.EPERM
		}
		// Without setOpptr: the tracer is the original parent, from whom nothing has been taken.
		p.opptr = p.parent
		p.setTraced(true)
		return 0
	})
}

// PtraceAttach is PT_ATTACH: the caller becomes pid's parent and tracer, and pid
// gets SIGSTOP.
//
// ESRCH: no such process; EINVAL: the caller itself; EBUSY: it is traced already;
// EPERM: init, the kernel's own 0, the parent that waits for the caller in vfork(2), another user's, or set-id.
func (l *LWP) PtraceAttach(pid int) netbsd.Errno {
	return l.call(func() netbsd.Errno { return l.p.attach(pid) })
}

// MayAttach is what PtraceAttach would say, but nothing happens: for who has a question more to ask, which takes a sleep.
func (l *LWP) MayAttach(pid int) netbsd.Errno {
	l.p.m.lock()
	defer l.p.m.unlock()
	_, errno := l.p.mayAttach(pid)
	return errno
}

// The checks are in the order of ptrace_allowed. It asks of no ancestor: a child may trace its parent, and each is
// the other's parent then. So who walks up goes by original parents (realParent), which are no circle, or
// looks for one (inferior).
//
// mu is held.
func (p *Proc) mayAttach(pid int) (*Proc, netbsd.Errno) {
	m := p.m
	t := m.pfind(pid)
	switch {
	case pid == 0:
		return nil, netbsd.EPERM // a system process
	case t == nil || t.state != StateActive || t.flags&fWExit != 0:
		return nil, netbsd.ESRCH
	case t == p:
		return nil, netbsd.EINVAL
	case t == m.init:
		return nil, netbsd.EPERM
	case t.flags&fTraced != 0:
		return nil, netbsd.EBUSY
	case p.flags&fPPWait != 0 && p.parent == t:
		return nil, netbsd.EPERM // stopped, it would wait for a child that waits for it
	case !p.mayTrace(t):
		return nil, netbsd.EPERM
	}
	return t, 0
}

// A process that is stopped already does not stop again for the SIGSTOP: its new parent is told of the stop
// that it is in. mu is held.
func (p *Proc) attach(pid int) netbsd.Errno {
	t, errno := p.mayAttach(pid)
	if errno != 0 {
		return errno
	}
	// opptr comes last: setOpptr enters t among the children taken from op only if op is no longer its parent.
	op := t.parent
	t.setTraced(true)
	t.reparent2(p)
	t.setOpptr(op)
	if t.flags&fStopped != 0 {
		t.stopAgain(netbsd.SIGSTOP)
		return 0
	}
	t.extra().faked = false
	p.m.psignal(t, &netbsd.Siginfo{Signo: netbsd.SIGSTOP, Code: netbsd.SI_USER, Pid: p.pid, UID: p.cred.EUID}, nil)
	return 0
}

// reparent2 is reparent for a tracer: the exit signal stays what it is even if the tracer inherits orphans
// otherwise. When the tracing ends t is back with who forked it, and who may wait for that signal alone
// (WALTSIG). mu is held.
func (t *Proc) reparent2(to *Proc) {
	sig := t.exitsig
	t.reparent(to)
	if t.exitsig != sig {
		t.exitsig = sig
		t.reclass()
	}
}

// mayTrace is KAUTH_PROCESS_PTRACE for what shows or changes t, as ptrace_listener_cb has it: the superuser may, and who is t's real user
// if t runs with no other rights. mu is held.
func (p *Proc) mayTrace(t *Proc) bool {
	return p.cred.IsRoot() || p.cred.RUID == t.cred.RUID && t.flags&fSugid == 0
}

// TraceAllowed is what ptrace(2) asks before it looks at the arguments of a request about a tracee (ptrace_find,
// ptrace_allowed). running: it need not have stopped. private: the request shows or changes what is its user's alone, so that
// a tracee which has executed a set-id program meanwhile does not let it through.
//
// ESRCH: no such process; EPERM: nobody traces it, as the kernel's own 0, or it is another's by now; EBUSY: somebody else traces it, or
// it has not stopped, or its stop has not been waited for.
func (l *LWP) TraceAllowed(pid int, running, private bool) netbsd.Errno {
	m := l.p.m
	m.lock()
	defer m.unlock()
	t, errno := l.p.tracee(pid, !running)
	if errno == 0 && private && !l.p.mayTrace(t) {
		return netbsd.EPERM
	}
	return errno
}

// TraceFinds reports whether ptrace(2) finds pid at all; 0 is the kernel itself.
func (l *LWP) TraceFinds(pid int) bool {
	m := l.p.m
	m.lock()
	defer m.unlock()
	return pid == 0 || m.pfind(pid) != nil
}

// tracee finds pid as one that the caller traces. stopped: it must be so, and the stop must have been waited
// for.
//
// A tracee that runs cannot be looked into: its registers are in use. That its stop has been
// waited for is ptrace(2)'s rule, so that tracer and tracee agree on which stop is meant. mu
// is held.
func (p *Proc) tracee(pid int, stopped bool) (*Proc, netbsd.Errno) {
	if t := p.m.pfind(pid); t != nil && t.flags&(fTraced|fFSTrace) == fTraced|fFSTrace {
		return nil, netbsd.EBUSY // procfs has other semantics of signals
	}
	return p.traceeOf(pid, stopped)
}

// traceeOf is tracee, whether ptrace(2) traces it or procfs. mu is held.
func (p *Proc) traceeOf(pid int, stopped bool) (*Proc, netbsd.Errno) {
	t := p.m.pfind(pid)
	switch {
	case pid == 0:
		return nil, netbsd.EPERM
	case t == nil:
		return nil, netbsd.ESRCH
	case t.flags&fTraced == 0:
		return nil, netbsd.EPERM
	case t.parent != p:
		return nil, netbsd.EBUSY
	case stopped && (t.flags&fStopped == 0 || t.flags&fWaited == 0):
		return nil, netbsd.EBUSY
	}
	return t, 0
}

// TraceTarget returns pid if the caller may look into it now: ESRCH: no such process;
// EPERM: nobody traces it; EBUSY: somebody else does, or it is not stopped, or its
// stop has not been waited for.
//
// The answer is as of this moment: SIGKILL ends any stop, a tracer's too. Look is for who needs the tracee to
// stay where it is.
func (l *LWP) TraceTarget(pid int) (*Proc, netbsd.Errno) {
	m := l.p.m
	m.lock()
	defer m.unlock()
	return l.p.tracee(pid, true)
}

// ResumeArgs say how a traced process goes on. The zero value is PT_CONTINUE of all LWPs, without a signal.
type ResumeArgs struct {
	Signal  netbsd.Signal // delivered as if it had just come; 0: none
	LWP     int           // only this LWP goes on; 0: all
	Step    bool          // PT_STEP: LWP, or the first, makes one step
	Syscall bool          // PT_SYSCALL: it stops at system calls
	Detach  bool          // PT_DETACH
}

// PtraceResume is PT_CONTINUE, PT_STEP, PT_SYSCALL and PT_DETACH. Errors are those of
// TraceTarget and then of MayResume.
//
// The caller has set the registers that a continuation changes before it comes here, with Look and MayResume.
// All is asked again, as mu was free in between.
func (l *LWP) PtraceResume(pid int, a ResumeArgs) netbsd.Errno {
	return l.call(func() netbsd.Errno {
		t, errno := l.p.tracee(pid, true)
		if errno != 0 {
			return errno
		}
		return t.traceResume(&a)
	})
}

// MayResume returns the LWP whose registers a continuation changes. Whether t stops at system calls is settled first, and stays so if the continuation
// is refused (do_ptrace). EINVAL: a single LWP detached; ESRCH: no such LWP; EINVAL: no
// such signal; EDEADLK: nobody would go on, as the tracer, or the process itself, has them stand still.
func (t *Proc) MayResume(a *ResumeArgs) (*LWP, netbsd.Errno) {
	t.m.lock()
	defer t.m.unlock()
	t.setSysTrace(a.Syscall)
	return t.mayResume(a)
}

// AskCalls is MayResume's beginning, for a continuation that is refused at once.
func (t *Proc) AskCalls(on bool) {
	t.m.lock()
	defer t.m.unlock()
	t.setSysTrace(on)
}

// The order is that of do_ptrace. mu is held.
func (t *Proc) mayResume(a *ResumeArgs) (*LWP, netbsd.Errno) {
	lid := a.LWP
	l := t.traceLWP(0)
	switch {
	case a.Detach && lid != 0:
		return nil, netbsd.EINVAL
	case lid != 0:
		l = t.lwpFind(lid)
	}
	switch {
	case l == nil:
		return nil, netbsd.ESRCH
	case a.Signal != 0 && !a.Signal.Valid():
		return nil, netbsd.EINVAL
	case t.deadlocked(l, a):
		return nil, netbsd.EDEADLK
	}
	return l, 0
}

// deadlocked reports whether a continuation would have nobody go on: not l, if it is the one that counts, or
// nobody at all. A tracer that waits for the next stop of such a process would sleep for ever, hence EDEADLK. Zombies count as going on, as in
// do_ptrace.
// mu is held.
func (t *Proc) deadlocked(l *LWP, a *ResumeArgs) bool {
	if a.LWP != 0 || a.Step {
		return l.attn.Load()&(aSuspend|aHold) != 0
	}
	for o := t.lwps; o != nil; o = o.next {
		if o.stat != LWPDead && o.attn.Load()&(aSuspend|aHold) == 0 {
			return false
		}
	}
	return true
}

// The LWP is looked up before anything changes, so that a wrong one leaves the tracee as it
// was. mu is held.
func (t *Proc) traceResume(a *ResumeArgs) netbsd.Errno {
	l, errno := t.mayResume(a)
	if errno != 0 {
		return errno
	}
	t.setStep(a, l)
	t.setSysTrace(a.Syscall)
	sig := a.Signal
	if a.Detach {
		t.detach()
		// Who is traced no more takes nothing from a tracer (sigchecktrace): but for a stop it is lost.
		if sig != 0 && sigprops[sig]&sStop == 0 {
			sig = 0
		}
	}
	if a.LWP == 0 {
		l = nil
	}
	t.traceGo(sig, l)
	return 0
}

// setStep says which LWPs make a single step: the one that a means, and those that PT_SETSTEP has named.
//
// Each step is asked for anew: an LWP that is not meant this time steps no longer. A detached process does not step. mu is held.
func (t *Proc) setStep(a *ResumeArgs, which *LWP) {
	for l := t.lwps; l != nil; l = l.next {
		if l.ext != nil && a.Detach {
			l.ext.steps = false
		}
		on := a.Step && l == which || l.ext != nil && l.ext.steps
		if on || l.ext != nil {
			l.extra().step = on
		}
	}
}

// Traced reports whether p has a tracer.
func (p *Proc) Traced() bool { return p.has(fTraced) }

// SingleStep reports whether l is to make one step only; the platform sets the
// processor's flag by it, and sends SIGTRAP with Trap after the step.
func (pl *Platform) SingleStep() bool {
	l := (*LWP)(pl)
	l.p.m.lock()
	defer l.p.m.unlock()
	return l.ext != nil && l.ext.step
}

// SyscallTraced reports P_SYSCALL: system calls are to stop with SIGTRAP, code
// TRAP_SCE or TRAP_SCX.
func (p *Proc) SyscallTraced() bool { return p.calls.Load()&callsStop != 0 }

// The atomic copy is for the run loop, which asks at every system call without mu. mu is held.
func (t *Proc) setSysTrace(on bool) {
	t.flags &^= fSyscall
	t.calls.And(^uint32(callsStop))
	if on {
		t.flags |= fSyscall
		t.calls.Or(callsStop)
	}
}

// PtraceSyscallEmu is PT_SYSCALLEMU: the system call at which pid has stopped is the tracer's to make. Errors are those of
// TraceTarget, and EINVAL: it does not stop at system calls.
func (l *LWP) PtraceSyscallEmu(pid int) netbsd.Errno {
	m := l.p.m
	m.lock()
	defer m.unlock()
	t, errno := l.p.tracee(pid, true)
	if errno != 0 {
		return errno
	}
	if t.flags&fSyscall == 0 {
		return netbsd.EINVAL
	}
	t.calls.Or(callsEmu)
	return 0
}

// endSyscallEmu takes back a PT_SYSCALLEMU when the tracing of p ends, so that the next tracer's first call is made. The call that
// stands at its beginning stays the tracer's that was (trace_enter). mu is held.
func (p *Proc) endSyscallEmu() {
	if p.traceStopped() == nil || p.ext.stopInfo.Code != netbsd.TRAP_SCE {
		p.calls.And(^uint32(callsEmu))
	}
}

// TakeSyscallEmu reports whether a tracer has made the system call that l was stopped at: then nobody makes it, and there is no
// stop behind it.
func (pl *Platform) TakeSyscallEmu() bool {
	return pl.p.calls.And(^uint32(callsEmu))&callsEmu != 0
}

// detach ends the tracing and gives the process back to its original parent.
//
// A tracer that is the parent anyway stays that. What the tracer had asked for goes either way (setTraced):
// stops at system calls, and the signals of PT_SET_SIGPASS. t does not go on by it; that is traceGo's. mu is
// held.
func (t *Proc) detach() {
	if t.opptr != t.parent {
		t.giveBack()
		return
	}
	t.setOpptr(nil)
	t.setTraced(false)
}

// traceGo makes a stopped tracee go on with sig (ptrace_sendsig).
//
// A stop signal as sig leaves it stopped, with a new report for the tracer. With only, the
// other LWPs stay where they are; the process counts as running, so that it can stop, and be
// reported, once more. mu is held.
func (t *Proc) traceGo(sig netbsd.Signal, only *LWP) {
	if t.flags&fStopped == 0 {
		if sig != 0 {
			t.m.psignal(t, &netbsd.Siginfo{Signo: sig, Code: netbsd.SI_USER}, nil)
		}
		return
	}
	if (t.flags&fTraced == 0 || !t.m.r2003) && sig != 0 && sigprops[sig]&sStop != 0 {
		t.stopAgain(sig)
		return
	}
	t.xsig = 0
	if l := t.traceStopped(); l != nil {
		l.ext.given = sig
	} else if sig != 0 {
		t.traceSend(sig, only)
	}
	t.m.event(Event{Kind: EventContinue, Pid: t.pid})
	if only == nil {
		t.unstop()
		return
	}
	// The others stay where they are until the next stop or continuation.
	t.unreport()
	t.flags &^= fStopping | fStopped
	only.goOn()
}

// traceSend is for a process that stopped before it was traced: nobody waits to be told the signal. Who wakes first takes it, and the
// tracer is not shown it again (sigchecktrace), but in 2003; a process that is traced no more gets it as any other. mu is held.
func (t *Proc) traceSend(sig netbsd.Signal, only *LWP) {
	if t.flags&fTraced == 0 || t.m.r2003 {
		t.pend.put(&netbsd.Siginfo{Signo: sig, Code: netbsd.SI_USER})
		for l := t.lwps; l != nil; l = l.next {
			l.attn.Or(aSignal)
		}
		return
	}
	for l := t.lwps; l != nil; l = l.next {
		if (only == nil || l == only) && l.stat == LWPStopped && (!l.asleep || l.flags&lIntr != 0) {
			l.fromTracer(sig)
			l.attn.Or(aSignal)
			return
		}
	}
}

// traceStopped returns the LWP whose stop the tracer was told of last, if it still stands
// there: it takes the signal that the tracer has passed to its request.
//
// mu is held.
func (t *Proc) traceStopped() *LWP {
	if t.ext == nil {
		return nil
	}
	if l := t.lwpLocked(t.ext.stopLid); l != nil && l.ext != nil && l.ext.inTrace {
		return l
	}
	return nil
}

// PtraceKill is PT_KILL: SIGKILL to a tracee, stopped or not.
func (l *LWP) PtraceKill(pid int) netbsd.Errno { return l.ptraceSend(pid, netbsd.SIGKILL) }

// PtraceStop is PT_STOP: SIGSTOP to a tracee. One that has stopped already is reported once more, as stopped by that.
func (l *LWP) PtraceStop(pid int) netbsd.Errno { return l.ptraceSend(pid, netbsd.SIGSTOP) }

// ptraceSend is ptrace_sendsig for a request that may meet a tracee that runs.
func (l *LWP) ptraceSend(pid int, sig netbsd.Signal) netbsd.Errno {
	return l.call(func() netbsd.Errno {
		t, errno := l.p.tracee(pid, false)
		switch {
		case errno != 0:
			return errno
		case sig == netbsd.SIGSTOP && t.flags&fStopped != 0:
			t.stopAgain(sig)
			return 0
		}
		t.extra().faked = false
		return l.p.m.psignal(t, &netbsd.Siginfo{Signo: sig, Code: netbsd.SI_USER, Pid: l.p.pid, UID: l.p.cred.EUID}, nil)
	})
}

// stopAgain has a process that has stopped be reported as stopped by sig, whether its stop has been waited for
// or not.
//
// The report comes before SIGCHLD, and both before the wakeup: a handler that waits finds the stop. SIGCHLD is
// sent even with SA_NOCLDSTOP, as for every stop of a tracee. mu is held.
func (t *Proc) stopAgain(sig netbsd.Signal) {
	t.xsig = sig
	t.flags &^= fWaited
	t.report(kStopped)
	t.childSignal()
	t.parent.waiters.wakeAll()
}

// PtraceSiginfo is PT_GET_SIGINFO: the signal that pid stopped for and the LWP that
// it was for, 0 if it was for the process.
func (l *LWP) PtraceSiginfo(pid int) (netbsd.Siginfo, int, netbsd.Errno) {
	m := l.p.m
	m.lock()
	defer m.unlock()
	t, errno := l.p.tracee(pid, true)
	if errno != 0 {
		return netbsd.Siginfo{}, 0, errno
	}
	return t.extra().stopInfo, int(t.ext.stopFor), 0
}

// PtraceSetSiginfo is PT_SET_SIGINFO: the signal's handler will be told info, and PT_GET_SIGINFO is, and that it was for lid. EINVAL:
// no such signal.
func (l *LWP) PtraceSetSiginfo(pid, lid int, info netbsd.Siginfo) netbsd.Errno {
	m := l.p.m
	m.lock()
	defer m.unlock()
	t, errno := l.p.tracee(pid, true)
	switch {
	case errno != 0:
		return errno
	case info.Signo != 0 && !info.Signo.Valid():
		return netbsd.EINVAL
	}
	t.extra().stopInfo, t.ext.stopFor, t.ext.faked = info, int32(lid), true
	return 0
}

// PtraceSigpass is PT_GET_SIGPASS and, if set is not nil, PT_SET_SIGPASS: the signals that reach pid as if
// nobody traced it. SIGKILL and SIGSTOP are left out in silence. The set ends with the tracing: the next tracer
// is shown all.
func (l *LWP) PtraceSigpass(pid int, set *netbsd.Sigset) (netbsd.Sigset, netbsd.Errno) {
	m := l.p.m
	m.lock()
	defer m.unlock()
	t, errno := l.p.tracee(pid, true)
	if errno != 0 {
		return 0, errno
	}
	if set != nil {
		t.extra().sigPass = *set &^ cantMask
	}
	return t.extra().sigPass, 0
}

// TraceStop stops the calling LWP for its tracer at once, with SIGTRAP and code: the
// stop before (TRAP_SCE) and after (TRAP_SCX) a system call, of which call says more. What signal the tracer
// passes is delivered at the next UserRet. Without a tracer that wants it it does
// nothing. With the second stop PT_SYSCALLEMU is off, which came too late for this call (trace_exit).
func (pl *Platform) TraceStop(code int32, call *netbsd.SiginfoSyscall) {
	l := (*LWP)(pl)
	l.call(func() netbsd.Errno {
		if l.p.flags&fSyscall != 0 {
			l.trap(traceEvent{code: code, call: call})
		}
		if code == netbsd.TRAP_SCX {
			l.p.calls.And(^uint32(callsEmu))
		}
		return 0
	})
}
