package vfs

import (
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"toaster/internal/file"
	"toaster/kern"
	"toaster/netbsd"
)

// TestSetIDBits tries every call that sets a mode of a file of the host: below a root
// none gets a set-id bit, and all else is as asked for (mount(8), nosuid).
func TestSetIDBits(t *testing.T) {
	eachWorld(t, func(t *testing.T, w world) {
		const at = netbsd.AT_FDCWD
		confined := w.prefix == ""
		w.Dirs.Umask(0)
		w.write(t, "f", "x")
		w.Symlink("f", at, "link")
		w.Mkdir(at, "d", 0o755)
		dfd := w.install(t, "d", netbsd.O_RDONLY)
		ffd := w.install(t, "f", netbsd.O_RDWR)
		open := func(fd int) *file.Description {
			d, errno := w.Files.Get(fd)
			if errno != 0 {
				t.Fatal(errno)
			}
			d.Release() // the table has it, too
			return d
		}
		for _, c := range []struct {
			call, name string
			do         func() netbsd.Errno
			asked, got uint32
		}{
			{"chmod 4755", "f", func() netbsd.Errno { return w.Chmod(at, "f", 0o4755, true) }, 0o4755, 0o755},
			{"chmod 2711", "f", func() netbsd.Errno { return w.Chmod(at, "link", 0o2711, true) }, 0o2711, 0o711},
			{"lchmod", "f", func() netbsd.Errno { return w.Chmod(at, "f", 0o6700, false) }, 0o6700, 0o700},
			{"fchmodat", "f", func() netbsd.Errno { return w.Chmod(dfd, "../f", 0o6755, true) }, 0o6755, 0o755},
			{"fchmod", "f", func() netbsd.Errno { return open(ffd).File.Chmod(0o6755) }, 0o6755, 0o755},
			{"chmod of a directory", "d", func() netbsd.Errno { return w.Chmod(at, "d", 0o7755, true) }, 0o7755, 0o3755},
			{"fchmod of a directory", "d", func() netbsd.Errno { return open(dfd).File.Chmod(0o6755) }, 0o6755, 0o2755},
			{"open", "new", func() netbsd.Errno { return errnoOf(w.openMode("new", 0o6755)) }, 0o6755, 0o755},
			{"mkdir", "newdir", func() netbsd.Errno { return w.Mkdir(at, "newdir", 0o4755) }, 0o4755, 0o755},
			{"mknod", "newnod", func() netbsd.Errno { return w.Mknod(at, "newnod", netbsd.S_IFREG|0o6755) }, 0o6755, 0o755},
			{"mkfifo", "newfifo", func() netbsd.Errno { return w.Mknod(at, "newfifo", netbsd.S_IFIFO|0o6755) }, 0o6755, 0o755},
		} {
			errno := c.do()
			if c.call == "mknod" && errno == netbsd.EPERM && w.Cred != nil && !w.Cred.IsRoot() {
				continue // mknod(2) of what is no FIFO is root's
			}
			if errno != 0 {
				t.Errorf("%s: %s", c.call, errno.Name())
				continue
			}
			var st unix.Stat_t
			if err := unix.Lstat(filepath.Join(w.dir, c.name), &st); err != nil {
				t.Fatal(err)
			}
			if got := st.Mode & 0o7777; confined && got != c.got {
				t.Errorf("%s: mode %o, want %o", c.call, got, c.got)
			} else if !confined && got&0o1777 != c.asked&0o1777 {
				t.Errorf("%s: mode %o, want %o", c.call, got, c.asked)
			}
		}
	})
}

// openMode makes a file.
func (w world) openMode(name string, mode uint32) (int, netbsd.Errno) {
	d, errno := w.Open(netbsd.AT_FDCWD, name, netbsd.O_RDWR|netbsd.O_CREAT, mode)
	if errno == 0 {
		d.Release()
	}
	return 0, errno
}

// install opens a file and gives it a descriptor.
func (w world) install(t *testing.T, name string, flags int) int {
	t.Helper()
	d, errno := w.Open(netbsd.AT_FDCWD, name, flags, 0)
	if errno != 0 {
		t.Fatalf("%s: %v", name, errno)
	}
	fd, _ := w.Files.Install(d, 0, 100, 0)
	return fd
}

// TestSetIDWritten has a file of the host that is set-id lose that when a guest may write to
// it: what it then holds is the guest's. Neither does it count when it is executed.
func TestSetIDWritten(t *testing.T) {
	eachWorld(t, func(t *testing.T, w world) {
		if w.prefix != "" {
			t.Skip("below a root only")
		}
		name := filepath.Join(w.dir, "su")
		for _, flags := range []int{netbsd.O_WRONLY, netbsd.O_RDWR, netbsd.O_RDONLY | netbsd.O_TRUNC} {
			os.WriteFile(name, []byte("x"), 0o755)
			if err := unix.Chmod(name, 0o6755); err != nil {
				t.Fatal(err)
			}
			f, _, errno := w.OpenExec("su")
			if errno != 0 {
				t.Fatal(errno)
			}
			st, err := f.Stat()
			if err != nil {
				t.Fatal(err)
			}
			if mode, _, _ := w.SetIDs(f, st); mode != 0 {
				t.Error("the bits count when it is executed")
			}
			f.Close()
			if errno := w.openErr("su", netbsd.O_RDONLY); errno != 0 {
				t.Error(errno)
			}
			if st, _ := os.Stat(name); st.Mode()&(os.ModeSetuid|os.ModeSetgid) != os.ModeSetuid|os.ModeSetgid {
				t.Errorf("reading made the mode %v", st.Mode())
			}
			if errno := w.openErr("su", flags); errno != 0 {
				t.Error(errno)
			}
			if st, _ := os.Stat(name); st.Mode() != 0o755 {
				t.Errorf("mode %v once it was open with %#x", st.Mode(), flags)
			}
		}
	})
}

// TestSetIDOfAnother has no guest make a file of the host set-id of somebody else, in the
// host's own tree either: root of a machine may change the mode of files that are not its
// own.
func TestSetIDOfAnother(t *testing.T) {
	dir := t.TempDir()
	name := filepath.Join(dir, "f")
	os.WriteFile(name, nil, 0o644)
	tree, dirs, err := newTree(t, Config{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	defer tree.Close()
	defer dirs.Close()
	v := View{Dirs: dirs, Files: file.NewTable(), Cred: kern.UserCred(0, 0, 54321)}
	defer v.Files.Close()
	if os.Geteuid() == 0 {
		os.Chown(name, 1001, 1002)
	}
	d, errno := v.Open(netbsd.AT_FDCWD, "f", netbsd.O_RDWR, 0)
	if errno != 0 {
		t.Fatal(errno)
	}
	defer d.Release()
	for call, chmod := range map[string]func() netbsd.Errno{
		"chmod":  func() netbsd.Errno { return v.Chmod(netbsd.AT_FDCWD, "f", 0o6755, true) },
		"lchmod": func() netbsd.Errno { return v.Chmod(netbsd.AT_FDCWD, "f", 0o6755, false) },
		"fchmod": func() netbsd.Errno { return v.Fchmod(d, 0o6755) },
	} {
		os.Chmod(name, 0o600)
		errno := chmod()
		if st, _ := os.Stat(name); errno != 0 || st.Mode() != 0o755 {
			t.Errorf("%s: %s, mode %v", call, errno.Name(), st.Mode())
		}
	}
}
