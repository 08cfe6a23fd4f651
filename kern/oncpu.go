package kern

// SetOnCPU has f called when l leaves its processor, to sleep or to stop, and when it has one
// again, as mi_switch of kern_synch.c keeps lc_curcpu of _lwp_ctl(2); nil, and execve(2), end
// that. Only l's own goroutine may call it.
//
// f is called with the machine's lock held: it must neither block nor call the kernel.
func (pl *Platform) SetOnCPU(f func(on bool)) { pl.onCPU = f }

// leaveCPU and takeCPU tell of it. mu is held.
func (l *LWP) leaveCPU() {
	if l.onCPU != nil {
		l.onCPU(false)
	}
}

func (l *LWP) takeCPU() {
	if l.onCPU != nil {
		l.onCPU(true)
	}
}

// Borrows reports whether p is a vfork child that has its parent's memory still (PL_PPWAIT).
func (p *Proc) Borrows() bool {
	p.m.lock()
	defer p.m.unlock()
	return p.flags&fPPWait != 0
}
