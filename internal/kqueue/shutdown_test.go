package kqueue

import (
	"net/netip"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"toaster/internal/file"
	"toaster/internal/filetest"
	"toaster/internal/socket"
	"toaster/netbsd"
)

// connection makes two connected sockets of TCP, and returns their descriptors.
func (p *play) connection() (a, b int) {
	p.t.Helper()
	k := socket.New(p.h, socket.Config{})
	p.t.Cleanup(k.Close)
	call := file.Call{L: filetest.NewSleeper()}
	ls, errno := k.NewSocket(netbsd.AF_INET, netbsd.SOCK_STREAM, 0)
	must(p.t, errno)
	defer ls.Close()
	must(p.t, ls.Bind(nil, &netbsd.Sockaddr{Family: netbsd.AF_INET, Addr: netip.MustParseAddrPort("127.0.0.1:0")}, "", nil))
	must(p.t, ls.Listen(1))
	name, errno := ls.Name()
	must(p.t, errno)
	from, errno := k.NewSocket(netbsd.AF_INET, netbsd.SOCK_STREAM, 0)
	must(p.t, errno)
	must(p.t, from.Connect(call, &name))
	to, _, errno := ls.Accept(call)
	must(p.t, errno)
	a, _ = p.c.Files.Install(file.New(from, netbsd.O_RDWR), 0, 100, 0)
	b, _ = p.c.Files.Install(file.New(to, netbsd.O_RDWR), 0, 100, 0)
	return a, b
}

func (p *play) shutdown(fd, how int) {
	p.t.Helper()
	d, errno := p.c.Files.Get(fd)
	must(p.t, errno)
	defer d.Release()
	must(p.t, d.File.(*socket.Socket).Shutdown(how))
}

// ends reports whether the event that is there is an end. The host may tell of what there is once more (hostfile's watch), so there may be none.
func (p *play) ends() (ends, some bool) {
	p.t.Helper()
	evs := now(p.t, p.c, p.q)
	if len(evs) == 0 {
		return false, false
	}
	return evs[0].Flags&netbsd.EV_EOF != 0, true
}

// filt_sowrite: a socket that can send no more (SS_CANTSENDMORE), as the guest has shut it down, has EV_EOF; socantsendmore tells of
// it at once. A knote that comes later has it from the beginning.
func TestShutdownIsTheEndOfWriting(t *testing.T) {
	plays(t, func(p *play) {
		a, _ := p.connection()
		p.change(add(netbsd.EVFILT_WRITE, a, netbsd.EV_CLEAR))
		if ends, some := p.ends(); ends || !some {
			t.Errorf("connected: %v, %v", ends, some)
		}
		p.settle()
		p.shutdown(a, netbsd.SHUT_RD)
		if ends, _ := p.ends(); ends {
			t.Error("no more to read is no end of writing")
		}
		p.shutdown(a, netbsd.SHUT_WR)
		if ends, some := p.ends(); !ends || !some {
			t.Errorf("shut down: %v, %v", ends, some)
		}
		p.change(netbsd.Kevent{Ident: uint64(a), Filter: netbsd.EVFILT_WRITE, Flags: netbsd.EV_DELETE})
		p.change(add(netbsd.EVFILT_WRITE, a, netbsd.EV_CLEAR))
		if ends, some := p.ends(); !ends || !some {
			t.Errorf("a new event of it: %v, %v", ends, some)
		}
	})
}

// A host process that has such a queue lent knows by itself what its next event looks like; and there is one, even if it has taken
// what the host told before it could know.
func TestShutdownOfALentQueuesSocket(t *testing.T) {
	plays(t, func(p *play) {
		if !p.hosted {
			return
		}
		a, _ := p.connection()
		p.change(add(netbsd.EVFILT_WRITE, a, netbsd.EV_CLEAR))
		b := &noted{}
		p.lend(b)
		b.told = nil
		p.shutdown(a, netbsd.SHUT_WR)
		b.wants(t, "shut down", "w0=0x8021,42")
		fd, ok := p.q.LendFD(0)
		if !ok {
			t.Fatal("it cannot be lent any more")
		}
		var evs [4]unix.EpollEvent
		if n, _ := unix.EpollWait(fd, evs[:], 0); n != 1 || evs[0].Fd != int32(a) || evs[0].Events != unix.EPOLLOUT {
			t.Errorf("the set tells of %v", evs[:max(n, 0)])
		}
		p.change(netbsd.Kevent{Ident: uint64(a), Filter: netbsd.EVFILT_WRITE, Flags: netbsd.EV_ADD | netbsd.EV_CLEAR, Udata: 43})
		b.wants(t, "changed", "w0=0x8021,43")
	})
}

