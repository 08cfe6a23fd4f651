package socket

import (
	"path/filepath"
	"testing"
	"time"

	"toaster/internal/file"
	"toaster/internal/filetest"
	"toaster/netbsd"
)

func localPair(t *testing.T, m *Stack, typ int) (a, b *Socket) {
	t.Helper()
	a, b, errno := m.NewSocketPair(filetest.NewSleeper(), netbsd.AF_LOCAL, typ, 0)
	if errno != 0 {
		t.Fatal(errno)
	}
	t.Cleanup(a.Close)
	return a, b
}

// fill writes until there is no room.
func fill(s *Socket) {
	for errno := netbsd.Errno(0); errno == 0; {
		_, errno = s.Send(file.Call{Nonblock: true}, make([]byte, 4096), &Message{})
	}
}

// sodopoll of uipc_socket.c: a socket is readable or writable, for who asks for that, and nothing else: POLLHUP and POLLERR
// are not told. soreadable and sowritable of socketvar.h: one that has ended in a direction is ready there, and one with an
// error in both. RdHup and WrHup are SS_CANTRCVMORE and SS_CANTSENDMORE, which kevent(2) tells as EV_EOF (filt_soread, filt_sowrite).
func TestPoll(t *testing.T) {
	const in, out, both = file.In | file.RdNorm, file.Out, file.In | file.RdNorm | file.Out
	const eof = file.RdHup | file.WrHup
	for _, c := range []struct {
		name      string
		make      func(t *testing.T, m *Stack) *Socket
		want, eof file.Events
	}{
		{"connected", func(t *testing.T, m *Stack) *Socket {
			a, b := localPair(t, m, netbsd.SOCK_STREAM)
			t.Cleanup(b.Close)
			return a
		}, out, 0},
		{"the peer is closed", func(t *testing.T, m *Stack) *Socket {
			a, b := localPair(t, m, netbsd.SOCK_STREAM)
			b.Close()
			return a
		}, both, eof},
		{"the peer is closed, and this one's room was full", func(t *testing.T, m *Stack) *Socket {
			a, b := localPair(t, m, netbsd.SOCK_STREAM)
			fill(a)
			b.Close()
			return a
		}, both, eof},
		{"unp_disconnect1: a datagram socket has no end", func(t *testing.T, m *Stack) *Socket {
			a, b := localPair(t, m, netbsd.SOCK_DGRAM)
			b.Close()
			return a
		}, out, 0},
		{"the peer sends no more", func(t *testing.T, m *Stack) *Socket {
			a, b := localPair(t, m, netbsd.SOCK_STREAM)
			t.Cleanup(b.Close)
			b.Shutdown(netbsd.SHUT_WR)
			return a
		}, both, file.RdHup},
		{"it sends no more itself, without room", func(t *testing.T, m *Stack) *Socket {
			a, b := localPair(t, m, netbsd.SOCK_STREAM)
			t.Cleanup(b.Close)
			fill(a)
			a.Shutdown(netbsd.SHUT_WR)
			return a
		}, out, file.WrHup},
		{"TCP: it sends no more itself", func(t *testing.T, m *Stack) *Socket {
			a, _, _ := tcpConnection(t, m)
			a.Shutdown(netbsd.SHUT_WR)
			return a
		}, out, file.WrHup},
		{"tcp_shutdown: one that is not connected, too", func(t *testing.T, m *Stack) *Socket {
			s, _ := m.NewSocket(netbsd.AF_INET, netbsd.SOCK_STREAM, 0)
			t.Cleanup(s.Close)
			if errno := s.Shutdown(netbsd.SHUT_WR); errno != 0 {
				t.Errorf("shutdown: %v", errno)
			}
			return s
		}, out, file.WrHup},
		{"sorflush: it receives no more", func(t *testing.T, m *Stack) *Socket {
			a, b := localPair(t, m, netbsd.SOCK_STREAM)
			t.Cleanup(b.Close)
			b.Write(now(), []byte("x"))
			a.Shutdown(netbsd.SHUT_RD)
			return a
		}, both, file.RdHup},
		{"a packet socket that was refused is not connected", func(t *testing.T, m *Stack) *Socket {
			s, _ := m.NewSocket(netbsd.AF_LOCAL, netbsd.SOCK_SEQPACKET, 0)
			t.Cleanup(s.Close)
			nobody := &netbsd.Sockaddr{Family: netbsd.AF_LOCAL, Path: filepath.Join(t.TempDir(), "nobody")}
			if errno := s.Connect(file.Call{L: filetest.NewSleeper()}, nobody); errno != netbsd.ENOENT {
				t.Errorf("connect: %v", errno)
			}
			return s
		}, 0, 0},
		{"so_error of the host's", func(t *testing.T, m *Stack) *Socket {
			s, _ := m.NewSocket(netbsd.AF_INET, netbsd.SOCK_DGRAM, 0)
			t.Cleanup(s.Close)
			call := file.Call{L: filetest.NewSleeper()}
			s.Connect(call, loopback(9)) // where nobody is
			s.Send(call, []byte("x"), &Message{})
			return s
		}, both, 0},
		{"so_error of the kernel's", func(t *testing.T, m *Stack) *Socket {
			a, b := localPair(t, m, netbsd.SOCK_STREAM)
			t.Cleanup(b.Close)
			a.Fail(netbsd.ECONNRESET)
			return a
		}, both, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := c.make(t, newStack(t, Config{}))
			for _, ask := range []file.Events{0, file.In, file.RdNorm, file.Out, both, in, eof, both | eof} {
				if got, want := s.Poll(ask), ask&(c.want|c.eof); got != want {
					t.Errorf("asked for %#x: %#x, want %#x", ask, got, want)
				}
			}
		})
	}
}

// socantsendmore wakes who waits for room: send(2) is EPIPE then (sosend). The host tells nothing of a local socket that is still full.
func TestShutdownWakesWhoSends(t *testing.T) {
	a, b := localPair(t, newStack(t, Config{}), netbsd.SOCK_STREAM)
	defer b.Close()
	fill(a)
	l := filetest.NewSleeper()
	l.Asleep = make(chan struct{}, 10)
	sent := make(chan netbsd.Errno)
	go func() {
		_, errno := a.Send(file.Call{L: l}, make([]byte, 4096), &Message{Flags: netbsd.MSG_NOSIGNAL})
		sent <- errno
	}()
	<-l.Asleep
	a.Shutdown(netbsd.SHUT_WR)
	if errno := <-sent; errno != netbsd.EPIPE {
		t.Errorf("send: %v", errno)
	}
}

// sodopoll: urgent data is POLLPRI and POLLRDBAND, of which select(2) asks for the second (sel_flag of sys_select.c).
func TestPollUrgent(t *testing.T) {
	a, b, _ := tcpConnection(t, newStack(t, Config{}))
	call := file.Call{L: filetest.NewSleeper()}
	if ev := b.Poll(file.Pri | file.RdBand); ev != 0 {
		t.Errorf("%#x before anything is sent", ev)
	}
	a.Send(call, []byte("!"), &Message{Flags: netbsd.MSG_OOB})
	w := &file.Waiter{Mask: file.Pri, L: call.L}
	b.Watch(w)
	defer b.Unwatch(w)
	for b.Poll(file.Pri) == 0 {
		call.L.Sleep(false, time.Time{})
	}
	for _, ask := range []file.Events{file.Pri, file.RdBand, file.Pri | file.RdBand} {
		if ev := b.Poll(ask); ev != ask {
			t.Errorf("asked for %#x: %#x", ask, ev)
		}
	}
}
