package machine

import (
	"sync"
	"syscall"

	"toaster/internal/platform/outside"
	"toaster/internal/tty"
	"toaster/kern"
)

// This file has sessions of the host for sessions here whose terminal is one of the host's, too, as a
// program of the host has it open: so that such programs have a controlling terminal, and job control
// among them. A stand-in leads it (outside.Session). A group of kern's with such programs has one in there, and
// the host's foreground group is
//
//	the group that stands for kern's foreground group, if there is one
//	the stand-in's, which no program is in, while kern's has guests alone
//	any other, if a program has put it there: one that it has made itself, of which kern knows nothing
//
// It ends with the terminal: when the session's leader has ended, at the latest.

// hostSession is a tty.HostSession.
type hostSession struct {
	*outside.Session
	k *kern.TTY // whose foreground group the host's is to be

	// mu is behind the locks of groups and terminals, and before the kernel's.
	mu     sync.Mutex
	groups map[int]*hostGroup // those of the session, by number
	seen   int                // the host's foreground group when it was looked at last, or set; 0 if that is not known
	away   bool               // of which kern knows nothing
	empty  bool               // which has had its last member
	hungUp bool               // the terminal is not the session's any more: nothing is asked or told
}

// hostSession returns the session of the host that a program is to be started in for p; nil where there is none.
//
// Nothing fails here: a program for which there is none is started without a controlling terminal, or leads a
// session of its own (lead). The terminal keeps the session, and closes it.
func (s *System) hostSession(p *kern.Proc, path string) *hostSession {
	k := p.TTY()
	if s.TTY == nil || k == nil || !s.hosts.outside.Takes(path) {
		return nil
	}
	h, _ := s.TTY.HostSession(p, func(terminal, master int) (tty.HostSession, error) {
		x, err := s.hosts.outside.NewSession(terminal, master)
		if err != nil {
			return nil, err
		}
		return &hostSession{Session: x, k: k, groups: make(map[int]*hostGroup), seen: x.ID()}, nil
	}).(*hostSession)
	return h
}

// start starts h as a member of g. The host's foreground group is g, if kern's is the one that g stands for,
// before the program runs. g.mu is held.
//
// Before anything is compared the host is asked, as a program can have changed the foreground since. The anchor
// is made with the program, which would be in an orphaned group for a moment otherwise, and could not be
// stopped.
func (hs *hostSession) start(h *hostProgram, attr *syscall.ProcAttr, g *hostGroup) (int, error) {
	hs.mu.Lock()
	defer hs.mu.Unlock()
	hs.notice()
	in := outside.Place{
		Foreground: hs.k.Foreground() == g.k && (g.pgid == 0 || g.pgid != hs.seen),
		Anchor:     g.anchor == 0 && !g.k.Orphaned(),
	}
	pid, anchor, err := hs.ForkExec(h.path, h.argv, attr, &h.signals, in)
	if err != nil {
		// The group may have been put in the foreground before the start failed: with seen unknown tell sets
		// the right one in any case.
		hs.seen, hs.empty = 0, false
		hs.tell()
		return 0, err
	}
	if g.pgid == 0 {
		g.pgid = pid
	}
	g.anchor = max(g.anchor, anchor)
	hs.groups[g.pgid] = g
	if in.Foreground {
		hs.seen, hs.away, hs.empty = g.pgid, false, false
	}
	return pid, nil
}

// has notes a group of the session's. g.mu is not held, and g.pgid is set for good.
func (hs *hostSession) has(g *hostGroup) {
	hs.mu.Lock()
	defer hs.mu.Unlock()
	hs.groups[g.pgid] = g
}

// forget is for a group that has no members any more. Its number stays the host's foreground group until
// somebody sets another one; empty says so. g.mu is held.
func (hs *hostSession) forget(g *hostGroup) {
	hs.mu.Lock()
	defer hs.mu.Unlock()
	if hs.groups[g.pgid] == g {
		delete(hs.groups, g.pgid)
		hs.empty = hs.empty || g.pgid == hs.seen
	}
}

// Notice implements tty.HostSession. A nil *hostGroup would be no nil ForeignGroup, so it is returned as none.
func (hs *hostSession) Notice() kern.ForeignGroup {
	hs.mu.Lock()
	defer hs.mu.Unlock()
	if g := hs.notice(); g != nil {
		return g
	}
	return nil
}

// notice returns the group in the host's foreground, nil for any that kern does not know. mu is held.
//
// kern is told only of what has changed on the host. The stand-in's own group is what tell puts there for
// guests, so it says nothing that kern does not know.
func (hs *hostSession) notice() *hostGroup {
	if hs.hungUp {
		return nil
	}
	pgid, err := hs.Foreground()
	if err != nil {
		return nil
	}
	g := hs.groups[pgid]
	switch {
	case pgid == hs.seen && (!hs.away || g == nil):
	case g != nil:
		hs.k.ForegroundThere(g.k)
		hs.away = false
	case pgid != hs.ID():
		hs.k.ForegroundThere(nil)
		hs.away = true
	}
	if pgid != hs.seen {
		hs.seen, hs.empty = pgid, false
	}
	return g
}

// Tell implements tty.HostSession.
func (hs *hostSession) Tell() {
	hs.mu.Lock()
	defer hs.mu.Unlock()
	hs.tell()
}

// tell is Tell, with mu held. While kern knows of no foreground group the host's stays as it is.
func (hs *hostSession) tell() {
	k := hs.k.Foreground()
	if hs.hungUp || k == nil {
		return
	}
	want := hs.ID()
	for pgid, g := range hs.groups {
		if g.k == k {
			want = pgid
		}
	}
	hs.away = false
	hs.put(want)
}

// put sets the host's foreground group. One without members is as good as the stand-in's. mu is held. A
// failure, as where the last member has just gone, leaves the host's as it was, and seen with it.
func (hs *hostSession) put(pgid int) {
	if pgid == hs.seen || pgid == hs.ID() && hs.empty {
		return
	}
	if hs.SetForeground(pgid) == nil {
		hs.seen, hs.empty = pgid, false
	}
}

// HangUp implements tty.HostSession. At the leader's end the host sends SIGHUP to the foreground
// group that there was; one that kern knows has it from kern.
//
// So that no program has it twice the stand-in's group is put in the foreground first, in which nobody hears of
// it.
func (hs *hostSession) HangUp() {
	hs.mu.Lock()
	defer hs.mu.Unlock()
	if hs.notice() != nil {
		hs.put(hs.ID())
	}
	hs.hungUp = true
}

// Close implements tty.HostSession. It may come after HangUp, and waits until the stand-in is gone.
func (hs *hostSession) Close() {
	hs.HangUp()
	hs.Session.Close()
}
