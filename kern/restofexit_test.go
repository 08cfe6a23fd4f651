package kern

import (
	"context"
	"strings"
	"testing"
	"time"

	"toaster/netbsd"
)

// The places of a machine's LWPs are free before anybody can see their end, so that whoever waits may count on them (Config.MaxLWPs).
func TestPlacesAreFreeBeforeTheEndIsSeen(t *testing.T) {
	var m *Machine
	at := map[Step]int{}
	bothWith(t, func(w *world, c *Config) {
		c.Trace = func(e StepEvent) {
			if m != nil && (e.Step == StepNoteExit || e.Step == StepLWPZombie) {
				at[e.Step] = m.lwps
			}
		}
	}, func(w *world) {
		m = w.m
		w.guest(func(l *LWP) {
			nap(l, time.Second)
			var before int
			w.locked(func() { before = m.lwps })
			c := w.fork(l, "C", exit(0))
			w.wait(l, c.Pid(), 0)
			w.locked(func() { w.is("at NOTE_EXIT", at[StepNoteExit], before) })
			n, _ := l.NewLWP(0, func(*LWP) {}, false, nil)
			l.LWPWait(n.ID())
			w.locked(func() { w.is("of an LWP", at[StepLWPZombie], before) })
		})
		m = nil
	})
}

// doexithooks takes no hook once the exit has begun, nor does a deferred function of the body add one; SA_NOCLDWAIT wakes init (exit1, wakeinit); a zombie
// that was a subreaper is none.
func TestExitHooksAndHeirs(t *testing.T) {
	both(t, func(w *world) {
		w.guest(func(l *LWP) {
			p := l.Proc()
			defer func() { w.is("in a deferred function", p.OnExit(func(*Proc) { w.mark("hook") }), netbsd.ESRCH) }()
			l.Sigaction(netbsd.SIGCHLD, &Action{Flags: netbsd.SA_NOCLDWAIT})
			c := w.fork(l, "C", exit(0))
			nap(l, time.Second)
			w.is("init has it", c.State(), StateFree)
			if !w.r2003 {
				w.order("C.NoCldWait", "C.WakeParent", "C.WakeInit")
			}
			l.Sigaction(netbsd.SIGCHLD, &Action{})
			z := w.fork(l, "Z", func(l *LWP) { l.Proc().SetSubreaper(true) })
			nap(l, time.Second)
			w.is("a zombie", []any{z.State(), z.ReapStatus().Reaper}, []any{StateZombie, 1})
			_, ok := z.Status()
			w.is("its status is known", ok, true)
			_, ok = p.Status()
			w.is("not that of the living", ok, false)
			w.wait(l, z.Pid(), 0)
			_, ok = z.Status()
			w.is("and still is", ok, true)
			l.Exit(0)
		})
		w.never("hook")
	})
}

// An LWP that ends instead of taking a signal of its process leaves it to another that does not block it (lwp_exit, sigchecktrace's LW_PENDSIG).
func TestSignalThatAnEndingLWPLeaves(t *testing.T) {
	both(t, func(w *world) {
		w.guest(func(l *LWP) {
			c := w.fork(l, "C", func(l *LWP) {
				taker := l.ID()
				w.handle(l, netbsd.SIGUSR1, func(l *LWP, _ *netbsd.Siginfo) { w.mark("taken %t %v", l.ID() == taker, w.since()) })
				l.NewLWP(0, func(l *LWP) {
					m := netbsd.SIGUSR1.Bit()
					l.Sigprocmask(netbsd.SIG_SETMASK, &m)
					sleepForever(l)
				}, false, nil)
				nap(l, time.Second/10)
				l.NewLWP(0, func(l *LWP) { time.Sleep(time.Second); l.ExitLWP() }, true, nil)
				l.Nanosleep(5 * time.Second)
			})
			nap(l, time.Second/2)
			l.Kill(c.Pid(), netbsd.SIGUSR1)
			w.wait(l, c.Pid(), 0)
		})
		w.order("taken true 1.1s")
	})
}

// An address space is measured once in an exit, be there accounting or not, and wait6 tells own and descendants' usage apart.
func TestUsageIsMeasuredOnce(t *testing.T) {
	both(t, func(w *world) {
		var recorded time.Duration
		w.m.SetAcct(func(r AcctRecord) error { recorded = r.Utime; return nil })
		w.guest(func(l *LWP) {
			vm := &fakeVM{usage: func() netbsd.Rusage { return netbsd.Rusage{Utime: time.Second} }}
			c := w.fork(l, "C", func(l *LWP) {
				g := w.fork(l, "G", func(l *LWP) { l.Proc().AddUsage(&netbsd.Rusage{Utime: 5 * time.Second}) })
				w.wait(l, g.Pid(), 0)
				w.give(l.Proc(), nil, nil, vm)
				u, _ := l.Rusage(netbsd.RUSAGE_SELF)
				w.is("so far", u.Utime, time.Second)
			})
			if w.r2003 {
				r := w.wait(l, c.Pid(), 0)
				w.is("with its descendants", []any{r.Rusage.Utime, recorded}, []any{6 * time.Second, time.Second})
				return
			}
			var self, children netbsd.Rusage
			_, errno := l.Wait6(netbsd.P_PID, c.Pid(), netbsd.WEXITED, &WaitOut{Wrusage: func(s, c *netbsd.Rusage) netbsd.Errno { self, children = *s, *c; return 0 }})
			w.is("wait6", []any{errno, self.Utime, children.Utime, recorded}, []any{netbsd.Errno(0), 6 * time.Second, 5 * time.Second, time.Second})
			u, _ := c.Rusage(netbsd.RUSAGE_SELF)
			w.is("of who has gone", u.Utime, time.Second)
		})
	})
}

