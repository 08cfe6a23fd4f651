package kern

import "toaster/netbsd"

// This file has process groups and job control.
//
// A group is orphaned when nobody is left who could continue it: no member has its parent in another group of
// the same session. jobc counts the members that have; fQualifies says of each whether it is in the count.
// Whoever takes a process out of the count and brings it to zero calls orphan, but only when all else has
// changed, since the signals that it sends depend on the counts.

// Pgrp is a process group. Machine.mu guards it.
//
// m, id and sess never change. A group without members is gone, but for the one with its session's id, which
// stays in the table (delete); a *Pgrp that somebody has kept stays readable. foreign are the groups of another
// kernel's that stand for members of it (foreign.go).
type Pgrp struct {
	m       *Machine
	id      int32
	n       int32 // members
	jobc    int32 // pg_jobc: members that qualify the group for job control
	sess    *Session
	members *Proc // head: the last to come
	foreign []ForeignGroup
}

// ID returns pg_id.
func (g *Pgrp) ID() int { return int(g.id) }

// Members returns the pids of the members, zombies too.
func (g *Pgrp) Members() []int {
	g.m.lock()
	defer g.m.unlock()
	var pids []int
	for p := g.members; p != nil; p = p.pgNext {
		pids = append(pids, int(p.pid))
	}
	return pids
}

// Pgrp returns p's group, nil when p is gone.
func (p *Proc) Pgrp() *Pgrp {
	p.m.lock()
	defer p.m.unlock()
	return p.pgrp
}

// Pgid returns p's group id, 0 when p is gone.
func (p *Proc) Pgid() int {
	if g := p.Pgrp(); g != nil {
		return g.ID()
	}
	return 0
}

// newPgrp makes an empty group in s.
//
// It holds the session, which goes with its last group. The id is taken as long as the group
// has a member, even if the process of that id is gone (item 96). mu is held.
func (m *Machine) newPgrp(id int32, s *Session) *Pgrp {
	g := &Pgrp{m: m, id: id, sess: s}
	s.refs++
	m.pids.setGroup(id, g)
	return g
}

// join makes p, which is in no group, a member.
//
// It does not count p for job control: its parent may not be known yet. mu is held.
func (g *Pgrp) join(p *Proc) {
	p.pgrp = g
	p.pgPrev, p.pgNext = nil, g.members
	if g.members != nil {
		g.members.pgPrev = p
	}
	g.members = p
	g.n++
}

// leave takes p out of its group, which goes when it is empty.
//
// mu is held.
func (g *Pgrp) leave(p *Proc) {
	if p.pgNext != nil {
		p.pgNext.pgPrev = p.pgPrev
	}
	if p.pgPrev != nil {
		p.pgPrev.pgNext = p.pgNext
	} else {
		g.members = p.pgNext
	}
	p.pgNext, p.pgPrev, p.pgrp = nil, nil, nil
	g.n--
	if g.n == 0 {
		g.leaveForeign(p.cred.RUID)
		g.delete()
	}
}

// delete is pg_delete. The group of a session's id stays in the table until the
// session goes, so that the id is not reused.
//
// A terminal whose foreground group goes has none then, and the next one to read is in the
// background. mu is held.
func (g *Pgrp) delete() {
	s := g.sess
	if t := s.tty; t != nil && t.pgrp == g {
		t.pgrp = nil
	}
	if g.id != s.sid {
		g.m.pids.setGroup(g.id, nil)
	}
	s.release()
}

// leavePgrp is leavepgrp: a reaped process leaves its group.
//
// Whether the group is orphaned by it was for fixjobc to say, when the process ended; a zombie continues
// nobody. uncountJob is for one that setpgid(2) has moved behind that, as it may in release 2003. mu is held.
func (p *Proc) leavePgrp() {
	p.uncountJob()
	p.pgrp.leave(p)
}

// qualifies reports whether p is apart from its real parent, in another group of the same session, and so
// qualifies its group for job control. NetBSD takes the debugger for it, and its counts drift while one is
// attached; so they do if p changes groups while its parent exits, behind fixjobc. A parent may have no group
// any more, p none yet. mu is held.
func (p *Proc) qualifies() bool {
	pp := p.realParent()
	return pp != nil && pp.flags&fNoJobs == 0 && pp.pgrp != nil && p.pgrp != nil && pp.pgrp != p.pgrp && pp.pgrp.sess == p.pgrp.sess
}

// countJob counts p in its group's jobc if it qualifies the group.
//
// The flag remembers that p was counted: what qualified it may have changed when it stops
// counting. mu is held.
func (p *Proc) countJob() {
	if p.flags&fQualifies == 0 && p.qualifies() {
		p.flags |= fQualifies
		p.flags &^= fOrphanPG
		p.pgrp.jobc++
	}
}

