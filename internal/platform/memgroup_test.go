package platform

import (
	"math"
	"os"
	"testing"

	"golang.org/x/sys/unix"
)

// touchPages writes to each of RCX pages from RDI on, then says so by a system call.
var touchPages = []byte{
	0x88, 0x07, // mov %al, (%rdi)
	0x48, 0x81, 0xc7, 0x00, 0x10, 0x00, 0x00, // add $0x1000, %rdi
	0x48, 0xff, 0xc9, // dec %rcx
	0x75, 0xf2, // jnz
	0xb8, 0x14, 0x00, 0x00, 0x00, // mov $20, %eax (getpid)
	0x0f, 0x05, // syscall
}

// newGroupGuest returns a guest that is about to touch size bytes which nobody has counted, on a
// platform with a limit.
func newGroupGuest(t *testing.T, memory, size uint64, over func()) (*Platform, *Process, *Thread) {
	p := newPlatform(t, Options{Memory: memory, OverMemory: over})
	if p.group == nil {
		t.Skip("this host grants no control group")
	}
	q, th := newGuest(t, p, touchPages...)
	const at = 1 << 32
	if err := q.Map(th, at, size, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE, -1, 0); err != nil {
		t.Fatal(err)
	}
	th.Regs().RDI, th.Regs().RCX = at, size/4096
	return p, q, th
}

// SECURITY.md, "Limits": whichever way guests come by memory, they use no more than their group has;
// who does is killed, the embedder is told, and other guests go on.
func TestGroupLimitsGuests(t *testing.T) {
	const memory = 16 << 20
	told := 0
	p, q, th := newGroupGuest(t, memory, 2*groupLimit(memory), func() { told++ })
	wantKind(t, th.Run(), Gone)
	<-q.gone
	if told != 1 {
		t.Errorf("told %d times", told)
	}
	_, other := newGuest(t, p, spinLoop...)
	if _, child, err := other.Fork(); err != nil {
		t.Error(err)
	} else {
		child.proc.Kill()
		child.proc.Release()
	}
}

// What is counted fits: a guest that uses all of its limit lives, and so does who uses more than it
// was promised for what it costs the host.
func TestGroupAdmitsTheLimit(t *testing.T) {
	const memory = 128 << 20
	_, _, th := newGroupGuest(t, memory, memory, func() { t.Error("told") })
	wantKind(t, th.Run(), Syscall)
}

// A closed platform's group is gone.
func TestGroupIsRemoved(t *testing.T) {
	p, _, th := newGroupGuest(t, 1<<30, 1<<20, nil)
	wantKind(t, th.Run(), Syscall)
	p.Close()
	if _, err := os.Stat(p.group.Path()); !os.IsNotExist(err) {
		t.Errorf("%s is left: %v", p.group.Path(), err)
	}
}

func TestGroupLimit(t *testing.T) {
	for memory, want := range map[uint64]uint64{
		1 << 20:        1<<20 + 1<<18 + 64<<20,
		1 << 30:        1<<30 + 1<<28 + 64<<20,
		math.MaxUint64: 1<<62 + 1<<60 + 64<<20,
	} {
		if got := groupLimit(memory); got != want {
			t.Errorf("%d: %d, want %d", memory, got, want)
		}
	}
}