// execsigs: what was ignored still is, whichever signal it is, but for SIGCHLD; caught ones have their default action; profil(2) ends.
func TestExecKeepsWhatIsIgnored(t *testing.T) {
	both(t, func(w *world) {
		w.guest(func(l *LWP) {
			last := netbsd.Signal(netbsd.NSIG - 1)
			for _, s := range []netbsd.Signal{netbsd.SIGHUP, netbsd.SIGUSR2, netbsd.SIGCHLD, netbsd.SIGCONT, last} {
				l.Sigaction(s, &Action{Handler: netbsd.SIG_IGN})
			}
			l.Sigaction(netbsd.SIGUSR1, &Action{Func: func(*LWP, *netbsd.Siginfo) {}})
			l.Proc().Profil(Profile{Size: 8, Scale: 1})
			l.Exec(ExecArgs{Comm: "x"})
			for s, want := range map[netbsd.Signal]uint64{netbsd.SIGHUP: netbsd.SIG_IGN, netbsd.SIGUSR2: netbsd.SIG_IGN, netbsd.SIGCHLD: netbsd.SIG_DFL,
				netbsd.SIGCONT: netbsd.SIG_IGN, last: netbsd.SIG_IGN, netbsd.SIGUSR1: netbsd.SIG_DFL} {
				a := l.Proc().Action(s)
				w.is(s.String(), []any{a.Handler, a.Func == nil}, []any{want, true})
			}
			i, _ := l.Proc().Info()
			w.is("sets", []any{i.Caught, i.Ignored &^ defaultActs.ignore, i.Flags & netbsd.P_PROFIL}, []any{netbsd.Sigset(0), netbsd.SigsetOf(netbsd.SIGHUP, netbsd.SIGUSR2, last), uint32(0)})
		})
	})
}

// A handle with killOnClose kills by its first Close, and by no other.
func TestHandleKillsOnce(t *testing.T) {
	both(t, func(w *world) {
		for _, kill := range []bool{true, false} {
			p := w.spawn("P", func(l *LWP) {
				w.catch(l, "P", netbsd.SIGTERM)
				sleepForever(l)
			})
			settled()
			h := p.Handle(kill)
			w.is("before", h.Signal(0), netbsd.Errno(0))
			h.Close()
			settled()
			w.is("after", []any{p.State() != StateActive, h.Signal(0)}, []any{kill, netbsd.EBADF})
			h.Close()
			p.Kill(netbsd.SIGKILL)
			p.Wait()
		}
	})
}

// A reader of events that waits is told of the next one, and of the end.
func TestEventsAreWaitedFor(t *testing.T) {
	bothWith(t, func(_ *world, c *Config) { c.Events = 10 }, func(w *world) {
		r := w.m.Events()
		got := make(chan Event)
		go func() {
			e, _ := r.Next(context.Background())
			got <- e
		}()
		settled()
		p := w.spawn("P", exit(0))
		e := <-got
		w.is("event", []any{e.Kind, int(e.Pid)}, []any{EventFork, p.Pid()})
		p.Wait()
	})
}

// Release 2003's scheduler activations (sa_putcachelwp, sa_yield): EINVAL of a process without; an LWP that goes into the cache while its process
// stops is the last one that had to.
func TestActivationsOfNobody(t *testing.T) {
	both(t, func(w *world) {
		w.guest(func(l *LWP) {
			w.is("none", []netbsd.Errno{l.saCache(), l.saYieldUpcall()}, []netbsd.Errno{netbsd.EINVAL, netbsd.EINVAL})
			l.Proc().SetNice(19) // has extra state now
			w.is("none", []netbsd.Errno{l.saCache(), l.saYieldUpcall()}, []netbsd.Errno{netbsd.EINVAL, netbsd.EINVAL})
			if !w.r2003 {
				w.is("enable", l.saEnable(), netbsd.ENOSYS)
				return
			}
			c := w.fork(l, "C", func(l *LWP) {
				w.is("enable", l.saEnable(), netbsd.Errno(0))
				w.is("again", l.saEnable(), netbsd.EBUSY)
				var cached *LWP
				cached, _ = l.NewLWP(0, func(l *LWP) { time.Sleep(2 * time.Second); l.saCache() }, true, nil)
				l.NewLWP(0, sleepForever, false, nil) // it takes the stop
				l.Nanosleep(5 * time.Second)
				w.is("it waits in the cache", []any{l.LWPContinue(cached.ID()), cached.State()}, []any{netbsd.Errno(0), LWPSuspended})
				w.give(l.Proc(), func() { w.is("exiting", l.saCache(), netbsd.EINVAL) }, nil, nil)
				l.Exit(0)
			})
			nap(l, time.Second)
			l.Kill(c.Pid(), netbsd.SIGSTOP)
			nap(l, time.Second/2)
			w.is("one runs", c.Stopped(), false)
			nap(l, time.Second)
			w.is("it has gone into the cache", c.Stopped(), true)
			l.Kill(c.Pid(), netbsd.SIGCONT)
			w.waitIs(l, c.Pid(), 0, c.Pid(), 0, 0)
		})
	})
}

