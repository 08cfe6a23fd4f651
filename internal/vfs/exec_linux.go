package vfs

import (
	"cmp"
	"os"

	"golang.org/x/sys/unix"

	"toaster/internal/hostfile"
	"toaster/netbsd"
)

// OpenExec opens a program for execve(2) and returns its full name. EACCES if it
// isn't a regular file or nobody may execute it.
func (v View) OpenExec(name string) (*os.File, string, netbsd.Errno) {
	l, errno := v.newLookup(netbsd.AT_FDCWD, name)
	if errno != 0 {
		return nil, "", errno
	}
	defer l.close()
	if dev, ok := l.device(); ok {
		if dev.Link != "" {
			return l.onward().OpenExec(l.target(dev))
		}
		return nil, "", cmp.Or(dev.errno, netbsd.EACCES)
	}
	n, err := l.openPath(true)
	if err != nil {
		return nil, "", hostfile.Errno(err)
	}
	defer n.close()
	st, err := n.stat()
	if err != nil {
		return nil, "", hostfile.Errno(err)
	}
	if st.Mode&unix.S_IFMT != unix.S_IFREG || !l.hostExecutable(n) || l.mayExec(n) != nil {
		return nil, "", netbsd.EACCES
	}
	if err := l.widenTo(n, mayRead); err != nil {
		return nil, "", hostfile.Errno(err)
	}
	// As toaster: who may execute a program need not be able to read it.
	fd, err := n.reopen(unix.O_RDONLY)
	if err != nil {
		return nil, "", hostfile.Errno(err)
	}
	full, err := l.pathOf(n)
	if err != nil {
		full = name
	}
	return os.NewFile(uintptr(fd), full), full, 0
}

// hostExecutable is executable where the host's mode is what counts.
func (l *lookup) hostExecutable(n node) bool {
	return l.cred != nil && n.trusted() || executable(n.fd)
}

// mayExec asks whether the caller may execute a file.
func (l *lookup) mayExec(n node) error {
	return cmp.Or(l.allowAccess(n, mayExec), l.hostAccess(n, mayExec))
}

// executable says whether toaster may execute the file.
func executable(fd int) bool {
	err := unix.Faccessat(fd, "", unix.X_OK, unix.AT_EACCESS|unix.AT_EMPTY_PATH)
	if err == unix.EINVAL { // what is left of the call in a container that refuses faccessat2
		err = unix.Faccessat(unix.AT_FDCWD, hostfile.ProcPath(fd), unix.X_OK, unix.AT_EACCESS)
	}
	return err == nil
}
