package tty

import (
	"bytes"
	"crypto/sha256"
	"io"
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"toaster/internal/file"
	"toaster/internal/filetest"
	"toaster/internal/hostfile"
	"toaster/kern"
	"toaster/netbsd"
)

// These tests give a side of a pair to a program of the host, which the test plays. What a
// terminal does is tty(4)'s, termios(4)'s and pty(4)'s; both systems have these rules.

// onHost makes a machine whose terminals may become the host's.
func onHost(t *testing.T) *Driver {
	t.Helper()
	m, host := kern.New(kern.Config{}), hostfile.NewHost()
	d := New(m, nil, host)
	t.Cleanup(func() {
		check(t, m)
		if err := m.Close(); err != nil {
			t.Error(err)
		}
		host.Close()
	})
	return d
}

// openTwin makes a pair whose guests' descriptors are closed when the test ends.
func openTwin(t *testing.T, d *Driver) (ctl, term side) {
	t.Helper()
	ctl, term = open(t, d)
	t.Cleanup(func() { ctl.d.Release() })
	return ctl, term
}

// hostSide is what a program of the host inherits of s.
func hostSide(t *testing.T, s side) *os.File {
	t.Helper()
	fd, errno := s.pair().d.host.Export(s.d)
	if errno != 0 {
		t.Fatal(errno)
	}
	if !IsTerminal(fd) {
		unix.Close(fd)
		t.Skip("the host has no pseudo-terminal")
	}
	f := os.NewFile(uintptr(fd), "host's side")
	t.Cleanup(func() { f.Close() })
	return f
}

// wait reads n bytes, or up to the end of the file.
func (s side) wait(n int) string {
	s.t.Helper()
	var all []byte
	b := make([]byte, 4096)
	for l := filetest.NewSleeper(); len(all) < n; {
		k, errno := s.d.Read(l, b)
		if errno != 0 {
			s.t.Fatalf("read: %v after %q", errno, all)
		}
		if k == 0 {
			break
		}
		all = append(all, b[:k]...)
	}
	return string(all)
}

// waitEnd reads up to the end of the file.
func (s side) waitEnd() string { return s.wait(1 << 30) }

// one is one read(2) of a program of the host.
func one(t *testing.T, f *os.File) string {
	t.Helper()
	b := make([]byte, 4096)
	n, err := f.Read(b)
	if err != nil && err != io.EOF {
		t.Fatal(err)
	}
	return string(b[:n])
}

// What was typed and what was written before the program starts reaches whom it was meant for,
// in lines as termios(4)'s canonical input has them: divided, ended by ^D, with data that was
// quoted, and the last one still to be edited.
func TestTwinKeepsQueues(t *testing.T) {
	ctl, term := openTwin(t, onHost(t))
	defer term.d.Release()
	term.write("hello\n")
	ctl.write("one\ntwo\nfil\x04qu\x16\x04oted\x16\n\n\x04part")
	before := "hello\r\none\r\ntwo\r\nfil"
	host := hostSide(t, term)
	ctl.write("\x7fy\n")
	for _, want := range []string{"one\n", "two\n", "fil", "qu\x04oted\n\n", "", "pary\n"} {
		if got := one(t, host); got != want {
			t.Errorf("read %q, want %q", got, want)
		}
	}
	io.WriteString(host, "end")
	out := ""
	for !strings.Contains(out, "end") {
		out += ctl.wait(1)
	}
	if !strings.HasPrefix(out, before) {
		t.Errorf("the controller read %q", out)
	}
}

