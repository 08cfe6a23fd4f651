package kern

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"toaster/netbsd"
)

// PT_ATTACH of a process that has stopped before: its tracer hears of a stop for SIGSTOP by SIGCHLD, and may look at once; with a signal it goes on,
// which the tracer is shown as any other, in a sleep or not; a stop signal leaves it as it is; one it blocks stays pending.
func TestAttachToTheStopped(t *testing.T) {
	both(t, func(w *world) {
		w.guest(func(l *LWP) {
			got := w.infos(l, netbsd.SIGCHLD)
			for _, sig := range []netbsd.Signal{netbsd.SIGHUP, netbsd.SIGUSR1, 0} {
				for _, blocked := range []bool{false, true} {
					p := w.spawn("T", func(l *LWP) {
						if blocked {
							m := sig.Bit()
							l.Sigprocmask(netbsd.SIG_SETMASK, &m)
						}
						l.NewLWP(0, func(l *LWP) { // it takes the stop
							m := sig.Bit()
							l.Sigprocmask(netbsd.SIG_SETMASK, &m)
							sleepForever(l)
						}, false, nil)
						sleepForever(l)
					})
					nap(l, time.Second)
					p.Kill(netbsd.SIGSTOP)
					nap(l, time.Second)
					*got = nil
					w.is("attach", l.PtraceAttach(p.Pid()), netbsd.Errno(0))
					nap(l, 1)
					w.is("SIGCHLD", []any{len(*got), (*got)[0].Status, (*got)[0].Code}, []any{1, int32(netbsd.SIGSTOP), int32(netbsd.CLD_STOPPED)})
					w.waitIs(l, p.Pid(), 0, p.Pid(), netbsd.StopStatus(netbsd.SIGSTOP), 0)
					w.is("one more LWP's step is not asked for", p.LWPs()[0].Platform().SingleStep(), false)
					w.is("resume", l.PtraceResume(p.Pid(), ResumeArgs{Signal: sig, Step: true}), netbsd.Errno(0))
					w.is("a step", p.LWPs()[0].Platform().SingleStep(), true)
					nap(l, time.Second)
					if sig == 0 || blocked || !w.r2003 {
						// From 10 on the first LWP that sleeps takes it, and drops what it blocks (proc_unstop, sigchecktrace).
						w.is("sleeps on", []any{p.Stopped(), p.LWPs()[1].Sigpending()}, []any{false, map[bool]netbsd.Sigset{true: sig.Bit(), false: 0}[sig != 0 && w.r2003]})
					} else {
						w.waitIs(l, p.Pid(), 0, p.Pid(), netbsd.StopStatus(sig), 0)
					}
					l.PtraceKill(p.Pid())
					w.waitIs(l, p.Pid(), 0, p.Pid(), netbsd.ExitStatus(0, netbsd.SIGKILL), 0)
				}
			}
		})
	})
}

