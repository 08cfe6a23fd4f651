package kern

import (
	"context"
	"fmt"
	"testing"
	"time"

	"toaster/netbsd"
)

// killpg1: EINVAL for no signal; ESRCH for a group that there is not, and for negative numbers; 0 is the caller's own.
func TestKillpg(t *testing.T) {
	both(t, func(w *world) {
		w.guest(func(l *LWP) {
			l.Setpgid(0, 0)
			w.catch(l, "own", netbsd.SIGUSR1)
			c := w.fork(l, "C", func(l *LWP) { l.Setpgid(0, 0); sleepForever(l) })
			nap(l, time.Second)
			for _, x := range []struct {
				name string
				pgid int
				sig  netbsd.Signal
				want netbsd.Errno
			}{
				{"no signal", 0, netbsd.NSIG, netbsd.EINVAL}, {"a negative one", 0, -1, netbsd.EINVAL}, {"nobody", 29999, 0, netbsd.ESRCH},
				{"negative", -c.Pid(), 0, netbsd.ESRCH}, {"only a question", 0, 0, 0}, {"one's own", 0, netbsd.SIGUSR1, 0},
				{"another", c.Pid(), netbsd.SIGTERM, 0},
			} {
				w.is(x.name, l.Killpg(x.pgid, x.sig), x.want)
			}
			w.waitIs(l, c.Pid(), 0, c.Pid(), netbsd.ExitStatus(0, netbsd.SIGTERM), 0)
		})
		w.order("own.SIGUSR1")
	})
}

// getrusage(2): ru_msgsnd and ru_msgrcv.
func TestMessagesAreCounted(t *testing.T) {
	both(t, func(w *world) {
		w.guest(func(l *LWP) {
			l.p.CountSent()
			l.p.CountSent()
			l.p.CountReceived()
			u, _ := l.p.Rusage(netbsd.RUSAGE_SELF)
			w.is("sent and received", []any{u.Msgsnd, u.Msgrcv}, []any{int64(2), int64(1)})
		})
	})
}

// SetMaxLWPs and MaxLWPs: the limit is that of the guests, as services are not counted.
func TestMaxLWPsBesidesServices(t *testing.T) {
	bothWith(t, func(_ *world, c *Config) { c.MaxLWPs = 1 }, func(w *world) {
		w.is("without a service", w.m.MaxLWPs(), 1)
		w.m.Spawn(SpawnArgs{Body: sleepForever, Service: true})
		w.is("with one", w.m.MaxLWPs(), 1)
		w.m.SetMaxLWPs(2)
		w.is("two", w.m.MaxLWPs(), 2)
		for _, want := range []netbsd.Errno{0, 0, netbsd.EAGAIN} {
			_, errno := w.m.Spawn(SpawnArgs{Body: sleepForever})
			w.is("a guest", errno, want)
		}
		w.m.SetMaxLWPs(0)
		w.is("none", w.m.MaxLWPs(), 0)
		_, errno := w.m.Spawn(SpawnArgs{Body: sleepForever})
		w.is("a guest", errno, netbsd.Errno(0))
	})
}

