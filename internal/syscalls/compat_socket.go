package syscalls

import (
	"toaster/internal/file"
	"toaster/internal/socket"
	"toaster/netbsd"
)

// This file serves sockets as 4.3BSD had them: an address begins with 16 bits of family and no length, and
// messages carry access rights instead of control messages (uipc_syscalls_43.c).

// named43 serves a call that leaves an address where argument i points to, and has it in the old form
// (compat_43_sa_put). A null pointer is asked for nothing, if that is optional.
func named43(i int, optional bool, serve Handler) Handler {
	return func(c *Call) netbsd.Errno {
		addr := c.Ptr(i)
		if errno := serve(c); errno != 0 || optional && addr == 0 {
			return errno
		}
		b, errno := c.in(addr, 2)
		if errno != 0 {
			return errno
		}
		b[0], b[1] = b[1], 0
		return c.copyout(addr, b)
	}
}

// send43 is send(int s, const void *buf, int len, int flags), and recv43 recv(2).
func send43(c *Call) netbsd.Errno { return unnamed43(c, sendto) }
func recv43(c *Call) netbsd.Errno { return unnamed43(c, recvfrom) }

func unnamed43(c *Call, serve Handler) netbsd.Errno {
	c.Args[2], c.Args[4], c.Args[5] = uint64(int64(c.Int(2))), 0, 0
	return serve(c)
}

// rightsMax43 is MLEN, the room that an mbuf of amd64 has.
const rightsMax43 = 512 - 56

// msghdr43 reads a struct omsghdr and its vector.
func (c *Call) msghdr43(addr uint64) (netbsd.Msghdr43, []iovec, netbsd.Errno) {
	b, errno := c.in(addr, netbsd.SizeofMsghdr43)
	if errno != 0 {
		return netbsd.Msghdr43{}, nil, errno
	}
	h := netbsd.DecodeMsghdr43(b)
	v, errno := c.msgvec(h.Iov, h.Iovlen)
	return h, v, errno
}

// sendmsg43 is sendmsg(int s, const struct omsghdr *msg, int flags). EFAULT. EINVAL: an address or rights
// that are too long.
func sendmsg43(c *Call) netbsd.Errno {
	return c.onSocket(func(d *file.Description, s *socket.Socket) netbsd.Errno {
		h, v, errno := c.msghdr43(c.Ptr(1))
		if errno != 0 {
			return errno
		}
		m := socket.Message{Flags: c.Int(2)}
		defer m.Release()
		if h.Name != 0 {
			if m.Addr, errno = c.sockaddr43(h.Name, uint32(h.Namelen)); errno != 0 {
				return errno
			}
		}
		if errno := c.accrights43(&h, s.Family(), &m); errno != 0 {
			return errno
		}
		return send(c, d, s, &m, v)
	})
}

// sockaddr43 reads an address of n bytes that begins with a family of 16 bits.
func (c *Call) sockaddr43(addr uint64, n uint32) (*netbsd.Sockaddr, netbsd.Errno) {
	if n > 255 || n <= 2 {
		return nil, netbsd.EINVAL
	}
	b, errno := c.in(addr, int(n))
	if errno != 0 {
		return nil, errno
	}
	b[0], b[1] = byte(n), b[0]
	a, errno := netbsd.DecodeSockaddr(b)
	return &a, errno
}

// accrights43 has a message carry the open files that h names (compat43_set_accrights).
func (c *Call) accrights43(h *netbsd.Msghdr43, family int, m *socket.Message) netbsd.Errno {
	if h.Rights == 0 || h.Rightslen == 0 {
		return 0
	}
	n := int(h.Rightslen)
	if n < 0 || netbsd.CmsgSpace(n) > rightsMax43 {
		return netbsd.EINVAL
	}
	data := make([]byte, n)
	if errno := c.Space.Read(h.Rights, data); errno != 0 {
		return errno
	}
	b := netbsd.AppendCmsg(nil, netbsd.Cmsg{Level: netbsd.SOL_SOCKET, Type: netbsd.SCM_RIGHTS, Data: data})
	if family == netbsd.AF_LOCAL {
		return c.rights(b, m)
	}
	var errno netbsd.Errno
	m.Control, errno = netbsd.ParseCmsgs(b)
	return errno
}

// recvmsg43 is recvmsg(int s, struct omsghdr *msg, int flags). Where somebody sends open files, they arrive if
// msg_accrightslen is more than the control message that they came in had, and are followed by zeros up to
// that length. The header is stored only where the address cannot be: so it is in compat_43_sys_recvmsg.
func recvmsg43(c *Call) netbsd.Errno {
	return c.onSocket(func(d *file.Description, s *socket.Socket) netbsd.Errno {
		h, v, errno := c.msghdr43(c.Ptr(1))
		if errno != 0 {
			return errno
		}
		if h.Rights == 0 {
			h.Rightslen = 0
		}
		if h.Rightslen > rightsMax43 {
			return netbsd.EINVAL
		}
		m := socket.Message{Flags: c.Int(2)}
		defer m.Release()
		n, errno := receive(c, d, s, &m, v, h.Rights != 0)
		if errno != 0 {
			return errno
		}
		c.Ret[0] = uint64(n)
		h.Rightslen = c.outRights43(&h, &m)
		if c.outName43(&h, &m) == 0 {
			return 0
		}
		b := c.out(netbsd.SizeofMsghdr43)
		h.Encode(b)
		return c.copyout(c.Ptr(1), b)
	})
}

// outRights43 stores the open files that came, and returns how many bytes it has stored; none for files that
// are refused.
func (c *Call) outRights43(h *netbsd.Msghdr43, m *socket.Message) int32 {
	length := netbsd.CmsgSpace(0) + 4*len(m.Rights)
	if len(m.Rights) == 0 || h.Rights == 0 || length >= int(h.Rightslen) {
		return 0
	}
	b, fds, errno := c.rightsOut(netbsd.CmsgSpace(4*len(m.Rights)), m, 0)
	if errno != 0 || len(fds) == 0 {
		return 0
	}
	out := make([]byte, length)
	copy(out, b[netbsd.CmsgSpace(0):])
	if c.copyout(h.Rights, out) != 0 {
		c.closeAll(fds)
		return 0
	}
	return int32(length)
}

// outName43 stores where a message came from, in the old form.
func (c *Call) outName43(h *netbsd.Msghdr43, m *socket.Message) netbsd.Errno {
	if h.Name == 0 {
		return 0
	}
	var full []byte
	if m.Addr != nil {
		full = m.Addr.Bytes()
	}
	if len(full) > 1 {
		full[0], full[1] = full[1], 0
	}
	full = full[:min(uint64(len(full)), uint64(uint32(h.Namelen)))]
	h.Namelen = int32(len(full))
	return c.copyout(h.Name, full)
}
