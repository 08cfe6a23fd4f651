package syscalls

import (
	"time"

	"toaster/kern"
	"toaster/netbsd"
)

// lwpCreate is _lwp_create(const ucontext_t *, unsigned long flags, lwpid_t *new). The
// new LWP starts in the context given, without a signal stack. EFAULT for the context; EINVAL without _UC_CPU, or for registers that are no program's; EAGAIN
// beyond RLIMIT_NTHR; then EFAULT for the id.
func lwpCreate(c *Call) netbsd.Errno {
	x := bufferPool.Get().(*contextBuffer)
	defer bufferPool.Put(x)
	if errno := c.copyinContext(c.Ptr(0), x); errno != 0 {
		return errno
	}
	u := &x.u
	if errno := c.CPU.CheckGregs(&u.Gregs); errno != 0 {
		return errno
	}
	prepare := func(l *kern.LWP) netbsd.Errno {
		cpu, errno := c.K.NewThread(c, l)
		if errno != 0 {
			return errno
		}
		if u.Flags&netbsd.UC_SIGMASK != 0 {
			l.Platform().SetSigmask(u.Mask)
		}
		if errno := setMachine(cpu, u); errno != 0 {
			return errno
		}
		putLE32(c.scratch[:4], uint32(l.ID()))
		return c.copyout(c.Ptr(2), c.scratch[:4])
	}
	const known = netbsd.LWP_DETACHED | netbsd.LWP_SUSPENDED // do_lwp_create does not look at others
	_, errno := c.L.NewLWP(c.Int(1)&known, c.K.LWPBody, true, prepare)
	return errno
}

// lwpExit is _lwp_exit(void).
func lwpExit(c *Call) netbsd.Errno {
	c.L.ExitLWP()
	return netbsd.EJUSTRETURN
}

// lwpSelf is _lwp_self(void).
func lwpSelf(c *Call) netbsd.Errno { return c.ok(uint64(c.L.ID())) }

// lwpWait is _lwp_wait(lwpid_t wait_for, lwpid_t *departed); 0 waits for any. EDEADLK: the
// caller itself, or all others wait, too. ESRCH: no such LWP. EINVAL: a detached one. EINTR.
func lwpWait(c *Call) netbsd.Errno {
	lid, errno := c.L.LWPWait(c.Int(0))
	if errno != 0 || c.Ptr(1) == 0 {
		return errno
	}
	putLE32(c.scratch[:4], uint32(lid))
	return c.copyout(c.Ptr(1), c.scratch[:4])
}

// lwpSuspend is _lwp_suspend(lwpid_t). ESRCH: no such LWP, or it has ended meanwhile. EDEADLK: no LWP of the process
// would run any more. A signal restarts it.
func lwpSuspend(c *Call) netbsd.Errno { return c.L.LWPSuspend(c.Int(0)) }

// lwpContinue is _lwp_continue(lwpid_t). ESRCH.
func lwpContinue(c *Call) netbsd.Errno { return c.L.LWPContinue(c.Int(0)) }

// lwpWakeup is _lwp_wakeup(lwpid_t). ESRCH. ENODEV: it does not sleep. EBUSY: its sleep is none
// that can be interrupted.
func lwpWakeup(c *Call) netbsd.Errno { return c.L.LWPWakeup(c.Int(0)) }

// lwpDetach is _lwp_detach(lwpid_t). ESRCH. EINVAL: it is detached already.
func lwpDetach(c *Call) netbsd.Errno { return c.L.LWPDetach(c.Int(0)) }

// lwpKill is _lwp_kill(lwpid_t, int sig). ESRCH. EINVAL: not a signal.
func lwpKill(c *Call) netbsd.Errno { return c.L.LWPKill(c.Int(0), signalArg(c.Int(1))) }

// lwpGetprivate is _lwp_getprivate(void).
func lwpGetprivate(c *Call) netbsd.Errno { return c.ok(c.CPU.TLSBase()) }

// lwpSetprivate is _lwp_setprivate(void *). EINVAL: no address of user mode.
func lwpSetprivate(c *Call) netbsd.Errno { return c.CPU.SetTLSBase(c.Ptr(0)) }

// schedYield is sched_yield(void).
func schedYield(*Call) netbsd.Errno {
	yield()
	return 0
}

