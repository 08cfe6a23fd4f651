package kern

import (
	"time"

	"toaster/internal/guard"
	"toaster/netbsd"
)

// This file implements exit1, the end of a process, in the order of
// doc/lifecycle.md, items 3 to 48.
//
//   - Before (lwp.go, decideExit): init's death is refused (3), P_WEXIT is set (4),
//     and the body's deferred functions run.
//   - exit1 runs on the goroutine of the LWP that exits first, below all frames of
//     its body. Whatever can block comes first: LWPs, files, directories, hooks, the
//     terminal, accounting, the emulation, and in release 10 the memory.
//   - Then comes the zone without sleep (bury): dead, told, signalled.
//   - In release 2003 the reaper goroutine (reaper.go) frees the memory and makes
//     the zombie; in release 10 exit1 itself does.

// ending is how a process ends. code is all that exit(2) was given, w the status word. They are apart as
// release 10 tells all 32 bits in a siginfo, which the word has no room for (item 1). The zero value is
// exit(0).
type ending struct {
	code int32
	w    netbsd.WaitStatus
}

// exited is the end of a process that has called exit(2).
func exited(code int) ending { return ending{int32(code), netbsd.ExitStatus(code, 0)} }

// killed is the end by a signal.
func killed(sig netbsd.Signal) ending { return ending{w: netbsd.ExitStatus(0, sig)} }

// endingOf makes of a status word what it tells: the low 24 bits of the code.
func endingOf(w netbsd.WaitStatus) ending { return ending{int32(w) >> 8, w} }

// exit1 ends l's process as e says.
//
// The goroutine is the LWP's, and its body is over: nothing of the guest runs, and the kernel
// calls that hooks make as l are those of modeHook. mu is held at each step, and dropped by
// the steps that call the layers above or wait; a step after such a one must not rely on what
// was true before it.
func (l *LWP) exit1(e ending) {
	p, m := l.p, l.p.m
	l.mode.Store(modeHook)
	m.lock()
	p.setState(StateExiting)
	p.forgetLent()
	// What was pending is dropped with the signals below; left in attn it would cut short the
	// sleeps of the hooks, and closing a file must come to its end.
	l.attn.Store(0)
	p.flags &^= fStopping // a stop that had begun is off
	l.endRobust()
	if m.r2003 {
		l.release2003(e)
		l.bury2003()
		return
	}
	wakeInit := l.release10(e)
	l.bury10(wakeInit)
}

// release2003 lets go of what l's process has, in the order of kern_exit.c 1.127. mu is held.
func (l *LWP) release2003(e ending) {
	p := l.p
	sa := p.disableUpcalls(l)
	p.stopProfiling(l)
	p.step(l, StepAllocRusage)
	p.ru = p.m.newRusage()
	p.wakeVforkParent(l)
	p.ignoreSignals(l)
	p.freeTimers(l)
	// Before any file closes (item 12): another LWP could be in the middle of a write.
	if sa || p.nlwps > 1 {
		l.endOthers()
	}
	p.purgeRAS(l)
	p.releaseFiles(l)
	p.runExitHooks(l)
	p.leaveSession(l)
	p.step(l, StepFixJobControl)
	p.fixjobc()
	p.writeAcct(l)
	p.releaseTraces(l)
	p.emulExit(l)
	p.orphanChildren(l)
	p.forgetStolen(l)
	p.storeStatus(l, e)
	p.finalRusage(l)
}

// release10 does so in the order of NetBSD 10's kern_exit.c, and reports whether init is to be
// woken for what it has inherited.
//
// The memory goes before the terminal: a vfork parent must not wait for output that drains.
// mu is held.
func (l *LWP) release10(e ending) (wakeInit bool) {
	p := l.p
	if p.nlwps > 1 {
		l.endOthers()
	}
	if p.flags&fStopExit != 0 {
		l.stopOnExit()
	}
	p.ignoreSignals(l)
	p.flags |= fDying
	p.freeTimers(l)
	p.purgeRAS(l)
	p.releaseFiles(l)
	p.runExitHooks(l)
	p.freeSigacts(l)
	p.writeAcct(l)
	p.releaseTraces(l)
	p.storeStatus(l, e)
	p.emulExit(l)
	p.freeVM(l)
	p.stopProfiling(l)
	p.wakeVforkParent(l)
	p.leaveSession(l)
	p.step(l, StepFixJobControl)
	p.fixjobc()
	p.forgetStolen(l)
	return p.orphanChildren(l)
}

