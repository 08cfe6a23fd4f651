package kern

import "toaster/netbsd"

// procFree is proc_free: a waiter has taken the zombie's status (items 90 to 96).
// A process that a debugger held goes back to its original parent instead, which
// waits once more.
func (p *Proc) procFree() {
	m, parent := p.m, p.parent
	if p.flags&fTraced != 0 && p.opptr != parent {
		parent = p.giveBack()
		if p.exitsig != 0 {
			p.exitSignal(parent)
		}
		parent.waiters.wakeAll()
		return
	}
	p.step(nil, StepReap)
	p.xstat = 0
	if p.ru != nil {
		if *p.ru != (netbsd.Rusage{}) {
			parent.x().cru.Add(p.ru)
		}
		m.ruFree = append(m.ruFree, p.ru)
		p.ru = nil
	}
	if p.opptr != nil {
		p.setOpptr(nil)
	}
	m.event(Event{Kind: EventReap, Pid: p.pid, Other: parent.pid, Status: p.final})
	p.setState(StateFree)
	parent.dropChild(p)
	p.leavePgrp()
	m.zombies.remove(p)
	m.nzombies--
	for p.lwps != nil {
		p.lwps.free()
	}
	m.chgproccnt(p.cred.RUID, -1)
	m.releaseImage(p.img)
	if p.ext != nil {
		p.ext.sa = nil
	}
	p.lim, p.acts = nil, nil
	m.nprocs--
	m.pids.free(p.pid)
	m.noteChange()
}

// free unlinks an LWP that is gone.
func (l *LWP) free() {
	if l.stat == LWPZombie {
		l.p.nzlwps--
	}
	l.setStat(LWPFree)
	l.unlink()
}

func (m *Machine) releaseImage(i *Image) {
	if i != nil && i.Text != nil {
		m.after(i.Text.Release)
	}
}
