package tty

import (
	"encoding/binary"

	"toaster/internal/file"
	"toaster/internal/guard"
	"toaster/kern"
	"toaster/netbsd"
)

// This file has the requests of tty(4) (ttioctl). A handler gets the argument as
// ioctl(2) transfers it: data has the length that the request names.

var le = binary.LittleEndian

func intArg(data []byte) int32 {
	if len(data) < 4 {
		return 0
	}
	return int32(le.Uint32(data))
}

// Ioctl implements file.File for the terminal side.
//
// mu is released in between: a revoke that comes then finds the request done as if before it.
func (f *terminal) Ioctl(c file.Call, cmd uint32, data []byte) netbsd.Errno {
	dead := false
	guard.Locked(&f.mu, func() { dead = f.dead() })
	if dead {
		return netbsd.EBADF
	}
	return f.pair.ioctl(c, cmd, data)
}

// ioctl serves both sides; packet mode hears of what it changes.
func (p *pair) ioctl(c file.Call, cmd uint32, data []byte) netbsd.Errno {
	switch cmd {
	case netbsd.TIOCPTSNAME, netbsd.COMPAT_TIOCPTSNAME:
		return p.putName(data, -1, -1)
	case netbsd.TIOCEXT:
		p.setExternal(intArg(data) != 0)
		return 0
	}
	return p.tellModes(cmd, p.ttioctl(c, cmd, data))
}

// changes are the requests that a process of the background is stopped for.
func changes(cmd uint32) bool {
	switch cmd {
	case netbsd.TIOCFLUSH, netbsd.TIOCDRAIN, netbsd.TIOCSBRK, netbsd.TIOCCBRK, netbsd.TIOCSTART, netbsd.TIOCSETA,
		netbsd.TIOCSETD, netbsd.TIOCSLINED, netbsd.TIOCSETAF, netbsd.TIOCSETAW, netbsd.TIOCSTAT, netbsd.TIOCSTI,
		netbsd.TIOCSWINSZ, netbsd.TIOCSQSIZE, netbsd.TIOCLBIC, netbsd.TIOCLBIS, netbsd.TIOCLSET, netbsd.TIOCSETC, netbsd.OTIOCSETD,
		netbsd.TIOCSETN, netbsd.TIOCSETP, netbsd.TIOCSLTC:
		return true
	}
	return false
}

// backgroundChange is the wait of ttioctl before a change. Unlike a write, a change by
// an orphaned group is let through.
func backgroundChange(c file.Call, k *kern.TTY, cmd uint32) netbsd.Errno {
	if !changes(cmd) {
		return 0
	}
	if errno := foreground(c, k, false); errno != netbsd.EIO {
		return errno
	}
	return 0
}

// ttioctl is the terminal's own part of a request.
//
// The waits come before mu is taken: nobody sleeps with it. What they waited for may be over
// once it is held: another LWP can have written in between.
func (p *pair) ttioctl(c file.Call, cmd uint32, data []byte) netbsd.Errno {
	if errno := backgroundChange(c, p.k, cmd); errno != 0 {
		return errno
	}
	if errno, ok := session(c, p.k, cmd, data); ok {
		return errno
	}
	ask := func(cmd uint32, data []byte) netbsd.Errno { return p.served(c, cmd, data) }
	if errno, ok := p.old.ioctl(cmd, data, ask); ok {
		return errno
	}
	return ask(cmd, data)
}

