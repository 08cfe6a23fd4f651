package kern

import (
	"testing"
	"time"

	"toaster/netbsd"
)

// Items 70 to 78: wait4, and what release 10's wait6 adds.

func TestWait4_70_Pid0IsTheGroupOfTheMoment(t *testing.T) {
	both(t, func(w *world) {
		w.guest(func(l *LWP) {
			l.Setpgid(0, 0) // away from group 1
			g := w.fork(l, "G", sleepForever)
			l.Setpgid(g.Pid(), 0)
			c := w.fork(l, "in the old group", func(l *LWP) { l.Nanosleep(10 * time.Second) })
			l.NewLWP(0, func(l *LWP) {
				l.Nanosleep(time.Second)
				w.is("setpgid", l.Setpgid(0, g.Pid()), netbsd.Errno(0))
				w.fork(l, "in the new group", exit(0))
			}, false, nil)
			r := w.wait(l, 0, 0)
			w.is("found, when", []any{r.Pid, w.since()}, []any{c.Pid(), 10 * time.Second})
			r = w.wait(l, 0, 0) // a new wait sees the new group
			w.is("now", w.names[r.Pid], "in the new group")
			l.Kill(g.Pid(), netbsd.SIGKILL)
			w.waitIs(l, 0, 0, g.Pid(), netbsd.ExitStatus(0, netbsd.SIGKILL), 0)
			w.waitIs(l, 0, netbsd.WNOHANG, 0, 0, netbsd.ECHILD)
		})
	})
}

// In group 1 pid 0 becomes minus 1, which is WAIT_ANY (kern_exit.c 1.127, lines 663 and 720).
// NetBSD 10 has WAIT_MYPGRP apart (find_stopped_child).
func TestWait4_70_InGroup1Pid0IsAnyChildIn2003(t *testing.T) {
	both(t, func(w *world) {
		w.guest(func(l *LWP) {
			w.is("group", l.Proc().Pgid(), 1)
			c := w.fork(l, "C", func(l *LWP) { l.Setpgid(0, 0); l.Exit(3) })
			l.Nanosleep(time.Second)
			if !w.r2003 {
				w.waitIs(l, 0, 0, 0, 0, netbsd.ECHILD)
			}
			w.waitIs(l, under(w, 0, c.Pid()), 0, c.Pid(), netbsd.ExitStatus(3, 0), 0)
		})
	})
}

func TestWait4_71_UnknownOptionsAreEinvalBeforeAnyScan(t *testing.T) {
	both(t, func(w *world) {
		w.guest(func(l *LWP) {
			known := under(w, netbsd.WUNTRACED|netbsd.WNOHANG|netbsd.WALTSIG|netbsd.WALLSIG, 0x3007f)
			for bit := range 31 {
				o := 1 << bit
				_, errno := l.Wait4(netbsd.WaitAny, o, nil) // without children: a scan would say ECHILD
				want := netbsd.ECHILD
				if o&^known != 0 {
					want = netbsd.EINVAL
				}
				w.is("errno", errno, want)
			}
			_, errno := l.Wait4(netbsd.WaitAny, -1<<31, nil)
			w.is("sign bit", errno, netbsd.EINVAL)
			c := w.fork(l, "C", exit(3))
			l.Nanosleep(time.Second)
			_, errno = l.Wait4(c.Pid(), 1<<20, nil)
			w.is("with a zombie", []any{errno, c.State()}, []any{netbsd.EINVAL, StateZombie})
			if w.r2003 {
				_, errno := l.Wait6(netbsd.P_ALL, 0, netbsd.WEXITED, nil)
				w.is("wait6 in 2003", errno, netbsd.ENOSYS)
				return
			}
			for _, o := range []int{0, netbsd.WNOHANG, netbsd.WNOWAIT, netbsd.WALLSIG, netbsd.WNOZOMBIE} {
				_, errno := l.Wait6(netbsd.P_ALL, 0, o, nil)
				w.is("wait6 without a selector", errno, netbsd.EINVAL)
			}
			_, errno = l.Wait6(netbsd.P_ALL, 0, netbsd.WTRAPPED|netbsd.WNOHANG, nil)
			w.is("wait6 without WEXITED sees no zombie", errno, netbsd.ECHILD)
			w.waitIs(l, c.Pid(), 0, c.Pid(), netbsd.ExitStatus(3, 0), 0) // wait4 adds WEXITED
			c = w.fork(l, "T", func(l *LWP) { l.TraceMe(); l.Kill(l.Proc().Pid(), netbsd.SIGUSR1) })
			w.waitIs(l, c.Pid(), 0, c.Pid(), netbsd.StopStatus(netbsd.SIGUSR1), 0) // and WTRAPPED
		})
	})
}

