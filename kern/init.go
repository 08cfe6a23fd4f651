package kern

import "toaster/netbsd"

// This file has process 1. It is a Go-function guest like any other.

// ReapLoop is the body of the default init: it waits for whatever it inherits.
//
// WALLSIG, as an orphan may have come from a subreaper or a debugger with any exit signal.
// Without children wait4 is ECHILD at once, and a loop of that would keep a core busy.
func ReapLoop(l *LWP) {
	for {
		if _, errno := l.Wait4(netbsd.WaitAny, netbsd.WALLSIG, nil); errno == netbsd.ECHILD {
			l.awaitChild()
		}
	}
}

// awaitChild sleeps until the process has a child; forks wake nobody, so it is the
// wakeup of a reparent or of the child's end that ends it.
func (l *LWP) awaitChild() {
	l.call(func() netbsd.Errno {
		if p := l.p; !p.hasKids() {
			l.sleep(&p.waiters, true, noDeadline)
		}
		return 0
	})
}

// startInit makes process 1, with the superuser's rights and a session of its own. It has no
// parent and is on no child list; everybody else descends from it.
func (m *Machine) startInit() {
	body := m.cfg.Init
	if body == nil {
		body = ReapLoop
	}
	m.lock()
	p, l, _ := m.newProc(Root)
	m.init = p
	p.lim, p.acts = m.cfg.Limits, defaultActs
	p.img = &Image{Comm: "init", Emul: EmulNetBSD}
	l.setup(p, body, false)
	m.newSession(p, "root")
	m.all.pushFront(p)
	p.setState(StateActive)
	l.link()
	l.launch(false)
	m.unlock()
}
