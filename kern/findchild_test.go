package kern

import (
	"testing"
	"time"

	"toaster/netbsd"
)

// Items 79 to 89: find_stopped_child.

func TestFindChild_79_AnyPidOrGroup(t *testing.T) {
	both(t, func(w *world) {
		w.guest(func(l *LWP) {
			a := w.fork(l, "A", exit(1))
			b := w.fork(l, "B", func(l *LWP) { l.Setpgid(0, 0); l.Nanosleep(time.Millisecond); l.Exit(2) })
			c := w.fork(l, "C", func(l *LWP) { l.Nanosleep(time.Second); l.Exit(3) })
			l.Nanosleep(time.Microsecond)
			l.Setpgid(c.Pid(), b.Pid())
			l.Nanosleep(2 * time.Second)
			// Not a child, not a group of a child's, and a pid that is only a group's.
			for _, pid := range []int{1, l.Proc().Pid(), 9999, -9999, -a.Pid(), -1 << 31} {
				w.waitIs(l, pid, netbsd.WNOHANG, 0, 0, netbsd.ECHILD)
			}
			w.waitIs(l, -b.Pid(), 0, c.Pid(), netbsd.ExitStatus(3, 0), 0) // the group's newest
			w.waitIs(l, -b.Pid(), 0, b.Pid(), netbsd.ExitStatus(2, 0), 0)
			w.waitIs(l, -b.Pid(), 0, 0, 0, netbsd.ECHILD)
			w.waitIs(l, a.Pid(), 0, a.Pid(), netbsd.ExitStatus(1, 0), 0)
			d := w.fork(l, "D", exit(4))
			w.waitIs(l, netbsd.WaitAny, 0, d.Pid(), netbsd.ExitStatus(4, 0), 0)
		})
	})
}

// sigKids makes zombies of each exit signal, and traced stopped ones.
func (w *world) sigKids(l *LWP) map[string]int {
	pids := map[string]int{}
	fork := func(name string, a ForkArgs) { pids[name] = w.forkWith(l, name, a).Pid() }
	fork("chld", ForkArgs{Body: exit(0)})
	fork("usr1", ForkArgs{ExitSignal: netbsd.SIGUSR1, Body: exit(0)})
	fork("none", ForkArgs{NoExitSignal: true, Body: exit(0)})
	traced := func(l *LWP) { l.TraceMe(); l.Kill(l.Proc().Pid(), netbsd.SIGUSR2); sleepForever(l) }
	fork("traced chld", ForkArgs{Body: traced})
	fork("traced usr1", ForkArgs{ExitSignal: netbsd.SIGUSR1, Body: traced})
	fork("traced none", ForkArgs{NoExitSignal: true, Body: traced})
	l.Nanosleep(time.Second)
	return pids
}

// sees returns which of the kids a wait with these options finds.
func (w *world) sees(l *LWP, kids map[string]int, options int) map[string]bool {
	got := map[string]bool{}
	for name, pid := range kids {
		r, errno := l.Wait(pid, options|netbsd.WNOHANG)
		switch {
		case errno == 0 && r.Pid == pid:
			got[name] = true
		case errno != netbsd.ECHILD:
			w.Errorf("%s: %v, %v", name, r.Pid, errno)
		}
	}
	return got
}

func set(names ...string) map[string]bool {
	m := map[string]bool{}
	for _, n := range names {
		m[n] = true
	}
	return m
}

func TestFindChild_80_PlainWaitSeesSigchldOnly(t *testing.T) {
	both(t, func(w *world) {
		w.guest(func(l *LWP) {
			k := w.sigKids(l)
			w.is("plain", w.sees(l, k, 0), set("chld", "traced chld", "traced usr1", "traced none"))
			w.waitIs(l, netbsd.WaitAny, netbsd.WNOHANG, 0, 0, 0) // the stopped traced ones count
		})
		w.guest(func(l *LWP) {
			w.forkWith(l, "usr1", ForkArgs{ExitSignal: netbsd.SIGUSR1, Body: exit(0)})
			l.Nanosleep(time.Second)
			w.waitIs(l, netbsd.WaitAny, 0, 0, 0, netbsd.ECHILD) // as if it were not there
		})
	})
}

