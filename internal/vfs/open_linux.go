package vfs

import (
	"path"
	"strings"

	"golang.org/x/sys/unix"

	"toaster/internal/file"
	"toaster/internal/hostfile"
	"toaster/netbsd"
)

// Open is openat(2). The description is the caller's to install in its table;
// O_CLOEXEC is the table's matter.
func (v View) Open(at int, name string, flags int, mode uint32) (*file.Description, netbsd.Errno) {
	return v.open(at, name, flags, mode, 0)
}

// OpenMode is what is wrong with the access mode of open(2), before anything else is looked at: EINVAL for none, and for O_EXEC beside
// another (do_open).
func OpenMode(flags int) netbsd.Errno {
	if mode := flags & netbsd.O_ACCMODE; mode == netbsd.O_ACCMODE || mode != 0 && flags&netbsd.O_EXEC != 0 {
		return netbsd.EINVAL
	}
	return 0
}

// open is Open, with the number of links into /dev that have been followed so far. /dev is
// looked at first, by the words of the path alone: a confined tree may have no /dev, and
// what it has there must not hide the machine's.
func (v View) open(at int, name string, flags int, mode uint32, links int) (*file.Description, netbsd.Errno) {
	if errno := OpenMode(flags); errno != 0 || flags&(netbsd.O_CREAT|netbsd.O_DIRECTORY) == netbsd.O_CREAT|netbsd.O_DIRECTORY {
		return nil, netbsd.EINVAL
	}
	l, errno := v.newLookup(at, name)
	if errno != 0 {
		return nil, errno
	}
	defer l.close()
	if dev, ok := l.device(); ok {
		if dev.Link != "" && flags&netbsd.O_NOFOLLOW == 0 {
			if links == netbsd.MAXSYMLINKS {
				return nil, netbsd.ELOOP
			}
			return v.open(netbsd.AT_FDCWD, l.target(dev), flags, mode, links+1)
		}
		return l.openDevice(dev, flags)
	}
	d, err := l.openHostFile(flags, mode&0o7777&^unix.S_ISVTX) // do_open makes no file sticky
	if (err == unix.ENOENT || err == errForeign) && links < netbsd.MAXSYMLINKS {
		if target := l.linkToDev(); target != "" {
			return v.open(netbsd.AT_FDCWD, target, flags, mode, links+1)
		}
	}
	if err != nil {
		return nil, l.openErrno(err, flags)
	}
	return d, 0
}

// openHostFile opens a file of the host.
func (l *lookup) openHostFile(flags int, mode uint32) (*file.Description, error) {
	if !l.direct() {
		return l.openFound(flags, mode)
	}
	named, err := l.nameToWrite(flags)
	if err != nil {
		return nil, err
	}
	defer named()
	fd, err := l.openCreate(flags, mode)
	if err != nil {
		return nil, err
	}
	var st unix.Stat_t
	err = unix.Fstat(fd, &st)
	if err == nil && flags&netbsd.O_CREAT == 0 {
		err = l.v.canExec(attrsOfHost(&st), flags)
	}
	var written func()
	if err == nil {
		written, err = l.toWrite(&st, flags)
	}
	if err != nil {
		unix.Close(fd)
		return nil, err
	}
	return l.describe(node{fd, l.tree.top}, st.Mode, flags, written)
}

