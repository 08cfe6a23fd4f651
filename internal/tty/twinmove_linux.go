package tty

import (
	"slices"
	"time"

	"golang.org/x/sys/unix"

	"toaster/netbsd"
)

// This file moves what a pair has into its new twin: modes, size, what was typed and not
// read, what was written and not read. The order is that of the queues' age: what is there
// already comes out first.
//
//	input   typed at the host's controller, in modes that keep it as it is
//	output  written to the host's terminal, unprocessed: it has been processed here
//	modes   last, so that neither is processed a second time

// takeOver moves the pair's state. mu is held; nobody has the host's side yet.
func (t *twin) takeOver() error {
	p := t.p
	if p.lflag(netbsd.PENDIN) {
		p.takePending()
	}
	final, err := unix.IoctlGetTermios(t.master.FD(), unix.TCGETS)
	if err != nil {
		return err
	}
	hostModes(&p.t, final)
	if p.is1(stOpen) {
		if err := t.openSlave(); err != nil {
			return err
		}
		if err := t.moveQueues(final); err != nil {
			return err
		}
	}
	if err := setTermios(t.master.FD(), unix.TCSETS, final); err != nil {
		return err
	}
	if err := t.startSize(); err != nil {
		return err
	}
	if p.pkt {
		unix.IoctlSetPointerInt(t.master.FD(), unix.TIOCPKT, 1)
	}
	if p.is1(stStopped) {
		t.stopOutput(final)
	}
	p.raw, p.can, p.out = nil, nil, nil
	p.st &^= stStopped | stLiteral | stBlocked
	return nil
}

// moveQueues moves input and output. Both fit: the host's queues are larger.
func (t *twin) moveQueues(final *unix.Termios) error {
	p := t.p
	if err := setTermios(t.master.FD(), unix.TCSETS, transferModes(final)); err != nil {
		return err
	}
	b, echo := p.typed()
	if len(b) > 0 {
		if _, errno := t.master.TryWrite(b); errno != 0 {
			return errno
		}
		t.awaitEcho(echo)
	}
	if len(p.out) > 0 {
		if _, errno := t.slave.TryWrite(p.out); errno != 0 {
			return errno
		}
	}
	return nil
}

// transferModes are modes in which input stays as it was typed, divided into the same lines,
// and all that is typed is echoed as it is.
func transferModes(final *unix.Termios) *unix.Termios {
	m := *final
	m.Iflag, m.Oflag = 0, 0
	m.Lflag = final.Lflag&unix.ICANON | unix.ECHO | unix.IEXTEN
	m.Cc = [len(m.Cc)]uint8{unix.VMIN: 1, unix.VLNEXT: transferQuote}
	if m.Lflag&unix.ICANON != 0 {
		for _, i := range []int{unix.VEOF, unix.VEOL, unix.VEOL2} {
			m.Cc[i] = final.Cc[i]
		}
	}
	return &m
}

// transferQuote is VLNEXT of the transfer.
const transferQuote = 'V' & 0x1f

// typed returns the pair's input as it is to be typed in transferModes, and how much of it is
// echoed: all but what ends a file, and the marks that what follows is data.
func (p *pair) typed() (b []byte, echo int) {
	canon := p.lflag(netbsd.ICANON)
	for _, c := range slices.Concat(p.can, p.raw) {
		ends := canon && p.breaks(c)
		if canon && !ends && (c&quoted != 0 || p.endsForHost(byte(c))) {
			b = append(b, transferQuote)
		}
		b = append(b, byte(c))
		if !ends || !p.is(netbsd.VEOF, c) {
			echo++
		}
	}
	if canon && p.is1(stLiteral) {
		b = append(b, transferQuote)
	}
	return b, echo
}

// endsForHost reports whether the host would take c for the end of a line, or for the mark of
// data, in transferModes.
func (p *pair) endsForHost(c byte) bool {
	return c == '\n' || c == transferQuote || c == p.t.Cc[netbsd.VEOF] || c == p.t.Cc[netbsd.VEOL] || c == p.t.Cc[netbsd.VEOL2]
}

// awaitEcho takes n characters of echo off the host's controller. When they have come the host
// has processed what was typed, which it does in a thread of its own: other modes would hold
// for what it has not.
func (t *twin) awaitEcho(n int) {
	buf := make([]byte, n)
	for n > 0 {
		fds := []unix.PollFd{{Fd: int32(t.master.FD()), Events: unix.POLLIN}}
		if k, err := unix.Poll(fds, int(echoPatience.Milliseconds())); k == 0 || err != nil && err != unix.EINTR {
			return
		}
		k, errno := t.master.TryRead(buf[:n])
		if errno != 0 && errno != netbsd.EAGAIN {
			return
		}
		n -= k
	}
}

// echoPatience bounds the wait for a host that does not echo, which takes microseconds.
const echoPatience = time.Second

// stopOutput stops the output as ^S does where that is a character of the modes, so that ^Q
// lets it go on.
func (t *twin) stopOutput(m *unix.Termios) {
	if c := m.Cc[unix.VSTOP]; m.Iflag&unix.IXON != 0 && c != 0 {
		t.master.TryWrite([]byte{c})
	} else if t.slave != nil {
		unix.IoctlSetInt(t.slave.FD(), unix.TCXONC, unix.TCOOFF)
	}
}

// renew is what the first open of a terminal finds (ptsopen), here on a twin whose last user
// has gone. mu is held.
func (t *twin) renew() error {
	t.native = nativeOf(&t.p.t)
	m, err := unix.IoctlGetTermios(t.master.FD(), unix.TCGETS)
	if err != nil {
		return err
	}
	hostModes(&t.p.t, m)
	if err := setTermios(t.master.FD(), unix.TCSETS, m); err != nil {
		return err
	}
	return t.startSize()
}

// startSize gives the twin the pair's size, of which guests know.
func (t *twin) startSize() error {
	w := t.p.win
	t.seen.Store(packSize(w))
	return t.setSize(w)
}

func (t *twin) setSize(w netbsd.Winsize) error {
	size := unix.Winsize(w)
	return unix.IoctlSetWinsize(t.master.FD(), unix.TIOCSWINSZ, &size)
}

// size returns the size, which programs of the host may have set.
func (t *twin) size() (netbsd.Winsize, error) {
	w, err := unix.IoctlGetWinsize(t.master.FD(), unix.TIOCGWINSZ)
	if err != nil {
		return netbsd.Winsize{}, err
	}
	return netbsd.Winsize(*w), nil
}

// modes returns the modes, wherever they are. mu is held.
func (p *pair) modes() netbsd.Termios {
	if p.tw == nil {
		return p.t
	}
	m, err := unix.IoctlGetTermios(p.tw.master.FD(), unix.TCGETS)
	if err != nil {
		return p.t
	}
	return guestModes(m, p.tw.native)
}
