package kern

import (
	"cmp"
	"slices"

	"toaster/netbsd"
)

// This file makes upcalls (kern_sa.c): of an LWP that blocks the process is told on another one, which gets the virtual processor;
// an LWP that wakes stands aside until the one with the virtual processor has told of it; and signals are told, not handled.
//
// Which LWP has the virtual processor is saState.vp. It goes from LWP to LWP with mu held, and with it the signal mask, which is the process's
// in release 2003, and what is pending for the process. An LWP reads its own machine context alone (noteContext): when it goes to sleep, as
// the program is told of the context in which the call was made, and when it has woken, with the call's result.

// Upcall is what the program is told.
type Upcall struct {
	Type        int           // netbsd.SA_UPCALL_BLOCKED and its like
	Events      []UpcallEvent // whom it is about
	Interrupted bool          // the LWP that makes it is told of, too, as interrupted
	Info        *netbsd.Siginfo

	timer *posixTimer
	woken []*LWP // of SA_UPCALL_UNBLOCKED, in the order in which they have woken
}

// UpcallEvent is an LWP that an upcall is about.
type UpcallEvent struct {
	LWP     int
	Context any           // what Upcaller.Context has returned; nil: of the LWP that makes the upcall, as it is then
	Mask    netbsd.Sigset // the signal mask of the context

	l *LWP
}

// saSwitch is sa_switch: l, which is about to sleep, tells its process by an LWP of the cache, which has the virtual processor from now on. It
// reports whether mu was dropped, and what l has tested may have changed. Who has been told of and sleeps once more sleeps on; so does who
// yields, and who finds nobody in the cache. mu is held before and after.
func (l *LWP) saSwitch() (again bool) {
	p := l.p
	a, s := l.ext.act, p.ext.sa
	a.preempted = false // the LWP goes to sleep: it leaves the virtual processor by itself
	if s.vp != l || s.up == nil || len(s.cached) == 0 || a.yields || p.flags&(fWExit|fExecing) != 0 {
		return false
	}
	if a.context == nil {
		l.gen++ // it counts as a sleep: a timer that was set for it ends no other one
		return l.noteContext()
	}
	n := p.saTake()
	n.ext.act.queue = append(n.ext.act.queue, &Upcall{
		Type:   netbsd.SA_UPCALL_BLOCKED,
		Events: []UpcallEvent{{LWP: int(l.lid), Context: a.context, Mask: l.mask, l: l}},
	})
	a.context, a.blocks = nil, true
	n.mask = l.mask
	s.vp = n
	n.leaveCache()
	return false
}

// noteContext has l's machine context read, and reports whether it could be. mu is held before and after, and dropped meanwhile.
func (l *LWP) noteContext() bool {
	up := l.p.ext.sa.up
	var context any
	l.p.unlocked(func() { l.hook(func() { context = up.Context(l) }) })
	l.ext.act.context = context
	l.attn.Or(aUpcall) // it is of this call alone
	return context != nil
}

// leaveCache has an LWP that was taken out of the cache, or from among the woken, go on. It looks at all that may be due. mu is held.
func (n *LWP) leaveCache() {
	n.attn.Or(aUpcall | aSignal)
	switch {
	case n.stat != LWPSuspended:
	case n.p.flags&(fStopped|fStopping) != 0:
		n.setStat(LWPStopped)
	default:
		n.resume()
	}
}

// stepAside is sa_unblock_userret and sa_setwoken: an LWP that was told of as blocked does not return to user mode. It stands among the woken
// until the program has been told, then in the cache, until it is to tell of somebody itself. Where nobody has the virtual processor it ends
// (sa_vp_repossess). mu is held before and after.
func (l *LWP) stepAside() {
	p := l.p
	a, s := l.ext.act, p.ext.sa
	if a.blocks {
		l.noteContext()
		switch {
		case l.attn.Load()&aExit != 0 || !a.blocks:
			return
		case s.vp == nil:
			p.m.unlock()
			l.die()
		}
		a.blocks, a.stands = false, true
		s.woken = append(s.woken, l)
		s.vp.upcallDue()
	}
	for a.stands && l.attn.Load()&aExit == 0 {
		l.setStat(LWPSuspended)
		p.checkStopped(false)
		l.park()
	}
}

