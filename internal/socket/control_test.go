package socket

import (
	"bytes"
	"net/netip"
	"testing"

	"golang.org/x/sys/unix"

	"toaster/internal/file"
	"toaster/internal/filetest"
	"toaster/netbsd"
)

// connection makes a connection of TCP; the socket that listens has SO_KEEPALIVE.
func connection(t *testing.T, m *Stack) (listener, client, server *Socket) {
	t.Helper()
	call := file.Call{L: filetest.NewSleeper()}
	l, errno := m.NewSocket(netbsd.AF_INET, netbsd.SOCK_STREAM, 0)
	if errno != 0 {
		t.Fatal(errno)
	}
	t.Cleanup(l.Close)
	l.Setsockopt(netbsd.SOL_SOCKET, netbsd.SO_KEEPALIVE, on)
	l.Bind(nil, loopback(0), "", nil)
	l.Listen(5)
	name, _ := l.Name()
	c, _ := m.NewSocket(netbsd.AF_INET, netbsd.SOCK_STREAM, 0)
	t.Cleanup(c.Close)
	if errno := c.Connect(call, &name); errno != 0 {
		t.Fatal(errno)
	}
	s, _, errno := l.Accept(call)
	if errno != 0 {
		t.Fatal(errno)
	}
	t.Cleanup(s.Close)
	return l, c, s
}

// datagrams makes a bound socket, and one beside it.
func datagrams(t *testing.T, family int) (to, from *Socket, name netbsd.Sockaddr) {
	t.Helper()
	m := newStack(t, Config{})
	a := loopback(0)
	if family == netbsd.AF_INET6 {
		a = &netbsd.Sockaddr{Family: netbsd.AF_INET6, Addr: netip.AddrPortFrom(netip.IPv6Loopback(), 0)}
	}
	to, errno := m.NewSocket(family, netbsd.SOCK_DGRAM, 0)
	if errno != 0 {
		t.Skip(errno)
	}
	t.Cleanup(to.Close)
	if errno := to.Bind(nil, a, "", nil); errno != 0 {
		t.Skip(errno)
	}
	from, _ = m.NewSocket(family, netbsd.SOCK_DGRAM, 0)
	t.Cleanup(from.Close)
	name, _ = to.Name()
	return to, from, name
}

// loopbackIndex is the number of the interface of loopback addresses.
func loopbackIndex(t *testing.T) uint32 {
	t.Helper()
	for _, i := range newStack(t, Config{}).Interfaces() {
		if i.Info().Flags&netbsd.IFF_LOOPBACK != 0 {
			return uint32(i.Index)
		}
	}
	t.Skip("no loopback interface")
	return 0
}

// sent sends a byte with control messages, and receives it with those that were asked for.
func sent(t *testing.T, to, from *Socket, name netbsd.Sockaddr, control ...netbsd.Cmsg) []netbsd.Cmsg {
	t.Helper()
	call := file.Call{L: filetest.NewSleeper()}
	if _, errno := from.Send(call, []byte("x"), &Message{Addr: &name, Control: control}); errno != 0 {
		t.Fatal(errno)
	}
	var m Message
	if n, errno := to.Recv(call, make([]byte, 9), &m, true); n != 1 || errno != 0 || m.Flags&netbsd.MSG_CTRUNC != 0 {
		t.Fatal(n, errno, m.Flags)
	}
	return m.Control
}

func same(t *testing.T, got, want []netbsd.Cmsg) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%x, want %x", got, want)
	}
	for i := range want {
		g, w := got[i], want[i]
		if g.Level != w.Level || g.Type != w.Type || !bytes.Equal(g.Data, w.Data) && w.Data != nil {
			t.Errorf("%d: %x, want %x", i, g, w)
		}
	}
}

