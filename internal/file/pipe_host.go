package file

import (
	"toaster/netbsd"
)

// A pipe becomes one of the host's in two cases. One that a program of the host inherits:
// who has an end of it may never use it, so that nobody may take its bytes before it asks, and
// the end of the pipe is when the last of them all lets go. And one that guests use much: their
// host processes are lent the ends (lend.go), and read and write them by themselves.
//
// The kernel's own ends stay, with who waits on them. The host's are watched only as long as
// somebody does, as each use of a watched one wakes the poller.

// HostEnd is an end of a pipe of the host.
type HostEnd interface {
	TryRead(b []byte) (int, netbsd.Errno)  // EAGAIN: nothing is there
	TryWrite(b []byte) (int, netbsd.Errno) // EAGAIN: it does not fit; what is short is not split
	Queued() int                           // bytes in the pipe
	Poll(want Events) Events
	Watch(w *Waiter)
	Unwatch(w *Waiter)
	// SetFlags has O_NONBLOCK of the host's description follow the guest's. The methods here do
	// not wait whatever it is.
	SetFlags(flags int) netbsd.Errno
	// LendEnd returns the host descriptor of an end that may be lent, with SetFlags done.
	LendEnd(flags int) (fd int, ok bool)
	// EventFD returns the host descriptor whose readiness is the end's.
	EventFD() (fd int, ok bool)
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
	p.follow()
	// Who sleeps already tries again, there.
	p.readers.retry()
	p.writers.retry()
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
	h.forRead = Waiter{Mask: Readable, Fn: p.readers.Notify}
	h.forWrite = Waiter{Mask: Writable, Fn: p.writers.Notify}
	p.host = h
	p.promoted.Store(true)
	return h, true, 0
}

// follow has the host's ends watched as long as somebody waits on the kernel's. It is due behind each
// change of who does. A pipe that becomes one of the host's follows then.
func (p *pipe) follow() {
	if !p.promoted.Load() {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	followEnd(&p.readers, p.host.r, &p.host.forRead)
	followEnd(&p.writers, p.host.w, &p.host.forWrite)
}

func followEnd(q *Queue, end HostEnd, w *Waiter) {
	if q.Empty() {
		end.Unwatch(w)
	} else {
		end.Watch(w)
	}
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

// PromoteToLend implements Promoter: it makes the pipe one of the host's, unless somebody hears of all that happens to it, as a
// kqueue(2) does: then each use by a guest would wake the kernel, which takes longer than to ask it.
func (p *pipe) PromoteToLend(newPipe HostPipe) {
	if !p.overheard() {
		p.promote(newPipe)
	}
}

func (p *pipe) overheard() bool { return p.readers.overheard() || p.writers.overheard() }

// lendEnd returns the host's descriptor of an end.
func (p *pipe) lendEnd(end func(*hostPipe) HostEnd, flags int) (int, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.host == nil || p.overheard() {
		return -1, false
	}
	return end(p.host).LendEnd(flags)
}

// setHostFlags follows F_SETFL on an end.
func (p *pipe) setHostFlags(end func(*hostPipe) HostEnd, flags int) netbsd.Errno {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.host == nil {
		return 0
	}
	return end(p.host).SetFlags(flags)
}

// MayHost implements Hosted.
func (p *pipe) MayHost() bool { return true }

// HostEvents implements Hosted.
func (r *pipeReader) HostEvents(newPipe HostPipe) (int, bool) { return r.hostEvents(newPipe, readEnd) }

// HostEvents implements Hosted.
func (w *pipeWriter) HostEvents(newPipe HostPipe) (int, bool) {
	return w.hostEvents(newPipe, writeEnd)
}

func (p *pipe) hostEvents(newPipe HostPipe, end func(*hostPipe) HostEnd) (int, bool) {
	if newPipe != nil {
		p.promote(newPipe)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.host == nil {
		return -1, false
	}
	return end(p.host).EventFD()
}

// MayLend implements Lendable.
func (p *pipe) MayLend() bool { return true }

// MayWait implements Lendable.
func (p *pipe) MayWait() bool { return true }

// Gone implements Lendable: a pipe has no name to be revoked by.
func (p *pipe) Gone() bool { return false }

// LendFD implements Lendable.
func (r *pipeReader) LendFD(flags int) (int, bool) { return r.lendEnd(readEnd, flags) }

// LendFD implements Lendable.
func (w *pipeWriter) LendFD(flags int) (int, bool) { return w.lendEnd(writeEnd, flags) }

// SetFlags implements File.
func (r *pipeReader) SetFlags(flags int) netbsd.Errno { return r.setHostFlags(readEnd, flags) }

// SetFlags implements File.
func (w *pipeWriter) SetFlags(flags int) netbsd.Errno { return w.setHostFlags(writeEnd, flags) }
