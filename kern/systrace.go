package kern

import "toaster/netbsd"

// This file has what the kernel knows of systrace(4), which release 2003 has: the attachment of a process, under which somebody is
// asked about each of its calls. Exit releases it behind ktrace (item 30).
//
// Policies, questions and answers are the layers' above. kern keeps the reference and a bit in Proc.calls,
// which changes with it under mu and which the run loop reads without. Release 10 has none of it: nobody
// attaches there.

// Systracer is an attachment that is a process's own: a fork's child gets another one. Forked is called with no
// lock held, before the child is seen by anybody (systrace_sys_fork). An attachment that is no Systracer is
// shared with the child, by Hold (inheritExt). If the fork fails after all the child's is released (dropParts).
type Systracer interface {
	Ref
	Forked(child *Proc) Ref
}

// Systraced reports whether somebody is asked about p's calls. It is one atomic load, for the run loop: who is
// attached in the middle of a call is asked about the next one.
func (p *Proc) Systraced() bool { return p.calls.Load()&callsSystrace != 0 }

// Systrace returns p's attachment, nil if it has none. The reference is p's: it may be dropped as soon as the
// caller has the answer, so an attachment must bear to be asked after its release.
func (p *Proc) Systrace() Ref {
	p.m.lock()
	defer p.m.unlock()
	if p.ext == nil {
		return nil
	}
	return p.ext.systrace
}

// SystraceAttach attaches pid, in the order of systrace_attach. ESRCH: no such process; EINVAL: the caller; EBUSY: it is attached
// already; EPERM: another user's, or set-id, or init.
//
// r makes the attachment once it is sure that there will be one; it is called with mu held, and must not call
// kern. LWPs that are in user mode are kicked: the stub answers some calls by itself until they come by.
func (l *LWP) SystraceAttach(pid int, r func(*Proc) Ref) netbsd.Errno {
	return l.call(func() netbsd.Errno {
		p := l.p
		t := p.m.pfind(pid)
		switch {
		case t == nil || t.state != StateActive || t.flags&fWExit != 0:
			return netbsd.ESRCH
		case t == p:
			return netbsd.EINVAL
		case t.ext != nil && t.ext.systrace != nil:
			return netbsd.EBUSY
		case !p.mayTrace(t), t == p.m.init:
			return netbsd.EPERM
		}
		t.extra().systrace = r(t)
		t.calls.Or(callsSystrace)
		t.kickRunning()
		return 0
	})
}

// SystraceDetach takes r from p, if it has it; r is not released. p may have let go of it at its exit, or of
// another one: attachments are compared, so that a late detach does no harm.
func (p *Proc) SystraceDetach(r Ref) {
	p.m.lock()
	defer p.m.unlock()
	if p.ext != nil && p.ext.systrace == r {
		p.ext.systrace = nil
		p.calls.And(^uint32(callsSystrace))
	}
}

// systraceFork attaches the child, too. mu is not held, as Forked takes locks that are above it.
func (p *Proc) systraceFork(c *Proc) {
	s, ok := p.Systrace().(Systracer)
	if !ok {
		return
	}
	r := s.Forked(c)
	p.m.lock()
	c.extra().systrace = r
	c.calls.Or(callsSystrace)
	p.m.unlock()
}

// SystraceIDs sets the effective user, or group, of l's process for a call (systrace_seteuid, systrace_setegid); nil leaves it alone. It returns what they were.
func (l *LWP) SystraceIDs(uid, gid *uint32) (euid, egid uint32) {
	l.changeCred(func(old Cred, c *Cred) netbsd.Errno {
		euid, egid = old.EUID, old.EGID
		if uid != nil {
			c.EUID = *uid
		}
		if gid != nil {
			c.EGID = *gid
		}
		return 0
	})
	return euid, egid
}
