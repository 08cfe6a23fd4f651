package tty

import (
	"golang.org/x/sys/unix"

	"toaster/internal/file"
	"toaster/internal/guard"
	"toaster/internal/hostfile"
	"toaster/netbsd"
)

// ioctl serves the requests of tty(4) on the host's terminal. TIOCSTI would reach beyond the machine, and is refused.
//
// Modes and size are the host's and so the user's real terminal's: a guest that changes them
// changes what is left when it ends, which is why HostTTY restores them.
func (h *HostTTY) ioctl(c file.Call, cmd uint32, data []byte) netbsd.Errno {
	if errno := backgroundChange(c, h.k, cmd); errno != 0 {
		return errno
	}
	if errno, ok := session(c, h.k, cmd, data); ok {
		return errno
	}
	ask := func(cmd uint32, data []byte) netbsd.Errno { return h.served(c, cmd, data) }
	if errno, ok := h.old.ioctl(cmd, data, ask); ok {
		return errno
	}
	return ask(cmd, data)
}

// served is a request after the wait of who is in the background.
func (h *HostTTY) served(c file.Call, cmd uint32, data []byte) netbsd.Errno {
	switch cmd {
	case netbsd.TIOCCONS:
		return h.d.console.set(c, h, intArg(data) != 0)
	case netbsd.TIOCGETA:
		t, err := h.modes()
		if err == nil {
			t.Encode(data)
		}
		return hostfile.Errno(err)
	case netbsd.TIOCSETA, netbsd.TIOCSETAW, netbsd.TIOCSETAF:
		t := netbsd.DecodeTermios(data)
		if t.Cflag&netbsd.CIGNORE != 0 {
			is, err := h.modes()
			if err != nil {
				return hostfile.Errno(err)
			}
			keepControl(&t, &is)
		}
		req := map[uint32]uint{netbsd.TIOCSETA: unix.TCSETS, netbsd.TIOCSETAW: unix.TCSETSW, netbsd.TIOCSETAF: unix.TCSETSF}[cmd]
		return hostfile.Errno(h.setModes(req, &t))
	case netbsd.TIOCGWINSZ:
		w, err := unix.IoctlGetWinsize(h.fd, unix.TIOCGWINSZ)
		if err == nil {
			netbsd.Winsize(*w).Encode(data)
		}
		return hostfile.Errno(err)
	case netbsd.TIOCSWINSZ:
		w := unix.Winsize(netbsd.DecodeWinsize(data))
		return hostfile.Errno(unix.IoctlSetWinsize(h.fd, unix.TIOCSWINSZ, &w))
	case netbsd.FIONREAD:
		return h.count(unix.TIOCINQ, data)
	case netbsd.TIOCOUTQ, netbsd.FIONWRITE:
		return h.count(unix.TIOCOUTQ, data)
	case netbsd.FIONSPACE:
		if errno := h.count(unix.TIOCOUTQ, data); errno != 0 {
			return errno
		}
		return file.PutInt(data, max(0, outputMax-int(intArg(data))))
	case netbsd.TIOCGQSIZE:
		return file.PutInt(data, inputMax)
	case netbsd.TIOCSQSIZE:
		return keptQueueSize(int(intArg(data)))
	case netbsd.TIOCDRAIN:
		return h.drain(c)
	}
	return h.control(c, cmd, data)
}

// keptQueueSize is TIOCSQSIZE where the host has the queues, whose size nobody changes: EBUSY, as if output waited.
func keptQueueSize(size int) netbsd.Errno {
	switch {
	case size < inputMax || size >= 2*queueMost:
		return netbsd.EINVAL
	case size >= 2*inputMax:
		return netbsd.EBUSY
	}
	return 0
}

func (h *HostTTY) count(req uint, data []byte) netbsd.Errno {
	n, err := unix.IoctlGetInt(h.fd, req)
	if err != nil {
		return hostfile.Errno(err)
	}
	return file.PutInt(data, int(n))
}

