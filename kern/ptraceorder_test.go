package kern

import (
	"testing"
	"time"

	"toaster/netbsd"
)

// do_ptrace: PT_STOP sends SIGSTOP to a tracee that runs; one that has stopped is reported once more, for that.
func TestPtraceStop(t *testing.T) {
	both(t, func(w *world) {
		w.guest(func(l *LWP) {
			pid := w.tracedWith(l, 0, func(l *LWP) {
				w.handle(l, netbsd.SIGCHLD, func(*LWP, *netbsd.Siginfo) {})
				asleep(l)
			})
			w.goOn(l, pid, 0)
			w.is("while it runs", l.PtraceStop(pid), netbsd.Errno(0))
			w.waitIs(l, pid, 0, pid, netbsd.StopStatus(netbsd.SIGSTOP), 0)
			w.waitIs(l, pid, netbsd.WNOHANG, 0, 0, 0)
			l.Kill(pid, netbsd.SIGUSR1)
			w.next(l, pid, 0)
			w.is("while it stands", l.PtraceStop(pid), netbsd.Errno(0))
			w.waitIs(l, pid, 0, pid, netbsd.StopStatus(netbsd.SIGSTOP), 0)
			w.is("PT_KILL", l.PtraceKill(pid), netbsd.Errno(0))
			w.waitIs(l, pid, 0, pid, netbsd.ExitStatus(0, netbsd.SIGKILL), 0)
			w.is("nobody", l.PtraceStop(pid), netbsd.ESRCH)
		})
	})
}

// ptrace_allowed, ptrace_listener_cb and do_ptrace: who may, in which order of errors. Process 0 is the kernel's own.
func TestPtraceAllowed(t *testing.T) {
	both(t, func(w *world) {
		w.guest(func(l *LWP) {
			bad := ResumeArgs{Signal: netbsd.NSIG}
			w.is("attach to 0", l.PtraceAttach(0), netbsd.EPERM)
			w.is("0", l.TraceAllowed(0, true, false), netbsd.EPERM)
			w.is("found", []bool{l.TraceFinds(0), l.TraceFinds(1), l.TraceFinds(9999)}, []bool{true, true, false})
			w.is("nobody", l.PtraceResume(9999, bad), netbsd.ESRCH)
			pid := w.tracedWith(l, 0, func(l *LWP) { asleep(l) })
			w.goOn(l, pid, 0)
			w.is("it runs", l.PtraceResume(pid, bad), netbsd.EBUSY)
			w.is("PT_KILL does not mind", l.TraceAllowed(pid, true, false), netbsd.Errno(0))
			w.is("nor its siginfo", l.PtraceSetSiginfo(pid, 0, netbsd.Siginfo{Signo: netbsd.NSIG}), netbsd.EBUSY)
			l.PtraceStop(pid)
			w.wait(l, pid, 0)
			w.is("no signal", l.PtraceResume(pid, bad), netbsd.EINVAL)
			w.is("no LWP", l.PtraceResume(pid, ResumeArgs{LWP: 9999, Signal: netbsd.NSIG}), netbsd.ESRCH)
			w.is("no LWP to step", l.PtraceResume(pid, ResumeArgs{LWP: 9999, Step: true}), netbsd.ESRCH)
			w.is("one alone detached", l.PtraceResume(pid, ResumeArgs{LWP: 9999, Detach: true}), netbsd.EINVAL)
			w.is("unknown events", func() netbsd.Errno { m := ^uint32(0); _, errno := l.PtraceEventMask(pid, &m); return errno }(), netbsd.Errno(0))
			mask, _ := l.PtraceEventMask(pid, nil)
			w.is("are not kept", mask, uint32(allPtraceEvents))
			w.is("root", l.TraceAllowed(pid, false, true), netbsd.Errno(0))
			l.Setuid(7)
			w.is("another's", []netbsd.Errno{l.TraceAllowed(pid, false, true), l.TraceAllowed(pid, false, false)}, []netbsd.Errno{netbsd.EPERM, 0})
			c := w.fork(l, "C", func(l *LWP) {
				if l.TraceMe() != netbsd.EPERM {
					l.Exit(1)
				}
				l.Exec(ExecArgs{Comm: "prog"})
				l.Exit(int(l.TraceMe()))
			})
			w.waitIs(l, c.Pid(), 0, c.Pid(), 0, 0)
			w.is("PT_KILL", l.PtraceKill(pid), netbsd.Errno(0))
		})
	})
}

