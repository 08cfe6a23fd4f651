package kern

// This file keeps a process's performance counters, as PERFCTRS has them in
// kern_exit.c 1.127 (item 43). NetBSD 10 has none.

// PMC returns p's performance counters. If it has none it gets those that made makes; with a nil made the
// answer is nil. made runs with mu held, so that two LWPs get the same, and must not call kern.
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
//
// The parent is the one of before: it may exit while mu is free, and then nobody asks for the sum. Two children
// that die at the same time add to the same counters, so Accumulate has to have a lock of its own and to return
// its receiver. A parent without counters gets none.
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
