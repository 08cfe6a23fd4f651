package tty

import (
	"time"

	"toaster/internal/file"
	"toaster/internal/guard"
	"toaster/netbsd"
)

// This file has writing to the terminal side (ttwrite), and waiting for what was
// written to go.

// Write writes all of b, unless the call does not block or is interrupted: then what
// fitted. EIO: no controller, or revoked, or the caller is in the background for
// good with TOSTOP.
//
// done is told even if the wait then fails: characters that have gone out cannot be taken back.
func (f *terminal) Write(c file.Call, b []byte) (int, netbsd.Errno) {
	done := 0
	_, errno := wait(c, f, file.Writable, func(bool) (int, time.Time, netbsd.Errno) {
		n, errno := f.writeOnce(c, b[done:])
		done += n
		return 0, time.Time{}, errno
	})
	return partly(done, errno)
}

// partly is what a write returns that has done something: it was interrupted, or did not wait, or it fails (dofilewrite).
func partly(done int, errno netbsd.Errno) (int, netbsd.Errno) {
	if done > 0 && (errno == netbsd.EINTR || errno == netbsd.ERESTART || errno == netbsd.EAGAIN) {
		return done, 0
	}
	if errno != 0 {
		return 0, errno
	}
	return done, 0
}

// writeOnce writes what fits. The queue never holds more than outputMax, whoever does not
// read: what one character becomes, a tab or CR and LF, goes as a whole or waits.
func (f *terminal) writeOnce(c file.Call, b []byte) (int, netbsd.Errno) {
	p := f.pair
	if errno := f.mayWrite(c); errno != 0 {
		return 0, errno
	}
	p.mu.Lock()
	defer p.unlock()
	if f.dead() || !p.controllerOpen || !p.connected() {
		return 0, netbsd.EIO
	}
	if p.tw != nil {
		return p.tw.write(b)
	}
	if p.lflag(netbsd.FLUSHO) {
		return len(b), 0
	}
	n := 0
	for n < len(b) && len(p.out) < outputMax && p.output(b[n]) {
		n++
	}
	if n > 0 {
		p.rocount = 0 // what is being typed no longer ends at the cursor
		p.start()
	}
	if n < len(b) {
		return n, netbsd.EAGAIN
	}
	return n, 0
}

// mayWrite stops a writer of the background where TOSTOP asks for it.
//
// mu is not held: foreground may stop the caller for as long as its shell likes.
func (f *terminal) mayWrite(c file.Call) netbsd.Errno {
	tostop := false
	guard.Locked(&f.pair.mu, func() { tostop = f.pair.modes().Lflag&netbsd.TOSTOP != 0 })
	if !tostop {
		return 0
	}
	return foreground(c, f.pair.k, false)
}

// Drain is ttywait: it sleeps until the controller has read all output. Item 19's
// caller ignores the error.
//
// The waiter is in the queue before the first look, so no wakeup between look and sleep is
// lost. Nobody need ever read: a limit, a signal, the controller's close and the machine's end
// (halted) end the wait.
func (p *pair) drain(c file.Call, limit time.Duration) netbsd.Errno {
	w := &file.Waiter{Mask: file.Out, L: c.L}
	p.terminalQueue.Add(w)
	defer p.terminalQueue.Remove(w)
	for {
		var deadline time.Time
		if limit > 0 {
			deadline = time.Now().Add(limit)
		}
		done, twin := false, false
		guard.Locked(&p.mu, func() {
			twin = p.tw != nil
			done = p.unsent() == 0 || !p.connected() || !p.controllerOpen || p.d.halted.Load()
			if !done {
				p.start()
			}
		})
		if done {
			return 0
		}
		if twin {
			deadline = time.Now().Add(lbolt) // a program of the host that reads tells nobody
		}
		errno := c.L.Sleep(true, deadline)
		if twin && errno == netbsd.EWOULDBLOCK {
			continue
		}
		if errno == netbsd.EWOULDBLOCK {
			guard.Locked(&p.mu, func() { p.flush(netbsd.FWRITE) })
		}
		if errno != 0 {
			return errno
		}
	}
}

// unsent is how much output waits for the controller's reader. mu is held.
func (p *pair) unsent() int {
	if p.tw != nil {
		return p.tw.unread()
	}
	return len(p.out)
}
