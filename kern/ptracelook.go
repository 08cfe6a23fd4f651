package kern

import "toaster/netbsd"

// This file lets a tracer, and procfs, look into a stopped process: its registers and memory are
// the layers' above.
//
// What keeps a process in place is that somebody looks (looked): its LWPs wait until nobody does on their
// way from wherever they stand (awaitLooks). So f of Look needs no lock: whoever stands does not touch its
// registers. Nor does anybody else: who would look, too, waits, as both may set what the other reads.

// Look calls f with pid, which must be a tracee of the caller, ptrace's or procfs's, whose stop has been waited
// for (errors: see TraceTarget). Until f returns no LWP of it goes on, whatever happens, so f may use the
// machine contexts of them all. A tracee that is killed does not come to its end before f has returned. So f must not sleep, nor
// wait for anything that a guest decides, nor look; for the host's disk it may wait, as NetBSD holds p_reflock while it writes a core file
// (do_ptrace). mu is not held while f runs, so f may call kern otherwise.
func (l *LWP) Look(pid int, f func(t *Proc) netbsd.Errno) netbsd.Errno {
	m := l.p.m
	m.lock()
	t, errno := l.p.traceeOf(pid, true)
	for errno == 0 && t.awaitLook() {
		t, errno = l.p.traceeOf(pid, true)
	}
	if errno != 0 {
		m.unlock()
		return errno
	}
	return t.look(func() netbsd.Errno { return f(t) })
}

// LookStopped calls f with the first LWP of t, the youngest, if that has stopped, whoever traces t, and whether or not anybody
// does (procfs_rw). f is as Look's. ESRCH: t has no LWP that lives. EBUSY: it has not stopped (proc_regio). Rights are the caller's to
// check.
func (t *Proc) LookStopped(f func(*LWP) netbsd.Errno) netbsd.Errno {
	t.m.lock()
	l, errno := t.stoppedLWP()
	for errno == 0 && t.awaitLook() {
		l, errno = t.stoppedLWP()
	}
	if errno != 0 {
		t.m.unlock()
		return errno
	}
	return t.look(func() netbsd.Errno { return f(l) })
}

// stoppedLWP is what LookStopped looks at. mu is held.
func (t *Proc) stoppedLWP() (*LWP, netbsd.Errno) {
	switch l := t.traceLWP(0); {
	case t.state != StateActive || l == nil:
		return nil, netbsd.ESRCH
	case l.stat != LWPStopped:
		return nil, netbsd.EBUSY
	default:
		return l, 0
	}
}

// awaitLook waits for whoever looks into t, and reports whether there was somebody: then the caller asks again what t is. mu is held before
// and after.
func (t *Proc) awaitLook() bool {
	if t.ext == nil || t.ext.looked == nil {
		return false
	}
	done := t.ext.looked
	t.m.unlock()
	<-done
	t.m.lock()
	return true
}

// look calls f while no LWP of t goes on. Nobody else looks. mu is held before, and neither while f runs nor after.
func (t *Proc) look(f func() netbsd.Errno) netbsd.Errno {
	x := t.extra()
	x.looked = make(chan struct{})
	t.m.unlock()
	defer func() {
		t.m.lock()
		close(x.looked)
		x.looked = nil
		t.m.unlock()
	}()
	return f()
}

// LWPInfo is what ptrace(2) tells of an LWP. Pending has its own signals alone, not the process's. Mask is the
// kernel's copy, which is the LWP's as long as it stands.
type LWPInfo struct {
	LWP           *LWP
	Name          string
	Mask, Pending netbsd.Sigset
	Suspended     bool // by _lwp_suspend(2)
	Held          bool // by PT_SUSPEND
	Steps         bool // PT_SETSTEP
	Busy          bool // its registers cannot be set, as it has not stopped: it sleeps, or _lwp_suspend(2) has it stand (proc_regio)
	Stopped       bool // the signal that the process stopped for was for it, or for the process (PL_EVENT_SIGNAL)
}

// LWPInfos describes the living LWPs, newest first, as of this moment. Any process may be asked, stopped or
// not; only in Look do its LWPs stay as they are. Rights are the caller's to check.
func (p *Proc) LWPInfos() []LWPInfo { return p.lwpInfos(false) }

