package kern

import "toaster/netbsd"

// This file lends state to guest code. Most changes of a signal mask or of a signal action
// are never looked at by anybody, so a platform may let its guests make them in memory that
// it shares with them, without a call. The kernel publishes what it lends, collects what
// has become of it, and revokes it before it is no longer the guest's alone to change:
//
//   - an LWP's mask, published at each return to user mode and collected at the next trap;
//   - the signal actions of a process with one LWP, published once, collected at each trap
//     and before anybody else looks, revoked before there is a second LWP.
//
// What is collected is treated as if it came in a call: sigprocmask(2) and sigaction(2)
// check nothing that CollectMask and CollectActions do not.

// Lent is where an LWP in user mode changes what is lent to it. Its methods are called
// with the machine's lock held: they must neither block nor call the kernel.
type Lent interface {
	// Mask returns the LWP's signal mask, any set, and false if no guest code can be
	// running: the kernel's own value then holds.
	Mask() (netbsd.Sigset, bool)
	// Actions calls set for each action that was changed since it was last called, in
	// any order. settle says that the LWP is in the kernel: none is marked as changed
	// afterwards.
	Actions(settle bool, set func(netbsd.Signal, Action))
	// Asleep reports whether it sleeps in user mode, in a call that the kernel does not know of yet.
	// A kick makes that one of the kernel's, which goes on with it.
	Asleep() bool
}

// SetLent says where l is lent its state from now on; nil is nowhere. l's own goroutine
// calls it, or who creates l does before it runs.
//
// A signal that such an LWP blocks could be let through in user mode the moment after
// somebody looked. So whoever leaves a signal pending kicks the LWP, and as long as one is
// pending the mask is not lent.
func (pl *Platform) SetLent(x Lent) {
	l := (*LWP)(pl)
	l.p.m.lock()
	l.lent = x
	l.blocked = true // unknown: nobody had to kick l so far
	l.p.m.unlock()
}

// PublishMask returns the mask that l returns to user mode with; false says that changes
// of it are to be calls. l's run loop calls it after UserRet.
func (pl *Platform) PublishMask() (mask netbsd.Sigset, ok bool) {
	l := (*LWP)(pl)
	if l.blocked {
		l.p.m.lock()
		l.seeBlocked()
		l.p.m.unlock()
	}
	return l.mask, !l.blocked
}

// seeBlocked is due whenever l has looked at what is pending and taken what it may.
func (l *LWP) seeBlocked() { l.blocked = l.pend.set|l.p.pend.set != 0 }

// CollectMask follows the return from user mode, where l had its mask; s is what has
// become of it. What l has blocked although it was to take it is left to the process's
// other LWPs.
func (pl *Platform) CollectMask(s netbsd.Sigset) {
	l := (*LWP)(pl)
	if s &= maskable; s == l.mask {
		return
	}
	p := l.p
	p.m.lock()
	defer p.m.unlock()
	late := p.pend.set & s &^ l.mask
	l.setMaskLocked(s)
	for ; late != 0; late &^= firstsig(late).Bit() {
		l.passOn(firstsig(late))
	}
}

// passOn offers a signal of the process to its other LWPs.
func (l *LWP) passOn(sig netbsd.Signal) {
	for o := l.p.lwps; o != nil; o = o.next {
		if o != l && o.sigpost(sig) {
			return
		}
	}
}

// maskable are the signals that a mask can hold.
var maskable = netbsd.AllSignals &^ cantMask

// maskNow returns l's mask, wherever it is. The mask of a guest that runs may be another
// one each time, so a decision is made on one look. The machine's lock is held.
func (l *LWP) maskNow() netbsd.Sigset {
	if l.lent != nil {
		if s, ok := l.lent.Mask(); ok {
			return s & maskable
		}
	}
	return l.mask
}

// PublishActions calls put for each action of l's process and lends them to l. It returns
// false, and lends nothing, if l is not the process's only LWP, shares the actions
// (clone(2)) or is traced. The caller publishes what each sigaction(2) of l's changes,
// and calls RevokeActions before any of that is no longer so, and before the kernel
// changes an action on its own account, as SA_RESETHAND does. Exit revokes them itself.
func (pl *Platform) PublishActions(put func(netbsd.Signal, *Action)) bool {
	l := (*LWP)(pl)
	p := l.p
	p.m.lock()
	defer p.m.unlock()
	if l.lent == nil || p.nlwps > 1 || p.acts == nil || p.acts.shared || p.flags&(fTraced|fWExit) != 0 {
		return false
	}
	p.extra().lent = l.lent
	for s := netbsd.Signal(1); s < netbsd.NSIG; s++ {
		put(s, &p.acts.act[s])
	}
	return true
}

// CollectActions takes over the actions that l has changed in user mode.
func (pl *Platform) CollectActions() {
	l := (*LWP)(pl)
	l.p.m.lock()
	l.p.collectActions(true)
	l.p.m.unlock()
}

// RevokeActions takes over the actions that l has changed in user mode and lends them no
// longer.
func (pl *Platform) RevokeActions() {
	l := (*LWP)(pl)
	l.p.m.lock()
	l.p.collectActions(true)
	l.p.forgetLent()
	l.p.m.unlock()
}

// collectActions is due before anybody looks at p's actions but its own LWP, whose run
// loop has collected them. The machine's lock is held.
func (p *Proc) collectActions(settle bool) {
	if p.ext != nil && p.ext.lent != nil {
		p.ext.lent.Actions(settle, func(s netbsd.Signal, a Action) { p.sigactionLocked(s, &a) })
	}
}

// sleepsLent reports whether l sleeps interruptibly without the kernel. The machine's lock is held.
func (l *LWP) sleepsLent() bool { return l.stat == LWPRunning && l.lent != nil && l.lent.Asleep() }

// Cancelled reports whether l's next sleep is over before it begins (_lwp_wakeup(2)): that must not be one
// without the kernel.
func (pl *Platform) Cancelled() bool { return (*LWP)(pl).attn.Load()&aCancel != 0 }

// shown is l's state as others are to see it. The machine's lock is held.
func (l *LWP) shown() LWPState {
	switch {
	case l.sleepsLent():
		return LWPSleeping
	case l.pausedOnly():
		return LWPRunning
	}
	return l.stat
}

func (p *Proc) forgetLent() {
	if p.ext != nil {
		p.ext.lent = nil
	}
}
