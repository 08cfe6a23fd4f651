package syscalls

import (
	"bytes"
	"net/netip"

	"toaster/internal/file"
	"toaster/internal/socket"
	"toaster/netbsd"
)

// This file serves the making, naming and connecting of sockets; socket_msg.go what
// goes through them.

// onSocket runs f with the socket of the first argument; ENOTSOCK if it is none.
func (c *Call) onSocket(f func(d *file.Description, s *socket.Socket) netbsd.Errno) netbsd.Errno {
	return c.onFD(func(d *file.Description) netbsd.Errno {
		s, ok := d.File.(*socket.Socket)
		if !ok {
			return netbsd.ENOTSOCK
		}
		return f(d, s)
	})
}

// socketFlags takes SOCK_CLOEXEC and the like off a type.
func (c *Call) socketFlags(typ int) (kind, status int, flags file.FDFlags) {
	u := uint32(typ)
	if u&netbsd.SOCK_CLOEXEC != 0 {
		flags = file.CloseOnExec
	}
	if u&netbsd.SOCK_NONBLOCK != 0 {
		status |= netbsd.O_NONBLOCK
	}
	if u&netbsd.SOCK_NOSIGPIPE != 0 {
		status |= netbsd.O_NOSIGPIPE
	}
	return int(u &^ netbsd.SOCK_FLAGS_MASK), status, flags | c.closeOnFork(u&netbsd.SOCK_CLOFORK != 0)
}

// newSocket is __socket30(int domain, int type, int protocol).
func newSocket(c *Call) netbsd.Errno {
	typ, status, flags := c.socketFlags(c.Int(1))
	if errno := c.mayOpenSocket(c.Int(0), typ); errno != 0 {
		return errno
	}
	s, errno := c.K.Sockets.NewSocket(c.Int(0), typ, c.Int(2))
	if errno != 0 {
		return errno
	}
	s.Owner = c.owner()
	c.K.setDefaults(s, c.Int(0))
	return c.install(file.New(s, netbsd.O_RDWR|status), flags)
}

// socketpair is socketpair(int domain, int type, int protocol, int sv[2]).
func socketpair(c *Call) netbsd.Errno {
	typ, status, flags := c.socketFlags(c.Int(1))
	a, b, errno := c.K.Sockets.NewSocketPair(c.L, c.Int(0), typ, c.Int(2))
	if errno != 0 {
		return errno
	}
	a.Owner, b.Owner = c.owner(), c.owner()
	fa, fb, errno := installPair(c, file.New(a, netbsd.O_RDWR|status), file.New(b, netbsd.O_RDWR|status), flags)
	if errno != 0 {
		return errno
	}
	return c.outPair(c.Ptr(3), fa, fb)
}

// sockaddr reads an address of n bytes, which is to be one of family. EINVAL: more than its length byte can say, or nothing
// behind that and the family (sockargs); or another length than the family's addresses have (in_pcbconnect).
func (c *Call) sockaddr(addr uint64, n uint32, family int) (*netbsd.Sockaddr, netbsd.Errno) {
	b, errno := c.nameBytes(addr, n)
	if errno != 0 {
		return nil, errno
	}
	return nameOf(b, family)
}

// nameBytes fetches an address (sockargs_sb).
func (c *Call) nameBytes(addr uint64, n uint32) ([]byte, netbsd.Errno) {
	if n > 255 || n <= 2 {
		return nil, netbsd.EINVAL
	}
	b, errno := c.in(addr, int(n))
	if errno != 0 {
		return nil, errno
	}
	if b[1] == 0 && b[0] < netbsd.AF_MAX { // a family of 16 bits, as in 4.3BSD
		b[1] = b[0]
	}
	return b, 0
}

// nameOf is what b says. An address of another family than is asked for is nothing but that.
func nameOf(b []byte, family int) (*netbsd.Sockaddr, netbsd.Errno) {
	if int(b[1]) != family {
		return &netbsd.Sockaddr{Family: b[1]}, 0
	}
	if family == netbsd.AF_INET && len(b) != netbsd.SizeofSockaddrIn || family == netbsd.AF_INET6 && len(b) != netbsd.SizeofSockaddrIn6 {
		return nil, netbsd.EINVAL
	}
	a, errno := netbsd.DecodeSockaddr(b)
	return &a, errno
}

// onNamed is onSocket with the address of the second and third arguments, which is fetched before (sys_bind, sys_connect).
func (c *Call) onNamed(f func(d *file.Description, s *socket.Socket, name []byte) netbsd.Errno) netbsd.Errno {
	b, errno := c.nameBytes(c.Ptr(1), c.Uint32(2))
	if errno != 0 {
		return errno
	}
	name := bytes.Clone(b) // b is the call's scratch
	return c.onSocket(func(d *file.Description, s *socket.Socket) netbsd.Errno { return f(d, s, name) })
}

