package netbsdroot

import (
	"fmt"
	"io"
	"time"
)

// progress tells a user how far a step has come: on a terminal one line that is written again and
// again, else nothing. A nil progress is told in vain.
type progress struct {
	w         io.Writer // nil: not a terminal
	what      string
	at, of    int64
	told      time.Time
	continued bool // the file was begun by an earlier attempt
}

func (p *progress) begin(at, of int64) {
	if p != nil {
		p.at, p.of = at, of
		p.tell()
	}
}

func (p *progress) add(n int) {
	if p == nil {
		return
	}
	p.at += int64(n)
	if time.Since(p.told) > 200*time.Millisecond {
		p.tell()
	}
}

func (p *progress) tell() {
	if p.w == nil {
		return
	}
	p.told = time.Now()
	if p.of > 0 {
		fmt.Fprintf(p.w, "\r\x1b[K%s: %d of %d MB (%d%%)", p.what, p.at>>20, p.of>>20, 100*p.at/p.of)
		return
	}
	fmt.Fprintf(p.w, "\r\x1b[K%s: %d MB", p.what, p.at>>20)
}

// end takes the line away.
func (p *progress) end() {
	if p != nil && p.w != nil {
		fmt.Fprint(p.w, "\r\x1b[K")
	}
}

// counting is r, counted.
func (p *progress) counting(r io.Reader) io.Reader {
	if p == nil {
		return r
	}
	return counted{r, p}
}

type counted struct {
	r io.Reader
	p *progress
}

func (c counted) Read(b []byte) (int, error) {
	n, err := c.r.Read(b)
	c.p.add(n)
	return n, err
}
