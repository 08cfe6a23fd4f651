package hostfile

import (
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"

	"golang.org/x/sys/unix"

	"toaster/internal/file"
	"toaster/internal/owners"
	"toaster/netbsd"
)

// opened is a file of the host as open(2) of a guest makes it.
func opened(t *testing.T, h *Host, name string, flags int) *File {
	t.Helper()
	return openedIn(t, h, &file.Origin{}, name, flags)
}

// openedIn is opened of a file in a tree.
func openedIn(t *testing.T, h *Host, o *file.Origin, name string, flags int) *File {
	t.Helper()
	fd, err := unix.Open(name, flags|unix.O_CLOEXEC, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		t.Fatal(err)
	}
	f := h.NewIn(fd, st.Mode, o)
	t.Cleanup(f.Close)
	return f
}

// Who writes once chflags(2) has returned meets what it has set, whoever else writes to the same open file meanwhile, and has seen what was
// before.
func TestAppendOnlyAtOnce(t *testing.T) {
	_, marks, _, w := appendFile(t)
	var others sync.WaitGroup
	var over atomic.Bool
	for range 3 {
		others.Go(func() {
			for !over.Load() {
				w.appendOnly()
			}
		})
	}
	for i := range 500 {
		setFlags(t, marks, w, netbsd.UF_APPEND)
		if _, errno := w.Pwrite(file.Call{}, []byte("x"), 0); errno != netbsd.EPERM {
			t.Fatalf("round %d, append-only: %v", i, errno)
		}
		setFlags(t, marks, w, 0)
		if _, errno := w.Pwrite(file.Call{}, []byte("x"), 0); errno != 0 {
			t.Fatalf("round %d, no longer: %v", i, errno)
		}
	}
	over.Store(true)
	others.Wait()
}

// appendFile is a file in a tree with marks, open to be read and written.
func appendFile(t *testing.T) (h *Host, marks *owners.Table, r, w *File) {
	t.Helper()
	h = NewHost()
	t.Cleanup(h.Close)
	dir := t.TempDir()
	name := filepath.Join(dir, "f")
	os.WriteFile(name, []byte("text"), 0o600)
	root, err := unix.Open(dir, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Close(root) })
	if marks, err = owners.NewKeeper().NewTable(root, false); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(marks.Close)
	in := &file.Origin{Owners: marks}
	return h, marks, openedIn(t, h, in, name, unix.O_RDONLY), openedIn(t, h, in, name, unix.O_RDWR)
}

// setFlags is chflags(2).
func setFlags(t *testing.T, marks *owners.Table, f *File, flags uint32) {
	t.Helper()
	if err := marks.Change(f.fd, func(m *owners.Mark) { m.Flags = flags }); err != nil {
		t.Fatal(err)
	}
}

// What is append-only is lent to nobody who writes: the host lets him write anywhere (WRITE of ufs_readwrite.c does not). And who was about
// to be lent it when it became so finds that it may have.
func TestAppendOnlyIsNotLent(t *testing.T) {
	_, marks, r, w := appendFile(t)
	if _, ok := w.LendFD(netbsd.O_RDWR); !ok {
		t.Skip("the file is in a file system of another kind")
	}
	for _, flags := range []uint32{netbsd.UF_APPEND, 0, netbsd.SF_APPEND | netbsd.UF_NODUMP, netbsd.UF_IMMUTABLE} {
		flagged := flags&(netbsd.UF_APPEND|netbsd.SF_APPEND) != 0
		if w.FlagsChanged() {
			t.Errorf("flags have changed, before %#x", flags)
		}
		setFlags(t, marks, w, flags)
		if !w.FlagsChanged() {
			t.Errorf("flags have not changed to %#x", flags)
		}
		_, writes := w.LendFD(netbsd.O_RDWR)
		_, reads := r.LendFD(netbsd.O_RDONLY)
		if writes == flagged || !reads {
			t.Errorf("flags %#x: lent to write %v, to read %v", flags, writes, reads)
		}
	}
}

