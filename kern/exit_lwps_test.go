package kern

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"toaster/netbsd"
)

// Items 49 to 56: exit_lwps, and the last LWP's _lwp_exit.

func TestExitLWPs_49_LWPsDieOnTheirWayToUserMode(t *testing.T) {
	both(t, func(w *world) {
		kicked, user, cont := make(chan struct{}), make(chan struct{}), make(chan struct{})
		p := w.spawn("P", func(l *LWP) {
			l.NewLWP(0, func(l *LWP) { // in user mode, and comes by a kernel call
				defer w.mark("B ends")
				<-cont
				l.Sigprocmask(netbsd.SIG_BLOCK, nil)
				w.mark("B is back in user mode")
			}, false, nil)
			l.NewLWP(0, func(l *LWP) { // a run loop: it is kicked out of user mode
				defer w.mark("M ends")
				l.Platform().SetKicker(func() { close(kicked) })
				close(user)
				<-kicked
				w.is("wants UserRet", l.Platform().NeedsUserRet(), true)
				l.Platform().UserRet(nil)
				w.mark("M is back in user mode")
			}, true, nil)
			<-user
			l.Nanosleep(time.Second)
			l.Exit(0)
		})
		settledFor(2 * time.Second)
		w.is("waits for B", p.State(), StateExiting)
		close(cont)
		p.Wait()
		w.order("P.SetWEXIT", "P.ExitLWPs", "P.SetUserret", "M ends", "B ends", "P.ClearUserret")
		w.never("B is back in user mode", "M is back in user mode")
	})
}

// settledFor lets virtual time pass and the guests come to rest.
func settledFor(d time.Duration) {
	time.Sleep(d)
	settled()
}

func TestExitLWPs_50_CachedLWPsRunFirst(t *testing.T) {
	both(t, func(w *world) {
		p := w.guest(func(l *LWP) {
			if l.saEnable() != 0 {
				return
			}
			for range 3 {
				l.NewLWP(0, func(l *LWP) {
					l.saCache()
					w.mark("cached LWP runs on")
				}, false, nil)
			}
			l.NewLWP(0, sleepForever, false, nil)
			l.Nanosleep(time.Second)
			w.is("cached", l.Proc().SACached(), 3)
			w.give(l.Proc(), func() { w.is("cached at close", l.Proc().SACached(), 0) }, nil, nil)
			l.Exit(0)
		})
		if !w.r2003 { // no activations
			w.never("P.RunCachedLWPs", "P.WakeUpcallSleeps", "P.DisableUpcalls")
			return
		}
		w.order("P.ExitLWPs", "P.SetUserret", "P.RunCachedLWPs", "P.UndetachLWPs", "P.WakeUpcallSleeps", "P.RunLWPs", "P.WaitLWPs", "P.ClearUserret")
		w.never("cached LWP runs on")
		w.is("LWPs reaped", strings.Count(w.steps(p), "ReapLWP"), 5)
	})
}

func TestExitLWPs_51_EveryLWPBecomesWaitable(t *testing.T) {
	both(t, func(w *world) {
		var d *LWP
		p := w.guest(func(l *LWP) {
			l.saEnable()
			l.LWPDetach(l.ID()) // the caller, too
			d, _ = l.NewLWP(netbsd.LWP_DETACHED, func(l *LWP) { nap(l, 5*time.Second) }, false, nil)
			w.is("detached", []bool{l.Detached(), d.Detached()}, []bool{true, true})
			l.NewLWP(0, func(*LWP) {
				time.Sleep(time.Second) // while the exit waits
				_, sa := l.SA()
				w.is("flags in exit_lwps", []bool{l.Detached(), d.Detached(), sa}, under(w, []bool{false, false, false}, []bool{true, true, false}))
			}, false, nil)
			l.Nanosleep(time.Millisecond)
			l.Exit(0)
		})
		// In 2003 it is waited for as an undetached one: a zombie LWP, not freed at once. In 10 it
		// frees itself, and lwp_wait counts it where the process exits (nfound += exiting).
		w.order("P.RunLWPs", "P.WaitLWPs", "P.ClearUserret")
		n := strings.Count(w.steps(p), "LWPZombie")
		w.is("zombie LWPs, and LWPs freed", []int{n, strings.Count(w.steps(p), "LWPFree ")}, under(w, []int{2, 1}, []int{1, 1}))
		w.is("its end is waited for", w.when("P.ClearUserret"), 5*time.Second)
	})
}

