package platform

import (
	"bytes"
	"encoding/binary"
	"math"
	"math/rand/v2"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"toaster/internal/platform/stub"
)

// accounted checks that the zygote's group holds what the platform knows of, the zygote
// and the sentinel, and no more.
func accounted(t testing.TB, p *Platform) {
	t.Helper()
	pgid := itoa(p.zygote.pid)
	waitFor(t, "unaccounted processes to end", func() bool {
		return len(group(t, pgid)) == p.Stats().Processes+2
	})
}

// intact checks what no guest may change in its host process.
func intact(t testing.TB, q *Process) {
	t.Helper()
	maps, err := os.ReadFile("/proc/" + itoa(q.pid) + "/maps")
	if err != nil || len(maps) == 0 {
		return // dead
	}
	for _, want := range []string{
		"7fa000000000-7fa000002000 r-xp", "7fa000002000-7fa000003000 r--p",
	} {
		if !bytes.Contains(maps, []byte(want)) {
			t.Errorf("%s is missing:\n%s", want, maps)
		}
	}
	if n := bytes.Count(maps, []byte("toaster-control")); n > 1 {
		t.Errorf("control memory is mapped %d times:\n%s", n, maps)
	}
	// On a busy host a newborn may not have come to close its one, or to die.
	waitFor(t, "descriptors to be closed", func() bool {
		fds, err := os.ReadDir("/proc/" + itoa(q.pid) + "/fd")
		return err != nil || len(fds) == 0
	})
	status, _ := os.ReadFile("/proc/" + itoa(q.pid) + "/status")
	if len(status) > 0 && !bytes.Contains(status, []byte("\nSeccomp:\t2")) {
		t.Error("no filter")
	}
}

func TestJumpToEveryByteOfTheStub(t *testing.T) {
	t.Parallel()
	p := newPlatform(t, Options{})
	together(upTo(len(stub.Load().Code)), func(share <-chan int) {
		_, base := newGuest(t, p, syscallLoop...)
		for off := range share {
			jumpToByte(t, base, off)
		}
		wantKind(t, base.Run(), Syscall)
	})
	accounted(t, p)
}

// jumpToByte has a child of base's jump into the stub, with registers of any sort.
func jumpToByte(t *testing.T, base *Thread, off int) {
	t.Helper()
	q, th, err := base.Fork()
	if err != nil {
		t.Fatalf("%#x: %v", off, err)
	}
	rnd := rand.New(rand.NewPCG(1, uint64(off)))
	r := th.Regs()
	for _, f := range r.Fields() {
		*f = []uint64{0, 1, 2, 3, 9, 11, 56, 60, 157, stub.ForkFlags, stub.ThreadFlags, dataAt, dataAt + 0x1000,
			th.slot.Addr(), stub.WindowAddr, stub.Addr, stub.ConfigAddr, rnd.Uint64()}[rnd.IntN(18)]
	}
	r.R15 = []uint64{dataAt, th.slot.Addr(), stub.WindowAddr + 8*8192}[rnd.IntN(3)]
	r.RIP = stub.Addr + uint64(off)
	runFairly(th)
	intact(t, q)
	q.Release()
}

// gadgets finds an instruction of the stub.
func gadgets(t testing.TB, text string) (list []uint64) {
	t.Helper()
	have, want := stub.Load().Code, code(t, text)
	for i := range have {
		if bytes.HasPrefix(have[i:], want) {
			list = append(list, stub.Addr+uint64(i))
		}
	}
	return list
}

// A hostile guest has the stub make system calls of the guest's choice.
func TestSystemCallsByTheStub(t *testing.T) {
	t.Parallel()
	calls := gadgets(t, "45 8b 6f 30") // MOVL stub.OffCount(R15), R13
	if len(calls) != 2 {
		t.Fatalf("%x", calls)
	}
	rounds := 600
	if testing.Short() {
		rounds = 60
	}
	var alive atomic.Int32
	p := newPlatform(t, Options{})
	p.sparesHostile = true // or there is nothing left to look at
	together(upTo(rounds), func(share <-chan int) {
		_, base := newGuest(t, p, syscallLoop...)
		for round := range share {
			if callByTheStub(t, base, calls[round%2], round) {
				alive.Add(1)
			}
		}
		wantKind(t, base.Run(), Syscall)
	})
	accounted(t, p)
	if n := int(alive.Load()); n < rounds/4 {
		t.Errorf("only %d of %d guests lived to be looked at", n, rounds)
	}
}

