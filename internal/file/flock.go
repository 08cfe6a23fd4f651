package file

import (
	"time"

	"toaster/netbsd"
)

// flock(2) is the host's: its locks belong to an open file description, as NetBSD's
// do, and other programs of the host respect them. Only waiting is done here. A lock
// that another machine or host program holds is asked for again and again, for
// nothing tells when it goes.

const flockMinPause, flockMaxPause = time.Millisecond, 50 * time.Millisecond

// Flocker is implemented by files that flock(2) can lock.
type Flocker interface {
	// TryFlock takes or drops a lock (LOCK_SH, LOCK_EX, LOCK_UN) without waiting: EAGAIN
	// if somebody else's is in the way.
	TryFlock(kind int) netbsd.Errno
}

// Flock is flock(2) by a process of machine m, with kind LOCK_SH, LOCK_EX or LOCK_UN: EAGAIN if the lock is
// taken and nonblock, EOPNOTSUPP for what isn't a file of the host.
func (d *Description) Flock(m *Machine, l Sleeper, kind int, nonblock bool) netbsd.Errno {
	f, ok := d.File.(Flocker)
	if !ok {
		return netbsd.EOPNOTSUPP
	}
	switch kind {
	case netbsd.LOCK_UN:
		errno := f.TryFlock(kind)
		m.flocks.Notify(In)
		return errno
	case netbsd.LOCK_SH, netbsd.LOCK_EX:
	default:
		return netbsd.EINVAL
	}
	d.flocked.Store(&m.flocks)
	errno := f.TryFlock(kind)
	if errno != netbsd.EAGAIN || nonblock {
		return errno
	}
	return m.waitFlock(l, f, kind)
}

func (m *Machine) waitFlock(l Sleeper, f Flocker, kind int) netbsd.Errno {
	w := &Waiter{Mask: In, L: l}
	m.flocks.Add(w)
	defer m.flocks.Remove(w)
	for pause := flockMinPause; ; pause = min(2*pause, flockMaxPause) {
		if errno := f.TryFlock(kind); errno != netbsd.EAGAIN {
			return errno
		}
		if errno := l.Sleep(true, time.Now().Add(pause)); errno != 0 && errno != netbsd.EWOULDBLOCK {
			return errno
		}
	}
}
