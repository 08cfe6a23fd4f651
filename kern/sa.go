package kern

import "toaster/netbsd"

// This file has what exit must know of release 2003's scheduler activations (items
// 5, 50, 52, 95): which LWPs take upcalls, which wait in the cache to be used
// again, which sleep on their own upcall stack. What upcalls do for a guest is the layers' above.
//
// P_SA (fSA) is the process's and stays until an exec; L_SA (lSA) is an LWP's, and taken from it at its end, so
// that it takes no upcalls on the way. Release 10 sets neither, and what is here finds nothing to do.

// saState is sadata: NetBSD 10 has none. It is made by the registration, before upcalls are on, so that there
// is one does not mean P_SA. cached is in the order of coming. data is what a layer above keeps; mu guards the
// field, not what is in it.
type saState struct {
	cached []*LWP // sa_lwpcache
	stacks []Altstack
	data   any
}

// SAData returns what a layer above keeps of p's scheduler activations, which is what made makes if there is
// nothing yet; nil if made is nil, too. It goes with p, or with an exec. made runs with mu held, so that two
// LWPs get the same, and must not call kern.
func (p *Proc) SAData(made func() any) any {
	p.m.lock()
	defer p.m.unlock()
	x := p.ext
	switch {
	case x != nil && x.sa != nil:
		return x.sa.data
	case made == nil:
		return nil
	}
	p.extra().sa = &saState{data: made()}
	return p.ext.sa.data
}

// SAEnable is sa_enable: from now on l takes upcalls. EINVAL: nothing has been registered; EBUSY: it does
// already; ENOSYS: the machine is of release 10.
func (l *LWP) SAEnable() netbsd.Errno {
	if l.p.SAData(nil) == nil {
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
		l.flags |= lSA
		if p.extra().sa == nil {
			p.ext.sa = &saState{}
		}
		p.ext.sa.stacks = stacks
		return 0
	})
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
		l.setStat(LWPSuspended)
		p.checkStopped(false)
		l.park()
		return 0
	})
}

// saTake takes the LWP out of the cache that has been there longest, nil if it is empty. mu is
// held.
func (p *Proc) saTake() *LWP {
	if p.ext == nil || p.ext.sa == nil || len(p.ext.sa.cached) == 0 {
		return nil
	}
	s := p.ext.sa
	l := s.cached[0]
	s.cached = s.cached[1:]
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
		c.resume()
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
		p.ext.sa = nil
		p.flags &^= fSA
		l.flags &^= lSA
	}
}
