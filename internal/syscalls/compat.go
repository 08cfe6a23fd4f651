package syscalls

import (
	"time"

	"toaster/kern"
	"toaster/netbsd"
)

// This file and its compat_* neighbours serve calls that only old programs make: each turns what it is given
// into what today's call takes, and the answer back. The structures are in netbsd/layout_old.go. Where a call
// of today has the same layouts on amd64, the row names its handler. On NetBSD many of these calls are in
// modules, which the kernel loads when somebody makes one (syscalls_autoload.c).

// since50 serves a call of NetBSD 5 or older whose times are struct timespec50.
func since50(serve Handler) Handler {
	return func(c *Call) netbsd.Errno {
		c.spec50 = true
		errno := serve(c)
		c.spec50 = false
		return errno
	}
}

// shifted serves a call from before there was padding in front of an off_t: what is behind the first n
// arguments moves up by one.
func shifted(n int, serve Handler) Handler {
	return func(c *Call) netbsd.Errno {
		copy(c.Args[n+1:], c.Args[n:len(c.Args)-1])
		return serve(c)
	}
}

// null is sys_nullop, of a call that has gone: 0.
func null(*Call) netbsd.Errno { return 0 }

// noMore is ENOSYS without SIGSYS, of calls whose function in the kernel is still there and does nothing else:
// quota(2) of 4.3BSD (vfs_syscalls_43.c), lfs_segwait(2) of NetBSD 5
// (vfs_syscalls_50.c), and sigreturn(2) with a struct sigcontext, which amd64 does not have
// (compat_13_machdep.c, compat_16_machdep.c).
func noMore(*Call) netbsd.Errno { return netbsd.ENOSYS }

// noBreak serves sbrk(2) and sstk(2), which are no calls any more (OBSOL of syscalls.master): nosys. In release 10 they are as those of noMore (uvm_mmap.c).
func noBreak(c *Call) netbsd.Errno {
	if c.K.M.Release().BreakOld() {
		return noMore(c)
	}
	return nosys(c)
}

// socket30 is compat_30_sys_socket: before NetBSD 4 a domain that does not exist was
// EPROTONOSUPPORT.
func socket30(c *Call) netbsd.Errno {
	errno := newSocket(c)
	if errno == netbsd.EAFNOSUPPORT {
		return netbsd.EPROTONOSUPPORT
	}
	return errno
}

// lwpPark50 is ___lwp_park50(const struct timespec *ts, lwpid_t unpark, const void *hint,
// const void *unparkhint), of programs from before NetBSD 7: the time is an absolute one of
// CLOCK_REALTIME.
func lwpPark50(c *Call) netbsd.Errno {
	c.Args = [8]uint64{netbsd.CLOCK_REALTIME, netbsd.TIMER_ABSTIME, c.Args[0], c.Args[1], c.Args[2], c.Args[3]}
	return lwpPark(c)
}

// sigtimedwait50 is compat_50_sys___sigtimedwait, which returns 0, not the signal.
func sigtimedwait50(c *Call) netbsd.Errno {
	errno := sigtimedwait(c)
	c.Ret[0] = 0
	return errno
}

// settimeofday50 is compat_50_sys_settimeofday: a null pointer is EFAULT, other than today.
func settimeofday50(c *Call) netbsd.Errno {
	b, errno := c.in(c.Ptr(0), netbsd.SizeofTimeval)
	if errno != 0 {
		return errno
	}
	t := netbsd.DecodeTimeval(b)
	if t.Usec < 0 || t.Usec >= 1e6 {
		return netbsd.EINVAL
	}
	return settime(t.Sec)
}

// ntpGettime30 is ntp_gettime(struct ntptimeval30 *ntvp) of before NetBSD 4: microseconds, and no state.
//
//	time 0 (a struct timeval), maxerror 16, esterror 24
func ntpGettime30(c *Call) netbsd.Errno {
	if c.Ptr(0) == 0 {
		return c.ok(ntpError)
	}
	b := c.out(netbsd.SizeofNtptimeval30)
	netbsd.TimevalAt(time.Now()).Encode(b)
	putLE32(b[16:], ntpMaxError)
	putLE32(b[24:], ntpMaxError)
	if errno := c.copyout(c.Ptr(0), b); errno != 0 {
		return errno
	}
	return c.ok(ntpError)
}