// ptrace(2): the event stream has each continuation of a tracee. The tracer says which LWP steps, and passes a signal, which takes effect as the
// tracee's own does: SIGHUP as any other, none, one that the tracee blocks, a stop signal. What the tracer has asked for ends with the tracing.
func TestWhatATracerLeavesBehind(t *testing.T) {
	bothWith(t, func(_ *world, c *Config) { c.Events = 1000 }, func(w *world) {
		w.guest(func(l *LWP) {
			events := w.m.Events()
			count := func(kind EventKind, pid int) (n int) {
				for e, ok := events.TryNext(); ok; e, ok = events.TryNext() {
					if e.Kind == kind && int(e.Pid) == pid {
						n++
					}
				}
				return n
			}
			ended := make(chan struct{})
			pid := w.tracedWith(l, netbsd.PTRACE_FORK, func(l *LWP) {
				w.handle(l, netbsd.SIGHUP, func(*LWP, *netbsd.Siginfo) { w.mark("SIGHUP") })
				self := l.Proc().Pid()
				l.Kill(self, netbsd.SIGUSR1) // the tracer passes SIGHUP instead
				m := netbsd.SIGHUP.Bit()
				l.Sigprocmask(netbsd.SIG_SETMASK, &m)
				l.Kill(self, netbsd.SIGUSR1) // the same, and it is blocked now: dropped (sigchecktrace), but in 2003
				left := netbsd.Sigset(0)
				if w.r2003 {
					left = m
				}
				w.is("pending", l.Sigpending(), left)
				l.Kill(self, netbsd.SIGUSR1) // the tracer detaches
				c, _ := l.Fork(ForkArgs{Body: exit(4)})
				w.waitIs(l, c.Pid(), 0, c.Pid(), netbsd.ExitStatus(4, 0), 0)
				w.is("nobody traces its calls", []bool{l.Proc().SyscallTraced(), l.Proc().CallsTraced()}, []bool{false, false})
				close(ended)
				sleepForever(l)
			})
			set := netbsd.SIGUSR2.Bit()
			count(0, 0)
			w.is("stops", w.next(l, pid, 0), fmt.Sprintf("1:%v/0", netbsd.SIGUSR1))
			w.is("continued", count(EventContinue, pid), 1)
			w.is("stops", w.next(l, pid, netbsd.SIGHUP), fmt.Sprintf("1:%v/0", netbsd.SIGUSR1))
			w.order("SIGHUP")
			w.is("stops", w.next(l, pid, netbsd.SIGHUP), fmt.Sprintf("1:%v/0", netbsd.SIGUSR1))
			l.PtraceSigpass(pid, &set)
			p := w.m.Find(pid)
			w.is("a signal of its own", l.PtraceSetSiginfo(pid, 0, netbsd.Siginfo{Signo: netbsd.SIGHUP}), netbsd.Errno(0))
			w.is("none", l.PtraceSetSiginfo(pid, 0, netbsd.Siginfo{}), netbsd.Errno(0))
			w.is("detach", l.PtraceResume(pid, ResumeArgs{Detach: true, Syscall: true}), netbsd.Errno(0))
			<-ended
			check(w.T, w.m)
			d := w.fork(l, "D", func(l *LWP) {
				w.is("attach", l.PtraceAttach(pid), netbsd.Errno(0))
				w.wait(l, pid, 0)
				pass, errno := l.PtraceSigpass(pid, nil)
				w.is("what passed the first", []any{pass, errno}, []any{netbsd.Sigset(0), netbsd.Errno(0)})
				st, _ := l.PtraceState(pid)
				w.is("no event", st, TraceState{})
			})
			w.wait(l, d.Pid(), 0)
			w.is("killed with its tracer", p.Wait(), netbsd.ExitStatus(0, netbsd.SIGKILL))
		})
	})
}

// A tracer that is not the parent: its resumption with a stop signal is news to whoever waits; PT_DETACH returns the process to its parent, and a wait of its
// parent finds it.
func TestDetachWakesTheParent(t *testing.T) {
	both(t, func(w *world) {
		w.spawnWith("P", SpawnArgs{Setsid: true, Body: func(l *LWP) {
			c := w.fork(l, "C", sleepForever)
			l.Setpgid(c.Pid(), 0)
			l.Kill(c.Pid(), netbsd.SIGTTIN)
			w.waitIs(l, c.Pid(), netbsd.WUNTRACED, c.Pid(), netbsd.StopStatus(netbsd.SIGTTIN), 0)
			l.NewLWP(0, func(l *LWP) {
				w.waitIs(l, c.Pid(), netbsd.WUNTRACED, c.Pid(), netbsd.StopStatus(netbsd.SIGTSTP), 0)
				w.mark("told %v", w.since())
			}, false, nil)
			d := w.fork(l, "D", func(l *LWP) {
				nap(l, time.Second)
				l.PtraceAttach(c.Pid())
				w.waitIs(l, c.Pid(), 0, c.Pid(), netbsd.StopStatus(netbsd.SIGSTOP), 0)
				nap(l, time.Second)
				w.is("detach", l.PtraceResume(c.Pid(), ResumeArgs{Detach: true, Signal: netbsd.SIGTSTP}), netbsd.Errno(0))
				nap(l, 5*time.Second)
			})
			nap(l, 3*time.Second)
			w.order("told 2s")
			w.wait(l, d.Pid(), 0)
			l.Kill(c.Pid(), netbsd.SIGKILL)
			w.wait(l, c.Pid(), 0)
		}}).Wait()
	})
}

