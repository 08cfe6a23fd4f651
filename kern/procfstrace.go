package kern

import "toaster/netbsd"

// This file is procfs tracing as /proc/PID/ctl of 2003 has it (procfs_control of procfs_ctl.c). It is ptrace's tracing with
// P_FSTRACE beside P_TRACED: the tracer gets no SIGCHLD, for neither a stop nor the end, and ptrace(2) has no part in it. Later
// releases have none of it; nobody above calls it for them.

// ProcfsAttach is "attach": the caller becomes pid's parent and tracer, and pid gets SIGSTOP.
//
// ESRCH: no such process; EINVAL: the caller itself; EBUSY: it is traced already; EPERM: another user's,
// set-id, or init. The order is that of attach: opptr is set last. P_FSTRACE goes with P_TRACED, and setTraced
// takes both away.
func (l *LWP) ProcfsAttach(pid int) netbsd.Errno {
	return l.call(func() netbsd.Errno {
		p, m := l.p, l.p.m
		t := m.pfind(pid)
		switch {
		case t == nil || t.state != StateActive || t.flags&fWExit != 0:
			return netbsd.ESRCH
		case t == p:
			return netbsd.EINVAL
		case t.flags&fTraced != 0:
			return netbsd.EBUSY
		case !p.mayTrace(t), t == m.init:
			return netbsd.EPERM
		}
		op := t.parent
		t.flags |= fFSTrace
		t.setTraced(true)
		t.reparent2(p)
		t.setOpptr(op)
		t.traceGo(netbsd.SIGSTOP, nil) // a process that stands goes on and takes it, as setrunnable has it
		return 0
	})
}

// fsTracee finds pid as one that the caller traces by procfs. EPERM: nobody traces it; EBUSY: somebody else
// does, or ptrace(2), or it has not stopped, or its stop has not been waited for; ESRCH: no such process. The
// two ways of tracing are kept apart by the flags, so that a request of one never continues a tracee of the
// other. mu is held.
func (p *Proc) fsTracee(pid int, stopped bool) (*Proc, netbsd.Errno) {
	t := p.m.pfind(pid)
	if t != nil && t.flags&fTraced != 0 && t.flags&fFSTrace == 0 {
		return nil, netbsd.EBUSY
	}
	return p.traceeOf(pid, stopped)
}

// ProcfsRun is "run", "step", or the name of a signal: pid goes on with sig, for one step or not. Errors are
// those of fsTracee, and of MayResume. The processor's flag for a step has been set by the caller, with Look: a
// tracee that was killed in between never gets to use it.
func (l *LWP) ProcfsRun(pid int, sig netbsd.Signal, step bool) netbsd.Errno {
	return l.call(func() netbsd.Errno {
		t, errno := l.p.fsTracee(pid, true)
		if errno != 0 {
			return errno
		}
		return t.traceResume(&ResumeArgs{Signal: sig, Step: step})
	})
}

// ProcfsDetach is "detach": pid goes back to its parent, at any time, and goes on if it stands. Errors are
// those of fsTracee. traceGo comes last: detach has the stop reported once more, to the real parent, and going
// on takes that back.
func (l *LWP) ProcfsDetach(pid int) netbsd.Errno {
	return l.call(func() netbsd.Errno {
		t, errno := l.p.fsTracee(pid, false)
		if errno != 0 {
			return errno
		}
		t.setStep(&ResumeArgs{Detach: true}, nil)
		t.setSysTrace(false)
		t.detach()
		t.traceGo(0, nil)
		return 0
	})
}

// ProcfsWait is "wait". It waits for nothing: the loop in procfs_control lasts as long as the process is a zombie and has not
// stopped, and a zombie has no file. Errors are those of fsTracee.
func (l *LWP) ProcfsWait(pid int) netbsd.Errno {
	return l.call(func() netbsd.Errno {
		_, errno := l.p.fsTracee(pid, false)
		return errno
	})
}

// ProcfsSignal is the name of a signal for a process that the caller does not trace: who may open the file may
// send it. So CANSIGNAL is not asked, and the signal names no sender. ESRCH: no such process.
func (l *LWP) ProcfsSignal(pid int, sig netbsd.Signal) netbsd.Errno {
	return l.call(func() netbsd.Errno {
		t := l.p.m.pfind(pid)
		if t == nil {
			return netbsd.ESRCH
		}
		return l.p.m.psignal(t, &netbsd.Siginfo{Signo: sig, Code: netbsd.SI_NOINFO}, nil)
	})
}

// TracesProc reports whether the caller is pid's tracer, by procfs or by ptrace(2). It chooses between
// ProcfsRun and ProcfsSignal, which look again: the answer is old when mu is dropped.
func (l *LWP) TracesProc(pid int) bool {
	m := l.p.m
	m.lock()
	defer m.unlock()
	t := m.pfind(pid)
	return t != nil && t.flags&fTraced != 0 && t.parent == l.p
}
