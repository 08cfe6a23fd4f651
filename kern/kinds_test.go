package kern

import (
	"sync"
	"testing"
	"time"

	"toaster/netbsd"
)

// getpgid(2), getsid(2): of the caller by 0 or by its pid, of others, ESRCH for nobody.
func TestGetpgidGetsid(t *testing.T) {
	both(t, func(w *world) {
		w.guest(func(l *LWP) {
			p := l.Proc()
			c := w.fork(l, "C", func(l *LWP) { l.Setsid(); sleepForever(l) })
			nap(l, time.Second)
			for pid, want := range map[int]int{0: p.Pgid(), p.Pid(): p.Pgid(), c.Pid(): c.Pid(), 9999: 0, -1: 0} {
				errno := netbsd.Errno(0)
				if want == 0 {
					errno = netbsd.ESRCH
				}
				g, e1 := l.Getpgid(pid)
				w.is("getpgid", []any{g, e1}, []any{want, errno})
				if pid == 0 || pid == p.Pid() {
					want = p.Sid()
				}
				s, e2 := l.Getsid(pid)
				w.is("getsid", []any{s, e2}, []any{want, errno})
			}
		})
	})
}

// An id of the table of processes does not come back as long as there are others, and the next use
// of its place has another one (kern_proc.c).
func TestPidsDoNotComeBackSoon(t *testing.T) {
	var table pidTable
	table.reset()
	seen := make(map[int32]bool)
	p := new(Proc)
	for range 3 * pidTableStart {
		id := table.alloc(p)
		if seen[id] {
			t.Fatalf("%d came back after %d others", id, len(seen))
		}
		seen[id] = true
		table.free(id)
	}
	for range 4 * pidMax {
		id := table.alloc(p)
		if id <= 0 || id > pidMax {
			t.Fatalf("id %d", id)
		}
		table.free(id)
	}
}

// clone(2) with CLONE_SIGHAND: what either changes the other has, also where the actions had been
// changed and shared before.
func TestSharedSigacts(t *testing.T) {
	both(t, func(w *world) {
		w.guest(func(l *LWP) {
			ign := &Action{Handler: netbsd.SIG_IGN}
			l.Sigaction(netbsd.SIGUSR1, ign)
			w.fork(l, "copy", sleepForever) // shares until somebody changes something
			c := w.forkWith(l, "C", ForkArgs{ShareSigacts: true, Body: func(l *LWP) {
				l.Sigaction(netbsd.SIGUSR2, ign)
				d := w.fork(l, "D", sleepForever) // asked for no part in it
				l.Sigaction(netbsd.SIGHUP, ign)
				w.is("a copy", d.Action(netbsd.SIGHUP).Handler, uint64(netbsd.SIG_DFL))
				w.is("a copy", d.Action(netbsd.SIGUSR2).Handler, uint64(netbsd.SIG_IGN))
				sleepForever(l)
			}})
			nap(l, time.Second)
			w.is("the child's", l.p.Action(netbsd.SIGUSR2).Handler, uint64(netbsd.SIG_IGN))
			l.Sigaction(netbsd.SIGTERM, ign)
			w.is("the parent's", c.Action(netbsd.SIGTERM).Handler, uint64(netbsd.SIG_IGN))
			w.is("not the copy's", w.find("copy").Action(netbsd.SIGTERM).Handler, uint64(netbsd.SIG_DFL))
			l.Exec(ExecArgs{Comm: "x"})
			l.Sigaction(netbsd.SIGINT, ign)
			w.is("parted by the exec", c.Action(netbsd.SIGINT).Handler, uint64(netbsd.SIG_DFL))
		})
	})
}

