package platform

import (
	"testing"
	"time"

	"toaster/internal/platform/stub"
)

// callClock: mov $427,%eax; syscall; mov %eax,%ebx; sbb %ecx,%ecx; mov $1,%eax; syscall
const callClock = "b8 ab 01 00 00 0f 05 89 c3 19 c9 b8 01 00 00 00 0f 05"

func guestClockRead(t testing.TB, th *Thread, q *Process, id uint64) time.Duration {
	t.Helper()
	r := th.Regs()
	*r = Regs{RIP: codeAt, RDI: id, RSI: dataAt + 8, RDX: 7, RFLAGS: 1}
	wantKind(t, th.Run(), Syscall)
	if r.RAX != 1 || r.RBX != 0 || r.RCX != codeAt+18 || r.RDX != 0 {
		t.Fatalf("clock %d: %+v", id, r)
	}
	return time.Duration(peek(t, q, dataAt+8))*time.Second + time.Duration(peek(t, q, dataAt+16))
}

func TestStubAnswersClocks(t *testing.T) {
	p := newPlatform(t, Options{})
	q, th := newGuest(t, p, code(t, callClock)...)
	for range 100 {
		before := Monotonic()
		got := guestClockRead(t, th, q, stub.GuestMonotonic)
		if after := Monotonic(); got < before || got > after {
			t.Fatalf("%v is not between %v and %v", got, before, after)
		}
		early := time.Now().UnixNano()
		wall := int64(guestClockRead(t, th, q, 0))
		if late := time.Now().UnixNano(); wall < early || wall > late {
			t.Fatalf("%v is not between %v and %v", wall, early, late)
		}
	}
}

func TestStubLeavesTheUnusualToTheKernel(t *testing.T) {
	p := newPlatform(t, Options{})
	for _, test := range []struct {
		name string
		id   uint64
		at   uint64
	}{
		{"unmapped", 3, 0x100000},
		{"null", 0, 0},
		{"across an end", 3, dataAt + 0x10000 - 8},
		{"another clock", 1, dataAt},
		{"thread clock", 0x20000000, dataAt},
		{"end of the guest", 3, GuestEnd - 8},
		{"stub", 3, stub.Addr},
		{"configuration", 3, stub.ConfigAddr},
		{"slot", 3, stub.WindowAddr + stub.OffTurn},
		{"slot's stack", 3, stub.WindowAddr + stub.OffStack + 0x1000},
		{"not canonical", 3, 1 << 60},
		{"kernel", 3, ^uint64(0) - 15},
	} {
		t.Run(test.name, func(t *testing.T) {
			q, th := newGuest(t, p, code(t, callClock)...)
			r := th.Regs()
			r.RDI, r.RSI, r.RDX = test.id, test.at, 7
			wantKind(t, th.Run(), Syscall)
			if r.RAX != stub.CallClockGettime || r.RDI != test.id || r.RSI != test.at || r.RDX != 7 || r.RIP != codeAt+7 {
				t.Errorf("%+v", r)
			}
			intact(t, q)
		})
	}
}

func TestTrapAll(t *testing.T) {
	p := newPlatform(t, Options{TrapAll: true})
	_, th := newGuest(t, p, syscallLoop...)
	for _, nr := range []uint64{stub.CallClockGettime, stub.CallSchedYield} {
		th.Regs().RAX = nr
		wantKind(t, th.Run(), Syscall)
		if th.Regs().RAX != nr {
			t.Errorf("%d became %d", nr, th.Regs().RAX)
		}
	}
}

// A guest that asks for the time all the time hears kicks, and keeps its registers.
func TestKicksAndAnswers(t *testing.T) {
	p := newPlatform(t, Options{})
	// 1: mov $427,%eax; syscall; mov $350,%eax; syscall; inc %rbx; cmp $30000,%rbx; jne 1b; ud2
	_, th := newGuest(t, p, code(t, "b8 ab 01 00 00 0f 05 b8 5e 01 00 00 0f 05 48 ff c3 48 81 fb 30 75 00 00 75 e6 0f 0b")...)
	r := th.Regs()
	r.RDI, r.RSI, r.R15, r.R14, r.R9, r.RBP = 3, dataAt, 15, 14, 9, 5
	kicker := kickOften(th, func() { time.Sleep(10 * time.Microsecond) })
	within(t, "guest", func() {
		kicks := 0
		for {
			trap := kicker.run()
			if trap.Kind == Kicked {
				kicks++
				continue
			}
			wantKind(t, trap, Fault)
			break
		}
		t.Log(kicks, "kicks")
	})
	kicker.stop()
	if r.RBX != 30000 || r.RDI != 3 || r.RSI != dataAt || r.R15 != 15 || r.R14 != 14 || r.R9 != 9 || r.RBP != 5 || r.RSP != stackAt+0x8000 {
		t.Errorf("%+v", r)
	}
}

func BenchmarkClock(b *testing.B) {
	p := newPlatform(b, Options{})
	// 1: mov $427,%eax; syscall; dec %rbx; jnz 1b; mov $1,%eax; syscall
	_, th := newGuest(b, p, code(b, "b8 ab 01 00 00 0f 05 48 ff cb 75 f4 b8 01 00 00 00 0f 05")...)
	r := th.Regs()
	r.RDI, r.RSI, r.RBX = 3, dataAt, uint64(b.N)
	wantKind(b, th.Run(), Syscall)
}
