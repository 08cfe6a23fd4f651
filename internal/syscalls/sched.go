package syscalls

import (
	"encoding/binary"
	"math/bits"
	"runtime"

	"toaster/kern"
	"toaster/netbsd"
)

// nzero is the niceness of kern that is 0 for a guest.
const nzero = 20

// priorityTargets returns the processes that which and who name. ESRCH if there is none,
// EINVAL for another which.
func (c *Call) priorityTargets() ([]*kern.Proc, netbsd.Errno) {
	which, who := c.Int(0), c.Int(1)
	self := c.L.Proc()
	if which == netbsd.PRIO_PROCESS {
		if who == 0 {
			return []*kern.Proc{self}, 0
		}
		if p := c.K.M.Find(who); p != nil {
			return []*kern.Proc{p}, 0
		}
		return nil, netbsd.ESRCH
	}
	var match func(p *kern.Proc) bool
	switch which {
	case netbsd.PRIO_PGRP:
		if who == 0 {
			who = self.Pgid()
		}
		match = func(p *kern.Proc) bool { return p.Pgid() == who }
	case netbsd.PRIO_USER:
		uid := uint32(who)
		if who == 0 {
			uid = self.Cred().EUID
		}
		match = func(p *kern.Proc) bool { return p.Cred().EUID == uid }
	default:
		return nil, netbsd.EINVAL
	}
	var list []*kern.Proc
	for _, p := range c.K.M.Procs() {
		if match(p) {
			list = append(list, p)
		}
	}
	if len(list) == 0 {
		return nil, netbsd.ESRCH
	}
	return list, 0
}

// getpriority is getpriority(int which, id_t who): the lowest niceness of those named.
func getpriority(c *Call) netbsd.Errno {
	list, errno := c.priorityTargets()
	if errno != 0 {
		return errno
	}
	nice := list[0].Nice()
	for _, p := range list {
		nice = min(nice, p.Nice())
	}
	return c.ok(uint64(nice - nzero))
}

// setpriority is setpriority(int which, id_t who, int prio). The niceness is kept and
// inherited; the host's scheduler does not hear of it. EPERM for a process of another
// user, EACCES to lower a niceness without privilege.
func setpriority(c *Call) netbsd.Errno {
	list, errno := c.priorityTargets()
	if errno != 0 {
		return errno
	}
	cred := c.cred()
	nice := nzero + max(netbsd.PRIO_MIN, min(c.Int(2), netbsd.PRIO_MAX))
	for _, p := range list {
		switch {
		case cred.IsRoot():
		case p.Cred().EUID != cred.EUID && p.Cred().EUID != cred.RUID:
			return netbsd.EPERM
		case nice < p.Nice():
			return netbsd.EACCES
		}
		p.SetNice(nice)
	}
	return 0
}

// schedTarget checks that pid and lid name an LWP: 0 is the caller's.
func (c *Call) schedTarget() netbsd.Errno {
	p := c.L.Proc()
	if pid := c.Int(0); pid != 0 && pid != p.Pid() {
		if p = c.K.M.Find(pid); p == nil {
			return netbsd.ESRCH
		}
	}
	if lid := c.Int(1); lid > 0 && p.LWP(lid) == nil {
		return netbsd.ESRCH
	}
	return 0
}

// schedSetparam is _sched_setparam(pid_t, lwpid_t, int policy, const struct sched_param *):
// checked, and without effect.
func schedSetparam(c *Call) netbsd.Errno {
	if errno := c.schedTarget(); errno != 0 {
		return errno
	}
	_, errno := c.in(c.Ptr(3), 4)
	return errno
}

// schedGetparam is _sched_getparam(pid_t, lwpid_t, int *policy, struct sched_param *):
// everything is SCHED_OTHER with priority 0.
func schedGetparam(c *Call) netbsd.Errno {
	if errno := c.schedTarget(); errno != 0 {
		return errno
	}
	if errno := c.copyoutOptional(c.Ptr(2), c.out(4)); errno != 0 {
		return errno
	}
	return c.copyoutOptional(c.Ptr(3), c.out(4))
}

// cpusetMax bounds the size of a cpuset_t that is looked at, in bytes.
const cpusetMax = 512

// schedSetaffinity is _sched_setaffinity(pid_t, lwpid_t, size_t, const cpuset_t *):
// EINVAL for a set without a processor, else without effect.
func schedSetaffinity(c *Call) netbsd.Errno {
	if errno := c.schedTarget(); errno != 0 {
		return errno
	}
	n := c.Args[2]
	if n == 0 || n > cpusetMax {
		return netbsd.EINVAL
	}
	b, errno := c.in(c.Ptr(3), int(n))
	if errno != 0 {
		return errno
	}
	ones := 0
	for _, v := range b {
		ones += bits.OnesCount8(v)
	}
	if ones == 0 {
		return netbsd.EINVAL
	}
	return 0
}

// schedGetaffinity is _sched_getaffinity(pid_t, lwpid_t, size_t, cpuset_t *): every
// processor.
func schedGetaffinity(c *Call) netbsd.Errno {
	if errno := c.schedTarget(); errno != 0 {
		return errno
	}
	n := c.Args[2]
	if n == 0 || n > cpusetMax || int(8*n) < runtime.NumCPU() {
		return netbsd.EINVAL
	}
	b := c.out(int(n))
	for i := range runtime.NumCPU() {
		b[i/8] |= 1 << (i % 8)
	}
	return c.copyout(c.Ptr(3), b)
}

// lwpCtl is _lwp_ctl(int features, struct lwpctl **): the memory in which the caller sees on
// which processor an LWP runs, or that it sleeps or has ended. ENODEV: an unknown feature;
// EBUSY: a vfork child, which has its parent's memory (lwp_ctl_alloc of kern_lwp.c).
func lwpCtl(c *Call) netbsd.Errno {
	if c.Int(0)&^(netbsd.LWPCTL_FEATURE_CURCPU|netbsd.LWPCTL_FEATURE_PCTR) != 0 {
		return netbsd.ENODEV
	}
	if c.L.Proc().Borrows() {
		return netbsd.EBUSY
	}
	b := c.out(8)
	binary.LittleEndian.PutUint64(b, c.CPU.ShowCPU())
	return c.copyout(c.Ptr(1), b)
}
