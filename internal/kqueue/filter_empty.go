package kqueue

import (
	"time"

	"toaster/internal/file"
	"toaster/internal/guard"
	"toaster/netbsd"
)

// emptySource is EVFILT_EMPTY of a socket (filt_soempty): nothing is left of what was written. Elsewhere than in TCP, where the
// other side says what has come, nothing ever is.
//
// NetBSD looks at each acknowledgement (sowwakeup). The host tells nobody of these, so toaster looks again and again while there is
// something on its way; and with EV_CLEAR, once told, whether more has come.
type emptySource struct {
	kn    *knote
	d     *file.Description
	files *file.Table

	// Guarded by Queue.mu.
	timer   *time.Timer // of the next look; nil if none is due
	pause   time.Duration
	told    uint64 // what had come when EV_CLEAR was told
	stopped bool
}

// emptyMinPause and emptyMaxPause lie between two looks.
const emptyMinPause, emptyMaxPause = time.Millisecond, 50 * time.Millisecond

// attachEmpty is soo_kqfilter. EINVAL: no socket.
func attachEmpty(c Caller, kn *knote) (source, netbsd.Errno) {
	fd := fdOf(kn.ident)
	d, errno := c.Files.Get(fd)
	if errno != 0 {
		return nil, errno
	}
	defer d.Release()
	if errno := refused(d, kn); errno != 0 {
		return nil, errno
	}
	if _, ok := d.File.(file.Drainer); !ok {
		return nil, netbsd.EINVAL
	}
	s := &emptySource{kn: kn, d: d, files: c.Files}
	return s, c.Files.Attach(fd, d, s)
}

func (s *emptySource) poll(kn *knote) (state, bool) {
	n, come := s.d.File.(file.Drainer).Undelivered()
	s.kn.q.mu.Lock()
	defer s.kn.q.mu.Unlock()
	if kn.flags&netbsd.EV_CLEAR != 0 && n == 0 {
		s.told = come
	}
	if n > 0 || kn.flags&netbsd.EV_CLEAR != 0 && come > 0 {
		s.lookLaterLocked()
	}
	return state{data: &n}, n == 0
}

func (s *emptySource) lookLaterLocked() {
	if s.timer == nil && !s.stopped {
		s.pause = min(max(2*s.pause, emptyMinPause), emptyMaxPause)
		s.timer = after(s.pause, s.look)
	}
}

// look is what the timer does. The file may be closed meanwhile, as in fileSource: then the knote is dead, and hears nothing.
func (s *emptySource) look() {
	n, come := s.d.File.(file.Drainer).Undelivered()
	news := false
	guard.Locked(&s.kn.q.mu, func() {
		s.timer = nil
		if news = n == 0 && (s.kn.flags&netbsd.EV_CLEAR == 0 || come != s.told); news {
			s.pause = 0
		} else {
			s.lookLaterLocked()
		}
	})
	if news {
		s.kn.activate()
	}
}

// FDClosed implements file.Knote.
func (s *emptySource) FDClosed() {
	q := s.kn.q
	q.mu.Lock()
	defer q.mu.Unlock()
	s.stopLocked()
	if !s.kn.dead {
		q.dropLocked(s.kn)
	}
}

func (s *emptySource) detach(*knote) {
	s.files.Detach(fdOf(s.kn.ident), s)
	s.kn.q.mu.Lock()
	defer s.kn.q.mu.Unlock()
	s.stopLocked()
}

func (s *emptySource) stopLocked() {
	s.stopped = true
	if s.timer != nil {
		s.timer.Stop()
	}
}
