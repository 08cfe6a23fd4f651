package tty

import (
	"sync/atomic"

	"toaster/internal/file"
	"toaster/netbsd"
)

// This file has the requests of 4.3BSD to terminals (compat_43_ttioctl, of COMPAT_43 in GENERIC): each is one, or two, of tty(4)'s.

// compat43 is what a terminal keeps for them: t_flags, with what 4.4BSD's modes do not say.
type compat43 struct{ flags atomic.Uint32 }

// request is a request of tty(4) to the terminal at hand, after the wait of who is in the background.
type request func(cmd uint32, data []byte) netbsd.Errno

// speeds43 are the speeds by their codes of 4.3BSD; the last one stands for those that have none, too.
var speeds43 = [...]int32{0, 50, 75, 110, 134, 150, 200, 300, 600, 1200, 1800, 2400, 4800, 9600, 19200, 38400, 57600, 115200}

func codeOfSpeed(speed int32) byte {
	for code, s := range speeds43 {
		if s == speed {
			return byte(code)
		}
	}
	return byte(len(speeds43) - 1)
}

func speedOfCode(code byte) int32 {
	if int(code) < len(speeds43) {
		return speeds43[code]
	}
	return int32(int8(code))
}

// The characters of struct tchars and struct ltchars, in their order.
var (
	tchars  = [...]int{netbsd.VINTR, netbsd.VQUIT, netbsd.VSTART, netbsd.VSTOP, netbsd.VEOF, netbsd.VEOL}
	ltchars = [...]int{netbsd.VSUSP, netbsd.VDSUSP, netbsd.VREPRINT, netbsd.VDISCARD, netbsd.VWERASE, netbsd.VLNEXT}
)

// ioctl serves cmd if it is one of them; ok tells.
func (o *compat43) ioctl(cmd uint32, data []byte, ask request) (errno netbsd.Errno, ok bool) {
	switch cmd {
	case netbsd.OTIOCGETD:
		return file.PutInt(data, netbsd.NTTYDISC), true
	case netbsd.OTIOCSETD:
		discipline := intArg(data)
		if discipline == netbsd.NTTYDISC {
			discipline = 0
		}
		return ask(netbsd.TIOCSETD, le.AppendUint32(nil, uint32(discipline))), true
	case netbsd.OTIOCCONS:
		return ask(netbsd.TIOCCONS, le.AppendUint32(nil, 1)), true
	case netbsd.TIOCGETP, netbsd.TIOCGETC, netbsd.TIOCGLTC, netbsd.TIOCLGET:
		t, errno := modesNow(ask)
		if errno == 0 {
			o.get(&t, cmd, data)
		}
		return errno, true
	case netbsd.TIOCSETP, netbsd.TIOCSETN, netbsd.TIOCSETC, netbsd.TIOCSLTC, netbsd.TIOCLBIS, netbsd.TIOCLBIC, netbsd.TIOCLSET, netbsd.TIOCHPCL:
		t, errno := modesNow(ask)
		if errno != 0 {
			return errno, true
		}
		o.set(&t, cmd, data)
		how := uint32(netbsd.TIOCSETA)
		if cmd == netbsd.TIOCSETP {
			how = netbsd.TIOCSETAF
		}
		b := make([]byte, netbsd.SizeofTermios)
		t.Encode(b)
		return ask(how, b), true
	}
	return 0, false
}

func modesNow(ask request) (netbsd.Termios, netbsd.Errno) {
	b := make([]byte, netbsd.SizeofTermios)
	errno := ask(netbsd.TIOCGETA, b)
	return netbsd.DecodeTermios(b), errno
}

