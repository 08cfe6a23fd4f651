package file

import (
	"time"

	"toaster/netbsd"
)

// Fifo is what a named pipe is while somebody has it open: kept by the kernel, as fifofs
// keeps it for the vnode (sys/miscfs/fifofs/fifo_vnops.c). The host's FIFO of that name is
// never opened, so nobody outside is at the other end.
//
// A FIFO outlives its ends: the last writer to close it ends what readers read, once,
// and another writer may come; what was not read then stays for the next reader.
type Fifo struct {
	pipe           // its lock guards what is below
	nread   int    // ends open for reading, those waiting in Open included
	nwrite  int    // and for writing
	openers Queue  // who waits for the other end
	all     Queue  // who waits on an end
	reader  Waiter // passes on to all what the pipe's readers hear
	writer  Waiter
}

// fifoSize is how much a FIFO holds, which is a pair of local sockets: what the one to write to may send (unpst_sendspace).
const fifoSize = 8192

// NewFifo makes a FIFO that nobody has open.
func NewFifo() *Fifo {
	f := &Fifo{}
	f.pipe.size, f.pipe.rewinds, f.pipe.born = fifoSize, true, netbsd.TimespecAt(time.Now())
	pass := func(ev Events) { f.all.Notify(ev) }
	f.reader = Waiter{Mask: ^Events(0), Fn: pass}
	f.writer = Waiter{Mask: ^Events(0), Fn: pass}
	f.pipe.readers.Add(&f.reader)
	f.pipe.writers.Add(&f.writer)
	return f
}

// end is the part that one open file has of a FIFO.
type end struct{ read, write bool }

func endOf(flags int) end {
	acc := flags & netbsd.O_ACCMODE
	return end{read: acc != netbsd.O_WRONLY, write: acc != netbsd.O_RDONLY}
}

// Open opens an end as fifo_open does, waiting for the other one unless O_NONBLOCK is set:
// ENXIO then if there is no reader to write for. n is the name and becomes the
// file's; closed is called when the end is closed. Both are the caller's if it fails.
func (f *Fifo) Open(l Sleeper, flags int, n Named, closed func()) (File, netbsd.Errno) {
	e, opened := endOf(flags), false
	met := f.enter(e)
	// Deferred: a sleep that ends in the LWP's death unwinds with Goexit.
	defer func() {
		if !opened {
			f.leave(e)
		}
	}()
	if !met {
		if errno := f.await(l, e, flags&netbsd.O_NONBLOCK != 0); errno != 0 {
			return nil, errno
		}
	}
	opened = true
	return &fifoFile{Named: n, fifo: f, end: e, closed: closed}, 0
}

// await is the rest of fifo_open for an end that found nobody when it entered.
func (f *Fifo) await(l Sleeper, e end, nonblock bool) netbsd.Errno {
	if nonblock {
		if e.write {
			return netbsd.ENXIO
		}
		return 0
	}
	w := &Waiter{Mask: In, L: l}
	f.openers.Add(w)
	defer f.openers.Remove(w)
	for !f.met(e) {
		if errno := l.Sleep(true, time.Time{}); errno != 0 {
			return errno
		}
	}
	return 0
}

// met reports whether an end has what it waits for: a writer its reader; a reader a writer,
// or what one has left, if only the end.
func (f *Fifo) met(e end) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.metLocked(e)
}

func (f *Fifo) metLocked(e end) bool {
	if e.write {
		return f.nread > 0
	}
	return f.nwrite > 0 || f.n > 0 || f.noWrite
}

// enter counts an end, tells those who wait for one, and reports whether its own other end is there: at this
// moment, as who is told may be open and closed again before the caller looks a second time (fifo_open holds the lock).
func (f *Fifo) enter(e end) (met bool) {
	met = f.count(e)
	f.openers.Notify(In)
	if e.read {
		f.writers.Notify(Out)
	}
	return met
}

// count is enter, but for who is told.
func (f *Fifo) count(e end) (met bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if e.read {
		f.nread++
		f.noRead = false
	}
	if e.write {
		f.nwrite++
		f.noWrite = false
	}
	return f.metLocked(e)
}

// leave closes an end. With the last one all that was written is gone.
func (f *Fifo) leave(e end) {
	f.mu.Lock()
	if e.read {
		f.nread--
		f.noRead = f.nread == 0
	}
	if e.write {
		f.nwrite--
		f.noWrite = f.nwrite == 0
	}
	if f.nread+f.nwrite == 0 {
		f.noRead, f.noWrite = false, false
		f.ring, f.n, f.start = nil, 0, 0
	}
	noRead, noWrite := f.noRead, f.noWrite
	f.mu.Unlock()
	if noRead {
		f.writers.Notify(Out | Hup | Err | WrHup)
	}
	if noWrite {
		f.readers.Notify(In | Hup | RdHup)
		f.openers.Notify(In)
	}
}

