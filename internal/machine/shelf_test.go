package machine

import (
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"testing"

	"toaster/internal/vm"
	"toaster/kern"
	"toaster/netbsd"
)

// A shelf has nothing but regular files that everybody may read (SECURITY.md, 14), and what is mapped shared is
// open for reading alone.
func TestShelfHoldsWhatEverybodyMayRead(t *testing.T) {
	dir := t.TempDir()
	for _, c := range []struct {
		name   string
		mode   os.FileMode
		flags  int
		shared bool
		want   bool
	}{
		{"a library", 0o644, os.O_RDONLY, false, true},
		{"its header, shared", 0o444, os.O_RDONLY, true, true},
		{"a library that is open for writing", 0o644, os.O_RDWR, false, true},
		{"a shared mapping of such a one", 0o644, os.O_RDWR, true, false},
		{"its owner's alone", 0o600, os.O_RDONLY, false, false},
		{"its group's, too", 0o640, os.O_RDONLY, true, false},
		{"to be executed alone", 0o711, os.O_RDONLY, false, false},
	} {
		name := filepath.Join(dir, c.name)
		if err := os.WriteFile(name, []byte("contents"), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(name, c.mode|0o600); err != nil {
			t.Fatal(err)
		}
		f, err := os.OpenFile(name, c.flags, 0)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		id, own := teachable(int(f.Fd()), c.shared)
		if (own != nil) != c.want {
			t.Errorf("%s: %v", c.name, own != nil)
		}
		if own == nil {
			continue
		}
		if id.size != 8 || id.ino == 0 {
			t.Errorf("%s: %+v", c.name, id)
		}
		own.Close()
	}
	fifo := filepath.Join(dir, "fifo")
	if err := syscall.Mkfifo(fifo, 0o666); err != nil {
		t.Fatal(err)
	}
	f, err := os.OpenFile(fifo, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, own := teachable(int(f.Fd()), false); own != nil {
		t.Error("a FIFO is no library")
	}
}

// What one user's processes have mapped is on no other user's shelf.
func TestShelfIsOneUsers(t *testing.T) {
	a := kern.UserCred(1000, 100, 5, 6)
	for _, c := range []struct {
		name string
		b    *kern.Cred
		want bool
	}{
		{"the same", a, true},
		{"another process's", kern.UserCred(1000, 100, 5, 6), true},
		{"another user's", kern.UserCred(1001, 100, 5, 6), false},
		{"another group's", kern.UserCred(1000, 101, 5, 6), false},
		{"a group less", kern.UserCred(1000, 100, 5), false},
		{"root's", kern.Root, false},
		{"nobody's", nil, false},
	} {
		if sameUser(a, c.b) != c.want || sameUser(c.b, a) != c.want {
			t.Errorf("%s: not %v", c.name, c.want)
		}
	}
}

// A piece is moved to what asks for it in every respect.
func TestPieceIsWhatIsAskedFor(t *testing.T) {
	id := fileID{ino: 7, size: 0x9000}
	p := piece{id: id, off: 0x1000, size: 0x2000, prot: netbsd.PROT_READ, maxProt: netbsd.PROT_READ, sites: 3}
	r := vm.Region{Start: 0x10000, End: 0x12000, Off: 0x1000, Prot: netbsd.PROT_READ, MaxProt: netbsd.PROT_READ}
	if !p.is(&r, id, 3) {
		t.Error("not to what asks for it")
	}
	for name, change := range map[string]func(r *vm.Region, id *fileID, sites *int){
		"a file that has changed":  func(_ *vm.Region, id *fileID, _ *int) { id.ctime++ },
		"from elsewhere":           func(r *vm.Region, _ *fileID, _ *int) { r.Off = 0 },
		"more of it":               func(r *vm.Region, _ *fileID, _ *int) { r.End += 0x1000 },
		"to write":                 func(r *vm.Region, _ *fileID, _ *int) { r.Prot |= netbsd.PROT_WRITE },
		"to be written later":      func(r *vm.Region, _ *fileID, _ *int) { r.MaxProt |= netbsd.PROT_WRITE },
		"with others":              func(r *vm.Region, _ *fileID, _ *int) { r.Shared = true },
		"without what was written": func(_ *vm.Region, _ *fileID, sites *int) { *sites = 0 },
	} {
		r, id, sites := r, id, 3
		if change(&r, &id, &sites); p.is(&r, id, sites) {
			t.Errorf("to who wants %s", name)
		}
	}
}

// What the guest maps over a shelf is the guest's; pieces beside it stay.
func TestShelfIsCovered(t *testing.T) {
	s := &Space{m: vm.New(), shelf: []piece{
		{at: shelfBase, size: 0x1000},
		{at: shelfBase + 0x4000, islands: 0x2000, size: 0x3000},
		{at: shelfBase + 0x8000, size: 0x1000},
	}}
	for _, c := range []struct {
		start, end uint64
		left       int
	}{
		{vm.Min, shelfBase, 3},
		{shelfEnd, shelfEnd + 0x1000, 3},
		{shelfBase + 0x1000, shelfBase + 0x2000, 3},
		{shelfBase + 0x7000, shelfBase + 0x8000, 3},
		{shelfBase + 0x2000, shelfBase + 0x3000, 2}, // the islands of the second
		{shelfBase, shelfBase + 0x8000, 1},
		{vm.Min, shelfEnd, 0},
	} {
		if s.coverShelf(c.start, c.end); len(s.shelf) != c.left {
			t.Errorf("%#x to %#x: %d are left, want %d", c.start, c.end, len(s.shelf), c.left)
		}
	}
}

// However large the parts of files are that a program maps, its pieces with what lies between them end on the shelf, where coverShelf and
// onShelf look for them.
func TestShelfHasAnEnd(t *testing.T) {
	name := filepath.Join(t.TempDir(), "library")
	if err := os.WriteFile(name, []byte("contents"), 0o644); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	const page = vm.PageSize
	for _, c := range []struct {
		name  string
		sizes []uint64
		want  []uint64 // that are taught
	}{
		{"as large as the shelf", []uint64{shelfMost, page}, []uint64{page}},
		{"with a page for a gap", []uint64{shelfMost - page, page}, []uint64{shelfMost - page}},
		{"halves", []uint64{shelfMost / 2, shelfMost / 2, shelfMost/2 - 2*page}, []uint64{shelfMost / 2, shelfMost/2 - 2*page}},
		{"larger", []uint64{1 << 40, shelfMost + page, page}, []uint64{page}},
	} {
		s := &Space{m: vm.New(), lesson: &lesson{}}
		for _, size := range c.sizes {
			s.note(&vm.Region{Start: 1 << 32, End: 1<<32 + size, Obj: "library"}, int(f.Fd()), nil)
		}
		var got []uint64
		at := uint64(shelfBase)
		for _, x := range s.lesson.pieces {
			got, at = append(got, x.size), at+x.size+page
		}
		if s.lesson.close(); !slices.Equal(got, c.want) || at > shelfEnd {
			t.Errorf("%s: %#x, which end at %#x; want %#x", c.name, got, at, c.want)
		}
	}
}

// A memfd is memory: what one process has written there lands on nobody else's shelf.
func TestShelfHasNoMemory(t *testing.T) {
	r := newMemfdRig(t, 0)
	defer r.f.Close()
	r.truncate(some)
	q, end, errno := r.begin(0, some, netbsd.PROT_READ, netbsd.MAP_PRIVATE)
	if errno != 0 {
		t.Fatal(errno)
	}
	defer end()
	if _, ok := q.Obj.(vm.Memory); !ok {
		t.Errorf("%T is no vm.Memory", q.Obj)
	}
}
