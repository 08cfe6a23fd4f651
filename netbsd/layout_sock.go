package netbsd

import "net/netip"

// Sizes of socket structures.
const (
	SizeofMsghdr       = 48
	SizeofMmsghdr      = 56
	SizeofCmsghdr      = 12
	SizeofSockaddrIn   = 16
	SizeofSockaddrIn6  = 28
	SizeofSockaddrUn   = 106
	SizeofSockaddrSt   = 128
	SizeofLinger       = 8
	SizeofIPMreq       = 8
	SizeofIPv6Mreq     = 20
	SizeofSockcred     = 24 // without groups
	SizeofUnpcbid      = 12
	SizeofInPktinfo    = 8
	SizeofIn6Pktinfo   = 20
	sockaddrUnPath     = 2
	sockaddrUnPathSize = 104
	sockaddrMaxLen     = 255
)

// Sockaddr is a socket address of one of the families that programs use. In memory
// the first byte is the length, the second the family.
type Sockaddr struct {
	Family   uint8
	Addr     netip.AddrPort // AF_INET, AF_INET6
	Flowinfo uint32         // AF_INET6
	Scope    uint32         // AF_INET6
	Path     string         // AF_LOCAL; without the zero byte
	Raw      []byte         // any other: what follows the family
}

// Bytes returns the address as the kernel writes it out.
func (a *Sockaddr) Bytes() []byte {
	switch a.Family {
	case AF_INET:
		b := make([]byte, SizeofSockaddrIn)
		b[0], b[1] = SizeofSockaddrIn, AF_INET
		putPort(b[2:], a.Addr.Port())
		if ip := a.Addr.Addr().Unmap(); ip.Is4() {
			ip4 := ip.As4()
			copy(b[4:], ip4[:])
		}
		return b
	case AF_INET6:
		b := make([]byte, SizeofSockaddrIn6)
		b[0], b[1] = SizeofSockaddrIn6, AF_INET6
		putPort(b[2:], a.Addr.Port())
		le.PutUint32(b[4:], a.Flowinfo)
		if a.Addr.Addr().IsValid() {
			ip := a.Addr.Addr().As16()
			copy(b[8:], ip[:])
		}
		le.PutUint32(b[24:], a.Scope)
		return b
	case AF_LOCAL:
		return a.unixBytes()
	}
	b := append([]byte{0, a.Family}, a.Raw...)
	b[0] = byte(min(len(b), sockaddrMaxLen))
	return b
}

// unixBytes counts the zero byte in the length, as getsockname shows it; an
// unnamed socket has 106 bytes of nothing.
func (a *Sockaddr) unixBytes() []byte {
	if a.Path == "" {
		b := make([]byte, SizeofSockaddrUn)
		b[0], b[1] = SizeofSockaddrUn, AF_LOCAL
		return b
	}
	b := make([]byte, sockaddrUnPath+len(a.Path)+1)
	b[0], b[1] = byte(min(len(b), sockaddrMaxLen)), AF_LOCAL
	copy(b[sockaddrUnPath:], a.Path)
	return b
}

// DecodeSockaddr reads what a program passed. The length byte is not trusted:
// the kernel overwrites it with the length argument.
func DecodeSockaddr(b []byte) (a Sockaddr, errno Errno) {
	if len(b) < 2 || len(b) > sockaddrMaxLen {
		return a, EINVAL
	}
	a.Family = b[1]
	switch a.Family {
	case AF_INET:
		if len(b) < SizeofSockaddrIn {
			return a, EINVAL
		}
		a.Addr = netip.AddrPortFrom(netip.AddrFrom4([4]byte(b[4:8])), getPort(b[2:]))
	case AF_INET6:
		if len(b) < SizeofSockaddrIn6 {
			return a, EINVAL
		}
		a.Addr = netip.AddrPortFrom(netip.AddrFrom16([16]byte(b[8:24])), getPort(b[2:]))
		a.Flowinfo, a.Scope = le.Uint32(b[4:]), le.Uint32(b[24:])
	case AF_LOCAL:
		a.Path = cstr(b[sockaddrUnPath:])
	default:
		a.Raw = append([]byte(nil), b[2:]...)
	}
	return a, 0
}

func putPort(b []byte, p uint16) { b[0], b[1] = byte(p>>8), byte(p) }
func getPort(b []byte) uint16    { return uint16(b[0])<<8 | uint16(b[1]) }

// Msghdr is struct msghdr, 48 bytes: name 0, its length 8, iov 16, their number 24,
// control 32, its length 40, flags 44.
type Msghdr struct {
	Name       uint64
	Namelen    uint32
	Iov        uint64
	Iovlen     int32
	Control    uint64
	Controllen uint32
	Flags      int32
}

