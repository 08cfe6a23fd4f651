package kern

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"toaster/netbsd"
)

// countCalls is a body that counts its kernel calls, of which each ends in a return to user mode.
func countCalls(n *atomic.Int64) func(*LWP) {
	return func(l *LWP) {
		for {
			n.Add(1)
			l.Nanosleep(time.Second)
		}
	}
}

// TestPause: no LWP goes on while the machine is paused, sleeps end in time all the same, and afterwards
// all go on (Machine.Pause).
func TestPause(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := New(Config{})
		defer m.Close()
		var n atomic.Int64
		m.Spawn(SpawnArgs{Body: countCalls(&n)})
		time.Sleep(2500 * time.Millisecond)
		if err := m.Pause(t.Context()); err != nil || !m.Paused() {
			t.Fatalf("Pause: %v, paused %t", err, m.Paused())
		}
		before := n.Load()
		time.Sleep(time.Hour)
		if n.Load() != before {
			t.Errorf("%d calls while paused", n.Load()-before)
		}
		noErrors(t, m)
		m.Resume()
		synctest.Wait()
		if n.Load() != before+1 {
			t.Errorf("%d calls at once after an hour's pause, want that of the sleep which has ended", n.Load()-before)
		}
		time.Sleep(1500 * time.Millisecond)
		if n.Load() != before+2 {
			t.Errorf("%d calls after the pause, want 2", n.Load()-before)
		}
	})
}

// noErrors asks the machine for what is wrong with its tables.
func noErrors(t *testing.T, m *Machine) {
	t.Helper()
	for _, err := range m.Check() {
		t.Error(err)
	}
}

// TestPauseIsNoStop: the parent is told nothing, as nothing has stopped (wait(2), WUNTRACED).
func TestPauseIsNoStop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := New(Config{})
		defer m.Close()
		var n atomic.Int64
		var got WaitResult
		m.Spawn(SpawnArgs{Body: func(l *LWP) {
			l.Fork(ForkArgs{Body: countCalls(&n)})
			got, _ = l.Wait(-1, netbsd.WUNTRACED|netbsd.WCONTINUED)
		}})
		time.Sleep(1500 * time.Millisecond)
		m.Pause(t.Context())
		time.Sleep(time.Minute)
		m.Resume()
		time.Sleep(time.Minute)
		if got.Pid != 0 {
			t.Errorf("wait has returned %+v", got)
		}
	})
}

// TestPausedNewborn: who is started meanwhile stands from its birth.
func TestPausedNewborn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := New(Config{})
		defer m.Close()
		m.Pause(t.Context())
		var n atomic.Int64
		m.Spawn(SpawnArgs{Body: countCalls(&n)})
		time.Sleep(time.Minute)
		if n.Load() != 0 {
			t.Errorf("%d calls of a newborn in a machine that is paused", n.Load())
		}
		m.Resume()
		synctest.Wait()
		if n.Load() != 1 {
			t.Errorf("%d calls afterwards, want 1", n.Load())
		}
	})
}

// TestKillWhilePaused: SIGKILL ends who stands, and another signal waits for the end of the pause.
func TestKillWhilePaused(t *testing.T) {
	for _, sig := range []netbsd.Signal{netbsd.SIGKILL, netbsd.SIGTERM} {
		synctest.Test(t, func(t *testing.T) {
			m := New(Config{})
			defer m.Close()
			p, _ := m.Spawn(SpawnArgs{Body: func(l *LWP) {
				for {
					l.Nanosleep(time.Hour)
				}
			}})
			synctest.Wait()
			m.Pause(t.Context())
			time.Sleep(2 * time.Hour) // it has woken, and stands
			p.Kill(sig)
			time.Sleep(time.Minute)
			_, ended := p.Status()
			if ended != (sig == netbsd.SIGKILL) {
				t.Errorf("%v while paused: ended %t", sig, ended)
			}
			m.Resume()
			if w := p.Wait(); w.TermSignal() != sig {
				t.Errorf("%v: it ended with %v", sig, w)
			}
		})
	}
}

// TestPauseKeepsStops: a process that job control has stopped is stopped afterwards, and SIGCONT continues it.
func TestPauseKeepsStops(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := New(Config{})
		defer m.Close()
		var n atomic.Int64
		p, _ := m.Spawn(SpawnArgs{Body: countCalls(&n)})
		time.Sleep(1500 * time.Millisecond)
		m.Pause(t.Context())
		p.Kill(netbsd.SIGSTOP)
		time.Sleep(time.Minute)
		m.Resume()
		time.Sleep(time.Minute)
		if !p.Stopped() || n.Load() != 2 {
			t.Errorf("stopped %t after %d calls, want true, 2", p.Stopped(), n.Load())
		}
		noErrors(t, m)
		m.Pause(t.Context())
		p.Kill(netbsd.SIGCONT)
		time.Sleep(time.Minute)
		if n.Load() != 2 {
			t.Errorf("%d calls of a process that was continued in a machine that is paused", n.Load())
		}
		m.Resume()
		synctest.Wait()
		if n.Load() == 2 {
			t.Error("it does not go on")
		}
	})
}

// TestPauseInTime: an LWP that does not come into the kernel is not waited for longer than asked.
func TestPauseInTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := New(Config{})
		defer m.Close()
		stop := make(chan struct{})
		m.Spawn(SpawnArgs{Body: func(*LWP) { <-stop }})
		defer close(stop)
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := m.Pause(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Pause: %v", err)
		}
	})
}
