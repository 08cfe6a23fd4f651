package socket

import (
	"bytes"
	"encoding/binary"
	"net/netip"
	"slices"

	"toaster/netbsd"
)

// This file answers what ioctl(2) asks of interfaces (netintro(4)): what is to be read, and
// nothing that would change the host's network.

// interfaceIoctl is ifioctl. The argument begins with the interface's name. EINVAL: it has none. ENXIO: there is no such
// interface. EPERM: a change, which is the host's right. ENOTTY: the interface knows no such request. The rest is the protocol's
// (in_control, in6_control).
func (s *Socket) interfaceIoctl(cmd uint32, data []byte) netbsd.Errno {
	if errno, ok := s.oldInterfaceIoctl(cmd, data); ok {
		return errno
	}
	switch {
	case cmd == netbsd.SIOCGIFCONF:
		return netbsd.EPASSTHROUGH
	case cmd == netbsd.SIOCIFCREATE, cmd == netbsd.SIOCIFDESTROY, cmd&0xffff == initAddr:
		return netbsd.EPERM
	case cmd == netbsd.SIOCIFGCLONERS:
		clear(data[:4]) // no interface is made here
		return 0
	case cmd&ioctlIn == 0, len(data) < netbsd.IFNAMSIZ:
		return netbsd.EINVAL
	}
	name, _, _ := bytes.Cut(data[:netbsd.IFNAMSIZ], []byte{0})
	list := s.stack.Interfaces()
	at := slices.IndexFunc(list, func(i Interface) bool { return i.Name == string(name) })
	if at < 0 {
		return netbsd.ENXIO
	}
	if changesInterface(cmd) {
		return netbsd.EPERM
	}
	i := &list[at]
	arg := data[netbsd.IFNAMSIZ:]
	if errno := i.answer(cmd, arg); errno != netbsd.ENOTTY {
		return errno
	}
	switch s.family {
	case netbsd.AF_INET:
		return i.answer4(cmd, arg)
	case netbsd.AF_INET6:
		return i.answer6(cmd, arg)
	case netbsd.AF_LINK:
		return i.answerLink(cmd, arg)
	}
	return netbsd.EOPNOTSUPP
}

const (
	ioctlIn  = 0x8000_0000
	initAddr = 'i'<<8 | 132 // SIOCINITIFADDR, the kernel's own
)

// changesInterface reports whether cmd is one of those that take the right to, whatever protocol the socket has (doifioctl, and of
// SIOCSIFDESCR ifioctl_common).
func changesInterface(cmd uint32) bool {
	switch cmd {
	case netbsd.SIOCALIFADDR, netbsd.SIOCDLIFADDR, netbsd.SIOCSIFADDRPREF, netbsd.SIOCSIFFLAGS, netbsd.SIOCSIFCAP, netbsd.SIOCSIFMETRIC,
		netbsd.SIOCZIFDATA, netbsd.SIOCSIFMTU, netbsd.SIOCSIFPHYADDR, netbsd.SIOCDIFPHYADDR, netbsd.SIOCSIFPHYADDR_IN6,
		netbsd.SIOCSLIFPHYADDR, netbsd.SIOCADDMULTI, netbsd.SIOCDELMULTI, netbsd.SIOCSETHERCAP, netbsd.SIOCSIFMEDIA,
		netbsd.SIOCSDRVSPEC, netbsd.SIOCSLINKSTR, netbsd.SIOCSIFDESCR, netbsd.COMPAT_SIOCSIFMEDIA, netbsd.OSIOCZIFDATA:
		return true
	}
	// Those of radio: SIOCS80211NWID, NWKEY, POWER, CHANNEL, BSSID, and SIOCS80211 and SIOCG80211.
	switch cmd & 0xff {
	case 230, 232, 234, 238, 240, 244, 245:
		return true
	}
	return false
}

// Of a request of NetBSD 4 and before, struct ifreq has 32 bytes (compat_cvtcmd).
const (
	sizeofOldIfreq = 32
	argLen         = 0x1fff << 16
)

// older are the requests that had other numbers, by their last bytes.
var older = map[uint32]uint32{13: 33, 15: 34, 18: 35, 21: 37, 53: 55}

