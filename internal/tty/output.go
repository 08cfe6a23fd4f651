package tty

import "toaster/netbsd"

// This file has output processing: what a program writes, or what is echoed, on its
// way to the controller.

// put appends c to the output; false if there is no room. With FLUSHO (^O) it goes
// nowhere.
//
// outputMax bounds what a terminal that nobody reads costs. mu is held, as by all of this file.
func (p *pair) put(c byte) bool {
	if p.lflag(netbsd.FLUSHO) {
		return true
	}
	if len(p.out) >= outputMax {
		return false
	}
	p.out = append(p.out, c)
	return true
}

// output is ttyoutput: one character, with OPOST's processing. It reports whether
// there was room; an echo that finds none is lost.
func (p *pair) output(c byte) bool {
	if !p.oflag(netbsd.OPOST) {
		return p.put(c)
	}
	switch {
	case c == '\t' && p.oflag(netbsd.OXTABS) && !p.lflag(netbsd.EXTPROC):
		return p.expandTab()
	case c == ctrl('D') && p.oflag(netbsd.ONOEOT):
		return true
	case c == '\n' && p.oflag(netbsd.ONLCR):
		// Both or none: a writer that starts again would send a second CR.
		if !p.lflag(netbsd.FLUSHO) && len(p.out)+2 > outputMax {
			return false
		}
		p.put('\r')
	case c == '\r' && p.oflag(netbsd.OCRNL):
		c = '\n'
	case c == '\r' && p.oflag(netbsd.ONOCR) && p.col == 0:
		return true
	}
	if !p.put(c) {
		return false
	}
	p.moveCursor(c)
	return true
}

// expandTab puts the blanks of a tab (OXTABS), all or none, as a writer that starts again
// sends the tab again.
func (p *pair) expandTab() bool {
	n := 8 - p.col&7
	if !p.lflag(netbsd.FLUSHO) && len(p.out)+n > outputMax {
		return false
	}
	for range n {
		p.put(' ')
	}
	p.col += n
	return true
}

// moveCursor keeps the column, which erasing needs to know how far back a tab was.
func (p *pair) moveCursor(c byte) {
	switch classOf(c) {
	case backspace:
		p.col = max(0, p.col-1)
	case newline:
		if p.oflag(netbsd.ONLCR | netbsd.ONLRET) {
			p.col = 0
		}
	case carriageReturn:
		p.col = 0
	case ordinary:
		p.col++
	case tab:
		p.col = (p.col + 8) &^ 7
	}
}
