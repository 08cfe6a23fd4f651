package socket

import (
	"net/netip"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"toaster/internal/file"
	"toaster/internal/filetest"
	"toaster/netbsd"
)

func loopback(port uint16) *netbsd.Sockaddr {
	return &netbsd.Sockaddr{Family: netbsd.AF_INET, Addr: netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), port)}
}

func TestTCP(t *testing.T) {
	m := newStack(t, Config{})
	before := file.LiveDescriptions()
	ls, errno := m.NewSocket(netbsd.AF_INET, netbsd.SOCK_STREAM, 0)
	if errno != 0 {
		t.Fatal(errno)
	}
	defer ls.Close()
	if ev := ls.Poll(file.In | file.Out); ev != 0 {
		t.Errorf("an idle socket: %x", ev)
	}
	if errno := ls.Bind(nil, loopback(0), "", nil); errno != 0 {
		t.Fatal(errno)
	}
	ls.Listen(5)
	name, _ := ls.Name()
	l := filetest.NewSleeper()
	l.Asleep = make(chan struct{}, 10)
	type accepted struct {
		s     *Socket
		from  netbsd.Sockaddr
		errno netbsd.Errno
	}
	got := make(chan accepted)
	go func() {
		s, from, errno := ls.Accept(file.Call{L: l})
		got <- accepted{s, from, errno}
	}()
	<-l.Asleep
	cs, _ := m.NewSocket(netbsd.AF_INET, netbsd.SOCK_STREAM, 0)
	defer cs.Close()
	if errno := cs.Connect(file.Call{L: filetest.NewSleeper()}, &name); errno != 0 {
		t.Fatal(errno)
	}
	a := <-got
	if a.errno != 0 {
		t.Fatal(a.errno)
	}
	defer a.s.Close()
	if mine, _ := cs.Name(); mine.Addr != a.from.Addr {
		t.Errorf("%v and %v", mine.Addr, a.from.Addr)
	}
	big := make([]byte, 1<<20)
	go func() {
		if n, errno := cs.Send(file.Call{L: filetest.NewSleeper()}, big, &Message{}); n != len(big) || errno != 0 {
			t.Error(n, errno)
		}
		cs.Shutdown(netbsd.SHUT_WR)
	}()
	buf := make([]byte, len(big)+1)
	n, errno := a.s.Recv(file.Call{L: filetest.NewSleeper()}, buf, &Message{Flags: netbsd.MSG_WAITALL}, false)
	if n != len(big) || errno != 0 {
		t.Error(n, errno)
	}
	if errno := a.s.Setsockopt(6, netbsd.TCP_NODELAY, []byte{1, 0, 0, 0}); errno != 0 {
		t.Error(errno)
	}
	if errno := a.s.Setsockopt(6, 999, []byte{1, 0, 0, 0}); errno != netbsd.ENOPROTOOPT {
		t.Error(errno)
	}
	refused, _ := m.NewSocket(netbsd.AF_INET, netbsd.SOCK_STREAM, 0)
	defer refused.Close()
	if errno := refused.Connect(file.Call{L: filetest.NewSleeper()}, loopback(1)); errno != netbsd.ECONNREFUSED {
		t.Error(errno)
	}
	if n := file.LiveDescriptions() - before; n != 0 {
		t.Errorf("%d descriptions", n)
	}
}

