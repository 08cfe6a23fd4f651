package vfs

import (
	"cmp"
	"path"

	"golang.org/x/sys/unix"

	"toaster/internal/hostfile"
	"toaster/netbsd"
)

// onName runs a call on the last name of a path, never through a link there unless a
// slash comes after it.
func (v View) onName(at int, name string, call func(l *lookup, p parentDir) error) netbsd.Errno {
	return v.onParentDir(at, name, func(l *lookup, p parentDir) error {
		if err := p.checkSlash(false); err != nil {
			return err
		}
		return call(l, p)
	})
}

// onParentDir is onName, but the call does p.checkSlash.
func (v View) onParentDir(at int, name string, call func(l *lookup, p parentDir) error) netbsd.Errno {
	l, errno := v.newLookup(at, name)
	if errno != 0 {
		return errno
	}
	defer l.close()
	if dev, ok := l.device(); ok {
		if dev.Fixed {
			return netbsd.EROFS
		}
		return netbsd.EPERM
	}
	p, err := l.parent()
	if err != nil {
		return hostfile.Errno(err)
	}
	defer p.close()
	return hostfile.Errno(call(l, p))
}

// Unlink is unlinkat(2): unlink(2), or rmdir(2) with AT_REMOVEDIR. A directory
// can't be unlinked: EPERM.
func (v View) Unlink(at int, name string, flags int) netbsd.Errno {
	if flags&netbsd.AT_REMOVEDIR != 0 {
		return v.onName(at, name, func(l *lookup, p parentDir) error {
			if err := p.unnameable(name, unix.EINVAL, nil); err != nil {
				return err
			}
			return l.unlink(p, unix.AT_REMOVEDIR)
		})
	}
	errno := v.onName(at, name, func(l *lookup, p parentDir) error {
		if err := p.unnameable(name, unix.EINVAL, nil); err != nil {
			return err
		}
		return l.unlink(p, 0)
	})
	if errno == netbsd.EISDIR {
		return netbsd.EPERM
	}
	return errno
}

// unnameable says why nobody takes what a path ends with away from there, or puts something in
// its place: the root has no name, EBUSY (namei_oneroot), and for "." and ".." the caller says it.
// What is not there is another error.
func (p parentDir) unnameable(name string, dot, dotDot error) error {
	var refused error
	switch path.Base(name) {
	case "/":
		refused = unix.EBUSY
	case ".":
		refused = dot
	case "..":
		refused = dotDot
	}
	if refused == nil {
		return nil
	}
	_, err := p.stat()
	return cmp.Or(err, refused)
}

// unlink removes the name. A read-only directory says so whether it is there or not:
// ufs_lookup.
func (l *lookup) unlink(p parentDir, flags int) error {
	if err := p.removable(); err != nil {
		return err
	}
	defer p.at.marks().Names()()
	if err := l.mayUnlink(p); err != nil {
		return err
	}
	return p.removing(func() error {
		return l.as(func() error { return unix.Unlinkat(p.at.fd, p.name, flags) })
	})
}

// removing runs a call that takes the name from what has it, of which nothing is kept then.
func (p parentDir) removing(call func() error) error {
	o := p.at.marks()
	if !o.Marked() {
		return call()
	}
	st, missing := p.stat()
	err := call()
	if err == nil && missing == nil {
		o.Removed(&st)
	}
	return err
}

// removable refuses to take a name out of a read-only directory, and one that a mount
// lies on: EBUSY.
func (p parentDir) removable() error {
	if p.at.mnt.origin.ReadOnly {
		return unix.EROFS
	}
	if busy, err := p.busy(); err != nil || busy {
		return cmp.Or(err, error(unix.EBUSY))
	}
	return nil
}

// busy reports whether a mount lies on what has the name.
func (p parentDir) busy() (bool, error) {
	if len(p.at.mnt.covered) == 0 {
		return false, nil
	}
	n, _, err := step(p.at, p.name)
	if err == unix.ENOENT {
		return false, nil
	}
	if err == nil {
		n.close()
	}
	return n.mnt != p.at.mnt, err
}

