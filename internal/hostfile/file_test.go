package hostfile

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"toaster/internal/file"
	"toaster/internal/filetest"
	"toaster/netbsd"
)

func TestInheritedPipe(t *testing.T) {
	h := newHost(t)
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	in, errno := h.Inherit(int(r.Fd())) // Fd makes them blocking, as a shell's are
	if errno != 0 {
		t.Fatal(errno)
	}
	defer in.Release()
	out, errno := h.Inherit(int(w.Fd()))
	if errno != 0 {
		t.Fatal(errno)
	}
	l := filetest.NewSleeper()
	l.Asleep = make(chan struct{}, 100)
	got := make(chan string)
	go func() {
		b := make([]byte, 100)
		n, errno := in.Read(l, b)
		if errno != 0 {
			t.Error(errno)
		}
		got <- string(b[:n])
	}()
	<-l.Asleep
	if n, errno := out.Write(filetest.NewSleeper(), []byte("hello")); n != 5 || errno != 0 {
		t.Fatal(n, errno)
	}
	if s := <-got; s != "hello" {
		t.Errorf("read %q", s)
	}
	out.Release()
	w.Close()
	if n, errno := in.Read(l, make([]byte, 10)); n != 0 || errno != 0 {
		t.Errorf("at the end: %d %v", n, errno)
	}
}

// pipe_poll: once one end of a pipe is closed, the other can be read and written, and has POLLHUP. POLLERR, which the host has for
// a writer, is never told.
func TestPollOfInheritedPipe(t *testing.T) {
	const all = file.In | file.RdNorm | file.Out
	for name, c := range map[string]struct {
		kept int
		eof  file.Events
	}{"reader": {0, file.RdHup}, "writer": {1, file.WrHup}} {
		t.Run(name, func(t *testing.T) {
			h := newHost(t)
			var fds [2]int
			if err := unix.Pipe(fds[:]); err != nil {
				t.Fatal(err)
			}
			defer unix.Close(fds[c.kept])
			d, errno := h.Inherit(fds[c.kept])
			if errno != 0 {
				t.Fatal(errno)
			}
			defer d.Release()
			unix.Close(fds[1-c.kept])
			for _, ask := range []file.Events{0, file.In, file.Out, all, all | c.eof} {
				if ev := d.File.Poll(ask); ev != ask|file.Hup {
					t.Errorf("asked for %#x: %#x", ask, ev)
				}
			}
		})
	}
}

// fifo_poll: a FIFO of the host's has POLLHUP for who reads, and nothing but room for who writes.
func TestPollOfHostFifo(t *testing.T) {
	h := newHost(t)
	name := filepath.Join(t.TempDir(), "fifo")
	if err := unix.Mkfifo(name, 0o600); err != nil {
		t.Fatal(err)
	}
	open := func(flags int) *File {
		fd, err := unix.Open(name, flags|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
		if err != nil {
			t.Fatal(err)
		}
		return h.NewIn(fd, unix.S_IFIFO, &file.Origin{})
	}
	r, w := open(unix.O_RDONLY), open(unix.O_WRONLY)
	const all = file.In | file.RdNorm | file.Out
	w.Close()
	if ev := r.Poll(all); ev != file.In|file.RdNorm|file.Hup {
		t.Errorf("without a writer: %#x", ev)
	}
	w = open(unix.O_WRONLY)
	defer w.Close()
	r.Close()
	if ev := w.Poll(all); ev != file.Out {
		t.Errorf("without a reader: %#x", ev)
	}
	if ev := w.Poll(file.WrHup); ev != file.WrHup {
		t.Errorf("without a reader, for kevent(2): %#x", ev)
	}
}

// A megabyte through an inherited pipe, whichever way its description could be
// had.
func TestInheritedPipeBulk(t *testing.T) {
	h := newHost(t)
	for _, kind := range []hostKind{kindNonblock, kindShared} {
		r, w, _ := os.Pipe()
		out, errno := h.Inherit(int(w.Fd()))
		if errno != 0 {
			t.Fatal(errno)
		}
		out.File.(*File).kind = kind
		w.Close()
		data := bytes.Repeat([]byte("0123456789abcdef"), 1<<16)
		go func() {
			if n, errno := out.Write(filetest.NewSleeper(), data); n != len(data) || errno != 0 {
				t.Error(n, errno)
			}
			out.Release()
		}()
		got, _ := io.ReadAll(r)
		if !bytes.Equal(got, data) {
			t.Errorf("kind %d: %d bytes, changed", kind, len(got))
		}
		r.Close()
	}
}

func TestInheritedInterrupted(t *testing.T) {
	h := newHost(t)
	r, w, _ := os.Pipe()
	defer w.Close()
	in, _ := h.Inherit(int(r.Fd()))
	defer in.Release()
	l := filetest.NewSleeper()
	l.Signal <- netbsd.ERESTART
	if n, errno := in.Read(l, make([]byte, 1)); n != 0 || errno != netbsd.ERESTART {
		t.Error(n, errno)
	}
	in.SetNonblock(true)
	if _, errno := in.Read(l, make([]byte, 1)); errno != netbsd.EAGAIN {
		t.Error(errno)
	}
}

func TestHostRegular(t *testing.T) {
	h := newHost(t)
	name := filepath.Join(t.TempDir(), "f")
	hf, _ := os.Create(name)
	defer hf.Close()
	d, errno := h.Inherit(int(hf.Fd()))
	if errno != 0 {
		t.Fatal(errno)
	}
	defer d.Release()
	l := filetest.NewSleeper()
	d.Write(l, []byte("abc"))
	d.Write(l, []byte("def"))
	if off, _ := hf.Seek(0, io.SeekCurrent); off != 6 {
		t.Errorf("the host's offset is %d", off)
	}
	if pos, errno := d.File.Lseek(1, netbsd.SEEK_SET); pos != 1 || errno != 0 {
		t.Error(pos, errno)
	}
	b := make([]byte, 10)
	if n, errno := d.Read(l, b); string(b[:n]) != "bcdef" || errno != 0 {
		t.Errorf("%q %v", b[:n], errno)
	}
	if n, errno := d.Pread(l, b, 4); string(b[:n]) != "ef" || errno != 0 {
		t.Errorf("%q %v", b[:n], errno)
	}
	if _, errno := d.Pread(l, b, -1); errno != netbsd.EINVAL {
		t.Error(errno)
	}
	if _, errno := d.File.Lseek(-1, netbsd.SEEK_SET); errno != netbsd.EINVAL {
		t.Error(errno)
	}
	st, errno := d.File.Stat()
	if errno != 0 || st.Size != 6 || st.Mode&netbsd.S_IFMT != netbsd.S_IFREG || st.Nlink != 1 {
		t.Errorf("%+v %v", st, errno)
	}
	d.SetFlags(netbsd.O_APPEND)
	d.File.Lseek(0, netbsd.SEEK_SET)
	d.Write(l, []byte("g"))
	if s, _ := os.ReadFile(name); string(s) != "abcdefg" {
		t.Errorf("%q", s)
	}
}
