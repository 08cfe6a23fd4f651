package kern

import (
	"testing"
	"time"

	"toaster/netbsd"
)

// segvAt is what an instruction of its own sends an LWP.
var segvAt = netbsd.Siginfo{Signo: netbsd.SIGSEGV, Code: netbsd.SEGV_MAPERR, Addr: 8}

// issignal: process 1 takes no default action, not even SIGKILL's, and goes on (p_pid <= 1).
func TestInitIsNotKilled(t *testing.T) {
	both(t, func(w *world) {
		w.guest(func(l *LWP) {
			for _, sig := range []netbsd.Signal{netbsd.SIGKILL, netbsd.SIGTERM, netbsd.SIGSTOP} {
				w.is("kill(2)", l.Kill(1, sig), netbsd.Errno(0))
			}
			nap(l, time.Second)
			i, _ := w.m.Init().Info()
			w.is("nothing is left", []any{w.m.Init().State(), i.Pending, w.m.Err()}, []any{StateActive, netbsd.Sigset(0), nil})
			orphan := w.fork(l, "O", func(l *LWP) { w.fork(l, "its child", func(l *LWP) { nap(l, time.Second) }) })
			w.wait(l, orphan.Pid(), 0)
			nap(l, time.Minute)
			w.is("init goes on reaping", len(w.m.Init().Children()), 1)
		})
	})
}

// trapsignal calls a handler at once, so that what an LWP's own instruction has sent is no more once it is taken: the next signal of the
// number is as others are, and goes behind lower ones (issignal).
func TestATrapIsOverOnceItIsTaken(t *testing.T) {
	both(t, func(w *world) {
		w.guest(func(l *LWP) {
			for _, sig := range []netbsd.Signal{netbsd.SIGHUP, netbsd.SIGSEGV} {
				w.handle(l, sig, func(_ *LWP, si *netbsd.Siginfo) { w.mark("%v %d", si.Signo, si.Code) })
			}
			l.Platform().Trap(&segvAt)
			l.Platform().UserRet(nil)
			set := netbsd.SigsetOf(netbsd.SIGHUP, netbsd.SIGSEGV)
			l.Sigprocmask(netbsd.SIG_BLOCK, &set)
			l.LWPKill(l.ID(), netbsd.SIGSEGV)
			l.LWPKill(l.ID(), netbsd.SIGHUP)
			l.Sigprocmask(netbsd.SIG_UNBLOCK, &set)
			l.Platform().UserRet(nil)
		})
		w.order("SIGSEGV 1", "SIGHUP -5", "SIGSEGV -5")
	})
}

// A tracer that lets go while an LWP has not come by with a signal of its own instruction's has no part in it any more: what is blocked stays
// blocked, and what PT_SET_SIGPASS has named stops nobody (trapsignal and issignal ask PSL_TRACED when they act).
func TestATrapOfWhoIsTracedNoMore(t *testing.T) {
	segv := netbsd.SIGSEGV.Bit()
	for _, blocked := range []bool{true, false} {
		both(t, func(w *world) {
			w.guest(func(l *LWP) {
				pid := w.tracedWith(l, 0, func(l *LWP) {
					w.handle(l, netbsd.SIGSEGV, func(*LWP, *netbsd.Siginfo) { w.mark("handler") })
					l.NewLWP(netbsd.LWP_DETACHED, func(l *LWP) {
						nap(l, time.Second)
						l.LWPKill(l.ID(), netbsd.SIGUSR1)
					}, false, nil)
					if blocked {
						l.Sigprocmask(netbsd.SIG_BLOCK, &segv)
					}
					l.Platform().Trap(&segvAt)
					nap(l, 2*time.Second)
					l.Platform().UserRet(nil)
					w.mark("pending %#x", uint64(l.Sigpending()))
					l.Exit(3)
				})
				if !blocked {
					l.PtraceSigpass(pid, &segv)
				}
				w.goOn(l, pid, 0)
				w.waitIs(l, pid, 0, pid, netbsd.StopStatus(netbsd.SIGUSR1), 0)
				w.is("detach", l.PtraceResume(pid, ResumeArgs{Detach: true}), netbsd.Errno(0))
				w.waitIs(l, pid, netbsd.WUNTRACED, pid, netbsd.ExitStatus(3, 0), 0)
			})
			if blocked {
				w.order("pending 0x400")
				w.never("handler")
			} else {
				w.order("handler", "pending 0x0")
			}
		})
	}
}

