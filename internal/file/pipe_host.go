package file

import (
	"toaster/netbsd"
)

// A pipe that a program of the host inherits becomes one of the host's: who has an end
// of it may never use it, so that nobody may take its bytes before it asks, and the end
// of the pipe is when the last of them all lets go.

// HostEnd is an end of a pipe of the host.
type HostEnd interface {
	TryRead(b []byte) (int, netbsd.Errno)  // EAGAIN: nothing is there
	TryWrite(b []byte) (int, netbsd.Errno) // EAGAIN: it does not fit; what is short is not split
	Queued() int                           // bytes in the pipe
	Poll(want Events) Events
	Watch(w *Waiter)
	Close()
}

// HostPipe makes a pipe of the host's, whose ends do not block.
type HostPipe func() (r, w HostEnd, errno netbsd.Errno)

// PipeEnd is an end of a pipe of the kernel's, which can become one of the host's.
type PipeEnd interface {
	// Promote makes the pipe the host's, unless it is, and returns its end there, which
	// stays the pipe's.
	Promote(newPipe HostPipe) (HostEnd, netbsd.Errno)
}

// hostPipe is the host's pipe behind one of the kernel's. Each end belongs to the kernel's end.
type hostPipe struct {
	r, w HostEnd
	// What happens on the host's ends is told to those who wait on the kernel's.
	forRead, forWrite Waiter
}

// promote makes p a pipe of the host, with the bytes that are in it, unless it is one.
func (p *pipe) promote(newPipe HostPipe) (*hostPipe, netbsd.Errno) {
	h, fresh, errno := p.replace(newPipe)
	if errno != 0 || !fresh {
		return h, errno
	}
	h.forRead = Waiter{Mask: Readable, Fn: p.readers.Notify}
	h.forWrite = Waiter{Mask: Writable, Fn: p.writers.Notify}
	h.r.Watch(&h.forRead)
	h.w.Watch(&h.forWrite)
	// Who sleeps already tries again, there.
	p.readers.Notify(Readable)
	p.writers.Notify(Writable)
	return h, 0
}

// replace puts a pipe of the host in p's place, unless there is one.
func (p *pipe) replace(newPipe HostPipe) (h *hostPipe, fresh bool, errno netbsd.Errno) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.host != nil {
		return p.host, false, 0
	}
	h = new(hostPipe)
	if h.r, h.w, errno = newPipe(); errno == 0 {
		errno = h.fill(p)
	}
	if errno != 0 {
		return nil, false, errno
	}
	if p.noRead {
		h.r.Close()
	}
	if p.noWrite {
		h.w.Close()
	}
	p.host = h
	return h, true, 0
}

// fill moves what is in p over. The host may have less room than the
// kernel's pipe had.
func (h *hostPipe) fill(p *pipe) netbsd.Errno {
	b := make([]byte, p.n)
	p.copyOutLocked(b, p.n)
	for len(b) > 0 {
		n, errno := h.w.TryWrite(b)
		if errno != 0 {
			h.r.Close()
			h.w.Close()
			return errno
		}
		b = b[n:]
	}
	p.ring, p.n, p.start = nil, 0, 0
	return 0
}

// readPoll and writePoll return the host's answers in pipe_poll's terms.
func (h *hostPipe) readPoll(want Events) Events {
	ev := h.r.Poll(want&(In|RdNorm)) & (In | RdNorm | Hup)
	if ev&Hup != 0 {
		ev |= want & (In | RdNorm | RdHup)
	}
	return ev
}

func (h *hostPipe) writePoll(want Events) Events {
	ev := h.w.Poll(want & Out)
	if ev&(Err|Hup) != 0 {
		return Hup | want&(WrHup|Out)
	}
	return ev & Out
}

// Promote implements PipeEnd.
func (r *pipeReader) Promote(newPipe HostPipe) (HostEnd, netbsd.Errno) {
	return r.promoteEnd(newPipe, readEnd)
}

// Promote implements PipeEnd.
func (w *pipeWriter) Promote(newPipe HostPipe) (HostEnd, netbsd.Errno) {
	return w.promoteEnd(newPipe, writeEnd)
}

func (p *pipe) promoteEnd(newPipe HostPipe, end func(*hostPipe) HostEnd) (HostEnd, netbsd.Errno) {
	h, errno := p.promote(newPipe)
	if errno != 0 {
		return nil, errno
	}
	return end(h), 0
}
