package tty

import "toaster/netbsd"

// quoted marks a character that is data whatever it looks like: it was typed after
// VLNEXT. A queue of input holds characters with that mark.
const quoted = 0x100

func ctrl(c byte) byte { return c & 0x1f }

// defaultTermios is what the first open of a terminal finds (sys/ttydefaults.h).
func defaultTermios() netbsd.Termios {
	t := netbsd.Termios{
		Iflag:  netbsd.BRKINT | netbsd.ICRNL | netbsd.IMAXBEL | netbsd.IXON | netbsd.IXANY,
		Oflag:  netbsd.OPOST | netbsd.ONLCR | netbsd.OXTABS,
		Cflag:  netbsd.CREAD | netbsd.CS8 | netbsd.HUPCL,
		Lflag:  netbsd.ECHO | netbsd.ICANON | netbsd.ISIG | netbsd.IEXTEN | netbsd.ECHOE | netbsd.ECHOKE | netbsd.ECHOCTL,
		Ispeed: 9600, Ospeed: 9600,
	}
	for i := range t.Cc {
		t.Cc[i] = netbsd.VDISABLE
	}
	for i, c := range map[int]byte{
		netbsd.VEOF: ctrl('D'), netbsd.VERASE: 0x7f, netbsd.VWERASE: ctrl('W'), netbsd.VKILL: ctrl('U'),
		netbsd.VREPRINT: ctrl('R'), netbsd.VINTR: ctrl('C'), netbsd.VQUIT: ctrl('\\'), netbsd.VSUSP: ctrl('Z'),
		netbsd.VDSUSP: ctrl('Y'), netbsd.VSTART: ctrl('Q'), netbsd.VSTOP: ctrl('S'), netbsd.VLNEXT: ctrl('V'),
		netbsd.VDISCARD: ctrl('O'), netbsd.VMIN: 1, netbsd.VTIME: 0, netbsd.VSTATUS: ctrl('T'),
	} {
		t.Cc[i] = c
	}
	return t
}

// is reports whether c is the control character number i, unless that is disabled.
// A quoted character is none.
// mu is held, as by all that reads the modes.
func (p *pair) is(i int, c uint16) bool {
	cc := p.t.Cc[i]
	return uint16(cc) == c && cc != netbsd.VDISABLE
}

func (p *pair) iflag(bits uint32) bool { return p.t.Iflag&bits != 0 }
func (p *pair) oflag(bits uint32) bool { return p.t.Oflag&bits != 0 }
func (p *pair) lflag(bits uint32) bool { return p.t.Lflag&bits != 0 }

// breaks reports whether c ends a line of canonical input.
//
// It is CCEQ and TTBREAKC of tty.h. The end of a file is a line's end, too: a reader gets what
// was typed before it, or nothing, which is how a program sees the end.
func (p *pair) breaks(c uint16) bool {
	return c == '\n' || p.is(netbsd.VEOF, c) || p.is(netbsd.VEOL, c) ||
		p.is(netbsd.VEOL2, c) && p.lflag(netbsd.IEXTEN)
}

// class of a character: what it does to the cursor, and how much an erase takes back.
type class uint8

const (
	ordinary class = iota
	control
	backspace
	newline
	carriageReturn
	tab
)

func classOf(c byte) class {
	switch {
	case c == '\b':
		return backspace
	case c == '\n':
		return newline
	case c == '\r':
		return carriageReturn
	case c == '\t':
		return tab
	case c < ' ' || c == 0x7f || c >= 0x80 && c < 0xa0:
		return control
	}
	return ordinary
}

// isWord tells the characters of a word for ALTWERASE.
func isWord(c uint16) bool {
	b := byte(c)
	return b >= 'a' && b <= 'z' || b >= 'A' && b <= 'Z' || b >= '0' && b <= '9' || b == '_'
}