// ListLWPs is LWPInfos with those that have ended and have not been waited for, as kern.lwp of sysctl(7) lists them (p_lwps). A zombie process has none.
func (p *Proc) ListLWPs() []LWPInfo { return p.lwpInfos(true) }

func (p *Proc) lwpInfos(ended bool) []LWPInfo {
	p.m.lock()
	defer p.m.unlock()
	var list []LWPInfo
	for l := p.lwps; l != nil; l = l.next {
		if l.stat >= LWPDead && (!ended || p.state >= StateDead) {
			continue
		}
		name := ""
		if l.ext != nil {
			name = l.ext.name
		}
		list = append(list, LWPInfo{
			LWP: l, Name: name, Mask: l.mask, Pending: l.pend.set,
			Suspended: l.attn.Load()&aSuspend != 0, Held: l.attn.Load()&aHold != 0,
			Steps:   l.ext != nil && l.ext.steps,
			Busy:    l.stat != LWPStopped && (l.stat != LWPSuspended || l.attn.Load()&aSuspend != 0),
			Stopped: p.stoppedFor(l.lid),
		})
	}
	return list
}

// stoppedFor reports whether the signal that the process stopped for, if there is one, was for lid or for nobody in particular
// (ps_lwp). mu is held.
func (p *Proc) stoppedFor(lid int32) bool {
	x := p.ext
	return x != nil && (x.stopFor == lid || x.stopFor == 0 && x.stopInfo.Signo != 0)
}

// traceLWP is ptrace_update_lwp: the LWP of a tracee that a request names; 0 is the first of its list, the youngest. Of a
// single LWP the number is not looked at. nil: there is none. mu is held.
func (t *Proc) traceLWP(lid int) *LWP {
	if lid != 0 && t.nlwps > 1 {
		return t.lwpFind(lid)
	}
	for l := t.lwps; l != nil; l = l.next {
		if l.stat < LWPDead {
			return l
		}
	}
	return nil
}

// lwpFind is lwp_find: an LWP that lives. lid is any number of a guest's: it is compared as it came, or one
// beyond 32 bits would find the LWP of its lower half. mu is held.
func (p *Proc) lwpFind(lid int) *LWP {
	if l := p.lwpLocked(int32(lid)); l != nil && int(l.lid) == lid && l.stat < LWPDead {
		return l
	}
	return nil
}

// onTracee calls f with an LWP of a tracee (ptrace_update_lwp). Errors are those of TraceTarget, and ESRCH: no
// such LWP. f runs with mu held, which is taken here: a request that changes LWPs must find the tracee stopped,
// and leave it so.
func (l *LWP) onTracee(pid, lid int, f func(*LWP)) netbsd.Errno {
	m := l.p.m
	m.lock()
	defer m.unlock()
	t, errno := l.p.tracee(pid, true)
	if errno != 0 {
		return errno
	}
	tl := t.traceLWP(lid)
	if tl == nil {
		return netbsd.ESRCH
	}
	f(tl)
	return 0
}

// PtraceSuspend is PT_SUSPEND and PT_RESUME: lid stands still when the process goes
// on, or no longer (ptrace_startstop). ESRCH: no such LWP.
//
// One that has stood still while the others ran is stopped with them now, so that it goes on with them.
// PT_SUSPEND changes no state, as the LWP stands already: userret, or its sleep, sees aHold when the process
// goes on.
func (l *LWP) PtraceSuspend(pid, lid int, on bool) netbsd.Errno {
	return l.onTracee(pid, lid, func(t *LWP) {
		if on {
			t.attn.Or(aHold)
			return
		}
		t.attn.And(^aHold)
		if t.stat == LWPSuspended {
			t.setStat(LWPStopped)
		}
	})
}

// PtraceSetStep is PT_SETSTEP and PT_CLEARSTEP: lid makes one step whenever the process goes on, or no longer. ESRCH: no such
// LWP.
func (l *LWP) PtraceSetStep(pid, lid int, on bool) netbsd.Errno {
	return l.onTracee(pid, lid, func(t *LWP) { t.extra().steps = on })
}
