package kern

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"toaster/netbsd"
)

// counter counts what several goroutines do.
type counter struct {
	mu sync.Mutex
	n  map[string]int
}

func (c *counter) add(what string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.n[what]++
}

// take returns the counts and begins anew.
func (c *counter) take() map[string]int {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := c.n
	c.n = map[string]int{}
	return n
}

// kill(2): whom a number means, which signals there are, and that 0 sends nothing. kill1 and killpg1 of kern_sig.c.
func TestKillByNumber(t *testing.T) {
	both(t, func(w *world) {
		w.spawnWith("P", SpawnArgs{Setsid: true, Body: func(l *LWP) {
			me := l.Proc().Pid()
			got := counter{n: map[string]int{}}
			kid := func(name string, apart bool) *Proc {
				c := w.fork(l, name, func(l *LWP) {
					if apart {
						l.Setpgid(0, 0)
					}
					w.handle(l, netbsd.SIGHUP, func(*LWP, *netbsd.Siginfo) { got.add(name) })
					sleepForever(l)
				})
				return c
			}
			a, b := kid("a", false), kid("b", true)
			w.handle(l, netbsd.SIGHUP, func(*LWP, *netbsd.Siginfo) { got.add("me") })
			nap(l, time.Second)
			for _, c := range []struct {
				pid  int
				sig  netbsd.Signal
				want netbsd.Errno
				got  map[string]int
			}{
				{a.Pid(), netbsd.SIGHUP, 0, map[string]int{"a": 1}},
				{a.Pid(), 0, 0, map[string]int{}},
				{0, netbsd.SIGHUP, 0, map[string]int{"a": 1, "me": 1}},
				{0, 0, 0, map[string]int{}},
				{-b.Pid(), netbsd.SIGHUP, 0, map[string]int{"b": 1}},
				{-b.Pid(), 0, 0, map[string]int{}},
				{-a.Pid(), netbsd.SIGHUP, netbsd.ESRCH, map[string]int{}},
				{-1, netbsd.SIGHUP, 0, map[string]int{"a": 1, "b": 1}},
				{-1, 0, 0, map[string]int{}},
				{9999, netbsd.SIGHUP, netbsd.ESRCH, map[string]int{}},
				{a.Pid(), netbsd.NSIG, netbsd.EINVAL, map[string]int{}},
				{a.Pid(), -1, netbsd.EINVAL, map[string]int{}},
				{me, netbsd.SIGHUP, 0, map[string]int{"me": 1}},
			} {
				name := fmt.Sprintf("%d, %d", c.pid, c.sig)
				w.is(name, l.Kill(c.pid, c.sig), c.want)
				nap(l, time.Second)
				w.is(name, got.take(), c.got)
				if c.pid == -1 && c.sig != 0 { // sigqueueinfo(2) means the same, from the same sender
					continue
				}
				w.is(name+", queued", l.Sigqueue(c.pid, &netbsd.Siginfo{Signo: c.sig, Code: netbsd.SI_QUEUE, Pid: int32(me)}), c.want)
				nap(l, time.Second)
				w.is(name+", queued", got.take(), c.got)
				if c.pid > 0 || c.pid < -1 { // the embedder has no group
					w.is(name+", from outside", w.m.Kill(c.pid, c.sig), c.want)
					nap(l, time.Second)
					w.is(name+", from outside", got.take(), c.got)
				}
			}
			k := w.fork(l, "K", func(l *LWP) { w.is("all", l.Kill(-1, netbsd.SIGHUP), netbsd.Errno(0)) })
			w.wait(l, k.Pid(), 0)
			nap(l, time.Second)
			w.is("of the newest", got.take(), map[string]int{"a": 1, "b": 1, "me": 1})
			for _, c := range []*Proc{a, b} {
				w.is("from the embedder", c.Kill(netbsd.SIGHUP), netbsd.Errno(0))
				nap(l, time.Second)
				w.is("one", len(got.take()), 1)
				w.is("nothing for nobody", []netbsd.Errno{c.Signal(&netbsd.Siginfo{}), c.Kill(netbsd.NSIG)}, []netbsd.Errno{0, netbsd.EINVAL})
				c.Kill(netbsd.SIGKILL)
				w.wait(l, c.Pid(), 0)
				w.is("gone", c.Kill(0), netbsd.ESRCH)
			}
		}}).Wait()
	})
}

