package socket

import (
	"encoding/binary"
	"slices"
	"sync"

	"golang.org/x/sys/unix"

	"toaster/internal/hostfile"
	"toaster/netbsd"
)

// ip6Options are the options of IPv6 (ip6_ctloutput). IPV6_USE_MIN_MTU and IPV6_PREFER_TEMPADDR
// are kept; the host has nothing like them.
var ip6Options = sync.OnceValue(func() map[int]option {
	return map[int]option{
		netbsd.IPV6_UNICAST_HOPS:     {kind: number, lo: -1, hi: 255, def: -1},
		netbsd.IPV6_MULTICAST_IF:     {kind: number, hi: 1<<31 - 1, live: true},
		netbsd.IPV6_MULTICAST_HOPS:   {kind: own, get: getMulticastHops, set: setMulticastHops},
		netbsd.IPV6_MULTICAST_LOOP:   {kind: number, hi: 1, live: true},
		netbsd.IPV6_JOIN_GROUP:       {kind: own, get: noMembership, set: groupSetter(netbsd.IPV6_JOIN_GROUP)},
		netbsd.IPV6_LEAVE_GROUP:      {kind: own, get: noMembership, set: groupSetter(netbsd.IPV6_LEAVE_GROUP)},
		netbsd.IPV6_PORTRANGE:        {kind: own, get: getPortRange, set: setPortRange},
		netbsd.IPV6_PORTALGO:         {kind: number, hi: portAlgos - 1},
		netbsd.IPV6_CHECKSUM:         {kind: own, get: getChecksum, set: setChecksum},
		netbsd.IPV6_V6ONLY:           {kind: own, get: getV6Only, set: setV6Only},
		netbsd.IPV6_FAITH:            {kind: flag, bit: faith},
		netbsd.IPV6_RECVPKTINFO:      {kind: flag, bit: recv6Pktinfo},
		netbsd.IPV6_RECVHOPLIMIT:     {kind: flag, bit: recv6Hoplimit},
		netbsd.IPV6_RECVTCLASS:       {kind: flag, bit: recv6Tclass},
		netbsd.IPV6_RECVRTHDR:        {kind: flag, bit: recv6Rthdr},
		netbsd.IPV6_RECVHOPOPTS:      {kind: flag, bit: recv6Hopopts},
		netbsd.IPV6_RECVDSTOPTS:      {kind: flag, bit: recv6Dstopts},
		netbsd.IPV6_RECVRTHDRDSTOPTS: {kind: flag, bit: recv6RthdrDstopts},
		netbsd.IPV6_RECVPATHMTU:      {kind: flag, bit: recv6PathMTU},
		netbsd.IPV6_PATHMTU:          {kind: own, get: getPathMTU},
		netbsd.IPV6_PKTINFO:          {kind: own, get: getIP6Pktinfo, set: setIP6Pktinfo},
		netbsd.IPV6_TCLASS:           {kind: own, get: getTclass, set: setTclass},
		netbsd.IPV6_DONTFRAG:         {kind: flag, bit: dontFrag},
		netbsd.IPV6_USE_MIN_MTU:      {kind: number, lo: -1, hi: 1, def: -1},
		netbsd.IPV6_PREFER_TEMPADDR:  {kind: number, lo: -1, hi: 1, def: -1},
	}
})

// getNothing and setNothing are of options that TCP takes and ignores.
func getNothing(*Socket, int) ([]byte, netbsd.Errno) { return intBytes(0), 0 }

func setNothing(_ *Socket, val []byte) netbsd.Errno {
	if len(val) != 4 {
		return netbsd.EINVAL
	}
	return 0
}

// multicastHops is the default of multicast messages (ip6_defmcasthlim), as which -1 is read.
const multicastHops = 1

func setMulticastHops(s *Socket, val []byte) netbsd.Errno {
	if len(val) != 4 {
		return netbsd.EINVAL
	}
	k := optionKey{netbsd.IPPROTO_IPV6, netbsd.IPV6_MULTICAST_HOPS}
	v := int32(binary.LittleEndian.Uint32(val))
	if v == -1 {
		v = multicastHops
	}
	return s.setNumber(k, &option{hi: 255}, v)
}

func getMulticastHops(s *Socket, _ int) ([]byte, netbsd.Errno) {
	k := optionKey{netbsd.IPPROTO_IPV6, netbsd.IPV6_MULTICAST_HOPS}
	v, errno := s.number(k, &option{def: multicastHops})
	return intBytes(v), errno
}

// setTclass takes -1 for the default, as which 0 is read.
func setTclass(s *Socket, val []byte) netbsd.Errno {
	if len(val) != 4 {
		return netbsd.EINVAL
	}
	k := optionKey{netbsd.IPPROTO_IPV6, netbsd.IPV6_TCLASS}
	return s.setNumber(k, &option{lo: -1, hi: 255}, int32(binary.LittleEndian.Uint32(val)))
}

func getTclass(s *Socket, _ int) ([]byte, netbsd.Errno) {
	v, _ := s.kept(optionKey{netbsd.IPPROTO_IPV6, netbsd.IPV6_TCLASS})
	return intBytes(max(v, 0)), 0
}

