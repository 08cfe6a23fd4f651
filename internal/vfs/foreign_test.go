package vfs

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"toaster/internal/file"
	"toaster/netbsd"
)

// mountsVar names the test that is run in a mount namespace of its own.
const mountsVar = "TOASTER_FS_TEST_MOUNTS"

// mountsHere reports whether the test may mount: it is then in a process of its own, whose
// mounts end with it. Elsewhere it runs itself in such a process, or is skipped.
func mountsHere(t *testing.T) bool {
	if os.Getenv(mountsVar) == t.Name() {
		if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
			t.Fatal("mount --make-rprivate /: ", err)
		}
		return true
	}
	cmd := exec.Command("/proc/self/exe", "-test.run=^"+t.Name()+"$", "-test.v")
	cmd.Env = append(os.Environ(), mountsVar+"="+t.Name())
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNS, Pdeathsig: syscall.SIGKILL}
	if os.Geteuid() != 0 {
		cmd.SysProcAttr.Cloneflags |= syscall.CLONE_NEWUSER
		cmd.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Geteuid(), Size: 1}}
		cmd.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getegid(), Size: 1}}
	}
	var out strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		t.Skip("the host grants no mount namespace: ", err)
	}
	err := cmd.Wait()
	t.Log(out.String())
	if err != nil {
		t.Error(err)
	}
	return false
}

// foreign mounts something of the host's in a root, and names a file in it.
var foreign = []struct {
	name, file string
	mount      func(w world, at string) error
}{
	{"proc", "self/mem", func(_ world, at string) error { return unix.Mount("/proc", at, "", unix.MS_BIND|unix.MS_REC, "") }},
	{"sysfs", "kernel", func(_ world, at string) error { return unix.Mount("/sys", at, "", unix.MS_BIND|unix.MS_REC, "") }},
	{"tmpfs", "f", func(_ world, at string) error {
		if err := unix.Mount("tmpfs", at, "tmpfs", 0, "size=64k"); err != nil {
			return err
		}
		return os.WriteFile(filepath.Join(at, "f"), []byte("secret"), 0o644)
	}},
	// A mount of the same device as the root.
	{"bind", "secret", func(w world, at string) error { return unix.Mount(w.outside, at, "", unix.MS_BIND, "") }},
	{"self", "d/f", func(w world, at string) error { return unix.Mount(w.dir, at, "", unix.MS_BIND, "") }},
	{"pts", "ptmx", func(_ world, at string) error { return unix.Mount("/dev", at, "", unix.MS_BIND|unix.MS_REC, "") }},
}

// TestForeignMount calls everything that takes a name with names that lead into a mount
// which the user has not named. Nothing of it is seen, opened or changed.
func TestForeignMount(t *testing.T) {
	if !mountsHere(t) {
		return
	}
	for _, m := range foreign {
		t.Run(m.name, func(t *testing.T) {
			eachWorld(t, func(t *testing.T, w world) {
				if w.prefix != "" {
					t.Skip("in the host's own tree all mounts are the guest's")
				}
				at := filepath.Join(w.dir, "m")
				os.MkdirAll(filepath.Join(w.dir, "d"), 0o755)
				os.Mkdir(at, 0o755)
				os.WriteFile(filepath.Join(w.dir, "d", "f"), []byte("secret"), 0o644)
				os.Symlink("/m", filepath.Join(w.dir, "abs"))
				os.Symlink("../m/"+m.file, filepath.Join(w.dir, "d", "rel"))
				if err := m.mount(w, at); err != nil {
					t.Skip("the host does not let it be mounted: ", err)
				}
				defer unix.Unmount(at, unix.MNT_DETACH)
				before := treeOf(w.outside)
				w.Chdir("d")
				for _, name := range []string{"/m", "/m/", "/m/.", "/m/" + m.file, "../m/" + m.file, "/abs/", "/abs/" + m.file, "rel", "/d/./rel", "../d/../m/..", "/m/../d/f"} {
					w.probeForeign(t, name)
				}
				if after := treeOf(w.outside); after != before {
					t.Errorf("outside: %s, before %s", after, before)
				}
			})
		})
	}
}

