package vfs

import (
	"cmp"
	"os"
	"path"
	"strings"

	"golang.org/x/sys/unix"

	"toaster/internal/file"
	"toaster/internal/hostfile"
	"toaster/netbsd"
)

// OpenExec opens a program for execve(2) and returns the name that it is called by, from the root. EACCES if it
// isn't a regular file or nobody may execute it, and so if it has no name: it is the working directory then, whose name exec_makepathbuf
// has put before it.
func (v View) OpenExec(name string) (*os.File, string, netbsd.Errno) {
	if name == "" {
		_, errno := v.Getcwd()
		return nil, "", cmp.Or(errno, netbsd.EACCES)
	}
	return v.openNamed(name, View.Getcwd)
}

// A First opens the first program of a command for who has started toaster: no guest asks for it, so that its working directory need
// not be one whose name it may know.
type First struct{ View }

// OpenExec is View.OpenExec.
func (f First) OpenExec(name string) (*os.File, string, netbsd.Errno) {
	return f.View.openNamed(name, func(v View) (string, netbsd.Errno) { return v.CwdOf(v.Dirs) })
}

// openNamed is OpenExec, with what names the working directory.
func (v View) openNamed(name string, getcwd func(View) (string, netbsd.Errno)) (*os.File, string, netbsd.Errno) {
	l, errno := v.newLookup(netbsd.AT_FDCWD, name)
	if errno != 0 {
		return nil, "", errno
	}
	defer l.close()
	if dev, ok := l.device(); ok {
		if dev.Link != "" {
			return l.onward().openNamed(l.target(dev), getcwd)
		}
		return nil, "", cmp.Or(dev.errno, netbsd.EACCES)
	}
	full, errno := v.calledBy(name, getcwd)
	if errno != 0 {
		return nil, "", errno
	}
	n, err := l.openPath(true)
	if err != nil {
		return nil, "", hostfile.Errno(err)
	}
	defer n.close()
	fd, errno := l.openExec(n)
	if errno != 0 {
		return nil, "", errno
	}
	return os.NewFile(uintptr(fd), full), full, 0
}

// calledBy returns the name that a program is executed by, from the root: what is asked for, behind the working directory's name, whatever
// links it leads through (exec_makepathbuf; check_exec copies it before namei). An error is that of getcwd(2); ENAMETOOLONG and ERANGE: there
// is no room for both names, or for the first (getcwd_common).
func (v View) calledBy(name string, getcwd func(View) (string, netbsd.Errno)) (string, netbsd.Errno) {
	switch {
	case name[0] == '/':
		return name, 0
	case len(name)+3 >= netbsd.PATH_MAX:
		return "", netbsd.ENAMETOOLONG
	}
	cwd, errno := getcwd(v)
	cwd = strings.TrimSuffix(cwd, "/")
	if errno == 0 && len(cwd)+len(name)+3 > netbsd.PATH_MAX {
		errno = netbsd.ERANGE
	}
	return cwd + "/" + name, errno
}

// LastName returns the last part of the name that an open program has, whatever links have led there; "" if it has none any more.
func (View) LastName(f *os.File) string {
	name, err := fdPath(int(f.Fd()))
	if err != nil {
		return ""
	}
	return path.Base(name)
}

// OpenExecFile is OpenExec of a file that is open, for fexecve(2): check_exec of a descriptor, as it has been since NetBSD 10. What is
// returned is that file, whatever its name leads to by now. EINVAL: it is none that a name could have (fd_getvnode). ENOENT: it has no
// name any more (exec_resolvename).
func (v View) OpenExecFile(d *file.Description) (*os.File, string, netbsd.Errno) {
	if _, made := d.File.(*madeDir); !made && !IsVnode(d) {
		return nil, "", netbsd.EINVAL
	}
	full, errno := v.PathOf(d)
	switch {
	case errno == netbsd.EOPNOTSUPP:
		return nil, "", netbsd.EINVAL // a device that makes a file at each open(2)
	case errno != 0:
		return nil, "", errno
	}
	l := &lookup{v: v, cred: v.otherUser()}
	l.tree = v.Dirs.tree
	fd, ok := d.NameFD()
	n := node{fd, l.tree.mountOf(d)}
	if !ok || n.mnt == nil {
		return nil, "", netbsd.EACCES // the machine's own
	}
	if fd, errno = l.openExec(n); errno != 0 {
		return nil, "", errno
	}
	return os.NewFile(uintptr(fd), full), full, 0
}

// openExec opens a file that was found for execution: check_exec behind the name. The descriptor is the caller's.
func (l *lookup) openExec(n node) (int, netbsd.Errno) {
	st, err := n.stat()
	if err != nil {
		return -1, hostfile.Errno(err)
	}
	if st.Mode&unix.S_IFMT != unix.S_IFREG || !l.hostExecutable(n) || l.mayExec(n) != nil {
		return -1, netbsd.EACCES
	}
	if err := l.widenTo(n, mayRead); err != nil {
		return -1, hostfile.Errno(err)
	}
	// As toaster: who may execute a program need not be able to read it.
	fd, err := n.reopen(unix.O_RDONLY)
	return fd, hostfile.Errno(err)
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
