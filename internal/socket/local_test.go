package socket

import (
	"bytes"
	"cmp"
	"path/filepath"
	"testing"
	"time"

	"toaster/internal/file"
	"toaster/internal/filetest"
	"toaster/netbsd"
)

// A person is somebody who makes calls.
type person struct {
	*filetest.Sleeper
	creds netbsd.Sockcred
}

func somebody(pid int32, uid uint32) *person {
	return &person{filetest.NewSleeper(), netbsd.Sockcred{Pid: pid, UID: uid, EUID: uid + 1, GID: uid + 2, EGID: uid + 3, Groups: []uint32{7, 8}}}
}

func (p *person) call() file.Call { return file.Call{L: p} }

func (p *person) id() []byte {
	b := make([]byte, netbsd.SizeofUnpcbid)
	(&netbsd.Unpcbid{Pid: p.creds.Pid, EUID: p.creds.EUID, EGID: p.creds.EGID}).Encode(b)
	return b
}

// cred is the message that tells who sent.
func (p *person) cred() netbsd.Cmsg {
	return netbsd.Cmsg{Level: netbsd.SOL_SOCKET, Type: netbsd.SCM_CREDS, Data: p.creds.Append(nil)}
}

// people makes sockets that know who calls.
func people(t *testing.T) *Stack {
	skipIfHostHasFull(t)
	return newStack(t, Config{Creds: func(l file.Sleeper) netbsd.Sockcred { return l.(*person).creds }})
}

// skipIfHostHasFull skips where the host lets nobody send descriptors any more.
func skipIfHostHasFull(t *testing.T) {
	t.Helper()
	m := newStack(t, Config{})
	a, b, errno := m.NewSocketPair(nil, netbsd.AF_LOCAL, netbsd.SOCK_STREAM, 0)
	if errno != 0 {
		t.Fatal(errno)
	}
	defer a.Close()
	defer b.Close()
	r, w := file.NewPipe(0)
	defer w.Release()
	if _, errno := a.Send(file.Call{Nonblock: true}, []byte("x"), &Message{Rights: []*file.Description{r}}); errno == netbsd.EAGAIN {
		r.Release()
		t.Skip("too many descriptors are in flight on this host")
	}
	var got Message
	b.Recv(file.Call{Nonblock: true}, make([]byte, 1), &got, false)
	got.Release()
}

func peerID(t *testing.T, s *Socket) []byte {
	t.Helper()
	b, errno := s.Getsockopt(0, netbsd.LOCAL_PEEREID, 99)
	if errno != 0 {
		t.Errorf("LOCAL_PEEREID: %v", errno)
	}
	return b
}

// unix(4): LOCAL_PEEREID is who connected, and who bound; what is connected and not accepted yet
// counts in order.
func TestPeerID(t *testing.T) {
	m := people(t)
	server, first, second := somebody(10, 100), somebody(20, 200), somebody(30, 300)
	l, _ := m.NewSocket(netbsd.AF_LOCAL, netbsd.SOCK_STREAM, 0)
	defer l.Close()
	path := filepath.Join(t.TempDir(), "s")
	if errno := l.Bind(server, &netbsd.Sockaddr{Family: netbsd.AF_LOCAL, Path: path}, "s", nil); errno != 0 {
		t.Fatal(errno)
	}
	l.Listen(5)
	for _, p := range []*person{first, second} {
		c, _ := m.NewSocket(netbsd.AF_LOCAL, netbsd.SOCK_STREAM, 0)
		defer c.Close()
		if errno := c.Connect(p.call(), &netbsd.Sockaddr{Family: netbsd.AF_LOCAL, Path: path}); errno != 0 {
			t.Fatal(errno)
		}
		if id := peerID(t, c); !bytes.Equal(id, server.id()) {
			t.Errorf("at the end that connects: %x, want %x", id, server.id())
		}
		if a, errno := c.Name(); errno != 0 || a.Path != "" {
			t.Errorf("a socket that has connected has a name: %q, %v", a.Path, errno)
		}
	}
	for _, p := range []*person{first, second} {
		s, from, errno := l.Accept(server.call())
		if errno != 0 || from.Path != "" {
			t.Fatal(from.Path, errno)
		}
		defer s.Close()
		if id := peerID(t, s); !bytes.Equal(id, p.id()) {
			t.Errorf("at the end that accepts: %x, want %x", id, p.id())
		}
	}
}

// unp_connect2: both ends of a pair tell who made it.
func TestPeerIDOfPair(t *testing.T) {
	m := people(t)
	p := somebody(10, 100)
	a, b, _ := m.NewSocketPair(p, netbsd.AF_LOCAL, netbsd.SOCK_STREAM, 0)
	defer a.Close()
	defer b.Close()
	if !bytes.Equal(peerID(t, a), p.id()) || !bytes.Equal(peerID(t, b), p.id()) {
		t.Errorf("%x and %x, want %x", peerID(t, a), peerID(t, b), p.id())
	}
}

