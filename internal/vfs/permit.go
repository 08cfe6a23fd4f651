package vfs

import (
	"cmp"

	"toaster/internal/file"
	"toaster/kern"
	"toaster/netbsd"
)

// This file holds NetBSD's rules for who may do what to a file, as functions of
// credentials and attributes alone. The host knows nothing of a guest's users, so
// these decide wherever they differ from the user that toaster runs as.

// attrs is what the rules look at (of struct vattr).
type attrs struct {
	mode     uint32
	uid, gid uint32
	flags    uint32     // of chflags(2), where guests gave some
	id       file.Inode // the host's, of a file of the host
}

// What flags keep from everybody, the superuser included, until they are taken off (chflags(2)).
const (
	immutable = netbsd.UF_IMMUTABLE | netbsd.SF_IMMUTABLE
	appendly  = netbsd.UF_APPEND | netbsd.SF_APPEND
)

// unchanging is the word of ufs_setattr, ufs_remove, ufs_link and ufs_rename on a file that may not be changed, or at
// its end only: neither may its names and attributes.
func (a attrs) unchanging() bool { return a.flags&(immutable|appendly) != 0 }

func (a attrs) isDir() bool { return a.mode&netbsd.S_IFMT == netbsd.S_IFDIR }

func (a attrs) isLink() bool { return a.mode&netbsd.S_IFMT == netbsd.S_IFLNK }

// What may be asked of a file: VREAD, VWRITE and VEXEC, with the values of
// access(2)'s R_OK, W_OK and X_OK.
const (
	mayExec  = 1
	mayWrite = 2
	mayRead  = 4
)

// canAccess is genfs_can_access, with the superuser's rights of secmodel_suser:
// the first class that the caller belongs to decides, even if a later one would
// allow more; root may all but execute a file that nobody may execute.
//
// What is immutable nobody writes to (ufs_check_possible).
func canAccess(c *kern.Cred, a attrs, want uint32) netbsd.Errno {
	if want&mayWrite != 0 && a.flags&immutable != 0 {
		return netbsd.EPERM
	}
	if c.IsRoot() {
		if want&mayExec != 0 && !a.isDir() && a.mode&0o111 == 0 {
			return netbsd.EACCES
		}
		return 0
	}
	bits := a.mode
	switch {
	case c.EUID == a.uid:
		bits >>= 6
	case c.InGroup(a.gid):
		bits >>= 3
	}
	if want&^bits&7 != 0 {
		return netbsd.EACCES
	}
	return 0
}

// canSticky is genfs_can_sticky: in a directory with the sticky bit a name is
// changed by the owner of the directory or of the file.
func canSticky(c *kern.Cred, dir, a attrs) netbsd.Errno {
	if dir.mode&netbsd.S_ISVTX == 0 || c.IsRoot() || c.EUID == dir.uid || c.EUID == a.uid {
		return 0
	}
	return netbsd.EPERM
}

// canChmod is genfs_can_chmod: the owner may, but not set the sticky bit of what
// is no directory, nor the set-group-id bit of a group that it is not in.
func canChmod(c *kern.Cred, a attrs, mode uint32) netbsd.Errno {
	switch {
	case a.unchanging():
		return netbsd.EPERM
	case c.IsRoot():
		return 0
	case c.EUID != a.uid:
		return netbsd.EPERM
	case mode&netbsd.S_ISVTX != 0 && !a.isDir():
		return netbsd.EFTYPE
	case mode&netbsd.S_ISGID != 0 && !c.InGroup(a.gid):
		return netbsd.EPERM
	}
	return 0
}

// canChown is genfs_can_chown: only root gives files away; the owner may choose
// among its own groups. -1 leaves an id alone.
func canChown(c *kern.Cred, a attrs, uid, gid int) netbsd.Errno {
	switch {
	case a.unchanging():
		return netbsd.EPERM
	case c.IsRoot():
		return 0
	case c.EUID != a.uid:
		return netbsd.EPERM
	case uid != -1 && uint32(uid) != a.uid:
		return netbsd.EPERM
	case gid != -1 && uint32(gid) != a.gid && !c.InGroup(uint32(gid)):
		return netbsd.EPERM
	}
	return 0
}

// setIDs are the bits of a mode that make who executes the file somebody else.
const setIDs = netbsd.S_ISUID | netbsd.S_ISGID

// chownMode is what change_owner makes of a mode: chown(2) takes the bit of each id that is given, be it as it was, and __posix_chown(2) both,
// but by the superuser none.
func chownMode(c *kern.Cred, mode uint32, uid, gid int, posix bool) uint32 {
	if posix {
		if c.IsRoot() {
			return mode
		}
		return mode &^ setIDs
	}
	if uid != -1 {
		mode &^= netbsd.S_ISUID
	}
	if gid != -1 {
		mode &^= netbsd.S_ISGID
	}
	return mode
}

// canChtimes is genfs_can_chtimes and utimes(2): whoever may write to the file may
// set both times to now, and the owner to anything.
func canChtimes(c *kern.Cred, a attrs, now bool) netbsd.Errno {
	switch {
	case a.unchanging():
		return netbsd.EPERM
	case c.IsRoot() || c.EUID == a.uid:
		return 0
	case !now:
		return netbsd.EPERM
	}
	return canAccess(c, a, mayWrite)
}

