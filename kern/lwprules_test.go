package kern

import (
	"sync/atomic"
	"testing"
	"time"

	"toaster/netbsd"
)

// lwp_wait (kern_lwp.c): EDEADLK where the waits go in a circle, or nobody is left who does not wait; whoever has waited once waits no
// more.
func TestLWPWaitDeadlocks(t *testing.T) {
	type lwp struct {
		waiting int32 // for whom, -1 for anybody, 0 for nobody
		noExt   bool
		stat    LWPState
	}
	for _, c := range []struct {
		name string
		lwps []lwp // numbered from 1; the first one asks
		want bool
	}{
		{"the other runs", []lwp{{waiting: 2}, {}}, false},
		{"the other runs, and has nothing to wait with", []lwp{{waiting: 2}, {noExt: true}}, false},
		{"the other sleeps", []lwp{{waiting: 2}, {stat: LWPSleeping}}, false},
		{"for each other", []lwp{{waiting: 2}, {waiting: 1}, {}}, true},
		{"in a circle of three", []lwp{{waiting: 2}, {waiting: 3}, {waiting: 1}, {}}, true},
		{"at the end of a line", []lwp{{waiting: 2}, {waiting: 3}, {}}, false},
		{"beside a circle", []lwp{{waiting: 2}, {waiting: 3}, {waiting: 2}, {}}, false},
		{"for one who has gone", []lwp{{waiting: 2}, {waiting: 9}, {}}, false},
		{"all for anybody", []lwp{{waiting: -1}, {waiting: -1}}, true},
		{"for one who waits for anybody", []lwp{{waiting: 2}, {waiting: -1}}, true},
		{"for anybody, and one runs", []lwp{{waiting: -1}, {waiting: -1}, {noExt: true}}, false},
		{"for anybody, and one has waited", []lwp{{waiting: -1}, {waiting: -1}, {}}, false},
		{"for anybody, and one is dead", []lwp{{waiting: -1}, {stat: LWPDead, noExt: true}}, false},
		{"for anybody, and one is a zombie", []lwp{{waiting: -1}, {stat: LWPZombie, noExt: true}}, false}, // p_nlwps has it
	} {
		p := new(Proc)
		var all []*LWP
		for i, x := range c.lwps {
			l := &LWP{p: p, lid: int32(i + 1), stat: max(x.stat, LWPRunning)}
			if !x.noExt {
				l.extra().waiting = x.waiting
			}
			l.link()
			all = append(all, l)
		}
		if got := all[0].waitDeadlock(); got != c.want {
			t.Errorf("%s: %t", c.name, got)
		}
	}
	both(t, func(w *world) {
		w.guest(func(l *LWP) {
			n, _ := l.NewLWP(0, func(l *LWP) { nap(l, 2*time.Second) }, false, nil)
			for _, lid := range []int{0, n.ID()} {
				l.NewLWP(netbsd.LWP_DETACHED, func(o *LWP) {
					nap(o, time.Second/2)
					o.LWPWakeup(l.ID())
					nap(o, time.Second/4)
				}, false, nil)
				_, errno := l.LWPWait(lid)
				w.is("woken", errno, netbsd.EINTR)
				w.is("waits no more", l.ext.waiting, int32(0))
			}
			nap(l, 3*time.Second)
			z, errno := l.LWPWait(0)
			w.is("reaped", []any{z, errno, l.ext.waiting}, []any{n.ID(), netbsd.Errno(0), int32(0)})
		})
	})
}

