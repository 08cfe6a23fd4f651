package kqueue

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"toaster/internal/file"
	"toaster/internal/hostfile"
	"toaster/netbsd"
)

// waiter is the least LWP.
type waiter chan struct{}

func (w waiter) Wake() {
	select {
	case w <- struct{}{}:
	default:
	}
}

func (w waiter) Sleep(bool, time.Time) netbsd.Errno { <-w; return 0 }

func TestVnode(t *testing.T) {
	dir := t.TempDir()
	name := filepath.Join(dir, "f")
	sub := filepath.Join(dir, "sub")
	os.Mkdir(sub, 0o755)
	os.WriteFile(name, []byte("x"), 0o644)
	h := hostfile.NewHost()
	defer h.Close()
	c := Caller{L: make(waiter, 1), Files: file.NewMachine(file.MachineConfig{Watch: h.Watch}).NewTable()}
	defer c.Files.Close()
	q := New()
	defer q.Close()
	watch := func(path string) int {
		f, err := os.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		d, errno := h.Inherit(int(f.Fd()))
		must(t, errno)
		fd, _ := c.Files.Install(d, 0, 100, false)
		ev := add(netbsd.EVFILT_VNODE, fd, netbsd.EV_CLEAR)
		ev.Fflags = netbsd.NOTE_DELETE | netbsd.NOTE_WRITE | netbsd.NOTE_EXTEND | netbsd.NOTE_ATTRIB | netbsd.NOTE_RENAME | netbsd.NOTE_LINK
		must(t, q.Change(c, ev))
		return fd
	}
	fd, subfd := watch(name), watch(sub)
	for _, step := range []struct {
		name string
		do   func() error
		fd   int
		want uint32
	}{
		{"write", func() error {
			f, err := os.OpenFile(name, os.O_WRONLY|os.O_APPEND, 0)
			if err == nil {
				defer f.Close()
				_, err = f.WriteString("more")
			}
			return err
		}, fd, netbsd.NOTE_WRITE | netbsd.NOTE_EXTEND},
		{"chmod", func() error { return os.Chmod(name, 0o600) }, fd, netbsd.NOTE_ATTRIB},
		{"link", func() error { return os.Link(name, name+"2") }, fd, netbsd.NOTE_LINK},
		{"rename", func() error { return os.Rename(name, name+"3") }, fd, netbsd.NOTE_RENAME},
		{"create in a directory", func() error { return os.WriteFile(filepath.Join(sub, "x"), nil, 0o644) }, subfd, netbsd.NOTE_WRITE},
		{"remove in a directory", func() error { return os.Remove(filepath.Join(sub, "x")) }, subfd, netbsd.NOTE_WRITE},
		{"remove the directory", func() error { return os.Remove(sub) }, subfd, netbsd.NOTE_DELETE},
		{"remove one name", func() error { return os.Remove(name + "2") }, fd, netbsd.NOTE_LINK},
		{"remove the last name", func() error { return os.Remove(name + "3") }, fd, netbsd.NOTE_DELETE},
	} {
		if err := step.do(); err != nil {
			t.Fatal(err)
		}
		var got uint32
		out := make([]netbsd.Kevent, 4)
		for got&step.want != step.want {
			n, errno := q.Wait(c.L, out, time.Time{}, false)
			must(t, errno)
			for _, ev := range out[:n] {
				if int(ev.Ident) == step.fd {
					got |= ev.Fflags
				}
			}
		}
		if got&^(step.want|netbsd.NOTE_ATTRIB) != 0 {
			t.Errorf("%s: notes %x, want %x", step.name, got, step.want)
		}
	}
}

// vop_close_post: a close of what could write is NOTE_CLOSE_WRITE, any other NOTE_CLOSE, and none is
// both (kqueue(2)).
func TestVnodeClose(t *testing.T) {
	name := filepath.Join(t.TempDir(), "f")
	os.WriteFile(name, []byte("x"), 0o644)
	h := hostfile.NewHost()
	defer h.Close()
	c := Caller{L: make(waiter, 1), Files: file.NewMachine(file.MachineConfig{Watch: h.Watch}).NewTable()}
	defer c.Files.Close()
	q := New()
	defer q.Close()
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	d, errno := h.Inherit(int(f.Fd()))
	must(t, errno)
	fd, _ := c.Files.Install(d, 0, 100, false)
	ev := add(netbsd.EVFILT_VNODE, fd, netbsd.EV_CLEAR)
	ev.Fflags = netbsd.NOTE_CLOSE | netbsd.NOTE_CLOSE_WRITE
	must(t, q.Change(c, ev))
	for _, step := range []struct {
		flags int
		want  uint32
	}{{os.O_RDONLY, netbsd.NOTE_CLOSE}, {os.O_WRONLY, netbsd.NOTE_CLOSE_WRITE}, {os.O_RDWR, netbsd.NOTE_CLOSE_WRITE}, {os.O_RDONLY, netbsd.NOTE_CLOSE}} {
		o, err := os.OpenFile(name, step.flags, 0)
		if err != nil {
			t.Fatal(err)
		}
		o.Close()
		out := make([]netbsd.Kevent, 4)
		if n, errno := q.Wait(c.L, out, time.Time{}, false); n != 1 || errno != 0 || out[0].Fflags != step.want {
			t.Errorf("opened with %#x: %d events, %s, notes %#x, want %#x", step.flags, n, errno.Name(), out[0].Fflags, step.want)
		}
	}
}