// P_EXITSIG (sys/proc.h of 2003) is SIGCHLD under P_FSTRACE, too, so both kinds of wait find the
// child; its stops are still reported as those of a child that is not traced (line 744). Release
// 10 has no procfs tracing.
func TestFindChild_80_ProcfsTracingCounts(t *testing.T) {
	both(t, func(w *world) {
		for _, options := range []int{0, netbsd.WALTSIG} {
			w.guest(func(l *LWP) {
				c := w.forkWith(l, "C", ForkArgs{ExitSignal: netbsd.SIGUSR1, Body: sleepForever})
				w.waitIs(l, netbsd.WaitAny, netbsd.WNOHANG, 0, 0, netbsd.ECHILD)
				c.setFSTrace(true)
				w.waitIs(l, netbsd.WaitAny, netbsd.WNOHANG, 0, 0, under(w, 0, netbsd.ECHILD))
				l.Kill(c.Pid(), netbsd.SIGSTOP)
				l.Nanosleep(time.Second)
				w.waitIs(l, c.Pid(), options|netbsd.WNOHANG, 0, 0, plainOf(w, options))
				options := under(w, options, netbsd.WALTSIG)
				w.waitIs(l, c.Pid(), options|netbsd.WUNTRACED, c.Pid(), netbsd.StopStatus(netbsd.SIGSTOP), 0)
				l.Kill(c.Pid(), netbsd.SIGKILL)
				w.waitIs(l, c.Pid(), options, c.Pid(), netbsd.ExitStatus(0, netbsd.SIGKILL), 0)
			})
		}
	})
}

// plainOf is what a wait with options says in release 10, which sees no SIGCHLD child.
func plainOf(w *world, options int) netbsd.Errno {
	if w.r2003 || options != 0 {
		return 0
	}
	return netbsd.ECHILD
}

func TestFindChild_81_WaltsigSkipsRawSigchld(t *testing.T) {
	both(t, func(w *world) {
		w.guest(func(l *LWP) {
			k := w.sigKids(l)
			w.is("WALTSIG", w.sees(l, k, netbsd.WALTSIG), set("usr1", "none", "traced usr1", "traced none"))
		})
		w.guest(func(l *LWP) {
			w.fork(l, "chld", exit(0))
			l.Nanosleep(time.Second)
			w.waitIs(l, netbsd.WaitAny, netbsd.WALTSIG, 0, 0, netbsd.ECHILD)
		})
	})
}

func TestFindChild_82_WallsigOverridesWaltsig(t *testing.T) {
	both(t, func(w *world) {
		for _, o := range []int{netbsd.WALLSIG, netbsd.WALLSIG | netbsd.WALTSIG} {
			w.guest(func(l *LWP) {
				k := w.sigKids(l)
				w.is("WALLSIG", w.sees(l, k, o), set("chld", "usr1", "none", "traced chld", "traced usr1", "traced none"))
			})
		}
	})
}