// openDevice opens an entry of the machine's /dev, by NetBSD's permissions where the caller is
// not who the host takes it for.
func (l *lookup) openDevice(dev Device, flags int) (*file.Description, netbsd.Errno) {
	switch {
	case dev.errno == netbsd.ENOENT && flags&netbsd.O_CREAT != 0:
		return nil, netbsd.EROFS
	case dev.errno != 0:
		return nil, dev.errno
	case flags&(netbsd.O_CREAT|netbsd.O_EXCL) == netbsd.O_CREAT|netbsd.O_EXCL:
		return nil, netbsd.EEXIST
	case dev.Link != "":
		return nil, netbsd.EFTYPE
	case dev.List != nil && writes(flags):
		return nil, netbsd.EISDIR
	case flags&netbsd.O_DIRECTORY != 0 && dev.List == nil:
		return nil, netbsd.ENOTDIR
	case flags&netbsd.O_REGULAR != 0:
		return nil, netbsd.EFTYPE
	}
	if l.cred != nil {
		if errno := canAccess(l.cred, attrsOfDevice(dev), openRights(flags)); errno != 0 {
			return nil, errno
		}
	}
	if dev.List != nil {
		d := file.New(&madeDir{path: path.Clean(l.name), dev: dev}, flags)
		d.Path = l.name
		return d, 0
	}
	d, errno := dev.Open(l.v, flags)
	if name := l.devName(); errno == 0 && !dev.There && d.Path == "" && name != "" {
		d.Path = "/dev/" + name
	}
	return d, errno
}

// linkToDev returns the target of a link at the end of the path that leads into
// /dev, where the host may have nothing.
func (l *lookup) linkToDev() string {
	if l.root == nil {
		return ""
	}
	p, err := l.parent()
	if err != nil {
		return ""
	}
	defer p.close()
	target, ok, _ := readLink(p.at.fd, p.name)
	if !ok || !strings.HasPrefix(target, "/dev/") && !l.tree.inMade(target) {
		return ""
	}
	return target
}

// openCreate opens where names go to the host as they are. A FIFO is opened without
// waiting; describe waits for its other end.
func (l *lookup) openCreate(flags int, mode uint32) (int, error) {
	hf := hostOpenFlags(flags)
	mode &^= l.umask
	if flags&netbsd.O_CREAT == 0 || mode&l.tree.hostMask == 0 {
		fd, err := l.openOrWait(hf, mode, flags)
		if err == unix.EISDIR && flags&netbsd.O_CREAT != 0 {
			return l.openThere(hf, flags)
		}
		return fd, err
	}
	// The host process's umask would take bits away that the guest's leaves:
	// find out whether this call is the creator, and if so set the mode.
	fd, err := openHost(l.at.fd, l.name, hf|unix.O_EXCL, mode)
	if err == nil {
		n, err := node{fd: fd}.madeWith(unix.Fchmod(fd, mode))
		return n.fd, err
	}
	switch {
	case err == unix.EISDIR:
		return l.openThere(hf, flags)
	case err != unix.EEXIST || flags&netbsd.O_EXCL != 0:
		return -1, err
	}
	return l.openOrWait(hf&^unix.O_CREAT, 0, flags)
}

// openThere is an open(2) with O_CREAT of what the host calls a directory, be it that there is one: that makes no file, and vn_open opens what
// there is.
func (l *lookup) openThere(hf, flags int) (int, error) {
	fd, err := l.openOrWait(hf&^(unix.O_CREAT|unix.O_EXCL), 0, flags)
	if flags&netbsd.O_EXCL == 0 || err != nil && err != unix.EISDIR {
		return fd, err
	}
	if err == nil {
		unix.Close(fd)
	}
	return -1, unix.EEXIST
}

// openOrWait waits for a reader where a FIFO is opened for writing.
func (l *lookup) openOrWait(hf int, mode uint32, flags int) (int, error) {
	fd, err := openHost(l.at.fd, l.name, hf, mode)
	if err != unix.ENXIO || flags&netbsd.O_NONBLOCK != 0 || flags&netbsd.O_ACCMODE != netbsd.O_WRONLY {
		return fd, err
	}
	n, perr := l.openPath(flags&netbsd.O_NOFOLLOW == 0)
	if perr != nil {
		return -1, perr
	}
	defer n.close()
	return l.tree.awaitReader(l.v.L, n.fd)
}

// hostFlags are the flags of open(2) that the host is told of; what the others ask for is the
// kernel's to do.
const hostFlags = netbsd.O_ACCMODE | netbsd.O_APPEND | netbsd.O_SYNC | netbsd.O_DSYNC | netbsd.O_RSYNC |
	netbsd.O_NOFOLLOW | netbsd.O_CREAT | netbsd.O_TRUNC | netbsd.O_EXCL | netbsd.O_DIRECTORY

