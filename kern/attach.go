package kern

import (
	"time"

	"toaster/netbsd"
)

// This file has the small things that hang off a process and that exit1 gets rid
// of: ktrace, systrace, performance counters, restartable sequences.

var noDeadline time.Time

// SetKtrace gives p a trace file, or none; the reference becomes p's, a former one
// is released. Exit releases it after accounting (item 29).
func (p *Proc) SetKtrace(r Ref) {
	p.m.lock()
	defer p.m.unlock()
	if old := p.x().ktrace; old != nil {
		p.m.after(old.Release)
	}
	p.ext.ktrace = r
}

// Ktrace gives what SetKtrace set.
func (p *Proc) Ktrace() Ref {
	p.m.lock()
	defer p.m.unlock()
	if p.ext == nil {
		return nil
	}
	return p.ext.ktrace
}

// SetSystrace attaches p to a systrace, as SetKtrace does (item 30).
func (p *Proc) SetSystrace(r Ref) {
	p.m.lock()
	defer p.m.unlock()
	if old := p.x().systrace; old != nil {
		p.m.after(old.Release)
	}
	p.ext.systrace = r
}

// SetPMC gives p performance counters. At exit they are added to the parent's.
func (p *Proc) SetPMC(c PMC) {
	p.m.lock()
	p.x().pmc = c
	p.m.unlock()
}

// PMC gives them.
func (p *Proc) PMC() PMC {
	p.m.lock()
	defer p.m.unlock()
	if p.ext == nil {
		return nil
	}
	return p.ext.pmc
}

// savePMC adds p's counters to its parent's, whoever that is before NOCLDWAIT
// changes it (item 43). mu is dropped meanwhile.
func (p *Proc) savePMC(l *LWP) {
	if p.ext == nil || p.ext.pmc == nil {
		return
	}
	p.step(l, StepSavePMC)
	c, pp := p.ext.pmc, p.parent
	p.ext.pmc = nil
	old := pp.x().pmc
	p.without(func() {
		if old != nil {
			old = old.Accumulate(c)
		}
		c.Exit()
	})
	if old != nil {
		pp.x().pmc = old
	}
}

// RAS is a restartable atomic sequence (rasctl(2)).
type RAS struct{ Addr, Len uint64 }

const maxRAS = 16

// RasControl is rasctl(2). EINVAL: an unknown operation, no length, an overlap, or
// too many; ESRCH: nothing to purge.
func (p *Proc) RasControl(r RAS, op int) netbsd.Errno {
	p.m.lock()
	defer p.m.unlock()
	x := p.x()
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
		return x.installRAS(r)
	}
	return netbsd.EINVAL
}

func (x *procExt) installRAS(r RAS) netbsd.Errno {
	if r.Len == 0 || r.Addr+r.Len < r.Addr || len(x.ras) >= maxRAS {
		return netbsd.EINVAL
	}
	for _, o := range x.ras {
		if r.Addr < o.Addr+o.Len && o.Addr < r.Addr+r.Len {
			return netbsd.EINVAL
		}
	}
	x.ras = append(x.ras, r)
	return 0
}

// RASStart gives where to restart if pc is inside a sequence (ras_lookup).
func (p *Proc) RASStart(pc uint64) (uint64, bool) {
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

// HasRAS reports how many sequences p has.
func (p *Proc) HasRAS() int {
	p.m.lock()
	defer p.m.unlock()
	if p.ext == nil {
		return 0
	}
	return len(p.ext.ras)
}

func (p *Proc) purgeRAS(l *LWP) {
	p.step(l, StepPurgeRAS)
	if p.ext != nil {
		p.ext.ras = nil
	}
}
