package machine

import (
	"errors"
	"strings"
	"syscall"
	"testing"
)

// Where the host grants no network namespace, who asks for one is refused, with what to
// do; who would do without has no families of the internet.
func TestNetworkNotGranted(t *testing.T) {
	for _, c := range []struct {
		name    string
		which   Network
		refused bool
	}{
		{"loopback", NetworkLoopback, true},
		{"loopback or none", NetworkLoopbackOrNone, false},
		{"none", NetworkNone, false},
	} {
		var n network
		n.once.Do(func() { n.err = syscall.EPERM })
		sockets, err := n.sockets(c.which)
		if c.refused {
			if !errors.Is(err, syscall.EPERM) || !strings.Contains(err.Error(), `choose the network "none" or "host"`) {
				t.Errorf("%s: %v", c.name, err)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
		if _, err := sockets(syscall.AF_INET, syscall.SOCK_STREAM, 0); err != syscall.EAFNOSUPPORT {
			t.Errorf("%s: %v, want EAFNOSUPPORT", c.name, err)
		}
		n.close()
	}
}

// A machine's network is made for its first socket, and none after its end.
func TestNetworkBegins(t *testing.T) {
	var n network
	sockets, err := n.sockets(NetworkLoopbackOrNone)
	if err != nil || n.net != nil {
		t.Errorf("%v, and a network before there is a socket: %v", err, n.net != nil)
	}
	n.close()
	if _, err := sockets(syscall.AF_INET, syscall.SOCK_STREAM, 0); err != syscall.EAFNOSUPPORT {
		t.Errorf("%v, want EAFNOSUPPORT", err)
	}
	if sockets, err := n.sockets(NetworkHost); sockets != nil || err != nil {
		t.Error("the host's network is not the host's own sockets")
	}
}