// upcallDue has v, which has the virtual processor, look for upcalls to make, soon. mu is held.
func (v *LWP) upcallDue() {
	v.setAttn(aUpcall)
	if v.ext.act.yields && v.asleep {
		v.wakeup(rWoken)
	}
}

// upcallSignal is kpsendsig for who takes upcalls, and reports whether l does: it tells of the signal when it has taken all that it
// takes. A trap is an event of l's, any other signal interrupts it. mu is held.
func (l *LWP) upcallSignal(info *netbsd.Siginfo) bool {
	if l.flags&lSA == 0 || l.p.ext.sa.up == nil || l.p.ext.sa.vp != l {
		return false
	}
	si := *info
	u := &Upcall{Type: netbsd.SA_UPCALL_SIGNAL, Info: &si}
	if trapSignals.Has(si.Signo) && si.Code > 0 && si.Code != netbsd.SI_NOINFO {
		u.Events = []UpcallEvent{{LWP: int(l.lid)}}
	} else {
		u.Interrupted = true
	}
	l.ext.act.queue = append(l.ext.act.queue, u)
	l.attn.Or(aUpcall)
	return true
}

// trapSignals are those that an instruction causes (trapsignal); the code is positive then.
var trapSignals = netbsd.SIGILL.Bit() | netbsd.SIGTRAP.Bit() | netbsd.SIGEMT.Bit() | netbsd.SIGFPE.Bit() |
	netbsd.SIGBUS.Bit() | netbsd.SIGSEGV.Bit() | netbsd.SIGSYS.Bit()

// makeUpcall is sa_upcall_userret for one upcall: l is about to return to user mode. Without any it sleeps if it yields (sa_yield). It reports
// whether l is to look again. False: no stack is free, and l goes on without, until it next comes by. mu is held before and after.
func (l *LWP) makeUpcall() bool {
	a := l.ext.act
	if !a.yields {
		l.startQuantum()
	}
	u := l.nextUpcall()
	switch {
	case u == nil && a.yields:
		l.sleep(nil, true, noDeadline)
		return true
	case u == nil:
		a.context = nil
		l.attn.And(^aUpcall)
		return true
	}
	switch errno := l.callUp(u); errno {
	case 0:
		a.yields = false
		l.told(u)
		return true
	case netbsd.ENOMEM:
		return l.noStack(u)
	}
	l.p.m.unlock()
	l.undeliverable()
	return false
}

// upcallTimer is itimerfire for SIGEV_SA: the timer is told of once, however often it has run out until then. mu is held.
func (pt *posixTimer) upcallTimer() {
	p := pt.p
	switch {
	case p.flags&fSA == 0 || p.ext.sa.vp == nil:
	case pt.fired:
		pt.over++
	default:
		s := p.ext.sa
		pt.fired = true
		pt.posted()
		s.timers = append(s.timers, pt)
		s.vp.upcallDue()
	}
}

// forgetUpcall is for a timer that is deleted. mu is held.
func (pt *posixTimer) forgetUpcall() {
	if pt.fired {
		pt.fired = false
		s := pt.p.ext.sa
		s.timers = slices.DeleteFunc(s.timers, func(o *posixTimer) bool { return o == pt })
	}
}

// nextTimer is timerupcall for one timer, nil if none has run out: the one of the lowest number comes first (ffs). mu is held.
func (s *saState) nextTimer() *Upcall {
	if len(s.timers) == 0 {
		return nil
	}
	pt := slices.MinFunc(s.timers, func(a, b *posixTimer) int { return cmp.Compare(a.id, b.id) })
	s.timers = slices.DeleteFunc(s.timers, func(o *posixTimer) bool { return o == pt })
	info := pt.info
	return &Upcall{Type: netbsd.SA_UPCALL_SIGEV, Interrupted: true, Info: &info, timer: pt}
}

// nextUpcall returns what is to be told next: that l was preempted, what is queued, then timers, then all who have woken. nil: nothing.
// mu is held.
func (l *LWP) nextUpcall() *Upcall {
	a, s := l.ext.act, l.p.ext.sa
	if u := l.preempted(); u != nil {
		return u
	}
	if len(a.queue) > 0 {
		u := a.queue[0]
		a.queue = a.queue[1:]
		return u
	}
	if s == nil || s.vp != l {
		return nil
	}
	if u := s.nextTimer(); u != nil || len(s.woken) == 0 {
		return u
	}
	return l.unblocked()
}