// lwpPark is ___lwp_park60(clockid_t, int flags, struct timespec *ts, lwpid_t unpark,
// const void *hint, const void *unparkhint): unparks another LWP, then sleeps until
// unparked. EALREADY if it was unparked before, ETIMEDOUT, EINTR, ESRCH for a bad
// unpark. A relative time has what is left of it written back.
//
// As in sys____lwp_park60 and lwp_park the other LWP is unparked even if the time is none, and a
// time that is over comes before an unpark that was earlier, which the next call finds.
func lwpPark(c *Call) netbsd.Errno {
	var deadline time.Time
	relative := c.Int(1)&netbsd.TIMER_ABSTIME == 0
	tsp := c.Ptr(2)
	if tsp != 0 {
		d, errno := c.parkTime(tsp, relative)
		if errno == netbsd.EFAULT {
			return errno
		}
		if errno != 0 {
			return c.unparkOnly(errno)
		}
		deadline = sleepDeadline(d)
	}
	errno := c.L.Park(deadline, c.Int(3))
	if tsp != 0 && relative && errno != netbsd.EALREADY && errno != netbsd.ESRCH {
		c.timespecOut(tsp, netbsd.TimespecOf(max(0, time.Until(deadline)))) // sys____lwp_park60 does not mind
	}
	return errno
}

// parkTime is how long ___lwp_park60(2) may sleep; ETIMEDOUT if not at all.
func (c *Call) parkTime(tsp uint64, relative bool) (time.Duration, netbsd.Errno) {
	d, errno := c.timespecIn(tsp)
	if errno != 0 && errno != netbsd.ETIMEDOUT {
		return 0, errno
	}
	now, errno := readClock(c, c.Int(0)) // ts2timo asks for a relative time, too
	if errno != 0 {
		return 0, errno
	}
	if !relative {
		d -= now
	}
	if d <= 0 {
		return 0, netbsd.ETIMEDOUT
	}
	return d, 0
}

// unparkOnly is the rest of ___lwp_park60(2) when the caller does not sleep for the reason
// given.
func (c *Call) unparkOnly(why netbsd.Errno) netbsd.Errno {
	if target := c.Int(3); target != 0 {
		if errno := c.L.Unpark(target); errno != 0 {
			return errno
		}
	}
	return why
}

// lwpUnpark is _lwp_unpark(lwpid_t, const void *hint). ESRCH. Who is not parked now will not
// sleep the next time: EALREADY.
func lwpUnpark(c *Call) netbsd.Errno { return c.L.Unpark(c.Int(0)) }

// unparkMax bounds the list of _lwp_unpark_all(2) (LWP_UNPARK_MAX).
const unparkMax = 1024

// lwpUnparkAll is _lwp_unpark_all(const lwpid_t *targets, size_t ntargets, const void
// *hint); without targets it says how many there may be. EINVAL: none, or too many. EFAULT. ESRCH: one of them is not there; the
// others are unparked nevertheless (lwp_unpark).
func lwpUnparkAll(c *Call) netbsd.Errno {
	if c.Ptr(0) == 0 {
		return c.ok(unparkMax)
	}
	n := uint64(c.Uint32(1))
	if n > unparkMax || n == 0 {
		return netbsd.EINVAL
	}
	b := make([]byte, 4*n)
	if errno := c.Space.Read(c.Ptr(0), b); errno != 0 {
		return errno
	}
	var result netbsd.Errno
	for ; len(b) > 0; b = b[4:] {
		if errno := c.L.Unpark(int(int32(le32(b)))); errno != 0 {
			result = errno
		}
	}
	return result
}

// lwpSetname is _lwp_setname(lwpid_t, const char *). A name that is too long is cut off.
func lwpSetname(c *Call) netbsd.Errno {
	name, errno := c.Space.ReadString(c.Ptr(1), netbsd.MAXCOMLEN)
	if errno == netbsd.ENAMETOOLONG {
		var b [netbsd.MAXCOMLEN]byte
		errno = c.Space.Read(c.Ptr(1), b[:])
		name = string(b[:])
	}
	if errno != 0 {
		return errno
	}
	return c.L.LWPSetName(c.Int(0), name)
}

// lwpGetname is _lwp_getname(lwpid_t, char *buf, size_t len). ESRCH. ENAMETOOLONG: there is no room for all of it; what
// fits is stored without a NUL (copyoutstr(9)). EFAULT.
func lwpGetname(c *Call) netbsd.Errno {
	name, errno := c.L.LWPGetName(c.Int(0))
	if errno != 0 {
		return errno
	}
	b := append([]byte(name), 0)
	if n := c.Uint32(2); len(b) > int(n) { // uimin
		b, errno = b[:n], netbsd.ENAMETOOLONG
	}
	if wrong := c.copyout(c.Ptr(1), b); wrong != 0 {
		return wrong
	}
	return errno
}