func TestExitLWPs_52_UpcallSleepersAreWoken(t *testing.T) {
	both(t, func(w *world) {
		w.guest(func(l *LWP) {
			if l.saEnable() != 0 {
				return
			}
			l.NewLWP(0, func(l *LWP) {
				defer w.mark("upcall sleeper ends")
				l.saYieldUpcall() // uninterruptible: only the wakeup gets it out
				w.mark("runs on")
			}, false, nil)
			l.Nanosleep(time.Second)
			l.Exit(0)
		})
		w.never("runs on")
		if w.r2003 {
			w.order("P.UndetachLWPs", "P.WakeUpcallSleeps", "P.RunLWPs", "upcall sleeper ends", "P.ClearUserret")
			w.is("at once", w.when("P.ClearUserret"), time.Second)
		}
	})
}

func TestExitLWPs_53_WhoIsMadeRunnableAndWhoIsWaitedFor(t *testing.T) {
	lwp := func(w *world, l *LWP, name string, body func(*LWP)) *LWP {
		n, errno := l.NewLWP(0, func(l *LWP) {
			defer func() {
				w.mark("%s ends", name)
				check(w.T, w.m)
			}()
			body(l)
			w.mark("%s goes on", name)
		}, false, nil)
		w.is("lwp_create", errno, netbsd.Errno(0))
		return n
	}
	both(t, func(w *world) {
		p := w.guest(func(l *LWP) {
			lwp(w, l, "sleeper", sleepForever)
			s := lwp(w, l, "suspended", sleepForever)
			lwp(w, l, "uninterruptible", func(l *LWP) { nap(l, 10*time.Second) })
			l.Nanosleep(time.Second)
			l.LWPSuspend(s.ID())
			w.is("suspended", s.State(), LWPSuspended)
			l.Exit(4)
		})
		st, _ := p.Status()
		w.is("status", st, netbsd.ExitStatus(4, 0))
		for name, at := range map[string]time.Duration{"sleeper": 1, "suspended": 1, "uninterruptible": 10} {
			w.is(name+" ends at", w.when(name+" ends"), at*time.Second)
			w.never(name + " goes on")
		}
		w.order("P.SetUserret", "P.RunLWPs", "P.WaitLWPs", "uninterruptible ends", "P.ClearUserret")
	})
	t.Run("stopped", func(t *testing.T) {
		both(t, func(w *world) {
			w.guest(func(l *LWP) {
				c := w.fork(l, "C", func(l *LWP) {
					lwp(w, l, "stopped", sleepForever)
					lwp(w, l, "stopped uninterruptible", func(l *LWP) { nap(l, 15*time.Second) })
					l.Nanosleep(5 * time.Second)
					l.Exit(4)
				})
				l.Nanosleep(time.Second)
				l.PtraceAttach(c.Pid())
				// The stop is complete when the uninterruptible one has come to it.
				w.waitIs(l, c.Pid(), 0, c.Pid(), netbsd.StopStatus(netbsd.SIGSTOP), 0)
				w.is("stopped at", w.since(), 15*time.Second)
				l.Nanosleep(5 * time.Second)
				w.is("one goes on", l.PtraceResume(c.Pid(), ResumeArgs{LWP: under(w, 1, c.Pid())}), netbsd.Errno(0))
				w.waitIs(l, c.Pid(), 0, c.Pid(), netbsd.ExitStatus(4, 0), 0)
				w.is("ended at", w.when("stopped ends"), 20*time.Second)
				w.never("stopped goes on", "stopped uninterruptible goes on")
			})
		})
	})
}

