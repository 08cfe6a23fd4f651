package kern

import (
	"testing"
	"time"

	"toaster/netbsd"
)

// Items 66 to 69: exit_psignal.

// infos installs handlers that keep every siginfo.
func (w *world) infos(l *LWP, sigs ...netbsd.Signal) *[]netbsd.Siginfo {
	got := new([]netbsd.Siginfo)
	for _, s := range sigs {
		w.handle(l, s, func(_ *LWP, si *netbsd.Siginfo) { *got = append(*got, *si) })
	}
	return got
}

func TestPsignal_66_SigchldIfTracedElseTheExitSignal(t *testing.T) {
	both(t, func(w *world) {
		w.guest(func(l *LWP) {
			got := w.infos(l, netbsd.SIGCHLD, netbsd.SIGUSR1, netbsd.SIGRTMIN)
			last := func() netbsd.Signal {
				l.Nanosleep(time.Millisecond)
				return (*got)[len(*got)-1].Signo
			}
			for _, sig := range []netbsd.Signal{netbsd.SIGCHLD, netbsd.SIGUSR1, netbsd.SIGRTMIN} {
				c := w.forkWith(l, "C", ForkArgs{ExitSignal: sig, Body: exit(0)})
				w.waitIs(l, c.Pid(), netbsd.WALLSIG, c.Pid(), 0, 0)
				w.is("untraced", last(), sig)
				w.is("one signal", len(*got), 1)
				*got = nil
				c = w.forkWith(l, "T", ForkArgs{ExitSignal: sig, Body: func(l *LWP) { l.TraceMe(); l.Exit(0) }})
				w.waitIs(l, c.Pid(), netbsd.WALLSIG, c.Pid(), 0, 0)
				w.is("traced", last(), netbsd.SIGCHLD)
				*got = nil
			}
		})
	})
}

func TestPsignal_67_CodesOfSigchld(t *testing.T) {
	bothWith(t, func(w *world, c *Config) {
		c.Core = func(l *LWP, sig netbsd.Signal, _ *netbsd.Siginfo) bool { return sig == netbsd.SIGSEGV }
	}, func(w *world) {
		w.guest(func(l *LWP) {
			got := w.infos(l, netbsd.SIGCHLD)
			for _, c := range []struct {
				sig  netbsd.Signal
				code int32
			}{{0, netbsd.CLD_EXITED}, {netbsd.SIGTERM, netbsd.CLD_KILLED}, {netbsd.SIGKILL, netbsd.CLD_KILLED},
				{netbsd.SIGSEGV, netbsd.CLD_DUMPED}, {netbsd.SIGQUIT, netbsd.CLD_KILLED}} { // no dump for SIGQUIT
				*got = nil
				p := w.fork(l, "C", func(l *LWP) {
					if c.sig != 0 {
						l.Kill(l.Proc().Pid(), c.sig)
					}
				})
				r := w.wait(l, p.Pid(), 0)
				l.Nanosleep(time.Millisecond)
				w.is("signals", len(*got), 1)
				w.is(c.sig.String(), []any{(*got)[0].Code, r.Status.TermSignal(), r.Status.CoreDump()}, []any{c.code, c.sig, c.sig == netbsd.SIGSEGV})
			}
		})
	})
}

func TestPsignal_68_CodeIsZeroForAnotherSignal(t *testing.T) {
	both(t, func(w *world) {
		w.guest(func(l *LWP) {
			got := w.infos(l, netbsd.SIGUSR1)
			for _, end := range []func(*LWP){exit(3), func(l *LWP) { l.Kill(l.Proc().Pid(), netbsd.SIGKILL) }} {
				*got = nil
				c := w.forkWith(l, "C", ForkArgs{ExitSignal: netbsd.SIGUSR1, Body: end})
				r := w.wait(l, c.Pid(), netbsd.WALTSIG)
				l.Nanosleep(time.Millisecond)
				w.is("signals", len(*got), 1)
				i := (*got)[0]
				w.is("code, pid", []any{i.Code, int(i.Pid)}, []any{int32(0), c.Pid()})
				// The rest is filled in nevertheless: the raw status, or the signal in 10.
				w.is("status", i.Status, under(w, int32(r.Status), int32(r.Status.TermSignal())))
			}
		})
	})
}

