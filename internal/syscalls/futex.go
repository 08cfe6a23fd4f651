package syscalls

import (
	"time"

	"toaster/netbsd"
)

// This file has __futex(2) of release 10, as sys_futex.c serves it. Two things differ. The word
// is compared without the queue's lock, by a waiter that is on the queue already: who changes it
// and then wakes finds that waiter, as with the lock. And FUTEX_WAKE_OP is ENOSYS, as the kernel
// cannot change a word of a guest's in one step. Operations with priorities (FUTEX_LOCK_PI and its
// like) are ENOSYS in NetBSD, too.

// futex is __futex(int *uaddr, int op, int val, const struct timespec *timeout, int *uaddr2, int val2,
// int val3). ENOSYS: an unknown operation. EFAULT. The others by operation.
func futex(c *Call) netbsd.Errno {
	var timeout *netbsd.Timespec
	if c.Ptr(3) != 0 {
		b, errno := c.in(c.Ptr(3), netbsd.SizeofTimespec)
		if errno != 0 {
			return errno
		}
		ts := netbsd.DecodeTimespec(b)
		timeout = &ts
	}
	any := uint32(netbsd.FUTEX_BITSET_MATCH_ANY)
	switch c.Int(1) &^ (netbsd.FUTEX_PRIVATE_FLAG | netbsd.FUTEX_CLOCK_REALTIME) {
	case netbsd.FUTEX_WAIT:
		return c.futexWait(any, timeout, false)
	case netbsd.FUTEX_WAIT_BITSET:
		return c.futexWait(c.Uint32(6), timeout, true)
	case netbsd.FUTEX_WAKE:
		return c.futexWake(any)
	case netbsd.FUTEX_WAKE_BITSET:
		return c.futexWake(c.Uint32(6))
	case netbsd.FUTEX_REQUEUE:
		return c.futexRequeue(false)
	case netbsd.FUTEX_CMP_REQUEUE:
		return c.futexRequeue(true)
	}
	return netbsd.ENOSYS
}

// futexKey says which word is at addr (futex_key_init). EINVAL: it is not aligned. EFAULT: it
// may be others', too, and there is no memory.
func (c *Call) futexKey(addr uint64, shared bool) (futexKey, netbsd.Errno) {
	if addr&3 != 0 {
		return futexKey{}, netbsd.EINVAL
	}
	if !shared {
		return futexKey{c.Space, addr}, 0
	}
	obj, off, errno := c.Space.Backing(addr)
	return futexKey{obj, off}, errno
}

func (c *Call) futexShared() bool { return c.Int(1)&netbsd.FUTEX_PRIVATE_FLAG == 0 }

// futexTest is futex_test: whether the word at addr is val; not where there is no memory.
func (c *Call) futexTest(addr uint64, val uint32) bool {
	var b [4]byte
	return c.Space.Read(addr, b[:]) == 0 && le32(b[:]) == val
}

// futexWait is futex_func_wait: FUTEX_WAIT and FUTEX_WAIT_BITSET. EAGAIN: the word is another.
// EINVAL: bits is 0, the time is none, the word is not aligned. ETIMEDOUT. EINTR, and never a
// restart: the time would begin anew.
func (c *Call) futexWait(bits uint32, timeout *netbsd.Timespec, absolute bool) netbsd.Errno {
	addr, val := c.Ptr(0), c.Uint32(2)
	if bits == 0 {
		return netbsd.EINVAL
	}
	if !c.futexTest(addr, val) {
		return netbsd.EAGAIN
	}
	deadline, errno := c.futexDeadline(timeout, absolute)
	if errno != 0 {
		return errno
	}
	key, errno := c.futexKey(addr, c.futexShared())
	if errno != 0 {
		return errno
	}
	w, t := &futexWaiter{l: c.L, bits: bits}, &c.K.futexes
	t.enter(key, w)
	defer t.leave(w) // deferred: a sleep that ends in the LWP's death unwinds with Goexit
	if !c.futexTest(addr, val) && t.leave(w) {
		return netbsd.EAGAIN
	}
	return c.futexSleep(w, deadline)
}

// futexSleep sleeps until w is woken. Who is woken and interrupted has been woken: the waker
// has counted it.
func (c *Call) futexSleep(w *futexWaiter, deadline time.Time) netbsd.Errno {
	t := &c.K.futexes
	for t.waits(w) {
		errno := c.L.Sleep(true, deadline)
		switch {
		case errno == 0:
		case !t.leave(w):
			return 0
		case errno == netbsd.EWOULDBLOCK:
			return netbsd.ETIMEDOUT
		default:
			return netbsd.EINTR
		}
	}
	return 0
}

// futexDeadline is when a wait ends, by FUTEX_CLOCK_REALTIME's clock or CLOCK_MONOTONIC; zero is
// never. EINVAL: the time is none.
func (c *Call) futexDeadline(timeout *netbsd.Timespec, absolute bool) (time.Time, netbsd.Errno) {
	if timeout == nil {
		return time.Time{}, 0
	}
	if timeout.Sec < 0 || !timeout.Valid() {
		return time.Time{}, netbsd.EINVAL
	}
	d := timeout.Duration()
	if absolute {
		clock := netbsd.CLOCK_MONOTONIC
		if c.Int(1)&netbsd.FUTEX_CLOCK_REALTIME != 0 {
			clock = netbsd.CLOCK_REALTIME
		}
		now, errno := readClock(c, clock)
		if errno != 0 {
			return time.Time{}, errno
		}
		d -= now
	}
	return sleepDeadline(d), 0
}

// futexWake is futex_func_wake: FUTEX_WAKE and FUTEX_WAKE_BITSET wake up to val waiters, and
// return how many. EINVAL: a negative number, or the word is not aligned. EFAULT.
func (c *Call) futexWake(bits uint32) netbsd.Errno {
	n := c.Int(2)
	if n < 0 {
		return netbsd.EINVAL
	}
	key, errno := c.futexKey(c.Ptr(0), c.futexShared())
	if errno != 0 {
		return errno
	}
	return c.ok(uint64(c.K.futexes.wake(key, n, bits, key, 0)))
}

// futexRequeue is futex_func_requeue: FUTEX_REQUEUE and FUTEX_CMP_REQUEUE wake up to val waiters,
// have up to val2 others wait for the word at uaddr2, and return how many were woken. EINVAL: a
// negative number, or a word that is not aligned. EAGAIN: the word is not val3, which the second
// one asks if somebody waits. EFAULT.
func (c *Call) futexRequeue(compare bool) netbsd.Errno {
	n, move := c.Int(2), c.Int(5)
	if n < 0 || move < 0 {
		return netbsd.EINVAL
	}
	from, errno := c.futexKey(c.Ptr(0), c.futexShared())
	if errno != 0 {
		return errno
	}
	if !c.K.futexes.known(from) {
		return 0
	}
	to, errno := c.futexKey(c.Ptr(4), c.futexShared())
	if errno != 0 {
		return errno
	}
	if compare && !c.futexTest(c.Ptr(0), c.Uint32(6)) {
		return netbsd.EAGAIN
	}
	return c.ok(uint64(c.K.futexes.wake(from, n, netbsd.FUTEX_BITSET_MATCH_ANY, to, move)))
}
