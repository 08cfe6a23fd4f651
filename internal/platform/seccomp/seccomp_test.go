package seccomp

import (
	"encoding/binary"
	"math/rand/v2"
	"testing"

	"golang.org/x/sys/unix"

	"toaster/internal/platform/stub"
)

// places are those of the stub as it is, of this process's vdso, and of windows with slots of
// the usual size.
var places = func() Places {
	text, vdso := stub.Load(), stub.FindVDSO()
	if vdso.Text == 0 { // a host without
		vdso.Text, vdso.End = stub.End+0x4000, stub.End+0x6000
	}
	return Places{
		Clone: text.Clone, LightClone: text.LightClone,
		VDSO: vdso.Text, VDSOEnd: vdso.End,
		Window: stub.SlotsPerWindow * 8192, Pass: 0x0123456789abcdef,
	}
}()

// Where a guest has memory.
const (
	codeAt = 0x400000
	dataAt = 0x500000
)

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

func testFilter(t testing.TB) []unix.SockFilter {
	t.Helper()
	code, err := Program(places)
	if err != nil {
		t.Fatal(err)
	}
	return code
}

func TestFilterTrapsOutsideTheStub(t *testing.T) {
	code := testFilter(t)
	for _, ip := range []uint64{
		codeAt, stub.GuestEnd, stub.Addr - 1, stub.Addr - 1<<32 + 100, stub.Addr + stub.Size + 1, stub.ConfigAddr + 2, stub.WindowAddr + 2,
		stub.Addr + 1<<32, stub.Addr&0xffffffff + 2, 0xffffffffff600000,
	} {
		for nr := range uint64(500) {
			if v := verdict(t, code, nr, ip); v != Trap {
				t.Errorf("call %d at %#x: %#x", nr, ip, v)
			}
		}
	}
}

