package kern

import (
	"time"

	"toaster/netbsd"
)

// This file has the scheduler activations of release 2003: which processes and LWPs take upcalls, the cache of LWPs that
// wait to be used, who sleeps on its own upcall stack, and what exit must know of all that (items 5, 50, 52, 95). How
// upcalls come about and are made is in upcall.go.
//
// P_SA (fSA) is the process's and stays until an exec; L_SA (lSA) is an LWP's, and taken from it at its end, so
// that it takes no upcalls on the way. Release 10 sets neither, and what is here finds nothing to do.

// saState is sadata, with its one sadata_vp: the machine has one processor for each process. NetBSD 10 has none. It is made by
// the registration, before upcalls are on, so that there is one does not mean P_SA. mu guards it; up and preempts never change.
type saState struct {
	up       Upcaller      // nil in tests of the rest
	preempts bool          // SA_FLAG_PREEMPT
	vp       *LWP          // savp_lwp: who has the virtual processor; nil before upcalls are on, and if it has ended
	cached   []*LWP        // savp_lwpcache, in the order of coming: who came last serves first
	woken    []*LWP        // savp_wokenq: their sleeps are over, and the program is to be told
	timers   []*posixTimer // that have run out, and the program is to be told
	clock    *time.Timer   // the quantum's, while it runs
	stacks   []Altstack
}

// Upcaller is what the layer above does for the upcalls of a process. Its methods are called on the goroutine of the LWP that they
// begin with, without mu, and may call kern as that LWP.
type Upcaller interface {
	// Context returns the machine context of l as it is now, in a form that can be kept.
	Context(l *LWP) any
	// Upcall has l go on in the program's function, to which it tells u. ENOMEM: no stack is free, and nothing has happened.
	// Any other error ends the process by SIGILL.
	Upcall(l *LWP, u *Upcall) netbsd.Errno
	// NewLWP prepares n, which l makes for the cache, as the prepare of LWP.NewLWP. Body is what n runs: a run loop (Platform).
	NewLWP(l, n *LWP) netbsd.Errno
	Body(n *LWP)
}

// lwpCached has newLWP make an LWP for the cache.
const lwpCached = 1 << 30

// activation is what an LWP that takes upcalls has besides. mu guards it.
type activation struct {
	queue     []*Upcall // savp_upcalls: made when the LWP returns to user mode
	context   any       // the machine context of the call that it is in, once that was to sleep
	blocks    bool      // L_SA_BLOCKING: it sleeps, and the program has been told or is about to be
	stands    bool      // it is in the cache, or among the woken
	yields    bool      // L_SA_YIELD
	preempted bool      // its quantum is over, and it has run since
}

// activation returns what is l's, made at the first use. mu is held.
func (l *LWP) activation() *activation {
	x := l.extra()
	if x.act == nil {
		x.act = &activation{}
	}
	return x.act
}

// aside reports whether the LWP has no business in user mode. mu is held.
func (a *activation) aside() bool { return a.blocks || a.stands }

// isCached reports whether l stands still for want of something to do: in the cache, or among the woken. Upcalls alone end that. mu is held.
func (l *LWP) isCached() bool { return l.ext != nil && l.ext.act != nil && l.ext.act.stands }

// lostVP reports whether l's process takes upcalls and another LWP has the virtual processor, or l is to have it later: the signals of the
// process are not l's then (kpsignal2, and issignal of kern_sig.c). mu is held.
func (l *LWP) lostVP() bool {
	if l.flags&lSA == 0 && l.p.flags&fSA == 0 {
		return false
	}
	s := l.p.ext.sa
	return l.isCached() || s != nil && s.vp != nil && s.vp != l
}

// pending is what is pending that l is to look at. mu is held.
func (l *LWP) pending() netbsd.Sigset {
	if l.lostVP() {
		return l.pend.set | l.p.pend.set&netbsd.SIGKILL.Bit()
	}
	return l.pend.set | l.p.pend.set
}

