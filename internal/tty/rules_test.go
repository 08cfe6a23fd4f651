package tty

import (
	"testing"
	"testing/synctest"
	"time"

	"toaster/internal/file"
	"toaster/kern"
	"toaster/netbsd"
)

// ptspoll, ttpoll and ptcpoll for poll(2) and select(2), and what kevent(2) asks (RdHup, WrHup): filt_ptcread alone has an end.
func TestPollOfTheEnds(t *testing.T) {
	const in, out, hup, rdEnd, wrEnd = file.In, file.Out, file.Hup, file.RdHup, file.WrHup
	for _, c := range []struct {
		name string
		make func(ctl, term side) (of side)
		want map[file.Events]file.Events
	}{
		{"both are open", func(_, term side) side { return term }, map[file.Events]file.Events{in | out | hup: out, in | rdEnd: 0, out | wrEnd: out, 0: 0}},
		{"the controller has gone: POLLHUP, whatever is asked", func(ctl, term side) side { ctl.d.Release(); return term },
			map[file.Events]file.Events{in | out | hup: hup, in | rdEnd: hup, out | wrEnd: hup, 0: hup}},
		{"dead_poll: it was revoked", func(ctl, term side) side { ctl.pair().Revoke(); return term },
			map[file.Events]file.Events{in | out | hup: in | out | hup, in: in, in | rdEnd: 0, out | wrEnd: 0, 0: 0}},
		{"the controller, of a terminal that is open", func(ctl, _ side) side { return ctl },
			map[file.Events]file.Events{in | out | hup: out, in | rdEnd: 0, out | wrEnd: out}},
		{"the controller, of one that is closed", func(ctl, term side) side { term.d.Release(); return ctl },
			map[file.Events]file.Events{in | out | hup: hup, in: 0, in | rdEnd: rdEnd, out | wrEnd: 0}},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := kern.New(kern.Config{})
			defer m.Close()
			ctl, term := open(t, New(m, nil, nil))
			of := c.make(ctl, term)
			for ask, want := range c.want {
				if got := of.d.File.Poll(ask); got != want {
					t.Errorf("asked %#x: %#x, want %#x", ask, got, want)
				}
			}
		})
	}
}

// ttread: who does not block waits for VTIME still, if there is a time to wait for.
func TestMinTimeWithoutBlocking(t *testing.T) {
	for _, c := range []struct {
		vmin, vtime byte
		typed       string
		want        string
		errno       netbsd.Errno
		after       time.Duration
	}{
		{0, 2, "", "", 0, 200 * time.Millisecond},
		{3, 2, "", "", netbsd.EAGAIN, 0},
		{3, 2, "a", "a", 0, 200 * time.Millisecond},
		{3, 0, "a", "", netbsd.EAGAIN, 0},
		{0, 0, "", "", 0, 0},
	} {
		synctest.Test(t, func(t *testing.T) {
			m := kern.New(kern.Config{})
			defer m.Close()
			ctl, term := open(t, New(m, nil, nil))
			term.setModes(func(m *netbsd.Termios) {
				m.Lflag = 0
				m.Cc[netbsd.VMIN], m.Cc[netbsd.VTIME] = c.vmin, c.vtime
			})
			ctl.write(c.typed)
			begin, b := time.Now(), make([]byte, 9)
			n, errno := term.d.File.Read(term.call(true), b)
			if string(b[:n]) != c.want || errno != c.errno || time.Since(begin) != c.after {
				t.Errorf("%+v: %q, %s after %v", c, b[:n], errno.Name(), time.Since(begin))
			}
		})
	}
}

// ttioctl of TIOCSETA: CIGNORE leaves the control flags and the speeds, a speed of 0, too; PENDIN is anybody's to set, and has what is there typed anew.
func TestSetModes(t *testing.T) {
	m := kern.New(kern.Config{})
	defer m.Close()
	ctl, term := open(t, New(m, nil, nil))
	was := term.modes()
	term.setModes(func(m *netbsd.Termios) {
		m.Cflag, m.Ispeed, m.Ospeed = netbsd.CIGNORE|netbsd.CLOCAL, 1, 0
		m.Iflag |= netbsd.ISTRIP
	})
	if m := term.modes(); m.Cflag != was.Cflag || m.Ispeed != was.Ispeed || m.Ospeed != was.Ospeed || m.Iflag == was.Iflag {
		t.Errorf("%+v, want %+v with ISTRIP", m, was)
	}
	term.setModes(func(m *netbsd.Termios) { m.Lflag = 0 })
	ctl.write("ab\x7fc\n")
	term.setModes(func(m *netbsd.Termios) { m.Lflag = netbsd.PENDIN })
	if m := term.modes(); m.Lflag != netbsd.PENDIN {
		t.Errorf("flags %#x", m.Lflag)
	}
	ctl.write("x")
	if m := term.modes(); m.Lflag != 0 {
		t.Errorf("flags %#x once it was typed anew", m.Lflag)
	}
}

