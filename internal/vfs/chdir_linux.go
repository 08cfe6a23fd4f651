package vfs

import (
	"cmp"
	"path"
	"strings"

	"golang.org/x/sys/unix"

	"toaster/internal/file"
	"toaster/internal/hostfile"
	"toaster/netbsd"
)

// Chdir is chdir(2).
func (v View) Chdir(name string) netbsd.Errno {
	return v.enter(name, v.Dirs.setCwd)
}

// Chroot is chroot(2) for a caller whose privilege was checked. The working
// directory follows if it isn't below the new root.
func (v View) Chroot(name string) netbsd.Errno {
	return v.enter(name, v.Dirs.setRoot)
}

// Fchroot is fchroot(2), likewise: it is the way back out of a root, for who has kept a
// descriptor.
func (v View) Fchroot(fd int) netbsd.Errno { return v.enterFD(fd, false, v.Dirs.setRoot) }

// setCwd is called with mu held; n's reference becomes the working directory's.
func (d *Dirs) setCwd(n *dir) netbsd.Errno {
	d.cwd, n = n, d.cwd
	n.release()
	return 0
}

// setRoot is called with mu held; n's reference becomes the root's. EOPNOTSUPP for a directory that the machine makes up: what
// stands in for it is the root of all, which whoever wants to be locked up there must not get.
func (d *Dirs) setRoot(n *dir) netbsd.Errno {
	if n.made != "" {
		n.release()
		return netbsd.EOPNOTSUPP
	}
	d.root.release()
	d.root, d.moved = n, true
	r := resolver{tree: d.tree, root: n}
	if _, err := r.pathOf(d.cwd.node); err != nil {
		d.cwd.release()
		d.cwd = n.ref()
	}
	return 0
}

// enter opens a directory that the caller may search, and hands it to set, called
// with Dirs.mu held.
func (v View) enter(name string, set func(*dir) netbsd.Errno) netbsd.Errno {
	l, errno := v.newLookup(netbsd.AT_FDCWD, name)
	if errno != 0 {
		return errno
	}
	defer l.close()
	if l.isMade {
		if l.made.Link != "" {
			return l.onward().enter(l.target(l.made), set)
		}
		return v.enterMadeDir(l, l.made, set)
	}
	n, err := l.find(l.at, l.name, unix.O_DIRECTORY)
	if err != nil {
		return hostfile.Errno(err)
	}
	return v.adopt(l, n, set)
}

// adopt makes a dir of an open directory, which it owns, and sets it.
func (v View) adopt(l *lookup, at node, set func(*dir) netbsd.Errno) netbsd.Errno {
	err := cmp.Or(l.maySearch(at), l.hostAccess(at, mayExec))
	if err == nil {
		err = unix.Faccessat(at.fd, ".", unix.X_OK, 0)
	}
	if err != nil {
		at.close()
		return hostfile.Errno(err)
	}
	n, err := newDir(at)
	if err != nil {
		return hostfile.Errno(err)
	}
	v.Dirs.mu.Lock()
	defer v.Dirs.mu.Unlock()
	if v.Dirs.cwd == nil { // the process is gone
		n.release()
		return netbsd.ESRCH
	}
	r := resolver{tree: v.Dirs.tree, root: v.Dirs.root}
	if p, err := r.pathOf(at); err == nil && (p == "/dev" || strings.HasPrefix(p, "/dev/")) {
		n.dev = p
	}
	return set(n)
}

// Fchdir is fchdir(2): EPERM for a directory that is not under the process's root.
func (v View) Fchdir(fd int) netbsd.Errno {
	return v.enterFD(fd, true, v.Dirs.setCwd)
}

func (v View) enterFD(fd int, under bool, set func(*dir) netbsd.Errno) netbsd.Errno {
	d, errno := v.Files.Get(fd)
	if errno != 0 {
		return errno
	}
	defer d.Release()
	if m, ok := d.File.(*madeDir); ok && under {
		return v.enter(m.path, set)
	}
	hfd, ok := d.HostFD()
	switch a, _ := attrsOf(d); {
	case ok && isVnode(d, a):
	case !ok && (a.mode&netbsd.S_IFMT == netbsd.S_IFCHR || a.mode&netbsd.S_IFMT == netbsd.S_IFREG): // the machine's own
		return netbsd.ENOTDIR
	default:
		return netbsd.EINVAL // fd_getvnode
	}
	mnt := v.Dirs.tree.mountOf(d)
	if mnt == nil {
		return netbsd.EPERM
	}
	if (node{hfd, mnt}).kind() != unix.S_IFDIR { // sys_fchdir asks before it looks at rights
		return netbsd.ENOTDIR
	}
	l := &lookup{v: v, cred: v.otherUser()}
	if err := l.maySearch(node{hfd, mnt}); err != nil {
		return hostfile.Errno(err)
	}
	nfd, err := openHost(hfd, ".", dirFlags, 0)
	if err != nil {
		return hostfile.Errno(err)
	}
	n := node{nfd, mnt}
	if under && v.Dirs.chrooted() {
		if _, errno := v.nameOf(&n); errno != 0 { // vn_isunder
			n.close()
			return netbsd.EPERM
		}
	}
	return v.adopt(l, n, set)
}

