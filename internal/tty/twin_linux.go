package tty

import (
	"maps"
	"slices"
	"sync/atomic"

	"golang.org/x/sys/unix"

	"toaster/internal/file"
	"toaster/internal/guard"
	"toaster/internal/hostfile"
	"toaster/kern"
	"toaster/netbsd"
)

// This file makes a pair's twin: a pseudo-terminal of the host, for programs of the host
// that inherit either side. From then on the host's kernel has the line discipline and all
// queues, and both sides of the pair lead there, so that nothing is carried to and fro, and
// nothing is lost that somebody did not read:
//
//	controller side ──► the host's controller ◄──── programs of the host
//	terminal side  ───► the host's terminal   ◄──── programs of the host
//
// A pair has a twin from the first such program on until its controller is closed or it is
// revoked. Sessions, the foreground group and job control of guests stay kern's (hostsession_linux.go). The host's
// discipline has neither VDSUSP nor VSTATUS, and its echo looks different in places.

// twin is the pseudo-terminal of the host behind a pair. The pair's mu guards it.
type twin struct {
	p      *pair
	master *hostfile.File
	// slave is the guests' way to the terminal side. It is closed while no guest has that
	// open: the controller's reader is to meet the end when the last program of the host
	// lets go.
	slave  *hostfile.File
	native nativeOnly
	// lent: programs of the host share the controller's description, and expect it to block.
	lent    bool
	literal bool // the next character that a guest types is data (VLNEXT)

	// leader leads a session of the host's that has the twin for its controlling terminal;
	// the host sends it the terminal's signals itself.
	leader            atomic.Pointer[kern.Proc]
	seen              atomic.Uint64 // the size that guests know of, see noteSize
	async             atomic.Bool   // TS_ASYNC of the pair
	onMaster, onSlave file.Waiter
}

// promote returns the pair's twin, made now if there is none. EOPNOTSUPP: there can be none,
// as the host has no pseudo-terminal left, or the pair is in a mode that the host does not
// have (TIOCREMOTE, TIOCUCNTL). mu is held.
func (p *pair) promote() (*twin, netbsd.Errno) {
	switch {
	case p.tw != nil:
		return p.tw, 0
	case !p.controllerOpen:
		return nil, netbsd.EIO
	case p.d.host == nil || p.remote || p.ucntl:
		return nil, netbsd.EOPNOTSUPP
	}
	t := &twin{p: p, native: nativeOf(&p.t)}
	if errno := t.openMaster(); errno != 0 {
		return nil, netbsd.EOPNOTSUPP
	}
	if err := t.takeOver(); err != nil {
		t.close()
		return nil, netbsd.EOPNOTSUPP
	}
	p.tw = t
	t.async.Store(p.is1(stAsync))
	p.terminalQueue.Notify(everything) // who sleeps tries again, at the host
	p.controllerQueue.Notify(everything)
	return t, 0
}

// openMaster opens a pseudo-terminal of the host.
func (t *twin) openMaster() netbsd.Errno {
	fd, err := unix.Open("/dev/ptmx", unix.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC|unix.O_NONBLOCK, 0)
	if err != nil {
		return hostfile.Errno(err)
	}
	if err := unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0); err != nil {
		unix.Close(fd)
		return hostfile.Errno(err)
	}
	m, errno := t.p.d.host.New(fd)
	if errno != 0 {
		return errno
	}
	t.master = m
	t.onMaster = file.Waiter{Mask: ^file.Events(0), Fn: t.masterEvent}
	m.Watch(&t.onMaster)
	return 0
}

// peer opens the terminal side anew.
//
// By the controller, not by name: the host's /dev/pts need not be where this program looks.
func (t *twin) peer(flags int) (int, error) {
	fd, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(t.master.FD()), unix.TIOCGPTPEER, uintptr(flags|unix.O_NOCTTY|unix.O_CLOEXEC))
	if errno != 0 {
		return -1, errno
	}
	return int(fd), nil
}

// openSlave opens the guests' way to the terminal side, unless it is.
func (t *twin) openSlave() error {
	if t.slave != nil {
		return nil
	}
	fd, err := t.peer(unix.O_RDWR | unix.O_NONBLOCK)
	if err != nil {
		return err
	}
	s, errno := t.p.d.host.New(fd)
	if errno != 0 {
		return errno
	}
	t.slave = s
	t.onSlave = file.Waiter{Mask: ^file.Events(0), Fn: t.slaveEvent}
	s.Watch(&t.onSlave)
	return nil
}

func (t *twin) closeSlave() {
	if t.slave != nil {
		t.slave.Unwatch(&t.onSlave)
		t.slave.Close()
		t.slave = nil
	}
}

