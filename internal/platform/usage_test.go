package platform

import (
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"toaster/internal/platform/stub"
)

// used runs the guest up to its next call, and says what it and the process's other
// threads have used, and whether that came along.
func used(t *testing.T, q *Process, th *Thread) (u Usage, along bool) {
	t.Helper()
	wantKind(t, th.Run(), Syscall)
	th.slot.Poke32(stub.OffOp, stub.OpResume)
	u = q.Usage(th)
	return u, th.slot.Peek32(stub.OffOp) == stub.OpResume
}

// What a process has used comes along with the calls after which somebody asks, whether
// their sites have been rewritten or not.
func TestUsageComesAlong(t *testing.T) {
	slow := func(t testing.TB, p *Platform, text []byte) (*Process, *Thread) { return newGuest(t, p, text...) }
	for _, test := range []struct {
		name  string
		guest func(testing.TB, *Platform, []byte) (*Process, *Thread)
		call  byte
		along bool
	}{
		{"exit", newFast, stub.CallExit, true}, {"execve", newFast, stub.CallExecve, true}, {"getpid", newFast, 20, false},
		{"slow exit", slow, stub.CallExit, true}, {"slow execve", slow, stub.CallExecve, true}, {"slow getpid", slow, 20, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			// 1: dec %rbx; jnz 1b; mov $nr,%eax; syscall
			text := code(t, "48 ff cb 75 fb b8 00 00 00 00 0f 05")
			text[6] = test.call
			q, th := test.guest(t, newPlatform(t, Options{}), text)
			th.Regs().RBX = 1
			before, _ := used(t, q, th)
			th.Regs().RIP, th.Regs().RBX = codeAt, 100_000_000
			after, along := used(t, q, th)
			if along != test.along {
				t.Errorf("it came along: %v", along)
			}
			if spent := after.User + after.System - before.User - before.System; spent < time.Millisecond {
				t.Errorf("100 million rounds took %v", spent)
			}
		})
	}
}

// It is not all that the process will have used if somebody else of it runs, or has run
// since.
func TestUsageBesideOthers(t *testing.T) {
	// 1: mov $1,%eax; syscall; jmp 1b
	q, th := newFast(t, newPlatform(t, Options{}), code(t, "b8 01 00 00 00 0f 05 eb f7"))
	wantKind(t, th.Run(), Syscall)
	q.Map(th, codeAt+0x10000, 4096, 7, 0x22, -1, 0)
	q.Write(codeAt+0x10000, spinLoop)
	nt := newLWP(t, th)
	nt.Regs().RIP = codeAt + 0x10000

	if _, along := used(t, q, th); !along {
		t.Error("before the other one runs, it does not come along")
	}
	run := func() chan Trap {
		done := make(chan Trap)
		go func() { done <- nt.Run() }()
		for nt.state.Load() != threadRunning {
			runtime.Gosched()
		}
		return done
	}
	end := func(done chan Trap) {
		nt.Kick()
		wantKind(t, <-done, Kicked)
	}
	running := run()
	if _, along := used(t, q, th); along {
		t.Error("it came along while the other one runs")
	}
	end(running)
	wantKind(t, th.Run(), Syscall)
	end(run())
	th.slot.Poke32(stub.OffOp, stub.OpResume)
	if q.Usage(th); th.slot.Peek32(stub.OffOp) == stub.OpResume {
		t.Error("what the other one has used since is lost")
	}
}

// If a process has been quiet since a generation, no other thread of it has been in guest code: whatever moment the generation
// is taken at, or asked about. There is no guest: what one would use is counted between markRunning and the trap. The moments that matter
// are few nanoseconds long; the race detector makes them longer.
func TestQuietSince(t *testing.T) {
	q := &Process{threads: map[*Thread]struct{}{}}
	other := &Thread{proc: q, slot: stub.SlotAt(make([]byte, stub.OffStack), 0, stub.OffStack)}
	q.threads[other] = struct{}{}
	var used atomic.Int64
	var over atomic.Bool
	var entering sync.WaitGroup
	entering.Go(func() {
		for !over.Load() {
			other.markRunning()
			compute(50)
			used.Add(1)
			other.state.Store(threadInside)
			compute(2000)
		}
	})
	for quiet := 0; quiet < 20_000; {
		m, ok := q.othersGuestEntries(nil)
		if !ok {
			continue
		}
		before := used.Load()
		compute(500)
		after := used.Load()
		if !q.quietSince(nil, m) {
			continue
		}
		if quiet++; before != after {
			t.Errorf("%d entries were missed", after-before)
			break
		}
	}
	over.Store(true)
	entering.Wait()
}

func compute(rounds uint32) {
	var word uint32
	spinWhile(&word, 0, rounds/50) // of PAUSE
}
