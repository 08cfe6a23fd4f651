package socket

import (
	"cmp"
	"time"

	"golang.org/x/sys/unix"

	"toaster/internal/file"
	"toaster/internal/hostfile"
	"toaster/netbsd"
)

// Message is what sendmsg(2) and recvmsg(2) carry beside the bytes.
type Message struct {
	Addr    *netbsd.Sockaddr    // where to, or where from; nil if none
	Rights  []*file.Description // SCM_RIGHTS; references of the message's own
	Flags   int                 // MSG_*, NetBSD's
	Control []netbsd.Cmsg       // other control messages
}

// Release drops the message's references.
func (m *Message) Release() {
	for _, d := range m.Rights {
		d.Release()
	}
	m.Rights = nil
}

// Write is write(2) of a socket: send(2) without flags.
func (s *Socket) Write(c file.Call, b []byte) (int, netbsd.Errno) { return s.Send(c, b, &Message{}) }

// tryRead reads what is there. It doesn't rely on the host's O_NONBLOCK, which a
// program of the host that got the socket may have cleared.
func (s *Socket) tryRead(b []byte) (int, netbsd.Errno) {
	if s.unconnected() {
		return 0, netbsd.ENOTCONN
	}
	for {
		n, _, err := unix.Recvfrom(s.FD(), b, unix.MSG_DONTWAIT)
		if err != unix.EINTR && !s.endsInReset(err) {
			s.fromWire(b[:max(n, 0)])
			if errno := s.endErrno(n, len(b), 0, err); errno != 0 {
				return 0, errno
			}
			return max(n, 0), hostfile.Errno(err)
		}
	}
}

// endsInReset reports whether err is what the host alone says, once, of a local connection whose other end has been closed with something
// unread: to NetBSD that is an end as any other (unp_disconnect1), which the next try meets.
func (s *Socket) endsInReset(err error) bool {
	return err == unix.ECONNRESET && s.local != nil && s.Connects()
}

// endErrno is the error that comes before the end of a connection, if one waits (soreceive): of what was asked for nothing has come.
func (s *Socket) endErrno(n, asked, flags int, err error) netbsd.Errno {
	if n != 0 || asked == 0 || err != nil || !s.Connects() {
		return 0
	}
	return s.receiveFailure(flags&netbsd.MSG_PEEK != 0)
}

// Export hands the socket to a program of the host, which expects it to block.
func (s *Socket) Export() (int, netbsd.Errno) {
	fd, err := unix.FcntlInt(uintptr(s.FD()), unix.F_DUPFD_CLOEXEC, 0)
	if err == nil {
		s.exported.Store(true)
		if !s.lent.Load() { // then it is as the guest has it
			unix.SetNonblock(fd, false)
		}
	}
	return fd, hostfile.Errno(err)
}

// Read is read(2) of a socket.
func (s *Socket) Read(c file.Call, b []byte) (int, netbsd.Errno) {
	if s.ended() {
		return 0, s.receiveFailure(false)
	}
	n, errno := s.tryRead(b)
	if errno != netbsd.EAGAIN {
		return n, errno
	}
	if failure := s.receiveFailure(false); failure != 0 || c.Nonblock {
		return 0, cmp.Or(failure, errno)
	}
	return file.BlockUntil(c, s, file.Readable, s.deadline(&s.recvTimeo), func() (int, netbsd.Errno) {
		if s.ended() {
			return 0, 0
		}
		return s.tryRead(b)
	})
}

// ended reports whether there is nothing to read, and will be nothing, as the guest has it (SS_CANTRCVMORE).
func (s *Socket) ended() bool {
	switch {
	case !s.cantRecv.Load():
		return false
	case s.local == nil: // which discards what comes
		s.discard()
		return true
	}
	return s.unconnected() || s.File.Poll(file.In)&file.In == 0
}

// Send is sendmsg(2). A stream takes everything unless the caller won't wait; a
// message goes whole or not at all.
func (s *Socket) Send(c file.Call, b []byte, m *Message) (int, netbsd.Errno) {
	if s.route != nil {
		return s.request(c.L, b)
	}
	if s.family == netbsd.AF_LINK {
		return 0, netbsd.EOPNOTSUPP
	}
	if errno := s.sendErrno(m); errno != 0 {
		return 0, errno
	}
	flags, _ := netbsd.MsgToLinux(uint64(m.Flags))
	flags &= unix.MSG_OOB | unix.MSG_DONTROUTE | unix.MSG_EOR
	c.Nonblock = c.Nonblock || m.Flags&netbsd.MSG_DONTWAIT != 0
	var to unix.Sockaddr
	if m.Addr != nil && !s.Connects() { // of a connection nobody looks at it (unp_send, tcp_send)
		var errno netbsd.Errno
		if s.typ == netbsd.SOCK_DGRAM && s.hasPeer.Load() { // udp_send, unp_send; the host would send it there
			return 0, netbsd.EISCONN
		}
		if to, errno = toHostAddr(m.Addr, s.family); errno != 0 {
			return 0, errno
		}
	}
	oob, sent, errno := s.outControl(c.L, m)
	if errno != 0 {
		return 0, errno
	}
	defer func() { sent(oob == nil) }()
	s.toWire(b)
	given := oob != nil && s.family != netbsd.AF_LOCAL
	done := 0
	for {
		n, errno := s.waitRoom(c, to, func() (int, netbsd.Errno) {
			return s.trySend(b[done:], oob, to, flags, given)
		})
		if errno == 0 {
			oob = nil
		}
		done += max(n, 0)
		switch {
		case errno == netbsd.ETOOMANYREFS: // the host's own limit of what is in flight
			errno = netbsd.EAGAIN
		case errno == netbsd.ENOTCONN && s.typ == netbsd.SOCK_DGRAM: // sosend
			errno = netbsd.EDESTADDRREQ
		}
		if errno != 0 && done > 0 && errno != netbsd.EPIPE {
			return done, 0
		}
		if errno != 0 || done >= len(b) || s.typ != netbsd.SOCK_STREAM || n == 0 {
			return done, errno
		}
	}
}