// One LWP of a tracee is continued, with and without a step: the others stand, and the next stop is told as the first one was.
func TestResumeOfOneLWP(t *testing.T) {
	both(t, func(w *world) {
		w.guest(func(l *LWP) {
			var other *LWP
			pid := w.tracedWith(l, 0, func(l *LWP) {
				other, _ = l.NewLWP(0, func(l *LWP) {
					for {
						nap(l, time.Second)
						w.mark("other")
					}
				}, false, nil)
				l.LWPKill(l.ID(), netbsd.SIGUSR1)
				w.mark("first")
				l.LWPKill(l.ID(), netbsd.SIGUSR2)
				l.Exit(3)
			})
			w.is("stops", w.next(l, pid, 0), fmt.Sprintf("1:%v/%d", netbsd.SIGUSR1, netbsd.SI_LWP))
			w.is("none", other.Platform().SingleStep(), false)
			first := w.m.Find(pid).LWPs()[1]
			w.is("resume", l.PtraceResume(pid, ResumeArgs{LWP: first.ID(), Step: true}), netbsd.Errno(0))
			w.is("who steps", []bool{first.Platform().SingleStep(), other.Platform().SingleStep()}, []bool{true, false})
			w.wait(l, pid, 0)
			nap(l, 3*time.Second)
			w.order("first")
			w.never("other")
			w.is("the other", l.PtraceResume(pid, ResumeArgs{LWP: other.ID(), Step: true}), netbsd.Errno(0))
			w.is("who steps", []bool{first.Platform().SingleStep(), other.Platform().SingleStep()}, []bool{false, true})
			nap(l, 3*time.Second/2)
			w.is("it goes on alone", w.all()[len(w.all())-1], "other")
			l.PtraceKill(pid)
			w.wait(l, pid, 0)
		})
	})
}

