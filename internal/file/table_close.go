package file

import (
	"slices"

	"toaster/netbsd"
)

// CloseFD is close(2). The file itself closes with its last reference, which a
// call in flight in another LWP may still hold.
func (t *Table) CloseFD(fd int) netbsd.Errno {
	s, errno := t.take(fd)
	if errno == 0 {
		t.drop(s)
	}
	return errno
}

// take empties a slot.
func (t *Table) take(fd int) (slot, netbsd.Errno) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.slotLocked(fd) == nil {
		return slot{}, netbsd.EBADF
	}
	return t.clearLocked(fd), 0
}

// CloseFrom is F_CLOSEM of fcntl(2): every descriptor at or above from, the highest first.
func (t *Table) CloseFrom(from int) {
	for _, fd := range slices.Backward(t.Open()) {
		if fd >= from {
			t.CloseFD(fd)
		}
	}
}

// drop lets go of what a slot held: first the knotes hear of it, which look at the file
// once more, then locks go, then sleepers of this table look up their descriptor again, at
// last the reference goes. POSIX locks go at the first close of any descriptor of the
// file, as fcntl(2) says. It may block in the file's Close.
func (t *Table) drop(s slot) {
	for k := range s.knotes {
		k.FDClosed()
	}
	t.unlockClosed(s.d)
	if r, ok := s.d.File.(restarter); ok && s.d.refs.Load() > 1 {
		r.Restart(t)
	}
	s.d.Release()
}

// Close is called when a process that uses the table exits; the last one
// closes every file. It may block.
func (t *Table) Close() {
	t.mu.Lock()
	t.refs--
	last := t.refs == 0
	t.mu.Unlock()
	if last {
		for _, fd := range t.Open() { // the lowest first, by fd_free
			t.CloseFD(fd)
		}
		t.machine.records.leave(t)
	}
}

// Exec closes what is CloseOnExec; what was CloseOnFork no longer is (fd_closeexec). A shared table is the caller's
// matter: execve(2) unshares first.
func (t *Table) Exec() {
	for _, s := range t.takeCloexec() {
		t.drop(s)
	}
}

func (t *Table) takeCloexec() (gone []slot) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for fd := range t.slots {
		if t.slots[fd].d != nil && t.slots[fd].flags&CloseOnExec != 0 {
			gone = append(gone, t.clearLocked(fd))
		}
		t.slots[fd].flags &^= CloseOnFork
	}
	t.foclose = false
	return gone
}