// killpg1: of a group the members that may not be signalled, and init, are passed over, wherever they stand in it; ESRCH where
// nobody is left.
func TestKillOfAMixedGroup(t *testing.T) {
	both(t, func(w *world) {
		w.spawnWith("P", SpawnArgs{Setsid: true, Body: func(l *LWP) {
			kids := map[string]uint32{"k1": 7, "k2": 0, "k3": 7, "k4": 8}
			for _, name := range []string{"k1", "k2", "k3", "k4"} {
				w.fork(l, name, func(l *LWP) {
					w.catch(l, name, netbsd.SIGTERM)
					l.Setuid(kids[name])
					for {
						l.Sleep(true, noDeadline)
					}
				})
			}
			k := w.fork(l, "K", func(l *LWP) {
				nap(l, time.Second)
				l.Sigaction(netbsd.SIGTERM, &Action{Handler: netbsd.SIG_IGN})
				l.Setuid(7)
				w.is("group", l.Kill(0, netbsd.SIGTERM), netbsd.Errno(0))
				l.Setsid()
				w.is("another's group", l.Kill(-w.find("P").Pgid(), 0), netbsd.Errno(0))
				l.Setuid(7)
			})
			w.wait(l, k.Pid(), 0)
			nap(l, time.Second)
			u := w.fork(l, "U", func(l *LWP) {
				l.Setuid(9)
				l.Setpgid(0, 0)
				w.is("nobody", l.Kill(-w.find("P").Pgid(), netbsd.SIGTERM), netbsd.ESRCH)
				w.is("nobody of all", l.Kill(-1, netbsd.SIGTERM), netbsd.ESRCH)
				w.is("one", l.Kill(w.find("k2").Pid(), netbsd.SIGTERM), netbsd.EPERM)
			})
			w.wait(l, u.Pid(), 0)
			l.Kill(0, netbsd.SIGKILL)
		}}).Wait()
		for _, name := range []string{"k1", "k3"} {
			w.order(name + ".SIGTERM")
		}
		w.never("k2.SIGTERM", "k4.SIGTERM")
	})
}

// kpsignal2: SIGCONT that sigtimedwait(2) takes continues a process that is stopped, and only that; another signal that it takes
// continues nobody.
func TestSigtimedwaitAndContinuation(t *testing.T) {
	both(t, func(w *world) {
		w.guest(func(l *LWP) {
			c := w.fork(l, "C", func(l *LWP) {
				set := netbsd.SigsetOf(netbsd.SIGCONT, netbsd.SIGUSR1)
				l.Sigprocmask(netbsd.SIG_BLOCK, &set)
				for {
					i, errno := l.Sigtimedwait(set, time.Time{})
					w.mark("%v %v", i.Signo, errno == 0)
				}
			})
			cont := func(pid int) {
				w.Helper()
				status := netbsd.ContinuedStatus
				if pid == 0 || w.r2003 {
					pid, status = 0, 0
				}
				if w.r2003 {
					w.waitIs(l, c.Pid(), netbsd.WUNTRACED|netbsd.WNOHANG, pid, status, 0)
					return
				}
				w.waitIs(l, c.Pid(), netbsd.WCONTINUED|netbsd.WUNTRACED|netbsd.WNOHANG, pid, status, 0)
			}
			nap(l, time.Second)
			l.Kill(c.Pid(), netbsd.SIGCONT)
			nap(l, time.Second)
			cont(0)
			l.Kill(c.Pid(), netbsd.SIGSTOP)
			w.waitIs(l, c.Pid(), netbsd.WUNTRACED, c.Pid(), netbsd.StopStatus(netbsd.SIGSTOP), 0)
			l.Kill(c.Pid(), netbsd.SIGUSR1)
			nap(l, time.Second)
			w.is("stopped", c.Stopped(), true)
			l.Kill(c.Pid(), netbsd.SIGCONT)
			nap(l, time.Second)
			w.is("goes on", c.Stopped(), false)
			cont(c.Pid())
		})
		w.is("taken", w.all()[len(w.all())-1] != "", true)
	})
}