// unblocked is the upcall that tells of all who have woken: who woke first is the first event, but of the others who woke last is the
// next (sa_makeupcalls, which fills the list from its end). mu is held.
func (l *LWP) unblocked() *Upcall {
	s := l.p.ext.sa
	u := &Upcall{Type: netbsd.SA_UPCALL_UNBLOCKED, Interrupted: true, woken: s.woken}
	for _, w := range s.woken {
		u.Events = append(u.Events, UpcallEvent{LWP: int(w.lid), Context: w.ext.act.context, Mask: l.mask})
	}
	slices.Reverse(u.Events[1:])
	s.woken = nil
	return u
}

// callUp makes an upcall. Who tells of an LWP that blocks has come from the cache, and sees to it that there is another one (sa_switchcall).
// mu is held before and after, and dropped meanwhile.
func (l *LWP) callUp(u *Upcall) netbsd.Errno {
	s := l.p.ext.sa
	fill := u.Type == netbsd.SA_UPCALL_BLOCKED && len(s.cached) == 0
	errno := netbsd.EFAULT
	l.p.unlocked(func() {
		if fill {
			l.fillCache()
		}
		l.hook(func() { errno = s.up.Upcall(l, u) })
	})
	return errno
}

// told follows an upcall. Of whom the program has been told as woken it has the contexts: they go into the cache. mu is held.
func (l *LWP) told(u *Upcall) {
	if u.timer != nil {
		u.timer.fired = false
	}
	if u.Type != netbsd.SA_UPCALL_UNBLOCKED {
		return
	}
	s := l.p.ext.sa
	for _, w := range u.woken {
		w.ext.act.context = nil
		if w.attn.Load()&aExit == 0 {
			s.cached = append(s.cached, w)
		}
	}
}

// noStack is for an upcall that no stack was free for; it returns what makeUpcall does. A signal is lost, as in kpsendsig. Timers and who has
// woken are told of later: meanwhile who yields sleeps on. mu is held before and after.
func (l *LWP) noStack(u *Upcall) bool {
	s := l.p.ext.sa
	switch u.Type {
	case netbsd.SA_UPCALL_BLOCKED:
		l.giveBack(u.Events[0].l)
		return true
	case netbsd.SA_UPCALL_UNBLOCKED:
		s.woken = append(slices.Clip(u.woken), s.woken...)
	case netbsd.SA_UPCALL_SIGEV:
		if u.timer.fired { // nobody has deleted it meanwhile
			s.timers = append(s.timers, u.timer)
		}
	default:
		return true
	}
	if l.ext.act.yields {
		l.sleep(nil, true, noDeadline)
		return true
	}
	return false
}

// giveBack is the end of sa_switchcall where there is no stack: n, which was to tell that l blocks, goes into the cache, and l has the virtual
// processor as if it had not slept. aUpcall is set in l since its context was read: it looks for what else is to be told when it comes by.
// mu is held before and after.
func (n *LWP) giveBack(l *LWP) {
	p := n.p
	s := p.ext.sa
	if l.stat >= LWPDead {
		p.m.unlock()
		n.die()
	}
	a := l.ext.act
	s.vp, a.blocks = l, false
	l.mask = n.mask
	a.queue = append(a.queue, n.ext.act.queue...)
	n.ext.act.queue, n.ext.act.stands = nil, true
	s.cached = append(s.cached, n)
	if a.stands {
		s.woken = slices.DeleteFunc(s.woken, func(w *LWP) bool { return w == l })
		a.stands = false
		l.leaveCache()
	}
	for pend := p.pend.set; pend != 0; pend &^= firstsig(pend).Bit() {
		l.sigpost(firstsig(pend))
	}
}

// leaveVP is due at the end of l: with it ends who has woken and finds nobody to tell of it. mu is held.
func (l *LWP) leaveVP() {
	if l.p.ext == nil || l.p.ext.sa == nil || l.p.ext.sa.vp != l {
		return
	}
	s := l.p.ext.sa
	s.stopQuantum()
	s.vp = nil
	for _, w := range s.woken {
		w.ext.act.blocks, w.ext.act.stands = true, false
		w.leaveCache()
	}
	s.woken = nil
}
