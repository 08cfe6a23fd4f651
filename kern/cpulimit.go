package kern

import (
	"time"

	"toaster/netbsd"
)

// This file has RLIMIT_CPU. As in sched_pstats of kern_synch.c each process is looked at once a second, in whole
// seconds: over its soft limit it gets SIGXCPU, and the limit is raised by a little, so that the signal comes
// again; over its hard limit it is killed. Nothing of it runs while no process has a limit.

const (
	cpuEvery = time.Second
	cpuMore  = 5 // seconds that the soft limit is raised by
)

// watchCPU begins to look, if limits have one. It is due wherever a process gets limits, and at a birth when it is on
// the list: the looking may have ended while its hooks ran. mu is held, or nobody else knows m.
func (m *Machine) watchCPU(limits *Limits) {
	if limits[netbsd.RLIMIT_CPU].Cur < netbsd.RLIM_INFINITY && !m.watchesCPU {
		m.watchesCPU = true
		m.afterFunc(cpuEvery, m.lookAtCPU)
	}
}

// lookAtCPU looks at everybody, and comes back in a second as long as somebody has a limit. The address spaces
// are asked without mu, so a process may end, or change its limit, between the look and its judgement: limitCPU
// looks at both again. A setrlimit(2) that comes meanwhile is not missed: watchesCPU is changed in the same hold of
// mu as the list is made.
func (m *Machine) lookAtCPU() {
	m.lock()
	var limited []*Proc
	for p := m.all.head; p != nil; p = p.allNext {
		if p.lim != nil && p.lim[netbsd.RLIMIT_CPU].Cur < netbsd.RLIM_INFINITY {
			limited = append(limited, p)
		}
	}
	m.watchesCPU = len(limited) > 0
	m.unlock()
	for _, p := range limited {
		p.limitCPU(p.cpuTime(true))
	}
	if len(limited) > 0 {
		m.afterFunc(cpuEvery, m.lookAtCPU)
	}
}

// limitCPU judges a process that has run for so long.
//
// At a soft limit that is the hard one the process is killed at once. SIGXCPU may be caught or ignored, and raising
// the limit keeps it from coming each second. That may carry the soft limit beyond the hard one, and the kill then
// waits for the soft one, as in sched_pstats.
func (p *Proc) limitCPU(run time.Duration) {
	p.m.lock()
	defer p.m.unlock()
	if p.state != StateActive || p.lim == nil {
		return
	}
	r, secs, sig := p.lim[netbsd.RLIMIT_CPU], uint64(run/time.Second), netbsd.SIGXCPU
	switch {
	case secs < r.Cur:
		return
	case secs >= r.Max:
		sig = netbsd.SIGKILL
	case r.Cur < r.Max:
		r.Cur += cpuMore
		p.storeRlimit(netbsd.RLIMIT_CPU, r)
	}
	p.m.psignal(p, &netbsd.Siginfo{Signo: sig, Code: netbsd.SI_NOINFO}, nil)
}
