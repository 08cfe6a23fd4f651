package socket

import (
	"path/filepath"
	"testing"

	"toaster/internal/file"
	"toaster/internal/filetest"
	"toaster/netbsd"
)

// now is a call that does not wait.
func now() file.Call { return file.Call{L: filetest.NewSleeper(), Nonblock: true} }

// unp_disconnect1: that the other end has gone with what was not read there is the end of the connection, and no error.
func TestPeerGoesWithUnreadData(t *testing.T) {
	for _, typ := range []int{netbsd.SOCK_STREAM, netbsd.SOCK_SEQPACKET} {
		for name, call := range map[string]func(s *Socket) (int, netbsd.Errno){
			"read":    func(s *Socket) (int, netbsd.Errno) { return s.Read(now(), make([]byte, 9)) },
			"recvmsg": func(s *Socket) (int, netbsd.Errno) { return s.Recv(now(), make([]byte, 9), &Message{}, true) },
			"SO_ERROR": func(s *Socket) (int, netbsd.Errno) {
				b, errno := s.Getsockopt(netbsd.SOL_SOCKET, netbsd.SO_ERROR, 4)
				return int(b[0]), errno
			},
		} {
			a, b := localPair(t, newStack(t, Config{}), typ)
			a.Write(now(), []byte("unread"))
			b.Close()
			if n, errno := call(a); n != 0 || errno != 0 {
				t.Errorf("type %d: %s: %d, %s, want the end", typ, name, n, errno.Name())
			}
		}
		a, b := localPair(t, newStack(t, Config{}), typ)
		a.Write(now(), []byte("unread"))
		b.Close()
		if _, errno := a.Send(now(), []byte("x"), &Message{}); errno != netbsd.EPIPE {
			t.Errorf("type %d: send: %s, want EPIPE", typ, errno.Name())
		}
	}
}

// unp_detach: who was connected to a datagram socket that is gone hears ECONNRESET once (unp_drop), and has no peer any more.
func TestDatagramPeerGoes(t *testing.T) {
	a, b := localPair(t, newStack(t, Config{}), netbsd.SOCK_DGRAM)
	b.Close()
	for _, want := range []netbsd.Errno{netbsd.ECONNRESET, netbsd.EDESTADDRREQ} {
		if _, errno := a.Send(now(), []byte("x"), &Message{}); errno != want {
			t.Errorf("send: %s, want %s", errno.Name(), want.Name())
		}
	}
}

// sosend and soreceive, of a socket that must be connected, and is not. An address is nothing to them (unp_send, tcp_send).
func TestNotConnected(t *testing.T) {
	m := newStack(t, Config{})
	for _, family := range []int{netbsd.AF_LOCAL, netbsd.AF_INET} {
		s, errno := m.NewSocket(family, netbsd.SOCK_STREAM, 0)
		if errno != 0 {
			t.Fatal(errno)
		}
		defer s.Close()
		check := func(state string) {
			t.Helper()
			to := &Message{Addr: loopback(9)}
			for name, errno := range map[string]netbsd.Errno{
				"write":   of(s.Write(now(), []byte("x"))),
				"sendto":  of(s.Send(now(), []byte("x"), to)),
				"nothing": of(s.Write(now(), nil)),
				"read":    of(s.Read(now(), make([]byte, 1))),
				"recvmsg": of(s.Recv(now(), make([]byte, 1), &Message{}, false)),
			} {
				if errno != netbsd.ENOTCONN {
					t.Errorf("family %d, %s: %s: %s, want ENOTCONN", family, state, name, errno.Name())
				}
			}
		}
		check("new")
		if family == netbsd.AF_LOCAL {
			path := filepath.Join(t.TempDir(), "s")
			if errno := s.Bind(nil, &netbsd.Sockaddr{Family: netbsd.AF_LOCAL, Path: path}, path, nil); errno != 0 {
				t.Fatal(errno)
			}
		}
		if errno := s.Listen(1); errno != 0 {
			t.Fatal(errno)
		}
		check("listening")
		if errno := s.MayConnect(family); errno != netbsd.EOPNOTSUPP {
			t.Errorf("soconnect: %s, want EOPNOTSUPP", errno.Name())
		}
	}
	a, b := localPair(t, m, netbsd.SOCK_STREAM)
	defer b.Close()
	if n, errno := a.Send(now(), []byte("x"), &Message{Addr: loopback(9)}); n != 1 || errno != 0 {
		t.Errorf("connected: %d, %s", n, errno.Name())
	}
	if errno := a.MayConnect(netbsd.AF_INET); errno != netbsd.EISCONN {
		t.Errorf("soconnect: %s before EAFNOSUPPORT, want EISCONN", errno.Name())
	}
	d, _ := m.NewSocket(netbsd.AF_LOCAL, netbsd.SOCK_DGRAM, 0)
	defer d.Close()
	if errno := d.MayConnect(netbsd.AF_INET); errno != netbsd.EAFNOSUPPORT {
		t.Errorf("soconnect: %s, want EAFNOSUPPORT", errno.Name())
	}
}

