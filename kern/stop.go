package kern

import (
	"slices"

	"toaster/netbsd"
)

// This file stops and continues processes. A stop begins with one LWP (stop); the
// others stop as they come by, or at once where they sleep interruptibly; the last
// one makes the process stopped, and only then the parent hears of it.

// stop begins to stop p for sig. force: the parent gets SIGCHLD even with
// SA_NOCLDSTOP, as a tracer does.
//
// What was reported before is taken back: a wait must not be told of the last stop once this
// one has begun. Uninterruptible sleepers sleep on, and the process has not stopped until they
// wake and come by: they are told, too, as whoever took the signal is another LWP (proc_stop,
// which posts it to all). mu is held.
func (p *Proc) stop(sig netbsd.Signal, force bool) {
	p.unreport()
	p.xsig = sig
	p.flags |= fStopping
	p.flags &^= fWaited | fContinued
	for l := p.lwps; l != nil; l = l.next {
		switch {
		case l.stat == LWPSleeping && l.flags&lIntr != 0:
			l.setStat(LWPStopped)
		case l.stat == LWPRunning, l.stat == LWPSleeping:
			l.setAttn(aStop)
		}
	}
	p.checkStopped(force)
}

// stopAsleep stops an LWP that goes to sleep in a stopping process.
//
// mu is held.
func (p *Proc) stopAsleep(l *LWP) {
	l.setStat(LWPStopped)
	p.checkStopped(false)
}

// stopHere stops the calling LWP until the process continues.
//
// The caller looks again afterwards: it may have been condemned meanwhile. mu is held before
// and after.
func (l *LWP) stopHere() {
	l.setStat(LWPStopped)
	l.p.checkStopped(false)
	l.park()
}

// checkStopped makes the process stopped when all its LWPs are, and tells the
// parent (proc_stop_done).
//
// It is called wherever an LWP stops, ends, or is suspended, as each may have been the last
// one to run. The report is there before SIGCHLD is sent: a handler that waits finds it. mu is
// held.
func (p *Proc) checkStopped(force bool) {
	if p.flags&fStopping == 0 {
		return
	}
	for l := p.lwps; l != nil; l = l.next {
		if l.stat == LWPRunning || l.stat == LWPSleeping || l.stat == LWPIdle {
			return
		}
	}
	p.flags &^= fStopping
	p.flags |= fStopped
	p.report(kStopped)
	p.parent.collectActions(false)
	// Who stops because of PS_STOPEXIT and its like stops for no signal, and its parent gets none.
	if p.xsig != 0 && (force || p.flags&fTraced != 0 || p.parent.flags&fNoCldStop == 0) {
		p.childSignal()
	}
	p.parent.waiters.wakeAll()
	p.m.event(Event{Kind: EventStop, Pid: p.pid, Signal: p.xsig})
}

// childSignal is child_psignal: SIGCHLD for a stop or a continuation.
//
// mu is held.
func (p *Proc) childSignal() {
	pp := p.parent
	if p.flags&fFSTrace != 0 && p.m.r2003 {
		return
	}
	code := int32(netbsd.CLD_STOPPED) // for a tracer, too: only wait6 tells CLD_TRAPPED
	if p.xsig == netbsd.SIGCONT {
		code = netbsd.CLD_CONTINUED
	}
	info := netbsd.Siginfo{Signo: netbsd.SIGCHLD, Code: code, Pid: p.pid,
		UID: p.cred.EUID, Status: int32(p.xsig)}
	p.m.psignal(pp, &info, nil)
}

// unstop makes a stopped or stopping process go on.
//
// A process that is to die of a signal which came while it stood is doomed now: the platform
// did not have to hurry while nothing ran. mu is held.
func (p *Proc) unstop() {
	p.unreport()
	p.flags &^= fStopping | fStopped
	if p.state == StateActive && p.fatal() {
		p.doom(false)
	}
	for l := p.lwps; l != nil; l = l.next {
		l.goOn()
	}
}

// goOn is unstop for one LWP.
//
// An LWP that was asleep when the process stopped sleeps on, unless a signal is to be taken or
// it was woken meanwhile. mu is held.
func (l *LWP) goOn() {
	l.attn.And(^aStop)
	if l.ext != nil {
		l.ext.inTrace = false
	}
	if l.stat != LWPStopped {
		return
	}
	if !l.asleep {
		l.resume()
		return
	}
	l.setStat(LWPSleeping)
	if l.flags&lIntr != 0 && l.attn.Load()&aSignal != 0 && l.sigispending() != 0 {
		l.wakeup(rSignal)
	}
}

