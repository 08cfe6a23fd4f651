package file

import (
	"encoding/binary"
	"sync"
	"time"

	"toaster/netbsd"
)

// Timer is an open timerfd_create(2) (sys_timerfd.c): how often it has fired is what a read
// takes away. It counts by the host's monotonic clock, whichever clock it is of: nobody in a
// guest sets one, so a time of day is as far away as the clock said when the timer was set.
type Timer struct {
	Base
	NoPathconf
	Clock    int  // CLOCK_REALTIME or CLOCK_MONOTONIC; set once
	old      bool // of release 10: see NewTimer
	owner    Owner
	born     netbsd.Timespec
	watchers Queue

	mu        sync.Mutex // guards what follows
	fired     uint32     // it_overruns, an int of the kernel's
	next      time.Time  // when it fires; zero if it is not set
	interval  time.Duration
	clock     *time.Timer // calls fire at next; nil where nobody needs to be told
	gen       int         // counts settings, so that a late fire of an earlier one does nothing
	read, set netbsd.Timespec
}

// NewTimer makes one that is not set. Of flags count those that F_SETFL could set. old: as in release 10 it can always be
// written to, as poll(2) says, though no write succeeds.
func NewTimer(clock int, old bool, owner Owner, flags int) *Description {
	return New(&Timer{Clock: clock, old: old, owner: owner, born: netbsd.TimespecAt(time.Now())}, netbsd.O_RDONLY|flags&^netbsd.O_ACCMODE)
}

// Settime has t fire in value, and then in each interval; 0 as value stops it. What it has
// counted is forgotten. It returns what was set before.
func (t *Timer) Settime(value, interval time.Duration) (oldValue, oldInterval time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	oldValue, oldInterval = t.leftLocked(), t.interval
	t.stopLocked()
	t.fired, t.next, t.interval = 0, time.Time{}, interval
	t.set = netbsd.TimespecAt(time.Now())
	if value > 0 {
		t.next = time.Now().Add(value)
		t.armLocked(0)
	}
	return oldValue, oldInterval
}

// Gettime returns how long it is until t fires, 0 if it does not, and the interval.
func (t *Timer) Gettime() (value, interval time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.leftLocked(), t.interval
}

// leftLocked is how long it is until the next firing, at least 1 ns while there is one.
func (t *Timer) leftLocked() time.Duration {
	t.advanceLocked()
	if t.next.IsZero() {
		return 0
	}
	return max(1, time.Until(t.next))
}

// advanceLocked counts the firings until now. An interval may be far shorter than what a
// goroutine could follow, so they are computed, however many there were.
func (t *Timer) advanceLocked() {
	late := time.Since(t.next)
	if t.next.IsZero() || late < 0 {
		return
	}
	if t.interval <= 0 {
		t.fired++
		t.next = time.Time{}
		return
	}
	n := int64(late/t.interval) + 1
	t.fired = uint32(min(int64(t.fired)+n, 1<<31-1))
	t.next = t.next.Add(time.Duration(n) * t.interval)
}

// tick is the least time between two calls of fire, that of NetBSD's clock (hz is 100): an
// interval can be a nanosecond, and what was missed is counted in one go.
const tick = 10 * time.Millisecond

// armLocked has fire called at the next firing. That goes on for as long as somebody watches;
// otherwise who reads sets it up again.
func (t *Timer) armLocked(least time.Duration) {
	t.gen++
	gen := t.gen
	t.clock = time.AfterFunc(max(time.Until(t.next), least), func() { t.fire(gen) })
}

func (t *Timer) stopLocked() {
	t.gen++
	if t.clock != nil {
		t.clock.Stop()
		t.clock = nil
	}
}

func (t *Timer) fire(gen int) {
	if t.due(gen) {
		t.watchers.Notify(In | RdNorm)
	}
}

// due counts, and says whether the setting gen is still the one that counts.
func (t *Timer) due(gen int) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.gen != gen {
		return false
	}
	t.advanceLocked()
	if t.clock = nil; !t.next.IsZero() && (t.fired == 0 || !t.watchers.Empty()) {
		t.armLocked(tick)
	}
	return true
}

// Read implements File. EINVAL: room for less than a count.
func (t *Timer) Read(c Call, b []byte) (int, netbsd.Errno) {
	if len(b) < 8 {
		return 0, netbsd.EINVAL
	}
	try := func() (int, netbsd.Errno) {
		n := t.take()
		if n == 0 {
			return 0, netbsd.EAGAIN
		}
		binary.LittleEndian.PutUint64(b, uint64(n))
		return 8, 0
	}
	if n, errno := try(); errno != netbsd.EAGAIN {
		return n, errno
	}
	return Block(c, t, In, try)
}

func (t *Timer) take() (n uint32) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.advanceLocked()
	if n = t.fired; n == 0 {
		return 0
	}
	t.fired = 0
	t.read = netbsd.TimespecAt(time.Now())
	t.rearmLocked()
	return n
}

// rearmLocked has fire called again if that has stopped for want of interest.
func (t *Timer) rearmLocked() {
	if !t.next.IsZero() && t.clock == nil {
		t.armLocked(0)
	}
}

func (t *Timer) count() int64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.advanceLocked()
	return int64(t.fired)
}

// Poll implements File.
func (t *Timer) Poll(want Events) (ev Events) {
	if t.old {
		ev = want & Out
	}
	if t.count() != 0 {
		ev |= want & (In | RdNorm)
	}
	return ev
}

// Watch implements File.
func (t *Timer) Watch(w *Waiter) {
	t.watchers.Add(w)
	t.mu.Lock()
	defer t.mu.Unlock()
	t.rearmLocked()
}

func (t *Timer) Unwatch(w *Waiter)  { t.watchers.Remove(w) }
func (t *Timer) Restart(tab *Table) { t.watchers.Restart(tab) }

// ReadCount and WriteCount implement Counter.
func (t *Timer) ReadCount() int64  { return t.count() }
func (t *Timer) WriteCount() int64 { return 0 }

// KnoteErrno implements KnoteRefuser: there is EVFILT_READ alone.
func (t *Timer) KnoteErrno(filter int) netbsd.Errno {
	if filter != netbsd.EVFILT_READ {
		return netbsd.EINVAL
	}
	return 0
}

// Stat implements File.
func (t *Timer) Stat() (Stat, netbsd.Errno) {
	n := t.count()
	t.mu.Lock()
	defer t.mu.Unlock()
	return Stat{
		Mode: netbsd.S_IFIFO | 0o600, Size: n, Blksize: 8, Blocks: 1, UID: t.owner.UID, GID: t.owner.GID,
		Atime: t.read, Mtime: t.set, Ctime: t.set, Btime: t.born,
	}, 0
}

// Ioctl implements File.
func (t *Timer) Ioctl(_ Call, cmd uint32, data []byte) netbsd.Errno {
	if cmd == netbsd.FIONREAD {
		return PutInt(data, 8*min(1, int(t.count())))
	}
	switch cmd {
	case netbsd.TFD_IOC_SET_TICKS:
	case netbsd.FIONSPACE:
		return netbsd.ENOTTY // timerfd_fop_ioctl knows none, though kevent(2) counts
	default:
		return netbsd.EPASSTHROUGH
	}
	n := binary.LittleEndian.Uint64(data)
	if n > 1<<31-1 {
		return netbsd.EINVAL
	}
	t.mu.Lock()
	t.fired = uint32(n) // who waits already is not told (timerfd_fop_ioctl)
	t.mu.Unlock()
	return 0
}

// Close implements File.
func (t *Timer) Close() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.stopLocked()
}