func of(_ int, errno netbsd.Errno) netbsd.Errno { return errno }

// unp_sendoob and unp_recvoob.
func TestNothingUrgentIsLocal(t *testing.T) {
	a, b := localPair(t, newStack(t, Config{}), netbsd.SOCK_STREAM)
	defer b.Close()
	if _, errno := a.Send(now(), []byte("x"), &Message{Flags: netbsd.MSG_OOB}); errno != netbsd.EOPNOTSUPP {
		t.Errorf("send: %s, want EOPNOTSUPP", errno.Name())
	}
	if _, errno := b.Recv(now(), make([]byte, 1), &Message{Flags: netbsd.MSG_OOB}, false); errno != netbsd.EOPNOTSUPP {
		t.Errorf("receive: %s, want EOPNOTSUPP", errno.Name())
	}
}

// sonewconn refuses who comes when more wait than one and a half times the backlog, which is 0 if it is negative (solisten).
func TestBacklog(t *testing.T) {
	for backlog, want := range map[int]int{-1: 1, 0: 1, 1: 2, 2: 4, 5: 8} {
		m := newStack(t, Config{})
		path := filepath.Join(t.TempDir(), "s")
		s, _ := m.NewSocket(netbsd.AF_LOCAL, netbsd.SOCK_STREAM, 0)
		s.Bind(nil, &netbsd.Sockaddr{Family: netbsd.AF_LOCAL, Path: path}, path, nil)
		s.Listen(backlog)
		n := 0
		for ; n < 20; n++ {
			c, _ := m.NewSocket(netbsd.AF_LOCAL, netbsd.SOCK_STREAM, 0)
			defer c.Close()
			if errno := c.Connect(now(), &netbsd.Sockaddr{Family: netbsd.AF_LOCAL, Path: path}); errno == netbsd.ECONNREFUSED {
				break
			}
		}
		if n != want {
			t.Errorf("backlog %d: %d connections wait, want %d", backlog, n, want)
		}
		s.Close()
	}
}

// so_rerror is for who receives, and for SO_ERROR, which tells it behind so_error (soreceive, sogetopt1).
func TestDeferredReceiveError(t *testing.T) {
	a, b := localPair(t, newStack(t, Config{}), netbsd.SOCK_DGRAM)
	defer a.Close()
	defer b.Close()
	a.FailReceive(netbsd.EFAULT)
	if ev := a.Poll(file.In | file.Out); ev != file.In|file.Out {
		t.Errorf("poll: %#x", ev)
	}
	if _, errno := a.Write(now(), []byte("x")); errno != 0 {
		t.Errorf("write: %s", errno.Name())
	}
	if _, errno := a.Recv(now(), make([]byte, 1), &Message{Flags: netbsd.MSG_PEEK}, false); errno != netbsd.EFAULT {
		t.Errorf("MSG_PEEK: %s, want EFAULT", errno.Name())
	}
	b.Write(now(), []byte("y"))
	if n, errno := a.Read(now(), make([]byte, 1)); n != 1 || errno != 0 {
		t.Errorf("what is there comes first: %d, %s", n, errno.Name())
	}
	for _, want := range []netbsd.Errno{netbsd.EFAULT, netbsd.EAGAIN} {
		if _, errno := a.Read(now(), make([]byte, 1)); errno != want {
			t.Errorf("read: %s, want %s", errno.Name(), want.Name())
		}
	}
	a.Fail(netbsd.EIO)
	a.FailReceive(netbsd.EFAULT)
	for _, want := range []netbsd.Errno{netbsd.EIO, netbsd.EFAULT, 0} {
		if v, errno := a.Getsockopt(netbsd.SOL_SOCKET, netbsd.SO_ERROR, 4); errno != 0 || v[0] != byte(want) {
			t.Errorf("SO_ERROR: %v, %s, want %s", v, errno.Name(), want.Name())
		}
	}
}

