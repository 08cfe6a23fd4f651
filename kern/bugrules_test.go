package kern

import (
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"toaster/netbsd"
)

// doer says what is done for its LWP.
type doer string

func (d doer) Doing() string { return string(d) }

// A hook that panics is a failure of the call that made it, kills the process, and says for whom and at what; a process whose close of files panics
// ends as it would have.
func TestBugInAHookFailsTheCall(t *testing.T) {
	for name, call := range map[string]func(l *LWP) netbsd.Errno{
		"fork": func(l *LWP) netbsd.Errno { setFiles(l); _, errno := l.Fork(ForkArgs{Body: exit(0)}); return errno },
		"exec": func(l *LWP) netbsd.Errno {
			return l.Exec(ExecArgs{Comm: "new", Replace: func() netbsd.Errno { panic("boom") }})
		},
		"_lwp_create": func(l *LWP) netbsd.Errno {
			_, errno := l.NewLWP(0, sleepForever, false, func(*LWP) netbsd.Errno { panic("boom") })
			return errno
		},
	} {
		var found bugs
		bothWith(t, func(_ *world, c *Config) { c.Bug = found.add }, func(w *world) {
			w.guest(func(l *LWP) {
				c := w.forkWith(l, "C", ForkArgs{Manual: true, Body: func(l *LWP) {
					l.Platform().SetMachdep(doer("a call"))
					errno := call(l)
					w.is(name, []any{errno != 0, l.Proc().Comm(), l.Proc().NumLWPs(), len(l.Proc().Children())}, []any{true, "guest", 1, 0})
					w.locked(func() { l.p.files = nil })
					l.Platform().UserRet(nil)
					w.mark("alive")
				}})
				w.waitIs(l, c.Pid(), 0, c.Pid(), netbsd.ExitStatus(0, netbsd.SIGKILL), 0)
				b := found.all()[len(found.all())-1]
				w.is("found", []any{b.Pid, b.LID, b.Doing}, []any{c.Pid(), under(w, 1, c.Pid()), "a call"})
				d := w.fork(l, "D", func(l *LWP) { setFiles(l); l.Exit(5) })
				w.waitIs(l, d.Pid(), 0, d.Pid(), netbsd.ExitStatus(5, 0), 0)
				w.is("of its end", found.all()[len(found.all())-1].Pid, d.Pid())
			})
			w.is("returned", []bool{w.m.Contain("a test ran", func() {}), w.m.Contain("a test ran", func() { panic("boom") })}, []bool{true, false})
			w.never("alive")
		})
	}
}

// All bugs are told of while the machine goes on, and no more than a few of one that has broken down. The lock counts as free when the goroutine
// that holds it unlocks it in time.
func TestHowManyBugsAreTold(t *testing.T) {
	var found bugs
	bothWith(t, func(_ *world, c *Config) { c.Bug = found.add }, func(w *world) {
		before := len(found.all())
		boom := func(n int) {
			for range n {
				w.m.Contain("a test ran", func() { panic("boom") })
			}
		}
		boom(mostBugs + 5)
		w.is("told", len(found.all())-before, mostBugs+5)
		held := make(chan struct{})
		go func() {
			w.m.lock()
			close(held)
			time.Sleep(lockPatience / 2)
			w.m.unlock()
		}()
		<-held
		boom(1)
		w.is("it goes on", found.all()[len(found.all())-1].Ends, "")
		time.Sleep(lockPatience)
	})
	for range 2 {
		synctest.Test(t, func(t *testing.T) {
			var found bugs
			m := New(Config{Bug: found.add})
			m.Spawn(SpawnArgs{Body: func(l *LWP) {
				l.p.m.lock()
				l.p.m.nzombies++
				l.p.m.unlock()
				panic("boom")
			}})
			synctest.Wait()
			for range 3 * mostBugs {
				m.Contain("a test ran", func() { panic("boom") })
			}
			if n := len(found.all()); n != mostBugs {
				t.Errorf("%d of a machine that broke down", n)
			}
			if err := m.Close(); !errors.Is(err, ErrBug) {
				t.Error(err)
			}
		})
	}
}