// tryRead is the pipe's, but what is not to wait finds an end where there is no writer:
// fifo_read.
func (f *Fifo) tryRead(b []byte, nonblock bool) (int, netbsd.Errno) {
	n, errno := f.pipe.tryRead(b)
	if errno == netbsd.EAGAIN && nonblock {
		f.mu.Lock()
		defer f.mu.Unlock()
		if f.nwrite == 0 {
			return 0, 0
		}
	}
	return n, errno
}

// fifoFile is an end of a FIFO. Its attributes are the name's.
type fifoFile struct {
	Named
	fifo   *Fifo
	end    end
	closed func()
}

// readSide and writeSide are what a blocked transfer watches.
type readSide struct{ *Fifo }
type writeSide struct{ *Fifo }

func (s readSide) Watch(w *Waiter)    { s.readers.Add(w) }
func (s readSide) Unwatch(w *Waiter)  { s.readers.Remove(w) }
func (s writeSide) Watch(w *Waiter)   { s.writers.Add(w) }
func (s writeSide) Unwatch(w *Waiter) { s.writers.Remove(w) }

func (f *fifoFile) Read(c Call, b []byte) (int, netbsd.Errno) {
	n, errno := f.fifo.tryRead(b, c.Nonblock)
	if errno == netbsd.EAGAIN && !c.Nonblock {
		return Block(c, readSide{f.fifo}, Readable, func() (int, netbsd.Errno) { return f.fifo.tryRead(b, false) })
	}
	return n, errno
}

func (f *fifoFile) Write(c Call, b []byte) (int, netbsd.Errno) {
	return f.fifo.pipe.write(c, writeSide{f.fifo}, b)
}

// Poll is fifo_poll, and filt_fifowrite for who wants WrHup. Neither looks at what the end is open for.
func (f *fifoFile) Poll(want Events) Events {
	f.fifo.mu.Lock()
	defer f.fifo.mu.Unlock()
	if want&WrHup != 0 {
		return f.fifo.writableLocked(want)
	}
	return f.fifo.pollLocked(want)
}

// pollLocked is fifo_poll: the end of all writing is POLLHUP, beside which there is no POLLOUT.
func (f *Fifo) pollLocked(want Events) (ev Events) {
	if f.n > 0 || f.noWrite {
		ev = want & (In | RdNorm)
	}
	if f.noWrite {
		return ev | Hup | want&RdHup
	}
	return ev | f.writableLocked(want)
}

// writableLocked is what a FIFO says of writing (sowritable): the end of all reading is room, and for kevent(2) EV_EOF.
func (f *Fifo) writableLocked(want Events) Events {
	switch {
	case f.noRead:
		return want & (Out | WrHup)
	case fifoSize-f.n >= netbsd.PIPE_BUF:
		return want & Out
	}
	return 0
}

func (f *fifoFile) Watch(w *Waiter)           { f.fifo.all.Add(w) }
func (f *fifoFile) Unwatch(w *Waiter)         { f.fifo.all.Remove(w) }
func (f *fifoFile) Restart(t *Table)          { f.fifo.Restart(t) }
func (f *fifoFile) ReadCount() int64          { return int64(f.fifo.held()) }
func (f *fifoFile) WriteCount() int64         { return int64(fifoSize - f.fifo.held()) }
func (f *Fifo) held() int                     { return f.length(readEnd) }
func (f *fifoFile) SetFlags(int) netbsd.Errno { return 0 }

// Sync implements File: there is nothing to keep (fifofs).
func (f *fifoFile) Sync() netbsd.Errno { return 0 }

// Ioctl is fifo_ioctl: soo_ioctl of the socket to read from, and of the one to write to, if the end is open for that. The second
// answer is left. What is written is the reader's at once, so that neither has anything on its way.
func (f *fifoFile) Ioctl(_ Call, cmd uint32, data []byte) netbsd.Errno {
	read, space := f.fifo.held(), fifoSize
	if f.end.write {
		read, space = 0, fifoSize-read
	}
	switch cmd {
	case netbsd.FIONREAD:
		return PutInt(data, read)
	case netbsd.FIONSPACE:
		return PutInt(data, space)
	case netbsd.FIONWRITE, netbsd.SIOCATMARK:
		return PutInt(data, 0)
	case netbsd.FIOASYNC, netbsd.FIOGETOWN, netbsd.FIOSETOWN, netbsd.SIOCGPGRP, netbsd.SIOCSPGRP, netbsd.TIOCGPGRP, netbsd.TIOCSPGRP:
		return netbsd.EPASSTHROUGH
	}
	return netbsd.EOPNOTSUPP // unp_ioctl
}

func (f *fifoFile) Close() {
	f.fifo.leave(f.end)
	f.Named.Close()
	f.closed()
}
