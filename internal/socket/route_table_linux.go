package socket

import (
	"encoding/binary"
	"net/netip"
	"syscall"

	"golang.org/x/sys/unix"

	"toaster/internal/hostfile"
	"toaster/netbsd"
)

// This file reads the host's routes, and makes NetBSD's messages of them and of what changes.

// hostRoute is a route of the host.
type hostRoute struct {
	dst      netip.Prefix
	gateway  netip.Addr // invalid if there is none
	source   netip.Addr
	index    int
	kind     uint8 // RTN_*
	table    uint8
	protocol uint8 // RTPROT_*
}

// decodeRoute reads struct rtmsg: family 0, length of the destination 1, table 4, protocol 5,
// type 7. Routes of other families are not ok.
func decodeRoute(m routeMessage) (r hostRoute, ok bool) {
	family, bits := m.head[0], int(m.head[1])
	zero := netip.IPv4Unspecified()
	switch family {
	case unix.AF_INET:
	case unix.AF_INET6:
		zero = netip.IPv6Unspecified()
	default:
		return r, false
	}
	addr := func(kind uint16, otherwise netip.Addr) netip.Addr {
		if a, ok := netip.AddrFromSlice(m.attrs[kind]); ok && a.Is4() == zero.Is4() {
			return a
		}
		return otherwise
	}
	r = hostRoute{
		dst: netip.PrefixFrom(addr(unix.RTA_DST, zero), bits), gateway: addr(unix.RTA_GATEWAY, netip.Addr{}),
		source: addr(unix.RTA_PREFSRC, netip.Addr{}), table: m.head[4], protocol: m.head[5], kind: m.head[7],
	}
	if b := m.attrs[unix.RTA_OIF]; len(b) >= 4 {
		r.index = int(binary.NativeEndian.Uint32(b))
	}
	return r, r.dst.IsValid()
}

// shown reports whether NetBSD would have the route: those of the main table, and those to the
// machine's own addresses.
func (r *hostRoute) shown() bool {
	switch r.kind {
	case unix.RTN_LOCAL:
		return true
	case unix.RTN_UNICAST, unix.RTN_BLACKHOLE, unix.RTN_UNREACHABLE, unix.RTN_PROHIBIT:
		return r.table == unix.RT_TABLE_MAIN && !r.dst.Addr().IsMulticast()
	}
	return false
}

// flags are NetBSD's of the route.
func (r *hostRoute) flags() (f int32) {
	f = netbsd.RTF_UP
	if r.dst.IsSingleIP() {
		f |= netbsd.RTF_HOST
	}
	switch {
	case r.kind == unix.RTN_LOCAL:
		f |= netbsd.RTF_LOCAL
	case r.kind == unix.RTN_BLACKHOLE:
		f |= netbsd.RTF_BLACKHOLE
	case r.kind != unix.RTN_UNICAST:
		f |= netbsd.RTF_REJECT
	case r.gateway.IsValid():
		f |= netbsd.RTF_GATEWAY
	case !r.dst.IsSingleIP():
		f |= netbsd.RTF_CONNECTED
	}
	if r.protocol == unix.RTPROT_STATIC || r.protocol == unix.RTPROT_BOOT {
		f |= netbsd.RTF_STATIC
	}
	return f
}

// message is what RTM_GET says of the route; with the interface's addresses if they are asked for.
func (r *hostRoute) message(i Interface, wide bool) netbsd.RouteMsg {
	info := i.Info()
	m := netbsd.RouteMsg{Type: netbsd.RTM_GET, Index: uint16(r.index), Flags: r.flags()}
	m.Addrs[0] = netbsd.HostAddr(r.dst.Addr())
	if m.Addrs[1] = linkGateway(&info); r.gateway.IsValid() {
		m.Addrs[1] = netbsd.HostAddr(r.gateway)
	}
	if !r.dst.IsSingleIP() {
		m.Addrs[2] = netbsd.Netmask(r.dst)
	}
	if !wide {
		return m
	}
	m.Addrs[4] = netbsd.LinkAddr(&info)
	if a := r.sourceOn(i); a.IsValid() {
		m.Addrs[5] = netbsd.HostAddr(a)
	}
	return m
}

// linkGateway is the gateway of a route that ends at an interface: the interface's address, but of an Ethernet without name and address
// (arp_setgate, sockaddr_dl_init), which netstat(1) shows as link#1.
func linkGateway(i *netbsd.IfInfo) []byte {
	b := netbsd.LinkAddr(i)
	if i.Type == netbsd.IFT_ETHER {
		clear(b[5:])
	}
	return b
}

// sourceOn is the address of the interface that packets by the route come from.
func (r *hostRoute) sourceOn(i Interface) netip.Addr {
	if r.source.IsValid() {
		return r.source
	}
	for _, a := range i.Addrs {
		if a.Addr().Is4() == r.dst.Addr().Is4() {
			return a.Addr()
		}
	}
	return netip.Addr{}
}

// Routes are the messages of NetBSD's routing table (sysctl_dumpentry), of a family, or of both
// if that is 0; those that have one of the flags, or all if there are none.
func (k *Stack) Routes(family int, flags int32) (b []byte) {
	interfaces := map[int]Interface{}
	for _, i := range k.Interfaces() {
		interfaces[i.Index] = i
	}
	for _, r := range k.hostRoutes() {
		if family == 0 || family == familyOf(r.dst.Addr()) {
			if flags == 0 || r.flags()&flags != 0 {
				m := r.message(interfaces[r.index], true)
				b = m.Append(b)
			}
		}
	}
	return b
}

