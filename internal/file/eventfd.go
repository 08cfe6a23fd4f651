package file

import (
	"encoding/binary"
	"sync"
	"time"

	"toaster/netbsd"
)

// eventfd is eventfd(2) (sys_eventfd.c): a count that writing adds to and reading takes away.
type eventfd struct {
	Base
	NoPathconf
	semaphore bool
	owner     Owner
	born      netbsd.Timespec
	watchers  Queue

	mu            sync.Mutex // guards what follows
	val           uint64
	read, written netbsd.Timespec
}

// Owner is whose file it is, for fstat(2).
type Owner struct{ UID, GID uint32 }

// maxEvent is EVENTFD_MAXVAL.
const maxEvent = 1<<64 - 2

// NewEventfd makes an open eventfd(2). With semaphore a read takes 1, otherwise all. Of flags
// count those that F_SETFL could set.
func NewEventfd(val uint64, semaphore bool, owner Owner, flags int) *Description {
	e := &eventfd{val: val, semaphore: semaphore, owner: owner, born: netbsd.TimespecAt(time.Now())}
	return New(e, netbsd.O_RDWR|flags&^netbsd.O_ACCMODE)
}

// Read implements File. EINVAL: room for less than a count.
func (e *eventfd) Read(c Call, b []byte) (int, netbsd.Errno) {
	if len(b) < 8 {
		return 0, netbsd.EINVAL
	}
	try := func() (int, netbsd.Errno) {
		v, errno := e.take()
		if errno != 0 {
			return 0, errno
		}
		binary.LittleEndian.PutUint64(b, v)
		e.watchers.Notify(Out)
		return 8, 0
	}
	if n, errno := try(); errno != netbsd.EAGAIN {
		return n, errno
	}
	return Block(c, e, In, try)
}

func (e *eventfd) take() (v uint64, errno netbsd.Errno) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if v = e.val; v == 0 {
		return 0, netbsd.EAGAIN
	}
	if e.semaphore {
		v = 1
	}
	e.val -= v
	e.read = netbsd.TimespecAt(time.Now())
	return v, 0
}

// Write implements File. EINVAL: less than a count, or one that is too large.
func (e *eventfd) Write(c Call, b []byte) (int, netbsd.Errno) {
	if len(b) < 8 {
		return 0, netbsd.EINVAL
	}
	v := binary.LittleEndian.Uint64(b)
	if v > maxEvent {
		return 0, netbsd.EINVAL
	}
	try := func() (int, netbsd.Errno) {
		if errno := e.add(v); errno != 0 {
			return 0, errno
		}
		e.watchers.Notify(In | RdNorm)
		return 8, 0
	}
	if n, errno := try(); errno != netbsd.EAGAIN {
		return n, errno
	}
	return Block(c, e, Out, try)
}

func (e *eventfd) add(v uint64) netbsd.Errno {
	e.mu.Lock()
	defer e.mu.Unlock()
	if maxEvent-e.val < v {
		return netbsd.EAGAIN
	}
	e.val += v
	e.written = netbsd.TimespecAt(time.Now())
	return 0
}

func (e *eventfd) value() uint64 {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.val
}

// Poll implements File.
func (e *eventfd) Poll(want Events) (ev Events) {
	v := e.value()
	if v != 0 {
		ev |= want & (In | RdNorm)
	}
	if v < maxEvent {
		ev |= want & Out
	}
	return ev
}

func (e *eventfd) Watch(w *Waiter)   { e.watchers.Add(w) }
func (e *eventfd) Unwatch(w *Waiter) { e.watchers.Remove(w) }
func (e *eventfd) Restart(t *Table)  { e.watchers.Restart(t) }

// ReadCount and WriteCount implement Counter: what kevent(2) tells is the count, either way.
func (e *eventfd) ReadCount() int64  { return int64(e.value()) }
func (e *eventfd) WriteCount() int64 { return int64(e.value()) }

// Stat implements File.
func (e *eventfd) Stat() (Stat, netbsd.Errno) {
	e.mu.Lock()
	defer e.mu.Unlock()
	return Stat{
		Mode: netbsd.S_IFIFO | 0o600, Size: int64(e.val), Blksize: 8, Blocks: 1, UID: e.owner.UID, GID: e.owner.GID,
		Atime: e.read, Mtime: e.written, Ctime: e.born, Btime: e.born,
	}, 0
}

// Ioctl implements File.
func (e *eventfd) Ioctl(_ Call, cmd uint32, data []byte) netbsd.Errno {
	switch cmd {
	case netbsd.FIONREAD:
		if e.value() == 0 {
			return PutInt(data, 0)
		}
		return PutInt(data, 8)
	case netbsd.FIONWRITE:
		return PutInt(data, 0)
	case netbsd.FIONSPACE:
		return netbsd.ENOTTY // eventfd_ioctl knows none, though kevent(2) counts
	}
	return netbsd.EPASSTHROUGH
}
