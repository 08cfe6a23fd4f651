package vfs

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"toaster/internal/file"
	"toaster/internal/filetest"
	"toaster/internal/hostfile"
	"toaster/netbsd"
)

// madeWorld is a confined tree with a file system of the machine's own on /proc: a directory d with a file f,
// links to it, and links into the root.
func madeWorld(t *testing.T, c Config) world {
	t.Helper()
	w := world{dir: t.TempDir()}
	c.Root, c.Dir = w.dir, "/"
	os.WriteFile(filepath.Join(w.dir, "file"), []byte("root's"), 0o644)
	for _, m := range c.Mounts {
		os.MkdirAll(filepath.Join(w.dir, m.Target), 0o755)
	}
	tree, dirs, err := newTree(t, c)
	if err != nil {
		t.Fatal(err)
	}
	file1 := Device{Stat: MadeStat(netbsd.Timespec{}, 7, netbsd.S_IFREG|0o444, 0, 0), Fixed: true,
		Open: func(View, int) (*file.Description, netbsd.Errno) {
			return file.New(hostfile.NewNull(file.Stat{}), 0), 0
		}}
	dir := func(ino uint64, names ...string) Device {
		return Device{Stat: MadeStat(netbsd.Timespec{}, ino, netbsd.S_IFDIR|0o555, 0, 0), Fixed: true, List: func() (list []Entry) {
			for _, n := range names {
				list = append(list, Entry{Ino: ino, Type: netbsd.DT_REG, Name: n})
			}
			return list
		}}
	}
	link := func(to string, alias bool) Device {
		return Device{Stat: MadeStat(netbsd.Timespec{}, 9, netbsd.S_IFLNK|0o777, 0, 0), Fixed: true, Link: to, Alias: alias}
	}
	nodes := map[string]Device{"": dir(5, "d", "self", "out", "same", "loop"), "d": dir(6, "f"), "d/f": file1,
		"self": link("d", false), "out": link("/file", false), "same": link("/file", true), "loop": link("loop", false)}
	tree.AddFS("/proc", func(_ View, name string) (Device, netbsd.Errno) {
		if dev, ok := nodes[name]; ok {
			return dev, 0
		}
		return Device{}, netbsd.ENOENT
	})
	machine := file.NewMachine(file.MachineConfig{Watcher: tree.host})
	w.View = View{Dirs: dirs, Files: machine.NewTable(), L: filetest.NewSleeper()}
	t.Cleanup(func() { w.Files.Close(); dirs.Close(); tree.Close() })
	return w
}

// names lists a directory as getdents(2) does.
func (w world) names(t *testing.T, name string) (list []string) {
	t.Helper()
	d, errno := w.Open(netbsd.AT_FDCWD, name, netbsd.O_RDONLY|netbsd.O_DIRECTORY, 0)
	if errno != 0 {
		t.Fatalf("%s: %s", name, errno.Name())
	}
	defer d.Release()
	for _, e := range readAll(d.File) {
		list = append(list, e.Name)
	}
	slices.Sort(list)
	return list
}

// Below a root /dev is a directory, with devices and with what the root has there (hier(7), fd(4)).
func TestDevIsADirectory(t *testing.T) {
	for _, noDev := range []bool{true, false} {
		w := madeWorld(t, Config{})
		if !noDev {
			os.Mkdir(filepath.Join(w.dir, "dev"), 0o755)
			os.WriteFile(filepath.Join(w.dir, "dev", "mine"), nil, 0o644)
		}
		list := w.names(t, "/dev")
		for _, name := range []string{"fd", "null", "pts", "stderr", "stdin", "stdout", "zero"} {
			if !slices.Contains(list, name) {
				t.Errorf("no %s in %v", name, list)
			}
		}
		if slices.Contains(list, "mine") == noDev {
			t.Errorf("the root's own: %v", list)
		}
		st, errno := w.Stat(netbsd.AT_FDCWD, "/dev/", true)
		if errno != 0 || st.Mode&netbsd.S_IFMT != netbsd.S_IFDIR {
			t.Errorf("/dev: %s, mode %o", errno.Name(), st.Mode)
		}
		if errno := w.Chdir("/dev"); errno != 0 {
			t.Fatal(errno)
		}
		if name, errno := w.Getcwd(); errno != 0 || name != "/dev" {
			t.Errorf("the working directory is %q, %s", name, errno.Name())
		}
		if st, errno := w.Stat(netbsd.AT_FDCWD, "null", true); errno != 0 || st.Mode&netbsd.S_IFMT != netbsd.S_IFCHR {
			t.Errorf("null: %s, mode %o", errno.Name(), st.Mode)
		}
		if st, errno := w.Stat(netbsd.AT_FDCWD, "../file", true); errno != 0 || st.Size != 6 {
			t.Errorf("../file: %s, %d", errno.Name(), st.Size)
		}
	}
}

