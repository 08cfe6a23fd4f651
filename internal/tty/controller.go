package tty

import (
	"time"

	"toaster/internal/file"
	"toaster/netbsd"
)

// controller is the open file of a pair's other side: what open(2) of /dev/ptmx makes.
type controller struct {
	typewriter
	*pair
}

// Read returns what programs wrote to the terminal, and echo; in packet mode after a
// byte that says so, or alone a byte of TIOCPKT_*. 0: the last holder of the terminal
// side has closed it.
//
// A controller does not wait for its own process group: it is no terminal to whoever holds it,
// so job control does not apply.
func (f *controller) Read(c file.Call, b []byte) (int, netbsd.Errno) {
	if len(b) == 0 {
		return 0, netbsd.EINVAL
	}
	return wait(c, f, file.Readable, func(bool) (int, time.Time, netbsd.Errno) {
		f.mu.Lock()
		defer f.unlock()
		n, errno := f.take(b)
		return n, time.Time{}, errno
	})
}

// take is one attempt of ptcread; mu is held. News come before data, as what they tell of, a
// flush or a stop, has happened to the data.
func (f *controller) take(b []byte) (int, netbsd.Errno) {
	p := f.pair
	if p.tw != nil {
		return p.tw.take(b)
	}
	if p.is1(stOpen) {
		if n := p.takeNews(b); n > 0 {
			return n, 0
		}
		if len(p.out) > 0 && !p.is1(stStopped) {
			n := 0
			if p.pkt || p.ucntl {
				b[0], n = netbsd.TIOCPKT_DATA, 1
			}
			k := copy(b[n:], p.out)
			p.out = append(p.out[:0], p.out[k:]...)
			p.pulled()
			return n + k, 0
		}
	}
	if !p.is1(stCarrier) {
		return 0, 0
	}
	return 0, netbsd.EAGAIN
}

// takeNews returns what packet mode or TIOCUCNTL has to tell. A change of modes comes
// with the new ones.
//
// What does not fit in b is lost, as in ptcread. mu is held.
func (p *pair) takeNews(b []byte) int {
	switch {
	case p.pkt && p.send != 0:
		b[0] = p.send
		n := 1
		if p.send&netbsd.TIOCPKT_IOCTL != 0 {
			var t [netbsd.SizeofTermios]byte
			p.t.Encode(t[:])
			n += copy(b[1:], t[:])
		}
		p.send = 0
		return n
	case p.ucntl && p.ucmd != 0:
		b[0], p.ucmd = p.ucmd, 0
		return 1
	}
	return 0
}

// Write types b at the terminal. EIO: nobody has the terminal side open any more.
//
// The signals that characters are go out before Write returns, on this goroutine: mu comes
// before kern's lock, so p.input may call it.
//
// Who types much is asked between its parts whether a signal has come.
func (f *controller) Write(c file.Call, b []byte) (int, netbsd.Errno) {
	done := 0
	for {
		_, errno := wait(c, f, file.Writable, func(bool) (int, time.Time, netbsd.Errno) {
			f.mu.Lock()
			defer f.unlock()
			n, errno := f.typeIn(b[done:])
			done += n
			return 0, time.Time{}, errno
		})
		if errno == errMoreToType {
			if errno = c.L.Sleep(true, time.Now()); errno == 0 || errno == netbsd.EWOULDBLOCK {
				continue
			}
		}
		return partly(done, errno)
	}
}

// typeMost is how much is typed in one step. A character can have the whole line shown again (VREPRINT), which TIOCSQSIZE lets be
// 64 KiB: a guest would have the machine busy for minutes, with mu held, with one write(2).
const typeMost = 256

// errMoreToType is internal: typeMost characters have been typed, and there are more.
const errMoreToType netbsd.Errno = -101

// typeIn is one attempt of ptcwrite; mu is held. Each character runs through the whole
// discipline at once: its echo, and the signal that it may be, are out before the next one.
func (f *controller) typeIn(b []byte) (int, netbsd.Errno) {
	p := f.pair
	full := netbsd.EAGAIN
	if !p.is1(stCarrier) {
		full = netbsd.EIO
	}
	if !p.is1(stOpen) {
		return 0, full
	}
	if p.tw != nil {
		return p.tw.typeIn(b)
	}
	if p.remote {
		return p.typeRemote(b, full)
	}
	for n, c := range b {
		switch {
		case n == typeMost:
			return n, errMoreToType
		case !p.room():
			return n, full
		}
		p.input(c)
	}
	return len(b), 0
}

