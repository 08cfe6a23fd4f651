package syscalls

import "toaster/netbsd"

// This file serves calls that only old programs make, by the current ones.

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
