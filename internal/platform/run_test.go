package platform

import (
	"sync"
	"testing"
)

var syscallLoop = []byte{0x0f, 0x05, 0xeb, 0xfc} // 1: syscall; jmp 1b

func TestSyscall(t *testing.T) {
	p := newPlatform(t, Options{})
	_, th := newGuest(t, p, syscallLoop...)
	r := th.Regs()
	r.RAX, r.RDI, r.R15 = 4, 77, 0xdeadbeefcafef00d
	for i := range uint64(10) {
		wantKind(t, th.Run(), Syscall)
		if r.RAX != 4+i || r.RDI != 77 || r.R15 != 0xdeadbeefcafef00d || r.RIP != codeAt+2 {
			t.Fatalf("round %d: %+v", i, r)
		}
		r.RAX++
	}
}

func BenchmarkTrap(b *testing.B) {
	p := newPlatform(b, Options{})
	_, th := newGuest(b, p, syscallLoop...)
	for b.Loop() {
		th.Run()
	}
}

func BenchmarkRead(b *testing.B) {
	p := newPlatform(b, Options{})
	q, _ := newGuest(b, p, syscallLoop...)
	buf := make([]byte, 64)
	for b.Loop() {
		q.Read(dataAt, buf)
	}
}

// Four guests on whatever cores there are.
func BenchmarkTrapFour(b *testing.B) {
	p := newPlatform(b, Options{})
	var wg sync.WaitGroup
	b.ResetTimer()
	for range 4 {
		_, th := newGuest(b, p, syscallLoop...)
		wg.Go(func() {
			for range b.N / 4 {
				th.Run()
			}
		})
	}
	wg.Wait()
}

// A guest that computes for a while between its calls.
func BenchmarkTrapBusy(b *testing.B) {
	p := newPlatform(b, Options{})
	// 1: mov $100000,%ecx; 2: dec %ecx; jnz 2b; syscall; jmp 1b
	_, th := newGuest(b, p, code(b, "b9 a0 86 01 00 ff c9 75 fc 0f 05 eb f3")...)
	for b.Loop() {
		th.Run()
	}
}
