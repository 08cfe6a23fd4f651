package kern

import (
	"testing"
	"time"

	"toaster/netbsd"
)

// Items 90 to 96: proc_free.

func TestProcFree_90_TracedZombieGoesBackToItsParent(t *testing.T) {
	both(t, func(w *world) {
		var c *Proc
		ppids := map[int]bool{}
		p := w.spawn("P", func(l *LWP) {
			w.catch(l, "P", netbsd.SIGUSR1)
			c = w.forkWith(l, "C", ForkArgs{ExitSignal: netbsd.SIGUSR1, Body: func(l *LWP) {
				for {
					ppids[l.Proc().Ppid()] = true
					l.Nanosleep(time.Second)
				}
			}})
			l.Nanosleep(5 * time.Second)
			w.waitIs(l, c.Pid(), netbsd.WALLSIG|netbsd.WNOHANG, 0, 0, under(w, netbsd.ECHILD, 0)) // the debugger has it
			if w.r2003 {
				for w.when0("P.SIGUSR1") < 0 {
					l.Nanosleep(time.Second)
				}
			}
			w.waitIs(l, c.Pid(), netbsd.WALLSIG, c.Pid(), netbsd.ExitStatus(0, netbsd.SIGKILL), 0)
			w.mark("P reaps")
			sleepForever(l)
		})
		settled()
		d := w.spawn("D", func(l *LWP) {
			w.handle(l, netbsd.SIGCHLD, func(_ *LWP, si *netbsd.Siginfo) { w.mark("D.SIGCHLD %d", si.Code) })
			l.PtraceAttach(c.Pid())
			w.waitIs(l, c.Pid(), 0, c.Pid(), netbsd.StopStatus(netbsd.SIGSTOP), 0)
			c.setFSTrace(true) // it is cleared, too
			c.setFSTrace(false)
			w.is("resume", l.PtraceResume(c.Pid(), ResumeArgs{}), netbsd.Errno(0))
			l.Nanosleep(20 * time.Second)
			l.PtraceKill(c.Pid())
			w.waitIs(l, c.Pid(), 0, c.Pid(), netbsd.ExitStatus(0, netbsd.SIGKILL), 0)
			w.mark("D's wait")
			w.waitIs(l, c.Pid(), netbsd.WNOHANG, 0, 0, netbsd.ECHILD) // it is the parent's again
			sleepForever(l)
		})
		settledFor(time.Minute)
		w.is("getppid", ppids, under(w, map[int]bool{p.Pid(): true, d.Pid(): true}, map[int]bool{p.Pid(): true}))
		w.order("D.SIGCHLD 2")
		w.order("C.GiveBack", "C.Reap") // freed at the second wait only
		w.order("C.SignalParent", "C.GiveBack", "P.SIGUSR1", "P reaps")
		w.is("state", c.State(), StateFree)
	})
	t.Run("original parent gone", func(t *testing.T) {
		both(t, func(w *world) {
			var c *Proc
			w.spawn("P", func(l *LWP) {
				c = w.fork(l, "C", sleepForever)
				l.Nanosleep(5 * time.Second)
				l.Exit(0)
			})
			settled()
			w.spawn("D", func(l *LWP) {
				l.PtraceAttach(c.Pid())
				l.Nanosleep(10 * time.Second)
				l.PtraceKill(c.Pid())
				w.wait(l, c.Pid(), netbsd.WUNTRACED)
				for c.State() != StateZombie && c.State() != StateFree {
					l.Nanosleep(time.Second)
				}
				if c.Parent() == l.Proc() {
					w.wait(l, c.Pid(), 0)
				}
				l.Nanosleep(time.Second)
				w.is("init has reaped it", c.State(), StateFree)
			})
			settledFor(time.Minute)
			w.order("C.GiveBack", "C.Reap")
		})
	})
}

// when0 is when without a complaint.
func (w *world) when0(what string) time.Duration {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, k := range w.marks {
		if w.text(k) == what {
			return k.at
		}
	}
	return -1
}

