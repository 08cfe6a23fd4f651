package tty

import (
	"encoding/binary"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"toaster/internal/file"
	"toaster/kern"
	"toaster/netbsd"
)

const (
	up   = "\b \b"
	eof  = "\x04"
	kill = "\x15"
	word = "\x17"
)

// The line discipline as tty(4) and termios(4) describe it: what is typed, what the
// reader gets, what is seen.
func TestLine(t *testing.T) {
	off := func(l uint32) func(*netbsd.Termios) { return func(m *netbsd.Termios) { m.Lflag &^= l } }
	on := func(l uint32) func(*netbsd.Termios) { return func(m *netbsd.Termios) { m.Lflag |= l } }
	for _, c := range []struct {
		name   string
		modes  func(*netbsd.Termios)
		typed  string
		reads  []string // "" is: nothing yet
		screen string
	}{
		{name: "a line", typed: "hello\r", reads: []string{"hello\n", ""}, screen: "hello\r\n"},
		{name: "no line yet", typed: "hel", reads: []string{""}, screen: "hel"},
		{name: "two lines, read one by one", typed: "a\nb\n", reads: []string{"a\n", "b\n", ""}, screen: "a\r\nb\r\n"},
		{name: "erase", typed: "ax\x7fb\n", reads: []string{"ab\n"}, screen: "ax" + up + "b\r\n"},
		{name: "erase at the start", typed: "\x7fa\n", reads: []string{"a\n"}, screen: "a\r\n"},
		{name: "erase a control character", typed: "\x01\x7fb\n", reads: []string{"b\n"}, screen: "^A" + up + up + "b\r\n"},
		{name: "erase a tab", typed: "a\t\x7fb\n", reads: []string{"ab\n"}, screen: "a       \b\b\b\b\b\b\bb\r\n"},
		{name: "kill", typed: "abc" + kill + "d\n", reads: []string{"d\n"}, screen: "abc" + up + up + up + "d\r\n"},
		{name: "kill without ECHOKE", modes: func(m *netbsd.Termios) { m.Lflag = m.Lflag&^netbsd.ECHOKE | netbsd.ECHOK }, typed: "abc" + kill + "d\n", reads: []string{"d\n"}, screen: "abc^U\r\nd\r\n"},
		{name: "word erase", typed: "one two  " + word + "x\n", reads: []string{"one x\n"}, screen: "one two  " + up + up + up + up + up + "x\r\n"},
		{name: "word erase, ALTWERASE", modes: on(netbsd.ALTWERASE), typed: "a/bc" + word + "\n", reads: []string{"a/\n"}, screen: "a/bc" + up + up + "\r\n"},
		{name: "reprint", typed: "ab\x12\n", reads: []string{"ab\n"}, screen: "ab^R\r\nab\r\n"},
		{name: "literal next", typed: "\x16\x03\n", reads: []string{"\x03\n"}, screen: "^\b^C\r\n"},
		{name: "literal newline ends no line", typed: "a\x16\nb\n", reads: []string{"a\nb\n"}, screen: "a^\b^Jb\r\n"},
		{name: "end of file", typed: eof, reads: []string{"\x00EOF"}, screen: "^D\b\b"},
		{name: "end of file after text", typed: "ab" + eof + "c\n", reads: []string{"ab", "c\n"}, screen: "ab^D\b\bc\r\n"},
		{name: "ECHO off", modes: off(netbsd.ECHO), typed: "secret\n", reads: []string{"secret\n"}},
		{name: "ECHONL", modes: func(m *netbsd.Termios) { m.Lflag = m.Lflag&^netbsd.ECHO | netbsd.ECHONL }, typed: "secret\n", reads: []string{"secret\n"}, screen: "\r\n"},
		{name: "ECHOCTL off", modes: off(netbsd.ECHOCTL), typed: "\x01\n", reads: []string{"\x01\n"}, screen: "\x01\r\n"},
		{name: "ECHOE off", modes: off(netbsd.ECHOE), typed: "ab\x7f\n", reads: []string{"a\n"}, screen: "ab^?\r\n"},
		{name: "ECHOPRT", modes: func(m *netbsd.Termios) { m.Lflag = m.Lflag&^netbsd.ECHOE | netbsd.ECHOPRT }, typed: "ab\x7f\x7fc\n", reads: []string{"c\n"}, screen: "ab\\ba/c\r\n"},
		{name: "IGNCR", modes: func(m *netbsd.Termios) { m.Iflag |= netbsd.IGNCR }, typed: "a\rb\n", reads: []string{"ab\n"}, screen: "ab\r\n"},
		{name: "INLCR", modes: func(m *netbsd.Termios) { m.Iflag = netbsd.INLCR; m.Lflag = 0; m.Cc[netbsd.VMIN] = 0 }, typed: "\n", reads: []string{"\r"}},
		{name: "ISTRIP", modes: func(m *netbsd.Termios) { m.Iflag |= netbsd.ISTRIP }, typed: "\xe1\n", reads: []string{"a\n"}, screen: "a\r\n"},
		{name: "OPOST off", modes: func(m *netbsd.Termios) { m.Oflag = 0 }, typed: "a\tb\n", reads: []string{"a\tb\n"}, screen: "a\tb\n"},
		{name: "EOL", modes: func(m *netbsd.Termios) { m.Cc[netbsd.VEOL] = ';' }, typed: "a;b\n", reads: []string{"a;", "b\n"}, screen: "a;b\r\n"},
		{name: "disabled characters are data", modes: func(m *netbsd.Termios) { m.Cc[netbsd.VERASE] = netbsd.VDISABLE }, typed: "a\x7f\xff\n", reads: []string{"a\x7f\xff\n"}, screen: "a^?\xff\r\n"},
		{name: "raw", modes: func(m *netbsd.Termios) { m.Lflag, m.Iflag, m.Oflag = 0, 0, 0 }, typed: "a\x03\r\x7f", reads: []string{"a\x03\r\x7f"}},
		{name: "external processing", modes: nil, typed: "x\x7f\n", reads: []string{"\n"}, screen: "x" + up + "\r\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := kern.New(kern.Config{})
			defer m.Close()
			ctl, term := open(t, New(m, nil, nil))
			if c.modes != nil {
				term.setModes(c.modes)
			}
			ctl.write(c.typed)
			for _, want := range c.reads {
				if want == "\x00EOF" {
					if n, errno := term.d.File.Read(term.call(true), make([]byte, 8)); n != 0 || errno != 0 {
						t.Errorf("read: %d, %v; want the end of file", n, errno)
					}
				} else if got := term.read(); got != want {
					t.Errorf("read %q, want %q", got, want)
				}
			}
			if got := ctl.read(); got != c.screen {
				t.Errorf("screen %q, want %q", got, c.screen)
			}
		})
	}
}