// Names in a file system of the machine's own: namei(9) follows links on the way always, at the end
// where it is asked to; nothing is changed there (procfs_lookup: EROFS).
func TestMadeNames(t *testing.T) {
	w := madeWorld(t, Config{})
	os.Symlink("/proc/self", filepath.Join(w.dir, "into"))
	for _, c := range []struct {
		name   string
		follow bool
		want   netbsd.Errno
		kind   uint32
	}{
		{"/proc", true, 0, netbsd.S_IFDIR}, {"/proc/", false, 0, netbsd.S_IFDIR}, {"//proc/./d/../d", true, 0, netbsd.S_IFDIR},
		{"/proc/self", true, 0, netbsd.S_IFDIR}, {"/proc/self", false, 0, netbsd.S_IFLNK}, {"/proc/self/", false, 0, netbsd.S_IFDIR},
		{"/proc/self/f", false, 0, netbsd.S_IFREG}, {"/proc/self/f/", true, netbsd.ENOTDIR, 0}, {"/proc/self/f/x", true, netbsd.ENOTDIR, 0},
		{"/proc/out", true, 0, netbsd.S_IFREG}, {"/proc/out", false, 0, netbsd.S_IFLNK}, {"/proc/same", false, 0, netbsd.S_IFREG},
		{"/proc/loop", true, netbsd.ELOOP, 0}, {"/proc/nothing", true, netbsd.ENOENT, 0}, {"/proc/nothing/f", true, netbsd.ENOENT, 0},
		{"/process", true, netbsd.ENOENT, 0}, {"/into", true, 0, netbsd.S_IFDIR}, {"/into", false, 0, netbsd.S_IFLNK},
	} {
		st, errno := w.Stat(netbsd.AT_FDCWD, c.name, c.follow)
		if errno != c.want || st.Mode&netbsd.S_IFMT != c.kind {
			t.Errorf("%s, %v: %s, mode %o", c.name, c.follow, errno.Name(), st.Mode)
		}
	}
	for what, errno := range map[string]netbsd.Errno{
		"mkdir": w.Mkdir(netbsd.AT_FDCWD, "/proc/new", 0o755), "unlink": w.Unlink(netbsd.AT_FDCWD, "/proc/self", 0),
		"symlink": w.Symlink("x", netbsd.AT_FDCWD, "/proc/new"), "rename": w.Rename(netbsd.AT_FDCWD, "/file", netbsd.AT_FDCWD, "/proc/new"),
	} {
		if errno != netbsd.EROFS {
			t.Errorf("%s: %s", what, errno.Name())
		}
	}
	if _, errno := w.Open(netbsd.AT_FDCWD, "/proc/new", netbsd.O_CREAT|netbsd.O_WRONLY, 0o644); errno != netbsd.EROFS {
		t.Errorf("create: %s", errno.Name())
	}
	if link, errno := w.Readlink(netbsd.AT_FDCWD, "/proc/self"); link != "d" || errno != 0 {
		t.Errorf("readlink: %q, %s", link, errno.Name())
	}
	if got := strings.Join(w.names(t, "/proc"), " "); got != "d loop out same self" {
		t.Errorf("/proc has %s", got)
	}
	d, errno := w.Open(netbsd.AT_FDCWD, "/proc/d", netbsd.O_RDONLY, 0)
	if errno != 0 {
		t.Fatal(errno)
	}
	defer d.Release()
	if st, errno := w.Fstatvfs(d); errno != 0 || st.Type != "procfs" {
		t.Errorf("fstatvfs: %s, %s", st.Type, errno.Name())
	}
	if st, errno := w.Statvfs("/proc/d/f"); errno != 0 || st.Type != "procfs" {
		t.Errorf("statvfs: %s, %s", st.Type, errno.Name())
	}
}

// A link that leads to itself ends every call that follows it (namei: ELOOP). A guest can have one: /proc/PID/cwd is a name that it chooses.
func TestMadeLoop(t *testing.T) {
	w := madeWorld(t, Config{})
	_, _, exec := w.OpenExec("/proc/loop")
	_, statvfs := w.Statvfs("/proc/loop")
	for what, errno := range map[string]netbsd.Errno{
		"chmod": w.Chmod(netbsd.AT_FDCWD, "/proc/loop", 0o600, true), "chflags": w.Chflags("/proc/loop", true, 0),
		"truncate": w.Truncate("/proc/loop", 0), "chdir": w.Chdir("/proc/loop"), "chroot": w.Chroot("/proc/loop"),
		"execve": exec, "statvfs": statvfs, "access": w.Access(netbsd.AT_FDCWD, "/proc/loop", 0, 0),
		"extattr": w.Xattrs("/proc/loop", true, func(*Xattrs) netbsd.Errno { return 0 }),
	} {
		if errno != netbsd.ELOOP {
			t.Errorf("%s: %s, want ELOOP", what, errno.Name())
		}
	}
}

