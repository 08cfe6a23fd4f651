package tty

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"toaster/internal/file"
	"toaster/internal/guard"
	"toaster/internal/hostfile"
	"toaster/internal/vfs"
	"toaster/kern"
	"toaster/netbsd"
)

// HostTTY is a terminal of the host, such as the user's own, as guests see it. The host's
// line discipline edits and echoes; this side has the session, the foreground group and
// the modes.
//
// Ctrl-C and its like are the host's to notice: with ISIG its line discipline makes
// them signals to the host's foreground group, where this program is, and whoever
// started it passes them on with Signal. Reading them out of the input instead would
// take a raw mode for the whole time, and echo, erasing and ^S of the kernel's beside those
// that the user has set up; and it would notice Ctrl-C only while a guest reads. A
// guest that turns ISIG off does so at the host, and reads the characters.
type HostTTY struct {
	d    *Driver
	k    *kern.TTY
	fd   int // a duplicate of the user's descriptor, for requests
	name string
	stat file.Stat

	hostDev uint64 // what the host calls it
	pseudo  bool   // it is a pseudo-terminal of the host

	lineFlags atomic.Int32 // of TIOCSFLAGS; kept for who asks

	queue file.Queue // all who wait for any open file of it

	old compat43

	mu      sync.Mutex
	revoked uint64
	native  nativeOnly
	vmin    byte // of the modes set last; only without ICANON
	vtime   byte
	tostop  bool
	saved   *unix.Termios // the modes from before a guest changed them; nil: none did
	set     unix.Termios  // and those that a guest set last
	shared  *file.Description
	opened  int  // open files of it, shared aside
	retired bool // see Retire
	gone    bool // fd is closed

	exclusive bool // TIOCEXCL, among the machine's guests: the host's programs are none of theirs

	draining *hostDrain // nil: nobody drains
}

// IsTerminal reports whether a descriptor of the host is a terminal.
func IsTerminal(fd int) bool {
	_, err := unix.IoctlGetTermios(fd, unix.TCGETS)
	return err == nil
}

// Inherit is hostfile.Host.Inherit for a descriptor that is a terminal: guests can ask and set
// its modes, and it can be a controlling terminal. All descriptors of one terminal
// share one HostTTY.
func (d *Driver) Inherit(fd int) (*file.Description, netbsd.Errno) {
	h, errno := d.HostTTY(fd)
	if errno != 0 {
		return nil, errno
	}
	return h.open(fd, -1)
}

// HostTTY finds or makes the terminal of a descriptor, which stays the caller's. ENOTTY: it is
// no terminal.
func (d *Driver) HostTTY(fd int) (*HostTTY, netbsd.Errno) {
	// Not fstat: /dev/tty has a number of its own.
	dev, err := unix.IoctlGetUint32(fd, unix.TIOCGDEV)
	if err != nil {
		return nil, hostfile.Errno(err)
	}
	rdev := uint64(dev)
	t, err := unix.IoctlGetTermios(fd, unix.TCGETS)
	if err != nil {
		return nil, hostfile.Errno(err)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if h := d.hosts[rdev]; h != nil {
		return h, 0
	}
	dup, err := unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, 3)
	if err != nil {
		return nil, hostfile.Errno(err)
	}
	h := &HostTTY{d: d, fd: dup, native: nothingNative}
	h.k = d.m.NewTTY(h)
	h.noteModes(t)
	h.hostDev = rdev
	h.adopt(rdev)
	d.hosts[rdev] = h
	return h, 0
}

// The host's majors of pseudo-terminals.
const hostPtsFirst, hostPtsLast = 136, 143

