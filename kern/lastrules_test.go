package kern

import (
	"testing"
	"time"

	"toaster/netbsd"
)

// What is no longer pending has left nothing behind, and the others keep what is known of them (sigclear).
func TestClearedSignalsAreForgotten(t *testing.T) {
	var sp sigpend
	put := func(s netbsd.Signal, pid int32) { sp.put(&netbsd.Siginfo{Signo: s, Pid: pid}) }
	put(netbsd.SIGHUP, 1)
	put(netbsd.SIGRTMIN, 2)
	put(netbsd.SIGRTMIN, 3)
	put(netbsd.SIGUSR1, 4)
	sp.clear(netbsd.SIGTERM.Bit())
	sp.clear(netbsd.SIGRTMIN.Bit())
	if sp.set != netbsd.SigsetOf(netbsd.SIGHUP, netbsd.SIGUSR1) {
		t.Errorf("pending %#x", uint64(sp.set))
	}
	put(netbsd.SIGRTMIN, 5)
	for sig, pid := range map[netbsd.Signal]int32{netbsd.SIGHUP: 1, netbsd.SIGRTMIN: 5, netbsd.SIGUSR1: 4} {
		if i := sp.get(sig); i.Pid != pid {
			t.Errorf("%v: %+v", sig, i)
		}
	}
	if sp.set != 0 || sp.q != nil {
		t.Errorf("left: %#x", uint64(sp.set))
	}
	for range maxQueued {
		put(netbsd.SIGRTMIN, 6)
	}
	put(netbsd.SIGUSR1, 7) // without room for its siginfo
	for range maxQueued {
		sp.get(netbsd.SIGRTMIN)
	}
	if sp.set != netbsd.SIGUSR1.Bit() || sp.q != nil {
		t.Errorf("pending %#x", uint64(sp.set))
	}
	if sp.clear(netbsd.SIGUSR1.Bit()); sp.set != 0 {
		t.Errorf("left: %#x", uint64(sp.set))
	}
}

// A signal that a tracer passes to PT_CONTINUE takes effect as the tracee's own does: by its handler, by its default action, or not at all
// (ptrace(2)).
func TestEffectOfATracersSignal(t *testing.T) {
	for _, c := range []struct {
		name   string
		act    *Action
		sig    netbsd.Signal
		status netbsd.WaitStatus
		marks  int
	}{
		{"ignored", &Action{Handler: netbsd.SIG_IGN}, netbsd.SIGTERM, netbsd.ExitStatus(3, 0), 0},
		{"default, deadly", nil, netbsd.SIGTERM, netbsd.ExitStatus(0, netbsd.SIGTERM), 0},
		{"default, none", nil, netbsd.SIGCHLD, netbsd.ExitStatus(3, 0), 0},
		{"default, stop", nil, netbsd.SIGTSTP, netbsd.ExitStatus(3, 0), 0},
		{"ignored, deadly none", &Action{Handler: netbsd.SIG_IGN}, netbsd.SIGCHLD, netbsd.ExitStatus(3, 0), 0},
	} {
		both(t, func(w *world) {
			w.guest(func(l *LWP) {
				pid := w.tracedWith(l, 0, func(l *LWP) {
					if c.act != nil {
						l.Sigaction(c.sig, c.act)
					}
					l.Kill(l.Proc().Pid(), netbsd.SIGUSR1)
					l.Exit(3)
				})
				w.next(l, pid, 0)
				w.is("resume", l.PtraceResume(pid, ResumeArgs{Signal: c.sig}), netbsd.Errno(0))
				r := w.wait(l, pid, 0)
				for r.Status.Stopped() { // for the tracer's own stop signal, in release 10
					w.goOn(l, pid, 0)
					r = w.wait(l, pid, 0)
				}
				w.is(c.name, r.Status, c.status)
			})
		})
	}
	both(t, func(w *world) {
		w.guest(func(l *LWP) {
			pid := w.tracedWith(l, 0, func(l *LWP) {
				for _, s := range []netbsd.Signal{netbsd.SIGCHLD, netbsd.SIGTERM, netbsd.SIGTSTP} {
					w.catch(l, "C", s)
				}
				for range 3 {
					l.Kill(l.Proc().Pid(), netbsd.SIGUSR1)
				}
				l.Exit(3)
			})
			w.next(l, pid, 0)
			w.next(l, pid, netbsd.SIGCHLD)
			w.next(l, pid, netbsd.SIGTERM)
			w.goOn(l, pid, 0)
			w.wait(l, pid, 0)
		})
		w.order("C.SIGCHLD", "C.SIGTERM")
	})
}

