package kqueue

import (
	"sync"
	"sync/atomic"
	"time"

	"toaster/internal/file"
	"toaster/internal/guard"
	"toaster/kern"
	"toaster/netbsd"
)

// key finds a knote: kevent(2) knows an event by ident and filter.
type key struct {
	filter uint32
	ident  uint64
}

// Queue is a kqueue. It is a file, so it can be polled and watched by another
// queue, but it isn't inherited by fork(2).
type Queue struct {
	file.Base
	Owner      file.Owner // this and the next are fstat(2)'s, and set before the queue is known to anybody
	KeventSize int        // of the release
	// NewSet makes a set of the host's descriptors; nil: the queue is not lent.
	NewSet func() (file.EventSet, netbsd.Errno)

	mu      sync.Mutex
	knotes  map[key]*knote
	all     *atomic.Int32 // counts those of all queues of the machine; nil until there is one
	ready   list
	asked   int       // knotes off the ready list while a scan asks their sources
	settled sync.Cond // of mu: asked may be 0 again
	missed  bool      // somebody saw the list empty meanwhile, and is told of what comes back
	closed  bool
	waiters file.Queue

	restarts atomic.Uint32 // see Restart

	// What the host tells of, see hosted.go. set is set once, with hosted and forSet.
	set      file.EventSet
	forSet   file.Waiter
	hosted   map[uint64]hostedFile // by ident
	nhosted  int                   // knotes
	table    *file.Table           // that q is lent by; nil if it is not
	borrower file.Borrower         // to whom
	lent     atomic.Bool           // it is

	// watching is the machine whose watches tell some of the knotes; nil until there is one. What they
	// have to say is asked for before the list of ready knotes is looked at: to a guest it has happened.
	watching atomic.Pointer[file.Machine]
}

// New makes an empty kqueue.
func New() *Queue {
	q := &Queue{knotes: map[key]*knote{}}
	q.settled.L = &q.mu
	return q
}

// NotInherited says that fork(2) leaves kqueues out.
func (q *Queue) NotInherited() bool { return true }

// Stat is fstat(2) of a kqueue (kqueue_stat): how many events are ready.
func (q *Queue) Stat() (file.Stat, netbsd.Errno) {
	return file.Stat{Size: q.ReadCount(), Blksize: uint32(q.KeventSize), Blocks: 1, Mode: netbsd.S_IFIFO | 0o600,
		UID: q.Owner.UID, GID: q.Owner.GID}, 0
}

// SetFlags is ENOTTY: kqueue_fcntl and kqueue_ioctl know no F_SETFL and no FIONBIO.
func (q *Queue) SetFlags(int) netbsd.Errno { return netbsd.ENOTTY }

// KnoteErrno implements file.KnoteRefuser: there is EVFILT_READ alone (kqueue_kqfilter).
func (q *Queue) KnoteErrno(filter int) netbsd.Errno {
	if filter != netbsd.EVFILT_READ {
		return netbsd.EINVAL
	}
	return 0
}

// Pathconf implements file.Pathconfer: there is nothing to tell (kqueue_fpathconf).
func (q *Queue) Pathconf(int) (int64, netbsd.Errno) { return 0, netbsd.EINVAL }

// Ioctl implements file.File: kqueue_ioctl knows what asks for filters' names alone, which is served before (kfilterMapping).
func (q *Queue) Ioctl(file.Call, uint32, []byte) netbsd.Errno { return netbsd.ENOTTY }

// Refuses implements file.Refuser.
func (q *Queue) Refuses(uint32, []byte) netbsd.Errno { return netbsd.ENOTTY }

// Read and Write are not for kqueues: ENXIO.
func (q *Queue) Read(file.Call, []byte) (int, netbsd.Errno) { return 0, netbsd.ENXIO }

// Write is as Read.
func (q *Queue) Write(file.Call, []byte) (int, netbsd.Errno) { return 0, netbsd.ENXIO }

// settle waits until watches have told what has happened. mu is not held.
func (q *Queue) settle() {
	if m := q.watching.Load(); m != nil {
		m.Settle()
	}
}

