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
// from the beginning.
type madeDir struct {
	file.Base
	path string
	dev  Device

	mu   sync.Mutex // guards what follows
	list []Entry
	read bool
	pos  int
}

// Directory tells the *at calls that names can be looked up in it.
func (d *madeDir) Directory() bool                        { return true }
func (d *madeDir) Stat() (file.Stat, netbsd.Errno)        { return d.dev.Stat, 0 }
func (d *madeDir) Sync() netbsd.Errno                     { return 0 }
func (d *madeDir) Chmod(uint32) netbsd.Errno              { return netbsd.EPERM }
func (d *madeDir) Chown(int, int) netbsd.Errno            { return netbsd.EPERM }
func (d *madeDir) Utimens(a, m file.Timeset) netbsd.Errno { return netbsd.EPERM }
func (d *madeDir) Read(file.Call, []byte) (int, netbsd.Errno) {
	return 0, netbsd.EISDIR
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
	if !d.read || d.pos == 0 {
		d.list, d.read = withDots(d.dev), true
	}
	out := b[:0]
	for d.pos < len(d.list) && len(out)+d.list[d.pos].Reclen() <= len(b) {
		out = d.list[d.pos].Append(out)
		d.pos++
	}
	if len(out) == 0 && d.pos < len(d.list) {
		return 0, netbsd.EINVAL
	}
	return len(out), 0
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