// Mkdir is mkdirat(2).
func (v View) Mkdir(at int, name string, mode uint32) netbsd.Errno {
	return v.onParentDir(at, name, func(l *lookup, p parentDir) error {
		if err := p.checkSlash(true); err != nil {
			return err
		}
		if err := p.writable(); err != nil {
			return err
		}
		return l.makeName(p, unix.S_IFDIR|l.madeMode(p.at.mnt, mode&0o7777&^l.umask, unix.S_IFDIR), func(mode uint32) (int, error) {
			if err := unix.Mkdirat(p.at.fd, p.name, mode); err != nil {
				return -1, err
			}
			return -1, l.fixMode(p, mode)
		})
	})
}

// fixMode gives a name just made the bits that the host process's umask took.
func (l *lookup) fixMode(p parentDir, mode uint32) error {
	if mode&l.v.Dirs.tree.hostMask == 0 {
		return nil
	}
	return chmodNofollow(p.at.fd, p.name, mode)
}

// chmodNofollow changes the mode of what a name is, not of what it leads to. Hosts
// before Linux 6.6 can't by name; the mode of a link is nobody's to change: EOPNOTSUPP.
func chmodNofollow(at int, name string, mode uint32) error {
	fd, err := openHost(at, name, unix.O_PATH|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return err
	}
	if st.Mode&unix.S_IFMT == unix.S_IFLNK {
		return unix.EOPNOTSUPP
	}
	return unix.Chmod(hostfile.ProcPath(fd), mode)
}

// noDevice is no device's number (VNOVAL).
const noDevice = ^uint64(0)

// Mknod makes a FIFO, or, for the superuser, a file. EPERM: another asks, or for a device.
func (v View) Mknod(at int, name string, mode uint32) netbsd.Errno {
	kind := mode & netbsd.S_IFMT
	if kind != netbsd.S_IFIFO && (kind != netbsd.S_IFREG || v.Cred != nil && !v.Cred.IsRoot()) {
		return netbsd.EPERM
	}
	return v.onName(at, name, func(l *lookup, p parentDir) error { return l.mknod(p, kind, mode) })
}

// MknodDev is do_sys_mknodat, for all but a FIFO without a number. A device would mean the host's of that number, so only files are made, and
// devices numbered 0, behind which there is nothing: EPERM for others, unless owners are kept beside the files. Behind EEXIST come EINVAL for what is
// neither a file nor a device, and for a number that is none, and EOPNOTSUPP for a whiteout.
func (v View) MknodDev(at int, name string, mode uint32, dev uint64) netbsd.Errno {
	kind := mode & netbsd.S_IFMT
	if v.Cred != nil && !v.Cred.IsRoot() {
		return netbsd.EPERM
	}
	return v.onName(at, name, func(l *lookup, p parentDir) error {
		refused := refusedNode(kind, dev)
		if refused == nil && kind != netbsd.S_IFREG && dev != 0 && l.tree.keeper == nil {
			refused = unix.EPERM
		}
		if refused != nil {
			if _, err := p.stat(); err != unix.ENOENT {
				return cmp.Or(err, error(unix.EEXIST))
			}
			return refused
		}
		if kind != netbsd.S_IFREG && l.tree.keeper != nil {
			return l.makeDevice(p, kind|mode&0o777&^l.umask, dev)
		}
		return l.mknod(p, kind, mode)
	})
}

// refusedNode is what do_sys_mknodat says to a kind of node, or to its number, that cannot be made.
func refusedNode(kind uint32, dev uint64) error {
	switch kind {
	case netbsd.S_IFREG:
		return nil
	case netbsd.S_IFWHT:
		return unix.EOPNOTSUPP
	case netbsd.S_IFCHR, netbsd.S_IFBLK:
		if dev != noDevice {
			return nil
		}
	}
	return unix.EINVAL
}

// mknod makes a node that the host may have, too.
func (l *lookup) mknod(p parentDir, kind, mode uint32) error {
	if err := p.writable(); err != nil {
		return err
	}
	return l.makeName(p, kind|l.madeMode(p.at.mnt, mode&0o7777&^l.umask, kind), func(mode uint32) (int, error) {
		if err := unix.Mknodat(p.at.fd, p.name, kind|mode, 0); err != nil {
			return -1, err
		}
		return -1, l.fixMode(p, mode)
	})
}

