package file

import (
	"math"
	"slices"
	"sync"
	"time"

	"toaster/internal/guard"
	"toaster/netbsd"
)

// POSIX record locks of fcntl(2). They belong to a process (its table) and a
// file, whichever descriptor they were made through, and go when the process
// closes any descriptor of that file. They hold among the guests of a machine, as
// those of a NetBSD kernel hold among its processes. Another machine does not see
// them, nor does the host: its record locks would all be the toaster process's, for
// which none of them is ever in the way.

// Inode identifies a file among those that are open: the numbers of one stat(2), in the
// host's form or in NetBSD's, which are not to be mixed.
type Inode struct{ Dev, Ino uint64 }

// span is one lock; end is inclusive.
type span struct {
	owner      *Table
	start, end int64
	write      bool
	pid        int32
}

func (s *span) overlaps(start, end int64) bool { return s.start <= end && start <= s.end }

// records are the locks of all files of a machine. One lock serves them all: who waits
// for whom is a question across files.
type records struct {
	mu      sync.Mutex // guards files and waiting
	files   map[Inode][]span
	waiting map[*Table]*Table // who waits for whose lock, of processes with one LWP
	queue   Queue
}

func (r *records) init() {
	r.files, r.waiting = map[Inode][]span{}, map[*Table]*Table{}
}

// SetLock is F_SETLK, or F_SETLKW with wait. lk.Pid is the caller's. EBADF: not open for that, which do_fcntl_lock looks at before
// lf_advlock does at the range.
func (d *Description) SetLock(l Sleeper, t *Table, lk netbsd.Flock, wait bool) netbsd.Errno {
	r := &t.machine.records
	st, errno := d.lockable(lk)
	switch {
	case errno != 0:
		return errno
	case lk.Type == netbsd.F_WRLCK && !d.Writable(), lk.Type == netbsd.F_RDLCK && !d.Readable():
		return netbsd.EBADF
	}
	want, errno := d.span(t, &lk, st)
	if errno != 0 {
		return errno
	}
	id := Inode{st.Dev, st.Ino}
	if lk.Type == netbsd.F_UNLCK {
		return r.unlock(t, id, want.start, want.end)
	}
	errno = r.tryLock(want, id, nil)
	if errno != netbsd.EAGAIN || !wait {
		return errno
	}
	w := &Waiter{Mask: In, L: l}
	r.queue.Add(w)
	defer r.queue.Remove(w)
	defer r.stopWaiting(t)
	for {
		if errno := r.tryLock(want, id, l); errno != netbsd.EAGAIN {
			return errno
		}
		if errno := l.Sleep(true, time.Time{}); errno != 0 {
			return errno
		}
	}
}

// GetLock is F_GETLK: the first lock in the way of lk, or lk with F_UNLCK and nothing else of it changed, but for a start that is
// told from the position. F_UNLCK is in the way of what F_RDLCK is (lf_getblock).
func (d *Description) GetLock(t *Table, lk netbsd.Flock) (netbsd.Flock, netbsd.Errno) {
	r := &t.machine.records
	st, errno := d.lockable(lk)
	if errno != 0 {
		return lk, errno
	}
	want, errno := d.span(t, &lk, st)
	if errno != 0 {
		return lk, errno
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	s := r.conflictLocked(want, Inode{st.Dev, st.Ino})
	if s == nil {
		lk.Type = netbsd.F_UNLCK
		return lk, 0
	}
	lk.Whence, lk.Start, lk.Len, lk.Pid, lk.Type = netbsd.SEEK_SET, s.start, s.end-s.start+1, s.pid, netbsd.F_RDLCK
	if s.end == math.MaxInt64 {
		lk.Len = 0
	}
	if s.write {
		lk.Type = netbsd.F_WRLCK
	}
	return lk, 0
}

// lockable returns the state of a file that can have locks. EINVAL: it is none of a file system, or lk no kind of lock. A semaphore says
// that it is a regular file, and has no fo_advlock (semops).
func (d *Description) lockable(lk netbsd.Flock) (Stat, netbsd.Errno) {
	st, errno := d.File.Stat()
	if kind := st.Mode & netbsd.S_IFMT; errno != 0 || kind != netbsd.S_IFREG && kind != netbsd.S_IFDIR || SemOf(d) != nil {
		return st, netbsd.EINVAL
	}
	if lk.Type < netbsd.F_RDLCK || lk.Type > netbsd.F_WRLCK {
		return st, netbsd.EINVAL
	}
	return st, 0
}

// span reads a struct flock of a file in state st, in which a start after the position becomes one after the beginning, as the caller of
// lf_advlock has it: EINVAL for a range that begins before 0.
func (d *Description) span(t *Table, lk *netbsd.Flock, st Stat) (span, netbsd.Errno) {
	start := lk.Start
	switch lk.Whence {
	case netbsd.SEEK_SET:
	case netbsd.SEEK_CUR:
		pos, errno := d.File.Lseek(0, netbsd.SEEK_CUR)
		if errno != 0 {
			return span{}, errno
		}
		start = addOffset(pos, start)
		lk.Start = start
	case netbsd.SEEK_END:
		start = addOffset(st.Size, start)
	default:
		return span{}, netbsd.EINVAL
	}
	end := int64(math.MaxInt64)
	switch {
	case lk.Len > 0:
		end = addOffset(start, lk.Len-1)
	case lk.Len < 0:
		start, end = addOffset(start, lk.Len), start-1
	}
	if start < 0 || end < start {
		return span{}, netbsd.EINVAL
	}
	return span{t, start, end, lk.Type == netbsd.F_WRLCK, lk.Pid}, 0
}

// maxRecords is how many locks a process may hold, which a guest could otherwise make
// without end, one byte each: ENOMEM (lf_advlock). By unlocking a part of one it may come to twice as many (maxlocksperuid in vfs_lockf.c).
const maxRecords = 4096

// addOffset adds without overflow: the largest offset at most.
func addOffset(a, b int64) int64 {
	if b > 0 && a > math.MaxInt64-b {
		return math.MaxInt64
	}
	if b < 0 && a < math.MinInt64-b {
		return -1
	}
	return a + b
}

// tryLock takes the lock or says EAGAIN; a waiter is going to sleep,
// and EDEADLK says that this would never end: following who waits for whose lock leads back
// to the caller (lf_setlock). Only one of two that block each other is told so, the last. Who has further LWPs is not followed: one of
// them may still let go of the lock.
func (r *records) tryLock(want span, id Inode, waiter Sleeper) netbsd.Errno {
	a, some := waiter.(interface{ Alone() bool })
	replaced, errno := r.lookAndLock(want, id, waiter != nil, !some || a.Alone())
	if replaced && !want.write { // it may have been a write lock, and others wait to read
		r.queue.Notify(In)
	}
	return errno
}

// lookAndLock is tryLock, but for who is told: replaced says that the owner had something there.
func (r *records) lookAndLock(want span, id Inode, wait, alone bool) (replaced bool, errno netbsd.Errno) {
	r.mu.Lock()
	defer r.mu.Unlock()
	s := r.conflictLocked(want, id)
	if s == nil {
		delete(r.waiting, want.owner)
		if want.owner.records.Load() >= maxRecords {
			return false, netbsd.ENOMEM
		}
		if replaced = r.setLocked(id, want); replaced && !want.write {
			r.wokenLocked(want.owner)
		}
		return replaced, 0
	}
	if wait {
		for o := s.owner; o != nil; o = r.waiting[o] {
			if o == want.owner {
				return false, netbsd.EDEADLK
			}
		}
		if alone {
			r.waiting[want.owner] = s.owner
		}
	}
	return false, netbsd.EAGAIN
}

func (r *records) stopWaiting(t *Table) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.waiting, t)
}