// SARegister is what sa_register has to do with LWPs: it returns the process's Upcaller, which is made by made if nobody has
// registered yet, with an LWP in the cache. With preempts (SA_FLAG_PREEMPT) of that call the program is told when an LWP is
// preempted. It goes with the process, or with an exec. made runs with mu held, so that two LWPs get the same, and must not call kern.
func (l *LWP) SARegister(preempts bool, made func() Upcaller) (up Upcaller, errno netbsd.Errno) {
	errno = l.call(func() netbsd.Errno {
		x := l.p.extra()
		if x.sa == nil {
			x.sa = &saState{up: made(), preempts: preempts}
			up = x.sa.up
			l.p.unlocked(l.fillCache)
			return 0
		}
		up = x.sa.up
		return 0
	})
	return up, errno
}

// SAUpcaller returns what SARegister has made, nil if nobody has registered.
func (p *Proc) SAUpcaller() Upcaller {
	p.m.lock()
	defer p.m.unlock()
	if p.ext == nil || p.ext.sa == nil {
		return nil
	}
	return p.ext.sa.up
}

// SAEnable is sa_enable: from now on l takes upcalls, and has the virtual processor. EINVAL: nothing has been registered; EBUSY: upcalls are on
// already; ENOSYS: the machine is of release 10.
func (l *LWP) SAEnable() netbsd.Errno {
	if l.p.SAUpcaller() == nil {
		return netbsd.EINVAL
	}
	return l.saEnable()
}

// SAEnabled reports P_SA.
func (p *Proc) SAEnabled() bool { return p.has(fSA) }

// saEnable is sa_register and sa_enable: l's process takes upcalls from now on.
// ENOSYS in release 10; EBUSY: it does already.
func (l *LWP) saEnable(stacks ...Altstack) netbsd.Errno {
	return l.call(func() netbsd.Errno {
		p := l.p
		switch {
		case !p.m.r2003:
			return netbsd.ENOSYS
		case p.flags&fSA != 0:
			return netbsd.EBUSY
		}
		p.flags |= fSA
		p.calls.Or(callsUpcall)
		l.flags |= lSA
		l.activation()
		if p.extra().sa == nil {
			p.ext.sa = &saState{}
		}
		p.ext.sa.vp, p.ext.sa.stacks = l, stacks
		if p.ext.sa.preempts {
			l.attn.Or(aUpcall) // its quantum begins with the return of the call
		}
		return 0
	})
}

// SAYield is sa_yield: l has nothing to do until there is an upcall to make, which it waits for when it is about to return to user
// mode, and goes on in (EJUSTRETURN). EINVAL: the process takes no upcalls. ERESTART: l is none that takes them, and a signal has come.
func (l *LWP) SAYield() netbsd.Errno {
	return l.call(func() netbsd.Errno {
		p := l.p
		switch {
		case p.flags&fSA == 0:
			return netbsd.EINVAL
		case l.flags&lSA == 0:
			for l.sleep(nil, true, noDeadline) == 0 {
			}
			return netbsd.ERESTART
		case p.ext.sa.vp == l:
			l.ext.act.yields = true
			l.attn.Or(aUpcall)
		}
		return netbsd.EJUSTRETURN
	})
}

// fillCache makes an LWP for the cache (sa_newcachelwp). Where there can be none, the next sleep is told to nobody. mu is not held.
func (l *LWP) fillCache() {
	up := l.p.SAUpcaller()
	l.newLWP(netbsd.LWP_DETACHED|lwpCached, up.Body, true, func(n *LWP) netbsd.Errno { return up.NewLWP(l, n) })
}

// enterCache is for an LWP that has not run yet. mu is held.
func (n *LWP) enterCache() {
	s := n.p.ext.sa
	n.flags |= lSA
	n.activation().stands = true
	n.attn.Or(aUpcall)
	s.cached = append(s.cached, n)
}

