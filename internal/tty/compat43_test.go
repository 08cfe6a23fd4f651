package tty

import (
	"testing"

	"toaster/internal/file"
	"toaster/internal/vfs"
	"toaster/kern"
	"toaster/netbsd"
)

// The requests of 4.3BSD (compat_43_ttioctl) are told in flags that 4.4BSD's modes amount to, and set those.
func TestRequestsOf43BSD(t *testing.T) {
	each(t, func(t *testing.T, d *Driver) {
		ctl, term := open(t, d)
		defer ctl.d.Release()
		defer term.d.Release()
		word := func(cmd uint32) uint32 { return uint32(term.count(cmd)) }
		sg := make([]byte, 6)
		term.ioctl(netbsd.TIOCGETP, sg)
		if sg[0] != 13 || sg[1] != 13 || sg[2] != 0x7f || sg[3] != ctrl('U') || le.Uint16(sg[4:]) != netbsd.ECHO|netbsd.CRMOD|netbsd.XTABS {
			t.Errorf("TIOCGETP %x", sg)
		}

		// Raw and slow, and back: that eight bits were let through (PASS8) has been kept.
		le.PutUint16(sg[4:], netbsd.RAW)
		sg[0], sg[1] = 9, 100
		term.ioctl(netbsd.TIOCSETN, sg)
		m := term.modes()
		if m.Lflag&(netbsd.ICANON|netbsd.ECHO|netbsd.ISIG|netbsd.IEXTEN) != 0 || m.Iflag != 0 || m.Oflag&(netbsd.OPOST|netbsd.ONLCR) != 0 ||
			m.Cflag&netbsd.CSIZE != netbsd.CS8 || m.Ispeed != 1200 || m.Ospeed != 100 {
			t.Errorf("raw: %+v", m)
		}
		term.ioctl(netbsd.TIOCGETP, sg)
		if le.Uint16(sg[4:]) != netbsd.RAW || sg[0] != 9 || sg[1] != 17 {
			t.Errorf("raw: TIOCGETP %x", sg)
		}
		le.PutUint16(sg[4:], netbsd.CBREAK|netbsd.CRMOD|netbsd.EVENP|netbsd.TANDEM)
		sg[1] = 13
		ctl.write("lost")
		term.ioctl(netbsd.TIOCSETP, sg)
		m = term.modes()
		if m.Lflag&(netbsd.ICANON|netbsd.ECHO|netbsd.ISIG|netbsd.IEXTEN) != netbsd.ISIG|netbsd.IEXTEN ||
			m.Iflag&(netbsd.IXON|netbsd.IXOFF|netbsd.ICRNL|netbsd.INPCK|netbsd.ISTRIP) != netbsd.IXON|netbsd.IXOFF|netbsd.ICRNL|netbsd.INPCK ||
			m.Cflag&(netbsd.PARENB|netbsd.PARODD|netbsd.CSIZE) != netbsd.PARENB|netbsd.CS8 || m.Oflag&netbsd.OPOST == 0 || term.read() != "" {
			t.Errorf("cbreak: %+v", m)
		}
		term.ioctl(netbsd.TIOCGETP, sg)
		if le.Uint16(sg[4:]) != netbsd.CBREAK|netbsd.CRMOD|netbsd.EVENP|netbsd.TANDEM {
			t.Errorf("cbreak: TIOCGETP %x", sg)
		}

		// The local word.
		was := word(netbsd.TIOCLGET)
		term.ioctl(netbsd.TIOCLBIS, values(netbsd.PASS8>>16|netbsd.TOSTOP>>16|netbsd.CRTKIL>>16))
		if m := term.modes(); m.Lflag&netbsd.TOSTOP == 0 || m.Lflag&netbsd.ECHOKE == 0 || m.Cflag&netbsd.CSIZE != netbsd.CS8 || m.Iflag&netbsd.ISTRIP != 0 {
			t.Errorf("TIOCLBIS: %+v", m)
		}
		term.ioctl(netbsd.TIOCLBIC, values(netbsd.PASS8>>16|netbsd.TOSTOP>>16))
		if now := word(netbsd.TIOCLGET); now != was&^(netbsd.PASS8>>16) || term.modes().Cflag&netbsd.CSIZE != netbsd.CS7 {
			t.Errorf("TIOCLGET %#x, before %#x", now, was)
		}
		term.ioctl(netbsd.TIOCLSET, values(netbsd.DECCTQ>>16))
		if now := word(netbsd.TIOCLGET); now != netbsd.DECCTQ>>16 {
			t.Errorf("TIOCLGET %#x", now)
		}

		// Characters and the discipline.
		chars := make([]byte, 6)
		term.ioctl(netbsd.TIOCSETC, []byte{1, 2, 3, 4, 5, 0xff})
		term.ioctl(netbsd.TIOCGETC, chars)
		if m := term.modes(); string(chars) != "\x01\x02\x03\x04\x05\xff" || m.Cc[netbsd.VINTR] != 1 || m.Cc[netbsd.VEOL2] != netbsd.VDISABLE {
			t.Errorf("TIOCGETC %x, %x", chars, m.Cc)
		}
		term.ioctl(netbsd.TIOCSLTC, []byte{1, 2, 3, 4, 5, 6})
		term.ioctl(netbsd.TIOCGLTC, chars)
		if m := term.modes(); string(chars) != "\x01\x02\x03\x04\x05\x06" || m.Cc[netbsd.VLNEXT] != 6 {
			t.Errorf("TIOCGLTC %x, %x", chars, m.Cc)
		}
		if n := word(netbsd.OTIOCGETD); n != 2 {
			t.Errorf("OTIOCGETD %d", n)
		}
		term.ioctl(netbsd.OTIOCSETD, values(2))
		if errno := term.d.File.Ioctl(term.call(false), netbsd.OTIOCSETD, values(7)); errno != netbsd.ENXIO {
			t.Errorf("OTIOCSETD: %v", errno)
		}
		term.ioctl(netbsd.TIOCHPCL, nil)
		if m := term.modes(); m.Cflag&netbsd.HUPCL == 0 {
			t.Errorf("TIOCHPCL: %+v", m)
		}
	})
}