// receive takes a message and its control messages. Of a stream it takes no more than the message:
// the host has what comes next with control messages in one piece with what comes before.
func receive(t *testing.T, s *Socket, text string, want ...netbsd.Cmsg) {
	t.Helper()
	var m Message
	b := make([]byte, len(text))
	n, errno := s.Recv(file.Call{Nonblock: true}, b, &m, true)
	if errno != 0 || string(b[:n]) != text {
		t.Fatalf("%q, %v, want %q", b[:n], errno, text)
	}
	same(t, m.Control, want)
	if inFlight(s.stack) != 0 {
		t.Error("something is in flight still")
	}
}

// unp_send: on a connection LOCAL_CREDS is for the next message alone, write(2)'s too; datagrams
// have it each. What was sent before has none.
func TestCreds(t *testing.T) {
	m := people(t)
	p, q := somebody(10, 100), somebody(20, 200)
	for _, typ := range []int{netbsd.SOCK_STREAM, netbsd.SOCK_SEQPACKET, netbsd.SOCK_DGRAM} {
		a, b, errno := m.NewSocketPair(p, netbsd.AF_LOCAL, typ, 0)
		if errno != 0 {
			t.Fatal(errno)
		}
		defer a.Close()
		defer b.Close()
		a.Write(p.call(), []byte("before"))
		b.Setsockopt(0, netbsd.LOCAL_CREDS, on)
		a.Write(q.call(), []byte("first"))
		a.Send(p.call(), []byte("next"), &Message{})
		receive(t, b, "before")
		receive(t, b, "first", q.cred())
		if typ == netbsd.SOCK_DGRAM {
			receive(t, b, "next", p.cred())
		} else {
			receive(t, b, "next")
		}
		b.Setsockopt(0, netbsd.LOCAL_CREDS, off)
		b.Setsockopt(0, netbsd.LOCAL_OCREDS, on)
		a.Write(q.call(), []byte("old"))
		receive(t, b, "old", netbsd.Cmsg{Level: netbsd.SOL_SOCKET, Type: netbsd.SCM_OCREDS, Data: q.creds.AppendOld(nil)})
	}
}

// A connection has LOCAL_CREDS of the socket that listens, before anybody accepts it (unp_connect);
// a datagram finds that of a name.
func TestCredsByName(t *testing.T) {
	m := people(t)
	p := somebody(10, 100)
	dir := t.TempDir()
	bound := func(typ int, name string) (*Socket, *netbsd.Sockaddr) {
		s, _ := m.NewSocket(netbsd.AF_LOCAL, typ, 0)
		t.Cleanup(s.Close)
		a := &netbsd.Sockaddr{Family: netbsd.AF_LOCAL, Path: filepath.Join(dir, name)}
		if errno := s.Bind(p, a, name, nil); errno != 0 {
			t.Fatal(errno)
		}
		s.Setsockopt(0, netbsd.LOCAL_CREDS, on)
		return s, a
	}
	l, at := bound(netbsd.SOCK_STREAM, "stream")
	l.Listen(5)
	c, _ := m.NewSocket(netbsd.AF_LOCAL, netbsd.SOCK_STREAM, 0)
	defer c.Close()
	c.Connect(p.call(), at)
	c.Write(p.call(), []byte("early"))
	s, _, errno := l.Accept(p.call())
	if errno != 0 {
		t.Fatal(errno)
	}
	defer s.Close()
	receive(t, s, "early", p.cred())
	d, at := bound(netbsd.SOCK_DGRAM, "dgram")
	e, _ := m.NewSocket(netbsd.AF_LOCAL, netbsd.SOCK_DGRAM, 0)
	defer e.Close()
	e.Send(p.call(), []byte("to"), &Message{Addr: at})
	receive(t, d, "to", p.cred())
	e.Connect(p.call(), at)
	e.Write(p.call(), []byte("on"))
	receive(t, d, "on", p.cred())
}

