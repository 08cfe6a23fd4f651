package sysv

import (
	"cmp"
	"math"
	"slices"
	"sync"
	"time"

	"toaster/netbsd"
)

// Limits of messages (sys/msg.h).
const (
	MSGSSZ = 8    // bytes of a segment, of which messages take whole ones
	MSGSEG = 2048 // segments
	MSGMAX = MSGSSZ * MSGSEG
	MSGMNB = 2048 // bytes of a queue
	MSGMNI = 40   // queues
	MSGTQL = 40   // messages
)

// Messages are a machine's queues. The zero value has none.
type Messages struct {
	mu       sync.Mutex
	queues   []*msgQueue // nil: MSGMNI places, all free
	most     int         // segments there may be; 0: MSGSEG
	segments int         // in use
	headers  int

	// waiters are those of all queues: what one of them gives back may be what another waits for.
	waiters sleepers
}

// msgQueue is a place for a queue; the sequence number outlives the queue.
type msgQueue struct {
	ds   netbsd.MsqidDS // Qbytes is 0 where there is no queue
	list []message

	// locked has others wait: a sender copies its message in, or was here first and waits for
	// room. The place of a removed queue is not used again meanwhile.
	locked bool
}

type message struct {
	typ  int64
	body []byte
}

func segmentsOf(size int) int { return (size + MSGSSZ - 1) / MSGSSZ }

// find returns the queue that an id names. EINVAL. mu is held.
func (m *Messages) find(id int) (*msgQueue, netbsd.Errno) {
	ix, seq := split(id)
	if ix >= len(m.queues) || m.queues[ix].ds.Qbytes == 0 || m.queues[ix].ds.Perm.Seq != seq {
		return nil, netbsd.EINVAL
	}
	return m.queues[ix], 0
}

// use calls f with a queue that the caller may use so. EINVAL, EACCES, EPERM.
func (m *Messages) use(c *Caller, id int, mode uint32, f func(*msgQueue) netbsd.Errno) netbsd.Errno {
	m.mu.Lock()
	defer m.mu.Unlock()
	q, errno := m.find(id)
	if errno == 0 {
		errno = c.may(&q.ds.Perm, mode)
	}
	if errno != 0 {
		return errno
	}
	return f(q)
}

// Get is msgget(2). ENOENT: there is none, and none is to be made. EEXIST. EACCES. ENOSPC: too
// many queues.
func (m *Messages) Get(c Caller, key int64, flags int) (int, netbsd.Errno) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if key != netbsd.IPC_PRIVATE {
		for i, q := range m.queues {
			if q.ds.Qbytes != 0 && q.ds.Perm.Key == key {
				if exclusive(flags) {
					return 0, netbsd.EEXIST
				}
				return idOf(i, &q.ds.Perm), c.may(&q.ds.Perm, uint32(flags)&0o700)
			}
		}
		if flags&netbsd.IPC_CREAT == 0 {
			return 0, netbsd.ENOENT
		}
	}
	m.places()
	for i, q := range m.queues {
		if q.ds.Qbytes == 0 && !q.locked {
			q.ds = netbsd.MsqidDS{Perm: netbsd.IPCPerm{Seq: q.ds.Perm.Seq + 1}, Qbytes: MSGMNB, Ctime: now()}
			c.own(&q.ds.Perm, key, uint32(flags)&netbsd.IPC_PERMS)
			return idOf(i, &q.ds.Perm), 0
		}
	}
	return 0, netbsd.ENOSPC
}

// Remove is IPC_RMID: who sleeps for the queue gets EIDRM.
func (m *Messages) Remove(c Caller, id int) netbsd.Errno {
	return m.use(&c, id, netbsd.IPC_M, func(q *msgQueue) netbsd.Errno {
		for len(q.list) > 0 {
			m.take(q, 0)
		}
		q.ds.Qbytes = 0
		m.waiters.wake()
		return 0
	})
}

// take removes message i and gives back what it held. mu is held.
func (m *Messages) take(q *msgQueue, i int) message {
	msg := q.list[i]
	q.list = slices.Delete(q.list, i, i+1)
	q.ds.Cbytes -= uint64(len(msg.body))
	q.ds.Qnum--
	m.headers--
	m.segments -= segmentsOf(len(msg.body))
	return msg
}

