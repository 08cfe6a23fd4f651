package kern

import (
	"testing"
	"time"

	"toaster/netbsd"
)

// fork1: each part that a process has is copied for its child, and each hook runs, be it the only one or not.
func TestEachPartOfAForkAlone(t *testing.T) {
	marks := func(w *world, what string) func() { return func() { w.mark("%s", what) } }
	for _, c := range []struct {
		name string
		give func(w *world, p *Proc, a *ForkArgs)
		want string
	}{
		{"memory", func(w *world, p *Proc, _ *ForkArgs) { p.vm = &forkVM{w: w, name: "vm"} }, "vm fork false"},
		{"files", func(w *world, p *Proc, _ *ForkArgs) { p.files = &forkFiles{w, "files"} }, "files fork false"},
		{"directories", func(w *world, p *Proc, _ *ForkArgs) { p.dirs = &forkDirs{w, "dirs"} }, "dirs fork false"},
		{"memory of its own", func(w *world, _ *Proc, a *ForkArgs) {
			a.VM = func(*LWP) (AddressSpace, netbsd.Errno) { marks(w, "made")(); return nil, 0 }
		}, "made"},
		{"preparation", func(w *world, _ *Proc, a *ForkArgs) {
			a.Prepare = func(*LWP) netbsd.Errno { marks(w, "prepared")(); return 0 }
		}, "prepared"},
		{"hooks", func(w *world, p *Proc, _ *ForkArgs) {
			p.m.cfg.ForkHooks = []func(c, p *Proc){func(*Proc, *Proc) { marks(w, "hook")() }}
		}, "hook"},
		{"emulation", func(w *world, p *Proc, _ *ForkArgs) {
			p.img = &Image{Emul: &Emul{ProcFork: func(*Proc, *Proc) { marks(w, "emulation")() }}}
		}, "emulation"},
	} {
		t.Run(c.name, func(t *testing.T) {
			both(t, func(w *world) {
				w.guest(func(l *LWP) {
					a := ForkArgs{Body: exit(0)}
					w.locked(func() { c.give(w, l.Proc(), &a) })
					w.wait(l, w.forkWith(l, "C", a).Pid(), 0)
				})
				w.order(c.want)
			})
		})
	}
	both(t, func(w *world) {
		w.guest(func(l *LWP) {
			w.locked(func() {
				l.p.m.cfg.ForkHooks = []func(c, p *Proc){func(*Proc, *Proc) { w.mark("hook") }}
			})
			c := w.forkWith(l, "C", ForkArgs{Body: exit(0), Prepare: func(*LWP) netbsd.Errno { w.mark("prepared"); return 0 },
				VM: func(*LWP) (AddressSpace, netbsd.Errno) { w.mark("made"); return nil, 0 }})
			w.wait(l, c.Pid(), 0)
		})
		w.order("made", "prepared", "hook")
	})
}

