package owners

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"toaster/netbsd"
)

// openTable opens the marks of a directory, as a machine does when it starts.
func openTable(t *testing.T, k *Keeper, dir string) *Table {
	t.Helper()
	fd, err := unix.Open(dir, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	table, err := k.NewTable(fd, false)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		table.Close()
		unix.Close(fd)
	})
	return table
}

// makeFile makes a file with a mark, and returns it open by name.
func makeFile(t *testing.T, table *Table, name string, m Mark) int {
	t.Helper()
	found := -1
	err := table.Made(m, func(mode uint32) (int, error) {
		if m.Mode&netbsd.S_IFMT == netbsd.S_IFLNK {
			if err := unix.Symlink("x", name); err != nil {
				return -1, err
			}
		} else if err := unix.Mknod(name, unix.S_IFREG|mode, 0); err != nil {
			return -1, err
		}
		var err error
		found, err = unix.Open(name, unix.O_PATH|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
		return found, err
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Close(found) })
	return found
}

func (t *Table) of(fd int) Mark {
	var st unix.Stat_t
	unix.Fstat(fd, &st)
	return t.Of(fd, &st)
}

var secret = Mark{UID: 3, GID: 4, Mode: netbsd.S_IFREG | 0o600}

// TestMarkedBeforeMade: by the time that a tree's first file with a mark is there, everybody knows that there are marks.
// Otherwise who looks in between takes the file for the host user's (SECURITY.md: "Between a file's making and its mark
// nobody in the machine sees it").
func TestMarkedBeforeMade(t *testing.T) {
	dir := t.TempDir()
	table := openTable(t, NewKeeper(), dir)
	err := table.Made(secret, func(mode uint32) (int, error) {
		if !table.Marked() {
			t.Error("a file is made and nobody looks for its mark")
		}
		return unix.Open(filepath.Join(dir, "f"), unix.O_RDWR|unix.O_CREAT|unix.O_EXCL|unix.O_CLOEXEC, mode)
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestTwoMountsOfOneDirectory: nor does who looks through another mount of the same directory see it.
func TestTwoMountsOfOneDirectory(t *testing.T) {
	dir := t.TempDir()
	k := NewKeeper()
	table, other := openTable(t, k, dir), openTable(t, k, dir)
	var seen chan Mark
	err := table.Made(secret, func(mode uint32) (int, error) {
		fd, err := unix.Open(filepath.Join(dir, "f"), unix.O_RDWR|unix.O_CREAT|unix.O_EXCL|unix.O_CLOEXEC, mode)
		if other.k.mu.TryRLock() {
			other.k.mu.RUnlock()
			t.Error("a mark can be read while the file has none yet")
		}
		seen = make(chan Mark, 1)
		go func() { seen <- other.of(fd) }()
		return fd, err
	})
	if err != nil {
		t.Fatal(err)
	}
	if m := <-seen; m != secret {
		t.Errorf("%v", m)
	}
}

// TestReserved: no guest sets the attribute, whatever case its name is in: attributes of a CIFS or NTFS file system
// are found by any.
func TestReserved(t *testing.T) {
	for name, want := range map[string]bool{"containers.override_stat": true, "CONTAINERS.Override_Stat": true, "containers.override_sta": false, "mime_type": false} {
		if Reserved(name) != want {
			t.Errorf("%q: %t", name, !want)
		}
	}
}

// TestPlainFileIsNobodys: the plain file is told of as one that not even the superuser changes, renames or removes (SF_IMMUTABLE of
// chflags(2)), nor has that taken off.
func TestPlainFileIsNobodys(t *testing.T) {
	dir := t.TempDir()
	table := openTable(t, NewKeeper(), dir)
	makeFile(t, table, filepath.Join(dir, "link"), Mark{UID: 3, GID: 4, Mode: netbsd.S_IFLNK | 0o777})
	fd, err := unix.Open(filepath.Join(dir, PlainName), unix.O_PATH|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fd)
	if m := table.of(fd); m.UID != 0 || m.GID != 0 || m.Mode != netbsd.S_IFREG|0o600 || m.Flags != netbsd.SF_IMMUTABLE {
		t.Errorf("%+v", m)
	}
	if err := table.Change(fd, func(m *Mark) { m.Flags = 0 }); err != unix.EPERM {
		t.Errorf("its flags are changed: %v", err)
	}
}

// TestPlainFileReplaced: a machine that starts while another writes the plain file anew uses the new one.
func TestPlainFileReplaced(t *testing.T) {
	dir := t.TempDir()
	name := filepath.Join(dir, PlainName)
	first := openTable(t, NewKeeper(), dir)
	makeFile(t, first, filepath.Join(dir, "link"), Mark{UID: 3, GID: 4, Mode: netbsd.S_IFLNK | 0o777})
	first.Close()
	old, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer old.Close()
	unix.Flock(int(old.Fd()), unix.LOCK_EX)
	opened := make(chan *Table)
	go func() { opened <- openTable(t, NewKeeper(), dir) }()
	b, _ := os.ReadFile(name)
	var mark [64]byte
	n, attr := unix.Getxattr(name, attrName, mark[:])
	os.WriteFile(name+".new", b, 0o600)
	if attr == nil {
		unix.Setxattr(name+".new", attrName, mark[:n], 0)
	} else {
		unix.Chmod(name+".new", 0o600|unix.S_ISVTX)
	}
	if err := os.Rename(name+".new", name); err != nil {
		t.Fatal(err)
	}
	unix.Flock(int(old.Fd()), unix.LOCK_UN)
	second := <-opened
	var st unix.Stat_t
	unix.Stat(name, &st)
	if second.plain.ino() != st.Ino {
		t.Error("the old file is used, which is gone")
	}
}

// plainOnly makes a directory in a file system that has no attributes of users, or skips the test.
func plainOnly(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if err := unix.Mount("ramfs", dir, "ramfs", 0, ""); err != nil {
		t.Skipf("no file system without extended attributes can be mounted here: %v", err)
	}
	t.Cleanup(func() { unix.Unmount(dir, unix.MNT_DETACH) })
	var b [8]byte
	if _, err := unix.Getxattr(dir, attrName, b[:]); err != unix.EOPNOTSUPP {
		t.Skipf("ramfs has extended attributes here (%v)", err)
	}
	tree := filepath.Join(dir, "in")
	if err := os.Mkdir(tree, 0o755); err != nil {
		t.Fatal(err)
	}
	return tree
}

// TestPlainFileForged: where there are no attributes, what somebody has written is no plain file: what toaster makes has a bit
// that no guest can give a file (sticky(7): EFTYPE).
func TestPlainFileForged(t *testing.T) {
	dir := plainOnly(t)
	os.WriteFile(filepath.Join(dir, "su"), nil, 0o755)
	fd, _ := unix.Open(filepath.Join(dir, "su"), unix.O_PATH, 0)
	defer unix.Close(fd)
	s, err := look(fd)
	if err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(dir, PlainName)
	forged := plainHead + format(s.ino, line{born: s.born}, "0:0:4755:file")
	os.WriteFile(name, []byte(strings.Replace(forged, " -\n", " 0:0:4755:file 0x0\n", 1)), 0o600)
	table := openTable(t, NewKeeper(), dir)
	if m := table.of(fd); m.Mode != netbsd.S_IFREG|0o755 {
		t.Errorf("a forged line says %o", m.Mode)
	}
	os.Remove(name)

	real := openTable(t, NewKeeper(), dir)
	if err := real.Change(fd, func(m *Mark) { m.UID, m.Mode = 7, netbsd.S_IFREG|0o4755 }); err != nil {
		t.Fatal(err)
	}
	later := openTable(t, NewKeeper(), dir)
	if m := later.of(fd); m.UID != 7 || m.Mode != netbsd.S_IFREG|0o4755 {
		t.Errorf("%+v", m)
	}
}

// FuzzPlain reads a plain file of whatever somebody wrote: no line makes a file another kind than its own.
func FuzzPlain(f *testing.F) {
	f.Add("1 1000000000 0:0:4755:file 0x0")
	f.Add("1 1000000000 -")
	f.Add("18446744073709551615 -1000000000 4294967295:0:7777:char-4095-1048575 0xffffffff")
	f.Add("1 1000000000 0:0:0:dir 0\n1 2 3 4 5")
	f.Fuzz(func(t *testing.T, s string) {
		ino, l, ok := parseLine(s)
		if !ok || l.mark == (Mark{}) {
			return
		}
		mark := l.mark.String()
		again, l2, ok := parseLine(strings.TrimSuffix(format(ino, l, mark), "\n"))
		if !ok || again != ino || l2 != l {
			t.Errorf("%q: %d %+v, written and read again %d %+v", s, ino, l, again, l2)
		}
		if !bytes.ContainsRune([]byte(mark), ':') || len(mark) > maxMark {
			t.Errorf("%q", mark)
		}
	})
}

// changedTime is when an inode last changed.
func changedTime(t *testing.T, name string) unix.Timespec {
	t.Helper()
	var st unix.Stat_t
	if err := unix.Lstat(name, &st); err != nil {
		t.Fatal(err)
	}
	return st.Ctim
}

// TestKnown: what was remembered of a file is not believed once a program of the host has changed its mark, and nothing is
// remembered that may change without another time of change (ctime of inode(7)).
func TestKnown(t *testing.T) {
	dir := t.TempDir()
	name := filepath.Join(dir, "f")
	table := openTable(t, NewKeeper(), dir)
	fd := makeFile(t, table, name, secret)
	if table.known.off {
		t.Skip("marks of this file system are not remembered")
	}
	s, err := look(fd)
	if err != nil {
		t.Fatal(err)
	}
	made := time.Unix(s.changed.sec, int64(s.changed.nsec))
	table.known.now = func() time.Time { return made.Add(settled - 1) }
	if table.of(fd); len(table.known.marks) > 0 {
		t.Error("a mark is remembered that may change within the same tick")
	}
	table.known.now = func() time.Time { return made.Add(time.Hour) }
	if m := table.of(fd); m != secret || len(table.known.marks) != 1 {
		t.Errorf("%+v, %d remembered", m, len(table.known.marks))
	}
	if m := table.of(fd); m != secret {
		t.Errorf("then %+v", m)
	}
	for was := changedTime(t, name); changedTime(t, name) == was; {
		if err := unix.Setxattr(name, attrName, []byte("7:8:4711:file"), 0); err != nil {
			t.Fatal(err)
		}
	}
	if m := table.of(fd); m != (Mark{UID: 7, GID: 8, Mode: netbsd.S_IFREG | 0o4711}) {
		t.Errorf("after another's change: %+v", m)
	}
	if err := table.Change(fd, func(m *Mark) { m.UID = 9 }); err != nil {
		t.Fatal(err)
	}
	if m := table.of(fd); m.UID != 9 {
		t.Errorf("after a change of its own: %+v", m)
	}
}

// TestAppends: a change is counted that makes a file append-only, or no longer so, and no other; a later machine begins as if there had been
// one if there is such a file. Files in memory are not looked at (tmpfs_write).
func TestAppends(t *testing.T) {
	dir := t.TempDir()
	table := openTable(t, NewKeeper(), dir)
	fd := makeFile(t, table, filepath.Join(dir, "f"), secret)
	for i, c := range []struct {
		flags uint32
		want  int64
	}{
		{netbsd.UF_NODUMP, 0}, {netbsd.UF_APPEND, 1}, {netbsd.SF_APPEND | netbsd.UF_APPEND, 1}, {netbsd.SF_IMMUTABLE, 2}, {0, 2}, {netbsd.SF_APPEND, 3},
	} {
		if err := table.Change(fd, func(m *Mark) { m.Flags = c.flags }); err != nil {
			t.Fatal(err)
		}
		if n := table.Appends(); n != c.want {
			t.Errorf("change %d: %d counted, want %d", i, n, c.want)
		}
	}
	if later := openTable(t, NewKeeper(), dir); later.Appends() == 0 {
		t.Error("a later machine does not look at what is append-only")
	}
	if n := openTable(t, NewKeeper(), t.TempDir()).Appends(); n != 0 {
		t.Errorf("%d counted in a tree without marks", n)
	}
	root, err := unix.Open(t.TempDir(), unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(root)
	memory, err := NewKeeper().NewTable(root, true)
	if err != nil {
		t.Fatal(err)
	}
	defer memory.Close()
	if err := memory.Change(root, func(m *Mark) { m.Flags = netbsd.UF_APPEND }); err != nil || memory.Appends() != 0 {
		t.Errorf("in memory: %v, %d", err, memory.Appends())
	}
}