// Set is IPC_SET. EPERM: only the superuser may raise the bytes of a queue. EINVAL: none. More
// than MSGMNB are cut to that without a word.
func (m *Messages) Set(c Caller, id int, to netbsd.MsqidDS) netbsd.Errno {
	return m.use(&c, id, netbsd.IPC_M, func(q *msgQueue) netbsd.Errno {
		if to.Qbytes > q.ds.Qbytes && !c.Cred.IsRoot() {
			return netbsd.EPERM
		}
		if to.Qbytes == 0 {
			return netbsd.EINVAL
		}
		set(&q.ds.Perm, &to.Perm)
		q.ds.Qbytes = min(to.Qbytes, MSGMNB)
		q.ds.Ctime = now()
		return 0
	})
}

// Stat is IPC_STAT.
func (m *Messages) Stat(c Caller, id int) (ds netbsd.MsqidDS, errno netbsd.Errno) {
	errno = m.use(&c, id, netbsd.IPC_R, func(q *msgQueue) netbsd.Errno { ds = q.ds; return 0 })
	ds.Perm.Mode &= netbsd.IPC_PERMS
	return ds, errno
}

// shown is what sysctl(7) tells of a queue: that it is locked is in its mode.
func (q *msgQueue) shown() netbsd.MsqidDS {
	ds := q.ds
	if q.locked {
		ds.Perm.Mode |= netbsd.MSG_LOCKED
	}
	return ds
}

// Send is msgsnd(2) of a message of size bytes, which fetch reads once there is room for it.
// EINVAL: no queue, a type below 1, or more than a queue can hold. EACCES. EAGAIN. EINTR. EIDRM:
// the queue was removed meanwhile. Or what fetch returns, with a type of 1 if it could not read that.
func (m *Messages) Send(c Caller, id int, size uint64, flags int, fetch func(size int) (typ int64, body []byte, errno netbsd.Errno)) netbsd.Errno {
	if int64(size) < 0 {
		return netbsd.EINVAL
	}
	s := &msgSend{m: m, id: id, size: size, nowait: flags&netbsd.IPC_NOWAIT != 0}
	errno := m.use(&c, id, netbsd.IPC_W, func(q *msgQueue) netbsd.Errno { s.q = q; return 0 })
	if errno != 0 {
		return errno
	}
	defer s.disown() // a sleep can end in the death of the LWP
	if !s.reserve() {
		if errno := m.waiters.sleep(c.L, time.Time{}, s.reserve); errno != 0 {
			return errno
		}
	}
	if s.errno != 0 {
		return s.errno
	}
	return s.enter(&c, fetch)
}

// msgSend is a msgsnd(2) on its way. Its fields belong to the calling LWP.
type msgSend struct {
	m      *Messages
	q      *msgQueue
	id     int
	size   uint64
	nowait bool
	errno  netbsd.Errno
	owns   bool // the queue is locked for this call, which waits for room
}

// reserve takes what the message needs, and says whether the call has come to its end: with
// errno, or with the queue locked. Who finds no room first locks the queue: others are not to
// take what it waits for, piece by piece.
func (s *msgSend) reserve() (done bool) {
	m, q := s.m, s.q
	m.mu.Lock()
	defer m.mu.Unlock()
	s.disownLocked()
	now, errno := m.find(s.id)
	switch {
	case errno != 0 || now != q:
		return s.failLocked(netbsd.EIDRM)
	case s.size > q.ds.Qbytes:
		return s.failLocked(netbsd.EINVAL)
	}
	n := segmentsOf(int(s.size))
	if !q.locked && s.size+q.ds.Cbytes <= q.ds.Qbytes && m.segments+n <= cmp.Or(m.most, MSGSEG) && m.headers < MSGTQL {
		q.locked = true
		m.segments += n
		m.headers++
		return true
	}
	if s.nowait {
		s.errno = netbsd.EAGAIN
		return true
	}
	s.owns = !q.locked
	q.locked = true
	return false
}