// ptyioctl: a UIOCCMD succeeds where the controller hears of them, and UIOCCMD(0) tells it nothing. tty_set_qsize is not asked for the size that
// is there; the room is the queue's (FIONSPACE, filt_ttywrite, filt_ptcwrite).
func TestRequestsOfPseudoTerminals(t *testing.T) {
	m := kern.New(kern.Config{})
	defer m.Close()
	ctl, term := open(t, New(m, nil, nil))
	one := []byte{1, 0, 0, 0}
	ctl.ioctl(netbsd.TIOCUCNTL, one)
	term.ioctl(uiocBase, nil)
	if got := ctl.read(); got != "" {
		t.Errorf("of UIOCCMD(0) %q", got)
	}
	term.ioctl(uiocBase|7, nil)
	if got := ctl.read(); got != "\x07" {
		t.Errorf("of UIOCCMD(7) %q", got)
	}
	size := func(n uint32) netbsd.Errno {
		return term.d.File.Ioctl(term.call(true), netbsd.TIOCSQSIZE, le.AppendUint32(nil, n))
	}
	if errno := size(4096); errno != 0 {
		t.Error(errno.Name())
	}
	term.write("out")
	if a, b := size(5000), size(8192); a != 0 || b != netbsd.EBUSY {
		t.Errorf("TIOCSQSIZE: %s, %s; want the size that is there, and EBUSY", a.Name(), b.Name())
	}
	if n, c := term.count(netbsd.FIONSPACE), term.d.File.(file.Counter).WriteCount(); n != 4093 || c != 4093 {
		t.Errorf("room for %d, by kevent(2) %d; want 4093", n, c)
	}
	ctl.write("line\n")
	if c := ctl.d.File.(file.Counter).WriteCount(); c != 4091 {
		t.Errorf("room to type %d, want 4091", c)
	}
}

// ttwrite and ptcwrite: who has written a part fails still if the other side goes (dofilewrite).
func TestWriteFailsInTheMiddle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := kern.New(kern.Config{})
		defer m.Close()
		ctl, term := open(t, New(m, nil, nil))
		var errno netbsd.Errno
		go func() { _, errno = term.d.File.Write(term.call(false), make([]byte, 3*outputMax)) }()
		synctest.Wait()
		ctl.d.Release()
		synctest.Wait()
		if errno != netbsd.EIO {
			t.Errorf("%s, want EIO", errno.Name())
		}
	})
}

// noread and nowrite of ptm_cdevsw.
func TestPtmIsNotRead(t *testing.T) {
	m := kern.New(kern.Config{})
	defer m.Close()
	f := &ptm{d: New(m, nil, nil)}
	_, r := f.Read(file.Call{}, make([]byte, 1))
	_, w := f.Write(file.Call{}, make([]byte, 1))
	if r != netbsd.ENODEV || w != netbsd.ENODEV {
		t.Errorf("%s, %s; want ENODEV", r.Name(), w.Name())
	}
}

// FIOSETOWN of ttioctl names a group by -id, or that of a process, of the caller's session; TIOCSTI wants the credentials of its leader.
func TestOwnerOfATerminal(t *testing.T) {
	each(t, func(t *testing.T, d *Driver) {
		ctl, term := open(t, d)
		_, others := open(t, d)
		leader := guest(t, d, func(l *kern.LWP) {
			own(t, l, term)
			call := file.Call{L: l}
			ask := func(s side, id int) netbsd.Errno {
				return s.d.File.Ioctl(call, netbsd.FIOSETOWN, le.AppendUint32(nil, uint32(int32(id))))
			}
			pid := l.Proc().Pid()
			for id, want := range map[int]netbsd.Errno{0: netbsd.EPERM, 1: netbsd.EPERM, 9999: netbsd.ESRCH, -9999: netbsd.EINVAL, -1 << 31: netbsd.EINVAL, pid: 0, -pid: 0} {
				if errno := ask(term, id); errno != want {
					t.Errorf("owner %d: %s, want %s", id, errno.Name(), want.Name())
				}
			}
			if errno := ask(others, pid); errno != 0 {
				t.Errorf("of a terminal that is nobody's: %s", errno.Name())
			}
			sti := func(l *kern.LWP) netbsd.Errno {
				return term.d.File.Ioctl(file.Call{L: l}, netbsd.TIOCSTI, []byte{'x'})
			}
			as := func(who string, want netbsd.Errno, become func(l *kern.LWP)) {
				fork(t, l, func(l *kern.LWP) {
					become(l)
					if errno := sti(l); errno != want {
						t.Errorf("TIOCSTI by %s: %s, want %s", who, errno.Name(), want.Name())
					}
					l.Exit(0)
				}).Wait()
			}
			as("another user than the leader", netbsd.EPERM, func(l *kern.LWP) { l.Setuid(1000) })
			l.Setuid(1000)
			as("who has its credentials", 0, func(*kern.LWP) {})
			ctl.read() // the echo, which its exit would wait for
			l.Exit(0)
		})
		leader.Wait()
	})
}
