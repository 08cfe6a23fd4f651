package kern

import (
	"context"
	"io"
	"testing"
	"time"

	"toaster/netbsd"
)

// execve(2): a set-id program gets its owner's and group's ids, saved ones too, unless it is
// traced; for another the saved ids follow the effective ones, and P_SUGID goes when all is even.
func TestExecIDs(t *testing.T) {
	id := func(n uint32) *uint32 { return &n }
	both(t, func(w *world) {
		for _, c := range []struct {
			name   string
			from   Cred
			uid    *uint32
			gid    *uint32
			traced bool
			want   Cred
			sugid  bool
		}{
			{"set-user-id", Cred{5, 5, 5, 6, 6, 6, nil}, id(0), nil, false, Cred{5, 0, 0, 6, 6, 6, nil}, true},
			{"set-group-id", Cred{5, 5, 5, 6, 6, 6, nil}, nil, id(0), false, Cred{5, 5, 5, 6, 0, 0, nil}, true},
			{"both", Cred{5, 5, 5, 6, 6, 6, nil}, id(8), id(9), false, Cred{5, 8, 8, 6, 9, 9, nil}, true},
			{"traced", Cred{5, 5, 5, 6, 6, 6, nil}, id(0), id(0), true, Cred{5, 5, 5, 6, 6, 6, nil}, false},
			{"plain", Cred{5, 5, 5, 6, 6, 6, nil}, nil, nil, false, Cred{5, 5, 5, 6, 6, 6, nil}, false},
			{"saved user", Cred{5, 5, 0, 6, 6, 6, nil}, nil, nil, false, Cred{5, 5, 5, 6, 6, 6, nil}, false},
			{"saved group", Cred{5, 5, 5, 6, 6, 0, nil}, nil, nil, false, Cred{5, 5, 5, 6, 6, 6, nil}, false},
			{"user is odd", Cred{5, 7, 5, 6, 6, 6, nil}, nil, nil, false, Cred{5, 7, 7, 6, 6, 6, nil}, true},
			{"group is odd", Cred{5, 5, 5, 6, 7, 6, nil}, nil, nil, false, Cred{5, 5, 5, 6, 7, 7, nil}, true},
			{"ids that it has", Cred{5, 5, 5, 6, 6, 6, nil}, id(5), id(6), false, Cred{5, 5, 5, 6, 6, 6, nil}, false},
			{"ids that it has, and they are odd", Cred{5, 7, 5, 6, 8, 6, nil}, id(7), id(8), false, Cred{5, 7, 7, 6, 8, 8, nil}, true},
			{"a user that it is, and another group", Cred{5, 5, 5, 6, 6, 6, nil}, id(5), id(0), false, Cred{5, 5, 5, 6, 0, 0, nil}, true},
		} {
			from := c.from
			p, _ := w.m.Spawn(SpawnArgs{Cred: &from, Body: func(l *LWP) {
				p := l.Proc()
				p.SetParentDeathSignal(netbsd.SIGUSR1)
				w.locked(func() {
					p.flags |= fSugid
					if c.traced {
						p.flags |= fTraced
					}
					p.execCred(&ExecArgs{SetUID: c.uid, SetGID: c.gid})
					p.flags &^= fTraced
				})
				w.is(c.name, []any{*p.Cred(), p.Issetugid(), p.ext.pdeathsig == 0}, []any{c.want, c.sugid, c.want.EUID != c.from.EUID || c.want.EGID != c.from.EGID})
				w.is("the old set is as it was", from, c.from)
			}})
			p.Wait()
		}
	})
}

