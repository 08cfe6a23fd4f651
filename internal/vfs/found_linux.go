package vfs

import (
	"path"
	"strconv"

	"golang.org/x/sys/unix"

	"toaster/internal/file"
	"toaster/internal/owners"
	"toaster/netbsd"
)

// This file opens in two steps: a file is found first, which it does not hear of, and
// opened once it is known what it is. To open a device or a FIFO of the host is to talk to
// it, and what is looked at by name may be another file when it is opened.

// openFound opens what the path leads to, or makes it.
func (l *lookup) openFound(flags int, mode uint32) (*file.Description, error) {
	if flags&netbsd.O_DIRECTORY != 0 {
		// Nothing but a directory is opened by that, so it need not be looked at.
		if n, err := l.inOneCall(l.at, l.name, hostOpenFlags(flags), 0); err == nil {
			return l.describe(n, unix.S_IFDIR, flags, nil)
		}
	}
	n, made, err := l.findOrCreate(flags, mode)
	if err != nil {
		return nil, err
	}
	if made {
		return l.describeMade(n, flags)
	}
	var (
		st, host unix.Stat_t
		mark     owners.Mark
	)
	if err = unix.Fstat(n.fd, &st); err == nil {
		host = st
		mark = n.show(&st)
		err = n.mayOpen(&st, flags)
	}
	if mark.Rdev != 0 && err == unix.ENXIO {
		n.close()
		return l.openNumbered(mark, flags)
	}
	if err == nil && st.Mode&unix.S_IFMT == unix.S_IFIFO && !n.mnt.free {
		return l.openFifo(n, &st, flags)
	}
	defer n.close()
	var written func()
	if err == nil {
		written, err = l.toWrite(&st, flags)
	}
	if err != nil {
		return nil, err
	}
	fd, err := l.reopen(n, &st, mark, flags)
	if err == unix.ENXIO && st.Mode&unix.S_IFMT == unix.S_IFIFO && flags&netbsd.O_NONBLOCK == 0 {
		fd, err = l.tree.awaitReader(l.v.L, n.fd)
	}
	if err != nil {
		written()
		return nil, err
	}
	if !writes(flags) {
		return l.describe(node{fd, n.mnt}, st.Mode, flags, nil)
	}
	n.mnt.clearSetID(fd, &host)
	d, err := l.describe(node{fd, n.mnt}, st.Mode, flags, written)
	if err != nil {
		return nil, err
	}
	if err := l.clearOthersSetIDs(node{fd, n.mnt}, &st); err != nil {
		d.Release()
		return nil, err
	}
	return d, nil
}

// describeMade is describe of a file that has just been made. ETXTBSY: somebody has executed it already.
func (l *lookup) describeMade(n node, flags int) (*file.Description, error) {
	var st unix.Stat_t
	err := unix.Fstat(n.fd, &st)
	var written func()
	if err == nil {
		written, err = l.toWrite(&st, flags)
	}
	if err != nil {
		n.close()
		return nil, err
	}
	return l.describe(n, unix.S_IFREG, flags, written)
}

// mayOpen refuses what vn_open and spec_open do: a link that is not followed, a socket,
// devices on a file system that is mounted nodev, and writing where it is mounted
// read-only.
func (n node) mayOpen(st *unix.Stat_t, flags int) error {
	kind := st.Mode & unix.S_IFMT
	switch {
	case flags&netbsd.O_REGULAR != 0 && kind != unix.S_IFREG, kind == unix.S_IFLNK:
		return netbsd.EFTYPE
	case kind == unix.S_IFSOCK:
		return unix.EOPNOTSUPP
	case (kind == unix.S_IFCHR || kind == unix.S_IFBLK) && !n.mnt.free:
		return unix.ENXIO
	case n.mnt.origin.ReadOnly && writes(flags) && !isSpecial(kind):
		return unix.EROFS
	}
	return nil
}

// writes reports whether an open changes the file, or lets its holder do so.
func writes(flags int) bool {
	return flags&netbsd.O_ACCMODE != netbsd.O_RDONLY || flags&netbsd.O_TRUNC != 0
}

// isSpecial reports whether writing to a file changes nothing in its file system.
func isSpecial(kind uint32) bool {
	switch kind {
	case unix.S_IFREG, unix.S_IFDIR, unix.S_IFLNK:
		return false
	}
	return true
}

// kind is S_IFMT of what n is, 0 if the host does not say.
func (n node) kind() uint32 {
	st, _ := n.stat()
	return st.Mode & unix.S_IFMT
}

