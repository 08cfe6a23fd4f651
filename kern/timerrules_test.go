package kern

import (
	"testing"
	"time"

	"toaster/netbsd"
)

// setitimer(2): it tells what was left of the former setting, and each timer is its own.
func TestSetitimerTellsTheFormerOne(t *testing.T) {
	both(t, func(w *world) {
		w.guest(func(l *LWP) {
			set := func(which int, v, want Itimerval) {
				w.Helper()
				old, errno := l.Setitimer(which, v)
				w.is("former", []any{old, errno}, []any{want, netbsd.Errno(0)})
			}
			get := func(which int, want Itimerval) {
				w.Helper()
				v, errno := l.Proc().Getitimer(which)
				w.is("now", []any{v, errno}, []any{want, netbsd.Errno(0)})
			}
			s := time.Second
			set(netbsd.ITIMER_REAL, Itimerval{10 * s, 3 * s}, Itimerval{})
			nap(l, 4*s)
			get(netbsd.ITIMER_REAL, Itimerval{6 * s, 3 * s})
			set(netbsd.ITIMER_REAL, Itimerval{5 * s, 0}, Itimerval{6 * s, 3 * s})
			get(netbsd.ITIMER_VIRTUAL, Itimerval{})
			set(netbsd.ITIMER_REAL, Itimerval{}, Itimerval{5 * s, 0})
			get(netbsd.ITIMER_REAL, Itimerval{})
			nap(l, 20*s)
			for _, bad := range []int{-1, netbsd.ITIMER_MONOTONIC + 1} {
				_, errno := l.Setitimer(bad, Itimerval{s, 0})
				_, e2 := l.Proc().Getitimer(bad)
				w.is("none", []netbsd.Errno{errno, e2}, []netbsd.Errno{netbsd.EINVAL, netbsd.EINVAL})
			}
			w.mark("no signal has come")
		})
		w.order("no signal has come")
	})
}

// getitimer(2): ITIMER_MONOTONIC counts time and sends SIGALRM as ITIMER_REAL does, and is another timer (sys___setitimer50,
// dosetitimer: IS_ITIMER).
func TestMonotonicItimer(t *testing.T) {
	both(t, func(w *world) {
		w.guest(func(l *LWP) {
			alarms, s := 0, time.Second
			w.handle(l, netbsd.SIGALRM, func(*LWP, *netbsd.Siginfo) { alarms++ })
			for which, v := range map[int]Itimerval{netbsd.ITIMER_MONOTONIC: {2 * s, s}, netbsd.ITIMER_REAL: {10 * s, 0}} {
				old, errno := l.Setitimer(which, v)
				w.is("former", []any{old, errno}, []any{Itimerval{}, netbsd.Errno(0)})
			}
			for end := time.Now().Add(3*s + s/2); time.Now().Before(end); {
				l.Nanosleep(time.Until(end)) // until the next signal
			}
			w.is("alarms", alarms, 2)
			left, _ := l.Proc().Getitimer(netbsd.ITIMER_REAL)
			w.is("real", left, Itimerval{Value: 6*s + s/2})
			left, _ = l.Proc().Getitimer(netbsd.ITIMER_MONOTONIC)
			w.is("monotonic", left, Itimerval{s / 2, s})
		})
	})
}

