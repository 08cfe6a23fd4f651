package kern

import (
	"slices"

	"toaster/netbsd"
)

// This file keeps the restartable atomic sequences of a process (ras(9)): pieces of its code
// that begin again if the process is interrupted inside. A fork copies them, an exec
// and an exit drop them (item 13).
//
// A guest names any addresses. They are only compared with its program counter, and the worst that it can have
// is its own code begun anew: nothing is read or written there.

// RAS is a restartable atomic sequence (rasctl(2)).
type RAS struct{ Addr, Len uint64 }

// maxRAS is MAX_RAS_PER_PROC of kern_ras.c. Each return from an interruption walks the list.
const maxRAS = 16

// RasControl is rasctl(2). EINVAL: an unknown operation, no length, or too many; EEXIST: an overlap; ESRCH:
// nothing to purge, as address and length must both be those of the installation (ras_purge).
func (p *Proc) RasControl(r RAS, op int) netbsd.Errno {
	p.m.lock()
	defer p.m.unlock()
	x := p.extra()
	switch op {
	case netbsd.RAS_PURGE_ALL:
		x.ras = nil
		return 0
	case netbsd.RAS_PURGE:
		for i, o := range x.ras {
			if o == r {
				x.ras = append(x.ras[:i:i], x.ras[i+1:]...)
				return 0
			}
		}
		return netbsd.ESRCH
	case netbsd.RAS_INSTALL:
		p.m.sequences.Store(true)
		return x.installRAS(r)
	}
	return netbsd.EINVAL
}

// installRAS adds r (ras_install). EINVAL: no length, an end beyond the address space, as a guest
// may name any numbers, or too many (ras_per_proc): they are looked through at each interruption.
// EEXIST: an overlap, as the one to restart would be in doubt. NetBSD finds both in one go through the list, from the newest on, and
// comes to the last that there can be only to say that there are too many. mu is held.
func (x *procExt) installRAS(r RAS) netbsd.Errno {
	if r.Len == 0 || r.Addr+r.Len < r.Addr {
		return netbsd.EINVAL
	}
	for i, o := range x.ras {
		switch {
		case i+1 >= maxRAS:
			return netbsd.EINVAL
		case r.Addr < o.Addr+o.Len && o.Addr < r.Addr+r.Len:
			return netbsd.EEXIST
		}
	}
	x.ras = slices.Insert(x.ras, 0, r)
	return 0
}

// inheritRAS is ras_fork, which makes the oldest the newest. mu is held.
func (c *Proc) inheritRAS(from []RAS) {
	ras := slices.Clone(from)
	slices.Reverse(ras)
	c.extra().ras = ras
}

// RASStart returns where to restart if pc is inside a sequence (ras_lookup). At its first instruction it is
// not: nothing of it has been done. Nor is it at the end, where all has.
func (p *Proc) RASStart(pc uint64) (uint64, bool) {
	if !p.m.sequences.Load() {
		return 0, false
	}
	p.m.lock()
	defer p.m.unlock()
	if p.ext == nil {
		return 0, false
	}
	for _, r := range p.ext.ras {
		if pc > r.Addr && pc < r.Addr+r.Len {
			return r.Addr, true
		}
	}
	return 0, false
}

// purgeRAS forgets them all: at an exit (item 13), and at an exec, where their addresses mean
// something else. mu is held.
func (p *Proc) purgeRAS(l *LWP) {
	p.step(l, StepPurgeRAS)
	if p.ext != nil {
		p.ext.ras = nil
	}
}