// continued is a SIGCONT for a stopped process. Release 10 tells the parent.
//
// A tracer is the parent then, and is told as one. mu is held.
func (p *Proc) continued() {
	p.unstop()
	p.m.event(Event{Kind: EventContinue, Pid: p.pid})
	if p.m.r2003 {
		return
	}
	p.xsig = netbsd.SIGCONT
	p.flags |= fContinued
	p.flags &^= fWaited
	p.report(kContinued)
	p.childSignal()
	p.parent.waiters.wakeAll()
}

// suspendSelf is what LW_WSUSPEND asks for: stand still until _lwp_continue(2); or LW_DBGSUSPEND, until PT_RESUME.
//
// Those that wait in _lwp_suspend(2) are told that it has happened. mu is held before and
// after.
func (l *LWP) suspendSelf() {
	for a := l.attn.Load(); a&(aSuspend|aHold) != 0 && a&aExit == 0; a = l.attn.Load() {
		l.setStat(LWPSuspended)
		l.p.lwpq.wakeAll()
		l.p.checkStopped(false)
		l.park()
	}
}

// condemn tells l to die as soon as it can: at its next kernel call or UserRet; at
// once if it sleeps interruptibly, is stopped or suspended (exit_lwps).
//
// An uninterruptible sleeper is left alone: it holds something, or waits for what must come to
// its end, and dies when it wakes (item 53). One that a stop found in such a sleep goes on
// sleeping. mu is held.
func (l *LWP) condemn() {
	l.setAttn(aExit)
	switch {
	case l.stat == LWPSleeping && l.flags&lIntr != 0:
		l.wakeup(rSignal)
	case l.stat == LWPStopped:
		if l.asleep && l.flags&lIntr == 0 {
			l.setStat(LWPSleeping)
		} else {
			l.asleep, l.reason = false, rSignal
			l.resume()
		}
	case l.stat == LWPSuspended:
		l.resume()
	}
}

// stopFlags are what the nodes of sysctl(7) below proc.PID set.
func stopFlags(which int) procFlags {
	switch which {
	case netbsd.PROC_PID_STOPFORK:
		return fStopFork
	case netbsd.PROC_PID_STOPEXEC:
		return fStopExec
	case netbsd.PROC_PID_STOPEXIT:
		return fStopExit
	}
	return 0
}

// StopsOn reports whether pid stops at its next fork, exec or exit: which is
// netbsd.PROC_PID_STOPFORK or one of its like. ESRCH: there is no such process; ENOENT: there is
// no such flag, as in release 2003.
func (l *LWP) StopsOn(pid, which int) (on bool, errno netbsd.Errno) {
	errno = l.call(func() netbsd.Errno {
		p, f, errno := l.p.m.stopFlag(pid, which)
		if errno == 0 {
			on = p.flags&f != 0
		}
		return errno
	})
	return on, errno
}

// SetStopOn makes pid do so, or no more. Errors are those of StopsOn, and EPERM: pid is another
// user's (KAUTH_PROCESS_STOPFLAG).
func (l *LWP) SetStopOn(pid, which int, on bool) netbsd.Errno {
	return l.call(func() netbsd.Errno {
		p, f, errno := l.p.m.stopFlag(pid, which)
		c := l.p.cred
		switch {
		case errno != 0:
			return errno
		case !c.IsRoot() && !c.uidMatch(p.cred):
			return netbsd.EPERM
		}
		p.flags &^= f
		if on {
			p.flags |= f
		}
		return 0
	})
}

// uidMatch is proc_uidmatch of kern_proc.c: t has no other user's rights than c's, nor a group's that c is not in.
func (c *Cred) uidMatch(t *Cred) bool {
	return c.RUID == t.RUID && c.RUID == t.SUID && t.RGID == t.SGID && (c.EGID == t.RGID || slices.Contains(c.Groups, t.RGID))
}

// stopFlag finds the process and the flag. mu is held.
func (m *Machine) stopFlag(pid, which int) (*Proc, procFlags, netbsd.Errno) {
	p, f := m.pfind(pid), stopFlags(which)
	switch {
	case f == 0 || m.r2003:
		return nil, 0, netbsd.ENOENT
	case p == nil:
		return nil, 0, netbsd.ESRCH
	}
	return p, f, 0
}

// setStopOn makes p stop at its next fork, exec or exit (PS_STOPFORK, PS_STOPEXEC,
// PS_STOPEXIT; the sysctl proc.PID.stopfork and so on). Release 2003 knows none.
func (p *Proc) setStopOn(fork, exec, exit bool) {
	p.m.lock()
	defer p.m.unlock()
	p.flags &^= fStopFork | fStopExec | fStopExit
	for f, on := range map[procFlags]bool{fStopFork: fork, fStopExec: exec, fStopExit: exit} {
		if on && !p.m.r2003 {
			p.flags |= f
		}
	}
}