// filt_soread and filt_sowrite: the end of a connection that was reset comes with so_error as its fflags, which the next call tells still.
func TestResetIsTheEndWithAnError(t *testing.T) {
	for _, filter := range []uint32{netbsd.EVFILT_READ, netbsd.EVFILT_WRITE} {
		plays(t, func(p *play) {
			a, b := p.connection()
			d, _ := p.c.Files.Get(b)
			must(t, d.File.(*socket.Socket).Setsockopt(netbsd.SOL_SOCKET, netbsd.SO_LINGER, []byte{1, 0, 0, 0, 0, 0, 0, 0}))
			d.Release()
			p.close(b)
			p.change(add(filter, a, 0))
			ev := one(t, p.c, p.q)
			if ev.Flags&netbsd.EV_EOF == 0 || ev.Fflags != uint32(netbsd.ECONNRESET) {
				t.Errorf("filter %d: %+v", filter, ev)
			}
			d, _ = p.c.Files.Get(a)
			defer d.Release()
			if _, errno := d.Read(p.c.L, make([]byte, 1)); errno != netbsd.ECONNRESET {
				t.Errorf("read: %s", errno.Name())
			}
			if ev := one(t, p.c, p.q); ev.Flags&netbsd.EV_EOF == 0 || ev.Fflags != 0 {
				t.Errorf("filter %d, when it was told: %+v", filter, ev)
			}
		})
	}
}

// filt_sowrite: NOTE_LOWAT says how much room there has to be.
func TestRoomToWait(t *testing.T) {
	plays(t, func(p *play) {
		a, _ := p.connection()
		mark := add(netbsd.EVFILT_WRITE, a, 0)
		mark.Fflags, mark.Data = netbsd.NOTE_LOWAT, 1<<40
		p.change(mark)
		none(t, p.c, p.q)
		mark.Data = 1
		p.change(mark)
		one(t, p.c, p.q)
	})
}

// filt_solisten: how many wait to be accepted.
func TestHowManyWait(t *testing.T) {
	plays(t, func(p *play) {
		k := socket.New(p.h, socket.Config{})
		t.Cleanup(k.Close)
		path := filepath.Join(t.TempDir(), "s")
		for family, name := range map[int]netbsd.Sockaddr{
			netbsd.AF_INET:  {Family: netbsd.AF_INET, Addr: netip.MustParseAddrPort("127.0.0.1:0")},
			netbsd.AF_LOCAL: {Family: netbsd.AF_LOCAL, Path: path},
		} {
			s, errno := k.NewSocket(family, netbsd.SOCK_STREAM, 0)
			must(t, errno)
			must(t, s.Bind(filetest.NewSleeper(), &name, path, nil))
			must(t, s.Listen(5))
			if family == netbsd.AF_INET {
				name, errno = s.Name()
				must(t, errno)
			}
			fd, _ := p.c.Files.Install(file.New(s, netbsd.O_RDWR), 0, 100, 0)
			p.change(add(netbsd.EVFILT_READ, fd, 0))
			none(t, p.c, p.q)
			for want := int64(1); want <= 3; want++ {
				c, errno := k.NewSocket(family, netbsd.SOCK_STREAM, 0)
				must(t, errno)
				defer c.Close()
				must(t, c.Connect(file.Call{L: filetest.NewSleeper()}, &name))
				filetest.Eventually(t, "the connection", func() bool {
					evs := now(t, p.c, p.q)
					return len(evs) == 1 && evs[0].Data == want
				})
			}
			p.close(fd)
		}
	})
}
