package tty

import (
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"toaster/internal/file"
	"toaster/netbsd"
)

// hostTerminal is an open file of a host's terminal.
//
// era is HostTTY.revoked of the open: a revoke(2) makes all files that were opened before dead,
// and leaves the host's terminal open for those that come. Lock order: HostTTY.mu and mu are
// never held together.
type hostTerminal struct {
	typewriter
	*HostTTY
	inner *file.Description
	era   uint64

	mu      sync.Mutex // of what follows
	waiters int
	relay   file.Waiter // carries the inner file's events to HostTTY.queue
}

func (f *hostTerminal) dead() bool {
	f.HostTTY.mu.Lock()
	defer f.HostTTY.mu.Unlock()
	return f.era != f.revoked
}

// timing returns VMIN and VTIME as a read sees them.
func (f *hostTerminal) timing() (vmin int, vtime time.Duration) {
	f.HostTTY.mu.Lock()
	defer f.HostTTY.mu.Unlock()
	return int(f.vmin), time.Duration(f.vtime) * (time.Second / 10)
}

// Read reads from the host without blocking there. VTIME works for reads with VMIN 0;
// with VMIN above 0 a read waits for that much or, with a VTIME, for anything.
func (f *hostTerminal) Read(c file.Call, b []byte) (int, netbsd.Errno) {
	var end time.Time
	return wait(c, f, file.Readable, func(expired bool) (int, time.Time, netbsd.Errno) {
		if errno := foreground(c, f.k, true); errno != 0 {
			return 0, noDeadline, errno
		}
		if f.dead() {
			return 0, noDeadline, 0
		}
		n, errno := f.tryRead(c, b)
		vmin, vtime := f.timing()
		if errno != netbsd.EAGAIN || vmin > 0 || vtime == 0 {
			return n, noDeadline, errno
		}
		if expired {
			return 0, noDeadline, 0
		}
		if end.IsZero() {
			end = time.Now().Add(vtime)
		}
		return 0, end, netbsd.EAGAIN
	})
}

// The inner file does not block, so the wait is kern's: an LWP that sleeps in the host could
// not be signalled. VMIN above 1 is asked of the host's poll, which counts to it.
func (f *hostTerminal) tryRead(c file.Call, b []byte) (int, netbsd.Errno) {
	c.Nonblock = true
	if vmin, vtime := f.timing(); vmin > 1 && vtime == 0 && f.inner.File.Poll(file.In)&(file.In|file.Hup|file.Err) == 0 {
		return 0, netbsd.EAGAIN
	}
	n, errno := f.inner.File.Read(c, b)
	if errno == netbsd.EIO && f.inner.File.Poll(file.In)&file.Hup != 0 {
		return 0, 0 // hung up: NetBSD's readers get the end of file
	}
	return n, errno
}

// Write implements file.File.
//
// Background writers stop by kern's word, as the host knows one process group for the whole
// machine.
func (f *hostTerminal) Write(c file.Call, b []byte) (int, netbsd.Errno) {
	done := 0
	_, errno := wait(c, f, file.Writable, func(bool) (int, time.Time, netbsd.Errno) {
		f.HostTTY.mu.Lock()
		tostop := f.tostop
		f.HostTTY.mu.Unlock()
		if tostop {
			if errno := foreground(c, f.k, false); errno != 0 {
				return 0, noDeadline, errno
			}
		}
		if f.dead() {
			return 0, noDeadline, netbsd.EIO
		}
		n, errno := f.inner.File.Write(file.Call{L: c.L, Nonblock: true}, b[done:])
		done += n
		if errno == 0 && done < len(b) {
			errno = netbsd.EAGAIN
		}
		return 0, noDeadline, errno
	})
	if done > 0 {
		return done, 0
	}
	return 0, errno
}

// Ioctl implements file.File.
func (f *hostTerminal) Ioctl(c file.Call, cmd uint32, data []byte) netbsd.Errno {
	if f.dead() {
		return netbsd.EBADF
	}
	return f.HostTTY.ioctl(c, cmd, data)
}

// HostFD implements file.HostFiler.
func (f *hostTerminal) HostFD() (int, bool) {
	if f.dead() {
		return -1, false
	}
	return f.fd, true
}

// Export hands the terminal to a program of the host: by the description that blocks,
// not by the one that this file reads from.
func (f *hostTerminal) Export() (int, netbsd.Errno) {
	if f.dead() {
		return -1, netbsd.EIO
	}
	return f.d.host.Export(f.inner)
}

// Stat implements file.File.
func (f *hostTerminal) Stat() (file.Stat, netbsd.Errno) {
	if f.dead() {
		return file.Stat{}, netbsd.EBADF
	}
	return f.stat, 0
}

// Close implements file.File.
// The HostTTY's own duplicate stays for the next open, unless the terminal is retired.
func (f *hostTerminal) Close() {
	f.inner.Release()
	f.HostTTY.mu.Lock()
	f.opened--
	last := f.opened == 0
	f.exclusive = f.exclusive && !last
	f.HostTTY.mu.Unlock()
	if last {
		f.d.console.closed(f.HostTTY)
	}
	f.letGo()
}

// Poll implements file.File.
func (f *hostTerminal) Poll(want file.Events) file.Events {
	if f.dead() {
		return file.Hup | want&(file.In|file.RdNorm|file.RdHup|file.WrHup)
	}
	return f.inner.File.Poll(want)
}

// Watch implements file.File: w hears of the inner file's events and of the end of the
// terminal.
//
// The relay stands in the inner queue once for all waiters. It is added and taken away under
// mu, so that two who come and go at once leave it there or not as the count says.
func (f *hostTerminal) Watch(w *file.Waiter) {
	f.queue.Add(w)
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.waiters++; f.waiters == 1 {
		f.relay = file.Waiter{Mask: ^file.Events(0), Fn: f.queue.Notify}
		f.inner.File.Watch(&f.relay)
	}
}

// Unwatch implements file.File.
func (f *hostTerminal) Unwatch(w *file.Waiter) {
	f.queue.Remove(w)
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.waiters--; f.waiters == 0 {
		f.inner.File.Unwatch(&f.relay)
	}
}

// ReadCount and WriteCount implement file.Counter.
func (f *hostTerminal) ReadCount() int64 {
	n, _ := unix.IoctlGetInt(f.fd, unix.TIOCINQ)
	return int64(n)
}

func (f *hostTerminal) WriteCount() int64 { return netbsd.PIPE_BUF }
