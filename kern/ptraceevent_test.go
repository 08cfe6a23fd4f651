package kern

import (
	"fmt"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"toaster/netbsd"
)

// Tests of the events that a tracer asks for with PT_SET_EVENT_MASK.

// tracedWith makes a tracee that stands in front of body, with an event mask, and returns
// its pid.
func (w *world) tracedWith(l *LWP, mask uint32, body func(*LWP)) int {
	w.Helper()
	c := w.fork(l, "C", func(l *LWP) {
		l.TraceMe()
		l.Kill(l.Proc().Pid(), netbsd.SIGSTOP)
		body(l)
	})
	w.wait(l, c.Pid(), 0)
	if _, errno := l.PtraceEventMask(c.Pid(), &mask); errno != 0 {
		w.Fatal(errno)
	}
	return c.Pid()
}

// goOn continues pid with a signal or none.
func (w *world) goOn(l *LWP, pid int, sig netbsd.Signal) {
	w.Helper()
	w.is("resume", l.PtraceResume(pid, ResumeArgs{Signal: sig}), netbsd.Errno(0))
}

// next continues pid with a signal or none, and returns the word of its next stop.
func (w *world) next(l *LWP, pid int, sig netbsd.Signal) string {
	w.Helper()
	w.goOn(l, pid, sig)
	w.wait(l, pid, 0)
	return w.stopWord(l, pid)
}

// birth continues pid, which makes a child that exits with 4: both stop for the event.
// It returns the child, which is gone.
func (w *world) birth(l *LWP, pid int, event string) int {
	w.Helper()
	word := w.next(l, pid, 0)
	st, _ := l.PtraceState(pid)
	w.is("the parent's", word, fmt.Sprintf("1:%s(%d)", event, st.Other))
	w.wait(l, st.Other, 0)
	w.is("the child's", w.stopWord(l, st.Other), fmt.Sprintf("1:%s(%d)", event, pid))
	w.is("the child goes on", w.story(l, st.Other), []string{"exited(4)"})
	return st.Other
}

// story continues pid until it ends, and returns what it stopped for, one word a stop:
// the event and its other, or the signal and its code.
func (w *world) story(l *LWP, pid int) (words []string) {
	w.Helper()
	for len(words) < 1000 {
		w.goOn(l, pid, 0)
		r := w.wait(l, pid, 0)
		if r.Status.Exited() {
			return append(words, fmt.Sprintf("exited(%d)", r.Status.ExitCode()))
		}
		words = append(words, w.stopWord(l, pid))
	}
	w.Error("it goes on and on")
	return words
}

func (w *world) stopWord(l *LWP, pid int) string {
	st, errno := l.PtraceState(pid)
	if errno != 0 {
		w.Error(errno)
	}
	info, _, _ := l.PtraceSiginfo(pid)
	lid := 0
	w.locked(func() { lid = int(w.m.pids.find(pid).ext.stopLid) })
	if st.Event != 0 {
		w.is("signal of an event", info.Signo, netbsd.SIGTRAP)
		if st.Event&(netbsd.PTRACE_LWP_CREATE|netbsd.PTRACE_LWP_EXIT) != 0 {
			st.Other = w.nth(pid, st.Other)
		}
		return fmt.Sprintf("%d:%s", w.nth(pid, lid), eventWord(st))
	}
	return fmt.Sprintf("%d:%v/%d", w.nth(pid, lid), info.Signo, info.Code)
}

// nth numbers the LWPs of a tracee from 1 as they are born: release 10 takes their ids from the
// pid table, where they follow the process's own as long as nobody else takes any.
func (w *world) nth(pid, lid int) int { return under(w, lid, lid-pid+1) }

func eventWord(st TraceState) string {
	names := map[uint32]string{netbsd.PTRACE_FORK: "FORK", netbsd.PTRACE_VFORK: "VFORK", netbsd.PTRACE_VFORK_DONE: "VFORK_DONE",
		netbsd.PTRACE_LWP_CREATE: "LWP_CREATE", netbsd.PTRACE_LWP_EXIT: "LWP_EXIT", netbsd.PTRACE_POSIX_SPAWN: "POSIX_SPAWN"}
	return fmt.Sprintf("%s(%d)", names[st.Event], st.Other)
}

// asleep sleeps until a signal ends it.
func asleep(l *LWP) {
	for {
		l.Sleep(true, time.Time{})
	}
}

// maskAll makes sure that a masked SIGTRAP hides nothing from a tracer.
func maskAll(l *LWP) { l.Platform().SetSigmask(netbsd.AllSignals) }