// timer_create1: which clocks there are; without an event SIGALRM, or the clock's signal, and the timer's id as its value. A timer of SIGEV_NONE
// only runs out. itimer.fire: one that counts by the processor's time waits for that.
func TestTimersByTheirClocks(t *testing.T) {
	both(t, func(w *world) {
		w.guest(func(l *LWP) {
			p := l.p
			for _, clock := range []int{netbsd.CLOCK_REALTIME - 1, netbsd.CLOCK_MONOTONIC + 1} {
				_, errno := p.TimerCreate(clock, nil)
				_, errno2 := p.TimerCreateUpcall(clock, netbsd.Siginfo{})
				w.is("no such clock", []netbsd.Errno{errno, errno2}, []netbsd.Errno{netbsd.EINVAL, netbsd.EINVAL})
			}
			_, errno := p.TimerCreate(netbsd.CLOCK_MONOTONIC, nil)
			w.is("the last clock", errno, netbsd.Errno(0))
			id, errno := p.TimerCreateUpcall(netbsd.CLOCK_MONOTONIC, netbsd.Siginfo{})
			w.is("monotonic", []any{errno, p.TimerClock(id), p.TimerClock(id + 1)}, []any{netbsd.Errno(0), netbsd.CLOCK_MONOTONIC, -1})
			none, _ := p.TimerCreate(netbsd.CLOCK_REALTIME, &netbsd.Siginfo{})
			p.TimerSettime(none, Itimerval{time.Second, time.Second})
			prof, _ := p.TimerCreate(netbsd.CLOCK_PROF, nil)
			p.TimerSettime(prof, Itimerval{Value: time.Second})
			got := w.infos(l, netbsd.SIGPROF)
			nap(l, 3500*time.Millisecond)
			left, _ := p.TimerGettime(prof)
			over, _ := p.TimerOverrun(none)
			w.is("no time of the processor's", []any{left.Value, over, l.Sigpending()}, []any{time.Second, 0, netbsd.Sigset(0)})
			p.AddUsage(&netbsd.Rusage{Utime: 600 * time.Millisecond, Stime: 400 * time.Millisecond})
			nap(l, 2*time.Second)
			l.Kill(p.Pid(), 0)
			left, _ = p.TimerGettime(prof)
			w.is("it has run out", []any{len(*got), left.Value}, []any{1, time.Duration(0)})
			w.is("its siginfo", []any{(*got)[0].Value, (*got)[0].Code}, []any{uint64(prof), int32(netbsd.SI_TIMER)})
		})
		w.guest(func(l *LWP) {
			_, errno := (&Proc{m: w.m}).TimerGettime(4)
			w.is("nobody has made one", errno, netbsd.EINVAL)
		})
	})
}

// find_stopped_child: a wait6(2) with WNOHANG that finds nothing says of the child that it has looked at last what match_process fills in: the
// first one that matches and that the options name, where no child has anything to report (p_nstopchild), else the last one that matches. Of those whose end is hidden
// (WNOZOMBIE) none is looked at.
func TestWait6TellsWhomItLookedAt(t *testing.T) {
	both(t, func(w *world) {
		if w.r2003 {
			return // wait6(2) is younger
		}
		w.guest(func(l *LWP) {
			w.handle(l, netbsd.SIGCHLD, func(*LWP, *netbsd.Siginfo) {})
			looked := func(options int) (pid int) {
				l.Wait6(netbsd.P_ALL, 0, options|netbsd.WNOHANG, &WaitOut{Info: func(i *netbsd.Siginfo) netbsd.Errno {
					pid = int(i.Pid)
					return 0
				}})
				return pid
			}
			old := w.fork(l, "old", sleepForever)
			other := w.forkWith(l, "other", ForkArgs{Body: sleepForever, ExitSignal: netbsd.SIGUSR1})
			young := w.fork(l, "young", sleepForever)
			w.is("the youngest", looked(netbsd.WEXITED), young.Pid())
			w.is("of those with another signal", looked(netbsd.WEXITED|netbsd.WALTSIG), other.Pid())
			old.Kill(netbsd.SIGSTOP)
			nap(l, time.Second)
			w.is("the oldest, as there is news of one", looked(netbsd.WEXITED), old.Pid())
			old.Kill(netbsd.SIGCONT)
			l.Wait6(netbsd.P_PID, old.Pid(), netbsd.WCONTINUED|netbsd.WNOHANG, nil)
			young.Kill(netbsd.SIGKILL)
			nap(l, time.Second)
			w.is("zombies are news", looked(netbsd.WUNTRACED), old.Pid())
			for _, c := range []*Proc{old, other} {
				c.Kill(netbsd.SIGKILL)
				l.Wait6(netbsd.P_PID, c.Pid(), netbsd.WEXITED|netbsd.WALLSIG, nil)
			}
			w.wait(l, young.Pid(), 0)
		})
	})
}

