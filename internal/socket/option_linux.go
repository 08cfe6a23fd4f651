package socket

import (
	"encoding/binary"
	"unsafe"

	"golang.org/x/sys/unix"

	"toaster/internal/hostfile"
	"toaster/netbsd"
)

// maxSockopt bounds what an option holds (MCLBYTES of setsockopt(2)).
const maxSockopt = 2048

// options are the options of a socket that are on or off. Those of SOL_SOCKET have the bits
// that NetBSD assigns to them (so_options), the protocols' lie above.
type options uint64

const (
	recvOpts options = 1 << (iota + 16)
	recvRetOpts
	recvDstAddr
	recvIf
	recvPktinfo
	recvTTL
	hdrIncl
	lowPort
	highPort
	v6Only
	faith
	recv6Pktinfo
	recv6Hoplimit
	recv6Tclass
	recv6Rthdr
	recv6Hopopts
	recv6Dstopts
	recv6RthdrDstopts
	recv6PathMTU
	dontFrag
	noDelay
	oldCreds
	newCreds
	connWait

	// controls are those that have messages come with control messages of the host.
	controls = options(netbsd.SO_TIMESTAMP) | recvDstAddr | recvIf | recvPktinfo | recvTTL |
		recv6Pktinfo | recv6Hoplimit | recv6Tclass
)

// optionKind says what the value of an option is.
type optionKind uint8

const (
	none   optionKind = iota // no option
	flag                     // an int, on unless it is 0
	number                   // an int
	octet                    // a byte or an int to set, a byte to get (ip_getoptval)
	own                      // what get and set make of it
)

// option describes an option. What the guest has set is kept, and is what it reads again: the
// host rounds, doubles and refuses numbers that NetBSD takes.
type option struct {
	kind   optionKind
	bit    options // of a flag
	on     int32   // what is read of a flag that is on, if not 1
	lo, hi int32   // of a number or octet: EINVAL for another
	mask   int32   // of a number: the bits that are kept; 0 is all
	max    int32   // of a number: what the host takes at most; 0 is everything
	def    int32   // of a number that nobody has set, unless the host says it
	live   bool    // it is read from the host until somebody sets it
	get    func(s *Socket, size int) ([]byte, netbsd.Errno)
	set    func(s *Socket, val []byte) netbsd.Errno
}

// optionKey is a level and the name of an option.
type optionKey struct{ level, name int }

// lookup finds an option that the protocol of s has; its kind is none if there is no such.
func (s *Socket) lookup(k optionKey) option {
	switch {
	case k.level == netbsd.SOL_SOCKET:
		return socketOptions()[k.name]
	case s.family == netbsd.AF_LOCAL && k.level == 0:
		return localOptions()[k.name]
	case s.family == netbsd.AF_INET && k.level == netbsd.IPPROTO_IP:
		if k.name == netbsd.IP_HDRINCL && s.typ != netbsd.SOCK_RAW { // rip_ctloutput
			return option{}
		}
		return ipOptions()[k.name]
	case s.family == netbsd.AF_INET6:
		return s.lookup6(k)
	case s.family == netbsd.AF_INET && k.level == netbsd.IPPROTO_TCP && s.typ == netbsd.SOCK_STREAM:
		return tcpOptions()[k.name]
	}
	return option{}
}

// lookup6 is lookup for a socket of IPv6, which has the multicast options of IPv4, too
// (ip6_ctloutput).
func (s *Socket) lookup6(k optionKey) option {
	switch {
	case k.level == netbsd.IPPROTO_IPV6:
		if k.name == netbsd.IPV6_CHECKSUM && s.typ != netbsd.SOCK_RAW { // rip6_ctloutput
			return option{}
		}
		if s.typ == netbsd.SOCK_STREAM && (k.name == netbsd.IPV6_DONTFRAG || k.name == netbsd.IPV6_RECVPATHMTU) {
			return option{kind: own, get: getNothing, set: setNothing}
		}
		return ip6Options()[k.name]
	case k.level == netbsd.IPPROTO_IP && k.name >= netbsd.IP_MULTICAST_IF && k.name <= netbsd.IP_DROP_MEMBERSHIP:
		return ipOptions()[k.name]
	case k.level == netbsd.IPPROTO_TCP && s.typ == netbsd.SOCK_STREAM:
		return tcpOptions()[k.name]
	case k.level == netbsd.IPPROTO_ICMPV6 && k.name == netbsd.ICMP6_FILTER && s.proto == netbsd.IPPROTO_ICMPV6:
		return option{kind: own, get: getICMP6Filter, set: setICMP6Filter}
	}
	return option{}
}