// sigtimedwait(2): EINTR or ERESTART for a signal that is not asked for; after its end the signals of the set are delivered as
// ever.
func TestSigtimedwaitThatEndsOtherwise(t *testing.T) {
	both(t, func(w *world) {
		w.guest(func(l *LWP) {
			for _, flags := range []int32{0, netbsd.SA_RESTART} {
				want := netbsd.EINTR
				if flags != 0 {
					want = netbsd.ERESTART
				}
				c := w.fork(l, "C", func(l *LWP) {
					for _, s := range []netbsd.Signal{netbsd.SIGUSR1, netbsd.SIGUSR2} {
						l.Sigaction(s, &Action{Flags: flags, Func: func(_ *LWP, si *netbsd.Siginfo) { w.mark("%v %d", si.Signo, flags) }})
					}
					set := netbsd.SIGUSR2.Bit()
					_, errno := l.Sigtimedwait(set, time.Time{})
					w.is("another signal", errno, want)
					_, errno = l.Sigtimedwait(set, time.Now().Add(time.Second))
					w.is("the time is up", errno, netbsd.EAGAIN)
					nap(l, 2*time.Second)
				})
				nap(l, time.Second)
				l.Kill(c.Pid(), netbsd.SIGUSR1)
				nap(l, 2*time.Second)
				l.Kill(c.Pid(), netbsd.SIGUSR2)
				w.wait(l, c.Pid(), 0)
			}
		})
		w.order("SIGUSR1 0", "SIGUSR2 0", fmt.Sprintf("SIGUSR1 %d", netbsd.SA_RESTART), fmt.Sprintf("SIGUSR2 %d", netbsd.SA_RESTART))
	})
}

// What is pending keeps each signal's siginfo, in whatever order they are taken; what is ignored from now on goes from the LWP's own
// set, too (sigaction1); a signal that is SIGCONT, blocked, has no effect when it is unblocked.
func TestPendingSets(t *testing.T) {
	var sp sigpend
	for i, s := range []netbsd.Signal{netbsd.SIGHUP, netbsd.SIGUSR1, netbsd.SIGRTMIN, netbsd.SIGRTMIN, netbsd.SIGTERM} {
		sp.put(&netbsd.Siginfo{Signo: s, Pid: int32(i)})
	}
	for _, c := range []struct {
		sig  netbsd.Signal
		pid  int32
		left bool
	}{{netbsd.SIGTERM, 4, false}, {netbsd.SIGRTMIN, 2, true}, {netbsd.SIGUSR1, 1, false}, {netbsd.SIGRTMIN, 3, false}, {netbsd.SIGHUP, 0, false}} {
		if i := sp.get(c.sig); i.Pid != c.pid || i.Signo != c.sig || sp.set.Has(c.sig) != c.left {
			t.Errorf("%v: %+v, pending %t", c.sig, i, sp.set.Has(c.sig))
		}
	}
	both(t, func(w *world) {
		w.guest(func(l *LWP) {
			mask := netbsd.SigsetOf(netbsd.SIGUSR1, netbsd.SIGUSR2, netbsd.SIGCONT, netbsd.SIGURG)
			l.Sigprocmask(netbsd.SIG_SETMASK, &mask)
			l.LWPKill(l.ID(), netbsd.SIGUSR1)
			l.Kill(l.Proc().Pid(), netbsd.SIGUSR2)
			l.Kill(l.Proc().Pid(), netbsd.SIGCONT)
			l.Kill(l.Proc().Pid(), netbsd.SIGURG)
			w.is("pending", l.Sigpending()&^netbsd.SIGCONT.Bit(), netbsd.SigsetOf(netbsd.SIGUSR1, netbsd.SIGUSR2))
			for _, s := range []netbsd.Signal{netbsd.SIGUSR1, netbsd.SIGUSR2} {
				l.Sigaction(s, &Action{Handler: netbsd.SIG_IGN})
			}
			w.is("dropped", l.Sigpending()&^netbsd.SIGCONT.Bit(), netbsd.Sigset(0))
			mask = 0
			l.Sigprocmask(netbsd.SIG_SETMASK, &mask)
			w.mark("alive")
			l.Sigaction(netbsd.SIGHUP, &Action{Func: func(*LWP, *netbsd.Siginfo) {}})
			i, _ := l.Proc().Info()
			w.is("caught", i.Caught, netbsd.SIGHUP.Bit())
			for _, h := range []uint64{netbsd.SIG_DFL, netbsd.SIG_IGN} {
				l.Sigaction(netbsd.SIGHUP, &Action{Func: func(*LWP, *netbsd.Siginfo) {}})
				l.Sigaction(netbsd.SIGHUP, &Action{Handler: h})
				i, _ = l.Proc().Info()
				w.is("caught no more", []any{i.Caught, i.Ignored.Has(netbsd.SIGHUP)}, []any{netbsd.Sigset(0), h == netbsd.SIG_IGN})
			}
			l.Sigaltstack(&Altstack{Sp: 0x1000, Size: netbsd.MINSIGSTKSZ, Flags: netbsd.SS_ONSTACK})
			w.is("sigaltstack(2) tells the kernel that it is in use", []any{l.Altstack().Flags, l.Platform().OnStack()}, []any{int32(netbsd.SS_ONSTACK), true})
		})
		w.order("alive")
	})
}