// A vforkSpace says what the fork that it is asked for will be.
type vforkSpace struct {
	fakeVM
	told []bool
}

func (v *vforkSpace) Fork(l, _ *LWP, _ bool) (AddressSpace, netbsd.Errno) {
	v.told = append(v.told, l.Platform().Vforks())
	return nil, 0
}

// fork1 and vfork(2): the parent waits in 10 from the fork on; what its address space may count on. Not where the memory is a copy, nor in 2003.
func TestVforks(t *testing.T) {
	both(t, func(w *world) {
		v := &vforkSpace{}
		w.guest(func(l *LWP) {
			w.locked(func() { l.p.vm = v })
			for _, a := range []ForkArgs{{}, {Vfork: true}, {ShareVM: true}, {Vfork: true, ShareVM: true}, {}} {
				a.Body = exit(0)
				c := w.forkWith(l, "C", a)
				w.wait(l, c.Pid(), 0)
			}
			w.locked(func() { l.p.vm = nil })
		})
		w.is("told", v.told, under(w, []bool{false, false, false, false, false}, []bool{false, false, false, true, false}))
	})
}

// procfs_rw, proc_regio: the registers of a process are those of its youngest LWP, and EBUSY unless that has stopped. Of one that exits there are none.
// Whoever looks meanwhile is waited for, and then the process may be on its way to its end.
func TestLookStoppedWaits(t *testing.T) {
	both(t, func(w *world) {
		w.guest(func(l *LWP) {
			nothing := func(*LWP) netbsd.Errno { return 0 }
			c := w.fork(l, "C", sleepForever)
			nap(l, time.Second)
			w.is("it sleeps", c.LookStopped(nothing), netbsd.EBUSY)
			c.Kill(netbsd.SIGSTOP)
			nap(l, time.Second)
			go func() {
				w.is("it has stopped", c.LookStopped(func(l *LWP) netbsd.Errno {
					w.is("the LWP", l, c.lwps)
					time.Sleep(4 * time.Second)
					w.mark("first")
					return 0
				}), netbsd.Errno(0))
			}()
			go func() {
				time.Sleep(time.Second)
				w.is("it stands", c.LookStopped(func(*LWP) netbsd.Errno { w.mark("second"); time.Sleep(2 * time.Second); return 0 }), netbsd.Errno(0))
			}()
			nap(l, 5*time.Second)
			go func() {
				w.is("it goes to its end", c.LookStopped(func(*LWP) netbsd.Errno { w.mark("third"); return 0 }) != 0, true)
			}()
			nap(l, 500*time.Millisecond)
			c.Kill(netbsd.SIGKILL)
			nap(l, 3*time.Second)
			w.waitIs(l, c.Pid(), 0, c.Pid(), netbsd.ExitStatus(0, netbsd.SIGKILL), 0)
			c = w.fork(l, "D", func(l *LWP) {
				w.give(l.p, func() { time.Sleep(2 * time.Second) }, nil, nil)
				l.Exit(0)
			})
			nap(l, time.Second)
			w.is("it exits", c.LookStopped(nothing), netbsd.ESRCH)
			w.wait(l, c.Pid(), 0)
		})
		w.order("first", "second")
		w.never("third")
	})
}

