package tty

import (
	"golang.org/x/sys/unix"

	"toaster/netbsd"
)

// This file converts modes between NetBSD's struct termios and the host's. Bits that
// only the host has stay as they are there; bits that only NetBSD has are remembered
// here (nativeOnly), so that a guest reads back what it set.

type bitPair struct{ guest, host uint32 }

var iflagBits = []bitPair{
	{netbsd.IGNBRK, unix.IGNBRK}, {netbsd.BRKINT, unix.BRKINT}, {netbsd.IGNPAR, unix.IGNPAR}, {netbsd.PARMRK, unix.PARMRK},
	{netbsd.INPCK, unix.INPCK}, {netbsd.ISTRIP, unix.ISTRIP}, {netbsd.INLCR, unix.INLCR}, {netbsd.IGNCR, unix.IGNCR},
	{netbsd.ICRNL, unix.ICRNL}, {netbsd.IXON, unix.IXON}, {netbsd.IXOFF, unix.IXOFF}, {netbsd.IXANY, unix.IXANY},
	{netbsd.IMAXBEL, unix.IMAXBEL},
}

var oflagBits = []bitPair{
	{netbsd.OPOST, unix.OPOST}, {netbsd.ONLCR, unix.ONLCR}, {netbsd.OXTABS, unix.XTABS}, {netbsd.OCRNL, unix.OCRNL},
	{netbsd.ONOCR, unix.ONOCR}, {netbsd.ONLRET, unix.ONLRET},
}

var cflagBits = []bitPair{
	{netbsd.CS6, unix.CS6}, {netbsd.CS7, unix.CS7}, {netbsd.CSTOPB, unix.CSTOPB}, {netbsd.CREAD, unix.CREAD},
	{netbsd.PARENB, unix.PARENB}, {netbsd.PARODD, unix.PARODD}, {netbsd.HUPCL, unix.HUPCL},
	{netbsd.CLOCAL, unix.CLOCAL}, {netbsd.CRTSCTS, unix.CRTSCTS},
}

var lflagBits = []bitPair{
	{netbsd.ECHOKE, unix.ECHOKE}, {netbsd.ECHOE, unix.ECHOE}, {netbsd.ECHOK, unix.ECHOK}, {netbsd.ECHO, unix.ECHO},
	{netbsd.ECHONL, unix.ECHONL}, {netbsd.ECHOPRT, unix.ECHOPRT}, {netbsd.ECHOCTL, unix.ECHOCTL}, {netbsd.ISIG, unix.ISIG},
	{netbsd.ICANON, unix.ICANON}, {netbsd.IEXTEN, unix.IEXTEN}, {netbsd.EXTPROC, unix.EXTPROC},
	{netbsd.TOSTOP, unix.TOSTOP}, {netbsd.FLUSHO, unix.FLUSHO}, {netbsd.PENDIN, unix.PENDIN}, {netbsd.NOFLSH, unix.NOFLSH},
}

// charPairs are the indexes of control characters; VMIN and VTIME are numbers, the
// others characters that may be disabled.
var charPairs = [...]struct{ guest, host int }{
	{netbsd.VEOF, unix.VEOF}, {netbsd.VEOL, unix.VEOL}, {netbsd.VEOL2, unix.VEOL2}, {netbsd.VERASE, unix.VERASE},
	{netbsd.VWERASE, unix.VWERASE}, {netbsd.VKILL, unix.VKILL}, {netbsd.VREPRINT, unix.VREPRINT},
	{netbsd.VINTR, unix.VINTR}, {netbsd.VQUIT, unix.VQUIT}, {netbsd.VSUSP, unix.VSUSP}, {netbsd.VSTART, unix.VSTART},
	{netbsd.VSTOP, unix.VSTOP}, {netbsd.VLNEXT, unix.VLNEXT}, {netbsd.VDISCARD, unix.VDISCARD},
	{netbsd.VMIN, unix.VMIN}, {netbsd.VTIME, unix.VTIME},
}

