package socket

import (
	"encoding/binary"
	"fmt"
	"testing"

	"toaster/netbsd"
)

// values are ints as setsockopt(2) takes them.
func values(v ...int32) (b []byte) {
	for _, v := range v {
		b = binary.LittleEndian.AppendUint32(b, uint32(v))
	}
	return b
}

// An optionCase is an option of a fresh socket: what it is, what becomes of setting it, and what it is then.
type optionCase struct {
	name       string // the function of NetBSD that says so
	level, opt int
	before     any // the value, or the error
	set        []byte
	errno      netbsd.Errno
	after      any // nil: not asked
}

// check asks for the option, with more room than it needs.
func (w *optionCase) check(s *Socket, want any) string {
	if want == nil {
		return ""
	}
	b, errno := s.Getsockopt(w.level, w.opt, maxSockopt)
	switch want := want.(type) {
	case netbsd.Errno:
		if errno != want {
			return fmt.Sprintf("%v, want %v", errno, want)
		}
	case []byte:
		if errno != 0 || string(b) != string(want) {
			return fmt.Sprintf("%x, %v, want %x", b, errno, want)
		}
	}
	return ""
}

func playOptions(t *testing.T, family, typ int, cases []optionCase) {
	m := newStack(t, Config{})
	for _, w := range cases {
		t.Run(fmt.Sprintf("%s/%d", w.name, w.opt), func(t *testing.T) {
			s, errno := m.NewSocket(family, typ, 0)
			if errno != 0 {
				t.Skip("the host has no such sockets for this user: ", errno)
			}
			defer s.Close()
			if wrong := w.check(s, w.before); wrong != "" {
				t.Error("before: ", wrong)
			}
			if w.set != nil {
				if errno := s.Setsockopt(w.level, w.opt, w.set); errno != w.errno {
					t.Errorf("set: %v, want %v", errno, w.errno)
				}
			}
			if wrong := w.check(s, w.after); wrong != "" {
				t.Error("after: ", wrong)
			}
		})
	}
}

var off, on = values(0), values(1)

// switches are cases of options that are on or off: they take an int and no byte (sockopt_getint).
func switches(name string, level int, opts ...int) (list []optionCase) {
	for _, o := range opts {
		list = append(list,
			optionCase{name, level, o, off, values(7), 0, on},
			optionCase{name + ", too short", level, o, off, []byte{1}, netbsd.EINVAL, off})
	}
	return list
}

