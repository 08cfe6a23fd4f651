package kern

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"toaster/netbsd"
)

// Machine.Pause says that nobody can tell a pause from the host being slow. These tests have a pause beside everything else that an
// LWP can stand still for, and on both sides of what has begun in the kernel.

// paused runs f in a machine that is paused, and finds fault with it before and after.
func (w *world) paused(f func()) {
	w.Helper()
	if err := w.m.Pause(w.Context()); err != nil {
		w.Errorf("Pause: %v", err)
	}
	settled()
	check(w.T, w.m)
	f()
	settled()
	check(w.T, w.m)
	w.m.Resume()
	settled()
	check(w.T, w.m)
}

// contextDone is the context of a Pause that waits for nobody.
func contextDone() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx
}

// operator is a service process that makes calls as root, paused or not, one after the other. Between them it sleeps in the kernel, where
// Close ends it. Who asks it for a call goes on when nobody runs any more, so a call may still wait then.
func (w *world) operator() func(func(*LWP)) {
	calls := make(chan func(*LWP), 8)
	p, _ := w.m.Spawn(SpawnArgs{Service: true, Body: func(l *LWP) {
		for {
			select {
			case f := <-calls:
				f(l)
			default:
				l.Sleep(true, time.Time{})
			}
		}
	}})
	return func(f func(*LWP)) {
		calls <- f
		p.LWPs()[0].Wake()
		settled()
	}
}

// standing is a reason to stand still besides a pause.
type standing struct {
	name       string
	begin, end func(w *world, op func(func(*LWP)), l *LWP)
}

// standings are job control's, a tracer's and a sibling's.
var standings = []standing{
	{"SIGSTOP", func(_ *world, _ func(func(*LWP)), l *LWP) { l.p.Kill(netbsd.SIGSTOP) },
		func(_ *world, _ func(func(*LWP)), l *LWP) { l.p.Kill(netbsd.SIGCONT) }},
	{"_lwp_suspend", func(w *world, _ func(func(*LWP)), l *LWP) {
		w.locked(func() { // as a sibling's call that has begun
			l.setAttn(aSuspend)
			if l.stat == LWPSleeping {
				l.wakeup(rSignal)
			}
		})
	}, func(w *world, _ func(func(*LWP)), l *LWP) { w.locked(l.unsuspend) }},
	{"PT_SUSPEND", func(w *world, op func(func(*LWP)), l *LWP) { w.hold(op, l, true) },
		func(w *world, op func(func(*LWP)), l *LWP) { w.hold(op, l, false) }},
}

// hold has a tracer that comes for the purpose stop l's process, hold l or not, and let the process go on. In a pause the stop may have to wait for
// its end, as somebody must take SIGSTOP.
func (w *world) hold(op func(func(*LWP)), l *LWP, on bool) {
	w.Helper()
	op(func(tracer *LWP) {
		pid := l.p.Pid()
		if on {
			w.is("PT_ATTACH", tracer.PtraceAttach(pid), netbsd.Errno(0))
		} else {
			w.is("PT_STOP", tracer.PtraceStop(pid), netbsd.Errno(0))
		}
		w.waitIs(tracer, pid, 0, pid, netbsd.StopStatus(netbsd.SIGSTOP), 0)
		w.is("PT_SUSPEND", tracer.PtraceSuspend(pid, l.ID(), on), netbsd.Errno(0))
		w.is("PT_CONTINUE", tracer.PtraceResume(pid, ResumeArgs{}), netbsd.Errno(0))
	})
}

// TestPauseBesideOtherStandings: an LWP goes on when both the pause and what else it stands for are over, whichever begins
// and ends first, asleep or about to return to user mode (_lwp_suspend(2), ptrace(2) PT_SUSPEND, signal(7) SIGSTOP).
func TestPauseBesideOtherStandings(t *testing.T) {
	for _, s := range standings {
		for _, when := range []string{"before, ends in", "before, ends after", "in, ends in", "in, ends after"} {
			for _, stands := range []bool{false, true} {
				t.Run(fmt.Sprintf("%s/begins %s/stands %t", s.name, when, stands), func(t *testing.T) {
					both(t, func(w *world) { w.besides(s, when, stands) })
				})
			}
		}
	}
}

