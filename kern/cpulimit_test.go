package kern

import (
	"fmt"
	"testing"
	"time"

	"toaster/netbsd"
)

// burn uses a second of processor time each second, half of it for itself, from half a second on.
func burn(l *LWP) {
	until := func(at time.Time) {
		for d := time.Until(at); d > 0; d = time.Until(at) {
			l.Nanosleep(d)
		}
	}
	for at := time.Now().Add(time.Second / 2); ; at = at.Add(time.Second) {
		until(at)
		l.Proc().AddUsage(&netbsd.Rusage{Utime: time.Second / 2, Stime: time.Second / 2})
	}
}

// sched_pstats of kern_synch.c: each second, SIGXCPU at the soft limit, which is raised by five seconds, and SIGKILL
// at the hard one. That is looked at only where the process is over its soft limit.
func TestCPULimit(t *testing.T) {
	both(t, func(w *world) {
		w.guest(func(l *LWP) {
			c := w.fork(l, "C", func(l *LWP) {
				w.handle(l, netbsd.SIGXCPU, func(l *LWP, si *netbsd.Siginfo) {
					r, _ := l.Proc().Rlimit(netbsd.RLIMIT_CPU)
					w.mark("SIGXCPU %v %d", w.since().Truncate(time.Second), r.Cur)
				})
				w.is("setrlimit", l.SetRlimit(netbsd.RLIMIT_CPU, Rlimit{2, 9}), netbsd.Errno(0))
				burn(l)
			})
			w.waitIs(l, c.Pid(), 0, c.Pid(), netbsd.ExitStatus(0, netbsd.SIGKILL), 0)
			w.mark("end %v", w.since().Truncate(time.Second))
			r, _ := l.Proc().Rlimit(netbsd.RLIMIT_CPU)
			w.is("the parent's", r, Rlimit{netbsd.RLIM_INFINITY, netbsd.RLIM_INFINITY})
		})
		w.order("SIGXCPU 2s 7", "SIGXCPU 7s 12", "end 12s")
	})
}

// A limit that is soft and hard at once kills. Who inherits it is killed when its parent has ended, too; and with the last
// one the looking ends.
func TestInheritedCPULimit(t *testing.T) {
	both(t, func(w *world) {
		var c *Proc
		w.guest(func(l *LWP) {
			l.SetRlimit(netbsd.RLIMIT_CPU, Rlimit{3, 3})
			c = w.fork(l, "C", burn)
		})
		w.is("status", c.Wait(), netbsd.ExitStatus(0, netbsd.SIGKILL))
		w.mark("end %v", w.since().Truncate(time.Second))
		time.Sleep(2 * time.Second)
		w.order("end 3s")
		w.locked(func() { w.is("it is looked at", w.m.watchesCPU, false) })
	})
}

// setrlimit(2): who is started with a limit is held to it as one that has set it itself, however long its making took.
func TestCPULimitOfASpawnedProcess(t *testing.T) {
	for _, slow := range []bool{false, true} {
		both(t, func(w *world) {
			limits := *DefaultLimits()
			limits[netbsd.RLIMIT_CPU] = Rlimit{2, 2}
			p := w.spawnWith("P", SpawnArgs{Limits: &limits, Body: burn, Prepare: func(*LWP) netbsd.Errno {
				if slow {
					time.Sleep(3 * time.Second) // nobody with a limit is seen meanwhile
				}
				return 0
			}})
			defer time.AfterFunc(time.Minute, func() { p.Kill(netbsd.SIGTERM) }).Stop()
			w.is("status", p.Wait(), netbsd.ExitStatus(0, netbsd.SIGKILL))
		})
	}
}

// The default of SIGXCPU is the end (signal(7)); it may be ignored, but for SIGKILL.
func TestCPULimitWithoutAHandler(t *testing.T) {
	both(t, func(w *world) {
		w.guest(func(l *LWP) {
			for _, ignore := range []bool{false, true} {
				c := w.fork(l, "C", func(l *LWP) {
					if ignore {
						l.Sigaction(netbsd.SIGXCPU, &Action{Handler: netbsd.SIG_IGN})
					}
					l.SetRlimit(netbsd.RLIMIT_CPU, Rlimit{1, 4})
					burn(l)
				})
				r := w.wait(l, c.Pid(), 0)
				w.mark("%v %v", r.Status.TermSignal(), w.since().Truncate(time.Second))
			}
		})
		w.order(fmt.Sprintf("%v 1s", netbsd.SIGXCPU), fmt.Sprintf("%v 7s", netbsd.SIGKILL))
	})
}

// dosetrlimit: what is used cannot be forbidden, what there is not cannot be had; EPERM comes first.
func TestLimitsOfLimits(t *testing.T) {
	both(t, func(w *world) {
		w.guest(func(l *LWP) {
			const page = netbsd.PageSize
			set := func(cur, max uint64) netbsd.Errno {
				return l.SetRlimitWithin(netbsd.RLIMIT_STACK, Rlimit{cur, max}, 2*page, 100*page)
			}
			is := func(what string, want Rlimit) {
				r, _ := l.Proc().Rlimit(netbsd.RLIMIT_STACK)
				w.is(what, r, want)
			}
			w.is("none", set(netbsd.RLIM_INFINITY, netbsd.RLIM_INFINITY), netbsd.Errno(0))
			is("none", Rlimit{100 * page, 100 * page})
			w.is("whole pages", set(7*page-1, 50*page), netbsd.Errno(0))
			is("whole pages", Rlimit{7 * page, 50 * page})
			w.is("of both", set(2*page-1, 50*page-1), netbsd.Errno(0)) // and what is used has whole pages, too
			is("of both", Rlimit{2 * page, 50 * page})
			w.is("as before", set(7*page, 50*page), netbsd.Errno(0))
			w.is("soft, too low", set(page, 50*page), netbsd.EINVAL)
			w.is("hard, too low", set(page, page), netbsd.EINVAL)
			l.Setuid(7)
			w.is("EPERM first", set(page, 51*page), netbsd.EPERM)
			is("nothing changed", Rlimit{7 * page, 50 * page})
			w.is("the same", l.SetRlimitWithin(netbsd.RLIMIT_STACK, Rlimit{7 * page, 50 * page}, 9*page, 9*page), netbsd.Errno(0))
		})
	})
}
