package file

// Fork returns the table of a new process: this one with another reference, or a
// copy whose slots share the open files (fd_copy). Files that are private to a process
// (kqueue(2)) and what is CloseOnFork leave their slots empty.
func (t *Table) Fork(share bool) *Table {
	t.mu.Lock()
	defer t.mu.Unlock()
	if share {
		t.unlendAllLocked()
		t.refs++
		return t
	}
	n := t.machine.NewTable()
	n.slots = make([]slot, len(t.slots))
	n.used = make([]uint64, len(t.used))
	for fd := range t.slots {
		d := t.slots[fd].d
		if d == nil || d.Private() || t.slots[fd].flags&CloseOnFork != 0 {
			continue
		}
		n.setLocked(fd, d.Ref(), t.slots[fd].flags)
	}
	return n
}

// Private reports whether d stays with the process that made it: neither fork(2) nor a
// message passes it on.
func (d *Description) Private() bool {
	p, ok := d.File.(Private)
	return ok && p.NotInherited()
}

// Shared reports whether more than one process uses the table.
func (t *Table) Shared() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.refs > 1
}