// Datagrams of IPv4 come with what was asked for, in the order and form of ip_savecontrol.
func TestControlMessages(t *testing.T) {
	const ip = netbsd.IPPROTO_IP
	to, from, name := datagrams(t, netbsd.AF_INET)
	same(t, sent(t, to, from, name), nil)
	for _, o := range []int{netbsd.IP_RECVDSTADDR, netbsd.IP_RECVIF, netbsd.IP_RECVPKTINFO, netbsd.IP_RECVTTL} {
		to.Setsockopt(ip, o, on)
	}
	to.Setsockopt(netbsd.SOL_SOCKET, netbsd.SO_TIMESTAMP, on)
	from.Setsockopt(ip, netbsd.IP_TTL, values(33))
	index := loopbackIndex(t)
	info := make([]byte, netbsd.SizeofInPktinfo)
	(&netbsd.InPktinfo{Addr: [4]byte{127, 0, 0, 1}, Index: index}).Encode(info)
	got := sent(t, to, from, name)
	same(t, got, []netbsd.Cmsg{
		{Level: netbsd.SOL_SOCKET, Type: netbsd.SCM_TIMESTAMP},
		{Level: ip, Type: netbsd.IP_RECVDSTADDR, Data: info[:4]},
		{Level: ip, Type: netbsd.IP_PKTINFO, Data: info},
		{Level: ip, Type: netbsd.IP_RECVIF, Data: []byte{8, netbsd.AF_LINK, byte(index), byte(index >> 8), 0, 0, 0, 0}},
		{Level: ip, Type: netbsd.IP_RECVTTL, Data: []byte{33}},
	})
	if len(got[0].Data) != 16 || !netbsd.DecodeTimeval(got[0].Data).Valid() {
		t.Errorf("no struct timeval: %x", got[0].Data)
	}
	to.Setsockopt(netbsd.SOL_SOCKET, netbsd.SO_TIMESTAMP, off)
	to.Setsockopt(ip, netbsd.IP_RECVPKTINFO, off)
	to.Setsockopt(ip, netbsd.IP_RECVIF, off)
	same(t, sent(t, to, from, name), []netbsd.Cmsg{
		{Level: ip, Type: netbsd.IP_RECVDSTADDR, Data: info[:4]}, {Level: ip, Type: netbsd.IP_RECVTTL, Data: []byte{33}},
	})
}

// A message says where it comes from (ip_setpktopts, ip_pktinfo_prepare).
func TestControlSource(t *testing.T) {
	const ip = netbsd.IPPROTO_IP
	to, from, name := datagrams(t, netbsd.AF_INET)
	call := file.Call{L: filetest.NewSleeper()}
	source := func(addr ...byte) netbsd.Cmsg { return netbsd.Cmsg{Level: ip, Type: netbsd.IP_SENDSRCADDR, Data: addr} }
	for _, w := range []struct {
		name  string
		m     netbsd.Cmsg
		errno netbsd.Errno
		from  string
	}{
		{"IP_SENDSRCADDR", source(127, 0, 0, 2), 0, "127.0.0.2"},
		{"IP_PKTINFO", netbsd.Cmsg{Level: ip, Type: netbsd.IP_PKTINFO, Data: []byte{127, 0, 0, 3, 0, 0, 0, 0}}, 0, "127.0.0.3"},
		{"another level", netbsd.Cmsg{Level: 99, Type: netbsd.IP_PKTINFO}, 0, "127.0.0.1"},
		{"in_pcbbindableaddr", source(192, 0, 2, 1), netbsd.EADDRNOTAVAIL, ""},
		{"no interface", netbsd.Cmsg{Level: ip, Type: netbsd.IP_PKTINFO, Data: []byte{0, 0, 0, 0, 0, 0, 16, 0}}, netbsd.EADDRNOTAVAIL, ""},
		{"too short", source(127, 0), netbsd.EINVAL, ""},
		{"too long", netbsd.Cmsg{Level: ip, Type: netbsd.IP_PKTINFO, Data: make([]byte, 12)}, netbsd.EINVAL, ""},
		{"unknown", netbsd.Cmsg{Level: ip, Type: netbsd.IP_TTL, Data: on}, netbsd.ENOPROTOOPT, ""},
	} {
		m := Message{Addr: &name, Control: []netbsd.Cmsg{w.m}}
		if _, errno := from.Send(call, []byte("x"), &m); errno != w.errno {
			t.Errorf("%s: %v, want %v", w.name, errno, w.errno)
		}
		if w.errno != 0 {
			continue
		}
		var got Message
		if _, errno := to.Recv(call, make([]byte, 9), &got, false); errno != 0 || got.Addr.Addr.Addr().String() != w.from {
			t.Errorf("%s: from %v, %v, want %s", w.name, got.Addr, errno, w.from)
		}
	}
	_, c, _ := connection(t, to.stack)
	if _, errno := c.Send(call, []byte("x"), &Message{Control: []netbsd.Cmsg{source(127, 0, 0, 1)}}); errno != netbsd.EINVAL {
		t.Errorf("tcp_send: %v, want EINVAL", errno)
	}
	from.Setsockopt(ip, netbsd.IP_PKTINFO, []byte{127, 0, 0, 4, 0, 0, 0, 0})
	from.Send(call, []byte("x"), &Message{Addr: &name})
	var got Message
	if _, errno := to.Recv(call, make([]byte, 9), &got, false); errno != 0 || got.Addr.Addr.Addr().String() != "127.0.0.4" {
		t.Errorf("IP_PKTINFO for all messages: from %v, %v", got.Addr, errno)
	}
}