func TestExitLWPs_54_LoopsUntilAloneThenClearsTheHook(t *testing.T) {
	both(t, func(w *world) {
		p := w.guest(func(l *LWP) {
			for i := range 4 {
				l.NewLWP(0, func(l *LWP) { nap(l, time.Duration(4-i)*time.Second) }, false, nil)
			}
			l.NewLWP(0, func(l *LWP) { l.ExitLWP() }, false, nil) // a zombie LWP before
			l.Nanosleep(time.Millisecond)
			w.give(l.Proc(), func() { w.is("LWPs", l.Proc().NumLWPs(), 1) }, nil, nil)
			l.Exit(0)
		})
		w.order("P.SetUserret", "P.WaitLWPs", "P.ClearUserret", "P.PurgeRAS")
		w.is("until the last", w.when("P.ClearUserret"), 4*time.Second)
		w.is("LWPs that came to rest", strings.Count(w.steps(p), "LWPZombie"), 5)
		w.locked(func() { w.is("zombie LWPs left", []int32{p.nlwps, p.nzlwps}, []int32{0, 0}) })
	})
}

func TestExitLWPs_55_HookTakesTheLockThenExits(t *testing.T) {
	bothWith(t, func(w *world, c *Config) {
		c.Trace = func(e StepEvent) {
			if w.m != nil && w.m.mu.TryLock() {
				w.m.mu.Unlock()
				w.Errorf("%v without the lock", e.Step)
			}
			w.trace(e)
		}
	}, func(w *world) {
		var other *LWP
		w.guest(func(l *LWP) {
			w.give(l.Proc(), nil, nil, &fakeVM{
				wait: func(x *LWP) { w.mark("cpu_wait %d", x.ID()) },
				free: func(x *LWP) { w.mark("lwp_exit %d", x.ID()) },
			})
			other, _ = l.NewLWP(0, func(l *LWP) {
				defer w.mark("body ends")
				sleepForever(l)
			}, false, nil)
			l.Nanosleep(time.Second)
			l.Exit(0)
		})
		// The way out is lwp_exit's, after the frames of the body.
		w.order("P.SetUserret", "body ends", fmt.Sprint("cpu_wait ", other.ID()), fmt.Sprint("lwp_exit ", other.ID()), "P.ClearUserret")
	})
}

func TestExitLWPs_56_LastLWPEndsTheProcessWithStatus0(t *testing.T) {
	both(t, func(w *world) {
		w.guest(func(l *LWP) {
			c := w.fork(l, "one", func(l *LWP) { l.ExitLWP() })
			w.waitIs(l, c.Pid(), 0, c.Pid(), 0, 0)
			c = w.fork(l, "first goes first", func(l *LWP) {
				l.NewLWP(0, func(l *LWP) {
					l.Nanosleep(time.Second)
					w.mark("second")
				}, false, nil)
				l.NewLWP(netbsd.LWP_DETACHED, func(l *LWP) { l.ExitLWP() }, false, nil)
				l.ExitLWP()
			})
			l.Nanosleep(time.Millisecond)
			w.is("lives on", c.State(), StateActive)
			w.waitIs(l, c.Pid(), netbsd.WNOHANG, 0, 0, 0)
			w.waitIs(l, c.Pid(), 0, c.Pid(), 0, 0)
			w.is("when the second went", w.since(), time.Second)
			c = w.fork(l, "exiting", func(l *LWP) { // with P_WEXIT it is just an LWP
				l.NewLWP(0, func(l *LWP) { nap(l, time.Second); l.ExitLWP() }, false, nil)
				l.Nanosleep(time.Millisecond)
				l.Exit(7)
			})
			w.waitIs(l, c.Pid(), 0, c.Pid(), netbsd.ExitStatus(7, 0), 0)
			w.is("P_WEXIT once", strings.Count(w.steps(c), "SetWEXIT"), 1)
		})
	})
}
