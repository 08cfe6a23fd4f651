package kern

import (
	"time"

	"toaster/netbsd"
)

// This file has wait4(2) and wait6(2). What they look for is found in findchild.go,
// mostly without a scan; what becomes of a reaped child is in procfree.go.
//
// Both calls come down to wait, which looks with mu held, takes a copy of what there is to say and writes to
// the guest without mu. Release 10 is done with the child before it writes (reportOut), release 2003 afterwards
// (reap2003): that decides what a bad pointer costs.

// WaitOut receives what a wait found. Each function may be nil; it copies a value
// out to the guest and returns EFAULT if it cannot. They are called with no lock
// held, where the release copies out: before the reap in 2003 (items 75, 76),
// after it in 10.
type WaitOut struct {
	Status  func(netbsd.WaitStatus) netbsd.Errno
	Rusage  func(*netbsd.Rusage) netbsd.Errno                // wait4: the child with its descendants
	Wrusage func(self, children *netbsd.Rusage) netbsd.Errno // wait6
	Info    func(*netbsd.Siginfo) netbsd.Errno               // wait6
}

// waitResult is what was found, taken while the child was still there. self of a zombie that is reaped has its
// descendants in it, which children has once more by themselves.
type waitResult struct {
	pid      int32
	zombie   bool
	status   netbsd.WaitStatus
	self     netbsd.Rusage
	children netbsd.Rusage
	info     netbsd.Siginfo
}

// Options that a guest may give. wait checks opts10 in every release, since the kernel of 2003 itself may say
// more than its guests; those are held to opts2003 by Wait4. selectors are the kinds of change, of which a wait
// must name one.
const (
	opts2003 = netbsd.WUNTRACED | netbsd.WNOHANG | netbsd.WALTSIG | netbsd.WALLSIG
	opts10   = opts2003 | netbsd.WCONTINUED | netbsd.WEXITED | netbsd.WTRAPPED |
		netbsd.WNOWAIT | netbsd.WNOZOMBIE
	selectors = netbsd.WUNTRACED | netbsd.WCONTINUED | netbsd.WEXITED | netbsd.WTRAPPED
)

// Wait4 is wait4(2) (___wait450 in release 10; sys_wait4, items 70 to 89). pid is a
// process, netbsd.WaitAny, 0 for the caller's group or the negative of a group. It
// returns the pid found, 0 if WNOHANG found nothing ready; out may be nil.
//
// EINVAL: an unknown option; ECHILD: no such child, which takes precedence over
// WNOHANG; EINTR, ERESTART: a signal; EFAULT: from out, with the pid.
func (l *LWP) Wait4(pid, options int, out *WaitOut) (int, netbsd.Errno) {
	if errno := l.enter(); errno != 0 {
		return 0, errno
	}
	p := l.p
	if p.m.r2003 && options&^opts2003 != 0 {
		return 0, l.leave(netbsd.EINVAL)
	}
	r, errno := l.waitPid(pid, options|netbsd.WEXITED|netbsd.WTRAPPED, out)
	return r, l.leave(errno)
}

// waitKernel is wait4 with the options that only the kernel of 2003 may give: WNOWAIT and WNOZOMBIE (items 84
// and 86). No system call leads here.
func (l *LWP) waitKernel(pid, options int, out *WaitOut) (int, netbsd.Errno) {
	if errno := l.enter(); errno != 0 {
		return 0, errno
	}
	r, errno := l.waitPid(pid, options|netbsd.WEXITED|netbsd.WTRAPPED, out)
	return r, l.leave(errno)
}

// waitPid turns a pid of wait4(2) into a selector. WaitAny is -1, which is also minus the
// group 1: it means any child, as kern_exit.c asks for it first.
func (l *LWP) waitPid(pid, options int, out *WaitOut) (int, netbsd.Errno) {
	m := l.p.m
	s := selector{by: netbsd.P_PID, id: pid}
	switch {
	case pid == netbsd.WaitAny:
		s.by = netbsd.P_ALL
	case pid < 0:
		s.by, s.id = netbsd.P_PGID, -pid
	}
	m.lock()
	if pid == 0 { // computed once: a later setpgid is not seen (item 70)
		s.by, s.id = netbsd.P_PGID, int(l.p.pgrp.id)
		if m.r2003 && s.id == 1 {
			s.by = netbsd.P_ALL // minus the group is WAIT_ANY (lines 663 and 720)
		}
	}
	return l.wait(s, options, out, false)
}