// The modes stay: what a guest sets the program finds, and the other way round; so does the
// window's size (TIOCSETA, TIOCSWINSZ).
func TestTwinModesAndSize(t *testing.T) {
	ctl, term := openTwin(t, onHost(t))
	defer term.d.Release()
	term.setModes(func(m *netbsd.Termios) { m.Lflag &^= netbsd.ECHO; m.Cc[netbsd.VINTR] = 'x'; m.Cc[netbsd.VSTATUS] = 's' })
	size := make([]byte, 8)
	netbsd.Winsize{Row: 33, Col: 77}.Encode(size)
	ctl.ioctl(netbsd.TIOCSWINSZ, size)
	fd := int(hostSide(t, term).Fd())
	m, err := unix.IoctlGetTermios(fd, unix.TCGETS)
	if err != nil || m.Lflag&unix.ECHO != 0 || m.Lflag&unix.ICANON == 0 || m.Cc[unix.VINTR] != 'x' {
		t.Errorf("modes %+v, %v", m, err)
	}
	if w, err := unix.IoctlGetWinsize(fd, unix.TIOCGWINSZ); err != nil || w.Row != 33 || w.Col != 77 {
		t.Errorf("size %+v, %v", w, err)
	}
	m.Lflag |= unix.ECHO
	m.Lflag &^= unix.ICANON
	unix.IoctlSetTermios(fd, unix.TCSETS, m)
	unix.IoctlSetWinsize(fd, unix.TIOCSWINSZ, &unix.Winsize{Row: 5, Col: 6})
	for _, s := range []side{ctl, term} {
		if g := s.modes(); g.Lflag&(netbsd.ECHO|netbsd.ICANON) != netbsd.ECHO || g.Cc[netbsd.VINTR] != 'x' || g.Cc[netbsd.VSTATUS] != 's' {
			t.Errorf("a guest finds %+v", g)
		}
		if s.ioctl(netbsd.TIOCGWINSZ, size); netbsd.DecodeWinsize(size) != (netbsd.Winsize{Row: 5, Col: 6}) {
			t.Errorf("a guest finds %v", size)
		}
	}
	netbsd.Winsize{Row: 8, Col: 9}.Encode(size)
	ctl.ioctl(netbsd.TIOCSWINSZ, size)
	term.setModes(func(m *netbsd.Termios) { m.Lflag |= netbsd.ICANON })
	if w, _ := unix.IoctlGetWinsize(fd, unix.TIOCGWINSZ); w.Row != 8 || w.Col != 9 {
		t.Errorf("size %+v", w)
	}
	if m, _ := unix.IoctlGetTermios(fd, unix.TCGETS); m.Lflag&unix.ICANON == 0 {
		t.Errorf("modes %+v", m)
	}
	was := term.modes()
	term.setModes(func(m *netbsd.Termios) { m.Cflag, m.Ospeed = netbsd.CIGNORE, 0 })
	if is := term.modes(); is.Cflag != was.Cflag || is.Ospeed != was.Ospeed {
		t.Errorf("CIGNORE: %+v, want %+v", is, was)
	}
}

// ptcread: the controller reads all that was written, then 0, once nobody has the terminal open:
// no guest, and none of several programs of the host.
func TestTwinEnd(t *testing.T) {
	ctl, term := openTwin(t, onHost(t))
	a := hostSide(t, term)
	b := hostSide(t, term)
	term.d.Release()
	io.WriteString(a, "a")
	a.Close()
	if s := ctl.wait(1); s != "a" {
		t.Errorf("%q", s)
	}
	if s := ctl.read(); s != "" {
		t.Errorf("%q", s)
	}
	io.WriteString(b, strings.Repeat("b", 3000))
	b.Close()
	if s := ctl.waitEnd(); s != strings.Repeat("b", 3000) {
		t.Errorf("%d bytes, want 3000", len(s))
	}
	if s := ctl.waitEnd(); s != "" {
		t.Errorf("%q after the end", s)
	}
	if _, errno := ctl.d.File.Write(ctl.call(true), []byte("x")); errno != netbsd.EIO {
		t.Errorf("ptcwrite: %v", errno)
	}
}

// A later open is of a new terminal (ptsopen): default modes, no size. The end is over.
func TestTwinOpenedAgain(t *testing.T) {
	ctl, term := openTwin(t, onHost(t))
	term.setModes(func(m *netbsd.Termios) { m.Lflag = 0 })
	hostSide(t, term).Close()
	term.d.Release()
	if s := ctl.waitEnd(); s != "" {
		t.Errorf("%q", s)
	}
	again, errno := ctl.pair().open(0, netbsd.O_RDWR)
	if errno != 0 {
		t.Fatal(errno)
	}
	term = side{t, again}
	if got, want := term.modes(), defaultTermios(); got.Lflag != want.Lflag || got.Iflag != want.Iflag {
		t.Errorf("modes %+v", got)
	}
	ctl.write("x\n")
	if s := term.wait(2); s != "x\n" {
		t.Errorf("%q", s)
	}
	again.Release()
}

// Whoever has a terminal open that is revoked (the end of a session's leader, revoke(2)) reads
// 0 and writes EIO, programs of the host too; the controller reads 0.
func TestTwinRevoked(t *testing.T) {
	ctl, term := openTwin(t, onHost(t))
	defer term.d.Release()
	host := hostSide(t, term)
	ctl.pair().Revoke()
	if s := one(t, host); s != "" {
		t.Errorf("%q", s)
	}
	if _, err := io.WriteString(host, "x"); err == nil {
		t.Error("a program of the host may write")
	}
	if s := term.waitEnd() + ctl.waitEnd(); s != "" {
		t.Errorf("%q", s)
	}
}