// fork(2): EINVAL without a function or with a signal that is none; what a hook says is the caller's, EPERM as any other, and there
// is no child then, nor anything of it left.
func TestForkThatFails(t *testing.T) {
	bothWith(t, func(_ *world, c *Config) { c.MaxLWPs = 8 }, func(w *world) {
		w.guest(func(l *LWP) {
			fail := func(what string, a ForkArgs, want netbsd.Errno) {
				w.Helper()
				c, errno := l.Fork(a)
				w.is(what, []any{c == nil, errno}, []any{true, want})
			}
			fail("no body", ForkArgs{}, netbsd.EINVAL)
			fail("no body, a signal", ForkArgs{ExitSignal: netbsd.SIGUSR1}, netbsd.EINVAL)
			fail("no signal", ForkArgs{Body: exit(0), ExitSignal: netbsd.NSIG}, netbsd.EINVAL)
			for _, errno := range []netbsd.Errno{netbsd.EPERM, netbsd.ENOMEM} {
				for range 20 { // more than there may be LWPs
					var cl *LWP
					fail("prepare", ForkArgs{Body: exit(0), Prepare: func(l *LWP) netbsd.Errno { cl = l; return errno }}, errno)
					w.is("it never was", []any{cl.Proc().State(), w.m.Find(cl.Proc().Pid()) == nil}, []any{StateFree, true})
					fail("memory", ForkArgs{Body: exit(0), VM: func(l *LWP) (AddressSpace, netbsd.Errno) { return nil, errno }}, errno)
					_, got := w.m.Spawn(SpawnArgs{Body: exit(0), Prepare: func(*LWP) netbsd.Errno { return errno }})
					w.is("spawn", got, errno)
					n, got := l.NewLWP(0, sleepForever, false, func(n *LWP) netbsd.Errno { cl = n; return errno })
					w.is("_lwp_create", []any{n == nil, got, cl.State()}, []any{true, errno, LWPFree})
				}
			}
			w.locked(func() { w.m.cfg.Trace = nil })
			check(t, w.m)
			w.wait(l, w.fork(l, "C", exit(0)).Pid(), 0)
			n, errno := l.NewLWP(0, func(*LWP) {}, false, func(*LWP) netbsd.Errno { return 0 })
			w.is("_lwp_create", []any{n != nil, errno}, []any{true, netbsd.Errno(0)})
			p, errno := w.m.Spawn(SpawnArgs{Body: exit(4), Prepare: func(*LWP) netbsd.Errno { return 0 }})
			w.is("spawn", []any{p.Wait(), errno}, []any{netbsd.ExitStatus(4, 0), netbsd.Errno(0)})
		})
	})
}

// A machine that is ended while a fork is under way gets no child by it.
func TestForkIntoTheEnd(t *testing.T) {
	both(t, func(w *world) {
		born := func(*LWP) { w.mark("born") }
		w.m.Spawn(SpawnArgs{Body: func(l *LWP) {
			l.Fork(ForkArgs{Body: born, Linked: func(*Proc) { w.mark("linked") }, Prepare: func(*LWP) netbsd.Errno { w.m.KillAll(); return 0 }})
		}})
		settled()
		_, errno := w.m.Spawn(SpawnArgs{Body: born})
		w.is("spawn", errno, netbsd.EAGAIN)
		w.never("born", "linked")
	})
	both(t, func(w *world) {
		_, errno := w.m.Spawn(SpawnArgs{Body: func(*LWP) { w.mark("born") }, Prepare: func(*LWP) netbsd.Errno { w.m.KillAll(); return 0 }})
		w.is("spawn", errno, netbsd.EAGAIN)
		settled()
		w.never("born")
	})
}

// What a child has of its parent, and a spawned process of nobody: mask, actions' flags, nice value, counters, time of birth, sequences,
// arguments (fork1, lwp_create, sigactsinit).
func TestWhatAChildHas(t *testing.T) {
	both(t, func(w *world) {
		mask := netbsd.SigsetOf(netbsd.SIGUSR1, netbsd.SIGKILL)
		w.spawnWith("P", SpawnArgs{Mask: mask, Body: func(l *LWP) {
			p := l.Proc()
			w.is("the mask of a spawned one", l.Sigmask(), netbsd.SIGUSR1.Bit())
			nap(l, 5*time.Second)
			l.Sigaction(netbsd.SIGCHLD, &Action{Flags: netbsd.SA_NOCLDWAIT | netbsd.SA_NOCLDSTOP})
			p.SetNice(21)
			p.SetArgs("arguments")
			p.RasControl(RAS{100, 10}, netbsd.RAS_INSTALL)
			p.SetSpecific("key", 1)
			p.SetSpecific("other", 2)
			w.locked(func() { p.ext.pmc = &fakePMC{n: 3} })
			c := w.fork(l, "C", func(l *LWP) {
				p := l.Proc()
				i, _ := p.Info()
				w.is("flags", i.Flags&(netbsd.P_NOCLDSTOP|netbsd.P_NOCLDWAIT), uint32(netbsd.P_NOCLDSTOP|netbsd.P_NOCLDWAIT))
				w.is("AFORK", i.Acct, uint16(netbsd.AFORK))
				w.fork(l, "G", exit(0))
				_, errno := l.Wait(netbsd.WaitAny, 0)
				w.is("no zombies", errno, netbsd.ECHILD)
				_, in := p.RASStart(105)
				w.is("the rest", []any{p.Nice(), p.Image().Args, in, p.Specific("key"), p.StartTime().Sub(w.start)}, []any{21, "arguments", true, nil, 5 * time.Second})
				l.Exec(ExecArgs{Comm: "x"})
				i, _ = p.Info()
				w.is("after an exec", []any{p.Image().Args, i.Acct, i.Flags & (netbsd.P_NOCLDSTOP | netbsd.P_NOCLDWAIT)}, []any{nil, uint16(0), under(w, 0, uint32(netbsd.P_NOCLDSTOP))})
				p.SetArgs("others")
				sleepForever(l)
			})
			nap(l, time.Second)
			w.is("the parent's", []any{p.Image().Args, p.Specific("key"), p.Specific("other"), c.Image().Args}, []any{"arguments", 1, 2, "others"})
			p.SetNice(1)
			d := w.fork(l, "D", sleepForever)
			w.is("nice", []any{d.Nice(), c.Nice()}, []any{1, 21})
		}}).Wait()
	})
}