// get answers from the modes t. struct sgttyb is two codes of speeds, the characters that erase and kill, and flags of 16 bits.
func (o *compat43) get(t *netbsd.Termios, cmd uint32, data []byte) {
	switch cmd {
	case netbsd.TIOCGETP:
		data[1] = codeOfSpeed(t.Ospeed)
		data[0] = data[1]
		if t.Ispeed != 0 {
			data[0] = codeOfSpeed(t.Ispeed)
		}
		data[2], data[3] = t.Cc[netbsd.VERASE], t.Cc[netbsd.VKILL]
		le.PutUint16(data[4:], uint16(o.of(t)))
	case netbsd.TIOCLGET:
		// An int that is shifted: the sign comes along.
		le.PutUint32(data, uint32(int32(o.of(t))>>16))
	case netbsd.TIOCGETC:
		for i, c := range tchars {
			data[i] = t.Cc[c]
		}
	case netbsd.TIOCGLTC:
		for i, c := range ltchars {
			data[i] = t.Cc[c]
		}
	}
}

// set changes t as cmd asks.
func (o *compat43) set(t *netbsd.Termios, cmd uint32, data []byte) {
	switch cmd {
	case netbsd.TIOCSETP, netbsd.TIOCSETN:
		flags := o.of(t)&0xffff0000 | uint32(le.Uint16(data[4:]))
		t.Ispeed, t.Ospeed = speedOfCode(data[0]), speedOfCode(data[1])
		t.Cc[netbsd.VERASE], t.Cc[netbsd.VKILL] = data[2], data[3]
		o.flags.Store(flags)
		setFlags43(t, flags)
		setSize43(t, flags)
	case netbsd.TIOCLBIS, netbsd.TIOCLBIC, netbsd.TIOCLSET:
		flags, local := o.of(t), uint32(intArg(data))<<16
		switch cmd {
		case netbsd.TIOCLBIS:
			flags |= local
		case netbsd.TIOCLBIC:
			flags &^= local
		default:
			flags = flags&0xffff | local
		}
		o.flags.Store(flags)
		setLocal43(t, flags)
		setSize43(t, flags)
	case netbsd.TIOCSETC:
		for i, c := range tchars {
			t.Cc[c] = data[i]
		}
		if data[5] == netbsd.VDISABLE {
			t.Cc[netbsd.VEOL2] = netbsd.VDISABLE
		}
	case netbsd.TIOCSLTC:
		for i, c := range ltchars {
			t.Cc[c] = data[i]
		}
	case netbsd.TIOCHPCL:
		t.Cflag |= netbsd.HUPCL
	}
}

// Bits of l_flag that have the same numbers in sg_flags.
const same43 = netbsd.TOSTOP | netbsd.FLUSHO | netbsd.PENDIN | netbsd.NOFLSH

// bit43 is one flag of 4.4BSD's modes, and what says so in 4.3BSD's.
type bit43 struct{ mode, flag uint32 }

// localBits are those of l_flag that TIOCLSET and its like set.
var localBits = [...]bit43{{netbsd.ECHOPRT, netbsd.PRTERA}, {netbsd.ECHOE, netbsd.CRTERA}, {netbsd.ECHOKE, netbsd.CRTKIL}, {netbsd.ECHOCTL, netbsd.CTLECH}}

// of is ttcompatgetflags: the flags of 4.3BSD that the modes t amount to.
func (o *compat43) of(t *netbsd.Termios) uint32 {
	flags := t.Lflag & (netbsd.ECHO | same43)
	add := func(on bool, flag uint32) {
		if on {
			flags |= flag
		}
	}
	parity := t.Cflag&netbsd.PARENB != 0
	add(t.Iflag&netbsd.IXOFF != 0, netbsd.TANDEM)
	add(t.Iflag&netbsd.ICRNL != 0 || t.Oflag&netbsd.ONLCR != 0, netbsd.CRMOD)
	switch {
	case parity && t.Iflag&netbsd.INPCK == 0:
		flags |= netbsd.ANYP
	case parity && t.Cflag&netbsd.PARODD != 0:
		flags |= netbsd.ODDP
	case parity:
		flags |= netbsd.EVENP
	}
	if t.Lflag&netbsd.ICANON == 0 {
		half := t.Iflag&netbsd.IXON != 0 || t.Lflag&(netbsd.ISIG|netbsd.IEXTEN) != 0 || parity
		add(half, netbsd.CBREAK)
		add(!half, netbsd.RAW)
	}
	switch {
	case flags&netbsd.RAW != 0:
		flags |= o.flags.Load() & (netbsd.LITOUT | netbsd.PASS8)
	case t.Cflag&netbsd.CSIZE == netbsd.CS8:
		add(t.Oflag&netbsd.OPOST == 0, netbsd.LITOUT)
		add(t.Iflag&netbsd.ISTRIP == 0, netbsd.PASS8)
	}
	flags |= t.Cflag & netbsd.MDMBUF
	add(t.Cflag&netbsd.HUPCL == 0, netbsd.NOHANG)
	add(t.Oflag&netbsd.OXTABS != 0, netbsd.XTABS)
	add(t.Lflag&(netbsd.ECHOE|netbsd.ECHOKE) != 0, netbsd.CRTBS)
	for _, b := range localBits {
		add(t.Lflag&b.mode != 0, b.flag)
	}
	add(t.Iflag&netbsd.IXANY == 0, netbsd.DECCTQ)
	return flags
}

