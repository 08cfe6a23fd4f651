package socket

import (
	"encoding/binary"
	"math"
	"slices"
	"sync"

	"golang.org/x/sys/unix"

	"toaster/internal/hostfile"
	"toaster/netbsd"
)

// ipOptions are the options of IPv4 (ip_ctloutput). IP_RECVOPTS and IP_RECVRETOPTS are kept,
// and NetBSD tells nothing for them either (ip_savecontrol).
var ipOptions = sync.OnceValue(func() map[int]option {
	return map[int]option{
		netbsd.IP_OPTIONS:         {kind: own, get: getIPOptions, set: setIPOptions},
		netbsd.IP_RETOPTS:         {kind: own, get: getIPOptions},
		netbsd.IP_HDRINCL:         {kind: flag, bit: hdrIncl, on: 8}, // INP_HDRINCL
		netbsd.IP_TOS:             {kind: number, lo: math.MinInt32, hi: math.MaxInt32, mask: 0xff},
		netbsd.IP_TTL:             {kind: number, lo: math.MinInt32, hi: math.MaxInt32, mask: 0xff, live: true},
		netbsd.IP_MINTTL:          {kind: number, lo: 1, hi: 255},
		netbsd.IP_RECVOPTS:        {kind: flag, bit: recvOpts},
		netbsd.IP_RECVRETOPTS:     {kind: flag, bit: recvRetOpts},
		netbsd.IP_RECVDSTADDR:     {kind: flag, bit: recvDstAddr},
		netbsd.IP_RECVIF:          {kind: flag, bit: recvIf},
		netbsd.IP_RECVPKTINFO:     {kind: flag, bit: recvPktinfo},
		netbsd.IP_RECVTTL:         {kind: flag, bit: recvTTL},
		netbsd.IP_PKTINFO:         {kind: own, get: getIPPktinfo, set: setIPPktinfo},
		netbsd.IP_ERRORMTU:        {kind: own, get: func(*Socket, int) ([]byte, netbsd.Errno) { return intBytes(0), 0 }},
		netbsd.IP_MULTICAST_IF:    {kind: own, get: getMulticastIf, set: setMulticastIf},
		netbsd.IP_MULTICAST_TTL:   {kind: octet, hi: 255, live: true},
		netbsd.IP_MULTICAST_LOOP:  {kind: octet, hi: 1, live: true},
		netbsd.IP_ADD_MEMBERSHIP:  {kind: own, get: noMembership, set: membershipSetter(netbsd.IP_ADD_MEMBERSHIP)},
		netbsd.IP_DROP_MEMBERSHIP: {kind: own, get: noMembership, set: membershipSetter(netbsd.IP_DROP_MEMBERSHIP)},
		netbsd.IP_PORTRANGE:       {kind: own, get: getPortRange, set: setPortRange},
		netbsd.IP_PORTALGO:        {kind: number, hi: portAlgos - 1},
	}
})

// portAlgos is how many ways NetBSD has to choose a port (portalgo_algos). They are kept; the
// host chooses as it does.
const portAlgos = 6

// setIPOptions takes a list of IP options as the host does, which has the same checks.
func setIPOptions(s *Socket, val []byte) netbsd.Errno {
	if len(val)%4 != 0 {
		return netbsd.EINVAL
	}
	return hostfile.Errno(unix.SetsockoptString(s.FD(), unix.IPPROTO_IP, unix.IP_OPTIONS, string(val)))
}

// getIPOptions returns the options behind the address of the first hop, or nothing.
func getIPOptions(s *Socket, _ int) ([]byte, netbsd.Errno) {
	b := make([]byte, 4+40)
	n, errno := s.hostOption(unix.IPPROTO_IP, unix.IP_OPTIONS, b[4:])
	if errno != 0 || n == 0 {
		return nil, errno
	}
	return b[:4+n], 0
}

// setIPPktinfo is IP_RECVPKTINFO for an int, and sets the source of what is sent for a struct
// in_pktinfo.
func setIPPktinfo(s *Socket, val []byte) netbsd.Errno {
	switch len(val) {
	case 4:
		return s.setFlag(recvPktinfo, binary.LittleEndian.Uint32(val) != 0)
	case netbsd.SizeofInPktinfo:
	default:
		return netbsd.EINVAL
	}
	p := netbsd.DecodeInPktinfo(val)
	if p.Index != 0 {
		var errno netbsd.Errno
		if p.Addr, errno = s.primaryAddr(p.Index); errno != 0 {
			return errno
		}
	}
	s.source.Store(binary.LittleEndian.Uint32(p.Addr[:]))
	return 0
}

