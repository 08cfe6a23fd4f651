package tty

import (
	"golang.org/x/sys/unix"

	"toaster/internal/file"
	"toaster/internal/hostfile"
	"toaster/netbsd"
)

// This file has the requests of tty(4) and pty(4) on a pair that has a twin. Whatever concerns
// sessions, and the waits before a change, come before (pair.ttioctl).

// ioctl is one request; ok is false for one that the twin has no part in. mu is held.
func (t *twin) ioctl(cmd uint32, data []byte) (errno netbsd.Errno, ok bool) {
	switch cmd {
	case netbsd.TIOCGETA:
		m, err := unix.IoctlGetTermios(t.master.FD(), unix.TCGETS)
		if err == nil {
			g := guestModes(m, t.native)
			g.Encode(data)
		}
		return hostfile.Errno(err), true
	case netbsd.TIOCSETA, netbsd.TIOCSETAW, netbsd.TIOCSETAF:
		g := netbsd.DecodeTermios(data)
		return t.setModes(&g, cmd == netbsd.TIOCSETAF), true
	case netbsd.TIOCGWINSZ:
		w, err := t.size()
		w.Encode(data)
		return hostfile.Errno(err), true
	case netbsd.TIOCSWINSZ:
		return t.resize(netbsd.DecodeWinsize(data)), true
	case netbsd.FIONREAD:
		return t.countInput(data), true
	case netbsd.TIOCOUTQ, netbsd.FIONWRITE:
		return file.PutInt(data, t.unread()), true
	case netbsd.FIONSPACE:
		return file.PutInt(data, max(0, outputMax-t.unread())), true
	case netbsd.TIOCSTI:
		_, errno := t.typeIn(data[:1])
		return errno, true
	}
	return t.control(cmd, data)
}

// control is the rest, which the terminal side has to be open for.
func (t *twin) control(cmd uint32, data []byte) (errno netbsd.Errno, ok bool) {
	switch cmd {
	case netbsd.TIOCFLUSH:
		which := byte(intArg(data)) & (netbsd.FREAD | netbsd.FWRITE)
		if intArg(data) == 0 {
			which = netbsd.FREAD | netbsd.FWRITE
		}
		t.flush(which)
	case netbsd.TIOCSTART:
		t.flow(unix.TCOON)
	case netbsd.TIOCSTOP:
		t.flow(unix.TCOOFF)
	default:
		return 0, false
	}
	return 0, true
}

// countInput is FIONREAD at the terminal side; without ICANON what VMIN asks for is counted
// first, as ttnread does.
func (t *twin) countInput(data []byte) netbsd.Errno {
	if t.slave == nil || t.slave.Poll(file.In)&file.In == 0 {
		return file.PutInt(data, 0)
	}
	return file.PutInt(data, t.slave.Queued())
}

// setModes sets them. EXTPROC is TIOCEXT's alone and stays; flush: what was typed is dropped.
func (t *twin) setModes(g *netbsd.Termios, flush bool) netbsd.Errno {
	m, err := unix.IoctlGetTermios(t.master.FD(), unix.TCGETS)
	if err != nil {
		return hostfile.Errno(err)
	}
	if g.Cflag&netbsd.CIGNORE != 0 {
		is := guestModes(m, t.native)
		keepControl(g, &is)
	}
	ext := m.Lflag & unix.EXTPROC
	hostModes(g, m)
	m.Lflag = m.Lflag&^unix.EXTPROC | ext
	req := uint(unix.TCSETS)
	if flush {
		req = unix.TCSETSF
	}
	if err := setTermios(t.master.FD(), req, m); err != nil {
		return hostfile.Errno(err)
	}
	t.native = nativeOf(g)
	if g.Ospeed == 0 {
		t.p.k.Hangup()
	}
	return 0
}

// setExternal is TIOCEXT.
func (t *twin) setExternal(on bool) {
	m, err := unix.IoctlGetTermios(t.master.FD(), unix.TCGETS)
	if err != nil {
		return
	}
	m.Lflag &^= unix.EXTPROC
	if on {
		m.Lflag |= unix.EXTPROC
	}
	setTermios(t.master.FD(), unix.TCSETS, m)
}

