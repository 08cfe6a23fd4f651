package kern

import (
	"testing"

	"toaster/netbsd"
)

// siginit: every action has SA_RESTART until somebody sets one.
func TestDefaultActionsRestart(t *testing.T) {
	both(t, func(w *world) {
		w.guest(func(l *LWP) {
			for s := netbsd.Signal(1); s < netbsd.NSIG; s++ {
				old, errno := l.Sigaction(s, nil)
				if errno != 0 || old.Handler != netbsd.SIG_DFL || old.Flags != netbsd.SA_RESTART || old.Mask != 0 {
					w.Errorf("%v: %+v, %v", s, old, errno)
				}
			}
		})
	})
}

// sigaction1: the mask has the signal itself, with SA_NODEFER it has not; it never has SIGKILL and
// SIGSTOP; unknown flags are EINVAL and change nothing; SIGILL, SIGTRAP and SIGPWR keep their
// action (SA_NORESET of sys/signalvar.h).
func TestSigactionKeeps(t *testing.T) {
	usr1, kill := netbsd.Signal.Bit(netbsd.SIGUSR1), netbsd.Signal.Bit(netbsd.SIGKILL)
	both(t, func(w *world) {
		w.guest(func(l *LWP) {
			f := func(*LWP, *netbsd.Siginfo) {}
			keeps := func(what string, sig netbsd.Signal, mask netbsd.Sigset, flags int32) {
				old, _ := l.Sigaction(sig, nil)
				w.is(what, []any{old.Mask, old.Flags}, []any{mask, flags})
			}
			l.Sigaction(netbsd.SIGUSR1, &Action{Func: f, Mask: kill})
			keeps("itself, and not SIGKILL", netbsd.SIGUSR1, usr1, 0)
			l.Sigaction(netbsd.SIGUSR1, &Action{Func: f, Mask: usr1, Flags: netbsd.SA_NODEFER | netbsd.SA_RESETHAND})
			keeps("not itself", netbsd.SIGUSR1, 0, netbsd.SA_NODEFER|netbsd.SA_RESETHAND)
			_, errno := l.Sigaction(netbsd.SIGUSR1, &Action{Func: f, Flags: 0x100})
			w.is("an unknown flag", errno, netbsd.Errno(netbsd.EINVAL))
			keeps("as before", netbsd.SIGUSR1, 0, netbsd.SA_NODEFER|netbsd.SA_RESETHAND)
			for _, s := range []netbsd.Signal{netbsd.SIGILL, netbsd.SIGTRAP, netbsd.SIGPWR} {
				l.Sigaction(s, &Action{Func: f, Flags: netbsd.SA_RESETHAND | netbsd.SA_RESTART})
				keeps(s.String(), s, s.Bit(), netbsd.SA_RESTART)
			}
		})
	})
}

// A handler with SA_NODEFER is interrupted by its own signal even if its mask names it, as
// sigaction1 takes it out.
func TestNodeferIsStrongerThanTheMask(t *testing.T) {
	both(t, func(w *world) {
		w.guest(func(l *LWP) {
			depth := 0
			l.Sigaction(netbsd.SIGUSR1, &Action{Mask: netbsd.SIGUSR1.Bit(), Flags: netbsd.SA_NODEFER, Func: func(l *LWP, _ *netbsd.Siginfo) {
				if depth++; depth < 3 {
					l.Kill(l.Proc().Pid(), netbsd.SIGUSR1)
					w.is("nested", depth, 3)
				}
			}})
			l.Kill(l.Proc().Pid(), netbsd.SIGUSR1)
			w.is("depth", depth, 3)
		})
	})
}

// execsigs: caught signals get their default action, ignored ones stay ignored but for SIGCHLD,
// all flags are SA_RESTART and all masks empty; of what is pending only that goes which was caught
// and is ignored by default.
func TestExecSignals(t *testing.T) {
	set := func(s ...netbsd.Signal) netbsd.Sigset { return netbsd.SigsetOf(s...) }
	both(t, func(w *world) {
		w.guest(func(l *LWP) {
			f := func(*LWP, *netbsd.Siginfo) {}
			for _, s := range []netbsd.Signal{netbsd.SIGUSR1, netbsd.SIGURG, netbsd.SIGCONT} {
				l.Sigaction(s, &Action{Func: f, Flags: netbsd.SA_NODEFER})
			}
			for _, s := range []netbsd.Signal{netbsd.SIGHUP, netbsd.SIGCHLD} {
				l.Sigaction(s, &Action{Handler: netbsd.SIG_IGN, Flags: netbsd.SA_NOCLDWAIT, Mask: set(netbsd.SIGINT)})
			}
			blocked := set(netbsd.SIGUSR1, netbsd.SIGURG, netbsd.SIGUSR2, netbsd.SIGHUP)
			l.Sigprocmask(netbsd.SIG_SETMASK, &blocked)
			for _, s := range []netbsd.Signal{netbsd.SIGUSR1, netbsd.SIGURG, netbsd.SIGUSR2} {
				l.Kill(l.Proc().Pid(), s)
			}
			w.is("exec", l.Exec(ExecArgs{Comm: "x"}), netbsd.Errno(0))
			w.is("pending", l.Sigpending(), set(netbsd.SIGUSR1, netbsd.SIGUSR2))
			w.is("mask", l.Sigmask(), blocked)
			for s := netbsd.Signal(1); s < netbsd.NSIG; s++ {
				want := Action{Flags: netbsd.SA_RESTART}
				if s == netbsd.SIGHUP {
					want.Handler = netbsd.SIG_IGN
				}
				got := l.Proc().Action(s)
				w.is(s.String(), []any{got.Handler, got.Func == nil, got.Flags, got.Mask}, []any{want.Handler, true, want.Flags, want.Mask})
			}
			l.Kill(l.Proc().Pid(), netbsd.SIGHUP)
			l.Kill(l.Proc().Pid(), netbsd.SIGURG)
			w.is("still pending", l.Sigpending(), set(netbsd.SIGUSR1, netbsd.SIGUSR2))
			w.fork(l, "child", func(l *LWP) { l.Exit(3) })
			w.waitIs(l, netbsd.WaitAny, 0, l.Proc().Children()[0], netbsd.ExitStatus(3, 0), 0)
			none := netbsd.Sigset(0)
			l.Sigprocmask(netbsd.SIG_SETMASK, &none) // SIGUSR1 kills: its handler has gone
			w.mark("alive")
		})
		w.never("alive")
	})
}

// execsigs of release 10 also drops what was sent to the LWP alone (l_sigpend); what was sent to
// the process stays.
func TestExecDropsSignalsOfTheLWP(t *testing.T) {
	both(t, func(w *world) {
		w.guest(func(l *LWP) {
			blocked := netbsd.SigsetOf(netbsd.SIGUSR1, netbsd.SIGUSR2)
			l.Sigprocmask(netbsd.SIG_SETMASK, &blocked)
			l.LWPKill(l.ID(), netbsd.SIGUSR1)
			l.Kill(l.Proc().Pid(), netbsd.SIGUSR2)
			w.is("before", l.Sigpending(), blocked)
			l.Exec(ExecArgs{Comm: "x"})
			if !w.r2003 {
				w.is("after", l.Sigpending(), netbsd.SIGUSR2.Bit())
			}
		})
	})
}
