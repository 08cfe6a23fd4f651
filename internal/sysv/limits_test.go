package sysv

import (
	"testing"

	"toaster/kern"
	"toaster/netbsd"
)

var superuser = Caller{Cred: kern.UserCred(0, 0)}

// What the superuser makes of the tables' sizes (msgrealloc, semrealloc, shmrealloc): EINVAL for none, EBUSY for less than what is
// used, and ENOMEM for more than the machine keeps of any.
func TestLimits(t *testing.T) {
	m, s, sh := &Messages{}, &Semaphores{}, &Shared{max: 1 << 30}
	for range 3 {
		if _, errno := m.Get(superuser, netbsd.IPC_PRIVATE, 0o600); errno != 0 {
			t.Fatal(errno)
		}
		if _, errno := s.Get(superuser, netbsd.IPC_PRIVATE, 2, 0o600); errno != 0 {
			t.Fatal(errno)
		}
	}
	for _, c := range []struct {
		name string
		set  func(int) netbsd.Errno
		used int
		most int
	}{
		{"msgmni", m.SetQueues, 3, mostQueues},
		{"msgseg", m.SetSegments, 1, mostSegments},
		{"semmni", s.SetSets, 3, mostSets},
		{"semmns", s.SetSems, 6, mostSems},
		{"semmnu", s.SetUndos, 1, mostUndoers},
		{"shmmni", sh.SetSegments, 1, mostShared},
	} {
		for n, want := range map[int]netbsd.Errno{-1: netbsd.EINVAL, 0: netbsd.EINVAL, c.most + 1: netbsd.ENOMEM, c.most: 0} {
			if errno := c.set(n); errno != want {
				t.Errorf("%s %d: %v, want %v", c.name, n, errno, want)
			}
		}
		if c.used > 1 {
			if errno := c.set(c.used - 1); errno != netbsd.EBUSY {
				t.Errorf("%s %d: %v, want EBUSY", c.name, c.used-1, errno)
			}
		}
		if errno := c.set(c.used); errno != 0 {
			t.Errorf("%s %d: %v", c.name, c.used, errno)
		}
	}
	if _, errno := m.Get(superuser, netbsd.IPC_PRIVATE, 0o600); errno != netbsd.ENOSPC {
		t.Errorf("another queue: %v, want ENOSPC", errno)
	}
	if _, errno := s.Get(superuser, netbsd.IPC_PRIVATE, 1, 0o600); errno != netbsd.ENOSPC {
		t.Errorf("another set: %v, want ENOSPC", errno)
	}
}

// kern.ipc.shmmax is in whole pages, and more than there is memory for is told and not had (sysctl_ipc_shmmax).
func TestShmmax(t *testing.T) {
	s := &Shared{max: 4 * netbsd.PageSize}
	if errno := s.SetMax(netbsd.PageSize - 1); errno != netbsd.EINVAL {
		t.Errorf("less than a page: %v", errno)
	}
	if errno := s.SetMax(1 << 40); errno != 0 {
		t.Error(errno)
	}
	if size, _, _ := s.Limits(); size != 1<<40 {
		t.Errorf("shmmax %#x", size)
	}
	if _, errno := s.Get(superuser, netbsd.IPC_PRIVATE, 5*netbsd.PageSize, 0o600); errno != netbsd.EINVAL {
		t.Errorf("a segment of more than there is: %v", errno)
	}
}