// _lwp_create(2): EINVAL without a function or with unknown flags; EAGAIN beyond RLIMIT_NTHR,
// which does not bind the superuser, and does not count a process's first LWP (lwp_create). An LWP whose preparation
// fails is none.
func TestNewLWPRules(t *testing.T) {
	both(t, func(w *world) {
		w.guest(func(l *LWP) {
			try := func(what string, want netbsd.Errno, flags int, body func(*LWP), prepare func(*LWP) netbsd.Errno) {
				w.Helper()
				n := l.p.NumLWPs()
				lwp, errno := l.NewLWP(flags, body, false, prepare)
				w.is(what, []any{errno, lwp == nil}, []any{want, want != 0})
				if want != 0 {
					w.is("as many as before", l.p.NumLWPs(), n)
				}
			}
			try("no body", netbsd.EINVAL, 0, nil, nil)
			try("flags", netbsd.EINVAL, 1<<20, sleepForever, nil)
			try("prepare", netbsd.ENOMEM, 0, sleepForever, func(*LWP) netbsd.Errno { return netbsd.ENOMEM })
			l.SetRlimit(netbsd.RLIMIT_NTHR, Rlimit{1, 9})
			try("one", 0, 0, sleepForever, nil)
			try("two, of root", 0, 0, sleepForever, nil)
			l.Setuid(7)
			try("three", netbsd.EAGAIN, 0, sleepForever, nil)
			l.SetRlimit(netbsd.RLIMIT_NTHR, Rlimit{3, 9})
			try("fails", netbsd.ENOMEM, 0, sleepForever, func(*LWP) netbsd.Errno { return netbsd.ENOMEM })
			try("three of three", 0, 0, sleepForever, nil)
			try("four", netbsd.EAGAIN, 0, sleepForever, nil)
		})
	})
}

// chglwpcnt (kern_uidinfo.c): RLIMIT_NTHR is for all LWPs of the real user, in whatever processes, also for those that are being made
// at the same time; they go along with setuid(2), and one that is freed makes room.
func TestLWPsOfAUser(t *testing.T) {
	both(t, func(w *world) {
		w.guest(func(l *LWP) {
			l.SetRlimit(netbsd.RLIMIT_NTHR, Rlimit{3, 9})
			other := w.fork(l, "other", func(l *LWP) {
				l.NewLWP(0, sleepForever, false, nil)
				l.Setuid(7)
				sleepForever(l)
			})
			nap(l, time.Second)
			w.locked(func() { w.is("counted", w.m.ulwps, map[uint32]int{7: 1}) })
			c := w.fork(l, "C", func(l *LWP) {
				l.Setuid(7)
				slow := func(*LWP) netbsd.Errno { time.Sleep(time.Second); return 0 }
				l.NewLWP(netbsd.LWP_DETACHED, func(o *LWP) {
					nap(o, time.Second/2)
					_, errno := o.NewLWP(0, sleepForever, false, slow)
					w.is("meanwhile", errno, netbsd.Errno(netbsd.EAGAIN))
				}, false, nil)
				_, errno := l.NewLWP(0, sleepForever, false, slow)
				w.is("the third", errno, netbsd.Errno(0))
				_, errno = l.NewLWP(0, sleepForever, false, nil)
				w.is("one has ended", errno, netbsd.Errno(0))
				w.mark("all")
				sleepForever(l)
			})
			nap(l, 3*time.Second)
			for _, p := range []*Proc{other, c} {
				p.Kill(netbsd.SIGKILL)
				w.wait(l, p.Pid(), 0)
			}
			w.locked(func() { w.is("counted", w.m.ulwps, map[uint32]int{}) })
		})
		w.order("all")
	})
}

// _lwp_suspend(2) of a sleeper: it stands, and sleeps on when it is continued. tsleep(9): a sleep
// that is not interruptible is ended by no signal, whatever the sleep before it was.
func TestSuspendedSleeper(t *testing.T) {
	both(t, func(w *world) {
		w.guest(func(l *LWP) {
			n, _ := l.NewLWP(0, func(l *LWP) {
				left, errno := l.Nanosleep(10 * time.Second)
				w.is("nanosleep", []any{left, errno, w.since()}, []any{time.Duration(0), netbsd.Errno(0), 10 * time.Second})
				w.handle(l, netbsd.SIGUSR1, func(*LWP, *netbsd.Siginfo) { w.mark("handler") })
				w.is("uninterruptible", []any{l.Sleep(false, w.start.Add(20*time.Second)), w.since()}, []any{netbsd.Errno(netbsd.EWOULDBLOCK), 20 * time.Second})
				w.is("interruptible", []any{l.Sleep(true, w.start.Add(30*time.Second)), w.since()}, []any{netbsd.Errno(netbsd.ERESTART), 25 * time.Second})
			}, false, nil)
			nap(l, time.Second)
			w.is("suspend", []any{l.LWPSuspend(n.ID()), n.State(), w.since()}, []any{netbsd.Errno(0), LWPSuspended, time.Second})
			nap(l, time.Second)
			w.is("continue", l.LWPContinue(n.ID()), netbsd.Errno(0))
			nap(l, 13*time.Second)
			w.is("15 s", l.LWPKill(n.ID(), netbsd.SIGUSR1), netbsd.Errno(0))
			w.is("not woken", n.State(), LWPSleeping)
			nap(l, 10*time.Second)
			l.LWPKill(n.ID(), netbsd.SIGUSR1)
			settledLWP(l, n)
		})
		w.order("handler", "handler")
	})
}

