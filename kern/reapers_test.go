package kern

import (
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"toaster/netbsd"
)

// TestHammerOneReaperPerZombie has several LWPs of each of several processes fork and
// wait in every way at once, beside kills, stops and a debugger. Each zombie is
// reaped by one wait, with the status that its process exited with, and nothing is
// left at the end.
func TestHammerOneReaperPerZombie(t *testing.T) {
	for _, r := range releases {
		t.Run("release="+r.String(), func(t *testing.T) {
			before := runtime.NumGoroutine()
			m := New(Config{Release: r})
			procs, lwps, each := 4, 6, 150
			if testing.Short() {
				each = 30
			}
			var reaped sync.Map // *Proc -> how often
			var byPid sync.Map  // pid -> *Proc while it is a child; -pid -> whether it is one of vfork
			var forks, reaps, stops, faults atomic.Int64
			var ps []*Proc
			for range procs {
				p, _ := m.Spawn(SpawnArgs{Setsid: true, Cred: UserCred(7, 7), Body: func(l *LWP) {
					var wg sync.WaitGroup // of Go: joins what ends with ExitLWP, too
					for range lwps {
						wg.Add(1)
						l.NewLWP(netbsd.LWP_DETACHED, func(l *LWP) {
							defer wg.Done()
							work(t, l, each, &byPid, &reaped, &forks, &reaps, &stops, &faults)
						}, false, nil)
					}
					wg.Wait()
					for { // the rest
						if !reapOne(t, l, netbsd.WaitAny, netbsd.WUNTRACED, &byPid, &reaped, &reaps, &stops, &faults) {
							return
						}
					}
				}})
				ps = append(ps, p)
			}
			for _, p := range ps {
				if w := p.Wait(); !w.Exited() {
					t.Errorf("a worker ended by %#x", int(w))
				}
			}
			check(t, m)
			reaped.Range(func(k, v any) bool {
				if n := v.(*atomic.Int32).Load(); n != 1 {
					t.Errorf("process %d was reaped %d times", k.(*Proc).Pid(), n)
				}
				return true
			})
			if f, n := forks.Load(), reaps.Load(); f != n {
				t.Errorf("%d forks, %d reaps", f, n)
			}
			t.Logf("%d forks, %d stops seen, %d copy-outs failed", forks.Load(), stops.Load(), faults.Load())
			m.Close()
			check(t, m)
			if n := m.ProcCount(7); n != 0 {
				t.Errorf("user 7 has %d processes", n)
			}
			if n := m.NumProcs(); n != 1 {
				t.Errorf("%d processes left", n)
			}
			for i := 0; i < 2000 && runtime.NumGoroutine() > before; i++ {
				time.Sleep(time.Millisecond)
			}
			if n := runtime.NumGoroutine(); n > before {
				t.Errorf("%d goroutines before, %d after", before, n)
			}
		})
	}
}

func work(t *testing.T, l *LWP, n int, byPid, reaped *sync.Map, forks, reaps, stops, faults *atomic.Int64) {
	rnd := rand.New(rand.NewPCG(uint64(l.Proc().Pid()), uint64(l.ID())))
	for i := range n {
		status := rnd.IntN(256)
		d := time.Duration(rnd.IntN(300)) * time.Microsecond
		nl := rnd.IntN(3)
		vfork := rnd.IntN(8) == 0
		forks.Add(1)
		_, errno := l.Fork(ForkArgs{
			Vfork: vfork,
			Linked: func(c *Proc) {
				byPid.Store(-c.Pid(), vfork)
				byPid.Store(c.Pid(), c)
				reaped.Store(c, new(atomic.Int32))
			},
			Body: func(l *LWP) {
				for range nl {
					l.NewLWP(0, func(l *LWP) { l.Pause() }, false, nil)
				}
				l.Nanosleep(d)
				l.Proc().SetSpecific("status", status)
				l.Exit(status)
			},
		})
		if errno != 0 {
			t.Errorf("fork: %v", errno)
			return
		}
		if kids := l.Proc().Children(); len(kids) > 0 {
			pid := kids[rnd.IntN(len(kids))]
			switch rnd.IntN(6) {
			case 0:
				l.Kill(pid, netbsd.SIGSTOP)
				// Else who sees it stopped kills it. That nobody may be, but for the LWP that waits for it in vfork.
				if vforked, _ := byPid.Load(-pid); rnd.IntN(2) == 0 || vforked == true {
					l.Kill(pid, netbsd.SIGCONT)
				}
			case 1:
				l.Kill(pid, netbsd.SIGTERM)
			case 2:
				l.Setpgid(pid, 0)
			case 3:
				if l.PtraceAttach(pid) == 0 {
					l.PtraceKill(pid)
				}
			}
		}
		if i%3 != 0 {
			pid := []int{netbsd.WaitAny, 0, netbsd.WaitAny}[rnd.IntN(3)]
			reapOne(t, l, pid, []int{netbsd.WUNTRACED, netbsd.WNOHANG, netbsd.WUNTRACED}[rnd.IntN(3)], byPid, reaped, reaps, stops, faults)
		}
	}
}

// reapOne waits once; some copy-outs fail, which in release 2003 leaves the zombie.
// It reports whether there is something to wait for still.
func reapOne(t *testing.T, l *LWP, pid, options int, byPid, reaped *sync.Map, reaps, stops, faults *atomic.Int64) bool {
	var status netbsd.WaitStatus
	fault := l.Proc().Machine().Release() == Release2003 && rand.IntN(8) == 0
	got, errno := l.Wait4(pid, options, &WaitOut{Status: func(s netbsd.WaitStatus) netbsd.Errno {
		status = s
		if fault && !s.Stopped() {
			return netbsd.EFAULT
		}
		return 0
	}})
	switch {
	case errno == netbsd.EFAULT:
		faults.Add(1)
		return true
	case errno == netbsd.EINTR || errno == netbsd.ERESTART || errno == 0 && got == 0:
		return true
	case errno != 0:
		return false
	case status.Stopped():
		stops.Add(1)
		if v, ok := byPid.Load(got); ok {
			v.(*Proc).Kill(netbsd.SIGKILL) // traced or not
		}
		return true
	}
	// The pid may be another's already; the status says whose end it was.
	reaps.Add(1)
	v, ok := byPid.Load(got)
	if !ok {
		t.Errorf("reaped %d, which nobody forked", got)
		return true
	}
	c := v.(*Proc)
	n, _ := reaped.Load(c)
	n.(*atomic.Int32).Add(1)
	if want := c.Specific("status"); status.Exited() && want != nil && want != status.ExitCode() {
		t.Errorf("process %d exited with %v, reaped with %d", got, want, status.ExitCode())
	}
	return true
}
