package kern

// This file keeps the references that a traced process holds: to the file that ktrace(2)
// writes, and to the attachment of systrace(4). A fork copies both. Exit releases them
// after accounting, since what exit itself does is still traced (items 29 and 30).

// setKtrace returns p a trace file, or none; the reference becomes p's, a former one
// is released. Exit releases it after accounting (item 29).
func (p *Proc) setKtrace(r Ref) {
	p.m.lock()
	defer p.m.unlock()
	if old := p.extra().ktrace; old != nil {
		p.m.after(old.Release)
	}
	p.ext.ktrace = r
}

// setSystrace attaches p to a systrace, as setKtrace does (item 30).
func (p *Proc) setSystrace(r Ref) {
	p.m.lock()
	defer p.m.unlock()
	if old := p.extra().systrace; old != nil {
		p.m.after(old.Release)
	}
	p.ext.systrace = r
}
