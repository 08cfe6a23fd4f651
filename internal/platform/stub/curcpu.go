package stub

// This file has a thread's struct lwpctl, in which a guest sees on which processor the thread
// is (_lwp_ctl(2)). It lies in the slot, which the guest has mapped: so nothing need be mapped
// for it, and the stub can say when the guest sleeps there. What the guest writes in it
// concerns nobody else.

// What is shown instead of a processor (sys/lwpctl.h).
const (
	CPUNone   int32 = -1 // the LWP sleeps
	CPUExited int32 = -2
)

// CurCPUAt returns the guest's address of the structure: int lc_curcpu and int lc_pctr.
func (s Slot) CurCPUAt() uint64 { return s.addr + slotCurCPU }

// SetCurCPU writes lc_curcpu: a processor, CPUNone or CPUExited.
func (s Slot) SetCurCPU(cpu int32) { s.store32(slotCurCPU, uint32(cpu)) }

// SetSwitches writes lc_pctr: how often the LWP has been given a processor.
func (s Slot) SetSwitches(n uint32) { s.store32(slotCurCPU+4, n) }