// wait43 is wait(void): RDX is the status.
func wait43(c *Call) netbsd.Errno {
	var status netbsd.WaitStatus
	out := kern.WaitOut{Status: func(w netbsd.WaitStatus) netbsd.Errno { status = w; return 0 }}
	pid, errno := c.L.Wait4(-1, 0, &out)
	c.Ret = [2]uint64{uint64(pid), uint64(uint32(status))}
	return errno
}

// getrlimit43 is getrlimit(int which, struct orlimit *rlp). EINVAL, EFAULT.
func getrlimit43(c *Call) netbsd.Errno {
	r, errno := c.L.Proc().Rlimit(c.Int(0))
	if errno != 0 {
		return errno
	}
	b := c.out(netbsd.SizeofRlimit43)
	netbsd.Rlimit{Cur: r.Cur, Max: r.Max}.Encode43(b)
	return c.copyout(c.Ptr(1), b)
}

// setrlimit43 is setrlimit(int which, const struct orlimit *rlp). EFAULT comes first.
func setrlimit43(c *Call) netbsd.Errno {
	b, errno := c.in(c.Ptr(1), netbsd.SizeofRlimit43)
	if errno != 0 {
		return errno
	}
	r := netbsd.DecodeRlimit43(b)
	return c.setRlimit(c.Int(0), kern.Rlimit{Cur: r.Cur, Max: r.Max})
}

// creat43 is creat(const char *path, mode_t mode).
func creat43(c *Call) netbsd.Errno {
	c.Args[2] = c.Args[1]
	c.Args[1] = netbsd.O_WRONLY | netbsd.O_CREAT | netbsd.O_TRUNC
	return open(c)
}

// mknod50 is mknod(const char *path, mode_t mode, uint32_t dev).
func mknod50(c *Call) netbsd.Errno {
	c.Args[2] = uint64(c.Uint32(2))
	return mknod(c)
}

// Flags of mmap(2) before 4.4BSD; a mapping that is not shared is private.
const (
	mapAnon43    = 0x0002
	mapShared43  = 0x0010
	mapCopy43    = 0x0020
	mapFixed43   = 0x0100
	mapInherit43 = 0x0800
)

// mmap43 is mmap(void *addr, size_t len, int prot, int flags, int fd, long pos). Of prot the lowest bit is
// PROT_EXEC and the third PROT_READ: the other way round than today.
func mmap43(c *Call) netbsd.Errno {
	prot := c.Int(2) & netbsd.PROT_WRITE
	if c.Int(2)&1 != 0 {
		prot |= netbsd.PROT_EXEC
	}
	if c.Int(2)&4 != 0 {
		prot |= netbsd.PROT_READ
	}
	flags := netbsd.MAP_PRIVATE
	if c.Int(3)&mapShared43 != 0 {
		flags = netbsd.MAP_SHARED
	}
	for old, flag := range map[int]int{mapAnon43: netbsd.MAP_ANON, mapCopy43: netbsd.MAP_PRIVATE, mapFixed43: netbsd.MAP_FIXED, mapInherit43: netbsd.MAP_INHERIT} {
		if c.Int(3)&old != 0 {
			flags |= flag
		}
	}
	c.Args[2], c.Args[3], c.Args[6] = uint64(prot), uint64(flags), c.Args[5]
	return mmap(c)
}

// msync12 is msync(void *addr, size_t len).
func msync12(c *Call) netbsd.Errno {
	c.Args[2] = netbsd.MS_SYNC | netbsd.MS_INVALIDATE
	return msync(c)
}

// swapon12 is swapon(const char *name).
func swapon12(c *Call) netbsd.Errno {
	c.Args = [8]uint64{netbsd.SWAP_ON, c.Args[0]}
	return swapctl(c)
}
