package kern

import "toaster/netbsd"

// This file ends by force what is to die. The LWPs of a process end themselves, each when
// it next comes into the kernel; but one whose machine does not answer never comes. So
// the address space hears of it first (Killer):
//
//   - of a SIGKILL before any LWP does, unless one holds robust locks (robust.go);
//   - of another signal that kills, of the exit and the exec of one of several LWPs: then
//     the LWPs have a while to end by themselves, which honest ones do.
//
// An LWP that finds its machine gone dies of what the process dies of (Lost).

// doom tells the address space that p is to die; now: at once, whatever its LWPs do. mu is
// held, and dropped before it hears.
//
// The second kind is told once, until Dying takes it back; SIGKILL each time, as it may find a
// new address space. A process whose memory is no Killer, a Go function's, needs no force: its
// goroutine cannot be ended by any.
func (p *Proc) doom(now bool) {
	k, ok := p.vm.(Killer)
	switch {
	case !ok:
	case now && !p.holdsRobust():
		p.m.after(func() { k.Kill(p) })
	case p.flags&fDoomed == 0:
		p.flags |= fDoomed
		p.m.after(func() { k.Doom(p) })
	}
}

// Dying says whether p is to die, or to leave vm for another program, and only waits for
// LWPs to end; while its core is dumped it does not wait for them. It is for a Killer that has been told of p's doom; false takes that back.
func (p *Proc) Dying(vm AddressSpace) bool {
	p.m.lock()
	defer p.m.unlock()
	dying := p.vm == vm && p.flags&fDumping == 0 && (p.flags&(fWExit|fExecing) != 0 || p.fatal())
	if !dying {
		p.flags &^= fDoomed
	}
	return dying
}

// fatal says whether a signal is pending that ends p as soon as an LWP comes by.
//
// mu is held.
func (p *Proc) fatal() bool {
	for l := p.lwps; l != nil; l = l.next {
		if l.stat < LWPDead && l.fatalSignal() != 0 {
			return true
		}
	}
	return false
}

// fatalSignal returns the signal that l would die of, SIGKILL before all others.
//
// mu is held.
func (l *LWP) fatalSignal() netbsd.Signal {
	s := l.pending() &^ l.maskNow()
	if s.Has(netbsd.SIGKILL) {
		return netbsd.SIGKILL
	}
	if l.p.flags&(fTraced|fStopped|fStopping) != 0 || l.p.m.paused {
		return 0 // a tracer decides, or SIGCONT or Resume comes first
	}
	for ; s != 0; s &^= firstsig(s).Bit() {
		if sig := firstsig(s); l.p.diesOf(sig) {
			return sig
		}
	}
	return 0
}

// diesOf says whether p's action on sig is to die, if nobody traces it.
//
// mu is held.
func (p *Proc) diesOf(sig netbsd.Signal) bool {
	return sigprops[sig]&sKill != 0 && !p.acts.act[sig].caught() && !p.acts.ignore.Has(sig)
}

// Lost is for a run loop whose machine is gone, as somebody has killed what carries it:
// the process dies of the signal that was to end it, and of SIGKILL if there was none.
// It does not return.
func (pl *Platform) Lost() {
	l := (*LWP)(pl)
	m := l.p.m
	m.lock()
	info := l.takeFatal(netbsd.Siginfo{Signo: netbsd.SIGKILL, Code: netbsd.SI_USER})
	m.unlock()
	l.sigexit(&info)
}

// takeFatal takes the signal that l is to die of; without one it is other.
//
// The signal is taken out of what is pending, as an end takes it; so the exit status names the
// sender's signal, not the force that was used. mu is held.
func (l *LWP) takeFatal(other netbsd.Siginfo) netbsd.Siginfo {
	if sig := l.fatalSignal(); sig != 0 {
		return l.take(sig)
	}
	return other
}
