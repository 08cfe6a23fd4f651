package netbsd

import (
	"net/netip"
	"testing"
)

// Messages are walked the way Go's route package does it.
func TestRouteMessages(t *testing.T) {
	i := &IfInfo{Index: 1, Name: "lo0", Flags: IFF_UP | IFF_LOOPBACK, Type: IFT_LOOP, MTU: 33624}
	b := AppendIfInfo(nil, i)
	b = AppendIfAddr(b, i, netip.MustParsePrefix("127.0.0.1/8"))
	b = AppendIfAddr(b, i, netip.MustParsePrefix("::1/128"))
	var types []byte
	for len(b) > 0 {
		n := int(le.Uint16(b))
		if n%8 != 0 || b[2] != RTM_VERSION {
			t.Fatalf("% x", b[:16])
		}
		types = append(types, b[3])
		switch b[3] {
		case RTM_IFINFO:
			dl := b[SizeofIfMsghdr:]
			if le.Uint64(b[24:]) != 33624 || dl[1] != AF_LINK || string(dl[8:8+dl[5]]) != "lo0" {
				t.Errorf("% x", b[:n])
			}
		case RTM_ONEWADDR:
			mask := b[SizeofIfaMsghdr:]
			dl := mask[(mask[0]+7)&^7:]
			addr, errno := DecodeSockaddr(dl[(dl[0]+7)&^7 : n-SizeofIfaMsghdr-int((mask[0]+7)&^7)])
			if errno != 0 || !addr.Addr.Addr().IsLoopback() || mask[1] != addr.Family {
				t.Errorf("%+v %v", addr, errno)
			}
		}
		b = b[n:]
	}
	if string(types) != string([]byte{RTM_IFINFO, RTM_ONEWADDR, RTM_ONEWADDR}) {
		t.Error(types)
	}
}

// A message about a route is what it was, and nothing in it lies outside of it (rt_xaddrs).
func FuzzDecodeRouteMsg(f *testing.F) {
	m := RouteMsg{Type: RTM_GET, Index: 1, Flags: RTF_UP, Pid: 2, Seq: 3}
	m.Addrs[0] = HostAddr(netip.MustParseAddr("127.0.0.1"))
	m.Addrs[2] = Netmask(netip.MustParsePrefix("::/64"))
	f.Add(m.Append(nil))
	f.Fuzz(func(t *testing.T, b []byte) {
		m, asked, errno := DecodeRouteMsg(b)
		if errno != 0 {
			return
		}
		n := 0
		for i, a := range m.Addrs {
			if n += len(a); a != nil && asked>>i&1 == 0 {
				t.Errorf("address %d is there, and not among %#x", i, asked)
			}
		}
		if n > len(b) {
			t.Errorf("%d bytes of addresses in %d", n, len(b))
		}
		if again, _, errno := DecodeRouteMsg(m.Append(nil)); errno != 0 || again.Seq != m.Seq || string(again.Addrs[0]) != string(m.Addrs[0]) {
			t.Errorf("%+v became %+v, %v", m, again, errno)
		}
	})
}

// route_output: EINVAL for a length that is not the message's, EPROTONOSUPPORT for another
// version; rt_xaddrs: EINVAL for an address that ends outside, or that is not there, but RTM_GET
// asks for IFP and IFA so.
func TestDecodeRouteMsg(t *testing.T) {
	m := RouteMsg{Type: RTM_GET, Seq: 3}
	m.Addrs[0] = HostAddr(netip.MustParseAddr("127.0.0.1"))
	good := m.Append(nil)
	m.Addrs[4] = LinkAddr(&IfInfo{Index: 1, Name: "lo0"}) // 20 bytes, padded
	m.Addrs[5] = HostAddr(netip.MustParseAddr("::1"))
	two := m.Append(nil)
	if r, _, errno := DecodeRouteMsg(two); errno != 0 || string(r.Addrs[5]) != string(m.Addrs[5]) {
		t.Errorf("%+v, %v", r, errno)
	}
	with := func(at int, v byte) []byte {
		b := append([]byte(nil), good...)
		b[at] = v
		return b
	}
	for _, c := range []struct {
		name  string
		b     []byte
		errno Errno
	}{
		{"good", good, 0},
		{"too short", good[:SizeofRtMsghdr-1], EINVAL},
		{"another length", with(0, 99), EINVAL},
		{"another version", with(2, 3), EPROTONOSUPPORT},
		{"asks for IFP and IFA", with(12, RTA_DST|RTA_IFP|RTA_IFA), 0},
		{"asks for a gateway", with(12, RTA_DST|RTA_GATEWAY), EINVAL},
		{"an address that ends outside", with(SizeofRtMsghdr, 99), EINVAL},
		{"more than the addresses", with(SizeofRtMsghdr, 4), EINVAL},
	} {
		if _, _, errno := DecodeRouteMsg(c.b); errno != c.errno {
			t.Errorf("%s: %v, want %v", c.name, errno, c.errno)
		}
	}
}

// What sysctl_iflist_addr of rtsock.c 1.256 and compat_70_iflist_addr list: the addresses of RTA_NETMASK, RTA_IFA and RTA_BRD in this order and no other, which
// getifaddrs(3) counts on.
func TestAppendListed(t *testing.T) {
	i := &IfInfo{Index: 2, Name: "vioif0", HW: []byte{2, 0, 0, 0, 0, 9}, Type: IFT_ETHER}
	p := netip.MustParsePrefix("192.0.2.2/24")
	ip := ListedAddr{Netmask(p), HostAddr(p.Addr()), HostAddr(netip.MustParseAddr("192.0.2.255"))}
	for _, c := range []struct {
		kind               uint8
		a                  ListedAddr
		head, index, which int
		bits               uint32
		want               [][]byte
	}{
		{RTM_NEWADDR, ip, 32, 4, 12, 0xa4, [][]byte{ip.Netmask, ip.Addr, ip.Broadcast}},
		{RTM_ONEWADDR, ip, 24, 16, 4, 0xa4, [][]byte{ip.Netmask, ip.Addr, ip.Broadcast}},
		{RTM_NEWADDR, ListedAddr{Netmask: LinkMask(i), Addr: LinkAddr(i)}, 32, 4, 12, 0x24,
			[][]byte{{14, AF_LINK, 0, 0, 0, 0, 0, 0, 255, 255, 255, 255, 255, 255}, LinkAddr(i)}},
	} {
		m := AppendListed([]byte("x"), c.kind, i, c.a)[1:]
		if int(le.Uint16(m)) != len(m) || m[2] != RTM_VERSION || m[3] != c.kind || le.Uint16(m[c.index:]) != 2 || le.Uint32(m[c.which:]) != c.bits {
			t.Errorf("kind %d: %x", c.kind, m[:c.head])
		}
		at := c.head
		for _, want := range c.want {
			if got := m[at : at+len(want)]; string(got) != string(want) {
				t.Errorf("kind %d, at %d: %x, want %x", c.kind, at, got, want)
			}
			at += (len(want) + 7) &^ 7
		}
		if at != len(m) {
			t.Errorf("kind %d: %d bytes, want %d", c.kind, len(m), at)
		}
	}
}
