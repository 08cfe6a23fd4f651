package tty

import (
	"toaster/internal/file"
	"toaster/internal/guard"
	"toaster/kern"
	"toaster/netbsd"
)

// terminal is an open file of a pair's terminal side: /dev/pts/N.
type terminal struct {
	typewriter
	*pair
	era uint64 // pair.revoked at the open; a revoked file stays so, whoever opens the terminal anew
}

// dead reports whether the terminal was revoked since it was opened. mu is held.
func (f *terminal) dead() bool { return f.era != f.pair.revoked }

// open is ptsopen. EBUSY: TIOCEXCL, and not root; EIO: the controller has gone, so
// that nobody would ever be at the other end.
func (p *pair) open(uid uint32, flags int) (*file.Description, netbsd.Errno) {
	p.mu.Lock()
	defer p.unlock()
	switch {
	case !p.controllerOpen:
		return nil, netbsd.EIO
	case p.is1(stExcl) && uid != 0:
		return nil, netbsd.EBUSY
	}
	if !p.is1(stOpen) {
		p.t = defaultTermios()
		p.st = stOpen | stCarrier
		p.win = netbsd.Winsize{}
		p.hold++
		if p.tw != nil {
			p.tw.renew()
		}
	}
	if p.tw != nil && p.tw.openSlave() != nil {
		return nil, netbsd.EIO
	}
	p.opens++
	p.controllerQueue.Notify(file.In | file.Out | file.RdNorm)
	d := file.New(&terminal{pair: p, era: p.revoked}, flags)
	d.Path = p.name()
	return d, 0
}

// inUse implements device.
func (p *pair) inUse() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.is1(stOpen) && p.is1(stCarrier)
}

// handle gives the terminal side to one who has it open in another way (/dev/tty); it
// does not count as an open.
func (p *pair) handle() file.File {
	p.mu.Lock()
	defer p.mu.Unlock()
	return &terminal{pair: p, era: p.revoked}
}

// Close ends one open of the terminal side; the last one waits for the output to be
// read, for five seconds at each step, and gives the terminal up.
func (f *terminal) Close() {
	p := f.pair
	last := false
	guard.Locked(&p.mu, func() {
		if !f.dead() {
			p.opens--
			last = p.opens == 0
		}
		if last && p.tw != nil {
			// Nothing is to drain: what is left stays with the host for the controller's
			// reader, and programs of the host may have the terminal open, too.
			p.tw.closeSlave()
			p.shutIfLeft()
			last = false
		}
	})
	if !last {
		return
	}
	p.drain(file.Call{L: file.NewKthread()}, closeWait)
	// Looked at again: it may have been revoked, or opened by somebody else, meanwhile.
	p.mu.Lock()
	defer p.unlock()
	if !f.dead() && p.opens == 0 && p.is1(stOpen) {
		p.shut()
	}
}

// shut is ttyclose: nothing of the terminal's state survives the last close.
func (p *pair) shut() {
	p.flush(netbsd.FREAD | netbsd.FWRITE)
	p.revoked++
	p.st, p.opens = 0, 0
	p.t.Cflag &^= netbsd.CLOCAL
	p.k.Revoked() // t_session, t_pgrp
	p.d.console.closed(p)
	p.endHost()
	p.terminalQueue.Notify(everything)
	p.controllerQueue.Notify(everything)
	p.release()
}

const everything = file.In | file.RdNorm | file.Out | file.Hup

// Drain implements kern.Terminal (item 19).
func (p *pair) Drain(l *kern.LWP) netbsd.Errno { return p.drain(file.Call{L: l}, 0) }

// Dev is the number of the device, for acct(5).
func (p *pair) Dev() uint64 { return file.Mkdev(ptsMajor, uint32(p.num)) }

// Revoke implements kern.Terminal, and is VOP_REVOKE: whoever has the terminal open
// loses it (item 21). Reads return 0, writes EIO, other calls EBADF; a later open
// is of a new terminal.
func (p *pair) Revoke() {
	p.mu.Lock()
	defer p.unlock()
	p.dropTwin()
	if p.is1(stOpen) {
		p.shut()
	}
	p.endHost()
}

// Release implements kern.Terminal. The session's reference is none of the driver's.
func (p *pair) Release() {}

// Stat implements file.File.
func (f *terminal) Stat() (file.Stat, netbsd.Errno) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.dead() {
		return file.Stat{}, netbsd.EBADF
	}
	return f.stat, 0
}

// HupUntold implements file.HupUntold (filt_ttyread).
func (f *terminal) HupUntold() {}

// Poll implements file.File: ptspoll and ttpoll, and filt_ttyread and filt_ttywrite, which know no end. A terminal that was revoked says all that
// it is asked (dead_poll), and one without controller POLLHUP, asked or not.
func (f *terminal) Poll(want file.Events) file.Events {
	f.mu.Lock()
	defer f.unlock()
	switch {
	case f.dead() && want&(file.RdHup|file.WrHup) != 0:
		return 0
	case f.dead():
		return want
	case !f.controllerOpen:
		return file.Hup
	case f.tw != nil:
		return f.tw.pollSlave(want)
	}
	var ev file.Events
	if f.nread() > 0 {
		ev |= want & (file.In | file.RdNorm)
	}
	if len(f.out) <= outputLow {
		ev |= want & file.Out
	}
	if !f.connected() {
		ev |= want & file.Hup
	}
	return ev
}

// Watch and Unwatch implement file.File.
func (f *terminal) Watch(w *file.Waiter)   { f.terminalQueue.Add(w) }
func (f *terminal) Unwatch(w *file.Waiter) { f.terminalQueue.Remove(w) }

// ReadCount and WriteCount implement file.Counter.
func (f *terminal) ReadCount() int64 {
	f.mu.Lock()
	defer f.unlock()
	if f.tw != nil && f.tw.slave != nil {
		return int64(f.tw.slave.Queued())
	}
	return int64(f.nread())
}

func (f *terminal) WriteCount() int64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	return int64(f.inputMax() - len(f.out))
}
