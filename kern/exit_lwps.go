package kern

import (
	"time"
)

// This file ends LWPs: all others of a process that exits or execs (exit_lwps,
// items 49 to 55), and one alone (lwp_exit).

// exitLWPs ends every LWP of the process but l and waits for that. Those asleep for
// good reason, uninterruptibly, are waited for. mu is dropped while it waits.
//
// Each step is exit_lwps's, in its order (items 49 to 55). All are marked before any is woken:
// one that runs at once could otherwise make a new LWP, which nobody has marked. That in 2003
// the others lose DETACHED makes them zombies, which are counted here, and not freed behind this
// LWP's back; in release 10 a detached one frees itself, and says so (rest).
//
// It is called for exit and for exec; other LWPs that want to exit or exec meanwhile are
// refused by fWExit and fExecing. mu is held before and after.
func (l *LWP) exitLWPs() {
	p := l.p
	p.step(l, StepExitLWPs)
	p.step(l, StepSetUserret)
	for l2 := p.lwps; l2 != nil; l2 = l2.next {
		if l2 != l {
			l2.attn.Or(aExit)
		}
	}
	p.runCachedLWPs(l)
	if p.m.r2003 {
		p.step(l, StepUndetachLWPs)
		for l2 := p.lwps; l2 != nil; l2 = l2.next {
			l2.flags &^= lDetached | lSA
		}
	}
	p.wakeUpcallSleepers(l)
	p.step(l, StepRunLWPs)
	for l2 := p.lwps; l2 != nil; l2 = l2.next {
		if l2 != l && l2.stat < LWPDead {
			l2.condemn()
		}
	}
	p.step(l, StepWaitLWPs)
	for p.collectLWPs(); p.nlwps > 1; p.collectLWPs() {
		l.sleep(&p.lwpq, false, time.Time{})
		p.condemnOthers(l)
	}
	p.step(l, StepClearUserret)
}

// condemnOthers is for LWPs that came into being meanwhile.
//
// mu is held.
func (p *Proc) condemnOthers(l *LWP) {
	for l2 := p.lwps; l2 != nil; l2 = l2.next {
		if l2 != l && l2.stat < LWPDead && l2.attn.Load()&aExit == 0 {
			l2.condemn()
		}
	}
}

// collectLWPs frees the zombie LWPs, as lwp_wait1 with LWPWAIT_EXITCONTROL does.
//
// mu is held.
func (p *Proc) collectLWPs() {
	for l := p.lwps; l != nil; {
		next := l.next
		if l.stat == LWPZombie {
			l.free()
		}
		l = next
	}
}

// exitLWP is lwp_exit, at the end of l's goroutine. The last live LWP takes the
// process with it, with status 0 (item 56).
//
// Two last LWPs may come here at once: lLeaving is what the second one sees of the first,
// which no longer counts as alive although mu is dropped for its tracer. In release 10 the LWP
// frees its own memory; in 2003 the reaper does it.
func (l *LWP) exitLWP() {
	p, m := l.p, l.p.m
	m.lock()
	if p.flags&fWExit == 0 && !p.othersLive(l) {
		p.flags |= fWExit
		p.step(l, StepSetWEXIT)
		m.unlock()
		l.exit1(ending{})
		return
	}
	l.flags |= lLeaving // mu may be dropped: who comes now must not count on l
	l.mode.Store(modeHook)
	l.endRobust()
	l.lwpExitTrap()
	l.mode.Store(modeDead)
	l.attn.Store(0)
	l.leaveVP()
	l.passOnSignals()
	if m.r2003 {
		l.setStat(LWPDead)
		m.reaper.pushLWP(l)
		p.checkStopped(false)
		m.unlock()
	} else {
		p.freeLWPVM(l)
		l.rest()
		m.unlock()
	}
	l.goroutineEnds()
}

// othersLive reports whether another LWP of p can still run.
//
// mu is held.
func (p *Proc) othersLive(l *LWP) bool {
	for l2 := p.lwps; l2 != nil; l2 = l2.next {
		if l2 != l && l2.stat < LWPDead && l2.flags&lLeaving == 0 && !l2.isCached() {
			return true
		}
	}
	return false
}

// passOnSignals makes the other LWPs look at signals that l had been told of.
//
// A signal for the process is told to one LWP that does not block it. If that one ends instead
// of taking it, nobody else would look: signals would be lost to a program whose threads come
// and go. The LWP's own pending signals die with it. mu is held.
func (l *LWP) passOnSignals() {
	p := l.p
	l.pend = sigpend{}
	for s := p.pend.set; s != 0; {
		sig := firstsig(s)
		s &^= sig.Bit()
		for l2 := p.lwps; l2 != nil; l2 = l2.next {
			if l2 != l && l2.sigpost(sig) {
				break
			}
		}
	}
}

// freeLWPVM tells the address space that l has ended. mu is dropped meanwhile.
func (p *Proc) freeLWPVM(l *LWP) {
	p.step(l, StepLWPMachdepWait)
	p.step(l, StepLWPFreeVM)
	if f, ok := p.vm.(LWPFreer); ok {
		exiting := p.flags&fWExit != 0
		p.unlocked(func() {
			f.WaitLWP(l)
			f.FreeLWP(l, exiting)
		})
	}
}

// rest is what remains of an LWP that has ended: nothing if it was detached, else a
// zombie and a wakeup for those who wait (items 61, 62).
//
// The place is given up before anybody can see the end: whoever has waited for this LWP may
// count on making another. mu is held.
func (l *LWP) rest() {
	p := l.p
	l.leavePlace()
	if l.flags&lDetached != 0 {
		p.step(l, StepLWPFree)
		l.free()
	} else {
		p.step(l, StepLWPZombie)
		if l.ext != nil && l.ext.name != "" {
			l.ext.name = "(zombie)" // lwp_exit
		}
		l.setStat(LWPZombie)
		p.nzlwps++
	}
	// Nobody waits for a detached LWP, but exit_lwps counts them all, and in
	// release 10 so does the check for deadlock.
	if l.flags&lDetached == 0 || !p.m.r2003 || p.flags&(fWExit|fExecing) != 0 {
		p.lwpq.wakeAll()
	}
	p.checkStopped(false)
}
