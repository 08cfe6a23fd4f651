package kern

import "toaster/netbsd"

// This file keeps the references that a traced process holds: to the file that ktrace(2)
// writes, and to the attachment of systrace(4). A fork copies both. Exit releases them
// after accounting, since what exit itself does is still traced (items 29 and 30).

// Ktracer is what a ktrace file may be, too: it says how far it goes along, and hears of what
// only the kernel sees. Psig and Switch are called with no lock held; Switch must not sleep.
type Ktracer interface {
	Ref
	// Inherits says whether children are traced, too (KTRFAC_INHERIT), Persists whether the
	// process is after an exec that changes its ids (KTRFAC_PERSISTENT).
	Inherits() bool
	Persists() bool
	// Psig is a signal that l acts upon, and Switch that it sleeps, or goes on.
	Psig(l *LWP, info *netbsd.Siginfo, handler uint64, mask netbsd.Sigset)
	Switch(l *LWP, out bool)
}

// What traces a process's calls, in Proc.calls.
const (
	callsStop     = 1 << iota // they stop it (P_SYSCALL)
	callsKtrace               // they are written down (p_traceflag)
	callsEmu                  // the one that has stopped it is not made (PSL_SYSCALLEMU)
	callsSystrace             // somebody is asked about them (P_SYSTRACE), release 2003
	callsUpcall               // they are told of when they block (P_SA), release 2003: nobody traces them for that
)

// CallsTraced reports whether anybody wants to know of p's system calls, Ktraced whether
// ktrace(2) does. The run loop asks at every call, without mu.
func (p *Proc) CallsTraced() bool { return p.calls.Load()&^callsUpcall != 0 }
func (p *Proc) Ktraced() bool     { return p.calls.Load()&callsKtrace != 0 }

// CallsTrap reports whether all of p's system calls are to come to the kernel, even those that could be answered
// without: they are traced, or the process is told of calls that block.
func (p *Proc) CallsTrap() bool { return p.calls.Load() != 0 }

// Ktrace returns p's trace file, nil if it has none.
func (p *Proc) Ktrace() Ref {
	if !p.Ktraced() {
		return nil
	}
	p.m.lock()
	defer p.m.unlock()
	return p.ktracer()
}

// ktracer is Ktrace with mu held.
func (p *Proc) ktracer() Ref {
	if p.ext == nil {
		return nil
	}
	return p.ext.ktrace
}

// SetKtrace gives p a trace file, or none; the reference becomes p's, a former one is released.
// ESRCH: p has begun to exit, and the reference stays the caller's. Exit releases it after
// accounting (item 29).
func (p *Proc) SetKtrace(r Ref) netbsd.Errno {
	p.m.lock()
	defer p.m.unlock()
	if p.flags&fWExit != 0 || p.state != StateActive {
		return netbsd.ESRCH
	}
	p.setKtraceLocked(r)
	return 0
}

// setKtrace is SetKtrace whatever p does.
func (p *Proc) setKtrace(r Ref) {
	p.m.lock()
	defer p.m.unlock()
	p.setKtraceLocked(r)
}

// setKtraceLocked is setKtrace with mu held. Who runs in user mode is kicked: the stub may answer
// calls by itself until the LWP next comes by.
func (p *Proc) setKtraceLocked(r Ref) {
	if old := p.extra().ktrace; old != nil {
		p.m.after(old.Release)
	}
	p.ext.ktrace = r
	if r == nil {
		p.calls.And(^uint32(callsKtrace))
		return
	}
	p.calls.Or(callsKtrace)
	p.kickRunning()
}

// kickRunning has p's LWPs come by that are in user mode. mu is held.
func (p *Proc) kickRunning() {
	for l := p.lwps; l != nil; l = l.next {
		if l.stat == LWPRunning && l.kicker != nil {
			p.m.after(l.kicker)
		}
	}
}

// inheritKtrace is what a fork does with the parent's file. mu is held.
func (c *Proc) inheritKtrace(r Ref) {
	if k, ok := r.(Ktracer); ok && !k.Inherits() {
		return
	}
	r.Hold()
	c.extra().ktrace = r
	c.calls.Or(callsKtrace)
}

// dropKtrace ends the trace at an exec that changes the ids, unless it persists: who has asked for
// it may have no right to see what such a program does. mu is held.
func (p *Proc) dropKtrace() {
	if k, ok := p.ktracer().(Ktracer); ok && !k.Persists() {
		p.setKtraceLocked(nil)
	}
}

// switchTracer returns who is to hear that an LWP of p sleeps, nil for nobody. mu is held.
func (p *Proc) switchTracer() Ktracer {
	if p.calls.Load()&callsKtrace == 0 {
		return nil
	}
	k, _ := p.ktracer().(Ktracer)
	return k
}

// tracePsig tells of a signal that l acts upon. mu is not held.
func (l *LWP) tracePsig(info *netbsd.Siginfo, handler uint64, mask netbsd.Sigset) {
	if k, ok := l.p.Ktrace().(Ktracer); ok {
		l.hook(func() { k.Psig(l, info, handler, mask) })
	}
}