// timer_create(2) and its like: SIGEV_NONE sends nothing, SIGHUP is a signal as any other; intervals have a tick at least; an id that is none is
// EINVAL; a timer that is set anew, deleted or whose process ends fires no more, also one that was just about to.
func TestPosixTimerRules(t *testing.T) {
	both(t, func(w *world) {
		var timers []*posixTimer
		var real *itimer
		w.guest(func(l *LWP) {
			p := l.Proc()
			hups := 0
			w.handle(l, netbsd.SIGHUP, func(_ *LWP, si *netbsd.Siginfo) {
				hups++
				w.is("code", si.Code, int32(netbsd.SI_TIMER))
			})
			silent, _ := p.TimerCreate(netbsd.CLOCK_REALTIME, &netbsd.Siginfo{})
			hup, _ := p.TimerCreate(netbsd.CLOCK_REALTIME, &netbsd.Siginfo{Signo: netbsd.SIGHUP})
			for _, id := range []int{silent, hup} {
				p.TimerSettime(id, Itimerval{time.Second, 0})
			}
			nap(l, 2*time.Second)
			n, errno := p.TimerOverrun(silent)
			w.is("one signal", []any{hups, n, errno, l.Sigpending()}, []any{1, 0, netbsd.Errno(0), netbsd.Sigset(0)})
			p.TimerSettime(hup, Itimerval{time.Second, 1})
			v, _ := p.TimerGettime(hup)
			w.is("a tick", v.Interval, timerTick)
			p.TimerSettime(hup, Itimerval{time.Second, 0})
			w.locked(func() { timers = append(timers, p.posixTimer(hup)) })
			gen := timers[0].gen
			p.TimerSettime(hup, Itimerval{time.Hour, 0})
			timers[0].fire(gen) // it was about to
			w.is("set anew", hups, 1)
			for _, id := range []int{-1, 0, 3, 1 << 20, 1<<20 + 1, 1<<32 + hup, 99} {
				_, e1 := p.TimerGettime(id)
				_, e2 := p.TimerSettime(id, Itimerval{})
				_, e3 := p.TimerOverrun(id)
				w.is("none", []netbsd.Errno{e1, e2, e3, p.TimerDelete(id)}, []netbsd.Errno{netbsd.EINVAL, netbsd.EINVAL, netbsd.EINVAL, netbsd.EINVAL})
			}
			_, errno = p.TimerCreate(netbsd.CLOCK_REALTIME, &netbsd.Siginfo{Signo: netbsd.NSIG})
			w.is("no signal", errno, netbsd.EINVAL)
			l.Setitimer(netbsd.ITIMER_REAL, Itimerval{time.Hour, time.Hour})
			real = p.ext.itimers[netbsd.ITIMER_REAL]
		})
		w.is("ended with the process", []any{real.dead, timers[0].t == nil}, []any{true, true})
	})
}

// nanosleep(2) that is interrupted tells what is left, and one whose time is up has nothing left; a sleep that another has woken is not ended by its
// time any more.
func TestNanosleepTellsTheRest(t *testing.T) {
	both(t, func(w *world) {
		w.guest(func(l *LWP) {
			pid := l.Proc().Pid()
			for _, flags := range []int32{0, netbsd.SA_RESTART} {
				l.Sigaction(netbsd.SIGUSR1, &Action{Flags: flags, Func: func(*LWP, *netbsd.Siginfo) {}})
				w.fork(l, "K", func(l *LWP) { nap(l, time.Second); l.Kill(pid, netbsd.SIGUSR1) })
				left, errno := l.Nanosleep(5 * time.Second)
				w.is("interrupted", []any{left, errno}, []any{4 * time.Second, netbsd.EINTR})
			}
			for _, d := range []time.Duration{time.Second, 0, -1} {
				left, errno := l.Nanosleep(d)
				w.is("slept", []any{left, errno}, []any{time.Duration(0), netbsd.Errno(0)})
			}
			w.is("over", l.Sleep(true, time.Now()), netbsd.EWOULDBLOCK)
			var in *LWP
			_, errno := l.Fork(ForkArgs{Body: exit(0), Prepare: func(cl *LWP) netbsd.Errno { in = l; return 0 }})
			w.is("fork", []any{errno, in == l}, []any{netbsd.Errno(0), true})
		})
		var dead *LWP
		w.guest(func(l *LWP) { dead = l })
		left, errno := dead.Nanosleep(time.Second)
		w.is("of a dead one", []any{left, errno}, []any{time.Second, netbsd.ESRCH})
		dead.Wake()
	})
}