// Encode fills 48 bytes.
func (m *Msghdr) Encode(b []byte) {
	le.PutUint64(b, m.Name)
	le.PutUint64(b[8:], uint64(m.Namelen))
	le.PutUint64(b[16:], m.Iov)
	le.PutUint64(b[24:], uint64(uint32(m.Iovlen)))
	le.PutUint64(b[32:], m.Control)
	le.PutUint32(b[40:], m.Controllen)
	le.PutUint32(b[44:], uint32(m.Flags))
}

// DecodeMsghdr reads 48 bytes.
func DecodeMsghdr(b []byte) Msghdr {
	return Msghdr{le.Uint64(b), le.Uint32(b[8:]), le.Uint64(b[16:]), int32(le.Uint32(b[24:])),
		le.Uint64(b[32:]), le.Uint32(b[40:]), int32(le.Uint32(b[44:]))}
}

// Cmsg is one control message.
type Cmsg struct {
	Level, Type int32
	Data        []byte
}

// The header is 12 bytes, the data begin at the next multiple of 8.
const cmsgData = (SizeofCmsghdr + 7) &^ 7

// CmsgSpace returns the room that a control message with n bytes of data takes.
func CmsgSpace(n int) int { return cmsgData + (n+7)&^7 }

// AppendCmsg adds a control message to b, padded.
func AppendCmsg(b []byte, c Cmsg) []byte {
	start := len(b)
	b = append(b, make([]byte, CmsgSpace(len(c.Data)))...)
	h := b[start:]
	le.PutUint32(h, uint32(cmsgData+len(c.Data)))
	le.PutUint32(h[4:], uint32(c.Level))
	le.PutUint32(h[8:], uint32(c.Type))
	copy(h[cmsgData:], c.Data)
	return b
}

// ParseCmsgs splits a control buffer; EINVAL if a length does not fit, or if what is left at the
// end is too short for a header (ip_setpktopts, ip6_setpktopts).
func ParseCmsgs(b []byte) (l []Cmsg, errno Errno) {
	for len(b) > 0 {
		if len(b) < SizeofCmsghdr {
			return nil, EINVAL
		}
		n := int(le.Uint32(b))
		if n < cmsgData || n > len(b) {
			return nil, EINVAL
		}
		l = append(l, Cmsg{int32(le.Uint32(b[4:])), int32(le.Uint32(b[8:])), b[cmsgData:n:n]})
		b = b[min((n+7)&^7, len(b)):]
	}
	return l, 0
}

// Sockcred is struct sockcred, who sent a message (LOCAL_CREDS of unix(4)): process id 0, real
// and effective user 4 and 8, real and effective group 12 and 16, number of groups 20, groups 24.
type Sockcred struct {
	Pid                  int32
	UID, EUID, GID, EGID uint32
	Groups               []uint32
}

// Append adds the structure to b. There is room for one group even if there is none
// (SOCKCREDSIZE).
func (s *Sockcred) Append(b []byte) []byte { return s.appendIDs(le.AppendUint32(b, uint32(s.Pid))) }

// AppendOld adds struct sockcred70, which has no process id (LOCAL_OCREDS).
func (s *Sockcred) AppendOld(b []byte) []byte { return s.appendIDs(b) }

func (s *Sockcred) appendIDs(b []byte) []byte {
	for _, v := range []uint32{s.UID, s.EUID, s.GID, s.EGID, uint32(len(s.Groups))} {
		b = le.AppendUint32(b, v)
	}
	for _, g := range s.Groups {
		b = le.AppendUint32(b, g)
	}
	if len(s.Groups) == 0 {
		b = le.AppendUint32(b, 0)
	}
	return b
}

// Unpcbid is struct unpcbid, who is at the other end (LOCAL_PEEREID of unix(4)): process id 0,
// effective user 4, effective group 8.
type Unpcbid struct {
	Pid        int32
	EUID, EGID uint32
}

// Encode fills 12 bytes.
func (u *Unpcbid) Encode(b []byte) {
	le.PutUint32(b, uint32(u.Pid))
	le.PutUint32(b[4:], u.EUID)
	le.PutUint32(b[8:], u.EGID)
}

// InPktinfo is struct in_pktinfo: address 0, interface 4.
type InPktinfo struct {
	Addr  [4]byte
	Index uint32
}

// Encode fills 8 bytes.
func (p *InPktinfo) Encode(b []byte) {
	copy(b, p.Addr[:])
	le.PutUint32(b[4:], p.Index)
}

// DecodeInPktinfo reads 8 bytes.
func DecodeInPktinfo(b []byte) InPktinfo { return InPktinfo{[4]byte(b), le.Uint32(b[4:])} }

// LinkIndex is the struct sockaddr_dl that names an interface by nothing but its number, as
// IP_RECVIF tells it.
func LinkIndex(index uint16) []byte {
	b := make([]byte, 8)
	b[0], b[1] = 8, AF_LINK
	le.PutUint16(b[2:], index)
	return b
}
