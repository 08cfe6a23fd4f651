package trace

import (
	"encoding/json"
	"io"
	"sync"
	"time"

	"toaster/netbsd"
)

// Timeline writes Chrome's trace-event format (JSON), which Perfetto and
// chrome://tracing show: a track for each LWP, calls as bars, signals as marks,
// arrows from forks to their children.
type Timeline struct {
	mu    sync.Mutex // guards what follows
	w     io.Writer
	start time.Time
	begun bool
	flow  int
	err   error
}

// NewTimeline makes a sink that writes JSON to w; the file is complete after Close.
func NewTimeline(w io.Writer) *Timeline { return &Timeline{w: w} }

// traceEvent is one element of the JSON array; times are in microseconds.
type traceEvent struct {
	Name string         `json:"name"`
	Ph   string         `json:"ph"`
	Ts   float64        `json:"ts"`
	Dur  *float64       `json:"dur,omitempty"`
	Pid  int            `json:"pid"`
	Tid  int            `json:"tid"`
	Cat  string         `json:"cat,omitempty"`
	ID   int            `json:"id,omitempty"`
	S    string         `json:"s,omitempty"`
	BP   string         `json:"bp,omitempty"`
	Args map[string]any `json:"args,omitempty"`
}

// Enter does nothing: a bar is written when its end is known.
func (t *Timeline) Enter(*Call) {}

// Exit writes a bar.
func (t *Timeline) Exit(c *Call) {
	d := decoder{c: c, max: 32, done: true}
	dur := micros(c.End.Sub(c.Start))
	t.write(c.Start, traceEvent{Name: netbsd.SyscallName(c.Nr), Ph: "X", Dur: &dur, Pid: c.Pid, Tid: c.Lid, Cat: "syscall",
		Args: map[string]any{"result": d.result()}})
}

// Signal writes a mark on the LWP's track.
func (t *Timeline) Signal(g *Signal) {
	t.write(g.Time, traceEvent{Name: g.Info.Signo.String(), Ph: "i", S: "t", Pid: g.Pid, Tid: g.Lid, Cat: "signal",
		Args: map[string]any{"info": siginfoText(&g.Info)}})
}

// Event writes names, marks and arrows.
func (t *Timeline) Event(e *Event) {
	switch e.Kind {
	case Execed:
		t.write(e.Time, traceEvent{Name: "process_name", Ph: "M", Pid: e.Pid, Args: map[string]any{"name": e.Comm}})
	case Forked:
		t.mu.Lock()
		t.flow++
		id := t.flow
		t.mu.Unlock()
		t.write(e.Time, traceEvent{Name: "process_name", Ph: "M", Pid: e.Other, Args: map[string]any{"name": e.Comm}})
		t.write(e.Time, traceEvent{Name: "fork", Ph: "s", ID: id, Pid: e.Pid, Tid: e.Lid, Cat: "process"})
		t.write(e.Time, traceEvent{Name: "fork", Ph: "f", BP: "e", ID: id, Pid: e.Other, Tid: 1, Cat: "process"})
	}
	t.write(e.Time, traceEvent{Name: eventText(e), Ph: "i", S: "p", Pid: e.Pid, Tid: e.Lid, Cat: "process"})
}

func micros(d time.Duration) float64 { return float64(d) / float64(time.Microsecond) }

// write writes one event; the first error stays, and Close returns it.
func (t *Timeline) write(at time.Time, e traceEvent) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.start.IsZero() {
		t.start = at
	}
	e.Ts = micros(at.Sub(t.start))
	b, err := json.Marshal(e)
	if err == nil {
		err = t.put(b)
	}
	if t.err == nil {
		t.err = err
	}
}

func (t *Timeline) put(b []byte) error {
	sep := ",\n"
	if !t.begun {
		t.begun, sep = true, "[\n"
	}
	_, err := t.w.Write(append([]byte(sep), b...))
	return err
}

// Close ends the JSON array and returns the first error.
func (t *Timeline) Close() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	end := "\n]\n"
	if !t.begun {
		end = "[]\n"
	}
	if _, err := io.WriteString(t.w, end); t.err == nil {
		t.err = err
	}
	return t.err
}