// _lwp_suspend(2): the caller itself, if another runs, sleeps or wakes by itself; EDEADLK if nobody could continue it. A sleeper that is
// not interruptible sleeps to its end first, and one that is continued before it stands does not hold up the caller.
func TestLWPSuspendRules(t *testing.T) {
	both(t, func(w *world) {
		w.guest(func(l *LWP) {
			w.is("alone", l.LWPSuspend(l.ID()), netbsd.EDEADLK)
			for _, sleeps := range []bool{true, false} {
				n, _ := l.NewLWP(0, func(o *LWP) {
					if sleeps {
						nap(o, time.Second)
					} else {
						time.Sleep(time.Second)
					}
					o.LWPContinue(l.ID())
				}, false, nil)
				begin := w.since()
				w.is("another could continue it", l.LWPSuspend(l.ID()), netbsd.Errno(0))
				w.is("it stood", w.since()-begin, time.Second)
				l.LWPWait(n.ID())
			}
			s, _ := l.NewLWP(netbsd.LWP_SUSPENDED, func(*LWP) { w.mark("runs") }, false, nil)
			w.is("the other is suspended", l.LWPSuspend(l.ID()), netbsd.EDEADLK)
			nap(l, time.Second)
			w.never("runs")
			w.is("state", []any{s.State(), l.Proc().LWPInfos()[0].Suspended}, []any{LWPSuspended, true})
			l.LWPContinue(s.ID())
			l.LWPWait(s.ID())
			w.order("runs")

			end := w.since() + 5*time.Second
			n, _ := l.NewLWP(0, func(o *LWP) {
				w.is("uninterruptible", []any{o.Sleep(false, w.start.Add(end)), w.since()}, []any{netbsd.EWOULDBLOCK, end})
			}, false, nil)
			nap(l, time.Second)
			w.is("suspend", []any{l.LWPSuspend(n.ID()), w.since(), n.State()}, []any{netbsd.Errno(0), end, LWPSuspended})
			l.LWPContinue(n.ID())
			l.LWPWait(n.ID())

			busy, _ := l.NewLWP(0, func(*LWP) { time.Sleep(time.Hour) }, true, nil)
			l.NewLWP(netbsd.LWP_DETACHED, func(o *LWP) { nap(o, time.Second); o.LWPContinue(busy.ID()) }, false, nil)
			begin := w.since()
			w.is("continued before it stood", []any{l.LWPSuspend(busy.ID()), w.since() - begin}, []any{netbsd.Errno(0), time.Second})
			l.Exit(0)
		})
	})
}

// ___lwp_park60(2): an unpark that comes while nobody is parked is remembered, whatever sleep the LWP is in; a wakeup of another kind is
// none; EPERM is no error of it; _lwp_wakeup(2) of one that does not sleep is EALREADY once.
func TestParkRules(t *testing.T) {
	both(t, func(w *world) {
		w.guest(func(l *LWP) {
			soon := func() time.Time { return time.Now().Add(time.Second) }
			n, _ := l.NewLWP(0, func(o *LWP) {
				w.is("nobody comes", o.Park(soon(), 0), netbsd.ETIMEDOUT)
				end := w.since() + 4*time.Second
				w.is("another sleep", []any{o.Sleep(false, w.start.Add(end)), w.since()}, []any{netbsd.EWOULDBLOCK, end})
				w.is("it was remembered", o.Park(soon(), 0), netbsd.EALREADY)
				w.is("once", o.Park(soon(), 0), netbsd.ETIMEDOUT)
				o.Wake()
				w.is("a token is none", o.Park(soon(), 0), netbsd.ETIMEDOUT)
				w.is("no LWP", o.Park(soon(), 9999), netbsd.ESRCH)
				w.is("itself", o.Park(soon(), o.ID()), netbsd.EALREADY)
				w.is("a wakeup of one that runs", o.LWPWakeup(o.ID()), netbsd.ENODEV)
				w.is("is remembered", o.Park(soon(), 0), netbsd.EALREADY)
				w.is("once", o.Park(soon(), 0), netbsd.ETIMEDOUT)
				w.is("and ends no other sleep", o.Sleep(true, soon()), netbsd.EWOULDBLOCK)
				o.LWPWakeup(o.ID())
				w.is("it ends the next sleep", o.Sleep(true, soon()), netbsd.EINTR)
				w.is("and that one alone", o.Sleep(true, soon()), netbsd.EWOULDBLOCK)
				w.is("what unparked it is still known", o.Park(soon(), 0), netbsd.EALREADY)
			}, false, nil)
			nap(l, 3*time.Second)
			w.is("unpark", l.Unpark(n.ID()), netbsd.Errno(0))
			w.is("uninterruptible", l.LWPWakeup(n.ID()), netbsd.EBUSY)
			l.LWPWait(n.ID())
			w.mark("all")
		})
	})
}

