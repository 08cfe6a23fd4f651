package tty

import (
	"golang.org/x/sys/unix"

	"toaster/netbsd"
)

// This file keeps the modes of a host's terminal: a guest sets them on the host, and
// the user gets back his own when the guest is stopped or has ended.

// noteModes keeps what reads and writes need to know. mu is held, or h is new.
func (h *HostTTY) noteModes(t *unix.Termios) {
	h.vmin, h.vtime = t.Cc[unix.VMIN], t.Cc[unix.VTIME]
	if t.Lflag&unix.ICANON != 0 {
		h.vmin, h.vtime = 1, 0
	}
	h.tostop = t.Lflag&unix.TOSTOP != 0
}

func (h *HostTTY) modes() (netbsd.Termios, error) {
	t, err := unix.IoctlGetTermios(h.fd, unix.TCGETS)
	if err != nil {
		return netbsd.Termios{}, err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.noteModes(t)
	return guestModes(t, h.native), nil
}

// setModes sets them by the host's request req (TCSETS, TCSETSW, TCSETSF).
func (h *HostTTY) setModes(req uint, t *netbsd.Termios) error {
	cur, err := unix.IoctlGetTermios(h.fd, unix.TCGETS)
	if err != nil {
		return err
	}
	next := *cur
	hostModes(t, &next)
	if err := setTermios(h.fd, req, &next); err != nil {
		return err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.saved == nil {
		h.saved = cur
	}
	h.set, h.native = next, nativeOf(t)
	h.noteModes(&next)
	return nil
}

func setTermios(fd int, req uint, t *unix.Termios) error {
	for {
		if err := unix.IoctlSetTermios(fd, req, t); err != unix.EINTR {
			return err
		}
	}
}

// Foreground reports whether this program is in the host's foreground, and so the
// terminal its own to change.
func (h *HostTTY) Foreground() bool {
	pgrp, err := unix.IoctlGetInt(h.fd, unix.TIOCGPGRP)
	return err == nil && pgrp == unix.Getpgrp()
}

// Restore gives the user the modes back that were there before a guest changed them.
// A terminal on which this program is in the background is the shell's by now.
func (h *HostTTY) Restore() {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.saved != nil && h.Foreground() {
		setTermios(h.fd, unix.TCSETS, h.saved)
		h.saved = nil
	}
}

// RestoreForStop is Restore for a while: the program is about to be stopped. Retake ends it.
func (h *HostTTY) RestoreForStop() (restored bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.saved == nil || !h.Foreground() {
		return false
	}
	setTermios(h.fd, unix.TCSETS, h.saved)
	return true
}

// Retake sets what the guests had set, and reports whether it could: not in the
// background. What the user has changed meanwhile is what Restore will bring back.
func (h *HostTTY) Retake() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if !h.Foreground() {
		return false
	}
	if cur, err := unix.IoctlGetTermios(h.fd, unix.TCGETS); err == nil {
		h.saved = cur
	}
	setTermios(h.fd, unix.TCSETS, &h.set)
	return true
}
