package socket

import (
	"encoding/binary"
	"net/netip"
	"testing"

	"golang.org/x/sys/unix"

	"toaster/internal/file"
	"toaster/netbsd"
)

// loopbackNamed is the interface of loopback addresses.
func loopbackNamed(t *testing.T, m *Stack) Interface {
	t.Helper()
	for _, i := range m.Interfaces() {
		if i.has(netbsd.IFF_LOOPBACK) {
			return i
		}
	}
	t.Skip("no loopback interface")
	return Interface{}
}

// netintro(4): what ifconfig(8) asks of an interface; ENXIO for one that there is not (ifioctl),
// EPERM for a change, EADDRNOTAVAIL and EINVAL for an address that it has not (in_control).
func TestInterfaceIoctls(t *testing.T) {
	m := newStack(t, Config{})
	lo := loopbackNamed(t, m)
	ask := func(family int, cmd uint32, name string, addr []byte) ([]byte, netbsd.Errno) {
		s, errno := m.NewSocket(family, netbsd.SOCK_DGRAM, 0)
		if errno != 0 {
			t.Skip(errno)
		}
		defer s.Close()
		b := make([]byte, cmd>>16&0x1fff)
		copy(b, name)
		copy(b[netbsd.IFNAMSIZ:], addr)
		errno = s.Ioctl(file.Call{}, cmd, b)
		return b[netbsd.IFNAMSIZ:], errno
	}
	const ip, ip6, local = netbsd.AF_INET, netbsd.AF_INET6, netbsd.AF_LOCAL
	home, strange := netbsd.HostAddr(netip.MustParseAddr("127.0.0.1")), netbsd.HostAddr(netip.MustParseAddr("192.0.2.77"))
	home6 := netbsd.HostAddr(netip.IPv6Loopback())
	pref := func(addr string) []byte {
		return append([]byte{7, 0, 0, 0, 0, 0, 0, 0}, netbsd.HostAddr(netip.MustParseAddr(addr))...)
	}
	for _, w := range []struct {
		family int
		cmd    uint32
		name   string
		addr   []byte
		want   []byte
		errno  netbsd.Errno
	}{
		{ip, netbsd.SIOCGIFINDEX, lo.Name, nil, values(int32(lo.Index)), 0},
		{ip, netbsd.SIOCGIFMTU, lo.Name, nil, values(int32(lo.MTU)), 0},
		{ip, netbsd.SIOCGIFMETRIC, lo.Name, nil, values(0), 0},
		{ip, netbsd.SIOCGIFDLT, lo.Name, nil, values(0), 0},
		{netbsd.AF_LOCAL, netbsd.SIOCGIFDATA, lo.Name, nil, []byte{netbsd.IFT_LOOP, 0}, 0},
		{ip, netbsd.SIOCGIFADDR, lo.Name, nil, netbsd.HostAddr(netip.MustParseAddr("127.0.0.1")), 0},
		{ip, netbsd.SIOCGIFNETMASK, lo.Name, nil, []byte{16, netbsd.AF_INET, 0, 0, 255, 0, 0, 0}, 0},
		{ip, netbsd.SIOCGIFADDR, lo.Name, strange, home, 0},
		{ip, netbsd.SIOCGIFALIAS, lo.Name, strange, nil, netbsd.EADDRNOTAVAIL},
		{ip, netbsd.SIOCGIFBRDADDR, lo.Name, nil, nil, netbsd.EINVAL},
		{ip, netbsd.SIOCGIFDSTADDR, lo.Name, nil, nil, netbsd.EINVAL},
		{ip, netbsd.SIOCGIFFLAGS, "none0", nil, nil, netbsd.ENXIO},
		{ip, netbsd.SIOCSIFFLAGS, lo.Name, nil, nil, netbsd.EPERM},
		{ip, netbsd.SIOCSIFFLAGS, "none0", nil, nil, netbsd.ENXIO},
		{ip, netbsd.SIOCIFCREATE, "none0", nil, nil, netbsd.EPERM},
		{ip, netbsd.SIOCIFGCLONERS, "", nil, nil, 0},
		{ip, 0x40906911, lo.Name, nil, nil, netbsd.EINVAL}, // no argument
		{local, netbsd.SIOCSIFMTU, lo.Name, nil, nil, netbsd.EPERM},
		{local, netbsd.SIOCSIFADDR, lo.Name, home, nil, netbsd.EOPNOTSUPP},
		{ip, netbsd.SIOCSIFADDR, lo.Name, home, nil, netbsd.EPERM},
		{ip, netbsd.SIOCSIFADDR, lo.Name, home6, nil, netbsd.EAFNOSUPPORT},
		{ip, netbsd.SIOCAIFADDR, lo.Name, strange, nil, netbsd.EPERM},
		{ip, netbsd.SIOCDIFADDR, lo.Name, strange, nil, netbsd.EADDRNOTAVAIL},
		{ip, netbsd.SIOCDIFADDR, lo.Name, home, nil, netbsd.EPERM},
		{ip, netbsd.SIOCSIFNETMASK, lo.Name, nil, nil, netbsd.EPERM},
		{ip, netbsd.SIOCSIFDSTADDR, lo.Name, nil, nil, netbsd.EAFNOSUPPORT},
		{ip, netbsd.SIOCSIFBRDADDR, lo.Name, nil, nil, netbsd.EPERM},
		{ip, netbsd.SIOCGIFDESCR, lo.Name, nil, nil, netbsd.ENOMSG},
		{local, netbsd.OSIOCGIFDATA, lo.Name, nil, []byte{netbsd.IFT_LOOP, 0}, 0},
		{local, netbsd.OSIOCZIFDATA, lo.Name, nil, nil, netbsd.EPERM},
		{ip, netbsd.SIOCGETHERCAP, lo.Name, nil, nil, netbsd.ENOTTY},
		{ip, netbsd.SIOCGNBRINFO, lo.Name, nil, nil, netbsd.EINVAL},
		{ip, netbsd.SIOCGIFALIAS, lo.Name, nil, home, 0},
		{ip, netbsd.SIOCGIFALIAS, lo.Name, home6, nil, netbsd.EAFNOSUPPORT},
		{ip, netbsd.SIOCGLIFADDR, lo.Name, nil, append(values(0, 8), home...), 0},
		{ip, netbsd.SIOCGLIFADDR, lo.Name, append(values(0x8000, 8), home...), nil, netbsd.EINVAL},
		{ip, netbsd.SIOCGIFADDRPREF, lo.Name, append(values(7, 0), home...), values(0, 0), 0},
		{ip, netbsd.SIOCGIFADDRPREF, lo.Name, append(values(7, 0), strange...), nil, netbsd.EADDRNOTAVAIL},
		{ip6, netbsd.SIOCSIFADDR, lo.Name, home, nil, netbsd.EOPNOTSUPP},
		{ip6, netbsd.SIOCSIFADDR_IN6, lo.Name, home6, nil, netbsd.EINVAL},
		{ip6, netbsd.SIOCAIFADDR_IN6, lo.Name, nil, nil, netbsd.EPERM},
		{ip6, netbsd.SIOCGIFINFO_IN6, lo.Name, nil, values(64, 30000, 1000, 0x21), 0},
		// As they were before NetBSD 5, and in 4.3BSD.
		{ip, 0xc0206921, lo.Name, nil, home, 0},                             // SIOCGIFADDR
		{ip, 0xc020690d, lo.Name, nil, []byte{2, 0, 0, 0, 127, 0, 0, 1}, 0}, // OOSIOCGIFADDR
		{ip, 0xc020697e, lo.Name, nil, values(int32(lo.MTU)), 0},            // OSIOCGIFMTU
		{ip, 0x8020690c, lo.Name, []byte{2, 0, 0, 0, 127, 0, 0, 1}, nil, netbsd.EPERM},
		{ip, 0x80206910, lo.Name, nil, nil, netbsd.EPERM},
		{ip, netbsd.SIOCGIFADDRPREF, lo.Name, pref("127.0.0.1"), append(make([]byte, 8), netbsd.HostAddr(netip.MustParseAddr("127.0.0.1"))...), 0},
		{ip, netbsd.SIOCGIFADDRPREF, lo.Name, pref("192.0.2.77"), nil, netbsd.EADDRNOTAVAIL},
		{ip, netbsd.SIOCGIFADDRPREF, lo.Name, pref("::1"), nil, netbsd.EINVAL},
		{ip, 0xc0306936, lo.Name, nil, nil, netbsd.ENOTTY}, // SIOCGIFMEDIA
		{netbsd.AF_LOCAL, netbsd.SIOCGIFADDR, lo.Name, nil, nil, netbsd.EOPNOTSUPP},
		{netbsd.AF_INET6, netbsd.SIOCGIFAFLAG_IN6, lo.Name, netbsd.HostAddr(netip.IPv6Loopback()), values(0), 0},
		{netbsd.AF_INET6, netbsd.SIOCGIFADDR_IN6, lo.Name, nil, netbsd.HostAddr(netip.IPv6Loopback()), 0},
	} {
		b, errno := ask(w.family, w.cmd, w.name, w.addr)
		if errno == netbsd.EADDRNOTAVAIL && w.family == netbsd.AF_INET6 {
			continue // no IPv6 here
		}
		if errno != w.errno || string(b[:len(w.want)]) != string(w.want) {
			t.Errorf("%#x: %x, %v, want %x, %v", w.cmd, b[:len(w.want)], errno, w.want, w.errno)
		}
	}
	flags, _ := ask(ip, netbsd.SIOCGIFFLAGS, lo.Name, nil)
	if f := binary.LittleEndian.Uint16(flags); f&netbsd.IFF_LOOPBACK == 0 {
		t.Errorf("flags %#x", f)
	}
	if a := scoped(netip.MustParseAddr("fe80::9"), 3); a.String() != "fe80:3::9" || scoped(a, 0).String() != "fe80::9" || scoped(netip.IPv6Loopback(), 3) != netip.IPv6Loopback() {
		t.Errorf("in6_setscope: %v", a)
	}
	if a := broadcast(netip.MustParsePrefix("192.0.2.5/24")); a.String() != "192.0.2.255" {
		t.Errorf("broadcast %v", a)
	}
	const family = netbsd.IFNAMSIZ + 1
	if list := m.AddressList(); len(list[0]) != netbsd.SizeofIfreq || list[0][family] != netbsd.AF_LINK {
		t.Errorf("SIOCGIFCONF: %x", list)
	}
	if list := m.OldAddressList(false); len(list[0]) < 32 || list[0][family] != netbsd.AF_LINK {
		t.Errorf("OSIOCGIFCONF: %x", list)
	}
	for _, b := range m.OldAddressList(true) {
		if len(b) != 32 || b[family] != 0 {
			t.Errorf("OOSIOCGIFCONF: %x", b)
		}
	}
}