func TestWait4_72_WnohangLeavesAllUntouched(t *testing.T) {
	both(t, func(w *world) {
		w.guest(func(l *LWP) {
			c := w.fork(l, "C", sleepForever)
			touched := &WaitOut{
				Status: func(netbsd.WaitStatus) netbsd.Errno { w.Error("status written"); return 0 },
				Rusage: func(*netbsd.Rusage) netbsd.Errno { w.Error("rusage written"); return 0 },
			}
			pid, errno := l.Wait4(netbsd.WaitAny, netbsd.WNOHANG, touched)
			w.is("pid, errno", []any{pid, errno, w.since()}, []any{0, netbsd.Errno(0), time.Duration(0)})
			if !w.r2003 { // wait6 writes 0 as the status, and what match_process says of the child that it has looked at
				n := 0
				pid, errno := l.Wait6(netbsd.P_ALL, 0, netbsd.WEXITED|netbsd.WNOHANG, &WaitOut{
					Status: func(s netbsd.WaitStatus) netbsd.Errno { n++; w.is("status", s, netbsd.WaitStatus(0)); return 0 },
					Info: func(i *netbsd.Siginfo) netbsd.Errno {
						n++
						w.is("info", *i, netbsd.Siginfo{Signo: netbsd.SIGCHLD, Code: netbsd.CLD_EXITED, Pid: c.pid})
						return 0
					},
				})
				w.is("wait6", []any{pid, errno, n}, []any{0, netbsd.Errno(0), 2})
			}
		})
	})
}

// efault returns copy-outs that fail n times and count.
type copies struct {
	w              *world
	statusFails    int
	rusageFails    int
	status, rusage int
	last           netbsd.WaitStatus
}

func (c *copies) out() *WaitOut {
	return &WaitOut{
		Status: func(s netbsd.WaitStatus) netbsd.Errno {
			c.w.mark("status")
			c.status++
			if c.status <= c.statusFails {
				return netbsd.EFAULT
			}
			c.last = s
			return 0
		},
		Rusage: func(*netbsd.Rusage) netbsd.Errno {
			c.w.mark("rusage")
			c.rusage++
			if c.rusage <= c.rusageFails {
				return netbsd.EFAULT
			}
			return 0
		},
	}
}

func TestWait4_73_ReturnValueIsSetBeforeTheCopyouts(t *testing.T) {
	both(t, func(w *world) {
		w.guest(func(l *LWP) {
			for _, o := range []*copies{{w: w, statusFails: 1}, {w: w, rusageFails: 1}} {
				c := w.fork(l, "C", exit(1))
				pid, errno := l.Wait4(c.Pid(), 0, o.out())
				w.is("pid with EFAULT", []any{pid, errno}, []any{c.Pid(), netbsd.EFAULT})
			}
			if !w.r2003 {
				c := w.fork(l, "C", exit(1))
				pid, errno := l.Wait6(netbsd.P_PID, c.Pid(), netbsd.WEXITED, &WaitOut{Info: func(*netbsd.Siginfo) netbsd.Errno { return netbsd.EFAULT }})
				w.is("wait6", []any{pid, errno}, []any{c.Pid(), netbsd.EFAULT})
			}
		})
	})
}

