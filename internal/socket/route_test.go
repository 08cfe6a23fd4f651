package socket

import (
	"encoding/binary"
	"net/netip"
	"slices"
	"testing"

	"golang.org/x/sys/unix"

	"toaster/internal/file"
	"toaster/internal/filetest"
	"toaster/netbsd"
)

// routing makes a routing socket in a machine whose callers are persons.
func routing(t *testing.T, m *Stack, proto int) *Socket {
	t.Helper()
	s, errno := m.NewSocket(netbsd.AF_ROUTE, netbsd.SOCK_RAW, proto)
	if errno != 0 {
		t.Fatal(errno)
	}
	t.Cleanup(s.Close)
	return s
}

func routed(t *testing.T) *Stack {
	return newStack(t, Config{Creds: func(l file.Sleeper) netbsd.Sockcred { return l.(*person).creds }})
}

// getRoute is RTM_GET for an address.
func getRoute(to string, seq int32) []byte {
	m := netbsd.RouteMsg{Type: netbsd.RTM_GET, Seq: seq}
	m.Addrs[0] = netbsd.HostAddr(netip.MustParseAddr(to))
	return m.Append(nil)
}

// told reads a message about a route, the first that has the number.
func told(t *testing.T, s *Socket, seq int32) netbsd.RouteMsg {
	t.Helper()
	b := make([]byte, 2048)
	for {
		n, errno := s.Read(file.Call{L: somebody(1, 1), Nonblock: true}, b)
		if errno != 0 {
			t.Fatalf("message %d: %v", seq, errno)
		}
		if m, _, errno := netbsd.DecodeRouteMsg(b[:n]); errno == 0 && m.Seq == seq {
			return m
		}
	}
}

// route_output: RTM_GET is answered by the route that packets take, with RTF_DONE, the number of
// the request and who asked; interface and address come where they are asked for.
func TestRouteGet(t *testing.T) {
	m := routed(t)
	s := routing(t, m, 0)
	p := somebody(77, 0)
	if n, errno := s.Write(p.call(), getRoute("127.0.0.1", 5)); errno != 0 || n != 136 {
		t.Fatal(n, errno)
	}
	r := told(t, s, 5)
	if r.Type != netbsd.RTM_GET || r.Pid != 77 || r.Errno != 0 || r.Flags&(netbsd.RTF_UP|netbsd.RTF_DONE) != netbsd.RTF_UP|netbsd.RTF_DONE {
		t.Errorf("%+v", r)
	}
	if r.Addrs[1] == nil || r.Addrs[4] != nil || r.Addrs[5] != nil || uint32(r.Index) != loopbackIndex(t) {
		t.Errorf("%+v", r)
	}
	b := getRoute("127.0.0.1", 6)
	binary.LittleEndian.PutUint32(b[12:], netbsd.RTA_DST|netbsd.RTA_IFP|netbsd.RTA_IFA)
	s.Write(p.call(), b)
	r = told(t, s, 6)
	if len(r.Addrs[4]) < 8 || r.Addrs[4][1] != netbsd.AF_LINK || string(r.Addrs[5]) != string(netbsd.HostAddr(netip.MustParseAddr("127.0.0.1"))) {
		t.Errorf("%+v", r)
	}
}