// An LWP tells of its birth before it does anything, and of its end after that, however
// fast it is and whoever else is born and dies meanwhile.
func TestTraceLWPEvents(t *testing.T) {
	both(t, func(w *world) {
		w.guest(func(l *LWP) {
			const n = 20
			pid := w.tracedWith(l, netbsd.PTRACE_LWP_CREATE|netbsd.PTRACE_LWP_EXIT, func(l *LWP) {
				maskAll(l)
				for range n {
					l.NewLWP(netbsd.LWP_DETACHED, func(l *LWP) { l.ExitLWP() }, false, nil)
				}
				for len(l.Proc().LWPs()) > 1 {
					l.Nanosleep(1)
				}
				l.Exit(3)
			})
			got := w.story(l, pid)
			w.is("stops", len(got), 2*n+1)
			for lid := 2; lid < n+2; lid++ {
				born := slices.Index(got, fmt.Sprintf("%d:LWP_CREATE(%d)", lid, lid))
				gone := slices.Index(got, fmt.Sprintf("%d:LWP_EXIT(%d)", lid, lid))
				if born < 0 || gone < born {
					w.Errorf("LWP %d: birth told at %d, end at %d of %v", lid, born, gone, got)
				}
			}
		})
	})
}

// Both sides of a fork stop, even if SIGTRAP is masked and the parent waits for the
// child's exec. A vfork child does not die of it.
func TestTraceForkEvents(t *testing.T) {
	for _, vfork := range []bool{false, true} {
		t.Run(fmt.Sprintf("vfork=%v", vfork), func(t *testing.T) {
			both(t, func(w *world) {
				w.guest(func(l *LWP) {
					pid := w.tracedWith(l, netbsd.PTRACE_FORK|netbsd.PTRACE_VFORK|netbsd.PTRACE_VFORK_DONE, func(l *LWP) {
						maskAll(l)
						l.Fork(ForkArgs{Vfork: vfork, Body: func(l *LWP) { l.Exit(4) }})
						l.Exit(3)
					})
					if !vfork {
						w.birth(l, pid, "FORK")
					} else {
						c := w.birth(l, pid, "VFORK")
						w.is("after that", w.next(l, pid, 0), fmt.Sprintf("1:VFORK_DONE(%d)", c))
					}
					w.is("the parent goes on", w.story(l, pid), []string{"exited(3)"})
				})
			})
		})
	}
}

// An exec stops whatever the mask is, but in 2003, and tells no event.
func TestTraceExecMasked(t *testing.T) {
	both(t, func(w *world) {
		w.guest(func(l *LWP) {
			pid := w.tracedWith(l, 0, func(l *LWP) {
				maskAll(l)
				l.Exec(ExecArgs{Comm: "prog"})
				l.Exit(3)
			})
			stops := []string{fmt.Sprintf("1:SIGTRAP/%d", netbsd.TRAP_EXEC), "exited(3)"}
			if w.r2003 {
				stops = stops[1:]
			}
			w.is("stops", w.story(l, pid), stops)
		})
	})
}

// The end of the other LWPs by an exec is told once the exec is done, and before it: that LWP's stop waits for the one that ends it (exit_lwps,
// lwp_exit, eventswitch, proc_stop). It was for the LWP that has ended (ksi_lid), which the tracer finds no more.
func TestTraceExecTellsOfLWPs(t *testing.T) {
	both(t, func(w *world) {
		if w.r2003 {
			return
		}
		for _, flags := range []int{0, netbsd.LWP_DETACHED} {
			w.guest(func(l *LWP) {
				const n = 3
				pid := w.tracedWith(l, netbsd.PTRACE_LWP_EXIT, func(l *LWP) {
					for range n {
						l.NewLWP(flags, asleep, false, nil)
					}
					l.Nanosleep(time.Second)
					l.Exec(ExecArgs{Comm: "prog"})
					l.Exit(3)
				})
				var lids []string
				for range n {
					word := w.next(l, pid, 0)
					info, lid, _ := l.PtraceSiginfo(pid)
					w.is("whose end it is", int32(lid), info.Pid)
					_, errno := l.TraceTarget(pid)
					w.is("target", errno, netbsd.Errno(0))
					w.is("LWPs that are left", len(w.m.Find(pid).LWPs()), 1)
					lids = append(lids, word)
				}
				slices.Sort(lids)
				w.is("ends", lids, []string{"1:LWP_EXIT(2)", "1:LWP_EXIT(3)", "1:LWP_EXIT(4)"})
				w.is("then", w.story(l, pid), []string{fmt.Sprintf("1:SIGTRAP/%d", netbsd.TRAP_EXEC), "exited(3)"})
			})
		}
	})
}

