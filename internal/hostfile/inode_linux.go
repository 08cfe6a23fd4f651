package hostfile

import (
	"strconv"

	"golang.org/x/sys/unix"

	"toaster/internal/file"
	"toaster/netbsd"
)

// Inode answers for a name of the host that is never opened: what it is, and whose.
type Inode struct {
	file.Base
	fd     int // O_PATH
	mode   uint32
	origin *file.Origin
}

// NewInode makes an Inode of a descriptor (O_PATH), which it owns from then on.
func NewInode(fd int, mode uint32, o *file.Origin) *Inode {
	return &Inode{fd: fd, mode: mode & unix.S_IFMT, origin: o}
}

func (n *Inode) Origin() *file.Origin            { return n.origin }
func (n *Inode) Stat() (file.Stat, netbsd.Errno) { return StatAt(n.fd, "", unix.AT_EMPTY_PATH) }
func (n *Inode) Close()                          { unix.Close(n.fd) }
func (n *Inode) NameFD() int                     { return n.fd }

func (n *Inode) Chmod(mode uint32) netbsd.Errno {
	return n.change(func(name string) error { return unix.Chmod(name, n.origin.HostMode(mode&0o7777, n.mode)) })
}

func (n *Inode) Chown(uid, gid int) netbsd.Errno {
	return n.change(func(name string) error { return unix.Chown(name, uid, gid) })
}

func (n *Inode) Utimens(atime, mtime file.Timeset) netbsd.Errno {
	ts := []unix.Timespec{HostTime(atime), HostTime(mtime)}
	return n.change(func(name string) error { return unix.UtimesNanoAt(unix.AT_FDCWD, name, ts, 0) })
}

// change reaches the inode through /proc, as not all that the host can do to a name it does
// to a descriptor.
func (n *Inode) change(do func(name string) error) netbsd.Errno {
	if errno := n.origin.Fixed(); errno != 0 {
		return errno
	}
	return Errno(do(fdName(n.fd)))
}

// fdName is a name of the host by which an open file is reached again.
func fdName(fd int) string { return "/proc/self/fd/" + strconv.Itoa(fd) }
