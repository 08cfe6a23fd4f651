package platform

import (
	"slices"
	"testing"

	"golang.org/x/sys/unix"
)

// readBases is mov %fs:0,%rdi; mov %gs:0,%rsi; syscall.
var readBases = []byte{
	0x64, 0x48, 0x8b, 0x3c, 0x25, 0, 0, 0, 0,
	0x65, 0x48, 0x8b, 0x34, 0x25, 0, 0, 0, 0,
	0x0f, 0x05,
}

// The bases of FS and GS are a thread's own and follow Regs, whether the processor has
// instructions for them or the host sets them: through traps, for a new thread and for the
// child of a fork, which begins with its parent's.
func TestSegmentBases(t *testing.T) {
	for name, alter := range map[string]func(*Platform){
		"as this host has them": nil,
		"without FSGSBASE":      func(p *Platform) { p.fsgsbase, p.canRewrite = false, false },
	} {
		t.Run(name, func(t *testing.T) {
			p := newPlatform(t, Options{beforeStart: alter})
			q, th := newGuest(t, p, readBases...)
			basesAreOwn(t, q, th)
		})
	}
}

// The same holds once the guest has got GS from the stub (OwnGS), for threads that had stopped in light traps, too.
func TestOwnGS(t *testing.T) {
	p := newPlatform(t, Options{})
	code := slices.Concat(readBases[:len(readBases)-2], []byte{0xb8, 20, 0, 0, 0}, readBases[len(readBases)-2:]) // and mov $20,%eax
	q, th := newGuest(t, p, code...)
	rw := rewriteAt(t, q, th, islandsAt, codeAt, code)
	th.Regs().FSBase = dataAt
	wantKind(t, th.Run(), Syscall)
	sibling, err := th.NewThread()
	if err != nil {
		t.Fatal(err)
	}
	sibling.Regs().RIP = codeAt
	wantKind(t, sibling.Run(), Syscall)
	if !th.light || !sibling.light || th.Regs().GSBase != 0 {
		t.Fatalf("light %v and %v, base %#x", th.light, sibling.light, th.Regs().GSBase)
	}
	if !q.Restore(rw) {
		t.Fatal("Restore failed")
	}
	q.OwnGS()
	basesAreOwn(t, q, th)
	wantBases(t, sibling, 9, 10)
}

// basesAreOwn looks at th's bases, and at those of a child and a sibling.
func basesAreOwn(t *testing.T, q *Process, th *Thread) {
	t.Helper()
	for i := range byte(64) {
		q.Write(dataAt+8*uint64(i), []byte{i, 0, 0, 0, 0, 0, 0, 0})
	}
	wantBases(t, th, 1, 2)
	wantBases(t, th, 3, 2)
	wantBases(t, th, 3, 4)
	child, cth, err := th.Fork()
	if err != nil {
		t.Fatal(err)
	}
	defer child.Release()
	sees(t, cth, 3, 4)
	wantBases(t, cth, 5, 6)
	other, err := th.NewThread()
	if err != nil {
		t.Fatal(err)
	}
	*other.Regs() = *th.Regs()
	wantBases(t, other, 7, 8)
	sees(t, th, 3, 4)
	sees(t, other, 7, 8)
	sees(t, cth, 5, 6)
}

// wantBases has a thread see other numbers at its bases.
func wantBases(t *testing.T, th *Thread, fs, gs uint64) {
	t.Helper()
	th.Regs().FSBase, th.Regs().GSBase = dataAt+8*fs, dataAt+8*gs
	sees(t, th, fs, gs)
}

// sees runs readBases.
func sees(t *testing.T, th *Thread, fs, gs uint64) {
	t.Helper()
	r := th.Regs()
	r.RIP = codeAt
	wantKind(t, th.Run(), Syscall)
	r = th.Regs()
	if r.RDI != fs || r.RSI != gs {
		t.Errorf("at FS %d, at GS %d; want %d and %d", r.RDI, r.RSI, fs, gs)
	}
	if r.FSBase != dataAt+8*fs || r.GSBase != dataAt+8*gs {
		t.Errorf("bases %#x and %#x", r.FSBase, r.GSBase)
	}
}

// A base that nobody may have is none.
func TestSegmentBaseOutOfRange(t *testing.T) {
	p := newPlatform(t, Options{beforeStart: func(p *Platform) { p.fsgsbase, p.canRewrite = false, false }})
	_, th := newGuest(t, p, readBases...)
	th.Regs().FSBase = 1 << 63
	if trap := th.Run(); trap.Kind != Fault || trap.Signo != int(unix.SIGSEGV) || trap.Addr != 0 {
		t.Errorf("%+v, want a fault at the address 0", trap)
	}
}
