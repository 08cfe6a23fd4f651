package kern

import (
	"testing"
	"time"

	"toaster/netbsd"
)

// PT_DETACH with a signal (do_ptrace, ptrace_sendsig): P_TRACED has gone when the tracee wakes, and then sigchecktrace takes nothing from
// p_xsig: the signal is lost, whatever ptrace(2) says. A stop signal leaves the process stopped, its parent told.
func TestDetachSignalIsLost(t *testing.T) {
	both(t, func(w *world) {
		w.guest(func(l *LWP) {
			pid := w.tracedWith(l, 0, func(l *LWP) {
				w.handle(l, netbsd.SIGUSR1, func(*LWP, *netbsd.Siginfo) { w.mark("SIGUSR1") })
				nap(l, time.Second)
				l.Exit(3)
			})
			w.is("detach", l.PtraceResume(pid, ResumeArgs{Detach: true, Signal: netbsd.SIGUSR1}), netbsd.Errno(0))
			w.waitIs(l, pid, 0, pid, netbsd.ExitStatus(3, 0), 0)
			pid = w.tracedWith(l, 0, func(l *LWP) { nap(l, time.Second) })
			w.is("detach", l.PtraceResume(pid, ResumeArgs{Detach: true, Signal: netbsd.SIGKILL}), netbsd.Errno(0))
			w.waitIs(l, pid, 0, pid, netbsd.ExitStatus(0, 0), 0)
		})
		w.never("SIGUSR1")
	})
}

// PT_STEP with an LWP (do_ptrace: resume_all is 0 for any LWP that is named): that one goes on alone, where ptrace(2) has the others go on, too.
func TestStepOfOneLWPLeavesTheOthers(t *testing.T) {
	both(t, func(w *world) {
		w.guest(func(l *LWP) {
			pid := w.tracedWith(l, 0, func(l *LWP) {
				l.NewLWP(0, func(l *LWP) { nap(l, time.Second); w.mark("other"); sleepForever(l) }, false, nil)
				l.LWPKill(l.ID(), netbsd.SIGUSR1)
				w.mark("first")
				l.LWPKill(l.ID(), netbsd.SIGUSR2)
				sleepForever(l)
			})
			w.goOn(l, pid, 0)
			w.waitIs(l, pid, 0, pid, netbsd.StopStatus(netbsd.SIGUSR1), 0)
			first := w.m.Find(pid).LWPs()[1].ID()
			w.is("step", l.PtraceResume(pid, ResumeArgs{Step: true, LWP: first}), netbsd.Errno(0))
			w.waitIs(l, pid, 0, pid, netbsd.StopStatus(netbsd.SIGUSR2), 0)
			nap(l, 3*time.Second)
			w.never("other")
			w.goOn(l, pid, 0)
			nap(l, 3*time.Second)
			l.PtraceKill(pid)
			w.wait(l, pid, 0)
		})
		w.order("first", "other")
	})
}

// A traced vfork child whose tracer is its parent is not stopped for a signal (issignal: PL_PPWAIT, p_pptr == p_opptr), and takes it
// as if nobody traced it: what is ignored by default does not end it. One that somebody else traces stops in 10.
func TestVforkChildTracedByItsParent(t *testing.T) {
	both(t, func(w *world) {
		w.guest(func(l *LWP) {
			c := w.forkWith(l, "C", ForkArgs{Vfork: true, Body: func(l *LWP) {
				w.is("trace me", l.TraceMe(), netbsd.Errno(0))
				w.fork(l, "G", exit(0))
				w.wait(l, netbsd.WaitAny, 0)
				l.Kill(l.Proc().Pid(), netbsd.SIGCHLD)
				l.Kill(l.Proc().Pid(), netbsd.SIGURG)
				l.Exit(4)
			}})
			w.waitIs(l, c.Pid(), 0, c.Pid(), netbsd.ExitStatus(4, 0), 0)
			c = w.forkWith(l, "D", ForkArgs{Vfork: true, Body: func(l *LWP) {
				l.TraceMe()
				l.Platform().Trap(&netbsd.Siginfo{Signo: netbsd.SIGSEGV, Code: 1})
				l.Kill(l.Proc().Pid(), 0)
				l.Exit(4)
			}})
			w.waitIs(l, c.Pid(), 0, c.Pid(), netbsd.ExitStatus(0, netbsd.SIGSEGV), 0)
		})
		if w.r2003 {
			return // the vfork parent is not woken by a child that is with a debugger (item 9)
		}
		w.guest(func(l *LWP) {
			p := w.fork(l, "P", func(l *LWP) {
				w.forkWith(l, "E", ForkArgs{Vfork: true, Body: func(l *LWP) {
					nap(l, 2*time.Second)
					l.Kill(l.Proc().Pid(), netbsd.SIGUSR1)
					l.Exit(5)
				}})
				w.wait(l, netbsd.WaitAny, 0)
			})
			nap(l, time.Second)
			c := w.find("E")
			w.is("attach", l.PtraceAttach(c.Pid()), netbsd.Errno(0))
			w.waitIs(l, c.Pid(), 0, c.Pid(), netbsd.StopStatus(netbsd.SIGSTOP), 0)
			w.goOn(l, c.Pid(), 0)
			w.waitIs(l, c.Pid(), 0, c.Pid(), netbsd.StopStatus(netbsd.SIGUSR1), 0)
			w.goOn(l, c.Pid(), 0)
			w.waitIs(l, c.Pid(), 0, c.Pid(), netbsd.ExitStatus(5, 0), 0)
			w.wait(l, p.Pid(), 0)
		})
	})
}
