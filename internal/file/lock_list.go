package file

import (
	"math"
	"slices"
	"sync"

	"toaster/internal/guard"
	"toaster/netbsd"
)

// The locks of fcntl(2) and of flock(2) are in one list for each file, as vfs_lockf.c has them: each is in the way of the other, also
// where one process has made both.

// Inode identifies a file among those that are open: the numbers of one stat(2), in the
// host's form or in NetBSD's, which are not to be mixed.
type Inode struct{ Dev, Ino uint64 }

// span is one lock (struct lockf); end is inclusive.
type span struct {
	owner      any // a *Table, of fcntl(2), or a *Description, of flock(2)
	start, end int64
	write      bool
	pid        int32  // of F_GETLK
	uid        uint32 // whose it is counted as
}

func (s *span) overlaps(start, end int64) bool { return s.start <= end && start <= s.end }

// record is the process that has a lock of fcntl(2), nil for one of flock(2).
func (s *span) record() *Table {
	t, _ := s.owner.(*Table)
	return t
}

// records are the locks of all files of a machine. One lock serves them all: who waits
// for whom is a question across files.
type records struct {
	mu      sync.Mutex // guards what follows, but for queue
	files   map[Inode][]span
	waiting map[*Table]*Table // who waits for whose lock of fcntl(2), of processes with one LWP
	users   map[uint32]int    // ui_lockcnt: those in files, and those that calls under way may need
	total   int               // of users
	queue   Queue             // who waits
}

func (r *records) init() {
	r.files, r.waiting, r.users = map[Inode][]span{}, map[*Table]*Table{}, map[uint32]int{}
}

const (
	// maxAllLocks bounds those of all users with the superuser, for whom NetBSD has no bound but memory.
	maxAllLocks = 8 * MaxOpenFiles
	// maxLockDepth is how many processes are asked for whom they wait before that is taken for a deadlock (maxlockdepth).
	maxLockDepth = 50
)

// maxLocks is how many locks a user may have (MAXLOCKSPERUID, twice kern.maxfiles). By unlocking a part of one it may come to twice as many.
func (m *Machine) maxLocks() int {
	if q := m.cfg.Quota; q != nil && q.Max > 0 {
		return 2 * min(q.Max, MaxOpenFiles)
	}
	return 2 * MaxOpenFiles
}

// charge counts n locks more for a user, as lf_alloc does. ENOMEM: it would have more than most, or the machine more than it may, but for
// what never makes two of one: most is MaxInt then.
func (r *records) charge(uid uint32, n, most int) netbsd.Errno {
	r.mu.Lock()
	defer r.mu.Unlock()
	if most != math.MaxInt && (uid != 0 && r.users[uid]+n > most || r.total+n > maxAllLocks) {
		return netbsd.ENOMEM
	}
	r.countLocked(uid, n)
	return 0
}

func (r *records) discharge(uid uint32, n int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.countLocked(uid, -n)
}

func (r *records) countLocked(uid uint32, n int) {
	r.total += n
	if r.users[uid] += n; r.users[uid] == 0 {
		delete(r.users, uid)
	}
}

// heldLocked counts n spans more of the kind of s that are in files.
func (r *records) heldLocked(s *span, n int) {
	r.countLocked(s.uid, n)
	if t := s.record(); t != nil {
		t.records.Add(int32(n))
	}
}

// LocksOf is how many locks a user has, and calls of its own that are under way may need (ui_lockcnt).
func (m *Machine) LocksOf(uid uint32) int {
	m.records.mu.Lock()
	defer m.records.mu.Unlock()
	return m.records.users[uid]
}

// tryLock takes a lock of fcntl(2) or says EAGAIN; a waiter is going to sleep,
// and EDEADLK says that this would never end: following who waits for whose lock leads back
// to the caller (lf_setlock). Only one of two that block each other is told so, the last. Who has further LWPs is not followed: one of
// them may still let go of the lock.
func (r *records) tryLock(want span, id Inode, waiter Sleeper) netbsd.Errno {
	replaced, errno := r.lookAndLock(want, id, waiter != nil, alone(waiter))
	if replaced { // others may wait for what it was: to read, or for a part that is another lock now
		r.queue.Notify(In)
	}
	return errno
}

// alone reports whether a sleeper's process has no other LWP.
func alone(l Sleeper) bool {
	a, some := l.(interface{ Alone() bool })
	return !some || a.Alone()
}

// lookAndLock is tryLock, but for who is told: replaced says that the owner had something there.
func (r *records) lookAndLock(want span, id Inode, wait, alone bool) (replaced bool, errno netbsd.Errno) {
	r.mu.Lock()
	defer r.mu.Unlock()
	s := r.conflictLocked(want, id, false)
	if s == nil {
		delete(r.waiting, want.record())
		return r.setLocked(id, want), 0
	}
	if wait && r.deadlockLocked(want.record(), s) {
		return false, netbsd.EDEADLK
	}
	if wait {
		r.waitsLocked(want.record(), s, alone)
	}
	return false, netbsd.EAGAIN
}

