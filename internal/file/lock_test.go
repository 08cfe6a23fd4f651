package file

import (
	"testing"

	"toaster/internal/filetest"
	"toaster/netbsd"
)

// plain is a regular file, as far as locks look: an inode, a size, a position.
type plain struct {
	Base
	st  Stat
	pos int64
}

func (f *plain) Stat() (Stat, netbsd.Errno)                   { return f.st, 0 }
func (f *plain) Lseek(off int64, _ int) (int64, netbsd.Errno) { return f.pos + off, 0 }

// openPlain opens the file of an inode, at the end of its 100 bytes.
func openPlain(ino uint64) *Description {
	st := Stat{Dev: 1, Ino: ino, Mode: netbsd.S_IFREG | 0o644, Size: 100}
	return New(&plain{st: st, pos: st.Size}, netbsd.O_RDWR)
}

// openByTwo returns an open file, and the tables of two processes of one machine that have it. They are closed when the test ends.
func openByTwo(t *testing.T) (d *Description, a, b *Table) {
	m := NewMachine(MachineConfig{})
	d, a, b = openPlain(7), m.NewTable(), m.NewTable()
	t.Cleanup(func() {
		b.Close()
		a.Close()
		d.Release()
	})
	return d, a, b
}

func TestRecordLocks(t *testing.T) {
	d, a, b := openByTwo(t)
	lock := func(tab *Table, typ int16, whence int16, start, n int64) netbsd.Errno {
		return d.SetLock(nil, tab, netbsd.Flock{Type: typ, Whence: whence, Start: start, Len: n, Pid: 7}, false)
	}
	for i, c := range []struct {
		tab      *Table
		typ      int16
		whence   int16
		start, n int64
		want     netbsd.Errno
	}{
		{a, netbsd.F_WRLCK, 0, 10, 10, 0},
		{b, netbsd.F_RDLCK, 0, 0, 10, 0},
		{b, netbsd.F_RDLCK, 0, 0, 11, netbsd.EAGAIN},
		{b, netbsd.F_WRLCK, 0, 20, 0, 0},
		{a, netbsd.F_RDLCK, netbsd.SEEK_END, 0, 1, netbsd.EAGAIN},
		{a, netbsd.F_UNLCK, 0, 14, 2, 0},
		{b, netbsd.F_WRLCK, 0, 14, 2, 0},
		{b, netbsd.F_WRLCK, 0, 13, 1, netbsd.EAGAIN},
		{a, netbsd.F_RDLCK, 0, 5, -6, netbsd.EINVAL},
		{a, netbsd.F_RDLCK, 0, 5, -5, 0},
		{a, netbsd.F_RDLCK, 0, -1, 0, netbsd.EINVAL},
		{a, netbsd.F_RDLCK, 9, 0, 0, netbsd.EINVAL},
		{a, 9, 0, 0, 0, netbsd.EINVAL},
		{a, netbsd.F_RDLCK, netbsd.SEEK_CUR, 1<<63 - 1, 1<<63 - 1, netbsd.EINVAL},
		{a, netbsd.F_RDLCK, 0, 2, 1<<63 - 1, netbsd.EINVAL},
	} {
		if got := lock(c.tab, c.typ, c.whence, c.start, c.n); got != c.want {
			t.Errorf("%d: %s, want %s", i, got.Name(), c.want.Name())
		}
	}
	got, errno := d.GetLock(a, netbsd.Flock{Type: netbsd.F_WRLCK, Start: 14, Len: 50})
	if errno != 0 || got.Type != netbsd.F_WRLCK || got.Start != 14 || got.Len != 2 || got.Pid != 7 {
		t.Errorf("%+v %v", got, errno)
	}
	// Closing any descriptor of the file drops b's locks.
	other := openPlain(7)
	fd, _ := b.Install(other, 0, noLimit, 0)
	b.CloseFD(fd)
	if errno := lock(a, netbsd.F_WRLCK, 0, 0, 0); errno != 0 {
		t.Error(errno)
	}
	a.unlockClosed(d)
	if left := a.machine.records.files; len(left) != 0 || a.records.Load() != 0 || b.records.Load() != 0 {
		t.Errorf("left: %v", left)
	}
}

func TestRecordLockWait(t *testing.T) {
	d, a, b := openByTwo(t)
	w := netbsd.Flock{Type: netbsd.F_WRLCK, Len: 1}
	w2 := netbsd.Flock{Type: netbsd.F_WRLCK, Start: 1, Len: 1}
	d.SetLock(nil, a, w, false)
	d.SetLock(nil, b, w2, false)
	l := filetest.NewSleeper()
	l.Asleep = make(chan struct{}, 10)
	done := make(chan netbsd.Errno)
	go func() { done <- d.SetLock(l, b, w, true) }()
	<-l.Asleep
	if errno := d.SetLock(filetest.NewSleeper(), a, w2, true); errno != netbsd.EDEADLK {
		t.Error(errno)
	}
	w.Type = netbsd.F_UNLCK
	d.SetLock(nil, a, w, false)
	if errno := <-done; errno != 0 {
		t.Error(errno)
	}
	b.unlockClosed(d)
}

// multi is an LWP of a process that has others.
type multi struct{ *filetest.Sleeper }

func (multi) Alone() bool { return false }

