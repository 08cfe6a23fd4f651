package syscalls

import (
	"toaster/internal/file"
	"toaster/internal/socket"
	"toaster/netbsd"
)

// This file serves what goes through sockets.

// sendto is sendto(int s, const void *buf, size_t len, int flags, const struct sockaddr
// *to, socklen_t tolen).
func sendto(c *Call) netbsd.Errno {
	return c.onSocket(func(d *file.Description, s *socket.Socket) netbsd.Errno {
		if c.Ptr(2) > maxIO {
			return netbsd.EINVAL // do_sys_sendmsg_so
		}
		m := socket.Message{Flags: c.Int(3)}
		if c.Ptr(4) != 0 {
			var errno netbsd.Errno
			if m.Addr, errno = c.sendName(s, c.Ptr(4), c.Uint32(5)); errno != 0 {
				return errno
			}
		}
		return send(c, d, s, &m, []iovec{{c.Ptr(1), c.Ptr(2)}})
	})
}

// sendName reads where a message is to go. On a connection that is nowhere else, whatever is said (unp_send, tcp_send).
func (c *Call) sendName(s *socket.Socket, addr uint64, n uint32) (*netbsd.Sockaddr, netbsd.Errno) {
	if !s.Connects() {
		return c.sockaddr(addr, n, s.Family())
	}
	_, errno := c.nameBytes(addr, n)
	return nil, errno
}

// sendmsg is sendmsg(int s, const struct msghdr *msg, int flags). EFAULT of the header comes before EBADF.
func sendmsg(c *Call) netbsd.Errno {
	h, errno := c.msghdr(c.Ptr(1))
	if errno != 0 {
		return errno
	}
	return c.onSocket(func(d *file.Description, s *socket.Socket) netbsd.Errno {
		return c.sendMessage(d, s, h, c.Int(2))
	})
}

// sendMessage sends the message of a struct msghdr.
func (c *Call) sendMessage(d *file.Description, s *socket.Socket, h netbsd.Msghdr, flags int) netbsd.Errno {
	v, errno := c.msgvec(h.Iov, h.Iovlen)
	if errno != 0 {
		return errno
	}
	m := socket.Message{Flags: flags}
	defer m.Release()
	if h.Name != 0 {
		if m.Addr, errno = c.sendName(s, h.Name, h.Namelen); errno != 0 {
			return errno
		}
	}
	if h.Control != 0 {
		if errno := c.control(h, s.Family(), &m); errno != 0 {
			return errno
		}
	}
	return send(c, d, s, &m, v)
}

// msghdr reads a struct msghdr.
func (c *Call) msghdr(addr uint64) (netbsd.Msghdr, netbsd.Errno) {
	b, errno := c.in(addr, netbsd.SizeofMsghdr)
	if errno != 0 {
		return netbsd.Msghdr{}, errno
	}
	return netbsd.DecodeMsghdr(b), 0
}

// msgvec reads the vector of a message. EMSGSIZE: more than IOV_MAX parts.
func (c *Call) msgvec(addr uint64, n int32) ([]iovec, netbsd.Errno) {
	switch {
	case n == 0:
		return nil, 0
	case n < 0 || n > netbsd.IOV_MAX:
		return nil, netbsd.EMSGSIZE
	}
	return c.iovecs(addr, int(n))
}

// maxControl bounds the control messages of one call (sockargs: a page).
const maxControl = 4096

// control reads the control messages of sendmsg(2). EINVAL: shorter than one, or longer than a
// page.
func (c *Call) control(h netbsd.Msghdr, family int, m *socket.Message) netbsd.Errno {
	if h.Controllen < uint32(netbsd.CmsgSpace(0)) || h.Controllen > maxControl {
		return netbsd.EINVAL
	}
	b := make([]byte, h.Controllen)
	if errno := c.Space.Read(h.Control, b); errno != 0 {
		return errno
	}
	if family == netbsd.AF_LOCAL {
		return c.rights(b, m)
	}
	var errno netbsd.Errno
	m.Control, errno = netbsd.ParseCmsgs(b)
	return errno
}

// rights reads the control message of a local socket, open files and nothing else, so that
// nobody can say to be somebody else (unp_internalize). What is behind it is not looked at.
func (c *Call) rights(b []byte, m *socket.Message) netbsd.Errno {
	if n := le32(b); n < uint32(netbsd.CmsgSpace(0)) || n > uint32(len(b)) {
		return netbsd.EINVAL
	}
	if le32(b[4:]) != netbsd.SOL_SOCKET || le32(b[8:]) != netbsd.SCM_RIGHTS {
		return netbsd.EINVAL
	}
	for data := b[netbsd.CmsgSpace(0):le32(b)]; len(data) >= 4; data = data[4:] {
		d, errno := c.get(int(int32(le32(data))))
		if errno != 0 {
			return errno
		}
		m.Rights = append(m.Rights, d)
	}
	return 0
}

