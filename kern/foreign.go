package kern

import (
	"slices"

	"toaster/netbsd"
)

// This file has processes whose program another kernel runs (a program of the host). Here is
// the process: pid, parent, group, status. There are the program's threads, its actions on
// signals, and its children, of which nothing is known here.
//
//	a signal for the process   goes there, and what it does comes back as a report
//	a signal for its group     goes there once, for all in the group there
//	SIGKILL                    acts here, too: it must not depend on a report
//
// So a process group here has groups there, which can outlive it.

// Foreign is the program of such a process. Its methods must not wait. Signal is called without locks. Group
// is called with mu held, too, so it must neither block nor call kern.
type Foreign interface {
	// Signal has the program get sig. SIGCHLD is about children here, which the program does not have.
	Signal(sig netbsd.Signal)
	Group() ForeignGroup
}

// ForeignGroup is a process group there. Its methods are called without locks, but for Has, which is asked with
// mu held. Values are compared: a group there has one of them.
type ForeignGroup interface {
	// Signal has all its members get sig; 0 only looks whether there are any.
	Signal(sig netbsd.Signal)
	// Left is told that the group here has gone. It reports whether the one there has members.
	Left() bool
	// Has reports whether there is such a signal there.
	Has(sig netbsd.Signal) bool
	// Orphaned is told that nobody is left here who could continue the group (orphanpg).
	Orphaned()
}

// leftGroup is a group there whose group here has gone. Who its members are is not known here, so rights go by
// the real user of the last process that was in the group here.
type leftGroup struct {
	ForeignGroup
	uid uint32
}

// SetForeign says that f runs l's process. It returns false if the process is to die, and f
// would not hear of it.
//
// What was sent up to then is pending here and stays so; from now on signals go to f. One may come the moment
// after, before the program has been started: f has to have it wait until then, or it would be lost.
func (pl *Platform) SetForeign(f Foreign) bool {
	p := pl.p
	p.m.lock()
	defer p.m.unlock()
	if p.flags&fWExit != 0 || pl.attn.Load()&aExit != 0 {
		return false
	}
	p.extra().foreign = f
	p.pgrp.standsFor(f.Group())
	return true
}

// standsFor notes that there is a group there of g's processes, once: a signal for g goes once to each. It
// stays noted when its members have ended; a signal finds nobody then. mu is held.
func (g *Pgrp) standsFor(there ForeignGroup) {
	if !slices.Contains(g.foreign, there) {
		g.foreign = append(g.foreign, there)
	}
}

// SetDeputy says that l's process runs here, as it may not have until now, and that a deputy of
// it is a member of g: signals for all of g reach the process by that one, and not twice. In
// SpawnArgs.Prepare there is no group here yet: g must be one that its group to be stands for.
func (pl *Platform) SetDeputy(g ForeignGroup) {
	p := pl.p
	p.m.lock()
	defer p.m.unlock()
	p.extra().foreign, p.ext.deputy = nil, g
	if p.pgrp != nil {
		p.pgrp.standsFor(g)
	}
}

// groupThere returns the group there that p is in, itself or by a deputy; nil if there is none. mu
// is held.
func (p *Proc) groupThere() ForeignGroup {
	switch {
	case p.ext == nil:
	case p.ext.foreign != nil:
		return p.ext.foreign.Group()
	case p.ext.deputy != nil:
		return p.ext.deputy
	}
	return nil
}

// GroupThere is the group of another kernel's that p is in, nil if there is none.
func (p *Proc) GroupThere() ForeignGroup {
	p.m.lock()
	defer p.m.unlock()
	return p.groupThere()
}

// foreign returns who runs p, nil if p runs here. mu is held.
func (p *Proc) foreign() Foreign {
	if p.ext == nil {
		return nil
	}
	return p.ext.foreign
}

// signalForeign is psignal for a program there. False: it is to go on as for others, as
// SIGKILL does, and what a tracer is to see. mu is held.
func (p *Proc) signalForeign(f Foreign, sig netbsd.Signal) bool {
	if p.flags&fTraced != 0 {
		return false
	}
	p.m.after(func() { f.Signal(sig) })
	if sig == netbsd.SIGKILL {
		return false
	}
	p.knoteSignal(sig)
	return true
}