// deadlockLocked reports whether who has the lock that is in t's way waits for t, or for too many others.
func (r *records) deadlockLocked(t *Table, block *span) bool {
	depth := 0
	for o := block.record(); o != nil; o = r.waiting[o] {
		if depth++; o == t || depth >= maxLockDepth {
			return true
		}
	}
	return false
}

// waitsLocked notes whose lock t's only LWP is going to wait for; not that of an open file, which is no process.
func (r *records) waitsLocked(t *Table, block *span, alone bool) {
	delete(r.waiting, t)
	if o := block.record(); o != nil && t != nil && alone {
		r.waiting[t] = o
	}
}

func (r *records) stopWaiting(t *Table) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.waiting, t)
}

// conflictLocked returns the first lock of another owner that is in the way (lf_getblock), of fcntl(2) alone if records.
func (r *records) conflictLocked(want span, id Inode, records bool) *span {
	spans := r.files[id]
	for i := range spans {
		s := &spans[i]
		if s.owner != want.owner && (s.write || want.write) && s.overlaps(want.start, want.end) && !(records && s.record() == nil) {
			return s
		}
	}
	return nil
}

// setLocked puts a lock in place of what its owner had there, and reports whether that was anything. One that is part of another of
// the same kind changes nothing. Its place in the list, which says who F_GETLK names, is where the owner's own were, or before the
// owner's first behind it, or at the end: those of several owners are in no order (lf_setlock).
func (r *records) setLocked(id Inode, want span) (replaced bool) {
	for i := range r.files[id] {
		s := &r.files[id][i]
		if s.owner == want.owner && s.write == want.write && s.start <= want.start && s.end >= want.end {
			return false
		}
	}
	at, replaced := r.cutLocked(id, want.owner, want.start, want.end)
	r.files[id] = slices.Insert(r.files[id], at, want)
	r.heldLocked(&want, 1)
	return replaced
}

// cutLocked takes a range out of an owner's locks, and reports whether one was there, and where the next lock of that range belongs.
func (r *records) cutLocked(id Inode, owner any, start, end int64) (at int, cut bool) {
	spans, kept, at := r.files[id], 0, -1
	var split *span // what is left behind the range of a lock that is left before it, too
	keep := func(s span) {
		spans[kept] = s
		kept++
	}
	for _, s := range spans {
		mine := s.owner == owner
		if !mine || !s.overlaps(start, end) {
			if mine && at < 0 && s.start > end {
				at = kept
			}
			keep(s)
			continue
		}
		cut = true
		before, behind := s, s
		before.end, behind.start = start-1, end+1
		if s.start < start {
			keep(before)
		}
		if at < 0 {
			at = kept
		}
		switch {
		case s.end <= end && s.start >= start:
			r.heldLocked(&s, -1)
		case s.end > end && s.start < start:
			split = &behind
			r.heldLocked(&s, 1)
		case s.end > end:
			keep(behind)
		}
	}
	clear(spans[kept:])
	if at < 0 {
		at = kept
	}
	r.storeLocked(id, spans[:kept], at, split)
	return at, cut
}

// storeLocked makes spans the locks of a file, with one more at a place if that is not nil.
func (r *records) storeLocked(id Inode, spans []span, at int, more *span) {
	if more != nil {
		spans = slices.Insert(spans, at, *more)
	}
	if r.files[id] = spans; len(spans) == 0 {
		delete(r.files, id)
	}
}

// unlock takes a range out of a process's locks. ENOMEM: the user has too many, and there may be two of one then, as neither the
// range's beginning nor its end is the file's (lf_advlock).
func (r *records) unlock(want span, id Inode, most int) netbsd.Errno {
	if want.start == 0 || want.end == math.MaxInt64 {
		most = math.MaxInt
	}
	if errno := r.charge(want.uid, 2, most); errno != 0 {
		return errno
	}
	defer r.discharge(want.uid, 2)
	r.cut(want.owner, id, want.start, want.end)
	return 0
}

// unlockAll drops all locks of an owner on a file.
func (r *records) unlockAll(owner any, id Inode) { r.cut(owner, id, 0, math.MaxInt64) }

// cut is cutLocked, and wakes who waits.
func (r *records) cut(owner any, id Inode, start, end int64) {
	guard.Locked(&r.mu, func() {
		r.cutLocked(id, owner, start, end)
		r.wokenLocked(owner)
	})
	r.queue.Notify(In)
}

// wokenLocked forgets who waits for a lock of an owner that has let go of something: they are about to look again. Until then they wait
// for nobody, as who has been taken from a list of lf_wakelock.
func (r *records) wokenLocked(owner any) {
	for w, o := range r.waiting {
		if o == owner {
			delete(r.waiting, w)
		}
	}
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
