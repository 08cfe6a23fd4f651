package kqueue

import (
	"toaster/internal/file"
	"toaster/internal/guard"
	"toaster/netbsd"
)

// knote is one registered event (struct knote). Queue.mu guards it, but for what the
// source set before the first activate. It dies once, by EV_DELETE, the close of its
// descriptor, EV_ONESHOT or the queue's close; its source may still call activate then,
// which does nothing.
type knote struct {
	q      *Queue
	src    source
	filter uint32
	ident  uint64
	udata  uint64
	ext    [4]uint64 // of EV_ADD; later changes leave it (kqueue_register)
	flags  uint32    // of EV_ADD, that and others included, and EV_EOF once the source says so

	nested *Queue // what it watches, if that is a queue: see checkNesting

	sfflags uint32 // what is asked for
	sdata   int64
	fflags  uint32 // what has happened
	data    int64

	// held is what was found of a file when kevent(2) was told of a one-shot event: it is handed out as it was then, and not asked
	// again (kqueue_scan). What the file says later, which news counts, it could say with locks held only, and is looked up then.
	held *state
	news int

	active   bool // may have something to report
	disabled bool
	dead     bool

	next, prev *knote
	queued     bool
}

// state is what a source reports beside the knote's own fflags and data.
type state struct {
	flags  uint32
	fflags *uint32
	data   *int64
}

// source is a filter attached to its object (struct filterops). None of its methods is
// called with Queue.mu held: a source asks files, processes and other queues, whose locks
// come first, and these call activate, which takes Queue.mu, with theirs held.
type source interface {
	// poll asks whether there is something to report now.
	poll(kn *knote) (state, bool)
	detach(kn *knote)
}

// toucher is a source that follows changes by kevent(2) itself (f_touch); those of others set sfflags and sdata.
type toucher interface {
	touch(kn *knote, ev *netbsd.Kevent) netbsd.Errno
}

// clearer is a source that EV_CLEAR resets.
type clearer interface{ clearLocked() }

// activate puts the knote on the ready list and wakes who waits (knote_activate). Sources
// call it with a lock of their own held, file.Queue.mu mostly. The waiters are told after
// Queue.mu is dropped: one of them may be a knote of another queue that watches this one.
func (kn *knote) activate() {
	q := kn.q
	wake := false
	guard.Locked(&q.mu, func() { wake = kn.activateLocked() })
	if wake {
		q.waiters.Notify(file.In | file.RdNorm)
	}
}

// activateLocked reports whether there is news for those who wait.
func (kn *knote) activateLocked() bool {
	kn.news++
	kn.held = nil
	return kn.queueLocked(false)
}

// queueLocked is activateLocked for a knote that counts as enabled where that is said, though it is disabled by now.
func (kn *knote) queueLocked(enabled bool) bool {
	if kn.dead {
		return false
	}
	kn.active = true
	if kn.disabled && !enabled || kn.queued {
		return false
	}
	kn.q.ready.push(kn)
	return true
}

// happen adds to what a knote reports, in one step with its activation. report
// tells whether it is to become active.
func (kn *knote) happen(f func() (report bool)) {
	q := kn.q
	wake := false
	guard.Locked(&q.mu, func() { wake = !kn.dead && f() && kn.activateLocked() })
	if wake {
		q.waiters.Notify(file.In | file.RdNorm)
	}
}

// happened is poll for sources that keep their news in the knote.
func (kn *knote) happened() bool {
	kn.q.mu.Lock()
	defer kn.q.mu.Unlock()
	return kn.fflags != 0 || kn.data != 0
}

// list is a queue of knotes.
type list struct {
	head, tail *knote
	n          int
}

// push appends kn, unless it is there already: its source may have announced it while
// a scan asked that source without the lock.
func (l *list) push(kn *knote) {
	if kn.queued {
		return
	}
	kn.queued, kn.prev, kn.next = true, l.tail, nil
	if l.tail == nil {
		l.head = kn
	} else {
		l.tail.next = kn
	}
	l.tail = kn
	l.n++
}

func (l *list) pop() *knote {
	kn := l.head
	l.remove(kn)
	return kn
}

func (l *list) remove(kn *knote) {
	if !kn.queued {
		return
	}
	if kn.prev == nil {
		l.head = kn.next
	} else {
		kn.prev.next = kn.next
	}
	if kn.next == nil {
		l.tail = kn.prev
	} else {
		kn.next.prev = kn.prev
	}
	kn.queued, kn.prev, kn.next = false, nil, nil
	l.n--
}
