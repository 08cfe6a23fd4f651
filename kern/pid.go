package kern

// This file has the table of process ids. As in NetBSD it is an array whose size
// is a power of two; the slot of a pid is its low bits, and each use of a slot
// gives a pid that is the table's size bigger than the last, so that an id does
// not come back soon. Free slots queue first in, first out. A slot is free again
// only when no process, no process group and no session has its id (item 96). In
// release 10 the ids of LWPs come from the table, too.

const (
	pidMax        = 30000 // PID_MAX, as long as it suffices
	pidTableStart = 4096
	pidMinFree    = 2000 // ids pass through at least so many free slots
)

type pidSlot struct {
	p    *Proc // whose id it is, or the id of one of its LWPs
	g    *Pgrp
	id   int32 // the slot's current or last id
	next int32 // free list
}

// pidTable is NetBSD's pid_table (kern_proc.c). Machine.mu guards it. Looking up is one step,
// so that a signal costs the same whether there are ten processes or a million; and a pid that
// a guest made up is compared with the slot's own, so no number leads to a wrong process.
type pidTable struct {
	slots      []pidSlot
	nfree      int
	unused     int32 // so many slots at the end have never been used: they are ahead of the free list, and not in it
	head, tail int32 // free list; -1 when empty
	max        int32
}

// reset empties the table. Slot 0 is the kernel's own; slot 1 comes first, for init. What has never been used
// is not even written: most machines need a few dozen of the slots.
func (t *pidTable) reset() {
	t.slots = make([]pidSlot, pidTableStart)
	t.nfree = len(t.slots) - 1
	t.unused = int32(t.nfree)
	t.head, t.tail, t.max = -1, -1, pidMax
}

// pushFree puts a slot at the end of the queue, so that it rests for as long as there are others. Neither a process
// nor a group may have it, or its id would be given out a second time.
func (t *pidTable) pushFree(i int32) {
	t.slots[i].next = -1
	if t.tail >= 0 {
		t.slots[t.tail].next = i
	} else {
		t.head = i
	}
	t.tail = i
	t.nfree++
}

// alloc returns an id for p or an LWP of its.
//
// The table grows before the free slots run low, or ids would come back soon: a pid that
// somebody still remembers, to kill it, must not be another's by then. Above PID_MAX an id
// starts again from the slot's number. alloc does not fail: how many ids there can be is for the caller's limits
// (MaxProc, takePlace) to say, and for the growth to follow. mu is held.
func (t *pidTable) alloc(p *Proc) int32 {
	if t.nfree <= pidMinFree {
		t.grow()
	}
	i := t.takeFree()
	s := &t.slots[i]
	id := s.id + int32(len(t.slots))
	if id > t.max || id <= 0 {
		id = i
	}
	s.id, s.p = id, p
	return id
}

// takeFree returns the slot that has rested longest, which there is.
func (t *pidTable) takeFree() int32 {
	t.nfree--
	if size := int32(len(t.slots)); t.unused > 0 {
		i := size - t.unused
		t.unused--
		t.slots[i].id = firstID(i, size)
		return i
	}
	i := t.head
	t.head = t.slots[i].next
	if t.head < 0 {
		t.tail = -1
	}
	return i
}

// firstID is the id of slot i before its first use in a table of that size. It begins at the slot's
// number minus the size, so that the first use of a slot yields its number.
func firstID(i, size int32) int32 { return i - size }

// queueUnused puts the slots that have never been used ahead of the free list, for grow, which makes another list of it.
func (t *pidTable) queueUnused() {
	size := int32(len(t.slots))
	for i := size - 1; t.unused > 0; i, t.unused = i-1, t.unused-1 {
		t.slots[i].id, t.slots[i].next = firstID(i, size), t.head
		t.head = i
	}
}

// find returns the process with that pid, in whatever state. pid is any number.
func (t *pidTable) find(pid int) *Proc {
	if pid <= 0 || pid > 1<<31-1 {
		return nil
	}
	s := &t.slots[pid&(len(t.slots)-1)]
	if int(s.id) != pid {
		return nil
	}
	return s.proc()
}

// proc returns the process that has the slot's id. An LWP's id finds none (proc_find_raw).
func (s *pidSlot) proc() *Proc {
	if s.p == nil || s.p.pid != s.id {
		return nil
	}
	return s.p
}

// newLid returns an id for one more LWP of p. In release 10 it comes from the table of process
// ids, so that no two LWPs have the same: the process's own id for the first, and again once that
// has gone (proc_alloc_lwpid). Release 2003 counts from 1 in each process. mu is held.
func (p *Proc) newLid() int32 {
	switch {
	case p.m.r2003:
		p.nextLid++
		return p.nextLid
	case p.nextLid == 0:
		p.nextLid = p.pid
		return p.pid
	}
	return p.m.pids.alloc(p)
}

// freeLid ends the use of an LWP's id (proc_free_lwpid). mu is held.
func (p *Proc) freeLid(lid int32) {
	switch {
	case p.m.r2003:
	case lid == p.pid:
		p.nextLid = 0
	default:
		p.m.pids.free(lid)
	}
}

// findGroup returns the group with that id, which may have no members left if a session has
// the id.
func (t *pidTable) findGroup(id int) *Pgrp {
	if id <= 0 || id > 1<<31-1 {
		return nil
	}
	s := &t.slots[id&(len(t.slots)-1)]
	if s.g == nil || int(s.g.id) != id {
		return nil
	}
	return s.g
}

// setGroup enters g, or takes the group out. The slot is free when neither process nor group
// is left (item 96). A group is made under the id of a process that there is, so its slot is in use already when g
// enters it.
func (t *pidTable) setGroup(id int32, g *Pgrp) {
	i := id & int32(len(t.slots)-1)
	t.slots[i].g = g
	if g == nil && t.slots[i].p == nil {
		t.pushFree(i)
	}
}

// free ends the use of an id by a process or an LWP.
func (t *pidTable) free(pid int32) {
	i := pid & int32(len(t.slots)-1)
	t.slots[i].p = nil
	if t.slots[i].g == nil {
		t.pushFree(i)
	}
}

// grow doubles the table. A slot's entry moves to the half that its id's new low
// bits name; the other half is a free slot.
func (t *pidTable) grow() {
	t.queueUnused()
	old := t.slots
	n := int32(len(old))
	t.slots = make([]pidSlot, 2*n)
	for i := range old {
		s := old[i]
		j := int32(i)
		switch {
		case s.id <= 0: // never used: its first id is its place in the new table
			s.id = firstID(j, 2*n)
		case s.id&n != 0:
			j |= n
		}
		t.slots[j] = s
		t.slots[j^n].id = firstID(j^n, 2*n)
	}
	if 2*n > t.max {
		t.max = 4*n - 1
	}
	t.refree(old, n)
}

// refree rebuilds the free list: old free slots in their order, then the new ones. Slot n comes last: it is the
// other half of slot 0, which is the kernel's and is not walked.
func (t *pidTable) refree(old []pidSlot, n int32) {
	h := t.head
	t.head, t.tail, t.nfree = -1, -1, 0
	for i := h; i >= 0; i = old[i].next {
		j := i
		if old[i].id > 0 && old[i].id&n != 0 {
			j |= n
		}
		t.pushFree(j)
	}
	for i := int32(1); i < n; i++ {
		j := i | n
		if old[i].id > 0 && old[i].id&n != 0 {
			j = i
		}
		t.pushFree(j)
	}
	t.pushFree(n)
}
