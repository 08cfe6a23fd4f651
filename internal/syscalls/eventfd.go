package syscalls

import (
	"time"

	"toaster/internal/file"
	"toaster/kern"
	"toaster/netbsd"
)

// owner is whom a file belongs to that the caller makes.
func (c *Call) owner() file.Owner {
	cred := c.L.Proc().Cred()
	return file.Owner{UID: cred.EUID, GID: cred.EGID}
}

// eventfd is eventfd(unsigned int val, int flags). EINVAL: unknown flags. EMFILE, ENFILE.
func eventfd(c *Call) netbsd.Errno {
	flags := c.Int(1)
	if flags&^(netbsd.EFD_CLOEXEC|netbsd.EFD_NONBLOCK|netbsd.EFD_SEMAPHORE) != 0 {
		return netbsd.EINVAL
	}
	d := file.NewEventfd(uint64(c.Uint32(0)), flags&netbsd.EFD_SEMAPHORE != 0, c.owner(), flags&netbsd.O_NONBLOCK)
	return c.install(d, c.fdFlags(flags&netbsd.EFD_CLOEXEC))
}

// timerfdCreate is timerfd_create(clockid_t clock_id, int flags). EINVAL: unknown flags, or
// another clock. EMFILE, ENFILE.
func timerfdCreate(c *Call) netbsd.Errno {
	clock, flags := c.Int(0), c.Int(1)
	if flags&^(netbsd.TFD_CLOEXEC|netbsd.TFD_NONBLOCK) != 0 {
		return netbsd.EINVAL
	}
	if clock != netbsd.CLOCK_REALTIME && clock != netbsd.CLOCK_MONOTONIC {
		return netbsd.EINVAL
	}
	return c.install(file.NewTimer(clock, c.K.M.Release().TimerfdOld(), c.owner(), flags&netbsd.O_NONBLOCK), c.fdFlags(flags&netbsd.TFD_CLOEXEC))
}

// onTimer calls f with the timer that the first argument is. EBADF. EINVAL: it is none.
func (c *Call) onTimer(f func(*file.Timer) netbsd.Errno) netbsd.Errno {
	return c.onFD(func(d *file.Description) netbsd.Errno {
		t, ok := d.File.(*file.Timer)
		if !ok {
			return netbsd.EINVAL
		}
		return f(t)
	})
}

// timerfdSettime is timerfd_settime(int fd, int flags, const struct itimerspec *new_value, struct
// itimerspec *old_value). EFAULT. EINVAL: unknown flags, or a time that is none. EBADF. EINVAL: no timer. TFD_TIMER_CANCEL_ON_SET has no effect, as nobody in a guest can set a clock.
func timerfdSettime(c *Call) netbsd.Errno {
	b, errno := c.in(c.Ptr(2), netbsd.SizeofItimerspec)
	if errno != 0 {
		return errno
	}
	it, flags := netbsd.DecodeItimerspec(b), c.Int(1)
	if flags&^(netbsd.TFD_TIMER_ABSTIME|netbsd.TFD_TIMER_CANCEL_ON_SET) != 0 {
		return netbsd.EINVAL
	}
	if !it.Interval.Valid() || !it.Value.Valid() {
		return netbsd.EINVAL
	}
	return c.onTimer(func(t *file.Timer) netbsd.Errno {
		value := min(it.Value.Duration(), maxSleep)
		if value > 0 && flags&netbsd.TFD_TIMER_ABSTIME != 0 {
			value = max(1, it.Value.Duration()-c.since(t.Clock))
		}
		var old kern.Itimerval
		old.Value, old.Interval = t.Settime(min(value, maxSleep), it.Interval.Duration())
		if c.Ptr(3) == 0 {
			return 0
		}
		return c.itimerspecOut(c.Ptr(3), old)
	})
}

// since is what one of the two clocks says.
func (c *Call) since(clock int) time.Duration {
	if clock == netbsd.CLOCK_REALTIME {
		return time.Duration(time.Now().UnixNano())
	}
	return c.K.monotonic()
}

// timerfdGettime is timerfd_gettime(int fd, struct itimerspec *curr_value). EBADF, EINVAL, EFAULT.
func timerfdGettime(c *Call) netbsd.Errno {
	return c.onTimer(func(t *file.Timer) netbsd.Errno {
		var v kern.Itimerval
		v.Value, v.Interval = t.Gettime()
		return c.itimerspecOut(c.Ptr(1), v)
	})
}
