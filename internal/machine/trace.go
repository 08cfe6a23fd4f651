package machine

import (
	"context"
	"time"

	"toaster/internal/syscalls"
	"toaster/internal/trace"
	"toaster/kern"
	"toaster/netbsd"
)

// This file tells a trace.Sink what guests do. Calls and signals are told by the LWP
// that makes or gets them; what happens to processes is read from the kernel's event
// stream, so that no sink is ever called with a kernel lock held.

// traceEvents is how many events the stream keeps for the trace.
const traceEvents = 1 << 14

// traced is the call with the trace told of its beginning and its end. A call that
// nobody serves is told of like any other: ENOSYS is never silent.
//
// The sink is called on the LWP's goroutine, without locks, and may read the guest's memory.
// The call's end is told with the memory of then: after an execve it is the new program's. A
// call that does not return, such as exit(2), has a beginning only.
func (s *System) traced(mc *Context, h syscalls.Handler) netbsd.Errno {
	c := &mc.call
	p := mc.l.Proc()
	t := trace.Call{
		Pid: p.Pid(), Lid: mc.l.ID(), Comm: p.Comm(), Nr: c.Nr, Proto: syscalls.Prototype(c.Nr),
		Args: c.Args, Mem: mc.space.proc, Start: time.Now(),
	}
	s.Sink.Enter(&t)
	errno := netbsd.ENOSYS
	if h != nil {
		errno = h(c)
	}
	t.End, t.Ret, t.Err = time.Now(), c.Ret, errno
	t.Mem = mc.space.proc
	s.Sink.Exit(&t)
	return errno
}

// traceSignal tells of a signal that a handler is about to run for.
//
// The mask is the handler's by then, as deliver's caller has set it.
func (s *System) traceSignal(l *kern.LWP, info *netbsd.Siginfo, a *kern.Action) {
	if s.Sink == nil {
		return
	}
	p := l.Proc()
	s.Sink.Signal(&trace.Signal{
		Pid: p.Pid(), Lid: l.ID(), Comm: p.Comm(), Time: time.Now(),
		Info: *info, Handler: a.Handler, Mask: l.Sigmask(),
	})
}

// follow passes the kernel's events on until the machine has ended. A slow sink makes the stream
// drop events rather than hold the kernel up.
//
// It is one goroutine, so the sink hears of events in the kernel's order; Close waits for it. A
// sink that panics loses the event and no more.
func (s *System) follow(r *kern.EventReader) {
	defer close(s.followed)
	for {
		ev, err := r.Next(context.Background())
		if err != nil {
			return
		}
		if e, ok := s.traceEvent(&ev); ok {
			s.M.Contain("the trace was told of an event", func() { s.Sink.Event(&e) })
		}
	}
}

// traceEvent translates an event of the kernel's stream.
//
// The process may be gone by the time that its event is read: then there is no name to tell.
func (s *System) traceEvent(ev *kern.Event) (trace.Event, bool) {
	e := trace.Event{Pid: int(ev.Pid), Lid: 1, Time: s.M.BootTime().Add(ev.Time), Status: ev.Status}
	if p := s.M.Find(e.Pid); p != nil {
		e.Comm, e.Path = p.Comm(), p.Image().Path
	}
	switch ev.Kind {
	case kern.EventFork:
		e.Kind, e.Pid, e.Other = trace.Forked, int(ev.Other), int(ev.Pid)
	case kern.EventExec:
		e.Kind = trace.Execed
	case kern.EventStop:
		e.Kind, e.Status = trace.Stopped, netbsd.StopStatus(ev.Signal)
	case kern.EventContinue:
		e.Kind = trace.Resumed
	case kern.EventExit:
		e.Kind = trace.Exited
	case kern.EventReap:
		e.Kind, e.Pid, e.Other = trace.Reaped, int(ev.Other), int(ev.Pid)
	default:
		return e, false
	}
	return e, true
}
