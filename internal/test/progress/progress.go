// Package progress shows where a long command is, in one line of a terminal that is written over.
package progress

import (
	"fmt"
	"os"
	"time"
)

// A Line is that line. In a pipe it is silent, and so is the zero Line.
type Line struct {
	f     *os.File
	shown bool
	last  time.Time
}

// New returns the line of f, if that is a terminal.
func New(f *os.File) *Line {
	if st, err := f.Stat(); err != nil || st.Mode()&os.ModeCharDevice == 0 {
		return &Line{}
	}
	return &Line{f: f}
}

// Say writes the line over, ten times a second at most.
func (p *Line) Say(format string, a ...any) {
	if p.f == nil || time.Since(p.last) < 100*time.Millisecond {
		return
	}
	p.last, p.shown = time.Now(), true
	s := fmt.Sprintf(format, a...)
	fmt.Fprintf(p.f, "\r\x1b[K%s", s[:min(len(s), 110)])
}

// Clear makes room for a line that stays.
func (p *Line) Clear() {
	if p.shown {
		fmt.Fprint(p.f, "\r\x1b[K")
		p.shown = false
	}
}
