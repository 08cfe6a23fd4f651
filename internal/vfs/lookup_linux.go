package vfs

import (
	"cmp"
	"path"
	"strings"

	"golang.org/x/sys/unix"

	"toaster/internal/file"
	"toaster/kern"
	"toaster/netbsd"
)

// lookup is one path on its way through a call: where it starts, and the
// references that keep that directory open. Another LWP may change the working directory,
// or close the descriptor, at any moment of the call: what the call began with stays.
type lookup struct {
	resolver
	v     View
	cred  *kern.Cred // the caller, if the host does not judge it rightly by itself
	at    node
	name  string
	umask uint32
	cwd   *dir
	atD   *file.Description

	made   Device // what the path means in a file system of the machine's own
	isMade bool
}

// look begins with a path and the descriptor of an *at call.
func (v View) newLookup(at int, name string) (*lookup, netbsd.Errno) {
	switch {
	case name == "":
		return nil, cmp.Or(v.CheckAt(at, name), netbsd.ENOENT)
	case len(name) >= netbsd.PATH_MAX:
		return nil, netbsd.ENAMETOOLONG
	case v.links > netbsd.MAXSYMLINKS:
		return nil, netbsd.ELOOP
	}
	l := &lookup{v: v, name: name, cred: v.otherUser()}
	if l.cred != nil && !(l.cred.IsRoot() && v.Dirs.tree.keeper != nil) {
		l.search = l.maySearch // which root inside is never refused
	}
	l.tree = v.Dirs.tree
	if errno := l.startAt(at); errno != 0 {
		return nil, errno
	}
	l.cwd, l.root, l.umask = v.Dirs.get()
	switch {
	case l.cwd == nil: // the process is gone
		l.close()
		return nil, netbsd.ESRCH
	case l.atD == nil:
		l.at = l.cwd.node
	}
	if l.cwd.made != "" && l.name[0] != '/' && l.atD == nil {
		l.name = belowMade(l.cwd.made, l.name)
	}
	if errno := l.enterMade(); errno != 0 {
		l.close()
		return nil, errno
	}
	return l, 0
}

// from resolves the descriptor of an *at call, which must be a directory; it
// isn't looked at for an absolute path. EPERM for one that was not opened in the tree, as
// vn_isunder has it for fchdir(2) out of a root: standard input may be any directory.
func (l *lookup) startAt(at int) netbsd.Errno {
	if at == netbsd.AT_FDCWD || l.name[0] == '/' {
		return 0
	}
	if l.v.Files == nil {
		return netbsd.EBADF
	}
	d, errno := l.v.Files.Get(at)
	if errno != 0 {
		return errno
	}
	if m, ok := d.File.(*madeDir); ok {
		l.name = belowMade(m.path, l.name)
		d.Release()
		return 0
	}
	fd, ok := d.HostFD()
	switch {
	case !d.Vnode():
		d.Release()
		return netbsd.EINVAL
	case !ok || !d.Directory():
		d.Release()
		return netbsd.ENOTDIR
	}
	mnt := l.tree.mountOf(d)
	if mnt == nil {
		d.Release()
		return netbsd.EPERM
	}
	l.at, l.atD = node{fd, mnt}, d
	return 0
}

// CheckAt is what is wrong with the descriptor of an *at call before anything is looked up (fd_nameiat).
func (v View) CheckAt(at int, name string) netbsd.Errno {
	if at == netbsd.AT_FDCWD || strings.HasPrefix(name, "/") || v.Files == nil {
		return 0
	}
	d, errno := v.Files.Get(at)
	if errno != 0 {
		return errno
	}
	defer d.Release()
	if !d.Vnode() {
		return netbsd.EINVAL
	}
	return 0
}

func (l *lookup) close() {
	l.v.Dirs.put(l.cwd, l.root)
	if l.atD != nil {
		l.atD.Release()
	}
}

// devName returns the name below /dev that a path means, "" if it means none.
// Only the words of the path count; links into /dev are followed by openLinked.
func (l *lookup) devName() string { return devNameOf(l.name, l.cwd.dev, l.atD != nil) }

// devNameOf is devName of a path from a working directory that may be below /dev. A path from
// an open directory (at) is none of the machine's devices.
func devNameOf(name, cwdDev string, at bool) string {
	switch {
	case name[0] == '/':
	case cwdDev != "" && !at:
		name = cwdDev + "/" + name
	default:
		return ""
	}
	if !strings.Contains(name, "dev") { // nearly always
		return ""
	}
	rest, below := strings.CutPrefix(path.Clean(name), "/dev/")
	if !below {
		return ""
	}
	return rest
}

// device looks the path up in the tree's /dev.
func (l *lookup) device() (Device, bool) {
	if l.isMade {
		return l.made, true
	}
	name := l.devName()
	if name == "" {
		return Device{}, false
	}
	t := l.v.Dirs.tree
	t.mu.RLock()
	dev, ok := t.devices[name]
	t.mu.RUnlock()
	if !ok {
		dev, ok = fdDevice(l.v, name)
	}
	return dev, ok
}

// openPath opens the file itself, for calls on what a path leads to. Both the
// caller and follow decide about a link at the end.
func (l *lookup) openPath(follow bool) (node, error) {
	flags := 0
	if !follow && !strings.HasSuffix(l.name, "/") {
		flags |= unix.O_NOFOLLOW
	}
	return l.find(l.at, l.name, flags)
}

// parent finds the directory and last name of the path.
func (l *lookup) parent() (parentDir, error) { return l.parentOf(l.name) }
