package file

import (
	"encoding/binary"
	"sync"
	"sync/atomic"
	"time"

	"toaster/netbsd"
)

// pipeSize is how much a pipe holds (PIPE_SIZE is 16 KiB in NetBSD, which grows
// to 64 KiB for large writes). The ring grows only as far as it is filled: a guest that
// makes a thousand pipes and writes to none costs no memory for them.
const pipeSize = 64 << 10

// PipeSize is the room that a pipe of the host needs to be lent.
const PipeSize = pipeSize

// pipe is a pipe(2): a ring of bytes, and who waits at which end. Queues are notified
// after mu is dropped, so that who is woken finds it free.
type pipe struct {
	mu      sync.Mutex // guards what follows, but for the queues and born, which is set once
	ring    []byte     // a power of two long, grown on demand; nil while empty and new
	start   int        // of the data in ring
	n       int        // bytes in ring
	noRead  bool       // the read end is closed: writing is EPIPE
	noWrite bool       // the write end is closed: reading ends
	size    int        // how much it holds
	rewinds bool       // a FIFO: reading ends once, then waits for another writer

	// The host's pipe that has taken its place, as programs of the host share it;
	// set once. The ring is empty from then on.
	host     *hostPipe
	promoted atomic.Bool // host is set, for those who need it only then

	readers Queue
	writers Queue
	lenders lenders
	born    netbsd.Timespec
	owner   Owner
}

func newPipe() *pipe { return &pipe{size: pipeSize, born: netbsd.TimespecAt(time.Now())} }

// NewPipe makes the two ends of a pipe(2), open files to read from and to write to. Of
// flags count those that F_SETFL could set (netbsd.SetflMask).
func NewPipe(flags int) (r, w *Description) { return NewPipeOf(Owner{}, flags) }

// NewPipeOf is NewPipe for a pipe that says whose it is.
func NewPipeOf(owner Owner, flags int) (r, w *Description) {
	p := newPipe()
	p.owner = owner
	flags &^= netbsd.O_ACCMODE
	return New(&pipeReader{pipe: p}, netbsd.O_RDONLY|flags), New(&pipeWriter{pipe: p}, netbsd.O_WRONLY|flags)
}

// room makes the ring hold want bytes more, as far as a pipe goes.
func (p *pipe) roomLocked(want int) {
	need := min(p.n+want, p.size)
	if need <= len(p.ring) {
		return
	}
	size := max(len(p.ring), 512)
	for size < need {
		size *= 2
	}
	ring := make([]byte, size)
	p.copyOutLocked(ring, p.n)
	p.ring, p.start = ring, 0
}

// copyOutLocked copies the first n bytes without taking them.
func (p *pipe) copyOutLocked(dst []byte, n int) {
	k := copy(dst[:n], p.ring[p.start:min(p.start+n, len(p.ring))])
	copy(dst[k:n], p.ring)
}

// takeLocked moves up to len(b) bytes out.
func (p *pipe) takeLocked(b []byte) int {
	n := min(len(b), p.n)
	p.copyOutLocked(b, n)
	p.n -= n
	p.start = (p.start + n) & (len(p.ring) - 1)
	if p.n == 0 {
		p.start = 0
	}
	return n
}

// putLocked moves up to len(b) bytes in.
func (p *pipe) putLocked(b []byte) int {
	n := min(len(b), p.size-p.n)
	p.roomLocked(n)
	end := (p.start + p.n) & (len(p.ring) - 1)
	k := copy(p.ring[end:min(end+n, len(p.ring))], b[:n])
	copy(p.ring, b[k:n])
	p.n += n
	return n
}

// tryRead takes what is there. Writers are woken once a write of PIPE_BUF bytes
// fits: what waits longer would only be woken to wait again.
func (p *pipe) tryRead(b []byte) (int, netbsd.Errno) {
	p.mu.Lock()
	if h := p.host; h != nil {
		p.mu.Unlock()
		n, errno := h.r.TryRead(b)
		if n > 0 {
			p.writers.Notify(Out) // the host tells if the pipe was full
		}
		return n, errno
	}
	if p.n == 0 {
		end := p.noWrite
		if p.rewinds && len(b) > 0 {
			p.noWrite = false
		}
		p.mu.Unlock()
		if end || len(b) == 0 {
			return 0, 0
		}
		return 0, netbsd.EAGAIN
	}
	n := p.takeAndUnlock(b)
	if n.tell {
		p.writers.Notify(Out)
	}
	return n.bytes, 0
}

// taken is how much was taken, and whether there is room now for who waits to write.
type taken struct {
	bytes int
	tell  bool
}

