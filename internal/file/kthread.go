package file

import (
	"time"

	"toaster/netbsd"
)

// Kthread is the Sleeper of a goroutine that is no LWP, as kthread(9) is no user's: what
// carries bytes to programs of the host, reads the host's notes, or waits in a last close.
// No signal reaches it.
type Kthread struct {
	// Stop, if it is not nil, is asked at each wakeup whether to end the sleep with EINTR.
	// It is set before the first sleep.
	Stop func() bool

	woken chan struct{} // holds one wakeup: more of them are as good as one
}

// NewKthread makes a Kthread that nobody has woken.
func NewKthread() *Kthread { return &Kthread{woken: make(chan struct{}, 1)} }

// Wake implements Sleeper. It never blocks, as it is called with queues locked.
func (k *Kthread) Wake() {
	select {
	case k.woken <- struct{}{}:
	default:
	}
}

// Sleep implements Sleeper: EWOULDBLOCK at the deadline, unless that is zero.
func (k *Kthread) Sleep(_ bool, deadline time.Time) netbsd.Errno {
	var late <-chan time.Time
	if !deadline.IsZero() {
		t := time.NewTimer(time.Until(deadline))
		defer t.Stop()
		late = t.C
	}
	select {
	case <-k.woken:
		if k.Stop != nil && k.Stop() {
			return netbsd.EINTR
		}
		return 0
	case <-late:
		return netbsd.EWOULDBLOCK
	}
}
