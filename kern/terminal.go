package kern

import (
	"math"
	"slices"

	"toaster/netbsd"
)

// TTY is the part of a terminal that sessions and job control know. The line
// discipline and the device are above. Machine.mu guards it.
type TTY struct {
	m    *Machine
	dev  Terminal // may be nil
	sess *Session // t_session
	pgrp *Pgrp    // t_pgrp: the foreground group
	away bool     // that is one of which only another kernel knows; pgrp is nil

	// holders are the sessions whose s_ttyvp it is: sess, and those that it has
	// left behind, by Closed or while their leader drains it.
	holders []*Session
}

// NewTTY makes a terminal that belongs to no session.
func (m *Machine) NewTTY(dev Terminal) *TTY { return &TTY{m: m, dev: dev} }

// release drops one session's reference to the device (vrele). It runs from after, with mu
// dropped.
func (t *TTY) release() {
	if t.dev != nil {
		t.dev.Release()
	}
}

// Session returns the session whose controlling terminal it is, nil if none.
func (t *TTY) Session() *Session {
	t.m.lock()
	defer t.m.unlock()
	return t.sess
}

// Foreground returns the foreground process group, nil if none.
func (t *TTY) Foreground() *Pgrp {
	t.m.lock()
	defer t.m.unlock()
	return t.pgrp
}

// Device returns what NewTTY was given.
func (t *TTY) Device() Terminal { return t.dev }

// TTY returns p's controlling terminal, nil if it has none (cttyvp).
func (p *Proc) TTY() *TTY {
	p.m.lock()
	defer p.m.unlock()
	if p.pgrp == nil || p.flags&fControlT == 0 || !p.pgrp.sess.ttyvp {
		return nil
	}
	return p.pgrp.sess.tty
}

// AcquireTTY is TIOCSCTTY: t becomes the controlling terminal of the caller's
// session, with its group in the foreground. EPERM: the caller leads no session,
// its session has another terminal, or t has another session; EINVAL: t is another
// machine's.
func (l *LWP) AcquireTTY(t *TTY) netbsd.Errno {
	return l.onTTY(t, func() netbsd.Errno { return l.p.acquireTTY(t) })
}

// onTTY runs f, with mu held, if t is a terminal of l's machine. EINVAL: it is not.
func (l *LWP) onTTY(t *TTY, f func() netbsd.Errno) netbsd.Errno {
	if t == nil || t.m != l.p.m {
		return netbsd.EINVAL
	}
	return l.call(f)
}

// A leader may take the terminal that it has already, which makes its group the foreground
// again (TIOCSCTTY of tty(4)). mu is held.
func (p *Proc) acquireTTY(t *TTY) netbsd.Errno {
	s := p.pgrp.sess
	if s.leader != p || (s.ttyvp || t.sess != nil) && t.sess != s {
		return netbsd.EPERM
	}
	if t.sess != s {
		s.refs++
	}
	t.sess, t.pgrp, t.away = s, p.pgrp, false
	if !s.ttyvp {
		s.tty, s.ttyvp = t, true
		t.holders = append(t.holders, s)
	}
	p.flags |= fControlT
	return 0
}

// DropTTY is TIOCNOTTY: the caller gives up its controlling terminal. ENOTTY: it has
// none; EINVAL: it leads the session.
func (l *LWP) DropTTY() netbsd.Errno {
	return l.call(func() netbsd.Errno {
		p := l.p
		switch {
		case p.flags&fControlT == 0:
			return netbsd.ENOTTY
		case p.pgrp.sess.leader == p:
			return netbsd.EINVAL
		}
		p.flags &^= fControlT
		return 0
	})
}

// dropTTY parts a session from its terminal.
//
// The session keeps s.tty: it says that there once was one (item 24). mu is held.
func (s *Session) dropTTY() {
	if t := s.tty; t != nil && t.sess == s {
		t.sess, t.pgrp = nil, nil
		s.release()
	}
	s.dropVnode()
}

// dropVnode clears s_ttyvp and releases its reference.
//
// The reference is dropped later, as the device's own locks are above mu. mu is held.
func (s *Session) dropVnode() {
	if s.ttyvp {
		s.ttyvp = false
		s.tty.holders = slices.DeleteFunc(s.tty.holders, func(h *Session) bool { return h == s })
		s.m.after(s.tty.release)
	}
}

// Revoked tells that the device has been revoked (by revoke(2), or because it went
// away): every session that has it loses it (item 20).
func (t *TTY) Revoked() {
	t.m.lock()
	defer t.m.unlock()
	for len(t.holders) > 0 {
		t.holders[0].dropTTY()
	}
}

// Hangup is what a lost carrier does: SIGHUP to the session's leader.
func (t *TTY) Hangup() { t.HangupBut(nil) }

// HangupBut is Hangup, but for one process, which hears of it in another way; nil is none.
func (t *TTY) HangupBut(but *Proc) {
	t.m.lock()
	defer t.m.unlock()
	if s := t.sess; s != nil && s.leader != nil && s.leader != but {
		t.m.psignal(s.leader, &netbsd.Siginfo{Signo: netbsd.SIGHUP, Code: netbsd.SI_NOINFO}, nil)
	}
}

// Signal sends sig to the foreground group, as the line discipline does for ^C.
func (t *TTY) Signal(sig netbsd.Signal) { t.SignalBut(sig, nil) }

