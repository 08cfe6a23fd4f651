package tty

import (
	"time"

	"golang.org/x/sys/unix"

	"toaster/internal/file"
	"toaster/kern"
	"toaster/netbsd"
)

// This file has reading, writing and readiness of a pair that has a twin: one attempt each,
// with mu held; the host's descriptors do not block.

// read is one attempt of ttread. What VMIN and VTIME say is said here, as the host's read does
// not wait; it is asked for its modes each time, which its programs may have changed.
func (t *twin) read(r *reading, b []byte, expired bool) (int, time.Time, netbsd.Errno) {
	if t.slave == nil {
		return 0, noDeadline, 0
	}
	m, err := unix.IoctlGetTermios(t.master.FD(), unix.TCGETS)
	if err != nil {
		return 0, noDeadline, 0
	}
	ready, deadline, enough := t.slave.Poll(file.In)&(file.In|file.Hup|file.Err) != 0, noDeadline, false
	if m.Lflag&unix.ICANON == 0 {
		vmin, vtime := int(m.Cc[unix.VMIN]), time.Duration(m.Cc[unix.VTIME])*(time.Second/10)
		enough = vmin == 0
		if ready, deadline = r.due(t.slave.Queued(), vmin, vtime); expired && enough {
			ready = true
		}
	}
	if !ready && t.slave.Poll(0)&file.Hup == 0 {
		return 0, deadline, netbsd.EAGAIN
	}
	n, errno := t.slave.TryRead(b)
	switch {
	case errno == netbsd.EIO || errno == netbsd.EAGAIN && enough:
		return 0, noDeadline, 0 // hung up, or nothing has come in time
	case errno == netbsd.EAGAIN:
		return 0, deadline, errno // a program of the host was faster
	}
	return n, noDeadline, errno
}

// write is one attempt of ttwrite.
func (t *twin) write(b []byte) (int, netbsd.Errno) {
	if t.slave == nil {
		return 0, netbsd.EIO
	}
	n, errno := t.slave.TryWrite(b)
	if errno == 0 && n < len(b) {
		errno = netbsd.EAGAIN
	}
	return n, errno
}

// take is one attempt of ptcread. The host's EIO is the end: the last program has closed the
// terminal side, and all output has been read.
func (t *twin) take(b []byte) (int, netbsd.Errno) {
	n, errno := t.atMaster(func() (int, netbsd.Errno) { return t.master.TryRead(b) })
	if errno == netbsd.EIO {
		return 0, 0
	}
	if n > 0 {
		t.p.wakeWriters() // who waits for the output to drain
	}
	return n, errno
}

// atMaster makes a call at the controller that must not block.
//
// Where programs of the host share the description it blocks as they expect, but for the length
// of the call. A program that reads at the same moment, with nothing there, finds EAGAIN; a
// guest cannot wait in the host's call instead, as nothing would wake it.
func (t *twin) atMaster(call func() (int, netbsd.Errno)) (int, netbsd.Errno) {
	if t.lent {
		fl, err := unix.FcntlInt(uintptr(t.master.FD()), unix.F_GETFL, 0)
		if err == nil && fl&unix.O_NONBLOCK == 0 {
			unix.FcntlInt(uintptr(t.master.FD()), unix.F_SETFL, fl|unix.O_NONBLOCK)
			defer unix.FcntlInt(uintptr(t.master.FD()), unix.F_SETFL, fl)
		}
	}
	return call()
}

// typeIn is one attempt of ptcwrite. The host's discipline takes the characters; those that it
// takes for signals are signals for guests, too, of which it knows nothing.
func (t *twin) typeIn(b []byte) (int, netbsd.Errno) {
	if t.master.Poll(0)&file.Hup != 0 {
		return 0, netbsd.EIO // the host says so only once the last close is over
	}
	done := 0
	for done < len(b) {
		end, sig := t.nextSignal(b[done:])
		var has kern.ForeignGroup
		if sig != 0 {
			has = t.signalled() // before: whom it ends may have another group in the foreground at once
		}
		n, errno := t.atMaster(func() (int, netbsd.Errno) { return t.master.TryWrite(b[done : done+end]) })
		done += n
		if errno != 0 {
			return done, errno
		}
		if n < end {
			return done, netbsd.EAGAIN
		}
		if sig != 0 {
			t.settle()
			t.p.k.SignalBut(sig, has)
		}
	}
	return done, 0
}

// settle has the host take in what was typed, which it does in a thread of its own: what a
// signal's character flushes is flushed before the signal, not after what its receiver writes.
// The host does not where there is input already.
func (t *twin) settle() {
	if t.slave != nil {
		t.slave.Poll(file.In)
	}
}

// nextSignal returns how much of b there is up to a character that makes a signal, that one
// included, and the signal; all of b and 0 if there is none.
func (t *twin) nextSignal(b []byte) (int, netbsd.Signal) {
	m, err := unix.IoctlGetTermios(t.master.FD(), unix.TCGETS)
	if err != nil || m.Lflag&unix.ISIG == 0 || m.Lflag&unix.EXTPROC != 0 {
		t.literal = false
		return len(b), 0
	}
	signals := [...]struct {
		c   byte
		sig netbsd.Signal
	}{{m.Cc[unix.VINTR], netbsd.SIGINT}, {m.Cc[unix.VQUIT], netbsd.SIGQUIT}, {m.Cc[unix.VSUSP], netbsd.SIGTSTP}}
	quotes := m.Lflag&unix.ICANON != 0 && m.Lflag&unix.IEXTEN != 0
	for i, c := range b {
		if t.literal {
			t.literal = false
			continue
		}
		t.literal = quotes && c != 0 && c == m.Cc[unix.VLNEXT]
		for _, s := range signals {
			if c != 0 && c == s.c {
				return i + 1, s.sig
			}
		}
	}
	return len(b), 0
}

// signal sends sig to the foreground group, but for those to whom the host has sent it.
func (t *twin) signal(sig netbsd.Signal) { t.p.k.SignalBut(sig, t.signalled()) }

// pollMaster is the controller's poll(2).
func (t *twin) pollMaster(want file.Events) file.Events {
	return hungUp(t.master.Poll(want), want&^file.WrHup)
}

// pollSlave is the terminal side's.
func (t *twin) pollSlave(want file.Events) file.Events {
	if t.slave == nil {
		return file.Hup
	}
	return hungUp(t.slave.Poll(want), want&^(file.RdHup|file.WrHup))
}

// hungUp completes the host's answer: POLLHUP is told who asks, and kevent(2) what it asks of that.
func hungUp(ev, want file.Events) file.Events {
	if ev&file.Hup != 0 {
		ev |= want & (file.RdHup | file.WrHup)
	}
	return ev&^(file.Err|file.Hup) | ev&want&file.Hup
}

// unread is how much output waits for the controller's reader. Poll comes first: it has the
// host take in what was just written.
func (t *twin) unread() int {
	if t.master.Poll(file.In)&file.In == 0 {
		return 0
	}
	return max(1, t.master.Queued())
}