// TestLinkSockets: link_attach, link_bind and their like, and SIOCGLIFADDR as link_control has it.
func TestLinkSockets(t *testing.T) {
	m := newStack(t, Config{})
	for _, c := range []struct {
		typ, proto int
		want       netbsd.Errno
	}{{netbsd.SOCK_RAW, 0, netbsd.EPROTOTYPE}, {netbsd.SOCK_DGRAM, 1, netbsd.EPROTONOSUPPORT}} {
		if _, errno := m.NewSocket(netbsd.AF_LINK, c.typ, c.proto); errno != c.want {
			t.Errorf("type %d, protocol %d: %v, want %v", c.typ, c.proto, errno, c.want)
		}
	}
	s, errno := m.NewSocket(netbsd.AF_LINK, netbsd.SOCK_DGRAM, 0)
	if errno != 0 {
		t.Fatal(errno)
	}
	defer s.Close()
	var a netbsd.Sockaddr
	_, nameless := s.Name()
	_, unsent := s.Send(file.Call{Nonblock: true}, []byte("x"), &Message{})
	for what, errno := range map[string]netbsd.Errno{"bind": s.Bind(nil, &a, "", nil), "connect": s.Connect(file.Call{}, &a), "listen": s.Listen(1),
		"shutdown": s.Shutdown(netbsd.SHUT_RDWR), "getsockname": nameless, "send": unsent} {
		if errno != netbsd.EOPNOTSUPP {
			t.Errorf("%s: %v", what, errno)
		}
	}
	ether := Interface{Index: 3, Name: "vioif0", Hardware: []byte{2, 0, 0, 0, 0, 9}}
	lo := Interface{Index: 1, Name: "lo0", Flags: unix.IFF_LOOPBACK}
	dl := func(i Interface) []byte { info := i.Info(); return netbsd.LinkAddr(&info) }
	other := ether
	other.Hardware = []byte{2, 0, 0, 0, 0, 8}
	for _, c := range []struct {
		what        string
		of          *Interface
		flags, bits uint32
		addr        []byte
		want        uint32
		errno       netbsd.Errno
	}{
		{"its own", &ether, netbsd.IFLR_PREFIX, 48, dl(ether), netbsd.IFLR_ACTIVE | netbsd.IFLR_FACTORY, 0},
		{"any", &ether, 0, 0, dl(other), netbsd.IFLR_ACTIVE | netbsd.IFLR_FACTORY, 0},
		{"another", &ether, netbsd.IFLR_PREFIX, 48, dl(other), 0, netbsd.EADDRNOTAVAIL},
		{"another length", &ether, netbsd.IFLR_PREFIX, 8, dl(ether), 0, netbsd.EINVAL},
		{"a loopback interface's", &lo, netbsd.IFLR_PREFIX, 0, dl(lo), netbsd.IFLR_ACTIVE, 0},
		{"the other's", &lo, netbsd.IFLR_PREFIX, 48, dl(ether), 0, netbsd.EINVAL},
		{"another family", &ether, 0, 0, netbsd.HostAddr(netip.IPv6Loopback()), 0, netbsd.EINVAL},
		{"a name beyond the end", &ether, 0, 0, []byte{20, netbsd.AF_LINK, 0, 0, 6, 255, 6, 0}, 0, netbsd.EINVAL},
	} {
		b := make([]byte, 264)
		binary.LittleEndian.PutUint32(b, c.flags)
		binary.LittleEndian.PutUint32(b[4:], c.bits)
		copy(b[8:], c.addr)
		if errno := c.of.answerLink(netbsd.SIOCGLIFADDR, b); errno != c.errno || errno == 0 && binary.LittleEndian.Uint32(b) != c.want {
			t.Errorf("%s: %v, %#x, want %v, %#x", c.what, errno, binary.LittleEndian.Uint32(b), c.errno, c.want)
		}
	}
}

