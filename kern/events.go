package kern

import (
	"context"
	"io"
	"sync"
	"time"

	"toaster/netbsd"
)

// This file has the event stream: every fork, exec, stop, continue, exit, reparent
// and reap, in the order in which they happened. It is a ring of Config.Events
// entries. A reader that falls behind loses the oldest ones and is told how many;
// it never holds up the kernel.

// EventKind says what happened.
type EventKind uint8

// The kinds of events.
const (
	EventFork     EventKind = iota + 1 // Other: the parent
	EventExec                          //
	EventStop                          // Signal: why
	EventContinue                      //
	EventExit                          // Status, in release 10; the process is dead
	EventReparent                      // Other: the new parent
	EventReap                          // Other: the parent; Status
	EventGap                           // Lost: how many events this reader missed
)

var eventNames = [...]string{"", "fork", "exec", "stop", "continue", "exit", "reparent", "reap", "gap"}

// String returns the kind in lower case.
func (k EventKind) String() string {
	if int(k) < len(eventNames) {
		return eventNames[k]
	}
	return "?"
}

// Event is one entry of the stream. What a kind does not mention is zero; Pid stays the process's name in the
// stream up to its EventReap, after which a fork may use it again. An EventGap has no time and no pid, and the
// Seq of the last event that is lost.
type Event struct {
	Seq    uint64        // from 1, without holes
	Time   time.Duration // since boot
	Kind   EventKind
	Pid    int32
	Other  int32
	Status netbsd.WaitStatus
	Signal netbsd.Signal
	Lost   uint64
}

// eventRing is the stream. Its own mu is below Machine.mu, so that a reader which is slow holds up no kernel
// call: it holds the ring's alone. buf is a ring by Seq, so that an entry needs no place of its own. more is
// nil while nobody waits. mu guards all fields; buf itself is made once.
type eventRing struct {
	mu     sync.Mutex
	buf    []Event
	next   uint64 // Seq of the next event
	more   chan struct{}
	closed bool
}

// newEventRing makes a ring of n events. Seq begins at 1, so that 0 is none.
func newEventRing(n int) *eventRing { return &eventRing{buf: make([]Event, n), next: 1} }

// event appends to the stream, if there is one. mu is held, which puts the events in the order of what
// happened: under the ring's lock alone two processes could overtake each other on the way here.
func (m *Machine) event(e Event) {
	r := m.ev
	if r == nil {
		return
	}
	e.Time = m.uptime()
	r.mu.Lock()
	e.Seq = r.next
	r.buf[e.Seq%uint64(len(r.buf))] = e
	r.next++
	r.notify()
	r.mu.Unlock()
}

// notify wakes the readers that wait. The channel is made by who waits, so that events nobody
// waits for cost no allocation. r.mu is held.
func (r *eventRing) notify() {
	if r.more != nil {
		close(r.more)
		r.more = nil
	}
}

// close tells readers that nothing will come any more; what is in the ring can still be read.
func (r *eventRing) close() {
	r.mu.Lock()
	r.closed = true
	r.notify()
	r.mu.Unlock()
}

// EventReader reads the stream from where it was opened. One goroutine uses it. It need not be closed: the ring
// knows nothing of its readers, and one that is forgotten costs nothing.
type EventReader struct {
	r    *eventRing
	next uint64
}

// Events opens the stream; nil if Config.Events is 0.
func (m *Machine) Events() *EventReader {
	if m.ev == nil {
		return nil
	}
	m.ev.mu.Lock()
	defer m.ev.mu.Unlock()
	return &EventReader{m.ev, m.ev.next}
}

// TryNext returns the next event, if there is one. False says nothing about the end of the machine; Next does.
func (er *EventReader) TryNext() (Event, bool) {
	er.r.mu.Lock()
	defer er.r.mu.Unlock()
	return er.take()
}

// A reader that was overtaken hears so first, with the number of events that it has lost, and
// goes on with the oldest one that is left. r.mu is held.
func (er *EventReader) take() (Event, bool) {
	r := er.r
	if er.next == r.next {
		return Event{}, false
	}
	if n := uint64(len(r.buf)); r.next-er.next > n {
		lost := r.next - n - er.next
		er.next += lost
		return Event{Kind: EventGap, Lost: lost, Seq: er.next - 1}, true
	}
	e := r.buf[er.next%uint64(len(r.buf))]
	er.next++
	return e, true
}

// Next waits for the next event. io.EOF: the machine has ended and all is read;
// otherwise ctx's error.
func (er *EventReader) Next(ctx context.Context) (Event, error) {
	r := er.r
	for {
		r.mu.Lock()
		if e, ok := er.take(); ok {
			r.mu.Unlock()
			return e, nil
		}
		if r.closed {
			r.mu.Unlock()
			return Event{}, io.EOF
		}
		if r.more == nil {
			r.more = make(chan struct{})
		}
		more := r.more
		r.mu.Unlock()
		select {
		case <-more:
		case <-ctx.Done():
			return Event{}, ctx.Err()
		}
	}
}
