package file

import (
	"maps"
	"slices"
	"sync"
)

// pipe_read tells of each read whoever hears of room to write (EVFILT_WRITE of EV_CLEAR, SIGIO); the host tells only of one from a pipe
// that was full. So where somebody relies on it a pipe is read by the kernel alone, as it can tell: read ends that are lent are taken back
// (TellReads), and are not lent again as long as he hears (pipe.overheard). Who hears of it with O_NONBLOCK writes until there is no room,
// as far as that is known, and the host's word is enough for him.

// lenders are the tables by which the read end of a pipe is lent, and by how many descriptors each. Its mu is the last of all that are taken.
type lenders struct {
	mu     sync.Mutex
	reader *pipeReader
	n      map[*Table]int
}

// beingLent is a file that knows by which tables it is lent. Its methods are called with the table's lock held.
type beingLent interface {
	// lentBy notes that t lends it, unless that must not be.
	lentBy(t *Table) bool
	// returnedTo forgets that.
	returnedTo(t *Table)
}

// lentBy implements beingLent. Who begins to hear of reads looks for lenders then (TellReads), so one of the two finds the other.
func (r *pipeReader) lentBy(t *Table) bool {
	r.lenders.add(r, t)
	if r.overheard() {
		r.returnedTo(t)
		return false
	}
	return true
}

func (l *lenders) add(r *pipeReader, t *Table) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.n == nil {
		l.reader, l.n = r, map[*Table]int{}
	}
	l.n[t]++
}

// returnedTo implements beingLent.
func (r *pipeReader) returnedTo(t *Table) {
	l := &r.lenders
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.n[t]--; l.n[t] <= 0 {
		delete(l.n, t)
	}
}

func (l *lenders) list() (*pipeReader, []*Table) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.reader, slices.Collect(maps.Keys(l.n))
}

// ReadTeller is a file whose reads others hear of: a pipe's end to write.
type ReadTeller interface {
	// TellReads has each read of what is written told from now on. It is due when somebody who hears of the file (Watch) comes to rely on that. No
	// lock may be held.
	TellReads()
}

// TellReads implements ReadTeller. A read that is under way in a host process HasRead tells of.
func (w *pipeWriter) TellReads() {
	r, tables := w.lenders.list()
	for _, t := range tables {
		t.UnlendFile(r)
	}
}

// HasRead says that a host process has read from descriptor fd while it may have been taken back.
func (t *Table) HasRead(fd int) {
	d, errno := t.Get(fd)
	if errno != 0 {
		return
	}
	defer d.Release()
	if r, ok := d.File.(*pipeReader); ok {
		r.writers.Notify(Out)
	}
}
