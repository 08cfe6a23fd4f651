package kern

import (
	"math/rand/v2"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"toaster/netbsd"
)

// TestHammer has many processes do everything to each other at once. Then nothing
// may be left: no goroutine, no pid, no count.
func TestHammer(t *testing.T) {
	for _, r := range releases {
		t.Run("release"+r.String(), func(t *testing.T) {
			before := runtime.NumGoroutine()
			m := New(Config{Release: r, MaxProc: 300})
			deadline := time.Now().Add(hammerTime(t))
			var forks atomic.Int64
			for i := range 8 {
				m.Spawn(SpawnArgs{Setsid: i%2 == 0, Body: func(l *LWP) { hammer(l, deadline, 0, &forks) }})
			}
			for time.Now().Before(deadline) {
				time.Sleep(5 * time.Millisecond)
				check(t, m)
				if t.Failed() {
					break
				}
			}
			closed := make(chan struct{})
			go func() { m.Close(); close(closed) }()
			select {
			case <-closed:
			case <-time.After(20 * time.Second):
				for _, p := range m.Procs() {
					p.m.lock()
					t.Logf("%d %v %#x pend %#x kids %d", p.pid, p.state, p.flags, p.pend.set, p.nkids)
					for l := p.lwps; l != nil; l = l.next {
						t.Logf("   lwp %d %v attn %#x parked %t asleep %t flags %#x", l.lid, l.stat, l.attn.Load(), l.parked, l.asleep, l.flags)
					}
					p.m.unlock()
				}
				buf := make([]byte, 1<<20)
				t.Log(string(buf[:runtime.Stack(buf, true)]))
				t.Fatal("Close hangs")
			}
			check(t, m)
			if n := m.NumProcs(); n != 1 {
				t.Errorf("%d processes left", n)
			}
			for i := 0; i < 20_000 && runtime.NumGoroutine() > before; i++ {
				time.Sleep(time.Millisecond)
			}
			if n := runtime.NumGoroutine(); n > before {
				t.Errorf("%d goroutines before, %d after", before, n)
			}
			t.Log(forks.Load(), "forks")
		})
	}
}

func hammerTime(t *testing.T) time.Duration {
	if testing.Short() {
		return 100 * time.Millisecond
	}
	return 500 * time.Millisecond
}

func hammer(l *LWP, deadline time.Time, depth int, forks *atomic.Int64) {
	rnd := rand.New(rand.NewPCG(uint64(l.Proc().Pid()), uint64(l.ID())))
	anyPid := func() int {
		pids := l.Proc().Children()
		if len(pids) > 0 && rnd.IntN(2) == 0 {
			return pids[rnd.IntN(len(pids))]
		}
		ps := l.Proc().Machine().Procs()
		return ps[rnd.IntN(len(ps))].Pid()
	}
	sigs := []netbsd.Signal{netbsd.SIGUSR1, netbsd.SIGSTOP, netbsd.SIGCONT, netbsd.SIGCONT, netbsd.SIGTSTP,
		netbsd.SIGCHLD, netbsd.SIGALRM, netbsd.SIGKILL, netbsd.SIGURG}
	body := func(l *LWP) { hammer(l, deadline, depth+1, forks) }
	for time.Now().Before(deadline) {
		switch rnd.IntN(24) {
		case 0, 1, 2:
			if depth < 6 {
				forks.Add(1)
				l.Fork(ForkArgs{Body: body, Vfork: rnd.IntN(4) == 0, ShareSigacts: rnd.IntN(4) == 0,
					ExitSignal: []netbsd.Signal{0, 0, 0, netbsd.SIGUSR2}[rnd.IntN(4)], NoExitSignal: rnd.IntN(9) == 0})
			}
		case 3, 4, 5:
			l.Wait4(netbsd.WaitAny, netbsd.WNOHANG|netbsd.WUNTRACED|rnd.IntN(2)*netbsd.WALLSIG, nil)
		case 6:
			l.Wait4(0, netbsd.WNOHANG, nil)
		case 7:
			l.Wait4(anyPid(), netbsd.WNOHANG, nil)
		case 8, 9:
			l.Kill(anyPid(), sigs[rnd.IntN(len(sigs))])
		case 10:
			if rnd.IntN(3) == 0 {
				l.Kill(0, sigs[rnd.IntN(6)])
			}
		case 11:
			l.Setpgid([]int{0, anyPid()}[rnd.IntN(2)], []int{0, 0, anyPid()}[rnd.IntN(3)])
		case 12:
			l.Setsid()
		case 13:
			l.NewLWP(rnd.IntN(2)*netbsd.LWP_DETACHED, body, false, nil)
		case 14:
			l.PtraceAttach(anyPid())
		case 15:
			l.PtraceResume(anyPid(), ResumeArgs{Signal: sigs[rnd.IntN(len(sigs))], Detach: rnd.IntN(2) == 0})
		case 16:
			l.PtraceKill(anyPid())
		case 17:
			l.Nanosleep(time.Duration(rnd.IntN(1000)) * time.Microsecond)
		case 18:
			l.Sigaction(netbsd.SIGUSR1, &Action{Func: func(*LWP, *netbsd.Siginfo) {}, Flags: int32(rnd.IntN(64))})
			l.Sigaction(netbsd.SIGALRM, &Action{Handler: netbsd.SIG_IGN})
			l.Sigaction(netbsd.SIGCHLD, &Action{Handler: uint64(rnd.IntN(2)), Flags: int32(rnd.IntN(64))})
		case 19:
			l.Exec(ExecArgs{Comm: "x"})
		case 20:
			l.LWPSuspend(rnd.IntN(4))
			l.LWPContinue(rnd.IntN(4))
		case 21:
			if rnd.IntN(4) == 0 {
				l.TraceMe()
			}
		case 22:
			if rnd.IntN(4) == 0 {
				l.Exit(rnd.IntN(256))
			}
			if rnd.IntN(4) == 0 {
				return
			}
		case 23:
			l.Park(time.Now().Add(time.Millisecond), rnd.IntN(4))
			l.Unpark(rnd.IntN(4), rnd.IntN(4))
			l.LWPDetach(rnd.IntN(4))
		}
	}
}
