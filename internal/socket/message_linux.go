package socket

import (
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
	for {
		n, _, err := unix.Recvfrom(s.FD(), b, unix.MSG_DONTWAIT)
		if err != unix.EINTR {
			return max(n, 0), hostfile.Errno(err)
		}
	}
}

// Export hands the socket to a program of the host, which expects it to block.
func (s *Socket) Export() (int, netbsd.Errno) {
	fd, err := unix.FcntlInt(uintptr(s.FD()), unix.F_DUPFD_CLOEXEC, 0)
	if err == nil {
		s.exported.Store(true)
		unix.SetNonblock(fd, false)
	}
	return fd, hostfile.Errno(err)
}

// Read is read(2) of a socket.
func (s *Socket) Read(c file.Call, b []byte) (int, netbsd.Errno) {
	n, errno := s.tryRead(b)
	if errno != netbsd.EAGAIN || c.Nonblock {
		return n, errno
	}
	return file.BlockUntil(c, s, file.Readable, s.deadline(&s.recvTimeo), func() (int, netbsd.Errno) { return s.tryRead(b) })
}

// Send is sendmsg(2). A stream takes everything unless the caller won't wait; a
// message goes whole or not at all.
func (s *Socket) Send(c file.Call, b []byte, m *Message) (int, netbsd.Errno) {
	flags, _ := netbsd.MsgToLinux(uint64(m.Flags))
	c.Nonblock = c.Nonblock || m.Flags&netbsd.MSG_DONTWAIT != 0
	var to unix.Sockaddr
	if m.Addr != nil {
		var errno netbsd.Errno
		if to, errno = toHostAddr(m.Addr, s.family); errno != 0 {
			return 0, errno
		}
	}
	oob, sent, errno := s.stack.pack(s, m.Rights)
	if errno != 0 {
		return 0, errno
	}
	defer sent()
	done := 0
	for {
		n, errno := s.wait(c, file.Writable, &s.sendTimeo, func() (int, netbsd.Errno) {
			return s.trySend(b[done:], oob, to, flags)
		})
		if errno == 0 {
			oob = nil
		}
		done += max(n, 0)
		if errno == netbsd.ETOOMANYREFS { // the host's own limit of what is in flight
			errno = netbsd.EAGAIN
		}
		if errno != 0 && done > 0 && errno != netbsd.EPIPE {
			return done, 0
		}
		if errno != 0 || done >= len(b) || s.typ != netbsd.SOCK_STREAM || n == 0 {
			return done, errno
		}
	}
}

// trySend makes one call of the host. MSG_NOSIGNAL, as the signal would be toaster's: the
// caller of Send raises the guest's.
func (s *Socket) trySend(b, oob []byte, to unix.Sockaddr, flags int) (int, netbsd.Errno) {
	for {
		n, err := unix.SendmsgN(s.FD(), b, oob, to, flags|unix.MSG_NOSIGNAL|unix.MSG_DONTWAIT)
		if err != unix.EINTR {
			return n, hostfile.Errno(err)
		}
	}
}

// maxRights is how many descriptors one message carries, at most: one less than the host
// lets it, for the seal.
const maxRights = 252

// Recv is recvmsg(2): m.Flags say how, and afterwards what came; the rest of m
// is filled in. The references in m.Rights are the caller's.
func (s *Socket) Recv(c file.Call, b []byte, m *Message, wantRights bool) (int, netbsd.Errno) {
	flags, _ := netbsd.MsgToLinux(uint64(m.Flags))
	flags &^= unix.MSG_WAITALL | unix.MSG_CMSG_CLOEXEC
	c.Nonblock = c.Nonblock || m.Flags&netbsd.MSG_DONTWAIT != 0
	all := m.Flags&netbsd.MSG_WAITALL != 0 && s.typ == netbsd.SOCK_STREAM && m.Flags&netbsd.MSG_PEEK == 0
	var oob []byte
	if s.family == netbsd.AF_LOCAL {
		// Room even if the caller wants none: the host would drop the
		// descriptors, and what they stand for would hear of that late.
		oob = make([]byte, unix.CmsgSpace(4*(maxRights+1)))
	}
	done, asked := 0, m.Flags
	for {
		n, errno := s.wait(c, file.Readable, &s.recvTimeo, func() (int, netbsd.Errno) {
			return s.tryRecv(b[done:], oob, flags, m, wantRights)
		})
		done += max(n, 0)
		if errno != 0 && done > 0 {
			return done, 0
		}
		if errno != 0 || n == 0 || !all || done == len(b) || len(m.Rights) > 0 {
			return done, errno
		}
		m.Flags = asked
	}
}

// tryRecv receives one message. The host's descriptors that come with it are in this
// process's table until unpack has taken or closed them, whatever the guest wants of them:
// MSG_CMSG_CLOEXEC keeps them from programs of the host that start meanwhile.
func (s *Socket) tryRecv(b, oob []byte, flags int, m *Message, wantRights bool) (int, netbsd.Errno) {
	for {
		n, noob, got, from, err := unix.Recvmsg(s.FD(), b, oob, flags|unix.MSG_DONTWAIT|unix.MSG_CMSG_CLOEXEC)
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			return 0, hostfile.Errno(err)
		}
		m.Flags = int(netbsd.MsgFromLinux(got &^ unix.MSG_CMSG_CLOEXEC))
		if from != nil {
			a := s.fromHostAddr(from)
			m.Addr = &a
		}
		rights, errno := s.stack.unpack(oob[:noob])
		if errno != 0 {
			return 0, errno
		}
		if !wantRights {
			(&Message{Rights: rights}).Release()
			rights = nil
		}
		m.Rights = append(m.Rights, rights...)
		return n, 0
	}
}
