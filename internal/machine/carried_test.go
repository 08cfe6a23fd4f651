package machine

import (
	"bytes"
	"fmt"
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"toaster/internal/loader"
	"toaster/internal/platform"
	"toaster/internal/syscalls"
	"toaster/internal/vm"
	"toaster/netbsd"
)

// carried is an address space that a host process carries, which never runs: its memory is what is tested.
type carried struct {
	*Space
	t  *testing.T
	th *platform.Thread
	c  *syscalls.Call // one of its LWP's
}

func newCarried(t *testing.T) *carried {
	t.Helper()
	p, err := platform.New(platform.Options{Warm: -1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	q, th, err := p.NewProcess()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(q.Release)
	s := newSpace(&System{Platform: p, memory: newMemory(0, nil, nil)}, q)
	return &carried{s, t, th, &syscalls.Call{CPU: &Context{sys: s.sys, thread: th, space: s}, Space: s}}
}

// memory maps q, with b in it, in the map and on the host; fd is the host's file, -1 for none.
func (x *carried) memory(q vm.Request, fd int, b []byte) {
	x.t.Helper()
	_, ops, errno := x.m.Map(q)
	if errno == 0 {
		errno = x.do(x.th, ops, fd)
	}
	if errno != 0 {
		x.t.Fatal(errno)
	}
	if len(b) > 0 && !x.proc.Poke(q.Addr, b) {
		x.t.Fatalf("no memory at %#x", q.Addr)
	}
}

// holds says whether the memory at addr is b and the host lets it be accessed as perms say (proc_pid_maps(5)); no perms, no mapping.
func (x *carried) holds(what string, addr uint64, b []byte, perms string) {
	x.t.Helper()
	if got := x.perms(addr); got != perms {
		x.t.Errorf("%s: %q at %#x, want %q", what, got, addr, perms)
	}
	if got := make([]byte, len(b)); len(b) > 0 && (!x.proc.Peek(addr, got) || !bytes.Equal(got, b)) {
		x.t.Errorf("%s: % x at %#x, want % x", what, got, addr, b)
	}
}

func (x *carried) perms(addr uint64) string {
	x.t.Helper()
	maps, err := os.ReadFile(fmt.Sprintf("/proc/%d/maps", x.proc.ID()))
	if err != nil {
		x.t.Fatal(err)
	}
	for line := range strings.Lines(string(maps)) {
		var start, end uint64
		var perms string
		if fmt.Sscanf(line, "%x-%x %s", &start, &end, &perms); start <= addr && addr < end {
			return perms
		}
	}
	return ""
}

// aFile is a file with a page of b, repeated.
func aFile(t *testing.T, b []byte) *os.File {
	t.Helper()
	f, err := os.CreateTemp(t.TempDir(), "text")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	f.Write(bytes.Repeat(b, vm.PageSize/len(b)))
	return f
}

// callSite is mov $20,%eax; syscall; ret, twice.
var callSite = []byte("\xb8\x14\x00\x00\x00\x0f\x05\xc3\xb8\x14\x00\x00\x00\x0f\x05\xc3")

// An mprotect(2) that is refused leaves the memory as it is (uvm_map_protect): neither its protection nor what is
// in it has changed, although some of it would have become code, whose call sites are rewritten.
func TestRefusedProtectLeavesText(t *testing.T) {
	const at, private = 0x10000000, netbsd.MAP_PRIVATE | netbsd.MAP_FIXED
	x := newCarried(t)
	f := aFile(t, callSite)
	x.memory(vm.Request{Addr: at, Len: vm.PageSize, Prot: netbsd.PROT_READ, Flags: private, Obj: "a library"}, int(f.Fd()), nil)
	x.memory(vm.Request{Addr: at + vm.PageSize, Len: vm.PageSize, MaxProt: netbsd.PROT_READ, Prot: netbsd.PROT_READ, Flags: private, Obj: "data"}, int(f.Fd()), nil)
	if errno := x.Mprotect(x.c, at, 2*vm.PageSize, protRX); errno != netbsd.EACCES {
		t.Errorf("mprotect(2): %v", errno)
	}
	x.holds("refused", at, callSite, "r--p")
	if len(x.texts) != 0 {
		t.Errorf("%d texts", len(x.texts))
	}
	if errno := x.Mprotect(x.c, at, vm.PageSize, protRX); errno != 0 {
		t.Errorf("mprotect(2) of the library: %v", errno)
	}
	x.holds("granted", at, callSite, "r-xp") // a debugger sees no jumps
	if x.sys.canRewrite() && len(x.texts) != 1 {
		t.Errorf("%d texts behind an mprotect(2)", len(x.texts))
	}
}

// Where the host refuses a step of an mprotect(2), as of memory that the guest has unmapped by itself, what lies behind that is as
// accessible as it was.
func TestProtectThatTheHostRefusesLeavesText(t *testing.T) {
	const at = 0x10000000
	x := newCarried(t)
	f := aFile(t, callSite)
	for i, name := range []string{"what is gone", "a library"} {
		x.memory(vm.Request{Addr: at + uint64(i)*vm.PageSize, Len: vm.PageSize, Prot: netbsd.PROT_READ, Flags: netbsd.MAP_PRIVATE | netbsd.MAP_FIXED, Obj: name}, int(f.Fd()), nil)
	}
	if err := x.proc.Unmap(x.th, at, vm.PageSize); err != nil {
		t.Fatal(err)
	}
	if errno := x.Mprotect(x.c, at, 2*vm.PageSize, protRX); errno != netbsd.ENOMEM {
		t.Errorf("mprotect(2): %v", errno)
	}
	x.holds("refused", at+vm.PageSize, callSite, "r--p")
}

// What cannot be put on a shelf leaves nothing there: the copies of the template would have it, and nobody would know.
func TestFailedPieceLeavesNothing(t *testing.T) {
	const islandsBelow = 4 * vm.PageSize
	site := []loader.Site{{Off: 0, Code: callSite[:5]}}
	for _, c := range []struct {
		name  string
		b     []byte
		perms string // which the piece has on the shelf
	}{
		{"a library", callSite, "---p"},
		{"one that is another by now", bytes.Repeat([]byte{0xc3}, 16), ""},
	} {
		x := newCarried(t)
		if !x.sys.canRewrite() {
			t.Skip("this host can't rewrite")
		}
		p := &taughtPiece{piece: piece{size: vm.PageSize, at: shelfBase + islandsBelow, islands: islandsBelow, sites: 1}, file: aFile(t, c.b), sites: site}
		if err := p.put(x.sys, x.th); (err == nil) != (c.perms != "") {
			t.Errorf("%s: %v", c.name, err)
		}
		x.holds(c.name, p.at, nil, c.perms)
		x.holds(c.name+", its islands", p.start(), nil, c.perms)
	}
}

// minherit(2) that the host refuses loses nothing: what was in the memory is there, and as accessible as before.
func TestFailedSharingLosesNothing(t *testing.T) {
	const at, size = 0x10000000, 16 << 20
	contents := []byte("in memory alone!")
	x := newCarried(t)
	x.memory(vm.Request{Addr: at, Len: size, Prot: netbsd.PROT_READ, Flags: netbsd.MAP_PRIVATE | netbsd.MAP_FIXED | netbsd.MAP_ANON}, -1, contents)
	var before unix.Rlimit
	if err := unix.Prlimit(x.proc.ID(), unix.RLIMIT_AS, nil, &before); err != nil {
		t.Fatal(err)
	}
	full := before
	full.Cur = x.size() + size/2 // enough to move it, and not to have it twice
	if err := unix.Prlimit(x.proc.ID(), unix.RLIMIT_AS, &full, nil); err != nil {
		t.Fatal(err)
	}
	shared := vm.Region{Start: at, End: at + size, Prot: netbsd.PROT_READ, Shared: true}
	if err := x.makeShared(x.th, &shared, true); hostErrno(err) != netbsd.ENOMEM {
		t.Errorf("without memory: %v", err)
	}
	x.holds("refused", at, contents, "r--p")
	if got := x.size(); got > full.Cur-size/2 {
		t.Errorf("%#x bytes are mapped, %#x before", got, full.Cur-size/2)
	}
	unix.Prlimit(x.proc.ID(), unix.RLIMIT_AS, &before, nil)
	if err := x.makeShared(x.th, &shared, true); err != nil {
		t.Error(err)
	}
	x.holds("granted", at, contents, "r--s")
}

// size is how much the host has mapped for the process, in bytes (proc_pid_statm(5)).
func (x *carried) size() (pages uint64) {
	x.t.Helper()
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", x.proc.ID()))
	if err != nil {
		x.t.Fatal(err)
	}
	fmt.Sscan(string(b), &pages)
	return pages * vm.PageSize
}

// What minherit(2) shares of a file that is mapped beyond its end is all that there is of it (uvm_mapent_forkshared), and of anonymous memory what has been
// touched, however much has not been.
func TestSharingKeepsWhatThereIs(t *testing.T) {
	const at = 0x10000000
	library := bytes.Repeat([]byte("in the file, all"), vm.PageSize/16)
	x := newCarried(t)
	const file = netbsd.MAP_PRIVATE | netbsd.MAP_FIXED
	f := aFile(t, library)
	x.memory(vm.Request{Addr: at, Len: 64 * vm.PageSize, Prot: netbsd.PROT_READ, Flags: file, Obj: "a library"}, int(f.Fd()), nil)
	x.holds("mapped", at, library[:16], "r--p")
	r := vm.Region{Start: at, End: at + 64*vm.PageSize, Prot: netbsd.PROT_READ, Shared: true}
	if err := x.makeShared(x.th, &r, false); err != nil {
		t.Fatal(err)
	}
	x.holds("a file", at, library[:16], "r--s")
	x.holds("the end of the file", at+uint64(len(library))-16, library[len(library)-16:], "r--s")

	const far, size = 0x100000000, 1 << 36
	x.memory(vm.Request{Addr: far, Len: size, Prot: netbsd.PROT_READ | netbsd.PROT_WRITE, Flags: file | netbsd.MAP_ANON}, -1, nil)
	places := []uint64{far, far + 5*vm.PageSize, far + size/2 - 8, far + size - 16}
	for _, p := range places {
		if _, ok := x.proc.Write(p, []byte("touched")); !ok {
			t.Fatal("Write failed")
		}
	}
	r = vm.Region{Start: far, End: far + size, Prot: netbsd.PROT_READ | netbsd.PROT_WRITE, Shared: true}
	if err := x.makeShared(x.th, &r, true); err != nil {
		t.Fatal(err)
	}
	for _, p := range places {
		x.holds("touched", p, []byte("touched"), "rw-s")
	}
	x.proc.Kill()
	if err := x.makeShared(x.th, &r, true); err == nil {
		t.Error("of a process that has been killed")
	}
}
