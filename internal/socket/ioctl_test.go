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
	pref := func(addr string) []byte {
		return append([]byte{7, 0, 0, 0, 0, 0, 0, 0}, netbsd.HostAddr(netip.MustParseAddr(addr))...)
	}
	const set, ip = 0x80906910, netbsd.AF_INET // SIOCSIFFLAGS
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
		{ip, netbsd.SIOCGIFADDR, lo.Name, netbsd.HostAddr(netip.MustParseAddr("192.0.2.77")), nil, netbsd.EADDRNOTAVAIL},
		{ip, netbsd.SIOCGIFBRDADDR, lo.Name, nil, nil, netbsd.EINVAL},
		{ip, netbsd.SIOCGIFDSTADDR, lo.Name, nil, nil, netbsd.EINVAL},
		{ip, netbsd.SIOCGIFFLAGS, "none0", nil, nil, netbsd.ENXIO},
		{ip, set, lo.Name, nil, nil, netbsd.EPERM},
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
	if b := m.AddressList(); len(b)%netbsd.SizeofIfreq != 0 || b[netbsd.IFNAMSIZ+1] != netbsd.AF_LINK {
		t.Errorf("SIOCGIFCONF: %x", b)
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