// makeDevice makes a file that stands for a device: the host has none of it.
func (l *lookup) makeDevice(p parentDir, mode uint32, dev uint64) error {
	if err := p.writable(); err != nil {
		return err
	}
	l.judged()
	return l.makeNumbered(p, mode, dev, func(mode uint32) (int, error) {
		return -1, unix.Mknodat(p.at.fd, p.name, unix.S_IFREG|mode, 0)
	})
}

// Symlink is symlinkat(2). The target is kept as it is: it is the guest's name.
func (v View) Symlink(target string, at int, name string) netbsd.Errno {
	switch {
	case len(target) >= netbsd.PATH_MAX:
		return netbsd.ENAMETOOLONG
	case target == "":
		return netbsd.ENOENT
	}
	return v.onName(at, name, func(l *lookup, p parentDir) error {
		if err := p.writable(); err != nil {
			return err
		}
		return l.makeName(p, unix.S_IFLNK, func(uint32) (int, error) {
			return -1, unix.Symlinkat(target, p.at.fd, p.name)
		})
	})
}

// Readlink is readlinkat(2).
func (v View) Readlink(at int, name string) (string, netbsd.Errno) {
	if link, ok, errno := v.readMade(at, name); ok || errno != 0 {
		return link, errno
	}
	var target string
	errno := v.onName(at, name, func(l *lookup, p parentDir) error {
		return l.as(func() error {
			var b [unix.PathMax]byte
			n, err := unix.Readlinkat(p.at.fd, p.name, b[:])
			target = string(b[:max(n, 0)])
			return err
		})
	})
	if errno == netbsd.EPERM { // a device
		errno = netbsd.EINVAL
	}
	return target, errno
}

// readMade is Readlink where the machine makes names up; ok: this is one.
func (v View) readMade(at int, name string) (link string, ok bool, errno netbsd.Errno) {
	if len(v.Dirs.tree.made) == 0 {
		return "", false, 0
	}
	l, errno := v.newLookup(at, name)
	if errno != 0 {
		return "", false, errno
	}
	defer l.close()
	switch {
	case !l.isMade:
		return "", false, 0
	case l.made.errno == 0 && l.made.Link == "":
		return "", true, netbsd.EINVAL
	}
	return l.made.Link, true, l.made.errno
}

// Link is linkat(2); link(2) follows a link at the end of the old name.
func (v View) Link(oldAt int, old string, newAt int, new string, follow bool) netbsd.Errno {
	src, errno := v.newLookup(oldAt, old)
	if errno != 0 {
		return errno
	}
	defer src.close()
	if _, ok := src.device(); ok {
		return netbsd.EXDEV
	}
	return v.onName(newAt, new, func(l *lookup, p parentDir) error {
		if src.direct() && p.at.mnt.free {
			flags := 0
			if follow {
				flags = unix.AT_SYMLINK_FOLLOW
			}
			return unix.Linkat(src.at.fd, src.name, p.at.fd, p.name, flags)
		}
		if err := p.writable(); err != nil {
			return err
		}
		if follow {
			return l.linkFollowed(src, p)
		}
		sp, err := src.parent()
		if err != nil {
			return err
		}
		defer sp.close()
		if err := sp.checkSlash(false); err != nil {
			return err
		}
		if busy, err := sp.busy(); err != nil || busy || sp.at.mnt != p.at.mnt {
			return cmp.Or(err, error(unix.EXDEV))
		}
		if l.cred != nil {
			if a, err := sp.attrs(); err != nil || a.unchanging() {
				return cmp.Or(err, error(unix.EPERM)) // ufs_link
			}
		}
		return l.makeLink(p, func() error { return unix.Linkat(sp.at.fd, sp.name, p.at.fd, p.name, 0) })
	})
}

// makeLink runs a call that gives a file another name.
func (l *lookup) makeLink(p parentDir, link func() error) error {
	if err := p.mayName(); err != nil {
		return err
	}
	defer p.at.marks().Names()()
	if l.cred != nil {
		if _, err := p.stat(); err != unix.ENOENT {
			return cmp.Or(err, error(unix.EEXIST))
		}
		if err := l.allowDir(p.at, mayWrite); err != nil {
			return err
		}
	}
	return l.as(link)
}