func (r *records) conflictLocked(want span, id Inode) *span {
	spans := r.files[id]
	for i := range spans {
		s := &spans[i]
		if s.owner != want.owner && (s.write || want.write) && s.overlaps(want.start, want.end) {
			return s
		}
	}
	return nil
}

// setLocked puts a lock in place of what its owner had there, and reports whether that was anything.
func (r *records) setLocked(id Inode, want span) (replaced bool) {
	replaced = r.cutLocked(id, want.owner, want.start, want.end)
	r.files[id] = append(r.files[id], want)
	want.owner.records.Add(1)
	slices.SortFunc(r.files[id], func(a, b span) int {
		switch {
		case a.start < b.start:
			return -1
		case a.start > b.start:
			return 1
		}
		return 0
	})
	return replaced
}

// cutLocked takes a range out of an owner's locks, and reports whether one was there.
func (r *records) cutLocked(id Inode, t *Table, start, end int64) (cut bool) {
	rest := make([]span, 0, len(r.files[id])+1)
	for _, s := range r.files[id] {
		if s.owner != t || !s.overlaps(start, end) {
			rest = append(rest, s)
			continue
		}
		cut = true
		t.records.Add(-1)
		if s.start < start {
			left := s
			left.end = start - 1
			rest = append(rest, left)
			t.records.Add(1)
		}
		if s.end > end {
			right := s
			right.start = end + 1
			rest = append(rest, right)
			t.records.Add(1)
		}
	}
	if len(rest) == 0 {
		delete(r.files, id)
		return cut
	}
	r.files[id] = rest
	return cut
}

// unlock takes a range out of a process's locks. ENOMEM: that would make two of one, and there are too many.
func (r *records) unlock(t *Table, id Inode, start, end int64) (errno netbsd.Errno) {
	guard.Locked(&r.mu, func() {
		if t.records.Load() >= 2*maxRecords && r.splitsLocked(id, t, start, end) {
			errno = netbsd.ENOMEM
			return
		}
		r.cutLocked(id, t, start, end)
		r.wokenLocked(t)
	})
	r.queue.Notify(In)
	return errno
}

// wokenLocked forgets who waits for a lock of t, which has let go of something: they are about to look again. Until then they wait for
// nobody, as who has been taken from a list of lf_wakelock.
func (r *records) wokenLocked(t *Table) {
	for w, owner := range r.waiting {
		if owner == t {
			delete(r.waiting, w)
		}
	}
}

// splitsLocked reports whether an owner has a lock on both sides of a range.
func (r *records) splitsLocked(id Inode, t *Table, start, end int64) bool {
	return slices.ContainsFunc(r.files[id], func(s span) bool { return s.owner == t && s.start < start && s.end > end })
}

// leave drops what a table has left once all its files are closed: an LWP may have taken a lock while another one closed the file.
func (r *records) leave(t *Table) {
	if t.records.Load() == 0 {
		return
	}
	guard.Locked(&r.mu, func() {
		for id := range r.files {
			r.cutLocked(id, t, 0, math.MaxInt64)
		}
		r.wokenLocked(t)
	})
	r.queue.Notify(In)
}

// unlockClosed drops a process's locks on a file of which it closes a
// descriptor.
func (t *Table) unlockClosed(d *Description) {
	if t.records.Load() == 0 {
		return
	}
	if st, errno := d.File.Stat(); errno == 0 {
		t.machine.records.unlock(t, Inode{st.Dev, st.Ino}, 0, math.MaxInt64)
	}
}