// kpsignal2 and issignal: a signal that PT_SET_SIGPASS has named is not shown, even if an instruction of the LWP's own has sent one like it before it was
// traced.
func TestAnEarlierTrapIsNotShown(t *testing.T) {
	both(t, func(w *world) {
		w.guest(func(l *LWP) {
			segv := netbsd.SIGSEGV.Bit()
			c := w.fork(l, "C", func(l *LWP) {
				w.handle(l, netbsd.SIGSEGV, func(_ *LWP, si *netbsd.Siginfo) { w.mark("code %d", si.Code) })
				l.Platform().Trap(&segvAt)
				l.Platform().UserRet(nil)
				l.TraceMe()
				l.Kill(l.Proc().Pid(), netbsd.SIGSTOP)
				l.LWPKill(l.ID(), netbsd.SIGSEGV)
				l.Exit(3)
			})
			w.waitIs(l, c.Pid(), 0, c.Pid(), netbsd.StopStatus(netbsd.SIGSTOP), 0)
			l.PtraceSigpass(c.Pid(), &segv)
			w.goOn(l, c.Pid(), 0)
			w.waitIs(l, c.Pid(), 0, c.Pid(), netbsd.ExitStatus(3, 0), 0)
		})
		w.order("code 1", "code -5")
	})
}

// trapsignal shows a tracer the signal by itself, without kpsignal2, which tells EVFILT_SIGNAL; in 2003 kpsignal is on the way.
func TestATrapUnderATracerAndKnotes(t *testing.T) {
	both(t, func(w *world) {
		w.guest(func(l *LWP) {
			n := 0
			pid := w.tracedWith(l, 0, func(l *LWP) {
				l.Proc().AttachKnote(note(func(e NoteEvent) {
					if e.Kind == NoteSignal && e.Signal == netbsd.SIGSEGV {
						n++
					}
				}))
				l.Platform().Trap(&segvAt)
				l.Platform().UserRet(nil)
			})
			w.next(l, pid, 0)
			w.is("told", n, under(w, 1, 0))
			l.PtraceKill(pid)
			w.wait(l, pid, 0)
		})
	})
}

// sigexit: if the process is on its way out already, how it ends has been decided, and the LWP just ends (item 2).
func TestASignalBesideAnExit(t *testing.T) {
	both(t, func(w *world) {
		p := w.guest(func(l *LWP) {
			w.is("ktrace", l.Proc().SetKtrace(&exitingKtrace{fakeKtrace{fakeRef{func() {}, func() {}}, w, false, false}}), netbsd.Errno(0))
			l.NewLWP(0, func(l *LWP) {
				nap(l, time.Second)
				l.Exit(5)
			}, false, nil)
			l.LWPKill(l.ID(), netbsd.SIGTERM)
			sleepForever(l)
		})
		w.is("the first decision", p.Wait(), netbsd.ExitStatus(5, 0))
	})
}

// exitingKtrace has whoever writes its record wait until the process exits.
type exitingKtrace struct{ fakeKtrace }

func (k *exitingKtrace) Psig(l *LWP, _ *netbsd.Siginfo, _ uint64, _ netbsd.Sigset) {
	for !l.Proc().Exiting() {
		time.Sleep(time.Second)
	}
}

// postsig counts a signal that it takes, be it caught or deadly (ru_nsignals).
func TestNsignals(t *testing.T) {
	both(t, func(w *world) {
		w.guest(func(l *LWP) {
			c := w.fork(l, "C", func(l *LWP) {
				w.handle(l, netbsd.SIGUSR1, func(*LWP, *netbsd.Siginfo) {})
				l.Kill(l.Proc().Pid(), netbsd.SIGUSR1)
				l.Kill(l.Proc().Pid(), netbsd.SIGURG) // nobody takes it
				l.Kill(l.Proc().Pid(), netbsd.SIGTERM)
				sleepForever(l)
			})
			w.is("caught and deadly", w.wait(l, c.Pid(), 0).Rusage.Nsignals, int64(2))
		})
	})
}
