package syscalls

import (
	"math"
	"time"

	"toaster/kern"
	"toaster/netbsd"
)

// timerCreate is timer_create(clockid_t, struct sigevent *, timer_t *). Without a
// sigevent it is SIGALRM with the timer's id as value. EFAULT: the id could not be stored; the timer is there nevertheless, as
// timer_create1 does not take it back.
func timerCreate(c *Call) netbsd.Errno {
	if uint32(c.Int(0)) > netbsd.CLOCK_MONOTONIC {
		return netbsd.EINVAL
	}
	p := c.L.Proc()
	var info *netbsd.Siginfo
	create := func() (int, netbsd.Errno) { return p.TimerCreate(c.Int(0), info) }
	if c.Ptr(1) != 0 {
		var errno netbsd.Errno
		var upcall bool
		if info, upcall, errno = c.timerEvent(c.Ptr(1)); errno != 0 {
			return errno
		}
		if upcall {
			create = func() (int, netbsd.Errno) { return p.TimerCreateUpcall(c.Int(0), *info) }
		}
	}
	id, errno := create()
	if errno != 0 {
		return errno
	}
	b := c.out(4)
	putLE32(b, uint32(id))
	return c.copyout(c.Ptr(2), b)
}

// timerEvent reads what a timer is to send, and whether by an upcall; of SIGEV_THREAD nothing comes, nor of SIGEV_SA but in release
// 2003 (ptimer_fire). EFAULT; EINVAL.
func (c *Call) timerEvent(addr uint64) (info *netbsd.Siginfo, upcall bool, errno netbsd.Errno) {
	b, errno := c.in(addr, netbsd.SizeofSigevent)
	if errno != 0 {
		return nil, false, errno
	}
	switch ev := netbsd.DecodeSigevent(b); {
	case ev.Notify < netbsd.SIGEV_NONE || ev.Notify > netbsd.SIGEV_SA:
		return nil, false, netbsd.EINVAL
	case ev.Notify == netbsd.SIGEV_SA:
		return &netbsd.Siginfo{Signo: signalArg(int(ev.Signo)), Value: ev.Value}, true, 0
	case ev.Notify != netbsd.SIGEV_SIGNAL:
		return &netbsd.Siginfo{}, false, 0
	case !signalArg(int(ev.Signo)).Valid():
		return nil, false, netbsd.EINVAL
	default:
		return &netbsd.Siginfo{Signo: signalArg(int(ev.Signo)), Value: ev.Value}, false, 0
	}
}

// timerDelete is timer_delete(timer_t). EINVAL: no such timer.
func timerDelete(c *Call) netbsd.Errno { return c.L.Proc().TimerDelete(c.Int(0)) }

// delaytimerMax is DELAYTIMER_MAX.
const delaytimerMax = 32

// timerGetoverrun is timer_getoverrun(timer_t).
func timerGetoverrun(c *Call) netbsd.Errno {
	n, errno := c.L.Proc().TimerOverrun(c.Int(0))
	c.Ret[0] = uint64(min(n, delaytimerMax))
	return errno
}

// itimespecfix looks at a time that a timer is to have. EINVAL: it is none. A negative one is EINVAL, too (dotimer_settime), and ETIMEDOUT in release 10.
func (c *Call) itimespecfix(t netbsd.Timespec) netbsd.Errno {
	switch {
	case t.Sec < 0 && !c.K.M.Release().TimerOld():
		return netbsd.EINVAL
	case t.Nsec < 0 || t.Nsec >= 1e9:
		return netbsd.EINVAL
	case t.Sec < 0:
		return netbsd.ETIMEDOUT
	}
	return 0
}

// timerSettime is timer_settime(timer_t, int flags, const struct itimerspec *new,
// struct itimerspec *old). EFAULT. EINVAL: no such timer; the others are those of itimespecfix. An absolute time is one of the timer's clock, of the real-time clock for those that count processor time.
func timerSettime(c *Call) netbsd.Errno {
	b, errno := c.in(c.Ptr(2), netbsd.SizeofItimerspec)
	if errno != 0 {
		return errno
	}
	it := netbsd.Itimerspec{Interval: c.timespec(b), Value: c.timespec(b[16:])}
	if c.L.Proc().TimerClock(c.Int(0)) < 0 {
		return netbsd.EINVAL
	}
	if errno = c.itimespecfix(it.Value); errno == 0 {
		errno = c.itimespecfix(it.Interval)
	}
	if errno != 0 {
		return errno
	}
	v := kern.Itimerval{Interval: it.Interval.Duration(), Value: it.Value.Duration()}
	if c.Int(1)&netbsd.TIMER_ABSTIME != 0 && v.Value != 0 {
		now := time.Duration(time.Now().UnixNano())
		if c.L.Proc().TimerClock(c.Int(0)) == netbsd.CLOCK_MONOTONIC {
			now = c.K.monotonic()
		}
		v.Value = max(1, v.Value-now)
	} else if !c.mayCome(it.Value) {
		return netbsd.EINVAL
	} else {
		v.Value = kern.TimerTicks(v.Value)
	}
	old, errno := c.L.Proc().TimerSettime(c.Int(0), v)
	if errno != 0 || c.Ptr(3) == 0 {
		return errno
	}
	return c.itimerspecOut(c.Ptr(3), old)
}

// mayCome reports whether the timer of the call can be due in this time, which is none if it is 0: a struct timespec must have room for what its clock shows then
// (timespecaddok). Those of processor time count down.
func (c *Call) mayCome(in netbsd.Timespec) bool {
	var now netbsd.Timespec
	switch c.L.Proc().TimerClock(c.Int(0)) {
	case netbsd.CLOCK_REALTIME:
		now = netbsd.TimespecAt(time.Now())
	case netbsd.CLOCK_MONOTONIC:
		now = netbsd.TimespecOf(c.K.monotonic())
	}
	sec := math.MaxInt64 - now.Sec - (in.Nsec+now.Nsec)/1e9
	return in.Sec <= sec
}

// timerGettime is timer_gettime(timer_t, struct itimerspec *).
func timerGettime(c *Call) netbsd.Errno {
	v, errno := c.L.Proc().TimerGettime(c.Int(0))
	if errno != 0 {
		return errno
	}
	return c.itimerspecOut(c.Ptr(1), v)
}

func (c *Call) itimerspecOut(addr uint64, v kern.Itimerval) netbsd.Errno {
	b := c.out(netbsd.SizeofItimerspec)
	it := netbsd.Itimerspec{Interval: netbsd.TimespecOf(v.Interval), Value: netbsd.TimespecOf(v.Value)}
	if c.spec50 {
		it.Encode50(b)
	} else {
		it.Encode(b)
	}
	return c.copyout(addr, b)
}