func (w *world) besides(s standing, when string, stands bool) {
	op := w.operator()
	var n atomic.Int64
	tick := 100 * time.Hour
	if stands { // it wakes in the pause, and stands
		tick = time.Second
	}
	p, _ := w.m.Spawn(SpawnArgs{Body: func(l *LWP) {
		l.NewLWP(0, sleepForever, false, nil)
		for {
			n.Add(1)
			l.Nanosleep(tick)
		}
	}})
	settled()
	l := p.LWPs()[len(p.LWPs())-1] // the first
	if when[:2] == "be" {
		s.begin(w, op, l)
		settled()
	}
	before := n.Load()
	w.paused(func() {
		time.Sleep(10 * time.Second)
		if when[:2] == "in" {
			s.begin(w, op, l)
		}
		time.Sleep(10 * time.Second)
		if when[len(when)-2:] == "in" {
			s.end(w, op, l)
		}
		time.Sleep(10 * time.Second)
		w.is("goes on in a pause", n.Load()-before, int64(0))
	})
	if when[len(when)-2:] != "in" {
		time.Sleep(10 * time.Second)
		w.is("goes on behind the pause", n.Load()-before, int64(0))
		s.end(w, op, l)
	}
	time.Sleep(2 * tick)
	if n.Load() == before {
		w.Error("it does not go on")
	}
}

// inUserMode is a body that stays in user mode until it is told to come into the kernel, and says so when it is back.
func inUserMode(come <-chan struct{}, back func()) SpawnArgs {
	return SpawnArgs{Manual: true, Body: func(l *LWP) {
		for range come {
			l.Platform().UserRet(nil)
			back()
		}
	}}
}

// TestPauseIsNotShown: ps(1) and sysctl(3) have of an LWP that stands for the pause alone what it did before, LSRUN or LSSLEEP
// (sys/lwp.h), and who may continue a suspended one counts it as well (_lwp_suspend(2), EDEADLK).
func TestPauseIsNotShown(t *testing.T) {
	both(t, func(w *world) {
		come := make(chan struct{})
		defer close(come)
		p, _ := w.m.Spawn(inUserMode(come, func() {}))
		settled()
		w.m.Pause(contextDone())
		come <- struct{}{}
		settled()
		i, _ := p.Info()
		l := p.LWPs()[0]
		w.is("in user mode", []any{l.State(), i.Active, p.Stopped()}, []any{LWPRunning, LWPRunning, false})
		w.locked(func() {
			w.is("stands", l.stat, LWPSuspended)
			other := &LWP{p: p}
			w.is("may continue another", other.otherRuns(), true)
			l.attn.Or(aHold)
			w.is("may not while a tracer holds it", other.otherRuns(), false)
			l.attn.And(^aHold)
		})
		w.m.Resume()
		settled()
	})
}

// TestPauseWakesNobodyElse: a signal for a process goes to the LWP in user mode that does not block it, and a sleep of another one goes on
// (sigpost of kern_sig.c, LSRUN), paused or not.
func TestPauseWakesNobodyElse(t *testing.T) {
	for _, pause := range []bool{false, true} {
		both(t, func(w *world) {
			come := make(chan struct{})
			defer close(come)
			p, _ := w.m.Spawn(SpawnArgs{Body: func(l *LWP) {
				l.Sigaction(netbsd.SIGUSR1, &Action{Func: func(l *LWP, _ *netbsd.Siginfo) { w.mark("taken by %d", l.ID()) }})
				l.NewLWP(0, inUserMode(come, func() {}).Body, true, nil)
				_, errno := l.Nanosleep(time.Hour)
				w.mark("slept %v %v", errno, w.since())
				sleepForever(l)
			}})
			settled()
			young := p.LWPs()[0].ID()
			if pause {
				w.m.Pause(contextDone())
				come <- struct{}{}
				settled()
			}
			p.Kill(netbsd.SIGUSR1)
			settled()
			w.m.Resume()
			if !pause {
				come <- struct{}{}
			}
			time.Sleep(2 * time.Hour)
			w.order(fmt.Sprintf("taken by %d", young), "slept errno 0 1h0m0s")
		})
	}
}

// TestPauseLeavesNoTrace: a trace of context switches (ktrace(1), KTRFAC_CSW) and _lwp_ctl(2) have nothing of a pause.
func TestPauseLeavesNoTrace(t *testing.T) {
	both(t, func(w *world) {
		come, n := make(chan struct{}), 0
		defer close(come)
		p, _ := w.m.Spawn(SpawnArgs{Manual: true, Body: func(l *LWP) {
			l.Platform().SetOnCPU(func(on bool) { w.mark("on a processor %t", on) })
			l.Proc().SetKtrace(&fakeKtrace{fakeRef{func() {}, func() {}}, w, false, false})
			for range come {
				l.Platform().UserRet(nil)
				n++
			}
		}})
		settled()
		w.m.Pause(contextDone())
		come <- struct{}{}
		settled()
		w.locked(func() { w.is("stands", p.lwps.stat, LWPSuspended) })
		w.m.Resume()
		settled()
		w.is("back", n, 1)
		w.is("told", w.all(), []string(nil))
	})
}