// The options that all sockets have (sosetopt1, sogetopt1 of uipc_socket.c), of sockets of three families.
func TestSocketOptions(t *testing.T) {
	const sol = netbsd.SOL_SOCKET
	cases := append(switches("sogetopt1", sol, netbsd.SO_DEBUG, netbsd.SO_KEEPALIVE, netbsd.SO_DONTROUTE, netbsd.SO_USELOOPBACK,
		netbsd.SO_BROADCAST, netbsd.SO_REUSEADDR, netbsd.SO_REUSEPORT, netbsd.SO_OOBINLINE, netbsd.SO_TIMESTAMP,
		netbsd.SO_NOSIGPIPE, netbsd.SO_RERROR),
		optionCase{"SO_ACCEPTCONN is no option to set", sol, netbsd.SO_ACCEPTCONN, off, on, netbsd.ENOPROTOOPT, off},
		optionCase{"SO_ERROR", sol, netbsd.SO_ERROR, off, on, netbsd.ENOPROTOOPT, off},
		optionCase{"SO_OVERFLOWED", sol, netbsd.SO_OVERFLOWED, off, on, netbsd.ENOPROTOOPT, off},
		optionCase{"SO_LINGER", sol, netbsd.SO_LINGER, values(0, 0), values(1, 5), 0, values(1, 5)},
		optionCase{"SO_LINGER keeps the time of none", sol, netbsd.SO_LINGER, values(0, 0), values(0, 5), 0, values(0, 5)},
		optionCase{"SO_LINGER: EDOM", sol, netbsd.SO_LINGER, nil, values(1, 65536), netbsd.EDOM, values(0, 0)},
		optionCase{"SO_LINGER: EINVAL", sol, netbsd.SO_LINGER, nil, values(1), netbsd.EINVAL, values(0, 0)},
		optionCase{"SO_SNDBUF is what was set", sol, netbsd.SO_SNDBUF, nil, values(100), 0, values(100)},
		optionCase{"SO_RCVBUF is what was set", sol, netbsd.SO_RCVBUF, nil, values(100_000), 0, values(100_000)},
		optionCase{"SO_RCVBUF: 1 at least", sol, netbsd.SO_RCVBUF, nil, off, netbsd.EINVAL, nil},
		optionCase{"sbreserve: ENOBUFS above sb_max_adj", sol, netbsd.SO_RCVBUF, nil, values(209_716), netbsd.ENOBUFS, nil},
		optionCase{"SO_SNDLOWAT", sol, netbsd.SO_SNDLOWAT, values(2048), values(7), 0, values(7)},
		optionCase{"SO_RCVLOWAT", sol, netbsd.SO_RCVLOWAT, on, values(7), 0, values(7)},
		optionCase{"SO_RCVLOWAT: 1 at least", sol, netbsd.SO_RCVLOWAT, on, off, netbsd.EINVAL, on},
		optionCase{"SO_RCVTIMEO counts in ticks", sol, netbsd.SO_RCVTIMEO, values(0, 0, 0, 0), values(1, 0, 15_000, 0), 0, values(1, 0, 10_000, 0)},
		optionCase{"SO_SNDTIMEO is a tick at least", sol, netbsd.SO_SNDTIMEO, values(0, 0, 0, 0), values(0, 0, 1, 0), 0, values(0, 0, 10_000, 0)},
		optionCase{"SO_SNDTIMEO: EDOM", sol, netbsd.SO_SNDTIMEO, nil, values(0, 0, 1_000_000, 0), netbsd.EDOM, nil},
		optionCase{"SO_SNDTIMEO: more ticks than an int has", sol, netbsd.SO_SNDTIMEO, nil, values(21_474_837, 0, 0, 0), netbsd.EDOM, nil},
		optionCase{"SO_SNDTIMEO: EINVAL", sol, netbsd.SO_SNDTIMEO, nil, values(1), netbsd.EINVAL, nil},
		optionCase{"accept_filt_getopt: none", sol, netbsd.SO_ACCEPTFILTER, netbsd.EINVAL, make([]byte, 256), netbsd.ENOENT, netbsd.EINVAL},
		optionCase{"accept_filt_setopt: EINVAL", sol, netbsd.SO_ACCEPTFILTER, nil, on, netbsd.EINVAL, nil},
		optionCase{"unknown", sol, 0x7777, netbsd.ENOPROTOOPT, on, netbsd.ENOPROTOOPT, nil},
		optionCase{"another protocol's", 99, 1, netbsd.ENOPROTOOPT, on, netbsd.ENOPROTOOPT, nil},
	)
	for _, family := range []int{netbsd.AF_LOCAL, netbsd.AF_INET, netbsd.AF_INET6} {
		for _, typ := range []int{netbsd.SOCK_STREAM, netbsd.SOCK_DGRAM} {
			list := append([]optionCase{{"SO_TYPE", sol, netbsd.SO_TYPE, values(int32(typ)), on, netbsd.ENOPROTOOPT, nil}}, cases...)
			t.Run(fmt.Sprintf("%d/%d", family, typ), func(t *testing.T) { playOptions(t, family, typ, list) })
		}
	}
}

