package machine

// ShowCPU implements syscalls.CPU: from now on mc's LWP has its struct lwpctl.
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
func (mc *Context) hideCPU() {
	mc.cpuAt = 0
	mc.l.Platform().SetOnCPU(nil)
}

// endThread lets go of the thread of an LWP that has ended.
func (mc *Context) endThread() {
	if mc.cpuAt != 0 {
		mc.thread.ExitCPU()
	}
	mc.thread.Exit()
}
