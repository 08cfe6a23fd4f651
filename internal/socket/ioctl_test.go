package socket

import (
	"encoding/binary"
	"net/netip"
	"testing"

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
	if a := broadcast(netip.MustParsePrefix("192.0.2.5/24")); a.String() != "192.0.2.255" {
		t.Errorf("broadcast %v", a)
	}
	if b := m.AddressList(); len(b)%netbsd.SizeofIfreq != 0 || b[netbsd.IFNAMSIZ+1] != netbsd.AF_LINK {
		t.Errorf("SIOCGIFCONF: %x", b)
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
