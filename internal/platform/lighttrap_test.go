package platform

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math/rand/v2"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/arch/x86/x86asm"
	"golang.org/x/sys/unix"

	"toaster/internal/platform/stub"
)

// islandsAt is where tests have the islands of code at codeAt.
const islandsAt = codeAt - 0x10000

// newFast is newGuest with all call sites in code rewritten.
func newFast(t testing.TB, p *Platform, text []byte) (*Process, *Thread) {
	t.Helper()
	q, th := newGuest(t, p, text...)
	rewriteAt(t, q, th, islandsAt, codeAt, text)
	return q, th
}

// rewriteAt rewrites all call sites in text, which is at addr and nothing but instructions.
func rewriteAt(t testing.TB, q *Process, th *Thread, islands, addr uint64, text []byte) *Rewrite {
	t.Helper()
	return rewriteSites(t, q, th, islands, findSites(addr, text), q.Rewrite)
}

// findSites finds call sites, each with as few instructions as will do.
func findSites(addr uint64, text []byte) (sites []Site) {
	for call := range text {
		if !bytes.HasPrefix(text[call:], []byte{0x0f, 0x05}) {
			continue
		}
		for n := jumpSize; n <= min(call, MaxSiteCode); n++ {
			if from := call - n; CanRewrite(text[from:call+syscallSize]) && wholeInstructions(text[from:call]) {
				sites = append(sites, Site{addr + uint64(from), text[from:call]})
				break
			}
		}
	}
	return sites
}

// wholeInstructions says whether code is a head and some of what is moved in these tests.
func wholeInstructions(code []byte) bool {
	for at := headSize(code); at < len(code); {
		inst, err := x86asm.Decode(code[at:], 64)
		if err != nil || inst.Op != x86asm.MOV {
			return false
		}
		at += inst.Len
	}
	return true
}

func rewriteSites(t testing.TB, q *Process, th *Thread, islands uint64, sites []Site, rewrite func(*Rewrite) error) *Rewrite {
	t.Helper()
	rw := q.platform.NewRewrite(islands, sites)
	if rw == nil {
		t.Skip("this host can't rewrite")
	}
	if err := q.Map(th, rw.At(), rw.Size(), 7, unix.MAP_PRIVATE, -1, 0); err != nil {
		t.Fatal(err)
	}
	if err := rewrite(rw); err != nil {
		t.Fatal(err)
	}
	return rw
}

// callMany: 1: mov $20,%eax; syscall; mov 8(%rsp),%rax; syscall; jmp 1b
const callMany = "b8 14 00 00 00 0f 05 48 8b 44 24 08 0f 05 eb f0"

func TestFastCallsHaveAllRegisters(t *testing.T) {
	p := newPlatform(t, Options{})
	q, th := newFast(t, p, code(t, callMany))
	q.Write(stackAt+0x8008, []byte{0x2a, 1, 0, 0, 0, 0, 0, 0})
	r := th.Regs()
	for i := range uint64(200) {
		rsp := r.RSP
		for j, f := range r.Fields() {
			*f = i*0x1234567 + uint64(j)*0x0101010101010101
		}
		r.RSP, r.RIP, r.RFLAGS = rsp, codeAt, 0x8d5|0x202
		r.FSBase, r.GSBase = 0x1000+i, 0
		for step, want := range []struct{ rip, rax uint64 }{{codeAt + 7, 20}, {codeAt + 14, 0x12a}} {
			before := *r
			wantKind(t, th.Run(), Syscall)
			if !th.light && step > 0 {
				t.Fatal("not a light trap")
			}
			before.RIP, before.RCX, before.RAX = want.rip, want.rip, want.rax
			before.R11 = before.RFLAGS
			if *r != before {
				t.Fatalf("round %d.%d:\ngot  %+v\nwant %+v", i, step, *r, before)
			}
			r.RBX += 7
			r.RFLAGS ^= 0x41 // carry and zero
			r.FSBase += 8
		}
	}
}

// What needs a frame gets one, at any trap.
func TestLightTrapsBecomeFrames(t *testing.T) {
	p := newPlatform(t, Options{})
	q, th := newFast(t, p, code(t, callMany))
	q.Write(dataAt, []byte("sixteen bytes...."))
	r := th.Regs()
	steps := []func(){
		func() {
			q2, th2, err := th.Fork()
			if err != nil {
				t.Fatal(err)
			}
			defer q2.Release()
			if *th2.Regs() != *r {
				t.Errorf("a child has %+v, not %+v", th2.Regs(), r)
			}
			th2.Regs().R12 = 99
			for range 10 {
				wantKind(t, th2.Run(), Syscall)
			}
			if !th2.light || th2.Regs().R12 != 99 {
				t.Errorf("a child: light %v, %+v", th2.light, th2.Regs())
			}
		},
		func() {
			nt, err := th.NewThread()
			if err != nil {
				t.Fatal(err)
			}
			for range 10 {
				wantKind(t, nt.Run(), Syscall)
			}
			if !nt.light {
				t.Error("a thread makes no fast calls")
			}
			nt.Exit()
		},
		func() { th.CPUTime() },
		func() {
			// Kicks that come late, as their signal does.
			var wg sync.WaitGroup
			for i := range 3 {
				wg.Go(func() { unix.Tgkill(q.pid, th.tid, stub.KickSignal) })
				if err := q.Map(th, dataAt+0x4000, 4096, 3, unix.MAP_PRIVATE, -1, 0); err != nil {
					t.Error(err)
				}
				if err := q.Protect(th, dataAt+0x4000, 4096, i); err != nil {
					t.Error(err)
				}
				th.CPUTime()
			}
			wg.Wait()
			wantKind(t, th.Run(), Syscall)
		},
		func() {
			fx := th.FP()
			copy(fx[160:], "registers at xmm")
			th.SetFP(&fx)
			if got := th.FP(); !bytes.Equal(got[160:176], []byte("registers at xmm")) {
				t.Error("SetFP is forgotten")
			}
		},
		func() { th.RestoreX(th.SaveX()) },
		func() { r.RIP = codeAt },
		func() { r.RCX++ },
		func() { q.Protect(th, dataAt, 4096, 3) },
		func() { th.Kick(); wantKind(t, th.Run(), Kicked) },
		func() { r.RFLAGS |= 0x100; stepFast(t, th); r.RFLAGS &^= 0x100 },
	}
	for i := range 300 {
		steps[i%len(steps)]()
		rbx := rand.Uint64()
		r.RBX = rbx
		for range i % 4 {
			wantKind(t, th.Run(), Syscall)
		}
		if r.RBX != rbx {
			t.Fatalf("after step %d: %+v", i%len(steps), r)
		}
	}
}

