package platform

import (
	"encoding/binary"
	"math/rand/v2"
	"testing"

	"golang.org/x/sys/unix"
)

const testPass = 0x0123456789abcdef

const testWindow = slotsPerWindow * 8192

// verdict runs the filter on a system call.
func verdict(t testing.TB, code []unix.SockFilter, nr, ip uint64, args ...uint64) uint32 {
	t.Helper()
	var data [64]byte
	le := binary.LittleEndian
	le.PutUint32(data[dataNr:], uint32(nr))
	le.PutUint32(data[dataArch:], unix.AUDIT_ARCH_X86_64)
	le.PutUint64(data[dataIP:], ip)
	for i, a := range args {
		le.PutUint64(data[dataArgs+8*i:], a)
	}
	var acc, x uint32
	for pc := 0; ; pc++ {
		f := code[pc]
		jump := func(cond bool) {
			if cond {
				pc += int(f.Jt)
			} else {
				pc += int(f.Jf)
			}
		}
		switch f.Code {
		case unix.BPF_LD | unix.BPF_W | unix.BPF_ABS:
			acc = le.Uint32(data[f.K:])
		case unix.BPF_MISC | unix.BPF_TAX:
			x = acc
		case unix.BPF_ALU | unix.BPF_ADD | unix.BPF_X:
			acc += x
		case unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K:
			jump(acc == f.K)
		case unix.BPF_JMP | unix.BPF_JGT | unix.BPF_K:
			jump(acc > f.K)
		case unix.BPF_JMP | unix.BPF_JSET | unix.BPF_K:
			jump(acc&f.K != 0)
		case unix.BPF_RET | unix.BPF_K:
			return f.K
		default:
			t.Fatalf("instruction %#x", f.Code)
		}
	}
}

func testFilter(t testing.TB) (stub, []unix.SockFilter) {
	t.Helper()
	s := loadStub()
	code, err := filterProgram(s, findVDSO(), testWindow, testPass)
	if err != nil {
		t.Fatal(err)
	}
	return s, code
}

func TestFilterTrapsOutsideTheStub(t *testing.T) {
	_, code := testFilter(t)
	for _, ip := range []uint64{
		codeAt, GuestEnd, stubAddr - 1, stubAddr - 1<<32 + 100, stubAddr + stubSize + 1, cfgAddr + 2, ctlAddr + 2,
		stubAddr + 1<<32, stubAddr&0xffffffff + 2, 0xffffffffff600000,
	} {
		for nr := range uint64(500) {
			if v := verdict(t, code, nr, ip); v != retTrap {
				t.Errorf("call %d at %#x: %#x", nr, ip, v)
			}
		}
	}
}

// Whatever a memory call does, it does it below the stub.
func TestFilterRanges(t *testing.T) {
	_, code := testFilter(t)
	rnd := rand.New(rand.NewPCG(5, 6))
	below := func(addr, size uint64) bool {
		return addr < stubAddr && size <= stubAddr-addr
	}
	allowed := 0
	for range 300_000 {
		var a [6]uint64
		for i := range a {
			a[i] = interesting(rnd)
			if rnd.IntN(4) == 0 {
				a[i] = rnd.Uint64() >> rnd.IntN(64)
			}
		}
		for _, nr := range []uint64{
			unix.SYS_MMAP, unix.SYS_MUNMAP, unix.SYS_MPROTECT, unix.SYS_MADVISE, unix.SYS_MREMAP, unix.SYS_MSYNC,
		} {
			if nr == unix.SYS_MMAP && rnd.IntN(2) == 0 {
				a[2], a[3] = a[2]&7, 0x32
			}
			if verdict(t, code, nr, stubAddr+100, a[:]...) != retAllow {
				continue
			}
			allowed++
			ok := below(a[0], a[1])
			switch {
			case nr == unix.SYS_MMAP && a[0] == ctlAddr:
				ok = a[1] == testWindow && a[3] == 0x11 && uint32(a[4]) == controlFD && a[5] == 0
			case nr == unix.SYS_MADVISE && a[0]>>32 == ctlAddr>>32:
				ok = uint32(a[2]) == unix.MADV_DONTFORK
			case nr == unix.SYS_MREMAP:
				ok = ok && below(a[0], a[2]) && (uint32(a[3]) == 0 || below(a[4], a[2]))
			}
			if !ok {
				t.Fatalf("call %d with %#x is let through", nr, a)
			}
		}
	}
	if allowed < 1000 {
		t.Errorf("only %d calls were let through: the test is vacuous", allowed)
	}
}

// No clone passes without a question, and from two places only is there one.
func TestFilterAsksForClones(t *testing.T) {
	stub, code := testFilter(t)
	for off := range uint64(stubSize) {
		ip := stubAddr + off
		for _, flags := range []uint64{forkFlags, threadFlags} {
			want := uint32(retTrap)
			if ip == stub.clone || ip == stub.light {
				want = retNotify
			}
			if v := verdict(t, code, unix.SYS_CLONE, ip, flags, noStack); v != want {
				t.Errorf("clone at %#x: %#x", ip, v)
			}
		}
	}
	for _, flags := range []uint64{0, 17, 0x100, forkFlags | 17, threadFlags | 0x8000, threadFlags &^ 0x10000, forkFlags | 1<<33} {
		for _, ip := range []uint64{stub.clone, stub.light} {
			if v := verdict(t, code, unix.SYS_CLONE, ip, flags, noStack); v != retTrap {
				t.Errorf("clone at %#x with %#x: %#x", ip, flags, v)
			}
		}
	}
}

