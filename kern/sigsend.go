package kern

import "toaster/netbsd"

// This file sends signals: kill(2) and its like, and psignal, which all go through.
//
// A sender holds mu from the choice of the targets to the last of them, and does not block: it makes the
// signal pending and marks an LWP that is to look (attn). What the signal does, the target does by itself,
// when that LWP comes by (sigdeliver.go). Only what cannot wait for that happens here: a continuation, the
// end of a sleep, the word to an address space that its process is to die (doom).

// Kill is kill(2) by l: pid > 0 a process, 0 the caller's group, -1 all it may
// signal but itself, below -1 the group -pid. Signal 0 only checks.
//
// EINVAL: no such signal; EPERM: not allowed; ESRCH: nobody there. A zombie is
// somebody in release 10, whoever asks, nobody in release 2003 (item 41); in a group it is
// somebody in both.
func (l *LWP) Kill(pid int, sig netbsd.Signal) netbsd.Errno {
	if sig != 0 && !sig.Valid() {
		return netbsd.EINVAL
	}
	return l.call(func() netbsd.Errno {
		info := netbsd.Siginfo{Signo: sig, Code: netbsd.SI_USER, Pid: l.p.pid, UID: l.p.cred.EUID}
		return l.p.m.kill(l.p, pid, &info)
	})
}

// Killpg is killpg1 for the old killpg(2): the group pgid, 0 the caller's. EINVAL: no such signal; ESRCH: nobody is in it, or nobody whom
// the caller may signal.
func (l *LWP) Killpg(pgid int, sig netbsd.Signal) netbsd.Errno {
	if sig != 0 && !sig.Valid() {
		return netbsd.EINVAL
	}
	return l.call(func() netbsd.Errno {
		info := netbsd.Siginfo{Signo: sig, Code: netbsd.SI_USER, Pid: l.p.pid, UID: l.p.cred.EUID}
		switch {
		case pgid == 0:
			return l.p.killGroup(l.p.pgrp, &info)
		case pgid < 0:
			return netbsd.ESRCH
		}
		return l.p.m.killPgrp(l.p, pgid, &info)
	})
}

// Sigqueue is sigqueueinfo(2): Kill with a siginfo of the sender's. EPERM as well: it goes to
// another pid than the caller's, and its Pid and UID are not the sender's or its Code is neither
// SI_USER nor SI_QUEUE (kill1). EAGAIN: too many queued.
func (l *LWP) Sigqueue(pid int, info *netbsd.Siginfo) netbsd.Errno {
	if info.Signo != 0 && !info.Signo.Valid() {
		return netbsd.EINVAL
	}
	return l.call(func() netbsd.Errno {
		if pid != int(l.p.pid) && !l.p.maySay(info) {
			return netbsd.EPERM
		}
		return l.p.m.kill(l.p, pid, info)
	})
}

// maySay reports whether another process may be told info by p: nobody claims to be somebody
// else, or the kernel. mu is held.
func (p *Proc) maySay(info *netbsd.Siginfo) bool {
	return info.Pid == p.pid && info.UID == p.cred.EUID &&
		(info.Code == netbsd.SI_USER || info.Code == netbsd.SI_QUEUE)
}

// kill is kill(2)'s choice of whom pid means. from is the sender, whose rights count; info
// says what is sent, signal 0 for a look only. mu is held, so the signal reaches everybody who
// is in the group at one moment and nobody who joins it later.
func (m *Machine) kill(from *Proc, pid int, info *netbsd.Siginfo) netbsd.Errno {
	switch {
	case pid > 0:
		return m.killOne(from, pid, info)
	case pid == -1:
		return m.killAll(from, info)
	case pid == 0:
		return from.killGroup(from.pgrp, info)
	}
	return m.killPgrp(from, -pid, info)
}

// killPgrp is kill for a group by its id. A group without members stands for its session's id alone, and
// is nobody; but members there, of a program of the host whose group here has gone, may still go by the id
// (killLeft). mu is held.
func (m *Machine) killPgrp(from *Proc, pgid int, info *netbsd.Siginfo) netbsd.Errno {
	g := m.pids.findGroup(pgid)
	if g == nil || g.n == 0 {
		return m.killLeft(from, int32(pgid), info.Signo)
	}
	return from.killGroup(g, info)
}