// endOthers ends all LWPs but l. doom comes first, so that threads which do not come by
// themselves are ended by the platform. mu is held before and after.
func (l *LWP) endOthers() {
	l.p.doom(false)
	l.exitLWPs()
}

// storeStatus makes e what a wait will tell (item 38). p_xstat of 2003 has 16 bits. mu is held.
func (p *Proc) storeStatus(l *LWP, e ending) {
	p.step(l, StepStoreStatus)
	if p.m.r2003 {
		e.w &= 0xffff
	}
	p.xstat, p.xexit = e.w, e.code
}

// unlocked runs f, which may block, with mu dropped. After a panic of f's whoever exits goes
// on exiting.
//
// Who calls it holds mu and must look again afterwards at whatever it had found out. A panic
// in f, which belongs to a layer above, is caught here where Config.Bug is set: exit would
// otherwise end half-way, and the parent wait for ever.
func (p *Proc) unlocked(f func()) {
	m := p.m
	m.unlock()
	if m.cfg.Bug == nil {
		f()
	} else if b := guard.Catch("a process ended", f); b != nil {
		b.Pid = int(p.pid)
		m.found(nil, b)
	}
	m.lock()
}

// newRusage returns a record with zeroes, a used one if there is one: most processes live
// briefly, and their records would be a third allocation of each. mu is held.
func (m *Machine) newRusage() *netbsd.Rusage {
	n := len(m.ruFree)
	if n == 0 {
		return new(netbsd.Rusage)
	}
	r := m.ruFree[n-1]
	m.ruFree = m.ruFree[:n-1]
	*r = netbsd.Rusage{}
	return r
}

// stopProfiling stops the profiling clock of a process that has one (item 6). mu is held.
func (p *Proc) stopProfiling(l *LWP) {
	if p.flags&fProfil == 0 {
		return
	}
	p.stopProfil()
	p.step(l, StepStopProfiling)
}

// wakeVforkParent lets the LWP go on that waits for p in vfork. kern_exit.c 1.127 wakes
// the present parent, which under a debugger is not the one that waits (item 9).
//
// An exit comes here and an exec, whichever is first; the flag is cleared so that the second does nothing. The
// parent must find the flag cleared when it looks (awaitVfork). mu is held.
func (p *Proc) wakeVforkParent(l *LWP) {
	if p.flags&fPPWait == 0 {
		return
	}
	p.step(l, StepWakeVforkParent)
	p.flags &^= fPPWait
	// It is called from exec, too, and then the process goes on.
	if p.state == StateActive && (p.pend.set|l.pend.set)&stopSigs != 0 {
		l.attn.Or(aSignal) // stops were put off meanwhile (wanted)
	}
	if p.m.r2003 {
		p.parent.waiters.wakeAll()
		return
	}
	if w := p.vforkLWP; w != nil {
		p.vforkLWP = nil
		w.vforkwait = false
		w.wakeup(rWoken)
	}
}

// ignoreSignals drops what is pending. What comes later is dropped by psignal, which looks at
// the process's state: from here on even SIGKILL changes nothing any more (item 10). mu is
// held.
func (p *Proc) ignoreSignals(l *LWP) {
	p.step(l, StepIgnoreSignals)
	p.clearPending(netbsd.AllSignals)
}

// stopOnExit is PS_STOPEXIT: stopped with the exit begun, until SIGCONT.
//
// The process has begun to exit, so no signal reaches it; SIGCONT and SIGKILL go through
// signalExiting. A loop, as mu is dropped while l stands. mu is held before and after.
func (l *LWP) stopOnExit() {
	p := l.p
	p.step(l, StepStopOnExit)
	p.flags &^= fStopExit
	p.stop(0, false)
	for p.flags&(fStopping|fStopped) != 0 && l.attn.Load()&aExit == 0 {
		l.stopHere()
	}
}

