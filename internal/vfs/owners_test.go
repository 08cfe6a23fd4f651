package vfs

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"toaster/internal/file"
	"toaster/internal/filetest"
	"toaster/internal/owners"
	"toaster/kern"
	"toaster/netbsd"
)

// ownedWorld is a tree in which guests give files owners, seen by its root and by an
// ordinary user of its own.
func ownedWorld(t *testing.T) (root, user world) {
	t.Helper()
	top := t.TempDir()
	if os.Geteuid() == 0 {
		os.Chmod(top, 0o755)
	}
	return openOwned(t, filepath.Join(top, "in"))
}

func openOwned(t *testing.T, dir string) (root, user world) {
	t.Helper()
	os.Mkdir(dir, 0o755)
	tree, dirs, err := newTree(t, Config{Root: dir, Dir: "/", Owners: true})
	if err != nil {
		t.Fatal(err)
	}
	machine := file.NewMachine(file.MachineConfig{Watcher: tree.host})
	root = world{dir: dir, View: View{Dirs: dirs, Files: machine.NewTable(), L: filetest.NewSleeper(), Cred: kern.UserCred(0, 0, 5)}}
	t.Cleanup(func() {
		root.Files.Close()
		dirs.Close()
		tree.Close()
	})
	root.Dirs.Umask(0)
	user = root
	user.Cred = kern.UserCred(1007, 1008)
	return root, user
}

const here = netbsd.AT_FDCWD

// shows checks what stat(2), lstat(2) and, where it can be opened, fstat(2) say of a file.
func (w world) shows(t *testing.T, name string, uid, gid, mode uint32) {
	t.Helper()
	st, errno := w.Stat(here, name, false)
	if errno != 0 || st.UID != uid || st.GID != gid || st.Mode&0o7777 != mode {
		t.Errorf("%s: %d:%d %o, %v; want %d:%d %o", name, st.UID, st.GID, st.Mode, errno, uid, gid, mode)
	}
	if kind := st.Mode & netbsd.S_IFMT; kind != netbsd.S_IFREG && kind != netbsd.S_IFDIR {
		return
	}
	d, errno := w.Open(here, name, netbsd.O_RDONLY, 0)
	if errno != 0 {
		t.Errorf("%s: open: %v", name, errno)
		return
	}
	defer d.Release()
	if open, errno := d.File.Stat(); errno != 0 || open.UID != uid || open.GID != gid || open.Mode != st.Mode {
		t.Errorf("%s: fstat: %d:%d %o, %v; stat said %o", name, open.UID, open.GID, open.Mode, errno, st.Mode)
	}
}