// uncountJob takes p out of jobc and reports whether the group is orphaned by it. The caller then owes the
// group a call of orphan. It goes by the flag and not by qualifies, as the parent's group may have changed
// since. mu is held.
func (p *Proc) uncountJob() bool {
	if p.flags&fQualifies == 0 {
		return false
	}
	p.flags &^= fQualifies
	p.pgrp.jobc--
	return p.pgrp.jobc == 0
}

// fixjobc is fixjobc(p, pgrp, 0) for a process that exits: it stops qualifying its
// own group, and its children stop qualifying theirs (items 26, 27).
//
// fNoJobs comes first: a child that changes its group while this exit still has things to do
// must not be counted by a parent that will not take it back. Zombies among the children are
// left out, as nobody can be stopped in them. Children with debuggers are found in stolen, for
// they are on another list. mu is held.
func (p *Proc) fixjobc() {
	p.flags |= fNoJobs
	if p.uncountJob() {
		p.pgrp.orphan()
	}
	for c := p.kids; c != nil; c = c.sibNext {
		if c.realParent() == p {
			c.orphanJob()
		}
	}
	if p.ext != nil {
		for _, c := range p.ext.stolen {
			c.orphanJob()
		}
	}
}

// orphanJob takes a dying parent's child out of its group's count. mu is held.
func (c *Proc) orphanJob() {
	g := c.pgrp
	if c.state < StateZombie && c.uncountJob() {
		g.orphan()
	}
}

// orphan is orphanpg: the group has nobody left to continue it. If a member is
// stopped, all (2003) or the stopped ones (10) get SIGHUP and SIGCONT.
//
// SIGHUP tells the stopped ones that nobody will continue them, and SIGCONT lets them act on
// it: the order is POSIX's. The signals say SI_NOINFO, as psignal has no siginfo. mu is held.
func (g *Pgrp) orphan() {
	m := g.m
	stopped := false
	defer g.orphanForeign()
	for p := g.members; p != nil; p = p.pgNext {
		if p.flags&fStopped == 0 || p.state > StateExiting {
			continue
		}
		stopped = true
		if !m.r2003 {
			p.flags |= fOrphanPG
		}
	}
	if !stopped {
		return
	}
	hup := netbsd.Siginfo{Signo: netbsd.SIGHUP, Code: netbsd.SI_NOINFO}
	cont := netbsd.Siginfo{Signo: netbsd.SIGCONT, Code: netbsd.SI_NOINFO}
	for p := g.members; p != nil; p = p.pgNext {
		if m.r2003 || p.flags&fStopped != 0 {
			g.signalMember(p, &hup)
			g.signalMember(p, &cont)
		}
	}
	g.signalForeign(netbsd.SIGHUP, nil)
	g.signalForeign(netbsd.SIGCONT, nil)
}

// orphanForeign tells g's groups there, behind the signals. mu is held.
func (g *Pgrp) orphanForeign() {
	for _, f := range g.foreign {
		g.m.after(f.Orphaned)
	}
}

// Orphaned reports whether nobody is apart from the group who could continue it. It is as of this moment: the
// one who can may exit before the caller looks at the answer.
func (g *Pgrp) Orphaned() bool {
	g.m.lock()
	defer g.m.unlock()
	return g.jobc == 0
}

// Setpgid is setpgid(2): pid 0 is the caller, pgid 0 is pid.
//
// EINVAL: a negative group; ESRCH: pid is neither the caller nor descends from it; EACCES: the descendant has
// made an exec, and its program may rely on the group that it is in by now; EPERM: a session leader, no such group, or
// a descendant or its group of another session. The caller itself may enter a group of another session.
func (l *LWP) Setpgid(pid, pgid int) netbsd.Errno {
	return l.call(func() netbsd.Errno { return l.p.m.setpgid(l.p, pid, pgid) })
}

// cur is the caller. mu is held.
func (m *Machine) setpgid(cur *Proc, pid, pgid int) netbsd.Errno {
	if pgid < 0 {
		return netbsd.EINVAL
	}
	if pid == 0 {
		pid = int(cur.pid)
	}
	if pgid == 0 {
		pgid = pid
	}
	return m.enterpgrp(cur, pid, pgid)
}

