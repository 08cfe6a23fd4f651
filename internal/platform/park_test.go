package platform

import (
	"os"
	"slices"
	"testing"
	"time"

	"toaster/internal/platform/stub"
)

// births are the ways in which an LWP is created: by a thread in a signal frame, or in a
// light trap, in a thread that is parked in either.
func births(t *testing.T, f func(t *testing.T, q *Process, th *Thread)) {
	t.Run("frame", func(t *testing.T) {
		q, th := newGuest(t, newPlatform(t, Options{}), code(t, callMany)...)
		wantKind(t, th.Run(), Syscall)
		f(t, q, th)
	})
	t.Run("light", func(t *testing.T) {
		q, th := newFast(t, newPlatform(t, Options{}), code(t, callMany))
		wantKind(t, th.Run(), Syscall)
		wantKind(t, th.Run(), Syscall)
		if !th.light {
			t.Fatal("not a light trap")
		}
		f(t, q, th)
	})
	t.Run("light from frame", func(t *testing.T) {
		q, th := newFast(t, newPlatform(t, Options{}), code(t, callMany))
		if err := th.Prepare(3); err != nil { // before it has run
			t.Fatal(err)
		}
		wantKind(t, th.Run(), Syscall)
		wantKind(t, th.Run(), Syscall)
		f(t, q, th)
	})
}

func newLWP(t testing.TB, th *Thread) *Thread {
	t.Helper()
	nt, err := th.NewThread()
	if err != nil {
		t.Fatal(err)
	}
	return nt
}

// waitForParked waits until those are parked that are to be.
func waitForParked(t *testing.T, q *Process) {
	t.Helper()
	waitFor(t, "threads to be parked", func() bool {
		q.mu.Lock()
		defer q.mu.Unlock()
		return !slices.ContainsFunc(q.parked, func(n *Thread) bool { return n.slot.LoadTurn() < stub.TurnKernel })
	})
}

// What an earlier LWP's thread was told to do before it was parked is not expected of the next
// one: that would be killed for what it computes instead.
func TestBornWithoutDuties(t *testing.T) {
	births(t, func(t *testing.T, q *Process, th *Thread) {
		first := newLWP(t, th)
		first.Exit()
		waitForParked(t, q)
		next := newLWP(t, th)
		if next.tid != first.tid {
			t.Fatal("not born in the thread that rested")
		}
		if d, _ := next.duty(); d != dutyNone {
			t.Errorf("duty %d is left", d)
		}
	})
}

// An LWP that is born in a parked thread has its creator's registers and FP state, and
// nothing of who was there before.
func TestBornInParkedThread(t *testing.T) {
	births(t, func(t *testing.T, q *Process, th *Thread) {
		first := newLWP(t, th)
		other := fpOf(9)
		first.SetFP(&other)
		first.Regs().FSBase, first.Regs().R13 = dataAt+64, 13
		first.SetLWP(77)
		wantKind(t, first.Run(), Syscall)
		id := first.ID()
		first.Exit()
		waitForParked(t, q)
		before := len(tasks(t, q))
		for i := range 20 {
			fx := fpOf(byte(20 + i))
			th.SetFP(&fx)
			th.Regs().FSBase, th.Regs().R12 = uint64(dataAt+8*i), uint64(i)
			want := *th.Regs()
			nt := newLWP(t, th)
			if nt.ID() != id {
				t.Fatalf("born in thread %d, and %d is parked", nt.ID(), id)
			}
			if got := *nt.Regs(); got != want {
				t.Fatalf("%+v, want %+v", got, want)
			}
			wantFP(t, nt, fx)
			if v := nt.slot.Peek(stub.OffLWP); v != 0 {
				t.Errorf("the stub knows LWP %d", v)
			}
			wantKind(t, nt.Run(), Syscall)
			if r := nt.Regs(); r.FSBase != want.FSBase || r.R12 != uint64(i) || r.R13 != want.R13 {
				t.Fatalf("after a call: %+v", r)
			}
			wantFP(t, nt, fx)
			nt.Exit()
			waitForParked(t, q)
		}
		if n := len(tasks(t, q)); n != before {
			t.Errorf("%d host threads, then %d", before, n)
		}
	})
}

