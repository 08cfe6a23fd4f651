package kern

import (
	"testing"
	"time"

	"toaster/netbsd"
)

// PT_SYSCALL: the tracee stops at its next system call and after it, once; PT_CONTINUE ends that
// (sys_ptrace_common.c, PT_SYSCALL and process_stoptrace).
func TestPtSyscall(t *testing.T) {
	both(t, func(w *world) {
		w.guest(func(l *LWP) {
			pid := w.tracedWith(l, 0, func(l *LWP) {
				l.Platform().TraceStop(netbsd.TRAP_SCE, nil)
				l.Platform().TraceStop(netbsd.TRAP_SCX, nil)
				w.mark("untold")
				l.Platform().TraceStop(netbsd.TRAP_SCE, nil)
				l.Exit(3)
			})
			t, _ := l.TraceTarget(pid)
			w.is("not yet", []bool{t.SyscallTraced(), t.CallsTraced()}, []bool{false, false})
			goOn := func(sys bool) {
				w.Helper()
				w.is("resume", l.PtraceResume(pid, ResumeArgs{Syscall: sys}), netbsd.Errno(0))
				w.is("asked", []bool{t.SyscallTraced(), t.CallsTraced()}, []bool{sys, sys})
			}
			stops := func(code int32) {
				w.Helper()
				w.waitIs(l, pid, 0, pid, netbsd.StopStatus(netbsd.SIGTRAP), 0)
				si, _, _ := l.PtraceSiginfo(pid)
				w.is("siginfo", []any{si.Signo, si.Code}, []any{netbsd.Signal(netbsd.SIGTRAP), code})
			}
			goOn(true)
			stops(netbsd.TRAP_SCE)
			goOn(true)
			stops(netbsd.TRAP_SCX)
			goOn(false)
			w.waitIs(l, pid, 0, pid, netbsd.ExitStatus(3, 0), 0)
			// A detach ends it, too.
			pid = w.tracedWith(l, 0, func(l *LWP) {
				l.Platform().TraceStop(netbsd.TRAP_SCE, nil)
				l.Platform().TraceStop(netbsd.TRAP_SCX, nil)
				l.Exit(4)
			})
			t, _ = l.TraceTarget(pid)
			goOn(true)
			stops(netbsd.TRAP_SCE)
			w.is("detach", l.PtraceResume(pid, ResumeArgs{Detach: true}), netbsd.Errno(0))
			w.waitIs(l, pid, 0, pid, netbsd.ExitStatus(4, 0), 0)
		})
		w.order("untold")
	})
}

// PT_LWPSTATUS and its like: name, masks and pending signals of each LWP that lives, and whether the signal of the stop was for
// it, or for all; PT_SUSPEND and PT_RESUME.
func TestLWPInfos(t *testing.T) {
	both(t, func(w *world) {
		w.guest(func(l *LWP) {
			var z *LWP
			pid := w.tracedWith(l, 0, func(l *LWP) {
				z, _ = l.NewLWP(0, func(*LWP) {}, false, nil)
				o, _ := l.NewLWP(0, func(l *LWP) { sleepForever(l) }, false, nil)
				l.LWPSetName(o.ID(), "worker")
				m := netbsd.SIGHUP.Bit()
				settledLWP(l, z)
				l.Sigprocmask(netbsd.SIG_BLOCK, &m)
				l.LWPKill(l.ID(), netbsd.SIGHUP)
				l.Kill(l.Proc().Pid(), netbsd.SIGUSR1)
				sleepForever(l)
			})
			w.next(l, pid, 0)
			t, _ := l.TraceTarget(pid)
			infos := t.LWPInfos()
			w.is("living", len(infos), 2)
			o, first := infos[0], infos[1]
			if o.Name == "" {
				o, first = first, o
			}
			si, lid, _ := l.PtraceSiginfo(pid)
			w.is("stopped for", si.Signo, netbsd.Signal(netbsd.SIGUSR1))
			w.is("the worker", []any{o.Name, o.Mask, o.Pending, o.Suspended, o.Stopped}, []any{"worker", netbsd.Sigset(0), netbsd.Sigset(0), false, lid == 0 || lid == o.LWP.ID()})
			w.is("the first", []any{first.Name, first.Mask, first.Pending, first.Suspended, first.Stopped},
				[]any{"", netbsd.SIGHUP.Bit(), netbsd.SIGHUP.Bit(), false, lid == 0 || lid == first.LWP.ID()})
			w.is("suspend", l.PtraceSuspend(pid, o.LWP.ID(), true), netbsd.Errno(0))
			w.is("a zombie", l.PtraceSuspend(pid, z.ID(), true), netbsd.Errno(netbsd.ESRCH))
			w.is("suspended", t.LWPInfos()[0].Held != t.LWPInfos()[1].Held, true)
			w.is("resume", l.PtraceSuspend(pid, o.LWP.ID(), false), netbsd.Errno(0))
			w.is("none", t.LWPInfos()[0].Held || t.LWPInfos()[1].Held, false)
			w.is("a zombie goes on", l.PtraceResume(pid, ResumeArgs{LWP: z.ID()}), netbsd.Errno(netbsd.ESRCH))
			l.PtraceKill(pid)
			w.waitIs(l, pid, 0, pid, netbsd.ExitStatus(0, netbsd.SIGKILL), 0)
		})
	})
}