// do_ptrace, PT_LWPSTATUS: PL_EVENT_SIGNAL is for the LWP that the signal was sent to, or for all if it was sent to the process (ps_lwp).
func TestWhoseSignalStoppedIt(t *testing.T) {
	both(t, func(w *world) {
		w.guest(func(l *LWP) {
			told := func(pid int) (s []bool) {
				for _, i := range w.m.Find(pid).LWPInfos() {
					s = append(s, i.Stopped)
				}
				return s
			}
			pid := w.tracedWith(l, 0, func(l *LWP) {
				n, _ := l.NewLWP(0, sleepForever, false, nil)
				nap(l, time.Second)
				l.LWPKill(n.ID(), netbsd.SIGUSR1)
				sleepForever(l)
			})
			w.goOn(l, pid, 0)
			w.waitIs(l, pid, 0, pid, netbsd.StopStatus(netbsd.SIGUSR1), 0)
			w.is("one's", told(pid), []bool{true, false})
			w.goOn(l, pid, 0)
			l.Kill(pid, netbsd.SIGUSR2)
			w.waitIs(l, pid, 0, pid, netbsd.StopStatus(netbsd.SIGUSR2), 0)
			w.is("the process's", told(pid), []bool{true, true})
			l.PtraceKill(pid)
			w.wait(l, pid, 0)
			c := w.fork(l, "D", func(l *LWP) { l.p.CountSent(); sleepForever(l) })
			nap(l, time.Second)
			w.is("it has never stopped", told(c.Pid()), []bool{false})
			c.Kill(netbsd.SIGKILL)
			w.wait(l, c.Pid(), 0)
		})
	})
}

// ptrace(2), PT_ATTACH: what it would say can be asked first.
func TestMayAttachAndResume(t *testing.T) {
	both(t, func(w *world) {
		w.guest(func(l *LWP) {
			w.is("attach", []netbsd.Errno{l.MayAttach(29999), l.MayAttach(l.p.Pid())}, []netbsd.Errno{netbsd.ESRCH, netbsd.EINVAL})
			pid := w.tracedWith(l, 0, sleepForever)
			_, errno := w.m.Find(pid).MayResume(&ResumeArgs{LWP: 29999, Detach: true})
			w.is("a single LWP detached", errno, netbsd.EINVAL)
			l.PtraceKill(pid)
			w.wait(l, pid, 0)
		})
	})
}

// In a fresh table ids come in order, and before the slots run low it grows: no id is given twice, and each finds its process (proc_alloc_pid,
// expand_pid_table).
func TestFreshPidTable(t *testing.T) {
	var tab pidTable
	tab.reset()
	began := len(tab.slots)
	of := make(map[int]*Proc)
	for i := 1; i <= 2*began; i++ {
		p := &Proc{}
		p.pid = tab.alloc(p)
		if i < began-pidMinFree && int(p.pid) != i {
			t.Fatalf("id %d is %d", i, p.pid)
		}
		if of[int(p.pid)] != nil || p.pid <= 0 {
			t.Fatalf("id %d is given twice, or none", p.pid)
		}
		of[int(p.pid)] = p
	}
	for pid, p := range of {
		if tab.find(pid) != p {
			t.Fatalf("id %d finds %v", pid, tab.find(pid))
		}
		tab.free(int32(pid))
	}
	if tab.nfree != len(tab.slots)-1 || len(tab.slots) <= began {
		t.Errorf("%d of %d slots are free", tab.nfree, len(tab.slots))
	}
}

// vfork(2) in 2003, of a child that a debugger has: its end wakes no parent (item 9), but that of the machine does.
func TestCloseEndsAForsakenVfork(t *testing.T) {
	in2003(t, func(w *world) {
		w.spawn("P", func(l *LWP) {
			w.forkWith(l, "C", ForkArgs{Vfork: true, Body: func(l *LWP) {
				nap(l, 2*time.Second)
				l.Exit(0)
			}})
		})
		w.spawn("D", func(l *LWP) {
			nap(l, time.Second)
			pid := w.find("C").Pid()
			w.is("attach", l.PtraceAttach(pid), netbsd.Errno(0))
			w.waitIs(l, pid, 0, pid, netbsd.ExitStatus(0, 0), 0)
			sleepForever(l)
		})
		settledFor(time.Minute)
	})
}

