package vfs

import (
	"cmp"
	"strings"

	"golang.org/x/sys/unix"

	"toaster/internal/file"
	"toaster/internal/hostfile"
	"toaster/internal/owners"
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
			return l.onward().change(netbsd.AT_FDCWD, l.target(dev), follow, rule, call)
		}
		if dev.errno == 0 && dev.Fixed {
			return 0 // procfs_setattr takes all and does nothing
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
		if flags != 0 || mode&(unix.S_ISVTX|unix.S_ISGID) != 0 {
			a, err := attrsAt(n, at, name, flags)
			if err != nil {
				return err
			}
			errno := canChmod(v.user(), a, mode)
			switch {
			case a.isLink() && errno == 0 && n != nil && n.marks().On():
				return chmodLink(n, mode)
			case a.isLink(), v.bitRefused(a, mode):
				return asError(errno) // of a link of the host's the mode is Linux's alone, and nobody asks for it
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
			if done, err := v.chmodMarked(n, a, mode); done {
				return err
			}
			mode = n.mnt.origin.HostMode(v.ownSetIDs(mode, a), a.mode&unix.S_IFMT)
		}
		return unix.Fchmodat(at, name, mode, 0)
	})
}

// chmodLink keeps a mode that no link of the host's has.
func chmodLink(n *node, mode uint32) error {
	return n.marks().Change(n.fd, func(m *owners.Mark) { m.Mode = unix.S_IFLNK | mode })
}

// attrsAt describes what a name is, which n is if that is not nil.
func attrsAt(n *node, at int, name string, flags int) (attrs, error) {
	if n != nil {
		return n.attrs()
	}
	var st unix.Stat_t
	err := unix.Fstatat(at, name, &st, flags)
	return attrsOfHost(&st), err
}

// chmodMarked changes a mode that is not the host's to know; done: it was such a one. Where there is no mark yet, set-id
// bits make one.
func (v View) chmodMarked(n *node, a attrs, mode uint32) (done bool, err error) {
	o := v.marksFor(n)
	if o == nil && n.marks().On() && setsIDs(mode, a.mode&unix.S_IFMT) {
		if errno := canChmod(v.user(), a, mode); errno != 0 {
			return true, errno
		}
		o = n.marks()
	}
	if o == nil {
		return false, nil
	}
	return true, o.Change(n.fd, func(m *owners.Mark) { m.Mode = m.Mode&unix.S_IFMT | mode })
}

// user is who asks.
func (v View) user() *kern.Cred {
	if v.Cred != nil {
		return v.Cred
	}
	return v.Dirs.tree.user.cred
}

// bitRefused reports whether canChmod refuses a bit that Linux takes otherwise: sticky, which it lets all files have, and the group's of who
// is not in it, which it leaves out.
func (v View) bitRefused(a attrs, mode uint32) bool {
	c := v.user()
	return !c.IsRoot() && (mode&unix.S_ISVTX != 0 && !a.isDir() || mode&unix.S_ISGID != 0 && !c.InGroup(a.gid))
}

// Utimens is utimensat(2) and its older kin.
func (v View) Utimens(at int, name string, atime, mtime file.Timeset, follow bool) netbsd.Errno {
	ts := []unix.Timespec{hostfile.HostTime(atime), hostfile.HostTime(mtime)}
	return v.change(at, name, follow, timesRule(atime, mtime), func(_ *node, at int, name string, flags int) error {
		if atime.Omit && mtime.Omit { // then the host does not even look for the file
			return unix.Fstatat(at, name, new(unix.Stat_t), flags)
		}
		return unix.UtimesNanoAt(at, name, ts, flags)
	})
}

// timesRule is canChtimes of two times: where neither is set it is not asked (ufs_setattr).
func timesRule(atime, mtime file.Timeset) ownerRule {
	return func(c *kern.Cred, a attrs) netbsd.Errno {
		if atime.Omit && mtime.Omit && !a.unchanging() {
			return 0
		}
		return canChtimes(c, a, atime.Now && mtime.Now)
	}
}

// allFlags is VNOVAL of struct vattr: chflags(2) with all bits set changes none.
const allFlags = ^uint64(0)

// flagsRule is what ufs_setattr asks before it changes flags. Where owners are not kept beside the files most flags are none of the file
// system's, which it says before all else (zfs_netbsd_setattr, nfs_setattr).
func (v View) flagsRule(want uint64) ownerRule {
	return func(c *kern.Cred, a attrs) netbsd.Errno {
		switch {
		case want != allFlags && want&^netbsd.UF_NODUMP != 0 && v.Dirs.tree.keeper == nil:
			return netbsd.EOPNOTSUPP
		case want != allFlags:
			return cmp.Or(canChflags(c, a), canSetFlags(c, a, want, v.secured()))
		case a.unchanging():
			return netbsd.EPERM
		}
		return 0
	}
}

