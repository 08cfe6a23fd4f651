package kern

import "toaster/netbsd"

// This file has proc_reparent and what becomes of a dying process's children.

// reparent makes to the parent of c: at the head of its child list, with no signal
// and no wakeup (items 97 to 99). From init, or a subreaper, on c ends with SIGCHLD.
//
// What c has to report moves along: a stop that nobody has waited for is news to the new
// parent, too. A subreaper counts as init does, since who adopts orphans is not asked for
// their exit signal. mu is held.
func (c *Proc) reparent(to *Proc) {
	from := c.parent
	if from == to {
		return
	}
	k := c.wkind
	from.dropChild(c)
	if to == c.m.init || to.flags&fSubreaper != 0 {
		c.exitsig = netbsd.SIGCHLD
	}
	to.addChild(c)
	if c.opptr == from || c.opptr == to {
		c.setOpptr(c.opptr) // whether it is with a debugger has changed
	}
	if k != kNone {
		c.report(k)
	}
	c.m.event(Event{Kind: EventReparent, Pid: c.pid, Other: to.pid})
}

// setTraced sets or clears P_TRACED.
//
// A stop that the tracer has taken is reported once more when the tracing ends: the real
// parent has not seen it. mu is held.
func (c *Proc) setTraced(on bool) {
	if on {
		c.flags |= fTraced
	} else {
		c.setSysTrace(false)
		c.endSyscallEmu()
		c.flags &^= fTraced | fWaited | fFSTrace
		c.xsig = 0
		if c.ext != nil {
			c.ext.sigPass = 0
		}
	}
	c.reclass()
	if !on && c.flags&fStopped != 0 && c.state <= StateExiting {
		c.report(kStopped) // to be reported once more
	}
}

// setOpptr records c's original parent. A process knows which of its children are
// with a debugger, so that its exit need not walk all processes for them (item 37).
//
// stolen is unordered, so that an entry is removed by moving the last one. mu is held.
func (c *Proc) setOpptr(op *Proc) {
	if old := c.opptr; old != nil && old.ext != nil {
		s := old.ext.stolen
		for i := range s {
			if s[i] == c {
				s[i] = s[len(s)-1]
				s[len(s)-1] = nil
				old.ext.stolen = s[:len(s)-1]
				break
			}
		}
	}
	c.opptr = op
	if op != nil && op != c.parent {
		op.extra().stolen = append(op.extra().stolen, c)
		op.flags |= fChTraced
	}
}

// giveBack returns a traced child back to its original parent, init if that is gone,
// and ends the tracing. It returns the parent.
//
// The link is cleared before c moves, or c would be entered once more among the stolen ones.
// An original parent that is dead does not count; 1.127 would follow its pointer (item 90). Nor does a
// subreaper above the debugger, if that is c or descends from c. mu
// is held.
func (c *Proc) giveBack() *Proc {
	to := c.opptr
	if to == nil || to.state >= StateDead {
		if to = c.parent.reaperFor(); to.descendsFrom(c) {
			to = c.m.init
		}
	}
	c.setOpptr(nil)
	c.setTraced(false)
	c.reparent(to)
	return to
}

// descendsFrom reports whether c is p or an ancestor of p, by original parents. mu is held.
func (p *Proc) descendsFrom(c *Proc) bool {
	for ; p != nil; p = p.realParent() {
		if p == c {
			return true
		}
	}
	return false
}

// orphanChildren returns p's children to init, or to p's subreaper (items 32 to 36). It reports
// whether there were any.
//
// One wakeup stands for all the zombies that come (item 32), and no SIGCHLD: in 2003 it comes
// before the loop, in 10 at the end of exit1. A
// traced child is killed: its tracer is gone, and nobody would ever continue it. psignal comes
// after the move, so that what it reports goes to the new parent. mu is held.
func (p *Proc) orphanChildren(l *LWP) bool {
	to := p.reaperFor()
	if p.kids == nil {
		return false
	}
	if p.m.r2003 {
		p.step(l, StepWakeInit)
		to.waiters.wakeAll()
	}
	p.step(l, StepReparentChildren)
	for p.kids != nil {
		c := p.kids
		if c.flags&fTraced == 0 {
			c.reparent(to)
			c.parentDied()
			continue
		}
		if c.opptr != c.parent {
			if back := c.giveBack(); !p.m.r2003 {
				back.waiters.wakeAll() // it may be a zombie already
			}
		} else {
			c.setOpptr(nil)
			c.setTraced(false)
			c.reparent(to)
		}
		p.m.psignal(c, &netbsd.Siginfo{Signo: netbsd.SIGKILL, Code: netbsd.SI_NOINFO}, nil)
	}
	return true
}

// forgetStolen makes the children that debuggers hold forget that p was their
// parent (item 37). kern_exit.c 1.127 leaves out those that are zombies
// already.
//
// Without the link a later detach sends the child to init. mu is held.
func (p *Proc) forgetStolen(l *LWP) {
	if p.flags&fChTraced == 0 {
		return
	}
	p.step(l, StepForgetTraced)
	if p.ext == nil {
		return
	}
	kept := 0
	for len(p.ext.stolen) > kept {
		c := p.ext.stolen[kept]
		if p.m.r2003 && c.state >= StateDead {
			kept++
			continue
		}
		c.setOpptr(nil)
		c.extra().deadParent = p.pid
		c.parentDied()
	}
}

// parentDied sends the parent-death signal that c asked for.
//
// mu is held.
func (c *Proc) parentDied() {
	if c.ext == nil || c.ext.pdeathsig == 0 {
		return
	}
	c.m.psignal(c, &netbsd.Siginfo{Signo: c.ext.pdeathsig, Code: netbsd.SI_NOINFO}, nil)
}