// reopen opens a file that was found, if the caller may: vn_openchk. A directory is no
// more written to by who may write to it.
func (l *lookup) reopen(n node, st *unix.Stat_t, mark owners.Mark, flags int) (fd int, err error) {
	hf := hostOpenFlags(flags) &^ (unix.O_CREAT | unix.O_EXCL | unix.O_NOFOLLOW)
	a := attrsOfHost(st)
	a.flags = mark.Flags
	if l.cred == nil {
		if err := l.v.canExec(a, flags); err != nil {
			return -1, err
		}
		return n.reopen(hf)
	}
	if a.isDir() && writes(flags) {
		return -1, unix.EISDIR
	}
	if errno := canOpen(l.cred, a, flags); errno != 0 {
		return -1, errno
	}
	if err := l.widenTo(n, openRights(flags)&^mayExec); err != nil {
		return -1, err
	}
	err = l.as(func() (err error) {
		fd, err = n.reopen(hf)
		return err
	})
	return fd, err
}

// canExec judges O_EXEC, of which the host is not told.
func (v View) canExec(a attrs, flags int) error {
	if flags&netbsd.O_EXEC == 0 {
		return nil
	}
	return asError(canAccess(v.user(), a, mayExec))
}

// reopen opens the file that n is. flags are the host's.
func (n node) reopen(flags int) (int, error) {
	return openHost(n.mnt.tree.ownFDs, strconv.Itoa(n.fd), flags|unix.O_CLOEXEC, 0)
}

// findOrCreate finds the file of an open(2). With O_CREAT it is made if nothing is there,
// at the end of a link that leads nowhere, too, as namei has it.
func (l *lookup) findOrCreate(flags int, mode uint32) (n node, made bool, err error) {
	found := 0
	for _, f := range [...]struct{ guest, host int }{{netbsd.O_NOFOLLOW, unix.O_NOFOLLOW}, {netbsd.O_DIRECTORY, unix.O_DIRECTORY}} {
		if flags&f.guest != 0 {
			found |= f.host
		}
	}
	if flags&netbsd.O_CREAT == 0 {
		n, err = l.find(l.at, l.name, found)
		return n, false, err
	}
	name := l.name
	for range netbsd.MAXSYMLINKS {
		n, err = l.make(name, hostOpenFlags(flags), mode&^l.umask)
		if err == unix.EISDIR { // the host's word for a directory that is there, by a name that no file can have
			err = unix.EEXIST
		}
		if err != unix.EEXIST || flags&netbsd.O_EXCL != 0 {
			return n, err == nil, err
		}
		if n, err = l.find(l.at, name, found); err != unix.ENOENT {
			return n, false, err
		}
		if name, err = l.deadLink(name); err != nil {
			return n, false, err
		}
	}
	return n, false, unix.ELOOP
}

// make makes a file with a mode that only the guest's umask was taken off.
func (l *lookup) make(name string, hf int, mode uint32) (node, error) {
	mode = l.madeMode(l.tree.top, mode, unix.S_IFREG)
	if l.cred != nil || l.tree.keeper != nil && isOwners(path.Base(name)) {
		return l.makeAs(name, hf, mode)
	}
	n, err := l.create(l.at, name, hf, mode)
	if err != nil || mode&l.tree.hostMask == 0 {
		return n, err
	}
	return n.madeWith(unix.Fchmod(n.fd, mode))
}

// madeWith is n if what had to be done to a new file went well; else it is closed.
func (n node) madeWith(err error) (node, error) {
	if err != nil && n.fd >= 0 {
		n.close()
		n.fd = -1
	}
	return n, err
}

// makeAs is make for a caller whom the host does not judge, and of a name that it cannot judge.
func (l *lookup) makeAs(name string, hf int, mode uint32) (n node, err error) {
	n.fd = -1
	p, err := l.parentOf(name)
	if err != nil {
		return n, err
	}
	defer p.close()
	hf |= unix.O_CREAT | unix.O_EXCL | unix.O_CLOEXEC
	if p.slash {
		return p.create(hf, mode)
	}
	if err := p.writable(); err != nil { // before marks are begun
		return n, err
	}
	return n.madeWith(l.makeName(p, unix.S_IFREG|mode, func(mode uint32) (int, error) {
		n, err = p.create(hf, mode)
		return n.fd, err
	}))
}

// deadLink returns the name that a link leads to, or the same name if there is none any
// more. ENOENT if that is for /dev, where the host has nothing.
func (l *lookup) deadLink(name string) (string, error) {
	p, err := l.parentOf(name)
	if err != nil {
		return "", err
	}
	defer p.close()
	target, isLink, err := readLink(p.at.fd, p.name)
	switch {
	case err == unix.ENOENT || err == nil && !isLink:
		return name, nil
	case err != nil:
		return "", err
	}
	name = linked(name, target)
	if devNameOf(name, l.cwd.dev, l.atD != nil) != "" {
		return "", unix.ENOENT
	}
	return name, nil
}
