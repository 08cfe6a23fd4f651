package sysv

import (
	"testing"

	"toaster/kern"
	"toaster/netbsd"
)

type noMemory struct{}

func (noMemory) Free() {}

// shmexit: of what a child has from its parent, and neither has changed since, nothing is said to be detached when it ends; shm_dtime tells of
// it where shmmap_getprivate has come in between.
func TestDetachTimeOfChildren(t *testing.T) {
	i := New(Config{PhysMem: 1 << 30, NewMemory: func(uint64) (Memory, netbsd.Errno) { return noMemory{}, 0 }})
	defer i.Close()
	m := kern.New(kern.Config{})
	defer m.Close()
	c := Caller{P: m.Init(), Cred: m.Init().Cred()}
	id, errno := i.Shm.Get(c, 0, 100, 0o600)
	if errno != 0 {
		t.Fatal(errno)
	}
	attach := func(to *Map) {
		a, _, errno := i.Shm.Attach(c, to, id, 0, 0)
		if errno != 0 {
			t.Fatal(errno)
		}
		i.Shm.Attached(a, 0x1000)
	}
	stat := func(when string, attached uint32, detached bool) {
		t.Helper()
		ds, errno := i.Shm.Stat(c, id)
		if errno != 0 || ds.Nattch != attached || (ds.Dtime != 0) != detached {
			t.Errorf("%s: %d attached, shm_dtime is %d, %v", when, ds.Nattch, ds.Dtime, errno)
		}
	}
	var parent, child, other Map
	attach(&parent)
	i.Shm.Fork(&parent, &child)
	stat("a child", 2, false)
	i.Shm.Exit(&child)
	stat("it ends", 1, false)
	i.Shm.Fork(&parent, &other)
	attach(&other)
	i.Shm.Exit(&other)
	stat("one that has attached more ends", 1, true)
	i.Shm.Exit(&parent)
	stat("the parent ends", 0, true)
}
