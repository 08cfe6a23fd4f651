package socket

import (
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"toaster/internal/file"
	"toaster/internal/filetest"
	"toaster/netbsd"
)

// tcpConnection is two sockets of TCP, and the one that listened.
func tcpConnection(t *testing.T, m *Stack) (a, b, ls *Socket) {
	t.Helper()
	l := filetest.NewSleeper()
	ls, errno := m.NewSocket(netbsd.AF_INET, netbsd.SOCK_STREAM, 0)
	if errno != 0 {
		t.Fatal(errno)
	}
	t.Cleanup(ls.Close)
	ls.Bind(l, loopback(0), "", nil)
	ls.Listen(5)
	name, _ := ls.Name()
	a, _ = m.NewSocket(netbsd.AF_INET, netbsd.SOCK_STREAM, 0)
	t.Cleanup(a.Close)
	if errno := a.Connect(file.Call{L: l}, &name); errno != 0 {
		t.Fatal(errno)
	}
	b, _, errno = ls.Accept(file.Call{L: l})
	if errno != 0 {
		t.Fatal(errno)
	}
	t.Cleanup(b.Close)
	return a, b, ls
}

// Connected sockets of TCP are lent, and no others (SECURITY.md, invariant 13).
func TestWhichSocketsAreLent(t *testing.T) {
	m := newStack(t, Config{})
	a, b, ls := tcpConnection(t, m)
	l := filetest.NewSleeper()
	idle, _ := m.NewSocket(netbsd.AF_INET, netbsd.SOCK_STREAM, 0)
	udp, _ := m.NewSocket(netbsd.AF_INET, netbsd.SOCK_DGRAM, 0)
	local, pair, _ := m.NewSocketPair(l, netbsd.AF_LOCAL, netbsd.SOCK_STREAM, 0)
	for _, s := range []*Socket{idle, udp, local, pair} {
		defer s.Close()
	}
	udp.Connect(file.Call{L: l}, loopback(9))
	given, _, _ := tcpConnection(t, m)
	fd, errno := given.Export()
	if errno != 0 {
		t.Fatal(errno)
	}
	defer unix.Close(fd)
	failed, _, _ := tcpConnection(t, m)
	failed.Fail(netbsd.ECONNRESET)
	for name, c := range map[string]struct {
		s    *Socket
		want bool
	}{
		"connected": {a, true}, "accepted": {b, true}, "listening": {ls, false}, "idle": {idle, false}, "udp": {udp, false},
		"local": {local, false}, "a host program's": {given, false}, "with an error to tell": {failed, false},
	} {
		if fd, ok := c.s.LendFD(netbsd.O_RDWR); ok != c.want || ok && fd != c.s.FD() {
			t.Errorf("%s: %d, %v", name, fd, ok)
		}
	}
}

// O_NONBLOCK and the timeouts of a lent socket are the host's, and the kernel does not wait for that.
func TestLentSocketHasTheGuestsFlags(t *testing.T) {
	m := newStack(t, Config{})
	s, _, _ := tcpConnection(t, m)
	timeo := func(d time.Duration) (b [16]byte) {
		netbsd.TimevalOf(d).Encode(b[:])
		return b
	}
	before := timeo(3 * time.Second)
	s.setTimeout(&s.recvTimeo, before[:])
	fd, ok := s.LendFD(netbsd.O_RDWR)
	if !ok {
		t.Fatal("not lent")
	}
	wants := func(what string, nonblock bool, recv, send int64) {
		t.Helper()
		fl, _ := unix.FcntlInt(uintptr(fd), unix.F_GETFL, 0)
		r, _ := unix.GetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO)
		w, _ := unix.GetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_SNDTIMEO)
		if fl&unix.O_NONBLOCK != 0 != nonblock || r.Sec != recv || w.Sec != send {
			t.Errorf("%s: flags %#x, timeouts %d and %d s", what, fl, r.Sec, w.Sec)
		}
	}
	wants("lent", false, 3, 0)
	after := timeo(5 * time.Second)
	s.setTimeout(&s.sendTimeo, after[:])
	s.SetFlags(netbsd.O_RDWR | netbsd.O_NONBLOCK)
	wants("changed", true, 3, 5)
	none := timeo(0)
	s.setTimeout(&s.recvTimeo, none[:])
	s.SetFlags(netbsd.O_RDWR)
	wants("changed back", false, 0, 5)
	if n, errno := s.Read(file.Call{Nonblock: true}, make([]byte, 10)); errno != netbsd.EAGAIN {
		t.Errorf("read: %d, %v", n, errno)
	}
	for {
		if _, errno := s.Write(file.Call{Nonblock: true}, make([]byte, 1<<20)); errno != 0 {
			if errno != netbsd.EAGAIN {
				t.Errorf("write: %v", errno)
			}
			break
		}
	}
	given, errno := s.Export()
	if errno != 0 {
		t.Fatal(errno)
	}
	unix.Close(given)
	wants("for a host program", false, 0, 5)
}
