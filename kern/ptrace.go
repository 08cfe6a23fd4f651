package kern

import "toaster/netbsd"

// This file has what ptrace(2) means for processes: who traces whom, stopping and
// going on. Registers and memory are the layers' above: TraceTarget says whether they
// may be touched.

// TraceMe is PT_TRACE_ME: the parent traces the caller from now on. EBUSY: it is
// traced already; EPERM: the parent is init, which is no tracer.
func (l *LWP) TraceMe() netbsd.Errno {
	return l.call(func() netbsd.Errno {
		p := l.p
		switch {
		case p.parent == nil || p.parent == p.m.init:
			return netbsd.EPERM
		case p.flags&fTraced != 0:
			return netbsd.EBUSY
		}
		p.opptr = p.parent
		p.setTraced(true)
		return 0
	})
}

// PtraceAttach is PT_ATTACH: the caller becomes pid's parent and tracer, and pid
// gets SIGSTOP.
//
// ESRCH: no such process; EINVAL: the caller itself; EBUSY: it is traced already;
// EPERM: init, the parent that waits for the caller in vfork(2), another user's, or set-id.
func (l *LWP) PtraceAttach(pid int) netbsd.Errno {
	return l.call(func() netbsd.Errno { return l.p.attach(pid) })
}

// The checks are in the order of ptrace_allowed. It asks of no ancestor: a child may trace its parent, and each is
// the other's parent then. So who walks up goes by original parents (realParent), which are no circle, or
// looks for one (inferior). A process that
// is stopped already does not stop again for the SIGSTOP: its new parent is told of the stop
// that it is in.
//
// mu is held.
func (p *Proc) attach(pid int) netbsd.Errno {
	m := p.m
	t := m.pfind(pid)
	switch {
	case t == nil || t.state != StateActive || t.flags&fWExit != 0:
		return netbsd.ESRCH
	case t == p:
		return netbsd.EINVAL
	case t == m.init:
		return netbsd.EPERM
	case t.flags&fTraced != 0:
		return netbsd.EBUSY
	case p.flags&fPPWait != 0 && p.parent == t:
		return netbsd.EPERM // stopped, it would wait for a child that waits for it
	case !p.cred.IsRoot() && (p.cred.RUID != t.cred.RUID || t.flags&fSugid != 0):
		return netbsd.EPERM
	}
	op := t.parent
	t.setTraced(true)
	t.reparent2(p)
	t.setOpptr(op)
	if t.flags&fStopped != 0 {
		t.flags &^= fWaited
		t.xsig = netbsd.SIGSTOP
		t.report(kStopped)
		t.childSignal()
		p.waiters.wakeAll()
		return 0
	}
	m.psignal(t, &netbsd.Siginfo{Signo: netbsd.SIGSTOP, Code: netbsd.SI_USER, Pid: p.pid, UID: p.cred.EUID}, nil)
	return 0
}

// reparent2 is reparent for a tracer: the exit signal stays what it is even if the
// tracer inherits orphans otherwise.
func (t *Proc) reparent2(to *Proc) {
	sig := t.exitsig
	t.reparent(to)
	if t.exitsig != sig {
		t.exitsig = sig
		t.reclass()
	}
}