// Whatever a memory call does, it does it below the stub.
func TestFilterRanges(t *testing.T) {
	code := testFilter(t)
	rnd := rand.New(rand.NewPCG(5, 6))
	below := func(addr, size uint64) bool {
		return addr < stub.Addr && size <= stub.Addr-addr
	}
	allowed := 0
	for range 300_000 {
		var a [6]uint64
		for i := range a {
			a[i] = stub.Interesting(rnd)
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
			if verdict(t, code, nr, stub.Addr+100, a[:]...) != Allow {
				continue
			}
			allowed++
			ok := below(a[0], a[1])
			switch {
			case nr == unix.SYS_MMAP && a[0] == stub.WindowAddr:
				ok = a[1] == places.Window && a[3] == 0x11 && uint32(a[4]) == stub.ControlFD && a[5] == 0
			case nr == unix.SYS_MADVISE && a[0]>>32 == stub.WindowAddr>>32:
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
	code := testFilter(t)
	for off := range uint64(stub.Size) {
		ip := stub.Addr + off
		for _, flags := range []uint64{stub.ForkFlags, stub.ThreadFlags} {
			want := uint32(Trap)
			if ip == places.Clone || ip == places.LightClone {
				want = Notify
			}
			if v := verdict(t, code, unix.SYS_CLONE, ip, flags, stub.NoStack); v != want {
				t.Errorf("clone at %#x: %#x", ip, v)
			}
		}
	}
	for _, flags := range []uint64{0, 17, 0x100, stub.ForkFlags | 17, stub.ThreadFlags | 0x8000, stub.ThreadFlags &^ 0x10000, stub.ForkFlags | 1<<33} {
		for _, ip := range []uint64{places.Clone, places.LightClone} {
			if v := verdict(t, code, unix.SYS_CLONE, ip, flags, stub.NoStack); v != Trap {
				t.Errorf("clone at %#x with %#x: %#x", ip, flags, v)
			}
		}
	}
}

// Newborns have no stack on which a signal frame could be.
func TestFilterCloneStack(t *testing.T) {
	code := testFilter(t)
	for _, ip := range []uint64{places.Clone, places.LightClone} {
		for _, flags := range []uint64{stub.ForkFlags, stub.ThreadFlags} {
			for _, stack := range []uint64{0, dataAt, stub.WindowAddr + stub.OffStack, stub.NoStack + 8, stub.NoStack &^ 0xffffffff, stub.NoStack & 0xffffffff, stub.NoStack ^ 1<<63} {
				if v := verdict(t, code, unix.SYS_CLONE, ip, flags, stack, 1, 0, 2, places.Pass); v != Trap {
					t.Errorf("clone at %#x with %#x and the stack %#x: %#x", ip, flags, stack, v)
				}
			}
		}
	}
}

// With the pass a clone in a signal frame is no question; with another number it is.
func TestFilterPass(t *testing.T) {
	code := testFilter(t)
	for _, flags := range []uint64{stub.ForkFlags, stub.ThreadFlags} {
		if v := verdict(t, code, unix.SYS_CLONE, places.Clone, flags, stub.NoStack, 1, 0, 2, places.Pass); v != Allow {
			t.Errorf("clone with %#x and the pass: %#x", flags, v)
		}
		if v := verdict(t, code, unix.SYS_CLONE, places.LightClone, flags, stub.NoStack, 1, 0, 2, places.Pass); v != Notify {
			t.Errorf("clone with %#x and the pass, in a light trap: %#x", flags, v)
		}
		for bit := range 64 {
			if v := verdict(t, code, unix.SYS_CLONE, places.Clone, flags, stub.NoStack, 1, 0, 2, places.Pass^1<<bit); v != Notify {
				t.Errorf("clone with %#x, bit %d of the pass wrong: %#x", flags, bit, v)
			}
		}
	}
	if v := verdict(t, code, unix.SYS_CLONE, places.Clone, 17, stub.NoStack, 1, 0, 2, places.Pass); v != Trap {
		t.Errorf("a clone of another kind with the pass: %#x", v)
	}
}

// The control window is mapped from the descriptor that newborns have, and no other one:
// a guest could otherwise map a file over it that it is being given, or with a sibling's
// help a part of another window.
func TestFilterControlWindow(t *testing.T) {
	code := testFilter(t)
	good := [6]uint64{stub.WindowAddr, places.Window, 3, 0x11, stub.ControlFD, 0}
	if v := verdict(t, code, unix.SYS_MMAP, places.Clone, good[:]...); v != Allow {
		t.Fatalf("the newborn's own: %#x", v)
	}
	for i, bad := range [6][]uint64{
		{stub.WindowAddr + 4096, stub.WindowAddr - 4096, stub.WindowAddr + places.Window},
		{0, 4096, places.Window - 4096, places.Window + 4096, places.Window << 32},
		{0, 1, 5, 7},
		{0x01, 0x10, 0x12, 0x31, 0x100011, 0x2011, 0x11 | 1<<32},
		{0, stub.PassedFD, 2, ^uint64(0)},
		{4096, 1 << 32, 1 << 63},
	} {
		for _, v := range bad {
			a := good
			a[i] = v
			if got := verdict(t, code, unix.SYS_MMAP, places.Clone, a[:]...); got != Trap {
				t.Errorf("mmap%#x: %#x", a, got)
			}
		}
	}
}

// What the guest's own calls must never be, and what the filter must never let
// through from anywhere.
func TestFilterShortList(t *testing.T) {
	code := testFilter(t)
	known := map[uint64]bool{
		unix.SYS_RT_SIGRETURN: true, unix.SYS_CLOSE: true, unix.SYS_GETPPID: true, unix.SYS_GETRUSAGE: true,
		unix.SYS_EXIT_GROUP: true, unix.SYS_EXIT: true, stub.AskProcess: true, stub.AskThread: true, stub.AskFile: true,
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
			a[i] = stub.Interesting(rnd)
		}
		if fileCalls[nr] && uint32(a[0]) >= stub.LentFD && uint32(a[0]) < stub.LentFD+stub.LentFiles {
			continue
		}
		if v := verdict(t, code, nr, places.Clone, a[:]...); v != Trap && !known[nr] {
			t.Fatalf("call %d with %#x: %#x", nr, a, v)
		}
	}
}

var fileCalls = map[uint64]bool{unix.SYS_READ: true, unix.SYS_WRITE: true, unix.SYS_LSEEK: true, unix.SYS_PREAD64: true, unix.SYS_PWRITE64: true, unix.SYS_EPOLL_WAIT: true, unix.SYS_EPOLL_PWAIT2: true}

// asked is what may be asked about a lent file, by the argument in front of which the request stands.
var asked = []struct{ nr, a1, a2 uint64 }{
	{unix.SYS_IOCTL, unix.TIOCINQ, dataAt}, {unix.SYS_IOCTL, unix.TIOCOUTQ, dataAt},
	{unix.SYS_GETSOCKOPT, unix.SOL_SOCKET, unix.SO_SNDBUF},
}

// Of a lent file the stub may ask what is queued, and how large a buffer is: nothing else, and of nothing else. The events of a
// set are taken, and never changed.
func TestFilterQuestionsAboutLentFiles(t *testing.T) {
	code := testFilter(t)
	for _, c := range asked {
		for fd, want := range map[uint64]uint32{
			stub.LentFD: Allow, stub.LentFD + stub.LentFiles - 1: Allow, stub.LentFD - 1: Trap, stub.LentFD + stub.LentFiles: Trap,
			0: Trap, stub.ControlFD: Trap, stub.PassedFD: Trap, ^uint64(0): Trap,
		} {
			if v := verdict(t, code, c.nr, places.Clone, fd, c.a1, c.a2, dataAt, dataAt); v != want {
				t.Errorf("call %d of %#x: %#x, want %#x", c.nr, fd, v, want)
			}
		}
		for _, a := range [][2]uint64{{c.a1 + 1, c.a2}, {c.a1 - 1, c.a2}, {0, c.a2}, {0x5452, c.a2}, {unix.TIOCSTI, c.a2}} {
			if v := verdict(t, code, c.nr, places.Clone, stub.LentFD, a[0], a[1], dataAt, dataAt); v != Trap {
				t.Errorf("call %d with %#x: %#x", c.nr, a, v)
			}
		}
	}
	for _, name := range []uint64{unix.SO_ERROR, unix.SO_PEERCRED, unix.SO_RCVBUF, unix.SO_SNDBUF + 1} {
		if v := verdict(t, code, unix.SYS_GETSOCKOPT, places.Clone, stub.LentFD, unix.SOL_SOCKET, name, dataAt, dataAt); v != Trap {
			t.Errorf("option %d: %#x", name, v)
		}
	}
	for _, nr := range []uint64{unix.SYS_EPOLL_CTL, unix.SYS_EPOLL_CREATE1, unix.SYS_SETSOCKOPT, unix.SYS_EPOLL_PWAIT} {
		if v := verdict(t, code, nr, places.Clone, stub.LentFD, unix.EPOLL_CTL_ADD, stub.LentFD, dataAt); v != Trap {
			t.Errorf("call %d: %#x", nr, v)
		}
	}
}

// Nobody waits for events with other signals blocked than he has.
func TestFilterWaitsWithTheSignalsThatThereAre(t *testing.T) {
	code := testFilter(t)
	for mask, want := range map[uint64]uint32{0: Allow, 1: Trap, dataAt: Trap, stub.NoSignals: Trap, stub.AllSignals: Trap, 1 << 32: Trap, 1 << 63: Trap, ^uint64(0): Trap} {
		for _, timeout := range []uint64{0, dataAt} {
			if v := verdict(t, code, unix.SYS_EPOLL_PWAIT2, places.Clone, stub.LentFD, dataAt, 8, timeout, mask, 8); v != want {
				t.Errorf("with the mask at %#x: %#x, want %#x", mask, v, want)
			}
		}
	}
}

// A thread has one of two timer slacks, and SIGKILL at its parent's end.
func TestFilterPrctl(t *testing.T) {
	code := testFilter(t)
	for _, c := range []struct {
		option, value uint64
		want          uint32
	}{
		{unix.PR_SET_TIMERSLACK, stub.GuestSlack, Allow}, {unix.PR_SET_TIMERSLACK, stub.WaitSlack, Allow},
		{unix.PR_SET_TIMERSLACK, 0, Trap}, {unix.PR_SET_TIMERSLACK, 1, Trap}, {unix.PR_SET_TIMERSLACK, ^uint64(0), Trap},
		{unix.PR_SET_TIMERSLACK, 1<<32 | stub.GuestSlack, Trap}, {unix.PR_SET_TIMERSLACK, stub.GuestSlack + 1, Trap},
		{unix.PR_SET_TIMERSLACK, uint64(unix.SIGKILL), Trap}, {unix.PR_SET_PDEATHSIG, stub.WaitSlack, Trap},
		{unix.PR_SET_PDEATHSIG, uint64(unix.SIGKILL), Allow}, {unix.PR_SET_PDEATHSIG, 0, Trap},
		{unix.PR_SET_DUMPABLE, 1, Trap}, {unix.PR_GET_TIMERSLACK, 0, Trap}, {unix.PR_SET_NAME, dataAt, Trap},
	} {
		if v := verdict(t, code, unix.SYS_PRCTL, places.Clone, c.option, c.value); v != c.want {
			t.Errorf("prctl %d with %#x: %#x, want %#x", c.option, c.value, v, c.want)
		}
	}
}

// Lent files are read, written and positioned. Whatever else a process has, or gets, has other
// numbers; and a lent file is not mapped.
func TestFilterLentFiles(t *testing.T) {
	code := testFilter(t)
	for nr := range fileCalls {
		for fd, want := range map[uint64]uint32{
			stub.LentFD: Allow, stub.LentFD + stub.LentFiles - 1: Allow, 1<<32 | stub.LentFD: Allow, // the host takes an int
			stub.LentFD - 1: Trap, stub.LentFD + stub.LentFiles: Trap, 0: Trap, stub.ControlFD: Trap, stub.PassedFD: Trap,
			1 << 31: Trap, 1<<32 - 1: Trap, ^uint64(0): Trap, 1 << 32: Trap,
		} {
			if v := verdict(t, code, nr, places.Clone, fd, dataAt, 8, 0); v != want {
				t.Errorf("call %d of %#x: %#x, want %#x", nr, fd, v, want)
			}
		}
		if v := verdict(t, code, nr, codeAt, stub.LentFD, dataAt, 8, 0); v != Trap {
			t.Errorf("call %d from the guest: %#x", nr, v)
		}
	}
	for fd, want := range map[uint64]uint32{stub.PassedFD: Allow, stub.LentFD: Trap, stub.LentFD + 7: Trap, stub.ControlFD: Trap} {
		if v := verdict(t, code, unix.SYS_MMAP, places.Clone, dataAt, 4096, 1, 0x12, fd, 0); v != want {
			t.Errorf("mmap of %d: %#x, want %#x", fd, v, want)
		}
	}
	if v := verdict(t, code, unix.SYS_MMAP, places.Clone, dataAt, 4096, 1, 0x32, 1<<32-1, 0); v != Allow {
		t.Errorf("mmap of memory: %#x", v)
	}
}

// Descriptors are closed, and nothing else: no thread gets a table of its own, with all that its siblings then give back.
func TestFilterCloseRange(t *testing.T) {
	code := testFilter(t)
	for flags, want := range map[uint64]uint32{
		0: Allow, unix.CLOSE_RANGE_UNSHARE: Trap, unix.CLOSE_RANGE_CLOEXEC: Trap, unix.CLOSE_RANGE_UNSHARE | 1<<32: Trap, ^uint64(0): Trap,
	} {
		if v := verdict(t, code, unix.SYS_CLOSE_RANGE, places.Clone, 0, 1<<32-1, flags); v != want {
			t.Errorf("close_range with %#x: %#x, want %#x", flags, v, want)
		}
	}
}

// From the vdso only the clocks are asked for that everybody knows; any other clock_gettime
// tells of other processes (clock_getcpuclockid(3)).
func TestFilterClocks(t *testing.T) {
	code := testFilter(t)
	for _, ip := range []uint64{places.VDSO + 1, places.VDSOEnd, places.Clone} {
		for clock, want := range map[uint64]uint32{
			unix.CLOCK_REALTIME: Allow, unix.CLOCK_MONOTONIC: Allow,
			unix.CLOCK_PROCESS_CPUTIME_ID: Trap, ^uint64(8): Trap, 1 << 32: Trap,
		} {
			if v := verdict(t, code, unix.SYS_CLOCK_GETTIME, ip, clock, dataAt); v != want {
				t.Errorf("clock %#x from %#x: %#x, want %#x", clock, ip, v, want)
			}
		}
	}
	for nr := range uint64(500) {
		if v := verdict(t, code, nr, places.VDSO+1); nr != unix.SYS_CLOCK_GETTIME && v != Trap {
			t.Errorf("call %d from the vdso: %#x", nr, v)
		}
	}
	for _, ip := range []uint64{places.VDSO, places.VDSOEnd + 1} {
		if v := verdict(t, code, unix.SYS_CLOCK_GETTIME, ip, 0, dataAt); v != Trap {
			t.Errorf("clock_gettime from %#x, beside the vdso: %#x", ip, v)
		}
	}
	var none Places
	code, err := Program(none)
	if err != nil {
		t.Fatal(err)
	}
	if v := verdict(t, code, unix.SYS_CLOCK_GETTIME, places.VDSO+1, 0, dataAt); v != Trap {
		t.Errorf("clock_gettime from behind the stub, where no vdso is: %#x", v)
	}
}