func TestWait4_74_StatusThenRusageThenFree(t *testing.T) {
	both(t, func(w *world) {
		w.guest(func(l *LWP) {
			c := w.fork(l, "C", func(l *LWP) {
				g := w.fork(l, "G", func(l *LWP) { l.Proc().AddUsage(&netbsd.Rusage{Stime: 2 * time.Second}) })
				w.wait(l, g.Pid(), 0)
				l.Proc().AddUsage(&netbsd.Rusage{Stime: time.Second})
				l.Exit(8)
			})
			l.Nanosleep(time.Second)
			w.marks = nil
			var got netbsd.Rusage
			var status netbsd.WaitStatus
			pid, errno := l.Wait4(c.Pid(), 0, &WaitOut{
				Status: func(s netbsd.WaitStatus) netbsd.Errno {
					w.mark("status")
					w.is("state", c.State(), under(w, StateZombie, StateFree))
					status = s
					return 0
				},
				Rusage: func(u *netbsd.Rusage) netbsd.Errno { w.mark("rusage"); got = *u; return 0 },
			})
			w.is("result", []any{pid, errno, status, got.Stime}, []any{c.Pid(), netbsd.Errno(0), netbsd.ExitStatus(8, 0), 3 * time.Second})
			w.order(under(w, []string{"status", "rusage", "C.Reap", "C.FreePid"}, []string{"C.Reap", "C.FreePid", "status", "rusage"})...)
		})
	})
}

func TestWait4_75_EfaultOnStatusLeavesTheZombie(t *testing.T) {
	both(t, func(w *world) {
		w.guest(func(l *LWP) {
			c := w.fork(l, "C", exit(5))
			o := &copies{w: w, statusFails: 2}
			for range 2 {
				_, errno := l.Wait4(c.Pid(), 0, o.out())
				w.is("wait", errno, netbsd.EFAULT)
				if !w.r2003 { // the reap comes first: it is lost
					w.waitIs(l, c.Pid(), 0, 0, 0, netbsd.ECHILD)
					return
				}
				w.is("still there", []any{c.State(), w.kids(l.Proc())}, []any{StateZombie, "C"})
				w.is("children's usage", l.Proc().extra().cru, netbsd.Rusage{})
			}
			w.is("rusage is not reached", o.rusage, 0)
			pid, errno := l.Wait4(c.Pid(), 0, o.out())
			w.is("retry", []any{pid, errno, o.last}, []any{c.Pid(), netbsd.Errno(0), netbsd.ExitStatus(5, 0)})
			w.waitIs(l, c.Pid(), 0, 0, 0, netbsd.ECHILD)
		})
	})
	t.Run("two waiters", func(t *testing.T) {
		both(t, func(w *world) {
			if !w.r2003 {
				return
			}
			// While one copies out the other does not see the zombie; after EFAULT it does.
			w.guest(func(l *LWP) {
				c := w.fork(l, "C", exit(5))
				l.NewLWP(0, func(l *LWP) {
					_, errno := l.Wait4(c.Pid(), 0, &WaitOut{Status: func(netbsd.WaitStatus) netbsd.Errno {
						time.Sleep(10 * time.Second)
						return netbsd.EFAULT
					}})
					w.is("first", errno, netbsd.EFAULT)
				}, false, nil)
				l.Nanosleep(time.Second)
				w.waitIs(l, c.Pid(), netbsd.WNOHANG, 0, 0, 0)
				w.waitIs(l, c.Pid(), 0, c.Pid(), netbsd.ExitStatus(5, 0), 0)
				w.is("at", w.since(), 10*time.Second)
			})
		})
	})
}

func TestWait4_76_EfaultOnRusageAfterTheStatus(t *testing.T) {
	both(t, func(w *world) {
		w.guest(func(l *LWP) {
			c := w.fork(l, "C", exit(5))
			o := &copies{w: w, rusageFails: 1}
			pid, errno := l.Wait4(c.Pid(), 0, o.out())
			w.is("wait", []any{pid, errno}, []any{c.Pid(), netbsd.EFAULT})
			w.is("the status is written already", o.last, netbsd.ExitStatus(5, 0))
			w.is("child", c.State(), under(w, StateZombie, StateFree))
			if w.r2003 {
				pid, errno = l.Wait4(c.Pid(), 0, o.out())
				w.is("retry", []any{pid, errno}, []any{c.Pid(), netbsd.Errno(0)})
			}
			w.waitIs(l, c.Pid(), 0, 0, 0, netbsd.ECHILD)
		})
	})
}