// Wait6 is wait6(2) of release 10; ENOSYS in release 2003. idtype and id choose the
// children: netbsd.P_ALL, P_PID, P_PGID, P_SID, P_UID, P_GID; other types match
// nobody. An id of 0 with P_PID or P_PGID is the caller's group.
//
// Errors as Wait4, and EINVAL for options that select no kind of change. Where
// nothing was found under WNOHANG, out gets 0 as the status, and the siginfo and usage of a child that was looked at.
func (l *LWP) Wait6(idtype, id, options int, out *WaitOut) (int, netbsd.Errno) {
	if errno := l.enter(); errno != 0 {
		return 0, errno
	}
	m := l.p.m
	if m.r2003 {
		return 0, l.leave(netbsd.ENOSYS)
	}
	s := selector{by: idtype, id: id}
	m.lock()
	if id == 0 && (idtype == netbsd.P_PID || idtype == netbsd.P_PGID) {
		s.by, s.id = netbsd.P_PGID, int(l.p.pgrp.id)
	}
	// wait drops mu.
	r, errno := l.wait(s, options, out, true)
	return r, l.leave(errno)
}

// wait is called with mu held and drops it.
//
// The result is taken with mu held, and what is copied out is that copy: guest memory is
// written without mu, and the child may be gone by then. Unknown options are EINVAL before
// anything is looked for (item 71).
func (l *LWP) wait(s selector, options int, out *WaitOut, wait6 bool) (int, netbsd.Errno) {
	p, m := l.p, l.p.m
	if options&^opts10 != 0 || options&selectors == 0 {
		m.unlock()
		return 0, netbsd.EINVAL
	}
	c, kind, errno := l.findStopped(s, options)
	if c == nil {
		var r waitResult
		if errno == 0 && wait6 && out != nil {
			p.fillLooked(s, options, &r)
		}
		m.unlock()
		if errno == 0 && wait6 {
			errno = out.copyWait6(&r)
		}
		return 0, errno
	}
	if m.r2003 && kind == kZombie && options&netbsd.WNOWAIT == 0 {
		return p.reap2003(c, out)
	}
	// A Go function that wants no details: nothing to fill in, and no second look.
	if out == nil {
		pid := int(c.pid)
		p.consume(c, kind, options)
		m.unlock()
		return pid, 0
	}
	return p.reportOut(c, kind, options, out, wait6)
}

// reportOut takes what there is to say of c, is done with it, and copies out.
//
// In release 10 the child is consumed before the copyout: a bad pointer loses it (items 75 and
// 76), as do_sys_waitid frees the process first. mu is held, and dropped.
func (p *Proc) reportOut(c *Proc, kind waitKind, options int, out *WaitOut, wait6 bool) (int, netbsd.Errno) {
	var r waitResult
	c.fillResult(kind, &r)
	// Descendants come with the reap, which a debugger's wait is not.
	if kind == kZombie && !p.m.r2003 && (options&netbsd.WNOWAIT != 0 || c.flags&fTraced != 0 && c.opptr != p) {
		r.lookedAt(c.ownUsageLocked())
	}
	p.consume(c, kind, options)
	p.m.unlock()
	if wait6 {
		return int(r.pid), out.copyWait6(&r)
	}
	return int(r.pid), out.copyWait4(&r, p.m.r2003)
}

// findStopped waits for a child worth reporting (find_stopped_child). Without
// error and child: WNOHANG and none is ready.
//
// Every wakeup looks again at everything: of several LWPs that wait one reaps, and the others may find nothing
// left to wait for (item 89). With WNOHANG it sleeps for a child between SDEAD and SZOMB all the same
// (item 87): what lies between does not block. A child on its way may also go to init there, for which the
// last one's parent is woken (item 45). mu is held before and after.
func (l *LWP) findStopped(s selector, options int) (*Proc, waitKind, netbsd.Errno) {
	p := l.p
	for {
		c, kind, found := p.findChild(s, options)
		if c != nil {
			return c, kind, 0
		}
		if found == foundNone {
			return nil, 0, netbsd.ECHILD
		}
		if options&netbsd.WNOHANG != 0 && found != foundDead {
			return nil, 0, 0
		}
		if errno := l.sleep(&p.waiters, true, time.Time{}); errno != 0 {
			return nil, 0, errno
		}
	}
}

