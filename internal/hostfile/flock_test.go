package hostfile

import (
	"os"
	"path/filepath"
	"testing"

	"toaster/internal/file"
	"toaster/internal/filetest"
	"toaster/netbsd"
)

func openTemp(t *testing.T, h *Host, name string) *file.Description {
	t.Helper()
	f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	// A description of its own, as open(2) makes it.
	d, errno := h.Inherit(int(f.Fd()))
	if errno != 0 {
		t.Fatal(errno)
	}
	return d
}

func TestFlock(t *testing.T) {
	h := newHost(t)
	name := filepath.Join(t.TempDir(), "f")
	os.WriteFile(name, nil, 0o644)
	m := file.NewMachine(file.MachineConfig{})
	a, b := openTemp(t, h, name), openTemp(t, h, name)
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
	l := filetest.NewSleeper()
	l.Asleep = make(chan struct{}, 10000)
	done := make(chan netbsd.Errno)
	go func() { done <- b.Flock(m, l, netbsd.LOCK_EX, false) }()
	<-l.Asleep
	a.Release()
	if errno := <-done; errno != 0 {
		t.Error(errno)
	}
}

// flock(2) is the host's, and holds between machines.
func TestFlockOfAnotherMachine(t *testing.T) {
	name := filepath.Join(t.TempDir(), "f")
	kept, other := file.NewMachine(file.MachineConfig{}), file.NewMachine(file.MachineConfig{})
	d, e := openTemp(t, newHost(t), name), openTemp(t, newHost(t), name)
	defer d.Release()
	defer e.Release()
	if errno := d.Flock(kept, nil, netbsd.LOCK_EX, true); errno != 0 {
		t.Fatal(errno)
	}
	if errno := e.Flock(other, nil, netbsd.LOCK_SH, true); errno != netbsd.EAGAIN {
		t.Errorf("%v, want %v", errno, netbsd.EAGAIN)
	}
}

// lf_setlock: a shared lock that cannot become exclusive at once is kept. It is gone where the caller waits for that.
func TestFlockUpgradeKeepsShared(t *testing.T) {
	const sh, ex, un = netbsd.LOCK_SH, netbsd.LOCK_EX, netbsd.LOCK_UN
	h, m := newHost(t), file.NewMachine(file.MachineConfig{})
	name := filepath.Join(t.TempDir(), "f")
	fs := []*file.Description{openTemp(t, h, name), openTemp(t, h, name), openTemp(t, h, name)}
	for _, d := range fs {
		defer d.Release()
	}
	interrupted := filetest.NewSleeper()
	for i, c := range []struct {
		f, kind int
		wait    bool
		want    netbsd.Errno
	}{
		{0, sh, false, 0}, {1, sh, false, 0}, {0, ex, false, netbsd.EAGAIN}, {1, ex, false, netbsd.EAGAIN},
		{1, un, false, 0}, {2, ex, false, netbsd.EAGAIN}, {0, ex, false, 0}, {2, sh, false, netbsd.EAGAIN},
		{0, sh, false, 0}, {1, sh, false, 0}, {0, ex, true, netbsd.EINTR}, {1, un, false, 0}, {2, ex, false, 0},
	} {
		if c.wait {
			interrupted.Signal <- netbsd.EINTR
		}
		if errno := fs[c.f].Flock(m, interrupted, c.kind, !c.wait); errno != c.want {
			t.Fatalf("%d: %s, want %s", i, errno.Name(), c.want.Name())
		}
	}
}

// lf_advlock: a lock of fcntl(2) is in the way of flock(2), and the host, which knows none of it, is left with what the open file had:
// other machines see no more.
func TestFlockAndRecordLocks(t *testing.T) {
	h, m := newHost(t), file.NewMachine(file.MachineConfig{})
	name := filepath.Join(t.TempDir(), "f")
	d, e := openTemp(t, h, name), openTemp(t, h, name)
	defer d.Release()
	defer e.Release()
	outside := openTemp(t, newHost(t), name)
	defer outside.Release()
	other := file.NewMachine(file.MachineConfig{})
	tab := m.NewTable()
	defer tab.Close()
	record := func(typ int16, want netbsd.Errno) {
		t.Helper()
		if errno := d.SetLock(nil, tab, netbsd.Flock{Type: typ}, false); errno != want {
			t.Errorf("fcntl(2): %s, want %s", errno.Name(), want.Name())
		}
	}
	flock := func(d *file.Description, m *file.Machine, kind int, want netbsd.Errno) {
		t.Helper()
		if errno := d.Flock(m, nil, kind, true); errno != want {
			t.Errorf("flock(2): %s, want %s", errno.Name(), want.Name())
		}
	}
	record(netbsd.F_RDLCK, 0)
	flock(e, m, netbsd.LOCK_SH, 0)
	flock(e, m, netbsd.LOCK_EX, netbsd.EAGAIN)
	flock(outside, other, netbsd.LOCK_SH, 0)
	flock(outside, other, netbsd.LOCK_UN, 0)
	flock(outside, other, netbsd.LOCK_EX, netbsd.EAGAIN)
	flock(e, m, netbsd.LOCK_UN, 0)
	record(netbsd.F_WRLCK, 0)
	flock(e, m, netbsd.LOCK_SH, netbsd.EAGAIN)
	flock(outside, other, netbsd.LOCK_EX, 0)
	record(netbsd.F_UNLCK, 0)
	flock(e, m, netbsd.LOCK_SH, netbsd.EAGAIN)
	record(netbsd.F_WRLCK, 0) // the list has nothing of a lock that the host has refused
}
