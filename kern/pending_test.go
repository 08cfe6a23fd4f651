package kern

import (
	"testing"
	"time"

	"toaster/netbsd"
)

// Tests of what is pending, what is dropped, and who takes it.

// kpsignal2 (kern_sig.c): SIGCONT by default is done when it is sent, a stopped process takes no
// second stop, and each cancels the other.
func TestPendingAfterStopsAndContinuations(t *testing.T) {
	both(t, func(w *world) {
		w.guest(func(l *LWP) {
			c := w.fork(l, "C", sleepForever)
			l.Nanosleep(time.Second)
			l.Kill(c.Pid(), netbsd.SIGCONT)
			l.Nanosleep(time.Second)
			w.is("after a CONT", c.LWPs()[0].Sigpending(), netbsd.Sigset(0))
			l.Kill(c.Pid(), netbsd.SIGSTOP)
			w.wait(l, c.Pid(), netbsd.WUNTRACED)
			l.Kill(c.Pid(), netbsd.SIGSTOP)
			w.is("after a second STOP", c.LWPs()[0].Sigpending(), netbsd.Sigset(0))
			l.Kill(c.Pid(), netbsd.SIGCONT)
			w.is("after CONT", c.LWPs()[0].Sigpending(), netbsd.Sigset(0))
			l.Kill(c.Pid(), netbsd.SIGKILL)
			w.wait(l, c.Pid(), 0)
		})
	})
}

// sigaction1 (sys_sig.c): "Never to be seen again".
func TestIgnoringDropsWhatIsPending(t *testing.T) {
	both(t, func(w *world) {
		w.guest(func(l *LWP) {
			set := netbsd.SIGUSR1.Bit()
			l.Sigprocmask(netbsd.SIG_BLOCK, &set)
			l.Sigaction(netbsd.SIGUSR1, &Action{Func: func(*LWP, *netbsd.Siginfo) {}})
			l.Kill(l.Proc().Pid(), netbsd.SIGUSR1)
			l.Sigaction(netbsd.SIGUSR1, &Action{Handler: netbsd.SIG_IGN})
			w.is("pending", l.Sigpending(), netbsd.Sigset(0))
		})
	})
}

// sigput (kern_sig.c) queues signals from SIGRTMIN on, each with its siginfo.
func TestRealTimeSignalsQueue(t *testing.T) {
	both(t, func(w *world) {
		w.guest(func(l *LWP) {
			set := netbsd.SIGRTMIN.Bit()
			l.Sigprocmask(netbsd.SIG_BLOCK, &set)
			n := 0
			l.Sigaction(netbsd.SIGRTMIN, &Action{Func: func(*LWP, *netbsd.Siginfo) { n++ }})
			for range 3 {
				l.Sigqueue(l.Proc().Pid(), &netbsd.Siginfo{Signo: netbsd.SIGRTMIN, Code: netbsd.SI_QUEUE})
			}
			l.Sigprocmask(netbsd.SIG_UNBLOCK, &set)
			w.is("delivered", n, 3)
		})
	})
}

// lwp_exit (kern_lwp.c): a signal of the process that the LWP was told of is shown to the others.
func TestSignalOfAnLWPThatEnds(t *testing.T) {
	both(t, func(w *world) {
		p := w.spawn("P", func(l *LWP) {
			w.catch(l, "P", netbsd.SIGUSR1)
			l.NewLWP(netbsd.LWP_DETACHED, func(l *LWP) {
				time.Sleep(2 * time.Second) // in user mode
				l.ExitLWP()
			}, true, nil)
			l.Pause()
			w.mark("A interrupted")
			sleepForever(l)
		})
		time.Sleep(time.Second)
		p.Kill(netbsd.SIGUSR1)
		time.Sleep(5 * time.Second)
		settled()
		w.order("P.SIGUSR1", "A interrupted")
	})
}