func values(v uint32) []byte { return le.AppendUint32(nil, v) }

// TIOCCONS: whoever may read /dev/console has a terminal be the console, while no other one is.
func TestConsole(t *testing.T) {
	each(t, func(t *testing.T, d *Driver) {
		may := netbsd.EACCES
		_, first := open(t, d)
		_, second := open(t, d)
		guest(t, d, func(l *kern.LWP) {
			ask := func(s side, cmd uint32, on uint32, want netbsd.Errno) {
				t.Helper()
				if errno := s.d.File.Ioctl(file.Call{L: l}, cmd, values(on)); errno != want {
					t.Errorf("%#x %d: %v, want %v", cmd, on, errno, want)
				}
			}
			ask(first, netbsd.TIOCCONS, 1, netbsd.ENOENT)
			d.SetConsole(func(*kern.LWP) netbsd.Errno { return may })
			ask(first, netbsd.TIOCCONS, 1, netbsd.EACCES)
			may = 0
			ask(first, netbsd.TIOCCONS, 1, 0)
			ask(first, netbsd.OTIOCCONS, 0, 0)
			ask(second, netbsd.TIOCCONS, 1, netbsd.EBUSY)
			ask(second, netbsd.TIOCCONS, 0, 0)
			ask(second, netbsd.TIOCCONS, 1, netbsd.EBUSY)
			ask(first, netbsd.TIOCCONS, 0, 0)
			ask(second, netbsd.TIOCCONS, 1, 0)
			second.d.Release()
			ask(first, netbsd.TIOCCONS, 1, 0)
			l.Exit(0)
		})
	})
}

// The user's own terminal is asked by the same requests. A pseudo-terminal has no breaks; another one's line is asked, which a modem's
// requests are ENOTTY of here (comioctl).
func TestRequestsOfTheHostsTerminal(t *testing.T) {
	d := onHost(t)
	_, slave := hostPair(t)
	desc, errno := d.Inherit(int(slave.Fd()))
	h, errno2 := d.HostTTY(int(slave.Fd()))
	if errno != 0 || errno2 != 0 {
		t.Fatal(errno, errno2)
	}
	defer desc.Release()
	s := side{t, desc}
	sg := make([]byte, 6)
	s.ioctl(netbsd.TIOCGETP, sg)
	le.PutUint16(sg[4:], netbsd.RAW)
	s.ioctl(netbsd.TIOCSETP, sg)
	if m := s.modes(); m.Lflag&(netbsd.ICANON|netbsd.ECHO) != 0 || m.Cflag&netbsd.CSIZE != netbsd.CS8 {
		t.Errorf("raw: %+v", m)
	}
	s.ioctl(netbsd.TIOCGETP, sg)
	if le.Uint16(sg[4:])&netbsd.RAW == 0 {
		t.Errorf("TIOCGETP %x", sg)
	}
	ask := func(cmd uint32, b []byte) netbsd.Errno { return desc.File.Ioctl(s.call(false), cmd, b) }
	for _, cmd := range []uint32{netbsd.TIOCSBRK, netbsd.TIOCMGET, netbsd.TIOCGFLAGS} {
		if errno := ask(cmd, values(0)); errno != netbsd.EPASSTHROUGH {
			t.Errorf("%#x of a pseudo-terminal: %v", cmd, errno)
		}
	}
	h.pseudo = false
	if errno := ask(netbsd.TIOCMGET, values(0)); errno != netbsd.ENOTTY {
		t.Errorf("TIOCMGET: %v", errno)
	}
	s.ioctl(netbsd.TIOCSBRK, nil)
	s.ioctl(netbsd.TIOCCBRK, nil)
	s.ioctl(netbsd.TIOCSFLAGS, values(3))
	if n := s.count(netbsd.TIOCGFLAGS); n != 3 {
		t.Errorf("TIOCGFLAGS %d", n)
	}

	// TIOCEXCL holds until the last close, for who is not the superuser (ttyopen).
	s.ioctl(netbsd.TIOCEXCL, nil)
	asked := make(chan struct{})
	guest(t, d, func(l *kern.LWP) {
		defer close(asked)
		if errno := l.Setuid(100); errno != 0 {
			t.Error(errno)
		}
		if _, errno := h.openNamed(vfs.View{L: l}, netbsd.O_RDWR); errno != netbsd.EBUSY {
			t.Errorf("open(2) of a terminal that is somebody's alone: %v", errno)
		}
		s.ioctl(netbsd.TIOCNXCL, nil)
		again, errno := h.openNamed(vfs.View{L: l}, netbsd.O_RDWR)
		if errno != 0 {
			t.Error(errno)
		} else {
			again.Release()
		}
		l.Exit(0)
	})
	<-asked
}