// A process that is dying or a zombie counts as somebody in release 10, whose kill1 asks
// proc_find_raw: kill returns 0, without a look at rights (item 41). So is an embryo, which nobody has
// been told of yet. The error of a full queue is the sender's. mu is held.
func (m *Machine) killOne(from *Proc, pid int, info *netbsd.Siginfo) netbsd.Errno {
	p := m.pids.find(pid)
	if p == nil || m.r2003 && !p.alive() {
		return netbsd.ESRCH
	}
	if !p.alive() {
		return 0
	}
	if !from.canSignal(p, info.Signo) {
		return netbsd.EPERM
	}
	if info.Signo != 0 {
		return m.psignal(p, info, nil)
	}
	return 0
}

// killAll is kill(2) with pid -1. Neither init nor the sender is meant by it (killpg1 skips p_pid <= 1 and the caller). ESRCH
// where the sender may signal nobody: NetBSD counts those that passed the check. A full queue at one of
// them is no error of the call. psignal takes nobody off the list: who dies of the signal does so on a
// goroutine of its own, which has to wait for mu. mu is held.
func (m *Machine) killAll(from *Proc, info *netbsd.Siginfo) netbsd.Errno {
	found := false
	for p := m.all.head; p != nil; p = p.allNext {
		if p.pid <= 1 || p == from || !from.canSignal(p, info.Signo) {
			continue
		}
		found = true
		if info.Signo != 0 {
			m.psignal(p, info, nil)
		}
	}
	if !found {
		return netbsd.ESRCH
	}
	return 0
}

// Members that the sender may not signal are skipped without an error as long as there is one
// that it may; zombies count in every release, as they are still members. The groups of the host's that g
// stands for come last, and once, whatever the number of processes that have members in them. mu is held.
func (from *Proc) killGroup(g *Pgrp, info *netbsd.Siginfo) netbsd.Errno {
	found := false
	for p := g.members; p != nil; p = p.pgNext {
		if p.pid <= 1 || !from.canSignal(p, info.Signo) {
			continue
		}
		found = true
		if info.Signo != 0 {
			g.signalMember(p, info)
		}
	}
	if !found {
		return netbsd.ESRCH
	}
	if info.Signo != 0 {
		g.signalForeign(info.Signo, nil)
	}
	return 0
}

// canSignal is CANSIGNAL: the superuser may, equal users may, and SIGCONT goes
// everywhere in the session.
//
// The target's saved user does not count (kauth_cred_uidmatch of kern_auth.c). SIGCONT within the session is what lets a shell continue a job that runs
// set-id. mu is held.
func (from *Proc) canSignal(p *Proc, sig netbsd.Signal) bool {
	a, b := from.cred, p.cred
	if a.IsRoot() || from == p {
		return true
	}
	if a.RUID == b.RUID || a.RUID == b.EUID || a.EUID == b.RUID || a.EUID == b.EUID {
		return true
	}
	return sig == netbsd.SIGCONT && p.pgrp != nil && from.pgrp != nil && p.pgrp.sess == from.pgrp.sess
}

// Signal sends info to p for the embedder, without a check of permission. Signo 0
// only looks. ESRCH: p is gone, or, in release 2003, dead.
//
// A p that another goroutine has reaped meanwhile is ESRCH and nothing worse: no other process ever has
// its Proc, so an embedder that keeps it cannot hit a process that has the pid by now. EAGAIN: too many
// signals are queued for p.
func (p *Proc) Signal(info *netbsd.Siginfo) netbsd.Errno {
	if info.Signo != 0 && !info.Signo.Valid() {
		return netbsd.EINVAL
	}
	m := p.m
	m.lock()
	defer m.unlock()
	if p.state == StateEmbryo || p.state == StateFree || m.r2003 && p.state >= StateDead {
		return netbsd.ESRCH
	}
	if info.Signo == 0 {
		return 0
	}
	return m.psignal(p, info, nil)
}

// Kill is Signal with a plain signal.
func (p *Proc) Kill(sig netbsd.Signal) netbsd.Errno {
	return p.Signal(&netbsd.Siginfo{Signo: sig, Code: netbsd.SI_USER})
}

