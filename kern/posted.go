package kern

import "toaster/netbsd"

// PostedActions are signal actions that a process with one LWP has changed in a place of
// its own, without a call: a platform may let it, as most changes are never looked at.
// The kernel takes them before it looks.
type PostedActions interface {
	// Take gives the changes that it has not given yet, in any order; settle says that
	// the LWP is in the kernel, and the place is to be clean afterwards. The machine's
	// lock is held: it must not block or call the kernel.
	Take(settle bool, set func(netbsd.Signal, *Action))
}

// ShowActions begins to take l's process's actions from source, if l is its only LWP and
// it shares them with nobody, and gives each present one. Whoever shows them calls
// HideActions before any of that changes, and brings what it shows up to date after each
// Sigaction. Exit hides them by itself.
func (l *LWP) ShowActions(source PostedActions, give func(netbsd.Signal, *Action)) bool {
	p := l.p
	p.m.lock()
	defer p.m.unlock()
	if p.nlwps > 1 || p.acts == nil || p.acts.shared || p.flags&(fTraced|fWExit) != 0 {
		return false
	}
	p.x().posted = source
	for s := netbsd.Signal(1); s < netbsd.NSIG; s++ {
		give(s, &p.acts.act[s])
	}
	return true
}

// TakeActions takes what has been posted, with l in the kernel.
func (l *LWP) TakeActions() {
	l.p.m.lock()
	l.p.takeActions(true)
	l.p.m.unlock()
}

// HideActions takes what has been posted, and ends it.
func (l *LWP) HideActions() {
	l.p.m.lock()
	l.p.takeActions(true)
	l.p.forgetPosted()
	l.p.m.unlock()
}

// takeActions is due before anybody but its own LWP looks at p's actions.
func (p *Proc) takeActions(settle bool) {
	if p.ext != nil && p.ext.posted != nil {
		p.ext.posted.Take(settle, func(s netbsd.Signal, a *Action) { p.sigactionLocked(s, a) })
	}
}

func (p *Proc) forgetPosted() {
	if p.ext != nil {
		p.ext.posted = nil
	}
}