// Setsockopt is setsockopt(2). ENOPROTOOPT: the protocol has no such option, or it cannot be
// set. EINVAL: a value of the wrong size, or out of its range.
func (s *Socket) Setsockopt(level, name int, val []byte) netbsd.Errno {
	if len(val) > maxSockopt {
		return netbsd.EINVAL
	}
	k := optionKey{level, name}
	o := s.lookup(k)
	switch o.kind {
	case flag, number:
		if len(val) != 4 { // sockopt_getint
			return netbsd.EINVAL
		}
		v := int32(binary.LittleEndian.Uint32(val))
		if o.kind == flag {
			return s.setFlag(o.bit, v != 0)
		}
		return s.setNumber(k, &o, v)
	case octet:
		v, errno := octetOf(val)
		if errno != 0 {
			return errno
		}
		return s.setNumber(k, &o, v)
	case own:
		if o.set != nil {
			return o.set(s, val)
		}
	}
	return netbsd.ENOPROTOOPT
}

// octetOf reads a byte or an int.
func octetOf(val []byte) (int32, netbsd.Errno) {
	switch len(val) {
	case 1:
		return int32(val[0]), 0
	case 4:
		return int32(binary.LittleEndian.Uint32(val)), 0
	}
	return 0, netbsd.EINVAL
}

// hostFlags are the flags that the host has to know, each with those of NetBSD's that need it.
// SO_DEBUG is not among them: the host lets nobody but its superuser.
var hostFlags = []struct {
	level, name int
	bits        options
	datagrams   bool // not for streams, of which NetBSD tells nothing
}{
	{unix.SOL_SOCKET, unix.SO_KEEPALIVE, netbsd.SO_KEEPALIVE, false},
	{unix.SOL_SOCKET, unix.SO_DONTROUTE, netbsd.SO_DONTROUTE, false},
	{unix.SOL_SOCKET, unix.SO_BROADCAST, netbsd.SO_BROADCAST, false},
	{unix.SOL_SOCKET, unix.SO_REUSEADDR, netbsd.SO_REUSEADDR, false},
	{unix.SOL_SOCKET, unix.SO_REUSEPORT, netbsd.SO_REUSEPORT, false},
	{unix.SOL_SOCKET, unix.SO_OOBINLINE, netbsd.SO_OOBINLINE, false},
	{unix.SOL_SOCKET, unix.SO_TIMESTAMP, netbsd.SO_TIMESTAMP, true},
	{unix.IPPROTO_IP, unix.IP_PKTINFO, recvDstAddr | recvIf | recvPktinfo, true},
	{unix.IPPROTO_IP, unix.IP_RECVTTL, recvTTL, true},
	{unix.IPPROTO_IP, unix.IP_HDRINCL, hdrIncl, true},
	{unix.IPPROTO_IPV6, unix.IPV6_V6ONLY, v6Only, false},
	{unix.IPPROTO_IPV6, unix.IPV6_RECVPKTINFO, recv6Pktinfo, true},
	{unix.IPPROTO_IPV6, unix.IPV6_RECVHOPLIMIT, recv6Hoplimit, true},
	{unix.IPPROTO_IPV6, unix.IPV6_RECVTCLASS, recv6Tclass, true},
	{unix.IPPROTO_IPV6, unix.IPV6_RECVPATHMTU, recv6PathMTU, true},
	{unix.IPPROTO_IPV6, unix.IPV6_DONTFRAG, dontFrag, true},
	{unix.IPPROTO_TCP, unix.TCP_NODELAY, noDelay, false},
}

// setFlag switches options on or off, with the host first, which may refuse.
func (s *Socket) setFlag(bits options, on bool) netbsd.Errno {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.options.Load() &^ uint64(bits)
	if on {
		now |= uint64(bits)
	}
	for i := range hostFlags {
		h := &hostFlags[i]
		if h.bits&bits == 0 || h.datagrams && s.typ == netbsd.SOCK_STREAM || !s.hostHas(h.level, h.bits) {
			continue
		}
		v := 0
		if options(now)&h.bits != 0 {
			v = 1
		}
		if err := unix.SetsockoptInt(s.FD(), h.level, h.name, v); err != nil {
			return hostfile.Errno(err)
		}
	}
	s.options.Store(now)
	return 0
}

// hostHas tells whether the host's socket knows a flag. Of local and routing sockets, which
// have all of SOL_SOCKET in NetBSD, it takes little.
func (s *Socket) hostHas(level int, bits options) bool {
	if s.family == netbsd.AF_INET || s.family == netbsd.AF_INET6 {
		return true
	}
	return level == unix.SOL_SOCKET && bits&(netbsd.SO_REUSEPORT|netbsd.SO_TIMESTAMP) == 0
}

// has reports whether one of the options is on.
func (s *Socket) has(bits options) bool { return options(s.options.Load())&bits != 0 }