// A stop cancels a continuation that is pending, and SIGCONT the stops (kpsignal2), for the process and for its LWPs; both act on the whole process,
// whomever they are sent to.
func TestStopsAndContinuationsCancelEachOther(t *testing.T) {
	both(t, func(w *world) {
		w.guest(func(l *LWP) {
			c := w.fork(l, "C", func(l *LWP) {
				for _, s := range []netbsd.Signal{netbsd.SIGTSTP, netbsd.SIGTTIN, netbsd.SIGCONT} {
					w.handle(l, s, func(*LWP, *netbsd.Siginfo) {})
				}
				m := netbsd.SigsetOf(netbsd.SIGTSTP, netbsd.SIGTTIN, netbsd.SIGCONT, netbsd.SIGUSR1)
				l.Sigprocmask(netbsd.SIG_SETMASK, &m)
				pend := func(what string, want ...netbsd.Signal) {
					w.Helper()
					w.is(what, l.Sigpending(), netbsd.SigsetOf(want...))
				}
				pid := l.Proc().Pid()
				l.Kill(pid, netbsd.SIGUSR1)
				l.Kill(pid, netbsd.SIGTSTP)
				l.LWPKill(l.ID(), netbsd.SIGTTIN)
				pend("stops", netbsd.SIGUSR1, netbsd.SIGTSTP, netbsd.SIGTTIN)
				l.LWPKill(l.ID(), netbsd.SIGCONT)
				pend("SIGCONT instead", netbsd.SIGUSR1, netbsd.SIGCONT)
				w.locked(func() { w.is("of the process", l.p.pend.set.Has(netbsd.SIGCONT), true) })
				l.Kill(pid, netbsd.SIGUSR1)
				pend("no other instead", netbsd.SIGUSR1, netbsd.SIGCONT)
				l.Kill(pid, netbsd.SIGTSTP)
				pend("a stop instead", netbsd.SIGUSR1, netbsd.SIGTSTP)
				sleepForever(l)
			})
			nap(l, time.Second)
			c.LWPs()[0].signalLWP(&netbsd.Siginfo{Signo: netbsd.SIGSTOP})
			nap(l, time.Second)
			w.is("the whole process", c.Stopped(), true)
			l.Kill(c.Pid(), netbsd.SIGKILL)
			r := w.wait(l, c.Pid(), 0)
			w.is("status", r.Status, netbsd.ExitStatus(0, netbsd.SIGKILL))
		})
	})
}

// wait6(2): by group and session, the caller's own group for an id of 0 with P_PID and P_PGID alone, by users and groups, and nobody for a type that there is not.
func TestWait6Selects(t *testing.T) {
	both(t, func(w *world) {
		if w.r2003 {
			return
		}
		w.guest(func(l *LWP) {
			kids := map[string]*Proc{}
			kid := func(name string, body func(l *LWP)) {
				kids[name] = w.fork(l, name, func(l *LWP) { body(l); l.Exit(0) })
			}
			kid("own", func(*LWP) {})
			kid("apart", func(l *LWP) { l.Setpgid(0, 0) })
			kid("session", func(l *LWP) { l.Setsid() })
			kid("user", func(l *LWP) { l.Setgid(8); l.Setuid(7) })
			nap(l, time.Second)
			for _, c := range []struct {
				idtype, id int
				want       string
			}{
				{netbsd.P_PID, 0, "user own"}, {netbsd.P_PGID, 0, "user own"}, {netbsd.P_PGID, kids["apart"].Pid(), "apart"},
				{netbsd.P_PGID, kids["own"].Pid(), ""}, {netbsd.P_SID, kids["session"].Pid(), "session"}, {netbsd.P_SID, l.p.Sid(), "user apart own"},
				{netbsd.P_PID, kids["session"].Pid(), "session"}, {netbsd.P_UID, 7, "user"}, {netbsd.P_UID, 0, "session apart own"}, {netbsd.P_GID, 8, "user"},
				{netbsd.P_GID, 0, "session apart own"}, {netbsd.P_ALL, 0, "user session apart own"}, {99, 0, ""}, {netbsd.P_SID, 0, ""}, {netbsd.P_PID, 9999, ""},
			} {
				got := ""
				for _, name := range []string{"user", "session", "apart", "own"} {
					p := kids[name]
					pid, errno := l.Wait6(c.idtype, c.id, netbsd.WEXITED|netbsd.WNOWAIT|netbsd.WNOHANG, nil)
					if errno != 0 && c.want != "" || errno == 0 && c.want == "" {
						w.Errorf("%d, %d: %v", c.idtype, c.id, errno)
					}
					w.locked(func() {
						s := selector{by: c.idtype, id: c.id}
						if c.id == 0 && (c.idtype == netbsd.P_PID || c.idtype == netbsd.P_PGID) {
							s = selector{netbsd.P_PGID, int(l.p.pgrp.id)}
						}
						if s.matches(p) {
							if got != "" {
								got += " "
							}
							got += name
						}
					})
					if errno == 0 && pid == 0 {
						w.Errorf("%d, %d: nobody", c.idtype, c.id)
					}
				}
				w.is("matches", got, c.want)
			}
		})
	})
}