// put sets or clears bits of a mode.
func put(mode *uint32, bits uint32, on bool) {
	*mode &^= bits
	if on {
		*mode |= bits
	}
}

// setFlags43 is ttcompatsetflags but for its end, setSize43: what TIOCSETP's 16 bits say.
func setFlags43(t *netbsd.Termios, flags uint32) {
	has := func(flag uint32) bool { return flags&flag != 0 }
	put(&t.Iflag, netbsd.IXOFF, has(netbsd.TANDEM))
	put(&t.Lflag, netbsd.ECHO, has(netbsd.ECHO))
	put(&t.Iflag, netbsd.ICRNL, has(netbsd.CRMOD))
	put(&t.Oflag, netbsd.ONLCR, has(netbsd.CRMOD))
	put(&t.Oflag, netbsd.OXTABS, has(netbsd.XTABS))
	if has(netbsd.RAW) {
		t.Iflag &= netbsd.IXOFF
		t.Lflag &^= netbsd.ISIG | netbsd.ICANON | netbsd.IEXTEN
		t.Cflag &^= netbsd.PARENB
		return
	}
	t.Iflag |= netbsd.BRKINT | netbsd.IXON | netbsd.IMAXBEL
	t.Lflag |= netbsd.ISIG | netbsd.IEXTEN
	put(&t.Lflag, netbsd.ICANON, !has(netbsd.CBREAK))
	parity := flags & netbsd.ANYP
	put(&t.Cflag, netbsd.PARENB, parity != 0)
	if parity != 0 {
		put(&t.Iflag, netbsd.INPCK, parity != netbsd.ANYP)
	}
	if parity == netbsd.EVENP || parity == netbsd.ODDP {
		put(&t.Cflag, netbsd.PARODD, parity == netbsd.ODDP)
	}
}

// setLocal43 is ttcompatsetlflags but for its end: what TIOCLSET's 16 bits say.
func setLocal43(t *netbsd.Termios, flags uint32) {
	for _, b := range localBits {
		put(&t.Lflag, b.mode, flags&b.flag != 0)
	}
	put(&t.Cflag, netbsd.MDMBUF, flags&netbsd.MDMBUF != 0)
	put(&t.Cflag, netbsd.HUPCL, flags&netbsd.NOHANG == 0)
	put(&t.Iflag, netbsd.IXANY, flags&netbsd.DECCTQ == 0)
	t.Lflag = t.Lflag&^same43 | flags&same43
}

// setSize43 is the end of both: how many bits a character has, and whether output is as it is written.
func setSize43(t *netbsd.Termios, flags uint32) {
	eight := flags&(netbsd.RAW|netbsd.LITOUT|netbsd.PASS8) != 0
	t.Cflag = t.Cflag&^netbsd.CSIZE | netbsd.CS7
	if eight {
		t.Cflag |= netbsd.CS8
	}
	put(&t.Iflag, netbsd.ISTRIP, flags&(netbsd.RAW|netbsd.PASS8) == 0)
	put(&t.Oflag, netbsd.OPOST, flags&(netbsd.RAW|netbsd.LITOUT) == 0)
}