func TestWait4_77_NullPointersAreSkipped(t *testing.T) {
	both(t, func(w *world) {
		w.guest(func(l *LWP) {
			n := 0
			for i, out := range []*WaitOut{
				nil, {},
				{Status: func(s netbsd.WaitStatus) netbsd.Errno { n++; w.is("status", s, netbsd.ExitStatus(2, 0)); return 0 }},
				{Rusage: func(*netbsd.Rusage) netbsd.Errno { n++; return 0 }},
			} {
				c := w.fork(l, "C", exit(i))
				pid, errno := l.Wait4(c.Pid(), 0, out)
				w.is("wait", []any{pid, errno, c.State()}, []any{c.Pid(), netbsd.Errno(0), StateFree})
			}
			w.is("called", n, 2)
			c := w.fork(l, "S", sleepForever)
			l.Kill(c.Pid(), netbsd.SIGSTOP)
			pid, errno := l.Wait4(c.Pid(), netbsd.WUNTRACED, nil)
			w.is("stop", []any{pid, errno}, []any{c.Pid(), netbsd.Errno(0)})
		})
	})
}

func TestWait4_78_StoppedChild(t *testing.T) {
	both(t, func(w *world) {
		w.guest(func(l *LWP) {
			c := w.fork(l, "C", sleepForever)
			for _, sig := range []netbsd.Signal{netbsd.SIGSTOP, netbsd.SIGTSTP} {
				l.Setpgid(c.Pid(), 0)
				l.Kill(c.Pid(), sig)
				o := &copies{w: w}
				pid, errno := l.Wait4(c.Pid(), netbsd.WUNTRACED, o.out())
				w.is("stop", []any{pid, errno, int(o.last)}, []any{c.Pid(), netbsd.Errno(0), int(sig)<<8 | 0x7f})
				// NetBSD 10's match_process fills it in for a stopped child, too.
				w.is("rusage is written", o.rusage, under(w, 0, 1))
				l.Kill(c.Pid(), netbsd.SIGCONT)
				if !w.r2003 {
					w.waitIs(l, c.Pid(), netbsd.WCONTINUED, c.Pid(), netbsd.ContinuedStatus, 0)
				}
			}
			l.Kill(c.Pid(), netbsd.SIGSTOP)
			l.Nanosleep(time.Second)
			o := &copies{w: w, statusFails: 1}
			_, errno := l.Wait4(c.Pid(), netbsd.WUNTRACED, o.out())
			w.is("EFAULT", errno, netbsd.EFAULT)
			w.waitIs(l, c.Pid(), netbsd.WUNTRACED|netbsd.WNOHANG, 0, 0, 0) // the report is lost
			w.is("stopped still", c.Stopped(), true)
		})
	})
}

// Section 2: what wait6 reports, and by which ids.
func TestWait6_IdTypesAndResults(t *testing.T) {
	both(t, func(w *world) {
		if w.r2003 {
			return
		}
		w.guest(func(l *LWP) {
			one := func(name string, idtype int, id func(*Proc) int, prepare func(*LWP)) {
				w.fork(l, "other", sleepForever)
				c := w.fork(l, name, func(l *LWP) {
					prepare(l)
					l.Proc().AddUsage(&netbsd.Rusage{Utime: 2500 * time.Millisecond})
					l.Exit(9)
				})
				l.Nanosleep(time.Second)
				var status netbsd.WaitStatus
				var self, kids netbsd.Rusage
				var info netbsd.Siginfo
				pid, errno := l.Wait6(idtype, id(c), netbsd.WEXITED|netbsd.WNOHANG, &WaitOut{
					Status:  func(s netbsd.WaitStatus) netbsd.Errno { status = s; return 0 },
					Wrusage: func(s, k *netbsd.Rusage) netbsd.Errno { self, kids = *s, *k; return 0 },
					Info:    func(i *netbsd.Siginfo) netbsd.Errno { info = *i; return 0 },
				})
				w.is(name, []any{pid, errno, status}, []any{c.Pid(), netbsd.Errno(0), netbsd.ExitStatus(9, 0)})
				w.is(name+" usage", []any{self.Utime, kids}, []any{2500 * time.Millisecond, netbsd.Rusage{}})
				w.is(name+" info", info, netbsd.Siginfo{Signo: netbsd.SIGCHLD, Code: netbsd.CLD_EXITED,
					Pid: int32(c.Pid()), UID: c.Cred().EUID, Status: 9, Utime: 2})
			}
			nothing := func(*LWP) {}
			one("P_ALL", netbsd.P_ALL, func(*Proc) int { return 12345 }, nothing)
			one("P_PID", netbsd.P_PID, (*Proc).Pid, nothing)
			one("P_PGID", netbsd.P_PGID, (*Proc).Pid, func(l *LWP) { l.Setpgid(0, 0) })
			one("P_SID", netbsd.P_SID, (*Proc).Pid, func(l *LWP) { l.Setsid() })
			one("P_UID", netbsd.P_UID, func(*Proc) int { return 5 }, func(l *LWP) { l.Seteuid(5) })
			one("P_GID", netbsd.P_GID, func(*Proc) int { return 6 }, func(l *LWP) { l.Setegid(6) })
			for _, idtype := range []int{netbsd.P_LWPID, netbsd.P_PPID, netbsd.P_CID, netbsd.P_TASKID, netbsd.P_PROJID, netbsd.P_POOLID, -1, 1 << 30} {
				pid, errno := l.Wait6(idtype, l.Proc().Pid(), netbsd.WEXITED|netbsd.WNOHANG, nil)
				w.is("an idtype that matches nobody", []any{pid, errno}, []any{0, netbsd.ECHILD})
			}
		})
	})
}

