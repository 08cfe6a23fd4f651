package platform

import (
	"errors"
	"os"
	"os/exec"
	"testing"

	"golang.org/x/sys/unix"

	"toaster/internal/hostlimits"
)

// Copies of a stopped guest are as it was when they were made, and nobody else's; what
// is not taken goes with the nursery.
func TestNursery(t *testing.T) {
	p := newPlatform(t, Options{Warm: -1})
	q, th := newFast(t, p, code(t, callMany))
	th.Regs().RBX = 7
	wantKind(t, th.Run(), Syscall)
	q.Write(dataAt, []byte("seed"))
	n, err := p.NewNursery(th, 2)
	if err != nil {
		t.Fatal(err)
	}
	var copies []*Process
	for range 5 {
		waitFor(t, "copies", func() bool { return p.Stats().Warm == 3 })
		cq, ct, ok := n.Take()
		if !ok {
			t.Fatal("none is ready")
		}
		copies = append(copies, cq)
		b := make([]byte, 4)
		if cq.Read(dataAt, b); string(b) != "seed" || *ct.Regs() != *th.Regs() {
			t.Errorf("%q, %+v", b, ct.Regs())
		}
		cq.Write(dataAt, []byte("copy"))
		ct.Regs().RBX++
		wantKind(t, ct.Run(), Syscall)
		if !ct.light || ct.Regs().RBX != 8 {
			t.Errorf("light %v, %+v", ct.light, ct.Regs())
		}
	}
	waitFor(t, "copies", func() bool { return p.Stats().Warm == 3 })
	n.Close()
	n.Close()
	if _, _, ok := n.Take(); ok {
		t.Error("a closed nursery gives")
	}
	for _, c := range copies {
		c.Release()
	}
	waitFor(t, "all to be gone", func() bool { s := p.Stats(); return s.Processes == 0 && s.Warm == 0 && s.Windows == 1 })
}

// Where copies have created LWPs, threads are parked for those of the next.
func TestNurseryExpects(t *testing.T) {
	p := newPlatform(t, Options{Warm: -1})
	_, th := newFast(t, p, code(t, callMany))
	n, err := p.NewNursery(th, 1)
	if err != nil {
		t.Fatal(err)
	}
	n.Expect(3)
	n.Expect(2)
	for range 2 { // the first may have been made before
		waitFor(t, "a copy", func() bool { return p.Stats().Warm == 2 })
		q, ct, ok := n.Take()
		if !ok {
			t.Fatal("none is ready")
		}
		defer q.Release()
		wantKind(t, ct.Run(), Syscall)
	}
	waitFor(t, "a copy", func() bool { return p.Stats().Warm == 2 && p.Stats().Parked%3 == 0 })
	q, ct, _ := n.Take()
	defer q.Release()
	waitForParked(t, q)
	before := len(tasks(t, q))
	for range 3 {
		if _, err := ct.NewThread(); err != nil {
			t.Fatal(err)
		}
	}
	if after := len(tasks(t, q)); before != 4 || after != 4 {
		t.Errorf("%d host threads, and with 3 LWPs more %d", before, after)
	}
}

func TestNurseryOfClosedPlatform(t *testing.T) {
	p := newPlatform(t, Options{})
	q, th := newGuest(t, p, syscallLoop...)
	n, err := p.NewNursery(th, 2)
	if err != nil {
		t.Fatal(err)
	}
	p.Close()
	<-q.Gone()
	if _, _, ok := n.Take(); ok {
		t.Error("it gives what is dead")
	}
	if _, err := p.NewNursery(th, 2); err == nil {
		t.Error("a new one")
	}
}

// What is kept ready for guests leaves the reserve of descriptors alone, as guests do (admitProcess). The test runs itself with few, as
// the limit is the process's and looked up once.
func TestNurseryLeavesTheReserve(t *testing.T) {
	const few = "TOASTER_FEW_DESCRIPTORS"
	if os.Getenv(few) == "" {
		cmd := exec.Command("/bin/sh", "-c", `ulimit -n 128 && exec "$0" -test.run '^TestNurseryLeavesTheReserve$'`, os.Args[0])
		cmd.Env = append(os.Environ(), few+"=1")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("%v\n%s", err, out)
		}
		return
	}
	p := newPlatform(t, Options{Warm: -1})
	_, th := newFast(t, p, code(t, callMany))
	n, err := p.NewNursery(th, 1)
	if err != nil {
		t.Fatal(err)
	}
	waitFor(t, "a copy", func() bool { return p.Stats().Warm == 2 })
	for fd := 0; !hostlimits.Scarce(fd); {
		if fd, err = unix.Dup(0); err != nil {
			t.Fatal(err)
		}
	}
	for name, more := range map[string]func() (*Thread, error){"Fork": n.Fork, "makeCopy": n.makeCopy} {
		if _, err := more(); !errors.Is(err, unix.EAGAIN) {
			t.Errorf("%s of the reserve: %v, want EAGAIN", name, err)
		}
	}
}
