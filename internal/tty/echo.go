package tty

import "toaster/netbsd"

// This file has echo, and what erasing does to a line on the screen.

// echo is ttyecho: a typed character is shown, control characters as ^X with ECHOCTL.
//
// An echo that finds no room is lost: the writer is the user, who cannot wait. While a tab is
// measured (stCounting) nothing goes out, and FLUSHO stays. mu is held, as by all of this file.
func (p *pair) echo(c uint16) {
	if !p.is1(stCounting) {
		p.t.Lflag &^= netbsd.FLUSHO
	}
	if !p.lflag(netbsd.ECHO) && (!p.lflag(netbsd.ECHONL) || c != '\n') || p.lflag(netbsd.EXTPROC) {
		return
	}
	b := byte(c)
	if p.lflag(netbsd.ECHOCTL) && b <= 0x1f && c != '\t' && c != '\n' || b == 0x7f {
		p.output('^')
		if b == 0x7f {
			b = '?'
		} else {
			b += 'A' - 1
		}
	}
	p.output(b)
}

// rub is ttyrub: c, the last character of the line, is taken off the screen.
//
// rocount is how much of the line stands on the screen unbroken: only that can be rubbed out in
// place. Whoever writes in between makes it 0.
func (p *pair) rub(c uint16) {
	if !p.lflag(netbsd.ECHO) || p.lflag(netbsd.EXTPROC) {
		return
	}
	p.t.Lflag &^= netbsd.FLUSHO
	switch {
	case p.lflag(netbsd.ECHOE):
		if p.rocount == 0 { // a write has come between: show the line anew
			p.retype()
			return
		}
		if !p.rubEcho(c) {
			return
		}
	case p.lflag(netbsd.ECHOPRT):
		if !p.is1(stErasing) {
			p.st |= stErasing
			p.output('\\')
		}
		p.echo(c)
	default:
		p.echo(uint16(p.t.Cc[netbsd.VERASE]))
	}
	p.rocount = max(0, p.rocount-1)
}

// rubEcho goes back over what c took on the screen; false if the line was shown anew
// instead.
func (p *pair) rubEcho(c uint16) bool {
	if c == '\t'|quoted || c == '\n'|quoted {
		p.backOver(2)
		return true
	}
	switch classOf(byte(c)) {
	case ordinary:
		p.backOver(1)
	case tab:
		if p.rocount < len(p.raw) {
			p.retype()
			return false
		}
		p.rubTab()
	default:
		if p.lflag(netbsd.ECHOCTL) {
			p.backOver(2)
		}
	}
	return true
}

// rubTab measures where the line ends without the tab, and goes back to there.
//
// A tab's width depends on the column in which it began, which nobody keeps: the line is echoed
// anew into nothing, with col as the only effect. ttyrub does the same.
func (p *pair) rubTab() {
	was := p.col
	p.st |= stCounting
	p.t.Lflag |= netbsd.FLUSHO
	p.col = p.rocol
	for _, c := range p.raw {
		p.echo(c)
	}
	p.t.Lflag &^= netbsd.FLUSHO
	p.st &^= stCounting
	n := was - p.col
	p.col = was
	for range min(n, 8) {
		p.output('\b')
	}
}

func (p *pair) backOver(n int) {
	for range n {
		p.output('\b')
		p.output(' ')
		p.output('\b')
	}
}

// retype is ttyretype: the line is shown again on a new one.
// All that is not read yet is shown, as ttyretype does.
func (p *pair) retype() {
	if c := p.t.Cc[netbsd.VREPRINT]; c != netbsd.VDISABLE {
		p.echo(uint16(c))
	}
	p.output('\n')
	for _, c := range p.can {
		p.echo(c)
	}
	for _, c := range p.raw {
		p.echo(c)
	}
	p.st &^= stErasing
	p.rocount, p.rocol = len(p.raw), 0
}
