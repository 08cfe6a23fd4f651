package kern

import (
	"testing"
	"time"

	"toaster/netbsd"
)

// Bugs that this package had, or that others had, as doc/lifecycle.md lists them.

// Two LWPs that end at the same moment, each while the other's memory is being
// freed, left a process without LWPs that never exited.
func TestLastTwoLWPsEndAtOnce(t *testing.T) {
	both(t, func(w *world) {
		w.guest(func(l *LWP) {
			c := w.fork(l, "C", func(l *LWP) {
				w.give(l.Proc(), nil, nil, &fakeVM{wait: func(*LWP) { time.Sleep(time.Second) }})
				for range 3 {
					l.NewLWP(netbsd.LWP_DETACHED, func(l *LWP) { l.ExitLWP() }, false, nil)
				}
				l.ExitLWP()
			})
			w.waitIs(l, c.Pid(), 0, c.Pid(), 0, 0)
		})
	})
}

// The same with a tracer that stops the first at its end.
func TestLastLWPEndsWhileAnotherIsStoppedAtItsEnd(t *testing.T) {
	both(t, func(w *world) {
		w.guest(func(l *LWP) {
			c := w.fork(l, "C", func(l *LWP) {
				l.TraceMe()
				l.Kill(l.Proc().Pid(), netbsd.SIGUSR1)
				l.NewLWP(0, func(l *LWP) { l.ExitLWP() }, false, nil)
				time.Sleep(time.Second)
				l.ExitLWP()
			})
			w.wait(l, c.Pid(), 0)
			mask := uint32(netbsd.PTRACE_LWP_EXIT)
			_, errno := l.PtraceEventMask(c.Pid(), &mask)
			w.is("event mask", errno, netbsd.Errno(0))
			for range 10 {
				w.is("resume", l.PtraceResume(c.Pid(), ResumeArgs{}), netbsd.Errno(0))
				r := w.wait(l, c.Pid(), 0)
				if r.Status.Exited() {
					return
				}
				w.is("stop", r.Status.StopSignal(), netbsd.SIGTRAP)
				time.Sleep(2 * time.Second)
			}
			w.Error("the process does not end")
		})
	})
}

// golang/go 48789, 50138, 57999: a wait6 with WNOWAIT that says "exited" and then a
// wait4 that hangs.
func TestWait4AfterWait6Nowait(t *testing.T) {
	both(t, func(w *world) {
		if w.r2003 {
			return
		}
		w.guest(func(l *LWP) {
			for i := range 50 {
				c := w.fork(l, "C", func(l *LWP) { l.Nanosleep(time.Duration(i%3) * time.Millisecond) })
				pid, errno := l.Wait6(netbsd.P_PID, c.Pid(), netbsd.WEXITED|netbsd.WNOWAIT, nil)
				w.is("wait6", []any{pid, errno, c.State()}, []any{c.Pid(), netbsd.Errno(0), StateZombie})
				w.waitIs(l, c.Pid(), netbsd.WNOHANG, c.Pid(), 0, 0)
			}
		})
	})
}

// golang/go 42061: a signal sent right after the start is not lost.
func TestSignalRightAfterFork(t *testing.T) {
	both(t, func(w *world) {
		w.guest(func(l *LWP) {
			for range 200 {
				c := w.fork(l, "C", sleepForever)
				l.Kill(c.Pid(), netbsd.SIGTERM)
				w.waitIs(l, c.Pid(), 0, c.Pid(), netbsd.ExitStatus(0, netbsd.SIGTERM), 0)
			}
		})
	})
}

// NetBSD kern/58091: a signal that comes during execve is not lost, be it blocked,
// or be it for a handler that the exec resets.
func TestSignalDuringExec(t *testing.T) {
	both(t, func(w *world) {
		w.guest(func(l *LWP) {
			c := w.fork(l, "C", func(l *LWP) {
				w.catch(l, "C", netbsd.SIGUSR1)
				set := netbsd.SIGUSR2.Bit()
				l.Sigprocmask(netbsd.SIG_BLOCK, &set)
				l.NewLWP(0, func(l *LWP) { nap(l, 10*time.Second) }, false, nil)
				l.Nanosleep(time.Millisecond)
				l.Exec(ExecArgs{Comm: "x", Replace: func() netbsd.Errno {
					time.Sleep(10 * time.Second)
					return 0
				}})
				w.mark("exec returned")
				l.Nanosleep(time.Hour)
			})
			l.Nanosleep(5 * time.Second) // the other LWP is being ended
			l.Kill(c.Pid(), netbsd.SIGUSR2)
			l.Nanosleep(10 * time.Second) // in Replace
			w.is("pending", c.LWPs()[0].Sigpending(), netbsd.SIGUSR2.Bit())
			l.Kill(c.Pid(), netbsd.SIGUSR1)
			w.waitIs(l, c.Pid(), 0, c.Pid(), netbsd.ExitStatus(0, netbsd.SIGUSR1), 0)
			w.is("at", w.since(), 20*time.Second)
			w.never("C.SIGUSR1", "exec returned")
		})
	})
}