// Poll reports In while events are ready.
func (q *Queue) Poll(want file.Events) file.Events {
	q.settle()
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.emptyLocked() && (q.set == nil || q.closed || !q.set.Ready()) {
		return 0
	}
	return want & (file.In | file.RdNorm)
}

// Watch implements file.File.
func (q *Queue) Watch(w *file.Waiter) { q.waiters.Add(w); q.follow() }

// Unwatch implements file.File.
func (q *Queue) Unwatch(w *file.Waiter) { q.waiters.Remove(w); q.follow() }

// ReadCount is how many events are ready.
func (q *Queue) ReadCount() int64 {
	defer q.Settle()
	q.harvest()
	q.mu.Lock()
	defer q.mu.Unlock()
	return int64(q.ready.n)
}

// WriteCount is 0.
func (q *Queue) WriteCount() int64 { return 0 }

// Close drops every knote. A knote is dead before its source lets go: what the source
// still says then is not put on a list that nobody reads, and an LWP that is just adding
// a knote finds the queue closed.
func (q *Queue) Close() {
	q.mu.Lock()
	q.closed = true
	all := q.knotes
	q.knotes = map[key]*knote{}
	if q.all != nil {
		q.all.Add(-int32(len(all)))
	}
	q.ready = list{}
	for _, kn := range all {
		kn.dead = true
	}
	q.mu.Unlock()
	for _, kn := range all {
		kn.src.detach(kn)
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.set != nil {
		q.set.Close() // with mu, so that whoever uses it there finds it open, or the queue closed
	}
}

// Closed implements file.EventQueue.
func (q *Queue) Closed() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.closed
}

// Caller is who changes or waits: descriptors are looked up in its table,
// signals and processes are its own.
type Caller struct {
	L     file.Sleeper
	Files *file.Table
	Proc  *kern.Proc
}

// Wait is the second half of kevent(2): it fills out with ready events, waiting
// for the first one until the deadline (the zero time: forever) unless nowait.
func (q *Queue) Wait(l file.Sleeper, out []netbsd.Kevent, deadline time.Time, nowait bool) (int, netbsd.Errno) {
	got, errno := q.WaitUpTo(l, out, uint64(len(out)), deadline, nowait)
	return len(got), errno
}

// WaitUpTo is Wait for up to most events, as many as are ready at once. They are in room as far as it goes.
func (q *Queue) WaitUpTo(l file.Sleeper, room []netbsd.Kevent, most uint64, deadline time.Time, nowait bool) ([]netbsd.Kevent, netbsd.Errno) {
	if most == 0 {
		return nil, 0
	}
	defer q.Settle()
	if got := q.scan(room, most); len(got) > 0 || nowait {
		return got, 0
	}
	restarts := q.restarts.Load()
	var got []netbsd.Kevent
	_, errno := file.BlockUntil(file.Call{L: l}, q, file.In, deadline, func() (int, netbsd.Errno) {
		if got = q.scan(room, most); len(got) > 0 {
			return len(got), 0
		}
		return 0, netbsd.EAGAIN
	})
	switch errno {
	case netbsd.EWOULDBLOCK:
		return nil, 0
	case netbsd.ERESTART: // kevent(2) is not restarted, unless for a close
		if q.restarts.Load() == restarts {
			return nil, netbsd.EINTR
		}
	}
	return got, errno
}

// Restart sends those who wait back to their descriptors (kqueue_restart).
func (q *Queue) Restart(t *file.Table) {
	q.restarts.Add(1)
	q.waiters.Restart(t)
}

// scan hands out what is ready now (kqueue_scan). Level-triggered knotes go back to the
// end of the list, and are met at most once: scanLocked counts what was there when it
// began, or a knote that is always true would be handed out for ever.
//
// What another scan is asking about counts as ready until the answer is there: kqueue_scan waits for a knote
// that is in flux. A kevent(2) that only looks would miss an event that is there all the time.
func (q *Queue) scan(room []netbsd.Kevent, most uint64) []netbsd.Kevent {
	q.settle()
	q.harvest()
	out, tell := room[:0], false
	guard.Locked(&q.mu, func() {
		for q.ready.n == 0 && q.asked > 0 {
			q.settled.Wait()
		}
		if !q.emptyLocked() {
			out, tell = q.scanLocked(out, most)
		}
	})
	if tell {
		q.waiters.Notify(file.In | file.RdNorm)
	}
	return out
}

