package platform

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"sync/atomic"
	"testing"

	"golang.org/x/arch/x86/x86asm"
	"golang.org/x/sys/unix"

	"toaster/internal/platform/stub"
)

// siteForms are call sites as they are found in programs: of Go, of NetBSD's libc (SYSTRAP of
// sys/arch/amd64 in src/lib/libc), of musl, and as compilers make them of inline assembly.
var siteForms = map[string]string{
	"Go":           "b8 14 00 00 00 0f 05",
	"Go, stack":    "48 8b 44 24 08 0f 05",
	"Go, long":     "48 c7 c0 fb ff ff ff 0f 05",
	"libc":         "b8 14 00 00 00 49 89 ca 0f 05",
	"musl":         "b8 09 00 00 00 4d 89 c2 4d 89 c8 4c 8b 4c 24 10 0f 05",
	"r10":          "b8 1a 00 00 00 41 ba 08 00 00 00 0f 05",
	"zeroes":       "b8 14 00 00 00 31 ff 31 f6 0f 05",
	"zero number":  "bf 14 00 00 00 31 c0 0f 05",
	"a buffer":     "48 8d 74 24 10 89 d7 0f 05",
	"high buffer":  "4c 8d 44 24 f0 4c 89 c6 0f 05",
	"push and pop": "b8 14 00 00 00 6a 07 5f 0f 05",
	"a store":      "b8 14 00 00 00 48 89 7c 24 18 0f 05",
	"flags":        "b8 14 00 00 00 48 01 fe 0f 05",
	"to rsp":       "48 8d 64 24 f8 89 d7 0f 05",
	"high number":  "41 bb 14 00 00 00 44 89 d8 0f 05",
	"r15":          "49 c7 c7 fb ff ff ff 44 89 f8 0f 05",

	// clang -Oz, Zig's ReleaseSmall, and what has arguments in memory: without optimisation they all have.
	"64 bits":             "48 b8 14 00 00 00 01 00 00 80 0f 05",
	"64 bits, high":       "49 b9 14 00 00 00 01 00 00 80 4c 89 c8 0f 05",
	"a long frame":        "48 8b 85 70 00 00 00 48 8b 7d 88 0f 05",
	"a high register":     "4c 8b 95 b0 ff ff ff 0f 05",
	"a long stack":        "48 8b bc 24 10 00 00 00 48 89 f0 0f 05",
	"an int":              "48 63 7c 24 0c 48 89 f0 0f 05",
	"a negative int":      "4c 63 8d 78 00 00 00 0f 05",
	"half":                "44 8b 4c 24 08 0f 05",
	"half, far":           "8b bd 7c 00 00 00 31 c0 0f 05",
	"a structure":         "48 8d b5 40 00 00 00 89 d7 0f 05",
	"a structure by r12":  "49 8d 7c 24 08 31 c0 0f 05",
	"a field of r13's":    "4d 8b 85 20 00 00 00 0f 05",
	"a number in memory":  "48 c7 45 f8 14 00 00 00 48 8b 45 f8 0f 05",
	"a negative one":      "48 c7 85 70 00 00 00 fe ff ff ff 48 8b 45 70 0f 05",
	"an int in memory":    "c7 44 24 08 fe ff ff ff 48 8b 7c 24 08 0f 05",
	"a string of its own": "48 8d 35 40 00 00 00 89 d7 0f 05",
	"a string, high":      "4c 8d 0d 80 00 00 00 4c 89 ce 0f 05",
	"behind it":           "48 8d 3d c0 ff ff ff 31 c0 0f 05",
	"a variable":          "48 8b 05 40 00 00 00 48 89 cf 0f 05",
	"an int variable":     "8b 3d 41 00 00 00 31 c0 0f 05",
	"a variable's sign":   "48 63 3d 40 00 00 00 31 c0 0f 05",
}

// eachForm runs f with a guest whose code is one site, behind it ud2, and with another one that
// has the same code as it is.
func eachForm(t *testing.T, f func(t *testing.T, text []byte, fast, plain *Thread)) {
	p := newPlatform(t, Options{})
	for name, form := range siteForms {
		t.Run(name, func(t *testing.T) {
			text := code(t, form+" 0f 0b")
			q, fast := newGuest(t, p, text...)
			_, size := boundaries(t, text)
			if !CanRewrite(text[:size]) {
				t.Fatal("no site")
			}
			rewriteSites(t, q, fast, islandsAt, []Site{{codeAt, text[:size-syscallSize]}}, q.RewriteText)
			_, plain := newGuest(t, p, text...)
			f(t, text, fast, plain)
		})
	}
}