// adopt gives the terminal the name that it has on the host, and the numbers of a
// pseudo-terminal. d.mu is held.
func (h *HostTTY) adopt(rdev uint64) {
	num := unix.Minor(rdev)
	if major := unix.Major(rdev); major >= hostPtsFirst && major <= hostPtsLast {
		h.d.taken[int(num)], h.pseudo = true, true
		h.name = "/dev/pts/" + strconv.Itoa(int(num))
	} else {
		h.name, _ = os.Readlink(fmt.Sprintf("/proc/self/fd/%d", h.fd))
	}
	rest, ok := strings.CutPrefix(h.name, "/dev/")
	h.stat = h.d.devStat(ptsMajor, num, 0o620)
	h.stat.UID, h.stat.GID = h.owner(), ttyGroup
	if ok && h.d.tree != nil {
		h.d.tree.AddDevice(rest, vfs.Device{
			Stat:   h.stat,
			Open:   h.openNamed,
			Revoke: func(v vfs.View) netbsd.Errno { return revoke(v, h, h.stat.UID) },
		})
	}
}

// owner is whose terminal it is: whom the host says, where guests can be others than this process, which is root then; else this process's user.
func (h *HostTTY) owner() uint32 {
	var st unix.Stat_t
	if os.Geteuid() == 0 && unix.Fstat(h.fd, &st) == nil {
		return st.Uid
	}
	return uint32(os.Geteuid())
}

// openNamed opens the terminal by its name. EBUSY: TIOCEXCL, and not root.
func (h *HostTTY) openNamed(v vfs.View, flags int) (*file.Description, netbsd.Errno) {
	h.mu.Lock()
	exclusive := h.exclusive
	h.mu.Unlock()
	if l := lwpOfView(v); exclusive && l != nil && !l.Proc().Cred().IsRoot() {
		return nil, netbsd.EBUSY
	}
	return h.open(h.fd, flags)
}

// open makes an open file of the terminal on descriptor fd, with its flags if none are
// given (-1).
func (h *HostTTY) open(fd, flags int) (*file.Description, netbsd.Errno) {
	inner, errno := h.d.host.Inherit(fd)
	if errno != 0 {
		return nil, errno
	}
	if flags < 0 {
		flags = inner.Flags()
	}
	f := &hostTerminal{HostTTY: h, inner: inner}
	h.mu.Lock()
	f.era = h.revoked
	h.opened++
	h.mu.Unlock()
	d := file.New(f, flags)
	d.Path = h.name
	return d, 0
}

// inUse implements device.
func (h *HostTTY) inUse() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.opened > 0
}

// handle implements device. The file is never closed: its inner one is the duplicate
// that the HostTTY keeps.
func (h *HostTTY) handle() file.File {
	f := &hostTerminal{HostTTY: h}
	h.mu.Lock()
	defer h.mu.Unlock()
	f.era = h.revoked
	if h.shared == nil {
		h.shared, _ = h.d.host.Inherit(h.fd)
	}
	f.inner = h.shared
	return f
}

// TTY returns what kern knows of the terminal.
func (h *HostTTY) TTY() *kern.TTY { return h.k }

// Signal sends sig to the foreground group, as a line discipline does.
func (h *HostTTY) Signal(sig netbsd.Signal) { h.k.Signal(sig) }

// Hangup tells that the terminal has gone: the leader of its session gets SIGHUP.
func (h *HostTTY) Hangup() {
	h.k.Hangup()
	h.queue.Notify(everything)
}

// Wake makes those who wait for input try again: this process was stopped, and may be in
// the background by now, where the host stops it for reading.
func (h *HostTTY) Wake() { h.queue.Notify(file.In | file.RdNorm) }

// Drain implements kern.Terminal. The host's call cannot be interrupted, so a
// goroutine makes it.
func (h *HostTTY) Drain(l *kern.LWP) netbsd.Errno { return h.drain(file.Call{L: l}) }

// Dev is the number of the device, for acct(5).
func (h *HostTTY) Dev() uint64 { return h.stat.Rdev }

func (h *HostTTY) drain(c file.Call) netbsd.Errno {
	dr, errno := h.startDrain()
	if errno != 0 {
		return errno
	}
	w := &file.Waiter{Mask: file.Out, L: c.L}
	dr.queue.Add(w)
	defer dr.queue.Remove(w)
	for {
		select {
		case <-dr.done:
			return dr.errno
		default:
		}
		if h.d.halted.Load() {
			return 0
		}
		if errno := c.L.Sleep(true, time.Now().Add(lbolt)); errno != 0 && errno != netbsd.EWOULDBLOCK {
			return errno
		}
	}
}

