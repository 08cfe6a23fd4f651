package kern

import (
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"toaster/netbsd"
)

// Items 57 to 65: exit2 and the reaper. Release 10 has neither; there each test
// asserts that guests see the same, and that no reaper takes part.

var reaperSteps = []string{"QueueDead", "WakeReaper", "ReapLWP", "ReapProc"}

// noReaper demands that p went without a reaper: memory freed in exit1, the last LWP
// a zombie until the wait.
func (w *world) noReaper(p *Proc) {
	w.Helper()
	for _, s := range reaperSteps {
		if strings.Contains(w.steps(p), s) {
			w.Errorf("release 10 has %s", s)
		}
	}
}

// blockReaper makes a process whose memory takes the reaper until release.
func (w *world) blockReaper() (release func()) {
	ch := make(chan struct{})
	w.spawn("X", func(l *LWP) {
		w.give(l.Proc(), nil, nil, &fakeVM{exit: func(*Proc) { <-ch }})
		l.Exit(0)
	})
	settled()
	return func() { close(ch); settled() }
}

func TestReaper_57_DeadListIsLastInFirstOut(t *testing.T) {
	both(t, func(w *world) {
		release := w.blockReaper()
		for _, name := range []string{"A", "B", "C"} {
			p := w.spawn(name, exit(0))
			settled()
			w.is(name, p.State(), under(w, StateDead, StateFree))
			if !w.r2003 {
				w.noReaper(p)
			}
		}
		release()
		if w.r2003 {
			w.order("A.CPUExit", "A.QueueDead", "A.WakeReaper", "B.CPUExit", "B.QueueDead", "B.WakeReaper", "C.CPUExit", "C.QueueDead", "C.WakeReaper",
				"C.ReapProc", "B.ReapProc", "A.ReapProc")
		} else {
			w.order("A.SetZombie", "B.SetZombie", "C.SetZombie")
		}
	})
}

func TestReaper_58_OneReaperSleepsOnlyWhenBothQueuesAreEmpty(t *testing.T) {
	both(t, func(w *world) {
		var at, most atomic.Int32
		busy := func() {
			most.Store(max(most.Load(), at.Add(1)))
			time.Sleep(time.Second)
			at.Add(-1)
		}
		w.guest(func(l *LWP) {
			for range 5 { // all die at the same moment: one wakeup
				w.fork(l, "C", func(l *LWP) {
					w.give(l.Proc(), nil, nil, &fakeVM{exit: func(*Proc) { busy() }, wait: func(*LWP) { busy() }})
					l.NewLWP(netbsd.LWP_DETACHED, func(l *LWP) { time.Sleep(time.Hour) }, false, nil)
					time.Sleep(time.Hour)
					l.ExitLWP()
				})
			}
			for range 5 {
				w.wait(l, netbsd.WaitAny, 0)
			}
			w.is("all served at", w.since(), time.Hour+time.Duration(under(w, 15, 2))*time.Second)
		})
		if w.r2003 {
			w.is("at once", most.Load(), int32(1))
			w.locked(func() {
				w.is("asleep, queues", []any{w.m.reaper.asleep, len(w.m.reaper.lwps), len(w.m.reaper.procs)}, []any{true, 0, 0})
			})
		} else {
			w.is("each by itself", most.Load() > 1, true)
		}
	})
}

func TestReaper_59_LWPQueueBeforeProcessQueue(t *testing.T) {
	both(t, func(w *world) {
		release := w.blockReaper()
		w.spawn("A", exit(0))
		settled()
		w.spawn("B", exit(0))
		settled()
		w.spawn("C", func(l *LWP) {
			l.NewLWP(0, func(l *LWP) { l.ExitLWP() }, false, nil)
			sleepForever(l)
		})
		settled()
		release()
		if w.r2003 {
			w.order("C.ReapLWP", "B.ReapLWP", "A.ReapLWP", "B.ReapProc", "A.ReapProc")
		} else {
			w.order("A.SetZombie", "B.SetZombie")
			w.never("C.ReapLWP", "B.ReapLWP", "A.ReapLWP", "B.ReapProc", "A.ReapProc")
		}
	})
}