// traced finds pid as one that the caller traces. stopped: it must be so, and the
// stop must have been waited for.
//
// A tracee that runs cannot be looked into: its registers are in use. That its stop has been
// waited for is ptrace(2)'s rule, so that tracer and tracee agree on which stop is meant. mu
// is held.
func (p *Proc) tracee(pid int, stopped bool) (*Proc, netbsd.Errno) {
	t := p.m.pfind(pid)
	switch {
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
func (l *LWP) TraceTarget(pid int) (*Proc, netbsd.Errno) {
	m := l.p.m
	m.lock()
	defer m.unlock()
	return l.p.tracee(pid, true)
}

// ResumeArgs say how a traced process goes on.
type ResumeArgs struct {
	Signal  netbsd.Signal // delivered as if it had just come; 0: none
	LWP     int           // only this LWP goes on; 0: all
	Step    bool          // PT_STEP: LWP, or the one that stopped, makes one step
	Syscall bool          // PT_SYSCALL: it stops at system calls
	Detach  bool          // PT_DETACH
}

// PtraceResume is PT_CONTINUE, PT_STEP, PT_SYSCALL and PT_DETACH. Errors are those of
// TraceTarget, and EINVAL: no such signal, or a single LWP detached; ESRCH: no such
// LWP.
func (l *LWP) PtraceResume(pid int, a ResumeArgs) netbsd.Errno {
	if a.Signal != 0 && !a.Signal.Valid() || a.Detach && a.LWP != 0 {
		return netbsd.EINVAL
	}
	return l.call(func() netbsd.Errno {
		t, errno := l.p.tracee(pid, true)
		if errno != 0 {
			return errno
		}
		return t.traceResume(&a)
	})
}

// The LWP is looked up before anything changes, so that a wrong one leaves the tracee as it
// was. mu is held.
func (t *Proc) traceResume(a *ResumeArgs) netbsd.Errno {
	var only *LWP
	if a.LWP != 0 {
		if only = t.lwpLocked(int32(a.LWP)); only == nil || only.stat >= LWPDead {
			return netbsd.ESRCH
		}
	}
	t.setStep(a.Step, only)
	t.setSysTrace(a.Syscall)
	t.extra().events.last = traceEvent{}
	if a.Detach {
		t.detach()
	}
	t.traceGo(a.Signal, only)
	return 0
}

// setStep says which LWP makes a single step.
//
// Each step is asked for anew: an LWP that is not meant this time steps no longer. mu is held.
func (t *Proc) setStep(step bool, only *LWP) {
	for l := t.lwps; l != nil; l = l.next {
		on := step && (l == only || only == nil && (t.ext == nil || t.ext.stopLid == 0 || l.lid == t.ext.stopLid))
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

// TakeSyscallEmu reports whether a tracer has made the system call that l was stopped at: then nobody makes it, and there is no
// stop behind it.
func (pl *Platform) TakeSyscallEmu() bool {
	return pl.p.calls.And(^uint32(callsEmu))&callsEmu != 0
}

// detach ends the tracing and gives the process back to its original parent.
//
// A tracer that is the parent anyway stays that. mu is held.
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
		t.xsig = sig
		t.flags &^= fWaited // it stays stopped
		t.report(kStopped)
		t.childSignal()
		t.parent.waiters.wakeAll()
		return
	}
	t.xsig = 0
	if l := t.traceStopped(); l != nil {
		l.ext.given = sig
	} else if sig != 0 {
		// It stopped before it was traced: nobody waits to be told the signal.
		t.pend.put(&netbsd.Siginfo{Signo: sig, Code: netbsd.SI_USER})
		for l := t.lwps; l != nil; l = l.next {
			l.attn.Or(aSignal)
		}
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

// traceStopped returns the LWP whose stop the tracer was told of last, if it still stands
// there: it takes the signal that the tracer gives.
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
func (l *LWP) PtraceKill(pid int) netbsd.Errno {
	return l.call(func() netbsd.Errno {
		t, errno := l.p.tracee(pid, false)
		if errno == 0 {
			l.p.m.psignal(t, &netbsd.Siginfo{Signo: netbsd.SIGKILL, Code: netbsd.SI_USER, Pid: l.p.pid, UID: l.p.cred.EUID}, nil)
		}
		return errno
	})
}

// PtraceSiginfo is PT_GET_SIGINFO: the signal that pid stopped for and the LWP that
// took it.
func (l *LWP) PtraceSiginfo(pid int) (netbsd.Siginfo, int, netbsd.Errno) {
	m := l.p.m
	m.lock()
	defer m.unlock()
	t, errno := l.p.tracee(pid, true)
	if errno != 0 {
		return netbsd.Siginfo{}, 0, errno
	}
	return t.extra().stopInfo, int(t.ext.stopLid), 0
}

// PtraceSetSiginfo is PT_SET_SIGINFO. EINVAL: no such signal.
func (l *LWP) PtraceSetSiginfo(pid int, info netbsd.Siginfo) netbsd.Errno {
	if info.Signo != 0 && !info.Signo.Valid() {
		return netbsd.EINVAL
	}
	m := l.p.m
	m.lock()
	defer m.unlock()
	t, errno := l.p.tracee(pid, true)
	if errno == 0 {
		t.extra().stopInfo = info
	}
	return errno
}

// PtraceSigpass is PT_GET_SIGPASS and, if set is not nil, PT_SET_SIGPASS: the signals that reach pid as if nobody
// traced it. SIGKILL and SIGSTOP are left out in silence.
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
// stop before (TRAP_SCE) and after (TRAP_SCX) a system call. What signal the tracer
// gives is delivered at the next UserRet. Without a tracer that wants it it does
// nothing.
func (pl *Platform) TraceStop(code int32) {
	l := (*LWP)(pl)
	l.call(func() netbsd.Errno {
		if l.p.flags&fSyscall != 0 {
			l.trap(traceEvent{code: code})
		}
		return 0
	})
}

// setFSTrace is P_FSTRACE: procfs tracing, under which no exit signal is sent (item
// 65). Release 2003 only.
func (p *Proc) setFSTrace(on bool) {
	p.m.lock()
	defer p.m.unlock()
	p.flags &^= fFSTrace
	if on && p.m.r2003 {
		p.flags |= fFSTrace
	}
	p.reclass()
}
