package file

import (
	"math"
	"time"

	"toaster/netbsd"
)

// POSIX record locks of fcntl(2). They belong to a process (its table) and a
// file, whichever descriptor they were made through, and go when the process
// closes any descriptor of that file. They are in one list with the locks of
// flock(2), see lock_list.go. They hold among the guests of a machine, as
// those of a NetBSD kernel hold among its processes. Another machine does not see
// them, nor does the host: its record locks would all be the toaster process's, for
// which none of them is ever in the way.

// SetLock is F_SETLK, or F_SETLKW with wait. lk.Pid is the caller's. EBADF: not open for that, which do_fcntl_lock looks at before
// lf_advlock does at the range. ENOMEM: the user has too many, which is asked before who is in the way.
func (d *Description) SetLock(l Sleeper, t *Table, lk netbsd.Flock, wait bool) netbsd.Errno {
	r := &t.machine.records
	id, size, errno := d.lockable()
	switch {
	case errno != 0, !knownLock(lk):
		return netbsd.EINVAL
	case lk.Type == netbsd.F_WRLCK && !d.Writable(), lk.Type == netbsd.F_RDLCK && !d.Readable():
		return netbsd.EBADF
	}
	want, errno := d.span(&lk, size)
	if errno != 0 {
		return errno
	}
	want.owner, want.pid, want.uid = t, lk.Pid, t.machine.userOf(l)
	if lk.Type == netbsd.F_UNLCK {
		return r.unlock(want, id, 2*t.machine.maxLocks())
	}
	if errno := r.charge(want.uid, 2, t.machine.maxLocks()); errno != 0 {
		return errno
	}
	defer r.discharge(want.uid, 2)
	errno = r.tryLock(want, id, nil)
	if errno != netbsd.EAGAIN || !wait {
		return errno
	}
	return r.waitLock(l, t, want, id)
}

// waitLock sleeps until nobody is in the way.
func (r *records) waitLock(l Sleeper, t *Table, want span, id Inode) netbsd.Errno {
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
// told from the position. F_UNLCK is in the way of what F_RDLCK is (lf_getblock). A lock of flock(2) is nobody's: its pid is -1.
func (d *Description) GetLock(t *Table, lk netbsd.Flock) (netbsd.Flock, netbsd.Errno) {
	r := &t.machine.records
	id, size, errno := d.lockable()
	if errno != 0 || !knownLock(lk) {
		return lk, netbsd.EINVAL
	}
	want, errno := d.span(&lk, size)
	if errno != 0 {
		return lk, errno
	}
	want.owner = t
	r.mu.Lock()
	defer r.mu.Unlock()
	s := r.conflictLocked(want, id, false)
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

func knownLock(lk netbsd.Flock) bool {
	return lk.Type >= netbsd.F_RDLCK && lk.Type <= netbsd.F_WRLCK
}

// LockRefuser is implemented by files of file systems that know no locks (genfs_einval as vop_advlock).
type LockRefuser interface{ RefusesLocks() }

// lockable says which file d's locks are of, and how large it is. A device is the same through whatever name (spec_advlock), and has no
// size. EOPNOTSUPP: it is in no file system, and so has no fo_advlock. EINVAL: its file system has no locks for its kind (genfs_einval).
func (d *Description) lockable() (id Inode, size int64, errno netbsd.Errno) {
	if _, none := d.File.(Pathconfer); none {
		return id, 0, netbsd.EOPNOTSUPP
	}
	if _, none := d.File.(LockRefuser); none {
		return id, 0, netbsd.EINVAL
	}
	st, errno := d.File.Stat()
	if errno != 0 {
		return id, 0, netbsd.EOPNOTSUPP
	}
	switch kind := st.Mode & netbsd.S_IFMT; kind {
	case netbsd.S_IFREG, netbsd.S_IFDIR:
		return Inode{st.Dev, st.Ino}, st.Size, 0
	case netbsd.S_IFCHR, netbsd.S_IFBLK:
		return Inode{^uint64(kind), st.Rdev}, 0, 0
	case netbsd.S_IFIFO:
		return id, 0, netbsd.EINVAL
	}
	return id, 0, netbsd.EOPNOTSUPP
}

// span reads the range of a struct flock of a file of some size. A start after the position becomes one after the beginning, as the
// caller of lf_advlock has it: EINVAL for a range that begins before 0, or is past what an offset can say.
func (d *Description) span(lk *netbsd.Flock, size int64) (span, netbsd.Errno) {
	start := lk.Start
	switch lk.Whence {
	case netbsd.SEEK_SET:
	case netbsd.SEEK_CUR:
		pos, errno := d.File.Lseek(0, netbsd.SEEK_CUR)
		if errno == netbsd.ESPIPE {
			pos = 0 // of a terminal
		} else if errno != 0 {
			return span{}, errno
		}
		start = addOffset(pos, start)
		lk.Start = start
	case netbsd.SEEK_END:
		start = addOffset(size, start)
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
	return span{start: start, end: end, write: lk.Type == netbsd.F_WRLCK}, 0
}

// addOffset adds two offsets: -1 where that is none.
func addOffset(a, b int64) int64 {
	if b > 0 && a > math.MaxInt64-b || b < 0 && a < math.MinInt64-b {
		return -1
	}
	return a + b
}

// unlockClosed drops a process's locks on a file of which it closes a
// descriptor.
func (t *Table) unlockClosed(d *Description) {
	if t.records.Load() == 0 {
		return
	}
	if id, _, errno := d.lockable(); errno == 0 {
		t.machine.records.unlockAll(t, id)
	}
}