// sorflush: what has come is gone, and the end is there; the other end sends as before, and of a local socket that can be read. A descriptor that
// waits to be let in is told (do_sys_accept).
func TestShutdownOfReceiving(t *testing.T) {
	m := newStack(t, Config{})
	for _, typ := range []int{netbsd.SOCK_STREAM, netbsd.SOCK_DGRAM} {
		a, b := localPair(t, m, typ)
		defer b.Close()
		b.Write(now(), []byte("before"))
		if errno := a.Shutdown(netbsd.SHUT_RD); errno != 0 {
			t.Fatal(errno)
		}
		buf := make([]byte, 9)
		for name, n := range map[string]func() (int, netbsd.Errno){
			"read": func() (int, netbsd.Errno) { return a.Read(now(), buf) },
			"recv": func() (int, netbsd.Errno) { return a.Recv(now(), buf, &Message{}, false) },
		} {
			if n, errno := n(); n != 0 || errno != 0 {
				t.Errorf("type %d: %s: %d, %s", typ, name, n, errno.Name())
			}
			if n, errno := b.Write(now(), []byte("after")); n != 5 || errno != 0 {
				t.Errorf("type %d: the other end: %d, %s", typ, n, errno.Name())
			}
			if n, errno := a.Recv(now(), buf, &Message{}, false); n != 5 || errno != 0 {
				t.Errorf("type %d: what came later: %d, %s", typ, n, errno.Name())
			}
		}
	}
	a, b, _ := tcpConnection(t, m)
	b.Write(now(), []byte("before"))
	a.Shutdown(netbsd.SHUT_RD)
	for range 2 {
		if n, errno := a.Read(now(), make([]byte, 9)); n != 0 || errno != 0 {
			t.Errorf("TCP: %d, %s", n, errno.Name())
		}
		b.Write(now(), []byte("after"))
	}
	for _, family := range []int{netbsd.AF_LOCAL, netbsd.AF_INET} {
		s, _ := m.NewSocket(family, netbsd.SOCK_STREAM, 0)
		defer s.Close()
		if n, errno := s.Read(now(), make([]byte, 1)); n != 0 || errno != netbsd.ENOTCONN {
			t.Errorf("family %d: %d, %s", family, n, errno.Name())
		}
		if errno := s.Shutdown(netbsd.SHUT_RD); errno != 0 {
			t.Errorf("family %d, not connected: %s", family, errno.Name())
		}
		if n, errno := s.Recv(now(), make([]byte, 1), &Message{}, false); n != 0 || errno != 0 {
			t.Errorf("family %d, not connected: %d, %s", family, n, errno.Name())
		}
	}
	for _, family := range []int{netbsd.AF_LOCAL, netbsd.AF_INET} {
		s, _ := m.NewSocket(family, netbsd.SOCK_STREAM, 0)
		defer s.Close()
		if family == netbsd.AF_LOCAL {
			path := filepath.Join(t.TempDir(), "s")
			s.Bind(nil, &netbsd.Sockaddr{Family: netbsd.AF_LOCAL, Path: path}, path, nil)
		}
		s.Listen(1)
		l := filetest.NewSleeper()
		l.Asleep = make(chan struct{}, 10)
		got := make(chan netbsd.Errno)
		go func() {
			_, _, errno := s.Accept(file.Call{L: l})
			got <- errno
		}()
		<-l.Asleep
		s.Shutdown(netbsd.SHUT_RD)
		if errno := <-got; errno != netbsd.ECONNABORTED {
			t.Errorf("family %d: accept: %s, want ECONNABORTED", family, errno.Name())
		}
		if _, _, errno := s.Accept(now()); errno != netbsd.EAGAIN {
			t.Errorf("family %d: accept that does not wait: %s, want EAGAIN", family, errno.Name())
		}
	}
}

// sosend: over a connection that is on its way nothing can be sent, and soreceive waits for it.
func TestConnecting(t *testing.T) {
	m := newStack(t, Config{})
	ls, _ := m.NewSocket(netbsd.AF_INET, netbsd.SOCK_STREAM, 0)
	defer ls.Close()
	ls.Bind(nil, loopback(0), "", nil)
	ls.Listen(0)
	name, _ := ls.Name()
	for range 10 { // the first ones have room with who listens
		c, _ := m.NewSocket(netbsd.AF_INET, netbsd.SOCK_STREAM, 0)
		defer c.Close()
		if errno := c.Connect(now(), &name); errno != netbsd.EINPROGRESS || c.Poll(file.Out) != 0 {
			continue
		}
		switch _, errno := c.Write(now(), []byte("x")); errno {
		case 0:
			continue // it has come about meanwhile
		case netbsd.ENOTCONN:
		default:
			t.Errorf("write: %s, want ENOTCONN", errno.Name())
		}
		if _, errno := c.Read(now(), make([]byte, 1)); errno != netbsd.EAGAIN {
			t.Errorf("read: %s, want EAGAIN", errno.Name())
		}
		return
	}
	t.Skip("the host lets everybody connect")
}
