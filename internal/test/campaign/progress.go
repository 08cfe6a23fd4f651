package main

import (
	"fmt"
	"os"
	"time"
)

// progress shows where the campaign is, in one line of a terminal that is written over; in a
// pipe it is silent.
type progress struct {
	f     *os.File
	shown bool
	last  time.Time
}

func newProgress(f *os.File) *progress {
	if st, err := f.Stat(); err != nil || st.Mode()&os.ModeCharDevice == 0 {
		return &progress{}
	}
	return &progress{f: f}
}

func (p *progress) say(format string, a ...any) {
	if p.f == nil || time.Since(p.last) < 100*time.Millisecond {
		return
	}
	p.last, p.shown = time.Now(), true
	s := fmt.Sprintf(format, a...)
	fmt.Fprintf(p.f, "\r\x1b[K%s", s[:min(len(s), 110)])
}

// clear makes room for a line that stays.
func (p *progress) clear() {
	if p.shown {
		fmt.Fprint(p.f, "\r\x1b[K")
		p.shown = false
	}
}
