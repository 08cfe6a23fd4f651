package kern

import "toaster/netbsd"

// This file has process 1. It is a Go-function guest like any other.

// ReapLoop is the body of the default init: it waits for whatever it inherits.
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