// An exec of a process with one LWP takes no step of exit_lwps.
func TestExecOfOneLWP(t *testing.T) {
	both(t, func(w *world) {
		w.guest(func(l *LWP) {
			l.Exec(ExecArgs{Comm: "x"})
			w.never("P.ExitLWPs", "P.SetUserret")
			l.NewLWP(0, sleepForever, false, nil)
			l.Exec(ExecArgs{Comm: "y"})
			w.order("P.ExitLWPs", "P.SetUserret")
			w.is("alone", l.p.NumLWPs(), 1)
		})
	})
}

// PT_ATTACH of a stopped process that has been waited for: the stop is news to its tracer, whoever
// of whose LWPs waits.
func TestAttachToAStoppedProcessIsReported(t *testing.T) {
	both(t, func(w *world) {
		w.guest(func(l *LWP) {
			c := w.fork(l, "C", sleepForever)
			l.Kill(c.Pid(), netbsd.SIGSTOP)
			w.waitIs(l, c.Pid(), netbsd.WUNTRACED, c.Pid(), netbsd.StopStatus(netbsd.SIGSTOP), 0)
			d := w.fork(l, "D", func(l *LWP) {
				w.fork(l, "other", sleepForever)
				n, _ := l.NewLWP(0, func(l *LWP) {
					w.waitIs(l, netbsd.WaitAny, 0, c.Pid(), netbsd.StopStatus(netbsd.SIGSTOP), 0)
					w.mark("reported")
				}, false, nil)
				nap(l, time.Second)
				w.is("attach", l.PtraceAttach(c.Pid()), netbsd.Errno(0))
				settledLWP(l, n)
				w.is("detach", l.PtraceResume(c.Pid(), ResumeArgs{Detach: true, Signal: netbsd.SIGTSTP}), netbsd.Errno(0))
			})
			w.wait(l, d.Pid(), 0)
			// The stop that the detach asked for is the parent's to see.
			w.waitIs(l, c.Pid(), netbsd.WUNTRACED|netbsd.WNOHANG, c.Pid(), netbsd.StopStatus(netbsd.SIGTSTP), 0)
		})
		w.order("reported")
	})
}

// acct(2): a member of a session with a terminal has it in its record, one without has not.
func TestAcctTerminal(t *testing.T) {
	both(t, func(w *world) {
		var mu sync.Mutex // each process writes its own record
		got := map[int]*TTY{}
		w.m.SetAcct(func(r AcctRecord) error {
			mu.Lock()
			defer mu.Unlock()
			got[r.Pid] = r.TTY
			return nil
		})
		var with, without, daemon *Proc
		_, tty := w.leader("L", &fakeDev{}, func(l *LWP, t *TTY) {
			with = w.fork(l, "with", exit(0))
			without = w.fork(l, "without", func(l *LWP) { l.DropTTY() })
			daemon = w.fork(l, "daemon", func(l *LWP) { l.Setsid() })
			for range 3 {
				w.wait(l, netbsd.WaitAny, 0)
			}
			sleepForever(l)
		})
		settled()
		mu.Lock()
		defer mu.Unlock()
		w.is("terminals", []*TTY{got[with.Pid()], got[without.Pid()], got[daemon.Pid()]}, []*TTY{tty, nil, nil})
	})
}