func TestReaper_60_LWPRestsThenFreesThenIsZombie(t *testing.T) {
	both(t, func(w *world) {
		w.spawn("P", func(l *LWP) {
			w.give(l.Proc(), nil, nil, &fakeVM{
				wait: func(x *LWP) { w.mark("cpu_wait"); time.Sleep(time.Second) },
				free: func(x *LWP) {
					w.mark("lwp vm")
					w.is("state", x.State(), under(w, LWPDead, LWPRunning))
				},
			})
			n, _ := l.NewLWP(0, func(l *LWP) { l.ExitLWP() }, false, nil)
			got, errno := l.LWPWait(n.ID())
			w.is("lwp_wait", []any{got, errno, w.since()}, []any{n.ID(), netbsd.Errno(0), time.Second})
			sleepForever(l)
		})
		settledFor(time.Minute)
		w.order("P.LWPMachdepWait", "cpu_wait", "lwp vm", "P.LWPZombie")
		if w.r2003 {
			w.order("P.WakeReaper", "P.ReapLWP", "P.LWPMachdepWait", "P.LWPFreeVM", "P.LWPZombie")
		}
	})
}

func TestReaper_61_DetachedLWPGoesWithoutAWakeup(t *testing.T) {
	both(t, func(w *world) {
		w.spawn("P", func(l *LWP) {
			w.fork(l, "unrelated", exit(0))
			l.NewLWP(0, func(l *LWP) { l.Nanosleep(time.Hour) }, false, nil)
			d, _ := l.NewLWP(netbsd.LWP_DETACHED, func(l *LWP) { l.Nanosleep(time.Second); l.ExitLWP() }, false, nil)
			time.AfterFunc(500*time.Millisecond, func() {
				w.locked(func() { w.is("asleep", []any{l.stat, l.gen, l.p.nlwps}, []any{LWPSleeping, uint32(1), int32(3)}) })
			})
			time.AfterFunc(2*time.Second, func() {
				w.locked(func() {
					w.is("unlinked and freed", []any{l.p.nlwps, l.p.nzlwps, d.stat, l.p.lwpLocked(d.lid) == nil}, []any{int32(2), int32(0), LWPFree, true})
					if w.r2003 {
						w.is("sleeps since the start", l.gen, uint32(1))
					}
				})
			})
			l.LWPWait(0)
			w.is("woken by the other", w.since(), time.Hour)
			_, errno := l.LWPWait(d.ID())
			w.is("nobody to wait for", errno, netbsd.ESRCH)
			sleepForever(l)
		})
		settledFor(2 * time.Hour)
		w.order("P.LWPFree", "P.LWPZombie")
	})
}

func TestReaper_62_UndetachedLWPWakesItsWaiters(t *testing.T) {
	both(t, func(w *world) {
		w.spawn("P", func(l *LWP) {
			n, _ := l.NewLWP(0, func(l *LWP) { l.Nanosleep(time.Second); l.ExitLWP() }, false, nil)
			for range 2 { // both wait, one gets it
				l.NewLWP(netbsd.LWP_DETACHED, func(l *LWP) {
					got, errno := l.LWPWait(n.ID())
					if got == n.ID() {
						got = 2
					}
					w.mark("%d %v", got, errno)
				}, false, nil)
			}
			l.Nanosleep(2 * time.Second)
			w.is("LWPs left", l.Proc().NumLWPs(), 1)
			n, _ = l.NewLWP(0, func(l *LWP) { l.ExitLWP() }, false, nil)
			l.Nanosleep(time.Second)
			w.locked(func() { w.is("nzlwps", []int32{l.p.nzlwps, l.p.nlwps}, []int32{1, 2}) })
			got, errno := l.LWPWait(0)
			w.is("zombie LWP", []any{got, errno}, []any{n.ID(), netbsd.Errno(0)})
			sleepForever(l)
		})
		settledFor(time.Minute)
		w.order("2 errno 0")
		w.order("0 " + netbsd.ESRCH.Error())
	})
}

