package socket

import (
	"fmt"
	"math"
	"sync"
	"sync/atomic"

	"golang.org/x/sys/unix"

	"toaster/internal/file"
	"toaster/internal/hostfile"
	"toaster/netbsd"
)

// This file knows who is at the other end of a local socket (unix(4)): LOCAL_PEEREID asks for who
// connected or bound, LOCAL_CREDS has messages come with who sent them.
//
// The host says the same of all guests: that they are toaster. So the kernel notes who connects
// with the socket that listens, and finds the note when the connection is accepted, by the name
// of the other end. A socket without a name gets one that no guest can see nor say, an abstract
// address of the host's, which is not used twice.

// wishes are oldCreds and newCreds as far as one end of a connection wants them. Both ends
// see them, and that of the end that nobody has accepted yet is there, too.
type wishes struct{ atomic.Uint64 }

// local is what only a local socket has.
type local struct {
	born netbsd.Timespec
	wish *wishes                // this end's; changed only before anybody else knows the socket
	peer atomic.Pointer[wishes] // the other end's, nil if it is not of this machine

	mu    sync.Mutex      // guards what follows
	ino   uint64          // that fstat(2) tells, 0 as long as it has not
	bound *netbsd.Unpcbid // who has bound it, nil if nobody
	inode file.Inode      // of its name
	queue []*meeting

	// Socket.mu guards these, as one who connects has the mu above of another socket.
	other  *netbsd.Unpcbid // who is at the other end
	hidden string          // the name that the host has for a socket without one
}

// meeting is a connection that nobody has accepted.
type meeting struct {
	from string // the host's name of the end that connects
	who  netbsd.Unpcbid
	back *wishes // of the end that connects
	wish *wishes // of the end that will be accepted

	over  atomic.Bool // it was accepted, or will not be
	lost  atomic.Bool // the latter
	queue file.Queue  // who waits for that (LOCAL_CONNWAIT)
}

// Watch and Unwatch have w hear of the end of the wait.
func (m *meeting) Watch(w *file.Waiter)   { m.queue.Add(w) }
func (m *meeting) Unwatch(w *file.Waiter) { m.queue.Remove(w) }

// end ends the wait.
func (m *meeting) end(lost bool) {
	m.lost.Store(lost)
	m.over.Store(true)
	m.queue.Notify(file.Out)
}

// accepted reports how the wait for somebody who accepts ended; EAGAIN while it has not.
// ECONNRESET: the socket that listened is closed (sodisconnect of soabort).
func (m *meeting) accepted() (int, netbsd.Errno) {
	switch {
	case !m.over.Load():
		return 0, netbsd.EAGAIN
	case m.lost.Load():
		return 0, netbsd.ECONNRESET
	}
	return 0, 0
}

// maxMeetings bounds a queue: more than the host lets wait.
const maxMeetings = 2 * netbsd.SOMAXCONN

var localOptions = sync.OnceValue(func() map[int]option {
	return map[int]option{
		netbsd.LOCAL_OCREDS:   {kind: own, get: wishGetter(oldCreds), set: wishSetter(oldCreds)},
		netbsd.LOCAL_CREDS:    {kind: own, get: wishGetter(newCreds), set: wishSetter(newCreds)},
		netbsd.LOCAL_CONNWAIT: {kind: own, set: setConnWait},
		netbsd.LOCAL_PEEREID:  {kind: own, get: getPeerID},
	}
})

func wishGetter(bit options) func(*Socket, int) ([]byte, netbsd.Errno) {
	return func(s *Socket, _ int) ([]byte, netbsd.Errno) {
		if s.local.wish.Load()&uint64(bit) != 0 {
			return intBytes(1), 0
		}
		return intBytes(0), 0
	}
}

func wishSetter(bit options) func(*Socket, []byte) netbsd.Errno {
	return func(s *Socket, val []byte) netbsd.Errno {
		switch {
		case len(val) != 4:
			return netbsd.EINVAL
		case [4]byte(val) != [4]byte{}:
			s.local.wish.Or(uint64(bit))
		default:
			s.local.wish.And(^uint64(bit))
		}
		return 0
	}
}

// await is what connect(2) does with LOCAL_CONNWAIT. A call that does not wait, or is interrupted,
// goes on connecting.
func (m *meeting) await(c file.Call) netbsd.Errno {
	if c.Nonblock {
		return netbsd.EINPROGRESS
	}
	_, errno := file.Block(c, m, file.Writable, m.accepted)
	if errno == netbsd.ERESTART { // connect(2) again would be EISCONN
		errno = netbsd.EINTR
	}
	return errno
}

