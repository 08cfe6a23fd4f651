package syscalls

import (
	"net"
	"net/netip"

	"toaster/netbsd"
)

// routeTable is net.route.0.FAMILY.WHAT.INDEX (rtsysctl of route(4)): the interfaces
// of the host with their addresses, in the form before NetBSD 8 (NET_RT_OIFLIST),
// which is what Go's library asks for; FAMILY 0 is all, INDEX 0 every interface. Other
// tables are empty.
func routeTable(_ *Call, rest []int32, _ uint64) ([]byte, netbsd.Errno) {
	if len(rest) != 4 && len(rest) != 5 {
		return nil, netbsd.EINVAL
	}
	rest = rest[len(rest)-3:]
	family, what, index := rest[0], rest[1], rest[2]
	if what != netbsd.NET_RT_OIFLIST {
		return nil, 0
	}
	interfaces, err := net.Interfaces()
	if err != nil {
		return nil, 0
	}
	var b []byte
	for _, i := range interfaces {
		if index != 0 && int(index) != i.Index {
			continue
		}
		info := interfaceInfo(&i)
		b = netbsd.AppendIfInfo(b, &info)
		for _, addr := range interfaceAddrs(&i, family) {
			b = netbsd.AppendIfAddr(b, &info, addr)
		}
	}
	return b, 0
}

// interfaceFlags pairs Go's flags with NetBSD's.
var interfaceFlags = []struct {
	from net.Flags
	to   int32
}{
	{net.FlagUp, netbsd.IFF_UP},
	{net.FlagRunning, netbsd.IFF_RUNNING},
	{net.FlagBroadcast, netbsd.IFF_BROADCAST},
	{net.FlagLoopback, netbsd.IFF_LOOPBACK},
	{net.FlagPointToPoint, netbsd.IFF_POINTOPOINT},
	{net.FlagMulticast, netbsd.IFF_MULTICAST},
}

func interfaceInfo(i *net.Interface) netbsd.IfInfo {
	info := netbsd.IfInfo{
		Index: uint16(i.Index), Name: i.Name, MTU: uint64(i.MTU), HW: i.HardwareAddr,
		Type: netbsd.IFT_ETHER,
	}
	if i.Flags&net.FlagLoopback != 0 {
		info.Type = netbsd.IFT_LOOP
	}
	for _, f := range interfaceFlags {
		if i.Flags&f.from != 0 {
			info.Flags |= f.to
		}
	}
	return info
}

// interfaceAddrs gives the addresses of an address family, 0 for every one.
func interfaceAddrs(i *net.Interface, family int32) []netip.Prefix {
	addrs, err := i.Addrs()
	if err != nil {
		return nil
	}
	var list []netip.Prefix
	for _, a := range addrs {
		p, err := netip.ParsePrefix(a.String())
		if err != nil {
			continue
		}
		is4 := p.Addr().Is4()
		if family == 0 || is4 && family == netbsd.AF_INET || !is4 && family == netbsd.AF_INET6 {
			list = append(list, p)
		}
	}
	return list
}
