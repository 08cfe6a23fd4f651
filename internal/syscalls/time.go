package syscalls

import (
	"math"
	"time"

	"toaster/kern"
	"toaster/netbsd"
)

// readClock returns the time on a clock since its own origin (clock_gettime1). EINVAL: there is no such clock, as CLOCK_VIRTUAL and CLOCK_PROF, which
// are timers' alone; ESRCH: no such process or LWP; EPERM: another user's process.
func readClock(c *Call, id int) (time.Duration, netbsd.Errno) {
	switch id {
	case netbsd.CLOCK_REALTIME:
		return time.Duration(time.Now().UnixNano()), 0
	case netbsd.CLOCK_MONOTONIC:
		return c.K.monotonic(), 0
	}
	const both = netbsd.CLOCK_PROCESS_CPUTIME_ID | netbsd.CLOCK_THREAD_CPUTIME_ID
	switch {
	case id&netbsd.CLOCK_PROCESS_CPUTIME_ID != 0:
		return processCPU(c, id&^both)
	case id&netbsd.CLOCK_THREAD_CPUTIME_ID != 0:
		return lwpCPU(c, id&^netbsd.CLOCK_THREAD_CPUTIME_ID)
	case uint32(id)&threadCPUTime799 != 0:
		return lwpCPU(c, int(uint32(id)&^threadCPUTime799))
	}
	return 0, netbsd.EINVAL
}

// threadCPUTime799 was CLOCK_THREAD_CPUTIME_ID in sys/time.h until shortly before NetBSD 8. Programs that
// have it meet EINVAL in release 10, which gives the bit no other meaning.
const threadCPUTime799 = 1 << 31

// monotonic is the time since BootTime, by the platform's clock if it has one.
func (k *Kernel) monotonic() time.Duration {
	if k.Monotonic == nil {
		return time.Since(k.BootTime)
	}
	return k.Monotonic()
}

// processCPU is what a process has used. ESRCH. EPERM: it is another user's, or has changed its identity (clock_gettime1, which asks for
// KAUTH_PROCESS_PTRACE with what counts as PT_READ_D there).
func processCPU(c *Call, pid int) (time.Duration, netbsd.Errno) {
	if pid == 0 || pid == c.L.Proc().Pid() {
		u := c.usage()
		return u.Utime + u.Stime, 0
	}
	p := c.K.M.Find(pid)
	switch {
	case p == nil:
		return 0, netbsd.ESRCH
	case !c.L.Proc().MayWatch(p):
		return 0, netbsd.EPERM
	}
	u, errno := p.Rusage(0)
	return u.Utime + u.Stime, errno
}

// usage is what the caller's process has used.
func (c *Call) usage() netbsd.Rusage {
	u, _ := c.L.Rusage(0)
	return u
}

func lwpCPU(c *Call, lid int) (time.Duration, netbsd.Errno) {
	l := c.L
	if lid != 0 && lid != l.ID() {
		if l = c.L.Proc().LWP(lid); l == nil {
			return 0, netbsd.ESRCH
		}
	}
	user, system := c.K.CPUTime(l)
	return user + system, 0
}

// readPromised is readClock, and has the two clocks that clock_gettime(2) promises and clock_gettime1 does not know:
// programs that go by the manual read them. What sleeps or counts by a clock goes by the code.
func readPromised(c *Call, id int) (time.Duration, netbsd.Errno) {
	switch id {
	case netbsd.CLOCK_VIRTUAL:
		return c.usage().Utime, 0
	case netbsd.CLOCK_PROF:
		u := c.usage()
		return u.Utime + u.Stime, 0
	}
	return readClock(c, id)
}

// clockGettime is clock_gettime(clockid_t, struct timespec *). EINVAL: no such clock. ESRCH: a
// processor-time clock of nobody. EFAULT.
func clockGettime(c *Call) netbsd.Errno {
	t, errno := readPromised(c, c.Int(0))
	if errno != 0 {
		return errno
	}
	return c.timespecOut(c.Ptr(1), netbsd.TimespecOf(t))
}

