package mqueue

import (
	"slices"
	"sync"
	"time"

	"toaster/internal/file"
	"toaster/kern"
	"toaster/netbsd"
)

// queue is struct mqueue. Its lock comes after that of Names; signals are sent with neither.
type queue struct {
	names    *Names
	name     string
	mode     uint32
	uid, gid uint32
	born     netbsd.Timespec
	refs     int // open files; Names.mu guards it

	watchers file.Queue // for messages with file.In, for room with file.Out

	mu            sync.Mutex // guards what follows
	attr          netbsd.MqAttr
	messages      []message // by priority, and by age within one
	receivers     int       // who sleeps for a message
	notify        *kern.Proc
	event         netbsd.Sigevent
	read, written netbsd.Timespec
}

type message struct {
	prio uint32
	body []byte
}

func (m *message) size() int { return header + len(m.body) }

// access is mqueue_access: what of reading and writing the flags ask for. The first class that
// the caller belongs to decides. EACCES.
func (q *queue) access(c *kern.Cred, flags int) netbsd.Errno {
	var want uint32
	if acc := flags & netbsd.O_ACCMODE; acc == netbsd.O_RDONLY || acc == netbsd.O_RDWR {
		want |= 4
	}
	if acc := flags & netbsd.O_ACCMODE; acc == netbsd.O_WRONLY || acc == netbsd.O_RDWR {
		want |= 2
	}
	bits := q.mode
	switch {
	case c.EUID == q.uid:
		bits >>= 6
	case c.InGroup(q.gid):
		bits >>= 3
	}
	if !c.IsRoot() && want&^bits != 0 {
		return netbsd.EACCES
	}
	return 0
}

func (q *queue) unlink() {
	q.mu.Lock()
	q.attr.Flags |= netbsd.MQ_UNLINKED
	q.mu.Unlock()
	q.watchers.Notify(file.In | file.RdNorm | file.Out | file.Hup)
}

// File is an open queue. Reading and writing are EOPNOTSUPP, as fbadop_read's.
type File struct {
	file.Base
	file.NoPathconf
	*queue
	cred *kern.Cred // whose file it is, for fstat(2)
}

// Stat implements file.File.
func (f *File) Stat() (file.Stat, netbsd.Errno) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return file.Stat{
		Mode: f.mode, UID: f.cred.EUID, GID: f.cred.EGID,
		Atime: f.read, Mtime: f.written, Ctime: f.born, Btime: f.born,
	}, 0
}

// Dtype implements file.Typed.
func (*File) Dtype() uint32 { return netbsd.DTYPE_MQUEUE }

// Ioctl implements file.File: there are none (fbadop_ioctl).
func (*File) Ioctl(file.Call, uint32, []byte) netbsd.Errno { return netbsd.EOPNOTSUPP }

// Refuses implements file.Refuser.
func (*File) Refuses(uint32, []byte) netbsd.Errno { return netbsd.EOPNOTSUPP }

// Poll implements file.File.
func (f *File) Poll(want file.Events) (ev file.Events) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.messages) > 0 {
		ev |= want & (file.In | file.RdNorm)
	}
	if int64(len(f.messages)) < f.attr.Maxmsg {
		ev |= want & file.Out
	}
	return ev
}

func (f *File) Watch(w *file.Waiter)   { f.watchers.Add(w) }
func (f *File) Unwatch(w *file.Waiter) { f.watchers.Remove(w) }

// KnoteErrno implements file.KnoteRefuser, as fnullop_kqfilter.
func (f *File) KnoteErrno(int) netbsd.Errno { return netbsd.EOPNOTSUPP }

// Close implements file.File: a queue without a name goes with its last user.
func (f *File) Close() {
	f.names.mu.Lock()
	defer f.names.mu.Unlock()
	f.refs--
	f.names.drop(f.queue)
}

// Attr is mq_getattr(3).
func (f *File) Attr() netbsd.MqAttr {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.attrLocked()
}

func (f *File) attrLocked() netbsd.MqAttr {
	a := f.attr
	a.Curmsgs = int64(len(f.messages))
	if f.receivers > 0 {
		a.Flags |= netbsd.MQ_RECEIVE
	}
	return a
}

// SetNonblock is mq_setattr(3), which sets O_NONBLOCK for all users of the queue, and returns
// the attributes of before.
func (f *File) SetNonblock(on bool) netbsd.MqAttr {
	f.mu.Lock()
	defer f.mu.Unlock()
	old := f.attrLocked()
	f.attr.Flags &^= netbsd.O_NONBLOCK
	if on {
		f.attr.Flags |= netbsd.O_NONBLOCK
	}
	return old
}

