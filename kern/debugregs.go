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

// SetDebugRegs has l's debug registers hold r. The caller has set those of the processor.
func (pl *Platform) SetDebugRegs(r DebugRegs) {
	pl.p.m.lock()
	defer pl.p.m.unlock()
	(*LWP)(pl).extra().debug = &r
}

// dr7Global are the bits of DR7 that enable a register for all tasks.
const dr7Global = 0xaa

// Debugged notes in DR6 which registers of l's have trapped (x86_dbregs_store_dr6), and reports whether it is for them that it trapped: not if all
// are enabled for the task alone (x86_dbregs_user_trap).
func (pl *Platform) Debugged(registers uint64) bool {
	pl.p.m.lock()
	defer pl.p.m.unlock()
	if pl.ext == nil || pl.ext.debug == nil || pl.ext.debug[7]&dr7Global == 0 || registers == 0 {
		return false
	}
	pl.ext.debug[6] = firstDebugRegs[6] | registers
	return true
}