// ready sets both threads to the same registers, in front of an instruction of the site, and the
// same stack.
func ready(threads []*Thread, at int) {
	for _, th := range threads {
		r := th.Regs()
		for i, f := range r.Fields() {
			*f = uint64(i+1) * 0x0101010101010101
		}
		r.RIP, r.RSP, r.RFLAGS, r.FSBase, r.GSBase = codeAt+uint64(at), stackAt+0x8000, 0x8d5|0x202, 0x1000, 0
		r.RBP, r.R12, r.R13 = r.RSP, r.RSP, r.RSP // pointers, as frames and structures have them
		th.proc.Write(stackAt+0x8000, bytes.Repeat([]byte("stackful"), 32))
	}
}

// alike compares all that a guest can see of itself but the base of GS, which is no NetBSD
// program's.
func alike(t *testing.T, what string, fast, plain *Thread) {
	t.Helper()
	got, want := *fast.Regs(), *plain.Regs()
	got.GSBase, want.GSBase = 0, 0
	got.R11 &^= 0x10000
	want.R11 &^= 0x10000
	if got != want {
		t.Errorf("%s:\ngot  %+v\nwant %+v", what, got, want)
	}
	a, b := make([]byte, 256), make([]byte, 256)
	fast.proc.Read(stackAt+0x7fc0, a)
	plain.proc.Read(stackAt+0x7fc0, b)
	if !bytes.Equal(a, b) {
		t.Errorf("%s: the stack\ngot  %q\nwant %q", what, a, b)
	}
}

// boundaries returns where instructions begin in the code of a site, and the length of all.
func boundaries(t *testing.T, text []byte) (list []int, size int) {
	t.Helper()
	for at := 0; ; {
		inst, err := x86asm.Decode(text[at:], 64)
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, at)
		if at += inst.Len; inst.Op == x86asm.SYSCALL {
			return list, at
		}
	}
}

// A site is entered at each of its instructions, as by a jump into its middle or by a context
// that was saved there; the call is the one of the code as it was. From its beginning it needs no
// signal. A restart leads to the system call instruction (ERESTART).
func TestSitesCallAlike(t *testing.T) {
	eachForm(t, func(t *testing.T, text []byte, fast, plain *Thread) {
		at, size := boundaries(t, text)
		both := []*Thread{fast, plain}
		for _, off := range at {
			ready(both, off)
			for range 3 {
				for _, th := range both {
					wantKind(t, th.Run(), Syscall)
					if th.Regs().RIP != codeAt+uint64(size) {
						t.Fatalf("at %d: %+v", off, th.Regs())
					}
				}
				alike(t, fmt.Sprintf("at %d", off), fast, plain)
				for _, th := range both { // once more
					r := th.Regs()
					r.RIP, r.RCX, r.R11 = r.RIP-syscallSize, 0x77, 0x88
				}
			}
		}
		ready(both[:1], 0)
		if wantKind(t, fast.Run(), Syscall); !fast.light {
			t.Error("not a light trap")
		}
	})
}

// A head whose memory is not there, or must not be written, faults at its site, whether it is run or stepped over.
func TestHeadsFaultAtTheirSite(t *testing.T) {
	p := newPlatform(t, Options{})
	for name, form := range map[string]string{
		"load":          "48 8b 85 00 00 00 7f 0f 05",
		"load an int":   "48 63 bd 00 00 00 7f 0f 05",
		"load half":     "8b bd 00 00 00 7f 0f 05",
		"variable":      "48 8b 05 00 00 10 7f 0f 05",
		"store":         "48 c7 85 00 00 00 7f fe ff ff ff 0f 05",
		"store half":    "c7 85 00 00 00 7f fe ff ff ff 0f 05",
		"store to code": "48 c7 05 00 00 00 00 fe ff ff ff 0f 05",
	} {
		t.Run(name, func(t *testing.T) {
			text := code(t, form)
			q, th := newGuest(t, p, text...)
			rewriteSites(t, q, th, islandsAt, []Site{{codeAt, text[:len(text)-syscallSize]}}, q.RewriteText)
			if err := q.Protect(th, codeAt, PageSize, unix.PROT_READ|unix.PROT_EXEC); err != nil {
				t.Fatal(err)
			}
			for _, flags := range []uint64{0x202, 0x302} {
				ready([]*Thread{th}, 0)
				th.Regs().RFLAGS = flags
				trap := th.Run()
				if trap.Kind != Fault || trap.Signo != int(unix.SIGSEGV) || th.Regs().RIP != codeAt {
					t.Errorf("flags %#x: %+v at %#x", flags, trap, th.Regs().RIP)
				}
			}
		})
	}
}