// posix_spawn(3) whose child cannot exec leaves a zombie with the status 127, whose SIGCHLD comes as any other's (spawn_return), no event of a tracee,
// and moves nobody to another parent; EPERM of a file action is an error as any other, and each attribute's error is the caller's.
func TestPosixSpawnThatFails(t *testing.T) {
	bothWith(t, func(_ *world, c *Config) { c.Events = 1000 }, func(w *world) {
		w.guest(func(l *LWP) {
			events, got := w.m.Events(), w.infos(l, netbsd.SIGCHLD)
			fail := func(what string, a PosixSpawnArgs, want netbsd.Errno) {
				w.Helper()
				a.Fork.Body = exit(0)
				_, errno := l.PosixSpawn(a)
				r := w.wait(l, netbsd.WaitAny, 0)
				w.is(what, []any{errno, r.Status, len(l.Proc().Children())}, []any{want, netbsd.ExitStatus(127, 0), 0})
				l.Nanosleep(time.Millisecond)
				w.is(what+": SIGCHLD", []any{len(*got), (*got)[0].Status}, []any{1, under(w, int32(127<<8), int32(127))})
				*got = nil
				for e, ok := events.TryNext(); ok; e, ok = events.TryNext() {
					w.is(what+": a new parent", e.Kind == EventReparent, false)
				}
			}
			says := func(errno netbsd.Errno) func(*LWP) netbsd.Errno { return func(*LWP) netbsd.Errno { return errno } }
			for _, errno := range []netbsd.Errno{netbsd.EPERM, netbsd.ENOENT} {
				fail("file action", PosixSpawnArgs{Actions: says(errno)}, errno)
				fail("exec", PosixSpawnArgs{Exec: says(errno)}, errno)
			}
			_, errno := l.PosixSpawn(PosixSpawnArgs{})
			w.is("no body", errno, netbsd.EINVAL)
			fail("group", PosixSpawnArgs{Setpgroup: true, Pgroup: -1}, netbsd.EPERM)
			fail("group", PosixSpawnArgs{Setpgroup: true, Pgroup: 9999}, netbsd.EPERM)
			fail("policy", PosixSpawnArgs{Sched: &SpawnSched{99, 0}}, netbsd.EINVAL)
			u := w.fork(l, "U", func(l *LWP) {
				l.Setuid(7)
				_, errno := l.PosixSpawn(PosixSpawnArgs{Fork: ForkArgs{Body: exit(0)}, Sched: &SpawnSched{netbsd.SCHED_FIFO, 1}})
				w.is("policy", errno, netbsd.EPERM)
			})
			w.wait(l, u.Pid(), 0)
			mask := netbsd.SigsetOf(netbsd.SIGHUP)
			last := netbsd.Signal(netbsd.NSIG - 1)
			for _, s := range []netbsd.Signal{netbsd.SIGHUP, last} {
				l.Sigaction(s, &Action{Handler: netbsd.SIG_IGN})
			}
			c, errno := l.PosixSpawn(PosixSpawnArgs{Fork: ForkArgs{Body: exit(5)}, Setpgroup: true, ResetIDs: true, Sigmask: &mask,
				Actions: says(0), Sched: &SpawnSched{netbsd.SCHED_RR, 3}, Sigdefault: netbsd.SigsetOf(last, netbsd.SIGSTOP),
				Exec: func(c *LWP) netbsd.Errno {
					w.schedIs(c, 0, 0, netbsd.SCHED_RR, 3)
					w.is("actions", []uint64{c.p.Action(netbsd.SIGHUP).Handler, c.p.Action(last).Handler}, []uint64{netbsd.SIG_IGN, netbsd.SIG_DFL})
					w.mark("exec")
					return 0
				}})
			w.is("it works", errno, netbsd.Errno(0))
			w.waitIs(l, c.Pid(), 0, c.Pid(), netbsd.ExitStatus(5, 0), 0)
			w.order("exec")
		})
	})
}

// posix_spawn(3) under a tracer that wants to hear of it: a child that cannot exec is its tracee (do_posix_spawn), whose end it hears of first, and
// the parent afterwards. There is no event of it.
func TestPosixSpawnThatFailsUnderATracer(t *testing.T) {
	both(t, func(w *world) {
		w.guest(func(l *LWP) {
			pid := w.tracedWith(l, netbsd.PTRACE_POSIX_SPAWN, func(l *LWP) {
				_, errno := l.PosixSpawn(PosixSpawnArgs{Fork: ForkArgs{Body: exit(0)}, Exec: func(*LWP) netbsd.Errno { return netbsd.ENOENT }})
				w.is("the parent's error", errno, netbsd.ENOENT)
				l.Nanosleep(time.Second) // until the tracer is done with the child: the wait of 2003 is ECHILD before
				w.is("the child's end", w.wait(l, netbsd.WaitAny, 0).Status, netbsd.ExitStatus(127, 0))
				l.Exit(6)
			})
			w.goOn(l, pid, 0)
			r := w.wait(l, netbsd.WaitAny, 0)
			w.is("the tracer hears first", []any{r.Pid != pid, r.Status}, []any{true, netbsd.ExitStatus(127, 0)})
			// SIGCHLD stops the parent if it comes while that waits already.
			var story []string
			if r := w.wait(l, pid, 0); r.Status.Exited() {
				story = append(story, fmt.Sprintf("exited(%d)", r.Status.ExitCode()))
			} else {
				story = append([]string{w.stopWord(l, pid)}, w.story(l, pid)...)
			}
			w.is("no event", slices.ContainsFunc(story, func(s string) bool { return strings.Contains(s, "POSIX_SPAWN") }), false)
			w.is("the end", story[len(story)-1], "exited(6)")
			_, errno := l.Wait(netbsd.WaitAny, netbsd.WNOHANG)
			w.is("nobody is left", errno, netbsd.ECHILD)
		})
	})
}

