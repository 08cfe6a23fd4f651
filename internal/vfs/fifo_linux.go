package vfs

import (
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"toaster/internal/file"
	"toaster/internal/guard"
	"toaster/internal/hostfile"
	"toaster/internal/hostlimits"
	"toaster/netbsd"
)

// This file waits for the other end of a FIFO of the host. Only the host knows when that
// opens, and only a blocking open tells, so this is a wait that costs a host thread: a few
// have one, and who comes after them asks again and again. A blocking open is called off by
// opening the other end for a moment.

// fifoThreads is how many threads of the host a tree's opens may hold.
const fifoThreads = 16

// fifoMinPause and fifoMaxPause lie between two questions of who has no thread.
const fifoMinPause, fifoMaxPause = time.Millisecond, 50 * time.Millisecond

// fifoOpen is a blocking open on its way.
type fifoOpen struct{ done atomic.Pointer[fifoResult] }

type fifoResult struct {
	fd  int
	err error
}

// startFifo begins a blocking open of the FIFO that fd is, and wakes l when it is done; nil
// if all threads are taken.
func (t *Tree) startFifo(l file.Sleeper, fd, mode int) *fifoOpen {
	if t.fifoWaits.Add(1) > int32(hostlimits.Few(fifoThreads)) {
		t.fifoWaits.Add(-1)
		return nil
	}
	own, err := unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, 3)
	if err != nil {
		t.fifoWaits.Add(-1)
		return nil
	}
	o := &fifoOpen{}
	guard.Go("a FIFO was opened", func() {
		fd, err := openHost(unix.AT_FDCWD, hostfile.ProcPath(own), mode|unix.O_CLOEXEC, 0)
		unix.Close(own)
		t.fifoWaits.Add(-1)
		if !o.done.CompareAndSwap(nil, &fifoResult{fd, err}) && err == nil {
			unix.Close(fd)
		}
		l.Wake()
	})
	return o
}

// abandon makes the open return, and closes what it returned. fd is the FIFO. Where toaster may not
// open the other end it goes on until somebody else does.
func (o *fifoOpen) abandon(fd int) {
	if o == nil {
		return
	}
	for range 100 {
		// Opened for both, neither end is missing.
		both, err := unix.Open(hostfile.ProcPath(fd), unix.O_RDWR|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
		for i := 0; i < 100 && err == nil && o.done.Load() == nil; i++ {
			time.Sleep(time.Millisecond / 4)
		}
		if err == nil {
			unix.Close(both)
		}
		if err != nil || o.done.Load() != nil {
			break
		}
	}
	if o.done.CompareAndSwap(nil, &fifoResult{fd: -1, err: unix.EINTR}) {
		return
	}
	if r := o.done.Load(); r.err == nil {
		unix.Close(r.fd)
	}
}

// fifoWait is one guest's wait: by a thread if it has one, else by asking.
type fifoWait struct {
	t     *Tree
	l     file.Sleeper
	fd    int // the FIFO
	mode  int // of the blocking open
	open  *fifoOpen
	pause time.Duration
}

// sleep returns when there may be news; an error is a signal's.
func (w *fifoWait) sleep() error {
	if w.open == nil {
		w.open = w.t.startFifo(w.l, w.fd, w.mode)
	}
	if w.open != nil {
		if errno := w.l.Sleep(true, time.Time{}); errno != 0 {
			return errno
		}
		return nil
	}
	w.pause = min(max(2*w.pause, fifoMinPause), fifoMaxPause)
	if errno := w.l.Sleep(true, time.Now().Add(w.pause)); errno != 0 && errno != netbsd.EWOULDBLOCK {
		return errno
	}
	return nil
}

// done returns the result of the blocking open, nil if there is none yet.
func (w *fifoWait) done() *fifoResult {
	if w.open == nil {
		return nil
	}
	return w.open.done.Load()
}

// awaitReader opens the FIFO behind an O_PATH descriptor for writing.
func (t *Tree) awaitReader(l file.Sleeper, path int) (int, error) {
	w := &fifoWait{t: t, l: l, fd: path, mode: unix.O_WRONLY}
	taken := false
	defer func() {
		if !taken {
			w.open.abandon(w.fd)
		}
	}()
	for {
		if err := w.sleep(); err != nil {
			return -1, err
		}
		if r := w.done(); r != nil {
			taken = true
			return r.fd, r.err
		}
		if w.open == nil {
			fd, err := openHost(unix.AT_FDCWD, hostfile.ProcPath(path), unix.O_WRONLY|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
			if err != unix.ENXIO {
				return fd, err
			}
		}
	}
}

// awaitWriter waits until a FIFO that is open for reading here has a writer, or
// had one that came and went.
func (t *Tree) awaitWriter(l file.Sleeper, f file.File, fd int) error {
	watch := &file.Waiter{Mask: file.Readable, L: l}
	f.Watch(watch)
	defer f.Unwatch(watch)
	w := &fifoWait{t: t, l: l, fd: fd, mode: unix.O_RDONLY}
	defer func() { w.open.abandon(w.fd) }()
	for {
		if w.done() != nil || f.Poll(file.In)&(file.In|file.Hup) != 0 || w.open == nil && hasWriter(fd) {
			return nil
		}
		if err := w.sleep(); err != nil {
			return err
		}
	}
}

// hasWriter asks for a copy of what a FIFO holds: a host that has nothing to copy says
// whether there is somebody to wait for. What is there stays.
func hasWriter(fd int) bool {
	var scratch [2]int
	if unix.Pipe2(scratch[:], unix.O_CLOEXEC) != nil {
		return false
	}
	defer unix.Close(scratch[0])
	defer unix.Close(scratch[1])
	n, err := unix.Tee(fd, scratch[1], 1, unix.SPLICE_F_NONBLOCK)
	return n > 0 || err == unix.EAGAIN
}