// clockGetcpuclockid is clock_getcpuclockid2(idtype_t, id_t, clockid_t *): the clock of a
// process or an LWP, whether there is one or not; 0 is the caller. EINVAL for another type.
func clockGetcpuclockid(c *Call) netbsd.Errno {
	id := c.Uint32(1)
	var clock uint32
	switch c.Int(0) {
	case netbsd.P_PID:
		if id == 0 {
			id = uint32(c.L.Proc().Pid())
		}
		clock = netbsd.CLOCK_PROCESS_CPUTIME_ID | id
	case netbsd.P_LWPID:
		if id == 0 {
			id = uint32(c.L.ID())
		}
		clock = netbsd.CLOCK_THREAD_CPUTIME_ID | id
	default:
		return netbsd.EINVAL
	}
	b := c.out(4)
	putLE32(b, clock)
	return c.copyout(c.Ptr(2), b)
}

// clockSettime is clock_settime(clockid_t, const struct timespec *). EFAULT. EINVAL: nanoseconds that are none, all clocks but
// CLOCK_REALTIME, and what settime refuses. EPERM: the time is the host's.
func clockSettime(c *Call) netbsd.Errno {
	b, errno := c.in(c.Ptr(1), netbsd.SizeofTimespec)
	if errno != 0 {
		return errno
	}
	t := c.timespec(b)
	if t.Nsec < 0 || t.Nsec >= 1e9 || c.Int(0) != netbsd.CLOCK_REALTIME {
		return netbsd.EINVAL
	}
	return settime(t.Sec)
}

// settime is settime1. EINVAL: before the epoch, or later than anybody could mean, which is looked at before who asks. EPERM.
func settime(sec int64) netbsd.Errno {
	if sec < 0 || sec > 1<<36 {
		return netbsd.EINVAL
	}
	return netbsd.EPERM
}

// clockGetres is clock_getres(clockid_t, struct timespec *). EINVAL: another clock than those that clock_getres1 knows, which are none of
// somebody else's. A null pointer asks only that.
func clockGetres(c *Call) netbsd.Errno {
	switch c.Int(0) {
	case netbsd.CLOCK_REALTIME, netbsd.CLOCK_MONOTONIC, netbsd.CLOCK_PROCESS_CPUTIME_ID, netbsd.CLOCK_THREAD_CPUTIME_ID:
	default:
		return netbsd.EINVAL
	}
	if c.Ptr(1) == 0 {
		return 0
	}
	return c.timespecOut(c.Ptr(1), netbsd.TimespecOf(1))
}

// gettimeofday is gettimeofday(struct timeval *, void *). The zone is all zeroes, as the kernel
// knows of none (sys___gettimeofday50). The stub answers calls without one.
func gettimeofday(c *Call) netbsd.Errno {
	b := c.out(16)
	netbsd.TimevalAt(time.Now()).Encode(b)
	if errno := c.copyoutOptional(c.Ptr(0), b); errno != 0 {
		return errno
	}
	return c.copyoutOptional(c.Ptr(1), c.out(8))
}

// nanosleep is nanosleep(const struct timespec *, struct timespec *remaining). A negative time has
// passed. EINVAL: nanoseconds that are none. EFAULT. EINTR, whatever SA_RESTART says.
func nanosleep(c *Call) netbsd.Errno {
	d, errno := c.sleepTime(c.Ptr(0))
	if errno != 0 {
		return errno
	}
	if c.Napped {
		d = min(d, c.Left)
	}
	return c.sleepFor(d, c.Ptr(1))
}

// clockNanosleep is clock_nanosleep(clockid_t, int flags, const struct timespec *,
// struct timespec *remaining). Its result is the errno itself, in RAX without the carry
// flag: that is its C convention.
func clockNanosleep(c *Call) netbsd.Errno {
	errno := clockSleep(c)
	if errno == netbsd.ERESTART {
		return errno
	}
	return c.ok(uint64(errno))
}