// Check says who stands, or has the virtual processor, for no reason.
func TestCheckFindsWhoStands(t *testing.T) {
	inActivations(t, 100, (*fakeProgram).read, func(w *world, p *Proc, f *fakeProgram) {
		settled()
		l, s := f.lwp(1), p.ext.sa
		n := s.cached[0]
		stat := func(l *LWP, to LWPState) func() { return func() { l.stat = to } }
		for _, x := range []corruption{
			{"in the cache twice", func() { s.cached = append(s.cached, n) }, func() { s.cached = s.cached[:1] }, "in the cache or among the woken twice", false},
			{"in the cache and woken", func() { s.woken = append(s.woken, n) }, func() { s.woken = nil }, "in the cache or among the woken twice", false},
			{"in the cache, and does not stand", func() { s.cached = append(s.cached, l) }, func() { s.cached = s.cached[:1] }, "in the cache or among the woken twice", false},
			{"in the cache, and dead", stat(n, LWPDead), stat(n, LWPSuspended), "in the cache or among the woken twice", false},
			{"has the virtual processor and is dead", stat(s.vp, LWPDead), stat(s.vp, LWPSleeping), "has the virtual processor", false},
			{"has the virtual processor and stands", func() { s.vp.ext.act.stands = true }, func() { s.vp.ext.act.stands = false }, "has the virtual processor", false},
			{"has the virtual processor and is in the cache", func() { s.cached = append(s.cached, s.vp) }, func() { s.cached = s.cached[:1] }, "has the virtual processor", false},
			{"nobody has the virtual processor", func() { s.vp = nil }, func() { s.vp = f.lwp(2) }, "virtual processor", true},
			{"exits", func() { p.flags |= fWExit; s.woken = append(s.woken, n) }, func() { p.flags &^= fWExit; s.woken = nil }, "among the woken", true},
			{"execs", func() { p.flags |= fExecing; s.woken = append(s.woken, n) }, func() { p.flags &^= fExecing; s.woken = nil }, "among the woken", true},
			{"has exited", func() { p.state = StateExiting; s.woken = append(s.woken, n) }, func() { p.state = StateActive; s.woken = nil }, "among the woken", true},
			{"stands for nothing", stat(l, LWPSuspended), stat(l, LWPSleeping), "nobody wants it to be", false},
			{"is suspended", func() { l.stat = LWPSuspended; l.attn.Or(aSuspend) }, func() { l.stat = LWPSleeping; l.attn.And(^aSuspend) }, "nobody wants it to be", true},
			{"is to die", func() { l.stat = LWPSuspended; l.attn.Or(aExit) }, func() { l.stat = LWPSleeping; l.attn.And(^aExit) }, "nobody wants it to be", true},
			{"is paused", func() { l.attn.Or(aPause) }, func() { l.attn.And(^aPause) }, "is paused: true, should be false", false},
			{"is not paused", func() { w.m.paused = true }, func() { w.m.paused = false }, "is paused: false, should be true", false},
		} {
			w.finds(x)
		}
		only := func(name string, do, undo func()) {
			all := func(f func(o *LWP)) {
				for o := p.lwps; o != nil; o = o.next {
					f(o)
				}
			}
			pause := func() {
				w.m.paused = true
				all(func(o *LWP) { o.attn.Or(aPause) })
				l.attn.And(^aPause)
				do()
			}
			resume := func() {
				undo()
				w.m.paused = false
				all(func(o *LWP) { o.attn.And(^aPause) })
			}
			w.finds(corruption{name, pause, resume, fmt.Sprintf("LWP %d.1 is paused", p.pid), true})
		}
		only("it leaves", func() { l.flags |= lLeaving }, func() { l.flags &^= lLeaving })
		only("it is dead", func() { l.stat = LWPDead }, func() { l.stat = LWPSleeping })
		only("it exits", func() { p.state = StateExiting }, func() { p.state = StateActive })
	})
}