// An exec closes what is marked, has the emulation told, drops sequences, timers and the signal
// stack; one that fails in Replace drops nothing.
func TestExecParts(t *testing.T) {
	both(t, func(w *world) {
		emul := &Emul{ProcExec: func(p *Proc) { w.mark("emulation") }}
		w.guest(func(l *LWP) {
			p := l.Proc()
			w.locked(func() { p.files = &forkFiles{w, "files"} })
			p.RasControl(RAS{100, 10}, netbsd.RAS_INSTALL)
			id, _ := p.TimerCreate(netbsd.CLOCK_REALTIME, &netbsd.Siginfo{})
			l.LWPSetName(0, "name")
			errno := l.Exec(ExecArgs{Comm: "x", Emul: emul, Replace: func() netbsd.Errno { return netbsd.ENOEXEC }})
			_, in := p.RASStart(105)
			name, _ := l.LWPGetName(0)
			w.is("failed", []any{errno, in, name, p.Comm()}, []any{netbsd.Errno(netbsd.ENOEXEC), true, "name", "guest"})
			w.never("files exec", "emulation")
			w.is("exec", l.Exec(ExecArgs{Comm: "a name that is longer than MAXCOMLEN", Path: "/x", Emul: emul}), netbsd.Errno(0))
			w.order("files exec", "emulation")
			_, in = p.RASStart(105)
			name, _ = l.LWPGetName(0)
			w.is("image", []any{p.Comm(), p.Image().Path, in, name, p.TimerDelete(id)},
				[]any{"a name that is longer than MAXCOMLEN"[:netbsd.MAXCOMLEN], "/x", false, "name", netbsd.Errno(netbsd.EINVAL)})
		})
	})
}

// posix_spawn(3): the attributes are set in the child before its program runs, and before its file actions (spawn_return). Whatever becomes of
// it, a child that there was is to be waited for.
func TestPosixSpawnAttributes(t *testing.T) {
	both(t, func(w *world) {
		p := w.spawnWith("P", SpawnArgs{Cred: &Cred{RUID: 5, EUID: 6, SUID: 6, RGID: 7, EGID: 8, SGID: 8}, Body: func(l *LWP) {
			for _, s := range []netbsd.Signal{netbsd.SIGUSR1, netbsd.SIGUSR2} {
				l.Sigaction(s, &Action{Handler: netbsd.SIG_IGN})
			}
			mask := netbsd.SIGHUP.Bit()
			spawn := func(a PosixSpawnArgs) netbsd.Errno {
				a.Fork.Body = exit(0)
				_, errno := l.PosixSpawn(a)
				w.is("its end", w.wait(l, netbsd.WaitAny, 0).Status.ExitCode(), map[bool]int{false: 127}[errno == 0])
				return errno
			}
			w.is("plain", spawn(PosixSpawnArgs{Exec: func(c *LWP) netbsd.Errno {
				w.is("as the parent", []any{*c.p.Cred(), c.Sigmask(), c.p.Pgid()}, []any{*l.p.Cred(), netbsd.Sigset(0), l.p.Pgid()})
				return 0
			}}), netbsd.Errno(0))
			w.is("all", spawn(PosixSpawnArgs{Setpgroup: true, ResetIDs: true, Sigmask: &mask, Sigdefault: netbsd.SigsetOf(netbsd.SIGUSR1, netbsd.SIGKILL),
				Actions: func(c *LWP) netbsd.Errno {
					w.is("file actions come behind them", []any{c.p.Cred().EUID, c.Sigmask(), c.p.Pgid()}, []any{uint32(5), mask, c.p.Pid()})
					return 0
				},
				Exec: func(c *LWP) netbsd.Errno {
					w.is("group, mask", []any{c.p.Pgid(), c.Sigmask()}, []any{c.p.Pid(), mask})
					w.is("ids", []uint32{c.p.Cred().EUID, c.p.Cred().EGID}, []uint32{5, 7})
					w.is("actions", []uint64{c.p.Action(netbsd.SIGUSR1).Handler, c.p.Action(netbsd.SIGUSR2).Handler}, []uint64{netbsd.SIG_DFL, netbsd.SIG_IGN})
					return 0
				}}), netbsd.Errno(0))
			fails := func(*LWP) netbsd.Errno { return netbsd.EBADF }
			w.is("no such group", spawn(PosixSpawnArgs{Setpgroup: true, Pgroup: 9999, Actions: fails}), netbsd.Errno(netbsd.EPERM))
			w.is("proc_enterpgrp: no group is negative", spawn(PosixSpawnArgs{Setpgroup: true, Pgroup: -1}), netbsd.Errno(netbsd.EPERM))
			w.is("file actions fail", spawn(PosixSpawnArgs{Actions: fails}), netbsd.Errno(netbsd.EBADF))
			w.is("nobody left", len(l.p.Children()), 0)
		}})
		p.Wait()
	})
}

