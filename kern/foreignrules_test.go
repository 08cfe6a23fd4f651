package kern

import (
	"testing"
	"time"

	"toaster/netbsd"
)

// What a program elsewhere reports is taken for what it is once: a stop of the stopped and a continuation of who runs are no news, and an end
// takes nothing back that has been told. EVFILT_SIGNAL counts each signal for it, in a group too, and once.
func TestForeignReportsThatAreNoNews(t *testing.T) {
	both(t, func(w *world) {
		a := &abroad{}
		w.guest(func(l *LWP) {
			counted := counter{n: map[string]int{}}
			c := w.fork(l, "C", func(l *LWP) {
				l.Setpgid(0, 0)
				l.Proc().AttachKnote(note(func(e NoteEvent) {
					if e.Kind == NoteSignal {
						counted.add(e.Signal.String())
					}
				}))
				a.run(l)
			})
			l.Nanosleep(time.Millisecond)
			pl := c.LWPs()[0].Platform()
			quiet := func(what string) {
				w.Helper()
				options := netbsd.WUNTRACED | netbsd.WNOHANG
				if !w.r2003 {
					options |= netbsd.WCONTINUED
				}
				w.waitIs(l, c.Pid(), options, 0, 0, 0)
			}
			for _, kill := range []struct {
				pid int
				sig netbsd.Signal
			}{{c.Pid(), netbsd.SIGUSR1}, {-c.Pid(), netbsd.SIGUSR2}} {
				l.Kill(kill.pid, kill.sig)
				w.is("counted", counted.take(), map[string]int{kill.sig.String(): 1})
			}
			a.take()
			l.Kill(-c.Pid(), 0)
			w.is("a look is none", a.take(), "")
			pl.ForeignContinued()
			quiet("it has not stopped")
			pl.ForeignStopped(netbsd.SIGTSTP)
			w.waitIs(l, c.Pid(), netbsd.WUNTRACED, c.Pid(), netbsd.StopStatus(netbsd.SIGTSTP), 0)
			pl.ForeignStopped(netbsd.SIGSTOP)
			quiet("it has stopped already")
			pl.ForeignContinued()
			if !w.r2003 {
				w.waitIs(l, c.Pid(), netbsd.WCONTINUED|netbsd.WNOWAIT, c.Pid(), netbsd.ContinuedStatus, 0)
				pl.ForeignEnded()
				w.waitIs(l, c.Pid(), netbsd.WCONTINUED, c.Pid(), netbsd.ContinuedStatus, 0)
			}
			quiet("told")
			pl.ForeignStopped(netbsd.SIGTSTP)
			pl.ForeignEnded()
			w.is("its stop is over", c.Stopped(), false)
			l.Kill(c.Pid(), netbsd.SIGKILL)
			w.waitIs(l, c.Pid(), 0, c.Pid(), netbsd.ExitStatus(0, netbsd.SIGKILL), 0)
			pl.ForeignContinued()
			pl.ForeignStopped(netbsd.SIGTSTP)
			pl.ForeignEnded()
			w.is("gone", c.Stopped(), false)
		})
	})
}

// A signal for a group reaches the groups elsewhere that are in it: from the terminal, but for the one whose member has it already, and
// SIGHUP and SIGCONT of an orphaned group (orphanpg).
func TestForeignGroupsHearOfTheirGroups(t *testing.T) {
	both(t, func(w *world) {
		a, b := &abroad{}, &abroad{}
		p, _ := w.leader("L", &fakeDev{}, func(l *LWP, tty *TTY) {
			m := w.fork(l, "M", func(l *LWP) {
				l.Setpgid(0, 0)
				w.fork(l, "F", a.run)
				w.fork(l, "G", b.run)
				s := w.fork(l, "S", sleepForever)
				l.Nanosleep(time.Millisecond)
				l.Kill(s.Pid(), netbsd.SIGSTOP)
				nap(l, 2*time.Second)
			})
			nap(l, time.Second)
			w.is("foreground", l.SetForeground(tty, m.Pid()), netbsd.Errno(0))
			a.take()
			b.take()
			tty.SignalBut(netbsd.SIGWINCH, nil)
			w.is("all", []string{a.take(), b.take()}, []string{"group:SIGWINCH", "group:SIGWINCH"})
			tty.SignalBut(netbsd.SIGWINCH, w.find("F").GroupThere())
			w.is("but one's", []string{a.take(), b.take()}, []string{"", "group:SIGWINCH"})
			tty.SignalBut(netbsd.SIGCHLD, nil)
			w.is("that is of children", []string{a.take(), b.take()}, []string{"", ""})
			w.wait(l, m.Pid(), 0)
			nap(l, time.Second)
			w.is("orphaned", []string{a.take(), b.take()}, []string{"group:SIGHUP group:SIGCONT orphaned", "group:SIGHUP group:SIGCONT orphaned"})
			l.Kill(-m.Pid(), netbsd.SIGKILL)
		})
		p.Wait()
	})
}