// emptyLocked says whether nothing is ready. Who was told so waits: what another scan
// then puts back is news.
func (q *Queue) emptyLocked() bool {
	if q.ready.n > 0 {
		return false
	}
	q.missed = q.missed || q.asked > 0
	return true
}

// scanLocked is scan's work, which appends to out. tell says that there is something again for those who
// found nothing meanwhile.
func (q *Queue) scanLocked(out []netbsd.Kevent, most uint64) (_ []netbsd.Kevent, tell bool) {
	left := q.ready.n
	for ; left > 0 && uint64(len(out)) < most && q.ready.n > 0; left-- {
		kn := q.ready.pop()
		if kn.dead || kn.disabled {
			continue
		}
		q.asked++
		ev, ok := q.takeLocked(kn)
		if q.asked--; q.asked == 0 || q.ready.n > 0 {
			q.settled.Broadcast()
		}
		if ok {
			out = append(out, ev)
		}
	}
	if q.missed {
		tell = q.ready.n > 0
		q.missed = !tell && q.asked > 0
	}
	return out, tell
}

// takeLocked makes the event of a knote that was ready, if it still is. It drops mu while
// it asks the source, so the knote may be deleted, disabled or activated meanwhile; active
// is cleared before, not after, so that an activation of that moment is not lost.
func (q *Queue) takeLocked(kn *knote) (netbsd.Kevent, bool) {
	now, ok := q.foundLocked(kn)
	if kn.dead || kn.disabled {
		return netbsd.Kevent{}, false
	}
	// What a one-shot reports may be past already: the process has exited.
	if !ok && kn.flags&netbsd.EV_ONESHOT == 0 {
		return netbsd.Kevent{}, false
	}
	ev := netbsd.Kevent{Ident: kn.ident, Filter: kn.filter, Udata: kn.udata, Ext: kn.ext,
		Flags: kn.flags | now.flags, Fflags: kn.fflags, Data: kn.data}
	if now.data != nil {
		ev.Data = *now.data
	}
	if now.fflags != nil {
		ev.Fflags = *now.fflags
	}
	switch {
	case kn.flags&netbsd.EV_ONESHOT != 0:
		q.dropLocked(kn)
	case kn.flags&netbsd.EV_CLEAR != 0:
		kn.fflags, kn.data = 0, 0
		if c, ok := kn.src.(clearer); ok {
			c.clearLocked()
		}
	}
	switch {
	case kn.dead:
	case kn.flags&netbsd.EV_CLEAR != 0: // EV_DISPATCH has no effect beside it, nor where it is implied (kqueue_scan)
	case kn.flags&netbsd.EV_DISPATCH != 0:
		kn.disabled = true
	default:
		kn.active = true
		q.ready.push(kn)
	}
	return ev, true
}

// foundLocked is what takeLocked asks.
func (q *Queue) foundLocked(kn *knote) (state, bool) {
	kn.active = false
	held := kn.held
	q.mu.Unlock()
	now, ok := kn.src.poll(kn)
	q.mu.Lock()
	if held != nil && !now.newer(held) {
		return *held, true
	}
	return now, ok
}

// newer reports whether more is there than was, or the end: of what the host brings the file may have to be told yet.
func (now state) newer(held *state) bool {
	return now.flags != held.flags || *now.data > *held.data
}

// dropLocked forgets a knote. It drops mu while the source lets go: the caller must look
// again at what it knew of the queue.
func (q *Queue) dropLocked(kn *knote) {
	kn.dead = true
	q.ready.remove(kn)
	q.forgetLocked(kn)
	q.mu.Unlock()
	kn.src.detach(kn)
	q.mu.Lock()
}

// Dtype implements file.Typed.
func (q *Queue) Dtype() uint32 { return netbsd.DTYPE_KQUEUE }