// ptcclose: the carrier is lost for programs of the host as for guests.
func TestTwinControllerCloses(t *testing.T) {
	ctl, term := open(t, onHost(t))
	host := hostSide(t, term)
	ctl.d.Release()
	if s := one(t, host) + term.waitEnd(); s != "" {
		t.Errorf("%q", s)
	}
	if _, errno := term.d.File.Write(term.call(true), []byte("x")); errno != netbsd.EIO {
		t.Errorf("ptswrite: %v", errno)
	}
	term.d.Release()
}

// A program of the host that has the controller, too, loses nothing for the guest that reads,
// and finds it as it expects: its reads wait.
func TestTwinControllerInherited(t *testing.T) {
	ctl, term := openTwin(t, onHost(t))
	defer term.d.Release()
	c, s := hostSide(t, ctl), hostSide(t, term)
	if fl, err := unix.FcntlInt(c.Fd(), unix.F_GETFL, 0); err != nil || fl&unix.O_NONBLOCK != 0 {
		t.Errorf("flags %#x, %v", fl, err)
	}
	io.WriteString(s, "to the guest")
	if got := ctl.wait(12); got != "to the guest" {
		t.Errorf("%q", got)
	}
	if got := ctl.read(); got != "" {
		t.Errorf("%q", got)
	}
	io.WriteString(s, "to the host")
	if got := one(t, c); got != "to the host" {
		t.Errorf("%q", got)
	}
	io.WriteString(c, "line\n")
	if got := term.wait(5); got != "line\n" {
		t.Errorf("%q", got)
	}
	if fl, err := unix.FcntlInt(c.Fd(), unix.F_GETFL, 0); err != nil || fl&unix.O_NONBLOCK != 0 {
		t.Errorf("flags %#x, %v", fl, err)
	}
}

// raw makes a terminal pass bytes as they are (cfmakeraw(3)).
func (s side) raw() {
	s.t.Helper()
	s.setModes(func(m *netbsd.Termios) {
		m.Iflag, m.Oflag, m.Lflag = 0, 0, 0
		m.Cc[netbsd.VMIN], m.Cc[netbsd.VTIME] = 1, 0
	})
}

// A megabyte each way, at the same time, arrives as it was sent.
func TestTwinCarriesAMegabyte(t *testing.T) {
	ctl, term := openTwin(t, onHost(t))
	term.raw()
	host := hostSide(t, term)
	term.d.Release()
	up, down := bytes.Repeat([]byte("up 0123456789\n\x03\x04\x1a\xff\x00"), 60000), bytes.Repeat([]byte("down\r\n\t"), 160000)
	sum := make(chan [32]byte)
	go func() {
		got := make([]byte, len(down))
		io.ReadFull(host, got)
		sum <- sha256.Sum256(got)
	}()
	go func() {
		host.Write(up)
	}()
	sent := make(chan netbsd.Errno)
	go func() {
		_, errno := ctl.d.File.Write(ctl.call(false), down)
		sent <- errno
	}()
	if got := ctl.wait(len(up)); sha256.Sum256([]byte(got)) != sha256.Sum256(up) {
		t.Errorf("the guest read something else, %d bytes", len(got))
	}
	if errno := <-sent; errno != 0 || <-sum != sha256.Sum256(down) {
		t.Errorf("the program read something else (%v)", errno)
	}
}

// Packet mode goes on (pty(4)): data after a byte of 0, news alone.
func TestTwinPacketMode(t *testing.T) {
	ctl, term := openTwin(t, onHost(t))
	defer term.d.Release()
	ctl.ioctl(netbsd.TIOCPKT, []byte{1, 0, 0, 0})
	for ctl.read() != "" {
	}
	host := hostSide(t, term)
	io.WriteString(host, "data")
	if s := ctl.wait(5); s != "\x00data" {
		t.Errorf("%q", s)
	}
	unix.IoctlSetInt(int(host.Fd()), unix.TCFLSH, unix.TCIFLUSH)
	if s := ctl.wait(1); s != string(rune(netbsd.TIOCPKT_FLUSHREAD)) {
		t.Errorf("%q", s)
	}
}

