package tty

import (
	"time"

	"toaster/internal/file"
	"toaster/kern"
	"toaster/netbsd"
)

// lwpOf returns the LWP on whose behalf c runs; nil for a caller that is none (an
// embedder, a bridge to a host program), to whom job control does not apply.
func lwpOf(c file.Call) *kern.LWP {
	l, _ := c.L.(*kern.LWP)
	return l
}

var noDeadline time.Time

// lbolt is how long a process of the background sleeps before it looks again whether
// it may use the terminal.
const lbolt = time.Second

// foreground waits until the caller may use the terminal: at once, or after the stop
// that SIGTTIN or SIGTTOU made of it (ttread, ttwrite and ttioctl all begin so). EIO:
// it never may. EINTR, ERESTART: the signal was caught.
func foreground(c file.Call, k *kern.TTY, reading bool) netbsd.Errno {
	l := lwpOf(c)
	if l == nil {
		return 0
	}
	for {
		notice(k)
		errno := l.Background(k, reading)
		if errno != netbsd.ERESTART {
			return errno
		}
		if errno := l.Sleep(true, time.Now().Add(lbolt)); errno != 0 && errno != netbsd.EWOULDBLOCK {
			return errno
		}
	}
}

// attempt is one try of an operation that may have to wait: EAGAIN asks for a wakeup,
// or for the deadline if that is not zero. expired tells it that the deadline has
// passed.
type attempt func(expired bool) (n int, deadline time.Time, errno netbsd.Errno)

// watcher is what one waits on.
type watcher interface {
	Watch(*file.Waiter)
	Unwatch(*file.Waiter)
}

// wait runs try until it returns anything but EAGAIN. It is file.Block with a deadline
// that moves, as VTIME's does, which who does not block waits for, too (ttread).
func wait(c file.Call, f watcher, mask file.Events, try attempt) (int, netbsd.Errno) {
	n, deadline, errno := try(false)
	if errno != netbsd.EAGAIN || c.Nonblock && deadline.IsZero() {
		return n, errno
	}
	w := &file.Waiter{Mask: mask, L: c.L}
	f.Watch(w)
	// Deferred: a sleep that ends in the LWP's death unwinds with Goexit.
	defer f.Unwatch(w)
	for expired := false; ; {
		n, deadline, errno := try(expired)
		if errno != netbsd.EAGAIN || c.Nonblock && deadline.IsZero() {
			return n, errno
		}
		errno = c.L.Sleep(true, deadline)
		expired = errno == netbsd.EWOULDBLOCK
		if errno != 0 && !expired {
			return 0, errno
		}
	}
}