// clockSleep is nanosleep1. The time is looked at before the clock, which nobody asks for if nothing is to be slept, nor told (ts2timo). EINVAL: there is no
// such clock; ESRCH.
func clockSleep(c *Call) netbsd.Errno {
	id := c.Int(0)
	d, errno := c.sleepTime(c.Ptr(2))
	if errno != 0 {
		return errno
	}
	if d == 0 && c.Int(1)&netbsd.TIMER_ABSTIME == 0 && c.Ptr(3) == 0 {
		return 0
	}
	now, errno := readClock(c, id)
	switch {
	case errno != 0:
		return errno
	case id != netbsd.CLOCK_REALTIME && id != netbsd.CLOCK_MONOTONIC:
		return c.sleepByUsage(id, d, now)
	case c.Int(1)&netbsd.TIMER_ABSTIME == 0:
		return c.sleepFor(d, c.Ptr(3))
	}
	return sleepUntil(c, sleepDeadline(d-now))
}

// sleepByUsage sleeps by a clock of processor time, which shows now. Others have to run meanwhile: such a clock passes no faster than
// real time for each LWP that runs, and what is left is looked at again when it could have passed for one. EINTR; ESRCH: whose time it is has gone.
func (c *Call) sleepByUsage(id int, d, now time.Duration) netbsd.Errno {
	absolute := c.Int(1)&netbsd.TIMER_ABSTIME != 0
	if !absolute {
		d = now + min(d, math.MaxInt64-now)
	}
	for now < d {
		errno := sleepUntil(c, sleepDeadline(max(d-now, timerLeast)))
		var lost netbsd.Errno
		if now, lost = readClock(c, id); lost != 0 {
			return lost
		}
		if errno != 0 {
			if absolute {
				return errno
			}
			return c.sleptUntil(errno, d-now, c.Ptr(3))
		}
	}
	if absolute {
		return 0
	}
	return c.sleptUntil(0, 0, c.Ptr(3))
}

// timerLeast is how often a clock of processor time is looked at at most.
const timerLeast = time.Millisecond

// sleepFor sleeps interruptibly. EINTR, and never a restart. What is left to sleep is told in remaining, 0 after the whole time
// (sys___nanosleep50).
func (c *Call) sleepFor(d time.Duration, remaining uint64) netbsd.Errno {
	deadline := sleepDeadline(d)
	errno := sleepUntil(c, deadline)
	if errno == 0 {
		deadline = time.Time{}
	}
	return c.sleptUntil(errno, time.Until(deadline), remaining)
}

// sleptUntil tells what is left. Its own error comes before errno. EFAULT.
func (c *Call) sleptUntil(errno netbsd.Errno, left time.Duration, remaining uint64) netbsd.Errno {
	if remaining != 0 {
		if bad := c.timespecOut(remaining, netbsd.TimespecOf(max(0, left))); bad != 0 {
			return bad
		}
	}
	return errno
}

// sleepUntil sleeps interruptibly. EINTR, and never a restart.
func sleepUntil(c *Call, deadline time.Time) netbsd.Errno {
	for time.Until(deadline) > 0 {
		if errno := c.L.Sleep(true, deadline); errno != 0 && errno != netbsd.EWOULDBLOCK {
			return netbsd.EINTR
		}
	}
	return 0
}

// sleepDeadline turns a guest's duration into a moment without overflow.
func sleepDeadline(d time.Duration) time.Time {
	const century = 100 * 365 * 24 * time.Hour
	return time.Now().Add(min(d, century))
}

// settimeofday is __settimeofday50(const struct timeval *tv, const void *tzp). Nothing is set without a time. EFAULT.
// EINVAL: microseconds that are none, and what settime refuses. EPERM: the time is the host's.
func settimeofday(c *Call) netbsd.Errno {
	if c.Ptr(0) == 0 {
		return 0
	}
	return settimeofday50(c)
}