// ip_ctloutput of ip_output.c.
func TestIPOptions(t *testing.T) {
	const ip = netbsd.IPPROTO_IP
	cases := append(switches("ip_ctloutput", ip, netbsd.IP_RECVOPTS, netbsd.IP_RECVRETOPTS, netbsd.IP_RECVDSTADDR,
		netbsd.IP_RECVIF, netbsd.IP_RECVPKTINFO, netbsd.IP_RECVTTL),
		optionCase{"IP_TOS is a byte of an int", ip, netbsd.IP_TOS, off, values(0x1ff), 0, values(0xff)},
		optionCase{"IP_TTL", ip, netbsd.IP_TTL, values(64), values(300), 0, values(44)},
		optionCase{"IP_TTL: EINVAL", ip, netbsd.IP_TTL, nil, []byte{9}, netbsd.EINVAL, values(64)},
		optionCase{"IP_MINTTL", ip, netbsd.IP_MINTTL, off, values(255), 0, values(255)},
		optionCase{"IP_MINTTL: EINVAL", ip, netbsd.IP_MINTTL, off, values(256), netbsd.EINVAL, off},
		optionCase{"IP_OPTIONS: none", ip, netbsd.IP_OPTIONS, []byte{}, []byte{1, 1, 1}, netbsd.EINVAL, []byte{}},
		optionCase{"IP_OPTIONS behind the first hop", ip, netbsd.IP_OPTIONS, nil, []byte{1, 1, 1, 0}, 0, []byte{0, 0, 0, 0, 1, 1, 1, 0}},
		optionCase{"IP_PKTINFO with an int is IP_RECVPKTINFO", ip, netbsd.IP_PKTINFO, off, on, 0, on},
		optionCase{"IP_PKTINFO: EINVAL", ip, netbsd.IP_PKTINFO, off, []byte{1}, netbsd.EINVAL, off},
		optionCase{"IP_PKTINFO with a source", ip, netbsd.IP_PKTINFO, off, append([]byte{127, 0, 0, 1}, off...), 0, off},
		optionCase{"IP_PKTINFO: EADDRNOTAVAIL", ip, netbsd.IP_PKTINFO, off, values(0, 1<<20), netbsd.EADDRNOTAVAIL, off},
		optionCase{"IP_ERRORMTU", ip, netbsd.IP_ERRORMTU, off, on, netbsd.ENOPROTOOPT, off},
		optionCase{"IP_MULTICAST_TTL reads a byte", ip, netbsd.IP_MULTICAST_TTL, []byte{1}, values(200), 0, []byte{200}},
		optionCase{"IP_MULTICAST_TTL takes a byte", ip, netbsd.IP_MULTICAST_TTL, []byte{1}, []byte{7}, 0, []byte{7}},
		optionCase{"IP_MULTICAST_TTL: EINVAL", ip, netbsd.IP_MULTICAST_TTL, []byte{1}, values(256), netbsd.EINVAL, []byte{1}},
		optionCase{"IP_MULTICAST_LOOP", ip, netbsd.IP_MULTICAST_LOOP, []byte{1}, []byte{0}, 0, []byte{0}},
		optionCase{"IP_MULTICAST_LOOP: EINVAL", ip, netbsd.IP_MULTICAST_LOOP, []byte{1}, []byte{2}, netbsd.EINVAL, []byte{1}},
		optionCase{"IP_MULTICAST_IF", ip, netbsd.IP_MULTICAST_IF, off, []byte{127, 0, 0, 1}, 0, []byte{127, 0, 0, 1}},
		optionCase{"IP_MULTICAST_IF by number", ip, netbsd.IP_MULTICAST_IF, off, []byte{0, 0, 0, 1}, 0, []byte{0, 0, 0, 1}},
		optionCase{"IP_MULTICAST_IF: EADDRNOTAVAIL", ip, netbsd.IP_MULTICAST_IF, off, []byte{192, 0, 2, 1}, netbsd.EADDRNOTAVAIL, off},
		optionCase{"IP_ADD_MEMBERSHIP by number", ip, netbsd.IP_ADD_MEMBERSHIP, netbsd.EOPNOTSUPP, []byte{224, 0, 0, 251, 0, 0, 0, 1}, 0, netbsd.EOPNOTSUPP},
		optionCase{"IP_ADD_MEMBERSHIP: no group", ip, netbsd.IP_ADD_MEMBERSHIP, nil, []byte{10, 0, 0, 251, 0, 0, 0, 1}, netbsd.EINVAL, nil},
		optionCase{"IP_ADD_MEMBERSHIP: no interface", ip, netbsd.IP_ADD_MEMBERSHIP, nil, []byte{224, 0, 0, 251, 192, 0, 2, 1}, netbsd.EADDRNOTAVAIL, nil},
		optionCase{"IP_DROP_MEMBERSHIP: none", ip, netbsd.IP_DROP_MEMBERSHIP, netbsd.EOPNOTSUPP, []byte{224, 0, 0, 251, 0, 0, 0, 1}, netbsd.EADDRNOTAVAIL, nil},
		optionCase{"IP_PORTRANGE", ip, netbsd.IP_PORTRANGE, off, values(2), 0, values(2)},
		optionCase{"IP_PORTRANGE: high is the default", ip, netbsd.IP_PORTRANGE, off, on, 0, off},
		optionCase{"IP_PORTRANGE: EINVAL", ip, netbsd.IP_PORTRANGE, off, values(3), netbsd.EINVAL, off},
		optionCase{"IP_PORTALGO", ip, netbsd.IP_PORTALGO, off, on, 0, on},
		optionCase{"IP_PORTALGO: EINVAL", ip, netbsd.IP_PORTALGO, off, values(99), netbsd.EINVAL, off},
		optionCase{"rip_ctloutput: IP_HDRINCL is a raw socket's", ip, netbsd.IP_HDRINCL, netbsd.ENOPROTOOPT, on, netbsd.ENOPROTOOPT, nil},
		optionCase{"SO_NOHEADER", netbsd.SOL_SOCKET, netbsd.SO_NOHEADER, netbsd.ENOPROTOOPT, on, 0, nil},
		optionCase{"IPv6's", netbsd.IPPROTO_IPV6, netbsd.IPV6_V6ONLY, netbsd.ENOPROTOOPT, on, netbsd.ENOPROTOOPT, nil},
		optionCase{"udp_ctloutput", netbsd.IPPROTO_UDP, 1, netbsd.EINVAL, on, netbsd.ENOPROTOOPT, nil},
		optionCase{"TCP's", netbsd.IPPROTO_TCP, netbsd.TCP_NODELAY, netbsd.ENOPROTOOPT, on, netbsd.ENOPROTOOPT, nil},
	)
	playOptions(t, netbsd.AF_INET, netbsd.SOCK_DGRAM, cases)
	t.Run("raw", func(t *testing.T) {
		playOptions(t, netbsd.AF_INET, netbsd.SOCK_RAW, []optionCase{
			{"rip_ctloutput: INP_HDRINCL", ip, netbsd.IP_HDRINCL, off, on, 0, values(8)},
		})
	})
}