// The child's event of a posix_spawn(3) has the pid of who asked for it (p_oppid, eventswitchchild), be that one's parent's child by now.
func TestPosixSpawnOutlivesWhoAskedUnderATracer(t *testing.T) {
	both(t, func(w *world) {
		w.guest(func(l *LWP) {
			pid := w.tracedWith(l, netbsd.PTRACE_POSIX_SPAWN, func(l *LWP) {
				maskAll(l)
				l.PosixSpawn(PosixSpawnArgs{Early: true, Fork: ForkArgs{Body: exit(4)}, Exec: func(l *LWP) netbsd.Errno {
					l.Nanosleep(time.Second)
					return l.Exec(ExecArgs{Comm: "prog"})
				}})
				l.Exit(3)
			})
			w.next(l, pid, 0)
			st, _ := l.PtraceState(pid)
			l.PtraceKill(pid)
			w.wait(l, pid, 0)
			w.wait(l, st.Other, 0)
			w.is("the child's", w.stopWord(l, st.Other), fmt.Sprintf("1:POSIX_SPAWN(%d)", pid))
			w.is("the child goes on", w.story(l, st.Other), []string{"exited(4)"})
		})
	})
}

// sigpost: a signal wakes an LWP that a tracer has left standing while others go on, if that does not block it, and one that kills by default ends
// PT_SUSPEND (LW_DBGSUSPEND). What does not kill leaves that.
func TestSignalWakesWhoWasLeftStanding(t *testing.T) {
	both(t, func(w *world) {
		w.guest(func(l *LWP) {
			blocked := netbsd.SigsetOf(netbsd.SIGUSR1, netbsd.SIGURG)
			var first, second int
			pid := w.tracedWith(l, 0, func(l *LWP) {
				n, _ := l.NewLWP(0, sleepForever, false, nil)
				first, second = l.ID(), n.ID()
				l.Sigprocmask(netbsd.SIG_SETMASK, &blocked)
				sleepForever(l)
			})
			w.goOn(l, pid, 0)
			stop := func() {
				nap(l, time.Second)
				w.is("PT_STOP", l.PtraceStop(pid), netbsd.Errno(0))
				w.waitIs(l, pid, 0, pid, netbsd.StopStatus(netbsd.SIGSTOP), 0)
			}
			held := func() (list []bool) {
				t, _ := l.TraceTarget(pid)
				for _, i := range t.LWPInfos() {
					list = append(list, i.Held)
				}
				return list
			}
			send := func(a ResumeArgs, sig netbsd.Signal, told bool) {
				w.Helper()
				w.is("resume", l.PtraceResume(pid, a), netbsd.Errno(0))
				nap(l, time.Second)
				l.Kill(pid, sig)
				nap(l, time.Second)
				got := w.wait(l, pid, netbsd.WNOHANG)
				w.is(sig.String()+" is shown", got.Pid == pid, told)
				if got.Pid != pid {
					stop()
				}
			}
			stop()
			l.PtraceSuspend(pid, second, true)
			send(ResumeArgs{}, netbsd.SIGURG, false)
			w.is("held", held(), []bool{true, false})
			send(ResumeArgs{}, netbsd.SIGUSR1, true)
			w.is("held no longer", held(), []bool{false, false})
			send(ResumeArgs{LWP: first}, netbsd.SIGUSR1, true)
			send(ResumeArgs{LWP: first}, netbsd.SIGURG, true)
			l.PtraceKill(pid)
			w.wait(l, pid, 0)
		})
	})
}
