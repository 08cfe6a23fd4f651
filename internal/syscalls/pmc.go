package syscalls

import (
	"sync"
	"time"

	"toaster/kern"
	"toaster/netbsd"
)

// This file serves pmc_control(2) and pmc_get_info(2) of release 2003 (sys_pmc.c), as a kernel with PERFCTRS has them. The machine
// has one counter, which counts the nanoseconds of processor time of its process: the host's own counters are not
// every user's. It can make the ticks of profil(2) (PMC_OP_PROFSTART), for the whole machine then: xscale_pmc.c, of the one
// machine whose counters NetBSD serves by these calls.

// pmcCounters is a process's counter. A fork's child counts from 0 if its parent counts; what it has counted at its end is added
// to what its parent's children have (xscale_fork, xscale_accumulate of xscale_pmc.c).
type pmcCounters struct {
	p    *kern.Proc
	uses *pmcUses

	mu         sync.Mutex // guards what follows
	configured bool
	running    bool
	value      uint64 // what was counted until since
	since      uint64 // processor time at which it began to run, if it does
	children   uint64
}

// pmcUses says who has the counter: processes (pmc_usecount), or the profiles (pmc_profiling_enabled).
type pmcUses struct {
	mu        sync.Mutex // guards what follows
	processes int
	profiling bool
}

// add notes n processes more that count. A fork's child counts as its parent does, whoever profiles.
func (u *pmcUses) add(n int) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.processes += n
}

// count has a process count, unless it does already or the profiles have the counter (pmc_counter_isrunning): EINPROGRESS.
func (u *pmcUses) count(running bool) netbsd.Errno {
	u.mu.Lock()
	defer u.mu.Unlock()
	if running || u.profiling {
		return netbsd.EINPROGRESS
	}
	u.processes++
	return 0
}

// profile has do called if the profiles get the counter. EBUSY: somebody has it.
func (u *pmcUses) profile(do func() netbsd.Errno) netbsd.Errno {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.processes > 0 || u.profiling {
		return netbsd.EBUSY
	}
	errno := do()
	u.profiling = errno == 0
	return errno
}

// unprofile has stop called if the profiles have the counter, and takes it from them.
func (u *pmcUses) unprofile(stop func()) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.profiling {
		u.profiling = false
		stop()
	}
}

// profiles reports whether the profiles have the counter.
func (u *pmcUses) profiles() bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.profiling
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
	s.uses.add(1)
	return &pmcCounters{p: child, uses: s.uses, configured: true, running: true}
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
func (s *pmcCounters) Exit() { s.stop() }

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
	p, uses := c.L.Proc(), &c.K.pmc
	return p.PMC(func() kern.Counters { return &pmcCounters{p: p, uses: uses} }).(*pmcCounters)
}

// pmcControl is pmc_control(int ctr, int op, void *args). ENXIO: the counter has not been configured; EINPROGRESS: it runs; EINVAL:
// there is no such operation, or no such counter; EBUSY: somebody else has it; ENODEV: it does not count such events; EFAULT.
func pmcControl(c *Call) netbsd.Errno {
	ctr, op, args := c.Int(0), c.Int(1), c.Ptr(2)
	s := c.pmcOf()
	switch op {
	case netbsd.PMC_OP_START, netbsd.PMC_OP_STOP:
		if ctr != 0 || !s.isConfigured() {
			return netbsd.ENXIO
		}
		if op == netbsd.PMC_OP_START {
			return s.start()
		}
		s.stop()
		return 0
	case netbsd.PMC_OP_CONFIGURE:
		if ctr == 0 {
			s.stop()
		}
		return c.pmcConfigure(s, ctr, args)
	case netbsd.PMC_OP_PROFSTART:
		return c.pmcProfile(s, ctr, args)
	case netbsd.PMC_OP_PROFSTOP:
		if ctr == 0 {
			s.uses.unprofile(func() { c.K.M.SetProfileSource(0) })
			return 0
		}
	}
	return netbsd.EINVAL
}

func (s *pmcCounters) isConfigured() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.configured
}

// start has the counter run. EINPROGRESS.
func (s *pmcCounters) start() netbsd.Errno {
	now := pmcTime(s.p)
	s.mu.Lock()
	defer s.mu.Unlock()
	if errno := s.uses.count(s.running); errno != 0 {
		return errno
	}
	s.running, s.since = true, now
	return 0
}

// stop has the counter stand, if it runs.
func (s *pmcCounters) stop() {
	now := pmcTime(s.p)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.running {
		s.value, s.running = s.at(now), false
		s.uses.add(-1)
	}
}

// pmcConfig reads a struct pmc_counter_cfg of a counter: which event, and after how many of them the counter overflows. EFAULT; then EINVAL: there is no
// such counter.
func (c *Call) pmcConfig(ctr int, args uint64) (event uint32, reset uint64, errno netbsd.Errno) {
	b, errno := c.in(args, netbsd.SizeofPmcCounterCfg)
	if errno == 0 && ctr != 0 {
		errno = netbsd.EINVAL
	}
	if errno != 0 {
		return 0, 0, errno
	}
	return le32(b), le64(b[8:]), 0
}

func (c *Call) pmcConfigure(s *pmcCounters, ctr int, args uint64) netbsd.Errno {
	event, value, errno := c.pmcConfig(ctr, args)
	switch {
	case errno != 0:
		return errno
	case s.uses.profiles():
		return netbsd.EBUSY
	case event != netbsd.PMC_EVENT_TSC:
		return netbsd.ENODEV
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.configured, s.value = true, value
	return 0
}

// pmcProfile is pmc_start_profiling: the counter makes the ticks of all profiles. It has 32 bits for that, and of a configuration
// without a value it counts through all of them.
func (c *Call) pmcProfile(s *pmcCounters, ctr int, args uint64) netbsd.Errno {
	event, value, errno := c.pmcConfig(ctr, args)
	if errno != 0 {
		return errno
	}
	return s.uses.profile(func() netbsd.Errno {
		if event != netbsd.PMC_EVENT_TSC {
			return netbsd.ENODEV
		}
		c.K.M.SetProfileSource(time.Duration(uint64(uint32(value)-1) + 1))
		return 0
	})
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