// A posix_spawn is one event on either side, its exec included; one that fails is none.
func TestTracePosixSpawnEvents(t *testing.T) {
	both(t, func(w *world) {
		w.guest(func(l *LWP) {
			var execErr netbsd.Errno
			spawn := func(l *LWP) (*Proc, netbsd.Errno) {
				return l.PosixSpawn(PosixSpawnArgs{
					Fork: ForkArgs{Body: func(l *LWP) { l.Exit(4) }},
					Exec: func(l *LWP) netbsd.Errno {
						if execErr != 0 {
							return execErr
						}
						return l.Exec(ExecArgs{Comm: "prog"})
					},
				})
			}
			pid := w.tracedWith(l, netbsd.PTRACE_POSIX_SPAWN, func(l *LWP) {
				maskAll(l)
				spawn(l)
				l.Exit(3)
			})
			w.birth(l, pid, "POSIX_SPAWN")
			w.is("the parent goes on", w.story(l, pid), []string{"exited(3)"})

			execErr = netbsd.ENOENT
			pid = w.tracedWith(l, netbsd.PTRACE_POSIX_SPAWN, func(l *LWP) {
				maskAll(l)
				_, errno := spawn(l)
				l.Exit(int(errno))
			})
			w.is("a failed one", w.story(l, pid), []string{fmt.Sprintf("exited(%d)", netbsd.ENOENT)})
		})
	})
}

// LWPs that meet a tracer's stop with one of their own wait for their turn: each signal
// is shown once, as what it is.
func TestTraceStopsOneAtATime(t *testing.T) {
	both(t, func(w *world) {
		w.guest(func(l *LWP) {
			const n = 10
			pid := w.tracedWith(l, netbsd.PTRACE_LWP_EXIT, func(l *LWP) {
				for range n {
					l.NewLWP(netbsd.LWP_DETACHED, func(l *LWP) {
						l.Kill(l.Proc().Pid(), netbsd.SIGUSR1)
						l.ExitLWP()
					}, false, nil)
				}
				for len(l.Proc().LWPs()) > 1 {
					l.Nanosleep(1)
				}
				l.Exit(3)
			})
			ends := 0
			for lid, got := 2, w.story(l, pid); lid < n+2; lid++ {
				if slices.Contains(got, fmt.Sprintf("%d:LWP_EXIT(%d)", lid, lid)) {
					ends++
				}
			}
			w.is("ends that were told", ends, n)
		})
	})
}

// signalsSecond sends pid, which stands still, a signal that only its second LWP, asleep,
// can take, and sees it take it. It ends the tracee.
func (w *world) signalsSecond(l *LWP, pid int) {
	w.Helper()
	l.Kill(pid, netbsd.SIGUSR2)
	w.is("second", w.next(l, pid, 0), fmt.Sprintf("2:SIGUSR2/%d", netbsd.SI_USER))
	l.PtraceKill(pid)
	w.wait(l, pid, 0)
}

// A signal that comes during a stop is shown after it, even if only an LWP that sleeps can
// take it.
func TestTraceSignalDuringStop(t *testing.T) {
	both(t, func(w *world) {
		w.guest(func(l *LWP) {
			pid := w.tracedWith(l, 0, func(l *LWP) {
				l.NewLWP(0, asleep, false, nil)
				maskAll(l)
				asleep(l)
			})
			w.goOn(l, pid, 0)
			time.Sleep(time.Second)
			l.Kill(pid, netbsd.SIGUSR1)
			w.wait(l, pid, 0)
			w.is("first", w.stopWord(l, pid), fmt.Sprintf("2:SIGUSR1/%d", netbsd.SI_USER))
			w.signalsSecond(l, pid)
		})
	})
}

// The same with the LWP that sleeps not the one that stopped.
func TestTraceSignalDuringAnothersStop(t *testing.T) {
	both(t, func(w *world) {
		w.guest(func(l *LWP) {
			pid := w.tracedWith(l, netbsd.PTRACE_VFORK_DONE, func(l *LWP) {
				l.NewLWP(0, asleep, false, nil)
				maskAll(l)
				l.Nanosleep(time.Second)
				l.Fork(ForkArgs{Vfork: true, NoExitSignal: true, Body: func(l *LWP) { l.Exit(0) }})
				asleep(l)
			})
			w.is("first", w.next(l, pid, 0)[:len("1:VFORK_DONE")], "1:VFORK_DONE")
			w.signalsSecond(l, pid)
		})
	})
}