// localAddr puts into an AF_LOCAL address the name that the host knows. done is called
// when that was used.
func (c *Call) localAddr(a *netbsd.Sockaddr) (done func(), errno netbsd.Errno) {
	if a.Family != netbsd.AF_LOCAL {
		return func() {}, 0
	}
	if a.Path == "" {
		return nil, netbsd.ENOENT
	}
	a.Path, done, errno = View(c.L).LocalConnect(a.Path)
	return done, errno
}

// connect is connect(int s, const struct sockaddr *name, socklen_t namelen). EBADF, ENOTSOCK.
// EISCONN, ECONNREFUSED, EINPROGRESS. ENOENT: no such local socket.
func connect(c *Call) netbsd.Errno {
	return c.onNamed(func(d *file.Description, s *socket.Socket, name []byte) netbsd.Errno {
		if errno := s.MayConnect(int(name[1])); errno != 0 {
			return errno
		}
		a, errno := nameOf(name, s.Family())
		if errno != 0 {
			s.Dissolve()
			return errno
		}
		done, errno := c.localAddr(a)
		if errno != 0 {
			s.Dissolve()
			return errno
		}
		defer done()
		if errno := c.bindLow(s, a); errno != 0 {
			return errno
		}
		return s.Connect(d.Call(c.L), a)
	})
}

// bindLow binds a socket that is to have a low port to one before it connects, as in_pcbconnect has in_pcbbind do
// it. EACCES: see mayBindPort.
func (c *Call) bindLow(s *socket.Socket, to *netbsd.Sockaddr) netbsd.Errno {
	if !s.LowPort() || to.Family != netbsd.AF_INET && to.Family != netbsd.AF_INET6 {
		return 0
	}
	name, errno := s.Name()
	if errno != 0 || name.Addr.Port() != 0 {
		return errno
	}
	any := netip.IPv4Unspecified()
	if name.Family == netbsd.AF_INET6 {
		any = netip.IPv6Unspecified()
	}
	name.Addr = netip.AddrPortFrom(any, 0)
	if errno := c.mayBindPort(s, &name); errno != 0 {
		return errno
	}
	return s.Bind(c.L, &name, "", nil)
}

// bind is bind(int s, const struct sockaddr *name, socklen_t namelen). EBADF, ENOTSOCK.
// EINVAL: see sockaddr. ENOENT: an empty name. EADDRINUSE. EACCES: see mayBindPort.
func bind(c *Call) netbsd.Errno {
	return c.onNamed(func(_ *file.Description, s *socket.Socket, name []byte) netbsd.Errno {
		if int(name[1]) != s.Family() {
			return netbsd.EAFNOSUPPORT // sobind
		}
		a, errno := nameOf(name, s.Family())
		if errno != 0 {
			return errno
		}
		if errno := c.mayBindPort(s, a); errno != 0 {
			return errno
		}
		if a.Family != netbsd.AF_LOCAL {
			return s.Bind(c.L, a, "", nil)
		}
		if a.Path == "" {
			return netbsd.ENOENT
		}
		guest := a.Path
		return View(c.L).LocalBind(guest, func(host string, done func()) netbsd.Errno {
			a.Path = host
			return s.Bind(c.L, a, guest, done)
		})
	})
}

// listen is listen(int s, int backlog). EBADF, ENOTSOCK.
func listen(c *Call) netbsd.Errno {
	return c.onSocket(func(_ *file.Description, s *socket.Socket) netbsd.Errno { return s.Listen(c.Int(1)) })
}

// accept is accept(int s, struct sockaddr *name, socklen_t *namelen). The new socket
// has the old one's flags.
func accept(c *Call) netbsd.Errno {
	return c.onSocket(func(d *file.Description, s *socket.Socket) netbsd.Errno {
		return doAccept(c, d, s, d.Flags(), 0)
	})
}

// paccept is paccept(int s, struct sockaddr *name, socklen_t *namelen, const sigset_t
// *mask, int flags). O_NONBLOCK comes from flags alone, of which others are not looked at.
func paccept(c *Call) netbsd.Errno {
	mask := netbsd.Sigset(0)
	if c.Ptr(3) != 0 {
		var errno netbsd.Errno
		if mask, errno = c.sigset(c.Ptr(3)); errno != 0 {
			return errno
		}
	}
	return c.onSocket(func(d *file.Description, s *socket.Socket) netbsd.Errno {
		if errno := c.room(); errno != 0 {
			return errno
		}
		if c.Ptr(3) != 0 {
			c.L.Platform().SetTempMask(mask)
		}
		_, status, flags := c.socketFlags(c.Int(4))
		return doAccept(c, d, s, d.Flags()&^netbsd.O_NONBLOCK|status, flags)
	})
}