// all walks the host's files below a directory.
func (w world) all(t *testing.T, check func(name string, st *unix.Stat_t)) {
	t.Helper()
	err := filepath.WalkDir(w.dir, func(name string, _ os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		var st unix.Stat_t
		if err := unix.Lstat(name, &st); err != nil {
			return err
		}
		check(name, &st)
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

// TestOwners changes owners as chown(2), chmod(2), mknod(2) and lchown(2) have it, and looks that
// guests see that, and the host a user's plain files: no set-id bits, no devices, everything his to remove.
func TestOwners(t *testing.T) {
	root, user := ownedWorld(t)
	giveAway(t, root, user)
	root.all(t, func(name string, st *unix.Stat_t) {
		if st.Mode&unix.S_IFMT != unix.S_IFLNK && st.Mode&unix.S_ISVTX != 0 {
			t.Errorf("%s on the host: %o", name, st.Mode)
		}
	})
}

// TestOwnersWithoutAttributes does the same in a file system that has no attributes of users, and builds on it: removed files leave nothing
// to those that get their inodes, and all else that a guest may do to choose owners fails (TestPlainFileForged of package owners).
func TestOwnersWithoutAttributes(t *testing.T) {
	if !mountsHere(t) {
		return
	}
	dir := t.TempDir()
	if err := unix.Mount("ramfs", dir, "ramfs", 0, ""); err != nil {
		t.Skipf("no ramfs can be mounted here: %v", err)
	}
	t.Cleanup(func() { unix.Unmount(dir, unix.MNT_DETACH) })
	os.Chmod(dir, 0o755)
	root, user := openOwned(t, filepath.Join(dir, "in"))
	giveAway(t, root, user)
	for i := range 100 {
		root.write(t, "again", "text")
		root.Chown(here, "again", 1007, i, true)
		root.Chmod(here, "again", 0o4755, true)
		root.Unlink(here, "again", 0)
		user.Unlink(here, "again", 0)
	}
	root.write(t, "again", "text")
	root.shows(t, "again", 0, uint32(os.Getegid()), 0o644)
}

// giveAway sets the owners of files of all kinds and looks at them again.
func giveAway(t *testing.T, root, user world) {
	t.Helper()
	root.write(t, "f", "text")
	root.write(t, "su", "prog")
	root.Mkdir(here, "d", 0o755)
	root.write(t, "d/secret", "text")
	root.Symlink("f", here, "link")
	root.Mknod(here, "fifo", netbsd.S_IFIFO|0o644)
	for _, c := range []struct {
		name  string
		errno netbsd.Errno
	}{
		{"chown", root.Chown(here, "f", 1007, 33, true)},
		{"chmod 0", root.Chmod(here, "f", 0, true)},
		{"chown su", root.Chown(here, "su", 0, 5, true)},
		{"chmod su", root.Chmod(here, "su", 0o6555, true)},
		{"chmod secret", root.Chmod(here, "d/secret", 0o400, true)},
		{"chmod d", root.Chmod(here, "d", 0o1000, true)},
		{"lchown", root.Chown(here, "link", 1007, 7, false)},
		{"chown fifo", root.Chown(here, "fifo", 9, 9, true)},
		{"chmod fifo", root.Chmod(here, "fifo", 0, true)},
		{"mknod c", root.MknodDev(here, "null", netbsd.S_IFCHR|0o666, file.Mkdev(2, 2))},
		{"mknod b", root.MknodDev(here, "disk", netbsd.S_IFBLK|0o640, file.Mkdev(0, 1<<19|3))},
	} {
		if c.errno != 0 {
			t.Errorf("%s: %v", c.name, c.errno)
		}
	}
	check := func(root world) {
		t.Helper()
		root.shows(t, "f", 1007, 33, 0)
		root.shows(t, "su", 0, 5, 0o6555)
		root.shows(t, "d", 0, uint32(os.Getegid()), 0o1000)
		root.shows(t, "d/secret", 0, uint32(os.Getegid()), 0o400)
		root.shows(t, "link", 1007, 7, 0o777)
		root.shows(t, "fifo", 9, 9, 0)
		st, _ := root.Stat(here, "disk", true)
		if st.Mode != netbsd.S_IFBLK|0o640 || st.Rdev != file.Mkdev(0, 1<<19|3) {
			t.Errorf("disk: %o %#x", st.Mode, st.Rdev)
		}
		if text, errno := root.read("d/secret"); errno != 0 || text != "text" {
			t.Errorf("root reads %q, %v", text, errno)
		}
	}
	check(root)
	if errno := user.openErr("d/secret", netbsd.O_RDONLY); errno != netbsd.EACCES {
		t.Errorf("a user opens what is in a directory of mode 0: %v", errno)
	}
	if errno := user.openErr("f", netbsd.O_RDONLY); errno != netbsd.EACCES {
		t.Errorf("its owner opens a file of mode 0: %v", errno)
	}
	if errno := user.openErr("null", netbsd.O_RDWR); errno != 0 {
		t.Errorf("null(4) by its number: %v", errno)
	}
	if errno := user.openErr("disk", netbsd.O_RDONLY); errno != netbsd.EACCES {
		t.Errorf("a user opens a disk of root's: %v", errno)
	}
	if errno := root.openErr("disk", netbsd.O_RDONLY); errno != netbsd.ENXIO {
		t.Errorf("a device that there is not: %v", errno)
	}
	root.all(t, func(name string, st *unix.Stat_t) {
		kind := st.Mode & unix.S_IFMT
		if st.Uid != uint32(os.Geteuid()) || kind == unix.S_IFCHR || kind == unix.S_IFBLK {
			t.Errorf("%s on the host: %d, %o", name, st.Uid, st.Mode)
		}
		if kind != unix.S_IFLNK && (st.Mode&0o6022 != 0 || st.Mode&0o600 != 0o600) {
			t.Errorf("%s on the host: %o", name, st.Mode)
		}
	})
	later, _ := openOwned(t, root.dir)
	check(later)
}

// TestOwnersFlags keeps flags, which hold for the superuser, too (chflags(2)).
func TestOwnersFlags(t *testing.T) {
	root, user := ownedWorld(t)
	root.write(t, "fixed", "text")
	root.write(t, "log", "text")
	root.write(t, "own", "text")
	root.Chown(here, "own", 1007, 1008, true)
	for _, c := range []struct {
		what      string
		got, want netbsd.Errno
	}{
		{"schg", root.Chflags("fixed", true, netbsd.SF_IMMUTABLE), 0},
		{"uappnd", root.Chflags("log", true, netbsd.UF_APPEND), 0},
		{"write", root.openErr("fixed", netbsd.O_RDWR), netbsd.EPERM},
		{"read", root.openErr("fixed", netbsd.O_RDONLY), 0},
		{"chmod", root.Chmod(here, "fixed", 0, true), netbsd.EPERM},
		{"chown", root.Chown(here, "fixed", 1, 1, true), netbsd.EPERM},
		{"unlink", root.Unlink(here, "fixed", 0), netbsd.EPERM},
		{"rename", root.Rename(here, "fixed", here, "other"), netbsd.EPERM},
		{"rename over", root.Rename(here, "own", here, "fixed"), netbsd.EPERM},
		{"link", root.Link(here, "fixed", here, "other", true), netbsd.EPERM},
		{"truncate", root.Truncate("fixed", 0), netbsd.EPERM},
		{"append", root.openErr("log", netbsd.O_WRONLY|netbsd.O_APPEND), 0},
		{"overwrite", root.openErr("log", netbsd.O_WRONLY), netbsd.EPERM},
		{"open and truncate", root.openErr("log", netbsd.O_WRONLY|netbsd.O_APPEND|netbsd.O_TRUNC), netbsd.EPERM},
		{"schg by a user", user.Chflags("own", true, netbsd.SF_IMMUTABLE), netbsd.EPERM},
		{"uchg of another's", user.Chflags("log", true, 0), netbsd.EPERM},
		{"uchg", user.Chflags("own", true, netbsd.UF_IMMUTABLE), 0},
		{"noschg", root.Chflags("fixed", true, 0), 0},
		{"chmod then", root.Chmod(here, "fixed", 0o600, true), 0},
	} {
		if c.got != c.want {
			t.Errorf("%s: %s, want %s", c.what, c.got.Name(), c.want.Name())
		}
	}
	later, _ := openOwned(t, root.dir)
	if st, _ := later.Stat(here, "own", true); st.Flags != netbsd.UF_IMMUTABLE || st.UID != 1007 {
		t.Errorf("flags %#x of %d", st.Flags, st.UID)
	}
	if st, _ := later.Stat(here, "fixed", true); st.Flags != 0 {
		t.Errorf("flags %#x", st.Flags)
	}
}

// TestOwnersAppendOnly: a file that is append-only is written to at its end and nowhere else, whoever has had it open before and however
// (WRITE of ufs_readwrite.c 1.129, which also refuses to write nothing elsewhere); what has become immutable is written to by who has it open
// (ufs_check_possible is asked at open(2)). Neither is truncated (ufs_setattr).
func TestOwnersAppendOnly(t *testing.T) {
	root, _ := ownedWorld(t)
	const text = "text"
	seek := func(at int64) func(d *file.Description) {
		return func(d *file.Description) { d.File.Lseek(at, netbsd.SEEK_SET) }
	}
	noAppend := func(d *file.Description) { d.SetFlags(0) }
	for _, c := range []struct {
		what  string
		flags uint64
		open  int                       // of who has the file open
		first func(d *file.Description) // what that does, with the flags set
		write string
		at    int64 // of pwrite(2); -1: write(2)
		want  netbsd.Errno
		then  string
	}{
		{"no flags", 0, 0, nil, "TEXT", -1, 0, "TEXT"},
		{"at the beginning", netbsd.UF_APPEND, 0, nil, "TEXT", -1, netbsd.EPERM, text},
		{"SF_APPEND", netbsd.SF_APPEND, 0, nil, "TEXT", -1, netbsd.EPERM, text},
		{"nothing, at the beginning", netbsd.UF_APPEND, 0, nil, "", -1, netbsd.EPERM, text},
		{"behind the end", netbsd.UF_APPEND, 0, seek(5), "more", -1, netbsd.EPERM, text},
		{"at the end", netbsd.UF_APPEND, 0, seek(4), "more", -1, 0, "textmore"},
		{"nothing, at the end", netbsd.UF_APPEND, 0, seek(4), "", -1, 0, text},
		{"O_APPEND", netbsd.UF_APPEND, netbsd.O_APPEND, nil, "more", -1, 0, "textmore"},
		{"O_APPEND taken off", netbsd.UF_APPEND, netbsd.O_APPEND, noAppend, "more", -1, netbsd.EPERM, text},
		{"pwrite(2) at the beginning", netbsd.UF_APPEND, 0, nil, "TEXT", 0, netbsd.EPERM, text},
		{"pwrite(2) at the end", netbsd.UF_APPEND, 0, nil, "more", 4, 0, "textmore"},
		{"pwrite(2) with O_APPEND", netbsd.UF_APPEND, netbsd.O_APPEND, nil, "more", 0, 0, "textmore"},
		{"immutable", netbsd.UF_IMMUTABLE, 0, nil, "TEXT", -1, 0, "TEXT"},
		{"immutable, pwrite(2)", netbsd.SF_IMMUTABLE, 0, nil, "T", 0, 0, "Text"},
		{"flags taken off again", netbsd.UF_APPEND, 0, func(*file.Description) { root.Chflags("f", true, 0) }, "TEXT", -1, 0, "TEXT"},
	} {
		root.write(t, "f", text)
		d, errno := root.Open(here, "f", netbsd.O_RDWR|c.open, 0)
		if errno != 0 {
			t.Fatal(c.what, errno)
		}
		if errno := root.Chflags("f", true, c.flags); errno != 0 {
			t.Fatal(c.what, errno)
		}
		if c.first != nil {
			c.first(d)
		}
		var done int
		if c.at < 0 {
			done, errno = d.Write(root.L, []byte(c.write))
		} else {
			done, errno = d.Pwrite(root.L, []byte(c.write), c.at)
		}
		s, _ := root.read("f")
		if errno != c.want || s != c.then || errno == 0 && done != len(c.write) {
			t.Errorf("%s: %d, %v, want %v; then %q, want %q", c.what, done, errno, c.want, s, c.then)
		}
		if at, _ := d.File.Lseek(0, netbsd.SEEK_CUR); c.at < 0 && done > 0 && at != int64(len(c.then)) {
			t.Errorf("%s: the position is %d", c.what, at)
		}
		st, _ := d.File.Stat()
		want := netbsd.Errno(0)
		if st.Flags != 0 {
			want = netbsd.EPERM
		}
		if errno := d.File.Truncate(0); errno != want {
			t.Errorf("%s: ftruncate(2): %v, want %v", c.what, errno, want)
		}
		d.Release()
		root.Chflags("f", true, 0)
	}
}

// TestOwnersAllFlags: whatever is given is shown, of any kind of file, by whatever call and to later machines, but that nobody changes a
// snapshot's flags (ufs_setattr), and only the superuser the system's (genfs_can_chflags). All bits set are VNOVAL, no change.
func TestOwnersAllFlags(t *testing.T) {
	const user, system = 0xffff, 0xffff0000 &^ (netbsd.SF_SNAPSHOT | netbsd.SF_SNAPINVAL)
	root, other := ownedWorld(t)
	root.write(t, "file", "")
	root.Mkdir(here, "dir", 0o755)
	root.Symlink("file", here, "link")
	root.Mknod(here, "fifo", netbsd.S_IFIFO|0o644)
	root.MknodDev(here, "null", netbsd.S_IFCHR|0o644, 514)
	shown := func(w world, name string) uint32 {
		st, errno := w.Stat(here, name, false)
		if errno != 0 {
			t.Fatal(name, errno)
		}
		return st.Flags
	}
	for _, name := range []string{"file", "dir", "link", "fifo", "null"} {
		root.Chown(here, name, 1007, 1008, false)
		for _, c := range []struct {
			w     world
			flags uint64
			want  netbsd.Errno
			then  uint32
		}{
			{root, netbsd.UF_NODUMP, 0, netbsd.UF_NODUMP},
			{root, netbsd.SF_ARCHIVED | netbsd.UF_OPAQUE, 0, netbsd.SF_ARCHIVED | netbsd.UF_OPAQUE},
			{root, netbsd.SF_SNAPSHOT, netbsd.EPERM, netbsd.SF_ARCHIVED | netbsd.UF_OPAQUE},
			{root, netbsd.SF_SNAPINVAL, netbsd.EPERM, netbsd.SF_ARCHIVED | netbsd.UF_OPAQUE},
			{other, netbsd.UF_NODUMP, netbsd.EPERM, netbsd.SF_ARCHIVED | netbsd.UF_OPAQUE},
			{other, netbsd.SF_ARCHIVED | netbsd.UF_NODUMP, 0, netbsd.SF_ARCHIVED | netbsd.UF_NODUMP},
			{root, user | system, 0, user | system},
			{root, allFlags, netbsd.EPERM, user | system},
			{root, 0, 0, 0},
			{other, allFlags, 0, 0},
			{other, user, 0, user},
			{other, 0, 0, 0},
			{root, netbsd.UF_APPEND | netbsd.SF_LOG, 0, netbsd.UF_APPEND | netbsd.SF_LOG},
		} {
			if c.w.Cred == other.Cred && name == "null" { // no device's, even if it is the caller's own
				if c.want, c.then = netbsd.EPERM, shown(root, name); c.flags == allFlags {
					c.want = 0
				}
			}
			if errno := c.w.Chflags(name, false, c.flags); errno != c.want || shown(root, name) != c.then {
				t.Errorf("%s, %#x: %v, want %v; then %#x, want %#x", name, c.flags, errno, c.want, shown(root, name), c.then)
			}
		}
		if later, _ := openOwned(t, root.dir); shown(later, name) != netbsd.UF_APPEND|netbsd.SF_LOG {
			t.Errorf("%s: %#x later", name, shown(later, name))
		}
	}
	d, errno := root.Open(here, "dir", netbsd.O_RDONLY, 0)
	if errno != 0 {
		t.Fatal(errno)
	}
	defer d.Release()
	for _, flags := range []uint64{netbsd.SF_ARCHIVED, netbsd.SF_ARCHIVED | netbsd.UF_NODUMP} {
		if errno := root.Fchflags(d, flags); errno != 0 || shown(root, "dir") != uint32(flags) {
			t.Errorf("fchflags: %v, %#x", errno, shown(root, "dir"))
		}
	}
	root.Chown(here, "dir", 1007, 1008, true)
	if errno := other.Fchflags(d, netbsd.SF_ARCHIVED); errno != 0 || shown(root, "dir") != netbsd.SF_ARCHIVED {
		t.Errorf("fchflags by the owner: %v, %#x", errno, shown(root, "dir"))
	}
}

// TestOwnersLinkMode: lchmod(2) of a link is what lstat(2) says of it then (ufs_setattr). Nobody is refused anything for it.
func TestOwnersLinkMode(t *testing.T) {
	root, user := ownedWorld(t)
	root.write(t, "file", "text")
	root.Symlink("file", here, "link")
	made, _ := root.Stat(here, "link", false)
	root.shows(t, "link", 0, made.GID, 0o777)
	for _, mode := range []uint32{0o700, 0o7000, 0o777, 0} {
		if errno := root.Chmod(here, "link", mode, false); errno != 0 {
			t.Error(errno)
		}
		root.shows(t, "link", 0, made.GID, mode)
	}
	if errno := user.Chmod(here, "link", 0o700, false); errno != netbsd.EPERM {
		t.Errorf("another's: %v", errno)
	}
	if s, errno := user.read("link"); s != "text" || errno != 0 {
		t.Errorf("%q, %v", s, errno)
	}
	for who, w := range map[string]world{"root": root, "user": user} { // ufs_accessx
		for mode, want := range map[int]netbsd.Errno{0: 0, mayRead: map[string]netbsd.Errno{"user": netbsd.EACCES}[who], mayExec: netbsd.EACCES} {
			if errno := w.Access(here, "link", mode, netbsd.AT_SYMLINK_NOFOLLOW); errno != want {
				t.Errorf("access of the link itself by %s, %d: %v, want %v", who, mode, errno, want)
			}
		}
	}
	later, _ := openOwned(t, root.dir)
	later.shows(t, "link", 0, made.GID, 0)
}

// TestOwnersForm reads and writes what the rootless container tools do
// (FormatContainersOverrideXattrDevice of containers-storage).
func TestOwnersForm(t *testing.T) {
	root, _ := ownedWorld(t)
	root.write(t, "f", "")
	root.Chown(here, "f", 1000, 1011, true)
	root.Chmod(here, "f", 0o4644, true)
	root.MknodDev(here, "char", netbsd.S_IFCHR|0o600, file.Mkdev(1, 3))
	root.Mkdir(here, "d", 0o755)
	root.Chown(here, "d", 1001, 1012, true)
	for name, want := range map[string]string{"f": "1000:1011:4644:file", "d": "1001:1012:0755:dir"} {
		if got := attr(t, filepath.Join(root.dir, name)); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	if got := attr(t, filepath.Join(root.dir, "char")); got[len(got)-len("0600:char-1-3"):] != "0600:char-1-3" {
		t.Errorf("char: %q", got)
	}
	os.WriteFile(filepath.Join(root.dir, "theirs"), nil, 0o700)
	for value, want := range map[string]uint32{"12:13:0755": 12, "14:15:0100644": 14, "16:17:600:file": 16, "18:19:644:dir": uint32(os.Geteuid()), "junk": uint32(os.Geteuid()), "1:2": uint32(os.Geteuid())} {
		if err := unix.Setxattr(filepath.Join(root.dir, "theirs"), "user.containers.override_stat", []byte(value), 0); err != nil {
			t.Fatal(err)
		}
		if st, _ := root.Stat(here, "theirs", true); st.UID != want || st.Mode&netbsd.S_IFMT != netbsd.S_IFREG {
			t.Errorf("%q: owner %d, mode %o, want %d", value, st.UID, st.Mode, want)
		}
	}
}

func attr(t *testing.T, name string) string {
	t.Helper()
	var b [64]byte
	n, err := unix.Getxattr(name, "user.containers.override_stat", b[:])
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return string(b[:n])
}

// TestOwnersRules: who may do what is judged by the owners that guests gave, for the user that toaster runs
// as, too (chown(2), chmod(2), open(2), unlink(2), sticky(7)).
func TestOwnersRules(t *testing.T) {
	root, user := ownedWorld(t)
	me := root
	me.Cred = root.Dirs.tree.HostCred()
	if os.Geteuid() == 0 {
		me.Cred = kern.UserCred(77, 77)
	}
	root.Chown(here, "/", 0, 0, true)
	root.write(t, "secret", "text")
	root.Chmod(here, "secret", 0o600, true)
	root.Mkdir(here, "tmp", 0o777)
	root.Chmod(here, "tmp", 0o1777, true)
	for name, w := range map[string]world{"user": user, "toaster's own": me} {
		own, gid := "tmp/"+name, int(w.Cred.EGID)
		w.write(t, own, "text")
		w.shows(t, own, w.Cred.EUID, 0, 0o644)
		w.Symlink("x", here, own+"link")
		for _, c := range []struct {
			what      string
			got, want netbsd.Errno
		}{
			{"open", w.openErr("secret", netbsd.O_RDONLY), netbsd.EACCES},
			{"access", w.Access(here, "secret", 4, 0), netbsd.EACCES},
			{"chown of root's", w.Chown(here, "secret", int(w.Cred.EUID), -1, true), netbsd.EPERM},
			{"chmod of root's", w.Chmod(here, "secret", 0o666, true), netbsd.EPERM},
			{"unlink of root's", w.Unlink(here, "secret", 0), netbsd.EACCES},
			{"giving away", w.Chown(here, own, 0, -1, true), netbsd.EPERM},
			{"a group of one's own", w.Chown(here, own, -1, gid, true), 0},
			{"mknod", w.MknodDev(here, own+"dev", netbsd.S_IFCHR|0o666, file.Mkdev(2, 2)), netbsd.EPERM},
			{"set-id of one's own", w.Chmod(here, own, 0o4711, true), 0},
			{"the mark itself", w.Xattrs(own, true, func(x *Xattrs) netbsd.Errno {
				return x.Set("containers.override_stat", []byte("0:0:4777:file"), 0)
			}), netbsd.EPERM},
		} {
			if c.got != c.want {
				t.Errorf("%s: %s: %s, want %s", name, c.what, c.got.Name(), c.want.Name())
			}
		}
		w.shows(t, own, w.Cred.EUID, w.Cred.EGID, 0o4711)
	}
	if errno := user.Unlink(here, "tmp/toaster's own", 0); errno != netbsd.EPERM {
		t.Errorf("another's file in a sticky directory: %v", errno)
	}
	if errno := user.Unlink(here, "tmp/toaster's ownlink", 0); errno != netbsd.EPERM {
		t.Errorf("another's link in a sticky directory: %v", errno)
	}
	if errno := user.Unlink(here, "tmp/userlink", 0); errno != 0 {
		t.Errorf("one's own link there: %v", errno)
	}
	if errno := root.Unlink(here, "tmp/toaster's own", 0); errno != 0 {
		t.Errorf("root: %v", errno)
	}
}

// TestOwnersOpenExecFile: of an open file owners and modes that guests gave decide, as of one with a name (check_exec): whoever opened
// it, the caller must be able to execute it, to search its directory, and to read those above (getcwd_common).
func TestOwnersOpenExecFile(t *testing.T) {
	root, user := ownedWorld(t)
	root.Mkdir(here, "d", 0o755)
	root.Mkdir(here, "d/in", 0o755)
	root.write(t, "d/in/su", "prog")
	root.Chown(here, "d/in/su", 0, 5, true)
	d, errno := root.Open(here, "d/in/su", netbsd.O_RDONLY, 0)
	if errno != 0 {
		t.Fatal(errno)
	}
	defer d.Release()
	for _, c := range []struct {
		above, dir, mode uint32
		root, user       netbsd.Errno
	}{
		{0o755, 0o755, 0o6711, 0, 0},
		{0o755, 0o711, 0o6711, 0, 0},
		{0o755, 0o711, 0o6100, 0, netbsd.EACCES},
		{0o755, 0o711, 0o6666, netbsd.EACCES, netbsd.EACCES},
		{0o755, 0o700, 0o6711, 0, netbsd.EACCES},
		{0o711, 0o755, 0o6711, 0, netbsd.EACCES},
	} {
		root.Chmod(here, "d", c.above, true)
		root.Chmod(here, "d/in", c.dir, true)
		root.Chmod(here, "d/in/su", c.mode, true)
		for i, w := range []world{root, user} {
			f, _, errno := w.OpenExecFile(d)
			if want := []netbsd.Errno{c.root, c.user}[i]; errno != want {
				t.Errorf("%o, %o, %o: %v, want %v", c.above, c.dir, c.mode, errno, want)
			}
			if errno != 0 {
				continue
			}
			st, _ := f.Stat()
			if mode, uid, gid := w.SetIDs(f, st); mode != netbsd.S_ISUID|netbsd.S_ISGID || uid != 0 || gid != 5 {
				t.Errorf("set-id bits %o of %d:%d", mode, uid, gid)
			}
			f.Close()
		}
	}
}

// TestOwnersSetID: set-id bits count for execve(2), and go with a write or an open for writing of who is not root,
// and with chown(2) (chown(2), ufs_write).
func TestOwnersSetID(t *testing.T) {
	root, user := ownedWorld(t)
	root.write(t, "su", "prog")
	root.Chown(here, "su", 0, 5, true)
	set := func() { root.Chmod(here, "su", 0o6777, true) }
	set()
	f, _, errno := user.OpenExec("su")
	if errno != 0 {
		t.Fatal(errno)
	}
	defer f.Close()
	st, _ := f.Stat()
	if mode, uid, gid := user.SetIDs(f, st); mode != netbsd.S_ISUID|netbsd.S_ISGID || uid != 0 || gid != 5 {
		t.Errorf("set-id bits %o of %d:%d", mode, uid, gid)
	}
	user.openErr("su", netbsd.O_WRONLY)
	root.shows(t, "su", 0, 5, 0o777)
	d, errno := user.Open(here, "su", netbsd.O_WRONLY, 0)
	if errno != 0 {
		t.Fatal(errno)
	}
	defer d.Release()
	set()
	d.Write(user.L, []byte("x"))
	root.shows(t, "su", 0, 5, 0o777)
	set()
	root.Chown(here, "su", 3, -1, true)
	root.shows(t, "su", 3, 5, 0o2777)
	set()
	user.Truncate("su", 0)
	root.shows(t, "su", 3, 5, 0o777)
	set()
	root.openErr("su", netbsd.O_WRONLY|netbsd.O_TRUNC)
	root.shows(t, "su", 3, 5, 0o6777)
}

// chownCases are what change_owner of vfs_syscalls.c 1.571 makes of a mode: chown(2) takes the bit of what is given, be it as it was, and
// __posix_chown(2) both, but by the superuser none.
var chownCases = []struct {
	uid, gid    bool // which are given
	posix       bool
	root, owner uint32 // what is left of 06755, by whom
}{
	{false, false, false, 0o6755, 0o6755},
	{true, false, false, 0o2755, 0o2755},
	{false, true, false, 0o4755, 0o4755},
	{true, true, false, 0o755, 0o755},
	{false, false, true, 0o6755, 0o755},
	{true, false, true, 0o6755, 0o755},
	{false, true, true, 0o6755, 0o755},
	{true, true, true, 0o6755, 0o755},
}

// chownBits tries them by name and by descriptor, of a file or directory of w's user's.
func (w world) chownBits(t *testing.T, name string, root bool) {
	own, errno := w.Stat(here, name, true)
	if errno != 0 {
		t.Fatal(errno)
	}
	d, errno := w.Open(here, name, netbsd.O_RDONLY, 0)
	if errno != 0 {
		t.Fatal(errno)
	}
	defer d.Release()
	for _, c := range chownCases {
		uid, gid, want := -1, -1, c.owner
		if c.uid {
			uid = int(own.UID)
		}
		if c.gid {
			gid = int(own.GID)
		}
		if root {
			want = c.root
		}
		for what, chown := range map[string]func() netbsd.Errno{
			"chown":  func() netbsd.Errno { return w.chown(here, name, uid, gid, true, c.posix) },
			"lchown": func() netbsd.Errno { return w.chown(here, name, uid, gid, false, c.posix) },
			"fchown": func() netbsd.Errno { return w.fchown(d, uid, gid, c.posix) },
		} {
			w.Chmod(here, name, 0o6755, true)
			errno := chown()
			if st, _ := w.Stat(here, name, true); errno != 0 || st.Mode&0o7777 != want || st.UID != own.UID || st.GID != own.GID {
				t.Errorf("%s of %s, %+v: %v, %o, want %o", what, name, c, errno, st.Mode, want)
			}
		}
	}
}

func TestChownBits(t *testing.T) {
	root, user := ownedWorld(t)
	root.write(t, "f", "")
	root.Mkdir(here, "d", 0o755)
	for _, name := range []string{"f", "d"} {
		root.chownBits(t, name, true)
		root.Chown(here, name, 1007, 1008, true)
		user.chownBits(t, name, false)
		// A chown(2) that names no id needs no right, but the caller must own a file whose set-id bits go.
		other := user
		other.Cred = kern.UserCred(2007, 2008)
		root.Chmod(here, name, 0o6755, true)
		if errno := other.Chown(here, name, -1, -1, true); errno != 0 {
			t.Errorf("nothing of another's %s: %v", name, errno)
		}
		if errno := other.PosixChown(here, name, -1, -1, true); errno != netbsd.EPERM {
			t.Errorf("nothing of another's %s, whose bits go: %v", name, errno)
		}
	}
	eachWorld(t, func(t *testing.T, w world) {
		if w.prefix == "" {
			t.Skip("below a root of the host's no file has such bits")
		}
		w.write(t, "f", "")
		w.Mkdir(here, "d", 0o755)
		w.chownBits(t, "f", os.Geteuid() == 0)
	})
}

// TestOwnersOfPlainTree: a tree as somebody has copied it has no marks. Its files are their host owner's, root
// inside may all the same, and what is read-only on the host is told of as it was.
func TestOwnersOfPlainTree(t *testing.T) {
	root, user := ownedWorld(t)
	uid, gid := uint32(os.Geteuid()), uint32(os.Getegid())
	os.Mkdir(filepath.Join(root.dir, "bin"), 0o755)
	os.WriteFile(filepath.Join(root.dir, "bin/sh"), []byte("x"), 0o755)
	os.Chmod(filepath.Join(root.dir, "bin/sh"), 0o555)
	os.Chmod(filepath.Join(root.dir, "bin"), 0o555)
	root.shows(t, "bin/sh", uid, gid, 0o555)
	if root.Dirs.tree.keeper.Marked() {
		t.Error("looking at a tree has marked it")
	}
	if errno := root.openErr("bin/sh", netbsd.O_WRONLY); errno != 0 {
		t.Errorf("root writes to a file of mode 555: %v", errno)
	}
	root.write(t, "bin/new", "text")
	root.shows(t, "bin/sh", uid, gid, 0o555)
	root.shows(t, "bin", uid, gid, 0o555)
	root.shows(t, "bin/new", 0, gid, 0o644)
	if errno := user.openErr("bin/new", netbsd.O_RDWR); errno != netbsd.EACCES {
		t.Error(errno)
	}
}

// TestOwnersPlainFile: marks of links are in a plain file that is root's; of a link that was removed nothing is left
// for the next file of its inode.
func TestOwnersPlainFile(t *testing.T) {
	root, user := ownedWorld(t)
	for range 3 {
		root.Symlink("x", here, "link")
		root.Chown(here, "link", 1007, 1008, false)
		user.shows(t, "link", 1007, 1008, 0o777)
		root.Unlink(here, "link", 0)
	}
	root.Symlink("x", here, "link")
	user.shows(t, "link", 0, uint32(os.Getegid()), 0o777)
	user.shows2(t, owners.PlainName, 0, 0, 0o600)
	if errno := user.openErr(owners.PlainName, netbsd.O_RDONLY); errno != netbsd.EACCES {
		t.Errorf("a user reads it: %v", errno)
	}
	b, err := os.ReadFile(filepath.Join(root.dir, owners.PlainName))
	if err != nil || len(b) == 0 {
		t.Fatal(err)
	}
	// What is no such file is not one.
	os.WriteFile(filepath.Join(root.dir, owners.PlainName), append(b, "1 2\nx y z 0\n99999999999999999999999 1 0:0:0:file 0\n"...), 0o600)
	later, _ := openOwned(t, root.dir)
	later.shows(t, "link", 0, uint32(os.Getegid()), 0o777)
}

// TestOwnersPlainFileOfAnother: a guest's file of that name is not one, be it a link out of the tree, and no guest makes one.
func TestOwnersPlainFileOfAnother(t *testing.T) {
	top := t.TempDir()
	outside := filepath.Join(top, "outside")
	os.WriteFile(outside, []byte("mine"), 0o600)
	dir := filepath.Join(top, "in")
	os.Mkdir(dir, 0o755)
	os.WriteFile(filepath.Join(dir, "su"), nil, 0o755)
	var st unix.Statx_t
	unix.Statx(unix.AT_FDCWD, filepath.Join(dir, "su"), 0, unix.STATX_BASIC_STATS|unix.STATX_BTIME, &st)
	forged := fmt.Sprintf("toaster owners 1\n%d %d%09d 0:0:4755:file 0x0\n", st.Ino, st.Btime.Sec, st.Btime.Nsec)
	name := filepath.Join(dir, owners.PlainName)
	for what, forge := range map[string]func() error{
		"a file":      func() error { return os.WriteFile(name, []byte(forged), 0o600) },
		"a link":      func() error { return os.Symlink(outside, name) },
		"a FIFO":      func() error { return unix.Mkfifo(name, 0o600) },
		"a directory": func() error { return os.Mkdir(name, 0o755) },
	} {
		if err := forge(); err != nil {
			t.Fatal(err)
		}
		os.Symlink(outside, name+".new")
		root, _ := openOwned(t, dir)
		root.shows(t, "su", uint32(os.Geteuid()), uint32(os.Getegid()), 0o755)
		if what != "a directory" {
			root.Symlink("x", here, "link")
		}
		if b, _ := os.ReadFile(outside); string(b) != "mine" {
			t.Fatalf("%s: the file outside has %q", what, b)
		}
		os.Remove(filepath.Join(dir, "link"))
		os.Remove(name)
		os.Remove(name + ".new")
	}
	root, user := ownedWorld(t)
	root.Chown(here, "/", 0, 0, true)
	root.Chmod(here, "/", 0o1777, true)
	user.write(t, "own", "text")
	for what, errno := range map[string]netbsd.Errno{
		"open":    user.openErr(owners.PlainName, netbsd.O_RDWR|netbsd.O_CREAT),
		"mkdir":   user.Mkdir(here, owners.PlainName, 0o755),
		"symlink": user.Symlink("x", here, owners.PlainName+".new"),
		"link":    user.Link(here, "own", here, owners.PlainName, true),
		"rename":  user.Rename(here, "own", here, owners.PlainName),
	} {
		if errno != netbsd.EPERM {
			t.Errorf("%s: %s", what, errno.Name())
		}
	}
}

// TestOwnersCompact: a plain file of many old lines is written anew with those that hold.
func TestOwnersCompact(t *testing.T) {
	root, _ := ownedWorld(t)
	root.Symlink("x", here, "link")
	root.Chown(here, "link", 3, 4, false)
	for i := range 1200 {
		root.Chown(here, "link", 5, i, false)
	}
	name := filepath.Join(root.dir, owners.PlainName)
	before, _ := os.ReadFile(name)
	root.Dirs.tree.top.origin.Owners.Close() // as the machine's end does
	outside := filepath.Join(filepath.Dir(root.dir), "outside")
	os.Symlink(outside, name+".new")
	later, _ := openOwned(t, root.dir)
	later.shows(t, "link", 5, 1199, 0o777)
	after, err := os.ReadFile(name)
	if err != nil || len(before) < 1200*20 || len(after) > 200 {
		t.Errorf("%d bytes became %d, %v", len(before), len(after), err)
	}
	if _, err := os.Lstat(outside); err == nil {
		t.Error("a link that was in the way was followed")
	}
	third, _ := openOwned(t, root.dir)
	third.shows(t, "link", 5, 1199, 0o777)
}

// shows2 is shows of what cannot be opened.
func (w world) shows2(t *testing.T, name string, uid, gid, mode uint32) {
	t.Helper()
	if st, errno := w.Stat(here, name, false); errno != 0 || st.UID != uid || st.GID != gid || st.Mode&0o7777 != mode {
		t.Errorf("%s: %d:%d %o, %v", name, st.UID, st.GID, st.Mode, errno)
	}
}
