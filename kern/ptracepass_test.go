package kern

import (
	"fmt"
	"testing"

	"toaster/netbsd"
)

// PT_SET_SIGPASS: the signals named that are sent reach the tracee as if nobody traced it (kpsignal2, issignal). Those of its own
// instructions its tracer sees nevertheless (trapsignal does not look at ps_sigpass). What it ignores is dropped when it is sent. The set is gone with the
// tracer.
func TestSigpass(t *testing.T) {
	both(t, func(w *world) {
		w.guest(func(l *LWP) {
			ran := 0
			count := func(*LWP, *netbsd.Siginfo) { ran++ }
			pid := w.tracedWith(l, 0, func(l *LWP) {
				l.Sigaction(netbsd.SIGUSR1, &Action{Handler: 1 << 20, Func: count})
				l.Sigaction(netbsd.SIGSEGV, &Action{Handler: 1 << 20, Func: count})
				l.Kill(l.Proc().Pid(), netbsd.SIGUSR1)
				l.Kill(l.Proc().Pid(), netbsd.SIGCHLD) // has no effect
				l.Platform().Trap(&netbsd.Siginfo{Signo: netbsd.SIGSEGV})
				l.Kill(l.Proc().Pid(), netbsd.SIGUSR2)
				l.Exit(3)
			})
			set := netbsd.SigsetOf(netbsd.SIGUSR1, netbsd.SIGSEGV, netbsd.SIGCHLD, netbsd.SIGKILL, netbsd.SIGSTOP)
			got, errno := l.PtraceSigpass(pid, &set)
			w.is("errno", errno, netbsd.Errno(0))
			w.is("the set", got, netbsd.SigsetOf(netbsd.SIGUSR1, netbsd.SIGSEGV, netbsd.SIGCHLD))
			w.is("stops", w.story(l, pid), []string{fmt.Sprintf("1:%v/0", netbsd.SIGSEGV), fmt.Sprintf("1:%v/0", netbsd.SIGUSR2), "exited(3)"})
			w.is("handlers", ran, 1)
			_, errno = l.PtraceSigpass(pid, nil)
			w.is("once it is gone", errno, netbsd.ESRCH)
		})
	})
}

// trapsignal: a tracer is shown what the tracee's own instruction causes even if the tracee blocks it, and the mask
// stays as it is. The tracee would make the instruction again and again, and nobody would see it.
func TestTrapBlockedByTracee(t *testing.T) {
	for _, sig := range []netbsd.Signal{netbsd.SIGSEGV, netbsd.SIGILL, netbsd.SIGFPE, netbsd.SIGBUS, netbsd.SIGTRAP} {
		both(t, func(w *world) {
			w.guest(func(l *LWP) {
				pid := w.tracedWith(l, 0, func(l *LWP) {
					l.Platform().SetSigmask(netbsd.SigsetOf(sig))
					l.Platform().Trap(&netbsd.Siginfo{Signo: sig, Code: 1})
					l.Kill(l.Proc().Pid(), 0)
					if l.Sigmask() != netbsd.SigsetOf(sig) {
						l.Exit(1)
					}
					l.Exit(3)
				})
				w.is("stops", w.story(l, pid), []string{fmt.Sprintf("1:%v/1", sig), "exited(3)"})
			})
		})
	}
}