// The process lives on when its first LWP has ended (_lwp_exit(2)), however many threads are parked and whether any are to be:
// the kernel still reaches its memory, and lends it files and takes them back.
func TestFirstThreadEnds(t *testing.T) {
	for _, c := range []struct {
		name   string
		others int // LWPs that end before
		lean   bool
	}{{"nothing is kept ready", 0, true}, {"enough are parked", maxParked, false}, {"both", maxParked, true}} {
		t.Run(c.name, func(t *testing.T) {
			p := newPlatform(t, Options{Warm: -1})
			q, th := newGuest(t, p, code(t, callMany)...)
			left := newLWP(t, th)
			if c.others > 0 {
				th.Prepare(c.others)
			}
			p.lean.Store(c.lean)
			th.Exit()
			p.dropReady()
			waitForParked(t, q)
			if b := make([]byte, 8); !readAll(q, b) {
				t.Error("its memory is out of reach")
			}
			if p.LendsFiles() {
				lend(t, left, fileOf(t, "0123456789", os.O_RDONLY), MayRead)
				q.UnlendFile(lentAs)
				left.ReturnFiles()
			}
			if got := descriptors(t, q); len(got) != 0 || q.ended.Load() {
				t.Errorf("descriptors %s, ended: %v", got, q.ended.Load())
			}
			left.Exit()
			within(t, "the process to end", func() { <-q.Gone() })
		})
	}
}

// readAll reads b from where guests have data.
func readAll(q *Process, b []byte) bool {
	_, ok := q.Read(dataAt, b)
	return ok
}

// A kick for the LWP that has ended is none for the one that is born there.
func TestLateKickOfParkedThread(t *testing.T) {
	births(t, func(t *testing.T, q *Process, th *Thread) {
		for range 300 {
			nt := newLWP(t, th)
			wantKind(t, nt.Run(), Syscall)
			go nt.Kick()
			nt.Exit()
			nt.Kick()
			nt = newLWP(t, th)
			wantKind(t, nt.Run(), Syscall)
			nt.Exit()
		}
	})
}

// The time that an LWP has used begins at nothing.
func TestCPUTimeInParkedThread(t *testing.T) {
	// 1: dec %rbx; jnz 1b; mov $39,%eax; syscall
	q, th := newGuest(t, newPlatform(t, Options{}), code(t, "48 ff cb 75 fb b8 27 00 00 00 0f 05")...)
	th.Regs().RBX = 1
	wantKind(t, th.Run(), Syscall)
	nt := newLWP(t, th)
	nt.Regs().RIP, nt.Regs().RBX = codeAt, 200_000_000
	wantKind(t, nt.Run(), Syscall)
	user, system := nt.CPUTime()
	if user+system < time.Millisecond {
		t.Errorf("200 million rounds took %v and %v", user, system)
	}
	nt.Exit()
	waitForParked(t, q)
	nt = newLWP(t, th)
	if u, s := nt.CPUTime(); u+s >= user+system {
		t.Errorf("a new LWP has used %v and %v; the one before it %v and %v", u, s, user, system)
	}
	// How Linux divides time into the two differs between thread and process.
	if all := q.Usage(th); all.User+all.System < user+system {
		t.Errorf("the process has used %v and %v: what the first one used is lost", all.User, all.System)
	}
}

// The last thread takes the process along, whoever is parked.
func TestLastThreadBesideParked(t *testing.T) {
	births(t, func(t *testing.T, q *Process, th *Thread) {
		for range 3 {
			nt := newLWP(t, th)
			defer nt.Exit()
		}
		if err := th.Prepare(2); err != nil {
			t.Fatal(err)
		}
		nt := newLWP(t, th)
		th.Exit()
		select {
		case <-q.Gone():
			t.Error("the process has ended before its last thread")
		default:
		}
		wantKind(t, nt.Run(), Syscall)
	})
}
