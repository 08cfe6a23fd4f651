package hostfile

import (
	"strconv"

	"golang.org/x/sys/unix"

	"toaster/internal/file"
	"toaster/netbsd"
)

// Unopened answers for a name of the host that is never opened: what it is, and whose.
type Unopened struct {
	file.Base
	fd     int // O_PATH
	mode   uint32
	origin *file.Origin
}

// NewUnopened makes an Unopened of a descriptor (O_PATH), which it owns from then on.
func NewUnopened(fd int, mode uint32, o *file.Origin) *Unopened {
	return &Unopened{fd: fd, mode: mode & unix.S_IFMT, origin: o}
}

func (n *Unopened) Origin() *file.Origin            { return n.origin }
func (n *Unopened) Stat() (file.Stat, netbsd.Errno) { return StatIn(n.fd, n.origin) }
func (n *Unopened) Close()                          { unix.Close(n.fd) }
func (n *Unopened) NameFD() int                     { return n.fd }

func (n *Unopened) Chmod(mode uint32) netbsd.Errno {
	return n.change(func(name string) error {
		if marksMode(n.origin, mode, n.mode) {
			return chmodMark(n.origin.Owners, n.fd, mode)
		}
		return unix.Chmod(name, n.origin.HostMode(mode&0o7777, n.mode))
	})
}

func (n *Unopened) Chown(uid, gid int) netbsd.Errno {
	return n.change(func(name string) error {
		if o := n.origin.Marks(); o.On() {
			return ChownMark(o, n.fd, uid, gid)
		}
		return unix.Chown(name, uid, gid)
	})
}

func (n *Unopened) Utimens(atime, mtime file.Timeset) netbsd.Errno {
	ts := []unix.Timespec{HostTime(atime), HostTime(mtime)}
	return n.change(func(name string) error { return unix.UtimesNanoAt(unix.AT_FDCWD, name, ts, 0) })
}

// change reaches the inode through /proc, as not all that the host can do to a name it does
// to a descriptor.
func (n *Unopened) change(do func(name string) error) netbsd.Errno {
	if errno := n.origin.Fixed(); errno != 0 {
		return errno
	}
	return Errno(do(ProcPath(n.fd)))
}

// ProcPath is a name of the host by which an open file is reached again, whatever its
// real name is now.
func ProcPath(fd int) string { return "/proc/self/fd/" + strconv.Itoa(fd) }