// oldInterfaceIoctl is such a request, made anew as it is now (compat_ifioctl); ok is false for another one.
func (s *Socket) oldInterfaceIoctl(cmd uint32, data []byte) (errno netbsd.Errno, ok bool) {
	now, renamed := older[cmd&0xff]
	if !renamed {
		now = cmd & 0xff
	}
	if cmd&argLen != sizeofOldIfreq<<16 || !hadIfreq(now) {
		return 0, false
	}
	b := make([]byte, netbsd.SizeofIfreq)
	copy(b, data)
	if addr := b[netbsd.IFNAMSIZ:]; setsAddress(now) && addr[1] == 0 && addr[0] < 16 {
		addr[0], addr[1] = 16, addr[0]
	}
	errno = s.interfaceIoctl(cmd&^(argLen|0xff)|netbsd.SizeofIfreq<<16|now, b)
	if renamed && errno == 0 && cmd&0xff != 53 {
		// struct osockaddr: the family has both bytes.
		b[netbsd.IFNAMSIZ], b[netbsd.IFNAMSIZ+1] = b[netbsd.IFNAMSIZ+1], 0
	}
	copy(data, b[:sizeofOldIfreq])
	return errno, true
}

// setsAddress reports whether a request is SIOCSIFADDR, SIOCSIFDSTADDR, SIOCSIFBRDADDR or SIOCSIFNETMASK, whose address can be 4.3BSD's.
func setsAddress(n uint32) bool { return n == 12 || n == 14 || n == 19 || n == 22 }

// hadIfreq reports whether a request's argument is a struct ifreq.
func hadIfreq(n uint32) bool {
	switch n {
	case 12, 14, 16, 17, 19, 22, 23, 24, 25, 33, 34, 35, 37, 49, 50, 55, 57, 58, 71, 72, 73, 119, 121, 122, 126, 127, 130, 131, 230, 231:
		return true
	}
	return false
}

// answer is ifioctl_common.
func (i *Interface) answer(cmd uint32, arg []byte) netbsd.Errno {
	info := i.Info()
	le := binary.LittleEndian
	switch cmd {
	case netbsd.SIOCGIFFLAGS:
		le.PutUint16(arg, uint16(info.Flags))
	case netbsd.SIOCGIFMTU:
		le.PutUint32(arg, uint32(info.MTU))
	case netbsd.SIOCGIFMETRIC:
		le.PutUint32(arg, 0)
	case netbsd.SIOCGIFINDEX:
		le.PutUint32(arg, uint32(info.Index))
	case netbsd.SIOCGIFDLT:
		le.PutUint32(arg, i.linkType())
	case netbsd.SIOCGIFCAP:
		clear(arg)
	case netbsd.SIOCGIFDATA:
		copy(arg, info.Data())
	case netbsd.OSIOCGIFDATA:
		// What has changed when is a struct timeval50: seconds and microseconds of 32 bits.
		data := info.Data()
		since := len(data) - 16
		copy(arg, data[:since])
		le.PutUint32(arg[since:], le.Uint32(data[since:]))
		le.PutUint32(arg[since+4:], le.Uint32(data[since+8:])/1000)
	case netbsd.SIOCGETHERCAP:
		if i.has(netbsd.IFF_LOOPBACK) {
			return netbsd.ENOTTY // ether_ioctl is none of its
		}
		clear(arg)
	case netbsd.SIOCGIFDESCR:
		return netbsd.ENOMSG // nobody has described it
	default:
		return netbsd.ENOTTY
	}
	return 0
}

// linkType is DLT_EN10MB, or DLT_NULL of a loopback interface.
func (i *Interface) linkType() uint32 {
	if i.has(netbsd.IFF_LOOPBACK) {
		return 0
	}
	return 1
}

func (i *Interface) has(flag int32) bool { return i.Info().Flags&flag != 0 }

// noAddress names none: the first one is meant.
var noAddress [netbsd.SizeofSockaddrIn]byte

