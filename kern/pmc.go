package kern

// This file keeps a process's performance counters, as PERFCTRS has them in
// kern_exit.c 1.127 (item 43). NetBSD 10 has none.

// PMC returns p's performance counters. If it has none it gets those that made makes; with a nil made the answer is nil.
func (p *Proc) PMC(made func() Counters) Counters {
	p.m.lock()
	defer p.m.unlock()
	switch {
	case p.ext != nil && p.ext.pmc != nil:
		return p.ext.pmc
	case made == nil:
		return nil
	}
	p.extra().pmc = made()
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