// resize is TIOCSWINSZ: the host signals its own foreground group, kern the guests'.
func (t *twin) resize(w netbsd.Winsize) netbsd.Errno {
	old, err := t.size()
	if err != nil || old == w {
		return hostfile.Errno(err)
	}
	if err := t.setSize(w); err != nil {
		return hostfile.Errno(err)
	}
	t.noteSize()
	return 0
}

// noteSize sends SIGWINCH if the size is another one than the last time. The host tells only its
// own processes when one of them sets it, so it is looked at whenever something happens.
//
// mu may be held, or a queue of the host's.
func (t *twin) noteSize() {
	w, err := t.size()
	if err != nil {
		return
	}
	if now := packSize(w); t.seen.Swap(now) != now {
		t.signal(netbsd.SIGWINCH)
	}
}

func packSize(w netbsd.Winsize) uint64 {
	return uint64(w.Row) | uint64(w.Col)<<16 | uint64(w.Xpixel)<<32 | uint64(w.Ypixel)<<48
}

// flush is ttyflush. The output is what the controller has not read.
func (t *twin) flush(which byte) {
	if which&netbsd.FREAD != 0 {
		t.atSlave(unix.TCFLSH, unix.TCIFLUSH)
	}
	if which&netbsd.FWRITE != 0 {
		t.atSlave(unix.TCFLSH, unix.TCOFLUSH)
		t.unread() // what has been written arrives, to be dropped
		unix.IoctlSetInt(t.master.FD(), unix.TCFLSH, unix.TCIFLUSH)
		t.p.wakeWriters()
	}
}

func (t *twin) flow(action int) { t.atSlave(unix.TCXONC, action) }

// atSlave makes a request that the host takes at the terminal side alone. It opens that for the
// request where no guest has it open.
func (t *twin) atSlave(req uint, arg int) {
	if t.slave != nil {
		unix.IoctlSetInt(t.slave.FD(), req, arg)
		return
	}
	if t.master.Poll(0)&file.Hup != 0 {
		return // nobody has: there is nothing to flush or to stop
	}
	if fd, err := t.peer(unix.O_RDWR | unix.O_NONBLOCK); err == nil {
		unix.IoctlSetInt(fd, req, arg)
		unix.Close(fd)
	}
}

// ioctlMaster is a request that only the controller can make. mu is held.
func (t *twin) ioctlMaster(cmd uint32, data []byte) (errno netbsd.Errno, ok bool) {
	switch cmd {
	case netbsd.TIOCPKT:
		on := 0
		if intArg(data) != 0 {
			on = 1
		}
		return hostfile.Errno(unix.IoctlSetPointerInt(t.master.FD(), unix.TIOCPKT, on)), true
	case netbsd.TIOCUCNTL, netbsd.TIOCREMOTE:
		if intArg(data) == 0 {
			return 0, true
		}
		return netbsd.EOPNOTSUPP, true
	case netbsd.FIONREAD:
		return file.PutInt(data, t.unread()), true
	case netbsd.TIOCSIG:
		return t.signalFromController(data), true
	case netbsd.TIOCSETA, netbsd.TIOCSETAW, netbsd.TIOCSETAF, netbsd.TIOCSETP, netbsd.TIOCSETN:
		// The holder would wait for himself to read the output.
		t.flush(netbsd.FWRITE)
	}
	return 0, false
}

// signalFromController is TIOCSIG.
func (t *twin) signalFromController(data []byte) netbsd.Errno {
	sig := netbsd.Signal(intArg(data))
	if !sig.Valid() {
		return netbsd.EINVAL
	}
	if m, err := unix.IoctlGetTermios(t.master.FD(), unix.TCGETS); err == nil && m.Lflag&unix.NOFLSH == 0 {
		t.flush(netbsd.FREAD | netbsd.FWRITE)
	}
	has, n := t.signalled(), sig.ToLinux()
	if n == 0 || !t.led() || unix.IoctlSetInt(t.master.FD(), unix.TIOCSIG, int(n)) != nil {
		has = nil
	}
	t.p.k.SignalBut(sig, has)
	return 0
}