// _lwp_wait(2): two that wait for each other, and all that wait for anybody, are told; they wait no more then.
func TestLWPsThatWaitForEachOther(t *testing.T) {
	both(t, func(w *world) {
		w.guest(func(l *LWP) {
			for _, lid := range []int{l.ID(), 0} {
				n, _ := l.NewLWP(0, func(o *LWP) {
					nap(o, time.Second)
					_, errno := o.LWPWait(lid)
					w.is("the second", []any{errno, o.ext.waiting}, []any{netbsd.EDEADLK, int32(0)})
				}, false, nil)
				first := n.ID()
				if lid == 0 {
					first = 0
				}
				got, errno := l.LWPWait(first)
				w.is("the first", []any{got, errno}, []any{n.ID(), netbsd.Errno(0)})
			}
			_, errno := l.LWPWait(l.ID())
			w.is("itself", errno, netbsd.EDEADLK)
			_, errno = l.LWPWait(0)
			w.is("nobody", errno, netbsd.ESRCH)
			w.mark("all")
		})
		w.order("all")
	})
}

// lateKtrace has the LWP late come back from each sleep a second after it was woken.
type lateKtrace struct {
	fakeKtrace
	late *LWP
}

func (k *lateKtrace) Switch(l *LWP, out bool) {
	if l == k.late && !out {
		time.Sleep(time.Second)
	}
}

// lwp_wait of kern_lwp.c: an LWP whose wait fails wakes all others that wait (cv_broadcast). Another one had left a zombie to it, because it
// waited for that one by name, and reaps the zombie now.
func TestLWPWaitThatIsInterruptedLeavesItsLWPToOthers(t *testing.T) {
	both(t, func(w *world) {
		w.guest(func(l *LWP) {
			w.handle(l, netbsd.SIGUSR1, func(*LWP, *netbsd.Siginfo) {})
			z, _ := l.NewLWP(0, func(o *LWP) { nap(o, 2*time.Second) }, false, nil)
			a, _ := l.NewLWP(netbsd.LWP_DETACHED, func(o *LWP) {
				w.is("ktrace", o.Proc().SetKtrace(&lateKtrace{fakeKtrace: fakeKtrace{w: w}, late: o}), netbsd.Errno(0))
				_, errno := o.LWPWait(z.ID())
				w.is("by name", errno, netbsd.Errno(netbsd.ERESTART))
				w.mark("interrupted %v", w.since())
				sleepForever(o)
			}, false, nil)
			l.NewLWP(netbsd.LWP_DETACHED, func(o *LWP) {
				nap(o, 1500*time.Millisecond)
				o.LWPKill(a.ID(), netbsd.SIGUSR1) // a comes by when z has ended
			}, true, nil)
			got, errno := l.LWPWait(0)
			w.is("any", []any{got, errno}, []any{z.ID(), netbsd.Errno(0)})
			w.mark("taken %v", w.since())
			nap(l, time.Second)
			l.Exit(0)
		})
		w.order("interrupted 2.5s")
		w.order("taken 2.5s")
	})
}

// An LWP that another one's exit ends makes no call any more, and what it defers makes none after exit(2); one with a run loop is told
// by UserRet, and the call that it is about to make is made.
func TestCallsOfTheDoomed(t *testing.T) {
	both(t, func(w *world) {
		w.guest(func(l *LWP) {
			other := w.fork(l, "other", func(l *LWP) {
				w.catch(l, "other", netbsd.SIGUSR1)
				sleepForever(l)
			})
			for _, manual := range []bool{false, true} {
				name := map[bool]string{false: "function", true: "run loop"}[manual]
				c := w.fork(l, "C", func(l *LWP) {
					l.NewLWP(0, func(l *LWP) {
						defer w.mark("%s ends", name)
						time.Sleep(2 * time.Second)
						l.Kill(other.Pid(), netbsd.SIGUSR1)
						w.mark("%s calls", name)
						l.Platform().UserRet(nil)
						w.mark("%s goes on", name)
					}, manual, nil)
					time.Sleep(time.Second)
					defer func() {
						w.is("after exit(2)", []netbsd.Errno{l.Kill(0, 0), l.Setpgid(0, 0)}, []netbsd.Errno{netbsd.ESRCH, netbsd.ESRCH})
					}()
					l.Exit(3)
				})
				w.waitIs(l, c.Pid(), 0, c.Pid(), netbsd.ExitStatus(3, 0), 0)
			}
		})
		w.order("function ends", "run loop calls", "run loop ends")
		w.order("other.SIGUSR1") // once
		w.never("function calls", "function goes on", "run loop goes on")
	})
}