// primaryAddr is the first address of an interface; EADDRNOTAVAIL if there is none.
func (s *Socket) primaryAddr(index uint32) ([4]byte, netbsd.Errno) {
	for _, i := range s.stack.Interfaces() {
		for _, a := range i.Addrs {
			if i.Index == int(index) && a.Addr().Is4() {
				return a.Addr().As4(), 0
			}
		}
	}
	return [4]byte{}, netbsd.EADDRNOTAVAIL
}

// getIPPktinfo returns an int, but the source in a struct in_pktinfo to getsockopt2(2) with room
// for one.
func getIPPktinfo(s *Socket, size int) ([]byte, netbsd.Errno) {
	if size == netbsd.SizeofInPktinfo {
		p := netbsd.InPktinfo{}
		binary.LittleEndian.PutUint32(p.Addr[:], s.source.Load())
		b := make([]byte, netbsd.SizeofInPktinfo)
		p.Encode(b)
		return b, 0
	}
	if s.has(recvPktinfo) {
		return intBytes(1), 0
	}
	return intBytes(0), 0
}

func noMembership(*Socket, int) ([]byte, netbsd.Errno) { return nil, netbsd.EOPNOTSUPP }

// hostMreq makes the host's struct ip_mreqn (group 0, address 4, interface 8) of a group and an
// address; one in 0.0.0.0/8 is the number of an interface (ip_multicast_if).
func hostMreq(group, addr []byte) string {
	b := slices.Concat(group, addr, make([]byte, 4))
	if addr[0] == 0 {
		binary.LittleEndian.PutUint32(b[8:], binary.BigEndian.Uint32(addr))
		clear(b[4:8])
	}
	return string(b)
}

// membershipSetter makes the setter of IP_ADD_MEMBERSHIP and IP_DROP_MEMBERSHIP. EADDRNOTAVAIL:
// no such interface, or no such membership. EADDRINUSE, ETOOMANYREFS.
func membershipSetter(name int) func(*Socket, []byte) netbsd.Errno {
	k := optionKey{netbsd.IPPROTO_IP, name}
	return func(s *Socket, val []byte) netbsd.Errno {
		if len(val) != netbsd.SizeofIPMreq || val[0]&0xf0 != 0xe0 {
			return netbsd.EINVAL
		}
		l, n, _ := netbsd.SockoptToLinux(k.level, k.name)
		err := unix.SetsockoptString(s.FD(), l, n, hostMreq(val[:4], val[4:]))
		if err != nil {
			return optionErrno(k, err)
		}
		return 0
	}
}

// setMulticastIf takes the address of an interface, or 0 for whichever routes lead to.
func setMulticastIf(s *Socket, val []byte) netbsd.Errno {
	if len(val) != 4 {
		return netbsd.EINVAL
	}
	k := optionKey{netbsd.IPPROTO_IP, netbsd.IP_MULTICAST_IF}
	err := unix.SetsockoptString(s.FD(), unix.IPPROTO_IP, unix.IP_MULTICAST_IF, hostMreq(make([]byte, 4), val))
	if err != nil {
		return optionErrno(k, err)
	}
	s.keep(k, int32(binary.LittleEndian.Uint32(val)))
	return 0
}

func getMulticastIf(s *Socket, _ int) ([]byte, netbsd.Errno) {
	v, _ := s.kept(optionKey{netbsd.IPPROTO_IP, netbsd.IP_MULTICAST_IF})
	return intBytes(v), 0
}

// setPortRange says where bind(2) looks for a port (IP_PORTRANGE, IPV6_PORTRANGE).
func setPortRange(s *Socket, val []byte) netbsd.Errno {
	if len(val) != 4 {
		return netbsd.EINVAL
	}
	var bits options
	switch binary.LittleEndian.Uint32(val) {
	case netbsd.IP_PORTRANGE_DEFAULT:
	case netbsd.IP_PORTRANGE_HIGH:
		bits = highPort
	case netbsd.IP_PORTRANGE_LOW:
		bits = lowPort
	default:
		return netbsd.EINVAL
	}
	s.setFlag(lowPort|highPort, false)
	return s.setFlag(bits, true)
}

// getPortRange tells IPv6 that it is high; of IPv4 that is the default, as which it is read.
func getPortRange(s *Socket, _ int) ([]byte, netbsd.Errno) {
	switch {
	case s.has(lowPort):
		return intBytes(netbsd.IP_PORTRANGE_LOW), 0
	case s.has(highPort) && s.family == netbsd.AF_INET6:
		return intBytes(netbsd.IP_PORTRANGE_HIGH), 0
	}
	return intBytes(netbsd.IP_PORTRANGE_DEFAULT), 0
}