// unix(4): LOCAL_CONNWAIT of either end has connect(2) wait until somebody accepts; a socket that is
// closed instead resets the connection.
func TestConnWait(t *testing.T) {
	m := people(t)
	path := filepath.Join(t.TempDir(), "s")
	at := &netbsd.Sockaddr{Family: netbsd.AF_LOCAL, Path: path}
	l, _ := m.NewSocket(netbsd.AF_LOCAL, netbsd.SOCK_STREAM, 0)
	if errno := l.Bind(somebody(1, 1), at, "s", nil); errno != 0 {
		t.Fatal(errno)
	}
	l.Setsockopt(0, netbsd.LOCAL_CONNWAIT, on)
	l.Listen(5)
	connecting := func() (s *Socket, p *person, got chan netbsd.Errno) {
		s, _ = m.NewSocket(netbsd.AF_LOCAL, netbsd.SOCK_STREAM, 0)
		t.Cleanup(s.Close)
		p, got = somebody(2, 2), make(chan netbsd.Errno, 1)
		p.Asleep = make(chan struct{}, 10)
		go func() { got <- s.Connect(p.call(), at) }()
		<-p.Asleep
		return s, p, got
	}
	_, _, got := connecting()
	s, _, errno := l.Accept(somebody(1, 1).call())
	if errno != 0 {
		t.Fatal(errno)
	}
	defer s.Close()
	if errno := <-got; errno != 0 {
		t.Errorf("connect: %v", errno)
	}
	_, p, got := connecting()
	p.Signal <- netbsd.ERESTART
	if errno := <-got; errno != netbsd.EINTR {
		t.Errorf("connect that is interrupted: %v, want EINTR", errno)
	}
	_, _, got = connecting()
	l.Close()
	if errno := <-got; errno != netbsd.ECONNRESET {
		t.Errorf("connect to what is closed: %v, want ECONNRESET", errno)
	}
	other, _ := m.NewSocket(netbsd.AF_LOCAL, netbsd.SOCK_STREAM, 0)
	defer other.Close()
	if errno := other.Connect(file.Call{L: somebody(3, 3), Nonblock: true}, at); errno != netbsd.ECONNREFUSED {
		t.Errorf("nobody listens: %v, want ECONNREFUSED", errno)
	}
}

// An asker sleeps until the time that it is given, at once; at the third it makes room.
type asker struct {
	t     *testing.T
	room  func()
	slept int
}

func (a *asker) Wake() { a.t.Error("the host woke the sender") }

func (a *asker) Sleep(_ bool, deadline time.Time) netbsd.Errno {
	if deadline.IsZero() {
		a.t.Error("the sender waits for the host's word")
		return netbsd.EINTR
	}
	if a.slept++; a.slept == 3 {
		a.room()
	}
	return netbsd.EWOULDBLOCK
}

// localDatagrams returns local datagram sockets, of which the first is bound to the address. They are closed when the test ends.
func localDatagrams(t *testing.T, n int) (s []*Socket, to *netbsd.Sockaddr) {
	m := newStack(t, Config{})
	for range n {
		one, errno := m.NewSocket(netbsd.AF_LOCAL, netbsd.SOCK_DGRAM, 0)
		if errno != 0 {
			t.Fatal(errno)
		}
		t.Cleanup(one.Close)
		s = append(s, one)
	}
	to = &netbsd.Sockaddr{Family: netbsd.AF_LOCAL, Path: filepath.Join(t.TempDir(), "to")}
	if errno := s[0].Bind(nil, to, to.Path, nil); errno != 0 {
		t.Fatal(errno)
	}
	return s, to
}

// Who sends to a socket whose queue others have filled asks again, with pauses: the host would report room each time that
// it has refused the message.
func TestSendToFullQueue(t *testing.T) {
	s, to := localDatagrams(t, 3)
	now := file.Call{Nonblock: true}
	fill := func() (errno netbsd.Errno) {
		for errno == 0 {
			_, errno = s[1].Send(now, []byte("x"), &Message{Addr: to})
		}
		return errno
	}
	if errno := fill(); errno != netbsd.EAGAIN {
		t.Fatal(errno)
	}
	b := make([]byte, 1)
	l := &asker{t: t, room: func() { s[0].Recv(now, b, &Message{}, false) }}
	if n, errno := s[2].Send(file.Call{L: l}, []byte("y"), &Message{Addr: to}); n != 1 || errno != 0 || l.slept != 3 {
		t.Errorf("%d, %s after %d pauses", n, errno.Name(), l.slept)
	}
	fill()
	s[2].Setsockopt(netbsd.SOL_SOCKET, netbsd.SO_SNDTIMEO, append(make([]byte, 8), 0x10, 0x27, 0, 0, 0, 0, 0, 0)) // a tick
	l = &asker{t: t, room: func() {}}
	if _, errno := s[2].Send(file.Call{L: l}, []byte("z"), &Message{Addr: to}); errno != netbsd.EAGAIN {
		t.Errorf("with SO_SNDTIMEO: %s", errno.Name())
	}
}