// probeForeign has every call fail on a name that leads into another mount.
func (w world) probeForeign(t *testing.T, name string) {
	const at = netbsd.AT_FDCWD
	for call, errno := range map[string]netbsd.Errno{
		"open":        w.openErr(name, netbsd.O_RDONLY),
		"open rw":     w.openErr(name, netbsd.O_RDWR),
		"open dir":    w.openErr(name, netbsd.O_RDONLY|netbsd.O_DIRECTORY),
		"creat":       w.openErr(name+"x", netbsd.O_RDWR|netbsd.O_CREAT),
		"creat new":   w.openErr(name+"x", netbsd.O_RDWR|netbsd.O_CREAT|netbsd.O_EXCL),
		"stat":        errnoOf(w.Stat(at, name, true)),
		"access":      w.Access(at, name, 4, 0),
		"chmod":       w.Chmod(at, name, 0o777, true),
		"chown":       w.Chown(at, name, -1, -1, true),
		"utimens":     w.Utimens(at, name, file.Timeset{Now: true}, file.Timeset{Now: true}, true),
		"truncate":    w.Truncate(name, 0),
		"chdir":       w.Chdir(name),
		"chroot":      w.Chroot(name),
		"statvfs":     errnoOf(w.Statvfs(name)),
		"pathconf":    errnoOf(w.Pathconf(name, netbsd.PC_NAME_MAX, true)),
		"exec":        w.execErr(name),
		"link":        w.Link(at, name, at, "/stolen", true),
		"mkdir in":    w.Mkdir(at, name+"/x", 0o755),
		"mkfifo in":   w.Mknod(at, name+"/x", netbsd.S_IFIFO|0o600),
		"symlink in":  w.Symlink("x", at, name+"/x"),
		"unlink in":   w.Unlink(at, name+"/x", 0),
		"rmdir in":    w.Unlink(at, name+"/x", netbsd.AT_REMOVEDIR),
		"rename in":   w.Rename(at, name+"/x", at, "/stolen"),
		"rename to":   w.Rename(at, "/d/f", at, name+"/x"),
		"readlink in": errnoOf(w.Readlink(at, name+"/x")),
		"bind":        w.LocalBind(name+"/x", func(string, func()) netbsd.Errno { return 0 }),
		"connect":     w.localErr(w.LocalConnect, name),
		"revoke":      w.Revoke(name, func(func(*file.Description)) {}),
	} {
		creates := strings.HasPrefix(call, "creat")
		if creates && (name == "/m" || name == "rel" || name == "/d/./rel") {
			continue // a new name beside it
		}
		if errno != netbsd.EACCES && !(creates && strings.HasSuffix(name, "..")) {
			t.Errorf("%s %s: %s, want EACCES", call, name, errno.Name())
		}
	}
}

func (w world) openErr(name string, flags int) netbsd.Errno {
	d, errno := w.Open(netbsd.AT_FDCWD, name, flags, 0o644)
	if errno == 0 {
		d.Release()
	}
	return errno
}

func (w world) execErr(name string) netbsd.Errno {
	f, _, errno := w.OpenExec(name)
	if errno == 0 {
		f.Close()
	}
	return errno
}

func (w world) localErr(call func(string) (string, func(), netbsd.Errno), name string) netbsd.Errno {
	_, done, errno := call(name)
	if errno == 0 {
		done()
	}
	return errno
}

// treeOf describes a directory with all that a guest might have changed.
func treeOf(dir string) string {
	var all strings.Builder
	filepath.Walk(dir, func(name string, st os.FileInfo, err error) error {
		if err == nil {
			all.WriteString(name + " " + st.Mode().String() + " " + st.ModTime().Format(time.RFC3339Nano) + "; ")
		}
		return err
	})
	return all.String()
}