// hostDrain is one wait of the host's for a terminal's output to go. Whoever drains meanwhile waits for the same: it ends when nothing is
// left, of what came later either. One for each caller would stay, with a thread and a descriptor, when a signal sends the caller away.
type hostDrain struct {
	queue file.Queue    // who waits for it
	done  chan struct{} // closed at the end, from when on errno does not change
	errno netbsd.Errno
}

// drainHost waits until nothing is left. EIO: nobody is there to read the rest.
var drainHost = func(fd int) error {
	return hostfile.Retry(func() error { return unix.IoctlSetInt(fd, unix.TCSBRK, 1) })
}

// startDrain returns the wait that is under way, or begins one.
func (h *HostTTY) startDrain() (*hostDrain, netbsd.Errno) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.draining != nil {
		return h.draining, 0
	}
	fd, err := unix.FcntlInt(uintptr(h.fd), unix.F_DUPFD_CLOEXEC, 3)
	if err != nil {
		return nil, hostfile.Errno(err)
	}
	dr := &hostDrain{done: make(chan struct{})}
	h.draining = dr
	guard.Go("a terminal was drained", func() {
		defer unix.Close(fd)
		if err := drainHost(fd); err != unix.EIO {
			dr.errno = hostfile.Errno(err)
		}
		guard.Locked(&h.mu, func() { h.draining = nil })
		close(dr.done)
		dr.queue.Notify(file.Out)
	})
	return dr, 0
}

// Revoke implements kern.Terminal: guests lose the terminal; the host's programs keep
// it.
func (h *HostTTY) Revoke() {
	h.mu.Lock()
	h.revoked++
	h.mu.Unlock()
	h.k.Revoked()
	h.queue.Notify(everything)
	h.letGo()
}

// Retire has the machine let go of the terminal as soon as its session has ended and no guest has it open: who
// reads at the other end then sees that it is closed, and the host may use its number for another one.
func (h *HostTTY) Retire() {
	h.mu.Lock()
	h.retired = true
	h.mu.Unlock()
	h.letGo()
}

// letGo closes the machine's own descriptors of a terminal that is retired. The session's end revokes it, and is
// the last to use them.
func (h *HostTTY) letGo() {
	h.mu.Lock()
	last := h.retired && h.revoked > 0 && h.opened == 0 && !h.gone
	h.gone = h.gone || last
	h.mu.Unlock()
	if !last {
		return
	}
	h.d.mu.Lock()
	if rdev := h.hostDev; h.d.hosts[rdev] == h {
		delete(h.d.hosts, rdev)
		delete(h.d.taken, int(unix.Minor(rdev)))
	}
	h.d.mu.Unlock()
	if rest, ok := strings.CutPrefix(h.name, "/dev/"); ok && h.d.tree != nil {
		h.d.tree.RemoveDevice(rest)
	}
	h.close()
}

// Release implements kern.Terminal.
func (h *HostTTY) Release() {}

func (h *HostTTY) close() {
	h.Restore()
	if h.shared != nil {
		h.shared.Release()
	}
	unix.Close(h.fd)
}

// Close restores the modes of the host's terminals and lets go of them. Preconditions:
// the machine has ended.
func (d *Driver) Close() {
	for _, p := range d.pairsNow() {
		guard.Locked(&p.mu, p.endHost)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, h := range d.hosts {
		h.close()
	}
	clear(d.hosts)
}

// IsControlling reports whether fd is the terminal of this program's session.
func IsControlling(fd int) bool {
	sid, err := unix.IoctlGetInt(fd, unix.TIOCGSID)
	if err != nil {
		return false
	}
	own, err := unix.Getsid(0)
	return err == nil && sid == own
}