// enterpgrp is proc_enterpgrp without a new session. The checks are in its order, so that a call which is wrong in two ways gets NetBSD's
// error. pfind skips zombies, so that one cannot be moved any more. Whoever moves itself is not asked for its session, which is that of its
// new group from then on. cur is the caller. mu is held.
func (m *Machine) enterpgrp(cur *Proc, pid, pgid int) netbsd.Errno {
	g := m.pids.findGroup(pgid)
	p := cur
	if pid != int(cur.pid) {
		p = m.pfind(pid)
		switch {
		case p == nil || !p.inferior(cur):
			return netbsd.ESRCH
		case p.pgrp.sess != cur.pgrp.sess || g != nil && g.sess != p.pgrp.sess:
			return netbsd.EPERM
		case p.flags&fExec != 0:
			return netbsd.EACCES
		}
	}
	switch {
	case p.pgrp.sess.leader == p:
		if g == p.pgrp {
			return 0
		}
		return netbsd.EPERM
	case g == nil && pgid != pid:
		return netbsd.EPERM
	case g != nil && g.n == 0:
		return netbsd.EPERM
	case g == p.pgrp:
		return 0
	}
	if g == nil {
		g = m.newPgrp(int32(pgid), p.pgrp.sess)
	}
	p.enterPgrp(g)
	return 0
}

// inferior reports whether p descends from q (p_inferior).
//
// It goes by present parents: a debugger counts as one, as in NetBSD. Where a child traces an ancestor they
// are a circle, in which p_inferior would walk for ever; slow follows at half the pace, and is met there.
// mu is held.
func (p *Proc) inferior(q *Proc) bool {
	slow := p
	for n := 1; ; n++ {
		if p = p.parent; p == nil || p == slow {
			return false
		}
		if p == q {
			return true
		}
		if n%2 == 0 {
			slow = slow.parent
		}
	}
}

// enterPgrp moves p to g. Counts go up before they go down, so that none comes to
// zero in between.
//
// The old group is kept from going while its counts change. Whether a group is orphaned is
// asked after all counts are final: p may qualify both groups in between, and its children may
// gain in one what they lose in the other. The parent's index of groups follows. mu is held.
func (p *Proc) enterPgrp(g *Pgrp) {
	old := p.pgrp
	pp := p.parent
	indexed := p.node != nil
	if indexed {
		pp.leaveKidGroup(p)
	}
	old.n++ // keep it while its counts change
	counted := p.flags&fQualifies != 0
	p.flags &^= fQualifies
	old.leave(p)
	g.join(p)
	p.countJob()
	if indexed {
		pp.joinKidGroup(p)
	}
	recount := p.recountKids()
	if counted {
		old.jobc--
	}
	old.n--
	if counted && old.jobc == 0 {
		old.orphan()
	}
	for _, o := range recount {
		if o.jobc == 0 {
			o.orphan()
		}
	}
	if old.n == 0 {
		old.delete()
	}
}

// recountKids counts p's children anew after p has changed groups; it returns the
// groups that have lost one.
//
// The caller calls orphan for those that end at zero, once its own counts are final. A child that has begun to
// exit may drop out of a count here but does not come in: fixjobc may have been there already. Those that a
// debugger holds count by p, too, and are on another list. mu is held.
func (p *Proc) recountKids() (lost []*Pgrp) {
	recount := func(c *Proc) {
		if c.realParent() != p {
			return
		}
		if c.flags&fQualifies == 0 {
			if c.state <= StateActive {
				c.countJob()
			}
		} else if !c.qualifies() {
			c.uncountJob()
			lost = append(lost, c.pgrp)
		}
	}
	for c := p.kids; c != nil; c = c.sibNext {
		recount(c)
	}
	if p.ext != nil {
		for _, c := range p.ext.stolen {
			recount(c)
		}
	}
	return lost
}

// Getpgid is getpgid(2): pid 0 is the caller. ESRCH: no such process.
func (l *LWP) Getpgid(pid int) (int, netbsd.Errno) {
	p, errno := l.target(pid)
	if errno != 0 {
		return 0, errno
	}
	return p.Pgid(), 0
}

// Getsid is getsid(2): pid 0 is the caller. ESRCH: no such process.
func (l *LWP) Getsid(pid int) (int, netbsd.Errno) {
	p, errno := l.target(pid)
	if errno != 0 {
		return 0, errno
	}
	return p.Sid(), 0
}

// target is the process that a call with a pid is about; 0 is the caller. Dead processes and zombies are not
// found (item 41). The caller holds no lock, so the process may end before it is looked at: its methods then
// say what is still known.
func (l *LWP) target(pid int) (*Proc, netbsd.Errno) {
	if pid == 0 {
		return l.p, 0
	}
	m := l.p.m
	m.lock()
	defer m.unlock()
	if p := m.pfind(pid); p != nil {
		return p, 0
	}
	return nil, netbsd.ESRCH
}