// SA_RESETHAND (sigaction(2), sendsig_reset): the default action from the first delivery on, for a signal without a default effect
// to be dropped when it is sent; SIGCONT goes on to continue.
func TestResethand(t *testing.T) {
	both(t, func(w *world) {
		for _, sig := range []netbsd.Signal{netbsd.SIGUSR1, netbsd.SIGURG, netbsd.SIGCONT} {
			p := w.spawn("P", func(l *LWP) {
				p := l.Proc()
				l.Sigaction(sig, &Action{Flags: netbsd.SA_RESETHAND, Func: func(_ *LWP, si *netbsd.Siginfo) { w.mark("%v", si.Signo) }})
				l.Kill(p.Pid(), sig)
				i, _ := p.Info()
				w.is("default", []any{i.Caught, i.Ignored.Has(sig), p.Action(sig).Func == nil, p.Action(sig).Handler}, []any{netbsd.Sigset(0), sig == netbsd.SIGURG, true, uint64(netbsd.SIG_DFL)})
				mask := sig.Bit()
				l.Sigprocmask(netbsd.SIG_SETMASK, &mask)
				l.Kill(p.Pid(), sig)
				w.is("pending", l.Sigpending().Has(sig), sig == netbsd.SIGUSR1 || sig == netbsd.SIGCONT && w.r2003)
				mask = 0
				l.Sigprocmask(netbsd.SIG_SETMASK, &mask)
				w.mark("alive %v", sig)
			})
			want := netbsd.ExitStatus(0, 0)
			if sig == netbsd.SIGUSR1 {
				want = netbsd.ExitStatus(0, sig)
			}
			w.is("status", p.Wait(), want)
		}
		w.order("SIGUSR1", "SIGURG", "alive SIGURG", "SIGCONT", "alive SIGCONT")
	})
}

// trapsignal of kern_sig.c: a signal of the LWP's own instruction that it blocks or ignores ends the process; EVFILT_SIGNAL counts
// it; what has begun to exit takes none.
func TestTrapThatIsBlockedOrIgnored(t *testing.T) {
	both(t, func(w *world) {
		for name, before := range map[string]func(l *LWP){
			"blocked": func(l *LWP) { m := netbsd.SIGSEGV.Bit(); l.Sigprocmask(netbsd.SIG_SETMASK, &m) },
			"ignored": func(l *LWP) { l.Sigaction(netbsd.SIGSEGV, &Action{Handler: netbsd.SIG_IGN}) },
			"blocked, caught": func(l *LWP) {
				m := netbsd.SIGSEGV.Bit()
				l.Sigprocmask(netbsd.SIG_SETMASK, &m)
				l.Sigaction(netbsd.SIGSEGV, &Action{Func: func(*LWP, *netbsd.Siginfo) { w.mark("handler") }})
			},
		} {
			counted := 0
			p := w.spawnWith("P", SpawnArgs{Manual: true, Body: func(l *LWP) {
				l.Proc().AttachKnote(note(func(e NoteEvent) {
					if e.Kind == NoteSignal && e.Signal == netbsd.SIGSEGV {
						counted++
					}
				}))
				before(l)
				l.Platform().Trap(&netbsd.Siginfo{Signo: netbsd.NSIG}) // none
				l.Platform().Trap(&netbsd.Siginfo{Signo: netbsd.SIGSEGV, Code: 1})
				l.Platform().UserRet(func(*Delivery) bool { return true })
				w.mark("beyond")
			}})
			w.is(name, []any{p.Wait() &^ netbsd.CoreFlag, counted}, []any{netbsd.ExitStatus(0, netbsd.SIGSEGV), 1})
		}
		w.never("handler", "beyond")
		w.guest(func(l *LWP) {
			w.give(l.Proc(), func() {
				l.Platform().Trap(&netbsd.Siginfo{Signo: netbsd.SIGSEGV})
				w.is("exiting", l.lockedPending(), netbsd.Sigset(0))
			}, nil, nil)
			l.Exit(0)
		})
	})
}

func (l *LWP) lockedPending() netbsd.Sigset {
	l.p.m.lock()
	defer l.p.m.unlock()
	return l.pend.set
}