func (p *pipe) takeAndUnlock(b []byte) taken {
	defer p.mu.Unlock()
	n := p.takeLocked(b)
	return taken{n, p.size-p.n >= netbsd.PIPE_BUF}
}

func (p *pipe) putAndUnlock(b []byte) (n, held int) {
	defer p.mu.Unlock()
	n = p.putLocked(b)
	return n, p.n
}

// tryWrite writes what fits; all or nothing up to PIPE_BUF bytes, which pipe(2) promises not to mix with those of other writers. EPIPE comes for
// no bytes, too.
func (p *pipe) tryWrite(b []byte) (int, netbsd.Errno) {
	need := p.needs(len(b))
	p.mu.Lock()
	if h := p.host; h != nil {
		p.mu.Unlock()
		if len(b) == 0 && h.writePoll(0)&Hup != 0 {
			return 0, netbsd.EPIPE
		}
		return h.w.TryWrite(b) // the host, too, doesn't split what is short
	}
	if p.noRead || p.noWrite {
		p.mu.Unlock()
		return 0, netbsd.EPIPE
	}
	if p.size-p.n < need {
		p.mu.Unlock()
		return 0, netbsd.EAGAIN
	}
	n, held := p.putAndUnlock(b)
	if held > 0 {
		p.readers.Notify(In | RdNorm)
	}
	return n, 0
}

// needs is how much room a write of n bytes waits for: pipe_write counts what is left of it, and sosend, of a FIFO, takes its socket's mark,
// which is PIPE_BUF.
func (p *pipe) needs(n int) int {
	switch {
	case n <= netbsd.PIPE_BUF:
		return n
	case p.rewinds:
		return netbsd.PIPE_BUF
	}
	return 1
}

func (p *pipe) read(c Call, w watcher, b []byte) (int, netbsd.Errno) {
	n, errno := p.tryRead(b)
	if errno == netbsd.EAGAIN && !c.Nonblock {
		return Block(c, w, Readable, func() (int, netbsd.Errno) { return p.tryRead(b) })
	}
	return n, errno
}

// write writes all of b, or with O_NONBLOCK what fits. Once something is
// written, an interruption returns the count.
func (p *pipe) write(c Call, w watcher, b []byte) (int, netbsd.Errno) {
	done := 0
	for {
		n, errno := p.tryWrite(b[done:])
		if errno == netbsd.EAGAIN && !c.Nonblock {
			n, errno = Block(c, w, Writable, func() (int, netbsd.Errno) { return p.tryWrite(b[done:]) })
		}
		done += n
		if errno != 0 && done > 0 && errno != netbsd.EPIPE {
			return done, 0
		}
		if errno != 0 || done == len(b) {
			return done, errno
		}
	}
}

// Restart sends sleepers at either end back to their descriptors.
func (p *pipe) Restart(t *Table) {
	p.readers.Restart(t)
	p.writers.Restart(t)
}

// closeRead is the end of all reading: writers get EPIPE.
func (p *pipe) closeRead() {
	p.mu.Lock()
	p.noRead = true
	p.ring, p.n, p.start = nil, 0, 0
	h := p.host
	p.mu.Unlock()
	if h != nil {
		h.r.Close()
	}
	p.writers.Notify(Out | Hup | Err | WrHup)
}

// closeWrite is the end of all writing: readers get the rest, then the end.
func (p *pipe) closeWrite() {
	p.mu.Lock()
	p.noWrite = true
	h := p.host
	p.mu.Unlock()
	if h != nil {
		h.w.Close()
	}
	p.readers.Notify(In | Hup | RdHup)
}

// readPoll and writePoll are pipe_poll of either end.
func (p *pipe) readPoll(want Events) Events {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.host != nil {
		return p.host.readPoll(want)
	}
	var ev Events
	if p.n > 0 || p.noWrite {
		ev = want & (In | RdNorm)
	}
	if p.noWrite {
		ev |= Hup | want&RdHup
	}
	return ev
}

// pipeEnded adds to what an end of a pipe(2) says: once the other one is closed it can be read and written, whichever it is
// (pipe_poll). A FIFO is none.
func pipeEnded(ev, want Events) Events {
	if ev&Hup != 0 {
		ev |= want & (In | RdNorm | Out)
	}
	return ev
}

func (p *pipe) writePoll(want Events) Events {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.host != nil {
		return p.host.writePoll(want)
	}
	switch {
	case p.noRead || p.noWrite:
		return Hup | want&(WrHup|Out)
	case p.size-p.n >= netbsd.PIPE_BUF:
		return want & Out
	}
	return 0
}

// PeerClosed reports whether the write end is closed.
func (r *pipeReader) PeerClosed() bool { return r.readPoll(0)&Hup != 0 }