// An instruction that names a place from where it is finds it from an island, too, or has none: as far as a
// displacement of 32 bits goes, and no farther.
func TestHeadsThatKnowTheirPlace(t *testing.T) {
	p := newPlatform(t, Options{})
	for _, islands := range []uint64{islandsAt, codeAt + 0x7f000000} {
		for _, disp := range []uint32{0x40, 0x7ffffff0, 0x80000010, 0xffffffc0} {
			text := append(binary.LittleEndian.AppendUint32(code(t, "48 8d 3d"), disp), 0x0f, 0x05)
			q, th := newGuest(t, p, text...)
			rewriteSites(t, q, th, islands, []Site{{codeAt, text[:7]}}, q.RewriteText)
			wantKind(t, th.Run(), Syscall)
			if r := th.Regs(); r.RDI != codeAt+7+uint64(int64(int32(disp))) || r.RIP != codeAt+9 {
				t.Errorf("islands at %#x, displacement %#x: %+v", islands, disp, r)
			}
			th.Regs().RIP, th.Regs().RFLAGS = codeAt, 0x302
			trap := th.Run()
			if r := th.Regs(); trap.Signo != int(unix.SIGTRAP) || r.RDI != codeAt+7+uint64(int64(int32(disp))) || r.RIP != codeAt+7 {
				t.Errorf("step, islands at %#x, displacement %#x: %+v", islands, disp, r)
			}
		}
	}
}

// What is taken for a head is an instruction of that length, sets what it says, and is nothing else.
func TestHeads(t *testing.T) {
	var b [16]byte
	copy(b[5:], "\x24\x08\x00\x00\x01\x02\x03\x04\x05\x06")
	for _, rex := range []byte{0, 0x40, 0x41, 0x42, 0x44, 0x45, 0x48, 0x49, 0x4a, 0x4c, 0x4d, 0x4f} {
		for op := range 256 {
			for modrm := range 256 {
				for _, sib := range []byte{0x24, 0x64, 0xe4, 0x25, 0x20} {
					code := append([]byte{}, byte(op), byte(modrm), sib)
					if rex != 0 {
						code = append([]byte{rex}, code...)
					}
					code = append(code, b[5:]...)
					n := headSize(code)
					if n == 0 {
						continue
					}
					inst, err := x86asm.Decode(code, 64)
					if err != nil || inst.Len != n || n < jumpSize || inst.Op != x86asm.MOV && inst.Op != x86asm.LEA && inst.Op != x86asm.MOVSXD {
						t.Errorf("% x: %d, %v, %v", code, n, inst, err)
					}
				}
			}
		}
	}
}

// Who steps through a site sees each of its instructions, and what it has done.
func TestSitesStepAlike(t *testing.T) {
	eachForm(t, func(t *testing.T, text []byte, fast, plain *Thread) {
		at, _ := boundaries(t, text)
		both := []*Thread{fast, plain}
		ready(both, 0)
		for i := range at {
			for _, th := range both {
				th.Regs().RFLAGS |= 0x100
				trap := th.Run()
				if i == len(at)-1 {
					wantKind(t, trap, Syscall)
				} else if trap.Kind != Fault || trap.Signo != int(unix.SIGTRAP) || trap.Code != 2 {
					t.Fatalf("step %d: %+v at %#x", i, trap, th.Regs().RIP)
				}
			}
			alike(t, fmt.Sprint("step ", i), fast, plain)
		}
	})
}

