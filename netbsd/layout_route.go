package netbsd

import "net/netip"

// Messages of routing sockets and of the routing sysctl (route(4)): if_msghdr has 152 bytes,
// ifa_msghdr 32, or 24 in the layout of before NetBSD 8, which Go asks for (NET_RT_OIFLIST), rt_msghdr
// 120, and socket addresses follow, each padded to a multiple of 8.
const (
	SizeofIfMsghdr  = 152
	SizeofIfData    = 136
	SizeofIfaMsghdr = 24 // of before NetBSD 8
	SizeofIfaMsg10  = 32
	SizeofRtMsghdr  = 120
	SizeofIfanMsg   = 24
	SizeofSockaddrD = 20 // struct sockaddr_dl with 12 bytes of data
)

// Bits that say which addresses follow a message, in this order (RTA_*).
const (
	RTA_DST     = 0x1
	RTA_GATEWAY = 0x2
	RTA_NETMASK = 0x4
	RTA_GENMASK = 0x8
	RTA_IFP     = 0x10
	RTA_IFA     = 0x20
	RTA_AUTHOR  = 0x40
	RTA_BRD     = 0x80
)

// Types of interfaces (IFT_*).
const (
	IFT_ETHER = 0x6
	IFT_LOOP  = 0x18
)

// IfInfo describes an interface.
type IfInfo struct {
	Index uint16
	Name  string
	Flags int32 // IFF_*
	Type  uint8 // IFT_*
	MTU   uint64
	HW    []byte // hardware address
}

// AppendIfInfo adds an RTM_IFINFO message with the interface's link-level address:
// message length 0 (16 bits), version 2, type 3, addresses 4, flags 8, index 12;
// interface data from 16: type 16, address length 17, MTU 24.
func AppendIfInfo(b []byte, i *IfInfo) []byte {
	start := len(b)
	b = append(b, make([]byte, SizeofIfMsghdr)...)
	m := b[start:]
	m[2], m[3] = RTM_VERSION, RTM_IFINFO
	le.PutUint32(m[4:], RTA_IFP)
	le.PutUint32(m[8:], uint32(i.Flags))
	le.PutUint16(m[12:], i.Index)
	m[16], m[17] = i.Type, byte(len(i.HW))
	le.PutUint64(m[24:], i.MTU)
	b = appendPadded(b, linkAddr(i))
	le.PutUint16(b[start:], uint16(len(b)-start))
	return b
}

// The size of a struct ifreq, a name and a union, and of the name (IFNAMSIZ).
const (
	SizeofIfreq = 144
	IFNAMSIZ    = 16
)

// Data is struct if_data of the interface.
func (i *IfInfo) Data() []byte {
	return AppendIfInfo(nil, i)[SizeofIfMsghdr-SizeofIfData : SizeofIfMsghdr]
}

// linkAddr is struct sockaddr_dl: index 2, type 4, lengths of name 5, address 6 and
// selector 7, then name and address.
func linkAddr(i *IfInfo) []byte {
	b := make([]byte, 8, SizeofSockaddrD)
	b[1] = AF_LINK
	le.PutUint16(b[2:], i.Index)
	b[4], b[5], b[6] = i.Type, byte(len(i.Name)), byte(len(i.HW))
	b = append(append(b, i.Name...), i.HW...)
	for len(b) < SizeofSockaddrD {
		b = append(b, 0)
	}
	b[0] = byte(len(b))
	return b
}

// AppendIfAddr adds a message of before NetBSD 8 (RTM_ONEWADDR): an address of an interface with
// its netmask: addresses 4, flags 8, metric 12, index 16.
func AppendIfAddr(b []byte, i *IfInfo, addr netip.Prefix) []byte {
	return AppendOldIfAddr(b, RTM_ONEWADDR, i, addr)
}

// AppendOldIfAddr is AppendIfAddr for RTM_ODELADDR, too.
func AppendOldIfAddr(b []byte, kind uint8, i *IfInfo, addr netip.Prefix) []byte {
	start := len(b)
	b = append(b, make([]byte, SizeofIfaMsghdr)...)
	m := b[start:]
	m[2], m[3] = RTM_VERSION, kind
	le.PutUint32(m[4:], RTA_NETMASK|RTA_IFP|RTA_IFA)
	le.PutUint16(m[16:], i.Index)
	return appendIfAddrs(b, start, i, addr)
}