// PeerClosed reports whether the read end is closed.
func (w *pipeWriter) PeerClosed() bool { return w.writePoll(0)&Hup != 0 }

// length is how many bytes are in it, as the host says of the end that end picks, once the pipe is the host's.
func (p *pipe) length(end func(*hostPipe) HostEnd) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.host != nil {
		return end(p.host).Queued()
	}
	return p.n
}

func readEnd(h *hostPipe) HostEnd  { return h.r }
func writeEnd(h *hostPipe) HostEnd { return h.w }

// stat is pipe_stat. The times of the last read and write are not kept: they would cost each transfer a look at the clock.
func (p *pipe) stat(length int) Stat {
	st := Stat{
		Mode: netbsd.S_IFIFO | 0o600, Blksize: pipeSize, Size: int64(length), UID: p.owner.UID, GID: p.owner.GID,
		Atime: p.born, Mtime: p.born, Ctime: p.born, Btime: p.born,
	}
	if length > 0 {
		st.Blocks = 1
	}
	return st
}

// pipeIoctl answers the requests of pipe_ioctl: read is what there is to read at this end, written what is on its way to the
// other one, space how much more can be written.
func pipeIoctl(cmd uint32, data []byte, read, written, space int) netbsd.Errno {
	switch cmd {
	case netbsd.FIONREAD:
		return PutInt(data, read)
	case netbsd.FIONWRITE:
		return PutInt(data, written)
	case netbsd.FIONSPACE:
		return PutInt(data, space)
	}
	return netbsd.EPASSTHROUGH
}

// PutInt stores the int result of an ioctl.
func PutInt(data []byte, v int) netbsd.Errno {
	if len(data) < 4 {
		return netbsd.EINVAL
	}
	binary.LittleEndian.PutUint32(data, uint32(v))
	return 0
}

// pipeReader is the end to read from.
type pipeReader struct {
	Base
	*pipe
}

func (r *pipeReader) Read(c Call, b []byte) (int, netbsd.Errno) { return r.pipe.read(c, r, b) }
func (r *pipeReader) Stat() (Stat, netbsd.Errno)                { return r.pipe.stat(r.length()), 0 }
func (r *pipeReader) Poll(want Events) Events                   { return pipeEnded(r.pipe.readPoll(want), want) }
func (r *pipeReader) Watch(w *Waiter)                           { r.pipe.readers.Add(w); r.follow() }
func (r *pipeReader) Unwatch(w *Waiter)                         { r.pipe.readers.Remove(w); r.follow() }
func (r *pipeReader) ReadCount() int64                          { return int64(r.length()) }
func (r *pipeReader) WriteCount() int64                         { return 0 }
func (r *pipeReader) Close()                                    { r.pipe.closeRead() }
func (r *pipeReader) Pathconf(name int) (int64, netbsd.Errno)   { return PipePathconf(name) }
func (r *pipeReader) length() int                               { return r.pipe.length(readEnd) }
func (r *pipeReader) Ioctl(_ Call, cmd uint32, data []byte) netbsd.Errno {
	return pipeIoctl(cmd, data, r.length(), 0, 0)
}

// WriteCount is how much can be written: nothing without a reader.
func (w *pipeWriter) WriteCount() int64 {
	if w.PeerClosed() {
		return 0
	}
	return int64(pipeSize - w.length())
}

// pipeWriter is the end to write to.
type pipeWriter struct {
	Base
	*pipe
}

func (w *pipeWriter) Write(c Call, b []byte) (int, netbsd.Errno) { return w.pipe.write(c, w, b) }
func (w *pipeWriter) Stat() (Stat, netbsd.Errno)                 { return w.pipe.stat(0), 0 }
func (w *pipeWriter) Poll(want Events) Events                    { return pipeEnded(w.pipe.writePoll(want), want) }
func (w *pipeWriter) Watch(wt *Waiter)                           { w.pipe.writers.Add(wt); w.follow() }
func (w *pipeWriter) Unwatch(wt *Waiter)                         { w.pipe.writers.Remove(wt); w.follow() }
func (w *pipeWriter) ReadCount() int64                           { return 0 }
func (w *pipeWriter) Close()                                     { w.pipe.closeWrite() }
func (w *pipeWriter) Pathconf(name int) (int64, netbsd.Errno)    { return PipePathconf(name) }
func (w *pipeWriter) length() int                                { return w.pipe.length(writeEnd) }
func (w *pipeWriter) Ioctl(_ Call, cmd uint32, data []byte) netbsd.Errno {
	return pipeIoctl(cmd, data, 0, w.length(), int(w.WriteCount()))
}
