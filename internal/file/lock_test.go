package file

import (
	"os"
	"path/filepath"
	"testing"

	"toaster/netbsd"
)

func openTemp(t *testing.T, name string) *Description {
	t.Helper()
	f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	// A description of its own, as open(2) makes it.
	d, errno := Inherit(int(f.Fd()))
	if errno != 0 {
		t.Fatal(errno)
	}
	return d
}

func TestRecordLocks(t *testing.T) {
	name := filepath.Join(t.TempDir(), "f")
	d := openTemp(t, name)
	defer d.Release()
	d.Write(nil, make([]byte, 100))
	m := NewMachine(MachineConfig{})
	defer m.Close()
	a, b := m.NewTable(), m.NewTable()
	defer a.Close()
	defer b.Close()
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
		{a, netbsd.F_RDLCK, netbsd.SEEK_CUR, 1<<63 - 1, 1<<63 - 1, netbsd.EAGAIN},
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
	other := openTemp(t, name)
	fd, _ := b.Install(other, 0, noLimit, false)
	b.CloseFD(fd)
	if errno := lock(a, netbsd.F_WRLCK, 0, 0, 0); errno != 0 {
		t.Error(errno)
	}
	a.unlockClosed(d)
	if len(m.records.files) != 0 || a.records.Load() != 0 || b.records.Load() != 0 {
		t.Errorf("left: %v", m.records.files)
	}
}

func TestRecordLockWait(t *testing.T) {
	name := filepath.Join(t.TempDir(), "f")
	d := openTemp(t, name)
	defer d.Release()
	m := NewMachine(MachineConfig{})
	defer m.Close()
	a, b := m.NewTable(), m.NewTable()
	defer a.Close()
	defer b.Close()
	w := netbsd.Flock{Type: netbsd.F_WRLCK, Len: 1}
	w2 := netbsd.Flock{Type: netbsd.F_WRLCK, Start: 1, Len: 1}
	d.SetLock(nil, a, w, false)
	d.SetLock(nil, b, w2, false)
	l := newSleeper()
	l.asleep = make(chan struct{}, 10)
	done := make(chan netbsd.Errno)
	go func() { done <- d.SetLock(l, b, w, true) }()
	<-l.asleep
	if errno := d.SetLock(newSleeper(), a, w2, true); errno != netbsd.EDEADLK {
		t.Error(errno)
	}
	w.Type = netbsd.F_UNLCK
	d.SetLock(nil, a, w, false)
	if errno := <-done; errno != 0 {
		t.Error(errno)
	}
	b.unlockClosed(d)
}

func TestFlock(t *testing.T) {
	name := filepath.Join(t.TempDir(), "f")
	os.WriteFile(name, nil, 0o644)
	m := NewMachine(MachineConfig{})
	defer m.Close()
	a, b := openTemp(t, name), openTemp(t, name)
	defer b.Release()
	if errno := a.Flock(m, nil, netbsd.LOCK_EX, false); errno != 0 {
		t.Fatal(errno)
	}
	if errno := b.Flock(m, nil, netbsd.LOCK_SH, true); errno != netbsd.EAGAIN {
		t.Error(errno)
	}
	if errno := b.Flock(m, nil, 3, true); errno != netbsd.EINVAL {
		t.Error(errno)
	}
	l := newSleeper()
	l.asleep = make(chan struct{}, 10000)
	done := make(chan netbsd.Errno)
	go func() { done <- b.Flock(m, l, netbsd.LOCK_EX, false) }()
	<-l.asleep
	a.Release()
	if errno := <-done; errno != 0 {
		t.Error(errno)
	}
}

// Record locks are a machine's own, as each kernel's are: fcntl(2) of another machine on the
// same file finds none. flock(2) is the host's, and holds between machines.
func TestLocksOfAnotherMachine(t *testing.T) {
	name := filepath.Join(t.TempDir(), "f")
	ours, other := NewMachine(MachineConfig{}), NewMachine(MachineConfig{})
	defer ours.Close()
	defer other.Close()
	a, b := ours.NewTable(), other.NewTable()
	defer a.Close()
	defer b.Close()
	d, e := openTemp(t, name), openTemp(t, name)
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
	if errno := d.Flock(ours, nil, netbsd.LOCK_EX, true); errno != 0 {
		t.Fatal(errno)
	}
	if errno := e.Flock(other, nil, netbsd.LOCK_SH, true); errno != netbsd.EAGAIN {
		t.Errorf("%v, want %v", errno, netbsd.EAGAIN)
	}
}
