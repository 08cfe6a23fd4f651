package socket

import (
	"testing"

	"golang.org/x/sys/unix"

	"toaster/netbsd"
)

// Without a network there are no families of the internet (EAFNOSUPPORT of socket(2)),
// whatever the type; local sockets are no network's.
func TestSocketsWithoutNetwork(t *testing.T) {
	m := newStack(t, Config{Maker: func(int, int, int) (int, error) { return -1, unix.EAFNOSUPPORT }})
	for _, c := range []struct {
		name               string
		family, typ, proto int
		want               netbsd.Errno
	}{
		{"IPv4", netbsd.AF_INET, netbsd.SOCK_STREAM, 0, netbsd.EAFNOSUPPORT},
		{"IPv4", netbsd.AF_INET, netbsd.SOCK_DGRAM, 0, netbsd.EAFNOSUPPORT},
		{"IPv4, raw", netbsd.AF_INET, netbsd.SOCK_RAW, 1, netbsd.EAFNOSUPPORT},
		{"IPv6", netbsd.AF_INET6, netbsd.SOCK_STREAM, 0, netbsd.EAFNOSUPPORT},
		{"IPv6, raw", netbsd.AF_INET6, netbsd.SOCK_RAW, 58, netbsd.EAFNOSUPPORT},
		{"routing", netbsd.AF_ROUTE, netbsd.SOCK_RAW, 0, netbsd.EAFNOSUPPORT},
		{"local", netbsd.AF_LOCAL, netbsd.SOCK_STREAM, 0, 0},
		{"local", netbsd.AF_LOCAL, netbsd.SOCK_DGRAM, 0, 0},
	} {
		s, errno := m.NewSocket(c.family, c.typ, c.proto)
		if errno != c.want {
			t.Errorf("%s: %v, want %v", c.name, errno, c.want)
		}
		if errno == 0 {
			s.Close()
		}
	}
	if links, addrs := m.InterfaceTables(); links != nil || addrs != nil {
		t.Errorf("%d and %d bytes of interfaces", len(links), len(addrs))
	}
}

// Each machine asks its own network, for all but local sockets.
func TestSocketsOfTheNetwork(t *testing.T) {
	var asked []int
	m := newStack(t, Config{Maker: func(family, typ, proto int) (int, error) {
		asked = append(asked, family)
		return unix.Socket(family, typ, proto)
	}})
	for _, family := range []int{netbsd.AF_INET, netbsd.AF_LOCAL} {
		s, errno := m.NewSocket(family, netbsd.SOCK_DGRAM, 0)
		if errno != 0 {
			t.Fatal(errno)
		}
		s.Close()
	}
	m.InterfaceTables()
	if len(asked) != 2 || asked[0] != unix.AF_INET || asked[1] != unix.AF_NETLINK {
		t.Errorf("asked for families %v", asked)
	}
}
