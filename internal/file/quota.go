package file

import (
	"sync/atomic"

	"toaster/internal/hostlimits"
	"toaster/netbsd"
)

// A Quota bounds the open files of a machine (kern.maxfiles): every description that is
// in the table of one of its processes counts, once, until its last reference goes. It
// is a machine's own; the zero value bounds nothing.
type Quota struct {
	Max  int         // 0: no bound
	Full func()      // told each time that a file is refused for Max; nil: nobody wants to know
	May  func() bool // asked for each file, as the kernel needs memory for it; nil: it may

	open atomic.Int64
	most atomic.Pointer[int] // what the superuser has set; nil: nobody has
}

// Limit sets a bound beside Max, which is told to nobody (kern.maxfiles of sysctl(7)).
func (q *Quota) Limit(n int) { q.most.Store(&n) }

// above reports whether n open files are more than the superuser lets there be.
func (q *Quota) above(n int64) bool {
	most := q.most.Load()
	return most != nil && n > int64(*most)
}

// Open is how many open files count.
func (q *Quota) Open() int { return int(q.open.Load()) }

// admit counts d before it comes into a table. ENFILE: the machine has as many open
// files as it may, or this process is about to run out of the host's descriptors, of
// which some are kept for the kernel's own work. A description that counts already may
// always have another descriptor.
func (q *Quota) admit(d *Description) netbsd.Errno {
	if q == nil || d.quota != nil {
		return 0
	}
	if h, ok := d.File.(hostOwner); ok && hostlimits.Scarce(h.FD()) {
		return netbsd.ENFILE
	}
	if q.May != nil && !q.May() {
		return netbsd.ENFILE
	}
	n := q.open.Add(1)
	if q.above(n) {
		q.open.Add(-1)
		return netbsd.ENFILE
	}
	if q.Max > 0 && n > int64(q.Max) {
		q.open.Add(-1)
		if q.Full != nil {
			q.Full()
		}
		return netbsd.ENFILE
	}
	d.quota = q
	return 0
}

// room says whether admit would refuse one more for Max, and then tells of it as admit does.
func (q *Quota) room() netbsd.Errno {
	if q == nil || q.Max <= 0 || q.open.Load() < int64(q.Max) {
		return 0
	}
	if q.Full != nil {
		q.Full()
	}
	return netbsd.ENFILE
}

// hostOwner is a file that holds a descriptor of the host for as long as it is open.
type hostOwner interface{ FD() int }

// leave ends it, with the last reference.
func (d *Description) leave() {
	if d.quota != nil {
		d.quota.open.Add(-1)
	}
}