// What a tracer gives an LWP stays its own, whoever stops next.
func TestTraceSignalGivenToOne(t *testing.T) {
	both(t, func(w *world) {
		w.guest(func(l *LWP) {
			for range 50 {
				pid := w.tracedWith(l, 0, func(l *LWP) {
					l.NewLWP(0, func(l *LWP) {
						l.Platform().SetSigmask(netbsd.SIGUSR1.Bit())
						asleep(l)
					}, false, nil)
					l.Platform().SetSigmask(netbsd.SIGUSR2.Bit())
					asleep(l)
				})
				w.goOn(l, pid, 0)
				time.Sleep(time.Second)
				l.Kill(pid, netbsd.SIGUSR1)
				w.wait(l, pid, 0)
				w.is("first", w.stopWord(l, pid), fmt.Sprintf("1:SIGUSR1/%d", netbsd.SI_USER))
				l.Kill(pid, netbsd.SIGUSR2) // the other's
				w.goOn(l, pid, netbsd.SIGTERM)
				r := w.wait(l, pid, 0)
				if r.Status.Stopped() {
					w.is("second", w.stopWord(l, pid), fmt.Sprintf("2:SIGUSR2/%d", netbsd.SI_USER))
					w.goOn(l, pid, 0)
					r = w.wait(l, pid, 0)
				}
				w.is("end", r.Status.TermSignal(), netbsd.SIGTERM)
			}
		})
	})
}

// eventswitch (kern_sig.c of NetBSD 10) tells nobody of LWPs that end with their process.
func TestNoEventOfLWPsThatEndWithTheProcess(t *testing.T) {
	both(t, func(w *world) {
		w.guest(func(l *LWP) {
			pid := w.tracedWith(l, netbsd.PTRACE_LWP_EXIT, func(l *LWP) {
				l.NewLWP(0, asleep, false, nil)
				l.NewLWP(netbsd.LWP_DETACHED, asleep, false, nil)
				l.Nanosleep(time.Second)
				l.Exit(3)
			})
			w.is("stops", w.story(l, pid), []string{"exited(3)"})
		})
	})
}

// An LWP that has an event to tell and waits for another's stop to end tells nobody if the tracer
// has gone when it is its turn (eventswitch: "no longer traced, abandon this event").
func TestEventIsForgottenWhenTheTracerGoes(t *testing.T) {
	both(t, func(w *world) {
		w.guest(func(l *LWP) {
			pid := w.tracedWith(l, netbsd.PTRACE_LWP_EXIT, func(l *LWP) {
				for range 3 {
					l.NewLWP(netbsd.LWP_DETACHED, func(l *LWP) { time.Sleep(time.Second); l.ExitLWP() }, false, nil)
				}
				l.Nanosleep(5 * time.Second)
				w.is("the others have ended", l.Proc().NumLWPs(), 1)
				l.Exit(3)
			})
			w.next(l, pid, 0)
			w.is("detach", l.PtraceResume(pid, ResumeArgs{Detach: true}), netbsd.Errno(0))
			w.waitIs(l, pid, 0, pid, netbsd.ExitStatus(3, 0), 0)
		})
	})
}

// PT_STEP is for the LWP that it names, or for the first of the list, which is the youngest (lwp_find_first), and for one step (ptrace(2)).
func TestSingleStepIsForOneLWP(t *testing.T) {
	both(t, func(w *world) {
		w.guest(func(l *LWP) {
			var first, second *LWP
			pid := w.tracedWith(l, 0, func(l *LWP) {
				first = l
				second, _ = l.NewLWP(0, asleep, false, nil)
				l.LWPKill(l.ID(), netbsd.SIGUSR1)
				asleep(l)
			})
			steps := func() []bool { return []bool{first.Platform().SingleStep(), second.Platform().SingleStep()} }
			w.next(l, pid, 0)
			w.is("not asked for", steps(), []bool{false, false})
			w.is("PT_STEP", l.PtraceResume(pid, ResumeArgs{Step: true}), netbsd.Errno(0))
			w.is("the youngest", steps(), []bool{false, true})
			l.Kill(pid, netbsd.SIGSTOP)
			w.wait(l, pid, 0)
			w.is("PT_STEP", l.PtraceResume(pid, ResumeArgs{Step: true, LWP: first.ID()}), netbsd.Errno(0))
			w.is("the one that is named", steps(), []bool{true, false})
			l.PtraceKill(pid)
			w.wait(l, pid, 0)
		})
	})
}

