package vfs

import (
	"strconv"
	"strings"

	"toaster/internal/file"
	"toaster/internal/hostfile"
	"toaster/netbsd"
)

// DevStat describes a character device of a machine that was made at born, with
// NetBSD/amd64's numbers.
func DevStat(born netbsd.Timespec, major, minor uint32, perm uint32) file.Stat {
	return file.Stat{
		Dev: file.Mkdev(0, 1), Ino: uint64(major)<<20 | uint64(minor) + 2, Rdev: file.Mkdev(major, minor),
		Mode: netbsd.S_IFCHR | perm, Nlink: 1, Blksize: 4096,
		Atime: born, Mtime: born, Ctime: born, Btime: born,
	}
}

// addDevices fills /dev with what needs no other package.
func addDevices(t *Tree) {
	random := newRandom(newEntropy())
	for name, dev := range map[string]struct {
		major, minor uint32
		perm         uint32
		make         func(file.Stat) file.File
	}{
		"null":    {2, 2, 0o666, hostfile.NewNull},
		"zero":    {2, 12, 0o666, hostfile.NewZero},
		"full":    {2, 11, 0o666, hostfile.NewFull},
		"random":  {46, 0, 0o444, random},
		"urandom": {46, 1, 0o644, random},
	} {
		st := DevStat(t.born, dev.major, dev.minor, dev.perm)
		t.devices[name] = Device{Stat: st, Open: func(v View, flags int) (*file.Description, netbsd.Errno) {
			return file.New(dev.make(st), flags), 0
		}}
	}
}

// fdDevice is /dev/stdin, stdout, stderr and fd/N: opening one is dup(2), as
// fd(4) says, and the access mode must not exceed the descriptor's.
func fdDevice(v View, name string) (Device, bool) {
	fd := -1
	switch name {
	case "stdin":
		fd = 0
	case "stdout":
		fd = 1
	case "stderr":
		fd = 2
	default:
		s, ok := strings.CutPrefix(name, "fd/")
		n, err := strconv.Atoi(s)
		if !ok || err != nil || n < 0 || strconv.Itoa(n) != s {
			return Device{}, false
		}
		fd = n
	}
	return Device{
		Stat:  DevStat(v.Dirs.tree.born, 31, uint32(fd), 0o666),
		There: true,
		Open:  func(v View, flags int) (*file.Description, netbsd.Errno) { return dupFor(v, fd, flags) },
	}, true
}

func dupFor(v View, fd, flags int) (*file.Description, netbsd.Errno) {
	if v.Files == nil {
		return nil, netbsd.EBADF
	}
	return Reopen(v.Files, fd, flags)
}

// Reopen is dup(2) as opening a name in a directory of descriptors has it. EACCES: the access mode is
// more than the descriptor's.
func Reopen(files *file.Table, fd, flags int) (*file.Description, netbsd.Errno) {
	d, errno := files.Get(fd)
	if errno != 0 {
		return nil, errno
	}
	acc := flags & netbsd.O_ACCMODE
	if acc != netbsd.O_WRONLY && !d.Readable() || acc != netbsd.O_RDONLY && !d.Writable() {
		d.Release()
		return nil, netbsd.EACCES
	}
	return d, 0
}

// Revoke is revoke(2): a file is taken from all who have it open. eachOpen calls a function with every open
// file of the machine. EPERM: it is neither the caller's nor is that the superuser (sys_revoke). EOPNOTSUPP: a device
// that cannot.
func (v View) Revoke(name string, eachOpen func(func(*file.Description))) netbsd.Errno {
	l, errno := v.newLookup(netbsd.AT_FDCWD, name)
	if errno != 0 {
		return errno
	}
	defer l.close()
	if dev, ok := l.device(); ok {
		if dev.Revoke == nil {
			return netbsd.EOPNOTSUPP
		}
		return dev.Revoke(v)
	}
	n, err := l.openPath(true)
	if err != nil {
		return hostfile.Errno(err)
	}
	defer n.close()
	st, err := n.stat()
	if err != nil {
		return hostfile.Errno(err)
	}
	if c := v.user(); !c.IsRoot() && c.EUID != st.Uid {
		return netbsd.EPERM
	}
	id := hostfile.InodeOf(&st)
	eachOpen(func(d *file.Description) {
		if f, ok := d.File.(interface{ Revoke(file.Inode) }); ok {
			f.Revoke(id)
		}
	})
	return 0
}