func TestPsignal_69_WhatIsAlwaysFilledIn(t *testing.T) {
	both(t, func(w *world) {
		w.guest(func(l *LWP) {
			got := w.infos(l, netbsd.SIGCHLD)
			child := func(end func(*LWP)) netbsd.Siginfo {
				*got = nil
				c := w.fork(l, "C", func(l *LWP) {
					g := w.fork(l, "G", func(l *LWP) {
						l.Proc().AddUsage(&netbsd.Rusage{Utime: 1500 * time.Millisecond, Stime: 900 * time.Millisecond})
					})
					w.wait(l, g.Pid(), 0)
					l.Proc().AddUsage(&netbsd.Rusage{Utime: 2400 * time.Millisecond, Stime: 200 * time.Millisecond})
					l.Setreuid(100, 0)
					l.Seteuid(200)
					end(l)
				})
				w.wait(l, c.Pid(), 0)
				l.Nanosleep(time.Millisecond)
				w.is("pid", int((*got)[0].Pid), c.Pid())
				return (*got)[0]
			}
			i := child(exit(0x1ab))
			w.is("effective uid", i.UID, uint32(200))
			w.is("status", i.Status, under(w, int32(0xab00), int32(0x1ab)))
			// p_ru, to which 2003 has added p_cru; NetBSD 10 reads p_stats->p_ru, and adds p_cru in proc_free. That its exit1 calls calcru
			// only behind the signal is a difference which doc/lifecycle.md names.
			w.is("whole seconds, in 2003 with descendants", []int64{i.Utime, i.Stime}, under(w, []int64{3, 1}, []int64{2, 0}))
			i = child(func(l *LWP) { l.Kill(l.Proc().Pid(), netbsd.SIGKILL) })
			w.is("killed", i.Status, int32(netbsd.SIGKILL))
		})
	})
}

// The second SIGCHLD, for the zombie that a debugger has given back, comes behind calcru: it has the child's own times.
func TestPsignal_69_TimesOfTheSecondSignal(t *testing.T) {
	both(t, func(w *world) {
		w.guest(func(l *LWP) {
			got := w.infos(l, netbsd.SIGCHLD)
			c := w.fork(l, "C", func(l *LWP) {
				l.Proc().AddUsage(&netbsd.Rusage{Utime: 2400 * time.Millisecond})
				l.Nanosleep(time.Second)
			})
			d := w.spawn("D", func(l *LWP) {
				w.is("attach", l.PtraceAttach(c.Pid()), netbsd.Errno(0))
				w.wait(l, c.Pid(), 0)
				w.is("continue", l.PtraceResume(c.Pid(), ResumeArgs{}), netbsd.Errno(0))
				w.is("the end", w.wait(l, c.Pid(), 0).Pid, c.Pid())
			})
			d.Wait()
			l.Nanosleep(time.Second)
			w.is("one signal", len(*got), 1)
			w.is("times", (*got)[0].Utime, int64(2))
			w.wait(l, c.Pid(), 0)
		})
	})
}

// SIGCHLD for stops and continuations (child_psignal of kern_sig.c): code, status, SA_NOCLDSTOP, a tracer.
func TestPsignal_67_StopsAndContinuationsTellTheParent(t *testing.T) {
	both(t, func(w *world) {
		w.guest(func(l *LWP) {
			got := w.infos(l, netbsd.SIGCHLD)
			last := func() []any {
				l.Nanosleep(time.Millisecond)
				if len(*got) != 1 {
					return []any{len(*got)}
				}
				i := (*got)[0]
				*got = nil
				return []any{i.Code, i.Status, int(i.Pid)}
			}
			c := w.fork(l, "C", sleepForever)
			l.Kill(c.Pid(), netbsd.SIGSTOP)
			w.is("stop", last(), []any{int32(netbsd.CLD_STOPPED), int32(netbsd.SIGSTOP), c.Pid()})
			l.Kill(c.Pid(), netbsd.SIGCONT)
			w.is("continue", last(), under(w, []any{0}, []any{int32(netbsd.CLD_CONTINUED), int32(netbsd.SIGCONT), c.Pid()}))
			a, _ := l.Sigaction(netbsd.SIGCHLD, nil)
			a.Flags |= netbsd.SA_NOCLDSTOP
			l.Sigaction(netbsd.SIGCHLD, &a)
			l.Kill(c.Pid(), netbsd.SIGSTOP)
			w.is("NOCLDSTOP", last(), []any{0})
			l.Kill(c.Pid(), netbsd.SIGKILL)
			w.wait(l, c.Pid(), 0)
			w.is("the end", last(), []any{int32(netbsd.CLD_KILLED), int32(netbsd.SIGKILL), c.Pid()})
			// A tracer is told in spite of NOCLDSTOP.
			d := w.fork(l, "T", func(l *LWP) { l.TraceMe(); l.Kill(l.p.Pid(), netbsd.SIGUSR1) })
			// child_psignal (kern_sig.c) knows no CLD_TRAPPED; wait6 does.
			w.is("trap", last(), []any{int32(netbsd.CLD_STOPPED), int32(netbsd.SIGUSR1), d.Pid()})
			w.wait(l, d.Pid(), 0)
		})
	})
}