// Kill sends a plain signal to pid (above 0) or to the group -pid for the embedder. It does so in the name
// of init, so 0 is init's group, and -1 everybody else. Errors are those of LWP.Kill.
func (m *Machine) Kill(pid int, sig netbsd.Signal) netbsd.Errno {
	if sig != 0 && !sig.Valid() {
		return netbsd.EINVAL
	}
	info := netbsd.Siginfo{Signo: sig, Code: netbsd.SI_USER}
	m.lock()
	defer m.unlock()
	return m.kill(m.init, pid, &info)
}

// signalLocked is pgsignal: sig to the group's members, with ctty only to those that have a
// controlling terminal, as signals of the terminal are. The kernel is the sender: no rights
// are asked for, and there is no siginfo (KSI_INIT_EMPTY). but, if it is not nil, is left out, and there, a
// group of another kernel's, with who is in it: these have the signal already. mu is held.
func (g *Pgrp) signalLocked(sig netbsd.Signal, ctty bool, but *Proc, there ForeignGroup) {
	info := netbsd.Siginfo{Signo: sig, Code: netbsd.SI_NOINFO}
	for p := g.members; p != nil; p = p.pgNext {
		switch {
		case p == but, ctty && p.flags&fControlT == 0:
		case there != nil && p.groupThere() == there:
			p.noteForeign(sig)
		default:
			g.signalMember(p, &info)
		}
	}
	g.signalForeign(sig, there)
}

// psignal is kpsignal2: it makes a signal pending for p, or for its LWP target,
// and does at once what is due at sending time: dropping ignored ones, the mutual
// cancelling of stop signals and SIGCONT, waking, continuing.
//
// info.Signo is a signal, not 0, and nobody's rights are looked at: both are the caller's duty. Who is dying
// or gone takes none, which is no error (signalExiting). EAGAIN: the queue is full; the signal is pending
// without its siginfo, and nobody is told, as in kpsignal2. mu is held, and not dropped.
func (m *Machine) psignal(p *Proc, info *netbsd.Siginfo, target *LWP) netbsd.Errno {
	sig := info.Signo
	if p.state != StateActive || p.flags&fWExit != 0 {
		p.signalExiting(sig)
		return 0
	}
	if f := p.foreign(); f != nil && p.signalForeign(f, sig) {
		return 0
	}
	// A guest with its actions lent may have changed them in its own memory. All that follows goes by them.
	p.collectActions(false)
	p.knoteSignal(sig)
	prop := sigprops[sig]
	named := target
	if prop&(sCantMask|sCont|sStop) != 0 {
		target = nil // acts on the whole process (SA_TOALL)
	}
	// A tracer is shown even what is ignored or would stop an orphan, so nothing is dropped before it has looked.
	traced := p.shows(sig)
	caught := p.acts.catch.Has(sig)
	if !traced {
		if p.dropSignal(sig, prop, caught) {
			return 0
		}
		if !caught {
			p.hurry(prop)
		}
	}
	p.cancelOpposite(prop)
	if prop&sCantMask == 0 && p.sigunwait(info, named) {
		if prop&sCont != 0 && !traced && p.flags&(fStopped|fStopping) != 0 {
			p.continued() // taken by sigtimedwait or not, it continues
		}
		return 0
	}
	sp := &p.pend
	if target != nil {
		sp = &target.pend
	}
	if errno := sp.put(info); errno != 0 {
		return errno
	}
	if p.flags&(fStopped|fStopping) != 0 && !m.signalStopped(p, sig, prop, traced, caught) {
		return 0
	}
	// Continued; nothing more to do. In 2003 it stays pending if it is blocked (SIG_HOLD of
	// psignal1); kpsignal2 of NetBSD 10 never keeps it.
	if prop&sCont != 0 && !traced && !caught && !(m.r2003 && p.allMask(sig)) {
		p.pend.clear(contSigs)
		return 0
	}
	// doom before post, while no LWP knows: one that does not come by is for the platform to end. A process of a
	// paused machine takes nothing but SIGKILL, and Resume dooms for the rest.
	if sig == netbsd.SIGKILL || !traced && !m.paused && p.diesOf(sig) {
		p.doom(sig == netbsd.SIGKILL)
	}
	p.post(sig, prop, target)
	return 0
}

