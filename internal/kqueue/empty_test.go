package kqueue

import (
	"testing"
	"time"

	"toaster/internal/file"
	"toaster/internal/filetest"
	"toaster/internal/socket"
	"toaster/netbsd"
)

// EVFILT_EMPTY of kqueue(2), filt_soempty: TCP's other side has all that was written. data is how much is left.
func TestEmpty(t *testing.T) {
	for name, flags := range map[string]uint32{"level": 0, "edge": netbsd.EV_CLEAR} {
		t.Run(name, func(t *testing.T) {
			plays(t, func(p *play) {
				a, b := p.connection()
				p.change(add(netbsd.EVFILT_EMPTY, a, flags))
				if ev := one(t, p.c, p.q); ev.Filter != netbsd.EVFILT_EMPTY || ev.Data != 0 || ev.Udata != 42 {
					t.Errorf("nothing was written: %+v", ev)
				}
				for range 2 {
					p.stuff(a)
					none(t, p.c, p.q)
					done := make(chan struct{})
					go func() { defer close(done); p.drain(b) }()
					out := make([]netbsd.Kevent, 1)
					if n, errno := p.q.Wait(p.c.L, out, time.Time{}, false); n != 1 || errno != 0 || out[0].Data != 0 {
						t.Errorf("all has come: %d, %v, %+v", n, errno, out[0])
					}
					p.end(a)
					<-done
					now(t, p.c, p.q) // of the byte that ends the other side's reading, too
				}
				p.close(a)
				none(t, p.c, p.q)
			})
		})
	}
}

// stuff writes into a socket until there is no room.
func (p *play) stuff(fd int) {
	d, _ := p.c.Files.Get(fd)
	defer d.Release()
	for errno := netbsd.Errno(0); errno == 0; {
		_, errno = d.File.(*socket.Socket).Send(file.Call{Nonblock: true}, make([]byte, 1<<16), &socket.Message{})
	}
}

// last is the byte by which drain ends.
const last = 0xff

// end sends last.
func (p *play) end(fd int) {
	d, _ := p.c.Files.Get(fd)
	defer d.Release()
	d.File.(*socket.Socket).Send(file.Call{L: filetest.NewSleeper()}, []byte{last}, &socket.Message{})
}

// drain reads until the byte comes that is last.
func (p *play) drain(fd int) {
	d, _ := p.c.Files.Get(fd)
	defer d.Release()
	b := make([]byte, 1<<16)
	for {
		n, errno := d.Read(filetest.NewSleeper(), b)
		if errno != 0 || n == 0 || b[n-1] == last {
			return
		}
	}
}

// soo_kqfilter: only sockets have it; filt_fileattach: EBADF. A local socket's other side has what was written at once (uipc_send), and
// one that listens has nothing to send.
func TestEmptyOfOthers(t *testing.T) {
	plays(t, func(p *play) {
		r, _ := p.c.edges()
		if errno := p.q.Change(p.c, add(netbsd.EVFILT_EMPTY, r, 0)); errno != netbsd.EINVAL {
			t.Errorf("of a pipe: %v", errno)
		}
		if errno := p.q.Change(p.c, add(netbsd.EVFILT_EMPTY, 77, 0)); errno != netbsd.EBADF {
			t.Errorf("of nothing: %v", errno)
		}
		k := socket.New(p.h, socket.Config{})
		p.t.Cleanup(k.Close)
		x, y, errno := k.NewSocketPair(filetest.NewSleeper(), netbsd.AF_LOCAL, netbsd.SOCK_STREAM, 0)
		must(t, errno)
		fd, _ := p.c.Files.Install(file.New(x, netbsd.O_RDWR), 0, 100, 0)
		p.c.Files.Install(file.New(y, netbsd.O_RDWR), 0, 100, 0)
		p.stuff(fd)
		p.change(add(netbsd.EVFILT_EMPTY, fd, 0))
		if ev := one(t, p.c, p.q); ev.Ident != uint64(fd) || ev.Data != 0 {
			t.Errorf("of a local socket: %+v", ev)
		}
		p.change(netbsd.Kevent{Ident: uint64(fd), Filter: netbsd.EVFILT_EMPTY, Flags: netbsd.EV_DELETE})
		if errno := p.q.Change(p.c, netbsd.Kevent{Ident: 77, Filter: netbsd.EVFILT_EMPTY, Flags: netbsd.EV_DELETE}); errno != netbsd.EBADF {
			t.Errorf("EV_DELETE of what is not open: %v", errno)
		}
	})
}