// setConnWait keeps LOCAL_CONNWAIT, which has connect(2) wait until somebody accepts: at either end.
func setConnWait(s *Socket, val []byte) netbsd.Errno {
	if len(val) != 4 {
		return netbsd.EINVAL
	}
	return s.setFlag(connWait, [4]byte(val) != [4]byte{})
}

// getPeerID is struct unpcbid of who connected; for who connected, of who bound. EINVAL: nobody,
// or it is not known. Of a program of the host's there is no process id here.
func getPeerID(s *Socket, _ int) ([]byte, netbsd.Errno) {
	s.mu.Lock()
	id := s.local.other
	s.mu.Unlock()
	if id == nil {
		host, err := unix.GetsockoptUcred(s.FD(), unix.SOL_SOCKET, unix.SO_PEERCRED)
		if err != nil || host.Pid == 0 || host.Pid == int32(unix.Getpid()) {
			return nil, netbsd.EINVAL
		}
		id = &netbsd.Unpcbid{EUID: host.Uid, EGID: host.Gid}
	}
	b := make([]byte, netbsd.SizeofUnpcbid)
	id.Encode(b)
	return b, 0
}

// idOf is who makes a call.
func (k *Stack) idOf(l file.Sleeper) *netbsd.Unpcbid {
	if k.creds == nil {
		return nil
	}
	c := k.creds(l)
	return &netbsd.Unpcbid{Pid: c.Pid, EUID: c.EUID, EGID: c.EGID}
}

// pairUp makes both ends of a pair known to each other; l made them (unp_connect2).
func pairUp(a, b *Socket, l file.Sleeper) {
	a.local.peer.Store(b.local.wish)
	b.local.peer.Store(a.local.wish)
	a.hasPeer.Store(true)
	b.hasPeer.Store(true)
	if a.typ != netbsd.SOCK_DGRAM {
		a.local.other, b.local.other = a.stack.idOf(l), a.stack.idOf(l)
	}
}

// boundBy notes that l has bound s to a path of the host's, so that who connects finds s.
func (s *Socket) boundBy(l file.Sleeper, path string) {
	var st unix.Stat_t
	if unix.Lstat(path, &st) != nil {
		return
	}
	s.local.mu.Lock()
	defer s.local.mu.Unlock()
	s.local.bound, s.local.inode = s.stack.idOf(l), hostfile.InodeOf(&st)
	s.stack.bound.Store(s.local.inode, s)
}

// statLocal is unp_stat: a number comes when it is asked for. What the other end has not read is room less here, and counts for that.
func (s *Socket) statLocal(st *file.Stat) {
	st.Dev, st.Ino, st.UID, st.GID = math.MaxUint64, s.local.number(s.stack), s.Owner.UID, s.Owner.GID
	st.Atime, st.Mtime, st.Ctime = s.local.born, s.local.born, s.local.born
	if room, errno := s.buffer(netbsd.SO_SNDBUF); errno == 0 {
		st.Blksize = uint32(room)
	}
}

func (l *local) number(k *Stack) uint64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.ino == 0 {
		l.ino = k.inodes.Add(1)
	}
	return l.ino
}

// waiting is how many of this machine's wait to be accepted.
func (l *local) waiting() int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return int64(len(l.queue))
}

// unbound forgets what boundBy has noted.
func (s *Socket) unbound() {
	s.local.mu.Lock()
	defer s.local.mu.Unlock()
	if s.local.bound != nil {
		s.stack.bound.CompareAndDelete(s.local.inode, s)
	}
	for _, m := range s.local.queue {
		m.end(true)
	}
	s.local.queue = nil
}

// boundAt finds the socket of this machine that is bound to a path of the host's, nil if none is.
func (k *Stack) boundAt(path string) *Socket {
	var st unix.Stat_t
	if unix.Stat(path, &st) != nil {
		return nil
	}
	if s, ok := k.bound.Load(hostfile.InodeOf(&st)); ok {
		return s.(*Socket)
	}
	return nil
}