// TestPauseIsNotForServices: the embedder's own processes go on (SpawnArgs.Service): what waits for a program hears of its end.
func TestPauseIsNotForServices(t *testing.T) {
	both(t, func(w *world) {
		w.m.Pause(w.Context())
		op := w.operator() // made meanwhile
		op(func(l *LWP) { l.Nanosleep(time.Second) })
		time.Sleep(2 * time.Second)
		var c *Proc
		op(func(l *LWP) { c, _ = l.Fork(ForkArgs{Body: exit(3)}) })
		settled()
		w.is("its child is paused", c.Stopped() || c.State() != StateActive, false)
		op(func(l *LWP) {
			l.Kill(c.Pid(), netbsd.SIGKILL)
			w.waitIs(l, c.Pid(), 0, c.Pid(), netbsd.ExitStatus(0, netbsd.SIGKILL), 0)
			w.mark("heard")
		})
		w.order("heard")
		check(w.T, w.m)
		w.m.Resume()
	})
}

// TestKillManyWhilePaused: SIGKILL ends a process whose LWPs all stand, run, sleep or are held for other reasons, too.
func TestKillManyWhilePaused(t *testing.T) {
	both(t, func(w *world) {
		come := make(chan struct{})
		p, _ := w.m.Spawn(SpawnArgs{Body: func(l *LWP) {
			l.NewLWP(0, sleepForever, false, nil)
			s, _ := l.NewLWP(0, sleepForever, false, nil)
			l.NewLWP(0, inUserMode(come, func() {}).Body, true, nil)
			l.NewLWP(0, func(l *LWP) { l.Nanosleep(time.Second) }, false, nil)
			l.LWPSuspend(s.ID())
			l.Nanosleep(time.Second)
			w.mark("goes on")
		}})
		settled()
		w.m.Pause(contextDone())
		time.Sleep(2 * time.Second)
		check(w.T, w.m)
		p.Kill(netbsd.SIGKILL)
		close(come)
		settled()
		w.is("ended", p.Wait(), netbsd.ExitStatus(0, netbsd.SIGKILL))
		check(w.T, w.m)
		w.never("goes on")
		w.m.Resume()
	})
}

// TestPauseHoldsHandlers: who has stood for job control and is continued in a pause calls no handler in it, and does not die of a signal.
func TestPauseHoldsHandlers(t *testing.T) {
	both(t, func(w *world) {
		p, _ := w.m.Spawn(SpawnArgs{Body: func(l *LWP) {
			w.catch(l, "P", netbsd.SIGUSR1)
			for {
				l.Nanosleep(time.Hour)
			}
		}})
		settled()
		p.Kill(netbsd.SIGSTOP)
		settled()
		w.paused(func() {
			p.Kill(netbsd.SIGUSR1)
			p.Kill(netbsd.SIGCONT)
			settled()
			w.is("paused", w.all(), []string(nil))
			p.Kill(netbsd.SIGSTOP)
			p.Kill(netbsd.SIGTERM)
			p.Kill(netbsd.SIGCONT)
			settled()
			_, ended := p.Status()
			w.is("ended in a pause", ended, false)
		})
		w.is("ended", p.Wait(), netbsd.ExitStatus(0, netbsd.SIGTERM))
	})
}

// TestPauseHoldsHandlersOfTheReturn: the same for who has stopped on its way to user mode.
func TestPauseHoldsHandlersOfTheReturn(t *testing.T) {
	both(t, func(w *world) {
		come := make(chan struct{})
		defer close(come)
		p, _ := w.m.Spawn(SpawnArgs{Manual: true, Body: func(l *LWP) {
			w.catch(l, "P", netbsd.SIGUSR1)
			inUserMode(come, func() {}).Body(l)
		}})
		settled()
		p.Kill(netbsd.SIGSTOP)
		come <- struct{}{}
		settled()
		w.paused(func() {
			p.Kill(netbsd.SIGUSR1)
			p.Kill(netbsd.SIGCONT)
			settled()
			w.never("P.SIGUSR1")
		})
		w.order("P.SIGUSR1")
	})
}