// IPv6's, both ways (ip6_savecontrol, ip6_setpktopts).
func TestControlMessages6(t *testing.T) {
	const ip6 = netbsd.IPPROTO_IPV6
	to, from, name := datagrams(t, netbsd.AF_INET6)
	for _, o := range []int{netbsd.IPV6_RECVPKTINFO, netbsd.IPV6_RECVHOPLIMIT, netbsd.IPV6_RECVTCLASS} {
		to.Setsockopt(ip6, o, on)
	}
	info := append(make([]byte, 15), append([]byte{1}, values(int32(loopbackIndex(t)))...)...)
	want := func(hops, class int32) []netbsd.Cmsg {
		return []netbsd.Cmsg{
			{Level: ip6, Type: netbsd.IPV6_PKTINFO, Data: info},
			{Level: ip6, Type: netbsd.IPV6_HOPLIMIT, Data: values(hops)},
			{Level: ip6, Type: netbsd.IPV6_TCLASS, Data: values(class)},
		}
	}
	same(t, sent(t, to, from, name, want(9, 0xe0)...), want(9, 0xe0))
	from.Setsockopt(ip6, netbsd.IPV6_UNICAST_HOPS, values(77))
	from.Setsockopt(ip6, netbsd.IPV6_TCLASS, values(0x20))
	same(t, sent(t, to, from, name), want(77, 0x20))
	call := file.Call{L: filetest.NewSleeper()}
	for _, w := range []struct {
		m     netbsd.Cmsg
		errno netbsd.Errno
	}{
		{netbsd.Cmsg{Level: ip6, Type: netbsd.IPV6_HOPLIMIT, Data: values(256)}, netbsd.EINVAL},
		{netbsd.Cmsg{Level: ip6, Type: netbsd.IPV6_TCLASS, Data: []byte{1}}, netbsd.EINVAL},
		{netbsd.Cmsg{Level: ip6, Type: netbsd.IPV6_PKTINFO, Data: values(0, 0, 0, 0, 1<<20)}, netbsd.ENXIO},
		{netbsd.Cmsg{Level: ip6, Type: 99, Data: on}, netbsd.ENOPROTOOPT},
		{netbsd.Cmsg{Level: ip6, Type: netbsd.IPV6_USE_MIN_MTU, Data: on}, 0},
	} {
		if _, errno := from.Send(call, []byte("x"), &Message{Addr: &name, Control: []netbsd.Cmsg{w.m}}); errno != w.errno {
			t.Errorf("%x: %v, want %v", w.m, errno, w.errno)
		}
	}
}

