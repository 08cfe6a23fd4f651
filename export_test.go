package toaster

import (
	"toaster/internal/machine"
	"toaster/internal/syscalls"
	"toaster/kern"
)

// InjectFault has f called before each system call of m's guests, to panic there.
func (m *Machine) InjectFault(f func(*syscalls.Call)) { m.sys.Fault = f }

// TraceSteps has f told of each step of exit, with the kernel's lock held, as
// kern.Config.Trace is.
func TraceSteps(f func(kern.StepEvent)) (restore func()) {
	alterConfig = func(c *machine.Config) { c.Kern.Trace = f }
	return func() { alterConfig = func(*machine.Config) {} }
}

// MemoryGiven is what the guests have been promised of Options.Memory.
func (m *Machine) MemoryGiven() uint64 { return m.sys.MemoryGiven() }
