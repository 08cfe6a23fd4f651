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
		d.flockShared.Store(false)
		m.flocks.Notify(In)
		return errno
	case netbsd.LOCK_SH, netbsd.LOCK_EX:
	default:
		return netbsd.EINVAL
	}
	d.flocked.Store(&m.flocks)
	if nonblock && kind == netbsd.LOCK_EX && d.flockShared.Load() {
		return d.upgradeFlock(m, f)
	}
	errno := f.TryFlock(kind)
	if errno == netbsd.EAGAIN && !nonblock {
		d.flockShared.Store(false) // as lf_setlock, the host drops what is shared before it waits
		errno = m.waitFlock(l, f, kind)
	}
	if errno == 0 {
		d.flockShared.Store(kind == netbsd.LOCK_SH)
	}
	return errno
}

// upgradeFlock makes of a shared lock an exclusive one, or says EAGAIN and leaves it shared (lf_setlock). The host drops it before it looks
// who is in the way (flock(2) of Linux), so it is taken again: of guests that all try, none may find that another one has let go
// for a moment. Who asks for the first time may still come in between, and then has it.
func (d *Description) upgradeFlock(m *Machine, f Flocker) netbsd.Errno {
	m.upgrades.Lock()
	defer m.upgrades.Unlock()
	errno := f.TryFlock(netbsd.LOCK_EX)
	shared := errno != 0 && (errno != netbsd.EAGAIN || f.TryFlock(netbsd.LOCK_SH) == 0)
	d.flockShared.Store(shared)
	return errno
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
