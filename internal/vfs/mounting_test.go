package vfs

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"toaster/internal/file"
	"toaster/internal/filetest"
	"toaster/netbsd"
)

// put makes files, and the directories that they are in. A name that ends in a slash is a
// directory.
func put(t *testing.T, dir string, names ...string) {
	t.Helper()
	for _, name := range names {
		full := filepath.Join(dir, name)
		err := os.MkdirAll(filepath.Dir(full), 0o755)
		if strings.HasSuffix(name, "/") {
			err = os.MkdirAll(full, 0o755)
		} else if err == nil {
			err = os.WriteFile(full, []byte(name), 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// mounted is a world with mounts: two directories and a file of the host, one on the
// other's.
type mounted struct {
	world
	src, sub string // on /data, and on /data/sub
}

// eachMounted runs a test with the mounts of change, by both ways of taking steps.
func eachMounted(t *testing.T, change func(c *Config), f func(t *testing.T, w mounted)) {
	for _, mode := range []string{"openat2", "walk", "groups"} {
		t.Run(mode, func(t *testing.T) {
			top := t.TempDir()
			w := mounted{world: world{dir: filepath.Join(top, "in"), outside: top}, src: filepath.Join(top, "src"), sub: filepath.Join(top, "sub")}
			put(t, w.dir, "top", "data/covered", "f", "deep/point/", "other/")
			put(t, w.src, "file", "sub/covered", "d/e/")
			put(t, w.sub, "inner", "d/")
			put(t, top, "secret", "single")
			os.Symlink("/top", filepath.Join(w.src, "abs"))
			os.Symlink("../top", filepath.Join(w.src, "rel"))
			os.Symlink("../../../secret", filepath.Join(w.src, "out"))
			os.Symlink("/data/sub", filepath.Join(w.dir, "link"))
			c := Config{Root: w.dir, Mounts: []Mount{
				{Source: w.src, Target: "/data"},
				{Source: w.sub, Target: "/data/sub"},
				{Source: filepath.Join(top, "single"), Target: "/f"},
				{Source: w.src, Target: "/deep/point"},
			}}
			if change != nil {
				change(&c)
			}
			c.noOpenat2 = mode == "walk"
			tree, dirs, err := newTree(t, c)
			if err != nil {
				t.Fatal(err)
			}
			defer tree.Close()
			w.View = View{Dirs: dirs, Files: file.NewMachine(file.MachineConfig{Watcher: tree.host}).NewTable(), L: filetest.NewSleeper()}
			if mode == "groups" {
				w.View.Cred = otherGroups()
			}
			defer dirs.Close()
			defer w.Files.Close()
			f(t, w)
		})
	}
}

// TestMountNames resolves names into mounts, out of them and through them.
func TestMountNames(t *testing.T) {
	eachMounted(t, nil, func(t *testing.T, w mounted) {
		for _, c := range []struct{ cwd, name, want string }{
			{"/", "/data/file", "file"},
			{"/", "data/sub/inner", "inner"},
			{"/", "f", "single"},
			{"/", "link/inner", "inner"},
			{"/", "link/../file", "file"},
			{"/", "data/sub/../../top", "top"},
			{"/", "data/../top", "top"},
			{"/", "data/abs", "top"},
			{"/", "data/rel", "top"},
			{"/", "deep/point/d/e/../../file", "file"},
			{"/", "deep/point/../../top", "top"},
			{"/", "deep/point/sub/covered", "sub/covered"}, // mounted on /data, not here
			{"/data/sub", "inner", "inner"},
			{"/data/sub", "../file", "file"},
			{"/data/sub", "../../top", "top"},
			{"/data/sub/d", "../../../top", "top"},
			{"/data/d/e", "../../rel", "top"},
			{"/data/d/e", "../../sub/inner", "inner"},
			{"/data", "..//data/./sub/../file", "file"},
			{"/deep/point/d", "../../../data/file", "file"},
		} {
			if errno := w.Chdir(c.cwd); errno != 0 {
				t.Errorf("chdir %s: %s", c.cwd, errno.Name())
				continue
			}
			if cwd, errno := w.Getcwd(); cwd != c.cwd || errno != 0 {
				t.Errorf("in %s getcwd says %q, %s", c.cwd, cwd, errno.Name())
			}
			if s, errno := w.read(c.name); s != c.want || errno != 0 {
				t.Errorf("in %s, %s: %q, %s, want %q", c.cwd, c.name, s, errno.Name(), c.want)
			}
		}
		for _, name := range []string{"/data/covered", "/data/sub/covered", "/data/out", "/secret", "/data/sub/../../../secret", "/deep/secret"} {
			if s, errno := w.read(name); errno != netbsd.ENOENT {
				t.Errorf("%s: %q, %s, want ENOENT", name, s, errno.Name())
			}
		}
	})
}

// TestMountDescriptors follows names from descriptors, and back.
func TestMountDescriptors(t *testing.T) {
	eachMounted(t, nil, func(t *testing.T, w mounted) {
		fd := w.install(t, "/data/sub", netbsd.O_RDONLY)
		point := w.install(t, "/deep/point", netbsd.O_RDONLY)
		for _, c := range []struct {
			at   int
			name string
			size int64
		}{{fd, "inner", 5}, {fd, "../file", 4}, {fd, "../../top", 3}, {point, "../../top", 3}, {point, "file", 4}} {
			if st, errno := w.Stat(c.at, c.name, true); st.Size != c.size || errno != 0 {
				t.Errorf("%s: size %d, %s, want %d", c.name, st.Size, errno.Name(), c.size)
			}
		}
		if errno := w.Fchdir(point); errno != 0 {
			t.Fatal(errno)
		}
		if cwd, _ := w.Getcwd(); cwd != "/deep/point" {
			t.Errorf("getcwd says %s", cwd)
		}
		d, _ := w.Files.Get(w.install(t, "/link/inner", netbsd.O_RDONLY))
		defer d.Release()
		if name, errno := w.PathOf(d); name != "/data/sub/inner" || errno != 0 {
			t.Errorf("F_GETPATH says %s, %s", name, errno.Name())
		}
		f, full, errno := w.OpenExec("/data/sub/inner")
		if errno == 0 {
			f.Close()
		} else if errno != netbsd.EACCES {
			t.Errorf("exec: %s, %s", full, errno.Name())
		}
		// A root below a mount: everything above it is out of reach.
		if errno := w.Chroot("/data"); errno != 0 {
			t.Fatal(errno)
		}
		if cwd, _ := w.Getcwd(); cwd != "/" {
			t.Errorf("in the new root getcwd says %s", cwd)
		}
		for name, want := range map[string]netbsd.Errno{"/file": 0, "/../file": 0, "sub/../file": 0, "/sub/inner": 0, "/rel": netbsd.ENOENT, "/../top": netbsd.ENOENT, "../../top": netbsd.ENOENT} {
			if _, errno := w.read(name); errno != want {
				t.Errorf("in the new root %s: %s, want %s", name, errno.Name(), want.Name())
			}
		}
		if errno := w.Fchdir(point); errno != netbsd.EPERM {
			t.Errorf("fchdir out of the root: %s, want EPERM", errno.Name())
		}
	})
}

// TestMountBusy is for what changes names at the edge of a mount: rename(2), link(2),
// unlink(2) and rmdir(2) say EXDEV and EBUSY.
func TestMountBusy(t *testing.T) {
	eachMounted(t, nil, func(t *testing.T, w mounted) {
		const at = netbsd.AT_FDCWD
		for _, c := range []struct {
			call      string
			got, want netbsd.Errno
		}{
			{"rmdir", w.Unlink(at, "/data", netbsd.AT_REMOVEDIR), netbsd.EBUSY},
			{"rmdir link/", w.Unlink(at, "/link/", netbsd.AT_REMOVEDIR), netbsd.EBUSY},
			{"rmdir nested", w.Unlink(at, "/data/sub", netbsd.AT_REMOVEDIR), netbsd.EBUSY},
			{"unlink a file", w.Unlink(at, "/f", 0), netbsd.EBUSY},
			{"rename", w.Rename(at, "/data", at, "/d2"), netbsd.EBUSY},
			{"rename a file", w.Rename(at, "/f", at, "/f2"), netbsd.EBUSY},
			{"rename over", w.Rename(at, "/other", at, "/data"), netbsd.EBUSY},
			{"rename over a file", w.Rename(at, "/top", at, "/f"), netbsd.EBUSY},
			{"mkdir", w.Mkdir(at, "/data", 0o755), netbsd.EEXIST},
			{"mkdir /", w.Mkdir(at, "/data/", 0o755), netbsd.EEXIST},
			{"symlink", w.Symlink("x", at, "/data"), netbsd.EEXIST},
			{"mkfifo", w.Mknod(at, "/f", netbsd.S_IFIFO|0o600), netbsd.EEXIST},
			{"creat", w.openErr("/f", netbsd.O_WRONLY|netbsd.O_CREAT|netbsd.O_EXCL), netbsd.EEXIST},
			{"rename out", w.Rename(at, "/data/file", at, "/file"), netbsd.EXDEV},
			{"rename in", w.Rename(at, "/top", at, "/data/top"), netbsd.EXDEV},
			{"rename over a mount of the same", w.Rename(at, "/data/file", at, "/deep/point/file2"), netbsd.EXDEV},
			{"link out", w.Link(at, "/data/file", at, "/file", true), netbsd.EXDEV},
			{"link in", w.Link(at, "/top", at, "/data/top", false), netbsd.EXDEV},
			{"link to a mounted file", w.Link(at, "/f", at, "/f2", true), netbsd.EXDEV},
			{"link to a mounted file itself", w.Link(at, "/f", at, "/f2", false), netbsd.EXDEV},
			{"rename within", w.Rename(at, "/data/d/e", at, "/data/e"), 0},
			{"link within", w.Link(at, "/data/file", at, "/data/file2", true), 0},
			{"rename what is above", w.Rename(at, "/deep", at, "/deeper"), 0},
			{"the mount has gone along", errnoOf(w.Stat(at, "/deeper/point/file", true)), 0},
			{"and is not where it was", errnoOf(w.Stat(at, "/deep/point/file", true)), netbsd.ENOENT},
		} {
			if c.got != c.want {
				t.Errorf("%s: %s, want %s", c.call, c.got.Name(), c.want.Name())
			}
		}
		w.Chdir("/deeper/point/d")
		if cwd, errno := w.Getcwd(); cwd != "/deeper/point/d" || errno != 0 {
			t.Errorf("getcwd says %s, %s", cwd, errno.Name())
		}
	})
}

// changing are the calls that change a file system, on names in a directory that has the
// file "file" and the directory "d".
func (w mounted) changing(t *testing.T, dir string) map[string]netbsd.Errno {
	const at = netbsd.AT_FDCWD
	now := file.Timeset{Now: true}
	name := func(n string) string { return strings.TrimSuffix(dir, "/") + "/" + n }
	fd := w.install(t, name("file"), netbsd.O_RDONLY)
	d, _ := w.Files.Get(fd)
	defer d.Release()
	return map[string]netbsd.Errno{
		"open to write":     w.openErr(name("file"), netbsd.O_WRONLY),
		"open for both":     w.openErr(name("file"), netbsd.O_RDWR),
		"open with O_TRUNC": w.openErr(name("file"), netbsd.O_RDONLY|netbsd.O_TRUNC),
		"creat":             w.openErr(name("new"), netbsd.O_RDONLY|netbsd.O_CREAT),
		"creat exclusively": w.openErr(name("new1"), netbsd.O_RDWR|netbsd.O_CREAT|netbsd.O_EXCL),
		"mkdir":             w.Mkdir(at, name("new2"), 0o755),
		"mkfifo":            w.Mknod(at, name("new3"), netbsd.S_IFIFO|0o600),
		"symlink":           w.Symlink("x", at, name("new4")),
		"link":              w.Link(at, name("file"), at, name("new5"), true),
		"rename":            w.Rename(at, name("file"), at, name("new6")),
		"rename missing":    w.Rename(at, name("missing"), at, name("new7")),
		"unlink missing":    w.Unlink(at, name("missing"), 0),
		"chmod":             w.Chmod(at, name("file"), 0o600, true),
		"lchown":            w.Chown(at, name("d"), -1, -1, false),
		"utimens":           w.Utimens(at, name("d"), now, now, true),
		"truncate":          w.Truncate(name("d/../file"), 0),
		"fchmod":            w.Fchmod(d, 0o640),
		"fchown":            w.Fchown(d, -1, -1),
		"futimens":          w.Futimens(d, now, now),
		"access":            w.Access(at, name("d"), 2, 0),
		"bind":              w.LocalBind(name("new8"), func(string, func()) netbsd.Errno { return 0 }),
		"rmdir":             w.Unlink(at, name("d"), netbsd.AT_REMOVEDIR),
		"unlink":            w.Unlink(at, name("file"), 0),
	}
}

// TestReadOnly has every call that changes something say EROFS in what is read-only, and
// nothing be changed; also in what lies in it, but not in what was named for writing.
func TestReadOnly(t *testing.T) {
	readOnly := func(c *Config) {
		c.ReadOnly = true
		c.Mounts = append(c.Mounts[:3], Mount{Source: c.Mounts[0].Source, Target: "/deep/point", Access: ReadWrite})
	}
	eachMounted(t, readOnly, func(t *testing.T, w mounted) {
		put(t, w.dir, "file", "d/")
		put(t, w.sub, "file")
		unix.Mkfifo(filepath.Join(w.src, "p"), 0o600)
		before := treeOf(w.outside)
		for _, dir := range []string{"/", "/data", "/data/sub"} {
			for call, errno := range w.changing(t, dir) {
				if errno != netbsd.EROFS {
					t.Errorf("%s in %s: %s, want EROFS", call, dir, errno.Name())
				}
			}
		}
		for call, errno := range map[string]netbsd.Errno{
			"open a mounted file":     w.openErr("/f", netbsd.O_WRONLY),
			"truncate a mounted file": w.Truncate("/f", 0),
		} {
			if errno != netbsd.EROFS {
				t.Errorf("%s: %s, want EROFS", call, errno.Name())
			}
		}
		if after := treeOf(w.outside); after != before {
			t.Errorf("changed: %s\nbefore: %s", after, before)
		}
		fd := w.install(t, "/data/file", netbsd.O_RDONLY)
		d, _ := w.Files.Get(fd)
		defer d.Release()
		for call, errno := range map[string]netbsd.Errno{
			"open":                     w.openErr("/data/file", netbsd.O_RDONLY),
			"creat of what is there":   w.openErr("/data/file", netbsd.O_RDONLY|netbsd.O_CREAT),
			"access to read":           w.Access(netbsd.AT_FDCWD, "/data/file", 4, 0),
			"open a FIFO to write":     w.openErr("/data/p", netbsd.O_RDWR),
			"access a FIFO to write":   w.Access(netbsd.AT_FDCWD, "/data/p", 2, 0),
			"open a device to write":   w.openErr("/dev/null", netbsd.O_WRONLY|netbsd.O_TRUNC),
			"creat below nothing":      w.openErr("/data/missing/new", netbsd.O_WRONLY|netbsd.O_CREAT) - netbsd.ENOENT,
			"mkdir of what is there":   w.Mkdir(netbsd.AT_FDCWD, "/data/d", 0o755) - netbsd.EEXIST,
			"bind to what is there":    w.LocalBind("/data/d", nil) - netbsd.EADDRINUSE,
			"lock":                     d.Flock(w.Files.Machine(), w.L, netbsd.LOCK_EX, true),
			"write where it may":       w.openErr("/deep/point/file", netbsd.O_RDWR),
			"make where it may":        w.Mkdir(netbsd.AT_FDCWD, "/deep/point/made", 0o755),
			"creat where it may":       w.openErr("/deep/point/d/../new", netbsd.O_RDWR|netbsd.O_CREAT),
			"unlink where it may":      w.Unlink(netbsd.AT_FDCWD, "/deep/point/new", 0),
			"the same file, elsewhere": w.Chmod(netbsd.AT_FDCWD, "/data/file", 0o600, true) - netbsd.EROFS,
		} {
			if errno != 0 {
				t.Errorf("%s: %s", call, errno.Name())
			}
		}
	})
}

// TestReadOnlyMount is :ro in a root that may be written to.
func TestReadOnlyMount(t *testing.T) {
	eachMounted(t, func(c *Config) { c.Mounts[0].Access = ReadOnly }, func(t *testing.T, w mounted) {
		for call, errno := range w.changing(t, "/data") {
			if errno != netbsd.EROFS {
				t.Errorf("%s: %s, want EROFS", call, errno.Name())
			}
		}
		put(t, w.dir, "file", "d/")
		for _, dir := range []string{"/", "/deep/point"} {
			for call, errno := range w.changing(t, dir) {
				if errno == netbsd.EROFS || errno != 0 && errno != netbsd.ENOENT && errno != netbsd.ENOTEMPTY {
					t.Errorf("%s in %s: %s", call, dir, errno.Name())
				}
			}
		}
	})
}

// TestMountTable shows the mounts to statvfs(2) and getvfsstat(2), as mount(8) lists them.
func TestMountTable(t *testing.T) {
	eachMounted(t, func(c *Config) { c.Mounts[1].Access = ReadOnly }, func(t *testing.T, w mounted) {
		list, errno := w.Mounts()
		if errno != 0 || len(list) != 5 {
			t.Fatalf("%d mounts, %v", len(list), errno)
		}
		for i, want := range []string{"/", "/data", "/data/sub", "/f", "/deep/point"} {
			st, errno := w.Statvfs(want)
			if list[i].MountedOn != want || st.MountedOn != want || errno != 0 {
				t.Errorf("mount %d is on %s, statvfs says %s, %v, want %s", i, list[i].MountedOn, st.MountedOn, errno, want)
			}
			if ro := st.Flag&netbsd.MNT_RDONLY != 0; ro != (want == "/data/sub") {
				t.Errorf("%s: read-only %t", want, ro)
			}
			if both := uint64(netbsd.MNT_NOSUID | netbsd.MNT_NODEV); st.Flag&both != both {
				t.Errorf("%s: flags %#x, want nosuid and nodev", want, st.Flag)
			}
			if wantType := map[bool]string{true: "ffs", false: "null"}[i == 0]; st.Type != wantType {
				t.Errorf("%s: a %s, want %s", want, st.Type, wantType)
			}
		}
		w.Chroot("/data")
		if list, _ := w.Mounts(); len(list) != 2 || list[0].MountedOn != "/" || list[1].MountedOn != "/sub" {
			t.Errorf("below /data: %+v", list)
		}
	})
}

// TestMountErrors has New say what is wrong with a mount, and what to do.
func TestMountErrors(t *testing.T) {
	top := t.TempDir()
	root := filepath.Join(top, "in")
	put(t, root, "d/", "f")
	put(t, top, "src/", "single")
	unix.Mkfifo(filepath.Join(top, "p"), 0o600)
	src := filepath.Join(top, "src")
	for _, c := range []struct {
		c    Config
		want string
	}{
		{Config{Mounts: []Mount{{Source: src, Target: "/d"}}}, "need a root"},
		{Config{ReadOnly: true}, "need a root"},
		{Config{Root: root, Mounts: []Mount{{Source: src, Target: "d"}}}, "name the parentDir from the root"},
		{Config{Root: root, Mounts: []Mount{{Source: src, Target: "/"}}}, "root itself"},
		{Config{Root: root, Mounts: []Mount{{Source: src, Target: "/d/.."}}}, "root itself"},
		{Config{Root: root, Mounts: []Mount{{Source: src, Target: "/missing"}}}, "mount on /missing: there is nothing in the root to cover; make a directory"},
		{Config{Root: root, Mounts: []Mount{{Source: filepath.Join(top, "missing"), Target: "/d"}}}, "name a directory or file that is there"},
		{Config{Root: root, Mounts: []Mount{{Source: src, Target: "/f"}}}, "on a directory only"},
		{Config{Root: root, Mounts: []Mount{{Source: filepath.Join(top, "single"), Target: "/d"}}}, "on a file only"},
		{Config{Root: root, Mounts: []Mount{{Source: filepath.Join(top, "p"), Target: "/f"}}}, "only directories and files"},
		{Config{Root: root, Mounts: []Mount{{Source: "/proc", Target: "/d"}}}, "file system of the host's kernel"},
		{Config{Root: root, Mounts: []Mount{{Source: "/proc/self/status", Target: "/f"}}}, "file system of the host's kernel"},
		{Config{Root: root, Mounts: []Mount{{Target: "/f"}}}, "needs a directory"},
	} {
		before := filetest.OpenFDs(t)
		tree, dirs, err := newTree(t, c.c)
		if err == nil {
			dirs.Close()
			tree.Close()
			t.Errorf("%+v: no error, want %q", c.c, c.want)
		} else if !strings.Contains(err.Error(), c.want) {
			t.Errorf("%+v: %q, want %q", c.c, err, c.want)
		}
		if after := filetest.OpenFDs(t); after != before {
			t.Errorf("%+v: %d descriptors are open, before %d", c.c, after, before)
		}
	}
}

// TestMountMake has New make what a mount is to cover: directories on the way, a file for a file, also within another
// mount; and nothing outside of the root, whatever links in it say.
func TestMountMake(t *testing.T) {
	top := t.TempDir()
	root, src := filepath.Join(top, "in"), filepath.Join(top, "src")
	put(t, root, "etc/", "here/")
	put(t, src, "file")
	put(t, top, "single")
	os.Symlink("/etc", filepath.Join(root, "link"))
	os.Symlink("../../../../..", filepath.Join(root, "up"))
	os.Symlink("nowhere", filepath.Join(root, "dangling"))
	tree, dirs, err := newTree(t, Config{Root: root, Mounts: []Mount{
		{Source: src, Target: "/a/b/c", Make: true},
		{Source: filepath.Join(top, "single"), Target: "/link/hosts", Make: true},
		{Source: src, Target: "/up/d", Make: true},
		{Source: src, Target: "/a/b/c/e", Make: true},
		{Source: src, Target: "/here", Make: true},
	}})
	if err != nil {
		t.Fatal(err)
	}
	defer tree.Close()
	defer dirs.Close()
	v := View{Dirs: dirs, Cred: tree.HostCred()}
	for name, kind := range map[string]uint32{"/a/b/c/file": netbsd.S_IFREG, "/etc/hosts": netbsd.S_IFREG, "/d/file": netbsd.S_IFREG, "/a/b/c/e/file": netbsd.S_IFREG, "/here/file": netbsd.S_IFREG} {
		if st, errno := v.Stat(netbsd.AT_FDCWD, name, true); errno != 0 || st.Mode&netbsd.S_IFMT != kind {
			t.Errorf("%s: mode %#o, %v", name, st.Mode, errno)
		}
	}
	for _, name := range []string{filepath.Join(root, "d"), filepath.Join(src, "e"), filepath.Join(root, "etc/hosts")} {
		if _, err := os.Stat(name); err != nil {
			t.Errorf("what was made does not stay: %v", err)
		}
	}
	if _, err := os.Stat(filepath.Join(top, "d")); err == nil {
		t.Error("a link in the root has led out of it")
	}
	if tree, dirs, err := newTree(t, Config{Root: root, Mounts: []Mount{{Source: src, Target: "/dangling", Make: true}}}); err == nil {
		dirs.Close()
		tree.Close()
		t.Error("a link to nothing was covered")
	}
	// mkdir(2), EROFS: also where toaster itself would make the place.
	if tree, dirs, err := newTree(t, Config{Root: root, Mounts: []Mount{
		{Source: src, Target: "/here", Access: ReadOnly}, {Source: src, Target: "/here/new", Make: true},
	}}); !errors.Is(err, unix.EROFS) {
		t.Errorf("in what is mounted for reading only: %v, want EROFS", err)
		if err == nil {
			dirs.Close()
			tree.Close()
		}
	}
	if _, err := os.Stat(filepath.Join(src, "new")); err == nil {
		t.Error("what is mounted for reading only has been changed")
	}
}

// TestMountRace moves a directory out of a mount's source, and back, while names climb from
// it: they end at the mount's root, or nowhere.
func TestMountRace(t *testing.T) {
	eachMounted(t, nil, func(t *testing.T, w mounted) {
		if errno := w.Chdir("/data/d/e"); errno != 0 {
			t.Fatal(errno)
		}
		from, to := filepath.Join(w.src, "d"), filepath.Join(w.outside, "d")
		defer meanwhile(func(int) {
			os.Rename(from, to)
			os.Rename(to, from)
		})()
		for range 1000 {
			for _, name := range []string{"../../secret", "../../../secret", "../../src/file"} {
				if s, errno := w.read(name); errno == 0 {
					t.Fatalf("%s: read %q", name, s)
				}
			}
		}
	})
}

// TestForeignInMount has the host's own mounts below a mount's source stay closed.
func TestForeignInMount(t *testing.T) {
	if !mountsHere(t) {
		return
	}
	eachMounted(t, nil, func(t *testing.T, w mounted) {
		if err := unix.Mount(w.sub, filepath.Join(w.src, "d"), "", unix.MS_BIND, ""); err != nil {
			t.Skip("the host does not let it be mounted: ", err)
		}
		defer unix.Unmount(filepath.Join(w.src, "d"), unix.MNT_DETACH)
		for _, name := range []string{"/data/d", "/data/d/inner", "/deep/point/d/inner", "/data/sub/../d/inner"} {
			if s, errno := w.read(name); errno != netbsd.EACCES {
				t.Errorf("%s: %q, %s, want EACCES", name, s, errno.Name())
			}
		}
		if s, errno := w.read("/data/sub/inner"); s != "inner" {
			t.Errorf("%q, %s", s, errno.Name())
		}
	})
}

// TestMountNotes has EVFILT_VNODE hear of a directory's end, also where the host has no name
// for it.
func TestMountNotes(t *testing.T) {
	tmpfs := func(c *Config) {
		if TryTmpfs() == nil {
			c.Mounts = append(c.Mounts, Mount{Target: "/other"})
		}
	}
	eachMounted(t, tmpfs, func(t *testing.T, w mounted) {
		for _, name := range []string{"/data/new", "/other/new", "/new"} {
			if errno := w.Mkdir(netbsd.AT_FDCWD, name, 0o755); errno != 0 {
				t.Fatal(errno)
			}
			d, _ := w.Files.Get(w.install(t, name, netbsd.O_RDONLY))
			heard := make(chan uint32, 10)
			stop, errno := w.Files.Machine().Watch(d, netbsd.NOTE_DELETE, func(note uint32) { heard <- note })
			if errno != 0 {
				t.Fatal(errno)
			}
			w.Unlink(netbsd.AT_FDCWD, name, netbsd.AT_REMOVEDIR)
			for note := uint32(0); note&netbsd.NOTE_DELETE == 0; {
				note = <-heard
			}
			stop()
			d.Release()
		}
	})
}
