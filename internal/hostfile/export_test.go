package hostfile

import (
	"io"
	"os"
	"testing"

	"toaster/internal/file"
	"toaster/internal/filetest"
	"toaster/netbsd"
)

func TestExport(t *testing.T) {
	h := newHost(t)
	before := file.LiveDescriptions()
	r, w := file.NewPipe(0)
	fd, errno := h.Export(w)
	if errno != 0 {
		t.Fatal(errno)
	}
	w.Release()
	host := os.NewFile(uintptr(fd), "pipe")
	go func() { io.WriteString(host, "from the host"); host.Close() }()
	if s := readAll(t, r); s != "from the host" {
		t.Errorf("%q", s)
	}
	r.Release()

	r, w = file.NewPipe(0)
	fd, _ = h.Export(r)
	r.Release()
	reader := os.NewFile(uintptr(fd), "pipe")
	w.Write(filetest.NewSleeper(), []byte("to the host"))
	b := make([]byte, 100)
	n, _ := reader.Read(b)
	if string(b[:n]) != "to the host" {
		t.Errorf("%q", b[:n])
	}
	// The host program's end: the writer hears of it.
	reader.Close()
	l := filetest.NewSleeper()
	if _, errno := file.Block(file.Call{L: l}, w.File, file.Writable, func() (int, netbsd.Errno) {
		if w.File.Poll(file.Out)&file.Hup != 0 {
			return 0, 0
		}
		return 0, netbsd.EAGAIN
	}); errno != 0 {
		t.Error(errno)
	}
	w.Release()
	for file.LiveDescriptions() != before {
	}
}

func readAll(t *testing.T, d *file.Description) string {
	t.Helper()
	var all []byte
	b := make([]byte, 1000)
	for l := filetest.NewSleeper(); ; {
		n, errno := d.Read(l, b)
		if errno != 0 {
			t.Fatal(errno)
		}
		if n == 0 {
			return string(all)
		}
		all = append(all, b[:n]...)
	}
}
