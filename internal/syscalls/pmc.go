package syscalls

import (
	"sync"

	"toaster/kern"
	"toaster/netbsd"
)

// This file serves pmc_control(2) and pmc_get_info(2) of release 2003 (sys_pmc.c), as a kernel with PERFCTRS has them. The machine
// has one counter, which counts the nanoseconds of processor time of its process: the host's own counters are not
// every user's.

// pmcCounters is a process's counter. A fork's child counts from 0 if its parent counts; what it has counted at its end is added
// to what its parent's children have (xscale_fork, xscale_accumulate of xscale_pmc.c).
type pmcCounters struct {
	p *kern.Proc

	mu         sync.Mutex // guards what follows
	configured bool
	running    bool
	value      uint64 // what was counted until since
	since      uint64 // processor time at which it began to run, if it does
	children   uint64
}

// pmcTime is the processor time of p in nanoseconds, own and the kernel's for it.
func pmcTime(p *kern.Proc) uint64 {
	u, _ := p.Rusage(netbsd.RUSAGE_SELF)
	return uint64(u.Utime + u.Stime)
}

// Fork implements kern.Counters.
func (s *pmcCounters) Fork(child *kern.Proc) kern.Counters {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.running {
		return nil // PMC_ENABLED
	}
	return &pmcCounters{p: child, configured: true, running: true}
}

// Accumulate implements kern.Counters. A child whose counter was stopped has none that counts (PMC_ENABLED).
func (s *pmcCounters) Accumulate(o kern.Counters) kern.Counters {
	if c := o.(*pmcCounters); c.isRunning() {
		n := c.read()
		s.mu.Lock()
		s.children += n
		s.mu.Unlock()
	}
	return s
}

// Exit implements kern.Counters.
func (s *pmcCounters) Exit() {}

func (s *pmcCounters) isRunning() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.running
}

// read returns the counter's value. The time is asked for without the lock, as the kernel's own lock comes before it.
func (s *pmcCounters) read() uint64 {
	now := pmcTime(s.p)
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.at(now)
}

// at is the value at a processor time. mu is held.
func (s *pmcCounters) at(now uint64) uint64 {
	if !s.running {
		return s.value
	}
	return s.value + (now - s.since)
}

// pmcOf returns the caller's counter, which it gets with the first call about it.
func (c *Call) pmcOf() *pmcCounters {
	p := c.L.Proc()
	return p.PMC(func() kern.Counters { return &pmcCounters{p: p} }).(*pmcCounters)
}

// pmcControl is pmc_control(int ctr, int op, void *args). ENXIO: the counter has not been configured; EINPROGRESS: it runs; EINVAL:
// there is no such operation, or no such counter to be configured; ENODEV: it does not count such events; EFAULT.
func pmcControl(c *Call) netbsd.Errno {
	ctr, op, args := c.Int(0), c.Int(1), c.Ptr(2)
	s := c.pmcOf()
	switch op {
	case netbsd.PMC_OP_START, netbsd.PMC_OP_STOP:
		return s.set(ctr, op == netbsd.PMC_OP_START)
	case netbsd.PMC_OP_CONFIGURE:
		if ctr == 0 {
			s.set(ctr, false)
		}
		return c.pmcConfigure(s, ctr, args)
	case netbsd.PMC_OP_PROFSTART:
		if _, errno := c.in(args, netbsd.SizeofPmcCounterCfg); errno != 0 {
			return errno
		}
		if ctr != 0 {
			return netbsd.EINVAL
		}
		return netbsd.ENODEV
	case netbsd.PMC_OP_PROFSTOP:
		if ctr == 0 {
			return 0
		}
	}
	return netbsd.EINVAL
}

// set has the counter run, or not.
func (s *pmcCounters) set(ctr int, run bool) netbsd.Errno {
	now := pmcTime(s.p)
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case ctr != 0 || !s.configured:
		return netbsd.ENXIO
	case run && s.running:
		return netbsd.EINPROGRESS
	}
	s.value = s.at(now)
	s.running, s.since = run, now
	return 0
}

func (c *Call) pmcConfigure(s *pmcCounters, ctr int, args uint64) netbsd.Errno {
	b, errno := c.in(args, netbsd.SizeofPmcCounterCfg)
	switch {
	case errno != 0:
		return errno
	case ctr != 0:
		return netbsd.EINVAL
	case le32(b) != netbsd.PMC_EVENT_TSC:
		return netbsd.ENODEV
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.configured, s.value = true, le64(b[8:])
	return 0
}

// pmcGetInfo is pmc_get_info(int ctr, int op, void *args). EINVAL: there is no such counter, or request; EFAULT.
func pmcGetInfo(c *Call) netbsd.Errno {
	ctr, op, args := c.Int(0), c.Int(1), c.Ptr(2)
	switch op {
	case netbsd.PMC_INFO_NCOUNTERS:
		return c.pmcInt(args, 1)
	case netbsd.PMC_INFO_CPUCTR_TYPE:
		kind := -1
		switch ctr {
		case 0:
			kind = netbsd.PMC_TYPE_K7_TSC
		case -1:
			kind = netbsd.PMC_CLASS_K7
		}
		return c.pmcInt(args, kind)
	case netbsd.PMC_INFO_COUNTER_VALUE, netbsd.PMC_INFO_ACCUMULATED_COUNTER_VALUE:
		if ctr != 0 {
			return netbsd.EINVAL
		}
		b := c.out(8)
		putLE64(b, c.pmcOf().info(op))
		return c.copyout(args, b)
	}
	return netbsd.EINVAL
}

func (c *Call) pmcInt(args uint64, v int) netbsd.Errno {
	b := c.out(4)
	putLE32(b, uint32(v))
	return c.copyout(args, b)
}

// info is the value of the counter, or what the children's had counted when they ended.
func (s *pmcCounters) info(op int) uint64 {
	if op == netbsd.PMC_INFO_COUNTER_VALUE {
		return s.read()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.children
}