// TestForeignNames is for what acts on the mount point's own name: of the host it is busy,
// and for everybody else it is there.
func TestForeignNames(t *testing.T) {
	if !mountsHere(t) {
		return
	}
	eachWorld(t, func(t *testing.T, w world) {
		if w.prefix != "" {
			t.Skip("in the host's own tree all mounts are the guest's")
		}
		const at = netbsd.AT_FDCWD
		m := filepath.Join(w.dir, "m")
		os.Mkdir(m, 0o755)
		w.Mkdir(at, "d", 0o755)
		if err := unix.Mount(w.outside, m, "", unix.MS_BIND, ""); err != nil {
			t.Skip("the host does not let it be mounted: ", err)
		}
		defer unix.Unmount(m, unix.MNT_DETACH)
		for _, c := range []struct {
			name      string
			got, want netbsd.Errno
		}{
			{"mkdir", w.Mkdir(at, "m", 0o755), netbsd.EEXIST},
			{"mkfifo", w.Mknod(at, "m", netbsd.S_IFIFO|0o600), netbsd.EEXIST},
			{"symlink", w.Symlink("x", at, "m"), netbsd.EEXIST},
			{"rmdir", w.Unlink(at, "m", netbsd.AT_REMOVEDIR), netbsd.EBUSY},
			{"rename", w.Rename(at, "m", at, "n"), netbsd.EBUSY},
			{"rename over", w.Rename(at, "d", at, "m"), netbsd.EBUSY},
			{"lstat", errnoOf(w.Stat(at, "m", false)), netbsd.EACCES},
			{"lchown", w.Chown(at, "m", -1, -1, false), netbsd.EACCES},
			{"lutimens", w.Utimens(at, "m", file.Timeset{Now: true}, file.Timeset{Now: true}, false), netbsd.EACCES},
			{"lchmod", w.Chmod(at, "m", 0o700, false), netbsd.EACCES},
			{"access nofollow", w.Access(at, "m", 4, netbsd.AT_SYMLINK_NOFOLLOW), netbsd.EACCES},
			{"readlink", errnoOf(w.Readlink(at, "m")), netbsd.EINVAL},
		} {
			if w.Cred != nil && c.got == netbsd.EACCES {
				continue // it is looked at first
			}
			if c.got != c.want {
				t.Errorf("%s: %s, want %s", c.name, c.got.Name(), c.want.Name())
			}
		}
	})
}

// TestPseudoRoot has New refuse a root that is no file system for data.
func TestPseudoRoot(t *testing.T) {
	for _, root := range []string{"/proc", "/proc/self", "/sys", "/dev/pts"} {
		if _, err := os.Stat(root); err != nil {
			continue
		}
		tree, dirs, err := newTree(t, Config{Root: root})
		if err == nil {
			dirs.Close()
			tree.Close()
			t.Errorf("%s can be a root", root)
		} else if !strings.Contains(err.Error(), root) {
			t.Errorf("%q does not say what failed", err)
		}
	}
}

// TestForeignDirectory has a directory that was opened elsewhere, as standard input may
// be, lead nowhere.
func TestForeignDirectory(t *testing.T) {
	eachWorld(t, func(t *testing.T, w world) {
		if w.prefix != "" {
			t.Skip("the host's tree is not confined")
		}
		f, err := os.Open(w.outside)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		d, errno := w.Dirs.tree.host.Inherit(int(f.Fd()))
		if errno != 0 {
			t.Fatal(errno)
		}
		fd, _ := w.Files.Install(d, 0, 100, 0)
		for call, errno := range map[string]netbsd.Errno{
			"stat":    errnoOf(w.Stat(fd, "secret", true)),
			"unlink":  w.Unlink(fd, "secret", 0),
			"fchdir":  w.Fchdir(fd),
			"fchroot": w.Fchroot(fd),
		} {
			if errno != netbsd.EPERM {
				t.Errorf("%s: %s, want EPERM", call, errno.Name())
			}
		}
	})
}