// A run loop's guest takes signals in UserRet alone, in no call and in no hook, and its frame is told of the signal stack (sendsig).
func TestDeliveryByARunLoop(t *testing.T) {
	both(t, func(w *world) {
		stack := Altstack{Sp: 0x1000, Size: netbsd.MINSIGSTKSZ}
		w.spawnWith("P", SpawnArgs{Manual: true, Body: func(l *LWP) {
			pl, pid := l.Platform(), l.Proc().Pid()
			var got []Delivery
			deliver := func(d *Delivery) bool { got = append(got, *d); return true }
			for s, flags := range map[netbsd.Signal]int32{netbsd.SIGUSR1: 0, netbsd.SIGUSR2: netbsd.SA_ONSTACK} {
				l.Sigaction(s, &Action{Handler: 0x5000, Flags: flags | netbsd.SA_NODEFER})
			}
			l.Sigaction(netbsd.SIGHUP, &Action{Func: func(*LWP, *netbsd.Siginfo) { w.mark("SIGHUP") }})
			take := func(sig netbsd.Signal) Delivery {
				got = nil
				l.Kill(pid, sig)
				w.is("not in a call", len(got), 0)
				pl.UserRet(deliver)
				w.is("one", len(got), 1)
				return got[0]
			}
			d := take(netbsd.SIGUSR2)
			w.is("no stack", []any{d.OnStack, d.Stack.Flags &^ netbsd.SS_DISABLE}, []any{false, int32(0)})
			l.Sigaltstack(&stack)
			d = take(netbsd.SIGUSR2)
			w.is("the stack", []any{d.OnStack, d.Stack}, []any{true, stack})
			d = take(netbsd.SIGUSR1)
			w.is("not wanted", []any{d.OnStack, d.Stack}, []any{false, stack})
			pl.SetOnStack(true)
			w.is("on it already", take(netbsd.SIGUSR2).OnStack, false)
			l.LWPKill(l.ID(), netbsd.SIGHUP)
			l.Getpgid(0)
			l.Sigprocmask(netbsd.SIG_BLOCK, nil)
			w.mark("call")
			l.NewLWP(0, func(*LWP) {}, false, func(*LWP) netbsd.Errno { pl.UserRet(deliver); return 0 })
			w.mark("hook")
			pl.UserRet(deliver)
		}}).Wait()
		w.order("call", "hook", "SIGHUP")
	})
}

// A signal that a tracer was shown although the tracee blocks it (trapsignal) is shown once: another one of that number, sent by
// _lwp_kill(2), stays pending.
func TestForcedSignalIsShownOnce(t *testing.T) {
	both(t, func(w *world) {
		w.guest(func(l *LWP) {
			pid := w.tracedWith(l, 0, func(l *LWP) {
				l.Platform().SetSigmask(netbsd.SIGSEGV.Bit())
				l.Platform().Trap(&netbsd.Siginfo{Signo: netbsd.SIGSEGV, Code: 1})
				l.Kill(l.Proc().Pid(), 0)
				l.LWPKill(l.ID(), netbsd.SIGSEGV)
				w.is("pending", l.Sigpending(), netbsd.SIGSEGV.Bit())
				l.Exit(3)
			})
			w.is("stops", w.story(l, pid), []string{fmt.Sprintf("1:%v/1", netbsd.SIGSEGV), "exited(3)"})
		})
	})
}

// kpsignal2 of a stopped process: a signal that it blocks leaves its sleep alone, one that it catches ends it at once, however long it stands
// then.
func TestSignalsForAStoppedSleeper(t *testing.T) {
	both(t, func(w *world) {
		w.guest(func(l *LWP) {
			for name, c := range map[string]struct {
				blocked bool
				want    netbsd.Errno
				at      time.Duration
			}{
				"caught":  {false, netbsd.ERESTART, 12 * time.Second},
				"blocked": {true, netbsd.EWOULDBLOCK, 12 * time.Second},
			} {
				begin := w.since()
				p := w.fork(l, name, func(l *LWP) {
					w.handle(l, netbsd.SIGUSR1, func(*LWP, *netbsd.Siginfo) {})
					if c.blocked {
						m := netbsd.SIGUSR1.Bit()
						l.Sigprocmask(netbsd.SIG_SETMASK, &m)
					}
					l.NewLWP(0, func(l *LWP) { // it takes the stop
						m := netbsd.SIGUSR1.Bit()
						l.Sigprocmask(netbsd.SIG_BLOCK, &m)
						sleepForever(l)
					}, false, nil)
					end, errno := time.Now().Add(10*time.Second), netbsd.Errno(0)
					for errno == 0 {
						errno = l.Sleep(true, end)
					}
					w.is(name, []any{errno, w.since() - begin}, []any{c.want, c.at})
				})
				nap(l, time.Second)
				l.Kill(p.Pid(), netbsd.SIGSTOP)
				nap(l, 2*time.Second)
				l.Kill(p.Pid(), netbsd.SIGUSR1)
				nap(l, 2*time.Second)
				w.is(name+", it stays", []any{p.Stopped(), p.State()}, []any{true, StateActive})
				nap(l, 7*time.Second)
				w.is(name+", longer than the sleep", p.Stopped(), true)
				l.Kill(p.Pid(), netbsd.SIGCONT)
				w.wait(l, p.Pid(), 0)
			}
		})
	})
}