// A machine that breaks down kills its processes. Close does not wait for a process that does not end, and releases what the machine holds,
// each thing once, whichever hook panics.
func TestBreakdownKillsAndLetsGo(t *testing.T) {
	for _, r := range releases {
		synctest.Test(t, func(t *testing.T) {
			var found bugs
			m := New(Config{Release: r, Bug: found.add})
			never := make(chan struct{})
			w := &world{T: t, m: m, names: map[int]string{}}
			sleeper, _ := m.Spawn(SpawnArgs{Body: sleepForever})
			m.Spawn(SpawnArgs{Files: &forkFiles{w, "files"}, Dirs: &forkDirs{w, "dirs"}, VM: &forkVM{w: w, name: "vm"}, Body: func(*LWP) { <-never }})
			m.Spawn(SpawnArgs{Files: boomFiles{}, Body: func(*LWP) { <-never }})
			m.Spawn(SpawnArgs{Dirs: &forkDirs{w, "last"}, Body: func(*LWP) { <-never }})
			synctest.Wait()
			m.Spawn(SpawnArgs{Body: func(l *LWP) {
				l.p.m.lock()
				l.p.m.nzombies++
				l.p.m.unlock()
				panic("boom")
			}})
			synctest.Wait()
			if st, ok := sleeper.Status(); !ok || st != netbsd.ExitStatus(0, netbsd.SIGKILL) {
				t.Errorf("the sleeper: %#x, ended %t", int(st), ok)
			}
			begin := time.Now()
			if err := m.Close(); !errors.Is(err, ErrBug) {
				t.Error(err)
			}
			if d := time.Since(begin); d > 3*breakGrace {
				t.Errorf("Close took %v", d)
			}
			m.releaseAll() // nothing is left
			got := w.all()
			slices.Sort(got)
			if want := []string{"dirs close", "files close", "last close", "vm exit"}; !slices.Equal(got, want) {
				t.Errorf("let go of %v, want %v", got, want)
			}
			close(never)
		})
	}
}

// A process that panics in its end, with the kernel's lock, cannot end: that is why the machine breaks down. Its goroutine counts as ended, so that
// Close does not wait for it, and others may end the same way.
func TestProcessesThatCannotEnd(t *testing.T) {
	defer func(d, g time.Duration) { lockPatience, breakGrace = d, g }(lockPatience, breakGrace)
	lockPatience, breakGrace = 50*time.Millisecond, time.Hour
	for _, r := range releases {
		var found bugs
		m := New(Config{Release: r, Bug: found.add, Trace: func(e StepEvent) {
			if e.Step == StepCloseFiles {
				panic("boom")
			}
		}})
		for range 2 {
			m.Spawn(SpawnArgs{Body: sleepForever})
		}
		m.Spawn(SpawnArgs{Body: exit(0)})
		closed := make(chan error)
		<-m.Halted()
		go func() { closed <- m.Close() }()
		select {
		case err := <-closed:
			if !errors.Is(err, ErrBug) {
				t.Error(err)
			}
		case <-time.After(time.Minute):
			t.Fatal("Close waits")
		}
		if b := found.all(); b[0].Ends != "a process cannot end" {
			t.Errorf("found %v", b[0])
		}
	}
}

