// Package trace shows what guests do: system calls, signals and the lives of
// processes, as lines of text, as ktrace records or as a timeline.
//
// Whoever runs guests holds a Sink, or nil when nobody looks; all the cost there is
// without one is that comparison.
package trace

import (
	"time"

	"toaster/netbsd"
)

// Memory reads a guest's memory: as many bytes as can be read, and whether that was
// all of them.
type Memory interface {
	Read(addr uint64, b []byte) (n int, ok bool)
}

// Call is one system call. The same Call goes to Enter and Exit.
type Call struct {
	Pid, Lid int
	Comm     string
	Nr       int
	Proto    *netbsd.Prototype // what Nr takes and returns; nil if NetBSD has no such call
	Args     [8]uint64
	Mem      Memory
	Start    time.Time

	// Set before Exit.
	End time.Time
	Ret [2]uint64    // RAX and RDX
	Err netbsd.Errno // 0, an error, or an internal one such as ERESTART

	in [8]string // arguments as they were on entry
}

// Signal is a signal about to be acted upon by an LWP.
type Signal struct {
	Pid, Lid int
	Comm     string
	Time     time.Time
	Info     netbsd.Siginfo
	Handler  uint64 // SIG_DFL, SIG_IGN or an address
	Mask     netbsd.Sigset
}

// EventKind says what happened to a process or LWP.
type EventKind uint8

// Kinds of events.
const (
	Forked   EventKind = iota // a child began: Other is its pid
	Execed                    // a new program: Path, Argv
	Exited                    // Status
	Stopped                   // Status
	Resumed                   //
	LWPBegan                  // Other is its id
	LWPEnded                  //
	Reaped                    // Other is the child that was waited for
)

// Event is something that happened to a process or LWP.
type Event struct {
	Kind     EventKind
	Pid, Lid int
	Comm     string
	Time     time.Time
	Other    int
	Path     string
	Argv     []string
	Status   netbsd.WaitStatus
}

// Sink takes what happens. Its methods are called by many goroutines at once and must
// not call back into the kernel. Enter and Exit of one call come from the same
// goroutine; a call that never returns has no Exit.
type Sink interface {
	Enter(*Call)
	Exit(*Call)
	Signal(*Signal)
	Event(*Event)
	Close() error
}

// multi passes everything on to several sinks.
type multi []Sink

// Multi joins sinks; nil ones are left out, and nil is the result if none remains.
func Multi(sinks ...Sink) Sink {
	var l multi
	for _, s := range sinks {
		if s != nil {
			l = append(l, s)
		}
	}
	switch len(l) {
	case 0:
		return nil
	case 1:
		return l[0]
	}
	return l
}

func (m multi) Enter(c *Call) {
	for _, s := range m {
		s.Enter(c)
	}
}

func (m multi) Exit(c *Call) {
	for _, s := range m {
		s.Exit(c)
	}
}

func (m multi) Signal(g *Signal) {
	for _, s := range m {
		s.Signal(g)
	}
}

func (m multi) Event(e *Event) {
	for _, s := range m {
		s.Event(e)
	}
}

func (m multi) Close() (err error) {
	for _, s := range m {
		if e := s.Close(); err == nil {
			err = e
		}
	}
	return err
}