// PT_GET_SIGINFO: an event says what it is (siginfo(2)), and PT_GET_PROCESS_STATE says what the siginfo says
// (ptrace_get_process_state). A signal for the process is for no LWP, one of _lwp_kill(2) is.
func TestPtraceSiginfoTellsTheEvent(t *testing.T) {
	both(t, func(w *world) {
		w.guest(func(l *LWP) {
			pid := w.tracedWith(l, netbsd.PTRACE_VFORK_DONE, func(l *LWP) {
				l.Platform().TraceStop(netbsd.TRAP_SCE, &netbsd.SiginfoSyscall{Nr: 20})
				l.Kill(l.p.Pid(), netbsd.SIGUSR1)
				l.LWPKill(l.ID(), netbsd.SIGUSR2)
				l.Fork(ForkArgs{Vfork: true, Body: func(l *LWP) { l.Exit(4) }})
				l.Exit(3)
			})
			first := under(w, 1, pid)
			w.is("PT_SYSCALL", l.PtraceResume(pid, ResumeArgs{Syscall: true}), netbsd.Errno(0))
			w.wait(l, pid, 0)
			si, lid, _ := l.PtraceSiginfo(pid)
			w.is("a call", []any{si.Code, lid, si.Syscall.Nr}, []any{int32(netbsd.TRAP_SCE), first, int32(20)})
			w.next(l, pid, 0)
			si, lid, _ = l.PtraceSiginfo(pid)
			w.is("for the process", []any{si.Signo, si.Code, lid}, []any{netbsd.Signal(netbsd.SIGUSR1), int32(netbsd.SI_USER), 0})
			w.next(l, pid, 0)
			si, lid, _ = l.PtraceSiginfo(pid)
			w.is("for the LWP", []any{si.Signo, si.Code, lid}, []any{netbsd.Signal(netbsd.SIGUSR2), int32(netbsd.SI_LWP), first})
			for si.Signo != netbsd.SIGTRAP { // SIGCHLD is shown, too
				w.next(l, pid, 0)
				si, lid, _ = l.PtraceSiginfo(pid)
			}
			st, _ := l.PtraceState(pid)
			w.is("the event", []any{si.Code, uint32(si.Status), lid}, []any{int32(netbsd.TRAP_CHLD), uint32(netbsd.PTRACE_VFORK_DONE), first})
			w.is("its child", []any{int(si.Pid), st.Event}, []any{st.Other, uint32(netbsd.PTRACE_VFORK_DONE)})
			l.PtraceSetSiginfo(pid, 0, netbsd.Siginfo{Signo: netbsd.SIGUSR1})
			st, _ = l.PtraceState(pid)
			w.is("no event any more", st, TraceState{})
			l.PtraceKill(pid)
			w.wait(l, pid, 0)
		})
	})
}

