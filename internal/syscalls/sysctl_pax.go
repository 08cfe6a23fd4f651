package syscalls

import (
	"encoding/binary"
	"sync/atomic"

	"toaster/netbsd"
)

// This file has security.pax (security(7)): the settings of PaX as GENERIC for amd64 has them, of which the
// superuser may change most. MPROTECT's are obeyed by the next execve(2). Addresses are not chosen at random
// here, and nobody counts crashes, whatever the others say.

// Pax are the settings of a machine.
type Pax struct{ mprotect, global, ptrace, aslr, aslrGlobal, guard, guardGlobal, expiry, suspend, crashes setting }

// setting is an int that the superuser may set. Its zero is the default of the node, which get is told.
type setting struct{ changed atomic.Pointer[int32] }

func (s *setting) get(otherwise int32) int32 {
	if v := s.changed.Load(); v != nil {
		return *v
	}
	return otherwise
}

// MPROTECT is on, for all programs that do not say otherwise, and not for those that a debugger starts.
const paxOn = 1

// Mprotect says whether PaX MPROTECT holds for a program, by the flags of its note: that it is wanted, or unwanted
// (pax_mprotect_elf_flags_active).
func (p *Pax) Mprotect(wanted, unwanted bool) bool {
	switch {
	case p.mprotect.get(paxOn) == 0:
		return false
	case p.global.get(paxOn) != 0:
		return !unwanted
	}
	return wanted
}

// Ptrace says whether it does not for a program that is traced as it starts (security.pax.mprotect.ptrace).
func (p *Pax) Ptrace() bool { return p.ptrace.get(paxOn) != 0 }

// paxInt is a node of one of the settings.
func paxInt(num int32, name string, otherwise int32, of func(*Pax) *setting) sysctlNode {
	n := sysctlInt(num, name, func(c *Call) int32 { return of(&c.K.Pax).get(otherwise) })
	n.set = func(c *Call, b []byte) netbsd.Errno {
		if len(b) != 4 {
			return netbsd.EINVAL
		}
		v := int32(binary.LittleEndian.Uint32(b))
		of(&c.K.Pax).changed.Store(&v)
		return 0
	}
	return n
}

// paxNodes are those of sysctl_security_pax_setup, in its order. The lengths are amd64's.
func paxNodes() sysctlNode {
	const base = ctlCreateBase
	return sysctlDir(base+2, "pax",
		sysctlDir(base, "mprotect",
			paxInt(base, "enabled", paxOn, func(p *Pax) *setting { return &p.mprotect }).says("Restrictions enabled."),
			paxInt(base+1, "global", paxOn, func(p *Pax) *setting { return &p.global }).says("When enabled, unless explicitly specified, apply restrictions to all processes."),
			paxInt(base+2, "ptrace", paxOn, func(p *Pax) *setting { return &p.ptrace }).says("When enabled, allow ptrace(2) to override mprotect permissions on traced processes"),
			settable(base+3, "debug", 0, "Whether refused permissions are told"),
		).says("mprotect(2) W^X restrictions."),
		sysctlDir(base+1, "segvguard",
			paxInt(base, "enabled", 1, func(p *Pax) *setting { return &p.guard }).says("segvguard enabled."),
			paxInt(base+1, "global", 0, func(p *Pax) *setting { return &p.guardGlobal }).says("segvguard all programs."),
			paxInt(base+2, "expiry_timeout", 2*60, func(p *Pax) *setting { return &p.expiry }).says("Entry expiry timeout (in seconds)."),
			paxInt(base+3, "suspend_timeout", 10*60, func(p *Pax) *setting { return &p.suspend }).says("Entry suspension timeout (in seconds)."),
			paxInt(base+4, "max_crashes", 5, func(p *Pax) *setting { return &p.crashes }).says("Max number of crashes before expiry."),
		).says("PaX segvguard."),
		sysctlDir(base+2, "aslr",
			paxInt(base, "enabled", 1, func(p *Pax) *setting { return &p.aslr }).says("Restrictions enabled."),
			paxInt(base+1, "global", 1, func(p *Pax) *setting { return &p.aslrGlobal }).says("When enabled, unless explicitly specified, apply to all processes."),
			settable(base+2, "debug", 0, "Whether addresses are told"),
			settable(base+3, "flags", 0, "What is not randomized"),
			settable(base+4, "rand", 0, "What is taken in place of random numbers"),
			sysctlInt(base+5, "mmap_len", fixedInt(32)).says("Number of bits randomized for mmap(2) calls."),
			sysctlInt(base+6, "stack_len", fixedInt(32)).says("Number of bits randomized for the stack."),
			sysctlInt(base+7, "exec_len", fixedInt(32)).says("Number of bits randomized for the PIE exec base."),
		).says("Address Space Layout Randomization."),
	).says("PaX (exploit mitigation) features.")
}