// room reports whether input for a character more can be taken (ptcwrite). A
// line that nobody can ever read does not block: its rest is dropped with a beep.
//
// Without that a program that types at a terminal in canonical mode would sleep for ever, as no
// reader gets a line until it ends. mu is held.
func (p *pair) room() bool {
	most, canon := p.inputMax(), p.lflag(netbsd.ICANON)
	if canon {
		most--
	}
	return len(p.raw)+len(p.can) < most || len(p.can) == 0 && canon
}

// roomToType is what poll(2) has for room: two characters more (ptcpoll).
func (p *pair) roomToType() bool {
	return len(p.raw)+len(p.can) < p.inputMax()-2 || len(p.can) == 0 && p.lflag(netbsd.ICANON)
}

// typeRemote is TIOCREMOTE: each write is one record for the reader, unedited.
//
// The reader cannot take part of a record for the whole, so the next one waits until this one
// is read. What is longer than the queue goes on as another record. mu is held.
func (p *pair) typeRemote(b []byte, full netbsd.Errno) (int, netbsd.Errno) {
	if len(p.can) > 0 {
		return 0, full
	}
	n := min(len(b), p.inputMax())
	for _, c := range b[:n] {
		p.can = append(p.can, uint16(c)|quoted)
	}
	p.can = append(p.can, endOfRemote)
	p.wakeReaders()
	if n < len(b) {
		return n, full
	}
	return n, 0
}

// Close is ptcclose: the carrier is lost. The session's leader gets SIGHUP; reads at
// the terminal return 0, writes EIO.
//
// It is due once, with the description's last use. Hangup may signal a whole session; it takes
// kern's lock behind mu, in the order of the package comment.
func (f *controller) Close() {
	p := f.pair
	p.mu.Lock()
	defer p.unlock()
	if p.is1(stCarrier) {
		p.st &^= stCarrier
		if p.is1(stOpen) && !p.connected() {
			p.k.HangupBut(p.hostLeader())
			p.flush(netbsd.FREAD | netbsd.FWRITE)
		}
	}
	p.dropTwin()
	p.controllerOpen = false
	p.terminalQueue.Notify(everything)
	p.release()
}

// Stat implements file.File.
func (f *controller) Stat() (file.Stat, netbsd.Errno) {
	st := file.Stat{}
	f.mu.Lock()
	defer f.mu.Unlock()
	st = f.stat
	st.Rdev = file.Mkdev(ptcMajor, uint32(f.num))
	st.Ino = uint64(ptcMajor)<<20 | uint64(f.num) + 2
	st.Mode = netbsd.S_IFCHR | 0o666
	return st, 0
}

// HupUntold implements file.HupUntold (filt_ptcread).
func (f *controller) HupUntold() {}

// Poll implements file.File: ptcpoll, and filt_ptcread and filt_ptcwrite, the first of which knows an end.
func (f *controller) Poll(want file.Events) file.Events {
	p := f.pair
	f.mu.Lock()
	defer f.unlock()
	if p.tw != nil {
		return p.tw.pollMaster(want)
	}
	var ev file.Events
	if p.is1(stOpen) && (len(p.out) > 0 && !p.is1(stStopped) || p.pkt && p.send != 0 || p.ucntl && p.ucmd != 0) {
		ev |= want & (file.In | file.RdNorm)
	}
	if p.is1(stOpen) && (p.remote && len(p.can) == 0 || !p.remote && p.roomToType()) {
		ev |= want & file.Out
	}
	if !p.is1(stCarrier) {
		ev |= want & (file.Hup | file.RdHup)
	}
	return ev
}

// Watch and Unwatch implement file.File.
func (f *controller) Watch(w *file.Waiter)   { f.controllerQueue.Add(w) }
func (f *controller) Unwatch(w *file.Waiter) { f.controllerQueue.Remove(w) }

// ReadCount and WriteCount implement file.Counter.
func (f *controller) ReadCount() int64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.tw != nil {
		return int64(f.tw.unread())
	}
	n := len(f.out)
	if f.pkt && f.send != 0 || f.ucntl && f.ucmd != 0 {
		n++
	}
	return int64(n)
}

func (f *controller) WriteCount() int64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.remote {
		return int64(f.inputMax())
	}
	return int64(f.inputMax() - len(f.raw) - len(f.can))
}