// PT_SUSPEND holds one LWP while the others run, whatever _lwp_continue(2) says, and is none of _lwp_suspend(2)'s
// (PL_EVENT_SUSPENDED); PT_RESUME lets it go on with them. EDEADLK: all are held; for a step, the one that would make it.
func TestPtraceSuspendHolds(t *testing.T) {
	both(t, func(w *world) {
		w.guest(func(l *LWP) {
			pid := w.tracedWith(l, 0, func(l *LWP) {
				o, _ := l.NewLWP(0, func(l *LWP) {
					l.Nanosleep(time.Second)
					w.mark("the other ran")
					l.LWPKill(l.ID(), netbsd.SIGUSR2)
					asleep(l)
				}, false, nil)
				l.LWPKill(l.ID(), netbsd.SIGUSR1)
				for range 5 {
					l.Nanosleep(time.Second)
					l.LWPContinue(o.ID())
				}
				w.mark("the first ran")
				l.LWPKill(l.ID(), netbsd.SIGHUP)
				asleep(l)
			})
			w.next(l, pid, 0)
			t, _ := l.TraceTarget(pid)
			infos := t.LWPInfos()
			other, first := infos[0].LWP.ID(), infos[1].LWP.ID()
			w.is("suspend", l.PtraceSuspend(pid, other, true), netbsd.Errno(0))
			infos = t.LWPInfos()
			w.is("held, not suspended", []bool{infos[0].Held, infos[0].Suspended, infos[1].Held}, []bool{true, false, false})
			w.is("a step of the first of the list", l.PtraceResume(pid, ResumeArgs{Step: true}), netbsd.EDEADLK)
			w.is("it alone", l.PtraceResume(pid, ResumeArgs{LWP: other}), netbsd.EDEADLK)
			l.PtraceSuspend(pid, first, true)
			w.is("all", l.PtraceResume(pid, ResumeArgs{}), netbsd.EDEADLK)
			l.PtraceSuspend(pid, first, false)
			w.goOn(l, pid, 0)
			w.waitIs(l, pid, 0, pid, netbsd.StopStatus(netbsd.SIGHUP), 0)
			w.is("resume", l.PtraceSuspend(pid, other, false), netbsd.Errno(0))
			w.goOn(l, pid, 0)
			w.waitIs(l, pid, 0, pid, netbsd.StopStatus(netbsd.SIGUSR2), 0)
			l.PtraceKill(pid)
			w.waitIs(l, pid, 0, pid, netbsd.ExitStatus(0, netbsd.SIGKILL), 0)
		})
		w.order("the first ran", "the other ran")
	})
}

// sigchecktrace drops a signal of the tracer's that the tracee blocks; in 2003 setrunnable leaves it pending.
func TestTracersSignalIsBlocked(t *testing.T) {
	both(t, func(w *world) {
		w.guest(func(l *LWP) {
			pid := w.tracedWith(l, 0, func(l *LWP) {
				usr2 := netbsd.SIGUSR2.Bit()
				l.Sigprocmask(netbsd.SIG_BLOCK, &usr2)
				l.Kill(l.p.Pid(), netbsd.SIGUSR1)
				w.is("pending", l.Sigpending().Has(netbsd.SIGUSR2), w.r2003)
				l.Exit(3)
			})
			w.next(l, pid, 0)
			w.goOn(l, pid, netbsd.SIGUSR2)
			w.waitIs(l, pid, 0, pid, netbsd.ExitStatus(3, 0), 0)
		})
	})
}

// A process that had stopped before it was traced takes the signal that its tracer passes to PT_CONTINUE (ptrace_sendsig, setrunnable,
// sigchecktrace), and does not show it to the tracer.
func TestTracersSignalForWhoHadStopped(t *testing.T) {
	both(t, func(w *world) {
		w.guest(func(l *LWP) {
			c := w.fork(l, "C", func(l *LWP) { asleep(l) })
			l.Kill(c.Pid(), netbsd.SIGSTOP)
			w.wait(l, c.Pid(), netbsd.WUNTRACED)
			w.is("attach", l.PtraceAttach(c.Pid()), netbsd.Errno(0))
			w.waitIs(l, c.Pid(), 0, c.Pid(), netbsd.StopStatus(netbsd.SIGSTOP), 0)
			w.goOn(l, c.Pid(), netbsd.SIGTERM)
			if w.r2003 { // setrunnable makes it pending
				w.waitIs(l, c.Pid(), 0, c.Pid(), netbsd.StopStatus(netbsd.SIGTERM), 0)
				w.goOn(l, c.Pid(), netbsd.SIGTERM)
			}
			w.waitIs(l, c.Pid(), 0, c.Pid(), netbsd.ExitStatus(0, netbsd.SIGTERM), 0)
		})
	})
}

