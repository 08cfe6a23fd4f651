package file

import (
	"math"
	"time"

	"toaster/netbsd"
)

// flock(2): its locks belong to an open file description, and are in one list with those of fcntl(2) (lock_list.go). The host has
// them as well, where the file is one of its own: other programs of the host respect them, and so do other machines. Between two of
// them the host decides, as a program of the host may have been handed a description, and have locked or unlocked it.
// A lock that another machine or host program holds is asked for again and again, for
// nothing tells when it goes.

const flockMinPause, flockMaxPause = time.Millisecond, 50 * time.Millisecond

// Flocker is implemented by files that the host can lock.
type Flocker interface {
	// TryFlock takes or drops a lock (LOCK_SH, LOCK_EX, LOCK_UN) without waiting: EAGAIN
	// if somebody else's is in the way.
	TryFlock(kind int) netbsd.Errno
}

// flocked is where a description's lock is, which goes with its last reference (FHASLOCK).
type flocked struct {
	m  *Machine
	id Inode
}

// flocking is a call of flock(2).
type flocking struct {
	d    *Description
	r    *records
	host Flocker // nil: the file is none of the host's
	id   Inode
	kind int
	want span
}

// Flock is flock(2) by a process of machine m, with kind LOCK_SH, LOCK_EX or LOCK_UN: EAGAIN if the lock is
// taken and nonblock. EOPNOTSUPP: the file is in no file system. EINVAL: a FIFO, or no kind. ENOMEM: the user has too many.
func (d *Description) Flock(m *Machine, l Sleeper, kind int, nonblock bool) netbsd.Errno {
	id, _, errno := d.lockable()
	if errno != 0 {
		return errno
	}
	f := flocking{d: d, r: &m.records, id: id, kind: kind}
	f.host, _ = d.File.(Flocker)
	f.want = span{owner: d, end: math.MaxInt64, write: kind == netbsd.LOCK_EX, pid: -1, uid: m.userOf(l)}
	switch kind {
	case netbsd.LOCK_UN:
		return f.drop()
	case netbsd.LOCK_SH, netbsd.LOCK_EX:
	default:
		return netbsd.EINVAL
	}
	if errno := f.r.charge(f.want.uid, 1, m.maxLocks()); errno != 0 {
		return errno
	}
	defer f.r.discharge(f.want.uid, 1)
	d.flocked.Store(&flocked{m, id})
	if nonblock {
		errno, _ := f.try(m, nil)
		return errno
	}
	return f.wait(m, l)
}

// wait tries until it has the lock.
func (f *flocking) wait(m *Machine, l Sleeper) netbsd.Errno {
	errno, _ := f.try(m, l)
	if errno != netbsd.EAGAIN {
		return errno
	}
	w := &Waiter{Mask: In, L: l}
	f.r.queue.Add(w)
	defer f.r.queue.Remove(w)
	defer f.r.stopWaiting(m.tableOf(l))
	for pause := flockMinPause; ; pause = min(2*pause, flockMaxPause) {
		errno, byHost := f.try(m, l)
		if errno != netbsd.EAGAIN {
			return errno
		}
		var deadline time.Time
		if byHost {
			deadline = time.Now().Add(pause)
		}
		if errno := l.Sleep(true, deadline); errno != 0 && errno != netbsd.EWOULDBLOCK {
			return errno
		}
	}
}

// try takes the lock or says EAGAIN, and whether it is the host that refuses. A waiter is going to sleep: who waits to write lets go of
// what it has (lf_setlock).
//
// Only one call of a machine at a time asks the host, so that none finds in its way what another one has taken for a moment.
func (f *flocking) try(m *Machine, waiter Sleeper) (errno netbsd.Errno, byHost bool) {
	m.flocks.Lock()
	defer m.flocks.Unlock()
	held := f.r.flockOf(f.d, f.id)
	if f.blocked(m, waiter) {
		if waiter != nil && f.want.write && held != netbsd.LOCK_UN {
			f.drop()
		}
		return netbsd.EAGAIN, false
	}
	if f.host != nil {
		if errno := f.host.TryFlock(f.kind); errno != 0 {
			f.refused(held, waiter != nil)
			return errno, true
		}
	}
	if !f.take() {
		if f.host != nil {
			f.host.TryFlock(held)
		}
		return netbsd.EAGAIN, false
	}
	return 0, false
}

// refused keeps what the description has held, unless its caller is going to wait. The host drops it before it looks
// who is in the way (flock(2) of Linux), so it is taken again: of guests that all try to make a shared lock exclusive, none may find that
// another one has let go for a moment. Who asks for the first time from outside may still come in between, and then has it.
func (f *flocking) refused(held int, waits bool) {
	if held == netbsd.LOCK_UN || !waits && f.host.TryFlock(held) == 0 {
		return
	}
	f.r.unlockAll(f.d, f.id)
}

// blocked reports whether the list has something in the way. Where the host knows the file's locks of flock(2), it is asked for those.
func (f *flocking) blocked(m *Machine, waiter Sleeper) bool {
	lone := waiter != nil && alone(waiter)
	f.r.mu.Lock()
	defer f.r.mu.Unlock()
	s := f.r.conflictLocked(f.want, f.id, f.host != nil)
	if s != nil && waiter != nil {
		f.r.waitsLocked(m.tableOf(waiter), s, lone)
	}
	return s != nil
}

// take enters the lock in the list, and reports whether nobody has come in its way since.
func (f *flocking) take() bool {
	taken, replaced := f.r.enter(f.want, f.id, f.host != nil)
	if replaced {
		f.r.queue.Notify(In)
	}
	return taken
}

func (r *records) enter(want span, id Inode, records bool) (taken, replaced bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.conflictLocked(want, id, records) != nil {
		return false, false
	}
	return true, r.setLocked(id, want)
}

// flockOf is the kind of lock that a description has: LOCK_UN for none.
func (r *records) flockOf(d *Description, id Inode) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	for i := range r.files[id] {
		switch s := &r.files[id][i]; {
		case s.owner != any(d):
		case s.write:
			return netbsd.LOCK_EX
		default:
			return netbsd.LOCK_SH
		}
	}
	return netbsd.LOCK_UN
}

// drop is LOCK_UN.
func (f *flocking) drop() (errno netbsd.Errno) {
	if f.host != nil {
		errno = f.host.TryFlock(netbsd.LOCK_UN)
	}
	f.r.unlockAll(f.d, f.id)
	return errno
}

// endFlock drops the lock of a description whose last reference has gone (closef). The file is closed: the host has dropped it already.
func (d *Description) endFlock() {
	if f := d.flocked.Load(); f != nil {
		f.m.records.unlockAll(d, f.id)
	}
}
