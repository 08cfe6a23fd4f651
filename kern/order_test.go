package kern

import (
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"toaster/netbsd"
)

// trace records the steps of one process.
type trace struct {
	mu    sync.Mutex
	steps []StepEvent
}

func (tr *trace) add(e StepEvent) {
	tr.mu.Lock()
	defer tr.mu.Unlock()
	tr.steps = append(tr.steps, e)
}

func (tr *trace) of(p *Proc) (s []Step) {
	tr.mu.Lock()
	defer tr.mu.Unlock()
	for _, e := range tr.steps {
		if e.Proc == p {
			s = append(s, e.Step)
		}
	}
	return s
}

func traced(t *testing.T, r Release, f func(t *testing.T, m *Machine, tr *trace)) {
	t.Run("release"+r.String(), func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			tr := new(trace)
			m := New(Config{Release: r, Trace: tr.add})
			f(t, m, tr)
			synctest.Wait()
			check(t, m)
			m.Close()
			check(t, m)
		})
	})
}

type testTerm struct {
	log   *[]string
	drain func()
}

func (d *testTerm) Drain(l *LWP) netbsd.Errno {
	*d.log = append(*d.log, "drain")
	l.Sleep(true, time.Now().Add(time.Second))
	if d.drain != nil {
		d.drain()
	}
	return 0
}
func (d *testTerm) Revoke()  { *d.log = append(*d.log, "revoke") }
func (d *testTerm) Release() { *d.log = append(*d.log, "release") }

func TestLeaderExit(t *testing.T) {
	for _, r := range releases {
		traced(t, r, func(t *testing.T, m *Machine, tr *trace) {
			var log []string
			tty := m.NewTTY(&testTerm{log: &log})
			hups := 0
			p, _ := m.Spawn(SpawnArgs{Setsid: true, Body: func(l *LWP) {
				if errno := l.AcquireTTY(tty); errno != 0 {
					t.Error(errno)
				}
				c, _ := l.Fork(ForkArgs{Body: func(l *LWP) {
					l.Setpgid(0, 0)
					l.Sigaction(netbsd.SIGHUP, &Action{Func: func(*LWP, *netbsd.Siginfo) { hups++ }})
					l.Pause()
				}})
				l.Nanosleep(time.Second)
				if errno := l.SetForeground(tty, c.Pid()); errno != 0 {
					t.Error(errno)
				}
			}})
			s := p.Session()
			p.Wait()
			synctest.Wait()
			if !slices.Equal(log, []string{"drain", "revoke", "release"}) || hups != 1 {
				t.Error(log, hups)
			}
			if s.TTY() != tty || s.HasTTY() || s.Leader() != nil || tty.Session() != nil {
				t.Error("session keeps what it should not")
			}
			t.Log(tr.of(p))
		})
	}
}

func TestLeaderExitRevokedWhileDraining(t *testing.T) {
	for _, r := range releases {
		traced(t, r, func(t *testing.T, m *Machine, tr *trace) {
			var log []string
			d := &testTerm{log: &log}
			tty := m.NewTTY(d)
			d.drain = tty.Revoked
			p, _ := m.Spawn(SpawnArgs{Setsid: true, Body: func(l *LWP) { l.AcquireTTY(tty) }})
			p.Wait()
			if !slices.Equal(log, []string{"drain", "release"}) {
				t.Error(log)
			}
		})
	}
}

func TestWaitOrderAndCopyFaults(t *testing.T) {
	each(t, func(t *testing.T, m *Machine) {
		p := run(t, m, func(l *LWP) {
			var pids []int
			for i := range 5 { // the newest dies last: every release reports it first
				c, _ := l.Fork(ForkArgs{Body: func(l *LWP) { l.Nanosleep(time.Duration(i) * time.Millisecond); l.Exit(0) }})
				pids = append(pids, c.Pid())
			}
			l.Nanosleep(time.Second)
			pid, errno := l.Wait4(netbsd.WaitAny, 0, &WaitOut{Status: func(netbsd.WaitStatus) netbsd.Errno { return netbsd.EFAULT }})
			if pid != pids[4] || errno != netbsd.EFAULT {
				t.Error(pid, errno)
			}
			if m.Release() != Release2003 {
				pids = pids[:4]
			}
			slices.Reverse(pids)
			for i, want := range pids {
				pid, errno := l.Wait4([]int{netbsd.WaitAny, 0}[i%2], 0, nil)
				if pid != want || errno != 0 {
					t.Error(pid, want, errno)
				}
			}
			if _, errno := l.Wait4(0, 0, nil); errno != netbsd.ECHILD {
				t.Error(errno)
			}
		})
		p.Wait()
	})
}