// PT_SETSTEP has an LWP step whenever its process goes on, until PT_CLEARSTEP or PT_DETACH; PT_STEP has it step once.
func TestPtraceSetStep(t *testing.T) {
	both(t, func(w *world) {
		w.guest(func(l *LWP) {
			pid := w.tracedWith(l, 0, func(l *LWP) {
				for range 5 {
					w.mark("steps %t", l.Platform().SingleStep())
					l.Kill(l.p.Pid(), netbsd.SIGUSR1)
				}
				l.Exit(3)
			})
			w.is("PT_SETSTEP", l.PtraceSetStep(pid, 0, true), netbsd.Errno(0))
			w.next(l, pid, 0)
			w.next(l, pid, 0)
			w.is("PT_CLEARSTEP", l.PtraceSetStep(pid, pid, false), netbsd.Errno(0))
			w.next(l, pid, 0)
			w.is("PT_STEP", l.PtraceResume(pid, ResumeArgs{Step: true}), netbsd.Errno(0))
			w.wait(l, pid, 0)
			l.PtraceSetStep(pid, 0, true)
			w.is("PT_DETACH", l.PtraceResume(pid, ResumeArgs{Detach: true}), netbsd.Errno(0))
			w.wait(l, pid, 0)
		})
		w.order("steps true", "steps true", "steps false", "steps true", "steps false")
	})
}

// do_ptrace goes through all of p_lwps for EDEADLK: an LWP that has ended, and that nobody has waited for, is none that is held.
func TestPtraceContinueOfAZombieLWP(t *testing.T) {
	both(t, func(w *world) {
		w.guest(func(l *LWP) {
			pid := w.tracedWith(l, 0, func(l *LWP) {
				z, _ := l.NewLWP(0, func(*LWP) {}, false, nil)
				settledLWP(l, z)
				l.LWPKill(l.ID(), netbsd.SIGUSR1)
			})
			w.next(l, pid, 0)
			t, _ := l.TraceTarget(pid)
			w.is("suspend", l.PtraceSuspend(pid, t.LWPInfos()[0].LWP.ID(), true), netbsd.Errno(0))
			w.is("a step", l.PtraceResume(pid, ResumeArgs{Step: true}), netbsd.EDEADLK)
			w.goOn(l, pid, 0)
			l.PtraceKill(pid)
			w.waitIs(l, pid, 0, pid, netbsd.ExitStatus(0, netbsd.SIGKILL), 0)
		})
	})
}

// proc_regio writes to who stands stopped: not to who stands still by _lwp_suspend(2). PT_SUSPEND does not matter.
func TestWhoseRegistersMayBeSet(t *testing.T) {
	both(t, func(w *world) {
		w.guest(func(l *LWP) {
			pid := w.tracedWith(l, 0, func(l *LWP) {
				o, _ := l.NewLWP(0, func(l *LWP) { asleep(l) }, false, nil)
				l.Nanosleep(time.Millisecond)
				w.is("suspended", l.LWPSuspend(o.ID()), netbsd.Errno(0))
				l.LWPKill(l.ID(), netbsd.SIGUSR1)
				l.LWPContinue(o.ID())
				l.LWPKill(l.ID(), netbsd.SIGUSR2)
			})
			w.next(l, pid, 0)
			t, _ := l.TraceTarget(pid)
			busy := func() []bool { i := t.LWPInfos(); return []bool{i[0].Busy, i[1].Busy} }
			w.is("the suspended one", busy(), []bool{true, false})
			for _, i := range t.LWPInfos() {
				l.PtraceSuspend(pid, i.LWP.ID(), true)
			}
			w.is("held besides", busy(), []bool{true, false})
			l.PtraceSuspend(pid, t.LWPInfos()[1].LWP.ID(), false)
			w.next(l, pid, 0)
			w.is("held", busy(), []bool{false, false})
			l.PtraceKill(pid)
			w.wait(l, pid, 0)
		})
	})
}