// TestPauseIsNoDoom: nobody ends by force an LWP that stands and could not take its signal; when the pause is over its time begins (doom.go).
func TestPauseIsNoDoom(t *testing.T) {
	both(t, func(w *world) {
		s := &doomSpace{w: w}
		p, cont := w.deaf(s, func(*LWP) {})
		w.m.Pause(contextDone())
		p.Kill(netbsd.SIGTERM)
		settled()
		w.is("told in a pause", []any{len(s.told), p.Dying(s)}, []any{0, false})
		w.m.Resume()
		settled()
		w.is("told", []any{s.told, p.Dying(s)}, []any{[]string{"Doom"}, true})
		cont()
		w.is("ended", p.Wait(), netbsd.ExitStatus(0, netbsd.SIGTERM))
	})
}

// TestPauseOfAnExec: an exec that has begun ends the other LWPs, one that stands for the pause and one that comes late, and the new program does
// not run before the pause is over. The same for an exit, but that it comes to its end.
func TestPauseOfAnExec(t *testing.T) {
	for _, exits := range []bool{false, true} {
		both(t, func(w *world) {
			come, late := make(chan struct{}), make(chan struct{})
			p, _ := w.m.Spawn(SpawnArgs{Body: func(l *LWP) {
				l.NewLWP(0, inUserMode(come, func() { w.mark("the first goes on") }).Body, true, nil)
				l.NewLWP(0, inUserMode(late, func() { w.mark("the second goes on") }).Body, true, nil)
				if exits {
					l.Exit(5)
				}
				// In a hook, so that the pause finds the LWP in the kernel.
				l.Fork(ForkArgs{Body: exit(0), Prepare: func(*LWP) netbsd.Errno {
					nap(l, time.Second)
					w.is("exec", l.Exec(ExecArgs{Comm: "new"}), netbsd.Errno(0))
					return netbsd.ENOMEM
				}})
				w.mark("the new program")
			}})
			settled()
			w.m.Pause(contextDone())
			come <- struct{}{}
			settled()
			time.Sleep(2 * time.Second) // the exec waits for the second
			w.is("LWPs", len(p.LWPs()), 2)
			check(w.T, w.m)
			late <- struct{}{}
			settled()
			check(w.T, w.m)
			_, ended := p.Status()
			w.is("ended", ended, exits)
			if !exits {
				w.is("program", []any{p.Comm(), len(p.LWPs())}, []any{"new", 1})
			}
			w.never("the first goes on", "the second goes on", "the new program")
			w.m.Resume()
			settled()
			if !exits {
				w.order("the new program")
			}
		})
	}
}

// TestPauseOfAVfork: a child that has its parent's memory stands as any other, its parent sleeps on, SIGKILL or not, and
// each goes its way afterwards (vfork(2)).
func TestPauseOfAVfork(t *testing.T) {
	for _, kill := range []string{"", "child", "parent"} {
		both(t, func(w *world) {
			var child *Proc
			p, _ := w.m.Spawn(SpawnArgs{Body: func(l *LWP) {
				l.Fork(ForkArgs{Vfork: true, ShareVM: true, Linked: func(c *Proc) { child = c }, Body: func(l *LWP) {
					l.Nanosleep(time.Second)
					w.mark("child")
					l.Exec(ExecArgs{Comm: "new"})
					l.Nanosleep(time.Second)
				}})
				w.mark("parent")
				sleepForever(l)
			}})
			settled()
			ends := netbsd.ExitStatus(0, 0)
			w.paused(func() {
				time.Sleep(2 * time.Second)
				switch kill {
				case "child":
					child.Kill(netbsd.SIGKILL)
					ends = netbsd.ExitStatus(0, netbsd.SIGKILL)
				case "parent":
					p.Kill(netbsd.SIGKILL)
				}
				settled()
				_, ended := child.Status()
				_, parent := p.Status()
				w.is("ended", []bool{ended, parent}, []bool{kill == "child", false})
				w.never("parent", "child")
			})
			w.is("child", child.Wait(), ends)
			switch kill {
			case "child":
				w.order("parent")
			case "parent":
				w.is("parent", p.Wait(), netbsd.ExitStatus(0, netbsd.SIGKILL))
				w.never("parent")
			default:
				w.order("child", "parent")
			}
		})
	}
}

// TestPauseOfAnUninterruptibleSleep: Pause does not wait for it, and what comes behind it waits for Resume.
func TestPauseOfAnUninterruptibleSleep(t *testing.T) {
	both(t, func(w *world) {
		w.m.Spawn(SpawnArgs{Body: func(l *LWP) {
			w.is("the sleep", l.Sleep(false, w.start.Add(10*time.Second)), netbsd.EWOULDBLOCK)
			w.mark("goes on %v", w.since())
		}})
		settled()
		w.paused(func() {
			w.is("Pause has waited", w.since(), time.Duration(0))
			time.Sleep(15 * time.Second)
			w.never("goes on 15s", "goes on 10s")
		})
		w.order("goes on 15s")
	})
}

