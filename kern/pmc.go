package kern

// This file keeps a process's performance counters, as PERFCTRS has them in
// kern_exit.c 1.127 (item 43). NetBSD 10 has none.

// setPMC returns p performance counters. At exit they are added to the parent's.
func (p *Proc) setPMC(c counters) {
	p.m.lock()
	p.extra().pmc = c
	p.m.unlock()
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
	old := pp.extra().pmc
	p.unlocked(func() {
		if old != nil {
			old = old.Accumulate(c)
		}
		c.Exit()
	})
	if old != nil {
		pp.extra().pmc = old
	}
}