// vforksigmask (issignal of kern_sig.c): stops but for SIGSTOP wait while the parent does, and are taken once
// PL_PPWAIT is off; in 2003 SIGSTOP, too (stopsigmask).
func TestStopPutOffByVforkComesAfterTheExec(t *testing.T) {
	both(t, func(w *world) {
		sig := netbsd.SIGTSTP
		if w.r2003 {
			sig = netbsd.SIGSTOP
		}
		w.guest(func(l *LWP) {
			var c *Proc
			time.AfterFunc(time.Second, func() { w.find("C").Kill(sig) })
			c = w.forkWith(l, "C", ForkArgs{Vfork: true, Body: func(l *LWP) {
				l.Setpgid(0, 0) // a group that is not orphaned, as its parent's is
				nap(l, 2*time.Second)
				l.Exec(ExecArgs{Comm: "x"})
				l.Nanosleep(time.Hour)
			}})
			l.Nanosleep(time.Second)
			w.waitIs(l, c.Pid(), netbsd.WUNTRACED|netbsd.WNOHANG, c.Pid(), netbsd.StopStatus(sig), 0)
			l.Kill(c.Pid(), netbsd.SIGKILL)
			w.wait(l, c.Pid(), 0)
		})
	})
}

// SIGSTOP stops a vfork child at once (issignal, vforksigmask: signo != SIGSTOP), be it traced by its parent (PL_PPWAIT, p_pptr == p_opptr):
// who waits for it goes on waiting until somebody else continues or kills it.
func TestVforkChildStops(t *testing.T) {
	for _, traced := range []bool{false, true} {
		both(t, func(w *world) {
			if w.r2003 {
				return
			}
			w.guest(func(l *LWP) {
				child := func(end func(*LWP)) ForkArgs {
					return ForkArgs{Vfork: true, Body: func(l *LWP) {
						if traced {
							w.is("trace me", l.TraceMe(), netbsd.Errno(0))
						}
						l.Kill(l.Proc().Pid(), netbsd.SIGSTOP)
						w.mark("the child goes on")
						end(l)
					}}
				}
				after := func(sig netbsd.Signal) {
					time.AfterFunc(time.Second, func() {
						w.is("stopped", w.find("C").Stopped(), true)
						w.mark("%v", sig)
						w.find("C").Kill(sig)
					})
				}
				after(netbsd.SIGKILL)
				c := w.forkWith(l, "C", child(exit(3)))
				w.mark("the parent goes on")
				w.waitIs(l, c.Pid(), 0, c.Pid(), netbsd.ExitStatus(0, netbsd.SIGKILL), 0)
				if traced {
					return // SIGCONT would be its tracer's to give
				}
				after(netbsd.SIGCONT)
				c = w.forkWith(l, "C", child(exit(3)))
				w.mark("the parent goes on")
				w.waitIs(l, c.Pid(), 0, c.Pid(), netbsd.ExitStatus(3, 0), 0)
			})
			if traced {
				w.order("SIGKILL", "the parent goes on")
			} else {
				w.order("SIGKILL", "the parent goes on", "SIGCONT", "the child goes on", "the parent goes on")
			}
		})
	}
}

// wait6(2), WCONTINUED: a parent asleep in it is told.
func TestContinuationWakesWhoWaitsForIt(t *testing.T) {
	both(t, func(w *world) {
		if w.r2003 {
			return
		}
		p := w.spawn("P", func(l *LWP) {
			c := w.fork(l, "C", sleepForever)
			l.Kill(c.Pid(), netbsd.SIGSTOP)
			w.wait(l, c.Pid(), netbsd.WUNTRACED)
			time.AfterFunc(time.Second, func() { c.Kill(netbsd.SIGCONT) })
			pid, e := l.Wait6(netbsd.P_PID, c.Pid(), netbsd.WCONTINUED, nil)
			w.is("continued", []any{pid, e}, []any{c.Pid(), netbsd.Errno(0)})
			w.mark("woken")
		})
		time.Sleep(10 * time.Second)
		settled()
		w.order("woken")
		p.Kill(netbsd.SIGKILL)
	})
}