func TestNoCldWait(t *testing.T) {
	each(t, func(t *testing.T, m *Machine) {
		p := run(t, m, func(l *LWP) {
			l.Sigaction(netbsd.SIGCHLD, &Action{Flags: netbsd.SA_NOCLDWAIT})
			l.Fork(ForkArgs{Body: func(l *LWP) { l.Nanosleep(time.Second) }})
			l.Fork(ForkArgs{Body: func(l *LWP) { l.Nanosleep(2 * time.Second) }})
			now := time.Now()
			if _, errno := l.Wait4(netbsd.WaitAny, 0, nil); errno != netbsd.ECHILD || time.Since(now) != 2*time.Second {
				t.Error(errno, time.Since(now))
			}
			l.Sigaction(netbsd.SIGCHLD, &Action{Handler: netbsd.SIG_IGN})
			l.Fork(ForkArgs{Body: func(l *LWP) {}})
			want := netbsd.Errno(0)
			if m.Release() != Release2003 {
				want = netbsd.ECHILD
			}
			if _, errno := l.Wait4(netbsd.WaitAny, 0, nil); errno != want {
				t.Error(errno, want)
			}
		})
		p.Wait()
	})
}

func TestOrphanedGroup(t *testing.T) {
	each(t, func(t *testing.T, m *Machine) {
		var mu sync.Mutex
		hups := map[string]int{}
		handler := func(name string) *Action {
			return &Action{Func: func(*LWP, *netbsd.Siginfo) {
				mu.Lock()
				hups[name]++
				mu.Unlock()
			}}
		}
		p, _ := m.Spawn(SpawnArgs{Setsid: true, Body: func(l *LWP) {
			l.Fork(ForkArgs{Body: func(l *LWP) {
				l.Fork(ForkArgs{Body: func(l *LWP) {
					l.Setpgid(0, 0)
					l.Fork(ForkArgs{Body: func(l *LWP) {
						l.Sigaction(netbsd.SIGHUP, handler("running"))
						l.Nanosleep(time.Hour)
					}})
					l.Sigaction(netbsd.SIGHUP, handler("stopped"))
					l.Kill(l.Proc().Pid(), netbsd.SIGTSTP)
				}})
				l.Nanosleep(time.Second)
			}})
			l.Nanosleep(2 * time.Second)
			l.Wait4(netbsd.WaitAny, 0, nil)
		}})
		p.Wait()
		want := 0
		if m.Release() == Release2003 {
			want = 1
		}
		if hups["stopped"] != 1 || hups["running"] != want {
			t.Error(hups)
		}
	})
}

func TestScheduler(t *testing.T) {
	traced(t, Release2003, func(t *testing.T, m *Machine, tr *trace) {
		p, _ := m.Spawn(SpawnArgs{Body: func(l *LWP) {
			l.saEnable()
			l.NewLWP(0, func(l *LWP) { l.saCache() }, false, nil)
			l.NewLWP(netbsd.LWP_DETACHED, func(l *LWP) { l.saYieldUpcall() }, false, nil)
			l.Nanosleep(time.Second)
			if n := l.Proc().SACached(); n != 1 {
				t.Error(n)
			}
			l.Exit(4)
		}})
		if w := p.Wait(); w.ExitCode() != 4 {
			t.Error(w)
		}
		t.Log(tr.of(p))
	})
}

