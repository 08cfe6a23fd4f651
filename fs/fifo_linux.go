package fs

import (
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"toaster/file"
)

// This file waits for the other end of a FIFO. Only the host knows when that
// opens and only a blocking open tells, so this is the one wait that costs a
// host thread. It is called off by opening the other end for a moment.

// fifoOpen is a blocking open on its way.
type fifoOpen struct {
	path string
	done atomic.Pointer[fifoResult]
}

type fifoResult struct {
	fd  int
	err error
}

func startFifo(l file.Sleeper, fd, mode int) *fifoOpen {
	o := &fifoOpen{path: procPath(fd)}
	go func() {
		fd, err := openHost(unix.AT_FDCWD, o.path, mode|unix.O_CLOEXEC, 0)
		o.done.Store(&fifoResult{fd, err})
		l.Wake()
	}()
	return o
}

// abandon waits until the open has returned, making it if need be, and closes
// what it gave. Preconditions: o's path can still be reached.
func (o *fifoOpen) abandon() {
	for o.done.Load() == nil {
		// Opened for both, neither end is missing.
		fd, err := unix.Open(o.path, unix.O_RDWR|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
		if err != nil {
			return
		}
		for i := 0; i < 100 && o.done.Load() == nil; i++ {
			time.Sleep(time.Millisecond / 4)
		}
		unix.Close(fd)
	}
	if r := o.done.Load(); r.err == nil {
		unix.Close(r.fd)
	}
}

// awaitReader opens the FIFO behind an O_PATH descriptor for writing.
func awaitReader(l file.Sleeper, path int) (int, error) {
	o := startFifo(l, path, unix.O_WRONLY)
	taken := false
	defer func() {
		if !taken {
			o.abandon()
		}
	}()
	for {
		if r := o.done.Load(); r != nil {
			taken = true
			return r.fd, r.err
		}
		if errno := l.Sleep(true, time.Time{}); errno != 0 {
			return -1, errno
		}
	}
}

// awaitWriter waits until a FIFO that we have open for reading has a writer, or
// had one that came and went.
func awaitWriter(l file.Sleeper, f file.File, fd int) error {
	w := &file.Waiter{Mask: file.Readable, L: l}
	f.Watch(w)
	defer f.Unwatch(w)
	o := startFifo(l, fd, unix.O_RDONLY)
	defer o.abandon()
	for {
		if o.done.Load() != nil || f.Poll(file.In)&(file.In|file.Hup) != 0 {
			return nil
		}
		if errno := l.Sleep(true, time.Time{}); errno != 0 {
			return errno
		}
	}
}
