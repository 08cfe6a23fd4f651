package kern

import (
	"sync/atomic"
	"testing"
	"time"

	"toaster/netbsd"
)

// timer_create(2), timer_settime(2), timer_getoverrun(2): one signal is pending at a time, and the expirations meanwhile are counted, which
// the next signal tells of (ptimer_intr; sys_timer_getoverrun has pt_poverruns), and no setting forgets (dotimer_settime); a timer that is
// set anew, deleted or silent sends nothing. One that is off has the interval that it was set to (itimer_gettime).
func TestPosixTimers(t *testing.T) {
	both(t, func(w *world) {
		w.guest(func(l *LWP) {
			p, usr1 := l.Proc(), netbsd.SIGUSR1.Bit()
			l.Sigprocmask(netbsd.SIG_BLOCK, &usr1)
			id, errno := p.TimerCreate(netbsd.CLOCK_REALTIME, &netbsd.Siginfo{Signo: netbsd.SIGUSR1, Value: 0x77})
			w.is("first id", []any{id, errno}, []any{4, netbsd.Errno(0)})
			set := func(v, every time.Duration) Itimerval {
				w.Helper()
				old, errno := p.TimerSettime(id, Itimerval{v, every})
				w.is("set", errno, netbsd.Errno(0))
				return old
			}
			left := func(v, every time.Duration) {
				w.Helper()
				got, _ := p.TimerGettime(id)
				w.is("left", got, Itimerval{v, every})
			}
			fires := func(at time.Duration) {
				w.Helper()
				si, errno := l.Sigtimedwait(usr1, time.Time{})
				w.is("signal", []any{si.Signo, si.Code, si.Value, errno, w.since()}, []any{netbsd.Signal(netbsd.SIGUSR1), int32(netbsd.SI_TIMER), uint64(0x77), netbsd.Errno(0), at})
			}
			quiet := func(until time.Duration) {
				w.Helper()
				_, errno := l.Sigtimedwait(usr1, w.start.Add(until))
				w.is("quiet", errno, netbsd.Errno(netbsd.EAGAIN))
			}
			w.is("old", set(time.Second, 0), Itimerval{})
			left(time.Second, 0)
			fires(time.Second)
			left(0, 0)
			quiet(3 * time.Second)
			set(time.Second, 2*time.Second)
			fires(4 * time.Second)
			fires(6 * time.Second)
			over := func(what string, want int) {
				w.Helper()
				n, errno := p.TimerOverrun(id)
				w.is(what, []any{n, errno}, []any{want, netbsd.Errno(0)})
			}
			nap(l, 7*time.Second) // 8, 10 and 12 pass: one signal, two overruns
			over("when the signal came there were none", 0)
			left(time.Second, 2*time.Second)
			fires(13 * time.Second)
			over("nor are there for who has taken it", 0)
			fires(14 * time.Second)
			over("the next one tells of them", 2)
			w.is("old", set(5*time.Second, 0), Itimerval{2 * time.Second, 2 * time.Second})
			over("no setting forgets them", 2)
			set(0, time.Second)
			left(0, time.Second)
			quiet(30 * time.Second)
			set(time.Second, 0)
			w.is("delete", p.TimerDelete(id), netbsd.Errno(0))
			quiet(40 * time.Second)
			w.is("again", p.TimerDelete(id), netbsd.Errno(netbsd.EINVAL))
			id, _ = p.TimerCreate(netbsd.CLOCK_REALTIME, &netbsd.Siginfo{})
			w.is("the id is free again", id, 4)
			set(time.Second, time.Second)
			nap(l, 2500*time.Millisecond)
			left(500*time.Millisecond, time.Second)
			w.is("silent", l.Sigpending(), netbsd.Sigset(0))
		})
	})
}

// TIMER_MAX less the interval timers; EINVAL for what is no timer, no signal, no time.
func TestPosixTimerErrors(t *testing.T) {
	both(t, func(w *world) {
		w.guest(func(l *LWP) {
			p := l.Proc()
			_, errno := p.TimerCreate(netbsd.CLOCK_REALTIME, &netbsd.Siginfo{Signo: netbsd.NSIG})
			w.is("signal", errno, netbsd.Errno(netbsd.EINVAL))
			for i := range maxPosixTimers {
				id, errno := p.TimerCreate(netbsd.CLOCK_REALTIME, &netbsd.Siginfo{})
				w.is("create", []any{id, errno}, []any{4 + i, netbsd.Errno(0)})
			}
			_, errno = p.TimerCreate(netbsd.CLOCK_REALTIME, &netbsd.Siginfo{})
			w.is("too many", errno, netbsd.Errno(netbsd.EAGAIN))
			for _, id := range []int{-1, 3, 4 + maxPosixTimers, 1 << 40, 1<<32 + 4} {
				_, e1 := p.TimerSettime(id, Itimerval{})
				_, e2 := p.TimerGettime(id)
				_, e3 := p.TimerOverrun(id)
				for _, e := range []netbsd.Errno{e1, e2, e3, p.TimerDelete(id)} {
					w.is("no timer", e, netbsd.Errno(netbsd.EINVAL))
				}
			}
			for _, v := range []Itimerval{{-1, 0}, {0, -1}} {
				_, errno := p.TimerSettime(4, v)
				w.is("negative", errno, netbsd.Errno(netbsd.EINVAL))
			}
			l.Exec(ExecArgs{Comm: "x"})
			w.is("after an exec", p.TimerDelete(4), netbsd.Errno(netbsd.EINVAL))
		})
	})
}

