package tty

import "toaster/netbsd"

// This file has the way of a typed character: through the characters that do
// something (signals, flow control, editing) into the line being typed, and with the
// end of the line to the readers.

// input is ttyinput.
func (p *pair) input(b byte) {
	if p.t.Cflag&netbsd.CREAD == 0 {
		return
	}
	p.take(uint16(b))
}

// verdict of one stage of input on a character.
type verdict uint8

const (
	pass    verdict = iota // go on with it
	eaten                  // done with it; stopped output may go on
	quiet                  // done with it; output stays as it is
	restart                // done with it; output goes on
	begun                  // done with it; there may be output
)

// take is ttyinput_wlock. mu is held, as by all of this file: what a character causes, a
// signal to the foreground group too, happens before the next one is looked at, and kern's
// lock comes after mu.
func (p *pair) take(c uint16) {
	if p.lflag(netbsd.PENDIN) {
		p.takePending()
	}
	v := p.accept(c)
	switch {
	case v == quiet:
		return
	case v == begun:
	case v == eaten && p.is1(stStopped) && !p.iflag(netbsd.IXANY) && p.t.Cc[netbsd.VSTART] != p.t.Cc[netbsd.VSTOP]:
		return
	default:
		p.t.Lflag &^= netbsd.FLUSHO
		p.st &^= stStopped
	}
	p.start()
}

// accept asks the stages one after the other, in ttyinput_wlock's order, which programs rely
// on: VLNEXT takes their meaning from all that follow, and a signal is one also in the
// middle of a line.
func (p *pair) accept(c uint16) verdict {
	if c == 0xff && p.t.Iflag&(netbsd.ISTRIP|netbsd.IGNPAR|netbsd.INPCK|netbsd.PARMRK) == netbsd.INPCK|netbsd.PARMRK {
		if len(p.raw)+len(p.can)+2 <= p.inputMax() {
			p.raw = append(p.raw, c|quoted, c|quoted) // a valid \377 is doubled
		}
		return eaten
	}
	if p.iflag(netbsd.IXOFF) {
		p.block()
	}
	if !p.is1(stPending) && p.iflag(netbsd.ISTRIP) {
		c &^= 0x80
	}
	if !p.lflag(netbsd.EXTPROC) {
		if p.is1(stLiteral) {
			c |= quoted
			p.st &^= stLiteral
		}
		for _, stage := range [...]func(uint16) verdict{p.acceptExtended, p.acceptSignal, p.acceptFlow} {
			if v := stage(c); v != pass {
				return v
			}
		}
		switch {
		case c == '\r' && p.iflag(netbsd.IGNCR):
			return eaten
		case c == '\r' && p.iflag(netbsd.ICRNL):
			c = '\n'
		case c == '\n' && p.iflag(netbsd.INLCR):
			c = '\r'
		}
		if p.lflag(netbsd.ICANON) && p.edit(c) {
			return eaten
		}
	}
	p.enter(c)
	return eaten
}

// acceptExtended handles VLNEXT and VDISCARD.
//
// VLNEXT holds for one character, which stLiteral has quoted before any stage sees it.
func (p *pair) acceptExtended(c uint16) verdict {
	switch {
	case !p.lflag(netbsd.IEXTEN):
	case p.is(netbsd.VLNEXT, c):
		if p.lflag(netbsd.ECHO) && p.lflag(netbsd.ECHOE) {
			p.output('^')
			p.output('\b')
		} else if p.lflag(netbsd.ECHO) {
			p.echo(c)
		}
		p.st |= stLiteral
		return eaten
	case p.is(netbsd.VDISCARD, c):
		if p.lflag(netbsd.FLUSHO) {
			p.t.Lflag &^= netbsd.FLUSHO
			return begun
		}
		p.flush(netbsd.FWRITE)
		p.echo(c)
		if len(p.raw)+len(p.can) > 0 {
			p.retype()
		}
		p.t.Lflag |= netbsd.FLUSHO
		return begun
	}
	return pass
}

// acceptSignal handles VINTR, VQUIT and VSUSP.
//
// The flush comes before the signal: a process that is about to die or stop must not find the
// rest of the line it was typed in. kern sends the signal to the foreground group of this
// moment, and to nobody if the terminal belongs to no session.
func (p *pair) acceptSignal(c uint16) verdict {
	if !p.lflag(netbsd.ISIG) {
		return pass
	}
	sig, flush := netbsd.SIGINT, byte(netbsd.FREAD|netbsd.FWRITE)
	switch {
	case p.is(netbsd.VINTR, c):
	case p.is(netbsd.VQUIT, c):
		sig = netbsd.SIGQUIT
	case p.is(netbsd.VSUSP, c):
		sig, flush = netbsd.SIGTSTP, netbsd.FREAD
	default:
		return pass
	}
	if !p.lflag(netbsd.NOFLSH) {
		p.flush(flush)
	}
	p.echo(c)
	p.k.Signal(sig)
	return eaten
}

// acceptFlow handles VSTOP and VSTART; where they are one character it toggles.
//
// Output that is stopped stays in the queue, so a writer sleeps once outputMax is reached.
func (p *pair) acceptFlow(c uint16) verdict {
	switch {
	case !p.iflag(netbsd.IXON):
	case p.is(netbsd.VSTOP, c):
		if !p.is1(stStopped) {
			p.st |= stStopped
			p.stop(0)
			return quiet
		}
		if !p.is(netbsd.VSTART, c) {
			return quiet
		}
		return eaten
	case p.is(netbsd.VSTART, c):
		return restart
	}
	return pass
}