// answer4 is in_control: of the first address, or where one can be named of that. EADDRNOTAVAIL: there is none.
// EINVAL: an address that such an interface has not. EPERM: a change. ENOTTY: no such request.
func (i *Interface) answer4(cmd uint32, arg []byte) netbsd.Errno {
	switch cmd {
	case netbsd.SIOCGIFADDR, netbsd.SIOCGIFNETMASK, netbsd.SIOCGIFBRDADDR, netbsd.SIOCGIFDSTADDR, netbsd.SIOCGIFAFLAG_IN, netbsd.SIOCGIFALIAS:
	case netbsd.SIOCGIFADDRPREF:
		return i.preference(netbsd.AF_INET, arg)
	case netbsd.SIOCGLIFADDR:
		return i.named(netbsd.AF_INET, arg)
	case netbsd.SIOCGNBRINFO:
		return netbsd.EINVAL // no neighbour: the host knows them
	case netbsd.SIOCSIFADDR, netbsd.SIOCAIFADDR, netbsd.SIOCDIFADDR, netbsd.SIOCSIFDSTADDR, netbsd.SIOCSIFNETMASK, netbsd.SIOCSIFBRDADDR:
		return i.change4(cmd, arg)
	default:
		return netbsd.ENOTTY
	}
	wanted := arg
	if cmd != netbsd.SIOCGIFAFLAG_IN && cmd != netbsd.SIOCGIFALIAS || arg[1] != netbsd.AF_INET {
		wanted = noAddress[:]
	}
	a, ok := i.pick(wanted, netip.Addr.Is4)
	switch {
	case !ok:
		return netbsd.EADDRNOTAVAIL
	case cmd == netbsd.SIOCGIFBRDADDR && !i.has(netbsd.IFF_BROADCAST), cmd == netbsd.SIOCGIFDSTADDR && !i.has(netbsd.IFF_POINTOPOINT):
		return netbsd.EINVAL
	}
	switch cmd {
	case netbsd.SIOCGIFNETMASK:
		copy(arg, netbsd.Netmask(a))
	case netbsd.SIOCGIFBRDADDR:
		copy(arg, netbsd.HostAddr(broadcast(a)))
	case netbsd.SIOCGIFAFLAG_IN:
		clear(arg[:4])
	case netbsd.SIOCGIFALIAS:
		return i.alias(a, arg)
	default:
		copy(arg, netbsd.HostAddr(a.Addr()))
	}
	return 0
}

// alias is SIOCGIFALIAS: address, that of the other end or of all, and mask, of 16 bytes each. EAFNOSUPPORT: no address of IPv4 was named.
func (i *Interface) alias(a netip.Prefix, arg []byte) netbsd.Errno {
	switch {
	case arg[0] == 0:
		copy(arg, netbsd.HostAddr(a.Addr()))
	case arg[1] != netbsd.AF_INET:
		return netbsd.EAFNOSUPPORT
	}
	clear(arg[16:48])
	if i.has(netbsd.IFF_BROADCAST) && !i.has(netbsd.IFF_POINTOPOINT) {
		copy(arg[16:32], netbsd.HostAddr(broadcast(a)))
	}
	copy(arg[32:48], netbsd.Netmask(a))
	return 0
}

// change4 tells why an address is not changed. EPERM: by nobody here; but before that come EAFNOSUPPORT and EADDRNOTAVAIL, of an address that is
// not IPv4's, and where there is none to change.
func (i *Interface) change4(cmd uint32, arg []byte) netbsd.Errno {
	wanted := arg
	if cmd == netbsd.SIOCSIFADDR || cmd == netbsd.SIOCSIFDSTADDR || cmd == netbsd.SIOCSIFNETMASK || arg[1] != netbsd.AF_INET {
		wanted = noAddress[:]
	}
	_, ok := i.pick(wanted, netip.Addr.Is4)
	family := arg[1]
	if cmd == netbsd.SIOCDIFADDR && family == netbsd.AF_UNSPEC || cmd != netbsd.SIOCSIFDSTADDR && ok && arg[0] == 0 {
		family = netbsd.AF_INET
	}
	switch {
	case cmd == netbsd.SIOCSIFBRDADDR:
		return netbsd.EPERM
	case cmd == netbsd.SIOCDIFADDR && !ok:
		return netbsd.EADDRNOTAVAIL
	case cmd != netbsd.SIOCSIFNETMASK && family != netbsd.AF_INET:
		return netbsd.EAFNOSUPPORT
	case (cmd == netbsd.SIOCSIFNETMASK || cmd == netbsd.SIOCSIFDSTADDR) && !ok:
		return netbsd.EADDRNOTAVAIL
	}
	return netbsd.EPERM
}

// sizeOf is how long an address of a family is.
func sizeOf(family byte) byte {
	if family == netbsd.AF_INET6 {
		return netbsd.SizeofSockaddrIn6
	}
	return netbsd.SizeofSockaddrIn
}