// setitimer(2): a timer of process time counts what the process has used, not what has passed; one
// without an interval is off once it has fired, and one that is due but has not fired is not 0.
func TestIntervalTimersOfProcessTime(t *testing.T) {
	both(t, func(w *world) {
		w.guest(func(l *LWP) {
			p := l.Proc()
			var utime, stime atomic.Int64 // timers ask on goroutines of their own
			vm := &fakeVM{usage: func() netbsd.Rusage {
				return netbsd.Rusage{Utime: time.Duration(utime.Load()), Stime: time.Duration(stime.Load())}
			}}
			w.give(p, nil, nil, vm)
			set := netbsd.SigsetOf(netbsd.SIGVTALRM, netbsd.SIGPROF, netbsd.SIGALRM)
			l.Sigprocmask(netbsd.SIG_BLOCK, &set)
			pending := func(what string, want ...netbsd.Signal) {
				w.Helper()
				w.is(what, l.Sigpending(), netbsd.SigsetOf(want...))
			}
			l.Setitimer(netbsd.ITIMER_VIRTUAL, Itimerval{time.Second, 0})
			l.Setitimer(netbsd.ITIMER_PROF, Itimerval{3 * time.Second, 2 * time.Second})
			nap(l, 10*time.Second+300*time.Microsecond) // never at the moment at which a timer asks
			pending("nothing used")
			utime.Store(int64(900 * time.Millisecond))
			v, _ := p.Getitimer(netbsd.ITIMER_VIRTUAL)
			w.is("left", v, Itimerval{Value: 100 * time.Millisecond})
			nap(l, time.Second)
			pending("not yet")
			utime.Store(int64(time.Second))
			v, _ = p.Getitimer(netbsd.ITIMER_VIRTUAL)
			w.is("due", v, Itimerval{Value: time.Microsecond})
			nap(l, 2*time.Second)
			pending("user time", netbsd.SIGVTALRM)
			v, _ = p.Getitimer(netbsd.ITIMER_VIRTUAL)
			w.is("off", v, Itimerval{})
			old, _ := l.Setitimer(netbsd.ITIMER_VIRTUAL, Itimerval{})
			w.is("off", old, Itimerval{})
			stime.Store(int64(7 * time.Second)) // 8 in all: 3, 5 and 7 have passed
			nap(l, 3*time.Second)
			pending("all time", netbsd.SIGVTALRM, netbsd.SIGPROF)
			v, _ = p.Getitimer(netbsd.ITIMER_PROF)
			w.is("the next", v, Itimerval{time.Second, 2 * time.Second})
			for _, bad := range []int{-1, netbsd.ITIMER_MONOTONIC + 1} {
				_, e1 := l.Setitimer(bad, Itimerval{})
				_, e2 := p.Getitimer(bad)
				w.is("no timer", []netbsd.Errno{e1, e2}, []netbsd.Errno{netbsd.EINVAL, netbsd.EINVAL})
			}
			for _, bad := range []Itimerval{{-1, 0}, {0, -1}} {
				_, errno := l.Setitimer(netbsd.ITIMER_REAL, bad)
				w.is("negative", errno, netbsd.Errno(netbsd.EINVAL))
			}
			l.Setitimer(netbsd.ITIMER_REAL, Itimerval{time.Second, 0})
			nap(l, 2*time.Second)
			v, _ = p.Getitimer(netbsd.ITIMER_REAL)
			w.is("off", v, Itimerval{})
			c := w.fork(l, "C", func(l *LWP) {
				v, _ := l.Proc().Getitimer(netbsd.ITIMER_PROF)
				w.is("not inherited", v, Itimerval{})
			})
			w.wait(l, c.Pid(), 0)
		})
	})
}

// The signal of a timer of setitimer(2) has the number of the timer as its value (dosetitimer); one that is pending already stays what it is (ptimer_intr).
func TestIntervalTimerSiginfo(t *testing.T) {
	both(t, func(w *world) {
		w.guest(func(l *LWP) {
			alrm := netbsd.SIGALRM.Bit()
			l.Sigprocmask(netbsd.SIG_BLOCK, &alrm)
			take := func() []any {
				si, errno := l.Sigtimedwait(alrm, time.Time{})
				return []any{si.Code, si.Value, errno}
			}
			for _, which := range []int{netbsd.ITIMER_REAL, netbsd.ITIMER_MONOTONIC} {
				l.Setitimer(which, Itimerval{Value: time.Second})
				nap(l, 2*time.Second)
				w.is("the timer's", take(), []any{int32(netbsd.SI_TIMER), uint64(which), netbsd.Errno(0)})
			}
			l.Kill(l.Proc().Pid(), netbsd.SIGALRM)
			l.Setitimer(netbsd.ITIMER_MONOTONIC, Itimerval{Value: time.Second})
			nap(l, 2*time.Second)
			w.is("what was pending", take(), []any{int32(netbsd.SI_USER), uint64(0), netbsd.Errno(0)})
		})
	})
}