// A suspended LWP (_lwp_suspend(2)) is resumed by no signal; SIGKILL ends its process.
func TestSignalForASuspendedLWP(t *testing.T) {
	both(t, func(w *world) {
		w.guest(func(l *LWP) {
			c := w.fork(l, "C", func(l *LWP) {
				w.handle(l, netbsd.SIGUSR1, func(*LWP, *netbsd.Siginfo) { w.mark("handler %v", w.since()) })
				n, _ := l.NewLWP(netbsd.LWP_SUSPENDED, sleepForever, false, nil)
				l.LWPKill(n.ID(), netbsd.SIGUSR1)
				nap(l, time.Second)
				w.is("suspended", n.State(), LWPSuspended)
				l.LWPContinue(n.ID())
				sleepForever(l)
			})
			nap(l, 2*time.Second)
			l.Kill(c.Pid(), netbsd.SIGKILL)
			w.waitIs(l, c.Pid(), 0, c.Pid(), netbsd.ExitStatus(0, netbsd.SIGKILL), 0)
		})
		w.order("handler 1s")
	})
}

// A process that has stopped in its exit (PS_STOPEXIT) goes on for SIGCONT and SIGKILL, and for no other signal.
func TestSignalsForWhoHasStoppedInItsExit(t *testing.T) {
	both(t, func(w *world) {
		if w.r2003 {
			return
		}
		w.guest(func(l *LWP) {
			for _, last := range []netbsd.Signal{netbsd.SIGCONT, netbsd.SIGKILL} {
				c := w.fork(l, "C", func(l *LWP) {
					l.SetStopOn(l.Proc().Pid(), netbsd.PROC_PID_STOPEXIT, true)
					l.Exit(5)
				})
				nap(l, time.Second)
				on, errno := l.StopsOn(c.Pid(), netbsd.PROC_PID_STOPEXIT)
				w.is("it stops once", []any{on, errno}, []any{false, netbsd.Errno(0)})
				for _, sig := range []netbsd.Signal{netbsd.SIGTERM, netbsd.SIGSTOP, netbsd.SIGUSR1} {
					l.Kill(c.Pid(), sig)
					nap(l, time.Second)
					w.is("stays", []any{c.Stopped(), c.State()}, []any{true, StateExiting})
				}
				l.Kill(c.Pid(), last)
				w.waitIs(l, c.Pid(), 0, c.Pid(), netbsd.ExitStatus(5, 0), 0)
			}
			d := w.fork(l, "D", func(l *LWP) {
				w.give(l.Proc(), func() { nap(l, 3*time.Second) }, nil, nil)
				l.Exit(6)
			})
			nap(l, time.Second)
			l.Kill(d.Pid(), netbsd.SIGCONT) // it has not stopped
			w.waitIs(l, d.Pid(), netbsd.WCONTINUED, d.Pid(), netbsd.ExitStatus(6, 0), 0)
		})
	})
}

// P_FSTRACE (kern_exit.c 1.127): a process that procfs traces tells its parent of no stop by SIGCHLD.
func TestStopUnderProcfsTracing(t *testing.T) {
	both(t, func(w *world) {
		w.guest(func(l *LWP) {
			got := w.infos(l, netbsd.SIGCHLD)
			c := w.fork(l, "C", sleepForever)
			for _, on := range []bool{true, false} {
				*got = nil
				c.setFSTrace(on)
				l.Kill(c.Pid(), netbsd.SIGSTOP)
				nap(l, time.Second)
				w.is("SIGCHLD", len(*got), under(w, map[bool]int{true: 0, false: 1}[on], 1))
				l.Kill(c.Pid(), netbsd.SIGCONT)
				nap(l, time.Second)
			}
		})
	})
}