// addressIn decodes an address of a family. EINVAL: of another family, or of another length.
func addressIn(family byte, b []byte) (netip.Addr, netbsd.Errno) {
	if b[1] != family || b[0] != sizeOf(family) {
		return netip.Addr{}, netbsd.EINVAL
	}
	a, errno := netbsd.DecodeSockaddr(b[:b[0]])
	return a.Addr.Addr(), errno
}

// preference is SIOCGIFADDRPREF (ifaddrpref_ioctl), of struct if_addrprefreq: nobody has preferred an address.
func (i *Interface) preference(family byte, arg []byte) netbsd.Errno {
	const at = 8
	named, errno := addressIn(family, arg[at:])
	if errno != 0 {
		return errno
	}
	if !slices.ContainsFunc(i.Addrs, func(a netip.Prefix) bool { return a.Addr() == scoped(named, 0) }) {
		return netbsd.EADDRNOTAVAIL
	}
	clear(arg[:at])
	return 0
}

// named is SIOCGLIFADDR (in_lifaddr_ioctl): the first address that there is, or that is of a network. Of struct if_laddrreq there are flags, the
// length of the prefix, the address, and that of the other end. EINVAL: no address of the family, or bits of it that are not of the network.
func (i *Interface) named(family byte, arg []byte) netbsd.Errno {
	const addr, other, prefix = 8, 8 + 128, 0x8000 // IFLR_PREFIX
	le := binary.LittleEndian
	network := le.Uint32(arg)&prefix != 0
	length := le.Uint32(arg[4:])
	var want netip.Prefix
	if network {
		a, errno := addressIn(family, arg[addr:])
		if far := arg[other+1]; errno != 0 || far != 0 && far != family || arg[other] != 0 && arg[other] != sizeOf(family) {
			return netbsd.EINVAL
		}
		want = netip.PrefixFrom(a, int(min(length, 129)))
	}
	most := uint32(32)
	if family == netbsd.AF_INET6 {
		most = 128
	}
	if length > most || network && want.Masked() != want {
		return netbsd.EINVAL
	}
	for _, a := range i.Addrs {
		if a.Addr().Is6() != (family == netbsd.AF_INET6) || network && !want.Contains(a.Addr().WithZone("")) {
			continue
		}
		clear(arg)
		le.PutUint32(arg[4:], uint32(a.Bits()))
		copy(arg[addr:], netbsd.HostAddr(a.Addr()))
		return 0
	}
	return netbsd.EADDRNOTAVAIL
}

// answer6 is in6_control, for an address that is named or the first. Lifetimes have no end: two
// times and two counts of seconds, 24 bytes.
func (i *Interface) answer6(cmd uint32, arg []byte) netbsd.Errno {
	switch cmd {
	case netbsd.SIOCGIFADDR_IN6, netbsd.SIOCGIFNETMASK_IN6, netbsd.SIOCGIFDSTADDR_IN6, netbsd.SIOCGIFAFLAG_IN6, netbsd.SIOCGIFALIFETIME_IN6:
	default:
		return i.other6(cmd, arg)
	}
	a, ok := i.pick(arg, netip.Addr.Is6)
	switch {
	case !ok:
		return netbsd.EADDRNOTAVAIL
	case cmd == netbsd.SIOCGIFDSTADDR_IN6 && !i.has(netbsd.IFF_POINTOPOINT):
		return netbsd.EINVAL
	}
	switch cmd {
	case netbsd.SIOCGIFNETMASK_IN6:
		copy(arg, netbsd.Netmask(a))
	case netbsd.SIOCGIFAFLAG_IN6:
		clear(arg[:4])
	case netbsd.SIOCGIFALIFETIME_IN6:
		copy(arg, append(make([]byte, 16), bytes.Repeat([]byte{0xff}, 8)...))
	default:
		copy(arg, netbsd.HostAddr(a.Addr()))
	}
	return 0
}

