package kern

// DebugRegs is struct dbreg of amd64: DR0 to DR15.
type DebugRegs [16]uint64

// firstDebugRegs are DR6 and DR7 as the processor begins (x86_dbregs_init).
var firstDebugRegs = DebugRegs{6: 0xffff0ff0, 7: 0x400}

// DebugRegs returns what l's debug registers hold. A fork's child and another LWP have none of them, nor has what is executed.
func (pl *Platform) DebugRegs() DebugRegs {
	pl.p.m.lock()
	defer pl.p.m.unlock()
	if pl.ext == nil || pl.ext.debug == nil {
		return firstDebugRegs
	}
	return *pl.ext.debug
}

// SetDebugRegs has l's debug registers hold r. Nothing traps by them: who sets them has seen to it that none is enabled.
func (pl *Platform) SetDebugRegs(r DebugRegs) {
	pl.p.m.lock()
	defer pl.p.m.unlock()
	(*LWP)(pl).extra().debug = &r
}