// ip6_ctloutput, ip6_setpktopt, ip6_getpcbopt and ip6_setmoptions of ip6_output.c.
func TestIP6Options(t *testing.T) {
	const ip6 = netbsd.IPPROTO_IPV6
	group := append([]byte{0xff, 2, 15: 0xfb}, values(1)...)
	nowhere := append([]byte{0xff, 2, 15: 0xfb}, values(1<<20)...)
	info := append(make([]byte, 16), values(1)...)
	cases := append(switches("ip6_ctloutput", ip6, netbsd.IPV6_RECVPKTINFO, netbsd.IPV6_RECVHOPLIMIT, netbsd.IPV6_RECVTCLASS,
		netbsd.IPV6_RECVRTHDR, netbsd.IPV6_RECVHOPOPTS, netbsd.IPV6_RECVDSTOPTS, netbsd.IPV6_RECVRTHDRDSTOPTS,
		netbsd.IPV6_RECVPATHMTU, netbsd.IPV6_FAITH, netbsd.IPV6_DONTFRAG),
		optionCase{"IPV6_UNICAST_HOPS", ip6, netbsd.IPV6_UNICAST_HOPS, values(-1), values(255), 0, values(255)},
		optionCase{"IPV6_UNICAST_HOPS: EINVAL", ip6, netbsd.IPV6_UNICAST_HOPS, nil, values(256), netbsd.EINVAL, values(-1)},
		optionCase{"IPV6_MULTICAST_HOPS", ip6, netbsd.IPV6_MULTICAST_HOPS, on, values(9), 0, values(9)},
		optionCase{"IPV6_MULTICAST_HOPS: -1 is the default", ip6, netbsd.IPV6_MULTICAST_HOPS, on, values(-1), 0, on},
		optionCase{"IPV6_MULTICAST_LOOP", ip6, netbsd.IPV6_MULTICAST_LOOP, on, off, 0, off},
		optionCase{"IPV6_MULTICAST_LOOP: EINVAL", ip6, netbsd.IPV6_MULTICAST_LOOP, on, values(2), netbsd.EINVAL, on},
		optionCase{"IPV6_MULTICAST_IF", ip6, netbsd.IPV6_MULTICAST_IF, off, on, 0, on},
		optionCase{"IPV6_MULTICAST_IF: ENXIO", ip6, netbsd.IPV6_MULTICAST_IF, off, values(1 << 20), netbsd.ENXIO, off},
		optionCase{"IPV6_JOIN_GROUP", ip6, netbsd.IPV6_JOIN_GROUP, netbsd.EOPNOTSUPP, group, 0, netbsd.EOPNOTSUPP},
		optionCase{"IPV6_JOIN_GROUP: ENXIO", ip6, netbsd.IPV6_JOIN_GROUP, nil, nowhere, netbsd.ENXIO, nil},
		optionCase{"IPV6_LEAVE_GROUP: none", ip6, netbsd.IPV6_LEAVE_GROUP, nil, group, netbsd.EADDRNOTAVAIL, nil},
		optionCase{"IPV6_PORTRANGE", ip6, netbsd.IPV6_PORTRANGE, off, on, 0, on},
		optionCase{"net.inet6.ip6.v6only is on", ip6, netbsd.IPV6_V6ONLY, on, off, 0, off},
		optionCase{"IPV6_TCLASS", ip6, netbsd.IPV6_TCLASS, off, values(0xe0), 0, values(0xe0)},
		optionCase{"IPV6_TCLASS: -1 is 0", ip6, netbsd.IPV6_TCLASS, off, values(-1), 0, off},
		optionCase{"IPV6_TCLASS: EINVAL", ip6, netbsd.IPV6_TCLASS, off, values(256), netbsd.EINVAL, off},
		optionCase{"IPV6_USE_MIN_MTU", ip6, netbsd.IPV6_USE_MIN_MTU, values(-1), on, 0, on},
		optionCase{"IPV6_PREFER_TEMPADDR: EINVAL", ip6, netbsd.IPV6_PREFER_TEMPADDR, values(-1), values(2), netbsd.EINVAL, values(-1)},
		optionCase{"IPV6_PKTINFO", ip6, netbsd.IPV6_PKTINFO, make([]byte, 20), info, 0, info},
		optionCase{"IPV6_PKTINFO: ENXIO", ip6, netbsd.IPV6_PKTINFO, nil, append(make([]byte, 16), values(1<<20)...), netbsd.ENXIO, make([]byte, 20)},
		optionCase{"IPV6_PKTINFO: EINVAL", ip6, netbsd.IPV6_PKTINFO, nil, on, netbsd.EINVAL, nil},
		optionCase{"IPV6_HOPLIMIT is a message's", ip6, netbsd.IPV6_HOPLIMIT, netbsd.ENOPROTOOPT, on, netbsd.ENOPROTOOPT, nil},
		optionCase{"IPV6_PATHMTU: ENOTCONN", ip6, netbsd.IPV6_PATHMTU, netbsd.ENOTCONN, nil, 0, nil},
		optionCase{"rip6_ctloutput: IPV6_CHECKSUM is a raw socket's", ip6, netbsd.IPV6_CHECKSUM, netbsd.ENOPROTOOPT, on, netbsd.ENOPROTOOPT, nil},
		optionCase{"IPv4's multicasts", netbsd.IPPROTO_IP, netbsd.IP_MULTICAST_TTL, []byte{1}, []byte{3}, 0, []byte{3}},
		optionCase{"nothing else of IPv4", netbsd.IPPROTO_IP, netbsd.IP_TTL, netbsd.ENOPROTOOPT, values(3), netbsd.ENOPROTOOPT, nil},
	)
	playOptions(t, netbsd.AF_INET6, netbsd.SOCK_DGRAM, cases)
}