// hostOpenFlags converts flags for the host. O_NOCTTY, as a terminal of the host would become
// toaster's own; O_NONBLOCK, as no thread is to hang in an open (see openOrWait); O_CLOEXEC,
// as programs of the host get what Export makes, and nothing else.
func hostOpenFlags(flags int) int {
	h, _ := netbsd.OpenToLinux(uint64(flags & hostFlags))
	h |= unix.O_NOCTTY | unix.O_NONBLOCK | unix.O_CLOEXEC
	// O_EXCL without O_CREAT means nothing in NetBSD and a lock on a disk in Linux.
	if flags&netbsd.O_CREAT == 0 {
		h &^= unix.O_EXCL
	}
	return h
}

// openErrno translates with the exceptions of vn_open: O_NOFOLLOW on a link is EFTYPE, and a socket,
// which the host calls a device that is not there, EOPNOTSUPP.
func (l *lookup) openErrno(err error, flags int) netbsd.Errno {
	switch {
	case (err == unix.ELOOP || err == unix.ENOTDIR && flags&netbsd.O_DIRECTORY != 0) && flags&netbsd.O_NOFOLLOW != 0:
		if st, errno := l.lstat(); errno == 0 && st.Mode&netbsd.S_IFMT == netbsd.S_IFLNK {
			return netbsd.EFTYPE
		}
	case err == unix.ENXIO:
		if n, err := l.openPath(flags&netbsd.O_NOFOLLOW == 0); err == nil {
			defer n.close()
			if n.kind() == unix.S_IFSOCK {
				return netbsd.EOPNOTSUPP
			}
		}
	}
	return hostfile.Errno(err)
}

// describe makes the open file of a host descriptor, which it owns, waiting for a FIFO's
// writer and for the lock of O_SHLOCK or O_EXLOCK. mode is the file's; closed, where not nil, is called once the file is.
func (l *lookup) describe(n node, mode uint32, flags int, closed func()) (*file.Description, error) {
	f := l.tree.host.NewIn(n.fd, mode, &n.mnt.origin)
	f.OnClose(closed)
	d := l.newDescription(f, flags)
	return d, l.finishOpen(d, func() error {
		kind := mode & unix.S_IFMT
		switch {
		case flags&netbsd.O_REGULAR != 0 && kind != netbsd.S_IFREG:
			return netbsd.EFTYPE
		case kind == netbsd.S_IFIFO && flags&(netbsd.O_NONBLOCK|netbsd.O_ACCMODE) == netbsd.O_RDONLY:
			if err := l.tree.awaitWriter(l.v.L, f, n.fd); err != nil {
				return err
			}
		}
		return asError(openLock(l.v, d, flags))
	})
}

// opened makes the description of an open file.
func (l *lookup) newDescription(f file.File, flags int) *file.Description {
	d := file.New(f, flags)
	d.Path = l.name
	l.clearSetIDOnWrite(d)
	return d
}

// settle does what may have to wait before d is handed out, and drops it if that fails.
func (l *lookup) finishOpen(d *file.Description, wait func() error) error {
	settled := false
	// Deferred: who is killed while waiting leaves by Goexit.
	defer func() {
		if !settled {
			d.Release()
		}
	}()
	err := wait()
	settled = err == nil
	return err
}

// openLock takes the lock of O_EXLOCK or O_SHLOCK, which may wait.
func openLock(v View, d *file.Description, flags int) netbsd.Errno {
	switch {
	case flags&netbsd.O_EXLOCK != 0:
		return d.Flock(v.Files.Machine(), v.L, netbsd.LOCK_EX, flags&netbsd.O_NONBLOCK != 0)
	case flags&netbsd.O_SHLOCK != 0:
		return d.Flock(v.Files.Machine(), v.L, netbsd.LOCK_SH, flags&netbsd.O_NONBLOCK != 0)
	}
	return 0
}