// Notify is mq_notify(3): the next message that comes into the empty queue, with nobody
// waiting for it, is told to p by a signal, once. nil ends that. EBUSY: somebody is to be told
// already. Who has ended is nobody.
func (f *File) Notify(p *kern.Proc, ev *netbsd.Sigevent) netbsd.Errno {
	f.mu.Lock()
	defer f.mu.Unlock()
	if ev == nil {
		f.notify = nil
		return 0
	}
	if f.notify != nil && !f.notify.Exiting() {
		return netbsd.EBUSY
	}
	f.notify, f.event = p, *ev
	return 0
}

// Send is mq_send(3) of a message that has a size of at most MaxMsgsize; deadline is asked if
// the queue is full. EMSGSIZE. EAGAIN. ETIMEDOUT, or what deadline returns. EINTR: a signal
// came, or the queue was unlinked. ENOMEM.
func (f *File) Send(l file.Sleeper, prio uint32, body []byte, deadline func() (time.Time, netbsd.Errno)) netbsd.Errno {
	m := message{prio, body}
	if len(body) == 0 || int64(len(body)) > f.Attr().Msgsize {
		return netbsd.EMSGSIZE
	}
	if errno := f.names.charge(m.size()); errno != 0 {
		return errno
	}
	sent := false
	defer func() { // a sleep can end in the death of the LWP
		if !sent {
			f.names.charge(-m.size())
		}
	}()
	var tell func()
	errno := f.wait(l, file.Out, deadline, func() (errno netbsd.Errno) {
		tell, errno = f.put(m)
		return errno
	})
	if sent = errno == 0; !sent {
		return errno
	}
	f.watchers.Notify(file.In | file.RdNorm)
	if tell != nil {
		tell()
	}
	return 0
}

// put puts a message into the queue, and returns what tells of it, if somebody is to be told.
// EAGAIN: it is full.
func (f *File) put(m message) (tell func(), errno netbsd.Errno) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.written = netbsd.TimespecAt(time.Now())
	if int64(len(f.messages)) >= f.attr.Maxmsg {
		return nil, netbsd.EAGAIN
	}
	if len(f.messages) == 0 && f.receivers == 0 && f.notify != nil && f.event.Notify == netbsd.SIGEV_SIGNAL {
		p, info := f.notify, netbsd.Siginfo{Signo: netbsd.Signal(f.event.Signo), Code: netbsd.SI_MESGQ, Value: f.event.Value}
		tell, f.notify = func() { p.Signal(&info) }, nil
	}
	i := len(f.messages)
	for i > 0 && f.messages[i-1].prio < m.prio {
		i--
	}
	f.messages = slices.Insert(f.messages, i, m)
	return tell, 0
}

// Receive is mq_receive(3) into size bytes. EMSGSIZE: fewer than a message may have. The others
// are Send's.
func (f *File) Receive(l file.Sleeper, size uint64, deadline func() (time.Time, netbsd.Errno)) (body []byte, prio uint32, errno netbsd.Errno) {
	if size < uint64(f.Attr().Msgsize) {
		return nil, 0, netbsd.EMSGSIZE
	}
	var m message
	errno = f.wait(l, file.In, deadline, func() (errno netbsd.Errno) {
		m, errno = f.take()
		return errno
	})
	if errno != 0 {
		return nil, 0, errno
	}
	f.names.charge(-m.size())
	f.watchers.Notify(file.Out)
	return m.body, m.prio, 0
}

// take takes the first message. EAGAIN: there is none.
func (f *File) take() (m message, errno netbsd.Errno) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.read = netbsd.TimespecAt(time.Now())
	if len(f.messages) == 0 {
		return m, netbsd.EAGAIN
	}
	m = f.messages[0]
	f.messages = slices.Delete(f.messages, 0, 1)
	return m, 0
}

// wait makes try until that is no EAGAIN, and sleeps in between unless the queue has
// O_NONBLOCK. A queue that is unlinked meanwhile ends the sleep, whatever is in it.
func (f *File) wait(l file.Sleeper, mask file.Events, deadline func() (time.Time, netbsd.Errno), try func() netbsd.Errno) netbsd.Errno {
	errno := try()
	if errno != netbsd.EAGAIN || f.Attr().Flags&netbsd.O_NONBLOCK != 0 {
		return errno
	}
	until, errno := deadline()
	if errno != 0 {
		return errno
	}
	if mask == file.In {
		f.count(1)
		defer f.count(-1) // a sleep can end in the death of the LWP
	}
	slept := false
	_, errno = file.BlockUntil(file.Call{L: l}, f, mask, until, func() (int, netbsd.Errno) {
		if slept && f.Attr().Flags&netbsd.MQ_UNLINKED != 0 {
			return 0, netbsd.EINTR
		}
		slept = true
		return 0, try()
	})
	if errno == netbsd.EWOULDBLOCK {
		return netbsd.ETIMEDOUT
	}
	return errno
}

func (f *File) count(n int) {
	f.mu.Lock()
	f.receivers += n
	f.mu.Unlock()
}