// An LWP that has ended, and that the reaper has not seen to (LSDEAD), is nobody's to ask for: _lwp_suspend(2), ptrace(2), procfs; nor does it keep a
// process from ending, or from standing still.
func TestDeadLWPsDoNotCount(t *testing.T) {
	in2003(t, func(w *world) {
		release := w.blockReaper()
		var dead int
		withDead := func(l *LWP) {
			n, _ := l.NewLWP(0, (*LWP).ExitLWP, false, nil)
			dead = n.ID()
			nap(l, time.Second)
			w.is("it is dead", n.State(), LWPDead)
		}
		w.spawn("P", func(l *LWP) {
			withDead(l)
			w.is("suspend", []netbsd.Errno{l.LWPSuspend(dead), l.LWPSuspend(l.ID())}, []netbsd.Errno{netbsd.ESRCH, netbsd.EDEADLK})
			l.ExitLWP()
		})
		settledFor(2 * time.Second)
		w.is("the last one ends the process", w.find("P").State(), StateExiting)
		w.spawn("D", func(l *LWP) {
			pid := w.tracedWith(l, 0, func(l *LWP) {
				withDead(l)
				l.LWPKill(l.ID(), netbsd.SIGUSR1)
				sleepForever(l)
			})
			w.goOn(l, pid, 0)
			w.waitIs(l, pid, 0, pid, netbsd.StopStatus(netbsd.SIGUSR1), 0)
			c := w.m.Find(pid)
			_, errno := c.MayResume(&ResumeArgs{LWP: dead})
			w.is("it is named", errno, netbsd.ESRCH)
			w.is("whose registers", c.LookStopped(func(l *LWP) netbsd.Errno {
				w.is("LWP", l.ID(), 1)
				return 0
			}), netbsd.Errno(0))
			w.is("suspend", l.PtraceSuspend(pid, 1, true), netbsd.Errno(0))
			_, errno = c.MayResume(&ResumeArgs{})
			w.is("nobody would go on", errno, netbsd.EDEADLK)
			l.PtraceKill(pid)
			sleepForever(l)
		})
		settledFor(3 * time.Second)
		release()
	})
}

// Config.Trace is told which LWP takes a step.
func TestStepsHaveTheirLWP(t *testing.T) {
	both(t, func(w *world) {
		var lid int
		p := w.guest(func(l *LWP) {
			l.NewLWP(0, func(l *LWP) { lid = l.ID(); l.Exit(0) }, false, nil)
			sleepForever(l)
		})
		n := 0
		for _, k := range w.marks {
			if k.pid == p.Pid() && k.what == "FreeTimers" {
				n++
				w.is("the LWP", k.lid, lid)
			}
		}
		w.is("how often", n, 1)
	})
}

// sigexit(l, SIGILL): memory that takes no frame ends the process, whatever it catches.
func TestUndeliverable(t *testing.T) {
	both(t, func(w *world) {
		p := w.guest(func(l *LWP) {
			w.catch(l, "P", netbsd.SIGILL)
			l.Platform().Undeliverable()
			w.mark("it lives")
		})
		w.is("status", p.Wait(), netbsd.ExitStatus(0, netbsd.SIGILL))
		w.never("it lives", "P.SIGILL")
	})
}

// An LWP that is lent its mask with a signal pending is not lent it (Lent): it could let the signal through unseen.
func TestNoMaskIsLentWhilePending(t *testing.T) {
	both(t, func(w *world) {
		w.guestManual(func(l *LWP) {
			l.Platform().SetSigmask(netbsd.SIGUSR1.Bit())
			l.Kill(l.p.Pid(), netbsd.SIGUSR1)
			l.Platform().SetLent(nil)
			_, ok := l.Platform().PublishMask()
			w.is("it is lent", ok, false)
			l.Exit(0)
		})
	})
}

// guestManual is guest for a body that is a run loop.
func (w *world) guestManual(body func(*LWP)) {
	p := w.spawnWith("P", SpawnArgs{Manual: true, Body: body})
	p.Wait()
	settled()
}

// sigchecktrace: what PT_DETACH passes is lost, SIGHUP as others.
func TestDetachLosesSIGHUP(t *testing.T) {
	both(t, func(w *world) {
		w.guest(func(l *LWP) {
			pid := w.tracedWith(l, 0, exit(3))
			w.is("detach", l.PtraceResume(pid, ResumeArgs{Detach: true, Signal: netbsd.SIGHUP}), netbsd.Errno(0))
			w.waitIs(l, pid, 0, pid, netbsd.ExitStatus(3, 0), 0)
		})
	})
}

