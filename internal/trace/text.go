package trace

import (
	"fmt"
	"io"
	"strconv"
	"sync"
	"time"

	"toaster/internal/guard"
	"toaster/netbsd"
)

// TextOptions says how lines look.
type TextOptions struct {
	Times     bool // seconds since the first event, in front
	Durations bool // how long each call took, behind
	StringMax int  // bytes of a buffer shown; 0 means 40
	// Filter, if set, says which calls are shown.
	Filter func(*Call) bool
}

// Text writes one line for each call when it ends:
//
//	12.1 open("/etc/passwd", O_RDONLY) = 3
//	12.1 read(3, 0xc000012000, 4096) = -1 EIO (input/output error)
//	12.1 --- SIGCHLD {si_code=CLD_EXITED, si_pid=13, si_uid=0, si_status=3} ---
//	13.1 +++ exited with 3 +++
//
// What the kernel reads is shown as it was when the call began, what it writes as it
// is at the end. A call that its LWP did not survive is shown when that ends.
type Text struct {
	opt TextOptions

	mu      sync.Mutex // guards what follows; no lock of the kernel's is taken with it
	w       io.Writer
	err     error
	start   time.Time
	pending map[who]*Call
}

type who struct{ pid, lid int }

// NewText makes a sink that writes lines to w, each with one Write.
func NewText(w io.Writer, opt TextOptions) *Text {
	if opt.StringMax == 0 {
		opt.StringMax = 40
	}
	return &Text{w: w, opt: opt, pending: map[who]*Call{}}
}

// Enter keeps the arguments that the kernel reads.
func (t *Text) Enter(c *Call) {
	if t.opt.Filter != nil && !t.opt.Filter(c) {
		return
	}
	d := decoder{c: c, max: t.opt.StringMax}
	c.in = d.entry()
	if c.Nr == netbsd.SYS_exit || c.Nr == netbsd.SYS__lwp_exit {
		t.line(c.Start, c.Pid, c.Lid, d.callText()+" = ?")
		return
	}
	t.mu.Lock()
	t.pending[who{c.Pid, c.Lid}] = c
	t.mu.Unlock()
}

// Exit writes the line.
func (t *Text) Exit(c *Call) {
	if !t.take(c) {
		return
	}
	d := decoder{c: c, max: t.opt.StringMax, done: true}
	s := d.callText() + " = " + d.result()
	if t.opt.Durations {
		s += " <" + c.End.Sub(c.Start).String() + ">"
	}
	t.line(c.Start, c.Pid, c.Lid, s)
}

// take forgets a call that has been entered; false if it was filtered out, or has been shown
// already as one that its LWP did not survive.
func (t *Text) take(c *Call) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	k := who{c.Pid, c.Lid}
	if t.pending[k] != c {
		return false
	}
	delete(t.pending, k)
	return true
}

// Signal writes a line.
func (t *Text) Signal(g *Signal) {
	t.line(g.Time, g.Pid, g.Lid, "--- "+g.Info.Signo.String()+" "+siginfoText(&g.Info)+" ---")
}

// Event writes a line, after those of the calls that never ended.
func (t *Text) Event(e *Event) {
	switch e.Kind {
	case Exited:
		t.flush(func(k who) bool { return k.pid == e.Pid })
	case LWPEnded:
		t.flush(func(k who) bool { return k == who{e.Pid, e.Lid} })
	}
	t.line(e.Time, e.Pid, e.Lid, "+++ "+eventText(e)+" +++")
}

func eventText(e *Event) string {
	switch e.Kind {
	case Forked:
		return "process " + strconv.Itoa(e.Other) + " began"
	case Execed:
		return "runs " + strconv.Quote(e.Path)
	case Stopped:
		return "stopped by " + e.Status.StopSignal().String()
	case Resumed:
		return "continued"
	case LWPBegan:
		return "LWP " + strconv.Itoa(e.Other) + " began"
	case LWPEnded:
		return "LWP ended"
	case Reaped:
		return "process " + strconv.Itoa(e.Other) + " waited for"
	}
	return statusText(e.Status)
}

func statusText(s netbsd.WaitStatus) string {
	switch {
	case s.Signaled() && s.CoreDump():
		return "killed by " + s.TermSignal().String() + " (core dumped)"
	case s.Signaled():
		return "killed by " + s.TermSignal().String()
	}
	return "exited with " + strconv.Itoa(int(s>>8))
}

// flush shows calls that will not end. Memory is read with mu dropped, as the guest's host
// process may answer slowly, or never.
func (t *Text) flush(match func(who) bool) {
	var l []*Call
	guard.Locked(&t.mu, func() {
		for k, c := range t.pending {
			if match(k) {
				l = append(l, c)
				delete(t.pending, k)
			}
		}
	})
	for _, c := range l {
		d := decoder{c: c, max: t.opt.StringMax}
		t.line(c.Start, c.Pid, c.Lid, d.callText()+" = ? (ended meanwhile)")
	}
}

// line writes one line in one Write, so that the lines of two machines, or the program's own
// output, do not mix within. The first error stays; the guests go on without a trace.
func (t *Text) line(at time.Time, pid, lid int, s string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.start.IsZero() {
		t.start = at
	}
	p := strconv.Itoa(pid) + "." + strconv.Itoa(lid) + " "
	if t.opt.Times {
		p = fmt.Sprintf("%11.6f ", at.Sub(t.start).Seconds()) + p
	}
	if _, err := io.WriteString(t.w, p+s+"\n"); err != nil && t.err == nil {
		t.err = err
	}
}

// Close shows what has not ended and returns the first error of writing.
func (t *Text) Close() error {
	t.flush(func(who) bool { return true })
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.err
}
