package platform

import "toaster/internal/platform/stub"

// ShowCPU returns the guest's address of t's struct lwpctl, which is shown from now on
// (_lwp_ctl(2)). It holds for as long as the thread does.
//
// Only t's owner may call the methods of this file.
func (t *Thread) ShowCPU() uint64 {
	t.slot.SetSwitches(0)
	t.slot.SetCurCPU(t.lastCPU())
	return t.slot.CurCPUAt()
}

// LeaveCPU shows that the LWP sleeps or is stopped.
func (t *Thread) LeaveCPU() { t.slot.SetCurCPU(stub.CPUNone) }

// TakeCPU shows that it has been given a processor again, for the nth time.
func (t *Thread) TakeCPU(n uint32) {
	t.slot.SetSwitches(n)
	t.slot.SetCurCPU(t.lastCPU())
}

// ExitCPU shows that the LWP has ended.
func (t *Thread) ExitCPU() { t.slot.SetCurCPU(stub.CPUExited) }

// lastCPU returns the processor on which the guest called last, as far as that is known, and
// 0 otherwise.
func (t *Thread) lastCPU() int32 {
	if cpu := t.slot.GuestCPU(); 0 < cpu && cpu <= uint32(t.proc.platform.cores) {
		return int32(cpu) - 1
	}
	return 0
}