// close lets go of the host's pseudo-terminal. Programs that hold its terminal side lose it,
// as the host hangs up, unless another program of the host holds the controller.
func (t *twin) close() {
	if h := t.p.host.Load(); h != nil {
		h.HangUp()
	}
	t.closeSlave()
	t.master.Unwatch(&t.onMaster)
	t.master.Close()
}

// hostLeader returns the process that the host signals, nil if there is none. mu is held.
func (p *pair) hostLeader() *kern.Proc {
	if p.tw == nil {
		return nil
	}
	return p.tw.leader.Load()
}

// dropTwin parts the pair from its twin. mu is held.
func (p *pair) dropTwin() {
	if t := p.tw; t != nil {
		p.tw = nil
		t.close()
	}
}

// slaveEvent passes an event of the host's on to the guests at the terminal side. The host's
// queue is locked, and mu may be.
func (t *twin) slaveEvent(ev file.Events) {
	t.noteSize()
	t.p.terminalQueue.Notify(ev)
	if t.async.Load() && ev&file.In != 0 {
		t.p.k.Signal(netbsd.SIGIO)
	}
}

// masterEvent is slaveEvent for the controller. Output that has gone is also what a drain
// waits for, at the terminal side.
func (t *twin) masterEvent(ev file.Events) {
	t.noteSize()
	t.p.controllerQueue.Notify(ev)
	if ev&file.Hup != 0 {
		guard.Go("a pseudo-terminal was hung up", t.p.afterHangup)
	}
}

// afterHangup gives the terminal up if nobody has it open any more, of the host or here.
func (p *pair) afterHangup() {
	p.mu.Lock()
	defer p.unlock()
	p.shutIfLeft()
}

// shutIfLeft is the last close of a terminal with a twin, if that is due: guests close the one
// side, programs of the host the other. mu is held.
func (p *pair) shutIfLeft() {
	if p.tw != nil && p.opens == 0 && p.is1(stOpen) && p.tw.master.Poll(0)&file.Hup != 0 {
		p.shut()
	}
}

// export returns a descriptor of the terminal side for a program of the host.
func (t *twin) export() (int, netbsd.Errno) {
	fd, err := t.peer(unix.O_RDWR)
	return fd, hostfile.Errno(err)
}

// exportMaster returns the controller's for one. There can be but one description of it, so
// that guests and programs share the flags: these programs expect it to block.
func (t *twin) exportMaster() (int, netbsd.Errno) {
	fd, err := unix.FcntlInt(uintptr(t.master.FD()), unix.F_DUPFD_CLOEXEC, 0)
	if err == nil && !t.lent {
		t.lent = true
		err = unix.SetNonblock(fd, false)
	}
	return fd, hostfile.Errno(err)
}

// Export implements hostfile's exporter.
func (f *terminal) Export() (int, netbsd.Errno) {
	f.mu.Lock()
	defer f.unlock()
	if f.dead() {
		return -1, netbsd.EIO
	}
	t, errno := f.promote()
	if errno != 0 {
		return -1, errno
	}
	return t.export()
}

// Export implements hostfile's exporter.
func (f *controller) Export() (int, netbsd.Errno) {
	f.mu.Lock()
	defer f.unlock()
	t, errno := f.promote()
	if errno != 0 {
		return -1, errno
	}
	return t.exportMaster()
}

// Export hands on the terminal of the open: which one it is later, for another caller, a
// program of the host does not ask.
func (f *ctty) Export() (int, netbsd.Errno) {
	if e, ok := f.opened.(interface{ Export() (int, netbsd.Errno) }); ok {
		return e.Export()
	}
	return -1, netbsd.EOPNOTSUPP
}

// Lead reports whether d is the controlling terminal of p, which leads its session and is about
// to become a program of the host, and whether that program can have it for its own: the
// host's side of it must belong to no session yet. The host sends the program the terminal's
// signals from then on.
func (d *Driver) Lead(desc *file.Description, p *kern.Proc) bool {
	f, ok := desc.File.(*terminal)
	if !ok || p.TTY() != f.k {
		return false
	}
	f.mu.Lock()
	defer f.unlock()
	if f.tw == nil || f.dead() {
		return false
	}
	if _, err := unix.IoctlGetInt(f.tw.master.FD(), unix.TIOCGSID); err == nil {
		return false
	}
	f.tw.leader.Store(p)
	return true
}

// HostProgramEnded has guests hear of a size that the program has set.
func (d *Driver) HostProgramEnded() {
	for _, p := range d.pairsNow() {
		guard.Locked(&p.mu, func() {
			if p.tw != nil {
				p.tw.noteSize()
			}
		})
	}
}

func (d *Driver) pairsNow() []*pair {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Collect(maps.Values(d.pairs))
}
