package kern

import (
	"errors"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"toaster/internal/guard"
	"toaster/netbsd"
)

// A bug of toaster's ends the process that has met it, or, if it leaves the kernel's state in
// doubt, the machine: never the program that has the machine.

// bugs collects what a machine reports.
type bugs struct {
	mu   sync.Mutex
	list []*guard.Bug
}

func (b *bugs) add(g *guard.Bug) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.list = append(b.list, g)
}

func (b *bugs) all() []*guard.Bug {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.list
}

// boom is what the hooks of these tests are: they panic, all of them.
type boom struct{}

func (boom) Fork(_, _ *LWP, _ bool) (AddressSpace, netbsd.Errno) { panic("boom") }
func (boom) Exit(*Proc, *LWP)                                    { panic("boom") }
func (boom) Close()                                              { panic("boom") }
func (boom) Exec()                                               { panic("boom") }
func (boom) Drain(*LWP) netbsd.Errno                             { panic("boom") }
func (boom) Revoke()                                             { panic("boom") }
func (boom) Release()                                            { panic("boom") }
func (boom) Hold()                                               {}
func (boom) Notify(NoteEvent)                                    { panic("boom") }
func (boom) Usage(*Proc, *LWP) netbsd.Rusage                     { panic("boom") }

type boomFiles struct{ boom }

func (boomFiles) Fork(bool) Files { panic("boom") }

func setFiles(l *LWP) {
	l.p.m.lock()
	l.p.files = boomFiles{}
	l.p.m.unlock()
}

func TestBugKillsItsProcess(t *testing.T) {
	self := func(l *LWP) int { return l.Proc().Pid() }
	for name, body := range map[string]func(*LWP){
		"body":              func(*LWP) { panic("boom") },
		"index":             func(l *LWP) { _ = make([]int, 1)[self(l)] },
		"deferred":          func(l *LWP) { defer panic("boom"); l.Exit(3) },
		"deferred to death": func(l *LWP) { defer panic("boom"); l.Kill(self(l), netbsd.SIGTERM) },
		"files close":       func(l *LWP) { setFiles(l); l.Exit(0) },
		"files fork": func(l *LWP) {
			setFiles(l)
			l.Fork(ForkArgs{Body: sleepForever})
		},
		"exec": func(l *LWP) {
			l.Exec(ExecArgs{Replace: func() netbsd.Errno { panic("boom") }})
		},
		"exit hook": func(l *LWP) { l.Proc().OnExit(func(*Proc) { panic("boom") }); l.Exit(0) },
		"ktrace":    func(l *LWP) { l.Proc().setKtrace(boom{}); l.Exit(0) },
		"knote":     func(l *LWP) { l.Proc().AttachKnote(boom{}); l.Exit(0) },
		"lwp": func(l *LWP) {
			l.NewLWP(0, sleepForever, false, func(*LWP) netbsd.Errno { panic("boom") })
		},
		"another lwp": func(l *LWP) {
			l.NewLWP(0, func(*LWP) { panic("boom") }, false, nil)
			sleepForever(l)
		},
		"handler": func(l *LWP) {
			l.Sigaction(netbsd.SIGUSR1, &Action{Func: func(*LWP, *netbsd.Siginfo) { panic("boom") }})
			l.Kill(self(l), netbsd.SIGUSR1)
		},
	} {
		t.Run(name, func(t *testing.T) {
			var found bugs
			bothWith(t, func(_ *world, c *Config) { c.Bug = found.add }, func(w *world) {
				w.guest(func(l *LWP) {
					other := w.fork(l, "other", sleepForever)
					c := w.fork(l, "C", body)
					_, errno := l.Wait4(c.Pid(), 0, nil)
					w.is("waited for", errno, netbsd.Errno(0))
					w.is("the other", other.State(), StateActive)
					other.Kill(netbsd.SIGKILL)
					l.Wait4(other.Pid(), 0, nil)
				})
			})
			if len(found.all()) < len(releases) { // one for each release
				t.Fatalf("found %v", found.all())
			}
			for _, b := range found.all() {
				if b.Ends != "" || !strings.Contains(string(b.Stack), "bug_test.go") {
					t.Errorf("found %v", b)
				}
			}
		})
	}
}