// releaseFiles closes all descriptors and lets go of the directories (items 14 and 15). Close
// may block for long, as for a tape or a socket that lingers. The fields stay set meanwhile: a
// debugger that looks finds the table, whose own lock says what is still in it.
func (p *Proc) releaseFiles(l *LWP) {
	p.step(l, StepCloseFiles)
	if f := p.files; f != nil {
		p.unlocked(f.Close)
		p.files = nil
	}
	p.step(l, StepReleaseDirs)
	if d := p.dirs; d != nil {
		p.unlocked(d.Close)
		p.dirs = nil
	}
}

// The machine's hooks run before the process's own. The slice is read with mu held; OnExit
// adds to it no more once the exit has begun.
func (p *Proc) runExitHooks(l *LWP) {
	p.step(l, StepExitHooks)
	var own []func(*Proc)
	if p.ext != nil {
		own = p.ext.exitHooks
	}
	if len(own)+len(p.m.cfg.ExitHooks) == 0 {
		return
	}
	p.unlocked(func() {
		for _, h := range p.m.cfg.ExitHooks {
			h(p)
		}
		for _, h := range own {
			h(p)
		}
	})
}

// OnExit has f called when p exits, where doexithooks calls them (item 16). ESRCH if p has begun to exit: f is
// not called then, and what it was to undo is the caller's. f runs on the goroutine of p's last LWP, without
// mu, behind the hooks that were there before; a fork does not copy it.
func (p *Proc) OnExit(f func(*Proc)) netbsd.Errno {
	p.m.lock()
	defer p.m.unlock()
	if p.flags&fWExit != 0 || p.state > StateActive {
		return netbsd.ESRCH
	}
	p.extra().exitHooks = append(p.extra().exitHooks, f)
	return 0
}

// leaveSession is what a session's leader does with its terminal (items 17 to 25).
//
// The leader alone does it: a session ends with its leader, even if members live on. s.ttyvp
// is tested a second time since a revoke(2) may have come while the output drained (item 20).
// mu is held.
func (p *Proc) leaveSession(l *LWP) {
	s := p.pgrp.sess
	if s.leader != p {
		return
	}
	if s.ttyvp {
		if s.tty.sess == s {
			p.hangup(l, s)
		}
		if s.ttyvp {
			p.step(l, StepReleaseTTY)
			s.dropVnode()
			p.unlocked(func() {}) // the device hears of it now, before anybody hears of the exit
		}
	}
	p.step(l, StepClearLeader)
	s.leader = nil
}

// hangup is for the session that the terminal still belongs to (item 22 is the other case).
// The terminal is parted from the session before it drains (item 18): the drain can last, and
// a new session must be able to take it. mu is held, and dropped while the device works.
func (p *Proc) hangup(l *LWP, s *Session) {
	t := s.tty
	if t.pgrp != nil {
		p.step(l, StepHangupSession)
		t.pgrp.signalLocked(netbsd.SIGHUP, true, p, nil)
	}
	p.step(l, StepClearTTY)
	t.pgrp, t.sess = nil, nil
	p.step(l, StepReleaseSession)
	s.release()
	p.step(l, StepDrainTTY)
	if t.dev != nil {
		p.unlocked(func() { t.dev.Drain(l) })
	}
	if s.ttyvp { // not revoked meanwhile
		p.step(l, StepRevokeTTY)
		if t.dev != nil {
			p.unlocked(t.dev.Revoke)
		}
	}
}

// releaseTraces comes after accounting, so that the record of it is still traced (items 29 and
// 30). Each field is cleared before its reference is dropped, as dropping may block. mu is
// held.
func (p *Proc) releaseTraces(l *LWP) {
	x := p.ext
	if x == nil {
		return
	}
	if x.ktrace != nil {
		p.step(l, StepReleaseKtrace)
		k := x.ktrace
		x.ktrace = nil
		p.calls.And(^uint32(callsKtrace))
		p.unlocked(k.Release)
	}
	if x.systrace != nil {
		p.step(l, StepDetachSystrace)
		s := x.systrace
		x.systrace = nil
		p.calls.And(^uint32(callsSystrace))
		p.unlocked(s.Release)
	}
}