// Cases B and C of termios(4): with a VTIME a read without VMIN returns 0 in time, and VMIN
// alone waits for that much.
func TestTwinVminVtime(t *testing.T) {
	ctl, term := openTwin(t, onHost(t))
	defer term.d.Release()
	hostSide(t, term)
	term.setModes(func(m *netbsd.Termios) { m.Lflag = 0; m.Cc[netbsd.VMIN], m.Cc[netbsd.VTIME] = 0, 1 })
	if s := term.wait(1); s != "" {
		t.Errorf("%q", s)
	}
	term.setModes(func(m *netbsd.Termios) { m.Cc[netbsd.VMIN], m.Cc[netbsd.VTIME] = 3, 0 })
	ctl.write("ab")
	if s := term.read(); s != "" {
		t.Errorf("%q", s)
	}
	ctl.write("c")
	if s := term.wait(3); s != "abc" {
		t.Errorf("%q", s)
	}
}

// A character that is a signal reaches the guests of the foreground group, quoted it is data
// (VLNEXT); a new size is SIGWINCH.
func TestTwinSignals(t *testing.T) {
	d := onHost(t)
	ctl, term := openTwin(t, d)
	defer term.d.Release()
	got := make(chan netbsd.Signal)
	ready := make(chan struct{})
	p := guest(t, d, func(l *kern.LWP) {
		for _, sig := range []netbsd.Signal{netbsd.SIGINT, netbsd.SIGQUIT, netbsd.SIGTSTP, netbsd.SIGWINCH} {
			l.Sigaction(sig, &kern.Action{Func: func(_ *kern.LWP, i *netbsd.Siginfo) { got <- i.Signo }})
		}
		if errno := l.AcquireTTY(term.pair().k); errno != 0 {
			t.Error(errno)
		}
		close(ready)
		pause(l)
	})
	<-ready
	host := hostSide(t, term)
	// The leader's end waits for output to be read (ttywait), and an echo is output.
	term.setModes(func(m *netbsd.Termios) { m.Lflag &^= netbsd.ECHO })
	for _, x := range []struct {
		typed string
		sig   netbsd.Signal
	}{{"a\x03", netbsd.SIGINT}, {"\x16\x03\x1c", netbsd.SIGQUIT}, {"\x1a", netbsd.SIGTSTP}} {
		ctl.write(x.typed)
		if sig := <-got; sig != x.sig {
			t.Errorf("%q: %v, want %v", x.typed, sig, x.sig)
		}
	}
	size := make([]byte, 8)
	netbsd.Winsize{Row: 1, Col: 2}.Encode(size)
	ctl.ioctl(netbsd.TIOCSWINSZ, size)
	if sig := <-got; sig != netbsd.SIGWINCH {
		t.Errorf("%v", sig)
	}
	// Of a program of the host, too: told when it writes, or ends.
	unix.IoctlSetWinsize(int(host.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Row: 5, Col: 6})
	io.WriteString(host, "x")
	if sig := <-got; sig != netbsd.SIGWINCH {
		t.Errorf("%v", sig)
	}
	unix.IoctlSetWinsize(int(host.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Row: 7, Col: 8})
	go d.HostProgramEnded()
	if sig := <-got; sig != netbsd.SIGWINCH {
		t.Errorf("%v", sig)
	}
	ctl.wait(1)
	p.Kill(netbsd.SIGKILL)
	<-p.Done()
}

// ttywait waits for the controller's reader, whichever that is.
func TestTwinDrains(t *testing.T) {
	ctl, term := openTwin(t, onHost(t))
	defer term.d.Release()
	c, s := hostSide(t, ctl), hostSide(t, term)
	io.WriteString(s, "output")
	done := make(chan netbsd.Errno)
	go func() { done <- term.pair().drain(file.Call{L: file.NewKthread()}, 0) }()
	select {
	case errno := <-done:
		t.Fatalf("drained with output left: %v", errno)
	default:
	}
	if got := one(t, c); got != "output" {
		t.Errorf("%q", got)
	}
	if errno := <-done; errno != 0 {
		t.Error(errno)
	}
}

// Where the host has no pseudo-terminal bytes are carried, as for other files that are the
// kernel's alone.
func TestNoTwinInRemoteMode(t *testing.T) {
	ctl, term := openTwin(t, onHost(t))
	ctl.ioctl(netbsd.TIOCREMOTE, []byte{1, 0, 0, 0})
	fd, errno := ctl.pair().d.host.Export(term.d)
	if errno != 0 {
		t.Fatal(errno)
	}
	host := os.NewFile(uintptr(fd), "carried")
	if IsTerminal(fd) {
		t.Error("TIOCREMOTE is nothing that the host has")
	}
	ctl.write("record")
	if s := one(t, host); s != "record" {
		t.Errorf("%q", s)
	}
	host.Close()
	term.d.Release()
}