// served is a request after the wait of who is in the background.
func (p *pair) served(c file.Call, cmd uint32, data []byte) netbsd.Errno {
	switch cmd {
	case netbsd.TIOCCONS:
		return p.d.console.set(c, p, intArg(data) != 0)
	case netbsd.TIOCDRAIN:
		return p.drain(c, 0)
	case netbsd.TIOCSETAW, netbsd.TIOCSETAF:
		if errno := p.drain(c, 0); errno != 0 {
			return errno
		}
	}
	p.mu.Lock()
	defer p.unlock()
	if p.tw != nil && (cmd != netbsd.TIOCSTI || p.maySimulate(c, data) == 0) {
		if errno, ok := p.tw.ioctl(cmd, data); ok {
			return errno
		}
	}
	switch cmd {
	case netbsd.TIOCGETA:
		p.t.Encode(data)
	case netbsd.TIOCSETA, netbsd.TIOCSETAW, netbsd.TIOCSETAF:
		p.setModes(netbsd.DecodeTermios(data), cmd == netbsd.TIOCSETAF)
	case netbsd.TIOCGWINSZ:
		p.win.Encode(data)
	case netbsd.TIOCSWINSZ:
		if w := netbsd.DecodeWinsize(data); w != p.win {
			p.win = w
			p.k.Signal(netbsd.SIGWINCH)
		}
	case netbsd.FIONREAD:
		return file.PutInt(data, p.nread())
	case netbsd.TIOCOUTQ, netbsd.FIONWRITE:
		return file.PutInt(data, len(p.out))
	case netbsd.FIONSPACE:
		return file.PutInt(data, p.inputMax()-len(p.out))
	case netbsd.TIOCGQSIZE:
		return file.PutInt(data, p.inputMax())
	case netbsd.TIOCSQSIZE:
		return p.setQueueSize(data)
	case netbsd.TIOCSTAT:
		p.info = true
	case netbsd.TIOCSTI:
		return p.simulate(c, data)
	default:
		return p.control(cmd, data)
	}
	return 0
}

// control serves what needs nothing but the state of the line. mu is held.
func (p *pair) control(cmd uint32, data []byte) netbsd.Errno {
	switch cmd {
	case netbsd.TIOCEXCL:
		p.st |= stExcl
	case netbsd.TIOCNXCL:
		p.st &^= stExcl
	case netbsd.FIOASYNC:
		p.st &^= stAsync
		if intArg(data) != 0 {
			p.st |= stAsync
		}
		if p.tw != nil {
			p.tw.async.Store(p.is1(stAsync))
		}
	case netbsd.TIOCFLUSH:
		which := byte(intArg(data)) & (netbsd.FREAD | netbsd.FWRITE)
		if intArg(data) == 0 {
			which = netbsd.FREAD | netbsd.FWRITE
		}
		p.flush(which)
	case netbsd.TIOCSTART:
		if p.is1(stStopped) || p.lflag(netbsd.FLUSHO) {
			p.t.Lflag &^= netbsd.FLUSHO
			p.st &^= stStopped
			p.start()
		}
	case netbsd.TIOCSTOP:
		if !p.is1(stStopped) {
			p.st |= stStopped
			p.stop(0)
		}
	default:
		return lineIoctl(cmd, data)
	}
	return 0
}

// lineIoctl serves what is the same for every terminal: one line discipline. What asks for a break or a modem is nothing to a pseudo-terminal
// (ptyioctl, ttioctl).
func lineIoctl(cmd uint32, data []byte) netbsd.Errno {
	switch cmd {
	case netbsd.FIONBIO:
	case netbsd.TIOCGETD:
		return file.PutInt(data, 0)
	case netbsd.TIOCSETD:
		if intArg(data) != 0 {
			return netbsd.ENXIO
		}
	case netbsd.TIOCGLINED:
		copy(data, lineName)
	case netbsd.TIOCSLINED:
		if string(data[:min(len(data), len(lineName)+1)]) != lineName+"\x00" {
			return netbsd.ENXIO
		}
	default:
		return netbsd.EPASSTHROUGH
	}
	return 0
}

// lineName is the one line discipline there is.
const lineName = "termios"

// simulate is TIOCSTI. EACCES: not root, and not the caller's terminal. EPERM: the credentials are not those that the session's leader has.
//
// TIOCSTI puts words into the mouth of whoever reads next, a superuser's shell too: so NetBSD
// asks for the terminal to be the caller's own (ttioctl). mu is held.
func (p *pair) simulate(c file.Call, data []byte) netbsd.Errno {
	if errno := p.maySimulate(c, data); errno != 0 {
		return errno
	}
	p.input(data[0])
	return 0
}

func (p *pair) maySimulate(c file.Call, data []byte) netbsd.Errno {
	if l := lwpOf(c); l != nil && l.Proc().Cred().EUID != 0 {
		if l.Proc().TTY() != p.k {
			return netbsd.EACCES
		}
		if s := p.k.Session(); s == nil || s.Leader() == nil || s.Leader().Cred() != l.Proc().Cred() {
			return netbsd.EPERM
		}
	}
	if len(data) < 1 {
		return netbsd.EINVAL
	}
	return 0
}