// signalMember is psignal for one of g that all of g get. A program there has it by its group.
//
// psignal sends it to a member after all that has no group there or one that g does not stand for, and to one
// with a deputy if it is SIGSTOP, since the process itself runs here. SIGKILL acts here in any case, a tracer
// is to be shown the signal here, and a signal of NetBSD's alone does not exist there. mu is held.
func (g *Pgrp) signalMember(p *Proc, info *netbsd.Siginfo) {
	there := p.groupThere()
	switch sig := info.Signo; {
	case there == nil, !slices.Contains(g.foreign, there), sigprops[sig]&sCantMask != 0 && p.foreign() == nil,
		sig == netbsd.SIGKILL, p.flags&fTraced != 0, !there.Has(sig):
		g.m.psignal(p, info, nil)
	default:
		p.noteForeign(sig)
	}
}

// noteForeign has knotes know of a signal that p's program there gets with its group. mu is held.
func (p *Proc) noteForeign(sig netbsd.Signal) {
	if p.foreign() != nil && p.state == StateActive {
		p.knoteSignal(sig)
	}
}

// signalForeign sends sig to g's groups there, but for one that has it already. mu is held.
func (g *Pgrp) signalForeign(sig netbsd.Signal, but ForeignGroup) {
	for _, f := range g.foreign {
		if f != but && sig != netbsd.SIGCHLD {
			g.m.after(func() { f.Signal(sig) })
		}
	}
}

// leaveForeign is for a group that goes: those there may have members yet, which kill(2) is to
// find by the group's id. mu is held.
func (g *Pgrp) leaveForeign(uid uint32) {
	m, id := g.m, g.id
	for _, f := range g.foreign {
		m.after(func() {
			if !f.Left() {
				return
			}
			m.lock()
			defer m.unlock()
			if m.left == nil {
				m.left = make(map[int32][]leftGroup)
			}
			m.left[id] = append(m.left[id], leftGroup{f, uid})
		})
	}
}

// killLeft is kill(2) of a group that has members there alone. ESRCH: there is none, or the sender may not
// signal it; killpg1 makes no difference. Signal 0 goes there, too: it finds out whether the group is still
// there. mu is held.
func (m *Machine) killLeft(from *Proc, pgid int32, sig netbsd.Signal) netbsd.Errno {
	errno := netbsd.Errno(netbsd.ESRCH)
	for _, g := range m.left[pgid] {
		if !from.cred.IsRoot() && from.cred.EUID != g.uid && from.cred.RUID != g.uid {
			continue
		}
		errno = 0
		m.after(func() { g.Signal(sig) })
	}
	return errno
}

// ForgetForeign says that f has no members any more. It is called by f, when a signal has found nobody, without
// mu. Several groups there may have been one here, so f alone goes from the list of its id.
func (m *Machine) ForgetForeign(f ForeignGroup) {
	m.lock()
	defer m.unlock()
	for id, list := range m.left {
		if list = slices.DeleteFunc(list, func(g leftGroup) bool { return g.ForeignGroup == f }); len(list) == 0 {
			delete(m.left, id)
		} else {
			m.left[id] = list
		}
	}
}

// ForeignStopped says that the program has been stopped by sig. Such a report comes late: the process may be
// dying by now, or have stopped here, as for a tracer, and then it is dropped.
func (pl *Platform) ForeignStopped(sig netbsd.Signal) {
	p := pl.p
	p.m.lock()
	defer p.m.unlock()
	if p.state == StateActive && p.flags&(fWExit|fStopping|fStopped) == 0 {
		p.stop(sig, false)
	}
}

// ForeignContinued says that it goes on.
func (pl *Platform) ForeignContinued() {
	p := pl.p
	p.m.lock()
	defer p.m.unlock()
	if p.state == StateActive && p.flags&(fStopping|fStopped) != 0 {
		p.continued()
	}
}

// ForeignEnded says that it has ended, and wakes l, which is to end its process. A stop that it was in is over:
// an LWP that stands would not come to its end. mu is dropped before Wake, which takes it.
func (pl *Platform) ForeignEnded() {
	p := pl.p
	func() {
		p.m.lock()
		defer p.m.unlock()
		if p.state == StateActive && p.flags&(fStopping|fStopped) != 0 {
			p.unstop()
		}
	}()
	(*LWP)(pl).Wake()
}
