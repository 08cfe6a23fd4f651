package platform

import (
	"net"
	"os"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"toaster/internal/platform/stub"
	"toaster/netbsd"
)

// pipeOf is a pipe of the host, whose ends wait.
func pipeOf(t testing.TB) (r, w *os.File) {
	t.Helper()
	var fds [2]int
	if err := unix.Pipe2(fds[:], unix.O_CLOEXEC); err != nil {
		t.Fatal(err)
	}
	r, w = os.NewFile(uintptr(fds[0]), "r"), os.NewFile(uintptr(fds[1]), "w")
	t.Cleanup(func() { r.Close(); w.Close() })
	return r, w
}

// queued is how many bytes are in the pipe of f.
func queued(t testing.TB, f *os.File) int {
	t.Helper()
	n, err := unix.IoctlGetInt(int(f.Fd()), unix.TIOCINQ)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

const (
	readsEnd  = MayRead | Waits
	writesEnd = MayWrite | Waits
	pipeRoom  = 64 << 10
)

// What is there is read, and what there is room for written, without the kernel; so is the end.
func TestPipeInTheStub(t *testing.T) {
	p := newPlatform(t, Options{})
	for name, c := range map[string]struct {
		rights uint32
		nr     int
		before string
		closed bool
		n      uint64
		result uint64
		left   int
	}{
		"read":         {readsEnd, netbsd.SYS_read, "abcdef", false, 4, 4, 2},
		"read less":    {readsEnd, netbsd.SYS_read, "abcdef", false, 100, 6, 0},
		"read the end": {readsEnd, netbsd.SYS_read, "", true, 4, 0, 0},
		"write":        {writesEnd, netbsd.SYS_write, "ab", false, 4, 4, 6},
	} {
		r, w := pipeOf(t)
		w.WriteString(c.before)
		end := r
		if c.rights&MayWrite != 0 {
			end = w
		}
		if c.closed {
			w.Close()
		}
		_, th := newTransfer(t, p, end, c.rights, c.nr, lentAs, dataAt, c.n)
		if !answered(t, th, uint64(c.nr)) || th.slot.Answer() != c.result || queued(t, r) != c.left {
			t.Errorf("%s: %d, %d left", name, th.slot.Answer(), queued(t, r))
		}
		if th.Asleep() {
			t.Errorf("%s: asleep", name)
		}
	}
}

// What the other side has not is EAGAIN for who has O_NONBLOCK set (read(2), write(2)).
func TestPipeThatDoesNotWait(t *testing.T) {
	p := newPlatform(t, Options{})
	r, w := pipeOf(t)
	unix.SetNonblock(int(r.Fd()), true)
	q, th := newTransfer(t, p, r, readsEnd, netbsd.SYS_read, lentAs, dataAt, 4)
	q.Write(codeAt+7, code(t, "89 c3 19 c9 b8 01 00 00 00 0f 05")) // mov %eax,%ebx; sbb %ecx,%ecx; mov $1,%eax; syscall
	wantKind(t, th.Run(), Syscall)
	if g := th.Regs(); g.RAX != 1 || g.RBX != uint64(netbsd.EAGAIN) || g.RFLAGS&1 == 0 {
		t.Errorf("%+v", g)
	}
	w.WriteString("x")
}

// What the host refuses the kernel is asked for: a position, memory that is not there, a pipe that nobody
// reads, which raises no signal of the host's.
func TestPipeLeftToTheKernel(t *testing.T) {
	p := newPlatform(t, Options{})
	const hole = dataAt + 0x10000
	for name, c := range map[string]struct {
		nr     int
		rights uint32
		args   []uint64
	}{
		"pread":               {netbsd.SYS_pread, readsEnd, []uint64{lentAs, dataAt, 4, 0, 0}},
		"pwrite":              {netbsd.SYS_pwrite, writesEnd, []uint64{lentAs, dataAt, 4, 0, 0}},
		"lseek":               {netbsd.SYS_lseek, readsEnd, []uint64{lentAs, 0, 0, 0}},
		"read, no memory":     {netbsd.SYS_read, readsEnd, []uint64{lentAs, hole, 4}},
		"write, no memory":    {netbsd.SYS_write, writesEnd, []uint64{lentAs, hole, 4}},
		"write, not readable": {netbsd.SYS_write, writesEnd, []uint64{lentAs, dataAt, 4}},
	} {
		r, w := pipeOf(t)
		w.WriteString("abcd")
		end := r
		if c.rights&MayWrite != 0 {
			end = w
		}
		_, th := newTransfer(t, p, end, c.rights, c.nr, c.args...)
		if name == "write, not readable" {
			r.Close()
		} else if queued(t, r) != 4 {
			t.Fatal("something is gone")
		}
		if answered(t, th, uint64(c.nr)) {
			t.Errorf("%s: done", name)
		}
		if name != "write, not readable" && queued(t, r) != 4 {
			t.Errorf("%s: %d bytes left", name, queued(t, r))
		}
	}
}

// runAsleep runs th until its guest sleeps in the stub, and returns what that ends with.
func runAsleep(t *testing.T, th *Thread) <-chan Trap {
	t.Helper()
	end := make(chan Trap, 1)
	go func() { end <- th.Run() }()
	within(t, "a guest that goes to sleep", func() {
		for {
			if state, _, _, _ := th.hostState(); state == 'S' && th.Asleep() {
				return
			}
			time.Sleep(time.Millisecond)
		}
	})
	return end
}

// A guest that sleeps in a pipe is woken by the other side, and by a kick, which makes a trap of its call;
// by one that has moved something in part.
func TestAsleepInAPipe(t *testing.T) {
	p := newPlatform(t, Options{})
	for name, c := range map[string]struct {
		nr, n int
		wake  func(r, w *os.File, th *Thread)
		done  bool
		part  uint64
	}{
		"read":          {netbsd.SYS_read, 10, func(_, w *os.File, _ *Thread) { w.WriteString("abc") }, true, 0},
		"the end":       {netbsd.SYS_read, 10, func(_, w *os.File, _ *Thread) { w.Close() }, true, 0},
		"read, kicked":  {netbsd.SYS_read, 10, func(_, _ *os.File, th *Thread) { th.Kick() }, false, 0},
		"read, unlent":  {netbsd.SYS_read, 10, func(_, _ *os.File, th *Thread) { th.proc.UnlendFile(lentAs) }, false, 0},
		"write":         {netbsd.SYS_write, pipeRoom + 1, func(r, _ *os.File, _ *Thread) { r.Read(make([]byte, 8192)) }, true, 0},
		"write, kicked": {netbsd.SYS_write, pipeRoom + 100, func(_, _ *os.File, th *Thread) { th.Kick() }, false, pipeRoom},
		"write, unlent": {netbsd.SYS_write, pipeRoom + 100, func(_, _ *os.File, th *Thread) { th.proc.UnlendFile(lentAs) }, false, pipeRoom},
		"nobody reads":  {netbsd.SYS_write, pipeRoom + 100, func(r, _ *os.File, _ *Thread) { r.Close() }, false, pipeRoom},
	} {
		r, w := pipeOf(t)
		end, rights := r, uint32(readsEnd)
		if c.nr == netbsd.SYS_write {
			end, rights = w, writesEnd
		}
		q, th := newTransfer(t, p, end, rights, c.nr, lentAs, dataAt, uint64(c.n))
		if c.nr == netbsd.SYS_write {
			if err := q.Map(th, dataAt+0x10000, 0x10000, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE, -1, 0); err != nil {
				t.Fatal(err)
			}
		}
		asleep := runAsleep(t, th)
		c.wake(r, w, th)
		var trap Trap
		within(t, name, func() { trap = <-asleep })
		wantKind(t, trap, Syscall)
		g := th.Regs()
		if done := g.RAX == 42; done != c.done || trap.Part != c.part {
			t.Errorf("%s: done %v, part %d", name, done, trap.Part)
		}
		if !c.done && (g.RAX != uint64(c.nr) || g.RIP != codeAt+7 || g.RDX != uint64(c.n)) {
			t.Errorf("%s: %+v", name, g)
		}
		if th.Asleep() || th.slot.Napping() {
			t.Errorf("%s: still asleep", name)
		}
		q.Release()
	}
}

// A read that ends with a page is the kernel's to judge: the memory may have ended there.
func TestPipeReadUpToAPage(t *testing.T) {
	p := newPlatform(t, Options{})
	r, w := pipeOf(t)
	w.WriteString("abcd")
	_, th := newTransfer(t, p, r, readsEnd, netbsd.SYS_read, lentAs, dataAt+0x10000-4, 8)
	trap := th.Run()
	wantKind(t, trap, Syscall)
	if g := th.Regs(); g.RAX != netbsd.SYS_read || trap.Part != 4 || queued(t, r) != 0 {
		t.Errorf("part %d, %+v", trap.Part, g)
	}
	// It is told of once.
	th.Regs().RIP, th.Regs().RAX = codeAt, 0
	w.WriteString("ab")
	if trap = th.Run(); trap.Part != 0 && th.Regs().RAX != 42 {
		t.Errorf("part %d again", trap.Part)
	}
}

// A signal at each instruction: what was moved is moved once, and the guest or the kernel knows of it.
func TestSignalAtEveryInstructionOfAPipe(t *testing.T) {
	t.Parallel()
	m := stub.Load().Marks
	for _, c := range []struct {
		nr    int
		n     uint64
		moves int
	}{
		{netbsd.SYS_read, 4, 4},
		{netbsd.SYS_read, 40, 10},
		{netbsd.SYS_write, 0x2001, 0x2001},
		{netbsd.SYS_write, 0x10000, 0x10000 - 0x1000}, // of O_NONBLOCK, with a page of the pipe used
	} {
		var outcome tally[string]
		eachInstructionFrom(t, m.NoteTold, m.Transferred, func(p *Platform, at int) {
			r, w := pipeOf(t)
			w.WriteString("0123456789")
			end, rights := r, uint32(readsEnd)
			if c.nr == netbsd.SYS_write {
				end, rights = w, writesEnd
				unix.SetNonblock(int(w.Fd()), true)
			}
			q, th := newTransfer(t, p, nil, 0, c.nr, lentAs, dataAt, c.n)
			q.Write(codeAt+7, code(t, "48 89 c3 48 8b 44 24 08 0f 05")) // RBX gets the result, RAX 42
			lend(t, th, end, rights)
			trap := th.Run()
			for trap.Kind == Kicked {
				trap = th.Run()
			}
			wantKind(t, trap, Syscall)
			g := th.Regs()
			moved := queued(t, r) - 10
			if c.nr == netbsd.SYS_read {
				moved = -moved
			}
			switch {
			case g.RAX == 42:
				outcome.add("done")
				if moved != c.moves || g.RBX != uint64(moved) || g.RFLAGS&1 != 0 || trap.Part != 0 {
					t.Errorf("call %d, %#x: %d moved, RBX %d, part %d", c.nr, at, moved, g.RBX, trap.Part)
				}
			case trap.Part > 0:
				outcome.add("in part")
				if moved != c.moves || trap.Part != uint64(moved) {
					t.Errorf("call %d, %#x: %d moved, part %d", c.nr, at, moved, trap.Part)
				}
			default:
				outcome.add("not")
				if moved != 0 || g.RAX != uint64(c.nr) {
					t.Errorf("call %d, %#x: %d moved, %+v", c.nr, at, moved, g)
				}
			}
			q.Release()
		})
		if outcome.n["not"] == 0 || outcome.n["done"]+outcome.n["in part"] == 0 {
			t.Errorf("call %d of %d: %v", c.nr, c.n, outcome.n)
		}
	}
}

// A guest that notes parts of its own making says no more than that its calls moved as much.
func TestForgedPart(t *testing.T) {
	p := newPlatform(t, Options{})
	_, th := newTransfer(t, p, nil, 0, netbsd.SYS_read, lentAs, dataAt, 8)
	for note, want := range map[uint64]uint64{7: 7, 8: 0, ^uint64(0): 0} {
		th.slot.Poke(stub.OffPart, note)
		th.Regs().RIP = codeAt
		if trap := th.Run(); trap.Kind != Syscall || trap.Part != want {
			t.Errorf("%d noted: %+v", note, trap)
		}
		th.slot.Poke(stub.OffPart, 0)
	}
}

// What a socket tells once (so_error) the stub passes on: the kernel would not be told it again.
func TestErrorOfALentSocket(t *testing.T) {
	p := newPlatform(t, Options{})
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Skip("no network: ", err)
	}
	defer ln.Close()
	peer, err := net.Dial("tcp", ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	own, err := ln.Accept()
	if err != nil {
		t.Fatal(err)
	}
	f, err := own.(*net.TCPConn).File()
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	own.Close()
	peer.(*net.TCPConn).SetLinger(0)
	peer.Close() // a reset
	unix.SetNonblock(int(f.Fd()), false)
	_, th := newTransfer(t, p, f, readsEnd|MayWrite, netbsd.SYS_read, lentAs, dataAt, 4)
	trap := th.Run()
	wantKind(t, trap, Syscall)
	if trap.Refused != syscall.ECONNRESET || trap.Part != 0 || th.Regs().RAX != netbsd.SYS_read {
		t.Errorf("%+v", trap)
	}
}

// A kick that meets a guest behind its read says how much it has read: others may have to hear of it. One behind a write does not.
func TestKickedBehindARead(t *testing.T) {
	p := newPlatform(t, Options{})
	_, th := newTransfer(t, p, nil, 0, netbsd.SYS_read, lentAs, dataAt, 10)
	for _, c := range []struct {
		nr, rax uint64
		kicked  bool
		want    Trap
	}{
		{netbsd.SYS_read, 4, true, Trap{Kind: Kicked, Part: 4}},
		{netbsd.SYS_read, 10, true, Trap{Kind: Kicked, Part: 10}},
		{netbsd.SYS_read, 0, true, Trap{Kind: Kicked}},
		{netbsd.SYS_write, 10, true, Trap{Kind: Kicked}},
		{netbsd.SYS_read, 4, false, Trap{}},
	} {
		r := th.Regs()
		r.RAX, r.RDI, r.RDX = c.nr, lentAs, 10
		th.kicked.Store(c.kicked)
		trap, ok := th.leaveWait(stub.Waited, stub.KickSignal, c.rax)
		if !ok || trap != c.want || r.RAX != c.rax || r.RDI != lentAs {
			t.Errorf("%+v: %+v, RAX %d, RDI %d", c, trap, r.RAX, r.RDI)
		}
	}
}
