package vfs

import (
	"io"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"toaster/internal/file"
	"toaster/netbsd"
)

func TestOpenExec(t *testing.T) {
	eachWorld(t, func(t *testing.T, w world) {
		file := func(name string) string { return filepath.Join(w.dir, name) }
		os.WriteFile(file("program"), []byte("text"), 0o755)
		os.WriteFile(file("plain"), []byte("text"), 0o644)
		os.Mkdir(file("directory"), 0o755)
		os.Symlink("program", file("link"))
		syscall.Mkfifo(file("fifo"), 0o755) // nobody writes: to open it must not wait
		for name, want := range map[string]netbsd.Errno{
			"program": 0, "link": 0, "directory/../program": 0, "plain": netbsd.EACCES, "directory": netbsd.EACCES, "fifo": netbsd.EACCES,
			"missing": netbsd.ENOENT, "program/x": netbsd.ENOTDIR, "/dev/null": netbsd.EACCES,
			"": netbsd.EACCES, // makepathbuf: the working directory
		} {
			f, full, errno := w.OpenExec(name)
			if errno != want {
				t.Errorf("%s: %v, want %v", name, errno, want)
			}
			if errno != 0 {
				continue
			}
			if full != w.prefix+"/"+name {
				t.Errorf("%s is %s", name, full)
			}
			if b, err := io.ReadAll(f); err != nil || string(b) != "text" {
				t.Errorf("%s holds %q, %v", name, b, err)
			}
			f.Close()
		}
	})
}

// check_exec where there is a descriptor: the file itself is executed, if it has a name that the caller may find out (exec_resolvename).
func TestOpenExecFile(t *testing.T) {
	eachWorld(t, func(t *testing.T, w world) {
		file := func(name string) string { return filepath.Join(w.dir, name) }
		for name, mode := range map[string]os.FileMode{"program": 0o755, "renamed": 0o755, "removed": 0o755, "linked": 0o755, "replaced": 0o755, "other": 0o755, "p (deleted)": 0o755, "plain": 0o644} {
			os.WriteFile(file(name), []byte(name), mode)
		}
		os.Link(file("linked"), file("second"))
		os.Mkdir(file("directory"), 0o755)
		syscall.Mkfifo(file("fifo"), 0o755)
		changes := map[string]func(){
			"renamed":  func() { os.Rename(file("renamed"), file("directory/new")) },
			"removed":  func() { os.Remove(file("removed")) },
			"linked":   func() { os.Remove(file("linked")) },
			"replaced": func() { os.Rename(file("other"), file("replaced")) },
		}
		for name, want := range map[string]struct {
			errno netbsd.Errno
			full  string
		}{
			"program": {0, "/program"}, "renamed": {0, "/directory/new"}, "p (deleted)": {0, "/p (deleted)"},
			"removed": {netbsd.ENOENT, ""}, "linked": {netbsd.ENOENT, ""}, "replaced": {netbsd.ENOENT, ""},
			"plain": {netbsd.EACCES, ""}, "directory": {netbsd.EACCES, ""}, "fifo": {netbsd.EACCES, ""}, "/dev/null": {netbsd.EACCES, ""},
		} {
			flags := netbsd.O_RDONLY
			if name == "fifo" {
				flags = netbsd.O_RDWR
			}
			d, errno := w.Open(netbsd.AT_FDCWD, name, flags, 0)
			if errno != 0 {
				t.Fatal(name, errno)
			}
			if change := changes[name]; change != nil {
				change()
			}
			f, full, errno := w.OpenExecFile(d)
			d.Release()
			if errno != want.errno {
				t.Errorf("%s: %v, want %v", name, errno, want.errno)
			}
			if errno != 0 {
				continue
			}
			if full != w.prefix+want.full {
				t.Errorf("%s is %s", name, full)
			}
			if b, err := io.ReadAll(f); err != nil || string(b) != name {
				t.Errorf("%s holds %q, %v", name, b, err)
			}
			f.Close()
		}
	})
}

// TestLastName: namei leaves the last part of what the last link leads to in ni_cnd.
func TestLastName(t *testing.T) {
	eachWorld(t, func(t *testing.T, w world) {
		w.Mkdir(here, "d", 0o755)
		w.write(t, "d/prog", "")
		w.Chmod(here, "d/prog", 0o755, true)
		w.Link(here, "d/prog", here, "hard", false)
		w.Symlink("d/prog", here, "link")
		w.Symlink("link", here, "second")
		for name, want := range map[string]string{"d/prog": "prog", "hard": "hard", "link": "prog", "d/../second": "prog"} {
			f, full, errno := w.OpenExec(name)
			if errno != 0 {
				t.Fatal(name, errno)
			}
			if got := w.LastName(f); got != want || filepath.Base(full) != filepath.Base(name) {
				t.Errorf("%s: %s, %s; want %s", name, full, got, want)
			}
			f.Close()
		}
	})
}

// fd_getvnode: EINVAL for what is no vnode.
func TestOpenExecFileOfNone(t *testing.T) {
	eachWorld(t, func(t *testing.T, w world) {
		r, wr := file.NewPipe(0)
		for _, d := range []*file.Description{r, wr} {
			if _, _, errno := w.OpenExecFile(d); errno != netbsd.EINVAL {
				t.Errorf("a pipe: %v", errno)
			}
			d.Release()
		}
	})
}