// Chflags is chflags(2) and lchflags(2). Of the flags the host's file systems know UF_NODUMP; the others would
// keep their files from everybody on the host: EOPNOTSUPP, but where owners are kept beside the files, and flags with them.
func (v View) Chflags(name string, follow bool, want uint64) netbsd.Errno {
	rule := v.flagsRule(want)
	return v.change(netbsd.AT_FDCWD, name, follow, rule, func(n *node, at int, name string, flags int) error {
		onHost := func(want uint64) error { return nameFlags(n, at, name, flags, want) }
		a, err := attrsAt(n, at, name, flags)
		if err != nil {
			return err
		}
		// Of toaster's own user the rule has not been asked before, and the host, which has few of the flags, need not be.
		if errno := rule(v.user(), a); errno != 0 {
			return errno
		}
		if n == nil || !n.marks().On() {
			return onHost(want)
		}
		return markFlags(n.marks(), n.fd, want, onHost)
	})
}

// nameFlags changes the flags that the host has of a file or directory, which n is if that is not nil.
func nameFlags(n *node, at int, name string, flags int, want uint64) error {
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
}

// fchflags changes the flags of an open file or directory of the host's.
func fchflags(d *file.Description, want uint64) netbsd.Errno {
	if errno := fixed(d); errno != 0 {
		return errno
	}
	fd, ok := d.HostFD()
	if _, found := d.File.(interface{ Origin() *file.Origin }); !found {
		if st, errno := d.File.Stat(); errno == 0 && st.Mode&netbsd.S_IFMT == netbsd.S_IFCHR {
			return netbsd.EPERM // a device of the machine's, of which chflags(2) says so, too
		}
	}
	onHost := func(want uint64) error {
		st, errno := d.File.Stat()
		if kind := st.Mode & netbsd.S_IFMT; !ok || errno != 0 || kind != netbsd.S_IFREG && kind != netbsd.S_IFDIR {
			return noFlags(want)
		}
		return setFlags(fd, want)
	}
	if o := d.Origin().Marks(); ok && o.On() {
		return hostfile.Errno(markFlags(o, fd, want, onHost))
	}
	return hostfile.Errno(onHost(want))
}

// fixed is why the attributes of an open file are not to be changed, 0 if they are.
func fixed(d *file.Description) netbsd.Errno {
	if f, ok := d.File.(interface{ Fixed() netbsd.Errno }); ok {
		return f.Fixed()
	}
	return d.Origin().Fixed()
}

// markFlags keeps flags that the host has none of: all but UF_NODUMP, where onHost sets that. What has none and gets none is left alone.
func markFlags(o *owners.Table, fd int, want uint64, onHost func(uint64) error) error {
	if want == allFlags {
		return nil
	}
	flags := uint32(want)
	if onHost(want&netbsd.UF_NODUMP) == nil {
		flags &^= netbsd.UF_NODUMP
	}
	if flags == 0 && !o.Marked() {
		return nil
	}
	return o.Change(fd, func(m *owners.Mark) { m.Flags = flags })
}

func noFlags(want uint64) error {
	if want != 0 && want != allFlags {
		return unix.EOPNOTSUPP
	}
	return nil
}

// setFlags changes the flags of an open file: what the host keeps of its own is left.
func setFlags(fd int, want uint64) error {
	const noDump = 0x40 // FS_NODUMP_FL
	if want == allFlags || want&^netbsd.UF_NODUMP != 0 {
		return noFlags(want)
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
		switch {
		case a.isDir():
			return netbsd.EISDIR // which sys_truncate says before it asks
		case v.Dirs.tree.texts.busy(a.id) != 0:
			return netbsd.ETXTBSY // as vn_writechk
		case a.unchanging():
			return netbsd.EPERM // ufs_setattr
		}
		return canAccess(c, a, mayWrite)
	}
	if errno, made := v.truncateMade(name); made {
		return errno
	}
	return v.change(netbsd.AT_FDCWD, name, true, rule, func(n *node, at int, name string, _ int) error {
		a, err := attrsAt(n, at, name, 0)
		if err == nil {
			err = asError(v.Dirs.tree.texts.busy(a.id))
		}
		if err != nil {
			return err
		}
		if o := v.marksFor(n); o != nil {
			if err := v.wideToWrite(*n, o, a); err != nil {
				return err
			}
		}
		switch a.mode & unix.S_IFMT {
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

// truncateMade is Truncate of what the machine makes up, which has no size: who may write to it succeeds (ufs_setattr, procfs_setattr).
func (v View) truncateMade(name string) (errno netbsd.Errno, made bool) {
	l, errno := v.newLookup(netbsd.AT_FDCWD, name)
	if errno != 0 {
		return errno, true
	}
	defer l.close()
	dev, made := l.device()
	switch {
	case !made:
		return 0, false
	case dev.errno != 0:
		return dev.errno, true
	case dev.Link != "":
		return l.onward().Truncate(l.target(dev), 0), true
	case dev.List != nil:
		return netbsd.EISDIR, true
	}
	return canAccess(v.user(), attrsOfDevice(dev), mayWrite), true
}

// wideToWrite has the host let a file be written to, and takes its set-id bits as a write does.
func (v View) wideToWrite(n node, o *owners.Table, a attrs) error {
	if err := n.widen(0o200); err != nil {
		return err
	}
	if !v.user().IsRoot() && setsIDs(a.mode, a.mode&unix.S_IFMT) {
		return o.ClearSetIDs(n.fd)
	}
	return nil
}
