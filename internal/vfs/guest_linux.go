package vfs

import (
	"cmp"

	"golang.org/x/sys/unix"

	"toaster/internal/file"
	"toaster/internal/hostfile"
	"toaster/internal/owners"
	"toaster/kern"
	"toaster/netbsd"
)

// This file asks NetBSD's rules (permit.go) on a path's way, for callers that are not
// who the host takes them for. For the others who is nil, and nothing of this costs
// anything.
//
// A rule is asked of a file that is open already, then the host is told to do it with
// the caller's ids: so what somebody renames in between is judged by the host. Where
// the host cannot tell users apart, toaster's word is the only one.
//
// So a host may refuse what NetBSD allows: by an access control list, or by what Linux has
// against traps in shared directories (fs.protected_hardlinks, _symlinks, _regular, _fifos
// of proc(5)): a link to a file that one may not write to is EPERM there.

// attrs describes an open file to the rules.
func (n node) attrs() (attrs, error) {
	var st unix.Stat_t
	err := unix.Fstat(n.fd, &st)
	return n.attrsOf(&st), err
}

func attrsOfHost(st *unix.Stat_t) attrs {
	return attrs{mode: st.Mode, uid: st.Uid, gid: st.Gid, id: hostfile.InodeOf(st)}
}

func attrsOfDevice(dev Device) attrs {
	return attrs{mode: dev.Stat.Mode, uid: dev.Stat.UID, gid: dev.Stat.GID}
}

// as is View.as for a path's caller.
func (l *lookup) as(call func() error) error {
	if l.cred == nil {
		return call()
	}
	return l.v.as(call)
}

// allow asks a rule about an open file.
func (l *lookup) allow(n node, rule func(c *kern.Cred, a attrs) netbsd.Errno) error {
	if l.cred == nil {
		return nil
	}
	a, err := n.attrs()
	if err != nil {
		return err
	}
	return asError(rule(l.cred, a))
}

// allowAccess asks for some of mayRead, mayWrite and mayExec.
func (l *lookup) allowAccess(n node, want uint32) error {
	return l.allow(n, func(c *kern.Cred, a attrs) netbsd.Errno { return canAccess(c, a, want) })
}

// allowDir is allowAccess of a directory whose names are about to be looked up or changed: the host is to let
// toaster do it.
func (l *lookup) allowDir(n node, want uint32) error {
	if l.cred == nil {
		return nil
	}
	var host unix.Stat_t
	if err := unix.Fstat(n.fd, &host); err != nil {
		return err
	}
	st := host
	if errno := canAccess(l.cred, n.attrsOf(&st), want); errno != 0 {
		return errno
	}
	return n.widenFrom(&host, want<<6)
}

// maySearch says whether names can be looked up in a directory (resolver.search).
func (l *lookup) maySearch(n node) error { return l.allowDir(n, mayExec) }

// hostAccess asks the host, too.
func (l *lookup) hostAccess(n node, want uint32) error {
	if l.cred == nil || n.trusted() {
		return nil
	}
	return l.as(func() error {
		return unix.Faccessat(unix.AT_FDCWD, hostfile.ProcPath(n.fd), want, unix.AT_EACCESS)
	})
}

// find is resolver.find as the caller.
func (l *lookup) find(at node, name string, flags int) (n node, err error) {
	if l.cred == nil {
		return l.resolver.find(at, name, flags)
	}
	err = l.asSearching(func() (err error) {
		n, err = l.resolver.find(at, name, flags)
		return err
	})
	return n, err
}

// asSearching is as for a call that looks names up. Where root inside meets a directory that the host does not let
// toaster search, it looks at each on the way, and has the host do so (maySearch).
func (l *lookup) asSearching(call func() error) error {
	err := l.as(call)
	if err != unix.EACCES || l.search != nil || l.cred == nil {
		return err
	}
	l.search = l.maySearch
	return l.as(call)
}

// parentOf is resolver.parent as the caller, who also must be able to look up the last
// name.
func (l *lookup) parentOf(name string) (p parentDir, err error) {
	if l.cred == nil {
		return l.resolver.parent(l.at, name)
	}
	err = l.asSearching(func() (err error) {
		p, err = l.resolver.parent(l.at, name)
		return err
	})
	if err != nil {
		return p, err
	}
	if err := l.maySearch(p.at); err != nil {
		p.close()
		return parentDir{}, err
	}
	return p, nil
}

// mayUnlink asks whether the caller may take a name out of its directory. ENOENT if
// it is not there.
func (l *lookup) mayUnlink(p parentDir) error {
	if l.cred == nil {
		return nil
	}
	dir, err := p.at.attrs()
	if err != nil {
		return err
	}
	a, err := p.attrs()
	if err != nil {
		return err
	}
	return cmp.Or(asError(canUnlink(l.cred, dir, a)), l.widenTo(p.at, mayWrite|mayExec))
}