// DefaultLimits are those of NetBSD/amd64 (limit_init of kern_resource.c; DFLDSIZ, MAXDSIZ, DFLSSIZ, MAXSSIZ of amd64's vmparam.h).
func TestDefaultLimits(t *testing.T) {
	const inf = netbsd.RLIM_INFINITY
	want := map[int]Rlimit{
		netbsd.RLIMIT_DATA: {256 << 20, 8 << 30}, netbsd.RLIMIT_STACK: {4 << 20, 128 << 20},
		netbsd.RLIMIT_NOFILE: {1024, 1 << 16}, netbsd.RLIMIT_NTHR: {1024, inf},
	}
	for i, got := range DefaultLimits() {
		w, ok := want[i]
		if !ok {
			w = Rlimit{inf, inf}
		}
		if got != w {
			t.Errorf("%d: %v, want %v", i, got, w)
		}
	}
}

// dosetrlimit: what is above RLIM_INFINITY, be it asked for or granted, is that; a limit of just what is used is none too few, and stacks
// have whole pages.
func TestRlimitAtItsEdges(t *testing.T) {
	both(t, func(w *world) {
		w.guest(func(l *LWP) {
			set := func(which int, cur, most, used, all uint64, want Rlimit, errno netbsd.Errno) {
				w.Helper()
				w.is("set", l.SetRlimitWithin(which, Rlimit{cur, most}, used, all), errno)
				r, _ := l.Proc().Rlimit(which)
				w.is("limit", r, want)
			}
			const inf, page = netbsd.RLIM_INFINITY, netbsd.PageSize
			set(netbsd.RLIMIT_DATA, 1<<64-1, 1<<64-1, 0, 1<<64-1, Rlimit{inf, inf}, 0)
			set(netbsd.RLIMIT_DATA, 5, 5, 5, inf, Rlimit{5, 5}, 0)
			set(netbsd.RLIMIT_DATA, 4, 5, 5, inf, Rlimit{5, 5}, netbsd.EINVAL)
			set(netbsd.RLIMIT_STACK, page, 9*page, 0, inf, Rlimit{page, 9 * page}, 0)
			set(netbsd.RLIMIT_STACK, page+1, 9*page, 0, inf, Rlimit{2 * page, 9 * page}, 0)
			set(netbsd.RLIMIT_STACK, 0, 9*page, 0, inf, Rlimit{0, 9 * page}, 0)
		})
	})
}