// ptrace_sendsig, of a process that had stopped before it was traced: the LWP that is named takes what PT_CONTINUE passes, and if none is one that
// sleeps interruptibly, or does not sleep.
func TestSignalForOneThatHadStopped(t *testing.T) {
	both(t, func(w *world) {
		if w.r2003 {
			return // it is pending for the process
		}
		for _, which := range []int{0, 1, 2} {
			w.guest(func(l *LWP) {
				var ids []int
				took := 0
				c := w.fork(l, "C", func(l *LWP) {
					w.handle(l, netbsd.SIGUSR1, func(l *LWP, _ *netbsd.Siginfo) { took = l.ID() })
					ids = append(ids, l.ID())
					for range 2 {
						l.NewLWP(0, func(l *LWP) { ids = append(ids, l.ID()); l.Sleep(true, noDeadline); sleepForever(l) }, false, nil)
						nap(l, time.Millisecond)
					}
					l.Sleep(true, noDeadline)
					sleepForever(l)
				})
				nap(l, time.Second)
				c.Kill(netbsd.SIGSTOP)
				w.waitIs(l, c.Pid(), netbsd.WUNTRACED, c.Pid(), netbsd.StopStatus(netbsd.SIGSTOP), 0)
				w.is("attach", l.PtraceAttach(c.Pid()), netbsd.Errno(0))
				w.wait(l, c.Pid(), netbsd.WUNTRACED)
				lid, want := ids[which], ids[which]
				if which == 2 {
					lid, want = 0, ids[2] // the youngest
				}
				w.is("resume", l.PtraceResume(c.Pid(), ResumeArgs{Signal: netbsd.SIGUSR1, LWP: lid}), netbsd.Errno(0))
				nap(l, time.Second)
				w.is("who takes it", took, want)
				l.PtraceKill(c.Pid())
				w.wait(l, c.Pid(), 0)
			})
		}
	})
}

// posix_spawn(2) of a parent that nobody traces: who attaches the child before its exec is told of no birth (PTRACE_POSIX_SPAWN).
func TestAttachDuringASpawn(t *testing.T) {
	both(t, func(w *world) {
		if w.r2003 {
			return // posix_spawn(2) is younger
		}
		w.guest(func(l *LWP) {
			var pid int
			w.fork(l, "P", func(l *LWP) {
				c, _ := l.PosixSpawn(PosixSpawnArgs{Fork: ForkArgs{Body: func(l *LWP) { nap(l, time.Second); l.Exit(7) }}, Exec: func(l *LWP) netbsd.Errno {
					pid = l.p.Pid()
					l.Sleep(true, noDeadline)
					return 0
				}})
				w.wait(l, c.Pid(), 0)
			})
			nap(l, time.Second)
			w.is("attach", l.PtraceAttach(pid), netbsd.Errno(0))
			w.waitIs(l, pid, 0, pid, netbsd.StopStatus(netbsd.SIGSTOP), 0)
			mask := uint32(netbsd.PTRACE_POSIX_SPAWN)
			_, errno := l.PtraceEventMask(pid, &mask)
			w.is("it asks for births", errno, netbsd.Errno(0))
			w.goOn(l, pid, 0)
			w.m.Find(pid).lwps.Wake()
			w.waitIs(l, pid, 0, pid, netbsd.ExitStatus(7, 0), 0)
		})
	})
}

// The end of a tracer (exit1): its own child, which it traced, is killed, and its subreaper's (PROC_REAP_ACQUIRE of procctl(2)).
func TestSubreaperGetsATracee(t *testing.T) {
	both(t, func(w *world) {
		w.guest(func(l *LWP) {
			w.is("subreaper", l.p.SetSubreaper(true), netbsd.Errno(0))
			var pid int
			d := w.fork(l, "D", func(l *LWP) { pid = w.tracedWith(l, 0, sleepForever) })
			w.waitIs(l, d.Pid(), 0, d.Pid(), netbsd.ExitStatus(0, 0), 0)
			w.waitIs(l, pid, 0, pid, netbsd.ExitStatus(0, netbsd.SIGKILL), 0)
		})
	})
}

