package kern

import (
	"fmt"
	"testing"
	"time"

	"toaster/netbsd"
)

// postsig: a handler of a signal that the tracer passes is told what PT_SET_SIGINFO has set if it is that signal's (ps_faked); else what was sent with
// the signal, which issignal has left in the queue, be it the one of the stop or another; else SI_NOINFO.
func TestSiginfoOfAPassedSignal(t *testing.T) {
	both(t, func(w *world) {
		queued := func(sig netbsd.Signal, v uint64) netbsd.Siginfo {
			return netbsd.Siginfo{Signo: sig, Code: netbsd.SI_QUEUE, Value: v}
		}
		none := func(sig netbsd.Signal) netbsd.Siginfo { return netbsd.Siginfo{Signo: sig, Code: netbsd.SI_NOINFO} }
		usr1, usr2 := queued(netbsd.SIGUSR1, 42), queued(netbsd.SIGUSR2, 42)
		cases := []struct {
			name string
			set  *netbsd.Siginfo
			pass netbsd.Signal
			want netbsd.Siginfo
		}{
			{"as it was sent", nil, netbsd.SIGUSR1, queued(netbsd.SIGUSR1, 7)},
			{"as it was set", &usr1, netbsd.SIGUSR1, usr1},
			{"another that was set", &usr2, netbsd.SIGUSR2, usr2},
			{"the stop's, as it was sent, where another was set", &usr2, netbsd.SIGUSR1, queued(netbsd.SIGUSR1, 7)},
			{"another", nil, netbsd.SIGUSR2, none(netbsd.SIGUSR2)},
			{"another than was set", &usr1, netbsd.SIGUSR2, none(netbsd.SIGUSR2)},
			{"none, and the next one", &usr1, 0, netbsd.Siginfo{}},
			{"as it was sent again", nil, netbsd.SIGUSR1, queued(netbsd.SIGUSR1, 7)},
		}
		w.guest(func(l *LWP) {
			var got []netbsd.Siginfo
			pid := w.tracedWith(l, 0, func(l *LWP) {
				for _, sig := range []netbsd.Signal{netbsd.SIGUSR1, netbsd.SIGUSR2} {
					w.handle(l, sig, func(_ *LWP, si *netbsd.Siginfo) { got = append(got, *si) })
				}
				for range cases {
					l.Sigqueue(l.Proc().Pid(), &netbsd.Siginfo{Signo: netbsd.SIGUSR1, Code: netbsd.SI_QUEUE, Value: 7})
				}
			})
			w.next(l, pid, 0)
			for _, c := range cases {
				if c.set != nil {
					w.is(c.name, l.PtraceSetSiginfo(pid, 0, *c.set), netbsd.Errno(0))
				}
				got = nil
				w.goOn(l, pid, c.pass)
				w.wait(l, pid, 0)
				want := []netbsd.Siginfo{c.want}
				if c.pass == 0 {
					want = nil
				}
				w.is(c.name, fmt.Sprint(got), fmt.Sprint(want))
			}
		})
	})
}

// The same of a signal that is pending beside the one of the stop: its siginfo is taken from the queue, and it stays pending.
func TestSiginfoOfAPassedSignalThatIsPending(t *testing.T) {
	both(t, func(w *world) {
		w.guest(func(l *LWP) {
			pid := w.tracedWith(l, 0, func(l *LWP) {
				w.handle(l, netbsd.SIGUSR2, func(_ *LWP, si *netbsd.Siginfo) { w.mark("%d of %d", si.Value, si.Code) })
				set := netbsd.SigsetOf(netbsd.SIGUSR1, netbsd.SIGUSR2)
				l.Sigprocmask(netbsd.SIG_BLOCK, &set)
				l.Kill(l.Proc().Pid(), netbsd.SIGUSR1)
				l.Sigqueue(l.Proc().Pid(), &netbsd.Siginfo{Signo: netbsd.SIGUSR2, Code: netbsd.SI_QUEUE, Value: 9})
				l.Sigprocmask(netbsd.SIG_UNBLOCK, &set)
			})
			w.is("the lower one", w.next(l, pid, 0), "1:SIGUSR1/0")
			w.is("the higher one", w.next(l, pid, netbsd.SIGUSR2), "1:SIGUSR2/32767")
			w.goOn(l, pid, netbsd.SIGUSR2)
			w.waitIs(l, pid, 0, pid, 0, 0)
		})
		w.order(fmt.Sprintf("9 of %d", netbsd.SI_QUEUE), fmt.Sprintf("0 of %d", netbsd.SI_NOINFO))
	})
}

