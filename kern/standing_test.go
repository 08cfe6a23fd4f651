package kern

import (
	"testing"
	"time"

	"toaster/netbsd"
)

// Tests of signals for LWPs that a tracer has left standing or holds (sigpost, kpsignal2 of kern_sig.c).

// sigpost: a signal wakes an LWP that stands in an interruptible sleep while another one goes on: it is shown to the tracer, and
// handled when that passes it on.
func TestSignalWakesASleeperThatStands(t *testing.T) {
	both(t, func(w *world) {
		w.guest(func(l *LWP) {
			var sleeper, other int
			pid := w.tracedWith(l, 0, func(l *LWP) {
				w.catch(l, "C", netbsd.SIGUSR1)
				n, _ := l.NewLWP(0, func(l *LWP) { // it takes SIGSTOP
					blocked := netbsd.SIGUSR1.Bit()
					l.Sigprocmask(netbsd.SIG_SETMASK, &blocked)
					sleepForever(l)
				}, false, nil)
				sleeper, other = l.ID(), n.ID()
				for {
					errno := l.Sleep(true, time.Time{})
					w.mark("its sleep has ended: %v", errno != 0)
				}
			})
			w.goOn(l, pid, 0)
			nap(l, time.Second)
			w.is("PT_STOP", l.PtraceStop(pid), netbsd.Errno(0))
			w.waitIs(l, pid, 0, pid, netbsd.StopStatus(netbsd.SIGSTOP), 0)
			w.is("resume", l.PtraceResume(pid, ResumeArgs{LWP: other}), netbsd.Errno(0))
			nap(l, time.Second)
			l.Kill(pid, netbsd.SIGUSR1)
			w.waitIs(l, pid, 0, pid, netbsd.StopStatus(netbsd.SIGUSR1), 0)
			lid := 0
			w.locked(func() { lid = int(w.m.pids.find(pid).ext.stopLid) })
			w.is("who", lid, sleeper)
			check(w.T, w.m)
			w.goOn(l, pid, netbsd.SIGUSR1)
			nap(l, time.Second)
			w.order("C.SIGUSR1", "its sleep has ended: true")
			l.PtraceKill(pid)
			w.wait(l, pid, 0)
		})
	})
}

// kpsignal2: a traced process that is stopped is told of nothing but SIGKILL, so a sleep that runs out meanwhile has run out, and the
// signal comes afterwards. Of one that nobody traces the signal ends it (TestSignalsForAStoppedSleeper).
func TestSignalForATracedSleeperThatIsStopped(t *testing.T) {
	both(t, func(w *world) {
		w.guest(func(l *LWP) {
			pid := w.tracedWith(l, 0, func(l *LWP) {
				l.NewLWP(0, func(l *LWP) {
					end, errno := time.Now().Add(10*time.Second), netbsd.Errno(0)
					for errno == 0 {
						errno = l.Sleep(true, end)
					}
					w.mark("sleep: %v", errno)
					asleep(l)
				}, false, nil)
				blocked := netbsd.SIGUSR1.Bit()
				l.Sigprocmask(netbsd.SIG_SETMASK, &blocked)
				nap(l, time.Second)
				l.LWPKill(l.ID(), netbsd.SIGUSR2)
				asleep(l)
			})
			w.goOn(l, pid, 0)
			w.waitIs(l, pid, 0, pid, netbsd.StopStatus(netbsd.SIGUSR2), 0)
			l.Kill(pid, netbsd.SIGUSR1)
			nap(l, 20*time.Second)
			w.goOn(l, pid, 0)
			w.waitIs(l, pid, 0, pid, netbsd.StopStatus(netbsd.SIGUSR1), 0)
			w.goOn(l, pid, 0)
			nap(l, time.Second)
			w.order("sleep: " + netbsd.EWOULDBLOCK.Error())
			l.PtraceKill(pid)
			w.wait(l, pid, 0)
		})
	})
}