func TestProcFree_91_SchedulersHookThenTheStatusIsZeroed(t *testing.T) {
	bothWith(t, func(w *world, c *Config) {
		c.SchedWait = func(parent, child *Proc) { // under the lock, as Trace
			w.mark("hook %s of %s: %#x", w.names[child.Pid()], w.names[parent.Pid()], int(child.xstat))
		}
		c.Trace = func(e StepEvent) {
			w.trace(e)
			if e.Step == StepAddRusage {
				w.mark("%s status %#x", w.names[e.Proc.Pid()], int(e.Proc.xstat))
			}
		}
	}, func(w *world) {
		p := w.guest(func(l *LWP) {
			c := w.fork(l, "C", exit(5))
			w.waitIs(l, c.Pid(), 0, c.Pid(), netbsd.ExitStatus(5, 0), 0)
			w.locked(func() { w.is("p_xstat", c.xstat, netbsd.WaitStatus(0)) })
		})
		w.order("C.Reap", "hook C of P: 0x500", "C.ClearStatus", "C.AddRusage", "C status 0x0")
		w.order("P.Reap", "hook P of init: 0x0")
		st, ok := p.Status()
		w.is("the embedder's copy", []any{st, ok}, []any{netbsd.WaitStatus(0), true})
	})
}

func TestProcFree_92_ChildrensUsageGrowsAtTheReap(t *testing.T) {
	both(t, func(w *world) {
		w.guest(func(l *LWP) {
			children := func(l *LWP) time.Duration {
				u, errno := l.Proc().Rusage(netbsd.RUSAGE_CHILDREN)
				w.is("getrusage", errno, netbsd.Errno(0))
				return u.Utime
			}
			c := w.fork(l, "C", func(l *LWP) {
				g := w.fork(l, "G", func(l *LWP) { l.Proc().AddUsage(&netbsd.Rusage{Utime: 3 * time.Second}) })
				l.Nanosleep(time.Second)
				w.is("zombie's", children(l), time.Duration(0))
				w.wait(l, g.Pid(), 0)
				w.is("reaped", children(l), 3*time.Second)
				w.fork(l, "never waited for", func(l *LWP) { l.Proc().AddUsage(&netbsd.Rusage{Utime: time.Hour}) })
				l.Nanosleep(time.Second)
				l.Proc().AddUsage(&netbsd.Rusage{Utime: time.Second})
			})
			l.Nanosleep(5 * time.Second)
			w.is("before the wait", children(l), time.Duration(0))
			_, errno := l.Wait4(c.Pid(), 0, nil)
			w.is("wait", errno, netbsd.Errno(0))
			w.is("grandchildren that were waited for, too", children(l), 4*time.Second)
			// A child that NOCLDWAIT gave to init is never counted.
			l.Sigaction(netbsd.SIGCHLD, &Action{Flags: netbsd.SA_NOCLDWAIT})
			d := w.fork(l, "D", func(l *LWP) { l.Proc().AddUsage(&netbsd.Rusage{Utime: time.Hour}) })
			w.waitIs(l, d.Pid(), 0, 0, 0, netbsd.ECHILD)
			w.is("after NOCLDWAIT", children(l), 4*time.Second)
		})
	})
}

func TestProcFree_93_LeavesEverything(t *testing.T) {
	both(t, func(w *world) {
		w.guest(func(l *LWP) {
			c := w.fork(l, "C", func(l *LWP) { l.Setpgid(0, 0); l.Exit(0) })
			l.Nanosleep(time.Second)
			w.marks = nil
			g := c.Pgrp()
			w.is("before", []any{c.State(), g.Members(), w.m.NumProcs()}, []any{StateZombie, []int{c.Pid()}, 3})
			w.wait(l, c.Pid(), 0)
			w.is("state", c.State(), StateFree)
			w.is("steps", w.steps(c), under(w, reapSteps, reapSteps10))
			w.locked(func() {
				w.is("rusage, group, lists, LWPs", []bool{c.ru == nil, c.pgrp == nil, c.parent == nil, c.lwps == nil, w.m.zombies.head == nil}, []bool{true, true, true, true, true})
			})
			w.is("nowhere", []any{w.m.Find(c.Pid()) == nil, w.m.FindPgrp(c.Pid()) == nil, w.m.NumProcs(), len(l.Proc().Children()), len(g.Members())},
				[]any{true, true, 2, 0, 0})
		})
	})
}

