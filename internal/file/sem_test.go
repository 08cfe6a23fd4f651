package file

import (
	"testing"
	"time"

	"toaster/netbsd"
)

// A napper is an LWP whose sleep calls the function, as if somebody else ran meanwhile.
type napper func() netbsd.Errno

func (n napper) Sleep(bool, time.Time) netbsd.Errno { return n() }
func (n napper) Wake()                              {}

// sys__ksem_destroy: EBUSY for a semaphore that is waited for. A wait that a signal ends counts no
// longer, and what is posted goes to whom is there.
func TestSemBusy(t *testing.T) {
	sems := NewMachine(MachineConfig{}).Sems()
	k, errno := sems.Create(SemUser{}, 0)
	if errno != 0 {
		t.Fatal(errno)
	}
	d := k.File()
	defer d.Release()
	busy := func() {
		t.Helper()
		if _, errno := k.Destroy(nil); errno != netbsd.EBUSY {
			t.Errorf("destroyed while somebody waits: %s", errno.Name())
		}
	}
	if errno := k.Wait(napper(func() netbsd.Errno { busy(); return netbsd.EINTR }), time.Time{}); errno != netbsd.EINTR {
		t.Errorf("interrupted: %s", errno.Name())
	}
	if errno := k.Wait(napper(func() netbsd.Errno { busy(); return k.Post() }), time.Time{}); errno != 0 {
		t.Errorf("posted: %s", errno.Name())
	}
	if _, errno := k.Destroy(nil); errno != 0 {
		t.Errorf("nobody waits: %s", errno.Name())
	}
}

// ksem_release: what nobody has open, and no name leads to, is gone and counts no more.
func TestSemCount(t *testing.T) {
	sems := NewMachine(MachineConfig{}).Sems()
	u := SemUser{Root: true}
	count := func(what string, want int) {
		t.Helper()
		if n := sems.Of(u.UID); n != want {
			t.Errorf("%s: %d semaphores, want %d", what, n, want)
		}
	}
	k, _ := sems.Create(u, 0)
	id := k.Share(nil)
	d := k.File()
	count("made", 1)
	d.Release()
	count("closed", 0)
	if sems.Shared(id) != nil {
		t.Error("there still is one with the id of one that is gone")
	}
	d, errno := sems.Open(u, "/s", netbsd.O_CREAT, 0, 0)
	if errno != 0 {
		t.Fatal(errno)
	}
	d.Release()
	count("a name keeps it", 1)
	if errno := sems.Unlink(u, "/s"); errno != 0 {
		t.Fatal(errno)
	}
	count("unlinked", 0)
}

// do_fcntl_lock: EINVAL for what has no fo_advlock, as an open semaphore (semops of uipc_sem.c). All of them would otherwise be one file.
func TestSemHasNoRecordLocks(t *testing.T) {
	m := NewMachine(MachineConfig{})
	k, _ := m.Sems().Create(SemUser{}, 0)
	d, tab := k.File(), m.NewTable()
	defer d.Release()
	defer tab.Close()
	if errno := d.SetLock(nil, tab, netbsd.Flock{Type: netbsd.F_WRLCK}, false); errno != netbsd.EINVAL {
		t.Errorf("F_SETLK: %s", errno.Name())
	}
	if _, errno := d.GetLock(tab, netbsd.Flock{Type: netbsd.F_WRLCK}); errno != netbsd.EINVAL {
		t.Errorf("F_GETLK: %s", errno.Name())
	}
}
