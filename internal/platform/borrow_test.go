package platform

import (
	"bytes"
	"strings"
	"sync"
	"testing"
	"time"
)

func borrow(t testing.TB, th *Thread) *Thread {
	t.Helper()
	n, err := th.Borrow()
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// A vfork child has its parent's registers and FP state, and whatever it makes of them the parent has its own afterwards, as
// two LWPs of NetBSD's have.
func TestBorrowedThread(t *testing.T) {
	births(t, func(t *testing.T, q *Process, th *Thread) {
		before := len(tasks(t, q))
		for i := range 20 {
			fx, other := fpOf(byte(20+i)), fpOf(byte(90+i))
			th.SetFP(&fx)
			th.PublishMask(uint64(i), LentMask)
			th.Regs().FSBase, th.Regs().R12 = uint64(dataAt+8*i), uint64(i)
			want := *th.Regs()
			n := borrow(t, th)
			if got := *n.Regs(); got != want || n.ID() != th.ID() {
				t.Fatalf("%+v, want %+v", got, want)
			}
			if th.Lends(LentMask) != 0 || n.Lends(LentMask) != 0 {
				t.Error("a mask is still lent")
			}
			if i%2 == 0 {
				wantFP(t, n, fx)
			}
			n.PublishMask(^uint64(i), LentMask)
			wantKind(t, n.Run(), Syscall)
			n.SetFP(&other)
			n.Regs().FSBase, n.Regs().R12, n.Regs().R13 = dataAt+0x800, 77, 78
			wantKind(t, n.Run(), Syscall)
			wantFP(t, n, other)
			wantFP(t, th, fx)
			if _, running := th.Mask(); running {
				t.Error("who has lent a thread runs")
			}
			n.Exit()
			th.Reclaim()
			if got := *th.Regs(); got != want {
				t.Fatalf("given back: %+v, want %+v", got, want)
			}
			wantFP(t, th, fx)
			th.PublishMask(uint64(i), 0)
			if m := th.slot.Mask(); m != uint64(i) {
				t.Errorf("mask %#x, want %#x", m, i)
			}
			wantKind(t, th.Run(), Syscall)
			if r := th.Regs(); r.FSBase != want.FSBase || r.R12 != want.R12 || r.R13 != want.R13 {
				t.Fatalf("after a call: %+v", r)
			}
			wantFP(t, th, fx)
		}
		if n := len(tasks(t, q)); n != before {
			t.Errorf("%d host threads, then %d", before, n)
		}
	})
}

// A kick of the parent's is for the parent: the child does not take it, and it is not lost.
func TestKickOfWhoHasLentItsThread(t *testing.T) {
	births(t, func(t *testing.T, q *Process, th *Thread) {
		n := borrow(t, th)
		th.Kick()
		wantKind(t, n.Run(), Syscall)
		n.Kick()
		wantKind(t, n.Run(), Kicked)
		n.Exit()
		th.Reclaim()
		wantKind(t, th.Run(), Kicked)
		wantKind(t, th.Run(), Syscall)
	})
}

// A child that has a vfork child itself lends what it has borrowed.
func TestBorrowedThreadIsLent(t *testing.T) {
	births(t, func(t *testing.T, q *Process, th *Thread) {
		n := borrow(t, th)
		n.Regs().R12 = 1
		m := borrow(t, n)
		m.Regs().R12 = 2
		wantKind(t, m.Run(), Syscall)
		m.Exit()
		n.Reclaim()
		wantKind(t, n.Run(), Syscall)
		if n.Regs().R12 != 1 {
			t.Errorf("R12 is %d", n.Regs().R12)
		}
		n.Exit()
		th.Reclaim()
		wantKind(t, th.Run(), Syscall)
	})
}

// Whoever waits for its thread goes on when the process is killed, whatever has become of the child.
func TestProcessWithABorrowerIsKilled(t *testing.T) {
	births(t, func(t *testing.T, q *Process, th *Thread) {
		n := borrow(t, th)
		q.Kill()
		th.Reclaim()
		wantKind(t, th.Run(), Gone)
		wantKind(t, n.Run(), Gone)
		n.Exit()
		if _, err := n.Borrow(); err == nil {
			t.Error("a thread of a dead process is lent")
		}
	})
}

// The host process dies while the vfork child returns the host thread to its parent. Once Reclaim has returned, only the parent's goroutine
// writes the fields of the parent's Thread; the race detector would report another writer. The test holds the child up at its debug
// registers, which the platform clears for one thread at a time.
func TestProcessDiesAsItsThreadIsGivenBack(t *testing.T) {
	p := newPlatform(t, Options{})
	for range 20 {
		q, th := newGuest(t, p, syscallLoop...)
		wantKind(t, th.Run(), Syscall)
		n := borrow(t, th)
		n.debugging = true
		tracing := p.beTracer()
		var both sync.WaitGroup
		both.Go(n.Exit)
		waitFor(t, "the borrower to begin", func() bool { return n.state.Load() == threadInside })
		q.Kill()
		<-q.Gone()
		both.Go(func() {
			th.Reclaim()
			th.light, th.trapAll, th.chatty, th.debugging, th.usedBefore = false, false, false, false, Usage{}
		})
		tracing()
		within(t, "lender and borrower", both.Wait)
		wantKind(t, th.Run(), Gone)
	}
}

// An LWP's processor time is its own: what a vfork child uses is not its parent's, and the child begins at nothing.
func TestCPUTimeOfABorrower(t *testing.T) {
	// 1: dec %rbx; jnz 1b; mov $39,%eax; syscall
	_, th := newGuest(t, newPlatform(t, Options{}), code(t, "48 ff cb 75 fb b8 27 00 00 00 0f 05")...)
	spin := func(th *Thread, rounds uint64) time.Duration {
		th.Regs().RIP, th.Regs().RBX = codeAt, rounds
		wantKind(t, th.Run(), Syscall)
		user, system := th.CPUTime()
		return user + system
	}
	const many = 200_000_000
	parent := spin(th, many)
	n := borrow(t, th)
	if user, system := th.CPUTime(); user+system < parent || user+system > 2*parent {
		t.Errorf("who has used %v has used %v when it has lent its thread", parent, user+system)
	}
	if used := spin(n, 1); used >= parent/2 {
		t.Errorf("a borrower that has done nothing has used %v of its parent's %v", used, parent)
	}
	child := spin(n, 4*many)
	if child < parent {
		t.Errorf("four times as much took %v, and %v before", child, parent)
	}
	n.Exit()
	th.Reclaim()
	if user, system := th.CPUTime(); user+system < parent || user+system >= parent+child/2 {
		t.Errorf("the parent has used %v and then %v, the child %v", parent, user+system, child)
	}
}

// A vfork child may do as it likes with AVX registers, too, and a debugger finds the parent's while the child runs.
func TestExtendedStateOfWhoHasLentItsThread(t *testing.T) {
	if !strings.Contains(readFile(t, "/proc/cpuinfo"), " avx ") {
		t.Skip("no AVX")
	}
	want, other := []byte("thirty-two bytes for one ymm reg"), []byte("others, by a debugger's own word")
	for name, call := range map[string]string{"light": "b8 14 00 00 00 0f 05 ", "frame": "0f 05 "} {
		t.Run(name, func(t *testing.T) {
			p := newPlatform(t, Options{})
			text := code(t, "c5 fe 6f 04 25 00 00 50 00"+call+"c5 fc 77"+call+"c5 fe 7f 04 25 40 00 50 00"+call)
			q, th := newGuest(t, p, text...)
			if name == "light" {
				q, th = newFast(t, p, text)
			}
			trap := func(th *Thread, rip uint64) {
				th.Regs().RIP = rip
				wantKind(t, th.Run(), Syscall)
			}
			start := th.Regs().RIP
			q.Write(dataAt, other)
			trap(th, start)
			others := th.SaveX()
			for _, debugger := range []bool{false, true} {
				q.Write(dataAt, want)
				trap(th, start)
				if th.light != (name == "light") {
					t.Fatalf("light is %v", th.light)
				}
				behind := th.Regs().RIP
				n := borrow(t, th)
				done := make(chan struct{})
				go func() {
					defer close(done)
					for range 50 {
						n.Regs().RIP = behind // vzeroall
						if n.Run().Kind != Syscall {
							return
						}
					}
				}()
				for range 50 {
					th.SaveX()
				}
				if debugger {
					th.RestoreX(others)
				}
				if x := th.SaveX(); debugger && !bytes.HasPrefix(x[160:], other[:16]) || !debugger && !bytes.HasPrefix(x[160:], want[:16]) {
					t.Errorf("ymm0 begins with %q", x[160:176])
				}
				<-done
				n.Exit()
				th.Reclaim()
				trap(th, behind+uint64(len(code(t, "c5 fc 77"+call))))
				wantYMM(t, name, q, map[bool][]byte{false: want, true: other}[debugger])
			}
		})
	}
}