// Newborns have no stack on which a signal frame could be.
func TestFilterCloneStack(t *testing.T) {
	stub, code := testFilter(t)
	for _, ip := range []uint64{stub.clone, stub.light} {
		for _, flags := range []uint64{forkFlags, threadFlags} {
			for _, stack := range []uint64{0, dataAt, ctlAddr + slotStack, noStack + 8, noStack &^ 0xffffffff, noStack & 0xffffffff, noStack ^ 1<<63} {
				if v := verdict(t, code, unix.SYS_CLONE, ip, flags, stack, 1, 0, 2, testPass); v != retTrap {
					t.Errorf("clone at %#x with %#x and the stack %#x: %#x", ip, flags, stack, v)
				}
			}
		}
	}
}

// With the pass a clone in a signal frame is no question; with another number it is.
func TestFilterPass(t *testing.T) {
	stub, code := testFilter(t)
	for _, flags := range []uint64{forkFlags, threadFlags} {
		if v := verdict(t, code, unix.SYS_CLONE, stub.clone, flags, noStack, 1, 0, 2, testPass); v != retAllow {
			t.Errorf("clone with %#x and the pass: %#x", flags, v)
		}
		if v := verdict(t, code, unix.SYS_CLONE, stub.light, flags, noStack, 1, 0, 2, testPass); v != retNotify {
			t.Errorf("clone with %#x and the pass, in a light trap: %#x", flags, v)
		}
		for bit := range 64 {
			if v := verdict(t, code, unix.SYS_CLONE, stub.clone, flags, noStack, 1, 0, 2, testPass^1<<bit); v != retNotify {
				t.Errorf("clone with %#x, bit %d of the pass wrong: %#x", flags, bit, v)
			}
		}
	}
	if v := verdict(t, code, unix.SYS_CLONE, stub.clone, 17, noStack, 1, 0, 2, testPass); v != retTrap {
		t.Errorf("a clone of another kind with the pass: %#x", v)
	}
}

// The control window is mapped from the descriptor that newborns have, and no other one:
// a guest could otherwise map a file over it that it is being given, or with a sibling's
// help a part of another window.
func TestFilterControlWindow(t *testing.T) {
	stub, code := testFilter(t)
	good := [6]uint64{ctlAddr, testWindow, 3, 0x11, controlFD, 0}
	if v := verdict(t, code, unix.SYS_MMAP, stub.clone, good[:]...); v != retAllow {
		t.Fatalf("the newborn's own: %#x", v)
	}
	for i, bad := range [6][]uint64{
		{ctlAddr + 4096, ctlAddr - 4096, ctlAddr + testWindow},
		{0, 4096, testWindow - 4096, testWindow + 4096, testWindow << 32},
		{0, 1, 5, 7},
		{0x01, 0x10, 0x12, 0x31, 0x100011, 0x2011, 0x11 | 1<<32},
		{0, giftFD, 2, ^uint64(0)},
		{4096, 1 << 32, 1 << 63},
	} {
		for _, v := range bad {
			a := good
			a[i] = v
			if got := verdict(t, code, unix.SYS_MMAP, stub.clone, a[:]...); got != retTrap {
				t.Errorf("mmap%#x: %#x", a, got)
			}
		}
	}
}

// What the guest's own calls must never be, and what the filter must never let
// through from anywhere.
func TestFilterShortList(t *testing.T) {
	stub, code := testFilter(t)
	known := map[uint64]bool{
		unix.SYS_RT_SIGRETURN: true, unix.SYS_CLOSE: true, unix.SYS_GETPPID: true, unix.SYS_GETRUSAGE: true,
		unix.SYS_EXIT_GROUP: true, unix.SYS_EXIT: true, askProcess: true, askThread: true, askFile: true,
		unix.SYS_FUTEX: true, unix.SYS_MMAP: true, unix.SYS_MUNMAP: true, unix.SYS_MPROTECT: true,
		unix.SYS_MADVISE: true, unix.SYS_MREMAP: true, unix.SYS_MSYNC: true, unix.SYS_PRCTL: true,
		unix.SYS_ARCH_PRCTL: true, unix.SYS_SENDMSG: true, unix.SYS_CLOCK_GETTIME: true, unix.SYS_SCHED_YIELD: true, unix.SYS_CLONE: true, unix.SYS_RT_SIGPROCMASK: true,
		unix.SYS_NANOSLEEP: true, unix.SYS_CLOSE_RANGE: true, unix.SYS_SIGALTSTACK: true,
	}
	rnd := rand.New(rand.NewPCG(7, 8))
	for range 100_000 {
		nr := rnd.Uint64N(600)
		if rnd.IntN(4) == 0 {
			nr = 1<<30 + nr
		}
		var a [6]uint64
		for i := range a {
			a[i] = interesting(rnd)
		}
		if v := verdict(t, code, nr, stub.clone, a[:]...); v != retTrap && !known[nr] {
			t.Fatalf("call %d with %#x: %#x", nr, a, v)
		}
	}
}

// A stray syscall instruction inside of others would be a gadget that nobody
// has looked at.
func TestStubHasNoHiddenSystemCalls(t *testing.T) {
	stub := loadStub()
	for i := range stub.code[:len(stub.code)-1] {
		switch two := binary.BigEndian.Uint16(stub.code[i:]); two {
		case 0x0f34, 0xcd80: // sysenter, int 0x80
			t.Errorf("%#x at %#x", two, i)
		}
	}
	if len(stub.code) > stubSize {
		t.Errorf("%d bytes", len(stub.code))
	}
}