// NetBSD kern/60358: EVFILT_PROC on a process that has just exited.
func TestKnoteOnAProcessThatHasExited(t *testing.T) {
	both(t, func(w *world) {
		w.guest(func(l *LWP) {
			n := 0
			k := note(func(e NoteEvent) {
				if e.Kind == netbsd.NOTE_EXIT {
					n++
				}
			})
			c := w.fork(l, "C", func(l *LWP) {
				w.is("attach", l.Proc().AttachKnote(k), netbsd.Errno(0))
				w.give(l.Proc(), func() { w.is("while exiting", l.Proc().AttachKnote(k), under(w, 0, netbsd.ESRCH)) }, nil, nil) // item 41
				l.Exit(0)
			})
			l.Nanosleep(time.Second)
			told := under(w, 2, 1)
			w.is("told, in 2003 twice attached", n, told)
			w.is("zombie", c.AttachKnote(k), netbsd.ESRCH)
			w.wait(l, c.Pid(), 0)
			w.is("gone", c.AttachKnote(k), netbsd.ESRCH)
			w.is("told no more", n, told)
		})
	})
}

// golang/go 13987, 62654: between a wait and a kill the pid may be another's; a *Proc
// or a Handle never is. See also TestHandleNeverNamesAnotherProcess.
func TestKillAfterWaitReachesNobody(t *testing.T) {
	both(t, func(w *world) {
		w.guest(func(l *LWP) {
			c := w.fork(l, "C", exit(0))
			w.wait(l, c.Pid(), 0)
			w.is("kill", []netbsd.Errno{l.Kill(c.Pid(), netbsd.SIGKILL), c.Kill(netbsd.SIGKILL)}, []netbsd.Errno{netbsd.ESRCH, netbsd.ESRCH})
		})
	})
}

// gVisor 14534: setsid that orphans a group with a stopped member.
func TestSetsidThatOrphansAGroup(t *testing.T) {
	both(t, func(w *world) {
		w.spawnWith("L", SpawnArgs{Setsid: true, Body: func(l *LWP) {
			a := w.fork(l, "A", func(l *LWP) {
				w.job(l, "B", netbsd.SIGHUP, netbsd.SIGCONT)
				b := w.find("B")
				l.Kill(b.Pid(), netbsd.SIGSTOP)
				w.wait(l, b.Pid(), netbsd.WUNTRACED)
				_, errno := l.Setsid()
				w.is("setsid", errno, netbsd.Errno(0))
				l.Nanosleep(time.Second)
				w.is("running", b.Stopped(), false)
				b.Kill(netbsd.SIGKILL)
			})
			w.wait(l, a.Pid(), 0)
		}}).Wait()
		settled()
		w.order("B.SIGHUP", "B.SIGCONT")
	})
}

// wasmer 6982: WNOHANG must not take a running child off.
func TestWnohangLeavesARunningChild(t *testing.T) {
	both(t, func(w *world) {
		w.guest(func(l *LWP) {
			c := w.fork(l, "C", func(l *LWP) { l.Nanosleep(time.Second); l.Exit(4) })
			for range 100 {
				w.waitIs(l, netbsd.WaitAny, netbsd.WNOHANG, 0, 0, 0)
				w.waitIs(l, c.Pid(), netbsd.WNOHANG|netbsd.WUNTRACED|netbsd.WALLSIG, 0, 0, 0)
			}
			w.waitIs(l, c.Pid(), 0, c.Pid(), netbsd.ExitStatus(4, 0), 0)
		})
	})
}

// NetBSD tests/kernel/t_zombie.c: a zombie that is signalled stays a zombie.
func TestSignalledZombieStaysAZombie(t *testing.T) {
	both(t, func(w *world) {
		w.guest(func(l *LWP) {
			c := w.fork(l, "C", exit(5))
			l.Nanosleep(time.Second)
			for sig := netbsd.Signal(0); sig < netbsd.NSIG; sig++ {
				l.Kill(c.Pid(), sig)
				c.Kill(sig)
			}
			l.Kill(-c.Pgid(), 0)
			w.is("state", []any{c.State(), c.Stopped()}, []any{StateZombie, false})
			w.waitIs(l, c.Pid(), netbsd.WUNTRACED, c.Pid(), netbsd.ExitStatus(5, 0), 0)
		})
	})
}

