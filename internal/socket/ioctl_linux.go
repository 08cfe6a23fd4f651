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

// interfaceIoctl is ifioctl. The argument begins with the interface's name. ENXIO: there is none.
// EPERM: a change. ENOTTY: the interface knows no such request. The rest is the protocol's
// (in_control, in6_control).
func (s *Socket) interfaceIoctl(cmd uint32, data []byte) netbsd.Errno {
	if len(data) < netbsd.IFNAMSIZ || cmd == netbsd.SIOCGIFCONF {
		return netbsd.EPASSTHROUGH
	}
	name, _, _ := bytes.Cut(data[:netbsd.IFNAMSIZ], []byte{0})
	list := s.stack.Interfaces()
	at := slices.IndexFunc(list, func(i Interface) bool { return i.Name == string(name) })
	if at < 0 {
		return netbsd.ENXIO
	}
	i := &list[at]
	arg := data[netbsd.IFNAMSIZ:]
	if errno := i.answer(cmd, arg); errno != netbsd.ENOTTY {
		return errno
	}
	switch {
	case cmd&0x4000_0000 == 0: // nothing comes back
		return netbsd.EPERM
	case s.family == netbsd.AF_INET:
		return i.answer4(cmd, arg)
	case s.family == netbsd.AF_INET6:
		return i.answer6(cmd, arg)
	case s.family == netbsd.AF_LINK:
		return i.answerLink(cmd, arg)
	}
	return netbsd.EOPNOTSUPP
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

// answer4 is in_control: of the address that is named, or the first. EADDRNOTAVAIL: there is none.
// EINVAL: an address that such an interface has not. ENOTTY: no such request.
func (i *Interface) answer4(cmd uint32, arg []byte) netbsd.Errno {
	switch cmd {
	case netbsd.SIOCGIFADDRPREF:
		return i.preference(arg, netbsd.AF_INET, netip.Addr.Is4)
	case netbsd.SIOCGIFADDR, netbsd.SIOCGIFNETMASK, netbsd.SIOCGIFBRDADDR, netbsd.SIOCGIFDSTADDR, netbsd.SIOCGIFAFLAG_IN:
	default:
		return netbsd.ENOTTY
	}
	a, ok := i.pick(arg, netip.Addr.Is4)
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
	default:
		copy(arg, netbsd.HostAddr(a.Addr()))
	}
	return 0
}

// answer6 is in6_control, for an address that is named or the first. Lifetimes have no end: two
// times and two counts of seconds, 24 bytes.
func (i *Interface) answer6(cmd uint32, arg []byte) netbsd.Errno {
	switch cmd {
	case netbsd.SIOCGIFADDRPREF:
		return i.preference(arg, netbsd.AF_INET6, netip.Addr.Is6)
	case netbsd.SIOCGIFADDR_IN6, netbsd.SIOCGIFNETMASK_IN6, netbsd.SIOCGIFDSTADDR_IN6, netbsd.SIOCGIFAFLAG_IN6, netbsd.SIOCGIFALIFETIME_IN6:
	default:
		return netbsd.ENOTTY
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

// preference is ifaddrpref_ioctl: struct if_addrprefreq has, behind its name, the preference of an address, which is 0 of all, and, 8 bytes on, the
// address. EINVAL: it is of another family. EADDRNOTAVAIL: the interface has it not.
func (i *Interface) preference(arg []byte, family uint8, of func(netip.Addr) bool) netbsd.Errno {
	addr := arg[8:]
	a, ok := i.pick(addr, of)
	switch {
	case addr[1] != family:
		return netbsd.EINVAL
	case !ok:
		return netbsd.EADDRNOTAVAIL
	}
	arg[0], arg[1] = 0, 0
	copy(addr, i.Listed(a).Addr)
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
// each interface, that of its link first (ifconf).
func (k *Stack) AddressList() (b []byte) {
	add := func(name string, addr []byte) {
		at := len(b)
		b = append(b, make([]byte, netbsd.SizeofIfreq)...)
		copy(b[at:at+netbsd.IFNAMSIZ-1], name)
		copy(b[at+netbsd.IFNAMSIZ:], addr)
	}
	for _, i := range k.Interfaces() {
		info := i.Info()
		add(i.Name, netbsd.LinkAddr(&info))
		for _, a := range i.Addrs {
			add(i.Name, netbsd.HostAddr(a.Addr()))
		}
	}
	return b
}
