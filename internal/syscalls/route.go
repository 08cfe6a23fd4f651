package syscalls

import (
	"net/netip"

	"toaster/netbsd"
)

// routeTable is net.route.0.FAMILY.WHAT.INDEX (rtsysctl of route(4)): the interfaces
// that the guests' network has, with their addresses, in the form before NetBSD 8 (NET_RT_OIFLIST),
// which is what Go's library asks for; FAMILY 0 is all, INDEX 0 every interface. Other
// tables are empty.
func routeTable(c *Call, rest []int32, _ uint64) ([]byte, netbsd.Errno) {
	if len(rest) != 4 && len(rest) != 5 {
		return nil, netbsd.EINVAL
	}
	rest = rest[len(rest)-3:]
	family, what, index := rest[0], rest[1], rest[2]
	if what != netbsd.NET_RT_OIFLIST {
		return nil, 0
	}
	var b []byte
	for _, i := range c.K.Sockets.Interfaces() {
		if index != 0 && int(index) != i.Index {
			continue
		}
		info := i.Info()
		b = netbsd.AppendIfInfo(b, &info)
		for _, addr := range i.Addrs {
			if ofFamily(addr, family) {
				b = netbsd.AppendIfAddr(b, &info, addr)
			}
		}
	}
	return b, 0
}

// ofFamily tells whether an address is of an address family, 0 for every one.
func ofFamily(p netip.Prefix, family int32) bool {
	switch family {
	case netbsd.AF_INET:
		return p.Addr().Is4()
	case netbsd.AF_INET6:
		return p.Addr().Is6()
	}
	return family == 0
}