// PT_SET_SIGINFO changes what the handler of the signal is told, if the signal is let through.
func TestSetSiginfoReachesTheHandler(t *testing.T) {
	both(t, func(w *world) {
		w.guest(func(l *LWP) {
			pid := w.tracedWith(l, 0, func(l *LWP) {
				w.handle(l, netbsd.SIGUSR1, func(_ *LWP, si *netbsd.Siginfo) { w.mark("value %d", si.Value) })
				l.Kill(l.Proc().Pid(), netbsd.SIGUSR1)
				l.Kill(l.Proc().Pid(), netbsd.SIGUSR1)
				l.Exit(0)
			})
			w.next(l, pid, 0)
			si, _, _ := l.PtraceSiginfo(pid)
			si.Value = 42
			w.is("set", l.PtraceSetSiginfo(pid, l.ID(), si), netbsd.Errno(0))
			w.is("no signal", l.PtraceSetSiginfo(pid, 0, netbsd.Siginfo{Signo: netbsd.NSIG}), netbsd.Errno(netbsd.EINVAL))
			w.next(l, pid, netbsd.SIGUSR1)
			w.goOn(l, pid, netbsd.SIGUSR1)
			w.waitIs(l, pid, 0, pid, 0, 0)
		})
		w.order("value 42", "value 0")
	})
}

// A tracee's call that a signal with SA_RESTART interrupts is made again where the tracer drops the
// signal: every action has SA_RESTART at first (siginit).
func TestDroppedSignalRestartsTheCall(t *testing.T) {
	both(t, func(w *world) {
		w.guest(func(l *LWP) {
			pid := w.tracedWith(l, 0, func(l *LWP) {
				c := w.fork(l, "child", func(l *LWP) { nap(l, time.Hour) })
				r, errno := l.Wait4(c.Pid(), 0, nil)
				w.is("interrupted", []any{r, errno}, []any{0, netbsd.Errno(netbsd.ERESTART)})
				l.Exit(5)
			})
			w.goOn(l, pid, 0)
			nap(l, time.Second)
			l.Kill(pid, netbsd.SIGTERM)
			w.waitIs(l, pid, 0, pid, netbsd.StopStatus(netbsd.SIGTERM), 0)
			w.goOn(l, pid, 0)
			w.waitIs(l, pid, 0, pid, netbsd.ExitStatus(5, 0), 0)
		})
	})
}

// A signal for one LWP that ends dies with it; those of the process go to others.
func TestPendingOfAnLWPDiesWithIt(t *testing.T) {
	both(t, func(w *world) {
		w.guest(func(l *LWP) {
			usr1 := netbsd.SIGUSR1.Bit()
			l.Sigprocmask(netbsd.SIG_BLOCK, &usr1)
			n, _ := l.NewLWP(0, func(l *LWP) { nap(l, time.Second) }, false, nil)
			l.LWPKill(n.ID(), netbsd.SIGUSR1)
			w.is("its own", []netbsd.Sigset{n.Sigpending(), l.Sigpending()}, []netbsd.Sigset{usr1, 0})
			settledLWP(l, n)
			w.is("gone", n.Sigpending(), netbsd.Sigset(0))
		})
	})
}