// linkFollowed makes a link to what the old name leads to. The file is found first and linked
// by its descriptor, as the name may be another file's a moment later.
func (l *lookup) linkFollowed(src *lookup, p parentDir) error {
	n, err := src.openPath(true)
	if err != nil {
		return err
	}
	defer n.close()
	if n.mnt != p.at.mnt {
		return unix.EXDEV
	}
	if a, err := n.attrs(); err == nil && l.cred != nil && a.unchanging() {
		return unix.EPERM // ufs_link
	}
	return l.makeLink(p, func() error {
		return unix.Linkat(unix.AT_FDCWD, hostfile.ProcPath(n.fd), p.at.fd, p.name, unix.AT_SYMLINK_FOLLOW)
	})
}

// Rename is renameat(2). Of two links of one file the old one goes. A trailing slash of the new
// name is for a directory only. EINVAL for "." and "..", but EISDIR for "." as the new name.
func (v View) Rename(oldAt int, old string, newAt int, new string) netbsd.Errno {
	return v.rename(oldAt, old, newAt, new, (*lookup).dropLink)
}

// PosixRename is __posix_rename(2): two links of one file both stay.
func (v View) PosixRename(old, new string) netbsd.Errno {
	return v.rename(netbsd.AT_FDCWD, old, netbsd.AT_FDCWD, new, func(*lookup, parentDir, parentDir) error { return nil })
}

func (v View) rename(oldAt int, old string, newAt int, new string, after func(l *lookup, from, to parentDir) error) netbsd.Errno {
	return v.onName(oldAt, old, func(l *lookup, from parentDir) error {
		if err := from.unnameable(old, unix.EINVAL, unix.EINVAL); err != nil {
			return err
		}
		errno := v.onParentDir(newAt, new, func(_ *lookup, to parentDir) error {
			if err := to.mayReplace(new, from); err != nil {
				return err
			}
			if err := l.rename(from, to); err != nil {
				return err
			}
			return after(l, from, to)
		})
		if errno != 0 {
			return errno
		}
		return nil
	})
}

// mayReplace judges a new name as it is written: what only a directory can have, and what nothing
// can. A from that is not there is an error before that.
func (p parentDir) mayReplace(name string, from parentDir) error {
	if err := p.unnameable(name, unix.EISDIR, unix.EINVAL); err != nil {
		_, missing := from.stat()
		return cmp.Or(missing, err)
	}
	if !p.slash {
		return nil
	}
	isDir, err := from.isDir()
	if err != nil {
		return err
	}
	return p.checkSlash(isDir)
}

// dropLink removes from if a rename has left it there, as the host does with two links of one file
// (do_sys_renameat with retain 0). One name under two spellings stays. The host has no call that
// looks and removes at once: what gets the name meanwhile is lost, as it may be to the rename.
func (l *lookup) dropLink(from, to parentDir) error {
	st, err := from.stat()
	if err != nil || st.Nlink < 2 {
		return nil
	}
	other, err := to.stat()
	if err != nil || st.Dev != other.Dev || st.Ino != other.Ino {
		return nil
	}
	if same, err := from.sameName(to); err != nil || same {
		return err
	}
	return l.as(func() error { return unix.Unlinkat(from.at.fd, from.name, 0) })
}

// sameName reports whether two names are one entry of one directory.
func (p parentDir) sameName(other parentDir) (bool, error) {
	if path.Base(p.name) != path.Base(other.name) {
		return false, nil
	}
	var dir, otherDir unix.Stat_t
	if err := unix.Fstatat(p.at.fd, path.Dir(p.name), &dir, 0); err != nil {
		return false, err
	}
	err := unix.Fstatat(other.at.fd, path.Dir(other.name), &otherDir, 0)
	return dir.Dev == otherDir.Dev && dir.Ino == otherDir.Ino, err
}

// rename renames from one directory to another, or the same, of the same mount.
func (l *lookup) rename(from, to parentDir) error {
	for _, p := range []parentDir{from, to} {
		if err := p.removable(); err != nil {
			return err
		}
	}
	if from.at.mnt != to.at.mnt {
		return unix.EXDEV
	}
	if err := to.mayName(); err != nil {
		return err
	}
	defer from.at.marks().Names()()
	if err := l.mayRename(from, to); err != nil {
		return err
	}
	return to.removing(func() error {
		return l.as(func() error { return unix.Renameat(from.at.fd, from.name, to.at.fd, to.name) })
	})
}
