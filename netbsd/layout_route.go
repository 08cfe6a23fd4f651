package netbsd

import "net/netip"

// Messages of the routing sysctl (route(4)) in the layout that Go asks for, which is
// the one before NetBSD 8 (net.route with NET_RT_OIFLIST): if_msghdr is 152 bytes,
// ifa_msghdr 24, and socket addresses follow, each padded to a multiple of 8.
const (
	SizeofIfMsghdr  = 152
	SizeofIfData    = 136
	SizeofIfaMsghdr = 24
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

// AppendIfAddr adds an RTM_NEWADDR message: an address of an interface with its
// netmask: addresses 4, flags 8, metric 12, index 16.
func AppendIfAddr(b []byte, i *IfInfo, addr netip.Prefix) []byte {
	start := len(b)
	b = append(b, make([]byte, SizeofIfaMsghdr)...)
	m := b[start:]
	m[2], m[3] = RTM_VERSION, RTM_NEWADDR
	le.PutUint32(m[4:], RTA_NETMASK|RTA_IFP|RTA_IFA)
	le.PutUint16(m[16:], i.Index)
	b = appendPadded(b, netmask(addr))
	b = appendPadded(b, linkAddr(i))
	a := Sockaddr{Family: AF_INET, Addr: netip.AddrPortFrom(addr.Addr(), 0)}
	if addr.Addr().Is6() {
		a.Family = AF_INET6
	}
	b = appendPadded(b, a.Bytes())
	le.PutUint16(b[start:], uint16(len(b)-start))
	return b
}

func netmask(p netip.Prefix) []byte {
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

func appendPadded(b, a []byte) []byte {
	b = append(b, a...)
	for n := len(a); n%8 != 0; n++ {
		b = append(b, 0)
	}
	return b
}