// What is lent is taken back with what has become of it, is asked of nobody who exits, and is not lent while something is pending.
func TestLentIsTakenBack(t *testing.T) {
	both(t, func(w *world) {
		w.spawnWith("P", SpawnArgs{Manual: true, Body: func(l *LWP) {
			pl, p := l.Platform(), l.Proc()
			f := &fakeLent{}
			m := netbsd.SIGUSR1.Bit()
			l.Sigprocmask(netbsd.SIG_SETMASK, &m)
			l.Kill(p.Pid(), netbsd.SIGUSR1)
			pl.UserRet(nil)
			pl.SetLent(f)
			_, ok := pl.PublishMask()
			w.is("something is pending", ok, false)
			l.Sigtimedwait(m, time.Now())
			pl.UserRet(nil)
			mask, ok := pl.PublishMask()
			w.is("nothing is", []any{mask, ok}, []any{m, true})
			w.is("actions", pl.PublishActions(func(netbsd.Signal, *Action) {}), true)
			change := func() { f.changed = map[netbsd.Signal]*Action{netbsd.SIGHUP: {Handler: netbsd.SIG_IGN}} }
			change()
			pl.RevokeActions()
			w.is("taken back", []any{p.Action(netbsd.SIGHUP).Handler, f.changed == nil}, []any{uint64(netbsd.SIG_IGN), true})
			change()
			w.is("asked no more", []any{p.Action(netbsd.SIGUSR2).Handler, f.changed == nil}, []any{uint64(netbsd.SIG_DFL), false})
			pl.PublishActions(func(netbsd.Signal, *Action) {})
			w.give(p, func() {
				change()
				p.Action(netbsd.SIGHUP)
				w.is("nor of who exits", f.changed == nil, false)
			}, nil, nil)
		}}).Wait()
	})
}

// Close returns when the goroutine of init, too, has ended.
func TestCloseWaitsForInit(t *testing.T) {
	bothWith(t, func(w *world, c *Config) {
		c.Init = func(l *LWP) {
			defer func() { time.Sleep(time.Second); w.mark("init has ended") }()
			ReapLoop(l)
		}
	}, func(w *world) {
		w.m.Close()
		w.order("init has ended")
	})
}

// SchedProtect takes 0 for a priority (sys__sched_protect).
func TestSchedProtectOfTheLowest(t *testing.T) {
	both(t, func(w *world) {
		w.guest(func(l *LWP) {
			for _, pri := range []int{0, -1} {
				was, errno := l.SchedProtect(pri)
				w.is("protect", []any{was, errno}, []any{0, netbsd.Errno(0)})
			}
			_, errno := l.SchedProtect(-1)
			w.is("ended", errno, netbsd.EINVAL)
			l.SetSched(0, 0, netbsd.SCHED_FIFO, 0)
			for _, pri := range []int{0, 0, -1, -1} {
				was, errno := l.SchedProtect(pri)
				w.is("protect", []any{was, errno}, []any{0, netbsd.Errno(0)})
			}
		})
	})
}

// Check finds an LWP that counts as asleep and is not, and a queue that has lost its member.
func TestCheckFindsLostSleepersAndReports(t *testing.T) {
	both(t, func(w *world) {
		w.guest(func(l *LWP) {
			n, _ := l.NewLWP(netbsd.LWP_SUSPENDED, func(*LWP) {}, false, nil)
			z := w.fork(l, "Z", exit(0))
			nap(l, time.Second)
			finds := func(what string, damage, undo func()) {
				w.Helper()
				w.locked(damage)
				errs := w.m.Check()
				w.locked(undo)
				found := false
				for _, err := range errs {
					found = found || strings.Contains(err.Error(), what)
				}
				w.is(what, found, true)
			}
			finds("is asleep and", func() { n.asleep = true }, func() { n.asleep = false })
			q := &l.p.waits.q[z.wkind-1][z.wclass]
			finds("has 0, should have 1", func() { *q = nil }, func() { *q = z })
			finds("queue 1, ", func() { *q = nil }, func() { *q = z })
			w.is("all is well", w.m.Check(), []error(nil))
		})
	})
}