// An LWP that is made while its process stops stands still until SIGCONT; one that alone does not block what is pending takes it at once
// (lwp_create).
func TestLWPIsBornIntoWhatIsGoingOn(t *testing.T) {
	both(t, func(w *world) {
		w.guest(func(l *LWP) {
			c := w.fork(l, "C", func(l *LWP) {
				l.NewLWP(0, func(*LWP) { w.mark("runs %v", w.since()) }, false, func(*LWP) netbsd.Errno {
					l.NewLWP(0, sleepForever, false, nil) // it takes the stop
					time.Sleep(2 * time.Second)
					return 0
				})
				sleepForever(l)
			})
			nap(l, time.Second)
			l.Kill(c.Pid(), netbsd.SIGSTOP)
			w.waitIs(l, c.Pid(), netbsd.WUNTRACED, c.Pid(), netbsd.StopStatus(netbsd.SIGSTOP), 0)
			nap(l, 3*time.Second)
			l.Kill(c.Pid(), netbsd.SIGCONT)
			nap(l, time.Second)
			d := w.forkWith(l, "D", ForkArgs{Manual: true, Body: func(l *LWP) {
				l.Sigaction(netbsd.SIGUSR1, &Action{Func: func(o *LWP, _ *netbsd.Siginfo) { w.mark("taken by another %t", o != l) }})
				l.Platform().SetTempMask(netbsd.SIGUSR1.Bit())
				l.Kill(l.Proc().Pid(), netbsd.SIGUSR1)
				l.NewLWP(0, func(*LWP) { w.mark("its body") }, false, nil)
				time.Sleep(time.Second)
			}})
			w.wait(l, d.Pid(), 0)
		})
		w.order("runs 5s", "taken by another true", "its body")
	})
}

// exit_lwps: who makes an LWP while its process ends gets none. The last LWP of all may be a suspended one, which SIGKILL ends; and SIGCONT and SIGKILL for a
// process whose exit waits for an LWP change nothing.
func TestLWPsOfAProcessThatEnds(t *testing.T) {
	both(t, func(w *world) {
		w.guest(func(l *LWP) {
			c := w.forkWith(l, "C", ForkArgs{Manual: true, Body: func(l *LWP) {
				l.NewLWP(0, func(l *LWP) { time.Sleep(time.Second); l.Exit(3) }, false, nil)
				n, errno := l.NewLWP(0, func(*LWP) { w.mark("runs") }, false, func(*LWP) netbsd.Errno { time.Sleep(2 * time.Second); return 0 })
				w.is("none", []any{n == nil, errno}, []any{true, netbsd.EAGAIN})
				w.mark("asked")
			}})
			w.waitIs(l, c.Pid(), 0, c.Pid(), netbsd.ExitStatus(3, 0), 0)
			w.order("asked")
			w.never("runs")
			d := w.fork(l, "D", func(l *LWP) {
				l.NewLWP(netbsd.LWP_SUSPENDED, func(*LWP) { w.mark("runs") }, false, nil)
				l.ExitLWP()
			})
			nap(l, time.Second)
			w.is("lives", d.State(), StateActive)
			l.Kill(d.Pid(), netbsd.SIGTERM)
			nap(l, time.Second)
			w.is("a suspended one takes nothing else", d.State(), StateActive)
			l.Kill(d.Pid(), netbsd.SIGKILL)
			nap(l, time.Second)
			w.is("status", func() netbsd.WaitStatus { st, _ := d.Status(); return st }(), netbsd.ExitStatus(0, netbsd.SIGKILL))
			s := &killVM{}
			e := w.fork(l, "E", func(l *LWP) {
				w.locked(func() { l.p.vm = s })
				l.NewLWP(0, func(l *LWP) { nap(l, 3*time.Second) }, false, nil)
				nap(l, time.Second)
				l.Exit(6)
			})
			nap(l, 2*time.Second)
			l.Kill(e.Pid(), netbsd.SIGCONT)
			l.Kill(e.Pid(), netbsd.SIGKILL)
			w.is("killed by force", s.kills.Load(), int32(0))
			options := 0
			if !w.r2003 {
				options = netbsd.WCONTINUED
			}
			w.waitIs(l, e.Pid(), options, e.Pid(), netbsd.ExitStatus(6, 0), 0)
		})
		w.never("runs")
	})
}