// sigpost ends PT_SUSPEND of an LWP that sleeps and blocks the signal, if that kills by default, and leaves its sleep alone: it goes on
// when the time is up.
func TestHeldSleeperThatBlocksTheSignal(t *testing.T) {
	both(t, func(w *world) {
		w.guest(func(l *LWP) {
			blocked := netbsd.SIGUSR1.Bit()
			var second int
			pid := w.tracedWith(l, 0, func(l *LWP) {
				l.Sigprocmask(netbsd.SIG_SETMASK, &blocked)
				n, _ := l.NewLWP(0, func(l *LWP) {
					end, errno := time.Now().Add(10*time.Second), netbsd.Errno(0)
					for errno == 0 {
						errno = l.Sleep(true, end)
					}
					w.mark("sleep: %v", errno)
					asleep(l)
				}, false, nil)
				second = n.ID()
				l.Nanosleep(time.Second)
				l.LWPKill(l.ID(), netbsd.SIGUSR2)
				asleep(l)
			})
			w.goOn(l, pid, 0)
			w.waitIs(l, pid, 0, pid, netbsd.StopStatus(netbsd.SIGUSR2), 0)
			w.is("hold", l.PtraceSuspend(pid, second, true), netbsd.Errno(0))
			w.goOn(l, pid, 0)
			nap(l, time.Second)
			l.Kill(pid, netbsd.SIGUSR1)
			check(w.T, w.m)
			nap(l, 20*time.Second)
			w.order("sleep: " + netbsd.EWOULDBLOCK.Error())
			l.PtraceKill(pid)
			w.wait(l, pid, 0)
		})
	})
}

// knote_signal: EVFILT_SIGNAL counts the terminal's signal for a process whose program another kernel runs, also where that kernel has
// sent it itself.
func TestForeignSignalOfTheTerminalIsCounted(t *testing.T) {
	both(t, func(w *world) {
		a := &abroad{alive: true}
		w.leader("L", &fakeDev{}, func(l *LWP, t *TTY) {
			w.catch(l, "L", netbsd.SIGINT)
			c := w.fork(l, "P", func(l *LWP) { a.run(l) })
			l.Nanosleep(time.Millisecond)
			n := 0
			c.AttachKnote(note(func(e NoteEvent) {
				if e.Kind == NoteSignal && e.Signal == netbsd.SIGINT {
					n++
				}
			}))
			t.SignalBut(netbsd.SIGINT, a)
			l.Nanosleep(time.Millisecond)
			w.is("counted", n, 1)
			l.Kill(c.Pid(), netbsd.SIGKILL)
			w.wait(l, netbsd.WaitAny, 0)
		})
		settledFor(time.Second)
	})
}

// A SIGCONT for a process that exits, and has not stopped there, is none: kpsignal2 leaves at once for who is not SACTIVE or SSTOP.
func TestContinuationOfWhoExits(t *testing.T) {
	both(t, func(w *world) {
		w.guest(func(l *LWP) {
			got := w.infos(l, netbsd.SIGCHLD)
			c := w.fork(l, "C", func(l *LWP) {
				w.give(l.Proc(), func() { nap(l, 3*time.Second) }, nil, nil)
				l.Exit(6)
			})
			nap(l, time.Second)
			w.is("state", c.State(), StateExiting)
			w.is("kill", []netbsd.Errno{l.Kill(c.Pid(), netbsd.SIGCONT), c.Kill(netbsd.SIGCONT)}, []netbsd.Errno{0, 0})
			if !w.r2003 {
				w.waitIs(l, c.Pid(), netbsd.WCONTINUED|netbsd.WNOHANG, 0, 0, 0)
			}
			w.is("its parent is told", len(*got), 0)
			w.waitIs(l, c.Pid(), 0, c.Pid(), netbsd.ExitStatus(6, 0), 0)
		})
	})
}
