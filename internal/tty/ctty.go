package tty

import (
	"toaster/internal/file"
	"toaster/internal/vfs"
	"toaster/kern"
	"toaster/netbsd"
)

// device is what /dev/tty can lead to: a pair or the user's own terminal.
type device interface {
	kern.Terminal
	handle() file.File
	inUse() bool // somebody has it open, and somebody is at its other end
}

// ctty is an open file of /dev/tty: whatever the controlling terminal of each caller
// is at each call.
//
// NetBSD has a vnode for it, which asks p_session at each operation (tty_tty.c); so does of.
// Waiting is the exception: who polls waits for the terminal of the open, since a waiter stands
// in one queue.
type ctty struct {
	typewriter
	d      *Driver
	opened file.File // what it was at the open, for waiting
}

// openCtty opens /dev/tty. ENXIO: the caller has no controlling terminal.
func (d *Driver) openCtty(v vfs.View, flags int) (*file.Description, netbsd.Errno) {
	dev := controlling(lwpOfView(v))
	if dev == nil {
		return nil, netbsd.ENXIO
	}
	desc := file.New(&ctty{d: d, opened: dev.handle()}, flags)
	desc.Path = "/dev/tty"
	return desc, 0
}

// controlling returns the device of l's controlling terminal, nil if it has none.
// The answer may be old at once: a leader's exit takes the terminal away while a call on it is
// under way, which then finds it revoked.
func controlling(l *kern.LWP) device {
	if l == nil {
		return nil
	}
	k := l.Proc().TTY()
	if k == nil {
		return nil
	}
	dev, _ := k.Device().(device)
	return dev
}

// of returns the caller's terminal; for a caller without a process the one that was
// opened. EIO: it has gone.
func (f *ctty) of(c file.Call) (file.File, netbsd.Errno) {
	l := lwpOf(c)
	if l == nil {
		return f.opened, 0
	}
	dev := controlling(l)
	if dev == nil {
		return nil, netbsd.EIO
	}
	return dev.handle(), 0
}

func (f *ctty) Read(c file.Call, b []byte) (int, netbsd.Errno) {
	t, errno := f.of(c)
	if errno != 0 {
		return 0, errno
	}
	return t.Read(c, b)
}

func (f *ctty) Write(c file.Call, b []byte) (int, netbsd.Errno) {
	t, errno := f.of(c)
	if errno != 0 {
		return 0, errno
	}
	return t.Write(c, b)
}

// Ioctl passes requests on. TIOCSCTTY is EINVAL here; TIOCNOTTY parts the caller, and
// nobody else, from its terminal: EINVAL for a session's leader.
func (f *ctty) Ioctl(c file.Call, cmd uint32, data []byte) netbsd.Errno {
	t, errno := f.of(c)
	switch {
	case errno != 0:
		return errno
	case cmd == netbsd.TIOCSCTTY:
		return netbsd.EINVAL
	case cmd == netbsd.TIOCNOTTY:
		return dropTTY(lwpOf(c))
	}
	return t.Ioctl(c, cmd, data)
}

// dropTTY is TIOCNOTTY. The leader of a session is refused: its terminal goes with itself, and
// takes the others' along.
func dropTTY(l *kern.LWP) netbsd.Errno {
	if l == nil {
		return netbsd.ENOTTY
	}
	if s := l.Proc().Session(); s != nil && s.Leader() == l.Proc() {
		return netbsd.EINVAL
	}
	return l.DropTTY()
}

func (f *ctty) Stat() (file.Stat, netbsd.Errno)   { return f.d.devStat(cttyMajor, 0, 0o666), 0 }
func (f *ctty) HupUntold()                        {}
func (f *ctty) Poll(want file.Events) file.Events { return f.opened.Poll(want) }
func (f *ctty) Watch(w *file.Waiter)              { f.opened.Watch(w) }
func (f *ctty) Unwatch(w *file.Waiter)            { f.opened.Unwatch(w) }
func (f *ctty) ReadCount() int64                  { return f.opened.(file.Counter).ReadCount() }
func (f *ctty) WriteCount() int64                 { return f.opened.(file.Counter).WriteCount() }