// pselect(2): the handler runs with the temporary mask and its own, and its return restores the one before (sigsuspendsetup).
func TestHandlerUnderATemporaryMask(t *testing.T) {
	both(t, func(w *world) {
		w.spawnWith("P", SpawnArgs{Manual: true, Body: func(l *LWP) {
			old := netbsd.SIGHUP.Bit()
			l.Sigprocmask(netbsd.SIG_SETMASK, &old)
			l.Sigaction(netbsd.SIGUSR1, &Action{Handler: 0x1000, Mask: netbsd.SIGTERM.Bit()})
			l.Platform().SetTempMask(netbsd.SIGUSR2.Bit())
			l.Kill(l.Proc().Pid(), netbsd.SIGUSR1)
			var got Delivery
			l.Platform().UserRet(func(d *Delivery) bool { got = *d; return true })
			w.is("masks", []netbsd.Sigset{got.OldMask, l.Sigmask()}, []netbsd.Sigset{old, netbsd.SigsetOf(netbsd.SIGUSR2, netbsd.SIGTERM, netbsd.SIGUSR1)})
		}}).Wait()
	})
}

// A settler notes when the kernel has the end of its call settled.
type settler struct{ settle func() }

func (s *settler) Settle() { s.settle() }

// What a call leaves for the return to user mode is done before a handler's frame has the registers, as in NetBSD a call's copyout comes
// before userret; where there is nothing to do on the way, it is left.
func TestSettleBeforeAHandler(t *testing.T) {
	both(t, func(w *world) {
		w.spawnWith("P", SpawnArgs{Manual: true, Body: func(l *LWP) {
			l.Platform().SetMachdep(&settler{func() { w.mark("settled") }})
			l.Sigaction(netbsd.SIGUSR1, &Action{Handler: 0x1000})
			deliver := func(*Delivery) bool { w.mark("delivered"); return true }
			l.Platform().UserRet(deliver)
			w.mark("nothing to do")
			l.Kill(l.Proc().Pid(), netbsd.SIGUSR1)
			l.Platform().UserRet(deliver)
		}}).Wait()
		w.order("nothing to do", "settled", "delivered")
	})
}

// sigtimedwait(2) in one of several LWPs: the one that asks gets the signal, wherever it stands among them, and that of _lwp_kill(2) the one that is meant. A
// wakeup without a signal ends neither pause(3) nor a sleep with an errno.
func TestWhoseSignalItIs(t *testing.T) {
	both(t, func(w *world) {
		w.guest(func(l *LWP) {
			set := netbsd.SIGUSR1.Bit()
			l.Sigprocmask(netbsd.SIG_BLOCK, &set)
			waits := func(name string) *LWP {
				n, _ := l.NewLWP(0, func(l *LWP) {
					l.Sigtimedwait(set, time.Time{})
					w.mark("%s", name)
				}, false, nil)
				return n
			}
			first := waits("first")
			second := waits("second")
			l.NewLWP(netbsd.LWP_DETACHED, sleepForever, false, nil)
			nap(l, time.Second)
			l.LWPKill(first.ID(), netbsd.SIGUSR1)
			l.LWPWait(first.ID())
			nap(l, time.Second)
			l.Kill(l.Proc().Pid(), netbsd.SIGUSR1)
			l.LWPWait(second.ID())
			n, _ := l.NewLWP(0, func(l *LWP) {
				l.Sigaction(netbsd.SIGUSR2, &Action{Func: func(*LWP, *netbsd.Siginfo) { w.mark("handler") }})
				w.is("pause", []any{l.Pause(), w.since()}, []any{netbsd.EINTR, 5 * time.Second})
				w.is("uninterruptible", l.Sleep(false, time.Time{}), netbsd.Errno(0))
			}, false, nil)
			nap(l, time.Second)
			n.Wake()
			nap(l, 2*time.Second)
			l.LWPKill(n.ID(), netbsd.SIGUSR2)
			nap(l, time.Second)
			l.LWPKill(n.ID(), netbsd.SIGUSR2)
			nap(l, time.Second)
			n.Wake()
			l.LWPWait(n.ID())
		})
		w.order("first", "second", "handler", "handler")
	})
}