// saCache puts the calling LWP in the cache (sa_putcachelwp), where it stands still until the process exits or
// execs (runCachedLWPs): _lwp_continue(2) does not take it out. EINVAL: the process has no activations, or has
// begun to exit, and the cache may have been emptied for good.
func (l *LWP) saCache() netbsd.Errno {
	return l.call(func() netbsd.Errno {
		p := l.p
		if p.ext == nil || p.ext.sa == nil || p.flags&fWExit != 0 {
			return netbsd.EINVAL
		}
		p.ext.sa.cached = append(p.ext.sa.cached, l)
		l.activation().stands = true
		l.setStat(LWPSuspended)
		p.checkStopped(false)
		l.park()
		return 0
	})
}

// saTake is sa_getcachelwp: it takes out of the cache who came last, nil if it is empty. p takes upcalls. mu is held.
func (p *Proc) saTake() *LWP {
	s := p.ext.sa
	if len(s.cached) == 0 {
		return nil
	}
	last := len(s.cached) - 1
	l := s.cached[last]
	s.cached = s.cached[:last]
	l.ext.act.stands = false
	return l
}

// saYieldUpcall sleeps on l's own upcall stack, uninterruptibly, until saUpcall or the process's exit
// (item 52). EINVAL: the process takes no upcalls.
func (l *LWP) saYieldUpcall() netbsd.Errno {
	return l.call(func() netbsd.Errno {
		if l.p.flags&fSA == 0 {
			return netbsd.EINVAL
		}
		x := l.extra()
		x.upcall = true
		for x.upcall && l.attn.Load()&aExit == 0 {
			l.sleep(nil, false, noDeadline)
		}
		x.upcall = false
		return 0
	})
}

// saUpcall ends t's sleep on its upcall stack. mu is held.
func (t *LWP) saUpcall() {
	if t.ext != nil && t.ext.upcall {
		t.ext.upcall = false
		t.wakeup(rWoken)
	}
}

// disableUpcalls is item 5: L_SA off for the caller, P_SA left. It reports whether
// the process has activations.
//
// mu is held.
func (p *Proc) disableUpcalls(l *LWP) bool {
	if p.flags&fSA == 0 {
		return false
	}
	p.step(l, StepDisableUpcalls)
	p.ext.sa.stopQuantum()
	l.flags &^= lSA
	return true
}

// runCachedLWPs is item 50.
//
// They stand still and could not die otherwise. aExit is set in them by then (exitLWPs), so that they run to
// their end and not to user mode. mu is held.
func (p *Proc) runCachedLWPs(l *LWP) {
	if p.flags&fSA == 0 {
		return
	}
	p.step(l, StepRunCachedLWPs)
	for c := p.saTake(); c != nil; c = p.saTake() {
		if c.stat == LWPSuspended { // a SIGKILL may have made it look already
			c.resume()
		}
	}
}

// wakeUpcallSleepers is item 52: such a sleep is uninterruptible, and exit_lwps would wait for
// it for ever. mu is held.
func (p *Proc) wakeUpcallSleepers(l *LWP) {
	if p.flags&fSA == 0 {
		return
	}
	p.step(l, StepWakeUpcallSleeps)
	for c := p.lwps; c != nil; c = c.next {
		c.saUpcall()
	}
}

// endSA is sa_release: the new program has registered nothing. exitLWPs has emptied the cache before, as an
// exec leaves one LWP. mu is held.
func (p *Proc) endSA(l *LWP) {
	if p.ext != nil && p.ext.sa != nil {
		p.ext.sa.stopQuantum()
		p.ext.sa = nil
		p.flags &^= fSA
		p.calls.And(^uint32(callsUpcall))
		l.flags &^= lSA
		l.attn.And(^aUpcall)
		if l.ext != nil {
			l.ext.act = nil
		}
	}
}