// sigpending(2): of two of a signal that does not queue the second one's siginfo stays.
func TestSecondSignalReplacesTheFirst(t *testing.T) {
	both(t, func(w *world) {
		w.guest(func(l *LWP) {
			set := netbsd.SigsetOf(netbsd.SIGUSR1, netbsd.SIGRTMIN)
			l.Sigprocmask(netbsd.SIG_BLOCK, &set)
			for _, sig := range []netbsd.Signal{netbsd.SIGUSR1, netbsd.SIGRTMIN} {
				for v := range uint64(2) {
					l.Sigqueue(l.Proc().Pid(), &netbsd.Siginfo{Signo: sig, Code: netbsd.SI_QUEUE, Value: v + 1})
				}
			}
			for _, want := range []uint64{2, 1, 2} { // SIGUSR1's, and both of SIGRTMIN
				si, _ := l.Sigtimedwait(set, time.Now())
				w.is("value", si.Value, want)
			}
			w.is("no more", l.Sigpending(), netbsd.Sigset(0))
		})
	})
}

// EAGAIN beyond SIGQUEUE_MAX for what queues; an ordinary signal that is pending is replaced. A signal without
// room is pending all the same, and its siginfo is what sigget makes up (sigput, kern_sig.c).
func TestSignalQueueIsBounded(t *testing.T) {
	both(t, func(w *world) {
		w.guest(func(l *LWP) {
			all := netbsd.AllSignals
			l.Sigprocmask(netbsd.SIG_BLOCK, &all)
			l.Kill(l.Proc().Pid(), netbsd.SIGUSR1)
			w.is("the last", fillQueue(l), netbsd.Errno(netbsd.EAGAIN))
			w.is("one that is there", l.Kill(l.Proc().Pid(), netbsd.SIGUSR1), netbsd.Errno(0))
			w.is("another", l.Kill(l.Proc().Pid(), netbsd.SIGUSR2), netbsd.Errno(netbsd.EAGAIN))
			w.is("pending", l.Sigpending(), netbsd.SigsetOf(netbsd.SIGUSR1, netbsd.SIGUSR2, netbsd.SIGRTMIN))
			si, _ := l.Sigtimedwait(netbsd.SIGUSR2.Bit(), time.Now())
			w.is("without room", []any{si.Signo, si.Code}, []any{netbsd.SIGUSR2, int32(netbsd.SI_NOINFO)})
			w.is("gone", l.Sigpending().Has(netbsd.SIGUSR2), false)
		})
	})
}

// fillQueue has l, which blocks SIGRTMIN, send that to its process until there is no room, and returns the last errno.
func fillQueue(l *LWP) (errno netbsd.Errno) {
	for i := 0; i <= maxQueued && errno == 0; i++ {
		errno = l.Kill(l.Proc().Pid(), netbsd.SIGRTMIN)
	}
	return errno
}

// sigaction(2): nothing keeps SIGKILL and SIGSTOP from a process, and SIGCONT continues it whatever is pending: a full queue is no
// way to escape them, nor the end of the machine.
func TestFullSignalQueueKeepsNobodyAlive(t *testing.T) {
	full := func(l *LWP) {
		all := netbsd.AllSignals
		l.Sigprocmask(netbsd.SIG_BLOCK, &all)
		fillQueue(l)
		sleepForever(l)
	}
	both(t, func(w *world) {
		w.guest(func(l *LWP) {
			c := w.fork(l, "C", full)
			nap(l, time.Second)
			w.is("SIGSTOP", l.Kill(c.Pid(), netbsd.SIGSTOP), netbsd.Errno(0))
			w.waitIs(l, c.Pid(), netbsd.WUNTRACED, c.Pid(), netbsd.StopStatus(netbsd.SIGSTOP), 0)
			w.is("SIGCONT", l.Kill(c.Pid(), netbsd.SIGCONT), netbsd.Errno(0))
			w.is("stopped", c.Stopped(), false)
			w.is("SIGKILL", l.Kill(c.Pid(), netbsd.SIGKILL), netbsd.Errno(0))
			w.waitIs(l, c.Pid(), 0, c.Pid(), netbsd.ExitStatus(0, netbsd.SIGKILL), 0)
		})
	})
	for name, end := range map[string]func(*Machine){"Close": func(*Machine) {}, "KillAll": (*Machine).KillAll} {
		t.Run(name, func(t *testing.T) {
			both(t, func(w *world) {
				w.spawn("P", full)
				settled()
				end(w.m) // Close follows
			})
		})
	}
}