// TestPauseOfACoreDump: who stands still for a sibling's dump does so when a pause is over, until the process ends.
func TestPauseOfACoreDump(t *testing.T) {
	conf := func(_ *world, c *Config) {
		c.Core = func(l *LWP, _ netbsd.Signal, _ *netbsd.Siginfo) bool {
			nap(l, 10*time.Second)
			return true
		}
	}
	bothWith(t, conf, func(w *world) {
		p, _ := w.m.Spawn(SpawnArgs{Body: func(l *LWP) {
			l.NewLWP(0, func(l *LWP) {
				l.Nanosleep(2 * time.Second)
				w.mark("goes on")
			}, false, nil)
			l.Kill(l.p.Pid(), netbsd.SIGQUIT)
			sleepForever(l)
		}})
		settled()
		w.paused(func() { time.Sleep(3 * time.Second) })
		time.Sleep(time.Second)
		check(w.T, w.m)
		w.is("ended", p.Wait(), netbsd.ExitStatus(0, netbsd.SIGQUIT)|netbsd.CoreFlag)
		w.never("goes on")
	})
}

// TestPauseOfStopsAsked: PS_STOPFORK's child is born stopped in a pause, and PS_STOPEXIT's process stops in its exit; both need SIGCONT, and
// the child's first call waits for the pause's end, too (proc.PID.stopfork, stopexit of sysctl(7)).
func TestPauseOfStopsAsked(t *testing.T) {
	both(t, func(w *world) {
		if w.r2003 {
			return
		}
		var child *Proc
		p, _ := w.m.Spawn(SpawnArgs{Body: func(l *LWP) {
			l.Fork(ForkArgs{Linked: func(c *Proc) { child = c }, Prepare: func(*LWP) netbsd.Errno {
				nap(l, time.Second)
				return 0
			}, Body: func(*LWP) { w.mark("child") }})
			w.mark("parent")
			nap(l, time.Second)
			l.Exit(0)
		}})
		p.setStopOn(true, false, true)
		settled()
		w.paused(func() {
			time.Sleep(2 * time.Second)
			settled()
			w.is("born stopped", child.Stopped(), true)
			child.Kill(netbsd.SIGCONT)
			settled()
			w.never("parent", "child")
		})
		w.when("parent")
		w.when("child")
		w.paused(func() {
			time.Sleep(2 * time.Second)
			w.is("stopped", p.Stopped(), false) // its return from the sleep has not come yet
		})
		w.is("stopped in its exit", p.Stopped(), true)
		w.paused(func() { p.Kill(netbsd.SIGCONT) })
		w.is("ended", p.Wait(), netbsd.ExitStatus(0, 0))
	})
}

// TestPauseAndResumeAtOnce: a Resume ends a Pause that still waits, and a second one begins anew.
func TestPauseAndResumeAtOnce(t *testing.T) {
	both(t, func(w *world) {
		come := make(chan struct{})
		defer close(come)
		w.m.Spawn(inUserMode(come, func() { w.mark("back") }))
		done := make(chan error)
		go func() { done <- w.m.Pause(w.Context()) }()
		settled()
		w.m.Resume()
		w.m.Resume()
		w.is("Pause", <-done, error(nil))
		w.is("paused", w.m.Paused(), false)
		come <- struct{}{}
		settled()
		w.order("back")
	})
}

// TestPauseHammer: processes that do everything to each other, in a machine that is paused again and again.
func TestPauseHammer(t *testing.T) {
	for _, r := range releases {
		t.Run("release"+r.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m := New(Config{Release: r, MaxProc: 100})
				deadline := time.Now().Add(100 * time.Millisecond)
				var forks atomic.Int64
				for i := range 6 {
					m.Spawn(SpawnArgs{Setsid: i%2 == 0, Body: func(l *LWP) { hammer(l, deadline, 0, &forks) }})
				}
				rnd := rand.New(rand.NewPCG(1, 2))
				for time.Now().Before(deadline) {
					time.Sleep(time.Duration(rnd.IntN(1000)) * time.Microsecond)
					if err := m.Pause(t.Context()); err != nil {
						t.Fatal(err)
					}
					check(t, m)
					time.Sleep(time.Duration(rnd.IntN(1000)) * time.Microsecond)
					check(t, m)
					m.Resume()
					check(t, m)
				}
				m.Pause(t.Context())
				m.Close() // in a pause: all end nevertheless
				check(t, m)
				if n := m.NumProcs(); n != 1 {
					t.Errorf("%d processes left", n)
				}
				t.Log(forks.Load(), "forks")
			})
		})
	}
}