// A signal at each instruction of an island, by one that faults, finds the guest at the site,
// with the registers that it has there; and from there it goes on.
func TestSignalAtEveryInstructionOfAnIsland(t *testing.T) {
	t.Parallel()
	eachForm(t, func(t *testing.T, text []byte, fast, plain *Thread) {
		at, size := boundaries(t, text)
		call := at[len(at)-1]
		island := make([]byte, islandSize)
		fast.proc.Read(islandsAt+islandSize, island)
		for i, off := range append(at, call+7) { // its last two are beyond the site
			fast.proc.Write(islandsAt+islandSize+uint64(off), []byte{0xf4}) // hlt
			both := []*Thread{fast, plain}
			ready(both, 0)
			trap := fast.Run()
			if trap.Kind != Fault || trap.Signo != int(unix.SIGSEGV) {
				t.Fatalf("at %d: %+v", off, trap)
			}
			for range min(i, len(at)-1) {
				plain.Regs().RFLAGS |= 0x100
				wantKind(t, plain.Run(), Fault)
				plain.Regs().RFLAGS &^= 0x100
			}
			if off > call { // RCX is lost there, as the call loses it
				plain.Regs().RCX = codeAt + uint64(size)
			}
			plain.Regs().RFLAGS, fast.Regs().RFLAGS = plain.Regs().RFLAGS&^0x10000, fast.Regs().RFLAGS&^0x10000
			alike(t, fmt.Sprint("signal at ", off), fast, plain)
			fast.proc.Write(islandsAt+islandSize, island)
			wantKind(t, fast.Run(), Syscall)
			wantKind(t, plain.Run(), Syscall)
			alike(t, fmt.Sprint("call after a signal at ", off), fast, plain)
		}
	})
}

// Kicks at every moment: none is lost, and the guest is always at its own code.
func TestKicksAtLibcSites(t *testing.T) {
	t.Parallel()
	rounds := uint64(20000 / workers)
	if testing.Short() {
		rounds = 4000 / workers
	}
	var kicks atomic.Int64
	p := newPlatform(t, Options{})
	together(upTo(workers), func(share <-chan int) {
		for range share {
			kicks.Add(int64(kickAtLibcSites(t, p, rounds)))
		}
	})
	t.Log(kicks.Load(), "kicks")
}

// kickAtLibcSites kicks a guest that makes so many calls, and returns how many kicks have met it.
func kickAtLibcSites(t *testing.T, p *Platform, rounds uint64) (kicks int) {
	t.Helper()
	// 1: mov %rbx,%rcx; mov $20,%eax; mov %rcx,%r10; syscall; inc %rbx; cmp %rbp,%rbx; jne 1b; ud2
	text := code(t, "48 89 d9 b8 14 00 00 00 49 89 ca 0f 05 48 ff c3 48 39 eb 75 eb 0f 0b")
	_, th := newFast(t, p, text)
	r := th.Regs()
	r.RBP = rounds
	kicker := kickOften(th, func() { spinAtMost(2000) })
	calls := uint64(0)
	within(t, "guest", func() {
		for {
			trap := kicker.run()
			if r.RIP < codeAt || r.RIP > codeAt+uint64(len(text)) {
				t.Fatalf("%v at %#x", trap.Kind, r.RIP)
			}
			if trap.Kind == Fault {
				break
			}
			if trap.Kind == Kicked {
				kicks++
			}
			if trap.Kind == Syscall {
				if r.RAX != 20 || r.R10 != calls || r.RBX != calls || r.RIP != codeAt+13 {
					t.Fatalf("call %d: %+v", calls, r)
				}
				calls++
			}
		}
	})
	kicker.stop()
	if calls != rounds || r.RIP != codeAt+uint64(len(text))-2 {
		t.Errorf("%d calls, %+v", calls, r)
	}
	return kicks
}

// A breakpoint of a debug register is met at each instruction of a site, too.
func TestBreakpointRegistersMeetSites(t *testing.T) {
	eachForm(t, func(t *testing.T, text []byte, fast, _ *Thread) {
		at, _ := boundaries(t, text)
		for _, off := range at {
			q, th, err := fast.Fork()
			if err != nil {
				t.Fatal(err)
			}
			defer q.Release()
			ready([]*Thread{th}, 0)
			if err := th.SetDebugRegs(&DebugRegs{Addr: [4]uint64{codeAt + uint64(off)}, Control: 0x400 | 1<<1}); err != nil {
				t.Fatal(err)
			}
			wantDebugTrap(t, th, codeAt+uint64(off), 1)
		}
	})
}