// consume takes note that c has been reported: a zombie is freed, a stop or a
// continuation is not reported again.
//
// WNOWAIT leaves all as it is, so the same child is reported again. Otherwise c may be gone when it returns,
// and its record of usage be another process's: what is to be told has been taken before. mu is held.
func (p *Proc) consume(c *Proc, kind waitKind, options int) {
	if options&netbsd.WNOWAIT != 0 {
		return
	}
	switch kind {
	case kZombie:
		c.procFree()
	case kStopped:
		c.flags |= fWaited
		c.unreport()
	case kContinued:
		c.flags &^= fContinued
		c.unreport()
	}
}

// reap2003 copies out before it reaps; a failed copy leaves the zombie. While the
// lock is dropped the zombie is claimed, so that no other waiter takes it.
//
// NetBSD of 2003 has the kernel lock there, so nobody else could take the zombie in between; the claim stands
// for that. c stays p's child meanwhile: a zombie is not found by a debugger, and p cannot end before this LWP
// has come out of the call. mu is held, and dropped.
func (p *Proc) reap2003(c *Proc, out *WaitOut) (int, netbsd.Errno) {
	m := p.m
	pid := int(c.pid)
	if out == nil || out.Status == nil && out.Rusage == nil {
		c.procFree()
		m.unlock()
		return pid, 0
	}
	r := new(waitResult)
	c.fillResult(kZombie, r)
	c.flags |= fClaimed
	c.unreport()
	m.unlock()
	errno := out.copyWait4(r, true)
	m.lock()
	c.flags &^= fClaimed
	c.report(kZombie)
	if errno == 0 {
		c.procFree()
	}
	p.waiters.wakeAll() // who saw it claimed must look again: a zombie, or none
	m.unlock()
	return pid, errno
}

// fillResult takes what a wait may report about c. Its siginfo is wait6's, not SIGCHLD's,
// which exitSignal and childSignal make.
//
// Signo is SIGCHLD whatever the child's exit signal is (wait6(2), after SUSv4). Usage of a child that only
// stopped is what it has used so far, as far as kern knows it: its address space is not asked, as that may
// block. c must not have been reaped. mu is held.
func (c *Proc) fillResult(kind waitKind, r *waitResult) {
	r.pid, r.zombie = c.pid, kind == kZombie
	r.info = netbsd.Siginfo{Signo: netbsd.SIGCHLD, Pid: c.pid, UID: c.cred.EUID}
	switch kind {
	case kZombie:
		r.status = c.xstat
		if c.ru != nil {
			r.self = *c.ru
		}
		r.info.Code, r.info.Status = c.exitSiginfo()
	case kStopped:
		r.status = netbsd.StopStatus(c.xsig)
		r.info.Code, r.info.Status = netbsd.CLD_STOPPED, int32(c.xsig)
		if c.flags&fTraced != 0 {
			r.info.Code = netbsd.CLD_TRAPPED
		}
	case kContinued:
		r.status = netbsd.ContinuedStatus
		r.info.Code, r.info.Status = netbsd.CLD_CONTINUED, int32(netbsd.SIGCONT)
	}
	if c.ext != nil {
		r.children = c.ext.cru
	}
	if kind != kZombie {
		r.lookedAt(c.ownUsageLocked())
	}
	// match_process: without descendants, and what is complete only with the end (p_stats).
	if kind == kZombie {
		own := c.ownUsageLocked()
		r.info.Utime, r.info.Stime = int64(own.Utime/time.Second), int64(own.Stime/time.Second)
	}
}

// lookedAt makes usage what match_process has of a child that is not reaped: its own, and that of its descendants, whose times calcru
// overwrites with the child's own.
func (r *waitResult) lookedAt(own netbsd.Rusage) {
	r.self = own
	r.children.Utime, r.children.Stime = own.Utime, own.Stime
}

