package socket

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"net"
	"net/netip"
	"slices"
	"syscall"
	"testing"

	"toaster/internal/hostfile"
	"toaster/netbsd"
)

// TestInterfacesAreNets compares with package net, whose view of the host is the kernel's, too.
func TestInterfacesAreNets(t *testing.T) {
	want, err := net.Interfaces()
	if err != nil {
		t.Skip(err)
	}
	slices.SortStableFunc(want, func(a, b net.Interface) int { return cmp.Compare(a.Index, b.Index) })
	h := hostfile.NewHost()
	defer h.Close()
	m := New(h, Config{})
	defer m.Close()
	got := decodeInterfaces(m.InterfaceTables())
	if len(got) != len(want) {
		t.Fatalf("%d interfaces, want %d", len(got), len(want))
	}
	for i, w := range want {
		g := got[i]
		if g.Index != w.Index || g.Name != w.Name || int(g.MTU) != w.MTU || !bytes.Equal(g.Hardware, w.HardwareAddr) {
			t.Errorf("%+v, want %+v", g, w)
		}
		if flags := netFlags(w.Flags); g.Info().Flags != flags {
			t.Errorf("%s: flags %#x, want %#x", g.Name, g.Info().Flags, flags)
		}
		if addrs := netAddrs(t, &w); !slices.Equal(g.Addrs, addrs) {
			t.Errorf("%s: addresses %v, want %v", g.Name, g.Addrs, addrs)
		}
	}
}

func netFlags(f net.Flags) (flags int32) {
	for from, to := range map[net.Flags]int32{
		net.FlagUp: netbsd.IFF_UP, net.FlagRunning: netbsd.IFF_RUNNING, net.FlagBroadcast: netbsd.IFF_BROADCAST,
		net.FlagLoopback: netbsd.IFF_LOOPBACK, net.FlagPointToPoint: netbsd.IFF_POINTOPOINT, net.FlagMulticast: netbsd.IFF_MULTICAST,
	} {
		if f&from != 0 {
			flags |= to
		}
	}
	return flags
}

func netAddrs(t *testing.T, i *net.Interface) (list []netip.Prefix) {
	t.Helper()
	addrs, err := i.Addrs()
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range addrs {
		list = append(list, netip.MustParsePrefix(a.String()))
	}
	return list
}

// attr is an attribute of a message, padded as the kernel pads it.
func attr(kind uint16, value string) []byte {
	b := binary.NativeEndian.AppendUint16(nil, uint16(4+len(value)))
	b = binary.NativeEndian.AppendUint16(b, kind)
	b = append(b, value...)
	return append(b, make([]byte, -len(b)&3)...)
}

func message(kind uint16, head []byte, attrs ...[]byte) []byte {
	data := slices.Concat(append([][]byte{head}, attrs...)...)
	b := make([]byte, syscall.NLMSG_HDRLEN)
	binary.NativeEndian.PutUint32(b, uint32(len(b)+len(data)))
	binary.NativeEndian.PutUint16(b[4:], kind)
	return append(b, data...)
}

func linkMessage(kind uint16, index, flags uint32, attrs ...[]byte) []byte {
	head := make([]byte, syscall.SizeofIfInfomsg)
	binary.NativeEndian.PutUint16(head[2:], kind)
	binary.NativeEndian.PutUint32(head[4:], index)
	binary.NativeEndian.PutUint32(head[8:], flags)
	return message(syscall.RTM_NEWLINK, head, attrs...)
}

func addrMessage(family, bits byte, index uint32, attrs ...[]byte) []byte {
	head := make([]byte, syscall.SizeofIfAddrmsg)
	head[0], head[1] = family, bits
	binary.NativeEndian.PutUint32(head[4:], index)
	return message(syscall.RTM_NEWADDR, head, attrs...)
}