// Threads end in a light trap as well, those that are not parked.
func TestExitOfLightThreads(t *testing.T) {
	p := newPlatform(t, Options{})
	q, th := newFast(t, p, code(t, callMany))
	for range 10 {
		var threads []*Thread
		for range 3 * maxParked {
			nt, err := th.NewThread()
			if err != nil {
				t.Fatal(err)
			}
			wantKind(t, nt.Run(), Syscall)
			wantKind(t, nt.Run(), Syscall)
			if !nt.light {
				t.Fatal("not a light trap")
			}
			threads = append(threads, nt)
		}
		for _, nt := range threads {
			go nt.Kick()
			nt.Exit()
		}
	}
	waitFor(t, "threads to end", func() bool { return len(tasks(t, q)) == 1+maxParked })
	wantKind(t, th.Run(), Syscall)
}

// tasks lists the host threads of a process.
func tasks(t testing.TB, q *Process) []os.DirEntry {
	t.Helper()
	list, err := os.ReadDir("/proc/" + itoa(q.pid) + "/task")
	if err != nil && !errors.Is(err, os.ErrNotExist) { // it may have ended
		t.Fatal(err)
	}
	return list
}

// A guest that takes the turn from itself while toaster sleeps hears kicks all the same.
func TestKickOfSleeper(t *testing.T) {
	p := newPlatform(t, Options{})
	_, th := newGuest(t, p, spinLoop...)
	go func() {
		for th.slot.LoadTurn() != stub.TurnGuestAwaits {
			time.Sleep(time.Millisecond)
		}
		time.Sleep(20 * time.Millisecond)
		th.slot.Poke32(stub.OffTurn, stub.TurnKernel) // as a sibling could do it
		th.Kick()
	}()
	within(t, "Run", func() {
		if k := th.Run().Kind; k != Kicked {
			t.Errorf("%v", k)
		}
	})
}

// stepFast single-steps to the next system call: the guest is never seen anywhere
// but in its own code.
func stepFast(t *testing.T, th *Thread) {
	t.Helper()
	for range 20 {
		r := th.Regs()
		r.RFLAGS |= 0x100
		switch trap := th.Run(); trap.Kind {
		case Syscall:
			return
		case Fault:
			if trap.Signo != int(unix.SIGTRAP) || r.RIP < codeAt || r.RIP > codeAt+16 {
				t.Fatalf("%+v, %+v", trap, r)
			}
		default:
			t.Fatalf("%+v", trap)
		}
	}
	t.Error("no system call after 20 steps")
}