// setitimer is setitimer(int which, const struct itimerval *new, struct itimerval *old). EINVAL:
// which, or a time that is none. EFAULT. The old one is told before the new one is looked at: where it cannot be, nothing is set, and
// where the new one is refused it has been told. Without either nothing is looked at (sys___setitimer50).
func setitimer(c *Call) netbsd.Errno {
	which := c.Int(0)
	var it netbsd.Itimerval
	if c.Ptr(1) != 0 {
		b, errno := c.in(c.Ptr(1), 32)
		if errno != 0 {
			return errno
		}
		it = netbsd.DecodeItimerval(b)
	}
	if c.Ptr(2) != 0 {
		if errno := itimerOut(c, which, c.Ptr(2)); errno != 0 {
			return errno
		}
	}
	if c.Ptr(1) == 0 {
		return 0
	}
	if !it.Interval.Valid() || !it.Value.Valid() || beyondTime(c, which, it.Value) {
		return netbsd.EINVAL
	}
	_, errno := c.L.Setitimer(which, kern.Itimerval{Interval: it.Interval.Duration(), Value: it.Value.Duration()})
	return errno
}

// beyondTime reports whether the moment that is so far ahead is no time_t (timespecaddok, which dosetitimer asks for the timers
// that count time; they have the numbers of their clocks).
func beyondTime(c *Call, which int, ahead netbsd.Timeval) bool {
	if which != netbsd.ITIMER_REAL && which != netbsd.ITIMER_MONOTONIC {
		return false
	}
	now, _ := readClock(c, which)
	at := netbsd.TimespecOf(now)
	carry := (int64(ahead.Usec)*1000 + at.Nsec) / int64(time.Second)
	return ahead.Sec > math.MaxInt64-at.Sec-carry
}

// getitimer is getitimer(int which, struct itimerval *). EINVAL: which. EFAULT.
func getitimer(c *Call) netbsd.Errno {
	return itimerOut(c, c.Int(0), c.Ptr(1))
}

func itimerOut(c *Call, which int, addr uint64) netbsd.Errno {
	it, errno := c.L.Proc().Getitimer(which)
	if errno != 0 {
		return errno
	}
	return c.copyout(addr, itimerBytes(c, it))
}

func itimerBytes(c *Call, it kern.Itimerval) []byte {
	b := c.out(32)
	netbsd.Itimerval{Interval: netbsd.TimevalOf(it.Interval), Value: netbsd.TimevalOf(it.Value)}.Encode(b)
	return b
}

// timespecIn reads a struct timespec that is a duration: EINVAL if negative or not
// normal; one that is too long for a Duration is the longest there is.
// sleepTime reads how long to sleep. Negative seconds are none (itimespecfix: ETIMEDOUT, of which nanosleep1
// makes success).
func (c *Call) sleepTime(addr uint64) (time.Duration, netbsd.Errno) {
	b, errno := c.in(addr, netbsd.SizeofTimespec)
	if errno != 0 {
		return 0, errno
	}
	t := c.timespec(b)
	if t.Sec < 0 && t.Nsec >= 0 && t.Nsec < 1e9 {
		return 0, 0
	}
	if !t.Valid() {
		return 0, netbsd.EINVAL
	}
	return t.Duration(), 0
}

// timespecIn is itimespecfix: EINVAL for nanoseconds, ETIMEDOUT below 0. EFAULT.
func (c *Call) timespecIn(addr uint64) (time.Duration, netbsd.Errno) {
	b, errno := c.in(addr, netbsd.SizeofTimespec)
	if errno != 0 {
		return 0, errno
	}
	t := c.timespec(b)
	if t.Nsec < 0 || t.Nsec >= 1e9 {
		return 0, netbsd.EINVAL
	}
	if t.Sec < 0 {
		return 0, netbsd.ETIMEDOUT
	}
	return t.Duration(), 0
}
