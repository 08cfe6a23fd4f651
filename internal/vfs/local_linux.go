package vfs

import (
	"cmp"
	"crypto/rand"
	"path"

	"golang.org/x/sys/unix"

	"toaster/internal/hostfile"
	"toaster/netbsd"
)

// Local sockets have names in the tree, and the host resolves those of bind(2)
// and connect(2) itself: from its own working directory and root. So it is given
// names that lead to the right place from anywhere: absolute ones, or ones through
// an open directory in /proc, which are short and stay within a root.

// maxLocal is how long a host's socket name may be.
const maxLocal = 107

// LocalBind makes the socket that the caller names: bind is told the name that the host
// is to use, and a function to call when the socket is closed; it does not matter if it
// fails. EADDRINUSE: there is a device. EROFS: in /proc.
func (v View) LocalBind(name string, bind func(host string, done func()) netbsd.Errno) netbsd.Errno {
	l, errno := v.newLookup(netbsd.AT_FDCWD, name)
	if errno != 0 {
		return errno
	}
	defer l.close()
	if dev, ok := l.device(); ok {
		if dev.errno == netbsd.ENOENT {
			return netbsd.EROFS
		}
		return cmp.Or(dev.errno, netbsd.EADDRINUSE)
	}
	name = l.name // in a directory of the machine's own it begins there
	if l.direct() && name[0] == '/' && len(name) <= maxLocal {
		return bind(name, func() {})
	}
	dirName, last := path.Split(name)
	if dirName == "" {
		dirName = "."
	}
	if last == "" || last == "." || last == ".." {
		return netbsd.EADDRINUSE
	}
	n, err := l.find(l.at, dirName, unix.O_DIRECTORY)
	if err != nil {
		return hostfile.Errno(err)
	}
	defer n.close()
	return bindErrno(l.bind(parentDir{at: n, name: last}, bind))
}

// bind makes a socket in a directory, which stays open with it: its number is part of
// the name, and must not come to mean another.
func (l *lookup) bind(p parentDir, bind func(host string, done func()) netbsd.Errno) error {
	if err := cmp.Or(p.writable(), l.maySearch(p.at)); err != nil {
		return err
	}
	stays, err := p.at.dup()
	if err != nil {
		return err
	}
	bound := false
	err = l.makeName(p, unix.S_IFSOCK|0o777&^l.umask, func(mode uint32) (int, error) {
		err := bindIn(stays, p.name, func(host string) error { return asError(bind(host, stays.close)) })
		if bound = err == nil; bound && l.cred != nil {
			chmodNofollow(p.at.fd, p.name, mode)
		}
		return -1, err
	})
	if bound { // whatever its mode has become
		return nil
	}
	stays.close()
	return err
}

// bindIn has bind make a socket in a directory. Where its name and the way to the directory are too
// long together, which NetBSD's 104 bytes can be, it is made by a short name and renamed.
func bindIn(dir node, name string, bind func(host string) error) error {
	host := hostfile.ProcPath(dir.fd) + "/"
	if len(host)+len(name) <= maxLocal {
		return bind(host + name)
	}
	if err := unix.Faccessat(dir.fd, name, unix.F_OK, unix.AT_SYMLINK_NOFOLLOW); err != unix.ENOENT {
		return cmp.Or(err, error(unix.EEXIST))
	}
	short := "." + rand.Text()
	if err := bind(host + short); err != nil {
		return err
	}
	err := unix.Renameat2(dir.fd, short, dir.fd, name, unix.RENAME_NOREPLACE)
	if err != nil {
		unix.Unlinkat(dir.fd, short, 0)
	}
	return err
}

// LocalConnect returns the name under which the host finds a socket; done is
// called once that was used. ENOTSOCK: what is there is none.
func (v View) LocalConnect(name string) (host string, done func(), errno netbsd.Errno) {
	l, errno := v.newLookup(netbsd.AT_FDCWD, name)
	if errno != 0 {
		return "", nil, errno
	}
	defer l.close()
	if dev, ok := l.device(); ok {
		if dev.Local == "" {
			return "", nil, cmp.Or(dev.errno, netbsd.ENOTSOCK)
		}
		return dev.Local, func() {}, 0
	}
	var st unix.Stat_t
	if l.direct() && name[0] == '/' && len(name) <= maxLocal && name != logPath {
		if unix.Stat(name, &st) == nil && st.Mode&unix.S_IFMT != unix.S_IFSOCK {
			return "", nil, netbsd.ENOTSOCK
		}
		return name, func() {}, 0
	}
	n, err := l.openPath(true)
	if err == unix.ENOENT {
		if host, ok := v.loggerFor(name); ok {
			return host, func() {}, 0
		}
	}
	if err != nil {
		return "", nil, hostfile.Errno(err)
	}
	if unix.Fstat(n.fd, &st) == nil && st.Mode&unix.S_IFMT != unix.S_IFSOCK {
		n.close()
		return "", nil, netbsd.ENOTSOCK
	}
	// unp_connect: to connect, or to send, is to write.
	if err := cmp.Or(l.allowAccess(n, mayWrite), l.hostAccess(n, mayWrite)); err != nil {
		n.close()
		return "", nil, hostfile.Errno(err)
	}
	return hostfile.ProcPath(n.fd), n.close, 0
}

// bindErrno is unp_bind's word for a name that is taken.
func bindErrno(err error) netbsd.Errno {
	if err == unix.EEXIST {
		return netbsd.EADDRINUSE
	}
	return hostfile.Errno(err)
}