// SIOCATMARK is true when all that was sent before the urgent byte has been read
// (sockatmark(3)).
func TestAtMark(t *testing.T) {
	m := newStack(t, Config{})
	ls, errno := m.NewSocket(netbsd.AF_INET, netbsd.SOCK_STREAM, 0)
	if errno != 0 {
		t.Fatal(errno)
	}
	defer ls.Close()
	ls.Bind(nil, loopback(0), "", nil)
	ls.Listen(5)
	name, _ := ls.Name()
	call := file.Call{L: filetest.NewSleeper()}
	cs, _ := m.NewSocket(netbsd.AF_INET, netbsd.SOCK_STREAM, 0)
	defer cs.Close()
	cs.Connect(call, &name)
	s, _, errno := ls.Accept(call)
	if errno != 0 {
		t.Fatal(errno)
	}
	defer s.Close()
	atMark := func() byte {
		b := []byte{9, 9, 9, 9}
		if errno := s.Ioctl(call, netbsd.SIOCATMARK, b); errno != 0 {
			t.Fatal(errno)
		}
		return b[0]
	}
	cs.Send(call, []byte("ab"), &Message{})
	cs.Send(call, []byte("!"), &Message{Flags: netbsd.MSG_OOB})
	for s.Poll(file.Pri) == 0 { // until it is here
		runtime.Gosched()
	}
	if at := atMark(); at != 0 {
		t.Errorf("before the first byte: %d", at)
	}
	if n, errno := s.Recv(call, make([]byte, 9), &Message{}, false); n != 2 || errno != 0 {
		t.Fatal(n, errno)
	}
	if at := atMark(); at != 1 {
		t.Errorf("before the urgent byte: %d", at)
	}
}

func TestLocal(t *testing.T) {
	machine := newStack(t, Config{})
	path := filepath.Join(t.TempDir(), "s")
	a, _ := machine.NewSocket(netbsd.AF_LOCAL, netbsd.SOCK_DGRAM, 0)
	defer a.Close()
	addr := &netbsd.Sockaddr{Family: netbsd.AF_LOCAL, Path: path}
	if errno := a.Bind(nil, addr, "as/the/guest/said", nil); errno != 0 {
		t.Fatal(errno)
	}
	if n, _ := a.Name(); n.Path != "as/the/guest/said" {
		t.Errorf("%+v", n)
	}
	for _, bad := range []string{"", "\x00abstract", "@abstract"} {
		if errno := a.Connect(file.Call{}, &netbsd.Sockaddr{Family: netbsd.AF_LOCAL, Path: bad}); errno != netbsd.EINVAL {
			t.Errorf("%q: %v", bad, errno)
		}
	}
	b, _ := machine.NewSocket(netbsd.AF_LOCAL, netbsd.SOCK_DGRAM, 0)
	defer b.Close()
	if n, errno := b.Send(file.Call{L: filetest.NewSleeper()}, []byte("hello"), &Message{Addr: addr}); n != 5 || errno != 0 {
		t.Error(n, errno)
	}
	buf := make([]byte, 3)
	var m Message
	if n, errno := a.Recv(file.Call{L: filetest.NewSleeper()}, buf, &m, false); n != 3 || errno != 0 || m.Flags&netbsd.MSG_TRUNC == 0 {
		t.Error(n, errno, m.Flags)
	}
	if errno := a.Setsockopt(netbsd.SOL_SOCKET, netbsd.SO_RCVTIMEO, []byte{0, 0, 0, 0, 0, 0, 0, 0, 0xe8, 3, 0, 0, 0, 0, 0, 0}); errno != 0 {
		t.Error(errno)
	}
	if _, errno := a.Recv(file.Call{L: filetest.NewSleeper()}, buf, &m, false); errno != netbsd.EAGAIN {
		t.Error(errno)
	}
}

// A program of the host that has a socket may have it block; accept(2) is ended by a
// signal all the same.
func TestAcceptOfLentSocket(t *testing.T) {
	m := newStack(t, Config{})
	ls, errno := m.NewSocket(netbsd.AF_INET, netbsd.SOCK_STREAM, 0)
	if errno != 0 {
		t.Fatal(errno)
	}
	defer ls.Close()
	if errno := ls.Bind(nil, loopback(0), "", nil); errno != 0 {
		t.Fatal(errno)
	}
	ls.Listen(5)
	fd, errno := ls.Export()
	if errno != 0 {
		t.Fatal(errno)
	}
	defer os.NewFile(uintptr(fd), "").Close()
	l := filetest.NewSleeper()
	l.Signal <- netbsd.EINTR
	if _, _, errno := ls.Accept(file.Call{L: l}); errno != netbsd.EINTR {
		t.Errorf("%v, want EINTR", errno)
	}
}
