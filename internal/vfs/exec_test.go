package vfs

import (
	"io"
	"os"
	"path/filepath"
	"syscall"
	"testing"

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
			"program": 0, "link": 0, "plain": netbsd.EACCES, "directory": netbsd.EACCES, "fifo": netbsd.EACCES,
			"missing": netbsd.ENOENT, "program/x": netbsd.ENOTDIR, "/dev/null": netbsd.EACCES,
		} {
			f, full, errno := w.OpenExec(name)
			if errno != want {
				t.Errorf("%s: %v, want %v", name, errno, want)
			}
			if errno != 0 {
				continue
			}
			if full != w.prefix+"/program" {
				t.Errorf("%s is %s", name, full)
			}
			if b, err := io.ReadAll(f); err != nil || string(b) != "text" {
				t.Errorf("%s holds %q, %v", name, b, err)
			}
			f.Close()
		}
	})
}
