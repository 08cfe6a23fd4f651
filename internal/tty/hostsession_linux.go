package tty

import (
	"golang.org/x/sys/unix"

	"toaster/kern"
)

// This file has sessions of the host, in which the programs of the host are that are members of a session here
// whose terminal is a pair. Such a session has the pair's twin for its terminal, so that these
// programs have a controlling terminal and job control. Each kernel has its own foreground group, and they are
// kept equal:
//
//	tell    what guests set goes to the host at once
//	notice  what programs of the host set is asked for whenever it matters, as nobody tells of it

// HostSession is a session of the host's. Its methods may be called with the pair's mu held.
type HostSession interface {
	// Notice has kern know of the foreground group that the host has. It returns the group if it is one
	// that kern knows: the host sends that the terminal's signals.
	Notice() kern.ForeignGroup
	// Tell has the host know of kern's foreground group.
	Tell()
	// HangUp is called before the controller is closed. The members lose their terminal then.
	HangUp()
	// Close ends the session.
	Close()
}

// heldSession is one that a pair has.
type heldSession struct{ HostSession }

// HostSession returns the session of the host for programs of p's session: nil unless its
// terminal is a pair with a twin. Where there is none yet open makes it, of descriptors of the terminal
// side, which is closed afterwards, and of the controller.
func (d *Driver) HostSession(p *kern.Proc, open func(terminal, master int) (HostSession, error)) HostSession {
	k := p.TTY()
	if k == nil || k.Session() != p.Session() {
		return nil
	}
	pr, ok := k.Device().(*pair)
	if !ok {
		return nil
	}
	pr.mu.Lock()
	defer pr.unlock()
	return pr.hostSession(open)
}

// hostSession is HostSession, with mu held.
func (p *pair) hostSession(open func(terminal, master int) (HostSession, error)) HostSession {
	h := p.host.Load()
	switch {
	case p.tw == nil:
		return nil
	case h != nil:
		return h.HostSession
	}
	fd, err := p.tw.peer(unix.O_RDWR)
	if err != nil {
		return nil
	}
	defer unix.Close(fd)
	s, err := open(fd, p.tw.master.FD())
	if err != nil {
		return nil
	}
	p.host.Store(&heldSession{s})
	return s
}

// endHost ends the session of the host, if there is one. mu is held.
func (p *pair) endHost() {
	if h := p.host.Swap(nil); h != nil {
		h.Close()
	}
}

// hostOf returns the session of the host that k's device has, nil if there is none.
func hostOf(k *kern.TTY) HostSession {
	if p, ok := k.Device().(*pair); ok {
		if h := p.host.Load(); h != nil {
			return h.HostSession
		}
	}
	return nil
}

// notice has kern know of the foreground group that the host has for k.
func notice(k *kern.TTY) {
	if h := hostOf(k); h != nil {
		h.Notice()
	}
}

// tell has the host know of k's.
func tell(k *kern.TTY) {
	if h := hostOf(k); h != nil {
		h.Tell()
	}
}

// led reports whether the terminal is that of a session of the host's.
func (t *twin) led() bool { return t.p.host.Load() != nil || t.leader.Load() != nil }

// signalled returns the group that the host sends the terminal's signals, nil if kern knows of none.
func (t *twin) signalled() kern.ForeignGroup {
	if h := t.p.host.Load(); h != nil {
		return h.Notice()
	}
	if p := t.leader.Load(); p != nil {
		return p.GroupThere()
	}
	return nil
}