// callByTheStub has a child of base's send the stub a list of calls, and says whether it lived.
func callByTheStub(t *testing.T, base *Thread, at uint64, round int) bool {
	t.Helper()
	q, th, err := base.Fork()
	if err != nil {
		t.Fatal(err)
	}
	q.Write(dataAt, fakeCalls(round))
	th.Regs().R15 = dataAt
	th.Regs().RIP = at
	// The guest stops when a call is refused, or sleeps on its fake slot.
	alive := runFairly(th).Kind != Gone
	intact(t, q)
	q.Release()
	return alive
}

// fakeCalls is a slot with calls that the stub is to make: the first is likely to be a plausible attack.
func fakeCalls(round int) []byte {
	allowed := []uint64{0, 1, 8, 17, 18, 9, 10, 11, 24, 228, 25, 26, 28, 3, 14, 15, 32, 33, 46, 56, 60, 98, 110, 157, 158, 202, 231, 292}
	rnd := rand.New(rand.NewPCG(3, uint64(round)))
	fake, le := make([]byte, 4096), binary.LittleEndian
	const count = 6
	le.PutUint32(fake[stub.OffCount:], count)
	for i := range count {
		c := fake[stub.OffCommand+i*stub.CommandSize:]
		if rnd.IntN(10) > 0 {
			le.PutUint64(c, allowed[rnd.IntN(len(allowed))])
		} else {
			le.PutUint64(c, rnd.Uint64N(600))
		}
		for j := range 6 {
			le.PutUint64(c[8+8*j:], stub.Interesting(rnd))
		}
		if i > 0 {
			continue
		}
		for j, v := range attacks[round%len(attacks)] {
			le.PutUint64(c[8*j:], v)
		}
	}
	return fake
}

var attacks = [][7]uint64{
	{unix.SYS_MMAP, stub.Addr, 4096, 7, 0x32, ^uint64(0), 0},
	{unix.SYS_MMAP, dataAt, stub.Addr, 7, 0x32, ^uint64(0), 0},
	{unix.SYS_MMAP, ^uint64(4095), 4096 + stub.Addr, 7, 0x32, ^uint64(0), 0},
	{unix.SYS_MMAP, stub.WindowAddr, stub.SlotsPerWindow*8192 + stub.FilesSize, 3, 0x11, 0, 0},
	{unix.SYS_READ, stub.LentFD, dataAt, 4096},
	{unix.SYS_WRITE, stub.LentFD, stub.WindowAddr, 4096},
	{unix.SYS_MMAP, 0, 4096, 7, 0x22, ^uint64(0), 0},
	{unix.SYS_MUNMAP, GuestEnd, stub.HostEnd - GuestEnd},
	{unix.SYS_MUNMAP, stub.Addr, 4096},
	{unix.SYS_MUNMAP, 0, stub.HostEnd},
	{unix.SYS_MPROTECT, stub.Addr, 8192, 7},
	{unix.SYS_MPROTECT, stub.ConfigAddr, 4096, 3},
	{unix.SYS_MREMAP, stub.WindowAddr, 8192, 1 << 30, 3, dataAt},
	{unix.SYS_MREMAP, dataAt, 4096, 4096, 3, stub.Addr},
	{unix.SYS_MREMAP, dataAt, 4096, stub.Addr, 0, 0},
	{unix.SYS_MADVISE, stub.WindowAddr, stub.SlotsPerWindow*8192 + stub.FilesSize, unix.MADV_DOFORK},
	{unix.SYS_MADVISE, stub.WindowAddr, 8192, unix.MADV_REMOVE},
	{unix.SYS_CLONE, stub.ForkFlags, 0, 0, 0, 0},
	{unix.SYS_CLONE, stub.ThreadFlags, 0, 0, 0, 0},
	{unix.SYS_CLONE, 0x11, 0, 0, 0, 0},
	{unix.SYS_PRCTL, unix.PR_SET_PDEATHSIG, 0},
	{unix.SYS_PRCTL, unix.PR_SET_TIMERSLACK, ^uint64(0)},
	{unix.SYS_EPOLL_PWAIT2, stub.LentFD, dataAt, 8, dataAt, dataAt, 8},
	{unix.SYS_RT_SIGPROCMASK, 2, dataAt, 0, 8},
	{unix.SYS_CLOSE, 0},
	{stub.AskProcess, 0, 0},
	{stub.AskThread, 0, 0},
	{stub.AskFile},
	{unix.SYS_EXIT},
	{unix.SYS_OPENAT, 0xffffff9c, dataAt, 0},
	{unix.SYS_EXECVE, dataAt, 0, 0},
	{unix.SYS_KILL, 1, 9},
	{unix.SYS_PTRACE, 16, 1},
	{unix.SYS_SENDMSG, 0, dataAt},
	{unix.SYS_FUTEX, dataAt, 3, 1, 0, dataAt, 0},
}