// setModes is the setting half of TIOCSETA and its kin. Input typed in the old mode is
// kept unless flushed: as a line to be edited when ICANON comes on, as plain data when
// it goes.
//
// EXTPROC is TIOCEXT's alone and stays. PENDIN is anybody's to set. A speed of 0 hangs up, as with a modem; with CIGNORE neither it nor the
// control flags are looked at. mu is held.
func (p *pair) setModes(t netbsd.Termios, flush bool) {
	canon, was := t.Lflag&netbsd.ICANON != 0, p.lflag(netbsd.ICANON)
	pending := p.t.Lflag & netbsd.PENDIN
	switch {
	case flush:
		p.flush(netbsd.FREAD)
	case canon && !was:
		pending = netbsd.PENDIN
	case !canon && was:
		p.raw, p.can = append(p.can, p.raw...), nil
		pending = 0
	}
	t.Lflag = t.Lflag&^netbsd.EXTPROC | p.t.Lflag&netbsd.EXTPROC | pending
	if t.Cflag&netbsd.CIGNORE != 0 {
		keepControl(&t, &p.t)
	} else if t.Ospeed == 0 {
		p.k.Hangup()
	}
	p.t = t
	switch {
	case canon && !was && !flush:
		p.wakeReaders()
	case !canon: // another VMIN, perhaps: nobody is signalled
		p.terminalQueue.Notify(file.In | file.RdNorm)
	}
}

// keepControl is CIGNORE: what the hardware is told stays as it is.
func keepControl(t, is *netbsd.Termios) { t.Cflag, t.Ispeed, t.Ospeed = is.Cflag, is.Ispeed, is.Ospeed }

// session serves the requests by which processes and terminals belong together; ok
// tells whether cmd is one.
//
// The rules of sessions are kern's, with its lock; mu is not held, and a terminal may have
// changed hands before the caller sees the answer. A caller without a process, such as an
// embedder, is in no session.
func session(c file.Call, k *kern.TTY, cmd uint32, data []byte) (errno netbsd.Errno, ok bool) {
	l := lwpOf(c)
	switch cmd {
	case netbsd.TIOCSCTTY, netbsd.TIOCGPGRP, netbsd.TIOCSPGRP, netbsd.TIOCGSID, netbsd.FIOSETOWN, netbsd.FIOGETOWN:
		if l == nil {
			return netbsd.ENOTTY, true
		}
	}
	switch cmd {
	case netbsd.TIOCSCTTY:
		defer tell(k)
		return l.AcquireTTY(k), true
	case netbsd.TIOCGPGRP:
		notice(k)
		pgid, errno := l.GetForeground(k)
		if errno != 0 {
			return errno, true
		}
		return file.PutInt(data, pgid), true
	case netbsd.TIOCSPGRP:
		return putForeground(l, k, int(intArg(data))), true
	case netbsd.TIOCGSID:
		s := k.Session()
		if _, errno := l.GetForeground(k); errno != 0 || s == nil {
			return netbsd.ENOTTY, true
		}
		return file.PutInt(data, s.ID()), true
	case netbsd.FIOGETOWN:
		return getOwner(l, k, data), true
	case netbsd.FIOSETOWN:
		return setOwner(l, k, int(intArg(data))), true
	}
	return 0, false
}

// putForeground is TIOCSPGRP. What the host has set before is noticed, so that it is over.
func putForeground(l *kern.LWP, k *kern.TTY, pgid int) netbsd.Errno {
	notice(k)
	errno := l.SetForeground(k, pgid)
	if errno == 0 {
		tell(k)
	}
	return errno
}

// getOwner is FIOGETOWN: a terminal's owner is its foreground group, as -id.
func getOwner(l *kern.LWP, k *kern.TTY, data []byte) netbsd.Errno {
	if k.Session() != nil && l.Proc().TTY() != k {
		return netbsd.ENOTTY
	}
	notice(k)
	if g := k.Foreground(); g != nil {
		return file.PutInt(data, -g.ID())
	}
	return file.PutInt(data, 0)
}

// setOwner is FIOSETOWN: a group by -id, or that of a process.
func setOwner(l *kern.LWP, k *kern.TTY, id int) netbsd.Errno {
	notice(k)
	errno := l.SetTTYOwner(k, id)
	if errno == 0 {
		tell(k)
	}
	return errno
}
