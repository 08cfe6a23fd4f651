package socket

import (
	"net/netip"

	"golang.org/x/sys/unix"

	"toaster/netbsd"
)

// toHostAddr converts an address for a socket of a family. EAFNOSUPPORT for another family's.
func toHostAddr(a *netbsd.Sockaddr, family int) (unix.Sockaddr, netbsd.Errno) {
	if int(a.Family) != family {
		return nil, netbsd.EAFNOSUPPORT
	}
	switch a.Family {
	case netbsd.AF_INET:
		return &unix.SockaddrInet4{Port: int(a.Addr.Port()), Addr: a.Addr.Addr().Unmap().As4()}, 0
	case netbsd.AF_INET6:
		return &unix.SockaddrInet6{Port: int(a.Addr.Port()), Addr: a.Addr.Addr().As16(), ZoneId: a.Scope}, 0
	case netbsd.AF_LOCAL:
		// A path that begins with a zero byte would name something of the
		// host's outside every root (an abstract address of unix(7)), and x/sys
		// takes a leading @ for one.
		if a.Path == "" || a.Path[0] == 0 || a.Path[0] == '@' {
			return nil, netbsd.EINVAL
		}
		return &unix.SockaddrUnix{Name: a.Path}, 0
	}
	return nil, netbsd.EAFNOSUPPORT
}

// fromHostAddr converts back; what has no address becomes an unnamed one.
func (s *Socket) fromHostAddr(sa unix.Sockaddr) netbsd.Sockaddr {
	a := netbsd.Sockaddr{Family: uint8(s.family)}
	switch sa := sa.(type) {
	case *unix.SockaddrInet4:
		a.Addr = netip.AddrPortFrom(netip.AddrFrom4(sa.Addr), uint16(sa.Port))
	case *unix.SockaddrInet6:
		a.Addr = netip.AddrPortFrom(netip.AddrFrom16(sa.Addr), uint16(sa.Port))
		a.Scope = sa.ZoneId
	case *unix.SockaddrUnix:
		if name, ok := s.stack.names.Load(sa.Name); ok {
			a.Path = name.(string)
		} else if sa.Name != "" && sa.Name[0] != '@' && sa.Name[0] != 0 {
			a.Path = sa.Name
		}
	}
	return a
}