// OnHalt's functions run once, when the processes are killed for good; at once if they have been.
func TestOnHalt(t *testing.T) {
	both(t, func(w *world) {
		w.m.OnHalt(func() { w.mark("first") })
		w.m.OnHalt(func() { w.mark("second") })
		settled()
		w.never("first", "second")
		w.m.KillAll()
		w.m.KillAll()
		w.order("first", "second")
		w.m.OnHalt(func() { w.mark("late") })
		w.order("late")
	})
}

// shutdown(8): SIGHUP and SIGCONT, and SIGKILL when the grace is over, or as soon as nobody is left;
// KillAll gives no more of it.
func TestCloseGrace(t *testing.T) {
	for name, c := range map[string]struct {
		body  func(w *world, l *LWP)
		after time.Duration
		kill  time.Duration
	}{
		"stubborn": {func(w *world, l *LWP) { l.Sigaction(netbsd.SIGHUP, &Action{Handler: netbsd.SIG_IGN}); sleepForever(l) }, 10 * time.Second, 0},
		"willing":  {func(w *world, l *LWP) { sleepForever(l) }, 0, 0},
		"slow": {func(w *world, l *LWP) {
			w.handle(l, netbsd.SIGHUP, func(l *LWP, _ *netbsd.Siginfo) { nap(l, 3*time.Second); l.Exit(0) })
			sleepForever(l)
		}, 3 * time.Second, 0},
		"stopped": {func(w *world, l *LWP) { l.Kill(l.p.Pid(), netbsd.SIGSTOP); sleepForever(l) }, 0, 0},
		"killed":  {func(w *world, l *LWP) { l.Sigaction(netbsd.SIGHUP, &Action{Handler: netbsd.SIG_IGN}); sleepForever(l) }, 5 * time.Second, 5 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			bothWith(t, func(w *world, cfg *Config) { cfg.Grace = 10 * time.Second }, func(w *world) {
				w.spawn("P", func(l *LWP) { c.body(w, l) })
				settled()
				if c.kill > 0 {
					go func() { time.Sleep(c.kill); w.m.KillAll() }()
				}
				start := w.since()
				w.is("close", w.m.Close(), error(nil))
				w.is("after", w.since()-start, c.after)
			})
		})
	}
}

// WaitIdle returns when the last daemon has ended, at the end of its context, and when the machine is
// closed meanwhile, as its documentation says.
func TestWaitIdle(t *testing.T) {
	both(t, func(w *world) {
		w.is("nobody", w.m.WaitIdle(context.Background()), error(nil))
		w.spawn("P", func(l *LWP) {
			w.fork(l, "D", func(l *LWP) { l.Setsid(); nap(l, 5*time.Second); l.Exit(0) })
			l.Exit(0)
		})
		short, cancel := context.WithTimeout(context.Background(), 3*time.Second)
		defer cancel()
		start := w.since()
		w.is("3 s", w.m.WaitIdle(short), error(context.DeadlineExceeded))
		w.is("until the daemon has ended", w.m.WaitIdle(context.Background()), error(nil))
		w.is("after", w.since()-start, 5*time.Second)
		w.spawn("Q", sleepForever)
		go func() { time.Sleep(time.Second); w.m.Close() }()
		w.is("closed", w.m.WaitIdle(context.Background()), error(nil))
	})
}

// gethostname(3), sethostname(3), kern.maxproc.
func TestMachineNames(t *testing.T) {
	bothWith(t, func(w *world, c *Config) { c.Hostname, c.MaxProc = "a", 77 }, func(w *world) {
		w.is("hostname", w.m.Hostname(), "a")
		w.m.SetHostname("b")
		w.is("hostname", []any{w.m.Hostname(), w.m.MaxProc()}, []any{"b", 77})
	})
}

