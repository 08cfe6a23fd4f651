package file

import (
	"slices"
	"testing"

	"toaster/netbsd"
)

const noLimit = ^uint64(0)

// counted is a file that counts its closes.
type counted struct {
	Base
	closes  int
	private bool
}

func (c *counted) Close()             { c.closes++ }
func (c *counted) NotInherited() bool { return c.private }

func install(t *testing.T, tab *Table, min int, cloexec bool) (int, *counted) {
	t.Helper()
	f := &counted{}
	fd, errno := tab.Install(New(f, netbsd.O_RDWR), min, noLimit, cloexec)
	if errno != 0 {
		t.Fatal(errno)
	}
	return fd, f
}

func TestTableLowestFirst(t *testing.T) {
	tab := NewTable()
	defer tab.Close()
	for want := range 200 {
		if fd, _ := install(t, tab, 0, false); fd != want {
			t.Fatalf("fd %d, want %d", fd, want)
		}
	}
	for _, fd := range []int{150, 3, 77} {
		tab.CloseFD(fd)
	}
	for _, c := range []struct{ min, want int }{{4, 77}, {0, 3}, {100, 150}, {1000, 1000}, {1000, 1001}, {-0, 200}} {
		if fd, _ := install(t, tab, c.min, false); fd != c.want {
			t.Errorf("min %d: fd %d, want %d", c.min, fd, c.want)
		}
	}
	if h := tab.Highest(); h != 1001 {
		t.Errorf("highest %d", h)
	}
}

func TestTableLimits(t *testing.T) {
	tab := NewTable()
	defer tab.Close()
	install(t, tab, 0, false)
	for _, c := range []struct {
		name string
		got  netbsd.Errno
		want netbsd.Errno
	}{
		{"get negative", errnoOf(tab.Get(-1)), netbsd.EBADF},
		{"get huge", errnoOf(tab.Get(1 << 40)), netbsd.EBADF},
		{"close closed", tab.CloseFD(5), netbsd.EBADF},
		{"dup at the limit", errnoOf(tab.Dup(0, 0, 1, false)), netbsd.EMFILE},
		{"dupfd negative", errnoOf(tab.Dup(0, -1, 10, false)), netbsd.EINVAL},
		{"dupfd beyond the limit", errnoOf(tab.Dup(0, 10, 10, false)), netbsd.EINVAL},
		{"dupfd beyond reason", errnoOf(tab.Dup(0, 1<<31-1, noLimit, false)), netbsd.EMFILE},
		{"dup of closed", errnoOf(tab.Dup(9, 0, 10, false)), netbsd.EBADF},
		{"dup2 negative", tab.Dup2(0, -1, 10, false), netbsd.EBADF},
		{"dup2 beyond the limit", tab.Dup2(0, 10, 10, false), netbsd.EBADF},
		{"dup2 of closed", tab.Dup2(9, 1, 10, false), netbsd.EBADF},
		{"dup2 to itself", tab.Dup2(0, 0, 10, false), 0},
	} {
		if c.got != c.want {
			t.Errorf("%s: %v, want %v", c.name, c.got.Name(), c.want.Name())
		}
	}
}

func errnoOf[T any](_ T, errno netbsd.Errno) netbsd.Errno { return errno }

func TestTableLifecycle(t *testing.T) {
	before := LiveDescriptions()
	tab := NewTable()
	fd, f := install(t, tab, 0, false)
	cx, fx := install(t, tab, 0, true)
	kq := &counted{private: true}
	tab.Install(New(kq, netbsd.O_RDWR), 0, noLimit, false)

	child := tab.Fork(false)
	if got := child.Open(); !slices.Equal(got, []int{fd, cx}) {
		t.Errorf("child has %v", got)
	}
	child.Exec()
	if got := child.Open(); !slices.Equal(got, []int{fd}) {
		t.Errorf("after exec: %v", got)
	}
	if fx.closes != 0 {
		t.Error("closed while the parent has it")
	}
	shared := child.Fork(true)
	child.Close()
	if len(shared.Open()) != 1 {
		t.Error("a sharer's close emptied the table")
	}
	shared.Close()
	if errno := tab.Dup2(fd, cx, noLimit, false); errno != 0 || fx.closes != 1 {
		t.Errorf("dup2: %v, closes %d", errno, fx.closes)
	}
	tab.Close()
	if f.closes != 1 || kq.closes != 1 {
		t.Errorf("closes %d %d", f.closes, kq.closes)
	}
	if n := LiveDescriptions() - before; n != 0 {
		t.Errorf("%d descriptions leaked", n)
	}
}

type note struct{ told int }

func (n *note) FDClosed() { n.told++ }

func TestTableKnotes(t *testing.T) {
	tab := NewTable()
	defer tab.Close()
	fd, _ := install(t, tab, 0, false)
	d, _ := tab.Get(fd)
	defer d.Release()
	var a, b note
	tab.Attach(fd, d, &a)
	tab.Attach(fd, d, &b)
	tab.Detach(fd, &b)
	dup, _ := tab.Dup(fd, 0, noLimit, false)
	tab.CloseFD(dup)
	if a.told != 0 {
		t.Error("the close of a duplicate was told")
	}
	tab.CloseFD(fd)
	if a.told != 1 || b.told != 0 {
		t.Errorf("told %d %d", a.told, b.told)
	}
	if errno := tab.Attach(fd, d, &a); errno != netbsd.EBADF {
		t.Error(errno)
	}
}