func (h *HostTTY) control(c file.Call, cmd uint32, data []byte) netbsd.Errno {
	switch cmd {
	case netbsd.TIOCFLUSH:
		which := map[int32]int{netbsd.FREAD: unix.TCIFLUSH, netbsd.FWRITE: unix.TCOFLUSH}
		arg, ok := which[intArg(data)]
		if !ok {
			arg = unix.TCIOFLUSH
		}
		return hostfile.Errno(unix.IoctlSetInt(h.fd, unix.TCFLSH, arg))
	case netbsd.TIOCSTOP:
		return hostfile.Errno(unix.IoctlSetInt(h.fd, unix.TCXONC, unix.TCOOFF))
	case netbsd.TIOCSTART:
		return hostfile.Errno(unix.IoctlSetInt(h.fd, unix.TCXONC, unix.TCOON))
	case netbsd.TIOCEXCL, netbsd.TIOCNXCL:
		guard.Locked(&h.mu, func() { h.exclusive = cmd == netbsd.TIOCEXCL })
		return 0
	case netbsd.FIOASYNC:
		return 0
	case netbsd.TIOCSTI:
		return netbsd.EPERM
	case netbsd.TIOCSTAT:
		h.report(c)
		return 0
	case netbsd.TIOCPTSNAME, netbsd.COMPAT_TIOCPTSNAME:
		g := netbsd.Ptmget{Controller: int32(h.stat.Rdev & 0xff), Terminal: int32(h.stat.Rdev & 0xff), ControllerName: "/dev/null", TerminalName: h.name}
		if len(data) < netbsd.SizeofPtmget60 {
			return netbsd.EINVAL
		}
		g.Encode(data)
		return 0
	}
	return h.serial(c, cmd, data)
}

// serial has breaks and the modem, which a pseudo-terminal has not (comioctl, ptyioctl). They are the host's line's, and its modem's bits
// are NetBSD's. ENOTTY: it has none. EPERM: flags of the line that anybody but the superuser sets.
func (h *HostTTY) serial(c file.Call, cmd uint32, data []byte) netbsd.Errno {
	if h.pseudo {
		return lineIoctl(cmd, data)
	}
	set := func(req uint, bits int) netbsd.Errno { return hostfile.Errno(unix.IoctlSetPointerInt(h.fd, req, bits)) }
	switch cmd {
	case netbsd.TIOCSBRK:
		return hostfile.Errno(unix.IoctlSetInt(h.fd, unix.TIOCSBRK, 0))
	case netbsd.TIOCCBRK:
		return hostfile.Errno(unix.IoctlSetInt(h.fd, unix.TIOCCBRK, 0))
	case netbsd.TIOCSDTR:
		return set(unix.TIOCMBIS, netbsd.TIOCM_DTR)
	case netbsd.TIOCCDTR:
		return set(unix.TIOCMBIC, netbsd.TIOCM_DTR)
	case netbsd.TIOCMSET:
		return set(unix.TIOCMSET, int(intArg(data)))
	case netbsd.TIOCMBIS:
		return set(unix.TIOCMBIS, int(intArg(data)))
	case netbsd.TIOCMBIC:
		return set(unix.TIOCMBIC, int(intArg(data)))
	case netbsd.TIOCMGET:
		return h.count(unix.TIOCMGET, data)
	case netbsd.TIOCGFLAGS:
		return file.PutInt(data, int(h.lineFlags.Load()))
	case netbsd.TIOCSFLAGS:
		if l := lwpOf(c); l != nil && !l.Proc().Cred().IsRoot() {
			return netbsd.EPERM
		}
		h.lineFlags.Store(intArg(data))
		return 0
	}
	return lineIoctl(cmd, data)
}

// report is TIOCSTAT's line, written for the host's line discipline to process, as far as that has room: where output is stopped, as
// any guest can have it, who waited in the host's call could not be killed.
func (h *HostTTY) report(c file.Call) {
	if d := h.handle().(*hostTerminal).inner; d != nil { // the host may have no descriptor left for it
		d.File.Write(file.Call{L: c.L, Nonblock: true}, []byte(describe(h.d.m, h.k)))
	}
}
