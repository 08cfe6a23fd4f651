package syscalls

import (
	"time"

	"toaster/netbsd"
)

// This file has __futex(2) of release 10, as sys_futex.c serves it. One thing differs: the word
// is compared without the queue's lock, by a waiter that is on the queue already: who changes it
// and then wakes finds that waiter, as with the lock. Operations with priorities (FUTEX_LOCK_PI and its
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
	case netbsd.FUTEX_WAKE_OP:
		return c.futexWakeOp()
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
// EINVAL: bits is 0, the word is not aligned. ETIMEDOUT. EINTR, or it is made again after the signal, with a relative time from its beginning
// (futex_wait).
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
			return errno
		}
	}
	return 0
}

// futexDeadline is when a wait ends, by FUTEX_CLOCK_REALTIME's clock or CLOCK_MONOTONIC; zero is
// never. What is no time is computed with nevertheless (futex_func_wait).
func (c *Call) futexDeadline(timeout *netbsd.Timespec, absolute bool) (time.Time, netbsd.Errno) {
	if timeout == nil {
		return time.Time{}, 0
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
	woken, _ := c.K.futexes.wake(key, n, bits, key, 0)
	return c.ok(uint64(woken))
}

// futexRequeue is futex_func_requeue: FUTEX_REQUEUE and FUTEX_CMP_REQUEUE wake up to val waiters,
// have up to val2 others wait for the word at uaddr2, and return how many were woken or moved. EINVAL: a
// negative number, or a word that is not aligned. EAGAIN: the word is not val3, which the second
// one asks. EFAULT. Release 10: kern.Release.FutexOld.
func (c *Call) futexRequeue(compare bool) netbsd.Errno {
	n, move := c.Int(2), c.Int(5)
	if n < 0 || move < 0 {
		return netbsd.EINVAL
	}
	from, errno := c.futexKey(c.Ptr(0), c.futexShared())
	if errno != 0 {
		return errno
	}
	old := c.K.M.Release().FutexOld()
	if (old || !compare) && !c.K.futexes.known(from) {
		return 0
	}
	to, errno := c.futexKey(c.Ptr(4), c.futexShared())
	if errno != 0 {
		return errno
	}
	if compare && !c.futexTest(c.Ptr(0), c.Uint32(6)) {
		return netbsd.EAGAIN
	}
	woken, moved := c.K.futexes.wake(from, n, netbsd.FUTEX_BITSET_MATCH_ANY, to, move)
	if !old {
		woken += moved
	}
	return c.ok(uint64(woken))
}

// futexWakeOp is futex_func_wake_op: FUTEX_WAKE_OP changes the word at uaddr2 as val3 says, in one step, wakes up to
// val waiters of the word at uaddr, and, if val3 says so of what the other one was, up to val2 of that. It returns how
// many were woken. EINVAL: a negative number, an operation that there is not, or a word that is not aligned.
// EFAULT.
func (c *Call) futexWakeOp() netbsd.Errno {
	n, n2 := c.Int(2), c.Int(5)
	op := futexOp{c.Uint32(6), !c.K.M.Release().FutexOld()}
	if n < 0 || n2 < 0 || !op.valid() {
		return netbsd.EINVAL
	}
	key, errno := c.futexKey(c.Ptr(0), c.futexShared())
	if errno != 0 {
		return errno
	}
	other, errno := c.futexKey(c.Ptr(4), c.futexShared())
	if errno != 0 {
		return errno
	}
	old, errno := c.futexChange(c.Ptr(4), op)
	if errno != 0 {
		return errno
	}
	t, any := &c.K.futexes, uint32(netbsd.FUTEX_BITSET_MATCH_ANY)
	woken, _ := t.wake(key, n, any, key, 0)
	if op.compare(int32(old)) {
		more, _ := t.wake(other, n2, any, other, 0)
		woken += more
	}
	return c.ok(uint64(woken))
}

// futexChange applies op to the word at addr, and returns what it was.
func (c *Call) futexChange(addr uint64, op futexOp) (uint32, netbsd.Errno) {
	var b [4]byte
	if errno := c.Space.Read(addr, b[:]); errno != 0 {
		return 0, errno
	}
	for old := le32(b[:]); ; {
		was, errno := c.Space.CompareAndSwap(c, addr, old, op.apply(old))
		if errno != 0 || was == old {
			return was, errno
		}
		old = was
	}
}

// futexOp is val3 of FUTEX_WAKE_OP: an operation, a comparison, and 12 bits for each (FUTEX_OP of sys/futex.h), which
// have a sign (futex_opcmp_arg), but in release 10.
type futexOp struct {
	bits   uint32
	signed bool
}

func (o futexOp) split() (op, cmp, arg, cmparg uint32) {
	return o.bits >> 28, o.bits >> 24 & 0xf, o.extend(o.bits >> 12 & 0xfff), o.extend(o.bits & 0xfff)
}

// extend is the number that 12 bits are.
func (o futexOp) extend(v uint32) uint32 {
	if o.signed && v&0x800 != 0 {
		v |= ^uint32(0xfff)
	}
	return v
}

// valid is futex_validate_op_cmp.
func (o futexOp) valid() bool {
	op, cmp, arg, _ := o.split()
	if op&netbsd.FUTEX_OP_OPARG_SHIFT != 0 && arg >= 32 {
		return false
	}
	return op&^netbsd.FUTEX_OP_OPARG_SHIFT <= netbsd.FUTEX_OP_XOR && cmp <= netbsd.FUTEX_OP_CMP_GE
}

// apply is futex_compute_op.
func (o futexOp) apply(old uint32) uint32 {
	op, _, arg, _ := o.split()
	if op&netbsd.FUTEX_OP_OPARG_SHIFT != 0 {
		arg = 1 << arg
	}
	switch op &^ netbsd.FUTEX_OP_OPARG_SHIFT {
	case netbsd.FUTEX_OP_ADD:
		return old + arg
	case netbsd.FUTEX_OP_OR:
		return old | arg
	case netbsd.FUTEX_OP_ANDN:
		return old &^ arg
	case netbsd.FUTEX_OP_XOR:
		return old ^ arg
	}
	return arg
}

// compare is futex_compute_cmp.
func (o futexOp) compare(old int32) bool {
	_, cmp, _, arg := o.split()
	with := int32(arg)
	switch cmp {
	case netbsd.FUTEX_OP_CMP_EQ:
		return old == with
	case netbsd.FUTEX_OP_CMP_NE:
		return old != with
	case netbsd.FUTEX_OP_CMP_LT:
		return old < with
	case netbsd.FUTEX_OP_CMP_LE:
		return old <= with
	case netbsd.FUTEX_OP_CMP_GT:
		return old > with
	}
	return old >= with
}