// SignalBut is Signal, but for a group of another kernel's, which has the signal already; nil is
// none.
func (t *TTY) SignalBut(sig netbsd.Signal, but ForeignGroup) {
	if !sig.Valid() {
		return
	}
	t.m.lock()
	defer t.m.unlock()
	if t.pgrp != nil {
		t.pgrp.signalLocked(sig, true, nil, but)
	}
}

// ForegroundThere says which group another kernel has put in the foreground of t, which is that kernel's
// terminal, too: g, or nil, one of which nothing is known here.
func (t *TTY) ForegroundThere(g *Pgrp) {
	t.m.lock()
	defer t.m.unlock()
	if t.sess == nil {
		return
	}
	if g != nil && (g.n == 0 || g.sess != t.sess) {
		g = nil
	}
	t.pgrp, t.away = g, g == nil
}

// isctty reports whether t is p's controlling terminal.
//
// mu is held.
func (t *TTY) isctty(p *Proc) bool {
	return p.pgrp != nil && p.pgrp.sess == t.sess && p.flags&fControlT != 0
}

// SetForeground is TIOCSPGRP. ENOTTY: t is not the caller's terminal; EINVAL: a
// negative id; EPERM: no such group in the caller's session. The check for background
// writing (BackgroundWrite with tostop) comes before it and is the caller's.
func (l *LWP) SetForeground(t *TTY, pgid int) netbsd.Errno {
	return l.onTTY(t, func() netbsd.Errno {
		p := l.p
		g := p.m.pids.findGroup(pgid)
		switch {
		case pgid == -1:
			return netbsd.EINVAL // NO_PGID
		case !t.isctty(p):
			return netbsd.ENOTTY
		case g == nil || g.n == 0 || g.sess != p.pgrp.sess:
			return netbsd.EPERM
		}
		t.pgrp, t.away = g, false
		return 0
	})
}

// GetForeground is TIOCGPGRP: the foreground group's id, or one that no group has
// if there is none. ENOTTY: t is not the caller's terminal.
func (l *LWP) GetForeground(t *TTY) (int, netbsd.Errno) {
	if t == nil || t.m != l.p.m {
		return 0, netbsd.EINVAL
	}
	t.m.lock()
	defer t.m.unlock()
	if !t.isctty(l.p) {
		return 0, netbsd.ENOTTY
	}
	if t.pgrp == nil {
		return -1, 0 // NO_PGID
	}
	return int(t.pgrp.id), 0
}

// SetTTYOwner is FIOSETOWN of a terminal: the foreground group, by its negative id, or that of a process. ENOTTY: t is another session's.
// EINVAL: no such group. ESRCH: no such process. EPERM: of another session, as process 0 is. A terminal without session stays without group.
func (l *LWP) SetTTYOwner(t *TTY, id int) netbsd.Errno {
	return l.onTTY(t, func() netbsd.Errno {
		p := l.p
		if t.sess != nil && !t.isctty(p) {
			return netbsd.ENOTTY
		}
		g, errno := p.m.groupOf(id)
		switch {
		case errno != 0:
			return errno
		case g.sess != p.pgrp.sess:
			return netbsd.EPERM
		case t.sess != nil:
			t.pgrp, t.away = g, false
		}
		return 0
	})
}

// groupOf is whom FIOSETOWN names. mu is held.
func (m *Machine) groupOf(id int) (*Pgrp, netbsd.Errno) {
	switch {
	case id == 0:
		return nil, netbsd.EPERM
	case id < 0:
		if g := m.pids.findGroup(-id); id > math.MinInt32 && g != nil && g.n > 0 {
			return g, 0
		}
		return nil, netbsd.EINVAL
	}
	p := m.pfind(id)
	if p == nil || p.pgrp == nil {
		return nil, netbsd.ESRCH
	}
	return p.pgrp, 0
}

// Background checks that l may use t in the foreground manner; reading says
// whether it wants to read (SIGTTIN) or to write or change t (SIGTTOU). 0: go on.
// EIO: it may not, ever: for a read the signal is ignored or blocked, or the
// group is orphaned. ERESTART: the signal has been sent to the group; the call is
// to be made again after UserRet.
func (l *LWP) Background(t *TTY, reading bool) netbsd.Errno {
	return l.onTTY(t, func() netbsd.Errno { return l.background(t, reading) })
}

// A writer whose SIGTTOU would be ignored may write; a reader cannot be let through in the
// same way, as it would take input that belongs to the foreground: EIO (ttycheckoutq, ttread).
// A vfork child cannot be stopped, its parent would never continue it; and in an orphaned
// group nobody would. mu is held.
func (l *LWP) background(t *TTY, reading bool) netbsd.Errno {
	p := l.p
	if !t.isctty(p) || t.pgrp == nil && !t.away || p.pgrp == t.pgrp {
		return 0
	}
	sig := netbsd.SIGTTOU
	if reading {
		sig = netbsd.SIGTTIN
	}
	masked := p.acts.ignore.Has(sig) || l.mask.Has(sig)
	switch {
	case masked && !reading, p.flags&fPPWait != 0 && !reading:
		return 0
	case masked, p.flags&fPPWait != 0, p.pgrp.jobc == 0:
		return netbsd.EIO
	}
	p.pgrp.signalLocked(sig, true, nil, nil)
	return netbsd.ERESTART
}
