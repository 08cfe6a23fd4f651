package tty

import (
	"toaster/internal/file"
	"toaster/netbsd"
)

// This file has the requests of pty(4), and what packet mode tells of the others.

// Ioctl implements file.File for the controller side.
//
// mu is released before the rest is served, which may sleep (drain) or ask kern.
func (f *controller) Ioctl(c file.Call, cmd uint32, data []byte) netbsd.Errno {
	p := f.pair
	p.mu.Lock()
	errno, ok := f.own(cmd, data)
	p.unlock()
	switch {
	case ok:
		return errno
	case cmd == netbsd.TIOCGRANTPT:
		return p.grant(c)
	case cmd == netbsd.TIOCGPGRP:
		// The controller's holder need not have the terminal for his own.
		notice(p.k)
		id := 0
		if g := p.k.Foreground(); g != nil {
			id = g.ID()
		}
		return file.PutInt(data, id)
	}
	return p.ioctl(c, cmd, data)
}

// own serves what only the controller can ask. mu is held.
func (f *controller) own(cmd uint32, data []byte) (errno netbsd.Errno, ok bool) {
	p, on := f.pair, intArg(data) != 0
	if p.tw != nil {
		return p.tw.ioctlMaster(cmd, data)
	}
	switch cmd {
	case netbsd.TIOCPKT:
		if on && p.ucntl {
			return netbsd.EINVAL, true
		}
		p.pkt = on
	case netbsd.TIOCUCNTL:
		if on && p.pkt {
			return netbsd.EINVAL, true
		}
		p.ucntl = on
	case netbsd.TIOCREMOTE:
		p.remote = on
		p.flush(netbsd.FREAD | netbsd.FWRITE)
	case netbsd.TIOCSIG:
		return p.signalFromController(data), true
	case netbsd.FIONREAD:
		return file.PutInt(data, len(p.out)), true
	case netbsd.TIOCSETD, netbsd.TIOCSETA, netbsd.TIOCSETAW, netbsd.TIOCSETAF, netbsd.TIOCSETP, netbsd.TIOCSETN:
		// The holder would wait for himself to read the output.
		p.out = p.out[:0]
		p.wakeWriters()
		return 0, false
	default:
		return 0, false
	}
	return 0, true
}

// signalFromController is TIOCSIG, whose argument is the signal's number itself.
//
// It may be any signal: the holder of the controller plays the user, and who may have a
// controller is the driver's question (grantpt(3)). mu is held.
func (p *pair) signalFromController(data []byte) netbsd.Errno {
	sig := netbsd.Signal(intArg(data))
	if !sig.Valid() {
		return netbsd.EINVAL
	}
	if !p.lflag(netbsd.NOFLSH) {
		p.flush(netbsd.FREAD | netbsd.FWRITE)
	}
	p.k.Signal(sig)
	p.info = p.info || sig == netbsd.SIGINFO && !p.lflag(netbsd.NOKERNINFO)
	return 0
}

// setExternal is TIOCEXT: the editing is done at the other end of the controller.
func (p *pair) setExternal(on bool) {
	p.mu.Lock()
	defer p.unlock()
	if p.tw != nil {
		p.tw.setExternal(on)
		return
	}
	if p.pkt && (on || p.lflag(netbsd.EXTPROC)) {
		p.send |= netbsd.TIOCPKT_IOCTL
		p.controllerQueue.Notify(file.In | file.RdNorm)
	}
	p.t.Lflag &^= netbsd.EXTPROC
	if on {
		p.t.Lflag |= netbsd.EXTPROC
	}
}

// uiocBase is UIOCCMD(0).
const uiocBase = netbsd.IOC_VOID | 'u'<<8

// tellModes lets the controller know what a request has changed: a UIOCCMD, the modes
// with EXTPROC, and whether ^S and ^Q are those of flow control. It returns what the request does, errno but for a UIOCCMD.
//
// It is due after the request, with mu taken anew: what it tells is the state now.
func (p *pair) tellModes(cmd uint32, errno netbsd.Errno) netbsd.Errno {
	p.mu.Lock()
	defer p.unlock()
	if p.tw != nil {
		return errno // the host tells it
	}
	if errno == netbsd.EPASSTHROUGH && p.ucntl && cmd&^0xff == uiocBase {
		if cmd != uiocBase {
			p.ucmd = byte(cmd)
			p.controllerQueue.Notify(file.In | file.RdNorm)
		}
		return 0
	}
	switch cmd {
	case netbsd.TIOCSETA, netbsd.TIOCSETAW, netbsd.TIOCSETAF, netbsd.TIOCSETP, netbsd.TIOCSETN, netbsd.TIOCSETC, netbsd.TIOCSLTC,
		netbsd.TIOCLBIS, netbsd.TIOCLBIC, netbsd.TIOCLSET:
		if p.pkt && p.lflag(netbsd.EXTPROC) {
			p.send |= netbsd.TIOCPKT_IOCTL
			p.controllerQueue.Notify(file.In | file.RdNorm)
		}
	}
	stops := p.iflag(netbsd.IXON) && p.t.Cc[netbsd.VSTOP] == ctrl('S') && p.t.Cc[netbsd.VSTART] == ctrl('Q')
	if p.nostop != stops {
		return errno
	}
	p.nostop = !stops
	p.send &^= netbsd.TIOCPKT_NOSTOP | netbsd.TIOCPKT_DOSTOP
	if stops {
		p.send |= netbsd.TIOCPKT_DOSTOP
	} else {
		p.send |= netbsd.TIOCPKT_NOSTOP
	}
	p.controllerQueue.Notify(file.In | file.RdNorm)
	return errno
}