// cancelOpposite takes what is pending of the other kind: of a stop and a continuation the later one counts, whether it is caught, blocked or
// neither. A terminal's stop that dropSignal has dropped must not take a SIGCONT with it, so this comes behind it. mu is held.
func (p *Proc) cancelOpposite(prop sigProp) {
	if prop&sCont != 0 {
		p.clearPending(stopSigs)
	}
	if prop&sStop != 0 {
		p.clearPending(contSigs)
	}
}

// signalExiting is for a process that has stopped in its exit (PS_STOPEXIT): it goes
// on for SIGCONT or SIGKILL. All other signals are ignored (item 10).
//
// kpsignal2 sees SSTOP, so the parent is told of the continuation, and a tracer lets nobody but
// SIGKILL take its process. A core dump, which may last, is ended by SIGKILL: there is nothing to be
// read any more. mu is held.
func (p *Proc) signalExiting(sig netbsd.Signal) {
	if p.flags&fDumping != 0 && sig == netbsd.SIGKILL {
		p.doom(true)
	}
	if p.state != StateExiting || p.flags&fStopped == 0 {
		return
	}
	switch {
	case sig == netbsd.SIGKILL:
		p.unstop()
	case sig == netbsd.SIGCONT && p.flags&fTraced == 0:
		p.continued()
	}
}

// allMask reports whether every LWP blocks sig. A mask that is lent is read where the guest has it, and may
// be another a moment later. mu is held.
func (p *Proc) allMask(sig netbsd.Signal) bool {
	for l := p.lwps; l != nil; l = l.next {
		if l.stat < LWPDead && !l.maskNow().Has(sig) && !l.lostVP() {
			return false
		}
	}
	return true
}

// dropSignal reports whether an untraced process never sees sig.
//
// ignore has what is ignored explicitly or by default, but never SIGCONT, which continues a process that
// ignores it. The stop of a terminal is looked at once more when it is taken (orphaned), as the group may
// have been orphaned in between. mu is held.
func (p *Proc) dropSignal(sig netbsd.Signal, prop sigProp, caught bool) bool {
	if p.acts.ignore.Has(sig) {
		return true
	}
	if !caught && prop&sTTYStop != 0 && p.pgrp.jobc == 0 && p.acts.act[sig].Handler == netbsd.SIG_DFL {
		return true // a stopped orphan would have nobody to continue it
	}
	return false
}

// hurry has a process that is to die not do so slowly: what kills by default ends a nice value above the middle, and the process may
// block it for good. mu is held.
func (p *Proc) hurry(prop sigProp) {
	if prop&sKill != 0 && p.ext != nil {
		p.ext.nice = min(p.ext.nice, nzero)
	}
}

// signalStopped handles a signal for a process that is stopped or stopping. It
// reports whether the LWPs are to be told.
//
// SIGKILL ends every stop, a tracer's too, and takes its report back: wait4(2) is told of the death alone.
// What else comes stays pending until the process goes on, and so do SIGCONT and further stops under a tracer. mu
// is held.
func (m *Machine) signalStopped(p *Proc, sig netbsd.Signal, prop sigProp, traced, caught bool) bool {
	switch {
	case sig == netbsd.SIGKILL:
		p.unstop()
		return true
	case traced:
		if l := p.traceStopped(); l != nil && !l.maskNow().Has(sig) {
			return false // it looks when the tracer lets it go on
		}
	case prop&sCont != 0:
		p.continued()
		return true
	case prop&sStop != 0:
		p.pend.clear(sig.Bit()) // one stop is enough
		return false
	}
	// It stays stopped, but, if nobody traces it, its interruptible sleep is over.
	for l := p.lwps; l != nil; l = l.next {
		if l.stat == LWPStopped {
			l.attn.Or(aSignal)
			if !traced && l.asleep && l.flags&lIntr != 0 && !l.maskNow().Has(sig) {
				l.asleep, l.reason = false, rSignal
			}
		}
	}
	return false
}

// post tells the LWPs of a new signal: all, until one will take it (sigpost). Those that were asked before
// keep the mark, as the taker may block the signal before it comes by. SIGKILL is told to all: any may be
// the only one to come by. SIGSTOP needs only one, since stop tells the others. mu is held.
func (p *Proc) post(sig netbsd.Signal, prop sigProp, target *LWP) {
	if target != nil {
		target.sigpost(sig)
		return
	}
	for l := p.lwps; l != nil; l = l.next {
		if l.sigpost(sig) && sig != netbsd.SIGKILL {
			return
		}
	}
}