// A process works in such a directory, and from a descriptor of one, as in any other; in a root of its
// own it finds none (chroot(2)).
func TestMadeDirectories(t *testing.T) {
	w := madeWorld(t, Config{})
	d, errno := w.Open(netbsd.AT_FDCWD, "/proc/self", netbsd.O_RDONLY, 0)
	if errno != 0 {
		t.Fatal(errno)
	}
	fd, errno := w.Files.Install(d, 0, 100, 0)
	if errno != 0 {
		t.Fatal(errno)
	}
	if _, errno := w.Stat(fd, "f", true); errno != 0 {
		t.Errorf("from a descriptor: %s", errno.Name())
	}
	if _, errno := w.Stat(fd, "../out", true); errno != 0 {
		t.Errorf("up from a descriptor: %s", errno.Name())
	}
	if errno := w.Fchdir(fd); errno != 0 {
		t.Errorf("fchdir: %s", errno.Name())
	}
	if name, errno := w.Getcwd(); errno != 0 || name != "/proc/d" {
		t.Errorf("it is in %q, %s", name, errno.Name())
	}
	if _, errno := w.Stat(netbsd.AT_FDCWD, "f", true); errno != 0 {
		t.Errorf("from there: %s", errno.Name())
	}
	os.Mkdir(filepath.Join(w.dir, "jail"), 0o755)
	if errno := w.Chroot("/jail"); errno != 0 {
		t.Fatal(errno)
	}
	if name, errno := w.Getcwd(); errno != 0 || name != "/" {
		t.Errorf("in the root it is in %q, %s", name, errno.Name())
	}
	for _, name := range []string{"/proc", "/proc/d", "f", "/dev"} {
		if _, errno := w.Stat(netbsd.AT_FDCWD, name, true); errno != netbsd.ENOENT {
			t.Errorf("%s in the root: %s", name, errno.Name())
		}
	}
	if _, errno := w.Stat(fd, "f", true); errno != netbsd.ENOENT {
		t.Errorf("from the descriptor, in the root: %s", errno.Name())
	}
}

// A root that leads nowhere is refused (EOPNOTSUPP), where a process that believes to be locked up in /proc would have all of the tree;
// and a socket is made in no directory of the machine's own, nor beside one.
func TestMadeDirectoriesAreNoRoots(t *testing.T) {
	w := madeWorld(t, Config{})
	for _, name := range []string{"/proc", "/proc/self", "/dev/fd"} {
		if errno := w.Chroot(name); errno != netbsd.EOPNOTSUPP {
			t.Errorf("chroot to %s: %s", name, errno.Name())
		}
	}
	if w.Dirs.Chrooted() {
		t.Error("it has a root of its own")
	}
	bind := func(name string) netbsd.Errno {
		return w.LocalBind(name, func(host string, _ func()) netbsd.Errno {
			t.Errorf("%s is bound to %s", name, host)
			return 0
		})
	}
	if errno := bind("/dev/null"); errno != netbsd.EADDRINUSE {
		t.Errorf("bind to a device: %s", errno.Name())
	}
	os.Mkdir(filepath.Join(w.dir, "proc"), 0o755)
	if errno := bind("/proc/new"); errno != netbsd.EROFS {
		t.Errorf("bind in /proc: %s", errno.Name())
	}
	w.Chdir("/proc/d")
	if errno := bind("new"); errno != netbsd.EROFS {
		t.Errorf("bind from there: %s", errno.Name())
	}
}

// What the user mounts on /proc is what is there (mount(8)).
func TestMountHidesMade(t *testing.T) {
	src := t.TempDir()
	os.WriteFile(filepath.Join(src, "users"), nil, 0o644)
	w := madeWorld(t, Config{Mounts: []Mount{{Source: src, Target: "/proc"}}})
	if got := strings.Join(w.names(t, "/proc"), " "); got != "users" {
		t.Errorf("/proc has %s", got)
	}
}

