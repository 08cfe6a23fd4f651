package fs

import (
	"path"

	"golang.org/x/sys/unix"

	"toaster/file"
	"toaster/netbsd"
)

// Local sockets have names in the tree, and the host resolves those of bind(2)
// and connect(2) itself: from its own working directory and root. So it is given
// names that lead to the right place from anywhere: absolute ones, or ones through
// an open folder in /proc, which are short and stay within a root.

// maxLocal is how long a host's socket name may be.
const maxLocal = 107

// LocalBind gives the name under which the host makes the socket that the caller
// names, and a function that is called when the socket is closed, or at once if
// it isn't bound.
func (v View) LocalBind(name string) (host string, done func(), errno netbsd.Errno) {
	l, errno := v.look(netbsd.AT_FDCWD, name)
	if errno != 0 {
		return "", nil, errno
	}
	defer l.close()
	if l.direct() && name[0] == '/' && len(name) <= maxLocal {
		return name, func() {}, 0
	}
	dirName, last := path.Split(name)
	if dirName == "" {
		dirName = "."
	}
	if last == "" || last == "." || last == ".." {
		return "", nil, netbsd.EADDRINUSE
	}
	n, err := l.find(l.at, dirName, unix.O_DIRECTORY)
	if err != nil {
		return "", nil, file.Errno(err)
	}
	if err := (place{at: n, name: last}).writable(); err != nil {
		n.close()
		return "", nil, bindErrno(err)
	}
	// The directory stays open with the socket: its number is part of the name,
	// and must not come to mean another.
	host = procPath(n.fd) + "/" + last
	if len(host) > maxLocal {
		n.close()
		return "", nil, netbsd.ENAMETOOLONG
	}
	return host, n.close, 0
}

// LocalConnect gives the name under which the host finds a socket; done is
// called once that was used.
func (v View) LocalConnect(name string) (host string, done func(), errno netbsd.Errno) {
	l, errno := v.look(netbsd.AT_FDCWD, name)
	if errno != 0 {
		return "", nil, errno
	}
	defer l.close()
	if l.direct() && name[0] == '/' && len(name) <= maxLocal {
		return name, func() {}, 0
	}
	n, err := l.openPath(true)
	if err != nil {
		return "", nil, file.Errno(err)
	}
	return procPath(n.fd), n.close, 0
}

// bindErrno is unp_bind's word for a name that is taken.
func bindErrno(err error) netbsd.Errno {
	if err == unix.EEXIST {
		return netbsd.EADDRINUSE
	}
	return file.Errno(err)
}