// lf_setlock: EDEADLK is for processes with one LWP each, as another LWP of one that waits may still let go.
func TestNoDeadlockAmongLWPs(t *testing.T) {
	d, a, b := openByTwo(t)
	first, second := netbsd.Flock{Type: netbsd.F_WRLCK, Len: 1}, netbsd.Flock{Type: netbsd.F_WRLCK, Start: 1, Len: 1}
	d.SetLock(nil, a, first, false)
	d.SetLock(nil, b, second, false)
	l, other := multi{filetest.NewSleeper()}, filetest.NewSleeper()
	l.Asleep, other.Asleep = make(chan struct{}, 8), make(chan struct{}, 8)
	done := make(chan netbsd.Errno)
	go func() { done <- d.SetLock(l, b, first, true) }()
	<-l.Asleep
	go func() { done <- d.SetLock(other, a, second, true) }()
	<-other.Asleep // and is not told that it is in vain: another LWP of b's lets go
	d.SetLock(nil, b, netbsd.Flock{Type: netbsd.F_UNLCK, Start: 1, Len: 1}, false)
	if errno := <-done; errno != 0 {
		t.Error(errno)
	}
	d.SetLock(nil, a, netbsd.Flock{Type: netbsd.F_UNLCK, Len: 1}, false)
	if errno := <-done; errno != 0 {
		t.Error(errno)
	}
	a.unlockClosed(d)
	b.unlockClosed(d)
}

// do_fcntl_lock looks at what the file is open for before lf_advlock looks at the range. F_GETLK takes F_UNLCK for a question, as
// F_RDLCK is one (lf_getblock), and changes nothing but the kind where nobody is in the way (lf_getlock); the pid is the asker's.
func TestGetLock(t *testing.T) {
	d, a, b := openByTwo(t)
	ask := netbsd.Flock{Type: netbsd.F_UNLCK, Pid: 77}
	if got, errno := d.GetLock(a, ask); errno != 0 || got != ask {
		t.Errorf("%+v %v", got, errno)
	}
	must := func(typ int16) {
		t.Helper()
		if errno := d.SetLock(nil, b, netbsd.Flock{Type: typ, Start: 3, Len: 2, Pid: 5}, false); errno != 0 {
			t.Fatal(errno)
		}
	}
	must(netbsd.F_RDLCK)
	if got, errno := d.GetLock(a, ask); errno != 0 || got != ask {
		t.Errorf("a lock to read: %+v %v", got, errno)
	}
	must(netbsd.F_WRLCK)
	want := netbsd.Flock{Type: netbsd.F_WRLCK, Start: 3, Len: 2, Pid: 5}
	if got, errno := d.GetLock(a, ask); errno != 0 || got != want {
		t.Errorf("a lock to write: %+v %v", got, errno)
	}
	b.unlockClosed(d)
}

// Record locks are a machine's own, as each kernel's are: fcntl(2) of another machine on the
// same file finds none.
func TestLocksOfAnotherMachine(t *testing.T) {
	ours, other := NewMachine(MachineConfig{}), NewMachine(MachineConfig{})
	a, b := ours.NewTable(), other.NewTable()
	defer a.Close()
	defer b.Close()
	d, e := openPlain(7), openPlain(7)
	defer d.Release()
	defer e.Release()
	all := netbsd.Flock{Type: netbsd.F_WRLCK}
	if errno := d.SetLock(nil, a, all, false); errno != 0 {
		t.Fatal(errno)
	}
	if got, errno := e.GetLock(b, all); errno != 0 || got.Type != netbsd.F_UNLCK {
		t.Errorf("%+v %v, want no lock in the way", got, errno)
	}
	if errno := e.SetLock(nil, b, all, false); errno != 0 {
		t.Error(errno)
	}
	b.unlockClosed(e)
	if len(other.records.files) != 0 || len(ours.records.files) != 1 {
		t.Errorf("left: %v and %v", ours.records.files, other.records.files)
	}
	a.unlockClosed(d)
}

// A read lock in place of the process's own write lock lets those in who wait to read (lf_setlock wakes them).
func TestRecordLockDowngrade(t *testing.T) {
	d, a, b := openByTwo(t)
	d.SetLock(nil, a, netbsd.Flock{Type: netbsd.F_WRLCK}, false)
	l := filetest.NewSleeper()
	l.Asleep = make(chan struct{}, 10)
	done := make(chan netbsd.Errno, 1)
	go func() { done <- d.SetLock(l, b, netbsd.Flock{Type: netbsd.F_RDLCK}, true) }()
	<-l.Asleep
	d.SetLock(nil, a, netbsd.Flock{Type: netbsd.F_RDLCK}, false)
	if errno := <-done; errno != 0 {
		t.Error(errno)
	}
}

// A lock that is taken while another LWP closes the descriptor goes with the process at the latest (exit1 closes what fcntl(2) has locked).
func TestRecordLockOfAClosedFile(t *testing.T) {
	m := NewMachine(MachineConfig{})
	a, b := m.NewTable(), m.NewTable()
	defer b.Close()
	fd, _ := a.Install(openPlain(7), 0, noLimit, 0)
	d, _ := a.Get(fd)
	defer d.Release()
	a.CloseFD(fd)
	all := netbsd.Flock{Type: netbsd.F_WRLCK}
	if errno := d.SetLock(nil, a, all, false); errno != 0 {
		t.Fatal(errno)
	}
	a.Close()
	if errno := d.SetLock(nil, b, all, false); errno != 0 {
		t.Errorf("a lock of a process that is gone is in the way: %s", errno.Name())
	}
	b.unlockClosed(d)
}