// setNumber keeps a number, and tells the host as far as it takes it.
func (s *Socket) setNumber(k optionKey, o *option, v int32) netbsd.Errno {
	if v < o.lo || v > o.hi {
		return netbsd.EINVAL
	}
	if o.mask != 0 {
		v &= o.mask
	}
	if l, n, ok := netbsd.SockoptToLinux(k.level, k.name); ok && !(k.name == netbsd.IP_TTL && v == 0 && k.level == netbsd.IPPROTO_IP) {
		h := v
		if o.max != 0 {
			h = min(h, o.max)
		}
		if err := unix.SetsockoptInt(s.FD(), l, n, int(h)); err != nil {
			return optionErrno(k, err)
		}
	}
	s.keep(k, v)
	return 0
}

// keep notes what the guest has set.
func (s *Socket) keep(k optionKey, v int32) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.numbers == nil {
		s.numbers = map[optionKey]int32{}
	}
	s.numbers[k] = v
}

// kept returns what keep has noted.
func (s *Socket) kept(k optionKey) (int32, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	v, ok := s.numbers[k]
	return v, ok
}

// optionErrno is NetBSD's error where the two kernels have different ones for one cause: an
// interface that there is not, and too many groups.
func optionErrno(k optionKey, err error) netbsd.Errno {
	switch {
	case err == unix.ENODEV && k.level == netbsd.IPPROTO_IPV6:
		return netbsd.ENXIO
	case err == unix.ENODEV:
		return netbsd.EADDRNOTAVAIL
	case err == unix.ENOBUFS && k == optionKey{netbsd.IPPROTO_IP, netbsd.IP_ADD_MEMBERSHIP}:
		return netbsd.ETOOMANYREFS
	}
	return hostfile.Errno(err)
}

// Getsockopt is getsockopt(2), with room for n bytes: what there is, cut to the room.
// ENOPROTOOPT: the protocol has no such option, or it cannot be read.
func (s *Socket) Getsockopt(level, name, n int) ([]byte, netbsd.Errno) {
	return s.getsockopt(level, name, n, 0)
}

// Getsockopt2 is getsockopt2(2), to which the protocol can look at how much room there is.
func (s *Socket) Getsockopt2(level, name, n int) ([]byte, netbsd.Errno) {
	return s.getsockopt(level, name, n, n)
}

func (s *Socket) getsockopt(level, name, room, size int) ([]byte, netbsd.Errno) {
	k := optionKey{level, name}
	o := s.lookup(k)
	b, errno := s.value(k, &o, size)
	return b[:max(0, min(room, len(b)))], errno
}

func (s *Socket) value(k optionKey, o *option, size int) ([]byte, netbsd.Errno) {
	switch o.kind {
	case flag:
		v := int32(0)
		if s.has(o.bit) {
			v = max(1, o.on)
		}
		return intBytes(v), 0
	case number, octet:
		v, errno := s.number(k, o)
		b := intBytes(v)
		if o.kind == octet {
			b = b[:1]
		}
		return b, errno
	case own:
		if o.get != nil {
			return o.get(s, size)
		}
	}
	if s.family == netbsd.AF_INET && k.level == netbsd.IPPROTO_UDP && s.typ == netbsd.SOCK_DGRAM {
		return nil, netbsd.EINVAL // udp_ctloutput
	}
	return nil, netbsd.ENOPROTOOPT
}

// number is what was set, or what is so before.
func (s *Socket) number(k optionKey, o *option) (int32, netbsd.Errno) {
	v, set := s.kept(k)
	l, n, ok := netbsd.SockoptToLinux(k.level, k.name)
	switch {
	case set:
		return v, 0
	case !o.live || !ok:
		return o.def, 0
	}
	h, err := unix.GetsockoptInt(s.FD(), l, n)
	return int32(h), hostfile.Errno(err)
}

func intBytes(v int32) []byte { return binary.LittleEndian.AppendUint32(nil, uint32(v)) }

// hostOption reads an option of the host's into b, and returns how much of it that fills.
func (s *Socket) hostOption(level, name int, b []byte) (int, netbsd.Errno) {
	size := uint32(len(b))
	_, _, e := unix.Syscall6(unix.SYS_GETSOCKOPT, uintptr(s.FD()), uintptr(level), uintptr(name),
		uintptr(unsafe.Pointer(&b[0])), uintptr(unsafe.Pointer(&size)), 0)
	if e != 0 {
		return 0, hostfile.Errno(e)
	}
	return int(size), 0
}

// inherit gives an accepted socket the options of the one that listens (sonewconn).
func (s *Socket) inherit(from *Socket) {
	from.mu.Lock()
	defer from.mu.Unlock()
	s.options.Store(from.options.Load())
	s.recvTimeo, s.sendTimeo = from.recvTimeo, from.sendTimeo
	for k, v := range from.numbers {
		s.keep(k, v)
	}
}
