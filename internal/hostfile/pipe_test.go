package hostfile

import (
	"bytes"
	"os"
	"testing"

	"toaster/internal/file"
	"toaster/internal/filetest"
	"toaster/netbsd"
)

// EPIPE comes for a write of nothing, too (pipe_write), of a pipe that has become the host's.
func TestPipeOfTheHostWithoutReader(t *testing.T) {
	h := newHost(t)
	r, w := file.NewPipe(0)
	if _, errno := w.File.(file.PipeEnd).Promote(h.newPipe); errno != 0 {
		t.Fatal(errno)
	}
	l := filetest.NewSleeper()
	if n, errno := w.Write(l, nil); n != 0 || errno != 0 {
		t.Errorf("%d, %s with a reader", n, errno.Name())
	}
	r.Release()
	if _, errno := w.Write(l, nil); errno != netbsd.EPIPE {
		t.Errorf("%s without, want EPIPE", errno.Name())
	}
	w.Release()
}

// A program of the host that has a pipe and doesn't use it makes no difference to those
// who do.
func TestPipeThatHostInherits(t *testing.T) {
	h := newHost(t)
	exports := []struct {
		name string
		end  func(r, w *file.Description) *file.Description
	}{
		{"reading end", func(r, _ *file.Description) *file.Description { return r }},
		{"writing end", func(_, w *file.Description) *file.Description { return w }},
	}
	for _, e := range exports {
		t.Run(e.name, func(t *testing.T) {
			before := file.LiveDescriptions()
			r, w := file.NewPipe(0)
			l := filetest.NewSleeper()
			w.Write(l, []byte("before "))
			fd, errno := h.Export(e.end(r, w))
			if errno != 0 {
				t.Fatal(errno)
			}
			host := os.NewFile(uintptr(fd), "pipe")
			w.Write(l, []byte("and after"))
			if n := r.File.(file.Counter).ReadCount(); n != 16 {
				t.Errorf("%d bytes to read", n)
			}
			b := make([]byte, 100)
			if n, errno := r.Read(l, b); string(b[:n]) != "before and after" || errno != 0 {
				t.Errorf("%q %v", b[:n], errno)
			}
			if ev := r.File.Poll(file.In | file.RdHup); ev != 0 {
				t.Errorf("events %x of an empty pipe", ev)
			}
			if ev := w.File.Poll(file.Out | file.WrHup); ev != file.Out {
				t.Errorf("events %x of a pipe with room", ev)
			}
			host.Close()
			w.Release()
			if ev := r.File.Poll(file.In | file.RdHup); ev != file.In|file.RdHup|file.Hup {
				t.Errorf("events %x at the end", ev)
			}
			if n, errno := r.Read(l, b); n != 0 || errno != 0 {
				t.Errorf("%d %v at the end", n, errno)
			}
			r.Release()
			if n := file.LiveDescriptions() - before; n != 0 {
				t.Errorf("%d descriptions leaked", n)
			}
		})
	}
}

// Who sleeps at either end when a host program inherits the pipe goes on as if nothing
// had happened.
func TestPipeBecomesHostsUnderSleepers(t *testing.T) {
	h := newHost(t)
	t.Run("reader", func(t *testing.T) {
		r, w := file.NewPipe(0)
		got := make(chan string)
		l := filetest.NewSleeper()
		l.Asleep = make(chan struct{}, 1000)
		go func() {
			b := make([]byte, 10)
			n, _ := r.Read(l, b)
			got <- string(b[:n])
		}()
		<-l.Asleep
		fd, _ := h.Export(r)
		w.Write(filetest.NewSleeper(), []byte("a"))
		if s := <-got; s != "a" {
			t.Errorf("%q", s)
		}
		os.NewFile(uintptr(fd), "").Close()
		r.Release()
		w.Release()
	})
	t.Run("writer", func(t *testing.T) {
		r, w := file.NewPipe(0)
		data := bytes.Repeat([]byte("0123456789"), 20_000)
		done := make(chan netbsd.Errno)
		l := filetest.NewSleeper()
		l.Asleep = make(chan struct{}, 1000)
		go func() {
			n, errno := w.Write(l, data)
			if n != len(data) {
				t.Errorf("%d of %d bytes", n, len(data))
			}
			w.Release()
			done <- errno
		}()
		<-l.Asleep
		fd, errno := h.Export(w)
		if errno != 0 {
			t.Fatal(errno)
		}
		os.NewFile(uintptr(fd), "").Close()
		if s := readAll(t, r); s != string(data) {
			t.Errorf("%d of %d bytes, or others", len(s), len(data))
		}
		if errno := <-done; errno != 0 {
			t.Error(errno)
		}
		r.Release()
	})
}

// An end that is closed already is closed on the host as well.
func TestPipeWithClosedEndOnHost(t *testing.T) {
	h := newHost(t)
	r, w := file.NewPipe(0)
	w.Release()
	fd, _ := h.Export(r)
	host := os.NewFile(uintptr(fd), "")
	if n, err := host.Read(make([]byte, 1)); n != 0 || err == nil {
		t.Errorf("%d %v, want the end", n, err)
	}
	host.Close()
	r.Release()

	r, w = file.NewPipe(0)
	r.Release()
	fd, _ = h.Export(w)
	host = os.NewFile(uintptr(fd), "")
	if _, err := host.Write([]byte("x")); err == nil {
		t.Error("nobody reads, and it can be written")
	}
	host.Close()
	if n, errno := w.Write(filetest.NewSleeper(), []byte("x")); errno != netbsd.EPIPE {
		t.Errorf("%d %v, want EPIPE", n, errno)
	}
	w.Release()
}
