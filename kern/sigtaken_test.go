package kern

import (
	"slices"
	"testing"
	"time"

	"toaster/netbsd"
)

// sigtimedwait1: what is pending for the process goes before what is pending for the LWP, whatever the numbers.
func TestSigtimedwaitAsksTheProcessFirst(t *testing.T) {
	both(t, func(w *world) {
		w.guest(func(l *LWP) {
			set := netbsd.SigsetOf(netbsd.SIGHUP, netbsd.SIGUSR1)
			l.Sigprocmask(netbsd.SIG_BLOCK, &set)
			l.LWPKill(l.ID(), netbsd.SIGHUP)
			l.LWPKill(l.ID(), netbsd.SIGUSR1)
			l.Kill(l.Proc().Pid(), netbsd.SIGUSR1)
			var got []any
			for range 3 {
				info, _ := l.Sigtimedwait(set, time.Now())
				got = append(got, info.Signo, info.Code)
			}
			w.is("order", got, []any{netbsd.Signal(netbsd.SIGUSR1), int32(netbsd.SI_USER),
				netbsd.Signal(netbsd.SIGHUP), int32(netbsd.SI_LWP), netbsd.Signal(netbsd.SIGUSR1), int32(netbsd.SI_LWP)})
		})
	})
}

// sigtimedwait1 and sigunwait: of several LWPs that wait for a signal the one gets it that began to wait last, whichever was made last.
func TestSigtimedwaitOfTheLatest(t *testing.T) {
	both(t, func(w *world) {
		w.guest(func(l *LWP) {
			set := netbsd.SIGUSR1.Bit()
			l.Sigprocmask(netbsd.SIG_BLOCK, &set)
			waits := func(name string, after time.Duration) {
				l.NewLWP(netbsd.LWP_DETACHED, func(l *LWP) {
					nap(l, after)
					l.Sigtimedwait(set, time.Time{})
					w.mark("%s", name)
				}, false, nil)
			}
			waits("last", 3*time.Second)
			waits("first", time.Second)
			waits("second", 2*time.Second)
			nap(l, 5*time.Second)
			for range 3 {
				l.Kill(l.Proc().Pid(), netbsd.SIGUSR1)
				nap(l, time.Second)
			}
		})
		w.order("last", "second", "first")
	})
}

// kpsignal2 and sigprop of sys/signalvar.h (SA_TOALL): SIGSTOP, SIGCONT and the stops of a terminal are the process's, even by _lwp_kill(2); so the opposite
// kind takes them away. What sigtimedwait(2) waits for is the named LWP's nevertheless (sigunwait).
func TestLwpKillOfTheWholeProcess(t *testing.T) {
	both(t, func(w *world) {
		w.guest(func(l *LWP) {
			set := netbsd.SigsetOf(netbsd.SIGTSTP, netbsd.SIGTTIN, netbsd.SIGTTOU, netbsd.SIGCONT, netbsd.SIGUSR1)
			l.Sigprocmask(netbsd.SIG_BLOCK, &set)
			for s := netbsd.Signal(1); s < netbsd.NSIG; s++ {
				if set.Has(s) {
					l.Sigaction(s, &Action{Func: func(*LWP, *netbsd.Siginfo) {}})
				}
			}
			pending := func(o *LWP) (seen netbsd.Sigset) {
				w.locked(func() { seen = o.pend.set })
				return seen
			}
			n, _ := l.NewLWP(0, func(l *LWP) {
				info, errno := l.Sigtimedwait(netbsd.SIGTTOU.Bit(), time.Time{})
				w.is("waited", []any{info.Signo, errno}, []any{netbsd.Signal(netbsd.SIGTTOU), netbsd.Errno(0)})
			}, false, nil)
			nap(l, time.Second)
			for _, s := range []netbsd.Signal{netbsd.SIGTSTP, netbsd.SIGTTIN, netbsd.SIGTTOU, netbsd.SIGUSR1} {
				w.is("kill", l.LWPKill(l.ID(), s), netbsd.Errno(0))
			}
			w.is("of the LWP", pending(l), netbsd.SIGUSR1.Bit())
			w.is("of all", l.Sigpending(), set&^netbsd.SIGCONT.Bit())
			l.LWPKill(n.ID(), netbsd.SIGTTOU)
			l.LWPWait(n.ID())
			l.LWPKill(l.ID(), netbsd.SIGCONT)
			w.is("continued", l.Sigpending(), netbsd.SigsetOf(netbsd.SIGCONT, netbsd.SIGUSR1))
		})
	})
}

