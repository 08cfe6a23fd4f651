package socket

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"net/netip"
	"slices"
	"syscall"

	"toaster/netbsd"
)

// This file reads the host's rtnetlink(7) messages. Package net would do it, but it
// makes the command a cgo program where there is a C compiler, and every start slower.

// Interface is one of the host's. Its index may not fit NetBSD's 16 bits.
type Interface struct {
	Index    int
	Name     string
	MTU      uint32
	Flags    uint32 // Linux's
	Hardware []byte
	Addrs    []netip.Prefix
}

// interfaceFlags pairs Linux's flags with NetBSD's.
var interfaceFlags = []struct {
	from uint32
	to   int32
}{
	{syscall.IFF_UP, netbsd.IFF_UP},
	{syscall.IFF_RUNNING, netbsd.IFF_RUNNING},
	{syscall.IFF_BROADCAST, netbsd.IFF_BROADCAST},
	{syscall.IFF_LOOPBACK, netbsd.IFF_LOOPBACK},
	{syscall.IFF_POINTOPOINT, netbsd.IFF_POINTOPOINT},
	{syscall.IFF_MULTICAST, netbsd.IFF_MULTICAST},
}

// Interfaces lists the interfaces of the guests' network, ordered by number.
func (k *Stack) Interfaces() []Interface { return decodeInterfaces(k.InterfaceTables()) }

// Info is what NetBSD says of the interface.
func (i *Interface) Info() netbsd.IfInfo {
	info := netbsd.IfInfo{
		Index: uint16(i.Index), Name: i.Name, MTU: uint64(i.MTU), HW: i.Hardware,
		Type: netbsd.IFT_ETHER,
	}
	if i.Flags&syscall.IFF_LOOPBACK != 0 {
		info.Type = netbsd.IFT_LOOP
	}
	for _, f := range interfaceFlags {
		if i.Flags&f.from != 0 {
			info.Flags |= f.to
		}
	}
	return info
}

// Listed is one of its addresses with what goes with it: the broadcast address, or that of a loopback interface itself (in_ifinit).
func (i *Interface) Listed(p netip.Prefix) netbsd.ListedAddr {
	a := netbsd.ListedAddr{Netmask: netbsd.Netmask(p), Addr: netbsd.HostAddr(scoped(p.Addr(), i.Index))}
	switch {
	case !p.Addr().Is4():
	case i.has(netbsd.IFF_LOOPBACK):
		a.Broadcast = a.Addr
	case i.has(netbsd.IFF_BROADCAST):
		a.Broadcast = netbsd.HostAddr(broadcast(p))
	}
	return a
}

// decodeInterfaces makes a list, ordered by index, of the host's two tables.
func decodeInterfaces(links, addrs []byte) []Interface {
	var list []Interface
	for _, m := range decodeMessages(links, syscall.RTM_NEWLINK, syscall.SizeofIfInfomsg) {
		list = append(list, decodeLink(m))
	}
	slices.SortStableFunc(list, func(a, b Interface) int { return cmp.Compare(a.Index, b.Index) })
	for _, m := range decodeMessages(addrs, syscall.RTM_NEWADDR, syscall.SizeofIfAddrmsg) {
		index, prefix := decodeAddr(m)
		at, ok := slices.BinarySearchFunc(list, index, func(i Interface, index int) int { return cmp.Compare(i.Index, index) })
		if ok && prefix.IsValid() {
			list[at].Addrs = append(list[at].Addrs, prefix)
		}
	}
	return list
}

// routeMessage is a message of rtnetlink: a structure, then attributes by type.
type routeMessage struct {
	head  []byte
	attrs map[uint16][]byte
}

// decodeMessages returns the messages of a type, whose structure has a known size.
func decodeMessages(table []byte, kind uint16, size int) []routeMessage {
	messages, err := syscall.ParseNetlinkMessage(table)
	if err != nil {
		return nil
	}
	var list []routeMessage
	for _, m := range messages {
		// The library slices by the size without a look at the length, and past
		// the end if the last attribute's padding is missing.
		if m.Header.Type != kind || len(m.Data) < size || len(m.Data)%syscall.NLMSG_ALIGNTO != 0 {
			continue
		}
		attrs, err := syscall.ParseNetlinkRouteAttr(&m)
		if err != nil {
			continue
		}
		r := routeMessage{head: m.Data[:size], attrs: make(map[uint16][]byte, len(attrs))}
		for _, a := range attrs {
			r.attrs[a.Attr.Type] = a.Value
		}
		list = append(list, r)
	}
	return list
}

// decodeLink reads struct ifinfomsg: type 2, index 4, flags 8.
func decodeLink(m routeMessage) Interface {
	ne := binary.NativeEndian
	i := Interface{
		Index:    int(int32(ne.Uint32(m.head[4:]))),
		Name:     string(bytes.TrimSuffix(m.attrs[syscall.IFLA_IFNAME], []byte{0})),
		Flags:    ne.Uint32(m.head[8:]),
		Hardware: hardwareAddr(ne.Uint16(m.head[2:]), m.attrs[syscall.IFLA_ADDRESS]),
	}
	if mtu := m.attrs[syscall.IFLA_MTU]; len(mtu) >= 4 {
		i.MTU = ne.Uint32(mtu)
	}
	return i
}

const arphrdIP6GRE = 823 // ARPHRD_IP6GRE, which package syscall does not have

// hardwareAddr is nil for an address of zeros, which is how Linux says that there is
// none, and for that of a tunnel, which is the IP address of its end.
func hardwareAddr(kind uint16, addr []byte) []byte {
	switch kind {
	case syscall.ARPHRD_TUNNEL, syscall.ARPHRD_SIT, syscall.ARPHRD_IPGRE:
		if len(addr) == 4 {
			return nil
		}
	case syscall.ARPHRD_TUNNEL6, arphrdIP6GRE:
		if len(addr) == 16 {
			return nil
		}
	}
	if len(bytes.Trim(addr, "\x00")) == 0 {
		return nil
	}
	return addr
}

// decodeAddr reads struct ifaddrmsg: family 0, prefix length 1, index 4. The prefix is
// the zero one for a family other than IP, or an address that is none.
func decodeAddr(m routeMessage) (int, netip.Prefix) {
	// With a peer IFA_ADDRESS is the peer's, and IFA_LOCAL the interface's own.
	b, ok := m.attrs[syscall.IFA_LOCAL]
	if !ok {
		b = m.attrs[syscall.IFA_ADDRESS]
	}
	index := int(binary.NativeEndian.Uint32(m.head[4:]))
	addr, _ := netip.AddrFromSlice(b)
	family := m.head[0]
	if addr.Is4() && family == syscall.AF_INET || addr.Is6() && family == syscall.AF_INET6 {
		return index, netip.PrefixFrom(addr, int(m.head[1]))
	}
	return index, netip.Prefix{}
}