// sendErrno is what sosend looks at first.
func (s *Socket) sendErrno(m *Message) netbsd.Errno {
	switch {
	case s.cantSend.Load():
		return netbsd.EPIPE
	case s.failed.Load() != 0:
		return s.failure()
	case s.unconnected():
		return netbsd.ENOTCONN
	case s.local != nil && m.Flags&netbsd.MSG_OOB != 0: // unp_sendoob
		return netbsd.EOPNOTSUPP
	}
	return 0
}

// minPause and maxPause lie between two questions of who sends to a full queue.
const minPause, maxPause = time.Millisecond, 50 * time.Millisecond

// waitRoom is wait for room to send. Of a queue that is full, the host tells a local datagram socket only if that is connected to
// it; otherwise that there is room for what it sends, and so again each time that it has been refused. So it asks, with pauses.
func (s *Socket) waitRoom(c file.Call, to unix.Sockaddr, try func() (int, netbsd.Errno)) (n int, errno netbsd.Errno) {
	if to == nil || s.family != netbsd.AF_LOCAL || s.typ != netbsd.SOCK_DGRAM {
		return s.wait(c, file.Writable, &s.sendTimeo, try)
	}
	if n, errno = try(); c.Nonblock {
		return n, errno
	}
	end := s.deadline(&s.sendTimeo)
	for pause := minPause; errno == netbsd.EAGAIN; pause = min(2*pause, maxPause) {
		until := time.Now().Add(pause)
		if !end.IsZero() && until.After(end) {
			return file.BlockUntil(c, closeWatch{s}, 0, end, try)
		}
		n, errno = file.BlockUntil(c, closeWatch{s}, 0, until, try)
	}
	return n, errno
}

// closeWatch has who sleeps hear of nothing but that a descriptor was closed.
type closeWatch struct{ *Socket }

// Watch implements file.File.
func (s closeWatch) Watch(w *file.Waiter) { s.WatchRestart(w) }

// trySend makes one call of the host. MSG_NOSIGNAL, as the signal would be toaster's: the
// caller of Send raises the guest's.
//
// given: the guest's control messages go along, for which the host may refuse it.
func (s *Socket) trySend(b, oob []byte, to unix.Sockaddr, flags int, given bool) (int, netbsd.Errno) {
	for {
		n, err := unix.SendmsgN(s.FD(), b, oob, to, flags|unix.MSG_NOSIGNAL|unix.MSG_DONTWAIT)
		switch {
		case err == unix.EINTR, s.endsInReset(err):
		case err == unix.ECONNREFUSED && to == nil && s.local != nil && s.typ == netbsd.SOCK_DGRAM: // unp_drop
			s.Dissolve()
			return n, netbsd.ECONNRESET
		case err == unix.EAGAIN && s.connecting():
			return n, netbsd.ENOTCONN
		case err != nil && given && err != unix.EAGAIN:
			return n, s.controlErrno(err, oob)
		default:
			return n, hostfile.Errno(err)
		}
	}
}

// connecting reports whether a connection of TCP is on its way, over which nothing can be sent yet (sosend); the host would wait for it.
func (s *Socket) connecting() bool {
	if !s.MayLend() {
		return false
	}
	_, err := unix.Getpeername(s.FD())
	return err == unix.ENOTCONN
}

// outControl makes what goes along with a message; sent is told whether it has gone.
func (s *Socket) outControl(l file.Sleeper, m *Message) (oob []byte, sent func(bool), errno netbsd.Errno) {
	switch {
	case len(m.Control) > 0:
		oob, errno = s.hostControl(m.Control)
	case s.family == netbsd.AF_LOCAL:
		return s.outLocal(l, m)
	case len(m.Rights) > 0:
		return nil, nil, netbsd.EINVAL
	case s.source.Load() != 0 && s.typ == netbsd.SOCK_DGRAM:
		oob = s.sourceControl()
	}
	return oob, ignore, errno
}

func ignore(bool) {}