// SetForeign: who is to die runs nothing elsewhere any more, be its end its own process's or another LWP's word.
func TestForeignOfTheDoomed(t *testing.T) {
	both(t, func(w *world) {
		a := &abroad{}
		w.guest(func(l *LWP) {
			l.NewLWP(0, func(o *LWP) {
				time.Sleep(time.Second)
				w.is("exit of another", o.Platform().SetForeign(&program{abroad: a, l: o}), false)
			}, true, nil)
			w.give(l.Proc(), func() {
				w.is("its own exit", l.Platform().SetForeign(&program{abroad: a, l: l}), false)
			}, nil, nil)
			l.Exit(0)
		})
		w.guest(func(l *LWP) {
			l.NewLWP(0, func(o *LWP) {
				time.Sleep(time.Second)
				w.is("exec of another", o.Platform().SetForeign(&program{abroad: a, l: o}), false)
			}, true, nil)
			l.Exec(ExecArgs{Comm: "x"})
		})
	})
}

// ktrace(2): whoever runs is kicked when a file is set, and nobody else; a systrace attachment is released for another one; what exits is
// ESRCH, and what has exited has none.
func TestKtraceKicks(t *testing.T) {
	both(t, func(w *world) {
		kicks := counter{n: map[string]int{}}
		kicker := func(name string) func(*LWP) netbsd.Errno {
			return func(l *LWP) netbsd.Errno {
				l.Platform().SetKicker(func() { kicks.add(name) })
				return 0
			}
		}
		released := counter{n: map[string]int{}}
		ref := func(name string) *fakeRef { return &fakeRef{nil, func() { released.add(name) }} }
		p := w.spawnWith("P", SpawnArgs{Prepare: kicker("runs"), Body: func(l *LWP) {
			p := l.Proc()
			l.NewLWP(0, sleepForever, false, kicker("sleeps"))
			l.NewLWP(0, func(*LWP) { time.Sleep(time.Hour) }, true, nil)
			time.Sleep(time.Second)
			kicks.take()
			w.is("set", p.SetKtrace(ref("k1")), netbsd.Errno(0))
			w.is("kicked", kicks.take(), map[string]int{"runs": 1})
			w.is("none", p.SetKtrace(nil), netbsd.Errno(0))
			w.is("released", []any{released.take(), kicks.take()}, []any{map[string]int{"k1": 1}, map[string]int{}})
			p.setSystrace(ref("s1"))
			p.setSystrace(ref("s2"))
			w.is("another", released.take(), map[string]int{"s1": 1})
			p.SetKtrace(ref("k2"))
			w.give(p, func() {
				w.is("exiting", p.SetKtrace(ref("k3")), netbsd.ESRCH)
				w.is("still traced", p.Ktraced(), true)
			}, nil, nil)
			l.Exit(0)
		}})
		p.Wait()
		settled()
		w.is("at the end", released.take(), map[string]int{"s2": 1, "k2": 1})
		w.is("none left", []any{p.Ktraced(), p.Ktrace() == nil, p.SetKtrace(ref("k4"))}, []any{false, true, netbsd.ESRCH})
	})
}

// A fork that fails releases the references to ktrace and systrace that the child has inherited.
func TestFailedForkReleasesTraces(t *testing.T) {
	both(t, func(w *world) {
		w.guest(func(l *LWP) {
			n := map[string]int{}
			ref := func(name string) *fakeRef {
				return &fakeRef{func() { n[name]++ }, func() { n[name]-- }}
			}
			l.Proc().setKtrace(ref("ktrace"))
			l.Proc().setSystrace(ref("systrace"))
			text := ref("text")
			l.Exec(ExecArgs{Comm: "x", Text: text})
			l.Fork(ForkArgs{Body: exit(0), Prepare: func(*LWP) netbsd.Errno {
				w.is("held", n, map[string]int{"ktrace": 1, "systrace": 1, "text": 1})
				return netbsd.ENOMEM
			}})
			w.is("released", n, map[string]int{"ktrace": 0, "systrace": 0, "text": 0})
		})
	})
}
