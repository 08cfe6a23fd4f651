package file

import "toaster/netbsd"

// Dup is dup(2), F_DUPFD and its kind of fcntl(2): the lowest free
// descriptor at or above min. EINVAL if min is negative or beyond the limit.
func (t *Table) Dup(fd, min int, limit uint64, flags FDFlags) (int, netbsd.Errno) {
	d, errno := t.Get(fd)
	if errno != 0 {
		return -1, errno
	}
	if min < 0 || uint64(min) >= limit {
		d.Release()
		return -1, netbsd.EINVAL
	}
	nfd, errno := t.Install(d, min, limit, flags)
	if errno != 0 {
		d.Release()
	}
	return nfd, errno
}

// Dup2 is dup2(2), and dup3(2) with the flags of a descriptor (dodup). What was open at to is closed. With from == to nothing
// happens. EBADF.
func (t *Table) Dup2(from, to int, limit uint64, flags FDFlags) netbsd.Errno {
	if to < 0 || uint64(to) >= limit || to >= maxFiles {
		return netbsd.EBADF
	}
	old, errno := t.replace(from, to, flags)
	if old.d != nil {
		t.drop(old)
	}
	return errno
}

// replace is Dup2 but for what was there.
func (t *Table) replace(from, to int, flags FDFlags) (old slot, errno netbsd.Errno) {
	t.mu.Lock()
	defer t.mu.Unlock()
	s := t.slotLocked(from)
	switch {
	case s == nil:
		return slot{}, netbsd.EBADF
	case from == to:
		return slot{}, 0
	}
	d := s.d.Ref()
	if t.slotLocked(to) != nil {
		old = t.clearLocked(to)
	}
	t.setLocked(to, d, flags)
	return old, 0
}