// doAccept is do_sys_accept. There is to be room for a descriptor before anybody is let in.
func doAccept(c *Call, d *file.Description, s *socket.Socket, status int, flags file.FDFlags) netbsd.Errno {
	if errno := c.room(); errno != 0 {
		return errno
	}
	n, from, errno := s.Accept(d.Call(c.L))
	if errno != 0 {
		return errno
	}
	nd := file.New(n, netbsd.O_RDWR|status&netbsd.SetflMask)
	if nd.SetOwner(d.Owner()); status&netbsd.O_ASYNC != 0 { // sonewconn
		nd.SetAsync(c.files().Machine(), true)
	}
	if errno := c.outSockaddr(c.Ptr(1), c.Ptr(2), &from); errno != 0 {
		nd.Release()
		return errno
	}
	return c.install(nd, flags)
}

// outSockaddr stores an address, cut to the room there is, and its length. A null
// address asks for neither.
func (c *Call) outSockaddr(addr, lenAddr uint64, a *netbsd.Sockaddr) netbsd.Errno {
	if addr == 0 {
		return 0
	}
	b, errno := c.in(lenAddr, 4)
	if errno != 0 {
		return errno
	}
	full := a.Bytes()
	n := min(uint64(le32(b)), uint64(len(full)))
	if errno := c.copyout(addr, full[:n]); errno != 0 {
		return errno
	}
	return c.outLen(lenAddr, int(n))
}

func (c *Call) outLen(addr uint64, n int) netbsd.Errno {
	b := c.out(4)
	putLE32(b, uint32(n))
	return c.copyout(addr, b)
}

// getsockname is getsockname(int s, struct sockaddr *name, socklen_t *namelen).
func getsockname(c *Call) netbsd.Errno {
	return c.onSocket(func(_ *file.Description, s *socket.Socket) netbsd.Errno {
		a, errno := s.Name()
		if errno != 0 {
			return errno
		}
		return c.outSockaddr(c.Ptr(1), c.Ptr(2), &a)
	})
}

// getpeername is getpeername(int s, struct sockaddr *name, socklen_t *namelen).
func getpeername(c *Call) netbsd.Errno {
	return c.onSocket(func(_ *file.Description, s *socket.Socket) netbsd.Errno {
		a, errno := s.Peer()
		if errno != 0 {
			return errno
		}
		return c.outSockaddr(c.Ptr(1), c.Ptr(2), &a)
	})
}

// shutdown is shutdown(int s, int how).
func shutdown(c *Call) netbsd.Errno {
	return c.onSocket(func(_ *file.Description, s *socket.Socket) netbsd.Errno { return s.Shutdown(c.Int(1)) })
}

// optionMax is MCLBYTES, the longest value of an option.
const optionMax = 2048

// setsockopt is setsockopt(int s, int level, int name, const void *val, socklen_t len). EINVAL: no
// value, or one too long. EBADF, ENOTSOCK. ENOPROTOOPT: unknown. EFAULT.
func setsockopt(c *Call) netbsd.Errno {
	n := c.Uint32(4)
	if n > 0 && c.Ptr(3) == 0 || n > optionMax {
		return netbsd.EINVAL
	}
	return c.onSocket(func(d *file.Description, s *socket.Socket) netbsd.Errno {
		b := make([]byte, n)
		if n > 0 {
			if errno := c.Space.Read(c.Ptr(3), b); errno != 0 {
				return errno
			}
		}
		s.SetNoSigpipe(d.NoSigpipe())
		errno := s.Setsockopt(c.Int(1), c.Int(2), b)
		d.SetFlag(netbsd.O_NOSIGPIPE, s.NoSigpipe())
		return errno
	})
}

// getsockopt is getsockopt(int s, int level, int name, void *val, socklen_t *len). EBADF,
// ENOTSOCK. ENOPROTOOPT: unknown. EFAULT.
func getsockopt(c *Call) netbsd.Errno { return c.sockopt((*socket.Socket).Getsockopt) }

// getsockopt2 is getsockopt2(2), which has the protocol see how much room there is.
func getsockopt2(c *Call) netbsd.Errno { return c.sockopt((*socket.Socket).Getsockopt2) }

// sockopt reads an option. Neither value nor length is stored where there is no room.
func (c *Call) sockopt(get func(s *socket.Socket, level, name, n int) ([]byte, netbsd.Errno)) netbsd.Errno {
	var room uint32
	if c.Ptr(3) != 0 {
		b, errno := c.in(c.Ptr(4), 4)
		if errno != 0 {
			return errno
		}
		if room = le32(b); room > optionMax {
			return netbsd.EINVAL
		}
	}
	return c.onSocket(func(d *file.Description, s *socket.Socket) netbsd.Errno {
		s.SetNoSigpipe(d.NoSigpipe())
		val, errno := get(s, c.Int(1), c.Int(2), int(room))
		if errno != 0 || room == 0 {
			return errno
		}
		if errno := c.copyout(c.Ptr(3), val); errno != 0 {
			return errno
		}
		return c.outLen(c.Ptr(4), len(val))
	})
}