func TestFindChild_83_ChildListOrder(t *testing.T) {
	both(t, func(w *world) {
		reap := func(l *LWP, options int) (s []string) {
			for {
				r, errno := l.Wait(netbsd.WaitAny, options)
				if errno != 0 || r.Pid == 0 {
					return s
				}
				s = append(s, w.names[r.Pid])
			}
		}
		w.guest(func(l *LWP) {
			// They die in the order C A D B. In 2003 the newest fork is reported first; NetBSD
			// 10 puts who dies at the head ("where it can be found quickly", exit1).
			for i, name := range []string{"A", "B", "C", "D"} {
				d := []time.Duration{2, 4, 1, 3}[i]
				w.fork(l, name, func(l *LWP) { l.Nanosleep(d * time.Millisecond) })
			}
			l.Nanosleep(time.Second)
			w.is("reaped", reap(l, 0), under(w, []string{"D", "C", "B", "A"}, []string{"B", "D", "A", "C"}))
		})
		w.guest(func(l *LWP) {
			// A stop at the head goes before a zombie behind it, and the reverse.
			s := w.fork(l, "S1", sleepForever)
			w.fork(l, "Z", func(l *LWP) { l.Nanosleep(time.Millisecond) }) // it dies last
			u := w.fork(l, "S2", sleepForever)
			l.Kill(s.Pid(), netbsd.SIGSTOP)
			l.Kill(u.Pid(), netbsd.SIGSTOP)
			l.Nanosleep(time.Second)
			w.is("zombie, running and stopped", reap(l, netbsd.WUNTRACED|netbsd.WNOHANG),
				under(w, []string{"S2", "Z", "S1"}, []string{"Z", "S2", "S1"}))
		})
		w.guest(func(l *LWP) {
			// A reparent puts at the head: the debugger's newest child is the one it
			// attached to last, and the give-back makes it the parent's newest.
			a := w.fork(l, "A", sleepForever)
			w.fork(l, "B", sleepForever)
			d := w.spawn("D", func(d *LWP) {
				w.fork(d, "E", sleepForever)
				d.PtraceAttach(a.Pid())
				w.is("D's", w.kids(d.Proc()), "A E")
				w.wait(d, a.Pid(), 0)
				d.PtraceResume(a.Pid(), ResumeArgs{Detach: true})
			})
			<-d.Done()
			w.is("P's", w.kids(l.Proc()), "A B")
		})
	})
}

func TestFindChild_84_NoZombieSkipsButCounts(t *testing.T) {
	both(t, func(w *world) {
		w.guest(func(l *LWP) {
			c := w.fork(l, "C", exit(1))
			l.Nanosleep(time.Second)
			pid, errno := l.waitKernel(c.Pid(), netbsd.WNOZOMBIE|netbsd.WNOHANG, nil)
			w.is("skipped, found", []any{pid, errno}, []any{0, netbsd.Errno(0)})
			s := w.fork(l, "S", sleepForever)
			l.Kill(s.Pid(), netbsd.SIGSTOP)
			l.Nanosleep(time.Second)
			pid, errno = l.waitKernel(netbsd.WaitAny, netbsd.WNOZOMBIE|netbsd.WUNTRACED, nil)
			w.is("the stopped one", []any{pid, errno}, []any{s.Pid(), netbsd.Errno(0)})
			_, errno = l.Wait4(c.Pid(), netbsd.WNOZOMBIE|netbsd.WNOHANG, nil) // a guest's option in 10 only
			w.is("from a guest", errno, under(w, netbsd.EINVAL, netbsd.Errno(0)))
			w.waitIs(l, c.Pid(), 0, c.Pid(), netbsd.ExitStatus(1, 0), 0)
		})
	})
}

func TestFindChild_85_WhichStopsAreReported(t *testing.T) {
	both(t, func(w *world) {
		w.guest(func(l *LWP) {
			c := w.fork(l, "C", func(l *LWP) {
				l.NewLWP(0, func(l *LWP) { nap(l, 10*time.Second); sleepForever(l) }, false, nil)
				sleepForever(l)
			})
			l.Nanosleep(time.Second)
			l.Kill(c.Pid(), netbsd.SIGSTOP)
			l.Nanosleep(time.Second)
			w.waitIs(l, c.Pid(), netbsd.WUNTRACED|netbsd.WNOHANG, 0, 0, 0) // one LWP has not stopped yet
			l.Nanosleep(10 * time.Second)
			w.waitIs(l, c.Pid(), netbsd.WNOHANG, 0, 0, 0) // untraced: only with WUNTRACED
			w.waitIs(l, c.Pid(), netbsd.WUNTRACED, c.Pid(), netbsd.StopStatus(netbsd.SIGSTOP), 0)
			w.waitIs(l, c.Pid(), netbsd.WUNTRACED|netbsd.WNOHANG, 0, 0, 0) // WAITED
			d := w.fork(l, "T", func(l *LWP) { l.TraceMe(); l.Kill(l.Proc().Pid(), netbsd.SIGUSR1) })
			w.waitIs(l, d.Pid(), 0, d.Pid(), netbsd.StopStatus(netbsd.SIGUSR1), 0) // traced: without
			w.waitIs(l, d.Pid(), netbsd.WNOHANG, 0, 0, 0)
		})
	})
}

