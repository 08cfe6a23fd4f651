package kqueue

import (
	"errors"
	"os"
	"path/filepath"
	"syscall"
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
	c := Caller{L: make(waiter, 1), Files: file.NewMachine(file.MachineConfig{Watcher: h}).NewTable()}
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
		fd, _ := c.Files.Install(d, 0, 100, 0)
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

// filt_genfsvnode: an event has all notes of a change of which one is wanted, as VN_KNOTE is given them: vop_write_post,
// vop_mkdir_post. Of other changes it has those alone that are wanted.
func TestVnodeHints(t *testing.T) {
	for _, test := range []struct {
		name string
		want uint32
		do   func(dir, f string) error
		told uint32 // 0: nothing
	}{
		{"a write that extends", netbsd.NOTE_WRITE, func(_, f string) error { return writeAt(f, "more") },
			netbsd.NOTE_WRITE | netbsd.NOTE_EXTEND},
		{"a write that extends, for EXTEND", netbsd.NOTE_EXTEND, func(_, f string) error { return writeAt(f, "more") },
			netbsd.NOTE_WRITE | netbsd.NOTE_EXTEND},
		{"a write within", netbsd.NOTE_WRITE | netbsd.NOTE_ATTRIB, func(_, f string) error { return writeAt(f, "y") }, netbsd.NOTE_WRITE},
		{"a write within, for EXTEND", netbsd.NOTE_EXTEND, func(_, f string) error { return writeAt(f, "y") }, 0},
		{"mkdir, for LINK", netbsd.NOTE_LINK, func(dir, _ string) error { return os.Mkdir(filepath.Join(dir, "sub"), 0o755) },
			netbsd.NOTE_WRITE | netbsd.NOTE_LINK},
		{"mkdir, for WRITE", netbsd.NOTE_WRITE, func(dir, _ string) error { return os.Mkdir(filepath.Join(dir, "sub"), 0o755) },
			netbsd.NOTE_WRITE | netbsd.NOTE_LINK},
		{"mkdir, for EXTEND", netbsd.NOTE_EXTEND, func(dir, _ string) error { return os.Mkdir(filepath.Join(dir, "sub"), 0o755) }, 0},
	} {
		h, c, q := vnodeRig(t)
		dir := filepath.Join(t.TempDir(), "d")
		f := filepath.Join(t.TempDir(), "f")
		if err := errors.Join(os.Mkdir(dir, 0o755), os.WriteFile(f, nil, 0o644), writeAt(f, "x")); err != nil {
			t.Fatal(err)
		}
		if links(t, dir) != 2 {
			continue // a file system that does not count directories as links
		}
		for _, name := range []string{dir, f} {
			fd, _ := c.open(t, h, name, os.O_RDONLY)
			ev := add(netbsd.EVFILT_VNODE, fd, netbsd.EV_CLEAR)
			ev.Fflags = test.want
			must(t, q.Change(c, ev))
		}
		if err := test.do(dir, f); err != nil {
			t.Fatal(err)
		}
		var told uint32
		for _, ev := range now(t, c, q) {
			told |= ev.Fflags
		}
		if told != test.told {
			t.Errorf("%s: notes %#x, want %#x", test.name, told, test.told)
		}
	}
}

func links(t *testing.T, name string) uint64 {
	t.Helper()
	st, err := os.Stat(name)
	if err != nil {
		t.Fatal(err)
	}
	return uint64(st.Sys().(*syscall.Stat_t).Nlink)
}

// writeAt writes at the beginning of a file, and cuts nothing off.
func writeAt(name, s string) error {
	f, err := os.OpenFile(name, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = f.WriteString(s)
	return err
}

// vop_close_post: a close of what could write is NOTE_CLOSE_WRITE, any other NOTE_CLOSE, and none is
// both (kqueue(2)).
func TestVnodeClose(t *testing.T) {
	name := filepath.Join(t.TempDir(), "f")
	os.WriteFile(name, []byte("x"), 0o644)
	h := hostfile.NewHost()
	defer h.Close()
	c := Caller{L: make(waiter, 1), Files: file.NewMachine(file.MachineConfig{Watcher: h}).NewTable()}
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
	fd, _ := c.Files.Install(d, 0, 100, 0)
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

// open makes a descriptor of a file of the host.
func (c Caller) open(t *testing.T, h *hostfile.Host, path string, flags int) (int, *file.Description) {
	t.Helper()
	f, err := os.OpenFile(path, flags, 0o644)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	d, errno := h.Inherit(int(f.Fd()))
	must(t, errno)
	fd, errno := c.Files.Install(d, 0, 100, 0)
	must(t, errno)
	return fd, d
}

// vnodeRig is an LWP with a queue, on a host of its own.
func vnodeRig(t *testing.T) (*hostfile.Host, Caller, *Queue) {
	h := hostfile.NewHost()
	c := Caller{L: make(waiter, 1), Files: file.NewMachine(file.MachineConfig{Watcher: h}).NewTable()}
	q := New()
	t.Cleanup(func() {
		q.Close()
		c.Files.Close()
		h.Close()
	})
	return h, c, q
}

// VN_KNOTE is called by the operation itself: a kevent(2) right behind it has the event, and so has a
// poll(2) of the queue.
func TestVnodeAtOnce(t *testing.T) {
	h, c, q := vnodeRig(t)
	dir := t.TempDir()
	fd, _ := c.open(t, h, dir, os.O_RDONLY)
	ev := add(netbsd.EVFILT_VNODE, fd, netbsd.EV_CLEAR)
	ev.Fflags = netbsd.NOTE_WRITE
	must(t, q.Change(c, ev))
	name := filepath.Join(dir, "f")
	for i := range 500 {
		if err := os.WriteFile(name, nil, 0o644); err != nil {
			t.Fatal(err)
		}
		if i%2 == 0 && q.Poll(file.In) != file.In {
			t.Fatalf("round %d: the queue is not ready behind a creation", i)
		}
		if ev := one(t, c, q); ev.Fflags != netbsd.NOTE_WRITE {
			t.Fatalf("round %d: %+v", i, ev)
		}
		os.Remove(name)
		one(t, c, q)
		none(t, c, q)
	}
}

// filt_genfsread: data is the size less the position, which may be below 0, and an event unless it is 0; the
// knote hears of writes (VN_KNOTE of NOTE_WRITE and NOTE_EXTEND) and of a change of size.
func TestReadRegular(t *testing.T) {
	h, c, q := vnodeRig(t)
	name := filepath.Join(t.TempDir(), "f")
	fd, d := c.open(t, h, name, os.O_RDWR|os.O_CREATE)
	must(t, q.Change(c, add(netbsd.EVFILT_READ, fd, 0)))
	grow := func(s string) {
		t.Helper()
		f, err := os.OpenFile(name, os.O_WRONLY|os.O_APPEND, 0)
		if err != nil {
			t.Error(err)
			return
		}
		defer f.Close()
		f.WriteString(s)
	}
	want := func(data int64) {
		t.Helper()
		out := make([]netbsd.Kevent, 2)
		if n, errno := q.Wait(c.L, out, time.Time{}, false); n != 1 || errno != 0 || out[0].Data != data {
			t.Fatalf("%d events, %s: %+v, want data %d", n, errno.Name(), out[:n], data)
		}
	}
	none(t, c, q)
	grow("abc")
	want(3)
	c.read(fd, 3)
	none(t, c, q)
	go grow("de") // while somebody waits
	want(2)
	c.read(fd, 2)
	none(t, c, q)
	if err := os.Truncate(name, 1); err != nil {
		t.Fatal(err)
	}
	want(-4)
	_, errno := d.File.Lseek(0, netbsd.SEEK_SET)
	must(t, errno)
	want(1)
	c.Files.CloseFD(fd)
	none(t, c, q)
}

// What fsnotify does: the directory above is watched, each directory in it by a descriptor of its own, which is
// closed when that is gone. One that is made again is seen as the first was.
func TestVnodeMadeAgain(t *testing.T) {
	h, c, q := vnodeRig(t)
	dir := t.TempDir()
	sub := filepath.Join(dir, "sub")
	const want = netbsd.NOTE_DELETE | netbsd.NOTE_WRITE | netbsd.NOTE_ATTRIB | netbsd.NOTE_RENAME
	watch := func(path string) int {
		fd, _ := c.open(t, h, path, os.O_RDONLY)
		ev := add(netbsd.EVFILT_VNODE, fd, netbsd.EV_CLEAR|netbsd.EV_ENABLE)
		ev.Fflags = want
		must(t, q.Change(c, ev))
		return fd
	}
	// told are the notes of all that is there, by descriptor.
	told := func() map[int]uint32 {
		notes := map[int]uint32{}
		for _, ev := range now(t, c, q) {
			notes[int(ev.Ident)] |= ev.Fflags
		}
		return notes
	}
	above := watch(dir)
	for i := range 50 {
		os.Mkdir(sub, 0o755)
		if n := told(); n[above]&netbsd.NOTE_WRITE == 0 {
			t.Fatalf("round %d: made: %#x", i, n)
		}
		fd := watch(sub)
		os.WriteFile(filepath.Join(sub, "f"), nil, 0o644)
		if n := told(); n[fd]&netbsd.NOTE_WRITE == 0 {
			t.Fatalf("round %d: a file in it: %#x", i, n)
		}
		os.Remove(filepath.Join(sub, "f"))
		if n := told(); n[fd]&netbsd.NOTE_WRITE == 0 {
			t.Fatalf("round %d: no file in it: %#x", i, n)
		}
		os.Remove(sub)
		if n := told(); n[fd]&netbsd.NOTE_DELETE == 0 || n[above]&netbsd.NOTE_WRITE == 0 {
			t.Fatalf("round %d: removed: %#x", i, n)
		}
		if i%2 == 0 { // made again before the old one is let go of
			os.Mkdir(sub, 0o755)
			if n := told(); n[above]&netbsd.NOTE_WRITE == 0 {
				t.Fatalf("round %d: made again: %#x", i, n)
			}
			again := watch(sub)
			c.Files.CloseFD(fd)
			os.Remove(sub)
			if n := told(); n[again]&netbsd.NOTE_DELETE == 0 {
				t.Fatalf("round %d: removed again: %#x", i, n)
			}
			fd = again
		}
		c.Files.CloseFD(fd)
	}
}
