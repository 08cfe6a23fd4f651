package socket

import (
	"net/netip"
	"testing"

	"toaster/internal/file"
	"toaster/internal/filetest"
	"toaster/netbsd"
)

// in_pcbbind_port: SO_REUSEADDR lets nobody have an address that somebody has, SO_REUSEPORT does
// if both have it; a group's address is shared with either. An address that is free again, or of a
// connection, keeps nobody away.
func TestReuse(t *testing.T) {
	m := newStack(t, Config{})
	bound := func(typ int, at *netbsd.Sockaddr, opt int) (*Socket, netbsd.Errno) {
		s, errno := m.NewSocket(netbsd.AF_INET, typ, 0)
		if errno != 0 {
			t.Fatal(errno)
		}
		t.Cleanup(s.Close)
		if opt != 0 {
			s.Setsockopt(netbsd.SOL_SOCKET, opt, on)
		}
		return s, s.Bind(nil, at, "", nil)
	}
	for _, typ := range []int{netbsd.SOCK_DGRAM, netbsd.SOCK_STREAM} {
		for _, w := range []struct {
			name          string
			first, second int
			want          netbsd.Errno
		}{
			{"neither", 0, 0, netbsd.EADDRINUSE},
			{"SO_REUSEADDR", netbsd.SO_REUSEADDR, netbsd.SO_REUSEADDR, netbsd.EADDRINUSE},
			{"SO_REUSEPORT of one", 0, netbsd.SO_REUSEPORT, netbsd.EADDRINUSE},
			{"SO_REUSEPORT of both", netbsd.SO_REUSEPORT, netbsd.SO_REUSEPORT, 0},
		} {
			a, errno := bound(typ, loopback(0), w.first)
			if errno != 0 {
				t.Fatal(errno)
			}
			name, _ := a.Name()
			if _, errno := bound(typ, &name, w.second); errno != w.want {
				t.Errorf("%d, %s: %v, want %v", typ, w.name, errno, w.want)
			}
		}
	}
	group := &netbsd.Sockaddr{Family: netbsd.AF_INET, Addr: netip.MustParseAddrPort("224.0.0.77:0")}
	a, errno := bound(netbsd.SOCK_DGRAM, group, netbsd.SO_REUSEADDR)
	if errno != 0 {
		t.Skip("no groups here: ", errno)
	}
	name, _ := a.Name()
	if _, errno := bound(netbsd.SOCK_DGRAM, &name, netbsd.SO_REUSEADDR); errno != 0 {
		t.Errorf("a group: %v", errno)
	}
}

func TestReuseOfFree(t *testing.T) {
	m := newStack(t, Config{})
	call := file.Call{L: filetest.NewSleeper()}
	a, _ := m.NewSocket(netbsd.AF_INET, netbsd.SOCK_DGRAM, 0)
	b, _ := m.NewSocket(netbsd.AF_INET, netbsd.SOCK_DGRAM, 0)
	defer b.Close()
	for _, s := range []*Socket{a, b} {
		s.Setsockopt(netbsd.SOL_SOCKET, netbsd.SO_REUSEADDR, on)
	}
	a.Bind(nil, loopback(0), "", nil)
	name, _ := a.Name()
	a.Connect(call, loopback(9))
	if errno := b.Bind(nil, &name, "", nil); errno != 0 {
		t.Errorf("in_pcblookup_port passes over connections: %v", errno)
	}
	a.Close()
	c, _ := m.NewSocket(netbsd.AF_INET, netbsd.SOCK_DGRAM, 0)
	defer c.Close()
	c.Setsockopt(netbsd.SOL_SOCKET, netbsd.SO_REUSEADDR, on)
	if errno := c.Bind(nil, &name, "", nil); errno != netbsd.EADDRINUSE {
		t.Errorf("b has it: %v", errno)
	}
	b.Close()
	if errno := c.Bind(nil, &name, "", nil); errno != 0 {
		t.Errorf("nobody has it: %v", errno)
	}
	if len(m.ports.taken) != 1 {
		t.Errorf("%d addresses are taken", len(m.ports.taken))
	}
}

// IP_PORTRANGE_LOW: a port below 1024, of the superuser's (in_pcbsetport).
func TestPortRange(t *testing.T) {
	m := newStack(t, Config{})
	s, _ := m.NewSocket(netbsd.AF_INET, netbsd.SOCK_DGRAM, 0)
	defer s.Close()
	s.Setsockopt(netbsd.IPPROTO_IP, netbsd.IP_PORTRANGE, values(netbsd.IP_PORTRANGE_LOW))
	errno := s.Bind(nil, loopback(0), "", nil)
	if errno == netbsd.EACCES {
		t.Skip("the host has low ports for its superuser alone")
	}
	if a, _ := s.Name(); errno != 0 || a.Addr.Port() < lowPortMin || a.Addr.Port() > lowPortMax {
		t.Errorf("port %d, %v", a.Addr.Port(), errno)
	}
}
