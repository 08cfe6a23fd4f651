package file

import "toaster/netbsd"

// This file sends SIGIO for pipes, FIFOs and sockets with O_ASYNC (fcntl(2), FIOASYNC of ioctl(2)), as
// pipeselwakeup and sowakeup do by fownsignal. A terminal does so itself, to its foreground group; of a regular
// file nobody is told.

// Asynchronous is implemented by files whose news can be a signal: events are those that are.
type Asynchronous interface {
	AsyncEvents() Events
}

// SetAsync begins or ends that the owner hears of d by SIGIO. m is the machine of the table that d is in.
func (d *Description) SetAsync(m *Machine, on bool) {
	d.setAsync(m, on)
	if w, ok := d.File.(ReadTeller); ok && on {
		w.TellReads()
	}
}

func (d *Description) setAsync(m *Machine, on bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if !on {
		d.endAsync()
		return
	}
	f, ok := d.File.(Asynchronous)
	if !ok || d.async != nil || m.cfg.Sigio == nil || f.AsyncEvents() == 0 {
		return
	}
	// Called with the queue locked: the owner is looked up by what needs no lock of this package.
	fn := func(ev Events) {
		if owner := d.Owner(); owner != 0 {
			m.cfg.Sigio(owner, pollCode(ev))
		}
	}
	d.async = &Waiter{Mask: f.AsyncEvents(), Fn: fn}
	d.File.Watch(d.async)
}

// endAsync needs mu, or that nobody else has d.
func (d *Description) endAsync() {
	if d.async != nil {
		d.File.Unwatch(d.async)
		d.async = nil
	}
}

// pollCode is si_code of SIGIO.
func pollCode(ev Events) int32 {
	switch {
	case ev&(In|RdNorm) != 0:
		return netbsd.POLL_IN
	case ev&Hup != 0:
		return netbsd.POLL_HUP
	case ev&Out != 0:
		return netbsd.POLL_OUT
	case ev&Pri != 0:
		return netbsd.POLL_PRI
	}
	return netbsd.POLL_ERR
}

// AsyncEvents implements Asynchronous.
func (*pipeReader) AsyncEvents() Events { return Readable }

// AsyncEvents implements Asynchronous.
func (*pipeWriter) AsyncEvents() Events { return Writable }

// AsyncEvents implements Asynchronous.
func (f *fifoFile) AsyncEvents() (ev Events) {
	if f.end.read {
		ev |= Readable
	}
	if f.end.write {
		ev |= Writable
	}
	return ev
}