// What programs write: OPOST and its kin.
func TestOutput(t *testing.T) {
	for _, c := range []struct {
		name  string
		oflag uint32
		write string
		want  string
	}{
		{"NetBSD's defaults", netbsd.OPOST | netbsd.ONLCR | netbsd.OXTABS, "a\tb\n\tc", "a       b\r\n        c"},
		{"raw", 0, "a\tb\n", "a\tb\n"},
		{"OCRNL", netbsd.OPOST | netbsd.OCRNL, "a\rb", "a\nb"},
		{"ONOCR", netbsd.OPOST | netbsd.ONOCR, "\ra\r\rb", "a\rb"},
		{"ONOEOT", netbsd.OPOST | netbsd.ONOEOT, "a\x04b", "ab"},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := kern.New(kern.Config{})
			defer m.Close()
			ctl, term := open(t, New(m, nil, nil))
			term.setModes(func(m *netbsd.Termios) { m.Oflag = c.oflag })
			term.write(c.write)
			if got := ctl.read(); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

// ^S stops output, ^Q or, with IXANY, any character lets it go on; packet mode tells.
func TestFlowControl(t *testing.T) {
	m := kern.New(kern.Config{})
	defer m.Close()
	ctl, term := open(t, New(m, nil, nil))
	ctl.ioctl(netbsd.TIOCPKT, []byte{1, 0, 0, 0})
	ctl.write("\x13")
	term.write("x")
	if got := ctl.read(); got != "\x04" { // TIOCPKT_STOP
		t.Errorf("read %q, want the byte of TIOCPKT_STOP", got)
	}
	if got := ctl.read(); got != "" {
		t.Errorf("read %q while output is stopped", got)
	}
	ctl.write("\x11")
	if got := ctl.read(); got != "\x08" { // TIOCPKT_START
		t.Errorf("read %q, want the byte of TIOCPKT_START", got)
	}
	if got := ctl.read(); got != "\x00x" {
		t.Errorf("read %q, want a data packet", got)
	}
	term.setModes(func(m *netbsd.Termios) { m.Iflag &^= netbsd.IXON })
	if got := ctl.read(); got != "\x10" { // TIOCPKT_NOSTOP
		t.Errorf("read %q, want the byte of TIOCPKT_NOSTOP", got)
	}
	term.ioctl(netbsd.TIOCFLUSH, make([]byte, 4))
	if got := ctl.read(); got != "\x03" {
		t.Errorf("read %q, want the bytes of both flushes", got)
	}
}

// VMIN and VTIME, in all four combinations (termios(4)).
func TestMinTime(t *testing.T) {
	for _, c := range []struct {
		name        string
		vmin, vtime byte
		typed       []string // with a tenth of a second and a half before each
		want        string
		after       time.Duration
	}{
		{"0, 0: what is there", 0, 0, nil, "", 0},
		{"0, 5: the first within the time", 0, 5, []string{"a", "b"}, "a", 150 * time.Millisecond},
		{"0, 1: none in time", 0, 1, []string{"a"}, "", 100 * time.Millisecond},
		{"3, 0: that many", 3, 0, []string{"a", "b", "c"}, "abc", 450 * time.Millisecond},
		{"3, 1: the clock runs from each", 3, 1, []string{"a", "b"}, "a", 250 * time.Millisecond},
		{"3, 2: each in time", 3, 2, []string{"a", "b", "c"}, "abc", 450 * time.Millisecond},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m := kern.New(kern.Config{})
				defer m.Close()
				ctl, term := open(t, New(m, nil, nil))
				term.setModes(func(m *netbsd.Termios) {
					m.Lflag = 0
					m.Cc[netbsd.VMIN], m.Cc[netbsd.VTIME] = c.vmin, c.vtime
				})
				go func() {
					for _, s := range c.typed {
						time.Sleep(150 * time.Millisecond)
						ctl.write(s)
					}
				}()
				begin := time.Now()
				b := make([]byte, 16)
				n, errno := term.d.File.Read(term.call(false), b)
				if errno != 0 || string(b[:n]) != c.want || time.Since(begin) != c.after {
					t.Errorf("read %q, %v after %v; want %q after %v", b[:n], errno, time.Since(begin), c.want, c.after)
				}
				time.Sleep(time.Second)
			})
		})
	}
}

