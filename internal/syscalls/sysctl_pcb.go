package syscalls

import (
	"toaster/internal/file"
	"toaster/internal/socket"
	"toaster/netbsd"
)

// This file lists sockets for sockstat(1) and netstat(1): net.inet.tcp.pcblist and its like. A socket's address
// is that in kern.file2, by which these programs find the two together.

// pcbNode is pcblist of the sockets of a family and a type, of a protocol if that is not 0 (sysctl_inpcblist,
// sysctl_unpcblist). Beyond it come the selection, of which there is one, a process, which counts for
// nothing, the size and the number of elements.
func pcbNode(num int32, family, typ, proto int) sysctlNode {
	return sysctlList(num, "pcblist", func(c *Call, rest []int32, oldlen uint64) ([]byte, netbsd.Errno) {
		if len(rest) != 4 || c.Ptr(2) != 0 && rest[2] != netbsd.SizeofKinfoPcb {
			return nil, netbsd.EINVAL
		}
		t, errno := newTable(c, netbsd.SizeofKinfoPcb, max(rest[3], 0), oldlen)
		if errno != 0 {
			return nil, errno
		}
		if errno := t.addSockets(family, typ, proto); errno != 0 {
			return nil, errno
		}
		return nil, t.end()
	}).says("Sockets")
}

// addSockets adds each socket once, of the processes that the caller may look into.
func (t *table) addSockets(family, typ, proto int) netbsd.Errno {
	seen := map[*socket.Socket]bool{}
	for _, p := range t.c.K.M.Procs() {
		files, ok := p.Files().(Files)
		if !ok || !t.c.maySee(p) {
			continue
		}
		for _, fd := range files.Open() {
			if errno := t.addSocket(files.Table, fd, seen, family, typ, proto); errno != 0 {
				return errno
			}
		}
	}
	return 0
}

func (t *table) addSocket(files *file.Table, fd int, seen map[*socket.Socket]bool, family, typ, proto int) netbsd.Errno {
	d, errno := files.Get(fd)
	if errno != 0 {
		return 0
	}
	defer d.Release()
	s, ok := d.File.(*socket.Socket)
	if !ok || seen[s] || s.Family() != family || s.Type() != typ {
		return 0
	}
	seen[s] = true
	var b [netbsd.SizeofKinfoPcb]byte
	k := kinfoPcb(s, proto)
	if t.c.showsAddresses() {
		at := t.c.K.kmemFileAddr(d)
		k.Addr, k.Socket = at+atPcb, at+atObject
		if proto == netbsd.IPPROTO_TCP { // struct tcpcb, which netstat -A tells
			k.Ppcb = kmemAddr(kmemHidden, d.Number(&t.c.K.fileNumbers)<<12|0x400)
		}
		if s.Family() == netbsd.AF_LOCAL && k.State&ssIsConnected != 0 {
			k.Conn = at + atPeer
		}
	}
	k.Encode(b[:])
	return t.add(b[:])
}

// kinfoPcb describes a socket.
func kinfoPcb(s *socket.Socket, proto int) netbsd.KinfoPcb {
	k := netbsd.KinfoPcb{Family: uint32(s.Family()), Type: uint32(s.Type()), Proto: uint32(proto),
		RecvQ: uint64(max(s.ReadCount(), 0))}
	if name, errno := s.Name(); errno == 0 {
		name.Family = uint8(s.Family())
		k.Src = name.Bytes()
		if name.Addr.Port() != 0 {
			k.ProtoState = inpBound
		}
	}
	if peer, errno := s.Peer(); errno == 0 {
		peer.Family = uint8(s.Family())
		k.Dst, k.State, k.ProtoState = peer.Bytes(), ssIsConnected, inpConnected
		if s.Family() == netbsd.AF_LOCAL {
			k.ProtoState = 0
		}
	}
	if proto == netbsd.IPPROTO_TCP {
		if b, errno := s.Getsockopt(netbsd.IPPROTO_TCP, netbsd.TCP_INFO, 8); errno == 0 && len(b) > 0 {
			k.TCPState = int32(b[0])
		}
	}
	return k
}

// States of sockets (sys/socketvar.h, netinet/in_pcb.h).
const (
	ssIsConnected = 0x2
	inpBound      = 1
	inpConnected  = 2
)