// PT_DETACH (do_ptrace, proc_reparent), of a tracee whose own parent has gone: the tracer's subreaper gets it.
func TestDetachOfAnOrphan(t *testing.T) {
	both(t, func(w *world) {
		w.guest(func(l *LWP) {
			w.is("subreaper", l.p.SetSubreaper(true), netbsd.Errno(0))
			q := w.fork(l, "Q", func(l *LWP) {
				w.fork(l, "C", sleepForever)
				nap(l, 2*time.Second)
			})
			nap(l, time.Second)
			c := w.find("C")
			d := w.fork(l, "D", func(l *LWP) {
				w.is("attach", l.PtraceAttach(c.Pid()), netbsd.Errno(0))
				w.waitIs(l, c.Pid(), 0, c.Pid(), netbsd.StopStatus(netbsd.SIGSTOP), 0)
				nap(l, 2*time.Second)
				w.is("detach", l.PtraceResume(c.Pid(), ResumeArgs{Detach: true}), netbsd.Errno(0))
			})
			w.wait(l, q.Pid(), 0)
			w.wait(l, d.Pid(), 0)
			w.is("whose it is", c.Ppid(), l.p.Pid())
			c.Kill(netbsd.SIGKILL)
			w.waitIs(l, c.Pid(), 0, c.Pid(), netbsd.ExitStatus(0, netbsd.SIGKILL), 0)
		})
	})
}

// PTRACE_FORK (fork1): the child that the tracer gets is the tracee's again when it is let go.
func TestForkedTraceeComesBack(t *testing.T) {
	both(t, func(w *world) {
		if w.r2003 {
			return // PT_SET_EVENT_MASK is younger
		}
		w.guest(func(l *LWP) {
			pid := w.tracedWith(l, netbsd.PTRACE_FORK, func(l *LWP) {
				w.fork(l, "G", exit(4))
				sleepForever(l)
			})
			w.next(l, pid, 0)
			st, errno := l.PtraceState(pid)
			w.is("its child", errno, netbsd.Errno(0))
			w.wait(l, st.Other, 0)
			w.is("detach", l.PtraceResume(st.Other, ResumeArgs{Detach: true}), netbsd.Errno(0))
			w.is("whose it is", w.m.Find(st.Other).Ppid(), pid)
			l.PtraceKill(pid)
			w.waitIs(l, pid, 0, pid, netbsd.ExitStatus(0, netbsd.SIGKILL), 0)
		})
	})
}

// A machine that goes on has nobody doomed who is not to die (Resume), and a stop that had begun is complete when the last LWP stands for the pause.
func TestPauseOfAStoppingProcess(t *testing.T) {
	both(t, func(w *world) {
		s := &doomSpace{w: w}
		busy := make(chan bool)
		p, _ := w.m.Spawn(SpawnArgs{VM: s, Manual: true, Body: func(l *LWP) {
			l.NewLWP(0, func(l *LWP) {
				for {
					l.Sleep(true, noDeadline)
					l.Platform().UserRet(nil)
				}
			}, true, nil)
			<-busy
			for {
				l.Platform().UserRet(nil)
				l.Sleep(true, noDeadline)
			}
		}})
		settled()
		p.Kill(netbsd.SIGSTOP)
		settled()
		w.is("it has begun to stop", p.Stopped(), false)
		paused := make(chan error, 1)
		go func() { paused <- w.m.Pause(context.Background()) }()
		settled()
		close(busy)
		w.is("Pause", <-paused, nil)
		settled()
		w.is("it has stopped", p.Stopped(), true)
		w.m.Resume()
		settled()
		w.is("it is told nothing", s.told, []string(nil))
		p.Kill(netbsd.SIGKILL)
		settled()
	})
}