func TestLWPCalls(t *testing.T) {
	each(t, func(t *testing.T, m *Machine) {
		p := run(t, m, func(l *LWP) {
			n, errno := l.NewLWP(netbsd.LWP_SUSPENDED, func(l *LWP) { l.Nanosleep(time.Second) }, false, nil)
			if errno != 0 {
				t.Error(errno)
			}
			if _, errno := l.LWPWait(l.ID()); errno != netbsd.EDEADLK {
				t.Error(errno)
			}
			if errno := l.LWPContinue(n.ID()); errno != 0 {
				t.Error(errno)
			}
			if id, errno := l.LWPWait(0); id != n.ID() || errno != 0 {
				t.Error(id, errno)
			}
			if _, errno := l.LWPWait(0); errno != netbsd.ESRCH {
				t.Error(errno)
			}
			l.Unpark(l.ID())
			if errno := l.Park(time.Time{}, 0); errno != netbsd.EALREADY {
				t.Error(errno)
			}
			if errno := l.Park(time.Now().Add(time.Second), 0); errno != netbsd.ETIMEDOUT {
				t.Error(errno)
			}
			me := l.ID()
			n, _ = l.NewLWP(netbsd.LWP_DETACHED, func(l *LWP) {
				l.Nanosleep(time.Second)
				l.Unpark(me)
				for l.Sleep(true, time.Time{}) == 0 {
				}
			}, false, nil)
			if errno := l.Park(time.Time{}, 0); errno != 0 {
				t.Error(errno)
			}
			if errno := l.LWPSuspend(n.ID()); errno != 0 || n.State() != LWPSuspended {
				t.Error(errno, n.State())
			}
			l.LWPContinue(n.ID())
			l.Nanosleep(1)
			if errno := l.LWPWakeup(n.ID()); errno != 0 {
				t.Error(errno)
			}
			l.Nanosleep(1)
			if errno := l.LWPWakeup(n.ID()); errno != netbsd.ESRCH {
				t.Error(errno)
			}
			if errno := l.LWPSuspend(me); errno != netbsd.EDEADLK {
				t.Error(errno)
			}
		})
		p.Wait()
	})
}

func TestTimersAndSigwait(t *testing.T) {
	each(t, func(t *testing.T, m *Machine) {
		p := run(t, m, func(l *LWP) {
			set := netbsd.SigsetOf(netbsd.SIGALRM)
			l.Sigprocmask(netbsd.SIG_BLOCK, &set)
			l.Setitimer(netbsd.ITIMER_REAL, Itimerval{time.Second, 2 * time.Second})
			now := time.Now()
			for i, want := range []time.Duration{1, 3, 5} {
				if si, errno := l.Sigtimedwait(set, time.Time{}); errno != 0 || si.Signo != netbsd.SIGALRM || time.Since(now) != want*time.Second {
					t.Error(i, si, errno, time.Since(now))
				}
			}
			l.Setitimer(netbsd.ITIMER_REAL, Itimerval{})
			if _, errno := l.Sigtimedwait(set, time.Now().Add(time.Minute)); errno != netbsd.EAGAIN {
				t.Error(errno)
			}
		})
		p.Wait()
	})
}

// itimerfix: a time below a tick is a tick, the first as well as the interval; 0 is no time.
func TestTimersCountTicks(t *testing.T) {
	const tick = 10 * time.Millisecond
	each(t, func(t *testing.T, m *Machine) {
		p := run(t, m, func(l *LWP) {
			set := netbsd.SigsetOf(netbsd.SIGALRM)
			l.Sigprocmask(netbsd.SIG_BLOCK, &set)
			l.Setitimer(netbsd.ITIMER_REAL, Itimerval{time.Microsecond, time.Microsecond})
			if it, _ := l.Proc().Getitimer(netbsd.ITIMER_REAL); it != (Itimerval{tick, tick}) {
				t.Errorf("a microsecond is %v", it)
			}
			now := time.Now()
			for i := range time.Duration(2) {
				if _, errno := l.Sigtimedwait(set, time.Time{}); errno != 0 || time.Since(now) != (i+1)*tick {
					t.Error(i, errno, time.Since(now))
				}
			}
			l.Setitimer(netbsd.ITIMER_REAL, Itimerval{Value: tick + 1})
			if it, _ := l.Proc().Getitimer(netbsd.ITIMER_REAL); it != (Itimerval{Value: tick + 1}) {
				t.Errorf("more than a tick is %v", it)
			}
		})
		p.Wait()
	})
}

func TestInitDies(t *testing.T) {
	for _, r := range releases {
		synctest.Test(t, func(t *testing.T) {
			m := New(Config{Release: r, Init: func(l *LWP) { l.Nanosleep(time.Second); l.Exit(3) }})
			p, _ := m.Spawn(SpawnArgs{Body: sleepForever})
			if err := m.Wait(); err == nil || err.Error() != "init died (signal 0, exit 3)" {
				t.Error(err)
			}
			p.Wait()
			if m.Init().State() != StateActive {
				t.Error(m.Init().State())
			}
			m.Close()
		})
	}
}