// send gathers the vector and sends it; a message that doesn't fit is EMSGSIZE.
func send(c *Call, d *file.Description, s *socket.Socket, m *socket.Message, v []iovec) netbsd.Errno {
	if m.Addr != nil {
		done, errno := c.localAddr(m.Addr)
		if errno != 0 {
			return errno
		}
		defer done()
	}
	c.L.Proc().CountSent()
	stream := s.Type() == netbsd.SOCK_STREAM
	if !stream && vecLen(v) > ioChunk {
		return netbsd.EMSGSIZE
	}
	buf := ioBuffers.Get().(*[ioChunk]byte)
	defer ioBuffers.Put(buf)
	var done uint64
	for {
		n, rest, errno := collect(c, v, buf[:])
		if errno == 0 {
			var w int
			w, errno = s.Send(d.Call(c.L), buf[:n], m)
			done += uint64(w)
			m.Release()
			if errno == 0 && w == n && vecLen(rest) > 0 {
				v = rest
				continue
			}
		}
		if errno == netbsd.EPIPE && (m.Flags&netbsd.MSG_NOSIGNAL != 0 || s.NoSigpipe()) {
			return errno
		}
		return finishWrite(c, d, done, errno)
	}
}

// countSent counts a message if d is a socket: sosend does, however it goes on.
func (c *Call) countSent(d *file.Description) {
	if _, ok := d.File.(*socket.Socket); ok {
		c.L.Proc().CountSent()
	}
}

// countReceived counts a message of n bytes, but not the end of a stream (soreceive).
func (c *Call) countReceived(s *socket.Socket, n int) {
	if n > 0 || s.Type() == netbsd.SOCK_DGRAM || s.Type() == netbsd.SOCK_RAW {
		c.L.Proc().CountReceived()
	}
}

// recvfrom is recvfrom(int s, void *buf, size_t len, int flags, struct sockaddr *from,
// socklen_t *fromlen).
func recvfrom(c *Call) netbsd.Errno {
	return c.onSocket(func(d *file.Description, s *socket.Socket) netbsd.Errno {
		if c.Ptr(2) > maxIO {
			return netbsd.EINVAL // do_sys_recvmsg_so
		}
		m := socket.Message{Flags: c.Int(3)}
		n, errno := receive(c, d, s, &m, []iovec{{c.Ptr(1), c.Ptr(2)}}, false)
		if errno != 0 {
			return errno
		}
		c.Ret[0] = uint64(n)
		return c.outFrom(c.Ptr(4), c.Ptr(5), m.Addr)
	})
}

// outFrom is outSockaddr for where a message came from, which a stream's bytes do not say. EINVAL: a length below 0 (copyout_sockname).
func (c *Call) outFrom(addr, lenAddr uint64, a *netbsd.Sockaddr) netbsd.Errno {
	if addr == 0 {
		return 0
	}
	b, errno := c.in(lenAddr, 4)
	switch {
	case errno != 0:
		return errno
	case int32(le32(b)) < 0:
		return netbsd.EINVAL
	case a == nil:
		return c.outLen(lenAddr, 0)
	}
	return c.outSockaddr(addr, lenAddr, a)
}

// receive takes one message, or what a stream has, and spreads it. A stream that is to fill all of
// the vector (MSG_WAITALL) comes in parts; what ends the second or later only ends the call.
func receive(c *Call, d *file.Description, s *socket.Socket, m *socket.Message, v []iovec, control bool) (int, netbsd.Errno) {
	buf := ioBuffers.Get().(*[ioChunk]byte)
	defer ioBuffers.Put(buf)
	all := m.Flags&netbsd.MSG_WAITALL != 0 && m.Flags&netbsd.MSG_PEEK == 0 && s.Type() == netbsd.SOCK_STREAM
	asked, done := m.Flags, 0
	for {
		room := min(vecLen(v), ioChunk)
		n, errno := s.Recv(d.Call(c.L), buf[:room], m, control)
		if errno != 0 && done > 0 {
			return done, 0
		}
		if errno == 0 {
			if done == 0 {
				c.countReceived(s, n)
			}
			v, errno = c.spread(v, buf[:n])
		}
		if errno != 0 {
			return 0, errno
		}
		done += n
		if !all || uint64(n) < room || vecLen(v) == 0 || len(m.Rights)+len(m.Control) > 0 {
			return done, 0
		}
		m.Flags = asked
	}
}

// recvmsg is recvmsg(int s, struct msghdr *msg, int flags). EFAULT of the header comes before EBADF.
func recvmsg(c *Call) netbsd.Errno {
	h, errno := c.msghdr(c.Ptr(1))
	if errno != 0 {
		return errno
	}
	return c.onSocket(func(d *file.Description, s *socket.Socket) netbsd.Errno {
		_, errno := c.recvMessage(d, s, h, c.Ptr(1), c.Int(2))
		return errno
	})
}

