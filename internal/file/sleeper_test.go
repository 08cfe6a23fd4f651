package file

import (
	"time"

	"toaster/netbsd"
)

// sleeper is the least LWP: a token channel, and an errno that a test may make
// the next sleep end with.
type sleeper struct {
	token  chan struct{}
	signal chan netbsd.Errno
	asleep chan struct{} // told of each sleep, if not nil
}

func newSleeper() *sleeper {
	return &sleeper{token: make(chan struct{}, 1), signal: make(chan netbsd.Errno, 1)}
}

func (s *sleeper) Wake() {
	select {
	case s.token <- struct{}{}:
	default:
	}
}

func (s *sleeper) Sleep(interruptible bool, deadline time.Time) netbsd.Errno {
	var late <-chan time.Time
	if !deadline.IsZero() {
		late = time.After(time.Until(deadline))
	}
	if s.asleep != nil {
		s.asleep <- struct{}{}
	}
	select {
	case <-s.token:
		return 0
	case e := <-s.signal:
		return e
	case <-late:
		return netbsd.EWOULDBLOCK
	}
}