// tcp_ctloutput of tcp_usrreq.c.
func TestTCPOptions(t *testing.T) {
	const tcp = netbsd.IPPROTO_TCP
	for _, family := range []int{netbsd.AF_INET, netbsd.AF_INET6} {
		playOptions(t, family, netbsd.SOCK_STREAM, []optionCase{
			{"TF_NODELAY", tcp, netbsd.TCP_NODELAY, off, on, 0, values(4)},
			{"TCP_MAXSEG is never more", tcp, netbsd.TCP_MAXSEG, nil, values(60_000), netbsd.EINVAL, nil},
			{"TCP_MAXSEG", tcp, netbsd.TCP_MAXSEG, nil, values(50), 0, values(50)},
			{"TCP_KEEPIDLE", tcp, netbsd.TCP_KEEPIDLE, nil, values(100_000), 0, values(100_000)},
			{"TCP_KEEPIDLE: EINVAL", tcp, netbsd.TCP_KEEPIDLE, nil, off, netbsd.EINVAL, nil},
			{"TCP_KEEPINTVL", tcp, netbsd.TCP_KEEPINTVL, nil, values(9), 0, values(9)},
			{"TCP_KEEPCNT", tcp, netbsd.TCP_KEEPCNT, nil, values(1000), 0, values(1000)},
			{"TCP_KEEPINIT", tcp, netbsd.TCP_KEEPINIT, nil, values(30), 0, values(30)},
			{"TCP_CONGCTL is not yet", tcp, netbsd.TCP_CONGCTL, netbsd.ENOPROTOOPT, on, netbsd.ENOPROTOOPT, nil},
			{"without TCP_SIGNATURE", tcp, netbsd.TCP_MD5SIG, netbsd.ENOPROTOOPT, on, netbsd.ENOPROTOOPT, nil},
		})
	}
	playOptions(t, netbsd.AF_INET6, netbsd.SOCK_STREAM, []optionCase{
		{"ip6_setpktopt: TCP takes IPV6_DONTFRAG and ignores it", netbsd.IPPROTO_IPV6, netbsd.IPV6_DONTFRAG, off, on, 0, off},
		{"ip6_ctloutput: TCP takes IPV6_RECVPATHMTU and ignores it", netbsd.IPPROTO_IPV6, netbsd.IPV6_RECVPATHMTU, off, on, 0, off},
		{"ip6_setpktopt: no source for TCP", netbsd.IPPROTO_IPV6, netbsd.IPV6_PKTINFO, nil, append([]byte{15: 1}, off...), netbsd.EINVAL, nil},
	})
	m := newStack(t, Config{})
	s, errno := m.NewSocket(netbsd.AF_INET, netbsd.SOCK_STREAM, 0)
	if errno != 0 {
		t.Fatal(errno)
	}
	defer s.Close()
	s.Bind(nil, loopback(0), "", nil)
	s.Listen(1)
	if b, errno := s.Getsockopt(tcp, netbsd.TCP_INFO, 999); errno != 0 || len(b) != 240 || b[0] != 1 {
		t.Errorf("TCP_INFO: %d bytes, %v; TCPS_LISTEN is 1", len(b), errno)
	}
}