// TestIoctlsOfTerminals: what soo_ioctl leaves to the protocol is ENOTTY from in_control, EOPNOTSUPP from in6_control1 and unp_ioctl. What
// is in the send queue (FIONWRITE) is what a peer has not acknowledged.
func TestIoctlsOfTerminals(t *testing.T) {
	m := newStack(t, Config{})
	for _, c := range []struct {
		family, typ int
		want        netbsd.Errno
	}{
		{netbsd.AF_INET, netbsd.SOCK_DGRAM, netbsd.ENOTTY},
		{netbsd.AF_INET, netbsd.SOCK_STREAM, netbsd.ENOTTY},
		{netbsd.AF_INET6, netbsd.SOCK_STREAM, netbsd.EOPNOTSUPP},
		{netbsd.AF_LOCAL, netbsd.SOCK_STREAM, netbsd.EOPNOTSUPP},
	} {
		s, errno := m.NewSocket(c.family, c.typ, 0)
		if errno != 0 {
			t.Logf("%d: %v", c.family, errno)
			continue
		}
		if errno := s.Ioctl(file.Call{}, netbsd.TIOCGETA, make([]byte, netbsd.SizeofTermios)); errno != c.want {
			t.Errorf("%d, %d: %v, want %v", c.family, c.typ, errno, c.want)
		}
		if errno := s.Ioctl(file.Call{}, netbsd.FIOGETOWN, make([]byte, 4)); errno != netbsd.EPASSTHROUGH {
			t.Errorf("%d, %d: FIOGETOWN is %v", c.family, c.typ, errno)
		}
		b := []byte{1, 1, 1, 1}
		if errno := s.Ioctl(file.Call{}, netbsd.FIONWRITE, b); errno != 0 || binary.LittleEndian.Uint32(b) != 0 {
			t.Errorf("%d, %d: FIONWRITE is %v, %v", c.family, c.typ, b, errno)
		}
		s.Close()
	}
}
