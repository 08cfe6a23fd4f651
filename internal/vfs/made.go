package vfs

import (
	"cmp"
	"slices"
	"sync"

	"toaster/internal/file"
	"toaster/netbsd"
)

// This file has the directories that a machine makes up: of /dev and /proc below a root. Nothing of
// the host's stands behind them.

// Entry is a name in such a directory.
type Entry = netbsd.Dirent

// Finder finds what a name in a file system of the machine's own means. The name begins below the
// place where the file system is, "" is its top. ENOENT: nothing.
type Finder func(v View, name string) (Device, netbsd.Errno)

// madeFS is such a file system. Where it is open, what it has not may be the root's own.
type madeFS struct {
	at   string // absolute
	find Finder
	open bool
}

// madeDir is an open directory that the machine makes up. What is in it is asked for when it is read
// from the beginning, and again where what is kept of it ends: a guest can fill /dev of its root, and has it open as often as it may.
type madeDir struct {
	file.Base
	path string
	dev  Device

	mu   sync.Mutex // guards what follows
	list []Entry    // from position from on, madeKept at most
	from int
	more bool // and others behind them
	read bool
	pos  int
}

// madeKept is how many entries an open directory keeps.
const madeKept = 1024

// Directory tells the *at calls that names can be looked up in it.
func (d *madeDir) Directory() bool                        { return true }
func (d *madeDir) Stat() (file.Stat, netbsd.Errno)        { return d.dev.Stat, 0 }
func (d *madeDir) Sync() netbsd.Errno                     { return 0 }
func (d *madeDir) Chmod(uint32) netbsd.Errno              { return d.change() }
func (d *madeDir) Chown(int, int) netbsd.Errno            { return d.change() }
func (d *madeDir) Utimens(a, m file.Timeset) netbsd.Errno { return d.change() }
func (d *madeDir) Read(file.Call, []byte) (int, netbsd.Errno) {
	return 0, netbsd.EISDIR
}

// change is what comes of changing an attribute: in procfs nothing, with success (procfs_setattr).
func (d *madeDir) change() netbsd.Errno {
	if d.dev.Fixed {
		return 0
	}
	return netbsd.EPERM
}

// Lseek takes positions that Getdents has left.
func (d *madeDir) Lseek(off int64, whence int) (int64, netbsd.Errno) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if whence == netbsd.SEEK_CUR {
		off += int64(d.pos)
	}
	if off < 0 || whence != netbsd.SEEK_SET && whence != netbsd.SEEK_CUR {
		return 0, netbsd.EINVAL
	}
	d.pos = int(min(off, 1<<30))
	return off, 0
}

// Getdents is getdents(2): "." and ".." first. EINVAL: there is no room for one entry.
func (d *madeDir) Getdents(b []byte) (int, netbsd.Errno) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.fillLocked()
	out := b[:0]
	rest := d.list[min(d.pos-d.from, len(d.list)):]
	for len(rest) > 0 && len(out)+rest[0].Reclen() <= len(b) {
		out = rest[0].Append(out)
		rest = rest[1:]
		d.pos++
	}
	if len(out) == 0 && len(rest) > 0 {
		return 0, netbsd.EINVAL
	}
	return len(out), 0
}

// fillLocked has list begin at pos, unless pos is in it or behind its end. What comes next is what sorts behind the last name, so that
// nothing is told twice, nor left out, as others come and go meanwhile.
func (d *madeDir) fillLocked() {
	end := d.from + len(d.list)
	if d.read && d.pos > 0 && d.pos >= d.from && (d.pos < end || !d.more) {
		return
	}
	all := withDots(d.dev)
	first := min(d.pos, len(all))
	if d.more && d.pos == end {
		last := d.list[len(d.list)-1].Name
		for first = 2; first < len(all) && all[first].Name <= last; first++ {
		}
	}
	all = all[first:]
	d.more = len(all) > madeKept
	d.list, d.from, d.read = slices.Clone(all[:min(len(all), madeKept)]), d.pos, true
}

// withDots lists a directory.
func withDots(dev Device) []Entry {
	list := dev.List()
	slices.SortFunc(list, func(a, b Entry) int { return cmp.Compare(a.Name, b.Name) })
	dots := []Entry{{Name: ".", Ino: dev.Stat.Ino, Type: netbsd.DT_DIR}, {Name: "..", Ino: dev.Stat.Ino, Type: netbsd.DT_DIR}}
	return append(dots, list...)
}

// MadeStat describes a directory, or another file of mode, that was made at born.
func MadeStat(born netbsd.Timespec, ino uint64, mode uint32, uid, gid uint32) file.Stat {
	nlink := uint32(1)
	if mode&netbsd.S_IFMT == netbsd.S_IFDIR {
		nlink = 2
	}
	return file.Stat{
		Dev: file.Mkdev(0, 2), Ino: ino, Mode: mode, Nlink: nlink, UID: uid, GID: gid, Blksize: 4096,
		Atime: born, Mtime: born, Ctime: born, Btime: born,
	}
}
