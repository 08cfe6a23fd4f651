package socket

import (
	"bytes"
	"encoding/binary"

	"golang.org/x/sys/unix"

	"toaster/internal/hostfile"
	"toaster/netbsd"
)

// This file has sockets of AF_LINK (link_proto.c), which ifconfig(8) asks for addresses of the link level. They carry nothing: bind(2), connect(2) and
// their like are EOPNOTSUPP. Behind one is a local socket of the host that nobody can reach, so that it can be waited for.

// newLinkSocket is socket(2) for AF_LINK. EPROTOTYPE, EPROTONOSUPPORT: there are datagrams alone, of protocol 0.
func (k *Stack) newLinkSocket(typ, proto int) (*Socket, netbsd.Errno) {
	switch {
	case proto != 0:
		return nil, netbsd.EPROTONOSUPPORT
	case typ != netbsd.SOCK_DGRAM:
		return nil, netbsd.EPROTOTYPE
	}
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, hostfile.Errno(err)
	}
	return k.wrapSocket(fd, netbsd.AF_LINK, typ)
}

// answerLink is link_control: struct if_laddrreq behind its name has flags, the length of the prefix, and an address, which is that of the
// interface, or, without IFLR_PREFIX, any. EINVAL: no address as such an interface has. EADDRNOTAVAIL: it has another one. ENOTTY: no such request.
func (i *Interface) answerLink(cmd uint32, arg []byte) netbsd.Errno {
	if cmd != netbsd.SIOCGLIFADDR {
		return netbsd.ENOTTY
	}
	const addrAt, nameLen, addrLen, dlData = 8, 5, 6, 8
	le := binary.LittleEndian
	info := i.Info()
	own := netbsd.LinkAddr(&info)
	asked := arg[addrAt : addrAt+128]
	n, from := int(own[addrLen]), dlData+int(asked[nameLen])
	switch flags := le.Uint32(arg); {
	case asked[1] != netbsd.AF_LINK, int(asked[addrLen]) != n, from+n > len(asked):
		return netbsd.EINVAL
	case flags&netbsd.IFLR_PREFIX == 0:
	case le.Uint32(arg[4:]) != uint32(8*n):
		return netbsd.EINVAL
	case !bytes.Equal(asked[from:from+n], own[dlData+int(own[nameLen]):][:n]):
		return netbsd.EADDRNOTAVAIL
	}
	flags := uint32(netbsd.IFLR_ACTIVE)
	if n > 0 {
		flags |= netbsd.IFLR_FACTORY
	}
	le.PutUint32(arg, flags)
	clear(asked)
	copy(asked, own)
	return 0
}
