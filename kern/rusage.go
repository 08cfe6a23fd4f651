package kern

import (
	"time"

	"toaster/netbsd"
)

// Rusage is getrusage(2): what p has used itself (RUSAGE_SELF), or what its
// waited-for descendants have (RUSAGE_CHILDREN, item 92). EINVAL: neither.
func (p *Proc) Rusage(who int) (netbsd.Rusage, netbsd.Errno) { return p.rusage(who, nil) }

// Rusage is Proc.Rusage of l's own process, which can be measured more exactly.
func (l *LWP) Rusage(who int) (netbsd.Rusage, netbsd.Errno) { return l.p.rusage(who, l) }

// The address space is asked without mu: it may have to wait for the host. l, if not nil, is
// an LWP of p's on whose goroutine this runs. A process whose address space has gone is known
// by its last measure, and one that has been reaped by what was charged to it.
func (p *Proc) rusage(who int, l *LWP) (netbsd.Rusage, netbsd.Errno) {
	m := p.m
	m.lock()
	if who == netbsd.RUSAGE_CHILDREN {
		defer m.unlock()
		if p.ext == nil {
			return netbsd.Rusage{}, 0
		}
		return p.ext.cru, 0
	}
	if who != netbsd.RUSAGE_SELF {
		m.unlock()
		return netbsd.Rusage{}, netbsd.EINVAL
	}
	u := p.ownUsageLocked()
	vm, measured := p.vm, p.ext != nil && p.ext.measured
	m.unlock()
	if g, ok := vm.(Usager); ok && !measured {
		v := g.Usage(p, l)
		u.Add(&v)
	}
	return u, 0
}

// AddUsage charges u to p, in the name of a layer above: what an address space has measured that is about to go at
// an exec, so that its successor begins from nothing. The same usage must not be measured again afterwards.
func (p *Proc) AddUsage(u *netbsd.Rusage) {
	p.m.lock()
	p.extra().own.Add(u)
	p.m.unlock()
}

// ownUsageLocked is p's own usage as far as it is known without the address space.
//
// mu is held.
func (p *Proc) ownUsageLocked() netbsd.Rusage {
	if p.ext == nil {
		return netbsd.Rusage{}
	}
	return p.ext.own
}

// CountSent counts a message that a socket sends for p (ru_msgsnd).
func (p *Proc) CountSent() {
	p.m.lock()
	p.extra().own.Msgsnd++
	p.m.unlock()
}

// CountReceived counts one that came (ru_msgrcv).
func (p *Proc) CountReceived() {
	p.m.lock()
	p.extra().own.Msgrcv++
	p.m.unlock()
}

// saveUsage takes the final measure of the address space, by p's last LWP; mu is
// dropped meanwhile.
//
// It is asked once, before the address space goes: afterwards what it measured is in own, and
// Rusage must not add it again (measured).
func (p *Proc) saveUsage(l *LWP) {
	g, ok := p.vm.(Usager)
	if !ok || p.extra().measured {
		return
	}
	p.ext.measured = true
	var u netbsd.Rusage
	p.unlocked(func() { u = g.Usage(p, l) })
	p.ext.own.Add(&u)
}

// cpuTime is user and, with sys, system time so far. mu is not held. It never fails: of a process that is gone it is
// the time that it had used.
func (p *Proc) cpuTime(sys bool) time.Duration {
	u, _ := p.Rusage(netbsd.RUSAGE_SELF)
	if sys {
		return u.Utime + u.Stime
	}
	return u.Utime
}

// nzero is the nice value in the middle (NZERO).
const nzero = 20

// Nice returns the nice value, 0 to 40 with 20 in the middle (NZERO).
func (p *Proc) Nice() int {
	p.m.lock()
	defer p.m.unlock()
	if p.ext == nil {
		return 20
	}
	return int(p.ext.nice)
}

// SetNice sets it; the check of permission is the caller's. Values outside 0 to 40
// are clipped. No processor time depends on it: the host's scheduler does not hear of it.
func (p *Proc) SetNice(n int) {
	p.m.lock()
	p.extra().nice = int8(min(max(n, 0), 40))
	p.m.unlock()
}
