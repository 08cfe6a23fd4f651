package kern

import "toaster/netbsd"

// This file has an option that NetBSD lacks: a process other than init that
// inherits the orphans among its descendants, as Linux's PR_SET_CHILD_SUBREAPER and
// FreeBSD's PROC_REAP_ACQUIRE have it. And the signal for a parent's death.
//
// No system call of NetBSD's leads here: the embedder asks for it, for a process of its choice, and so no
// rights are checked.

// reaperFor returns who inherits p's children: the nearest ancestor that is a
// subreaper and alive, else init.
//
// The way goes by real parents: a debugger that holds p inherits nothing. While there is no subreaper at all,
// which is the rule, the walk is saved. One that has begun to exit is passed by, as it may have parted with its
// own children already. mu is held.
func (p *Proc) reaperFor() *Proc {
	if p.m.nsubreapers > 0 {
		for q := p.realParent(); q != nil; q = q.realParent() {
			if q.flags&fSubreaper != 0 && q.flags&fWExit == 0 {
				return q
			}
		}
	}
	return p.m.init
}

// SetSubreaper makes p inherit the orphans among its descendants, or stop to. Children that come to it so end
// with SIGCHLD, as init's do. Off after a fork. ESRCH: p has begun to exit. Those that it has inherited stay
// when it stops. nsubreapers counts with the flag, here and in setDead, or reaperFor would walk for nothing, or
// not at all.
func (p *Proc) SetSubreaper(on bool) netbsd.Errno {
	m := p.m
	m.lock()
	defer m.unlock()
	if p.state != StateActive || p.flags&fWExit != 0 {
		return netbsd.ESRCH
	}
	is := p.flags&fSubreaper != 0
	switch {
	case on && !is:
		p.flags |= fSubreaper
		m.nsubreapers++
	case !on && is:
		p.flags &^= fSubreaper
		m.nsubreapers--
	}
	return 0
}

// ReapStatus is what FreeBSD's PROC_REAP_STATUS tells. Both counts have zombies in them that nobody has reaped.
// They go by original parents, as descend does.
type ReapStatus struct {
	Reaper      int // pid of p's reaper: p itself if it is one
	Children    int
	Descendants int
	First       int // pid of the newest child, which goes before those that debuggers hold; 0 if none
}

// ReapStatus describes the subtree below p.
func (p *Proc) ReapStatus() ReapStatus {
	p.m.lock()
	defer p.m.unlock()
	s := ReapStatus{Reaper: int(p.pid)}
	if p.flags&fSubreaper == 0 && p != p.m.init {
		s.Reaper = int(p.reaperFor().pid)
	}
	p.descend(func(c *Proc) {
		s.Descendants++
		if c.realParent() != p {
			return
		}
		s.Children++
		if s.First == 0 {
			s.First = int(c.pid)
		}
	})
	return s
}

// descend visits all descendants of p by original parents, parents before children: a debugger takes nobody out of a
// subtree, and brings nobody into its own.
//
// They wait in a list and not on the goroutine's stack, so that the depth of a tree does not matter. Nobody is
// visited twice, as original parents are no circle. f must not change the tree. mu is held.
func (p *Proc) descend(f func(*Proc)) {
	for todo := []*Proc{p}; len(todo) > 0; {
		q := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		if q != p {
			f(q)
		}
		if q.ext != nil {
			todo = append(todo, q.ext.stolen...)
		}
		for c := q.lastKid(); c != nil; c = c.sibPrev {
			// Who is with a debugger and has lost its parent is init's (realParent), on no list of it.
			if rp := c.realParent(); rp == q || rp == p && c.opptr == nil {
				todo = append(todo, c)
			}
		}
	}
}

// lastKid returns the end of p's child list. mu is held.
func (p *Proc) lastKid() *Proc {
	c := p.kids
	for c != nil && c.sibNext != nil {
		c = c.sibNext
	}
	return c
}

// KillSubtree sends sig to every living descendant of p and tells how many there
// were (PROC_REAP_KILL). No fork escapes it: it is one moment.
//
// p itself gets none, nor does a process that has begun to exit. EINVAL: no such signal, 0 included; ESRCH:
// there is no living descendant.
func (p *Proc) KillSubtree(sig netbsd.Signal) (int, netbsd.Errno) {
	if !sig.Valid() {
		return 0, netbsd.EINVAL
	}
	m := p.m
	m.lock()
	defer m.unlock()
	n := 0
	info := netbsd.Siginfo{Signo: sig, Code: netbsd.SI_USER, Pid: p.pid, UID: p.cred.EUID}
	p.descend(func(c *Proc) {
		if c.state == StateActive && c.flags&fWExit == 0 {
			n++
			m.psignal(c, &info, nil)
		}
	})
	if n == 0 {
		return 0, netbsd.ESRCH
	}
	return n, 0
}

// SetParentDeathSignal has p get sig when its parent exits; 0 turns it off. A fork and a set-id exec turn it
// off, too. EINVAL: no such signal. It is sent when p goes to another parent because its own exits
// (orphanChildren), so it comes once for each parent, or loses it while a debugger holds p (forgetStolen).
func (p *Proc) SetParentDeathSignal(sig netbsd.Signal) netbsd.Errno {
	if sig != 0 && !sig.Valid() {
		return netbsd.EINVAL
	}
	p.m.lock()
	p.extra().pdeathsig = sig
	p.m.unlock()
	return 0
}