// Getcwd is __getcwd(2) without its buffer: ENOENT if the directory was
// removed or is not below the root, EACCES as of mayName.
func (v View) Getcwd() (string, netbsd.Errno) {
	name, errno := v.CwdOf(v.Dirs)
	return name, cmp.Or(errno, v.mayName(name))
}

// mayName asks whether the caller may find out the name of an open directory: getcwd_common with GETCWD_CHECK_ACCESS. EACCES unless it
// may search the directory, and search and read all above that but its root, which is not asked.
func (v View) mayName(dir string) netbsd.Errno {
	want := mayExec
	for ; path.Dir(dir) != dir; dir = path.Dir(dir) {
		if errno := v.Access(netbsd.AT_FDCWD, dir, want, netbsd.AT_EACCESS); errno != 0 {
			return errno
		}
		want = mayExec | mayRead
	}
	return 0
}

// CwdOf returns the name of a process's working directory from the caller's root, whoever may look there (fill_cwd); nil is one of the kernel's own,
// which is in the root of all. ESRCH: the process is gone. ENOENT as Getcwd.
func (v View) CwdOf(o *Dirs) (string, netbsd.Errno) {
	switch {
	case o == nil && v.Dirs.chrooted():
		return "", netbsd.ENOENT
	case o == nil:
		return "/", 0
	}
	cwd, root, _ := o.get()
	defer o.put(cwd, root)
	switch {
	case cwd == nil:
		return "", netbsd.ESRCH
	case cwd.made != "" && v.Dirs.chrooted():
		return "", netbsd.ENOENT
	case cwd.made != "":
		return cwd.made, 0
	}
	return v.nameOf(&cwd.node)
}

// RootOf returns the name of another process's root likewise, "/" if it has none of its own (procfs_dir).
func (v View) RootOf(o *Dirs) (string, netbsd.Errno) {
	cwd, root, _ := o.get()
	defer o.put(cwd, root)
	if root == nil {
		return "/", 0
	}
	return v.nameOf(&root.node)
}

// nameOf returns the name of an open file from the process's root.
func (v View) nameOf(n *node) (string, netbsd.Errno) {
	cwd, root, _ := v.Dirs.get()
	defer v.Dirs.put(cwd, root)
	if cwd == nil {
		return "", netbsd.ESRCH
	}
	r := resolver{tree: v.Dirs.tree, root: root}
	name, err := r.pathOf(*n)
	if name == "" && err == nil {
		name = "/"
	}
	return name, hostfile.Errno(err)
}

// PathOf returns the present name of an open file (F_GETPATH of fcntl(2)): vnode_to_path, which asks who may know the directory's.
func (v View) PathOf(d *file.Description) (string, netbsd.Errno) {
	name, errno := v.whereIs(d)
	if errno == 0 {
		errno = v.mayName(path.Dir(name))
	}
	return name, errno
}

// whereIs is PathOf for whoever asks.
func (v View) whereIs(d *file.Description) (string, netbsd.Errno) {
	if m, ok := d.File.(*madeDir); ok {
		return m.path, 0
	}
	if v.Dirs.tree.isDevice(d.Path) {
		return d.Path, 0
	}
	fd, ok := d.NameFD()
	if !ok {
		return "", netbsd.EOPNOTSUPP
	}
	mnt := v.Dirs.tree.mountOf(d)
	if mnt == nil {
		return "", netbsd.ENOENT
	}
	return v.nameOf(&node{fd, mnt})
}

// Under reports whether the process's root is top's, or below it (proc_isunder). Whoever has called chroot(2), or comes from
// somebody who has, has a root of its own, even if that is "/": a process that has none is not below.
func (d *Dirs) Under(top *Dirs) bool {
	switch {
	case !top.Chrooted():
		return true
	case !d.Chrooted():
		return false
	}
	cwd, root, _ := d.get()
	defer d.put(cwd, root)
	topCwd, topRoot, _ := top.get()
	defer top.put(topCwd, topRoot)
	if root == nil || topRoot == nil {
		return false // one of the two is gone
	}
	r := resolver{tree: top.tree, root: topRoot}
	_, err := r.pathOf(root.node)
	return err == nil
}

// Below reports whether d may be had under the caller's root (vn_isunder): a directory
// outside of it would lead out, one that was removed might.
func (v View) Below(d *file.Description) bool {
	fd, ok := d.HostFD()
	if !ok || !v.Dirs.rooted() {
		return true
	}
	var st unix.Stat_t
	if unix.Fstat(fd, &st) != nil || st.Mode&unix.S_IFMT != unix.S_IFDIR {
		return true
	}
	_, errno := v.whereIs(d)
	return errno == 0
}