// emulExit calls e_proc_exit. In release 10 the status is stored already and the hook may
// change it (SetExitStatus); in 2003 it is stored afterwards (items 31 and 38). mu is held.
func (p *Proc) emulExit(l *LWP) {
	if f := p.img.Emul.ProcExit; f != nil {
		p.step(l, StepEmulExit)
		p.unlocked(func() { f(p) })
	}
}

// freeVM frees the address space. The usage that it measures is taken first.
//
// In release 10 exit1 calls it on l's goroutine before anybody is told of the death; in 2003
// the reaper does, with a nil l, when the process is dead but no zombie (item 63). Either way
// a zombie owns no memory. mu is held.
func (p *Proc) freeVM(l *LWP) {
	p.step(l, StepFreeVM)
	vm := p.vm
	if vm == nil {
		return
	}
	p.saveUsage(l)
	p.unlocked(func() { vm.Exit(p, l) })
	p.vm = nil
}

// finalRusage makes p.ru: own usage with final times, then the children's (39).
//
// The last slice of the exiting LWP counts, as the address space is asked before the LWP goes.
// Descendants that were not waited for are not in cru, and their time is lost to everybody, as
// POSIX has it. mu is held.
func (p *Proc) finalRusage(l *LWP) {
	p.step(l, StepFinalRusage)
	p.saveUsage(l)
	*p.ru = p.ownUsageLocked()
	if p.ext != nil {
		p.ru.Add(&p.ext.cru)
	}
}

// bury2003 is the zone in which exit no longer sleeps: from SDEAD to the reaper. l's goroutine
// is at its end.
//
// Nothing in here and in bury10 may block: between SDEAD and the zombie a parent that waits in release 10 does
// not return (item 87), so it relies on the moment being short. NOTE_EXIT and, in 2003, the counters (savePMC)
// drop mu: their code is the layers' above. In 2003 NOTE_EXIT precedes SIGCHLD; in 10 it follows, and carries
// the status (item 42).
func (l *LWP) bury2003() {
	p := l.p
	p.setDead(l)
	l.leavePlace()
	p.noteExit(l)
	p.savePMC(l)
	p.noCldWait(l)
	p.freeSigacts(l)
	p.freeLimits(l)
	l.exit2()
}

// bury10 is the same up to the zombie. init is woken last: by then the death has been told.
//
// heir is looked up first, as it is whom orphanChildren has moved p's children to: noCldWait may hand p itself
// to another parent, and from there the way up could lead elsewhere. l stays on the list as a zombie,
// undetached, so that it goes with the process (unlinkAll) and nobody frees it before. mu is held, and dropped.
func (l *LWP) bury10(wakeInit bool) {
	p, m := l.p, l.p.m
	heir := p.reaperFor()
	p.setDead(l)
	l.leavePlace()
	if p.noCldWait(l) {
		wakeInit = true
	}
	if p.exitsig != 0 {
		p.step(l, StepSignalParent)
		p.exitSignal(p.parent)
	}
	p.ru = m.newRusage()
	p.finalRusage(l)
	p.noteExit(l)
	p.freeLid(l.lid)
	l.flags &^= lDetached
	l.setStat(LWPZombie)
	p.nzlwps++
	p.step(l, StepSetZombie)
	p.becomeZombie()
	p.step(l, StepWakeParent)
	p.parent.waiters.wakeAll()
	if wakeInit {
		p.step(l, StepWakeInit)
		heir.waiters.wakeAll()
	}
	p.step(l, StepCPUExit)
	m.unlock()
	l.mode.Store(modeDead)
	l.goroutineEnds()
}