// uipc_ctloutput of uipc_usrreq.c.
func TestLocalOptions(t *testing.T) {
	playOptions(t, netbsd.AF_LOCAL, netbsd.SOCK_STREAM, append(switches("uipc_ctloutput", 0, netbsd.LOCAL_CREDS, netbsd.LOCAL_OCREDS),
		optionCase{"LOCAL_CONNWAIT cannot be read", 0, netbsd.LOCAL_CONNWAIT, netbsd.ENOPROTOOPT, on, 0, netbsd.ENOPROTOOPT},
		optionCase{"LOCAL_PEEREID of nobody", 0, netbsd.LOCAL_PEEREID, netbsd.EINVAL, on, netbsd.ENOPROTOOPT, netbsd.EINVAL},
	))
}

// A value is cut to the room there is (sys_getsockopt), and a connection has what the socket that
// listens has (sonewconn).
func TestOptionsRoomAndHeirs(t *testing.T) {
	m := newStack(t, Config{})
	l, c, s := connection(t, m)
	if b, errno := l.Getsockopt(netbsd.SOL_SOCKET, netbsd.SO_LINGER, 5); errno != 0 || len(b) != 5 {
		t.Errorf("%x, %v", b, errno)
	}
	if b, errno := s.Getsockopt(netbsd.SOL_SOCKET, netbsd.SO_KEEPALIVE, 4); errno != 0 || b[0] != 1 {
		t.Errorf("%x, %v", b, errno)
	}
	if b, errno := c.Getsockopt(netbsd.SOL_SOCKET, netbsd.SO_KEEPALIVE, 4); errno != 0 || b[0] != 0 {
		t.Errorf("%x, %v", b, errno)
	}
	if b, errno := s.Getsockopt2(netbsd.IPPROTO_IP, netbsd.IP_PKTINFO, 4); errno != netbsd.EINVAL && (errno != 0 || len(b) != 4) {
		t.Errorf("%x, %v", b, errno)
	}
	if b, errno := s.Getsockopt2(netbsd.IPPROTO_IP, netbsd.IP_PKTINFO, 8); errno != 0 || len(b) != 8 {
		t.Errorf("IP_PKTINFO with room for a struct in_pktinfo: %x, %v", b, errno)
	}
}
