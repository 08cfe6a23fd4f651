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

// flagged is a Lendable that may become one that is written to at its end only (chflags(2)), of which its borrower does not hear.
type flagged interface {
	// FlagsChanged reports whether it may have become so since LendFD was asked.
	FlagsChanged() bool
}

// Borrower is the host process that files are lent to. Its methods are called with the table's
// lock held, and neither wait nor call back.
type Borrower interface {
	PublishFile(fd int, rights uint32)
	UnlendFile(fd int)
	// PublishEvent says what an event of the one kqueue(2) that is lent is to look like: flags 0, that it is not
	// any more.
	PublishEvent(fd int, filter, flags uint32, udata uint64)
	// RecallFiles has what UnlendFile was told of given back by a process that does
	// something else at the moment.
	RecallFiles()
}

// Rights of a lent file, as the borrower has them.
const (
	LentRead  = 1
	LentWrite = 2
	LentWaits = 4 // MayWait
	// Of files that say so themselves (lentAs): a kqueue(2), and a socket.
	LentEvents = 8
	LentStream = 16
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
		again := int32(math.MinInt32) // it is not asked soon again
		if p, is := f.(Promoter); is {
			p.PromoteToLend(newPipe)
			again = -2 * lendAfter // whoever keeps it from being lent may go
		}
		if fd, ok = d.lendFD(f); !ok {
			d.uses.Store(again)
		}
		return fd, ok
	}
	d.uses.Store(math.MinInt32)
	return fd, ok
}

// Promoter is a Lendable that is to become something of the host's first: an end of a pipe, a kqueue(2).
type Promoter interface{ PromoteToLend(HostPipe) }

// UseAnew forgets that d could not be lent, as that has changed.
func (d *Description) UseAnew() { d.uses.Store(0) }

// lentAs is a Lendable that is lent with other rights than a file's.
type lentAs interface{ LentAs(rights uint32) uint32 }

// EventQueue is a kqueue(2) that is lent.
type EventQueue interface {
	// LentTo says to whom, by which table; nil, that it is not any more. It is called with the table's lock held, and
	// returns false if the queue has something to tell that its set does not: then it is not lent.
	LentTo(*Table, Borrower) bool
	Lent() bool
	Closed() bool
	// Harvested says that the borrower has taken events of these descriptors from the set, with which the kernel is to go
	// on; and Settle, that it has. Neither may be called with a lock held.
	Harvested(keys []uint32)
	Settle()
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
	return s != nil && s.d == d && t.refs == 1 && t.roomForEventsLocked(s)
}

// roomForEventsLocked reports whether s may be lent as far as events go: the borrower has room for those of one queue, by one
// descriptor. The queue that was lent last keeps its place until it is closed: LWPs may be on their way with
// events of it that nobody else will be told of (EventsTaken).
func (t *Table) roomForEventsLocked(s *slot) bool {
	q, ok := s.d.File.(EventQueue)
	if !ok {
		return true
	}
	if t.events == q {
		return s.lent || !q.Lent()
	}
	return t.events == nil || t.events.Closed()
}

// lendEventsLocked has s be the queue whose events the borrower has, if it is one.
func (t *Table) lendEventsLocked(s *slot, b Borrower) bool {
	q, ok := s.d.File.(EventQueue)
	if !ok {
		return true
	}
	if !t.roomForEventsLocked(s) || !q.LentTo(t, b) {
		return false
	}
	t.events = q
	return true
}

// EventsTaken passes on of which descriptors an LWP has taken events that it has not told its guest of, from the
// queue that is lent, or was.
func (t *Table) EventsTaken(keys []uint32) {
	if q := t.lentEvents(); q != nil {
		q.Harvested(keys)
	}
}

// SettleEvents is due behind the call that the LWP has made.
func (t *Table) SettleEvents() {
	if q := t.lentEvents(); q != nil {
		q.Settle()
	}
}

func (t *Table) lentEvents() EventQueue {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.events
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
	if f, ok := d.File.(flagged); ok && d.Writable() && f.FlagsChanged() {
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
	if a, ok := d.File.(lentAs); ok {
		rights = a.LentAs(rights)
	}
	if !t.lendEventsLocked(s, b) {
		return false
	}
	if l, ok := d.File.(beingLent); ok && !l.lentBy(t) {
		return false
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
		if l, ok := t.slots[fd].d.File.(beingLent); ok {
			l.returnedTo(t)
		}
		if q, ok := t.slots[fd].d.File.(EventQueue); ok {
			q.LentTo(t, nil)
		}
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

// UnlendFile takes f back. No lock of a file's may be held.
func (t *Table) UnlendFile(f File) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.borrower == nil {
		return
	}
	for fd := range t.slots {
		if s := &t.slots[fd]; s.lent && s.d.File == f {
			t.unlendLocked(fd)
		}
	}
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