// exit_lwps and lwp_exit: an LWP that ends may sleep for its robust locks; its memory hears whether all go; in 2003 one that the reaper
// has yet to free neither keeps its process alive nor keeps it from stopping.
func TestLWPEnds(t *testing.T) {
	both(t, func(w *world) {
		w.guest(func(l *LWP) {
			vm := &lwpVM{}
			c := w.fork(l, "C", func(l *LWP) {
				w.give(l.Proc(), nil, nil, nil)
				w.locked(func() { l.p.vm = vm })
				n, _ := l.NewLWP(0, func(o *LWP) {
					o.Platform().SetRobust(7, func() { w.is("sleep", o.Sleep(false, time.Now().Add(time.Second)), netbsd.EWOULDBLOCK) })
				}, false, nil)
				l.LWPWait(n.ID())
				w.is("alone", vm.exiting, []bool{false})
				w.is("after a second", w.since(), time.Second)
				l.NewLWP(0, sleepForever, false, nil)
				nap(l, time.Second)
				l.Exit(0)
			})
			w.wait(l, c.Pid(), 0)
			w.is("with all", vm.exiting[:2], []bool{false, true})
		})
		release := w.blockReaper()
		p := w.spawn("Q", func(l *LWP) {
			n, _ := l.NewLWP(0, func(*LWP) {}, false, nil)
			nap(l, time.Second)
			w.is("dead", n.State(), under(w, LWPDead, LWPZombie))
			l.ExitLWP()
		})
		s := w.spawn("S", func(l *LWP) {
			l.NewLWP(0, func(l *LWP) { time.Sleep(2 * time.Second); l.ExitLWP() }, true, nil)
			sleepForever(l)
		})
		time.Sleep(time.Second)
		s.Kill(netbsd.SIGSTOP)
		settled()
		w.is("one still runs", s.Stopped(), false)
		time.Sleep(2 * time.Second)
		settled()
		w.is("the last one has gone", []any{s.Stopped(), p.Exiting()}, []any{true, true})
		release()
		s.Kill(netbsd.SIGKILL)
	})
}

// killVM counts how often it is to end its process by force.
type killVM struct {
	fakeVM
	kills atomic.Int32
}

func (v *killVM) Kill(*Proc) { v.kills.Add(1) }
func (v *killVM) Doom(*Proc) {}

// lwpVM hears of LWPs that end.
type lwpVM struct {
	fakeVM
	exiting []bool
}

func (v *lwpVM) FreeLWP(_ *LWP, exiting bool) { v.exiting = append(v.exiting, exiting) }

// psignal: init hears nothing of the machine's end but its own; KillAll ends a grace that is under way.
func TestInitIsNotSignalledAtTheEnd(t *testing.T) {
	bothWith(t, func(w *world, c *Config) {
		c.Grace = time.Hour
		c.Init = func(l *LWP) {
			for _, s := range []netbsd.Signal{netbsd.SIGHUP, netbsd.SIGCONT, netbsd.SIGTERM} {
				l.Sigaction(s, &Action{Func: func(_ *LWP, si *netbsd.Siginfo) { w.mark("init %v", si.Signo) }})
			}
			ReapLoop(l)
		}
	}, func(w *world) {
		w.spawn("P", func(l *LWP) {
			l.Sigaction(netbsd.SIGTERM, &Action{Handler: netbsd.SIG_IGN})
			w.is("group", []netbsd.Errno{l.Kill(0, netbsd.SIGTERM), l.Kill(-1, netbsd.SIGTERM)}, []netbsd.Errno{0, netbsd.ESRCH})
		}).Wait()
		w.spawn("deaf", func(l *LWP) {
			l.Sigaction(netbsd.SIGHUP, &Action{Handler: netbsd.SIG_IGN})
			sleepForever(l)
		})
		settled()
		done := make(chan struct{})
		go func() { w.m.Close(); close(done) }()
		time.Sleep(time.Second)
		w.m.KillAll()
		<-done
		w.is("without the rest of the hour", w.since(), time.Second)
		w.never("init SIGHUP", "init SIGCONT", "init SIGTERM")
	})
}