// other6 is what in6_control has that is not of one address. EPERM: a change. EOPNOTSUPP, EINVAL: a change that IPv6 does not have by this request,
// or not any more.
func (i *Interface) other6(cmd uint32, arg []byte) netbsd.Errno {
	switch cmd {
	case netbsd.SIOCAIFADDR_IN6, netbsd.SIOCDIFADDR_IN6, netbsd.SIOCSIFINFO_IN6, netbsd.SIOCSIFINFO_FLAGS:
		return netbsd.EPERM
	case netbsd.SIOCSIFADDR, netbsd.SIOCSIFDSTADDR, netbsd.SIOCSIFBRDADDR, netbsd.SIOCSIFNETMASK:
		return netbsd.EOPNOTSUPP
	case netbsd.SIOCSIFADDR_IN6, netbsd.SIOCSIFDSTADDR_IN6, netbsd.SIOCSIFNETMASK_IN6, netbsd.SIOCGNBRINFO_IN6: // of no neighbour is told
		return netbsd.EINVAL
	case netbsd.SIOCGIFADDRPREF:
		return i.preference(netbsd.AF_INET6, arg)
	case netbsd.SIOCGLIFADDR:
		return i.named(netbsd.AF_INET6, arg)
	case netbsd.SIOCGIFSTAT_IN6, netbsd.SIOCGIFSTAT_ICMP6:
		clear(arg) // the host counts for itself
	case netbsd.SIOCGIFINFO_IN6:
		// struct nd_ifinfo: hops, milliseconds that a neighbour is reachable and until it is asked again, and flags, as nd6_ifattach has them.
		for n, v := range [...]uint32{64, 30000, 1000, 0x21} {
			binary.LittleEndian.PutUint32(arg[4*n:], v)
		}
	default:
		return netbsd.ENOTTY
	}
	return 0
}

// scoped is an address as the kernel has it: one of a link has the interface's number in its third and fourth byte (in6_setscope).
func scoped(a netip.Addr, index int) netip.Addr {
	if !a.Is6() || !a.IsLinkLocalUnicast() {
		return a
	}
	b := a.As16()
	binary.BigEndian.PutUint16(b[2:], uint16(index))
	return netip.AddrFrom16(b)
}

// pick finds the address that arg names, or the first of the family if it names none.
func (i *Interface) pick(arg []byte, family func(netip.Addr) bool) (netip.Prefix, bool) {
	named, errno := netbsd.DecodeSockaddr(arg[:min(len(arg), netbsd.SizeofSockaddrIn6)])
	for _, a := range i.Addrs {
		if !family(a.Addr()) {
			continue
		}
		if want := named.Addr.Addr(); errno != 0 || !want.IsValid() || want.IsUnspecified() || scoped(want, 0) == a.Addr() {
			return a, true
		}
	}
	return netip.Prefix{}, false
}

// broadcast is the last address of a network.
func broadcast(p netip.Prefix) netip.Addr {
	b := p.Addr().As4()
	host := ^uint32(0)
	if p.Bits() > 0 {
		host = uint32(1)<<(32-p.Bits()) - 1
	}
	binary.BigEndian.PutUint32(b[:], binary.BigEndian.Uint32(b[:])|host)
	return netip.AddrFrom4(b)
}

// AddressList is what SIOCGIFCONF stores: a struct ifreq, name and address, for each address of
// each interface, that of its link first (ifconf). They are of one size each.
func (k *Stack) AddressList() (list [][]byte) {
	k.eachAddress(func(name string, addr []byte) {
		b := make([]byte, netbsd.SizeofIfreq)
		copy(b[:netbsd.IFNAMSIZ-1], name)
		copy(b[netbsd.IFNAMSIZ:], addr)
		list = append(list, b)
	})
	return list
}

// OldAddressList is what OSIOCGIFCONF of NetBSD 4 stores, longer than struct ifreq was where the address is (compat_ifconf); and with sockaddrs of
// 4.3BSD OOSIOCGIFCONF, which leaves out what is longer.
func (k *Stack) OldAddressList(bsd43 bool) (list [][]byte) {
	k.eachAddress(func(name string, addr []byte) {
		if bsd43 && len(addr) > sizeofOldIfreq-netbsd.IFNAMSIZ {
			return
		}
		b := make([]byte, max(sizeofOldIfreq, netbsd.IFNAMSIZ+len(addr)))
		copy(b[:netbsd.IFNAMSIZ-1], name)
		copy(b[netbsd.IFNAMSIZ:], addr)
		if bsd43 {
			b[netbsd.IFNAMSIZ], b[netbsd.IFNAMSIZ+1] = addr[1], 0
		}
		list = append(list, b)
	})
	return list
}

func (k *Stack) eachAddress(f func(name string, addr []byte)) {
	for _, i := range k.Interfaces() {
		info := i.Info()
		f(i.Name, netbsd.LinkAddr(&info))
		for _, a := range i.Addrs {
			f(i.Name, netbsd.HostAddr(a.Addr()))
		}
	}
}
