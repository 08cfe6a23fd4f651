package machine

// ShowCPU implements syscalls.CPU: from now on mc's LWP has its struct lwpctl.
//
// The callback runs with the kernel's lock held, at each sleep and stop: it stores two words in
// the slot and calls nobody. It holds the thread, not mc, whose thread an exec changes once
// hideCPU has ended the callback. switches is lc_pctr, by which a guest learns whether it was
// switched between two looks.
func (mc *Context) ShowCPU() uint64 {
	if mc.cpuAt == 0 {
		t, switches := mc.thread, uint32(0)
		mc.cpuAt = t.ShowCPU()
		mc.l.Platform().SetOnCPU(func(on bool) {
			if !on {
				t.LeaveCPU()
				return
			}
			switches++
			t.TakeCPU(switches)
		})
	}
	return mc.cpuAt
}

// hideCPU ends that: mc gets another thread, or none.
// The callback goes before the thread does, as it writes to the thread's slot, which may be
// another LWP's afterwards. execve(2) ends _lwp_ctl(2) in NetBSD, too (lwp_ctl_exit).
func (mc *Context) hideCPU() {
	mc.cpuAt = 0
	mc.l.Platform().SetOnCPU(nil)
}

// endThread lets go of the thread of an LWP that has ended.
//
// LWPCTL_CPU_EXITED is shown first: after Exit the slot is no longer mc's. Siblings look there:
// one that waits for a mutex spins only while its owner is on a processor (libpthread).
func (mc *Context) endThread() {
	if mc.cpuAt != 0 {
		mc.thread.ExitCPU()
	}
	mc.thread.Exit()
}