func TestReaper_63_MemoryIsFreedBeforeTheZombie(t *testing.T) {
	both(t, func(w *world) {
		w.guest(func(l *LWP) {
			c := w.fork(l, "C", func(l *LWP) {
				w.give(l.Proc(), nil, nil, &fakeVM{exit: func(p *Proc) {
					w.is("state", p.State(), under(w, StateDead, StateExiting))
					time.Sleep(10 * time.Second)
					w.mark("freed")
				}})
				l.Exit(3)
			})
			l.Nanosleep(time.Second)
			w.waitIs(l, c.Pid(), netbsd.WNOHANG|under(w, 0, netbsd.WNOZOMBIE), 0, 0, 0)
			w.waitIs(l, c.Pid(), 0, c.Pid(), netbsd.ExitStatus(3, 0), 0)
			w.is("waitable at", w.since(), 10*time.Second)
			w.is("no memory", c.VM(), nil)
		})
		w.order(under(w, []string{"C.SetDead", "C.ReapProc", "C.FreeVM", "freed", "C.SetZombie"},
			[]string{"C.FreeVM", "freed", "C.SetDead", "C.SetZombie"})...)
	})
}

func TestReaper_64_WaitInsideASigchldHandlerSucceeds(t *testing.T) {
	both(t, func(w *world) {
		w.guest(func(l *LWP) {
			got := 0
			w.handle(l, netbsd.SIGCHLD, func(l *LWP, si *netbsd.Siginfo) {
				w.waitIs(l, int(si.Pid), netbsd.WNOHANG, int(si.Pid), netbsd.ExitStatus(got, 0), 0)
				got++
			})
			for i := range 20 {
				w.fork(l, "C", exit(i))
				for got <= i {
					l.Nanosleep(time.Millisecond)
				}
			}
			w.is("reaped", got, 20)
		})
		p := w.guest(func(l *LWP) { w.wait(l, w.fork(l, "Q", exit(0)).Pid(), 0) })
		_ = p
		w.order(under(w, []string{"Q.SetZombie", "Q.SignalParent", "Q.WakeParent", "Q.Reap"},
			[]string{"Q.SetDead", "Q.SignalParent", "Q.SetZombie", "Q.WakeParent", "Q.Reap"})...)
	})
}

func TestReaper_65_WhenTheSignalIsSent(t *testing.T) {
	both(t, func(w *world) {
		w.guest(func(l *LWP) {
			w.catch(l, "P", netbsd.SIGCHLD, netbsd.SIGUSR1)
			// Exit signal 0: none, and the waiter wakes nevertheless.
			c := w.forkWith(l, "none", ForkArgs{NoExitSignal: true, Body: func(l *LWP) { l.Nanosleep(time.Second) }})
			w.waitIs(l, c.Pid(), netbsd.WALLSIG, c.Pid(), 0, 0)
			w.order("none.WakeParent")
			w.never("none.SignalParent", "P.SIGCHLD")
			// Procfs tracing: none either, in 2003.
			c = w.fork(l, "fs", func(l *LWP) { l.Proc().setFSTrace(true); l.Nanosleep(time.Second) })
			w.waitIs(l, c.Pid(), 0, c.Pid(), 0, 0)
			if w.r2003 {
				w.never("fs.SignalParent", "P.SIGCHLD")
				w.order("fs.SetZombie", "fs.WakeParent")
			}
			c = w.forkWith(l, "usr1", ForkArgs{ExitSignal: netbsd.SIGUSR1, Body: func(l *LWP) { l.Nanosleep(time.Second) }})
			w.waitIs(l, c.Pid(), netbsd.WALTSIG, c.Pid(), 0, 0)
			w.order("usr1.SignalParent", "usr1.WakeParent")
			w.order("P.SIGUSR1")
		})
	})
}
