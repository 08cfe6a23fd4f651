package file

import (
	"time"

	"golang.org/x/sys/unix"

	"toaster/netbsd"
)

// flock(2) is the host's: its locks belong to an open file description, as ours
// do, and other programs of the host respect them. Only waiting is ours. A lock
// that another machine or host program holds is asked for again and again, for
// nothing tells when it goes.

const flockMinPause, flockMaxPause = time.Millisecond, 50 * time.Millisecond

// Flock is flock(2) by a process of machine m, with kind LOCK_SH, LOCK_EX or LOCK_UN: EAGAIN if the lock is
// taken and nonblock, EOPNOTSUPP for what isn't a file of the host.
func (d *Description) Flock(m *Machine, l Sleeper, kind int, nonblock bool) netbsd.Errno {
	f, ok := d.File.(*hostFile)
	if !ok {
		return netbsd.EOPNOTSUPP
	}
	switch kind {
	case netbsd.LOCK_UN:
		errno := Errno(unix.Flock(f.fd, unix.LOCK_UN))
		m.flocks.Notify(In)
		return errno
	case netbsd.LOCK_SH, netbsd.LOCK_EX:
	default:
		return netbsd.EINVAL
	}
	d.flocked.Store(&m.flocks)
	// The numbers of LOCK_SH and LOCK_EX are the host's.
	errno := tryFlock(f.fd, kind)
	if errno != netbsd.EAGAIN || nonblock {
		return errno
	}
	return m.waitFlock(l, f.fd, kind)
}

func tryFlock(fd, kind int) netbsd.Errno {
	return Errno(retry(func() error { return unix.Flock(fd, kind|unix.LOCK_NB) }))
}

func (m *Machine) waitFlock(l Sleeper, fd, kind int) netbsd.Errno {
	w := &Waiter{Mask: In, L: l}
	m.flocks.Add(w)
	defer m.flocks.Remove(w)
	for pause := flockMinPause; ; pause = min(2*pause, flockMaxPause) {
		if errno := tryFlock(fd, kind); errno != netbsd.EAGAIN {
			return errno
		}
		if errno := l.Sleep(true, time.Now().Add(pause)); errno != 0 && errno != netbsd.EWOULDBLOCK {
			return errno
		}
	}
}
