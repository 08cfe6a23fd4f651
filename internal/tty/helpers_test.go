package tty

import (
	"strconv"
	"testing"
	"testing/synctest"

	"toaster/internal/file"
	"toaster/kern"
	"toaster/netbsd"
)

// each runs f under each release on a machine in a bubble of its own, and checks the
// process tree at the end.
func each(t *testing.T, f func(t *testing.T, d *Driver)) {
	t.Helper()
	for _, r := range []kern.Release{kern.Release11, kern.Release10, kern.Release2003} {
		t.Run("release"+r.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m := kern.New(kern.Config{Release: r})
				f(t, New(m, nil, nil))
				synctest.Wait()
				check(t, m)
				if err := m.Close(); err != nil {
					t.Error(err)
				}
				check(t, m)
			})
		})
	}
}

func check(t *testing.T, m *kern.Machine) {
	t.Helper()
	for _, err := range m.Check() {
		t.Error(err)
	}
}

// side is one side of a pair in the hands of somebody who is no process.
type side struct {
	t *testing.T
	d *file.Description
}

func (s side) call(nonblock bool) file.Call {
	return file.Call{L: file.NewKthread(), Nonblock: nonblock}
}

func (s side) write(b string) {
	s.t.Helper()
	if n, errno := s.d.File.Write(s.call(true), []byte(b)); errno != 0 || n != len(b) {
		s.t.Fatalf("write %q: %d, %v", b, n, errno)
	}
}

// read returns what can be read at once, in one call; "" for EAGAIN.
func (s side) read() string {
	s.t.Helper()
	b := make([]byte, 4096)
	n, errno := s.d.File.Read(s.call(true), b)
	if errno == netbsd.EAGAIN {
		return ""
	}
	if errno != 0 {
		s.t.Fatalf("read: %v", errno)
	}
	return string(b[:n])
}

func (s side) ioctl(cmd uint32, data []byte) {
	s.t.Helper()
	if errno := s.d.File.Ioctl(s.call(false), cmd, data); errno != 0 {
		s.t.Fatalf("ioctl %#x: %v", cmd, errno)
	}
}

func (s side) modes() netbsd.Termios {
	b := make([]byte, netbsd.SizeofTermios)
	s.ioctl(netbsd.TIOCGETA, b)
	return netbsd.DecodeTermios(b)
}

func (s side) setModes(change func(*netbsd.Termios)) {
	s.t.Helper()
	m := s.modes()
	change(&m)
	b := make([]byte, netbsd.SizeofTermios)
	m.Encode(b)
	s.ioctl(netbsd.TIOCSETA, b)
}

func (s side) count(cmd uint32) int {
	b := make([]byte, 4)
	s.ioctl(cmd, b)
	return int(le.Uint32(b))
}

// open makes a pair and opens both sides.
func open(t *testing.T, d *Driver) (ctl, term side) {
	t.Helper()
	c, errno := d.OpenPair(nil, 0)
	if errno != 0 {
		t.Fatal(errno)
	}
	s, errno := c.File.(*controller).open(0, netbsd.O_RDWR)
	if errno != 0 {
		t.Fatal(errno)
	}
	return side{t, c}, side{t, s}
}

// pairOf returns the pair behind a side.
func (s side) pair() *pair {
	if c, ok := s.d.File.(*controller); ok {
		return c.pair
	}
	return s.d.File.(*terminal).pair
}

// guest starts a process that leads a session of its own.
func guest(t *testing.T, d *Driver, body func(*kern.LWP)) *kern.Proc {
	t.Helper()
	p, errno := d.m.Spawn(kern.SpawnArgs{Body: body, Setsid: true})
	if errno != 0 {
		t.Fatal(errno)
	}
	return p
}

// fork makes a child; it is in the parent's session.
func fork(t *testing.T, l *kern.LWP, body func(*kern.LWP)) *kern.Proc {
	t.Helper()
	p, errno := l.Fork(kern.ForkArgs{Body: body})
	if errno != 0 {
		t.Error(errno)
		l.Exit(99)
	}
	return p
}

func itoa(n int) string { return strconv.Itoa(n) }

func pause(l *kern.LWP) {
	for {
		l.Sleep(true, noDeadline)
	}
}