// The clone gadget, jumped to with every register right but for the token.
func TestUnorderedClones(t *testing.T) {
	t.Parallel()
	flags := []uint64{stub.ForkFlags, stub.ThreadFlags, 0x11, 0x100, stub.ForkFlags | 1<<32}
	p := newPlatform(t, Options{})
	together(upTo(20*len(flags)), func(share <-chan int) {
		q, base := newGuest(t, p, syscallLoop...)
		for i := range share {
			cloneUnordered(t, base, flags[i%len(flags)])
		}
		if q.dead.Load() {
			t.Error("a bystander died")
		}
	})
	accounted(t, p)
	waitFor(t, "windows to come back", func() bool {
		s := p.Stats()
		return s.Windows == s.Processes+1
	})
}

// cloneUnordered has a child of base's go to the clone gadget.
func cloneUnordered(t *testing.T, base *Thread, flags uint64) {
	t.Helper()
	q, th, err := base.Fork()
	if err != nil {
		t.Fatal(err)
	}
	r := th.Regs()
	r.RAX, r.RDI, r.RSI, r.RDX, r.R10, r.R8 = 56, flags, 0, 12345, 0, th.slot.Addr()
	r.R15 = dataAt // where the parent goes on
	r.RIP = stub.Load().Clone - 2
	runFairly(th)
	intact(t, q)
	q.Release()
}

// One thread scribbles over the control slots while toaster works with another.
func TestScribbledSlots(t *testing.T) {
	t.Parallel()
	p := newPlatform(t, Options{})
	// xorshift in rax, rbx = ctlAddr:
	// 1: mov %rax,%rcx; shl $13,%rcx; xor %rcx,%rax; mov %rax,%rcx; shr $7,%rcx; xor %rcx,%rax;
	// mov %rax,%rcx; shl $17,%rcx; xor %rcx,%rax; mov %rax,%rdx; and $0x3ff8,%edx; mov %al,(%rbx,%rdx); jmp 1b
	scribble := code(t, `48 89 c1 48 c1 e1 0d 48 31 c8 48 89 c1 48 c1 e9 07 48 31 c8
		48 89 c1 48 c1 e1 11 48 31 c8 48 89 c2 81 e2 f8 3f 00 00 88 04 13 eb d4`)
	rounds := 60
	if testing.Short() {
		rounds = 10
	}
	together(upTo(rounds), func(share <-chan int) {
		for round := range share {
			workScribbled(t, p, scribble, round)
		}
	})
	accounted(t, p)
	waitFor(t, "windows to come back", func() bool {
		s := p.Stats()
		return s.Windows == s.Processes+1 && s.Threads == s.Processes
	})
}