// SIGQUEUE_MAX of kern_sig.c is 32, of a process as of each of its LWPs.
func TestHowManySignalsQueue(t *testing.T) {
	both(t, func(w *world) {
		w.guest(func(l *LWP) {
			rt := netbsd.Signal(netbsd.SIGRTMIN)
			set := rt.Bit()
			l.Sigprocmask(netbsd.SIG_BLOCK, &set)
			n := 0
			for n < 2000 && l.Kill(l.Proc().Pid(), rt) == 0 {
				n++
			}
			w.is("queued", n, 32)
			for range 40 {
				l.LWPKill(l.ID(), rt)
			}
			taken := 0
			for l.Sigpending() != 0 {
				l.Sigtimedwait(set, time.Now())
				taken++
			}
			w.is("taken", taken, 64)
		})
	})
}

// sys__lwp_kill does not tell what kpsignal2 says: a full queue is no error, and the signal is pending without more.
func TestLwpKillOfAFullQueue(t *testing.T) {
	both(t, func(w *world) {
		w.guest(func(l *LWP) {
			rt := netbsd.Signal(netbsd.SIGRTMIN)
			set := rt.Bit()
			l.Sigprocmask(netbsd.SIG_BLOCK, &set)
			for range maxQueued + 1 {
				if errno := l.LWPKill(l.ID(), rt); errno != 0 {
					w.Fatal(errno)
				}
			}
		})
	})
}

// sigput: a signal of the kernel's that says nothing (KSI_EMPTY_P) leaves what is known of the one that is pending.
func TestPendingSignalKeepsWhatItKnows(t *testing.T) {
	both(t, func(w *world) {
		w.guest(func(l *LWP) {
			set := netbsd.SIGINT.Bit()
			l.Sigprocmask(netbsd.SIG_BLOCK, &set)
			l.Kill(l.Proc().Pid(), netbsd.SIGINT)
			w.locked(func() { l.Proc().pgrp.signalLocked(netbsd.SIGINT, false, nil, nil) })
			info, errno := l.Sigtimedwait(set, time.Now())
			w.is("of kill(2)", []any{info.Code, int(info.Pid), errno}, []any{int32(netbsd.SI_USER), l.Proc().Pid(), netbsd.Errno(0)})
			w.is("once", l.Sigpending(), netbsd.Sigset(0))
			w.locked(func() { l.Proc().pgrp.signalLocked(netbsd.SIGINT, false, nil, nil) })
			l.Kill(l.Proc().Pid(), netbsd.SIGINT)
			info, _ = l.Sigtimedwait(set, time.Now())
			w.is("later", info.Code, int32(netbsd.SI_USER))
		})
	})
}

// trapsignal calls kpsendsig at once: the handler of what the LWP's own instruction has caused gets the context of that instruction, and those of other signals
// begin before it. EVFILT_SIGNAL counts what kpsignal2 has, not that.
func TestTrapIsTakenFirst(t *testing.T) {
	both(t, func(w *world) {
		w.spawnWith("P", SpawnArgs{Manual: true, Body: func(l *LWP) {
			none, all := netbsd.Sigset(0), netbsd.AllSignals&^netbsd.SIGSEGV.Bit()
			for _, s := range []netbsd.Signal{netbsd.SIGHUP, netbsd.SIGINT, netbsd.SIGSEGV} {
				l.Sigaction(s, &Action{Handler: 0x1000})
			}
			counted := 0
			l.Proc().AttachKnote(note(func(NoteEvent) { counted++ }))
			l.Sigprocmask(netbsd.SIG_SETMASK, &all)
			l.LWPKill(l.ID(), netbsd.SIGHUP)
			l.Kill(l.Proc().Pid(), netbsd.SIGINT)
			l.Platform().Trap(&netbsd.Siginfo{Signo: netbsd.SIGSEGV, Code: netbsd.SEGV_MAPERR})
			l.Sigprocmask(netbsd.SIG_SETMASK, &none)
			var frames []netbsd.Signal
			l.Platform().UserRet(func(d *Delivery) bool {
				frames = append(frames, d.Info.Signo)
				return true
			})
			w.is("frames", frames, []netbsd.Signal{netbsd.SIGSEGV, netbsd.SIGHUP, netbsd.SIGINT})
			w.is("counted", counted, 2)
			l.Exit(0)
		}}).Wait()
	})
}

// kpsignal2: a signal that kills by default, sent to who has left it so, ends a nice value above 0, blocked or not; what is caught, ignored or does not kill leaves it.
func TestDeadlySignalEndsNiceness(t *testing.T) {
	both(t, func(w *world) {
		w.guest(func(l *LWP) {
			set := netbsd.SigsetOf(netbsd.SIGTERM, netbsd.SIGTSTP, netbsd.SIGUSR1)
			l.Sigprocmask(netbsd.SIG_BLOCK, &set)
			p := l.Proc()
			l.Sigaction(netbsd.SIGUSR1, &Action{Func: func(*LWP, *netbsd.Siginfo) {}})
			l.Sigaction(netbsd.SIGUSR2, &Action{Handler: netbsd.SIG_IGN})
			for _, c := range []struct{ nice, after int }{{25, 20}, {20, 20}, {15, 15}} {
				p.SetNice(c.nice)
				for _, s := range []netbsd.Signal{netbsd.SIGUSR1, netbsd.SIGUSR2, netbsd.SIGTSTP, netbsd.SIGURG} {
					l.Kill(p.Pid(), s)
				}
				w.is("not yet", p.Nice(), c.nice)
				l.Kill(p.Pid(), netbsd.SIGTERM)
				w.is("SIGTERM", p.Nice(), c.after)
			}
			ign := Action{Handler: netbsd.SIG_IGN}
			l.Sigaction(netbsd.SIGTERM, &ign)
		})
	})
}