// Errors come from write(2), and are told: ESRCH for no route, EACCES for a change, EOPNOTSUPP for
// an unknown type (route_output).
func TestRouteErrors(t *testing.T) {
	m := routed(t)
	s, other := routing(t, m, 0), routing(t, m, netbsd.AF_INET)
	deaf, ip6 := routing(t, m, 0), routing(t, m, netbsd.AF_INET6)
	deaf.Setsockopt(netbsd.SOL_SOCKET, netbsd.SO_USELOOPBACK, off)
	p := somebody(77, 0)
	for i, w := range []struct {
		kind  byte
		errno netbsd.Errno
	}{{netbsd.RTM_ADD, netbsd.EACCES}, {netbsd.RTM_DELETE, netbsd.EACCES}, {netbsd.RTM_CHANGE, netbsd.EACCES}, {99, netbsd.EOPNOTSUPP}} {
		b := getRoute("192.0.2.1", int32(i+1))
		b[3] = w.kind
		if _, errno := deaf.Write(p.call(), b); errno != w.errno {
			t.Errorf("type %d: %v, want %v", w.kind, errno, w.errno)
		}
		for _, s := range []*Socket{s, other} {
			if r := told(t, s, int32(i+1)); r.Errno != int32(w.errno) || r.Flags&netbsd.RTF_DONE != 0 {
				t.Errorf("type %d: %+v", w.kind, r)
			}
		}
	}
	for name, b := range map[string][]byte{"short": make([]byte, 9), "no destination": (&netbsd.RouteMsg{Type: netbsd.RTM_GET}).Append(nil)} {
		if _, errno := deaf.Write(p.call(), b); errno != netbsd.EINVAL {
			t.Errorf("%s: %v, want EINVAL", name, errno)
		}
	}
	for _, s := range []*Socket{deaf, ip6} { // raw_input: nothing of one's own, nor of another family
		if n, errno := s.Read(file.Call{L: p, Nonblock: true}, make([]byte, 999)); errno != netbsd.EAGAIN {
			t.Errorf("%d bytes, %v, want EAGAIN", n, errno)
		}
	}
	if _, errno := m.NewSocket(netbsd.AF_ROUTE, netbsd.SOCK_DGRAM, 0); errno != netbsd.EPROTOTYPE {
		t.Errorf("a datagram socket of AF_ROUTE: %v, want EPROTOTYPE", errno)
	}
}

// The table has the routes to the machine's own addresses (sysctl_dumpentry).
func TestRoutes(t *testing.T) {
	b := routed(t).Routes(netbsd.AF_INET, 0)
	found := false
	for len(b) > 0 {
		n := int(binary.LittleEndian.Uint16(b))
		m, _, errno := netbsd.DecodeRouteMsg(b[:n])
		if errno != 0 || m.Type != netbsd.RTM_GET || m.Flags&netbsd.RTF_UP == 0 {
			t.Fatalf("%+v, %v", m, errno)
		}
		a, _ := netbsd.DecodeSockaddr(m.Addrs[0])
		found = found || a.Addr.Addr().IsLoopback()
		b = b[n:]
	}
	if !found {
		t.Skip("this host's tables have no loopback addresses")
	}
}

// routeMessageOf is a message of rtnetlink(7) about a route.
func routeMessageOf(kind uint16, family, bits byte, attrs ...[]byte) []byte {
	head := make([]byte, unix.SizeofRtMsg)
	head[0], head[1], head[4], head[5], head[7] = family, bits, unix.RT_TABLE_MAIN, unix.RTPROT_STATIC, unix.RTN_UNICAST
	return message(kind, head, attrs...)
}

// exampleNews is what the host tells of changes.
func exampleNews() []byte {
	links, addrs := exampleTables()
	gone := linkMessage(unix.ARPHRD_LOOPBACK, 9, 0, attr(unix.IFLA_IFNAME, "gone\x00"))
	binary.NativeEndian.PutUint16(gone[4:], unix.RTM_DELLINK)
	lost := addrMessage(unix.AF_INET, 8, 1, attr(unix.IFA_LOCAL, "\x7f\x00\x00\x01"))
	binary.NativeEndian.PutUint16(lost[4:], unix.RTM_DELADDR)
	return slices.Concat(links, addrs, gone, lost,
		routeMessageOf(unix.RTM_NEWROUTE, unix.AF_INET, 24, attr(unix.RTA_DST, "\xc0\x00\x02\x00"), attr(unix.RTA_GATEWAY, "\x0a\x00\x00\x01"), attr(unix.RTA_OIF, "\x01\x00\x00\x00")),
		routeMessageOf(unix.RTM_DELROUTE, unix.AF_INET6, 0, attr(unix.RTA_OIF, "\x01\x00\x00\x00")))
}