func TestPosixSpawn(t *testing.T) {
	each(t, func(t *testing.T, m *Machine) {
		p := run(t, m, func(l *LWP) {
			c, errno := l.PosixSpawn(PosixSpawnArgs{
				Fork: ForkArgs{Body: func(l *LWP) { l.Exit(6) }},
				Exec: func(l *LWP) netbsd.Errno { return l.Exec(ExecArgs{Comm: "prog"}) },
			})
			if errno != 0 {
				t.Error(errno)
			}
			if r, errno := l.Wait(c.Pid(), 0); errno != 0 || r.Status.ExitCode() != 6 {
				t.Error(r, errno)
			}
			_, errno = l.PosixSpawn(PosixSpawnArgs{
				Fork: ForkArgs{Body: func(l *LWP) { t.Error("runs") }},
				Exec: func(l *LWP) netbsd.Errno { return netbsd.ENOENT },
			})
			if errno != netbsd.ENOENT {
				t.Error(errno)
			}
			// spawn_return: who could not exec ends with 127 all the same, and is to be waited for.
			if r, errno := l.Wait(netbsd.WaitAny, 0); errno != 0 || r.Status.ExitCode() != 127 {
				t.Error(r, errno)
			}
			if _, errno := l.Wait4(netbsd.WaitAny, 0, nil); errno != netbsd.ECHILD {
				t.Error(errno)
			}
		})
		p.Wait()
	})
}

func TestSubreaper(t *testing.T) {
	each(t, func(t *testing.T, m *Machine) {
		p := run(t, m, func(l *LWP) {
			l.Proc().SetSubreaper(true)
			l.Fork(ForkArgs{Body: func(l *LWP) {
				l.Fork(ForkArgs{Body: func(l *LWP) { l.Nanosleep(time.Second); l.Exit(9) }})
			}})
			l.Wait(netbsd.WaitAny, 0)
			if r, errno := l.Wait(netbsd.WaitAny, 0); errno != 0 || r.Status.ExitCode() != 9 {
				t.Error(r, errno)
			}
		})
		p.Wait()
	})
}

func TestDeadAndStrayCalls(t *testing.T) {
	each(t, func(t *testing.T, m *Machine) {
		var l0 *LWP
		p := run(t, m, func(l *LWP) {
			l0 = l
			defer func() {
				if _, errno := l.Fork(ForkArgs{Body: sleepForever}); errno != netbsd.ESRCH {
					t.Error(errno)
				}
			}()
			l.Pause()
		})
		synctest.Wait()
		if _, errno := l0.Wait4(netbsd.WaitAny, 0, nil); errno != netbsd.EBUSY {
			t.Error(errno)
		}
		p.Kill(netbsd.SIGKILL)
		p.Wait()
		synctest.Wait()
		if errno := l0.Setpgid(0, 0); errno != netbsd.ESRCH {
			t.Error(errno)
		}
		if p.Pgid() != 0 && p.State() == StateFree {
			t.Error("a freed process has a group")
		}
		p.Rlimit(3)
		p.Getlogin()
		p.Kill(0)
	})
}

// What is left of a timer of real time is told by the clock's ticks, by which it was set (getnanotime in
// dosetitimer and timer_gettime): within a tick, that is what was set.
func TestTimersAreToldByTicks(t *testing.T) {
	each(t, func(t *testing.T, m *Machine) {
		p := run(t, m, func(l *LWP) {
			time.Sleep(3 * time.Millisecond)
			const value = 4*time.Second + 3*time.Microsecond
			l.Setitimer(netbsd.ITIMER_REAL, Itimerval{Value: value})
			for _, c := range []struct{ after, left time.Duration }{{6 * time.Millisecond, value}, {2 * time.Millisecond, value - timerTick}} {
				time.Sleep(c.after)
				if it, _ := l.Proc().Getitimer(netbsd.ITIMER_REAL); it.Value != c.left {
					t.Errorf("%v is left, want %v", it.Value, c.left)
				}
			}
		})
		p.Wait()
	})
}