// hostRoutes are those of the host's routes that are shown.
func (k *Stack) hostRoutes() (list []hostRoute) {
	fd, err := k.maker(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.NETLINK_ROUTE)
	if err != nil {
		return nil
	}
	defer unix.Close(fd)
	table, err := dump(fd, unix.RTM_GETROUTE)
	if err != nil {
		return nil
	}
	for _, m := range decodeMessages(table, unix.RTM_NEWROUTE, unix.SizeofRtMsg) {
		if r, ok := decodeRoute(m); ok && r.shown() {
			list = append(list, r)
		}
	}
	return list
}

// defaultRoute is the route of a family to everywhere.
func defaultRoute(list []hostRoute, family int) (hostRoute, bool) {
	for _, r := range list {
		if r.dst.Bits() == 0 && familyOf(r.dst.Addr()) == family {
			return r, true
		}
	}
	return hostRoute{}, false
}

func familyOf(a netip.Addr) int {
	if a.Is4() {
		return netbsd.AF_INET
	}
	return netbsd.AF_INET6
}

// routeTo asks the host by which of its routes packets to an address go. To none in particular that is the default route, as rtalloc1 finds it; the host would
// take the address for its own.
func (k *Stack) routeTo(to netip.Addr) (r hostRoute, ok bool) {
	if to.IsUnspecified() {
		return defaultRoute(k.hostRoutes(), familyOf(to))
	}
	fd, err := k.maker(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.NETLINK_ROUTE)
	if err != nil {
		return r, false
	}
	defer unix.Close(fd)
	if err := unix.Sendto(fd, routeRequest(to), 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
		return r, false
	}
	b := make([]byte, 16<<10)
	n := 0
	if err := hostfile.Retry(func() (err error) { n, _, err = unix.Recvfrom(fd, b, 0); return err }); err != nil {
		return r, false
	}
	for _, m := range decodeMessages(b[:n], unix.RTM_NEWROUTE, unix.SizeofRtMsg) {
		return decodeRoute(m)
	}
	return r, false
}

// routeRequest is a struct nlmsghdr, a struct rtmsg (family 0, length 1, flags 8), and the address.
// RTM_F_FIB_MATCH asks for the route, and not for what comes of it.
func routeRequest(to netip.Addr) []byte {
	const fibMatch = 0x2000
	family := byte(unix.AF_INET)
	if to.Is6() {
		family = unix.AF_INET6
	}
	addr := to.WithZone("").AsSlice()
	ne := binary.NativeEndian
	b := make([]byte, unix.SizeofNlMsghdr+unix.SizeofRtMsg, 64)
	ne.PutUint16(b[4:], unix.RTM_GETROUTE)
	ne.PutUint16(b[6:], unix.NLM_F_REQUEST)
	b[unix.SizeofNlMsghdr], b[unix.SizeofNlMsghdr+1] = family, byte(8*len(addr))
	ne.PutUint32(b[unix.SizeofNlMsghdr+8:], fibMatch)
	b = ne.AppendUint16(b, uint16(unix.SizeofRtAttr+len(addr)))
	b = ne.AppendUint16(b, unix.RTA_DST)
	b = append(b, addr...)
	ne.PutUint32(b, uint32(len(b)))
	return b
}

// translate makes NetBSD's messages of what the host tells of changes.
func (k *Stack) translate(b []byte) (list []notice) {
	add := func(family int, b []byte) { list = append(list, notice{family, b}) }
	for _, m := range decodeMessages(b, unix.RTM_NEWLINK, unix.SizeofIfInfomsg) {
		i := decodeLink(m)
		info := i.Info()
		if binary.NativeEndian.Uint32(m.head[12:]) == ^uint32(0) { // ifi_change: all of it is new
			add(0, netbsd.AppendIfAnnounce(nil, &info, netbsd.IFAN_ARRIVAL))
		}
		add(0, netbsd.AppendIfInfo(nil, &info))
	}
	for _, m := range decodeMessages(b, unix.RTM_DELLINK, unix.SizeofIfInfomsg) {
		i := decodeLink(m)
		info := i.Info()
		add(0, netbsd.AppendIfAnnounce(nil, &info, netbsd.IFAN_DEPARTURE))
	}
	for _, c := range addrChanges {
		for _, m := range decodeMessages(b, c.host, unix.SizeofIfAddrmsg) {
			index, addr := decodeAddr(m)
			if !addr.IsValid() {
				continue
			}
			i := k.interfaceAt(index)
			info := i.Info()
			add(familyOf(addr.Addr()), netbsd.AppendOldIfAddr(nil, c.old, &info, addr))
			add(familyOf(addr.Addr()), netbsd.AppendIfAddr10(nil, c.kind, &info, addr))
		}
	}
	for _, c := range routeChanges {
		for _, m := range decodeMessages(b, c.host, unix.SizeofRtMsg) {
			if r, ok := decodeRoute(m); ok && r.shown() {
				m := r.message(k.interfaceAt(r.index), false)
				m.Type = c.kind
				add(familyOf(r.dst.Addr()), m.Append(nil))
			}
		}
	}
	return list
}

// addrChanges and routeChanges pair the host's messages with NetBSD's. An address is told in the
// form of before NetBSD 8, too (rtsock_newaddr_70_hook).
var (
	addrChanges = []struct {
		host      uint16
		old, kind uint8
	}{{syscall.RTM_NEWADDR, netbsd.RTM_ONEWADDR, netbsd.RTM_NEWADDR}, {syscall.RTM_DELADDR, netbsd.RTM_ODELADDR, netbsd.RTM_DELADDR}}
	routeChanges = []struct {
		host uint16
		kind uint8
	}{{syscall.RTM_NEWROUTE, netbsd.RTM_ADD}, {syscall.RTM_DELROUTE, netbsd.RTM_DELETE}}
)
