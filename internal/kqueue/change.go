package kqueue

import (
	"toaster/internal/guard"
	"toaster/netbsd"
)

// Change is Register for who has no use for the flags that are left.
func (q *Queue) Change(c Caller, ev netbsd.Kevent) netbsd.Errno {
	_, errno := q.Register(c, ev)
	return errno
}

// Register is the first half of kevent(2) for one event of the change list.
// EINVAL: no such filter. ENOENT: no such event, and not EV_ADD. left is what a receipt has as the event's fflags, of which
// kqueue_register takes those that a new knote keeps, whether it can be attached or not, and filt_usertouch those that command.
func (q *Queue) Register(c Caller, ev netbsd.Kevent) (left uint32, errno netbsd.Errno) {
	defer q.Settle()
	ev.Flags &^= netbsd.EV_SYSFLAGS
	if !served(ev.Filter) {
		return ev.Fflags, netbsd.EINVAL
	}
	k := key{ev.Filter, ev.Ident}
	q.dropOutlived(c, k)
	left = leftOf(ev)
	if there, errno := q.changeOld(k, ev); there {
		return left, errno
	}
	if errno := closedErrno(c, ev); errno != 0 {
		return ev.Fflags, errno
	}
	if ev.Flags&netbsd.EV_ADD == 0 {
		return ev.Fflags, netbsd.ENOENT
	}
	return 0, q.add(c, k, ev)
}

// served reports whether there is such a filter: EVFILT_AIO has a number alone (sys_kfilters).
func served(filter uint32) bool {
	return filter < netbsd.EVFILT_SYSCOUNT && filter != netbsd.EVFILT_AIO
}

// leftOf is what a change of an event that is there leaves of its fflags.
func leftOf(ev netbsd.Kevent) uint32 {
	if ev.Filter == netbsd.EVFILT_USER && ev.Flags&netbsd.EV_DELETE == 0 {
		return ev.Fflags & netbsd.NOTE_FFLAGSMASK
	}
	return ev.Fflags
}

// dropOutlived drops a knote whose descriptor is being closed, and has become another file's already: the table
// tells of a close (FDClosed) when the number is free.
func (q *Queue) dropOutlived(c Caller, k key) {
	s := q.fileAt(k)
	if s == nil {
		return
	}
	d, errno := c.Files.Get(fdOf(k.ident))
	if errno != 0 {
		return
	}
	d.Release()
	if d == s.d {
		return
	}
	guard.Locked(&q.mu, func() {
		if !s.kn.dead {
			q.dropLocked(s.kn)
		}
	})
}

// fileAt returns the source of a knote of a file, nil if there is none.
func (q *Queue) fileAt(k key) *fileSource {
	q.mu.Lock()
	defer q.mu.Unlock()
	if kn := q.knotes[k]; kn != nil {
		s, _ := kn.src.(*fileSource)
		return s
	}
	return nil
}

func (q *Queue) sourceOf(kn *knote) source {
	q.mu.Lock()
	defer q.mu.Unlock()
	return kn.src
}

// changeOld applies a change to an event that is there, and reports whether it was.
func (q *Queue) changeOld(k key, ev netbsd.Kevent) (there bool, errno netbsd.Errno) {
	kn, enabled, errno := q.alter(k, ev)
	if kn == nil || errno != 0 || ev.Flags&netbsd.EV_DELETE != 0 {
		return kn != nil, errno
	}
	if s, ok := q.sourceOf(kn).(*fileSource); !ok || !s.changed() {
		q.evaluate(kn, enabled)
	}
	return true, 0
}

// alter deletes or modifies an event, and reports whether it was enabled. There is none: nil.
func (q *Queue) alter(k key, ev netbsd.Kevent) (kn *knote, enabled bool, errno netbsd.Errno) {
	q.mu.Lock()
	defer q.mu.Unlock()
	switch kn = q.knotes[k]; {
	case kn == nil:
		return nil, false, 0
	case ev.Flags&netbsd.EV_DELETE != 0:
		q.dropLocked(kn)
		return kn, false, 0
	}
	enabled = !kn.disabled
	return kn, enabled, q.modifyLocked(kn, ev)
}

// closedErrno is EBADF for an event of a descriptor that is not open.
func closedErrno(c Caller, ev netbsd.Kevent) netbsd.Errno {
	switch ev.Filter {
	case netbsd.EVFILT_READ, netbsd.EVFILT_WRITE, netbsd.EVFILT_EMPTY, netbsd.EVFILT_VNODE:
		d, errno := c.Files.Get(fdOf(ev.Ident))
		if errno != 0 {
			return errno
		}
		d.Release()
	}
	return 0
}

// fdOf makes a descriptor of an ident; what is none becomes -1.
func fdOf(ident uint64) int {
	if ident > 1<<31-1 {
		return -1
	}
	return int(ident)
}

// maxKnotes bounds what a guest can have the kernel remember by one queue: idents of user
// events are free to invent. More is ENOMEM.
const maxKnotes = 1 << 17

// maxAllKnotes is that of all queues of a machine together, of which a guest can have as many as it has descriptors.
const maxAllKnotes = 1 << 19

