package platform

import (
	"encoding/binary"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"toaster/internal/platform/stub"
)

// storeCall: mov %rdi,0x500000; syscall; jmp back
const storeCall = "48 89 3c 25 00 00 50 00 0f 05 eb f4"

func peek(t testing.TB, q *Process, addr uint64) uint64 {
	t.Helper()
	var b [8]byte
	if _, ok := q.Read(addr, b[:]); !ok {
		t.Fatalf("Read(%#x) fails", addr)
	}
	return binary.LittleEndian.Uint64(b[:])
}

func TestForkSeparatesMemory(t *testing.T) {
	p := newPlatform(t, Options{})
	q, th := newGuest(t, p, code(t, storeCall)...)
	th.Regs().RDI = 1
	wantKind(t, th.Run(), Syscall)
	q2, th2, err := th.Fork()
	if err != nil {
		t.Fatal(err)
	}
	defer q2.Release()
	if *th2.Regs() != *th.Regs() {
		t.Errorf("registers differ: %+v, %+v", th.Regs(), th2.Regs())
	}
	if got := peek(t, q2, dataAt); got != 1 {
		t.Errorf("the child has %d", got)
	}
	th2.Regs().RDI = 2
	wantKind(t, th2.Run(), Syscall)
	th.Regs().RDI = 3
	wantKind(t, th.Run(), Syscall)
	if a, b := peek(t, q, dataAt), peek(t, q2, dataAt); a != 3 || b != 2 {
		t.Errorf("parent %d, child %d", a, b)
	}
	q.Kill()
	<-q.Gone()
	wantKind(t, th2.Run(), Syscall) // the child outlives its parent
}

func TestForkOfForks(t *testing.T) {
	p := newPlatform(t, Options{})
	_, th := newGuest(t, p, code(t, storeCall)...)
	for i := range 20 {
		q2, th2, err := th.Fork()
		if err != nil {
			t.Fatal(i, err)
		}
		t.Cleanup(q2.Release)
		th2.Regs().RDI = uint64(i)
		wantKind(t, th2.Run(), Syscall)
		if got := peek(t, q2, dataAt); got != uint64(i) {
			t.Errorf("%d: %d", i, got)
		}
		th = th2
	}
}

func TestThreadsShareMemory(t *testing.T) {
	t.Parallel()
	p := newPlatform(t, Options{})
	q, th := newGuest(t, p, code(t, storeCall)...)
	const n = 300
	threads := []*Thread{th}
	for len(threads) < n {
		nt, err := threads[len(threads)/2].NewThread()
		if err != nil {
			t.Fatal(len(threads), err)
		}
		threads = append(threads, nt)
	}
	for i, th := range threads {
		th.Regs().RDI = uint64(i)
		th.Regs().FSBase = uint64(i) * 64
		wantKind(t, th.Run(), Syscall)
		if got := peek(t, q, dataAt); got != uint64(i) {
			t.Fatalf("%d: %d", i, got)
		}
		if th.Regs().FSBase != uint64(i)*64 {
			t.Errorf("%d: FS base %#x", i, th.Regs().FSBase)
		}
	}
	var wg sync.WaitGroup
	for _, th := range threads {
		wg.Go(func() {
			for range 50 {
				wantKind(t, th.Run(), Syscall)
			}
		})
	}
	wg.Wait()
	// A thread other than the first can fork, and the first one can go.
	q2, th2, err := threads[n-1].Fork()
	if err != nil {
		t.Fatal(err)
	}
	defer q2.Release()
	wantKind(t, th2.Run(), Syscall)
	for _, th := range threads[:n-1] {
		th.Exit()
	}
	wantKind(t, threads[n-1].Run(), Syscall)
	waitFor(t, "threads to end", func() bool { return p.Stats().Threads-p.Stats().Warm == 2 })
	threads[n-1].Exit()
	within(t, "exit", func() { <-q.Gone() })
}

func TestThreadSlotsAreReused(t *testing.T) {
	t.Parallel()
	p := newPlatform(t, Options{})
	_, th := newGuest(t, p, code(t, storeCall)...)
	for i := range 3 * stub.SlotsPerWindow / 2 {
		nt, err := th.NewThread()
		if err != nil {
			t.Fatal(i, err)
		}
		wantKind(t, nt.Run(), Syscall)
		nt.Exit()
	}
}