// A regular file that a guest has opened by name is lent with the rights that it was opened with,
// and nothing else of the host's is (SECURITY.md, invariant 13).
func TestWhatIsLent(t *testing.T) {
	h := NewHost()
	defer h.Close()
	name := filepath.Join(t.TempDir(), "f")
	if err := os.WriteFile(name, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	wants := func(what string, f file.Lendable, flags int, want bool) {
		t.Helper()
		if fd, ok := f.LendFD(flags); ok != want || ok && fd < 0 {
			t.Errorf("%s: %d, %v, want %v", what, fd, ok, want)
		}
	}
	plain := opened(t, h, name, unix.O_RDONLY)
	var fs unix.Statfs_t
	if err := unix.Statfs(name, &fs); err != nil {
		t.Fatal(err)
	}
	wants("a file", plain, netbsd.O_RDONLY, lendMagic[int64(uint32(fs.Type))])
	wants("a file, with other rights", plain, netbsd.O_RDWR, false)
	wants("a directory", opened(t, h, filepath.Dir(name), unix.O_RDONLY), netbsd.O_RDONLY, false)
	wants("a device", opened(t, h, "/dev/null", unix.O_RDWR), netbsd.O_RDWR, false)
	wants("a file of procfs", opened(t, h, "/proc/self/maps", unix.O_RDONLY), netbsd.O_RDONLY, false)
	wants("a name alone", opened(t, h, name, unix.O_PATH), netbsd.O_RDONLY, false)

	user, errno := h.Inherit(plain.fd)
	if errno != 0 {
		t.Fatal(errno)
	}
	defer user.Release()
	wants("the user's", user.File.(*File), netbsd.O_RDONLY, false)

	tame := opened(t, h, name, unix.O_RDWR)
	d := file.New(tame, netbsd.O_RDWR)
	ClearSetIDOnWrite(d)
	wants("one whose writes take bits off", tame, netbsd.O_RDWR, false)

	var st unix.Stat_t
	if err := unix.Fstat(plain.fd, &st); err != nil {
		t.Fatal(err)
	}
	plain.Revoke(InodeOf(&st))
	wants("a file that was revoked", plain, netbsd.O_RDONLY, false)
	if !plain.Gone() || tame.Gone() {
		t.Error("which one is gone?")
	}
}

// The two devices that are lent are the host's, opened as the guest has opened its own.
func TestDevicesAreLent(t *testing.T) {
	for _, c := range []struct {
		f    file.File
		lent bool
	}{
		{NewNull(file.Stat{}), true}, {NewZero(file.Stat{}), true},
		{NewFull(file.Stat{}), false}, {NewRandom(file.Stat{}), false},
	} {
		l, ok := c.f.(file.Lendable)
		if ok = ok && l.MayLend(); ok != c.lent {
			t.Errorf("%T: lent %v, want %v", c.f, ok, c.lent)
		}
		if !ok {
			continue
		}
		fd, ok := l.LendFD(netbsd.O_RDONLY)
		fl, err := unix.FcntlInt(uintptr(fd), unix.F_GETFL, 0)
		if !ok || err != nil || fl&unix.O_ACCMODE != unix.O_RDONLY {
			t.Errorf("%T: %d, %v, flags %#x, %v", c.f, fd, ok, fl, err)
		}
		c.f.Close()
		if _, err := unix.FcntlInt(uintptr(fd), unix.F_GETFL, 0); err != unix.EBADF {
			t.Errorf("%T is closed: %v", c.f, err)
		}
	}
}

// Who waits for a lock of flock(2) gets it when its owner closes the file, whoever was lent it.
func TestLockOfALentFileEnds(t *testing.T) {
	h := NewHost()
	defer h.Close()
	name := filepath.Join(t.TempDir(), "f")
	fd, err := unix.Open(name, unix.O_RDWR|unix.O_CREAT|unix.O_CLOEXEC, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	f := h.NewIn(fd, unix.S_IFREG, &file.Origin{})
	other := opened(t, h, name, unix.O_RDWR)
	borrowed, ok := f.LendFD(netbsd.O_RDWR)
	if !ok {
		t.Skip("the file is in a file system of another kind")
	}
	kept, err := unix.Dup(borrowed) // a host process has it for a moment longer
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(kept)
	if errno := f.TryFlock(netbsd.LOCK_EX); errno != 0 {
		t.Fatal(errno)
	}
	if errno := other.TryFlock(netbsd.LOCK_EX); errno != netbsd.EAGAIN {
		t.Errorf("while it is locked: %v", errno)
	}
	f.Close()
	if errno := other.TryFlock(netbsd.LOCK_EX); errno != 0 {
		t.Errorf("after the close: %v", errno)
	}
}
