package fs

import (
	"strings"

	"golang.org/x/sys/unix"

	"toaster/file"
	"toaster/netbsd"
)

// Chdir is chdir(2).
func (v View) Chdir(name string) netbsd.Errno {
	return v.enter(name, func(n *dir) { v.Dirs.cwd, n = n, v.Dirs.cwd; n.release() })
}

// Chroot is chroot(2) for a caller whose privilege was checked. The working
// directory follows if it isn't below the new root.
func (v View) Chroot(name string) netbsd.Errno {
	return v.enter(name, v.Dirs.setRoot)
}

// Fchroot is fchroot(2), likewise.
func (v View) Fchroot(fd int) netbsd.Errno { return v.enterFD(fd, v.Dirs.setRoot) }

// setRoot is called with mu held; n's reference becomes the root's.
func (d *Dirs) setRoot(n *dir) {
	d.root.release()
	d.root = n
	r := resolver{cwd: d.cwd, root: n}
	if _, err := r.pathOf(d.cwd.fd); err != nil {
		d.cwd.release()
		d.cwd = n.ref()
	}
}

// enter opens a folder that the caller may search, and hands it to set, called
// with Dirs.mu held.
func (v View) enter(name string, set func(*dir)) netbsd.Errno {
	l, errno := v.look(netbsd.AT_FDCWD, name)
	if errno != 0 {
		return errno
	}
	defer l.close()
	fd, err := l.open(l.at, l.name, dirFlags, 0)
	if err != nil {
		return file.Errno(err)
	}
	return v.adopt(fd, set)
}

// adopt makes a dir of a host descriptor, which it owns, and sets it.
func (v View) adopt(fd int, set func(*dir)) netbsd.Errno {
	if err := unix.Faccessat(fd, ".", unix.X_OK, 0); err != nil {
		unix.Close(fd)
		return file.Errno(err)
	}
	n := newDir(fd)
	v.Dirs.mu.Lock()
	defer v.Dirs.mu.Unlock()
	if v.Dirs.cwd == nil { // the process is gone
		n.release()
		return netbsd.ESRCH
	}
	r := resolver{root: v.Dirs.root}
	if p, err := r.pathOf(fd); err == nil && (p == "/dev" || strings.HasPrefix(p, "/dev/")) {
		n.dev = p
	}
	set(n)
	return 0
}

// Fchdir is fchdir(2).
func (v View) Fchdir(fd int) netbsd.Errno {
	return v.enterFD(fd, func(n *dir) { v.Dirs.cwd, n = n, v.Dirs.cwd; n.release() })
}

func (v View) enterFD(fd int, set func(*dir)) netbsd.Errno {
	d, errno := v.Files.Get(fd)
	if errno != 0 {
		return errno
	}
	defer d.Release()
	hfd, ok := d.HostFD()
	if !ok {
		return netbsd.ENOTDIR
	}
	nfd, err := unix.Openat(hfd, ".", dirFlags, 0)
	if err != nil {
		return file.Errno(err)
	}
	return v.adopt(nfd, set)
}

// Getcwd is __getcwd(2) without its buffer: ENOENT if the directory was
// removed or is not below the root.
func (v View) Getcwd() (string, netbsd.Errno) {
	cwd, root, _ := v.Dirs.get()
	defer cwd.release()
	defer root.release()
	r := resolver{cwd: cwd, root: root}
	name, err := r.pathOf(cwd.fd)
	if name == "" && err == nil {
		name = "/"
	}
	return name, file.Errno(err)
}

// PathOf gives the present name of an open file (F_GETPATH of fcntl(2)).
func (v View) PathOf(d *file.Description) (string, netbsd.Errno) {
	fd, ok := d.HostFD()
	if !ok {
		return "", netbsd.EOPNOTSUPP
	}
	cwd, root, _ := v.Dirs.get()
	defer cwd.release()
	defer root.release()
	r := resolver{cwd: cwd, root: root}
	name, err := r.pathOf(fd)
	if name == "" && err == nil {
		name = "/"
	}
	return name, file.Errno(err)
}