// canChflags is genfs_can_chflags for the flags that are not the system's.
func canChflags(c *kern.Cred, a attrs) netbsd.Errno {
	if c.IsRoot() {
		return 0
	}
	kind := a.mode & netbsd.S_IFMT
	if c.EUID != a.uid || kind == netbsd.S_IFCHR || kind == netbsd.S_IFBLK {
		return netbsd.EPERM
	}
	return 0
}

// canSetFlags is ufs_setattr's rule for the flags that are the system's: only the superuser changes them, and nobody those of snapshots. Where
// the security level is above 0, nobody changes those of a file that may not be changed or only be appended to
// (secmodel_securelevel_vnode_cb).
func canSetFlags(c *kern.Cred, a attrs, want uint64, secured bool) netbsd.Errno {
	const (
		system    = 0xffff0000 // SF_SETTABLE
		snapshots = netbsd.SF_SNAPSHOT | netbsd.SF_SNAPINVAL
	)
	change := a.flags ^ uint32(want)
	if change&snapshots != 0 || !c.IsRoot() && change&system != 0 {
		return netbsd.EPERM
	}
	if secured && change&system != 0 && a.flags&(netbsd.SF_IMMUTABLE|netbsd.SF_APPEND) != 0 {
		return netbsd.EPERM
	}
	return 0
}

// secured reports whether the security level of the caller's machine is above 0.
func (v View) secured() bool {
	l, ok := v.L.(*kern.LWP)
	return ok && l != nil && l.Proc().Machine().SecureLevel() > 0
}

// canUnlink is genfs_ufslike_remove_check_permitted: the directory is written to,
// and its sticky bit counts.
func canUnlink(c *kern.Cred, dir, a attrs) netbsd.Errno {
	if errno := canAccess(c, dir, mayWrite); errno != 0 {
		return errno
	}
	if a.unchanging() || dir.flags&appendly != 0 {
		return netbsd.EPERM
	}
	return canSticky(c, dir, a)
}

// renaming is what rename(2) touches; to is nil if the new name is free.
type renaming struct {
	fromDir, toDir attrs
	sameDir        bool
	from           attrs
	to             *attrs
}

// canRename is what rename(2) asks, in its order: to take the old name from its directory (ufs_can_delete), to write to the other directory
// (ufs_lookup), whether a directory and another file would change places (do_sys_renameat), what flags keep
// (genfs_ufslike_rename_check_possible), to change the ".." of a directory that is moved, and the new name's sticky directory
// (genfs_ufslike_rename_check_permitted).
func canRename(c *kern.Cred, r renaming) netbsd.Errno {
	errno := cmp.Or(canAccess(c, r.fromDir, mayWrite), canSticky(c, r.fromDir, r.from))
	if errno == 0 && !r.sameDir {
		errno = canAccess(c, r.toDir, mayWrite)
	}
	switch {
	case errno != 0:
		return errno
	case r.to != nil && r.from.isDir() && !r.to.isDir():
		return netbsd.ENOTDIR
	case r.to != nil && !r.from.isDir() && r.to.isDir():
		return netbsd.EISDIR
	case r.from.unchanging() || r.fromDir.flags&appendly != 0:
		return netbsd.EPERM
	case r.to != nil && (r.to.unchanging() || r.toDir.flags&appendly != 0):
		return netbsd.EPERM
	}
	if !r.sameDir && r.from.isDir() {
		errno = canAccess(c, r.from, mayWrite)
	}
	if errno == 0 && r.to != nil {
		errno = canSticky(c, r.toDir, *r.to)
	}
	return errno
}

// newMode is the mode of a file made by c in a directory of group gid, whose group
// it gets: the set-group-id bit is for members (ufs_makeinode).
func newMode(c *kern.Cred, mode, gid uint32) uint32 {
	if !c.IsRoot() && !c.InGroup(gid) {
		mode &^= netbsd.S_ISGID
	}
	return mode
}

// openRights is what open(2) with flags needs of a file that is there (vn_openchk):
// O_TRUNC writes, whatever the access mode.
func openRights(flags int) (want uint32) {
	if acc := flags & netbsd.O_ACCMODE; acc != netbsd.O_WRONLY {
		want |= mayRead
	}
	if flags&netbsd.O_EXEC != 0 {
		want |= mayExec
	}
	if flags&netbsd.O_ACCMODE != netbsd.O_RDONLY || flags&netbsd.O_TRUNC != 0 {
		want |= mayWrite
	}
	return want
}

// canOpen is what open(2) asks of a file that is there: what grows at its end only is opened so (ufs_open).
func canOpen(c *kern.Cred, a attrs, flags int) netbsd.Errno {
	if a.flags&appendly != 0 && (flags&netbsd.O_ACCMODE != netbsd.O_RDONLY && flags&netbsd.O_APPEND == 0 || flags&netbsd.O_TRUNC != 0) {
		return netbsd.EPERM
	}
	return canAccess(c, a, openRights(flags))
}