// setDead is item 40: SDEAD, LSDEAD, from allproc to the head of zombproc.
//
// From here pfind does not find p (item 41), and a fork or a signal that holds a pointer finds
// its state. The list of zombies is in the order of death, the last one first. mu is held.
func (p *Proc) setDead(l *LWP) {
	m := p.m
	p.step(l, StepSetDead)
	p.setState(StateDead)
	p.flags &^= fContinued
	if p.flags&fSubreaper != 0 {
		p.flags &^= fSubreaper
		m.nsubreapers--
	}
	m.all.remove(p)
	m.zombies.pushFront(p)
	if !m.r2003 {
		p.parent.toHead(p)
	}
	m.nzombies++
	if m.r2003 {
		l.setStat(LWPDead)
		l.flags |= lDetached
	}
	p.report(kDead)
	m.event(Event{Kind: EventExit, Pid: p.pid, Status: p.xstat})
}

// noCldWait returns p to init if the parent wants no zombies (items 44 to 46). It
// reports whether it did.
//
// The parent may itself lend its actions to user code, so they are collected before they are
// looked at. The new parent is init or a subreaper, which must then be woken. A parent that
// waits for its last child this way would otherwise sleep for ever (item 45). mu is held.
func (p *Proc) noCldWait(l *LWP) bool {
	pp := p.parent
	pp.collectActions(false)
	if pp.flags&(fNoCldWait|fCldSigIgn) == 0 {
		return false
	}
	p.step(l, StepNoCldWait)
	p.reparent(pp.reaperFor())
	if !pp.hasKids() {
		pp.waiters.wakeAll()
	}
	return true
}

// freeSigacts drops the signal actions (item 47). Methods that ask for them later find nil and
// answer ESRCH. mu is held.
func (p *Proc) freeSigacts(l *LWP) {
	p.step(l, StepFreeSigacts)
	p.acts = nil
}

// freeLimits drops the resource limits, in 2003 with the actions, in release 10 in proc_free
// (item 47). mu is held.
func (p *Proc) freeLimits(l *LWP) {
	p.step(l, StepFreeLimits)
	p.lim = nil
}

// becomeZombie makes p waitable.
//
// From the moment that mu is dropped a wait can find it and free it. final is a copy of the
// status for Proc.Wait, which may ask long after the reap. done is closed here once, and with
// mu held: Done makes it with mu held. mu is held.
func (p *Proc) becomeZombie() {
	p.setState(StateZombie)
	p.final = p.xstat
	p.report(kZombie)
	if p.ext != nil && p.ext.done != nil {
		close(p.ext.done)
		p.flags |= fNoticed
	}
}

// exitSignal is exit_psignal (items 66 to 69).
//
// pp is given, since a debugger's child goes to its original parent with a second signal (item
// 90). The user id is the effective one. In 2003 the status is the raw word, as p_xstat is
// copied; in 10 it is the exit code or the signal, and for a child whose exit signal is not
// SIGCHLD the signal that killed it. mu is held.
func (p *Proc) exitSignal(pp *Proc) {
	sig := p.pExitsig()
	info := netbsd.Siginfo{Signo: sig, Pid: p.pid, UID: p.cred.EUID}
	code, status := p.exitSiginfo()
	if sig == netbsd.SIGCHLD {
		info.Code = code
	} else if !p.m.r2003 {
		status = int32(p.xstat.TermSignal())
	}
	info.Status = status
	if p.m.r2003 {
		info.Status = int32(p.xstat)
	}
	utime, stime := p.exitTimes()
	info.Utime, info.Stime = int64(utime/time.Second), int64(stime/time.Second)
	p.m.psignal(pp, &info, nil)
}

// exitTimes returns the times that SIGCHLD tells. In release 10 they are the child's own, of the first signal, too, where exit1 computes
// them only behind it and NetBSD's tells 0. Whole Rusages would grow the frame of
// exitSignal: it runs deep in a goroutine that has just been born, whose stack of 2 KiB would have
// to be copied to a larger one, which doubles the cost of a process.
func (p *Proc) exitTimes() (utime, stime time.Duration) {
	switch {
	case p.m.r2003:
		return p.ru.Utime, p.ru.Stime
	case p.ext == nil:
		return 0, 0
	}
	return p.ext.own.Utime, p.ext.own.Stime
}