// groupSetter makes the setter of IPV6_JOIN_GROUP and IPV6_LEAVE_GROUP, which take a struct
// ipv6_mreq, the same on the host. ENXIO: no such interface.
func groupSetter(name int) func(*Socket, []byte) netbsd.Errno {
	k := optionKey{netbsd.IPPROTO_IPV6, name}
	return func(s *Socket, val []byte) netbsd.Errno {
		if len(val) != netbsd.SizeofIPv6Mreq {
			return netbsd.EINVAL
		}
		l, n, _ := netbsd.SockoptToLinux(k.level, k.name)
		if err := unix.SetsockoptString(s.FD(), l, n, string(val)); err != nil {
			return optionErrno(k, err)
		}
		return 0
	}
}

// setV6Only is for sockets that are not bound yet. EINVAL: it is.
func setV6Only(s *Socket, val []byte) netbsd.Errno {
	if len(val) != 4 {
		return netbsd.EINVAL
	}
	if a, errno := s.Name(); errno == 0 && (a.Addr.Port() != 0 || a.Addr.Addr().IsValid() && !a.Addr.Addr().IsUnspecified()) {
		return netbsd.EINVAL
	}
	return s.setFlag(v6Only, binary.LittleEndian.Uint32(val) != 0)
}

func getV6Only(s *Socket, _ int) ([]byte, netbsd.Errno) {
	if s.has(v6Only) {
		return intBytes(1), 0
	}
	return intBytes(0), 0
}

// icmp6Checksum is where ICMPv6 has its checksum, which cannot be moved (rip6_ctloutput).
const icmp6Checksum = 2

func setChecksum(s *Socket, val []byte) netbsd.Errno {
	if len(val) != 4 {
		return netbsd.EINVAL
	}
	v := int32(binary.LittleEndian.Uint32(val))
	switch {
	case s.proto == netbsd.IPPROTO_ICMPV6 && v == icmp6Checksum:
		return 0
	case s.proto == netbsd.IPPROTO_ICMPV6, v%2 != 0:
		return netbsd.EINVAL
	}
	s.keep(optionKey{netbsd.IPPROTO_IPV6, netbsd.IPV6_CHECKSUM}, v)
	return hostfile.Errno(unix.SetsockoptInt(s.FD(), unix.IPPROTO_IPV6, unix.IPV6_CHECKSUM, int(v)))
}

func getChecksum(s *Socket, _ int) ([]byte, netbsd.Errno) {
	if s.proto == netbsd.IPPROTO_ICMPV6 {
		return intBytes(icmp6Checksum), 0
	}
	v, ok := s.kept(optionKey{netbsd.IPPROTO_IPV6, netbsd.IPV6_CHECKSUM})
	if !ok {
		v = -1
	}
	return intBytes(v), 0
}

// getPathMTU is struct ip6_mtuinfo: an address of 28 bytes, and the MTU. ENOTCONN.
func getPathMTU(s *Socket, _ int) ([]byte, netbsd.Errno) {
	mtu, err := unix.GetsockoptInt(s.FD(), unix.IPPROTO_IPV6, unix.IPV6_MTU)
	if err != nil {
		return nil, hostfile.Errno(err)
	}
	b := make([]byte, netbsd.SizeofSockaddrIn6)
	return binary.LittleEndian.AppendUint32(b, uint32(mtu)), 0
}

// setIP6Pktinfo sets source and interface of what is sent, with a struct in6_pktinfo, the same
// on the host. EINVAL: a source for TCP (ip6_setpktopt). ENXIO: no such interface.
func setIP6Pktinfo(s *Socket, val []byte) netbsd.Errno {
	if len(val) != netbsd.SizeofIn6Pktinfo {
		return netbsd.EINVAL
	}
	if s.typ == netbsd.SOCK_STREAM && [16]byte(val) != [16]byte{} {
		return netbsd.EINVAL
	}
	if index := binary.LittleEndian.Uint32(val[16:]); index != 0 && !s.stack.hasInterface(int(index)) {
		return netbsd.ENXIO // the host looks when a message is sent
	}
	if err := unix.SetsockoptString(s.FD(), unix.IPPROTO_IPV6, unix.IPV6_PKTINFO, string(val)); err != nil {
		return hostfile.Errno(err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.pktinfo6 = [netbsd.SizeofIn6Pktinfo]byte(val)
	return 0
}

func (k *Stack) hasInterface(index int) bool {
	return slices.ContainsFunc(k.Interfaces(), func(i Interface) bool { return i.Index == index })
}

func getIP6Pktinfo(s *Socket, _ int) ([]byte, netbsd.Errno) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]byte(nil), s.pktinfo6[:]...), 0
}

// sizeofICMP6Filter is struct icmp6_filter: a bit for each type, which is on if it passes. The
// host's is off.
const sizeofICMP6Filter = 32

func setICMP6Filter(s *Socket, val []byte) netbsd.Errno {
	if len(val) != sizeofICMP6Filter {
		return netbsd.EINVAL
	}
	return hostfile.Errno(unix.SetsockoptString(s.FD(), unix.IPPROTO_ICMPV6, hostICMP6Filter, string(inverted(val))))
}

const hostICMP6Filter = 1 // ICMPV6_FILTER

func getICMP6Filter(s *Socket, _ int) ([]byte, netbsd.Errno) {
	b := make([]byte, sizeofICMP6Filter)
	_, errno := s.hostOption(unix.IPPROTO_ICMPV6, hostICMP6Filter, b)
	return inverted(b), errno
}

func inverted(b []byte) []byte {
	out := make([]byte, len(b))
	for i := range b {
		out[i] = ^b[i]
	}
	return out
}