// wait6(2): stops, continuations and ends are asked for each on its own, and WNOWAIT leaves what it reports, zombies too.
func TestWait6_84_ContinuedAndNowait(t *testing.T) {
	both(t, func(w *world) {
		if w.r2003 {
			return
		}
		w.guest(func(l *LWP) {
			c := w.fork(l, "C", sleepForever)
			ask := func(options, want int) (i netbsd.Siginfo) {
				w.Helper()
				pid, errno := l.Wait6(netbsd.P_PID, c.Pid(), options|netbsd.WNOHANG, &WaitOut{Info: func(x *netbsd.Siginfo) netbsd.Errno { i = *x; return 0 }})
				w.is("errno", errno, netbsd.Errno(0))
				w.is("pid", pid, want)
				w.is("whom it tells of", int(i.Pid), c.Pid())
				return i
			}
			info := func(options int) netbsd.Siginfo { return ask(options, c.Pid()) }
			// match_process has not told stops and continuations from ends yet when it turns out that there is nothing to report.
			none := func(options int, last netbsd.Signal) {
				w.Helper()
				i := ask(options, 0)
				w.is("nothing", []int32{i.Code, i.Status}, []int32{netbsd.CLD_KILLED, int32(last)})
			}
			l.Kill(c.Pid(), netbsd.SIGSTOP)
			l.Nanosleep(time.Second)
			none(netbsd.WEXITED|netbsd.WCONTINUED|netbsd.WTRAPPED, netbsd.SIGSTOP)
			for range 2 {
				i := info(netbsd.WUNTRACED | netbsd.WNOWAIT)
				w.is("stopped", []int32{i.Code, i.Status}, []int32{netbsd.CLD_STOPPED, int32(netbsd.SIGSTOP)})
			}
			w.is("taken", info(netbsd.WUNTRACED).Code, int32(netbsd.CLD_STOPPED))
			none(netbsd.WUNTRACED, netbsd.SIGSTOP) // once
			l.Kill(c.Pid(), netbsd.SIGCONT)
			l.Nanosleep(time.Second)
			none(netbsd.WUNTRACED|netbsd.WEXITED, netbsd.SIGCONT)
			i := info(netbsd.WCONTINUED)
			w.is("continued", []int32{i.Code, i.Status}, []int32{netbsd.CLD_CONTINUED, int32(netbsd.SIGCONT)})
			none(netbsd.WCONTINUED, netbsd.SIGCONT) // once
			l.Kill(c.Pid(), netbsd.SIGKILL)
			l.Nanosleep(time.Second)
			for range 2 { // wait6(2), WNOWAIT: the child can be waited for again
				w.is("not reaped", info(netbsd.WEXITED|netbsd.WNOWAIT).Code, int32(netbsd.CLD_KILLED))
				w.is("zombie", c.State(), StateZombie)
			}
			w.is("reaped", info(netbsd.WEXITED).Code, int32(netbsd.CLD_KILLED))
		})
	})
}
