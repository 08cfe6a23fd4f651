package kern

import "toaster/netbsd"

// Session is a session (setsid(2)). Machine.mu guards it.
type Session struct {
	m      *Machine
	sid    int32
	refs   int32 // s_count: groups, and the terminal
	leader *Proc // s_leader: nil after it has exited
	tty    *TTY  // s_ttyp: stays after the leader has gone (item 24)
	ttyvp  bool  // s_ttyvp: the session has the terminal
	login  string
}

// ID returns the session id.
func (s *Session) ID() int { return int(s.sid) }

// Leader returns the leader, nil when it has exited (item 25).
func (s *Session) Leader() *Proc {
	s.m.lock()
	defer s.m.unlock()
	return s.leader
}

// Session returns p's session, nil when p is gone.
func (p *Proc) Session() *Session {
	p.m.lock()
	defer p.m.unlock()
	if p.pgrp == nil {
		return nil
	}
	return p.pgrp.sess
}

// Sid returns the id of p's session, 0 when p is gone.
func (p *Proc) Sid() int {
	if s := p.Session(); s != nil {
		return s.ID()
	}
	return 0
}

// newSession puts p, which is in no group, in a session and group of its own.
//
// It is for a process that nobody forked; Setsid moves one that has a group. mu is held.
func (m *Machine) newSession(p *Proc, login string) {
	s := &Session{m: m, sid: p.pid, leader: p, login: login}
	m.newPgrp(p.pid, s).join(p)
	p.flags &^= fControlT
}

// release is SESSRELE.
//
// The group of the session's id stays in the table until then, without members, as the pid
// must not be given to a process: it would be in a session that it does not lead. mu is held.
func (s *Session) release() {
	s.refs--
	if s.refs > 0 {
		return
	}
	if g := s.m.pids.findGroup(int(s.sid)); g != nil && g.sess == s && g.n == 0 {
		s.m.pids.setGroup(s.sid, nil)
	}
}

// Setsid is setsid(2): the caller gets a session and a group of its own, without a
// terminal. EPERM: it leads a group, or there is a group with its id.
func (l *LWP) Setsid() (int, netbsd.Errno) {
	p := l.p
	errno := l.call(func() netbsd.Errno {
		if p.m.pids.findGroup(int(p.pid)) != nil {
			return netbsd.EPERM
		}
		s := &Session{m: p.m, sid: p.pid, leader: p, login: p.pgrp.sess.login}
		p.flags &^= fControlT
		p.enterPgrp(p.m.newPgrp(p.pid, s))
		return 0
	})
	return int(p.pid), errno
}
