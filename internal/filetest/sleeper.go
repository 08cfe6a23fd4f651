// Package filetest has what tests of open files share: the least LWP, and counts of what
// a test has left behind. It imports no package of the kernel's but netbsd, so that the
// tests inside those packages can use it.
package filetest

import (
	"time"

	"toaster/netbsd"
)

// Sleeper is the least LWP, a file.Sleeper.
type Sleeper struct {
	// Signal ends a sleep with an errno that a test sends.
	Signal chan netbsd.Errno
	// Asleep is told of each sleep, if it is not nil.
	Asleep chan struct{}

	woken chan struct{}
}

// NewSleeper makes a Sleeper that nobody has woken.
func NewSleeper() *Sleeper {
	return &Sleeper{woken: make(chan struct{}, 1), Signal: make(chan netbsd.Errno, 1)}
}

// Wake ends the sleep, or the next one.
func (s *Sleeper) Wake() {
	select {
	case s.woken <- struct{}{}:
	default:
	}
}

// Sleep waits for Wake, a signal or the deadline, unless that is zero: EWOULDBLOCK.
func (s *Sleeper) Sleep(interruptible bool, deadline time.Time) netbsd.Errno {
	var late <-chan time.Time
	if !deadline.IsZero() {
		late = time.After(time.Until(deadline))
	}
	if s.Asleep != nil {
		s.Asleep <- struct{}{}
	}
	select {
	case <-s.woken:
		return 0
	case errno := <-s.Signal:
		return errno
	case <-late:
		return netbsd.EWOULDBLOCK
	}
}
