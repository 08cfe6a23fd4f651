package netns

import (
	"errors"
	"net/netip"
	"os"
	"strconv"
	"testing"

	"golang.org/x/sys/unix"
)

// newTestNetwork makes a network, or skips the test on a host that grants none.
func newTestNetwork(t *testing.T) *Network {
	t.Helper()
	n, err := New()
	if errors.Is(err, unix.EPERM) || errors.Is(err, unix.ENOSPC) || errors.Is(err, unix.EINVAL) {
		t.Skip("this host grants no network namespace:", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(n.Close)
	return n
}

// Sockets of a network reach each other and nothing else; the host's loopback is another.
func TestNetworkIsAlone(t *testing.T) {
	n := newTestNetwork(t)
	l, err := n.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(l)
	local := netip.MustParseAddr("127.0.0.1").As4()
	if err := errors.Join(unix.Bind(l, &unix.SockaddrInet4{Addr: local}), unix.Listen(l, 1)); err != nil {
		t.Fatal(err)
	}
	name, err := unix.Getsockname(l)
	if err != nil {
		t.Fatal(err)
	}
	inside, err := n.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(inside)
	if err := unix.Connect(inside, name); err != nil {
		t.Errorf("inside: %v", err)
	}
	host, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(host)
	if err := unix.Bind(host, name); err != nil {
		t.Errorf("the host's same port: %v", err)
	}
	away, _ := n.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	defer unix.Close(away)
	if err := unix.Connect(away, &unix.SockaddrInet4{Addr: [4]byte{192, 0, 2, 1}, Port: 9}); err != unix.ENETUNREACH {
		t.Errorf("away: %v, want ENETUNREACH", err)
	}
}

// An error of socket(2) is handed on, and the network goes on.
func TestNetworkRefuses(t *testing.T) {
	n := newTestNetwork(t)
	if _, err := n.Socket(12345, unix.SOCK_STREAM, 0); err != unix.EAFNOSUPPORT {
		t.Errorf("%v, want EAFNOSUPPORT", err)
	}
	fd, err := n.Socket(unix.AF_INET6, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err == unix.EAFNOSUPPORT {
		t.Skip("no IPv6 here")
	}
	if err != nil {
		t.Fatal(err)
	}
	unix.Close(fd)
}

// Nothing is left of a network, whether its keeper lives to the end or not.
func TestNetworkLeavesNothing(t *testing.T) {
	newTestNetwork(t)
	fds := countFDs(t)
	for _, killed := range []bool{false, true} {
		n, err := New()
		if err != nil {
			t.Fatal(err)
		}
		if killed {
			unix.Kill(n.pid, unix.SIGKILL)
			for err = nil; err == nil; {
				var fd int
				if fd, err = n.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0); err == nil {
					unix.Close(fd)
				}
			}
			if err != unix.ENETDOWN {
				t.Errorf("%v, want ENETDOWN", err)
			}
		}
		n.Close()
		if _, err := n.Socket(unix.AF_INET, unix.SOCK_DGRAM, 0); err != unix.ENETDOWN {
			t.Errorf("%v, want ENETDOWN", err)
		}
		if err := unix.Kill(n.pid, 0); err != unix.ESRCH {
			t.Errorf("the keeper: %v", err)
		}
	}
	if n := countFDs(t); n != fds {
		t.Errorf("%d descriptors, were %d", n, fds)
	}
}

// The keeper has no descriptor but the way to toaster.
func TestKeeperHoldsNothing(t *testing.T) {
	n := newTestNetwork(t)
	fd, err := n.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0) // it has begun
	if err != nil {
		t.Fatal(err)
	}
	unix.Close(fd)
	if _, err := os.ReadDir("/proc/" + strconv.Itoa(n.pid) + "/fd"); err != nil {
		t.Skip(err) // of another user namespace, with Yama or without ptrace rights
	}
	// What it has made it closes before it reads the next request.
	if _, err := n.Socket(12345, unix.SOCK_STREAM, 0); err != unix.EAFNOSUPPORT {
		t.Errorf("%v, want EAFNOSUPPORT", err)
	}
	if list, err := os.ReadDir("/proc/" + strconv.Itoa(n.pid) + "/fd"); err != nil || len(list) != 1 {
		t.Errorf("%d descriptors: %v", len(list), err)
	}
}

func countFDs(t testing.TB) int {
	t.Helper()
	list, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(list)
}