func TestProcFree_94_ZombiesCountAgainstTheRealUsersLimit(t *testing.T) {
	both(t, func(w *world) {
		p := w.spawnWith("P", SpawnArgs{Cred: UserCred(50, 50), Limits: func() *Limits {
			l := DefaultLimits()
			l[netbsd.RLIMIT_NPROC] = Rlimit{3, 3}
			return l
		}(), Body: func(l *LWP) {
			a := w.fork(l, "A", exit(0))
			b := w.fork(l, "B", exit(0))
			l.Nanosleep(time.Second)
			w.is("zombies", []any{a.State(), b.State(), w.m.ProcCount(50)}, []any{StateZombie, StateZombie, 3})
			_, errno := l.Fork(ForkArgs{Body: exit(0)})
			w.is("at the limit", errno, netbsd.EAGAIN)
			w.wait(l, a.Pid(), 0)
			w.is("count", w.m.ProcCount(50), 2)
			c := w.fork(l, "C", exit(0))
			w.wait(l, c.Pid(), 0)
			w.wait(l, b.Pid(), 0)
			w.is("all reaped", w.m.ProcCount(50), 1)
		}})
		p.Wait()
		settled()
		w.is("none", w.m.ProcCount(50), 0)
		// It is the real user who counts, and who is counted at the end is who it was then.
		w.guest(func(l *LWP) {
			c := w.fork(l, "R", func(l *LWP) {
				l.Setreuid(60, 0) // real 60, effective root
				l.Seteuid(70)
				l.Exit(0)
			})
			l.Nanosleep(time.Second)
			w.is("counts", []int{w.m.ProcCount(60), w.m.ProcCount(70), w.m.ProcCount(0)}, []int{1, 0, 2})
			w.wait(l, c.Pid(), 0)
			w.is("counts", []int{w.m.ProcCount(60), w.m.ProcCount(70), w.m.ProcCount(0)}, []int{0, 0, 2})
		})
	})
}

func TestProcFree_95_CredentialsTextThenActivations(t *testing.T) {
	both(t, func(w *world) {
		holds := 0
		text := &fakeRef{hold: func() { holds++ }, release: func() { w.mark("text released"); holds-- }}
		cred := UserCred(9, 9)
		p := w.spawnWith("P", SpawnArgs{Cred: cred, Image: &Image{Comm: "x", Emul: EmulNetBSD, Text: text}, Body: func(l *LWP) {
			w.is("held by spawn", holds, 1)
			c := w.fork(l, "C", func(l *LWP) {
				l.saEnable()
				l.Exit(0)
			})
			w.is("shared by fork", []any{holds, c.Cred() == cred}, []any{2, true})
			l.Nanosleep(time.Second)
			w.is("the zombie holds it", []any{holds, c.State()}, []any{2, StateZombie})
			w.locked(func() { w.is("SA state", c.ext != nil && c.ext.sa != nil, w.r2003) })
			w.wait(l, c.Pid(), 0)
			w.is("released at the reap", holds, 1)
			w.locked(func() { w.is("SA state", c.ext != nil && c.ext.sa != nil, false) })
			w.is("ours are untouched", l.Proc().Cred() == cred, true)
			errno := l.Exec(ExecArgs{Comm: "y"})
			w.is("an exec releases it, too", []any{errno, holds}, []any{netbsd.Errno(0), 0})
		}})
		p.Wait()
		settled()
		w.is("once each", holds, 0)
		w.order("C.UncountUser", "C.FreeCred", "C.ReleaseText", "C.FreeSA", "C.FreePid")
	})
}

func TestProcFree_96_PidComesLastAndWaitsForItsGroup(t *testing.T) {
	if testing.Short() {
		t.Skip("makes all pids twice")
	}
	both(t, func(w *world) {
		w.guest(func(l *LWP) {
			var member *Proc
			c := w.fork(l, "C", func(l *LWP) {
				l.Setpgid(0, 0)
				member = w.fork(l, "M", sleepForever)
				l.Exit(0)
			})
			d := w.fork(l, "D", func(l *LWP) { l.Setsid(); w.fork(l, "S", func(l *LWP) { l.Setpgid(0, 0); sleepForever(l) }); l.Exit(0) })
			w.wait(l, c.Pid(), 0)
			w.wait(l, d.Pid(), 0)
			w.is("the pid is free, its group lives", []any{w.m.Find(c.Pid()) == nil, w.m.FindPgrp(c.Pid()).Members()}, []any{true, []int{member.Pid()}})
			w.is("so does D's session", w.m.Find(d.Pid()) == nil, true)
			w.locked(func() { w.m.cfg.Trace = nil })
			cycle := func(until int) bool {
				for range 40000 {
					q, errno := l.Fork(ForkArgs{Body: func(*LWP) {}})
					if errno != 0 {
						w.Errorf("fork: %v", errno)
						return false
					}
					l.Wait4(q.Pid(), 0, nil)
					if q.Pid() == until {
						return true
					}
					if q.Pid() == c.Pid() || q.Pid() == d.Pid() {
						w.Errorf("pid %d was used again", q.Pid())
					}
				}
				return false
			}
			cycle(0)
			member.Kill(netbsd.SIGKILL)
			for w.m.FindPgrp(c.Pid()) != nil {
				l.Nanosleep(time.Millisecond)
			}
			w.is("without the group it comes again", cycle(c.Pid()), true)
		})
	})
}