// A stop that has begun takes back what was told before, and is complete when the last LWP suspends itself instead (proc_stop_done); _lwp_continue(2) in a
// process that stops leaves the LWP stopped.
func TestStopsThatAreNotCompleteYet(t *testing.T) {
	both(t, func(w *world) {
		w.guest(func(l *LWP) {
			c := w.fork(l, "C", func(l *LWP) {
				first := l.ID()
				l.NewLWP(0, func(o *LWP) {
					o.Nanosleep(3 * time.Second)
					o.LWPSuspend(first)
				}, false, nil)
				l.Nanosleep(2 * time.Second)
				time.Sleep(5 * time.Second)
				l.Getpgid(0)
				l.Kill(l.Proc().Pid(), 0)
				sleepForever(l)
			})
			nap(l, time.Second)
			l.Kill(c.Pid(), netbsd.SIGSTOP)
			w.waitIs(l, c.Pid(), netbsd.WUNTRACED, c.Pid(), netbsd.StopStatus(netbsd.SIGSTOP), 0)
			l.Kill(c.Pid(), netbsd.SIGCONT)
			nap(l, 3*time.Second) // one LWP is in user mode, the other waits for it to stand
			l.Kill(c.Pid(), netbsd.SIGSTOP)
			nap(l, time.Second)
			w.is("not yet", c.Stopped(), false)
			if !w.r2003 {
				w.waitIs(l, c.Pid(), netbsd.WCONTINUED|netbsd.WNOHANG, 0, 0, 0)
			}
			nap(l, 5*time.Second)
			w.is("the last one stands suspended", c.Stopped(), true)
			c.Kill(netbsd.SIGKILL)
			w.wait(l, c.Pid(), 0)

			d := w.forkWith(l, "D", ForkArgs{Manual: true, Body: func(l *LWP) {
				n, _ := l.NewLWP(netbsd.LWP_SUSPENDED, func(*LWP) { w.mark("continued %v", w.since()) }, false, nil)
				l.NewLWP(0, sleepForever, false, nil) // it takes the stop
				time.Sleep(2 * time.Second)
				w.is("continue", []any{l.LWPContinue(n.ID()), n.State()}, []any{netbsd.Errno(0), LWPStopped})
				l.Platform().UserRet(nil)
				l.LWPWait(n.ID())
				l.Exit(0)
			}})
			begin := w.since()
			nap(l, time.Second)
			l.Kill(d.Pid(), netbsd.SIGSTOP)
			w.waitIs(l, d.Pid(), netbsd.WUNTRACED, d.Pid(), netbsd.StopStatus(netbsd.SIGSTOP), 0)
			w.is("stopped", w.since()-begin, 2*time.Second)
			nap(l, time.Second)
			w.is("nobody runs", len(w.all()) > 0 && w.all()[len(w.all())-1] == "continued", false)
			l.Kill(d.Pid(), netbsd.SIGCONT)
			w.waitIs(l, d.Pid(), 0, d.Pid(), 0, 0)
		})
	})
}

// A dead process has no limits to tell, from NOTE_EXIT on; what an exec has done with robust locks its exit does not do again; a spawned process in a group of
// its own counts for it; counters and actions of a child are its own; a traced process's parent that inherits others waits for it by its exit signal.
func TestSmallPromises(t *testing.T) {
	both(t, func(w *world) {
		w.guest(func(l *LWP) {
			c := w.fork(l, "C", func(l *LWP) {
				p := l.Proc()
				p.AttachKnote(note(func(e NoteEvent) {
					if e.Kind == netbsd.NOTE_EXIT {
						_, errno := p.Rlimit(netbsd.RLIMIT_CORE)
						w.is("limits", errno, netbsd.ESRCH)
					}
				}))
				l.Platform().SetRobust(7, func() { w.mark("robust") })
				l.Platform().EndRobust()
				defer func() { w.is("ktrace", p.SetKtrace(&fakeRef{}), netbsd.ESRCH) }()
				l.Exit(0)
			})
			w.wait(l, c.Pid(), 0)
			w.order("robust")
			s, _ := w.m.Spawn(SpawnArgs{Setpgrp: true, Body: sleepForever})
			i, _ := s.Info()
			w.is("jobc", []int{i.Jobc, i.Pgid}, []int{1, s.Pid()})
			w.locked(func() { l.p.extra().pmc = &forkingPMC{} })
			d := w.forkWith(l, "D", ForkArgs{ShareSigacts: true, Body: sleepForever})
			w.locked(func() { w.is("counters", d.ext.pmc, Counters(&fakePMC{n: 7})) })
			e := w.fork(l, "E", sleepForever)
			w.locked(func() {
				w.is("shared", []bool{l.p.acts.shared, d.acts.shared, e.acts.shared}, []bool{true, true, false})
			})
			u := w.forkWith(l, "U", ForkArgs{ExitSignal: netbsd.SIGUSR1, Body: sleepForever})
			g := w.fork(l, "G", func(l *LWP) {
				l.Proc().SetSubreaper(true)
				l.PtraceAttach(u.Pid())
				check(w.T, w.m)
				w.wait(l, u.Pid(), 0)
				l.PtraceResume(u.Pid(), ResumeArgs{Detach: true})
			})
			w.wait(l, g.Pid(), 0)
			check(w.T, w.m)
			for _, p := range []*Proc{s, d, e, u} {
				p.Kill(netbsd.SIGKILL)
			}
			w.waitIs(l, u.Pid(), netbsd.WALTSIG, u.Pid(), netbsd.ExitStatus(0, netbsd.SIGKILL), 0)
		})
	})
	var tab pidTable
	for _, c := range []struct{ free, size int }{{pidMinFree + 1, pidTableStart}, {pidMinFree, 2 * pidTableStart}} {
		tab.reset()
		tab.nfree = c.free
		tab.alloc(new(Proc))
		if len(tab.slots) != c.size {
			t.Errorf("%d slots with %d free", len(tab.slots), c.free)
		}
	}
}

// forkingPMC has a child count for itself.
type forkingPMC struct{ fakePMC }

func (*forkingPMC) Fork(*Proc) Counters { return &fakePMC{n: 7} }