// sigpost marks l for a look at what is pending, and reports whether l will take sig soon.
//
// False is for one that blocks the signal, sleeps uninterruptibly or is suspended: the mark makes it look when it
// comes by, and meanwhile another LWP is asked. SIGKILL ends a suspension, whoever ordered it (NetBSD leaves
// such an LWP suspended). A pause of the machine counts as running: no guest may tell that there is one. mu
// is held.
func (l *LWP) sigpost(sig netbsd.Signal) bool {
	if l.stat >= LWPDead || !l.pending().Has(sig) && l.lostVP() || !l.unhold(sig) {
		return false
	}
	if l.maskNow().Has(sig) {
		if l.lent != nil {
			l.setAttn(aSignal) // or it could let the signal through at once, unnoticed
		} else {
			l.attn.Or(aSignal)
		}
		return false
	}
	switch l.stat {
	case LWPRunning, LWPIdle:
		l.setAttn(aSignal)
		return true
	case LWPSleeping:
		l.setAttn(aSignal)
		if l.flags&lIntr == 0 {
			return false
		}
		l.wakeup(rSignal)
		return true
	case LWPSuspended:
		paused := l.pausedOnly()
		l.setAttn(aSignal)
		if sig == netbsd.SIGKILL {
			l.attn.And(^(aSuspend | aHold))
			l.resume()
		}
		return paused
	case LWPStopped:
		return l.wakeStanding()
	}
	return false
}

// unhold ends a tracer's PT_SUSPEND of l for a signal that kills by default, caught or blocked or not (LW_DBGSUSPEND in sigpost), and reports whether
// l may be told of sig: one that is held is not. It stands as one that a continuation has left standing, then. mu is held.
func (l *LWP) unhold(sig netbsd.Signal) bool {
	switch {
	case l.attn.Load()&aHold == 0 || sig == netbsd.SIGKILL: // which ends all suspension, in sigpost
		return true
	case sigprops[sig]&sKill == 0:
		return false
	}
	l.attn.And(^aHold)
	if l.stat == LWPSuspended && l.attn.Load()&(aSuspend|aPause) == 0 && !l.isCached() {
		l.setStat(LWPStopped)
	}
	return true
}

// wakeStanding has l, which a tracer's continuation of another LWP has left standing, go on for a signal, and reports whether it does: not where it
// stands in a sleep that no signal ends. mu is held.
func (l *LWP) wakeStanding() bool {
	l.attn.Or(aSignal)
	if l.p.flags&(fStopped|fStopping) != 0 || l.asleep && l.flags&lIntr == 0 {
		return false
	}
	if l.asleep {
		l.asleep, l.reason = false, rSignal
	}
	if l.ext != nil {
		l.ext.inTrace = false
	}
	l.resume()
	return true
}

// sigunwait hands the signal to an LWP in sigtimedwait(2) that asked for it. It never becomes pending then, and no
// handler runs.
//
// waitSet is cleared with that, so that the next signal is not handed to an LWP which has not run yet: it
// has room for one. The siginfo is copied, as info is the sender's and may serve for other targets. mu is held.
func (p *Proc) sigunwait(info *netbsd.Siginfo, target *LWP) bool {
	l := p.sigwaiter(info.Signo, target)
	if l == nil {
		return false
	}
	si := *info
	l.ext.got, l.ext.waitSet = &si, 0
	if l.asleep {
		l.wakeup(rWoken)
	} else {
		l.token = true // it has stopped on its way to the sleep
	}
	return true
}

// sigwaiter returns the LWP that sigunwait hands sig to: of those that wait the one that was the last to begin (p_sigwaiters). A
// signal for target is for that LWP alone, even if others wait for it. mu is held.
func (p *Proc) sigwaiter(sig netbsd.Signal, target *LWP) (latest *LWP) {
	for l := p.lwps; l != nil; l = l.next {
		x := l.ext
		switch {
		case target != nil && l != target, x == nil || !x.waitSet.Has(sig) || x.got != nil:
		case latest == nil || x.waitNo > latest.ext.waitNo:
			latest = l
		}
	}
	return latest
}
