package file

import "math"

// This file says which open files may be lent to the host process of a guest, which then reads
// and writes them by itself. A lent file is one of a table that one process uses. It is lent by
// its descriptor, and taken back when that is closed or comes to mean another file, which is
// known here; for other reasons somebody asks for it.
//
// Only a file whose operations the host has, with all that they do, is lent. So watches of it
// (kevent(2)'s EVFILT_VNODE), its time stamps and locks see what is done with it as ever.

// Lendable is implemented by files that may be lent.
type Lendable interface {
	// MayLend reports whether the file is of a kind that may be lent: it never changes.
	MayLend() bool
	// LendFD returns the host descriptor to lend, which stays the file's, if it allows just
	// what a description with these flags does.
	LendFD(flags int) (fd int, ok bool)
	// MayWait reports whether who reads or writes it may have to wait for another process.
	MayWait() bool
	// Gone reports whether the file has been taken from all who have it (revoke(2)).
	Gone() bool
}

// Borrower is the host process that files are lent to. Its methods are called with the table's
// lock held, and neither wait nor call back.
type Borrower interface {
	PublishFile(fd int, rights uint32)
	UnlendFile(fd int)
	// RecallFiles has what UnlendFile was told of given back by a process that does
	// something else at the moment.
	RecallFiles()
}

// Rights of a lent file, as the borrower has them.
const (
	LentRead  = 1
	LentWrite = 2
	LentWaits = 4 // MayWait
)

// Used counts a transfer of n bytes, and reports whether it is time to lend d.
func (d *Description) Used(n uint64) bool {
	if !d.lendable {
		return false
	}
	if d.uses.Add(int32(1+min(n, lendAfter*useSize)/useSize)) < lendAfter {
		return false
	}
	d.uses.Store(0)
	return true
}

// To lend a file takes as long as the kernel needs for some twenty calls: a use is one of these, or so many
// bytes, whose copies take as long.
const (
	lendAfter = 20
	useSize   = 16 << 10
)

// HostToLend returns the host descriptor of what may be lent. Writes to d that are counted, or for which
// the kernel does something, are not the host's to do. A pipe becomes one of the host's first, which newPipe
// makes.
func (d *Description) HostToLend(newPipe HostPipe) (fd int, ok bool) {
	f, ok := d.File.(Lendable)
	if ok = ok && d.meter == nil; ok {
		if p, is := f.(lendableEnd); is {
			p.promoteToLend(newPipe)
		}
		fd, ok = d.lendFD(f)
	}
	if !ok {
		d.uses.Store(math.MinInt32) // it is not asked soon again
	}
	return fd, ok
}

// lendFD keeps SetFlags out: the host's description is to have d's flags.
func (d *Description) lendFD(f Lendable) (fd int, ok bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return f.LendFD(d.Flags())
}

// Means reports whether fd is d, in a table that one process uses.
func (t *Table) Means(fd int, d *Description) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	s := t.slotLocked(fd)
	return s != nil && s.d == d && t.refs == 1
}

// Lend notes that d, which is fd, is lent to b, which has the host's descriptor already, and tells it so. It
// is not if fd has come to mean something else, if the table is not one process's alone any more, or if may
// says so, which is called with the table's lock held.
func (t *Table) Lend(fd int, d *Description, b Borrower, may func() bool) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	s := t.slotLocked(fd)
	if s == nil || s.d != d || t.refs != 1 || !may() {
		return false
	}
	f, ok := d.File.(Lendable)
	if !ok || f.Gone() {
		return false
	}
	if t.borrower != b {
		t.unlendAllLocked()
		t.borrower = b
	}
	var rights uint32
	if d.Readable() {
		rights |= LentRead
	}
	if d.Writable() {
		rights |= LentWrite
	}
	if f.MayWait() {
		rights |= LentWaits
	}
	s.lent = true
	b.PublishFile(fd, rights)
	return true
}

// unlendLocked takes fd back, if it is lent.
func (t *Table) unlendLocked(fd int) {
	if t.slots[fd].lent {
		t.slots[fd].lent = false
		t.borrower.UnlendFile(fd)
	}
}

func (t *Table) unlendAllLocked() {
	if t.borrower == nil {
		return
	}
	for fd := range t.slots {
		t.unlendLocked(fd)
	}
	t.borrower = nil
}

// Unlend takes all files back that are lent.
func (t *Table) Unlend() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.unlendAllLocked()
}

// Recall takes back what must not be lent any more, and is for others than the table's process: of
// files that are gone, or of all that can be written.
func (t *Table) Recall(writable bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.borrower == nil {
		return
	}
	for fd := range t.slots {
		if s := &t.slots[fd]; s.lent && (s.d.File.(Lendable).Gone() || writable && s.d.Writable()) {
			t.unlendLocked(fd)
		}
	}
	t.borrower.RecallFiles()
}