// A process that stops at its exit because it was asked to (PS_STOPEXIT) is waited for as
// one that has stopped, but exit1 sends no SIGCHLD for it: child_psignal is not called. That it
// goes on is told, as for any that is SSTOP (kpsignal2), and then the end.
func TestStopOnExitSendsNoSignal(t *testing.T) {
	both(t, func(w *world) {
		if w.r2003 {
			return
		}
		w.guest(func(l *LWP) {
			got := w.infos(l, netbsd.SIGCHLD)
			c := w.fork(l, "C", func(l *LWP) {
				l.Proc().setStopOn(false, false, true)
				l.Exit(5)
			})
			r := w.wait(l, c.Pid(), netbsd.WUNTRACED)
			w.is("stopped", r.Status.Stopped(), true)
			l.Nanosleep(time.Millisecond)
			w.is("SIGCHLD of the stop", len(*got), 0)
			l.Kill(c.Pid(), netbsd.SIGCONT)
			w.waitIs(l, c.Pid(), 0, c.Pid(), netbsd.ExitStatus(5, 0), 0)
			l.Nanosleep(time.Millisecond)
			// SIGCONT does not take a process from its tracer (kpsignal2: traced, and not SIGKILL).
			c2 := w.fork(l, "T", func(l *LWP) {
				l.TraceMe()
				l.Proc().setStopOn(false, false, true)
				l.Exit(6)
			})
			w.wait(l, c2.Pid(), 0)
			n := len(*got)
			l.Kill(c2.Pid(), netbsd.SIGCONT)
			l.Nanosleep(time.Second)
			w.is("traced", []any{c2.Stopped(), len(*got)}, []any{true, n})
			l.PtraceResume(c2.Pid(), ResumeArgs{})
			w.waitIs(l, c2.Pid(), 0, c2.Pid(), netbsd.ExitStatus(6, 0), 0)
			*got = (*got)[:n]
			codes := make([]int32, n)
			for i := range codes {
				codes[i] = (*got)[i].Code
			}
			ended := []int32{netbsd.CLD_EXITED} // the later of two that are pending stands for both
			if n == 2 {
				ended = []int32{netbsd.CLD_CONTINUED, netbsd.CLD_EXITED}
			}
			w.is("SIGCHLD of the continuation and the end", codes, ended)
		})
	})
}

// proc.PID.stopfork and its like (sysctl_proc_stop): who may set them, and what they do.
func TestStopFlagsOfAProcess(t *testing.T) {
	both(t, func(w *world) {
		w.guest(func(l *LWP) {
			pid := l.Proc().Pid()
			if w.r2003 {
				w.is("2003", l.SetStopOn(pid, netbsd.PROC_PID_STOPEXIT, true), netbsd.ENOENT)
				return
			}
			w.is("no such flag", l.SetStopOn(pid, 6, true), netbsd.ENOENT)
			w.is("no such process", l.SetStopOn(9999, netbsd.PROC_PID_STOPEXIT, true), netbsd.ESRCH)
			for which, ends := range map[int]func(*LWP){
				netbsd.PROC_PID_STOPEXIT: func(l *LWP) { l.Exit(3) },
				netbsd.PROC_PID_STOPEXEC: func(l *LWP) { l.Exec(ExecArgs{Comm: "x"}); l.Exit(3) },
			} {
				c := w.fork(l, "C", func(l *LWP) { l.Nanosleep(time.Second); ends(l) })
				w.is("set", l.SetStopOn(c.Pid(), which, true), netbsd.Errno(0))
				on, errno := l.StopsOn(c.Pid(), which)
				w.is("on", []any{on, errno}, []any{true, netbsd.Errno(0)})
				r := w.wait(l, c.Pid(), netbsd.WUNTRACED)
				w.is("stopped", r.Status.Stopped(), true)
				l.Kill(c.Pid(), netbsd.SIGCONT)
				w.waitIs(l, c.Pid(), 0, c.Pid(), netbsd.ExitStatus(3, 0), 0)
			}
			c := w.fork(l, "U", func(l *LWP) {
				l.Setuid(7)
				w.is("own", l.SetStopOn(l.Proc().Pid(), netbsd.PROC_PID_STOPFORK, true), netbsd.Errno(0))
				w.is("another's", l.SetStopOn(pid, netbsd.PROC_PID_STOPFORK, true), netbsd.EPERM)
				w.is("cleared", l.SetStopOn(l.Proc().Pid(), netbsd.PROC_PID_STOPFORK, false), netbsd.Errno(0))
				on, _ := l.StopsOn(l.Proc().Pid(), netbsd.PROC_PID_STOPFORK)
				w.is("off", on, false)
			})
			w.waitIs(l, c.Pid(), 0, c.Pid(), 0, 0)
		})
	})
}