// AppendIfAddr10 adds a message of NetBSD 8 and later, RTM_NEWADDR or RTM_DELADDR: index 4, flags
// 8, addresses 12, process 16, flags of the address 20, metric 24.
func AppendIfAddr10(b []byte, kind uint8, i *IfInfo, addr netip.Prefix) []byte {
	start := len(b)
	b = append(b, make([]byte, SizeofIfaMsg10)...)
	m := b[start:]
	m[2], m[3] = RTM_VERSION, kind
	le.PutUint16(m[4:], i.Index)
	le.PutUint32(m[12:], RTA_NETMASK|RTA_IFP|RTA_IFA)
	return appendIfAddrs(b, start, i, addr)
}

// appendIfAddrs completes the message that begins at start.
func appendIfAddrs(b []byte, start int, i *IfInfo, addr netip.Prefix) []byte {
	b = appendPadded(b, Netmask(addr))
	b = appendPadded(b, linkAddr(i))
	b = appendPadded(b, HostAddr(addr.Addr()))
	le.PutUint16(b[start:], uint16(len(b)-start))
	return b
}

// ListedAddr is an address of an interface as net.route.rtable lists it: socket addresses, of which Broadcast, or the peer's, may be missing.
type ListedAddr struct{ Netmask, Addr, Broadcast []byte }

// AppendListed adds a message about an address to such a list, RTM_NEWADDR or, for programs of before NetBSD 8, RTM_ONEWADDR (sysctl_iflist_addr,
// compat_70_iflist_addr). It does not have the interface's own address, as messages of routing sockets do: getifaddrs(3) does not expect that there.
func AppendListed(b []byte, kind uint8, i *IfInfo, a ListedAddr) []byte {
	start, size, index, which := len(b), SizeofIfaMsg10, 4, 12
	if kind == RTM_ONEWADDR {
		size, index, which = SizeofIfaMsghdr, 16, 4
	}
	b = append(b, make([]byte, size)...)
	bits := uint32(RTA_NETMASK | RTA_IFA)
	b = appendPadded(appendPadded(b, a.Netmask), a.Addr)
	if a.Broadcast != nil {
		bits |= RTA_BRD
		b = appendPadded(b, a.Broadcast)
	}
	m := b[start:]
	m[2], m[3] = RTM_VERSION, kind
	le.PutUint16(m[index:], i.Index)
	le.PutUint32(m[which:], bits)
	le.PutUint16(m, uint16(len(m)))
	return b
}

// LinkMask is the netmask of LinkAddr: ones for the name (if_dl_create).
func LinkMask(i *IfInfo) []byte {
	b := make([]byte, 8+len(i.Name))
	b[0], b[1] = byte(len(b)), AF_LINK
	for at := range b[8:] {
		b[8+at] = 0xff
	}
	return b
}

// AppendIfAnnounce adds RTM_IFANNOUNCE, of an interface that has come or gone: index 4, name 6, what 22.
func AppendIfAnnounce(b []byte, i *IfInfo, what uint16) []byte {
	m := make([]byte, SizeofIfanMsg)
	le.PutUint16(m, SizeofIfanMsg)
	m[2], m[3] = RTM_VERSION, RTM_IFANNOUNCE
	le.PutUint16(m[4:], i.Index)
	copy(m[6:21], i.Name)
	le.PutUint16(m[22:], what)
	return append(b, m...)
}

// RouteMsg is a message about a route, struct rt_msghdr and the addresses that it names, in the
// order of the bits RTA_*; nil is one that is not there.
type RouteMsg struct {
	Type            uint8
	Index           uint16
	Flags           int32
	Pid, Seq, Errno int32
	MTU             uint64
	Addrs           [9][]byte
}