// Input typed in one mode is there in the other.
func TestModeSwitch(t *testing.T) {
	m := kern.New(kern.Config{})
	defer m.Close()
	ctl, term := open(t, New(m, nil, nil))
	ctl.write("ab")
	term.setModes(func(m *netbsd.Termios) { m.Lflag &^= netbsd.ICANON | netbsd.ECHO })
	if got := term.read(); got != "ab" {
		t.Errorf("read %q of the unfinished line, want ab", got)
	}
	ctl.write("x\x7fy\n")
	term.setModes(func(m *netbsd.Termios) { m.Lflag |= netbsd.ICANON })
	if got := term.read(); got != "y\n" {
		t.Errorf("read %q, want the line as if typed with ICANON", got)
	}
}

// A writer fills the queue, sleeps, and goes on when the controller has read.
func TestWriterSleeps(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := kern.New(kern.Config{})
		defer m.Close()
		ctl, term := open(t, New(m, nil, nil))
		text := make([]byte, 3*outputMax)
		for i := range text {
			text[i] = 'x'
		}
		wrote := 0
		go func() {
			n, errno := term.d.File.Write(term.call(false), text)
			if errno != 0 {
				t.Error(errno)
			}
			wrote = n
		}()
		synctest.Wait()
		if wrote != 0 || term.count(netbsd.TIOCOUTQ) != outputMax {
			t.Fatalf("wrote %d with %d in the queue", wrote, term.count(netbsd.TIOCOUTQ))
		}
		if ev := term.d.File.Poll(file.Out); ev != 0 {
			t.Errorf("poll gives %#x with a full queue", ev)
		}
		got := 0
		for wrote == 0 {
			got += len(ctl.read())
			synctest.Wait()
		}
		got += len(ctl.read())
		if got != len(text) || wrote != len(text) {
			t.Errorf("wrote %d and read %d of %d", wrote, got, len(text))
		}
	})
}