// connectLocal connects a local socket, and notes it with the one that it connects to. A meeting
// is returned if the caller is to wait for it.
func (s *Socket) connectLocal(l file.Sleeper, sa unix.Sockaddr, path string) (*meeting, error) {
	to := s.stack.boundAt(path)
	if to == nil || to == s {
		return nil, unix.Connect(s.FD(), sa)
	}
	if s.typ == netbsd.SOCK_DGRAM {
		err := unix.Connect(s.FD(), sa)
		if err == nil {
			s.local.peer.Store(to.local.wish)
		}
		return nil, err
	}
	m, err := s.meet(l, to, sa)
	if err != nil || !s.has(connWait) && !to.has(connWait) {
		return nil, err
	}
	return m, nil
}

// meet is connectLocal for connections. The queue is locked while the host connects, so that
// who uses one name after the other is in it in the host's order. The name comes behind the connection: whom nobody lets in
// may still be bound (unp_bind), which the host lets a socket be once. Who accepts it meanwhile waits for the queue.
func (s *Socket) meet(l file.Sleeper, to *Socket, sa unix.Sockaddr) (*meeting, error) {
	to.local.mu.Lock()
	defer to.local.mu.Unlock()
	if err := unix.Connect(s.FD(), sa); err != nil {
		return nil, err
	}
	m := &meeting{from: s.nameForHost(), back: s.local.wish, wish: &wishes{}}
	if id := s.stack.idOf(l); id != nil {
		m.who = *id
	}
	m.wish.Store(to.local.wish.Load())
	if len(to.local.queue) == maxMeetings {
		to.local.queue[0].end(false)
		to.local.queue = to.local.queue[1:]
	}
	to.local.queue = append(to.local.queue, m)
	s.local.peer.Store(m.wish)
	s.setOther(to.local.bound)
	return m, nil
}

func (s *Socket) setOther(id *netbsd.Unpcbid) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.local.other = id
}

// nameForHost returns the name that s has on the host. A socket without a name is bound to one first.
func (s *Socket) nameForHost() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.hostName != "":
		return s.hostName
	case s.local.hidden == "":
		name := fmt.Sprintf("@toaster.%s.%d", s.stack.id, s.stack.hidden.Add(1))
		if unix.Bind(s.FD(), &unix.SockaddrUnix{Name: name}) == nil {
			s.local.hidden = name
		}
	}
	return s.local.hidden
}

// met makes of s, which was accepted on l, the other end of the connection from the host's name. A name that was not there yet when the
// host accepted is there once the queue is free (meet).
func (s *Socket) met(l *Socket, from string) {
	l.local.mu.Lock()
	defer l.local.mu.Unlock()
	if sa, err := unix.Getpeername(s.FD()); err == nil {
		if u, ok := sa.(*unix.SockaddrUnix); ok {
			from = u.Name
		}
	}
	for i, m := range l.local.queue {
		if m.from == from && from != "" {
			l.local.queue = append(l.local.queue[:i:i], l.local.queue[i+1:]...)
			s.local.wish = m.wish
			s.local.peer.Store(m.back)
			s.local.other = &m.who
			m.end(false)
			return
		}
	}
}

// credsFor are the control messages that tell the receiver who sends m, if it wants to know; unsent is
// called if it was not sent after all. On a connection they are told once.
func (s *Socket) credsFor(l file.Sleeper, m *Message) (list []netbsd.Cmsg, unsent func()) {
	w := s.receiver(m)
	if w == nil || w.Load() == 0 || s.stack.creds == nil {
		return nil, nil
	}
	bits := w.Load()
	if s.typ != netbsd.SOCK_DGRAM {
		bits = w.Swap(0)
	}
	c := s.stack.creds(l)
	if bits&uint64(newCreds) != 0 {
		list = append(list, netbsd.Cmsg{Level: netbsd.SOL_SOCKET, Type: netbsd.SCM_CREDS, Data: c.Append(nil)})
	}
	if bits&uint64(oldCreds) != 0 {
		list = append(list, netbsd.Cmsg{Level: netbsd.SOL_SOCKET, Type: netbsd.SCM_OCREDS, Data: c.AppendOld(nil)})
	}
	return list, func() { w.Or(bits) }
}

// receiver are the wishes of who will receive m, nil if that is nobody of this machine.
func (s *Socket) receiver(m *Message) *wishes {
	if m.Addr == nil {
		return s.local.peer.Load()
	}
	if to := s.stack.boundAt(m.Addr.Path); to != nil {
		return to.local.wish
	}
	return nil
}
