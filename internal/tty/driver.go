package tty

import (
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"toaster/internal/file"
	"toaster/internal/hostfile"
	"toaster/internal/vfs"
	"toaster/kern"
	"toaster/netbsd"
)

// Numbers of the devices (conf/majors, arch/amd64).
const (
	cttyMajor = 1
	ptsMajor  = 5
	ptcMajor  = 6
	ptmMajor  = 165
)

// typewriter is what all open files of terminals have in common.
type typewriter struct{ file.Base }

// Sync implements file.File: nothing of a character device is kept for later (spec_fsync).
func (typewriter) Sync() netbsd.Errno { return 0 }

// closeWait is how long a last close waits for a reader at the controller, until all
// that is left is dropped.
const closeWait = 5 * time.Second

// ttyGroup is the group of terminals in NetBSD's /etc/group.
const ttyGroup = 4

// maxPairs is kern.maxptys.
const maxPairs = 992

// Driver has the terminals of one machine.
type Driver struct {
	m    *kern.Machine
	tree *vfs.Tree      // may be nil: no names
	host *hostfile.Host // of the user's terminals; nil if there is none
	born netbsd.Timespec

	console console

	halted atomic.Bool // the machine is ending: nobody will read any more

	mu    sync.Mutex // taken with a pair's mu held, never the other way round
	pairs map[int]*pair
	taken map[int]bool // numbers under which the user's own terminal is known
	hosts map[uint64]*HostTTY
}

// New makes the driver of m's terminals and puts ptmx, ptm and tty in /dev.
func New(m *kern.Machine, tree *vfs.Tree, host *hostfile.Host) *Driver {
	d := &Driver{m: m, tree: tree, host: host, born: netbsd.TimespecAt(m.BootTime()), pairs: map[int]*pair{}, taken: map[int]bool{}, hosts: map[uint64]*HostTTY{}}
	m.OnHalt(d.halt)
	if tree != nil {
		tree.AddDevice("ptmx", vfs.Device{Stat: d.devStat(ptmMajor, 0, 0o666), Open: d.openPtmx})
		tree.AddDevice("ptm", vfs.Device{Stat: d.devStat(ptmMajor, 1, 0o666), Open: d.openPtm})
		tree.AddDevice("tty", vfs.Device{Stat: d.devStat(cttyMajor, 0, 0o666), Open: d.openCtty})
	}
	return d
}

// devStat describes a device of the driver's, made with the machine.
func (d *Driver) devStat(major, minor, perm uint32) file.Stat {
	return vfs.DevStat(d.born, major, minor, perm)
}

// halt ends every wait for output to drain: who would read it may be waiting itself for
// the machine to end.
func (d *Driver) halt() {
	d.halted.Store(true)
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, p := range d.pairs {
		p.wakeWriters()
	}
}

// OpenPair makes a pseudo-terminal and returns its controller side, as opening
// /dev/ptmx does; l becomes the owner of the other side. ENXIO: there are too many.
func (d *Driver) OpenPair(l *kern.LWP, flags int) (*file.Description, netbsd.Errno) {
	p, errno := d.newPair()
	if errno != 0 {
		return nil, errno
	}
	p.setOwner(l, 0o600)
	// Reading and writing whatever open(2) asked for, as ptm(4) has it.
	return file.New(&controller{pair: p}, flags&^netbsd.O_ACCMODE|netbsd.O_RDWR), 0
}

// newPair takes the lowest number that is free, on the host too where the user's own terminal
// has one: a guest must not find another terminal under the name it was told. maxPairs
// bounds what guests can have the kernel keep.
func (d *Driver) newPair() (*pair, netbsd.Errno) {
	d.mu.Lock()
	defer d.mu.Unlock()
	n := 0
	for d.pairs[n] != nil || d.taken[n] {
		n++
	}
	if n >= maxPairs {
		return nil, netbsd.ENXIO
	}
	p := &pair{d: d, num: n, t: defaultTermios(), st: stCarrier, controllerOpen: true, hold: 1}
	p.k = d.m.NewTTY(p)
	d.pairs[n] = p
	return p, 0
}

// release ends one side's use of the number, which another pair has from then on.
// p.mu is held; d.mu comes after it.
func (p *pair) release() {
	if p.hold--; p.hold > 0 {
		return
	}
	p.d.console.closed(p)
	p.d.mu.Lock()
	delete(p.d.pairs, p.num)
	p.d.mu.Unlock()
	if p.d.tree != nil {
		p.d.tree.RemoveDevice("pts/" + strconv.Itoa(p.num))
	}
}

func (p *pair) name() string { return "/dev/pts/" + strconv.Itoa(p.num) }

// setOwner makes l's user the owner of the terminal side and publishes its name.
func (p *pair) setOwner(l *kern.LWP, perm uint32) {
	st := p.d.devStat(ptsMajor, uint32(p.num), perm)
	now := netbsd.TimespecAt(time.Now())
	st.Atime, st.Mtime, st.Ctime, st.Btime = now, now, now, now
	if l != nil {
		st.UID = l.Proc().Cred().RUID
	}
	st.GID = ttyGroup
	p.mu.Lock()
	p.stat = st
	p.mu.Unlock()
	if p.d.tree != nil {
		p.d.tree.AddDevice("pts/"+strconv.Itoa(p.num), vfs.Device{Stat: st, Open: p.openNamed, Revoke: func(v vfs.View) netbsd.Errno { return revoke(v, p, st.UID) }})
	}
}

// grant is TIOCGRANTPT: the terminal side becomes the caller's, and whoever has it
// open loses it.
func (p *pair) grant(c file.Call) netbsd.Errno {
	p.setOwner(lwpOf(c), 0o620)
	p.Revoke()
	return 0
}

// openNamed opens the terminal side by its name. EACCES: it is another user's. It does
// not become the caller's controlling terminal: that takes TIOCSCTTY.
func (p *pair) openNamed(v vfs.View, flags int) (*file.Description, netbsd.Errno) {
	uid := uint32(0)
	if l, ok := v.L.(*kern.LWP); ok && l != nil {
		uid = l.Proc().Cred().EUID
	}
	p.mu.Lock()
	owner := p.stat.UID
	p.mu.Unlock()
	if uid != 0 && uid != owner {
		return nil, netbsd.EACCES
	}
	return p.open(uid, flags)
}

// revoke is revoke(2) of dev. EPERM: the caller is neither its owner nor root.
func revoke(v vfs.View, dev device, owner uint32) netbsd.Errno {
	if l := lwpOfView(v); l != nil {
		if uid := l.Proc().Cred().EUID; uid != 0 && uid != owner {
			return netbsd.EPERM
		}
	}
	dev.Revoke()
	return 0
}

func lwpOfView(v vfs.View) *kern.LWP {
	l, _ := v.L.(*kern.LWP)
	return l
}

func (d *Driver) openPtmx(v vfs.View, flags int) (*file.Description, netbsd.Errno) {
	return d.OpenPair(lwpOfView(v), flags)
}

// putName fills struct ptmget with the names of both sides, and the descriptors or,
// where there is none (-1), the number.
func (p *pair) putName(data []byte, controller, terminal int) netbsd.Errno {
	fd := func(n int) int32 {
		if n < 0 {
			n = p.num
		}
		return int32(n)
	}
	g := netbsd.Ptmget{
		Controller: fd(controller), Terminal: fd(terminal),
		ControllerName: "/dev/null", // ptyfs has no name for it
		TerminalName:   p.name(),
	}
	if len(data) < netbsd.SizeofPtmget60 {
		return netbsd.EINVAL
	}
	g.Encode(data)
	return 0
}
