package tty

import (
	"time"

	"toaster/internal/file"
	"toaster/netbsd"
)

// This file has reading from the terminal side (ttread).

// Read returns a line, or less of it; without ICANON what VMIN and VTIME say. 0 is ^D at
// the beginning of a line, or a terminal whose controller has gone or that has been
// revoked. EIO: the caller is in the background for good.
//
// The caller is asked anew for its right after each sleep (readOnce): job control may have
// moved it.
func (f *terminal) Read(c file.Call, b []byte) (int, netbsd.Errno) {
	if len(b) == 0 {
		return 0, 0
	}
	var r reading
	for {
		n, errno := f.readOnce(c, &r, b)
		if errno != errAgainForeground {
			return n, errno
		}
	}
}

// errAgainForeground is internal: a sleep has ended, or VDSUSP has stopped the
// caller, who must ask again for leave to read.
const errAgainForeground netbsd.Errno = -100

// reading is the state of one read(2) over its sleeps: VTIME's clock.
type reading struct {
	timing bool
	since  time.Time
	had    int
}

// readOnce reads once the caller is in the foreground, which is asked again after each sleep:
// the shell may have moved its group meanwhile.
func (f *terminal) readOnce(c file.Call, r *reading, b []byte) (int, netbsd.Errno) {
	return wait(c, f, file.Readable, func(expired bool) (int, time.Time, netbsd.Errno) {
		p := f.pair
		if errno := foreground(c, p.k, true); errno != 0 {
			return 0, time.Time{}, errno
		}
		p.mu.Lock()
		defer p.unlock()
		if f.dead() || !p.controllerOpen {
			return 0, time.Time{}, 0
		}
		if p.tw != nil {
			return p.tw.read(r, b, expired)
		}
		return p.read(c, r, b, expired)
	})
}

// read is one attempt.
func (p *pair) read(c file.Call, r *reading, b []byte, expired bool) (int, time.Time, netbsd.Errno) {
	if p.lflag(netbsd.PENDIN) {
		p.takePending()
	}
	q := &p.raw
	if p.lflag(netbsd.ICANON) || p.remote {
		q = &p.can
	}
	ready, deadline := p.readable(r)
	if !ready && expired && p.t.Cc[netbsd.VMIN] == 0 && !p.lflag(netbsd.ICANON) {
		return 0, time.Time{}, 0
	}
	if !ready {
		if !p.connected() {
			return 0, time.Time{}, 0
		}
		return 0, deadline, netbsd.EAGAIN
	}
	n, errno := p.deliver(q, b)
	p.unblock()
	p.controllerQueue.Notify(file.Out)
	return n, time.Time{}, errno
}

// readable reports whether a read can go on now; if not, when its time is over.
//
// The cases are termios(4)'s A to D, of MIN and TIME. r is one call's: its clock goes on over
// the sleeps, and begins anew with each character where MIN is above 0. mu is held.
func (p *pair) readable(r *reading) (bool, time.Time) {
	if p.lflag(netbsd.ICANON) || p.remote {
		return len(p.can) > 0, time.Time{}
	}
	return r.due(len(p.raw), int(p.t.Cc[netbsd.VMIN]), time.Duration(p.t.Cc[netbsd.VTIME])*(time.Second/10))
}

// due is readable without ICANON, with n characters there.
func (r *reading) due(n, vmin int, vtime time.Duration) (bool, time.Time) {
	switch {
	case vtime == 0:
		return n >= vmin, time.Time{}
	case vmin > 0 && n == 0:
		return false, time.Time{} // the clock starts with the first character
	case n >= max(vmin, 1):
		return true, time.Time{}
	}
	if !r.timing || vmin > 0 && n > r.had {
		r.timing, r.since = true, time.Now()
	}
	r.had = n
	end := r.since.Add(vtime)
	if !time.Now().Before(end) {
		return true, time.Time{} // what there is, perhaps nothing
	}
	return false, end
}

// deliver takes characters off q: of a line no more than up to its end, whose ^D is
// not given to the reader. VDSUSP stops the foreground group when it is read.
//
// q is p.raw or p.can and is cut from the front. What b has no room for stays for the next
// read, up to the line's end. mu is held; Signal takes kern's lock behind it.
func (p *pair) deliver(q *[]uint16, b []byte) (int, netbsd.Errno) {
	canon := p.lflag(netbsd.ICANON)
	n := 0
	for n < len(b) && len(*q) > 0 {
		c := (*q)[0]
		*q = (*q)[1:]
		if p.remote && c == endOfRemote {
			break
		}
		if p.is(netbsd.VDSUSP, c) && p.t.Lflag&(netbsd.IEXTEN|netbsd.ISIG) == netbsd.IEXTEN|netbsd.ISIG {
			p.k.Signal(netbsd.SIGTSTP)
			if n == 0 {
				return 0, errAgainForeground
			}
			break
		}
		if canon && p.is(netbsd.VEOF, c) {
			break
		}
		b[n] = byte(c)
		n++
		if canon && p.breaks(c) {
			break
		}
	}
	return n, 0
}

// endOfRemote ends a write of the controller in TIOCREMOTE's queue.
const endOfRemote = 0x200

// nread is ttnread: how much could be read now.
func (p *pair) nread() int {
	if p.lflag(netbsd.PENDIN) {
		p.takePending()
	}
	n := len(p.can)
	if !p.lflag(netbsd.ICANON) {
		n += len(p.raw)
		if n < int(p.t.Cc[netbsd.VMIN]) && p.t.Cc[netbsd.VTIME] == 0 {
			n = 0
		}
	}
	return n
}