// A datagram socket that cannot have the new peer that it is to have has none (soconnect disconnects first).
func TestFailedConnectLeavesNoPeer(t *testing.T) {
	s, to := localDatagrams(t, 2)
	nobody := &netbsd.Sockaddr{Family: netbsd.AF_LOCAL, Path: to.Path + "not"}
	now := file.Call{Nonblock: true}
	if errno := s[1].Connect(now, to); errno != 0 {
		t.Fatal(errno)
	}
	if errno := s[1].Connect(now, nobody); errno != netbsd.ENOENT {
		t.Errorf("connect: %s", errno.Name())
	}
	if n, errno := s[1].Send(now, []byte("x"), &Message{}); errno != netbsd.EDESTADDRREQ {
		t.Errorf("send: %d, %s", n, errno.Name())
	}
	if _, errno := s[1].Send(now, []byte("x"), &Message{Addr: to}); errno != 0 {
		t.Errorf("sendto: %s", errno.Name())
	}
}

// Whom a listening socket with a full queue refuses is as before its connect(2), neither to be read nor to be written to (sopoll).
func TestRefusedForAFullQueue(t *testing.T) {
	m := newStack(t, Config{})
	to := &netbsd.Sockaddr{Family: netbsd.AF_LOCAL, Path: filepath.Join(t.TempDir(), "to")}
	l, errno := m.NewSocket(netbsd.AF_LOCAL, netbsd.SOCK_STREAM, 0)
	if errno != 0 {
		t.Fatal(errno)
	}
	defer l.Close()
	if errno := cmp.Or(l.Bind(nil, to, to.Path, nil), l.Listen(1)); errno != 0 {
		t.Fatal(errno)
	}
	for range 10 {
		s, errno := m.NewSocket(netbsd.AF_LOCAL, netbsd.SOCK_STREAM, 0)
		if errno != 0 {
			t.Fatal(errno)
		}
		defer s.Close()
		if errno = s.Connect(file.Call{Nonblock: true}, to); errno == 0 {
			continue
		}
		if ev := s.Poll(file.In | file.Out); errno != netbsd.ECONNREFUSED || ev != 0 {
			t.Errorf("%s, poll(2) says %#x", errno.Name(), ev)
		}
		return
	}
	t.Error("nobody is refused")
}

// unp_bind: a socket whose connect(2) has failed has no name by that, and may get one.
func TestBindBehindAFailedConnect(t *testing.T) {
	m, dir := newStack(t, Config{}), t.TempDir()
	named := func(name string) *netbsd.Sockaddr {
		return &netbsd.Sockaddr{Family: netbsd.AF_LOCAL, Path: filepath.Join(dir, name)}
	}
	var s [2]*Socket
	for i := range s {
		var errno netbsd.Errno
		if s[i], errno = m.NewSocket(netbsd.AF_LOCAL, netbsd.SOCK_STREAM, 0); errno != 0 {
			t.Fatal(errno)
		}
		defer s[i].Close()
	}
	deaf, mine := named("deaf"), named("mine")
	if errno := s[0].Bind(nil, deaf, deaf.Path, nil); errno != 0 {
		t.Fatal(errno)
	}
	if errno := s[1].Connect(file.Call{Nonblock: true}, deaf); errno != netbsd.ECONNREFUSED {
		t.Errorf("connect: %s", errno.Name())
	}
	if errno := s[1].Bind(nil, mine, mine.Path, nil); errno != 0 {
		t.Errorf("bind: %s", errno.Name())
	}
}

// unp_connect2: who connects is known to whom accepts the connection at the same moment.
func TestPeerIDAtOnce(t *testing.T) {
	m := people(t)
	server, client := somebody(10, 100), somebody(20, 200)
	l, _ := m.NewSocket(netbsd.AF_LOCAL, netbsd.SOCK_STREAM, 0)
	defer l.Close()
	to := &netbsd.Sockaddr{Family: netbsd.AF_LOCAL, Path: filepath.Join(t.TempDir(), "s")}
	if errno := cmp.Or(l.Bind(server, to, to.Path, nil), l.Listen(5)); errno != 0 {
		t.Fatal(errno)
	}
	for range 200 {
		c, _ := m.NewSocket(netbsd.AF_LOCAL, netbsd.SOCK_STREAM, 0)
		connected := make(chan netbsd.Errno)
		go func() { connected <- c.Connect(client.call(), to) }()
		now := server.call()
		now.Nonblock = true
		s, _, errno := l.Accept(now)
		for errno == netbsd.EAGAIN {
			s, _, errno = l.Accept(now)
		}
		if errno = cmp.Or(errno, <-connected); errno != 0 {
			t.Fatal(errno)
		}
		if id := peerID(t, s); !bytes.Equal(id, client.id()) {
			t.Fatalf("%x, want %x", id, client.id())
		}
		s.Close()
		c.Close()
	}
}
