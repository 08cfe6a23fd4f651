package syscalls

import (
	"encoding/binary"
	"math/bits"
	"runtime"
	"slices"

	"toaster/kern"
	"toaster/netbsd"
)

// nzero is the niceness of kern that is 0 for a guest.
const nzero = 20

// priorityTargets returns the processes that which and who name. ESRCH if there is none,
// EINVAL for another which. own is the user that 0 stands for.
func (c *Call) priorityTargets(own uint32) ([]*kern.Proc, netbsd.Errno) {
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
			uid = own
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
	list, errno := c.priorityTargets(c.cred().EUID)
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
// user, EACCES to lower a niceness without privilege. Who is the superuser by his real id alone passes the first of the two (donice).
//
// The user 0 is the superuser even if somebody else asks, unlike in getpriority(2): sys_setpriority finds out who asks, and compares with what
// it was given.
func setpriority(c *Call) netbsd.Errno {
	list, errno := c.priorityTargets(0)
	if errno != 0 {
		return errno
	}
	cred := c.cred()
	nice := nzero + max(netbsd.PRIO_MIN, min(c.Int(2), netbsd.PRIO_MAX))
	for _, p := range list {
		switch {
		case cred.IsRoot():
		case p.Cred().EUID != cred.EUID && p.Cred().EUID != cred.RUID:
			if cred.RUID == 0 { // donice lets it pass, resource_listener_cb does not
				return netbsd.EACCES
			}
			return netbsd.EPERM
		case nice < p.Nice():
			return netbsd.EACCES
		}
		p.SetNice(nice)
	}
	return 0
}

// schedSetparam is _sched_setparam(pid_t, lwpid_t, int policy, const struct sched_param *). EFAULT.
// EINVAL: no policy or priority, or one for SCHED_OTHER. ESRCH. EPERM: not the caller's to set.
func schedSetparam(c *Call) netbsd.Errno {
	b, errno := c.in(c.Ptr(3), 4)
	if errno != 0 {
		return errno
	}
	return c.L.SetSched(c.Int(0), c.Int(1), c.Int(2), int(int32(le32(b))))
}

// schedGetparam is _sched_getparam(pid_t, lwpid_t, int *policy, struct sched_param *). EINVAL: a negative id. ESRCH. EPERM:
// another user's process. EFAULT; without a policy that is not asked for.
func schedGetparam(c *Call) netbsd.Errno {
	if c.Int(0) < 0 || c.Int(1) < 0 {
		return netbsd.EINVAL
	}
	policy, pri, errno := c.L.Sched(c.Int(0), c.Int(1))
	if errno != 0 {
		return errno
	}
	b := c.out(4)
	putLE32(b, uint32(int32(pri)))
	if errno := c.copyout(c.Ptr(3), b); errno != 0 {
		return errno
	}
	putLE32(b, uint32(policy))
	return c.copyoutOptional(c.Ptr(2), b)
}

// schedProtect is _sched_protect(int priority), by which libpthread takes a mutex of
// PTHREAD_PRIO_PROTECT; -1 when it lets go. EINVAL. EPERM. ENOENT.
func schedProtect(c *Call) netbsd.Errno {
	was, errno := c.L.SchedProtect(c.Int(0))
	c.Ret[0] = uint64(was)
	return errno
}

// cpusetMax bounds the size of a cpuset_t, in bytes (kc_bitsize of subr_kcpuset.c, which compares
// bits with bytes).
const cpusetMax = 512

// schedSetaffinity is _sched_setaffinity(pid_t, lwpid_t, size_t, const cpuset_t *): the set is
// kept, and told by _sched_getaffinity(2). EFAULT. EINVAL: no size for a set, or no processor in
// it. ESRCH. EPERM: not the superuser.
func schedSetaffinity(c *Call) netbsd.Errno {
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
	return c.L.SetAffinity(c.Int(0), c.Int(1), realCPUs(b))
}

// realCPUs returns the processors of a set that there are; nil if none, which sys__sched_setaffinity
// takes for no set.
func realCPUs(set []byte) []byte {
	n := runtime.NumCPU()
	cpus := make([]byte, (n+7)/8)
	copy(cpus, set)
	if n%8 != 0 {
		cpus[n/8] &= 1<<(n%8) - 1
	}
	if !slices.ContainsFunc(cpus, func(v byte) bool { return v != 0 }) {
		return nil
	}
	return cpus
}

// schedGetaffinity is _sched_getaffinity(pid_t, lwpid_t, size_t, cpuset_t *): the set that was
// given, else an empty one. EINVAL: a negative id, or no size for a set. EFAULT. ESRCH.
func schedGetaffinity(c *Call) netbsd.Errno {
	n := c.Args[2]
	if c.Int(0) < 0 || c.Int(1) < 0 || n == 0 || n > cpusetMax {
		return netbsd.EINVAL
	}
	if _, errno := c.in(c.Ptr(3), int(n)); errno != 0 { // genkcpuset
		return errno
	}
	set, errno := c.L.Affinity(c.Int(0), c.Int(1))
	if errno != 0 {
		return errno
	}
	b := c.out(int(n))
	copy(b, set)
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