// A debugger reads code as it was, wherever its words lie, and meets a breakpoint at each
// instruction of a site; what it writes back is the code as it was. (ptrace(2): PT_READ_I,
// PT_WRITE_I.)
func TestDebuggersSeeSitesAsTheyWere(t *testing.T) {
	eachForm(t, func(t *testing.T, text []byte, fast, _ *Thread) {
		at, size := boundaries(t, text)
		for _, off := range at {
			q, th, err := fast.Fork()
			if err != nil {
				t.Fatal(err)
			}
			defer q.Release()
			for from := range text {
				for to := from + 1; to <= len(text); to++ {
					b := make([]byte, to-from)
					if !q.Peek(codeAt+uint64(from), b) || !bytes.Equal(b, text[from:to]) {
						t.Fatalf("%d to %d: % x", from, to, b)
					}
				}
			}
			word := make([]byte, 4)
			q.Peek(codeAt+uint64(off), word)
			broken := append([]byte{0xcc}, word[1:]...)
			if !q.Poke(codeAt+uint64(off), broken) {
				t.Fatal("no breakpoint")
			}
			ready([]*Thread{th}, 0)
			trap := th.Run()
			if trap.Kind != Fault || trap.Signo != int(unix.SIGTRAP) || th.Regs().RIP != codeAt+uint64(off)+1 {
				t.Fatalf("breakpoint at %d: %+v at %#x", off, trap, th.Regs().RIP)
			}
			q.Poke(codeAt+uint64(off), word)
			th.Regs().RIP--
			wantKind(t, th.Run(), Syscall)
			b := make([]byte, len(text))
			if q.Read(codeAt, b); !bytes.Equal(b, text) || th.Regs().RIP != codeAt+uint64(size) {
				t.Errorf("%+v\ncode % x", th.Regs(), b)
			}
		}
	})
}

// Restore makes all sites what they were, but for those that the guest has changed meanwhile.
func TestRestore(t *testing.T) {
	p := newPlatform(t, Options{})
	libc := siteForms["libc"]
	text := code(t, libc+libc+libc)
	q, th := newGuest(t, p, text...)
	rw := rewriteAt(t, q, th, islandsAt, codeAt, text)
	q.Write(codeAt+11, []byte("own"))
	if !q.Restore(rw) {
		t.Fatal("not restored")
	}
	q.Forget(rw)
	if err := q.Unmap(th, rw.At(), rw.Size()); err != nil {
		t.Fatal(err)
	}
	b := make([]byte, len(text))
	q.Read(codeAt, b)
	if !bytes.Equal(b[:10], text[:10]) || string(b[11:14]) != "own" || !bytes.Equal(b[20:], text[20:]) {
		t.Errorf("% x", b)
	}
	wantKind(t, th.Run(), Syscall)
	if th.Regs().RIP != codeAt+10 || th.Regs().RAX != 20 {
		t.Errorf("%+v", th.Regs())
	}
}

// Sites side by side and far apart are rewritten if all have the code that was looked at, and
// none of them if one has not.
func TestRewriteText(t *testing.T) {
	p := newPlatform(t, Options{})
	site := code(t, siteForms["libc"]+" 0f 0b")
	text := bytes.Repeat([]byte{0x90}, 0x8000)
	var sites []Site
	for _, at := range []int{0, 12, 24, 500, 600, 0xff0, 0xffb, 0x1800, 0x1fff, 0x5000, 0x7ff0} {
		copy(text[at:], site)
		sites = append(sites, Site{codeAt + uint64(at), site[:8]})
	}
	q, th := newGuest(t, p, text...)
	for i := range sites {
		at := sites[i].Addr + uint64(i)%10 // each of a site's bytes
		q.Write(at, []byte{0xf1})
		rw := q.platform.NewRewrite(islandsAt, sites)
		if rw == nil {
			t.Skip("this host can't rewrite")
		}
		if err := q.Map(th, islandsAt, rw.Size(), 7, unix.MAP_PRIVATE, -1, 0); err != nil {
			t.Fatal(err)
		}
		if err := q.RewriteText(rw); err != errOtherCode {
			t.Fatalf("site %d, %v", i, err)
		}
		q.Write(at, text[at-codeAt:][:1])
		now := make([]byte, len(text))
		if q.Read(codeAt, now); !bytes.Equal(now, text) {
			t.Fatalf("site %d: code has changed", i)
		}
	}
	rw := rewriteSites(t, q, th, islandsAt, sites, q.RewriteText)
	for i, site := range sites {
		for range 2 {
			th.Regs().RIP = site.Addr
			wantKind(t, th.Run(), Syscall)
			if th.Regs().RIP != site.Addr+10 {
				t.Fatalf("site %d: %+v", i, th.Regs())
			}
		}
		if !th.light {
			t.Errorf("site %d: not a light trap", i)
		}
	}
	if now := make([]byte, len(text)); !q.Peek(codeAt, now) || !bytes.Equal(now, text) {
		t.Error("a debugger sees other code")
	}
	if now := make([]byte, len(text)); !q.Restore(rw) {
		t.Error("not restored")
	} else if q.Read(codeAt, now); !bytes.Equal(now, text) {
		t.Error("restored to other code")
	}
}

