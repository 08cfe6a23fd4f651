package kern

import "toaster/netbsd"

// procFree is proc_free: a waiter has taken the zombie's status (items 90 to 96).
// A process that a debugger held goes back to its original parent instead, which
// waits once more.
//
// The parent's usage of children grows here and only here (item 92): a child that is never
// waited for is never counted. A child that used nothing does not make its parent's extra
// state. The pid comes last: once it is free a fork on another core may have it (item 96). mu
// is held.
func (p *Proc) procFree() {
	m, parent := p.m, p.parent
	if p.flags&fTraced != 0 && p.opptr != parent {
		p.step(nil, StepGiveBack)
		parent = p.giveBack()
		if p.exitsig != 0 {
			p.exitSignal(parent)
		}
		parent.waiters.wakeAll()
		return
	}
	p.step(nil, StepReap)
	if f := m.cfg.SchedWait; f != nil {
		f(parent, p)
	}
	p.step(nil, StepClearStatus)
	p.xstat, p.xexit = 0, 0
	p.step(nil, StepAddRusage)
	if *p.ru != (netbsd.Rusage{}) {
		parent.extra().cru.Add(p.ru)
	}
	m.event(Event{Kind: EventReap, Pid: p.pid, Other: parent.pid, Status: p.final})
	p.step(nil, StepSetFree)
	p.setState(StateFree)
	p.step(nil, StepFreeRusage)
	m.ruFree = append(m.ruFree, p.ru)
	p.ru = nil
	if p.opptr != nil {
		p.setOpptr(nil)
	}
	p.unlinkAll(parent)
	p.releaseAll()
	p.step(nil, StepFreePid)
	m.nprocs--
	m.pids.free(p.pid)
	m.noteChange()
}

// unlinkAll takes p out of its group and off all lists. In release 10 its last LWP is still listed, as a
// zombie; in 2003 the reaper has freed it. mu is held.
func (p *Proc) unlinkAll(parent *Proc) {
	m := p.m
	// The index of groups is found by p's group, so p leaves its parent before it leaves the group.
	parent.dropChild(p)
	p.step(nil, StepLeavePgrp)
	p.leavePgrp()
	p.step(nil, StepLeaveLists)
	m.zombies.remove(p)
	m.nzombies--
	for p.lwps != nil {
		p.lwps.free()
	}
}

// releaseAll drops what p shares with others. The credentials stay readable.
//
// The real user's count falls here, at the reap: zombies count against RLIMIT_NPROC (item 94).
// Credentials are immutable and Go's collector takes them. mu is held.
func (p *Proc) releaseAll() {
	m := p.m
	p.step(nil, StepUncountUser)
	m.chgproccnt(p.cred.RUID, -1)
	if !m.r2003 {
		p.freeLimits(nil)
	}
	p.step(nil, StepFreeCred)
	p.step(nil, StepReleaseText)
	m.releaseImage(p.img)
	p.step(nil, StepFreeSA)
	if p.ext != nil {
		p.ext.sa = nil
	}
}

// free unlinks an LWP that is gone: no look-up finds it any more, and its id may be another's. Who still has a
// pointer to it finds LWPFree. mu is held.
func (l *LWP) free() {
	if l.stat == LWPZombie {
		l.p.nzlwps--
	}
	l.setStat(LWPFree)
	l.unlink()
	if l.p.state < StateDead { // the last one's has gone in exit1
		l.p.freeLid(l.lid)
	}
}

// releaseImage drops a reference to the executable, later, as a file system may block in it.
// mu is held.
func (m *Machine) releaseImage(i *Image) {
	if i != nil && i.Text != nil {
		m.after(i.Text.Release)
	}
}