// mayRename asks whether the caller may give the name to to what has from.
func (l *lookup) mayRename(from, to parentDir) error {
	if l.cred == nil {
		return nil
	}
	var r renaming
	var err error
	if r.fromDir, err = from.at.attrs(); err != nil {
		return err
	}
	if r.toDir, err = to.at.attrs(); err != nil {
		return err
	}
	if r.sameDir, err = sameFile(from.at, to.at); err != nil {
		return err
	}
	if r.from, err = from.attrs(); err != nil {
		return err
	}
	a, err := to.attrs()
	switch {
	case err == nil:
		r.to = &a
	case err != unix.ENOENT:
		return err
	}
	if errno := canRename(l.cred, r); errno != 0 {
		return errno
	}
	return cmp.Or(l.widenTo(from.at, mayWrite|mayExec), l.widenTo(to.at, mayWrite|mayExec), l.widenMoved(from, r))
}

// widenMoved has the host let a directory get another above it, for which Linux wants the right to write to it.
func (l *lookup) widenMoved(from parentDir, r renaming) error {
	if r.sameDir || !r.from.isDir() || !from.at.marks().On() {
		return nil
	}
	n, _, err := step(from.at, from.name)
	if err != nil {
		return err
	}
	defer n.close()
	return l.widenTo(n, mayWrite)
}

// sameFile compares two open files by device and inode, which hold while they are open.
func sameFile(a, b node) (bool, error) {
	var x, y unix.Stat_t
	if err := unix.Fstat(a.fd, &x); err != nil {
		return false, err
	}
	err := unix.Fstat(b.fd, &y)
	return hostfile.InodeOf(&x) == hostfile.InodeOf(&y), err
}

// makeName makes something under a name, of a mode with its kind (S_IFMT): make is told the permissions, and by
// returning an open descriptor (or -1) what was made. It is the caller's, and of the directory's group.
// EEXIST comes first: who may not write to the directory learns of it, too (ufs_lookup).
func (l *lookup) makeName(p parentDir, mode uint32, make func(mode uint32) (fd int, err error)) error {
	return l.makeNumbered(p, mode, 0, make)
}

// makeNumbered is makeName of a device with a number.
func (l *lookup) makeNumbered(p parentDir, mode uint32, rdev uint64, make func(mode uint32) (fd int, err error)) error {
	if err := p.mayName(); err != nil {
		return err
	}
	kind := mode & unix.S_IFMT
	if mode &^= unix.S_IFMT; l.cred == nil {
		_, err := make(mode)
		return err
	}
	defer p.at.marks().Names()()
	if _, err := p.stat(); err != unix.ENOENT {
		if err == nil {
			err = unix.EEXIST
		}
		return err
	}
	dir, err := p.at.attrs()
	if err != nil {
		return err
	}
	if errno := canAccess(l.cred, dir, mayWrite); errno != 0 {
		return errno
	}
	fd := -1
	mode = newMode(l.cred, mode, dir.gid)
	if p.at.marks().On() {
		return l.makeMarked(p, owners.Mark{UID: l.cred.EUID, GID: dir.gid, Mode: kind | mode, Rdev: rdev}, make)
	}
	err = l.v.asOwner(func() (err error) {
		fd, err = make(mode)
		return err
	})
	if err != nil {
		return err
	}
	return l.setGroup(p, fd, dir.gid, mode)
}

// asOwner is as for a call that makes a file, which must become the caller's. EPERM if
// the host would make it toaster's.
func (v View) asOwner(call func() error) error {
	c, host := v.otherUser(), v.Dirs.tree.user
	if c == nil {
		return call()
	}
	err := host.as(c, call)
	if err != errNotSwitched {
		return err
	}
	if c.EUID != host.cred.EUID {
		return unix.EPERM
	}
	return call()
}

// setGroup gives what the caller has just made the group of its directory, which the
// host does only for members and for directories that ask for it. fd is -1 if only the
// name is known, which may be another file's by now: one of the caller's own at most. The
// mode is set again: chown(2) takes the set-id bits.
func (l *lookup) setGroup(p parentDir, fd int, gid, mode uint32) error {
	if fd < 0 {
		var err error
		if fd, err = p.at.mnt.openAt(p.at.fd, p.name, unix.O_PATH, 0); err != nil {
			return nil // it was there, and is gone
		}
		defer unix.Close(fd)
	}
	var st unix.Stat_t
	if unix.Fstat(fd, &st) != nil || st.Uid != l.cred.EUID {
		return nil
	}
	if st.Gid != gid {
		// As toaster: the caller need not be a member. Where toaster may not either,
		// it stays the group that the host chose.
		unix.Fchownat(fd, "", -1, int(gid), unix.AT_EMPTY_PATH)
	}
	if kind := st.Mode & unix.S_IFMT; kind == unix.S_IFLNK || mode&(unix.S_ISUID|unix.S_ISGID|l.tree.hostMask) == 0 {
		return nil
	}
	return l.as(func() error { return unix.Chmod(hostfile.ProcPath(fd), mode) })
}

// tame has writes to a file take its set-id bits, as those of root do not.
func (l *lookup) clearSetIDOnWrite(d *file.Description) {
	if l.cred != nil && !l.cred.IsRoot() {
		hostfile.ClearSetIDOnWrite(d)
	}
}