// failLocked ends the call. Others may have waited for the queue that was locked for it, and have looked already. mu is held.
func (s *msgSend) failLocked(errno netbsd.Errno) (done bool) {
	s.errno = errno
	s.m.waiters.wake()
	return true
}

// disownLocked unlocks a queue that is locked for a waiting call. mu is held.
func (s *msgSend) disownLocked() {
	if s.owns {
		s.owns, s.q.locked = false, false
	}
}

func (s *msgSend) disown() {
	s.m.mu.Lock()
	defer s.m.mu.Unlock()
	if s.owns {
		s.disownLocked()
		s.m.waiters.wake() // others have waited for it
	}
}

// enter reads the message, with no lock held but the queue's own, and puts it into the queue.
func (s *msgSend) enter(c *Caller, fetch func(int) (int64, []byte, netbsd.Errno)) (errno netbsd.Errno) {
	m, q := s.m, s.q
	typ, body, errno := fetch(int(s.size))
	m.mu.Lock()
	defer m.mu.Unlock()
	defer m.waiters.wake()
	q.locked = false
	if typ < 1 { // which is looked at before the rest of the message is read
		errno = netbsd.EINVAL
	}
	if errno == 0 && q.ds.Qbytes == 0 {
		errno = netbsd.EIDRM
	}
	if errno != 0 {
		m.headers--
		m.segments -= segmentsOf(int(s.size))
		return errno
	}
	q.list = append(q.list, message{typ, body})
	q.ds.Cbytes += uint64(len(body))
	q.ds.Qnum++
	q.ds.Lspid, q.ds.Stime = c.pid(), now()
	return 0
}

// Receive is msgrcv(2) of a message of type typ (0: any; below 0: up to -typ), of at most size
// bytes. E2BIG: it is longer, and MSG_NOERROR is not among the flags. ENOMSG: there is none, and
// the call is not to wait. EINVAL, EACCES, EINTR, EIDRM as in Send.
func (m *Messages) Receive(c Caller, id int, size uint64, typ int64, flags int) (int64, []byte, netbsd.Errno) {
	if int64(size) < 0 {
		return 0, nil, netbsd.EINVAL
	}
	r := &msgReceive{m: m, c: &c, id: id, size: size, typ: typ, flags: flags}
	errno := m.use(&c, id, netbsd.IPC_R, func(q *msgQueue) netbsd.Errno { r.q = q; return 0 })
	if errno == 0 && !r.try() {
		errno = m.waiters.sleep(c.L, time.Time{}, r.try)
	}
	if errno != 0 {
		return 0, nil, errno
	}
	return r.got.typ, r.got.body[:min(uint64(len(r.got.body)), size)], r.errno
}

// msgReceive is a msgrcv(2) on its way. Its fields belong to the calling LWP.
type msgReceive struct {
	m     *Messages
	c     *Caller
	q     *msgQueue
	id    int
	size  uint64
	typ   int64
	flags int
	got   message
	errno netbsd.Errno
}

// try takes a message, and says whether the call has come to its end.
func (r *msgReceive) try() (done bool) {
	m, q := r.m, r.q
	m.mu.Lock()
	defer m.mu.Unlock()
	if now, errno := m.find(r.id); errno != 0 || now != q {
		r.errno = netbsd.EIDRM
		return true
	}
	i := slices.IndexFunc(q.list, r.wants)
	switch {
	case i < 0 && r.flags&netbsd.IPC_NOWAIT != 0:
		r.errno = netbsd.ENOMSG
	case i < 0:
		return false
	case r.size < uint64(len(q.list[i].body)) && r.flags&netbsd.MSG_NOERROR == 0:
		r.errno = netbsd.E2BIG
	default:
		r.got = m.take(q, i)
		q.ds.Lrpid, q.ds.Rtime = r.c.pid(), now()
		m.waiters.wake()
	}
	return true
}

// wants says whether a message has a type that is asked for. The smallest long has no positive
// counterpart, and is any message's (msgrcv1).
func (r *msgReceive) wants(msg message) bool {
	return r.typ == 0 || r.typ == math.MinInt64 || msg.typ == r.typ || msg.typ <= -r.typ
}
