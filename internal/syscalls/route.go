package syscalls

import (
	"net/netip"

	"toaster/internal/file"
	"toaster/internal/socket"
	"toaster/netbsd"
)

// routeTable is net.route.rtable.FAMILY.WHAT.ARGUMENT (sysctl_rtable of rtsock.c): what the guests'
// network has, FAMILY 0 is all.
//
//	NET_RT_DUMP     the routes
//	NET_RT_FLAGS    those that have one of the flags
//	NET_RT_IFLIST   the interfaces with their addresses, 0 is every interface
//	NET_RT_OIFLIST  the same in the form of before NetBSD 8, which is what Go's library asks for
//
// EINVAL for anything else, but the still older forms, which are empty.
func routeTable(c *Call, rest []int32, _ uint64) ([]byte, netbsd.Errno) {
	if len(rest) != 3 {
		return nil, netbsd.EINVAL
	}
	family, what, arg := rest[0], rest[1], rest[2]
	switch what {
	case netbsd.NET_RT_DUMP:
		return c.K.Sockets.Routes(int(family), 0), 0
	case netbsd.NET_RT_FLAGS:
		if arg == 0 {
			return nil, 0
		}
		return c.K.Sockets.Routes(int(family), arg), 0
	case netbsd.NET_RT_IFLIST, netbsd.NET_RT_OIFLIST:
		return c.interfaceTable(family, what == netbsd.NET_RT_OIFLIST, int(arg)), 0
	}
	if what < netbsd.NET_RT_DUMP || what > netbsd.NET_RT_IFLIST {
		return nil, netbsd.EINVAL
	}
	return nil, 0
}

// interfaceTable is sysctl_iflist: of each interface its description, and its addresses, that of the link level first.
func (c *Call) interfaceTable(family int32, old bool, index int) (b []byte) {
	kind := uint8(netbsd.RTM_NEWADDR)
	if old {
		kind = netbsd.RTM_ONEWADDR
	}
	for _, i := range c.K.Sockets.Interfaces() {
		if index != 0 && index != i.Index {
			continue
		}
		info := i.Info()
		b = netbsd.AppendIfInfo(b, &info)
		if family == 0 || family == netbsd.AF_LINK {
			b = netbsd.AppendListed(b, kind, &info, netbsd.ListedAddr{Netmask: netbsd.LinkMask(&info), Addr: netbsd.LinkAddr(&info)})
		}
		for _, addr := range i.Addrs {
			if ofFamily(addr, family) {
				b = netbsd.AppendListed(b, kind, &info, i.Listed(addr))
			}
		}
	}
	return b
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

// addressList is SIOCGIFCONF of a socket, with a struct ifconf: length 0, address 8 (ifconf of
// if.c), and the two that were before it. Whole entries are stored while there is room; a null address asks for the length alone, which the older
// ones tell in any case. EINVAL: one of them, for a length below 0.
func addressList(c *Call, d *file.Description, cmd uint32, data []byte) netbsd.Errno {
	if _, ok := d.File.(*socket.Socket); !ok {
		return netbsd.ENOTTY
	}
	room, to := int(int32(le32(data))), le64(data[8:])
	var list [][]byte
	if cmd == netbsd.SIOCGIFCONF {
		list = c.K.Sockets.AddressList()
	} else {
		list = c.K.Sockets.OldAddressList(cmd == netbsd.OOSIOCGIFCONF)
	}
	var stored []byte
	all := 0
	for _, b := range list {
		if all += len(b); all <= room {
			stored = append(stored, b...)
		}
	}
	switch {
	case to == 0:
	case cmd != netbsd.SIOCGIFCONF && room < 0:
		return netbsd.EINVAL
	case cmd == netbsd.SIOCGIFCONF:
		all = len(stored)
	}
	putLE32(data, uint32(all))
	if to == 0 || len(stored) == 0 {
		return 0
	}
	return c.copyout(to, stored)
}