// Islands may be as far as a jump reaches, on either side, and a process may have many of them; a
// child has what its parent had.
func TestIslandsFarAndNear(t *testing.T) {
	p := newPlatform(t, Options{})
	text := code(t, siteForms["libc"]+" 0f 0b")
	const text2 = codeAt + 0x70000000
	q, th := newGuest(t, p, text...)
	rewriteAt(t, q, th, codeAt+0x7fd00000, codeAt, text)
	if err := q.Map(th, text2, PageSize, 7, unix.MAP_PRIVATE, -1, 0); err != nil {
		t.Fatal(err)
	}
	q.Write(text2, text)
	rewriteAt(t, q, th, islandsAt, text2, text)
	child, forked, err := th.Fork()
	if err != nil {
		t.Fatal(err)
	}
	defer child.Release()
	for _, th := range []*Thread{th, forked} {
		for _, at := range []uint64{codeAt, text2} {
			for range 3 {
				th.Regs().RIP = at
				wantKind(t, th.Run(), Syscall)
				if r := th.Regs(); r.RIP != at+10 || r.RAX != 20 {
					t.Fatalf("%+v", r)
				}
			}
			if !th.light {
				t.Errorf("%#x: not a light trap", at)
			}
		}
	}
}

// A thread that ran when its process's first site was rewritten finds its way, slowly at first.
func TestRewrittenBesideRunningThread(t *testing.T) {
	p := newPlatform(t, Options{})
	// 1: cmpl $0,(%rbp); je 1b; then a site
	text := code(t, "83 7d 00 00 74 fa b8 14 00 00 00 49 89 ca 0f 05 0f 0b")
	q, th := newGuest(t, p, text...)
	nt, err := th.NewThread()
	if err != nil {
		t.Fatal(err)
	}
	nt.Regs().RBP, nt.Regs().RCX = dataAt, 4
	done := make(chan Trap)
	go func() { done <- nt.Run() }()
	waitFor(t, "it runs", func() bool { return nt.state.Load() == threadRunning })
	rewriteAt(t, q, th, islandsAt, codeAt, text)
	q.Write(dataAt, []byte{1})
	trap := <-done
	if r := nt.Regs(); trap.Kind != Syscall || r.RIP != codeAt+16 || r.RAX != 20 || r.R10 != 4 {
		t.Fatalf("%+v, %+v", trap, r)
	}
	nt.Regs().RIP = codeAt
	if wantKind(t, nt.Run(), Syscall); !nt.light {
		t.Error("not a light trap at last")
	}
}

// What a guest makes of its islands leads itself astray, and nobody else.
func TestHostileIslands(t *testing.T) {
	t.Parallel()
	p := newPlatform(t, Options{})
	together(upTo(2*islandSize), func(share <-chan int) {
		_, base := newFast(t, p, code(t, siteForms["libc"]+" eb f4"))
		for off := range share {
			leadAstray(t, base, islandsAt+uint64(off))
		}
		wantKind(t, base.Run(), Syscall)
	})
	accounted(t, p)
}

// leadAstray has a child of base's write what it likes into its islands.
func leadAstray(t *testing.T, base *Thread, at uint64) {
	t.Helper()
	q, th, err := base.Fork()
	if err != nil {
		t.Fatal(err)
	}
	for _, target := range []uint64{q.platform.stub.Enter, stub.Addr, 0, ^uint64(0), at} {
		q.Write(at, binary.LittleEndian.AppendUint64(nil, target))
		th.Regs().RIP = codeAt
		within(t, "hostile guest", func() { runFairly(th) })
	}
	intact(t, q)
	q.Release()
}