// Look keeps the LWPs where they are until it is over, whoever lets them go on, and no longer.
func TestLookHoldsTheTracee(t *testing.T) {
	both(t, func(w *world) {
		w.guest(func(l *LWP) {
			pid := w.tracedWith(l, 0, func(l *LWP) { w.mark("goes on"); l.Exit(3) })
			w.is("Look", l.Look(pid, func(*Proc) netbsd.Errno {
				w.goOn(l, pid, 0)
				time.Sleep(time.Second)
				w.mark("looks")
				return netbsd.EIO
			}), netbsd.EIO)
			w.waitIs(l, pid, 0, pid, netbsd.ExitStatus(3, 0), 0)
			w.order("looks", "goes on")
		})
	})
}

// Two who would look into a process do so one after the other: PT_SETREGS of one LWP of a debugger would write what PT_GETREGS of
// another reads. Who had to wait asks again what the tracee is (TraceTarget): it has gone on meanwhile.
func TestLooksAreOneAtATime(t *testing.T) {
	both(t, func(w *world) {
		w.guest(func(l *LWP) {
			pid := w.tracedWith(l, 0, func(l *LWP) { l.Pause() })
			var looks, most int
			var waits atomic.Bool
			look := func(*Proc) netbsd.Errno {
				if looks++; looks > most {
					most = looks
				}
				time.Sleep(time.Second)
				looks--
				return 0
			}
			second, _ := l.NewLWP(0, func(l *LWP) { w.is("the second", l.Look(pid, look), netbsd.Errno(0)) }, false, nil)
			w.is("the first", l.Look(pid, look), netbsd.Errno(0))
			l.LWPWait(second.ID())
			w.is("at once", most, 1)
			second, _ = l.NewLWP(0, func(l *LWP) {
				nap(l, time.Millisecond)
				waits.Store(true)
				w.is("who waits", l.Look(pid, look), netbsd.EBUSY)
			}, false, nil)
			w.is("who lets it go on", l.Look(pid, func(*Proc) netbsd.Errno {
				time.Sleep(time.Second)
				w.is("the other waits", waits.Load(), true)
				w.goOn(l, pid, 0)
				return 0
			}), netbsd.Errno(0))
			l.LWPWait(second.ID())
			l.PtraceKill(pid)
			w.wait(l, pid, 0)
		})
	})
}

// proc_regio of sys_process_lwpstatus.c: the registers of a process whose LWP has not stopped are nobody's to look at; of one that
// has they are, whoever traces it. procfs_rw: ESRCH for one that has ended.
func TestLookStopped(t *testing.T) {
	both(t, func(w *world) {
		w.guest(func(l *LWP) {
			c := w.fork(l, "C", func(l *LWP) {
				l.Sigaction(netbsd.SIGUSR1, &Action{Func: func(*LWP, *netbsd.Siginfo) {}})
				l.Pause()
				w.mark("goes on")
			})
			look := func(want netbsd.Errno) {
				w.Helper()
				var at *LWP
				w.is("LookStopped", c.LookStopped(func(t *LWP) netbsd.Errno {
					at = t
					l.Kill(c.Pid(), netbsd.SIGCONT)
					l.Kill(c.Pid(), netbsd.SIGUSR1)
					time.Sleep(time.Second)
					w.mark("looked")
					return 0
				}), want)
				w.is("the LWP", at != nil && at.Proc() == c, want == 0)
			}
			nap(l, time.Millisecond)
			look(netbsd.EBUSY)
			l.Kill(c.Pid(), netbsd.SIGSTOP)
			w.wait(l, c.Pid(), netbsd.WUNTRACED)
			look(0)
			w.wait(l, c.Pid(), 0)
			look(netbsd.ESRCH)
			w.order("looked", "goes on")
		})
	})
}

// tracker is a Knote that follows forks.
type tracker struct{ w *world }

func (k *tracker) Notify(e NoteEvent) {
	if e.Kind == netbsd.NOTE_EXIT {
		k.w.mark("%s exits", k.w.names[e.Proc.Pid()])
	}
}

func (k *tracker) Track(parent, child *Proc) Knote { return &tracker{k.w} }

// NOTE_TRACK of kqueue(2): the child is watched from its birth, and its children, too.
func TestKnotesFollowForks(t *testing.T) {
	both(t, func(w *world) {
		w.guest(func(l *LWP) {
			l.Proc().AttachKnote(&tracker{w})
			c := w.fork(l, "C", func(l *LWP) { w.wait(l, w.fork(l, "G", exit(0)).Pid(), 0) })
			w.wait(l, c.Pid(), 0)
		})
		w.order("G exits", "C exits", "P exits")
	})
}