func TestFastClock(t *testing.T) {
	p := newPlatform(t, Options{})
	if p.vdso.Text == 0 {
		t.Error("no vdso here")
	}
	q, th := newFast(t, p, code(t, callClock))
	for range 1000 {
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

func TestFastClockLeavesTheUnusualToTheKernel(t *testing.T) {
	p := newPlatform(t, Options{})
	for _, at := range []uint64{0, 0x100000, dataAt + 0x10000 - 8, GuestEnd - 8, GuestEnd, stub.Addr, stub.WindowAddr, 1 << 60, ^uint64(15)} {
		q, th := newFast(t, p, code(t, callClock))
		r := th.Regs()
		r.RDI, r.RSI, r.RDX = 3, at, 7
		wantKind(t, th.Run(), Syscall)
		if r.RAX != stub.CallClockGettime || r.RDI != 3 || r.RSI != at || r.RDX != 7 || r.RIP != codeAt+7 {
			t.Errorf("%#x: %+v", at, r)
		}
		intact(t, q)
	}
}

// timeofday: mov $418,%eax; mov %rcx,%r10; syscall; mov 8(%rsp),%rax; syscall
const timeofday = "b8 a2 01 00 00 49 89 ca 0f 05 48 8b 44 24 08 0f 05"

// gettimeofday(2) from a libc's call site is answered, and a signal at each instruction on the way
// changes nothing: either the time is there, or the kernel has the call.
func TestFastGettimeofday(t *testing.T) {
	t.Parallel()
	read := func(t *testing.T, p *Platform) (answered bool) {
		q, th := newFast(t, p, code(t, timeofday))
		defer q.Release()
		q.Write(stackAt+0x8008, []byte{42, 0, 0, 0, 0, 0, 0, 0})
		r := th.Regs()
		r.RDI, r.RSI, r.RDX, r.RFLAGS = dataAt, 0, 7, 0x8d5|0x202
		want := *r
		early := time.Now().UnixMicro()
		wantKind(t, th.Run(), Syscall)
		if r.RIP == codeAt+10 {
			want.RAX, want.R10, want.RIP, want.RCX, want.R11 = stub.CallGettimeofday, want.RCX, r.RIP, r.RCX, r.R11
			if *r != want {
				t.Errorf("left to the kernel:\ngot  %+v\nwant %+v", r, want)
			}
			return false
		}
		if at := int64(peek(t, q, dataAt))*1_000_000 + int64(peek(t, q, dataAt+8)); at < early || at > time.Now().UnixMicro() {
			t.Errorf("it is not %d", at)
		}
		want.RDX, want.R10, want.RFLAGS = 0, want.RCX, want.RFLAGS&^1
		want.RAX, want.RIP, want.RCX, want.R11 = 42, codeAt+17, r.RCX, r.R11
		if *r != want {
			t.Errorf("answered:\ngot  %+v\nwant %+v", r, want)
		}
		return true
	}
	p := newPlatform(t, Options{})
	for range 100 {
		if !read(t, p) && p.vdso.Text != 0 {
			t.Fatal("not answered")
		}
	}
	eachInstruction(t, func(p *Platform, at int) { read(t, p) })
}

// Time zones, and times that go nowhere, are the kernel's.
func TestFastGettimeofdayLeavesTheUnusualToTheKernel(t *testing.T) {
	p := newPlatform(t, Options{})
	for _, args := range [][2]uint64{
		{0, 0}, {dataAt, dataAt}, {0, dataAt}, {0x100000, 0}, {dataAt + 0x10000 - 8, 0}, {GuestEnd - 8, 0}, {GuestEnd, 0},
		{stub.Addr, 0}, {stub.WindowAddr, 0}, {1 << 60, 0}, {^uint64(15), 0},
	} {
		q, th := newFast(t, p, code(t, timeofday))
		r := th.Regs()
		r.RDI, r.RSI, r.RDX = args[0], args[1], 7
		wantKind(t, th.Run(), Syscall)
		if r.RAX != stub.CallGettimeofday || r.RDI != args[0] || r.RSI != args[1] || r.RDX != 7 || r.RIP != codeAt+10 {
			t.Errorf("%#x: %+v", args, r)
		}
		intact(t, q)
		q.Release()
	}
}

// Kicks at every moment of the fast way: nothing of the guest's may change, also
// not its extended state, and every kick must arrive.
func TestKicksOnTheFastWay(t *testing.T) {
	t.Parallel()
	rounds := uint64(60000 / workers)
	if testing.Short() {
		rounds = 10000 / workers
	}
	var kicks, calls atomic.Int64
	p := newPlatform(t, Options{})
	together(upTo(workers), func(share <-chan int) {
		for range share {
			n := kickOnTheFastWay(t, p, rounds)
			kicks.Add(int64(n))
			calls.Add(int64(rounds))
		}
	})
	t.Log(kicks.Load(), "kicks", calls.Load(), "calls")
}

// kickOnTheFastWay kicks a guest that makes so many calls, each after one that the stub answers and before another one, and
// returns how many kicks have met it.
func kickOnTheFastWay(t *testing.T, p *Platform, rounds uint64) (kicks int) {
	t.Helper()
	// 1: mov $427,%eax; syscall; mov 8(%rsp),%rax; syscall; mov $350,%eax; syscall; inc %rbx; cmp %rbp,%rbx; jne 1b; ud2
	text := code(t, `b8 ab 01 00 00 0f 05 48 8b 44 24 08 0f 05 b8 5e 01 00 00 0f 05
		48 ff c3 48 39 eb 75 e3 0f 0b`)
	q, th := newFast(t, p, text)
	q.Write(stackAt+0x8008, []byte{20, 0, 0, 0, 0, 0, 0, 0})
	r := th.Regs()
	start := Regs{
		RIP: codeAt, RSP: stackAt + 0x8000, RDI: 3, RSI: dataAt, RBP: rounds, R8: 8, R9: 9, R10: 10,
		R12: 12, R13: 13, R14: 14, R15: 15, FSBase: dataAt,
	}
	*r = start
	fx := th.FP()
	for i := 160; i < 416; i++ {
		fx[i] = byte(i)
	}
	th.SetFP(&fx)
	kicker := kickOften(th, func() { spinAtMost(2000) })
	calls := uint64(0)
	within(t, "guest", func() {
		for {
			trap := kicker.run()
			if trap.Kind == Fault {
				break
			}
			if r.RIP < codeAt || r.RIP > codeAt+uint64(len(text)) {
				t.Fatalf("%v at %#x", trap.Kind, r.RIP)
			}
			if trap.Kind == Kicked {
				kicks++
				if kicks%64 == 0 {
					if got := th.FP(); !bytes.Equal(got[160:416], fx[160:416]) {
						t.Fatalf("%d kicks: xmm registers % x", kicks, got[160:416])
					}
				}
				continue
			}
			wantKind(t, trap, Syscall)
			if r.RIP != codeAt+14 {
				t.Fatalf("%+v", r)
			}
			r.RAX, r.RDX = r.RBX, 7
			calls++
		}
	})
	kicker.stop()
	start.RBX, start.RIP = rounds, codeAt+uint64(len(text))-2
	start.RAX, start.RDX, start.RCX, start.R11, start.RFLAGS = r.RAX, r.RDX, r.RCX, r.R11, r.RFLAGS
	if *r != start || calls != rounds || r.RAX != 0 || r.RDX != 0 {
		t.Errorf("calls %d\ngot  %+v\nwant %+v", calls, *r, start)
	}
	if got := th.FP(); !bytes.Equal(got[160:416], fx[160:416]) {
		t.Errorf("xmm registers % x", got[160:416])
	}
	return kicks
}

// instructions returns where the instructions between two addresses of the stub are.
func instructions(t *testing.T, text []byte, from, to uint64) (list []int) {
	t.Helper()
	for at := int(from - stub.Addr); at < int(to-stub.Addr); {
		list = append(list, at)
		size := 0
		if inst, err := x86asm.Decode(text[at:], 64); err == nil {
			size = inst.Len
		} else if bytes.HasPrefix(text[at:], []byte("\xf3\x48\x0f\xae")) {
			size = 5 // rdfsbase, wrfsbase
		} else if bytes.HasPrefix(text[at:], []byte("\x0f\x01\xf9")) {
			size = 3 // rdtscp
		} else {
			t.Fatalf("% x at %#x: %v", text[at:at+8], at, err)
		}
		at += size
	}
	return list
}

// A signal at each instruction of the fast way, by a breakpoint there: the guest
// notices nothing. Only where the kernel has the turn there can be none but kicks.
func TestSignalAtEveryInstruction(t *testing.T) {
	t.Parallel()
	s := stub.Load()
	list := append(instructions(t, s.Code, s.Enter, s.Gave), acting(t, s)...)
	list = append(list, instructions(t, s.Code, s.Over, s.Wait)...) // up to what serves files that are lent: here is none
	list = append(list, instructions(t, s.Code, s.EndTell, s.Last)...)
	if len(list) < 150 {
		t.Errorf("only %d instructions", len(list))
	}
	var met atomic.Int32
	var try []int
	for i, at := range list {
		if !testing.Short() || i%8 == 0 {
			try = append(try, at)
		}
	}
	together(try, func(share <-chan int) {
		for at := range share {
			for _, exact := range []bool{false, true} {
				if breakAt(t, at, exact) {
					met.Add(1)
				}
			}
		}
	})
	t.Logf("%d instructions, %d of them met", len(list), met.Load())
}

// acting returns the instructions of light traps that are executed in the guest's turn.
// Where the kernel has it there can be no signal but kicks.
func acting(t *testing.T, s stub.Text) (list []int) {
	t.Helper()
	find := func(from int, instruction string) int {
		n := bytes.Index(s.Code[from:], code(t, instruction))
		if n < 0 {
			t.Fatal("no ", instruction)
		}
		return from + n
	}
	first := find(int(s.Gave-stub.Addr), "41 8b 47 04")               // MOVL slotOp(R15), AX
	given := find(first, "b8 02 00 00 00 41 87 07") + len("1234567X") // MOVL $turnKernel, AX; XCHGL AX, (R15)
	for _, at := range instructions(t, s.Code, s.Gave, s.Over) {
		if at >= first && at != given {
			list = append(list, at)
		}
	}
	return list
}

// newBroken returns a platform whose stub has breakpoints. It takes the host for one that has no core to spare, so nobody spins:
// there are many such platforms at once.
func newBroken(t *testing.T, breakpoints ...int) *Platform {
	t.Helper()
	return newPlatform(t, Options{Warm: -1, beforeStart: func(p *Platform) {
		p.cores = 1
		for _, at := range breakpoints {
			p.stub.Code[at] = 0xcc
		}
	}})
}

// breakAt runs a guest with a breakpoint in the stub; it reports whether that was met.
// exact: the guest resumes with an RCX that is not where it goes on.
func breakAt(t *testing.T, at int, exact bool) bool {
	t.Helper()
	p := newBroken(t, at)
	defer p.Close()
	// mov $20,%eax; syscall; mov $427,%eax; syscall; mov $350,%eax; syscall; mov 8(%rsp),%rax; syscall
	q, th := newFast(t, p, code(t, "b8 14 00 00 00 0f 05 b8 ab 01 00 00 0f 05 b8 5e 01 00 00 0f 05 48 8b 44 24 08 0f 05"))
	q.Write(stackAt+0x8008, []byte{42, 0, 0, 0, 0, 0, 0, 0})
	fx := th.FP()
	for i := 160; i < 416; i++ {
		fx[i] = byte(i * 3)
	}
	th.SetFP(&fx)
	r := th.Regs()
	for i, f := range r.Fields() {
		*f = uint64(i) * 0x0101010101010101
	}
	r.RIP, r.RSP, r.RDI, r.RSI, r.RFLAGS = codeAt, stackAt+0x8000, 3, dataAt, 0x8d5|0x202
	r.FSBase, r.GSBase = dataAt+0x100, 0
	want := *r
	for i, stop := range []struct{ rax, rip uint64 }{{20, codeAt + 7}, {42, codeAt + 28}} {
		wantKind(t, th.Run(), Syscall)
		want.RAX, want.RIP, want.RCX = stop.rax, stop.rip, stop.rip
		want.R11 = r.R11
		if r.R11&^0x10000 != want.RFLAGS {
			t.Errorf("%#x, stop %d: r11 %#x", at, i, r.R11)
		}
		if *r != want {
			t.Errorf("%#x, stop %d:\ngot  %+v\nwant %+v", at, i, *r, want)
		}
		r.RAX, r.RDX, r.RBX, r.RFLAGS = 1234, 5678, 99, 0x895|0x202 // as a result
		if exact {
			r.RCX++
		}
		if i == 0 {
			want = *r
			want.RDX, want.RFLAGS = 0, 0x894|0x202 // what the answered calls leave
		}
	}
	if peek(t, q, dataAt) == 0 {
		t.Errorf("%#x: no time", at)
	}
	if got := th.FP(); !bytes.Equal(got[160:416], fx[160:416]) {
		t.Errorf("%#x: xmm registers % x", at, got[160:416])
	}
	return th.guestEntries.Load() > 2
}

// A host that doesn't let the vdso be moved, and one without any.
func TestWithoutVDSO(t *testing.T) {
	before := countFDs(t)
	for name, alter := range map[string]func(*Platform){
		"unmovable": func(p *Platform) { p.vdso.ForgeUnmovable() },
		"none":      func(p *Platform) { p.vdso = stub.VDSO{} },
	} {
		p := newPlatform(t, Options{Warm: -1, beforeStart: alter})
		if p.vdso.Text != 0 || p.vdso.AreaEnd() != stub.End {
			t.Errorf("%s: still there", name)
		}
		_, th := newFast(t, p, code(t, callClock))
		th.Regs().RDI, th.Regs().RSI = 3, dataAt
		wantKind(t, th.Run(), Syscall)
		if r := th.Regs(); r.RAX != stub.CallClockGettime || r.RIP != codeAt+7 || !th.light {
			t.Errorf("%s: %+v", name, r)
		}
		th.proc.Release()
		if n := p.Stats().Windows; n > 2 {
			t.Errorf("%s: %d windows", name, n)
		}
		p.Close()
	}
	if n := countFDs(t); n != before {
		t.Errorf("%d descriptors before, %d after", before, n)
	}
}

// A jump to the old instruction, and rewritten code that others see.
func TestOldInstructionStillCalls(t *testing.T) {
	p := newPlatform(t, Options{})
	q, th := newFast(t, p, code(t, callMany))
	th.Regs().RIP, th.Regs().RAX = codeAt+5, 77
	wantKind(t, th.Run(), Syscall)
	if r := th.Regs(); r.RAX != 77 || r.RIP != codeAt+7 || th.light {
		t.Errorf("%+v", r)
	}
	b := make([]byte, 7)
	q.Read(codeAt, b)
	if b[0] != 0xe9 || !bytes.Equal(b[5:], code(t, "0f 05")) {
		t.Errorf("% x", b)
	}
}

// A fault of the first instruction is at the site.
func TestFaultInIsland(t *testing.T) {
	p := newPlatform(t, Options{})
	_, th := newFast(t, p, code(t, callMany))
	th.Regs().RIP, th.Regs().RSP = codeAt+7, 0x1000
	trap := th.Run()
	if trap.Kind != Fault || trap.Signo != int(unix.SIGSEGV) || trap.Addr != 0x1008 || th.Regs().RIP != codeAt+7 {
		t.Errorf("%+v at %#x", trap, th.Regs().RIP)
	}
}

// The fast way with everything wrong that a guest can make wrong.
func TestHostileFastWay(t *testing.T) {
	t.Parallel()
	rounds := 400
	if testing.Short() {
		rounds = 60
	}
	p := newPlatform(t, Options{})
	together(upTo(rounds), func(share <-chan int) {
		_, base := newFast(t, p, code(t, callMany))
		for round := range share {
			wrongFastWay(t, base, rand.New(rand.NewPCG(9, uint64(round))))
		}
		wantKind(t, base.Run(), Syscall)
	})
	accounted(t, p)
}

// wrongFastWay has a child of base's go to the fast way, or to the vdso, with registers of any sort.
func wrongFastWay(t *testing.T, base *Thread, rnd *rand.Rand) {
	t.Helper()
	p := base.proc.platform
	q, th, err := base.Fork()
	if err != nil {
		t.Fatal(err)
	}
	r := th.Regs()
	for _, f := range r.Fields() {
		*f = stub.Interesting(rnd)
	}
	r.R15 = []uint64{dataAt, th.slot.Addr(), stub.WindowAddr + 8*8192}[rnd.IntN(3)]
	r.R11 = r.R15
	m := p.stub.Marks
	r.RIP = m.Enter + rnd.Uint64N(m.Last-m.Enter)
	if rnd.IntN(4) == 0 {
		r.RIP = p.vdso.Text + rnd.Uint64N(p.vdso.End-p.vdso.Text)
	}
	r.RFLAGS = 0x202
	within(t, "hostile guest", func() {
		for range 5 {
			if runFairly(th).Kind == Gone {
				break
			}
			th.FP()
		}
	})
	intact(t, q)
	q.Release()
}

// A sibling writes over the fast way's memory while it is used.
func TestScribbledFastWay(t *testing.T) {
	p := newPlatform(t, Options{})
	for round := range 10 {
		q, th := newFast(t, p, code(t, callMany))
		bad, err := th.NewThread()
		if err != nil {
			t.Fatal(err)
		}
		time.AfterFunc(20*time.Millisecond, q.Kill)
		go func() {
			rnd := rand.New(rand.NewPCG(uint64(round), 3))
			for !q.dead.Load() {
				off := []int{stub.OffTurn, stub.OffOp, stub.OffMode, stub.OffSelf, stub.OffKicked, stub.OffFrame, stub.OffLightRIP, stub.OffLightRCX, stub.OffLightRSP, stub.OffLightFlags, stub.OffGSBase}[rnd.IntN(11)]
				th.slot.Poke32(off&^3, uint32(stub.Interesting(rnd)))
				time.Sleep(50 * time.Microsecond)
			}
		}()
		within(t, "hostile guest", func() {
			for th.Run().Kind != Gone {
				th.FP()
			}
		})
		_ = bad
		q.Release()
	}
	accounted(t, p)
}

func BenchmarkFastTrap(b *testing.B) {
	p := newPlatform(b, Options{})
	_, th := newFast(b, p, code(b, callMany))
	for b.Loop() {
		th.Run()
	}
}

func BenchmarkFastClock(b *testing.B) {
	p := newPlatform(b, Options{})
	_, th := newFast(b, p, code(b, "b8 ab 01 00 00 0f 05 48 ff cb 75 f4 b8 01 00 00 00 0f 05"))
	r := th.Regs()
	r.RDI, r.RSI, r.RBX = 3, dataAt, uint64(b.N)
	b.ResetTimer()
	wantKind(b, th.Run(), Syscall)
}

// nap: mov $430,%eax; syscall; mov 8(%rsp),%rax; syscall
const nap = "b8 ae 01 00 00 0f 05 48 8b 44 24 08 0f 05"

// newNapper is a guest about to sleep for so long, and then to make call 42.
func newNapper(t *testing.T, p *Platform, sec, nsec int64) (*Process, *Thread) {
	t.Helper()
	q, th := newFast(t, p, code(t, nap))
	q.Write(stackAt+0x8008, []byte{42, 0, 0, 0, 0, 0, 0, 0})
	b := binary.LittleEndian.AppendUint64(nil, uint64(sec))
	q.Write(dataAt, binary.LittleEndian.AppendUint64(b, uint64(nsec)))
	r := th.Regs()
	for i, f := range r.Fields() {
		*f = uint64(i) * 0x0101010101010101
	}
	r.RIP, r.RSP, r.RDI, r.RSI, r.RFLAGS = codeAt, stackAt+0x8000, dataAt, 0, 0x8d5|0x202
	r.FSBase, r.GSBase = dataAt+0x100, 0
	return q, th
}

// wantNap runs a napper: either the stub answers, and Run ends with call 42 (slept), or
// it has nanosleep to serve. Before that it may be kicked.
func wantNap(t *testing.T, th *Thread) (trap Trap, slept, kicked bool) {
	t.Helper()
	r := th.Regs()
	want := *r
	for trap = th.Run(); trap.Kind == Kicked; trap = th.Run() {
		kicked = true
		// In front of the site, at its old instruction (from the island), or behind it.
		if r.RIP != codeAt && r.RIP != codeAt+5 && r.RIP != codeAt+7 {
			t.Fatalf("kicked at %#x", r.RIP)
		}
		slept = slept || r.RIP == codeAt+7
	}
	wantKind(t, trap, Syscall)
	slept = r.RIP == codeAt+14
	want.RIP, want.RCX, want.RAX, want.R11 = codeAt+7, codeAt+7, stub.CallSleep, r.R11
	if slept {
		want.RIP, want.RCX, want.RAX, want.RDX = codeAt+14, codeAt+14, 42, 0
		want.RFLAGS &^= 1 // no carry: no error
	}
	if *r != want {
		t.Fatalf("slept %v:\ngot  %+v\nwant %+v", slept, *r, want)
	}
	return trap, slept, kicked
}

// Short sleeps are the stub's, all others the kernel's.
func TestNapLengths(t *testing.T) {
	p := newPlatform(t, Options{})
	for _, c := range []struct {
		sec, nsec int64
		slept     bool
	}{
		{0, 0, true}, {0, 1, true}, {0, 20_000, true}, {0, stub.LongestNap - 1, true},
		{0, stub.LongestNap, false}, {0, -1, false}, {1, 5, false}, {-1, 5, false}, {0, 1 << 62, false},
	} {
		q, th := newNapper(t, p, c.sec, c.nsec)
		start := Monotonic()
		trap, slept, _ := wantNap(t, th)
		if slept != c.slept || trap.Napped {
			t.Errorf("%+v: slept %v, %+v", c, slept, trap)
		}
		if d := Monotonic() - start; slept && d < time.Duration(c.nsec) {
			t.Errorf("%+v: only %v", c, d)
		}
		q.Release()
	}
	for _, at := range []uint64{0, dataAt + 0x10000 - 8, GuestEnd - 8, GuestEnd, stub.WindowAddr, 1 << 60, ^uint64(15)} {
		q, th := newNapper(t, p, 0, 5)
		th.Regs().RDI = at
		if trap, slept, _ := wantNap(t, th); slept || trap.Napped {
			t.Errorf("%#x: slept %v, %+v", at, slept, trap)
		}
		q.Release()
	}
}

// A kick in the middle of a nap makes a trap of it that knows what is left; none is
// lost, and the guest's registers never show it.
func TestKickedNap(t *testing.T) {
	p := newPlatform(t, Options{})
	_, th := newNapper(t, p, 0, 300_000)
	r, start := th.Regs(), *th.Regs()
	napped := 0
	for i := range 300 {
		*r = start
		done := make(chan struct{})
		go func() {
			for range rand.IntN(1 + 50*i) {
			}
			th.Kick()
			close(done)
		}()
		trap, slept, kicked := wantNap(t, th)
		if trap.Napped {
			napped++
		}
		if slept && trap.Napped || trap.Left < 0 || trap.Left > stub.LongestNap || !trap.Napped && trap.Left != 0 {
			t.Fatalf("slept %v, %+v", slept, trap)
		}
		if <-done; !kicked && !trap.Napped {
			*r = start
			wantKind(t, th.Run(), Kicked)
		}
	}
	if napped == 0 {
		t.Error("no kick met a nap")
	}
	t.Log(napped, "of 300 kicks met a nap")
}

// A signal at each instruction on a nap's way.
func TestSignalAtEveryInstructionOfANap(t *testing.T) {
	t.Parallel()
	s := stub.Load()
	var try []int
	for _, at := range instructions(t, s.Code, s.Enter, s.Last) {
		if rip := stub.Addr + uint64(at); rip >= s.Gave && rip < s.Nap-200 || testing.Short() && at%8 != 0 {
			continue
		}
		try = append(try, at)
	}
	var left tally[time.Duration]
	together(try, func(share <-chan int) {
		for at := range share {
			p := newBroken(t, at)
			_, th := newNapper(t, p, 0, 5000)
			trap, _, _ := wantNap(t, th)
			if trap.Napped {
				left.add(trap.Left)
			}
			p.Close()
		}
	})
	if !testing.Short() && (left.n[5000] == 0 || left.n[0] == 0) {
		t.Errorf("what is left, and how often: %v", left.n)
	}
}

// What needs no frame leaves a light trap light, and its results are the same.
func TestLightTrapsStayLight(t *testing.T) {
	p := newPlatform(t, Options{})
	_, th := newFast(t, p, code(t, callMany))
	fx := th.FP()
	for i := 160; i < 416; i++ {
		fx[i] = byte(i * 7)
	}
	th.SetFP(&fx)
	wantKind(t, th.Run(), Syscall)
	if got := th.FP(); !th.light || !bytes.Equal(got[160:416], fx[160:416]) || !bytes.Equal(got[fpMXCSR:fpMXCSR+8], fx[fpMXCSR:fpMXCSR+8]) {
		t.Errorf("light %v, xmm registers % x", th.light, got[160:416])
	}
	nt, err := th.NewThread()
	if err != nil {
		t.Fatal(err)
	}
	if got := nt.FP(); !nt.light || !th.light || *nt.Regs() != *th.Regs() || !bytes.Equal(got[160:416], fx[160:416]) {
		t.Errorf("a thread: light %v, its parent %v\nits registers %+v\nxmm % x", nt.light, th.light, nt.Regs(), got[160:416])
	}
	for i := range 200 {
		for _, th := range []*Thread{th, nt} {
			r := th.Regs()
			for j, f := range r.Fields() {
				*f = uint64(i)*0x1234567 + uint64(j)*0x0101010101010101
			}
			// Not where a system call would return to, and RCX is the guest's own.
			r.RIP, r.RSP, r.RFLAGS, r.FSBase, r.GSBase = codeAt, stackAt+0x8000, 0x8d5|0x202, 0x1000, 0
			want := *r
			wantKind(t, th.Run(), Syscall)
			want.RIP, want.RCX, want.RAX, want.R11 = codeAt+7, codeAt+7, 20, want.RFLAGS
			if !th.light || *r != want {
				t.Fatalf("round %d: light %v\ngot  %+v\nwant %+v", i, th.light, r, want)
			}
		}
	}
	nt.Exit()
}

// IRETQ loads all registers, also those that a system call spoils.
func TestExactResume(t *testing.T) {
	p := newPlatform(t, Options{})
	// mov $20,%eax; syscall; ud2
	_, th := newFast(t, p, code(t, "b8 14 00 00 00 0f 05 0f 0b"))
	r := th.Regs()
	wantKind(t, th.Run(), Syscall)
	for i := range uint64(100) {
		for j, f := range r.Fields() {
			*f = i*0x7654321 + uint64(j)*0x0202020202020202
		}
		r.RIP, r.RSP, r.RFLAGS, r.FSBase, r.GSBase = codeAt+7, i<<60|stackAt, 0xcd5|0x202, 0x1000, 0
		want := *r
		trap := th.Run()
		if trap.Kind != Fault || trap.Signo != int(unix.SIGILL) {
			t.Fatalf("%+v", trap)
		}
		r.RFLAGS &^= 0x10000 // a fault sets the resume flag
		if *r != want {
			t.Fatalf("round %d:\ngot  %+v\nwant %+v", i, r, want)
		}
		r.RIP = codeAt
		wantKind(t, th.Run(), Syscall)
		if !th.light {
			t.Fatal("not a light trap")
		}
	}
	// Flags that make IRETQ itself fault are the guest's problem, not toaster's.
	r.RIP, r.RFLAGS = codeAt, 0x4202
	for range 3 {
		if k := th.Run().Kind; k == Gone {
			t.Fatal("gone")
		}
	}
}

// private: mov $317,%eax; syscall; mov $311,%eax; syscall; mov %rax,%rbx; mov 8(%rsp),%rax; syscall
const private = "b8 3d 01 00 00 0f 05 b8 37 01 00 00 0f 05 48 89 c3 48 8b 44 24 08 0f 05"

// eachInstruction calls f with a platform whose stub has a breakpoint, for each
// instruction that guests can be met at on the way to an answer; from several goroutines. No file is lent to f's guest, so what
// serves those has breakpoints all at once.
func eachInstruction(t *testing.T, f func(p *Platform, at int)) {
	t.Helper()
	s := stub.Load()
	eachInstructionFrom(t, s.Enter, s.Wait, f)
	eachInstructionFrom(t, s.EndTell, s.Last, f)
	p := newBroken(t, instructions(t, s.Code, s.Wait, s.EndTell)...)
	f(p, int(s.Wait-stub.Addr))
	p.Close()
}

// eachInstructionFrom is eachInstruction for a part of the fast way.
func eachInstructionFrom(t *testing.T, from, to uint64, f func(p *Platform, at int)) {
	t.Helper()
	s := stub.Load()
	list := instructions(t, s.Code, from, to)
	var try []int
	for i, at := range list {
		skip := testing.Short() && at%8 != 0 && i < len(list)-2
		if rip := stub.Addr + uint64(at); rip >= s.Gave && rip < s.Over || skip {
			continue
		}
		try = append(try, at)
	}
	together(try, func(share <-chan int) {
		for at := range share {
			p := newBroken(t, at)
			f(p, at)
			p.Close()
		}
	})
}

func TestSelfAndPrivate(t *testing.T) {
	t.Parallel()
	eachInstruction(t, func(p *Platform, at int) {
		q, th := newFast(t, p, code(t, private))
		q.Write(stackAt+0x8008, []byte{42, 0, 0, 0, 0, 0, 0, 0})
		th.SetLWP(77)
		r := th.Regs()
		r.RDI, r.RDX, r.RFLAGS = dataAt+0x40, 5, 0x8d5|0x202
		want := *r
		for range 4 {
			wantKind(t, th.Run(), Syscall)
			if r.RAX == 42 {
				break
			}
			// What the signal made of it: the call is the kernel's to serve.
			switch {
			case r.RAX == stub.CallLWPSetprivate && r.RIP == codeAt+7:
				r.FSBase, r.RAX = r.RDI, 0
			case r.RAX == stub.CallLWPSelf && r.RIP == codeAt+14:
				r.RAX = 77
			default:
				t.Fatalf("%#x: %+v", at, r)
			}
			r.RDX, r.RFLAGS = 0, r.RFLAGS&^1
		}
		want.RIP, want.RAX, want.RCX, want.R11 = codeAt+uint64(len(code(t, private))), 42, r.RCX, r.R11
		want.RBX, want.RDX, want.FSBase, want.RFLAGS = 77, 0, dataAt+0x40, want.RFLAGS&^1
		if *r != want {
			t.Errorf("%#x:\ngot  %+v\nwant %+v", at, r, want)
		}
	})
	p := newPlatform(t, Options{})
	_, th := newFast(t, p, code(t, private))
	th.Regs().RDI = ^uint64(0)
	wantKind(t, th.Run(), Syscall)
	if th.Regs().RAX != stub.CallLWPSetprivate {
		t.Errorf("a bad address: %+v", th.Regs())
	}
	th.Regs().RDI = dataAt
	wantKind(t, th.Run(), Syscall)
	if th.Regs().RAX != stub.CallLWPSelf {
		t.Errorf("an unknown LWP: %+v", th.Regs())
	}
	th.SetLWP(1)
	th.SetTrapAll(true)
	th.Regs().RIP = codeAt
	wantKind(t, th.Run(), Syscall)
	if th.Regs().RAX != stub.CallLWPSetprivate || !th.light {
		t.Errorf("all must trap: %+v", th.Regs())
	}
}

// Calls bring along what is in memory, or they bring nothing.
func TestFetched(t *testing.T) {
	t.Parallel()
	data := []byte("0123456789abcdefghijklmnopqrstuvwxyz")
	for _, c := range []struct {
		call int
		size int
		at   func(r *Regs, addr uint64)
	}{
		{stub.CallSigaction, 32, func(r *Regs, a uint64) { r.RSI = a }},
		{stub.CallSigprocmask, 16, func(r *Regs, a uint64) { r.RSI = a }},
		{stub.CallMmap, 8, func(r *Regs, a uint64) { r.RSP = a - 8 }},
	} {
		text := binary.LittleEndian.AppendUint32([]byte{0xb8}, uint32(c.call))
		text = append(text, 0x0f, 0x05, 0xeb, 0xf7) // syscall; jmp back
		run := func(p *Platform, addr uint64) (*Process, *Thread) {
			q, th := newFast(t, p, text)
			q.Write(dataAt+8, data)
			r := th.Regs()
			c.at(r, addr)
			want := *r
			wantKind(t, th.Run(), Syscall)
			want.RIP, want.RCX, want.RAX, want.R11, want.RFLAGS = codeAt+7, codeAt+7, uint64(c.call), r.R11, r.RFLAGS
			if *r != want {
				t.Errorf("call %d:\ngot  %+v\nwant %+v", c.call, r, want)
			}
			return q, th
		}
		check := func(th *Thread, addr uint64, must bool) {
			b := make([]byte, c.size)
			if ok := th.Fetched(addr, b); ok != must && must || ok && !bytes.Equal(b, data[:c.size]) {
				t.Errorf("call %d: %v, %q", c.call, ok, b)
			}
			if th.Fetched(addr+1, b) || th.Fetched(addr, make([]byte, c.size+1)) {
				t.Errorf("call %d brings more than it has", c.call)
			}
		}
		p := newPlatform(t, Options{})
		_, th := run(p, dataAt+8)
		check(th, dataAt+8, true)
		for _, bad := range []uint64{0, 0x1000, dataAt + 0x10000 - 4, GuestEnd - 4, GuestEnd, stub.WindowAddr, 1 << 62, ^uint64(0) - 3} {
			if c.call == stub.CallMmap && bad == 0 {
				continue
			}
			q, th := run(p, bad)
			check(th, bad, false)
			if bad != GuestEnd-4 && th.Fetched(bad, make([]byte, 8)) {
				t.Errorf("call %d: it has fetched from %#x", c.call, bad)
			}
			intact(t, q)
			q.Release()
		}
		eachInstruction(t, func(p *Platform, at int) {
			_, th := run(p, dataAt+8)
			check(th, dataAt+8, false)
		})
	}
}

// The longer form of a site, by all ways into it.
func TestLongSite(t *testing.T) {
	p := newPlatform(t, Options{})
	// 1: mov $-5,%rax; syscall; mov $1,%eax; syscall; jmp 1b
	q, th := newFast(t, p, code(t, "48 c7 c0 fb ff ff ff 0f 05 b8 01 00 00 00 0f 05 eb ee"))
	r := th.Regs()
	for range 3 {
		wantKind(t, th.Run(), Syscall)
		if r.RAX != ^uint64(4) || r.RIP != codeAt+9 || r.RCX != codeAt+9 || !th.light {
			t.Errorf("light %v, %+v", th.light, r)
		}
		wantKind(t, th.Run(), Syscall)
		if r.RAX != 1 || r.RIP != codeAt+16 {
			t.Errorf("%+v", r)
		}
	}
	r.RIP, r.RAX = codeAt+7, 77
	wantKind(t, th.Run(), Syscall)
	if r.RAX != 77 || r.RIP != codeAt+9 || th.light {
		t.Errorf("the old instruction: light %v, %+v", th.light, r)
	}
	r.RIP = codeAt
	stepLong := 0
	for r.RFLAGS |= 0x100; th.Run().Kind != Syscall; r.RFLAGS |= 0x100 {
		if stepLong++; stepLong > 5 || r.RIP < codeAt || r.RIP > codeAt+9 {
			t.Fatalf("stepping: %+v", r)
		}
	}
	if r.RAX != ^uint64(4) || r.RIP != codeAt+9 {
		t.Errorf("stepped: %+v", r)
	}
	b := make([]byte, 9)
	q.Read(codeAt, b)
	if b[0] != 0xe9 || !bytes.Equal(b[7:], code(t, "0f 05")) {
		t.Errorf("% x", b)
	}
}

// fpOf makes a state that can be told from others.
func fpOf(n byte) (fx [stub.FPSize]byte) {
	fx[0], fx[1] = 0x7f, 0x03 // the x87 control word
	binary.LittleEndian.PutUint32(fx[fpMXCSR:], 0x1f80)
	for i := 160; i < 416; i++ {
		fx[i] = byte(i) * n
	}
	return fx
}

func wantFP(t *testing.T, th *Thread, want [stub.FPSize]byte) {
	t.Helper()
	if got := th.FP(); !bytes.Equal(got[160:416], want[160:416]) || !bytes.Equal(got[fpMXCSR:fpMXCSR+4], want[fpMXCSR:fpMXCSR+4]) || got[0] != want[0] {
		t.Fatalf("mxcsr % x, control word %x, xmm % x", got[fpMXCSR:fpMXCSR+4], got[0], got[160:416])
	}
}

// With calls that want it, the x87 and SSE state comes along.
func TestFPComesAlong(t *testing.T) {
	for _, nr := range []byte{stub.CallGetcontext & 0xff, stub.CallLWPCreate & 0xff} {
		p := newPlatform(t, Options{})
		// 1: mov $20,%eax; syscall; mov $nr,%eax; syscall; jmp 1b
		text := code(t, "b8 14 00 00 00 0f 05 b8 00 01 00 00 0f 05 eb f0")
		text[8] = nr
		_, th := newFast(t, p, text)
		for i := range 20 {
			for th.Regs().RAX != 256+uint64(nr) || i > 0 && th.Regs().RIP == codeAt {
				wantKind(t, th.Run(), Syscall)
			}
			if !th.light || !th.fpSaved {
				t.Fatalf("call %d, light %v, state there %v", th.Regs().RAX, th.light, th.fpSaved)
			}
			if i > 0 {
				wantFP(t, th, fpOf(byte(i-1)))
			}
			fx := fpOf(byte(i))
			th.SetFP(&fx)
			wantFP(t, th, fx)
			th.Regs().RAX = 0
		}
		wantKind(t, th.Run(), Syscall)
		if th.fpSaved {
			t.Error("it comes along with other calls, too")
		}
	}
}

// The x87 and SSE state that is set in a light trap is loaded on the way back, whatever
// comes in between.
func TestSetFPInALightTrap(t *testing.T) {
	p := newPlatform(t, Options{})
	_, th := newFast(t, p, code(t, callMany))
	wantKind(t, th.Run(), Syscall)
	bad := fpOf(3)
	binary.LittleEndian.PutUint32(bad[fpMXCSR:], 0xfffc1f80) // bits that would fault
	th.SetFP(&bad)
	wantKind(t, th.Run(), Syscall)
	if !th.light {
		t.Error("not a light trap")
	}
	wantFP(t, th, fpOf(3))
	kicker := kickOften(th, func() { spinAtMost(3000) })
	for i := range 3000 {
		fx := fpOf(byte(i*2 + 1))
		th.SetFP(&fx)
		wantFP(t, th, fx)
		if i%7 == 0 {
			nt, err := th.NewThread()
			if err != nil {
				t.Fatal(err)
			}
			wantFP(t, nt, fx)
			other := fpOf(byte(i * 3))
			nt.SetFP(&other)
			for nt.Run().Kind == Kicked {
			}
			wantFP(t, nt, other)
			nt.Exit()
		}
		for kicker.run().Kind == Kicked {
			wantFP(t, th, fx)
		}
		wantFP(t, th, fx)
	}
	kicker.stop()
}

func TestSetFPAtEveryInstruction(t *testing.T) {
	t.Parallel()
	var try []int
	for i, at := range acting(t, stub.Load()) {
		if !testing.Short() || i%8 == 0 {
			try = append(try, at)
		}
	}
	together(try, func(share <-chan int) {
		for at := range share {
			p := newBroken(t, at)
			_, th := newFast(t, p, code(t, callMany))
			wantKind(t, th.Run(), Syscall)
			fx := fpOf(9)
			th.SetFP(&fx)
			wantKind(t, th.Run(), Syscall)
			wantFP(t, th, fx)
			p.Close()
		}
	})
}