// waitFor polls for something that happens in the background.
func waitFor(t testing.TB, what string, cond func() bool) {
	t.Helper()
	for range 6000 {
		if cond() {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatalf("waiting for %s", what)
}

func TestThousandProcessesLeaveNothing(t *testing.T) {
	t.Parallel()
	p := newPlatform(t, Options{})
	newGuest(t, p, spinLoop...)
	parents := make(chan *Thread, workers)
	for range workers {
		_, th := newGuest(t, p, code(t, storeCall)...)
		parents <- th
	}
	waitFor(t, "a full pool", func() bool { return p.Stats().Warm == defaultWarm })
	before := p.Stats()
	list := make([]*Process, 1000)
	together(upTo(len(list)), func(share <-chan int) {
		th := <-parents
		for i := range share {
			q, ct, err := th.Fork()
			if err != nil {
				t.Fatal(i, err)
			}
			ct.Regs().RDI = uint64(i)
			wantKind(t, ct.Run(), Syscall)
			list[i] = q
		}
	})
	if n := p.Stats().Processes - before.Processes; n != 1000 {
		t.Errorf("%d more processes", n)
	}
	for _, q := range list {
		q.Release()
	}
	waitFor(t, "processes to end", func() bool { return p.Stats() == before })
}

func TestKilledFromOutside(t *testing.T) {
	p := newPlatform(t, Options{})
	q, th := newGuest(t, p, spinLoop...)
	extra, err := th.NewThread()
	if err != nil {
		t.Fatal(err)
	}
	time.AfterFunc(20*time.Millisecond, func() { syscall.Kill(q.pid, syscall.SIGKILL) })
	within(t, "Run", func() {
		var wg sync.WaitGroup
		wg.Go(func() { wantKind(t, extra.Run(), Gone) })
		wantKind(t, th.Run(), Gone)
		wg.Wait()
	})
	wantKind(t, th.Run(), Gone)
	if err := q.Map(th, dataAt, 4096, 1, 2, -1, 0); err == nil {
		t.Error("Map of a dead process works")
	}
	if _, _, err := th.Fork(); err == nil {
		t.Error("Fork of a dead process works")
	}
	if _, err := th.NewThread(); err == nil {
		t.Error("NewThread of a dead process works")
	}
	if _, ok := q.Read(dataAt, make([]byte, 1)); ok {
		t.Error("Read of a dead process works")
	}
	th.Kick()
	th.Exit()
}

// Guests are not in the terminal's process group, but in toaster's session: a session of their
// own would have a share of the cores of its own, too.
func TestOwnGroup(t *testing.T) {
	p := newPlatform(t, Options{})
	q, _ := newGuest(t, p, spinLoop...)
	if group, err := unix.Getpgid(q.pid); err != nil || group != p.zygote.pid {
		t.Errorf("group %d, want the zygote's, %d; %v", group, p.zygote.pid, err)
	}
	sid, err := unix.Getsid(q.pid)
	if own, _ := unix.Getsid(0); err != nil || sid != own {
		t.Errorf("session %d, toaster's %d, %v", sid, own, err)
	}
}

func BenchmarkFork(b *testing.B) {
	p := newPlatform(b, Options{})
	_, th := newGuest(b, p, syscallLoop...)
	for b.Loop() {
		q, _, err := th.Fork()
		if err != nil {
			b.Fatal(err)
		}
		q.Release()
		<-q.Gone()
	}
}

func BenchmarkForkRun(b *testing.B) {
	p := newPlatform(b, Options{})
	_, th := newGuest(b, p, syscallLoop...)
	for b.Loop() {
		q, ct, err := th.Fork()
		if err != nil {
			b.Fatal(err)
		}
		wantKind(b, ct.Run(), Syscall)
		q.Release()
	}
}

func BenchmarkThread(b *testing.B) {
	p := newPlatform(b, Options{})
	_, th := newGuest(b, p, syscallLoop...)
	for b.Loop() {
		nt, err := th.NewThread()
		if err != nil {
			b.Fatal(err)
		}
		nt.Exit()
	}
}

func benchmarkNew(b *testing.B, warm int) {
	p := newPlatform(b, Options{Warm: warm})
	for b.Loop() {
		q, _, err := p.NewProcess()
		if err != nil {
			b.Fatal(err)
		}
		q.Release()
	}
}

func BenchmarkNewCold(b *testing.B) { benchmarkNew(b, -1) }
func BenchmarkNewWarm(b *testing.B) { benchmarkNew(b, 0) }

func BenchmarkMap(b *testing.B) {
	p := newPlatform(b, Options{})
	q, th := newGuest(b, p, syscallLoop...)
	for b.Loop() {
		if err := q.Map(th, dataAt, 0x1000, unix.PROT_READ, unix.MAP_PRIVATE, -1, 0); err != nil {
			b.Fatal(err)
		}
	}
}