// fillLooked says of the child that a wait6(2) with WNOHANG looked at last what match_process fills in before it is known whether there is
// anything to report: all but the status. Where no child has anything to report the first one that matches ends the look. Where none has
// the exit signal that the options ask for debugged_child_exists looks on, which asks for no usage. mu is held.
func (p *Proc) fillLooked(s selector, options int, r *waitResult) {
	cl, news := classes(options), false
	for c := p.kids; c != nil; c = c.sibNext {
		news = news || c.wkind != kNone
	}
	var seen *Proc
	meant := false
	for c := p.kids; c != nil && (news || !meant); c = c.sibNext {
		if s.matches(c) && !(p.hidden(options) && c.state == StateZombie) {
			seen = c
			meant = meant || cl&(1<<c.wclass) != 0
		}
	}
	if seen != nil {
		r.lookAt(seen)
	}
	if meant {
		return
	}
	if c := p.heldLooked(s, options); c != nil {
		self, children := r.self, r.children
		r.lookAt(c)
		r.self, r.children = self, children
	}
}

// lookAt fills in what match_process does. mu is held.
func (r *waitResult) lookAt(c *Proc) {
	c.fillResult(kNone, r)
	sig := c.xsig
	switch {
	case c.state >= StateDead:
		r.info.Code, r.info.Status = c.exitSiginfo()
	case sig != 0:
		r.info.Code, r.info.Status = netbsd.CLD_KILLED, int32(sig)
	default:
		r.info.Code = netbsd.CLD_EXITED
	}
}

// heldLooked returns the child of p's that debugged_child_exists comes to: of those that debuggers hold and s means, the last to be born or, if
// none of them lives, the last to die. nil: there is none. mu is held.
func (p *Proc) heldLooked(s selector, options int) *Proc {
	for _, list := range []procList{p.m.all, p.m.zombies} {
		for c := list.head; c != nil; c = c.allNext {
			if c.opptr == p && c.parent != p && s.matches(c) && !(p.hidden(options) && c.state == StateZombie) {
				return c
			}
		}
	}
	return nil
}

// exitSiginfo returns si_code of a child that has ended, which all releases have (item 67), and release 10's si_status
// (item 69): the whole of what it passed to exit(2). mu is held.
func (c *Proc) exitSiginfo() (code, status int32) {
	w := c.xstat
	switch {
	case w.CoreDump():
		return netbsd.CLD_DUMPED, int32(w.TermSignal())
	case w.Signaled():
		return netbsd.CLD_KILLED, int32(w.TermSignal())
	}
	return netbsd.CLD_EXITED, c.xexit
}

// copyWait4 copies out status, then rusage; in release 2003 the latter for zombies only (item 78). After a
// fault at the second the first has been written (item 76). mu is not held: the guest's memory may have to be
// fetched, and its other LWPs may unmap it meanwhile.
func (out *WaitOut) copyWait4(r *waitResult, r2003 bool) netbsd.Errno {
	if out == nil {
		return 0
	}
	if out.Status != nil {
		if errno := out.Status(r.status); errno != 0 {
			return errno
		}
	}
	if out.Rusage != nil && (r.zombie || !r2003) {
		return out.Rusage(&r.self)
	}
	return 0
}

// copyWait6 copies out status, usage and siginfo, in sys_wait6's order; the first fault ends it. Without
// WNOWAIT the child has been consumed by then, so a guest that passes a bad pointer has lost what was to be
// told. mu is not held.
func (out *WaitOut) copyWait6(r *waitResult) netbsd.Errno {
	if out == nil {
		return 0
	}
	if out.Status != nil {
		if errno := out.Status(r.status); errno != 0 {
			return errno
		}
	}
	if out.Wrusage != nil {
		if errno := out.Wrusage(&r.self, &r.children); errno != 0 {
			return errno
		}
	}
	if out.Info != nil {
		return out.Info(&r.info)
	}
	return 0
}

// WaitResult is what Wait found. All is zero if WNOHANG found nothing ready. Of a zombie Rusage includes the
// descendants that it had waited for.
type WaitResult struct {
	Pid    int
	Status netbsd.WaitStatus
	Rusage netbsd.Rusage
}

// Wait is Wait4 for Go-function guests: it returns its findings as values and starts
// again after ERESTART.
func (l *LWP) Wait(pid, options int) (WaitResult, netbsd.Errno) {
	var r WaitResult
	out := WaitOut{
		Status: func(w netbsd.WaitStatus) netbsd.Errno { r.Status = w; return 0 },
		Rusage: func(u *netbsd.Rusage) netbsd.Errno { r.Rusage = *u; return 0 },
	}
	errno := Restart(func() (errno netbsd.Errno) {
		r.Pid, errno = l.Wait4(pid, options, &out)
		return errno
	})
	return r, errno
}
