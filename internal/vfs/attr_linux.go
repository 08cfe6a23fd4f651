package vfs

import (
	"cmp"
	"strings"

	"golang.org/x/sys/unix"

	"toaster/internal/file"
	"toaster/internal/hostfile"
	"toaster/kern"
	"toaster/netbsd"
)

// onFile runs an *at call on the file that the path leads to. Unless names go to the host
// as they are, the file is found first and reached again through /proc, which the host
// follows to exactly that file; a link that isn't followed by the descriptor itself.
func (l *lookup) onFile(follow bool, call func(n *node, at int, name string, flags int) error) netbsd.Errno {
	follow = follow || strings.HasSuffix(l.name, "/")
	if l.direct() {
		flags := 0
		if !follow {
			flags = unix.AT_SYMLINK_NOFOLLOW
		}
		return hostfile.Errno(call(nil, l.at.fd, l.name, flags))
	}
	n, err := l.openPath(follow)
	if err != nil {
		return hostfile.Errno(err)
	}
	defer n.close()
	var st unix.Stat_t
	if err := unix.Fstat(n.fd, &st); err != nil {
		return hostfile.Errno(err)
	}
	if st.Mode&unix.S_IFMT == unix.S_IFLNK {
		return hostfile.Errno(call(&n, n.fd, "", unix.AT_SYMLINK_NOFOLLOW|unix.AT_EMPTY_PATH))
	}
	return hostfile.Errno(call(&n, unix.AT_FDCWD, hostfile.ProcPath(n.fd), 0))
}

// ownerRule is one of the rules of permit.go for what only some may do.
type ownerRule = func(c *kern.Cred, a attrs) netbsd.Errno

// change is onFile for calls that a device of the kernel's refuses, and to which a rule applies.
func (v View) change(at int, name string, follow bool, rule ownerRule, call func(n *node, at int, name string, flags int) error) netbsd.Errno {
	l, errno := v.newLookup(at, name)
	if errno != 0 {
		return errno
	}
	defer l.close()
	if dev, ok := l.device(); ok {
		if dev.Link != "" && follow {
			return v.change(netbsd.AT_FDCWD, l.target(dev), follow, rule, call)
		}
		return cmp.Or(dev.errno, netbsd.EPERM)
	}
	return l.onFile(follow, func(n *node, at int, name string, flags int) error {
		if n != nil && n.mnt.origin.ReadOnly {
			return unix.EROFS
		}
		if l.cred == nil {
			return call(n, at, name, flags)
		}
		if err := l.allow(*n, rule); err != nil {
			return err
		}
		return l.as(func() error { return call(n, at, name, flags) })
	})
}

// Chmod is fchmodat(2), chmod(2) and lchmod(2).
func (v View) Chmod(at int, name string, mode uint32, follow bool) netbsd.Errno {
	mode &= 0o7777
	rule := func(c *kern.Cred, a attrs) netbsd.Errno { return canChmod(c, a, mode) }
	return v.change(at, name, follow, rule, func(n *node, at int, name string, flags int) error {
		if flags != 0 || mode&unix.S_ISVTX != 0 {
			var st unix.Stat_t
			if err := unix.Fstatat(at, name, &st, flags); err != nil {
				return err
			}
			if a := attrsOfHost(&st); a.isLink() || v.stickyRefused(a, mode) {
				return asError(canChmod(v.user(), a, mode)) // the mode of a link is Linux's alone, and nobody asks for it
			}
		}
		switch {
		case flags != 0:
			return chmodNofollow(at, name, mode)
		case n != nil:
			a, err := n.attrs()
			if err != nil {
				return err
			}
			mode = n.mnt.origin.HostMode(v.ownSetIDs(mode, a), a.mode&unix.S_IFMT)
		}
		return unix.Fchmodat(at, name, mode, 0)
	})
}

// user is who asks.
func (v View) user() *kern.Cred {
	if v.Cred != nil {
		return v.Cred
	}
	return v.Dirs.tree.user.cred
}

// stickyRefused reports whether canChmod refuses the sticky bit, which Linux lets all files have.
func (v View) stickyRefused(a attrs, mode uint32) bool {
	return mode&unix.S_ISVTX != 0 && !a.isDir() && !v.user().IsRoot()
}

