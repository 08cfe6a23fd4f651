package kern

import "toaster/netbsd"

// What tests of this package look at, and nobody else does.

// setPMC has p count by c. At exit it is added to the parent's.
func (p *Proc) setPMC(c Counters) {
	p.m.lock()
	p.extra().pmc = c
	p.m.unlock()
}

// HasRAS reports how many sequences p has.
func (p *Proc) HasRAS() int {
	p.m.lock()
	defer p.m.unlock()
	if p.ext == nil {
		return 0
	}
	return len(p.ext.ras)
}

// ProcCount tells how many processes, zombies included, the real user uid has.
func (m *Machine) ProcCount(uid uint32) int {
	m.lock()
	defer m.unlock()
	return m.uids[uid]
}

// Detached reports LPR_DETACHED.
func (l *LWP) Detached() bool {
	l.p.m.lock()
	defer l.p.m.unlock()
	return l.flags&lDetached != 0
}

// FindPgrp returns the group with that id, nil if there is none (pgfind).
func (m *Machine) FindPgrp(id int) *Pgrp {
	m.lock()
	defer m.unlock()
	g := m.pids.findGroup(id)
	if g == nil || g.n == 0 {
		return nil
	}
	return g
}

// ControlT reports P_CONTROLT: p has a controlling terminal.
func (p *Proc) ControlT() bool { return p.has(fControlT) }

// Dirs returns the current and root directories; see VM.
func (p *Proc) Dirs() Dirs {
	p.m.lock()
	defer p.m.unlock()
	return p.dirs
}

// SA reports whether the process has scheduler activations (P_SA), and whether l
// takes upcalls (L_SA).
func (l *LWP) SA() (proc, lwp bool) {
	l.p.m.lock()
	defer l.p.m.unlock()
	return l.p.flags&fSA != 0, l.flags&lSA != 0
}

// SACached counts the LWPs in the cache.
func (p *Proc) SACached() int {
	p.m.lock()
	defer p.m.unlock()
	if p.ext == nil || p.ext.sa == nil {
		return 0
	}
	return len(p.ext.sa.cached)
}

// TTY returns s_ttyp: the terminal that the session has or once had (item 24).
func (s *Session) TTY() *TTY {
	s.m.lock()
	defer s.m.unlock()
	return s.tty
}

// HasTTY reports s_ttyvp: whether the session has a terminal now.
func (s *Session) HasTTY() bool {
	s.m.lock()
	defer s.m.unlock()
	return s.ttyvp
}

// NeedsUserRet reports whether UserRet has something to do.
func (pl *Platform) NeedsUserRet() bool { return pl.attn.Load() != 0 }

// Ignored returns p_sigctx.ps_sigignore, Caught ps_sigcatch.
func (p *Proc) Ignored() netbsd.Sigset {
	p.m.lock()
	defer p.m.unlock()
	if p.acts == nil || p.state >= StateExiting {
		return netbsd.AllSignals // item 10
	}
	p.collectActions(false)
	return p.acts.ignore
}

// Caught returns the signals that p has handlers for.
func (p *Proc) Caught() netbsd.Sigset {
	p.m.lock()
	defer p.m.unlock()
	if p.acts == nil {
		return 0
	}
	p.collectActions(false)
	return p.acts.catch
}

// Subreaper reports whether p is one.
func (p *Proc) Subreaper() bool { return p.has(fSubreaper) }

// Descendants returns the pids of the whole subtree below p, zombies too (FreeBSD's
// PROC_REAP_GETPIDS).
func (p *Proc) Descendants() []int {
	p.m.lock()
	defer p.m.unlock()
	var pids []int
	p.descend(func(c *Proc) { pids = append(pids, int(c.pid)) })
	return pids
}

// Closed tells that the device has been closed for the last time (ttyclose): it has
// no session and no foreground group any more, and another session may acquire it.
// The one that had it keeps its reference until its leader exits (item 22).
func (t *TTY) Closed() {
	t.m.lock()
	defer t.m.unlock()
	if s := t.sess; s != nil {
		t.sess, t.pgrp = nil, nil
		s.release()
	}
}

// Jobc returns pg_jobc; at 0 the group is orphaned.
func (g *Pgrp) Jobc() int {
	g.m.lock()
	defer g.m.unlock()
	return int(g.jobc)
}

// setFSTrace is P_FSTRACE: procfs tracing, under which no exit signal is sent (item
// 65). Release 2003 only. Tests set it apart from the tracing.
func (p *Proc) setFSTrace(on bool) {
	p.m.lock()
	defer p.m.unlock()
	p.flags &^= fFSTrace
	if on && p.m.r2003 {
		p.flags |= fFSTrace
	}
	p.reclass()
}

// setSystrace attaches p to a systrace, as setKtrace does (item 30).
func (p *Proc) setSystrace(r Ref) {
	p.m.lock()
	defer p.m.unlock()
	if old := p.extra().systrace; old != nil {
		p.m.after(old.Release)
	}
	p.ext.systrace = r
}

// signalLWP sends info to t itself, from any goroutine (psignal with a target). ESRCH: t is gone.
func (t *LWP) signalLWP(info *netbsd.Siginfo) netbsd.Errno {
	if !info.Signo.Valid() {
		return netbsd.EINVAL
	}
	m := t.p.m
	m.lock()
	defer m.unlock()
	if t.stat >= LWPDead {
		return netbsd.ESRCH
	}
	return m.psignal(t.p, info, t)
}