// A process that has met a bug counts as killed.
func TestBugIsAKill(t *testing.T) {
	var found bugs
	bothWith(t, func(_ *world, c *Config) { c.Bug = found.add }, func(w *world) {
		w.guest(func(l *LWP) {
			c := w.fork(l, "C", func(*LWP) { panic("boom") })
			w.waitIs(l, c.Pid(), 0, c.Pid(), netbsd.ExitStatus(0, netbsd.SIGKILL), 0)
		})
	})
	for i, b := range found.all() {
		lid := b.Pid // the first LWP's id is the pid
		if releases[i] == Release2003 {
			lid = 1
		}
		if b.Pid == 0 || b.LID != lid || b.Value != "boom" {
			t.Errorf("found %v", b)
		}
	}
}

// A kernel timer's and a kick's panic harms nobody.
func TestBugInTheKernelsOwnGoroutines(t *testing.T) {
	var found bugs
	bothWith(t, func(_ *world, c *Config) { c.Bug = found.add }, func(w *world) {
		w.guest(func(l *LWP) {
			w.m.afterFunc(time.Second, func() { panic("boom") })
			w.m.Contain("a test ran", func() { panic("boom") })
			w.m.lock()
			w.m.after(func() { panic("boom") })
			w.m.after(func() { w.mark("the next one") })
			w.m.unlock()
			l.Nanosleep(2 * time.Second)
		})
		w.order("the next one")
	})
	if len(found.all()) != 3*len(releases) {
		t.Errorf("found %v", found.all())
	}
}

// Whoever panics with the kernel's lock leaves its state in doubt. The machine ends, and
// all that waits for it is told so.
func TestBugWithTheKernelsLock(t *testing.T) {
	defer func(d, g time.Duration) { lockPatience, breakGrace = d, g }(lockPatience, breakGrace)
	lockPatience, breakGrace = 50*time.Millisecond, 300*time.Millisecond
	for _, r := range releases {
		for _, step := range []Step{StepExitLWPs, StepCloseFiles, StepSetZombie, StepReap} {
			t.Run(r.String()+"/"+step.String(), func(t *testing.T) { breakDownAt(t, r, step) })
		}
	}
}

func breakDownAt(t *testing.T, r Release, step Step) {
	before := runtime.NumGoroutine()
	var found bugs
	var once sync.Once
	m := New(Config{Release: r, Bug: found.add, Trace: func(e StepEvent) {
		if e.Step == step {
			once.Do(func() { panic("boom") })
		}
	}})
	for range 3 {
		m.Spawn(SpawnArgs{Body: sleepForever})
	}
	m.Spawn(SpawnArgs{Body: func(l *LWP) {
		l.NewLWP(0, sleepForever, false, nil)
		l.Exit(0)
	}})
	select {
	case <-m.Halted():
	case <-time.After(10 * time.Second):
		t.Fatal("the machine goes on")
	}
	if err := m.Wait(); !errors.Is(err, ErrBug) || !strings.Contains(err.Error(), "boom") {
		t.Errorf("Wait says %v", err)
	}
	if err := m.Close(); !errors.Is(err, ErrBug) {
		t.Errorf("Close says %v", err)
	}
	if _, errno := m.Spawn(SpawnArgs{Body: sleepForever}); errno == 0 {
		t.Error("the machine starts processes")
	}
	if b := found.all(); len(b) == 0 || b[0].Ends == "" {
		t.Errorf("found %v", b)
	}
	for range 1000 {
		if runtime.NumGoroutine() <= before {
			return
		}
		time.Sleep(5 * time.Millisecond)
	}
	buf := make([]byte, 1<<20)
	t.Errorf("%d goroutines before, %d after\n%s", before, runtime.NumGoroutine(), buf[:runtime.Stack(buf, true)])
}

// What Check finds fault with is not to be relied on.
func TestBugThatDamages(t *testing.T) {
	var found bugs
	m := New(Config{Bug: found.add})
	defer m.Close()
	m.Spawn(SpawnArgs{Body: func(l *LWP) {
		l.p.m.lock()
		l.p.m.nzombies++
		l.p.m.unlock()
		panic("boom")
	}})
	if err := m.Wait(); !errors.Is(err, ErrBug) || !strings.Contains(err.Error(), "damaged") {
		t.Errorf("Wait says %v", err)
	}
}

// Without Config.Bug a panic is the program's: Go functions are its own.
func TestWithoutBugPanicsPass(t *testing.T) {
	m := New(Config{})
	defer m.Close()
	b := guard.Catch("a test ran", func() { m.Contain("a test ran", func() { panic("boom") }) })
	if b == nil || b.Value != "boom" {
		t.Errorf("caught %v", b)
	}
}
