package vfs

import (
	"os"
	"path/filepath"
	"testing"

	"toaster/netbsd"
)

// TestText: no file is open for writing and run. Who writes is counted by open files, who runs by processes; a name more, or another
// descriptor, is the same file (v_writecount and VI_TEXT: vn_openchk, vn_writechk, vn_marktext, vn_close of vfs_vnops.c, sys_truncate).
func TestText(t *testing.T) {
	eachWorld(t, func(t *testing.T, w world) {
		w.write(t, "prog", "prog")
		w.Chmod(here, "prog", 0o755, true)
		w.Link(here, "prog", here, "other", false)
		f, _, errno := w.OpenExec("prog")
		if errno != 0 {
			t.Fatal(errno)
		}
		defer f.Close()

		first, second := w.install(t, "other", netbsd.O_RDWR), w.install(t, "prog", netbsd.O_WRONLY|netbsd.O_APPEND)
		for _, fd := range []int{first, second} {
			if _, errno := w.RunText(f); errno != netbsd.ETXTBSY {
				t.Fatalf("vn_marktext beside a writer: %v", errno)
			}
			w.Files.CloseFD(fd)
		}
		reader := w.install(t, "prog", netbsd.O_RDONLY)
		defer w.Files.CloseFD(reader)

		run, errno := w.RunText(f)
		if errno != 0 {
			t.Fatalf("vn_marktext: %v", errno)
		}
		child := run.Again()
		for range 2 {
			w.busy(t, netbsd.ETXTBSY)
			run.End()
			run = child
		}
		w.busy(t, 0)
		if n := len(w.Dirs.tree.texts.of); n != 0 {
			t.Errorf("%d files are still counted", n)
		}
	})
}

// busy checks what is refused while the program runs.
func (w world) busy(t *testing.T, want netbsd.Errno) {
	t.Helper()
	for name, got := range map[string]netbsd.Errno{
		"O_WRONLY":            w.openErr("prog", netbsd.O_WRONLY),
		"O_RDWR":              w.openErr("other", netbsd.O_RDWR),
		"O_RDONLY | O_TRUNC":  w.openErr("other", netbsd.O_RDONLY|netbsd.O_TRUNC),
		"O_CREAT and O_TRUNC": w.openErr("prog", netbsd.O_WRONLY|netbsd.O_CREAT|netbsd.O_TRUNC),
		"truncate":            w.Truncate("prog", 0),
		"access":              w.Access(here, "other", mayWrite|mayRead, 0), // do_sys_accessat
	} {
		if got != want {
			t.Errorf("%s: %v, want %v", name, got, want)
		}
	}
	if st, err := os.Stat(filepath.Join(w.dir, "prog")); want != 0 && (err != nil || st.Size() != 4) {
		t.Errorf("the program is %v, %v", st, err)
	}
	if errno := w.openErr("prog", netbsd.O_RDONLY); errno != 0 {
		t.Errorf("O_RDONLY: %v", errno)
	}
}

// TestTextGoesFirst: vn_openchk and sys_truncate call vn_writechk before they ask who may write.
func TestTextGoesFirst(t *testing.T) {
	root, user := ownedWorld(t)
	root.write(t, "prog", "prog")
	root.Chmod(here, "prog", 0o755, true)
	f, _, errno := root.OpenExec("prog")
	if errno != 0 {
		t.Fatal(errno)
	}
	defer f.Close()
	run, _ := root.RunText(f)
	for _, want := range []netbsd.Errno{netbsd.ETXTBSY, netbsd.EACCES} {
		if o, tr := user.openErr("prog", netbsd.O_WRONLY), user.Truncate("prog", 0); o != want || tr != want {
			t.Errorf("open is %v, truncate %v; want %v", o, tr, want)
		}
		if want == netbsd.ETXTBSY {
			run.End()
		}
	}
}

// TestTextKeepsItsNumber: a program that runs and has no name any more keeps its inode number, which a file of that number could be
// taken for it by.
func TestTextKeepsItsNumber(t *testing.T) {
	eachWorld(t, func(t *testing.T, w world) {
		w.write(t, "prog", "prog")
		w.Chmod(here, "prog", 0o755, true)
		f, _, errno := w.OpenExec("prog")
		if errno != 0 {
			t.Fatal(errno)
		}
		run, _ := w.RunText(f)
		defer run.End()
		f.Close()
		w.Unlink(here, "prog", 0)
		for range 20 {
			w.write(t, "new", "new")
			w.Unlink(here, "new", 0)
		}
	})
}