// TIOCSQSIZE (tty_get_qsize, tty_set_qsize): the queue gets a power of two, at most 64K, and then holds longer
// lines.
func TestQueueSize(t *testing.T) {
	m := kern.New(kern.Config{})
	defer m.Close()
	ctl, term := open(t, New(m, nil, nil))
	term.setModes(func(m *netbsd.Termios) { m.Lflag &^= netbsd.ECHO })
	for _, c := range []struct {
		size int
		want netbsd.Errno
		is   int
	}{{1023, netbsd.EINVAL, 1024}, {-1, netbsd.EINVAL, 1024}, {1 << 17, netbsd.EINVAL, 1024}, {1 << 16, 0, 1 << 16}, {4095, 0, 2048}} {
		data := make([]byte, 4)
		binary.LittleEndian.PutUint32(data, uint32(c.size))
		errno := term.d.File.Ioctl(file.Call{}, netbsd.TIOCSQSIZE, data)
		is := make([]byte, 4)
		term.ioctl(netbsd.TIOCGQSIZE, is)
		if got := int(binary.LittleEndian.Uint32(is)); errno != c.want || got != c.is {
			t.Errorf("%d: %s, it is %d, want %d", c.size, errno.Name(), got, c.is)
		}
	}
	ctl.write(strings.Repeat("x", 2000) + "\n")
	if got := term.read(); len(got) != 2001 {
		t.Errorf("the line has %d characters", len(got))
	}
}

// A line that is too long is refused with a beep, and can still be ended and read.
func TestLongLine(t *testing.T) {
	m := kern.New(kern.Config{})
	defer m.Close()
	ctl, term := open(t, New(m, nil, nil))
	term.setModes(func(m *netbsd.Termios) { m.Lflag &^= netbsd.ECHO })
	long := make([]byte, inputMax+5)
	for i := range long {
		long[i] = 'x'
	}
	ctl.write(string(long))
	if got := ctl.read(); got != "\a\a\a\a\a" {
		t.Errorf("screen %q, want a beep for each of the five", got)
	}
	ctl.write("\x7f\n")
	if got := term.read(); len(got) != inputMax {
		t.Errorf("the line has %d characters, want %d", len(got), inputMax)
	}
}

// A pseudo-terminal knows no breaks and no modem: neither ptyioctl nor ttioctl serves them, so they are ENOTTY (sys_ioctl).
func TestNoSerialLine(t *testing.T) {
	m := kern.New(kern.Config{})
	defer m.Close()
	ctl, term := open(t, New(m, nil, nil))
	for _, cmd := range []uint32{netbsd.TIOCSBRK, netbsd.TIOCCBRK, netbsd.TIOCSDTR, netbsd.TIOCCDTR, netbsd.TIOCSFLAGS, netbsd.TIOCGFLAGS, netbsd.TIOCMGET} {
		for _, d := range []*file.Description{ctl.d, term.d} {
			if errno := d.File.Ioctl(file.Call{}, cmd, make([]byte, 4)); errno != netbsd.EPASSTHROUGH {
				t.Errorf("%#x: %v", cmd, errno)
			}
		}
	}
}