// A reader of events waits for the next one; each has the time since boot; after the machine's end
// what is left is read, and then io.EOF; a context ends the wait.
func TestEventReaderWaits(t *testing.T) {
	bothWith(t, func(w *world, c *Config) { c.Events = 64 }, func(w *world) {
		r := w.m.Events()
		got := make(chan Event, 8)
		go func() {
			for {
				e, err := r.Next(context.Background())
				if err != nil {
					w.is("the end", err, io.EOF)
					close(got)
					return
				}
				got <- e
			}
		}()
		time.Sleep(3 * time.Second)
		p := w.spawn("P", func(l *LWP) { nap(l, 2*time.Second); l.Exit(4) })
		p.Wait()
		settled()
		at := map[EventKind]time.Duration{}
		for len(got) > 0 {
			e := <-got
			at[e.Kind] = e.Time
		}
		w.is("times", []time.Duration{at[EventFork], at[EventExit], at[EventReap]}, []time.Duration{3 * time.Second, 5 * time.Second, 5 * time.Second})
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		_, err := w.m.Events().Next(ctx)
		w.is("the context's end", err, context.DeadlineExceeded)
		w.m.Close()
		settled()
		if _, open := <-got; open {
			for range got {
			}
		}
	})
}

// SetSubreaper may be said twice, and taken back: then orphans go to init again.
func TestSubreaperOnAndOff(t *testing.T) {
	both(t, func(w *world) {
		w.guest(func(l *LWP) {
			orphan := func(want *Proc) {
				w.Helper()
				var o *Proc
				c := w.fork(l, "C", func(l *LWP) { o = w.fork(l, "O", sleepForever) })
				w.wait(l, c.Pid(), 0)
				w.is("parent", o.Parent(), want)
				o.Kill(netbsd.SIGKILL)
				if want == l.Proc() {
					w.wait(l, o.Pid(), 0)
				}
			}
			count := func(n int) {
				w.Helper()
				w.locked(func() { w.is("subreapers", w.m.nsubreapers, n) })
			}
			p := l.Proc()
			for _, on := range []bool{false, true, true, false, false, true} {
				w.is("set", p.SetSubreaper(on), netbsd.Errno(0))
				if on {
					count(1)
					orphan(p)
				} else {
					count(0)
					orphan(w.m.Init())
				}
			}
			c := w.fork(l, "C", func(l *LWP) {
				w.is("off after a fork", l.Proc().ReapStatus().Reaper, p.Pid())
				l.Proc().SetSubreaper(true)
				count(2)
			})
			w.wait(l, c.Pid(), 0)
			count(1)
			w.is("gone", c.SetSubreaper(true), netbsd.Errno(netbsd.ESRCH))
		})
	})
}

// KAUTH_PROCESS_STOPFLAG: the superuser, and who is the process's real and saved user.
func TestStopFlagRights(t *testing.T) {
	both(t, func(w *world) {
		if w.r2003 {
			return
		}
		of := map[string]*Cred{"own": UserCred(5, 5), "another's": UserCred(6, 6), "real": {RUID: 5, EUID: 5, SUID: 6}, "saved": {RUID: 6, EUID: 5, SUID: 5}}
		for name, cred := range of {
			p, _ := w.m.Spawn(SpawnArgs{Cred: cred, Body: sleepForever})
			want := netbsd.Errno(netbsd.EPERM)
			if name == "own" {
				want = 0
			}
			w.spawnWith("Q", SpawnArgs{Cred: UserCred(5, 5), Body: func(l *LWP) {
				w.is(name, l.SetStopOn(p.Pid(), netbsd.PROC_PID_STOPFORK, true), want)
				on, errno := l.StopsOn(p.Pid(), netbsd.PROC_PID_STOPFORK)
				w.is("looked at by anybody", []any{on, errno}, []any{want == 0, netbsd.Errno(0)})
			}}).Wait()
			w.spawnWith("root", SpawnArgs{Body: func(l *LWP) {
				w.is("root", l.SetStopOn(p.Pid(), netbsd.PROC_PID_STOPFORK, true), netbsd.Errno(0))
			}}).Wait()
		}
	})
}