// execsigs takes back what SA_NOCLDWAIT and SIG_IGN have done, not PS_NOCLDSTOP: a program hears of no stop of its children until it has set an action for SIGCHLD.
func TestNoCldStopOutlivesAnExec(t *testing.T) {
	both(t, func(w *world) {
		w.guest(func(l *LWP) {
			l.Sigaction(netbsd.SIGCHLD, &Action{Func: func(*LWP, *netbsd.Siginfo) {}, Flags: netbsd.SA_NOCLDSTOP})
			l.Exec(ExecArgs{Comm: "x"})
			set := netbsd.SIGCHLD.Bit()
			l.Sigprocmask(netbsd.SIG_BLOCK, &set)
			stop := func() bool {
				c := w.fork(l, "C", func(l *LWP) { l.Kill(l.Proc().Pid(), netbsd.SIGSTOP) })
				w.wait(l, c.Pid(), netbsd.WUNTRACED)
				told := l.Sigpending().Has(netbsd.SIGCHLD)
				c.Kill(netbsd.SIGKILL)
				w.wait(l, c.Pid(), 0)
				return told
			}
			old, _ := l.Sigaction(netbsd.SIGCHLD, nil)
			w.is("flags", old.Flags, int32(netbsd.SA_RESTART))
			w.is("ignored by default", stop(), false)
			for _, flags := range []int32{0, netbsd.SA_NOCLDSTOP} {
				l.Sigaction(netbsd.SIGCHLD, &Action{Func: func(*LWP, *netbsd.Siginfo) {}, Flags: flags})
				w.is("asked", stop(), flags == 0)
				l.Sigtimedwait(set, time.Now())
			}
			l.Exec(ExecArgs{Comm: "y"})
			w.is("kept", l.Proc().has(fNoCldStop), !w.r2003)
		})
	})
}

// issignal notes what a process stops for, whether or not it is traced (ps_info, ps_lwp): who attaches to it hears of that stop.
func TestWhatAProcessStoppedForBeforeItWasTraced(t *testing.T) {
	both(t, func(w *world) {
		w.guest(func(l *LWP) {
			c := w.fork(l, "C", func(l *LWP) {
				l.Setpgid(0, 0)
				sleepForever(l)
			})
			nap(l, time.Second)
			l.Kill(c.Pid(), netbsd.SIGTSTP)
			w.waitIs(l, c.Pid(), netbsd.WUNTRACED, c.Pid(), netbsd.StopStatus(netbsd.SIGTSTP), 0)
			w.is("attach", l.PtraceAttach(c.Pid()), netbsd.Errno(0))
			w.waitIs(l, c.Pid(), 0, c.Pid(), netbsd.StopStatus(netbsd.SIGSTOP), 0)
			info, lid, errno := l.PtraceSiginfo(c.Pid())
			w.is("siginfo", []any{info.Signo, info.Code, int(info.Pid), lid, errno},
				[]any{netbsd.Signal(netbsd.SIGTSTP), int32(netbsd.SI_USER), l.Proc().Pid(), 0, netbsd.Errno(0)})
			w.is("for all", slices.ContainsFunc(c.LWPInfos(), func(i LWPInfo) bool { return !i.Stopped }), false)
			l.PtraceKill(c.Pid())
			w.wait(l, c.Pid(), 0)
		})
	})
}

// sys__lwp_wakeup sets LW_CANCELLED, which sleepq_block takes away from a sleep that has not begun: an LWP that it finds asleep is woken, and its next sleep does
// not begin either.
func TestLwpWakeupOfASleeper(t *testing.T) {
	both(t, func(w *world) {
		w.guest(func(l *LWP) {
			var got []any
			n, _ := l.NewLWP(0, func(l *LWP) {
				for range 3 {
					errno := l.Sleep(true, time.Now().Add(time.Minute))
					got = append(got, errno, w.since())
				}
			}, false, nil)
			nap(l, time.Second)
			w.is("asleep", l.LWPWakeup(n.ID()), netbsd.Errno(0))
			l.LWPWait(n.ID())
			w.is("sleeps", got, []any{netbsd.EINTR, time.Second, netbsd.EINTR, time.Second, netbsd.EWOULDBLOCK, time.Second + time.Minute})
		})
	})
}