// coredump of kern_core.c suspends the other LWPs first (LW_WCORE): those that run are waited for, one after the other, but not for long; those that sleep
// stand already. The dump itself may sleep, and once it is done the process is to die like any other.
func TestCoreDumpWaitsForWhoRuns(t *testing.T) {
	for _, c := range []struct {
		name  string
		run   []time.Duration // how long the others stay in user mode
		at    time.Duration   // when the dump begins
		still []bool          // newest first, who dumps last
	}{
		{"alone", nil, 0, []bool{false}},
		{"sleepers", []time.Duration{0, 0}, 0, []bool{true, true, false}},
		{"two that come by", []time.Duration{50 * time.Millisecond, 100 * time.Millisecond}, 100 * time.Millisecond, []bool{true, true, false}},
		{"one that does not", []time.Duration{time.Hour, 0}, dumpPatience, []bool{true, false, false}},
	} {
		t.Run(c.name, func(t *testing.T) {
			bothWith(t, func(w *world, conf *Config) {
				conf.Core = func(l *LWP, _ netbsd.Signal, _ *netbsd.Siginfo) bool {
					var still []bool
					for _, o := range l.Proc().LWPs() {
						still = append(still, o.Still())
					}
					w.is("begins", []any{w.since(), still}, []any{time.Second + c.at, c.still})
					w.is("the dump sleeps", l.Sleep(true, time.Now().Add(time.Second)), netbsd.EWOULDBLOCK)
					return true
				}
			}, func(w *world) {
				s := &doomSpace{w: w}
				p := w.spawnWith("P", SpawnArgs{VM: s, Manual: true, Body: func(l *LWP) {
					for _, d := range c.run {
						l.NewLWP(0, func(l *LWP) {
							if d > 0 {
								time.Sleep(time.Second + d)
							}
							sleepForever(l)
						}, false, nil)
					}
					w.give(l.Proc(), func() { w.is("dying", l.Proc().Dying(s), true) }, nil, nil)
					time.Sleep(time.Second)
					l.LWPKill(l.ID(), netbsd.SIGSEGV)
					l.Platform().UserRet(nil)
				}})
				if c.name == "one that does not" {
					time.Sleep(time.Minute)
					return
				}
				w.is("status", p.Wait(), netbsd.ExitStatus(0, netbsd.SIGSEGV)|netbsd.CoreFlag)
			})
		})
	}
	both(t, func(w *world) {
		w.guest(func(l *LWP) {
			is := func(what string, n *LWP, want bool) {
				w.Helper()
				w.is(what, n.Still(), want)
			}
			is("running", l, false)
			n, _ := l.NewLWP(netbsd.LWP_SUSPENDED, func(*LWP) {}, false, nil)
			is("suspended", n, true)
			l.LWPContinue(n.ID())
			l.LWPWait(n.ID())
			is("gone", n, false)
			c := w.fork(l, "C", sleepForever)
			nap(l, time.Second)
			is("sleeping", c.LWPs()[0], true)
			l.Kill(c.Pid(), netbsd.SIGSTOP)
			nap(l, time.Second)
			is("stopped", c.LWPs()[0], true)
			c.Kill(netbsd.SIGKILL)
		})
	})
}

// coredump (sigexit): none for a signal without one, for a set-id process, nor under an RLIMIT_CORE of 0; the least of limits will do.
func TestWhoDumpsCore(t *testing.T) {
	bothWith(t, func(_ *world, c *Config) { c.Core = func(*LWP, netbsd.Signal, *netbsd.Siginfo) bool { return true } }, func(w *world) {
		w.guest(func(l *LWP) {
			for _, c := range []struct {
				sig   netbsd.Signal
				limit uint64
				sugid bool
				want  bool
			}{
				{netbsd.SIGSEGV, 1, false, true}, {netbsd.SIGQUIT, netbsd.RLIM_INFINITY, false, true}, {netbsd.SIGSEGV, 0, false, false},
				{netbsd.SIGSEGV, 1, true, false}, {netbsd.SIGTERM, 1, false, false}, {netbsd.SIGKILL, 1, false, false}, {netbsd.SIGHUP, 1, false, false},
			} {
				p := w.fork(l, "C", func(l *LWP) {
					l.SetRlimit(netbsd.RLIMIT_CORE, Rlimit{c.limit, netbsd.RLIM_INFINITY})
					if c.sugid {
						l.Setuid(7)
					}
					l.Kill(l.Proc().Pid(), c.sig)
				})
				r := w.wait(l, p.Pid(), 0)
				w.is(c.sig.String(), []any{r.Status.TermSignal(), r.Status.CoreDump()}, []any{c.sig, c.want})
			}
		})
	})
}