// What a guest or the host writes becomes messages of the other, which it can split.
func FuzzControl(f *testing.F) {
	f.Add(netbsd.AppendCmsg(nil, netbsd.Cmsg{Level: netbsd.IPPROTO_IP, Type: netbsd.IP_PKTINFO, Data: make([]byte, 8)}))
	f.Add(netbsd.AppendCmsg(nil, netbsd.Cmsg{Level: netbsd.IPPROTO_IPV6, Type: netbsd.IPV6_HOPLIMIT, Data: values(9)}))
	f.Add(appendHostCmsg(nil, unix.IPPROTO_IP, unix.IP_PKTINFO, make([]byte, 12)))
	f.Add(appendHostCmsg(nil, unix.IPPROTO_IPV6, unix.IPV6_PATHMTU, make([]byte, 32)))
	f.Fuzz(func(t *testing.T, b []byte) {
		msgs, _ := netbsd.ParseCmsgs(b)
		for _, family := range []int{netbsd.AF_INET, netbsd.AF_INET6} {
			oob, errno := (&Socket{family: family, typ: netbsd.SOCK_DGRAM}).hostControl(msgs)
			if errno != 0 || len(oob) == 0 {
				continue
			}
			if l, err := unix.ParseSocketControlMessage(oob); err != nil || len(l) > len(msgs) {
				t.Fatalf("%x became %x: %v", msgs, oob, err)
			}
		}
		var out []byte
		for _, m := range guestControl(^options(0), b) {
			out = netbsd.AppendCmsg(out, m)
		}
		if _, errno := netbsd.ParseCmsgs(out); errno != 0 {
			t.Fatalf("%x became %x: %v", b, out, errno)
		}
	})
}

// MSG_TRUNC is what recvmsg(2) returns, and asks for nothing: the host would return the length of
// the whole datagram for it.
func TestRecvAskedForTrunc(t *testing.T) {
	to, from, name := datagrams(t, netbsd.AF_INET)
	call := file.Call{L: filetest.NewSleeper()}
	from.Send(call, []byte("hello"), &Message{Addr: &name, Flags: netbsd.MSG_TRUNC | netbsd.MSG_WAITFORONE})
	m := Message{Flags: netbsd.MSG_TRUNC}
	if n, errno := to.Recv(call, make([]byte, 2), &m, false); n != 2 || errno != 0 || m.Flags&netbsd.MSG_TRUNC == 0 {
		t.Error(n, errno, m.Flags)
	}
}

// udp_send and unp_send: EISCONN for an address where there is a peer, until that is dissolved; sosend:
// EDESTADDRREQ where there is neither.
func TestSendToPeer(t *testing.T) {
	_, from, name := datagrams(t, netbsd.AF_INET)
	call := file.Call{L: filetest.NewSleeper()}
	send := func(s *Socket, a *netbsd.Sockaddr) netbsd.Errno {
		_, errno := s.Send(call, []byte("x"), &Message{Addr: a})
		return errno
	}
	local, errno := from.stack.NewSocket(netbsd.AF_LOCAL, netbsd.SOCK_DGRAM, 0)
	if errno != 0 {
		t.Fatal(errno)
	}
	defer local.Close()
	for _, s := range []*Socket{from, local} {
		if errno := send(s, nil); errno != netbsd.EDESTADDRREQ {
			t.Errorf("no peer, no address: %v, want EDESTADDRREQ", errno)
		}
	}
	from.Connect(call, &name)
	if errno := send(from, &name); errno != netbsd.EISCONN {
		t.Errorf("a peer and an address: %v, want EISCONN", errno)
	}
	if errno := from.Connect(call, &netbsd.Sockaddr{Family: netbsd.AF_UNSPEC}); errno != netbsd.EAFNOSUPPORT {
		t.Errorf("no address to connect to: %v, want EAFNOSUPPORT", errno)
	}
	if errno := send(from, &name); errno != 0 {
		t.Errorf("soconnect has dissolved the association: %v", errno)
	}
	a, b, _ := from.stack.NewSocketPair(nil, netbsd.AF_LOCAL, netbsd.SOCK_DGRAM, 0)
	defer a.Close()
	defer b.Close()
	if errno := send(a, &netbsd.Sockaddr{Family: netbsd.AF_LOCAL, Path: "/nowhere"}); errno != netbsd.EISCONN {
		t.Errorf("a pair and an address: %v, want EISCONN", errno)
	}
}