// proc_stoptrace does not set ps_faked: SIGTRAP that is passed at a system call's stop tells nothing of it. An event's does (eventswitch).
func TestSiginfoOfASystemCallsStop(t *testing.T) {
	both(t, func(w *world) {
		w.guest(func(l *LWP) {
			pid := w.tracedWith(l, netbsd.PTRACE_LWP_CREATE, func(l *LWP) {
				w.handle(l, netbsd.SIGTRAP, func(_ *LWP, si *netbsd.Siginfo) { w.mark("code %d", si.Code) })
				l.Platform().TraceStop(netbsd.TRAP_SCE, nil)
				l.Kill(l.Proc().Pid(), netbsd.SIGUSR1)
				l.NewLWP(0, func(*LWP) {}, false, nil)
				sleepForever(l)
			})
			w.is("resume", l.PtraceResume(pid, ResumeArgs{Syscall: true}), netbsd.Errno(0))
			w.wait(l, pid, 0)
			w.is("the call", func() int32 { i, _, _ := l.PtraceSiginfo(pid); return i.Code }(), int32(netbsd.TRAP_SCE))
			w.next(l, pid, netbsd.SIGTRAP)
			w.next(l, pid, 0)
			w.goOn(l, pid, netbsd.SIGTRAP)
			l.Nanosleep(1)
			l.PtraceKill(pid)
			w.wait(l, pid, 0)
		})
		w.order(fmt.Sprintf("code %d", netbsd.SI_NOINFO), fmt.Sprintf("code %d", netbsd.TRAP_LWP))
	})
}

// What PT_SET_SIGINFO has set is told once, and so is what was sent with a signal, which stays for as long as it has not been (postsig, siggetinfo).
func TestSiginfoIsToldOnce(t *testing.T) {
	both(t, func(w *world) {
		w.guest(func(l *LWP) {
			const stops = 5
			pid := w.tracedWith(l, 0, func(l *LWP) {
				for _, sig := range []netbsd.Signal{netbsd.SIGUSR1, netbsd.SIGUSR2, netbsd.SIGTRAP} {
					w.handle(l, sig, func(_ *LWP, si *netbsd.Siginfo) { w.mark("%v %d %d", si.Signo, si.Code, si.Value) })
				}
				l.Sigqueue(l.Proc().Pid(), &netbsd.Siginfo{Signo: netbsd.SIGUSR1, Code: netbsd.SI_QUEUE, Value: 7})
				for range stops {
					l.Platform().TraceStop(netbsd.TRAP_SCE, nil)
				}
			})
			pass := func(sig netbsd.Signal) {
				w.is("resume", l.PtraceResume(pid, ResumeArgs{Signal: sig, Syscall: true}), netbsd.Errno(0))
				w.wait(l, pid, 0)
			}
			pass(0)
			l.PtraceSetSiginfo(pid, 0, netbsd.Siginfo{Signo: netbsd.SIGUSR1, Code: netbsd.SI_QUEUE, Value: 42})
			for _, sig := range []netbsd.Signal{netbsd.SIGUSR1, netbsd.SIGTRAP, netbsd.SIGUSR2, netbsd.SIGUSR1, netbsd.SIGUSR1} {
				pass(sig)
			}
			l.PtraceKill(pid)
			w.wait(l, pid, 0)
		})
		w.order("SIGUSR1 -1 42", "SIGTRAP 32767 0", "SIGUSR2 32767 0", "SIGUSR1 -1 7", "SIGUSR1 32767 0")
	})
}

// ptrace_sendsig clears ps_faked where it sends a signal to who runs: what PT_SET_SIGINFO had said is forgotten, and the next signal's siginfo is the one
// of the queue, which is told once.
func TestSiginfoThatWasSetIsForgotten(t *testing.T) {
	for _, how := range []string{"PT_STOP", "PT_ATTACH"} {
		both(t, func(w *world) {
			w.guest(func(l *LWP) {
				pid := w.tracedWith(l, 0, func(l *LWP) {
					w.handle(l, netbsd.SIGUSR1, func(_ *LWP, si *netbsd.Siginfo) { w.mark("%d %d", si.Code, si.Value) })
					l.Kill(l.Proc().Pid(), netbsd.SIGHUP)
					nap(l, time.Second)
					l.Sigqueue(l.Proc().Pid(), &netbsd.Siginfo{Signo: netbsd.SIGUSR1, Code: netbsd.SI_QUEUE, Value: 7})
					l.Platform().TraceStop(netbsd.TRAP_SCE, nil)
				})
				w.next(l, pid, 0)
				l.PtraceSetSiginfo(pid, 0, netbsd.Siginfo{Signo: netbsd.SIGUSR1, Code: netbsd.SI_QUEUE, Value: 42})
				if how == "PT_STOP" {
					w.goOn(l, pid, 0)
					w.is(how, l.PtraceStop(pid), netbsd.Errno(0))
				} else {
					w.is("PT_DETACH", l.PtraceResume(pid, ResumeArgs{Detach: true}), netbsd.Errno(0))
					w.is(how, l.PtraceAttach(pid), netbsd.Errno(0))
				}
				w.wait(l, pid, 0)
				w.next(l, pid, 0)
				for range 2 {
					w.is("resume", l.PtraceResume(pid, ResumeArgs{Signal: netbsd.SIGUSR1, Syscall: true}), netbsd.Errno(0))
					w.wait(l, pid, 0)
				}
			})
			w.order(fmt.Sprintf("%d 7", netbsd.SI_QUEUE), fmt.Sprintf("%d 0", netbsd.SI_NOINFO))
		})
	}
}