// getdents(2) tells each entry once, however many there are, and whatever comes and goes meanwhile; lseek(2) takes what it has told. But
// an open directory keeps no more than a part: a guest can fill /dev, and open it as often as it may.
func TestMadeDirKeepsAPart(t *testing.T) {
	const n = 3*madeKept + 7
	names := map[string]bool{}
	for i := range n {
		names[fmt.Sprintf("f%06d", i)] = true
	}
	d := &madeDir{dev: Device{List: func() (list []Entry) {
		for name := range names {
			list = append(list, Entry{Ino: 1, Type: netbsd.DT_REG, Name: name})
		}
		return list
	}}}
	read := func() (list []Entry) {
		buf := make([]byte, 5000)
		for {
			n, errno := d.Getdents(buf)
			if errno != 0 || n == 0 {
				return list
			}
			for b := buf[:n]; len(b) > 0; {
				e, size := netbsd.DecodeDirent(b)
				list, b = append(list, e), b[size:]
			}
			if len(d.list) > madeKept || cap(d.list) > 2*madeKept {
				t.Fatalf("%d entries are kept", cap(d.list))
			}
			names["f000000"], names["a"] = false, true // in front of where it is read
			delete(names, "f000000")
		}
	}
	for _, at := range []struct {
		pos  int64
		want int
		name string
	}{{0, n + 2, "."}, {5, n + 2 - 5, "f000003"}, {madeKept + 1, n + 1 - madeKept, fmt.Sprintf("f%06d", madeKept-1)}, {2 * n, 0, ""}} {
		d.Lseek(at.pos, netbsd.SEEK_SET)
		list := read()
		if len(list) != at.want || at.want > 0 && list[0].Name != at.name {
			t.Errorf("from %d: %d entries, want %d from %s", at.pos, len(list), at.want, at.name)
		}
	}
}

// What the machine makes up is there for who makes names (EEXIST), and not removed: EBUSY where a file system is, EROFS below it
// (procfs_lookup), EPERM in /dev. Attributes in procfs are set with success and to no end (procfs_setattr), devices have no size (ufs_setattr).
func TestMadeChanges(t *testing.T) {
	w := madeWorld(t, Config{})
	w.Cred = w.Dirs.tree.HostCred()
	w.write(t, "file2", "text")
	now := file.Timeset{Now: true}
	null, errno := w.Open(here, "/dev/null", netbsd.O_RDWR, 0)
	if errno != 0 {
		t.Fatal(errno)
	}
	defer null.Release()
	dir, errno := w.Open(here, "/proc/d", netbsd.O_RDONLY, 0)
	if errno != 0 {
		t.Fatal(errno)
	}
	defer dir.Release()
	for _, c := range []struct {
		what      string
		got, want netbsd.Errno
	}{
		{"mkdir", w.Mkdir(here, "/proc", 0o755), netbsd.EEXIST},
		{"mkdir below", w.Mkdir(here, "/proc/d", 0o755), netbsd.EEXIST},
		{"mkdir of nothing", w.Mkdir(here, "/proc/new", 0o755), netbsd.EROFS},
		{"mkdir below a file", w.Mkdir(here, "/proc/d/f/new", 0o755), netbsd.ENOTDIR},
		{"mkdir of a device", w.Mkdir(here, "/dev/null", 0o755), netbsd.EEXIST},
		{"symlink", w.Symlink("x", here, "/dev/null"), netbsd.EEXIST},
		{"mkfifo", w.Mknod(here, "/dev/null", netbsd.S_IFIFO|0o644), netbsd.EEXIST},
		{"link", w.Link(here, "file2", here, "/dev/null", true), netbsd.EEXIST},
		{"rmdir", w.Unlink(here, "/proc", netbsd.AT_REMOVEDIR), netbsd.EBUSY},
		{"rmdir below", w.Unlink(here, "/proc/d", netbsd.AT_REMOVEDIR), netbsd.EROFS},
		{"rename", w.Rename(here, "/proc", here, "x"), netbsd.EBUSY},
		{"rename onto", w.Rename(here, "file2", here, "/proc"), netbsd.EBUSY},
		{"unlink of a device", w.Unlink(here, "/dev/null", 0), netbsd.EPERM},
		{"chmod in procfs", w.Chmod(here, "/proc/d/f", 0, true), 0},
		{"chown in procfs", w.Chown(here, "/proc/d", 5, 5, true), 0},
		{"chflags in procfs", w.Chflags("/proc/d", true, netbsd.UF_NODUMP), 0},
		{"utimes in procfs", w.Utimens(here, "/proc/d/f", now, now, true), 0},
		{"fchmod in procfs", w.Fchmod(dir, 0), 0},
		{"chmod in procfs of nothing", w.Chmod(here, "/proc/new", 0, true), netbsd.ENOENT},
		{"truncate of a device", w.Truncate("/dev/null", 5), 0},
		{"truncate in procfs", w.Truncate("/proc/d", 0), netbsd.EISDIR},
		{"truncate of nothing", w.Truncate("/proc/new", 0), netbsd.ENOENT},
		{"fchflags of a device", w.Fchflags(null, 0), netbsd.EPERM},
	} {
		if c.got != c.want {
			t.Errorf("%s: %v, want %v", c.what, c.got, c.want)
		}
	}
	fd, _ := w.Files.Install(null.Ref(), 0, 1<<20, 0)
	if errno := w.Fchdir(fd); errno != netbsd.ENOTDIR {
		t.Errorf("fchdir(2) to a device: %v", errno)
	}
}