// RLIMIT_CPU is looked at while somebody has one: no process, nothing; one that is infinite, nothing; that of a machine's first process
// from the start (sched_pstats).
func TestWhoIsLookedAtForItsTime(t *testing.T) {
	both(t, func(w *world) {
		looks := func(want bool) {
			w.Helper()
			w.locked(func() { w.is("it is looked at", w.m.watchesCPU, want) })
		}
		looks(false)
		w.guest(func(l *LWP) {
			l.SetRlimit(netbsd.RLIMIT_CPU, Rlimit{netbsd.RLIM_INFINITY - 1, netbsd.RLIM_INFINITY})
			looks(true)
			l.SetRlimit(netbsd.RLIMIT_CPU, Rlimit{netbsd.RLIM_INFINITY, netbsd.RLIM_INFINITY})
			nap(l, 2*time.Second)
			looks(false)
			l.SetRlimit(netbsd.RLIMIT_CPU, Rlimit{5, netbsd.RLIM_INFINITY})
			looks(true)
		})
	})
	lim := *DefaultLimits()
	lim[netbsd.RLIMIT_CPU] = Rlimit{2, 2}
	bothWith(t, func(_ *world, c *Config) { c.Limits = &lim }, func(w *world) {
		p := w.spawn("P", burn)
		w.is("killed", p.Wait(), netbsd.ExitStatus(0, netbsd.SIGKILL))
	})
}

// setuid(2) and its like: credentials that are what they were change no identity (P_SUGID); acct(5): AFORK, ACORE and AXSIG, and mean
// memory.
func TestIdentityAndAccounting(t *testing.T) {
	bothWith(t, func(w *world, c *Config) {
		c.Core = func(l *LWP, sig netbsd.Signal, _ *netbsd.Siginfo) bool {
			if sig == netbsd.SIGSEGV {
				l.Proc().DumpsCore()
			}
			return true
		}
	}, func(w *world) {
		records := map[string]AcctRecord{}
		w.m.SetAcct(func(r AcctRecord) error { records[r.Comm] = r; return nil })
		w.spawnWith("P", SpawnArgs{Cred: UserCred(7, 7), Comm: "P", Body: func(l *LWP) {
			w.is("the same", []any{l.Setuid(7), l.Setgid(7), l.Seteuid(7), l.Proc().Issetugid()}, []any{netbsd.Errno(0), netbsd.Errno(0), netbsd.Errno(0), false})
			for name, body := range map[string]func(*LWP){
				"forked": exit(0),
				"core":   func(l *LWP) { l.Exec(ExecArgs{Comm: "core"}); l.Kill(l.p.Pid(), netbsd.SIGSEGV) },
				"none":   func(l *LWP) { l.Exec(ExecArgs{Comm: "none"}); l.Kill(l.p.Pid(), netbsd.SIGBUS) },
				"dumped": func(l *LWP) {
					l.Exec(ExecArgs{Comm: "dumped"})
					l.Proc().DumpsCore()
					w.wait(l, w.fork(l, "child", func(l *LWP) { l.Exec(ExecArgs{Comm: "child"}) }).Pid(), 0)
				},
				"killed": func(l *LWP) { l.Exec(ExecArgs{Comm: "killed"}); l.Kill(l.p.Pid(), netbsd.SIGKILL) },
				"memory": func(l *LWP) {
					l.Exec(ExecArgs{Comm: "memory"})
					l.p.AddUsage(&netbsd.Rusage{Utime: 20 * time.Millisecond, Stime: 10 * time.Millisecond, Ixrss: 30, Idrss: 60, Isrss: 90, Inblock: 3, Oublock: 4})
				},
			} {
				w.wait(l, w.fork(l, name, body).Pid(), 0)
			}
		}}).Wait()
		settled()
		flags := func(name string) uint8 { return records[name].Flag }
		w.is("flags", []uint8{flags("P"), flags("core"), flags("killed")}, []uint8{0, netbsd.ACORE | netbsd.AXSIG, netbsd.AXSIG})
		w.is("ACORE: once there is a file for it, whatever comes of that", []uint8{flags("none"), flags("dumped"), flags("child")}, []uint8{netbsd.AXSIG, netbsd.ACORE, 0})
		w.is("memory and blocks", []int64{records["memory"].Mem, records["memory"].IO}, []int64{60, 7})
	})
}
