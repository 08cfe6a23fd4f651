package host

import "testing"

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
