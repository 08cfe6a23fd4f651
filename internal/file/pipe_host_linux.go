package file

import (
	"golang.org/x/sys/unix"

	"toaster/netbsd"
)

// A pipe that a program of the host inherits becomes one of the host's: who has an end
// of it may never use it, so that nobody may take its bytes before it asks, and the end
// of the pipe is when the last of them all lets go.

// hostPipe is the host's pipe behind one of ours. Each end belongs to our end.
type hostPipe struct {
	r, w *hostFile
	// What happens on the host's ends is told to those who wait on ours.
	forRead, forWrite Waiter
}

// promote makes p a pipe of the host, with the bytes that are in it, unless it is one.
func (p *pipe) promote() (*hostPipe, netbsd.Errno) {
	h, fresh, errno := p.replace()
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
func (p *pipe) replace() (h *hostPipe, fresh bool, errno netbsd.Errno) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.host != nil {
		return p.host, false, 0
	}
	if h, errno = newHostPipe(); errno == 0 {
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

func newHostPipe() (*hostPipe, netbsd.Errno) {
	var fds [2]int
	if err := unix.Pipe2(fds[:], unix.O_CLOEXEC|unix.O_NONBLOCK); err != nil {
		return nil, Errno(err)
	}
	h := new(hostPipe)
	for i, end := range []**hostFile{&h.r, &h.w} {
		f, errno := newHostFile(fds[i])
		if errno != 0 {
			unix.Close(fds[0])
			unix.Close(fds[1])
			return nil, errno
		}
		f.kind = kindNonblock
		*end = f
	}
	return h, 0
}

// fill moves what is in p over. The host may have less room than we do.
func (h *hostPipe) fill(p *pipe) netbsd.Errno {
	b := make([]byte, p.n)
	p.copyOutLocked(b, p.n)
	for len(b) > 0 {
		n, errno := h.w.tryWrite(b)
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

// readPoll and writePoll give the host's answers in pipe_poll's terms.
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

// inside is how many bytes are in the pipe of which f is an end.
func (f *hostFile) inside() int {
	n, err := unix.IoctlGetInt(f.fd, unix.TIOCINQ)
	if err != nil {
		return 0
	}
	return n
}

// Export gives a descriptor of this end to a program of the host.
func (r *pipeReader) Export() (int, netbsd.Errno) { return r.export(readEnd) }

// Export is as pipeReader's.
func (w *pipeWriter) Export() (int, netbsd.Errno) { return w.export(writeEnd) }

func (p *pipe) export(end func(*hostPipe) *hostFile) (int, netbsd.Errno) {
	h, errno := p.promote()
	if errno != 0 {
		return -1, errno
	}
	fd, err := end(h).export()
	return fd, Errno(err)
}