// Append encodes the message: length 0 (16 bits), version 2, type 3, index 4, flags 8, addresses
// 12, process 16, sequence 20, errno 24, use 28, which metrics are set 32; metrics from 40: locks,
// MTU 48.
func (r *RouteMsg) Append(b []byte) []byte {
	start := len(b)
	b = append(b, make([]byte, SizeofRtMsghdr)...)
	m := b[start:]
	m[2], m[3] = RTM_VERSION, r.Type
	le.PutUint16(m[4:], r.Index)
	le.PutUint32(m[8:], uint32(r.Flags))
	for i, v := range []int32{r.Pid, r.Seq, r.Errno} {
		le.PutUint32(m[16+4*i:], uint32(v))
	}
	le.PutUint64(m[48:], r.MTU)
	var bits uint32
	for i, a := range r.Addrs {
		if a != nil {
			bits |= 1 << i
			b = appendPadded(b, a)
		}
	}
	le.PutUint32(b[start+12:], bits)
	le.PutUint16(b[start:], uint16(len(b)-start))
	return b
}

// DecodeRouteMsg reads what a program has written to a routing socket (route_output). EINVAL: a
// length that is not the message's, or addresses that are not in it, but a last netmask without
// its padding. EPROTONOSUPPORT: another version. asked are the bits RTA_* as they are there:
// RTM_GET asks for an interface by those that it has no address for.
func DecodeRouteMsg(b []byte) (r RouteMsg, asked uint32, errno Errno) {
	switch {
	case len(b) < SizeofRtMsghdr || int(le.Uint16(b)) != len(b):
		return r, 0, EINVAL
	case b[2] != RTM_VERSION:
		return r, 0, EPROTONOSUPPORT
	}
	r = RouteMsg{Type: b[3], Index: le.Uint16(b[4:]), Flags: int32(le.Uint32(b[8:])), Pid: int32(le.Uint32(b[16:])), Seq: int32(le.Uint32(b[20:])), Errno: int32(le.Uint32(b[24:]))}
	asked = le.Uint32(b[12:])
	return r, asked, r.decodeAddrs(b[SizeofRtMsghdr:], asked)
}

// decodeAddrs is rt_xaddrs.
func (r *RouteMsg) decodeAddrs(b []byte, asked uint32) Errno {
	i := 0
	for ; i < len(r.Addrs) && len(b) > 0; i++ {
		if asked>>i&1 == 0 {
			continue
		}
		n := int(b[0])
		if n > len(b) {
			return EINVAL
		}
		r.Addrs[i] = b[:n:n]
		padded := max((n+7)&^7, 8)
		if padded > len(b) && !(1<<i == RTA_NETMASK && n == len(b)) {
			return EINVAL
		}
		b = b[min(padded, len(b)):]
	}
	rest := asked &^ (1<<i - 1)
	if r.Type == RTM_GET {
		rest &^= RTA_IFP | RTA_IFA
	}
	if len(b) > 0 || rest != 0 {
		return EINVAL
	}
	return 0
}

// HostAddr is a socket address of IPv4 or IPv6 without a port.
func HostAddr(addr netip.Addr) []byte {
	a := Sockaddr{Family: AF_INET, Addr: netip.AddrPortFrom(addr, 0)}
	if addr.Is6() {
		a.Family = AF_INET6
	}
	return a.Bytes()
}

// LinkAddr is the link-level address of an interface, struct sockaddr_dl.
func LinkAddr(i *IfInfo) []byte { return linkAddr(i) }

// Netmask is a prefix's mask as a socket address.
func Netmask(p netip.Prefix) []byte {
	a := Sockaddr{Family: AF_INET}
	at := 4
	if p.Addr().Is6() {
		a.Family, at = AF_INET6, 8
	}
	b := a.Bytes()
	for i := range p.Bits() {
		b[at+i/8] |= 0x80 >> (i % 8)
	}
	return b
}

// appendPadded adds an address; one of no length takes 8 bytes, too (RT_ROUNDUP).
func appendPadded(b, a []byte) []byte {
	b = append(b, a...)
	return append(b, make([]byte, max((len(a)+7)&^7, 8)-len(a))...)
}