// exampleTables has what few hosts have: a tunnel with a peer, interfaces out of order,
// an address of another family, and one of no interface.
func exampleTables() (links, addrs []byte) {
	mtu := string(binary.NativeEndian.AppendUint32(nil, 1480))
	links = slices.Concat(
		linkMessage(syscall.ARPHRD_TUNNEL, 7, syscall.IFF_UP|syscall.IFF_POINTOPOINT,
			attr(syscall.IFLA_IFNAME, "tun7\x00"), attr(syscall.IFLA_MTU, mtu), attr(syscall.IFLA_ADDRESS, "\x0a\x00\x00\x01")),
		linkMessage(syscall.ARPHRD_LOOPBACK, 1, syscall.IFF_UP|syscall.IFF_LOOPBACK,
			attr(syscall.IFLA_IFNAME, "lo\x00"), attr(syscall.IFLA_ADDRESS, "\x00\x00\x00\x00\x00\x00")),
		message(syscall.NLMSG_DONE, make([]byte, 4)),
	)
	own, peer := attr(syscall.IFA_LOCAL, "\x0a\x00\x00\x01"), attr(syscall.IFA_ADDRESS, "\x0a\x00\x00\x02")
	addrs = slices.Concat(
		addrMessage(syscall.AF_INET, 32, 7, peer, own),
		addrMessage(syscall.AF_INET6, 128, 1, attr(syscall.IFA_ADDRESS, "\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01")),
		addrMessage(syscall.AF_INET6, 128, 1, own),
		addrMessage(syscall.AF_INET, 33, 1, own),
		addrMessage(syscall.AF_PACKET, 8, 1, own),
		addrMessage(syscall.AF_INET, 8, 2, own),
		message(syscall.NLMSG_DONE, make([]byte, 4)),
	)
	return links, addrs
}

func TestDecodeInterfaces(t *testing.T) {
	list := decodeInterfaces(exampleTables())
	if len(list) != 2 {
		t.Fatalf("%+v", list)
	}
	lo, tun := list[0], list[1]
	if lo.Index != 1 || lo.Name != "lo" || lo.Hardware != nil || lo.Info().Type != netbsd.IFT_LOOP ||
		!slices.Equal(lo.Addrs, []netip.Prefix{netip.MustParsePrefix("::1/128")}) {
		t.Errorf("%+v", lo)
	}
	if tun.Index != 7 || tun.Name != "tun7" || tun.MTU != 1480 || tun.Hardware != nil ||
		tun.Info().Flags != netbsd.IFF_UP|netbsd.IFF_POINTOPOINT ||
		!slices.Equal(tun.Addrs, []netip.Prefix{netip.MustParsePrefix("10.0.0.1/32")}) {
		t.Errorf("%+v", tun)
	}
}

func TestNoInterfaces(t *testing.T) {
	if list := decodeInterfaces(nil, nil); len(list) != 0 {
		t.Errorf("%+v", list)
	}
}

// Each byte in turn, cut off there or with another value, must do no harm.
func TestDecodeDamagedInterfaces(t *testing.T) {
	links, addrs := exampleTables()
	for _, table := range [][]byte{links, addrs} {
		for i := range table {
			decodeBoth(table[:i:i])
			for v := range 256 {
				b := slices.Clone(table)
				b[i] = byte(v)
				decodeBoth(b)
			}
		}
	}
}

// decodeBoth takes a table for either kind.
func decodeBoth(b []byte) {
	links, addrs := exampleTables()
	for _, list := range [][]Interface{decodeInterfaces(b, addrs), decodeInterfaces(links, b)} {
		for _, i := range list {
			info := i.Info()
			out := netbsd.AppendIfInfo(nil, &info)
			for _, a := range i.Addrs {
				out = netbsd.AppendIfAddr(out, &info, a)
			}
		}
	}
}

func FuzzDecodeInterfaces(f *testing.F) {
	links, addrs := exampleTables()
	f.Add(links)
	f.Add(addrs)
	// An attribute that ends with its message, unpadded.
	f.Add(append(message(syscall.RTM_NEWLINK, make([]byte, syscall.SizeofIfInfomsg), []byte{5, 0, 3, 0, 'x'}), 0, 0, 0))
	f.Fuzz(func(_ *testing.T, b []byte) { decodeBoth(b) })
}