// edit handles the characters that change the line being typed; it reports whether c
// was one.
func (p *pair) edit(c uint16) bool {
	switch {
	case p.is(netbsd.VERASE, c):
		if n := len(p.raw); n > 0 {
			p.rub(p.unput())
		}
		return true
	case p.is(netbsd.VKILL, c):
		p.kill(c)
		return true
	case !p.lflag(netbsd.IEXTEN):
	case p.is(netbsd.VWERASE, c):
		p.eraseWord()
		return true
	case p.is(netbsd.VREPRINT, c):
		p.retype()
		return true
	case p.is(netbsd.VSTATUS, c):
		p.info = p.info || !p.lflag(netbsd.NOKERNINFO)
		if p.lflag(netbsd.ISIG) {
			p.k.Signal(netbsd.SIGINFO)
		}
		return true
	}
	return false
}

// unput takes the last character off the line. Preconditions: there is one.
func (p *pair) unput() uint16 {
	n := len(p.raw) - 1
	c := p.raw[n]
	p.raw = p.raw[:n]
	return c
}

// Only a line that stands on the screen whole can be rubbed out; else VKILL is echoed, and with
// ECHOK a new line begun, as with ECHOKE.
func (p *pair) kill(c uint16) {
	if p.lflag(netbsd.ECHOKE) && len(p.raw) == p.rocount && !p.lflag(netbsd.ECHOPRT) {
		for len(p.raw) > 0 {
			p.rub(p.unput())
		}
		return
	}
	p.echo(c)
	if p.lflag(netbsd.ECHOK | netbsd.ECHOKE) {
		p.echo('\n')
	}
	p.raw = p.raw[:0]
	p.rocount = 0
}

// eraseWord takes blanks and the word before them off; with ALTWERASE a word is of
// letters, digits and underscores, or of none.
func (p *pair) eraseWord() {
	blank := func(c uint16) bool { return c == ' ' || c == '\t' }
	last := func() uint16 { return p.raw[len(p.raw)-1] }
	for len(p.raw) > 0 && blank(last()) {
		p.rub(p.unput())
	}
	if len(p.raw) == 0 {
		return
	}
	p.rub(p.unput())
	if len(p.raw) == 0 || blank(last()) {
		return
	}
	word := isWord(last())
	for len(p.raw) > 0 && !blank(last()) && (!p.lflag(netbsd.ALTWERASE) || isWord(last()) == word) {
		p.rub(p.unput())
	}
}

// enter puts c into the line, and gives the line to the readers if it ends it.
//
// inputMax bounds what a controller can have the machine keep for readers that do not read.
// Beyond it the character is lost, with a beep if IMAXBEL asks for it, and without with all
// that is queued, as ttyinput does.
func (p *pair) enter(c uint16) {
	if len(p.raw)+len(p.can) >= p.inputMax() {
		if p.iflag(netbsd.IMAXBEL) {
			p.output(ctrl('G'))
		} else {
			p.flush(netbsd.FREAD | netbsd.FWRITE)
		}
		return
	}
	p.raw = append(p.raw, c)
	if !p.lflag(netbsd.ICANON) {
		p.wakeReaders()
		p.echo(c)
		return
	}
	if p.breaks(c) {
		p.rocount = 0
		p.can = append(p.can, p.raw...)
		p.raw = p.raw[:0]
		p.wakeReaders()
	} else {
		if p.rocount == 0 {
			p.rocol = p.col
		}
		p.rocount++
	}
	if p.is1(stErasing) {
		p.st &^= stErasing
		p.output('/')
	}
	col := p.col
	p.echo(c)
	if p.is(netbsd.VEOF, c) && p.lflag(netbsd.ECHO) {
		for range min(2, p.col-col) { // the cursor goes back over ^D
			p.output('\b')
		}
	}
}

// takePending is ttypend: ICANON came on, and what was typed without it is taken in
// again.
//
// The flag goes first: take would come here again. What it takes in may end lines, send signals
// and flush, so again is a slice of its own.
func (p *pair) takePending() {
	p.t.Lflag &^= netbsd.PENDIN
	p.st |= stPending
	again := p.raw
	p.raw = nil
	for _, c := range again {
		p.take(c)
	}
	p.st &^= stPending
}

// block is ttyblock: IXOFF asks the other side to stop sending when half of the queue
// is full.
//
// In canonical mode without a line to read it must not: the user could never finish one.
func (p *pair) block() {
	if len(p.raw)+len(p.can) < p.inputMax()/2 || p.is1(stBlocked) || p.lflag(netbsd.ICANON) && len(p.can) == 0 {
		return
	}
	if c := p.t.Cc[netbsd.VSTOP]; c != netbsd.VDISABLE && p.put(c) {
		p.st |= stBlocked
		p.start()
	}
}

// unblock is its end, once a fifth of the queue is left.
func (p *pair) unblock() {
	if !p.is1(stBlocked) || len(p.raw) >= p.inputMax()/5 {
		return
	}
	if c := p.t.Cc[netbsd.VSTART]; p.iflag(netbsd.IXOFF) && c != netbsd.VDISABLE && p.put(c) {
		p.st &^= stBlocked
		p.start()
	}
}