// sendsig_siginfo (sig_machdep.c): a frame goes on the signal stack if the action has SA_ONSTACK, the
// stack is enabled, and no handler runs on it already. Each delivery counts in ru_nsignals (postsig).
func TestDeliveryOnTheSignalStack(t *testing.T) {
	const usr1 = netbsd.SIGUSR1
	for name, x := range map[string]struct {
		flags int32
		stack int32
		want  bool
	}{
		"on it":               {netbsd.SA_ONSTACK, 0, true},
		"not asked for":       {0, 0, false},
		"disabled":            {netbsd.SA_ONSTACK, netbsd.SS_DISABLE, false},
		"asked for by nobody": {0, netbsd.SS_DISABLE, false},
		"already there":       {netbsd.SA_ONSTACK, netbsd.SS_ONSTACK, false},
	} {
		t.Run(name, func(t *testing.T) {
			both(t, func(w *world) {
				w.spawnWith("P", SpawnArgs{Manual: true, Body: func(l *LWP) {
					l.Sigaction(usr1, &Action{Handler: 0x1000, Flags: x.flags})
					l.Kill(l.Proc().Pid(), usr1)
					l.extra().stack = Altstack{Sp: 0x4000, Size: 0x4000, Flags: x.stack}
					n := 0
					l.Platform().UserRet(func(d *Delivery) bool {
						n++
						w.is("signal, on the stack", []any{d.Info.Signo, d.OnStack}, []any{usr1, x.want})
						return true
					})
					u, _ := l.Rusage(netbsd.RUSAGE_SELF)
					w.is("delivered, counted", []any{n, u.Nsignals}, []any{1, int64(1)})
					l.Exit(0)
				}}).Wait()
			})
		})
	}
}

// A SIGCONT that is not caught is done when it has been sent: kpsignal2 of NetBSD 10 keeps none,
// blocked or not; psignal1 of 2003 keeps one that is blocked (SIG_HOLD).
func TestBlockedContinuationByDefault(t *testing.T) {
	both(t, func(w *world) {
		w.guest(func(l *LWP) {
			set := netbsd.SIGCONT.Bit()
			l.Sigprocmask(netbsd.SIG_BLOCK, &set)
			l.Kill(l.Proc().Pid(), netbsd.SIGCONT)
			w.is("blocked", l.Sigpending(), under(w, set, 0))
			n, _ := l.NewLWP(0, sleepForever, false, nil)
			l.Sigprocmask(netbsd.SIG_UNBLOCK, &set)
			w.is("let through", l.Sigpending(), netbsd.Sigset(0))
			l.Kill(l.Proc().Pid(), netbsd.SIGCONT)
			w.is("blocked by another LWP", []any{n.Sigmask(), l.Sigpending()}, []any{set, netbsd.Sigset(0)})
		})
	})
}

// sigaltstack(2): what is set is returned, SS_DISABLE takes it away, unless it is in use
// (sigaltstack1).
func TestSigaltstack(t *testing.T) {
	both(t, func(w *world) {
		w.guest(func(l *LWP) {
			s := Altstack{Sp: 0x10000, Size: 0x8000}
			old, errno := l.Sigaltstack(&s)
			w.is("none at first", []any{old, errno}, []any{Altstack{Flags: netbsd.SS_DISABLE}, netbsd.Errno(0)})
			old, errno = l.Sigaltstack(nil)
			w.is("it is there", []any{old, errno, l.Altstack()}, []any{s, netbsd.Errno(0), s})
			_, errno = l.Sigaltstack(&Altstack{Sp: 0x10000, Size: 1})
			w.is("too small", errno, netbsd.ENOMEM)
			old, errno = l.Sigaltstack(&Altstack{Flags: netbsd.SS_DISABLE})
			w.is("taken away", []any{old, errno, l.Altstack().Flags}, []any{s, netbsd.Errno(0), int32(netbsd.SS_DISABLE)})
		})
	})
}