// A stop on the way to a sleep: what the sleeper waits for came while it was stopped,
// and nobody woke it.
func TestStopOnTheWayToASleep(t *testing.T) {
	both(t, func(w *world) {
		w.guest(func(l *LWP) {
			c := w.fork(l, "P", func(l *LWP) {
				c := w.fork(l, "C", func(l *LWP) {
					time.Sleep(3 * time.Second)
					l.Exit(3)
				})
				time.Sleep(time.Second) // the stop comes here
				w.waitIs(l, c.Pid(), 0, c.Pid(), netbsd.ExitStatus(3, 0), 0)
			})
			time.Sleep(time.Second / 2)
			l.Kill(c.Pid(), netbsd.SIGSTOP)
			time.Sleep(5 * time.Second)
			l.Kill(c.Pid(), netbsd.SIGCONT)
			w.waitIs(l, c.Pid(), 0, c.Pid(), 0, 0)
		})
	})
}

// The same where it waits for a signal, SIGCONT itself, which is to be taken and to
// continue the process.
func TestSigtimedwaitTakesTheContinuation(t *testing.T) {
	for _, asleep := range []bool{true, false} {
		both(t, func(w *world) {
			w.guest(func(l *LWP) {
				c := w.fork(l, "C", func(l *LWP) {
					l.Sigaction(netbsd.SIGCONT, &Action{Func: func(*LWP, *netbsd.Siginfo) {}})
					set := netbsd.SIGCONT.Bit()
					l.Sigprocmask(netbsd.SIG_BLOCK, &set)
					if !asleep {
						time.Sleep(2 * time.Second)
					}
					info, errno := l.Sigtimedwait(set, time.Time{})
					w.is("sigtimedwait", errno, netbsd.Errno(0))
					w.is("signal", info.Signo, netbsd.SIGCONT)
				})
				time.Sleep(time.Second)
				l.Kill(c.Pid(), netbsd.SIGSTOP)
				time.Sleep(2 * time.Second)
				l.Kill(c.Pid(), netbsd.SIGCONT)
				w.waitIs(l, c.Pid(), 0, c.Pid(), 0, 0)
			})
		})
	}
}

// A signal that is ignored is shown to the tracer, and does not end a sleep.
func TestIgnoredSignalOfASleepingTracee(t *testing.T) {
	both(t, func(w *world) {
		w.guest(func(l *LWP) {
			c := w.fork(l, "C", func(l *LWP) {
				l.TraceMe()
				_, errno := l.Nanosleep(10 * time.Second)
				w.is("nanosleep", errno, netbsd.Errno(0))
			})
			time.Sleep(time.Second)
			l.Kill(c.Pid(), netbsd.SIGWINCH)
			w.waitIs(l, c.Pid(), 0, c.Pid(), netbsd.StopStatus(netbsd.SIGWINCH), 0)
			w.is("resume", l.PtraceResume(c.Pid(), ResumeArgs{}), netbsd.Errno(0))
			w.waitIs(l, c.Pid(), 0, c.Pid(), 0, 0)
		})
	})
}

// Init is nobody's tracer.
func TestTraceMeBelowInit(t *testing.T) {
	both(t, func(w *world) {
		w.guest(func(l *LWP) { w.is("trace me", l.TraceMe(), netbsd.EPERM) })
	})
}

// LWPs that a stop finds asleep go on sleeping after SIGCONT and can be woken; what
// woke them meanwhile counts.
func TestSleepersOutliveAStop(t *testing.T) {
	both(t, func(w *world) {
		w.guest(func(l *LWP) {
			var lwps []*LWP
			c := w.fork(l, "C", func(l *LWP) {
				for i, name := range []string{"woken after", "woken while stopped", "timed out"} {
					n, _ := l.NewLWP(0, func(l *LWP) {
						var until time.Time
						if i == 2 {
							until = time.Now().Add(2 * time.Second)
						}
						errno := l.Sleep(true, until)
						w.mark("%s: %v", name, errno)
						sleepForever(l)
					}, false, nil)
					lwps = append(lwps, n)
				}
				l.NewLWP(0, sleepForever, false, nil) // the newest takes the signals
				sleepForever(l)
			})
			l.Nanosleep(time.Second)
			l.Kill(c.Pid(), netbsd.SIGSTOP)
			w.wait(l, c.Pid(), netbsd.WUNTRACED)
			lwps[1].Wake()
			l.Nanosleep(10 * time.Second)
			w.never("woken while stopped: errno 0", "timed out: "+netbsd.EWOULDBLOCK.Error())
			l.Kill(c.Pid(), netbsd.SIGCONT)
			l.Nanosleep(time.Second)
			w.is("asleep again", lwps[0].State(), LWPSleeping)
			lwps[0].Wake()
			l.Nanosleep(time.Second)
			w.order("woken while stopped: errno 0", "woken after: errno 0")
			w.order("timed out: " + netbsd.EWOULDBLOCK.Error())
			l.Kill(c.Pid(), netbsd.SIGKILL)
			w.wait(l, c.Pid(), 0)
		})
	})
}