// What the host tells becomes NetBSD's messages, an address in both forms (rt_newaddrmsg).
func TestTranslateNews(t *testing.T) {
	m := routed(t)
	var types []byte
	for _, n := range m.translate(exampleNews()) {
		if int(binary.LittleEndian.Uint16(n.b)) != len(n.b) || n.b[2] != netbsd.RTM_VERSION {
			t.Errorf("%x", n.b)
		}
		types = append(types, n.b[3])
		if n.b[3] == netbsd.RTM_ADD {
			r, _, errno := netbsd.DecodeRouteMsg(n.b)
			if errno != 0 || r.Flags != netbsd.RTF_UP|netbsd.RTF_GATEWAY|netbsd.RTF_STATIC || n.family != netbsd.AF_INET {
				t.Errorf("%+v, %v", r, errno)
			}
		}
	}
	want := []byte{netbsd.RTM_IFINFO, netbsd.RTM_IFINFO, netbsd.RTM_IFANNOUNCE,
		netbsd.RTM_ONEWADDR, netbsd.RTM_NEWADDR, netbsd.RTM_ONEWADDR, netbsd.RTM_NEWADDR, netbsd.RTM_ONEWADDR, netbsd.RTM_NEWADDR,
		netbsd.RTM_ODELADDR, netbsd.RTM_DELADDR, netbsd.RTM_ADD, netbsd.RTM_DELETE}
	for _, w := range want {
		if !slices.Contains(types, w) {
			t.Errorf("no message %#x among %x", w, types)
		}
	}
}

func FuzzTranslateNews(f *testing.F) {
	f.Add(exampleNews())
	m := &Stack{maker: func(int, int, int) (int, error) { return -1, unix.EAFNOSUPPORT }}
	f.Fuzz(func(_ *testing.T, b []byte) { m.translate(b) })
}

// A change of the host's is told to who reads, and wakes who waits. (In a network of the test's own.)
func TestRouteMonitor(t *testing.T) {
	m := routed(t)
	s := routing(t, m, 0)
	links, _ := exampleTables()
	s.route.mu.Lock()
	s.route.tell(m.translate(links))
	s.route.mu.Unlock()
	l := filetest.NewSleeper()
	b := make([]byte, 999)
	n, errno := s.Read(file.Call{L: l}, b)
	if errno != 0 || b[3] != netbsd.RTM_IFINFO || n != int(binary.LittleEndian.Uint16(b)) {
		t.Errorf("%x, %v, want RTM_IFINFO", b[:n], errno)
	}
}

// What route(8) asks for as "default": 0.0.0.0 and ::, by which rn_match of radix.c finds the route of no bits.
func TestDefaultRoute(t *testing.T) {
	route := func(prefix string, index int) hostRoute {
		return hostRoute{dst: netip.MustParsePrefix(prefix), index: index}
	}
	list := []hostRoute{route("127.0.0.0/8", 1), route("::/0", 2), route("0.0.0.0/0", 3), route("0.0.0.0/0", 4)}
	for family, want := range map[int]int{netbsd.AF_INET: 3, netbsd.AF_INET6: 2} {
		if r, ok := defaultRoute(list, family); !ok || r.index != want {
			t.Errorf("family %d: interface %d, want %d", family, r.index, want)
		}
	}
	if r, ok := defaultRoute(list[:1], netbsd.AF_INET); ok {
		t.Errorf("there is none, but %v", r)
	}
}

// arp_setgate of if_arp.c 1.317.2.2: the gateway of what is reached by an Ethernet is its number alone; that of a loopback interface has its name.
func TestLinkGateway(t *testing.T) {
	ether := netbsd.IfInfo{Index: 3, Name: "vioif0", Type: netbsd.IFT_ETHER, HW: []byte{2, 0, 0, 0, 0, 9}}
	b := linkGateway(&ether)
	if want := netbsd.LinkAddr(&ether); len(b) != len(want) || b[0] != want[0] || b[2] != 3 || b[4] != netbsd.IFT_ETHER || string(b[5:]) != string(make([]byte, len(b)-5)) {
		t.Errorf("%x", b)
	}
	lo := netbsd.IfInfo{Index: 1, Name: "lo0", Type: netbsd.IFT_LOOP}
	if b := linkGateway(&lo); string(b) != string(netbsd.LinkAddr(&lo)) {
		t.Errorf("%x", b)
	}
}