// outLocal is outControl for a local socket: open files, and who sends them.
func (s *Socket) outLocal(l file.Sleeper, m *Message) (oob []byte, sent func(bool), errno netbsd.Errno) {
	told, unsent := s.credsFor(l, m)
	if len(told) == 0 && len(m.Rights) == 0 {
		return nil, ignore, 0
	}
	oob, packed, errno := s.stack.pack(s, m.Rights, told)
	if errno != 0 {
		if unsent != nil {
			unsent()
		}
		return nil, nil, errno
	}
	return oob, func(gone bool) {
		packed()
		if !gone && unsent != nil {
			unsent()
		}
	}, 0
}

// maxRights is how many descriptors one message carries, at most: one less than the host
// lets it, for the seal.
const maxRights = 252

// Recv is recvmsg(2): m.Flags say how, and afterwards what came; the rest of m
// is filled in. The references in m.Rights are the caller's.
//
// wantControl: the caller has room for control messages, open files among them.
func (s *Socket) Recv(c file.Call, b []byte, m *Message, wantControl bool) (int, netbsd.Errno) {
	flags, _ := netbsd.MsgToLinux(uint64(m.Flags))
	flags &= unix.MSG_OOB | unix.MSG_PEEK // MSG_TRUNC would have the host tell of more than there is room for
	c.Nonblock = c.Nonblock || m.Flags&netbsd.MSG_DONTWAIT != 0
	all := m.Flags&netbsd.MSG_WAITALL != 0 && s.typ == netbsd.SOCK_STREAM && m.Flags&netbsd.MSG_PEEK == 0
	var oob []byte
	switch {
	case s.family == netbsd.AF_LOCAL:
		// Room even if the caller wants none: the host would drop the
		// descriptors, and what they stand for would hear of that late.
		oob = make([]byte, unix.CmsgSpace(4*(maxRights+1)))
	case wantControl && s.has(controls|recv6PathMTU):
		oob = make([]byte, controlRoom)
	}
	done, asked := 0, m.Flags
	if errno := s.receiveErrno(m.Flags); errno != 0 {
		return 0, errno
	}
	for {
		n, errno := s.wait(c, file.Readable, &s.recvTimeo, func() (int, netbsd.Errno) {
			if s.ended() {
				m.Flags = 0
				return 0, 0
			}
			return s.tryRecv(b[done:], oob, flags, m, wantControl)
		})
		done += max(n, 0)
		if errno != 0 && done > 0 {
			return done, 0
		}
		if errno != 0 || n == 0 || !all || done == len(b) || len(m.Rights)+len(m.Control) > 0 {
			return done, errno
		}
		m.Flags = asked
	}
}

// receiveErrno is what soreceive looks at first. An error comes behind what is there.
func (s *Socket) receiveErrno(flags int) netbsd.Errno {
	switch {
	case s.local != nil && flags&netbsd.MSG_OOB != 0: // unp_recvoob
		return netbsd.EOPNOTSUPP
	case (s.failed.Load() != 0 || s.faulty.Load() != 0) && s.File.Poll(file.In)&file.In == 0:
		return s.receiveFailure(flags&netbsd.MSG_PEEK != 0)
	case s.unconnected() && !s.cantRecv.Load():
		return netbsd.ENOTCONN
	}
	return 0
}

// tryRecv receives one message. The host's descriptors that come with it are in this
// process's table until unpack has taken or closed them, whatever the guest wants of them:
// MSG_CMSG_CLOEXEC keeps them from programs of the host that start meanwhile.
func (s *Socket) tryRecv(b, oob []byte, flags int, m *Message, wantControl bool) (int, netbsd.Errno) {
	for {
		n, noob, got, from, err := unix.Recvmsg(s.FD(), b, oob, flags|unix.MSG_DONTWAIT|unix.MSG_CMSG_CLOEXEC)
		if err == unix.EINTR || s.endsInReset(err) {
			continue
		}
		if err != nil {
			return 0, hostfile.Errno(err)
		}
		s.fromWire(b[:n])
		if errno := s.endErrno(n+noob, len(b), m.Flags, nil); errno != 0 {
			return 0, errno
		}
		m.Flags = int(netbsd.MsgFromLinux(got &^ unix.MSG_CMSG_CLOEXEC))
		if from != nil {
			a := s.fromHostAddr(from)
			m.Addr = &a
		}
		if errno := s.inControl(m, oob[:noob], wantControl); errno != 0 {
			return 0, errno
		}
		return n, 0
	}
}

// inControl takes what has come with a message.
func (s *Socket) inControl(m *Message, oob []byte, wanted bool) netbsd.Errno {
	if len(oob) == 0 {
		return 0
	}
	if s.family != netbsd.AF_LOCAL {
		m.Control = guestControl(options(s.options.Load()), oob)
		return 0
	}
	rights, told, errno := s.stack.unpack(oob)
	if errno != 0 {
		return errno
	}
	m.Control = append(m.Control, told...)
	if !wanted {
		(&Message{Rights: rights}).Release()
		rights = nil
	}
	m.Rights = append(m.Rights, rights...)
	return 0
}
