package platform

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"os"
	"reflect"
	"slices"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"toaster/internal/platform/stub"
)

// code is machine code written down as objdump prints it.
func code(t testing.TB, text string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.Join(strings.Fields(text), ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestRegistersSurviveTraps(t *testing.T) {
	p := newPlatform(t, Options{})
	_, th := newGuest(t, p, syscallLoop...)
	set := func(seed uint64) Regs {
		r := th.Regs()
		for i, f := range r.Fields() {
			*f = seed + uint64(i)*0x0101010101010101
		}
		r.RIP = codeAt
		r.RFLAGS = 0x8d5 | 0x202 // all arithmetic flags
		r.FSBase, r.GSBase = 0x1000+seed, 0x2000+seed
		return *r
	}
	for i := range uint64(100) {
		want := set(i * 0x1234567)
		wantKind(t, th.Run(), Syscall)
		got := *th.Regs()
		if got.RCX != codeAt+2 || got.R11&^0x10000 != want.RFLAGS {
			t.Errorf("rcx %#x, r11 %#x: not what the instruction leaves", got.RCX, got.R11)
		}
		want.RCX, want.R11, want.RIP = got.RCX, got.R11, codeAt+2
		if got != want {
			t.Fatalf("got  %+v\nwant %+v", got, want)
		}
	}
}

// The number of a system call is the guest's business: none is let through.
func TestEveryNumberTraps(t *testing.T) {
	p := newPlatform(t, Options{TrapAll: true})
	_, th := newGuest(t, p, syscallLoop...)
	numbers := []uint64{^uint64(0), 1 << 31, 1 << 30, 1<<30 | 59, 1 << 40, 1<<40 | 60, 0xffffffff}
	for nr := range uint64(600) {
		if nr != hostUprobe {
			numbers = append(numbers, nr)
		}
	}
	for _, nr := range numbers {
		th.Regs().RAX = nr
		wantKind(t, th.Run(), Syscall)
		// The kernel keeps a number as an int; guests use 32 bits of it, too.
		if got := th.Regs().RAX; uint32(got) != uint32(nr) {
			t.Errorf("number %#x arrives as %#x", nr, got)
		}
	}
}

// The vsyscall page executes on the kernel's behalf, by its address.
func TestVsyscallTraps(t *testing.T) {
	p := newPlatform(t, Options{})
	_, th := newGuest(t, p, code(t, "48 c7 c0 00 00 60 ff ff d0")...)
	if got := th.Run(); got.Kind != Fault {
		t.Errorf("%+v", got)
	}
}

func TestFaults(t *testing.T) {
	const segv, bus, ill, fpe, trap = 11, 7, 4, 8, 5
	for _, test := range []struct {
		name, code string
		want       Trap
		rip        uint64
	}{
		{"read of nothing", "48 8b 04 25 78 56 34 12", Trap{Signo: segv, Code: 1, Addr: 0x12345678, Trapno: 14, Err: 4}, 0},
		{"write to read-only", "c7 04 25 10 00 70 00 01 00 00 00", Trap{Signo: segv, Code: 2, Addr: 0x700010, Trapno: 14, Err: 6}, 0},
		{"execution of data", "48 b8 10 00 70 00 00 00 00 00 ff e0", Trap{Signo: segv, Code: 2, Addr: 0x700010, Trapno: 14, Err: 20}, 0x700010},
		{"illegal instruction", "0f 0b", Trap{Signo: ill, Code: 2, Addr: codeAt, Trapno: 6}, 0},
		{"division by zero", "31 c9 f7 f1", Trap{Signo: fpe, Code: 1, Addr: codeAt + 2}, codeAt + 2},
		{"breakpoint", "cc", Trap{Signo: trap, Code: 0x80, Trapno: 3}, codeAt + 1},
		{"privileged instruction", "f4", Trap{Signo: segv, Code: 0x80, Trapno: 13}, 0},
		{"beyond a file's end", "48 8b 04 25 00 10 70 00", Trap{Signo: bus, Code: 2, Addr: 0x701000, Trapno: 14, Err: 4}, 0},
		{"32-bit system call", "b8 14 00 00 00 cd 80", Trap{Signo: segv, Code: 0x80, Trapno: 13}, codeAt + 7},
	} {
		t.Run(test.name, func(t *testing.T) {
			p := newPlatform(t, Options{Warm: -1})
			q, th := newGuest(t, p, code(t, test.code)...)
			mapOnePageFile(t, q, th)
			got := th.Run()
			test.want.Kind = Fault
			// Whether the page was present is up to the host.
			got.Err &^= 1
			if got != test.want {
				t.Errorf("got  %+v\nwant %+v", got, test.want)
			}
			want := test.rip
			if want == 0 {
				want = codeAt
			}
			if rip := th.Regs().RIP; rip != want {
				t.Errorf("rip %#x, want %#x", rip, want)
			}
		})
	}
}

// mapOnePageFile maps two pages at 0x700000, read-only, of a file of one page.
func mapOnePageFile(t *testing.T, q *Process, th *Thread) {
	t.Helper()
	f, err := os.CreateTemp(t.TempDir(), "")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := f.Truncate(4096); err != nil {
		t.Fatal(err)
	}
	if err := q.Map(th, 0x700000, 0x2000, unix.PROT_READ, unix.MAP_SHARED, int(f.Fd()), 0); err != nil {
		t.Fatal(err)
	}
}

func TestSingleStep(t *testing.T) {
	p := newPlatform(t, Options{})
	_, th := newGuest(t, p, code(t, "90 90 48 ff c0 0f 05")...)
	for _, rip := range []uint64{1, 2, 5} {
		th.Regs().RFLAGS |= 0x100
		got := th.Run()
		if got.Kind != Fault || got.Signo != int(syscall.SIGTRAP) || got.Code != 2 {
			t.Fatalf("step: %+v", got)
		}
		if th.Regs().RIP != codeAt+rip {
			t.Fatalf("rip %#x, want +%d", th.Regs().RIP, rip)
		}
	}
	th.Regs().RFLAGS &^= 0x100
	wantKind(t, th.Run(), Syscall)
}

func TestFPStateIsSeenAndSet(t *testing.T) {
	p := newPlatform(t, Options{})
	q, th := newGuest(t, p, code(t, "0f 10 3c 25 00 00 50 00 0f 05 0f 11 3c 25 40 00 50 00 0f 05")...)
	const xmm7 = 160 + 7*16
	q.Write(dataAt, []byte("sixteen bytes...."))
	wantKind(t, th.Run(), Syscall)
	fx := th.FP()
	if got := string(fx[xmm7:][:16]); got != "sixteen bytes..." {
		t.Errorf("xmm7 holds %q", got)
	}
	if mxcsr := binary.LittleEndian.Uint32(fx[fpMXCSR:]); mxcsr != 0x1f80 {
		t.Errorf("a pristine process has mxcsr %#x", mxcsr)
	}
	copy(fx[xmm7:], "other sixteen...")
	binary.LittleEndian.PutUint32(fx[fpMXCSR:], 0xffffffff) // must not kill the guest
	th.SetFP(&fx)
	wantKind(t, th.Run(), Syscall)
	var got [16]byte
	q.Read(dataAt+0x40, got[:])
	if string(got[:]) != "other sixteen..." {
		t.Errorf("the guest sees %q", got[:])
	}
}

func TestExtendedStateIsSavedAndRestored(t *testing.T) {
	if !strings.Contains(readFile(t, "/proc/cpuinfo"), " avx ") {
		t.Skip("no AVX")
	}
	p := newPlatform(t, Options{})
	q, th := newGuest(t, p, code(t, `c5 fe 6f 04 25 00 00 50 00 0f 05 c5 fc 77 0f 05
		c5 fe 7f 04 25 40 00 50 00 0f 05`)...)
	want := []byte("thirty-two bytes for one ymm reg")
	q.Write(dataAt, want)
	wantKind(t, th.Run(), Syscall)
	saved := th.SaveX()
	wantKind(t, th.Run(), Syscall) // after vzeroall
	th.RestoreX(saved)
	wantKind(t, th.Run(), Syscall)
	got := make([]byte, 32)
	q.Read(dataAt+0x40, got)
	if !bytes.Equal(got, want) {
		t.Errorf("ymm0 is %q", got)
	}
	// Garbage may not hurt more than the guest's own numbers.
	for i := range saved {
		saved[i] = byte(i * 37)
	}
	th.Regs().RIP = codeAt
	th.RestoreX(saved)
	wantKind(t, th.Run(), Syscall)
}

// Where the upper halves of the AVX registers are in a saved state (Intel's manual, volume 1, section 13.5).
func TestComponentOfExtendedState(t *testing.T) {
	if !strings.Contains(readFile(t, "/proc/cpuinfo"), " avx ") {
		t.Skip("no AVX")
	}
	q, th := newGuest(t, newPlatform(t, Options{}), code(t, `c5 fe 6f 04 25 00 00 50 00 0f 05`)...)
	want := []byte("thirty-two bytes for one ymm reg")
	q.Write(dataAt, want)
	wantKind(t, th.Run(), Syscall)
	saved := th.SaveX()
	const avx = 2
	at, size := th.XComponent(avx)
	if th.XFeatures()>>avx&1 == 0 || size != 256 || at+size > len(saved) || !bytes.HasPrefix(saved[at:], want[16:]) {
		t.Errorf("features %#x, AVX is %d bytes at %d of %d", th.XFeatures(), size, at, len(saved))
	}
	if at, size := th.XComponent(0); at != 0 || size != 0 {
		t.Errorf("the x87 state is %d bytes at %d", size, at)
	}
}

// The same without any signal frame, as handlers come and go.
func TestExtendedStateInALightTrap(t *testing.T) {
	if !strings.Contains(readFile(t, "/proc/cpuinfo"), " avx ") {
		t.Skip("no AVX")
	}
	const call = "b8 14 00 00 00 0f 05 "
	text := code(t, "c5 fe 6f 04 25 00 00 50 00"+call+"c5 fc 77"+call+"c5 fe 7f 04 25 40 00 50 00"+call)
	want := []byte("thirty-two bytes for one ymm reg")
	p := newPlatform(t, Options{})
	for name, between := range map[string]func(th *Thread){
		"nothing":      func(*Thread) {},
		"a frame":      func(th *Thread) { th.ensureFrame() },
		"a kick":       func(th *Thread) { th.Kick() },
		"a late kick":  func(th *Thread) { th.slot.Poke32(stub.OffKicked, 1) },
		"a look at FP": func(th *Thread) { fp := th.FP(); th.SetFP(&fp) },
		"a fork": func(th *Thread) {
			_, c, err := th.Fork()
			if err != nil {
				t.Fatal(err)
			}
			wantKind(t, c.Run(), Syscall)
			wantYMM(t, "a fork's child", c.proc, want)
		},
	} {
		q, th := newFast(t, p, text)
		q.Write(dataAt, want)
		wantKind(t, th.Run(), Syscall)
		saved := th.SaveX()
		wantKind(t, th.Run(), Syscall) // after vzeroall
		th.RestoreX(saved)
		if !th.light {
			t.Errorf("%s: there was a signal frame", name)
		}
		between(th)
		trap := th.Run()
		for trap.Kind == Kicked {
			trap = th.Run()
		}
		wantKind(t, trap, Syscall)
		wantYMM(t, name, q, want)
		q.Release()
	}
	// Garbage may not hurt more than the guest's own numbers.
	_, th := newFast(t, p, text)
	wantKind(t, th.Run(), Syscall)
	saved := th.SaveX()
	for i := range saved {
		saved[i] = byte(i * 37)
	}
	th.RestoreX(saved)
	wantKind(t, th.Run(), Syscall)
}

// wantYMM checks what the guest of the tests above has stored.
func wantYMM(t *testing.T, name string, q *Process, want []byte) {
	t.Helper()
	got := make([]byte, 32)
	q.Read(dataAt+0x40, got)
	if !bytes.Equal(got, want) {
		t.Errorf("%s: ymm0 is %q", name, got)
	}
}

func TestPristineProcessIsPristine(t *testing.T) {
	p := newPlatform(t, Options{})
	q, th, err := p.NewProcess()
	if err != nil {
		t.Fatal(err)
	}
	defer q.Release()
	if !reflect.DeepEqual(*th.Regs(), Regs{}) {
		t.Errorf("registers %+v", th.Regs())
	}
	th.CPUTime() // by then the stub has made itself at home
	maps := strings.Split(strings.TrimSpace(readFile(t, "/proc/"+itoa(q.pid)+"/maps")), "\n")
	maps = slices.DeleteFunc(maps, func(m string) bool { return strings.Contains(m, "[v") })
	if len(maps) > 3 {
		t.Errorf("a pristine process maps more than text, configuration and control:\n%s", strings.Join(maps, "\n"))
	}
	fds, err := os.ReadDir("/proc/" + itoa(q.pid) + "/fd")
	if err != nil || len(fds) != 0 {
		t.Errorf("a pristine process has descriptors: %v, %v", fds, err)
	}
	if !strings.Contains(readFile(t, "/proc/"+itoa(q.pid)+"/limits"), "Max core file size        0 ") {
		t.Error("guests may dump host cores")
	}
	if comm := strings.TrimSpace(readFile(t, "/proc/"+itoa(q.pid)+"/comm")); comm != guestName {
		t.Errorf("a guest is called %q", comm)
	}
	// Nothing to run: the first fetch faults.
	th.Regs().RIP = codeAt
	if got := th.Run(); got.Kind != Fault || got.Addr != codeAt {
		t.Errorf("%+v", got)
	}
}