// workScribbled passes all sorts of orders to a thread until its process is killed, which has a sibling that executes scribble.
func workScribbled(t *testing.T, p *Platform, scribble []byte, round int) {
	t.Helper()
	q, th := newGuest(t, p, syscallLoop...)
	q.Write(codeAt+0x100, scribble)
	bad, err := th.NewThread()
	if err != nil {
		t.Fatal(err)
	}
	bad.Regs().RIP = codeAt + 0x100
	bad.Regs().RAX = uint64(round)*77 + 1
	bad.Regs().RBX = stub.WindowAddr
	if round%2 == 0 {
		bad.Regs().RBX = stub.WindowAddr + 8192 - 0x3ff8/2
	}
	go killAfter(q, 40*time.Millisecond)
	within(t, "hostile guest", func() {
		var wg sync.WaitGroup
		wg.Go(func() {
			for bad.Run().Kind != Gone {
			}
		})
		for th.Run().Kind != Gone {
			if c, ct, err := th.Fork(); err == nil {
				time.AfterFunc(5*time.Millisecond, c.Kill)
				ct.Run()
				c.Release()
			}
			q.Map(th, dataAt, 4096, 3, unix.MAP_PRIVATE, -1, 0)
			if nt, err := th.NewThread(); err == nil {
				nt.Exit()
			}
			th.FP()
			th.RestoreX(th.SaveX())
			th.CPUTime()
		}
		wg.Wait()
	})
	q.Release()
}

// A thread that has blocked the kick's signal is found out.
func TestDeafThread(t *testing.T) {
	t.Parallel()
	p := newPlatform(t, Options{})
	const count = dataAt + 0x8000
	q, th := newGuest(t, p, code(t, "48 ff 04 25 00 80 50 00 eb f6")...) // 1: incq count; jmp 1b
	// rt_sigreturn with a frame of the guest's own, all signals blocked.
	uc := make([]byte, stub.OffUCSize)
	le := binary.LittleEndian
	le.PutUint64(uc[stub.OffUCRIP:], codeAt)
	le.PutUint64(uc[stub.OffUCSegs:], stub.Segments)
	le.PutUint64(uc[stub.OffUCSigmask:], ^uint64(0))
	q.Write(dataAt, uc)
	r := th.Regs()
	r.RAX, r.RSP, r.RIP = 15, dataAt, stub.Load().Clone-2
	go func() {
		for b := make([]byte, 8); binary.LittleEndian.Uint64(b) == 0; {
			if _, ok := q.Read(count, b); !ok {
				return
			}
		}
		th.Kick() // it is deaf by now
	}()
	within(t, "deaf thread", func() { wantKind(t, th.Run(), Gone) })
}

// A thread that says that the turn is the kernel's before it is, and so does not wake toaster when
// it is.
func TestTurnTamperedWith(t *testing.T) {
	t.Parallel()
	p := newPlatform(t, Options{})
	code := []byte{0x48, 0xb8} // movabs $ctlAddr, %rax
	code = binary.LittleEndian.AppendUint64(code, stub.WindowAddr)
	code = append(code,
		0xb9, 0x00, 0x00, 0x00, 0x10, // mov $0x10000000, %ecx: until toaster sleeps
		0xff, 0xc9, 0x75, 0xfc, // decl %ecx; jnz
		0xc7, 0x00, stub.TurnKernelAwaits, 0, 0, 0, // movl $3, (%rax)
		0xb8, 39, 0, 0, 0, 0x0f, 0x05, // mov $39, %eax; syscall
		0xeb, 0xfe)
	_, th := newGuest(t, p, code...)
	// How long the guest's loop takes is the host's affair, so kicks must not run out
	// before it ends.
	kicker := kickUntil(th, math.MaxInt64, func() { time.Sleep(time.Millisecond) })
	defer kicker.stop()
	within(t, "tampered turn", func() {
		for kicker.run().Kind == Kicked {
		}
	})
}