func TestFindChild_86_EachStopIsReportedOnce(t *testing.T) {
	both(t, func(w *world) {
		w.guest(func(l *LWP) {
			c := w.fork(l, "C", sleepForever)
			for range 3 { // every new stop is one more report
				l.Kill(c.Pid(), netbsd.SIGSTOP)
				l.Nanosleep(time.Second)
				for range 3 {
					pid, errno := l.waitKernel(c.Pid(), netbsd.WUNTRACED|netbsd.WNOHANG|netbsd.WNOWAIT, nil)
					w.is("WNOWAIT", []any{pid, errno}, []any{c.Pid(), netbsd.Errno(0)})
					w.locked(func() { w.is("WAITED", c.flags&fWaited != 0, false) })
				}
				w.waitIs(l, c.Pid(), netbsd.WUNTRACED|netbsd.WNOHANG, c.Pid(), netbsd.StopStatus(netbsd.SIGSTOP), 0)
				w.locked(func() { w.is("WAITED", c.flags&fWaited != 0, true) })
				w.waitIs(l, c.Pid(), netbsd.WUNTRACED|netbsd.WNOHANG, 0, 0, 0)
				l.Kill(c.Pid(), netbsd.SIGSTOP) // stopped already: no new stop
				l.Nanosleep(time.Second)
				w.waitIs(l, c.Pid(), netbsd.WUNTRACED|netbsd.WNOHANG, 0, 0, 0)
				l.Kill(c.Pid(), netbsd.SIGCONT)
				l.Nanosleep(time.Second)
			}
		})
	})
}

func TestFindChild_87_DeadAndRunningChildrenCount(t *testing.T) {
	both(t, func(w *world) {
		w.guest(func(l *LWP) {
			r := w.fork(l, "running", func(l *LWP) { l.Nanosleep(time.Minute) })
			w.waitIs(l, r.Pid(), netbsd.WNOHANG, 0, 0, 0)
			at, on := make(chan struct{}), make(chan struct{})
			c := w.atNoteExit(l, "dead", func(*Proc, NoteEvent) { close(at); <-on })
			<-at
			w.is("state", c.State(), StateDead)
			start := w.since()
			time.AfterFunc(time.Second, func() { close(on) })
			if w.r2003 {
				w.waitIs(l, c.Pid(), netbsd.WNOHANG, 0, 0, 0)
				w.is("at once", w.since()-start, time.Duration(0))
				w.waitIs(l, c.Pid(), 0, c.Pid(), netbsd.ExitStatus(6, 0), 0) // blocks
			} else {
				w.waitIs(l, r.Pid(), netbsd.WNOHANG, 0, 0, 0) // the moment is only for who asks for it
				w.is("at once", w.since()-start, time.Duration(0))
				w.waitIs(l, netbsd.WaitAny, netbsd.WNOHANG, c.Pid(), netbsd.ExitStatus(6, 0), 0)
			}
			w.is("a second later", w.since()-start, time.Second)
			w.waitIs(l, netbsd.WaitAny, 0, r.Pid(), 0, 0)
			w.is("blocked", w.since(), time.Minute)
		})
	})
}

func TestFindChild_88_EchildBeforeWnohang(t *testing.T) {
	both(t, func(w *world) {
		w.guest(func(l *LWP) {
			for _, pid := range []int{netbsd.WaitAny, 0, 1, 4711, -4711} {
				w.waitIs(l, pid, netbsd.WNOHANG, 0, 0, netbsd.ECHILD)
				w.waitIs(l, pid, 0, 0, 0, netbsd.ECHILD)
			}
			c := w.fork(l, "C", sleepForever)
			w.waitIs(l, c.Pid(), netbsd.WNOHANG, 0, 0, 0)
			w.waitIs(l, c.Pid()+1, netbsd.WNOHANG, 0, 0, netbsd.ECHILD)
			w.waitIs(l, c.Pid(), netbsd.WNOHANG|netbsd.WALTSIG, 0, 0, netbsd.ECHILD)
			g := w.fork(l, "G", func(l *LWP) { w.fork(l, "H", sleepForever); sleepForever(l) })
			l.Nanosleep(time.Second)
			w.waitIs(l, g.Children()[0], netbsd.WNOHANG, 0, 0, netbsd.ECHILD) // a grandchild is none
		})
	})
}