// TestDeviceNodes has the devices of the host below a root not configured, as spec_open
// has those of a file system that is mounted nodev.
func TestDeviceNodes(t *testing.T) {
	eachWorld(t, func(t *testing.T, w world) {
		if w.prefix != "" {
			t.Skip("in the host's tree its devices are there")
		}
		node := filepath.Join(w.dir, "null")
		if err := unix.Mknod(node, unix.S_IFCHR|0o666, int(unix.Mkdev(1, 3))); err != nil {
			t.Skip("devices are the superuser's to make: ", err)
		}
		os.Symlink("null", filepath.Join(w.dir, "link"))
		for _, name := range []string{"null", "/null", "link"} {
			for _, flags := range []int{netbsd.O_RDONLY, netbsd.O_RDWR, netbsd.O_WRONLY | netbsd.O_CREAT, netbsd.O_RDONLY | netbsd.O_NONBLOCK, netbsd.O_WRONLY | netbsd.O_TRUNC} {
				if errno := w.openErr(name, flags); errno != netbsd.ENXIO {
					t.Errorf("open %s with %#x: %s, want ENXIO", name, flags, errno.Name())
				}
			}
		}
		if errno := w.execErr("null"); errno != netbsd.EACCES {
			t.Error("exec: ", errno)
		}
		if st, errno := w.Stat(netbsd.AT_FDCWD, "null", true); errno != 0 || st.Mode&netbsd.S_IFMT != netbsd.S_IFCHR {
			t.Error(st.Mode, errno)
		}
	})
}

// TestSwapRace exchanges a name for a device and for a link out of the root, again and
// again, while guests open it.
func TestSwapRace(t *testing.T) {
	eachWorld(t, func(t *testing.T, w world) {
		if w.prefix != "" {
			t.Skip("the host's tree is not confined")
		}
		in := func(name string) string { return filepath.Join(w.dir, name) }
		os.WriteFile(in("good"), []byte("good"), 0o644)
		os.Symlink(filepath.Join(w.outside, "secret"), in("link"))
		os.Symlink("../out/secret", in("rel"))
		names := []string{in("good"), in("link"), in("rel")}
		if unix.Mknod(in("zero"), unix.S_IFCHR|0o666, int(unix.Mkdev(1, 5))) == nil {
			names = append(names, in("zero"))
		}
		defer meanwhile(func(i int) {
			os.Remove(in("tmp"))
			os.Link(names[i%len(names)], in("tmp"))
			os.Rename(in("tmp"), in("x"))
		})()
		for range 1000 {
			if s, errno := w.read("x"); errno == 0 && s != "good" {
				t.Errorf("read %q", s)
				break
			}
		}
	})
}

// meanwhile does something again and again until the function that it returns is called.
func meanwhile(do func(i int)) (end func()) {
	var stop atomic.Bool
	done := make(chan struct{})
	go func() {
		defer close(done)
		for i := 0; !stop.Load(); i++ {
			do(i)
		}
	}()
	return func() {
		stop.Store(true)
		<-done
	}
}

// TestClimbRace moves the working directory out of the root and back while names climb
// from it and come down again.
func TestClimbRace(t *testing.T) {
	eachWorld(t, func(t *testing.T, w world) {
		if w.prefix != "" {
			t.Skip("the host's tree is not confined")
		}
		inside, moved := filepath.Join(w.dir, "a"), filepath.Join(w.outside, "a")
		os.MkdirAll(filepath.Join(inside, "b", "c"), 0o755)
		if errno := w.Chdir("a/b"); errno != 0 {
			t.Fatal(errno)
		}
		defer meanwhile(func(int) {
			os.Rename(inside, moved)
			os.Rename(moved, inside)
		})()
		for range 1000 {
			for _, name := range []string{"../../secret", "c/../../../secret", "../../../out/secret"} {
				if s, errno := w.read(name); errno == 0 {
					t.Fatalf("%s: read %q", name, s)
				}
			}
		}
	})
}