// Chown is fchownat(2), chown(2) and lchown(2); -1 leaves an id alone.
func (v View) Chown(at int, name string, uid, gid int, follow bool) netbsd.Errno {
	rule := func(c *kern.Cred, a attrs) netbsd.Errno { return canChown(c, a, uid, gid) }
	return v.change(at, name, follow, rule, func(_ *node, at int, name string, flags int) error {
		return unix.Fchownat(at, name, uid, gid, flags)
	})
}

// Utimens is utimensat(2) and its older kin.
func (v View) Utimens(at int, name string, atime, mtime file.Timeset, follow bool) netbsd.Errno {
	ts := []unix.Timespec{hostfile.HostTime(atime), hostfile.HostTime(mtime)}
	rule := func(c *kern.Cred, a attrs) netbsd.Errno { return canChtimes(c, a, atime.Now && mtime.Now) }
	return v.change(at, name, follow, rule, func(_ *node, at int, name string, flags int) error {
		return unix.UtimesNanoAt(at, name, ts, flags)
	})
}

// Chflags is chflags(2) and lchflags(2). Of the flags the host's file systems know UF_NODUMP; the others would
// keep their files from everybody on the host: EOPNOTSUPP.
func (v View) Chflags(name string, follow bool, want uint64) netbsd.Errno {
	return v.change(netbsd.AT_FDCWD, name, follow, canChflags, func(n *node, at int, name string, flags int) error {
		var st unix.Stat_t
		if err := unix.Fstatat(at, name, &st, flags); err != nil {
			return err
		}
		if kind := st.Mode & unix.S_IFMT; kind != unix.S_IFREG && kind != unix.S_IFDIR {
			return noFlags(want)
		}
		open := unix.O_RDONLY | unix.O_NONBLOCK | unix.O_CLOEXEC
		if n == nil && flags != 0 {
			open |= unix.O_NOFOLLOW
		}
		fd, err := openHost(at, name, open, 0)
		if err != nil {
			return err
		}
		defer unix.Close(fd)
		return setFlags(fd, want)
	})
}

// fchflags changes the flags of an open file or directory of the host's.
func fchflags(d *file.Description, want uint64) netbsd.Errno {
	fd, ok := d.HostFD()
	st, errno := d.File.Stat()
	kind := st.Mode & netbsd.S_IFMT
	if !ok || errno != 0 || kind != netbsd.S_IFREG && kind != netbsd.S_IFDIR {
		return hostfile.Errno(noFlags(want))
	}
	return hostfile.Errno(setFlags(fd, want))
}

func noFlags(want uint64) error {
	if want != 0 {
		return unix.EOPNOTSUPP
	}
	return nil
}

// setFlags changes the flags of an open file: what the host keeps of its own is left.
func setFlags(fd int, want uint64) error {
	const noDump = 0x40 // FS_NODUMP_FL
	if want&^netbsd.UF_NODUMP != 0 {
		return unix.EOPNOTSUPP
	}
	has, err := unix.IoctlGetInt(fd, unix.FS_IOC_GETFLAGS)
	if err != nil {
		return noFlags(want) // the file system has none
	}
	set := has &^ noDump
	if want&netbsd.UF_NODUMP != 0 {
		set |= noDump
	}
	if set == has {
		return nil
	}
	return unix.IoctlSetPointerInt(fd, unix.FS_IOC_SETFLAGS, set)
}

// Truncate is truncate(2). What is no regular file has no size to change: ufs_setattr.
func (v View) Truncate(name string, size int64) netbsd.Errno {
	if size < 0 {
		return netbsd.EINVAL
	}
	rule := func(c *kern.Cred, a attrs) netbsd.Errno {
		if a.isDir() {
			return netbsd.EISDIR // which sys_truncate says before it asks
		}
		return canAccess(c, a, mayWrite)
	}
	return v.change(netbsd.AT_FDCWD, name, true, rule, func(_ *node, at int, name string, _ int) error {
		var st unix.Stat_t
		if err := unix.Fstatat(at, name, &st, 0); err != nil {
			return err
		}
		switch st.Mode & unix.S_IFMT {
		case unix.S_IFIFO, unix.S_IFCHR, unix.S_IFBLK, unix.S_IFSOCK:
			return nil
		}
		fd, err := openHost(at, name, unix.O_WRONLY|unix.O_NONBLOCK|unix.O_CLOEXEC|unix.O_NOCTTY, 0)
		if err != nil {
			return err
		}
		defer unix.Close(fd)
		return unix.Ftruncate(fd, size)
	})
}