func TestFindChild_89_SleepIsInterruptibleAndLooksAgain(t *testing.T) {
	both(t, func(w *world) {
		w.guest(func(l *LWP) {
			c := w.fork(l, "C", sleepForever)
			w.handle(l, netbsd.SIGUSR1, func(*LWP, *netbsd.Siginfo) { w.mark("usr1") })
			l.Sigaction(netbsd.SIGUSR2, &Action{Func: func(*LWP, *netbsd.Siginfo) { w.mark("usr2") }})
			time.AfterFunc(time.Second, func() { l.Proc().Kill(netbsd.SIGUSR1) })
			_, errno := l.Wait4(c.Pid(), 0, nil)
			w.is("SA_RESTART", []any{errno, w.since()}, []any{netbsd.ERESTART, time.Second})
			time.AfterFunc(time.Second, func() { l.Proc().Kill(netbsd.SIGUSR2) })
			_, errno = l.Wait4(c.Pid(), 0, nil)
			w.is("no SA_RESTART", []any{errno, w.since()}, []any{netbsd.EINTR, 2 * time.Second})
			w.order("usr1", "usr2")
			// Wakeups that bring nothing: it sleeps on.
			w.fork(l, "other", func(l *LWP) { l.Nanosleep(time.Second) })
			w.fork(l, "kill", func(l *LWP) { l.Nanosleep(5 * time.Second); l.Kill(c.Pid(), netbsd.SIGTERM) })
			w.waitIs(l, c.Pid(), 0, c.Pid(), netbsd.ExitStatus(0, netbsd.SIGTERM), 0)
			w.is("until", w.since(), 7*time.Second)
		})
		// Of several LWPs one reaps; the others get ECHILD.
		w.guest(func(l *LWP) {
			c := w.fork(l, "D", func(l *LWP) { l.Nanosleep(time.Second); l.Exit(2) })
			n := map[string]int{}
			for i := range 5 {
				pid := []int{c.Pid(), netbsd.WaitAny, 0, -c.Pgid(), c.Pid()}[i]
				l.NewLWP(0, func(l *LWP) {
					r, errno := l.Wait(pid, 0)
					w.mu.Lock()
					defer w.mu.Unlock()
					if errno == 0 && r.Pid == c.Pid() && r.Status == netbsd.ExitStatus(2, 0) {
						n["reaped"]++
					} else {
						n[errno.Error()]++
					}
				}, false, nil)
			}
			l.Nanosleep(2 * time.Second)
			w.mu.Lock()
			defer w.mu.Unlock()
			w.is("waiters", n, map[string]int{"reaped": 1, netbsd.ECHILD.Error(): 4})
		})
	})
}

// A waiter that looks while another one copies a zombie's status out must look again
// when the zombie has gone (release 2003 copies out before it reaps).
func TestWaiterBesideACopyoutGetsEchild(t *testing.T) {
	both(t, func(w *world) {
		w.guest(func(l *LWP) {
			c := w.fork(l, "C", exit(1))
			l.NewLWP(0, func(l *LWP) {
				_, errno := l.Wait4(c.Pid(), 0, &WaitOut{Status: func(netbsd.WaitStatus) netbsd.Errno { time.Sleep(2 * time.Second); return 0 }})
				w.is("first", errno, netbsd.Errno(0))
			}, false, nil)
			l.Nanosleep(time.Second)
			w.waitIs(l, c.Pid(), 0, 0, 0, netbsd.ECHILD)
			w.is("at", w.since(), under(w, 2*time.Second, time.Second))
		})
	})
}