// recvMessage takes a message into what a struct msghdr names, which is at addr; it returns the flags
// that came with it. Where it came from is stored behind the control messages, and the open files among these stay if that fails.
func (c *Call) recvMessage(d *file.Description, s *socket.Socket, h netbsd.Msghdr, addr uint64, flags int) (int, netbsd.Errno) {
	v, errno := c.msgvec(h.Iov, h.Iovlen)
	if errno != 0 {
		return 0, errno
	}
	m := socket.Message{Flags: flags}
	fdFlags := c.closeOnFork(flags&netbsd.MSG_CMSG_CLOFORK != 0)
	if flags&netbsd.MSG_CMSG_CLOEXEC != 0 {
		fdFlags |= file.CloseOnExec
	}
	defer m.Release()
	n, errno := receive(c, d, s, &m, v, h.Control != 0 && h.Controllen > 0)
	if errno != 0 {
		return 0, errno
	}
	c.Ret[0] = uint64(n)
	if errno := c.outControl(&h, &m, fdFlags); errno != 0 {
		return 0, errno
	}
	if errno := c.outName(&h, &m); errno != 0 {
		return 0, errno
	}
	h.Flags = int32(m.Flags)
	b := c.out(netbsd.SizeofMsghdr)
	h.Encode(b)
	return m.Flags, c.copyout(addr, b)
}

// outName stores where a message came from.
func (c *Call) outName(h *netbsd.Msghdr, m *socket.Message) netbsd.Errno {
	switch {
	case h.Name == 0:
		return 0
	case int32(h.Namelen) < 0:
		return netbsd.EINVAL
	}
	var full []byte
	if m.Addr != nil {
		full = m.Addr.Bytes()
	}
	full = full[:min(uint64(len(full)), uint64(h.Namelen))]
	h.Namelen = uint32(len(full))
	return c.copyout(h.Name, full)
}

// outControl stores the control messages that came, the open files first: whole ones while there
// is room for them, and what fits of the next, but for open files (copyout_msg_control). MSG_CTRUNC tells of the others.
func (c *Call) outControl(h *netbsd.Msghdr, m *socket.Message, flags file.FDFlags) netbsd.Errno {
	room := int(min(h.Controllen, maxControl))
	h.Controllen = 0
	if h.Control == 0 || len(m.Rights)+len(m.Control) == 0 {
		return 0
	}
	b, fds, errno := c.rightsOut(room, m, flags)
	if errno != 0 {
		return errno
	}
	for _, cm := range m.Control {
		b = netbsd.AppendCmsg(b, cm)
	}
	if len(b) > room {
		m.Flags |= netbsd.MSG_CTRUNC
		b = b[:room]
	}
	h.Controllen = uint32(len(b))
	if len(b) == 0 {
		return 0
	}
	if errno := c.copyout(h.Control, b); errno != 0 {
		c.closeAll(fds)
		return errno
	}
	return 0
}

// rightsOut makes descriptors of the open files that came. As in
// unp_externalize all or none: EPERM for a directory that is not below the caller's root,
// EMSGSIZE without free descriptors. Where there is no room to tell them all there are none, either.
func (c *Call) rightsOut(room int, m *socket.Message, flags file.FDFlags) (b []byte, fds []int, errno netbsd.Errno) {
	if len(m.Rights) == 0 {
		return nil, nil, 0
	}
	for _, d := range m.Rights {
		if !View(c.L).Below(d) {
			return nil, nil, netbsd.EPERM
		}
	}
	if netbsd.CmsgSpace(4*len(m.Rights)) > room {
		if room > 0 {
			m.Flags |= netbsd.MSG_CTRUNC
		}
		return nil, nil, 0
	}
	fds, errno = c.installAll(m, len(m.Rights), flags)
	if errno != 0 {
		return nil, nil, errno
	}
	data := make([]byte, 4*len(fds))
	for i, fd := range fds {
		putLE32(data[4*i:], uint32(fd))
	}
	return netbsd.AppendCmsg(nil, netbsd.Cmsg{Level: netbsd.SOL_SOCKET, Type: netbsd.SCM_RIGHTS, Data: data}), fds, 0
}

// installAll moves the first n files of m into the caller's table.
func (c *Call) installAll(m *socket.Message, n int, flags file.FDFlags) (fds []int, errno netbsd.Errno) {
	for range n {
		fd, errno := c.files().Install(m.Rights[0], 0, c.nofile(), flags)
		if errno != 0 {
			c.closeAll(fds)
			return nil, netbsd.EMSGSIZE
		}
		m.Rights = m.Rights[1:]
		fds = append(fds, fd)
	}
	return fds, 0
}

func (c *Call) closeAll(fds []int) {
	for _, fd := range fds {
		c.files().CloseFD(fd)
	}
}