var speeds = []struct {
	baud int32
	code uint32
}{
	{0, unix.B0}, {50, unix.B50}, {75, unix.B75}, {110, unix.B110}, {134, unix.B134}, {150, unix.B150}, {200, unix.B200},
	{300, unix.B300}, {600, unix.B600}, {1200, unix.B1200}, {1800, unix.B1800}, {2400, unix.B2400}, {4800, unix.B4800},
	{9600, unix.B9600}, {19200, unix.B19200}, {38400, unix.B38400}, {57600, unix.B57600}, {115200, unix.B115200},
	{230400, unix.B230400}, {460800, unix.B460800}, {921600, unix.B921600},
}

func toGuest(bits []bitPair, h uint32) (g uint32) {
	for _, b := range bits {
		if h&b.host == b.host {
			g |= b.guest
		}
	}
	return g
}

// toHost changes in h the bits that both sides have.
//
// All bits of the list are cleared first: a field of two bits, as CS6 and CS7 are, must not
// keep half of an old value.
func toHost(bits []bitPair, g, h uint32) uint32 {
	for _, b := range bits {
		h &^= b.host
	}
	for _, b := range bits {
		if g&b.guest == b.guest {
			h |= b.host
		}
	}
	return h
}

// nativeOnly is what of a guest's modes the host has no place for.
type nativeOnly struct {
	oflag, lflag   uint32
	vdsusp, status byte
}

// nothingNative is how a terminal looks that no guest has touched: the host sends
// neither SIGTSTP at a read nor SIGINFO.
var nothingNative = nativeOnly{vdsusp: netbsd.VDISABLE, status: netbsd.VDISABLE}

const (
	nativeOflag = netbsd.ONOEOT
	nativeLflag = netbsd.ALTWERASE | netbsd.NOKERNINFO
)

func nativeOf(t *netbsd.Termios) nativeOnly {
	return nativeOnly{t.Oflag & nativeOflag, t.Lflag & nativeLflag, t.Cc[netbsd.VDSUSP], t.Cc[netbsd.VSTATUS]}
}

// guestModes converts what the host has.
//
// A 0 disables a character on the host, _POSIX_VDISABLE (0xff) in NetBSD; VMIN and VTIME are
// numbers and keep theirs.
func guestModes(h *unix.Termios, n nativeOnly) netbsd.Termios {
	t := netbsd.Termios{
		Iflag: toGuest(iflagBits, h.Iflag),
		Oflag: toGuest(oflagBits, h.Oflag) | n.oflag,
		Cflag: toGuest(cflagBits, h.Cflag),
		Lflag: toGuest(lflagBits, h.Lflag) | n.lflag,
	}
	for i := range t.Cc {
		t.Cc[i] = netbsd.VDISABLE
	}
	for _, c := range charPairs {
		v := h.Cc[c.host]
		if v == 0 && c.guest != netbsd.VMIN && c.guest != netbsd.VTIME {
			v = netbsd.VDISABLE
		}
		t.Cc[c.guest] = v
	}
	t.Cc[netbsd.VDSUSP], t.Cc[netbsd.VSTATUS] = n.vdsusp, n.status
	t.Ispeed, t.Ospeed = 9600, 9600
	for _, s := range speeds {
		if h.Cflag&unix.CBAUD == s.code {
			t.Ispeed, t.Ospeed = s.baud, s.baud
		}
	}
	return t
}

// hostModes changes h to what a guest wants.
func hostModes(t *netbsd.Termios, h *unix.Termios) {
	h.Iflag = toHost(iflagBits, t.Iflag, h.Iflag)
	h.Oflag = toHost(oflagBits, t.Oflag, h.Oflag)
	h.Cflag = toHost(cflagBits, t.Cflag, h.Cflag)
	h.Lflag = toHost(lflagBits, t.Lflag, h.Lflag)
	for _, c := range charPairs {
		v := t.Cc[c.guest]
		if v == netbsd.VDISABLE && c.guest != netbsd.VMIN && c.guest != netbsd.VTIME {
			v = 0
		}
		h.Cc[c.host] = v
	}
	for _, s := range speeds {
		if t.Ospeed == s.baud {
			h.Cflag = h.Cflag&^unix.CBAUD | s.code
		}
	}
}
