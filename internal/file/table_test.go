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

func install(t *testing.T, tab *Table, min int, flags FDFlags) (int, *counted) {
	t.Helper()
	f := &counted{}
	fd, errno := tab.Install(New(f, netbsd.O_RDWR), min, noLimit, flags)
	if errno != 0 {
		t.Fatal(errno)
	}
	return fd, f
}

func TestTableLowestFirst(t *testing.T) {
	tab := NewTable()
	defer tab.Close()
	for want := range 200 {
		if fd, _ := install(t, tab, 0, 0); fd != want {
			t.Fatalf("fd %d, want %d", fd, want)
		}
	}
	for _, fd := range []int{150, 3, 77} {
		tab.CloseFD(fd)
	}
	for _, c := range []struct{ min, want int }{{4, 77}, {0, 3}, {100, 150}, {1000, 1000}, {1000, 1001}, {-0, 200}} {
		if fd, _ := install(t, tab, c.min, 0); fd != c.want {
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
	install(t, tab, 0, 0)
	for _, c := range []struct {
		name string
		got  netbsd.Errno
		want netbsd.Errno
	}{
		{"get negative", errnoOf(tab.Get(-1)), netbsd.EBADF},
		{"get huge", errnoOf(tab.Get(1 << 40)), netbsd.EBADF},
		{"close closed", tab.CloseFD(5), netbsd.EBADF},
		{"dup at the limit", errnoOf(tab.Dup(0, 0, 1, 0)), netbsd.EMFILE},
		{"dupfd negative", errnoOf(tab.Dup(0, -1, 10, 0)), netbsd.EINVAL},
		{"dupfd beyond the limit", errnoOf(tab.Dup(0, 10, 10, 0)), netbsd.EINVAL},
		{"dupfd beyond reason", errnoOf(tab.Dup(0, 1<<31-1, noLimit, 0)), netbsd.EMFILE},
		{"dup of closed", errnoOf(tab.Dup(9, 0, 10, 0)), netbsd.EBADF},
		{"dup2 negative", tab.Dup2(0, -1, 10, 0), netbsd.EBADF},
		{"dup2 beyond the limit", tab.Dup2(0, 10, 10, 0), netbsd.EBADF},
		{"dup2 of closed", tab.Dup2(9, 1, 10, 0), netbsd.EBADF},
		{"dup2 to itself", tab.Dup2(0, 0, 10, 0), 0},
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
	fd, f := install(t, tab, 0, 0)
	cx, fx := install(t, tab, 0, CloseOnExec)
	kq := &counted{private: true}
	tab.Install(New(kq, netbsd.O_RDWR), 0, noLimit, 0)

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
	if errno := tab.Dup2(fd, cx, noLimit, 0); errno != 0 || fx.closes != 1 {
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

// inOrder notes when it is closed.
type inOrder struct {
	Base
	name   string
	closed *string
}

func (f *inOrder) Close() { *f.closed += f.name }

// F_CLOSEM closes the highest descriptor again and again (sys_fcntl), the end of the process from the lowest on (fd_free).
func TestTableOrderOfCloses(t *testing.T) {
	closed := ""
	tab := NewTable()
	for _, name := range []string{"a", "b", "c", "d", "e"} {
		tab.Install(New(&inOrder{name: name, closed: &closed}, netbsd.O_RDWR), 0, noLimit, 0)
	}
	tab.CloseFrom(2)
	tab.Close()
	if closed != "edcab" {
		t.Errorf("closed in the order %s", closed)
	}
}

type note struct{ told int }

func (n *note) FDClosed() { n.told++ }

func TestTableKnotes(t *testing.T) {
	tab := NewTable()
	defer tab.Close()
	fd, _ := install(t, tab, 0, 0)
	d, _ := tab.Get(fd)
	defer d.Release()
	var a, b note
	tab.Attach(fd, d, &a)
	tab.Attach(fd, d, &b)
	tab.Detach(fd, &b)
	dup, _ := tab.Dup(fd, 0, noLimit, 0)
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

// fd_copy of NetBSD 11's kern_descrip.c leaves a close-on-fork descriptor out of the copy; fd_closeexec clears the flag of those that
// stay; dodup makes no difference where from is to. sys___clone asks fd_foclose, which only an exec clears.
func TestTableCloseOnFork(t *testing.T) {
	tab := NewTable()
	defer tab.Close()
	install(t, tab, 0, 0)
	fork, f := install(t, tab, 0, CloseOnFork)
	both, _ := install(t, tab, 0, CloseOnFork|CloseOnExec)
	child := tab.Fork(false)
	if got := child.Open(); !slices.Equal(got, []int{0}) || f.closes != 0 {
		t.Errorf("the child has %v; %d closed", got, f.closes)
	}
	if fd, _ := install(t, child, 0, 0); fd != fork {
		t.Errorf("the child's next descriptor is %d, want %d", fd, fork)
	}
	if child.ClosesOnFork() || !tab.ClosesOnFork() {
		t.Error("fd_foclose of the child, the parent:", child.ClosesOnFork(), tab.ClosesOnFork())
	}
	child.Close()
	shared := tab.Fork(true)
	if got := shared.Open(); !slices.Equal(got, []int{0, fork, both}) {
		t.Errorf("who shares the table has %v", got)
	}
	shared.Close()
	tab.Exec()
	if flags, errno := tab.FDFlags(fork); flags != 0 || errno != 0 {
		t.Errorf("after an exec: %d, %s", flags, errno.Name())
	}
	if got := tab.Open(); !slices.Equal(got, []int{0, fork}) || tab.ClosesOnFork() {
		t.Errorf("after an exec: %v, fd_foclose %v", got, tab.ClosesOnFork())
	}
	tab.SetFDFlags(fork, CloseOnFork, CloseOnFork|CloseOnExec)
	tab.SetFDFlags(fork, CloseOnExec, CloseOnExec) // FIOCLEX of ioctl(2)
	if flags, _ := tab.FDFlags(fork); flags != CloseOnFork|CloseOnExec {
		t.Errorf("flags %d", flags)
	}
	tab.Dup2(fork, fork, noLimit, 0)
	tab.Dup2(fork, 7, noLimit, 0)
	a, _ := tab.FDFlags(fork)
	b, _ := tab.FDFlags(7)
	if a != CloseOnFork|CloseOnExec || b != 0 {
		t.Errorf("of what was duplicated %d, of the duplicate %d", a, b)
	}
	tab.SetFDFlags(fork, 0, CloseOnFork|CloseOnExec)
	if !tab.ClosesOnFork() {
		t.Error("fd_foclose goes without an exec")
	}
}