// putLocked puts a knote into the map. ENOMEM: there are too many.
func (q *Queue) putLocked(k key, kn *knote) netbsd.Errno {
	if len(q.knotes) >= maxKnotes {
		return netbsd.ENOMEM
	}
	if q.all.Add(1) > maxAllKnotes {
		q.all.Add(-1)
		return netbsd.ENOMEM
	}
	q.knotes[k] = kn
	return 0
}

// forgetLocked takes a knote out of the map, unless it is another one's place by now.
func (q *Queue) forgetLocked(kn *knote) {
	if k := (key{kn.filter, kn.ident}); q.knotes[k] == kn {
		delete(q.knotes, k)
		q.all.Add(-1)
	}
}

// add makes an event. The knote has its place in the map before the source is attached,
// which needs mu dropped: a second EV_ADD of the same event in another LWP finds it, and a
// close of the queue or of the descriptor marks it dead. It stays disabled until all of it
// is there.
func (q *Queue) add(c Caller, k key, ev netbsd.Kevent) netbsd.Errno {
	kn := &knote{
		q: q, src: unattached{}, filter: ev.Filter, ident: ev.Ident, udata: ev.Udata, ext: ev.Ext,
		flags: ev.Flags,
		// Disabled until it is in place: nobody hears of it half made.
		disabled: true, sfflags: ev.Fflags, sdata: ev.Data,
	}
	if errno := q.enter(c, k, kn); errno != 0 {
		return errno
	}
	src, errno := attach(c, kn)
	if errno != 0 {
		q.giveUp(kn)
		return errno
	}
	q.mu.Lock()
	if kn.dead { // closed or deleted meanwhile
		q.mu.Unlock()
		src.detach(kn)
		return netbsd.EBADF
	}
	kn.src = src
	kn.disabled = ev.Flags&(netbsd.EV_DISABLE|netbsd.EV_ENABLE) == netbsd.EV_DISABLE
	q.mu.Unlock()
	if s, ok := src.(*fileSource); !ok || !s.settleIn() {
		q.evaluate(kn, true)
	}
	return 0
}

// enter puts a new knote into the map. EBADF: another LWP was quicker. ENOMEM: there are too many.
func (q *Queue) enter(c Caller, k key, kn *knote) netbsd.Errno {
	all := &c.Files.Machine().Kqueues().Knotes
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed || q.knotes[k] != nil {
		return netbsd.EBADF
	}
	q.all = all
	return q.putLocked(k, kn)
}

// giveUp is the end of a new knote that could not be attached.
func (q *Queue) giveUp(kn *knote) {
	q.mu.Lock()
	defer q.mu.Unlock()
	kn.dead = true
	q.forgetLocked(kn)
}

// modifyLocked applies a change to an event there is. mu is released for a
// moment while the source hears of it. What it refuses has changed udata alone.
func (q *Queue) modifyLocked(kn *knote, ev netbsd.Kevent) (errno netbsd.Errno) {
	kn.udata = ev.Udata
	if t, ok := kn.src.(toucher); ok {
		q.mu.Unlock()
		errno = t.touch(kn, &ev)
		q.mu.Lock()
	} else {
		kn.sfflags, kn.sdata = ev.Fflags, ev.Data
	}
	switch {
	case errno != 0:
	case ev.Flags&netbsd.EV_ENABLE != 0: // it comes last, where both are asked for
		kn.disabled = false
	case ev.Flags&netbsd.EV_DISABLE != 0:
		kn.disabled = true
	}
	return errno
}

// evaluate asks the source whether the event is already there, as is due after each change. enabled says that the event was
// not disabled before: kqueue_register disables it after it has looked, so that one that is there waits to be handed out,
// and counts, until a scan finds that nobody wants it.
func (q *Queue) evaluate(kn *knote, enabled bool) {
	q.mu.Lock()
	dead, src, active, news := kn.dead, kn.src, kn.active, kn.news
	q.mu.Unlock()
	if dead {
		return
	}
	now, ok := src.poll(kn)
	if !ok && !active {
		return
	}
	wake := false
	guard.Locked(&q.mu, func() {
		if _, is := src.(*fileSource); is && kn.flags&netbsd.EV_ONESHOT != 0 && kn.news == news {
			kn.held = &now
		}
		wake = kn.queueLocked(ok && enabled)
	})
	if wake {
		q.waiters.Notify(notified)
	}
}

// attach makes the source of a new knote. EINVAL: no such filter.
func attach(c Caller, kn *knote) (source, netbsd.Errno) {
	switch kn.filter {
	case netbsd.EVFILT_READ, netbsd.EVFILT_WRITE:
		return attachFile(c, kn)
	case netbsd.EVFILT_EMPTY:
		return attachEmpty(c, kn)
	case netbsd.EVFILT_VNODE:
		return attachVnode(c, kn)
	case netbsd.EVFILT_PROC:
		return attachProc(c, kn)
	case netbsd.EVFILT_SIGNAL:
		return attachSignal(c, kn)
	case netbsd.EVFILT_TIMER:
		return attachTimer(c, kn)
	case netbsd.EVFILT_FS:
		return attachFS(kn)
	case netbsd.EVFILT_USER:
		return attachUser(kn)
	}
	return nil, netbsd.EINVAL
}

// unattached stands in while a knote is being made.
type unattached struct{}

func (unattached) poll(*knote) (state, bool) { return state{}, false }
func (unattached) detach(*knote)             {}
