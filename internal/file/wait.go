package file

import (
	"sync"
	"sync/atomic"
	"time"

	"toaster/netbsd"
)

// Events are the conditions of poll(2), with NetBSD's bits where it has them.
type Events uint32

const (
	In     Events = 0x1
	Pri    Events = 0x2
	Out    Events = 0x4
	Err    Events = 0x8
	Hup    Events = 0x10
	Nval   Events = 0x20
	RdNorm Events = 0x40
	RdBand Events = 0x80
	WrBand Events = 0x100
	WrNorm        = Out
	// RdHup says that no more data will come in; only kevent(2) sees it, as
	// EV_EOF on EVFILT_READ.
	RdHup Events = 0x10000
	// WrHup says that nobody reads any more: EV_EOF on EVFILT_WRITE.
	WrHup Events = 0x20000
)

// Readable and Writable are what a waiting reader and writer care about.
const (
	Readable = In | RdNorm | Pri | Hup | Err | RdHup
	Writable = Out | Hup | Err | WrHup
)

// Waiter hears of the events in Mask on one Queue at a time. Fn, or L's Wake if
// Fn is nil, is called with the queue locked: it must not sleep, nor call back
// into the file, whose lock may be held by who notifies. Mask, Fn and L are not
// changed while it is on a queue.
type Waiter struct {
	Mask Events
	Fn   func(Events)
	L    Sleeper

	next, prev *Waiter
	queue      *Queue
	restart    atomic.Bool
}

// Queue is a set of waiters on one source (struct selinfo). The zero Queue is ready for
// use. It wakes everybody who asked for an event, as selnotify does: each tries again, and
// who comes too late sleeps again.
type Queue struct {
	n    atomic.Int32 // waiters; lets Notify skip the lock
	mu   sync.Mutex
	head *Waiter
	tail *Waiter
}

// Add puts w on the queue. A waiter on a queue is not added again.
func (q *Queue) Add(w *Waiter) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if w.queue != nil {
		return
	}
	w.queue, w.prev = q, q.tail
	if q.tail == nil {
		q.head = w
	} else {
		q.tail.next = w
	}
	q.tail = w
	q.n.Add(1)
}

// Remove takes w off; after it returns, w hears nothing more from q.
func (q *Queue) Remove(w *Waiter) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if w.queue != q {
		return
	}
	if w.prev == nil {
		q.head = w.next
	} else {
		w.prev.next = w.next
	}
	if w.next == nil {
		q.tail = w.prev
	} else {
		w.next.prev = w.prev
	}
	w.next, w.prev, w.queue = nil, nil, nil
	q.n.Add(-1)
}

// Empty reports that nobody waits. A waiter that is being added at the same
// moment tests its condition again afterwards, so the answer is good enough to
// skip a Notify.
func (q *Queue) Empty() bool { return q.n.Load() == 0 }

// overheard reports whether somebody hears of what happens who does not sleep for it.
func (q *Queue) overheard() bool {
	if q.Empty() {
		return false
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	for w := q.head; w != nil; w = w.next {
		if w.Fn != nil {
			return true
		}
	}
	return false
}

// retry wakes those who sleep, to try again. Nothing has happened that others should hear of.
func (q *Queue) retry() {
	q.mu.Lock()
	defer q.mu.Unlock()
	for w := q.head; w != nil; w = w.next {
		if w.Fn == nil {
			w.L.Wake()
		}
	}
}

// Notify tells the waiters interested in ev.
func (q *Queue) Notify(ev Events) {
	if q.Empty() {
		return
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	for w := q.head; w != nil; w = w.next {
		if w.Mask&ev == 0 {
			continue
		}
		if w.Fn != nil {
			w.Fn(ev)
		} else {
			w.L.Wake()
		}
	}
}

// Restart makes the calls that sleep here begin again where they came by a
// descriptor of t: one was closed, and it may be theirs (fo_restart).
func (q *Queue) Restart(t *Table) {
	if q.Empty() {
		return
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	for w := q.head; w != nil; w = w.next {
		if w.L != nil && t.usedBy(w.L) {
			w.restart.Store(true)
			w.L.Wake()
		}
	}
}

// restarter is a file whose sleepers a close(2) sends back to look their
// descriptor up again.
type restarter interface{ Restart(*Table) }

// watcher is the part of File that Block needs.
type watcher interface {
	Watch(*Waiter)
	Unwatch(*Waiter)
}

// Block is the slow half of every blocking call: the caller tried once and got
// EAGAIN. It watches f, tries again, and sleeps until try returns anything else
// or the sleep ends with an error. try runs with no lock held.
func Block(c Call, f watcher, mask Events, try func() (int, netbsd.Errno)) (int, netbsd.Errno) {
	return BlockUntil(c, f, mask, time.Time{}, try)
}

// BlockUntil is Block with a deadline: EWOULDBLOCK when it passes.
func BlockUntil(c Call, f watcher, mask Events, deadline time.Time, try func() (int, netbsd.Errno)) (int, netbsd.Errno) {
	if c.Nonblock {
		return 0, netbsd.EAGAIN
	}
	w := &Waiter{Mask: mask, L: c.L}
	f.Watch(w)
	// Deferred: a sleep that ends in the LWP's death unwinds with Goexit.
	defer f.Unwatch(w)
	for {
		// After Watch, not before: what becomes ready between a try and the sleep has
		// woken L already, and the sleep ends at once.
		n, errno := try()
		if errno != netbsd.EAGAIN {
			return n, errno
		}
		if errno := c.L.Sleep(true, deadline); errno != 0 {
			return 0, errno
		}
		if w.restart.Load() {
			return 0, netbsd.ERESTART
		}
	}
}
