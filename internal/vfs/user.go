package vfs

import (
	"slices"

	"toaster/internal/file"
	"toaster/internal/hostfile"
	"toaster/kern"
	"toaster/netbsd"
)

// HostCred returns the credentials that toaster itself has on its host, which are
// those of a guest unless it is told otherwise.
func (t *Tree) HostCred() *kern.Cred { return t.user.cred }

// CanBe reports whether guests may have another user's credentials with the host's
// consent: what they make is then that user's. Where they may without it, as owners are kept
// beside the files, the host's judgement of toaster's own user ends, too.
func (t *Tree) CanBe(c *kern.Cred) bool {
	switch {
	case sameUser(c, t.user.cred):
		return true
	case t.keeper != nil:
		t.keeper.Judge()
		return true
	}
	return t.user.as(c, func() error { return nil }) == nil
}

// SameAsHost reports whether the host judges c as it does toaster itself.
func (t *Tree) SameAsHost(c *kern.Cred) bool { return sameUser(c, t.user.cred) }

// sameUser reports whether the host judges a and b alike.
func sameUser(a, b *kern.Cred) bool {
	return a == b || a.EUID == b.EUID && a.EGID == b.EGID && slices.Equal(a.Groups, b.Groups)
}

// other returns the caller's credentials where they are not those that the host
// judges by, or where the host knows nothing of whose files are, so that the rules are to be asked; nil
// where the host's own judgement is right.
func (v View) otherUser() *kern.Cred {
	if v.Cred == nil || sameUser(v.Cred, v.Dirs.tree.user.cred) {
		if v.Dirs.tree.keeper.Judged() {
			return v.user()
		}
		return nil
	}
	return v.Cred
}

// NotHost reports whether the caller is another user than the one that toaster runs
// as, to whom the host might allow more.
func (v View) NotHost() bool { return v.Cred != nil && !sameUser(v.Cred, v.Dirs.tree.user.cred) }

// as runs a call that makes no file with the caller's ids on the host, as far as the
// host allows. It must not sleep. Preconditions: NetBSD's rules allow it.
func (v View) as(call func() error) error {
	c := v.otherUser()
	if c == nil {
		return call()
	}
	err := v.Dirs.tree.user.as(c, call)
	if err == errNotSwitched {
		return call()
	}
	return err
}

// attrsOf returns what the rules need of an open file.
func attrsOf(d *file.Description) (attrs, netbsd.Errno) {
	st, errno := d.File.Stat()
	return attrs{mode: st.Mode, uid: st.UID, gid: st.GID, flags: st.Flags}, errno
}

// onOpen changes an open file if the rule allows it. Files that have no attributes
// say so themselves.
func (v View) onOpen(d *file.Description, rule func(c *kern.Cred, a attrs) netbsd.Errno, change func() netbsd.Errno) netbsd.Errno {
	c := v.judgeOpen()
	if c == nil {
		return change()
	}
	if a, errno := attrsOf(d); errno == 0 && isVnode(d, a) {
		if errno := rule(c, a); errno != 0 {
			return errno
		}
	}
	return hostfile.Errno(v.as(func() error { return asError(change()) }))
}

// isVnode tells files with owners from pipes and sockets, which nobody owns.
func isVnode(d *file.Description, a attrs) bool {
	_, onHost := d.NameFD()
	return a.mode&netbsd.S_IFMT == netbsd.S_IFCHR || onHost && a.mode&netbsd.S_IFMT != netbsd.S_IFSOCK
}

// IsVnode reports whether an open file is one that a name could lead to (fd_getvnode).
func IsVnode(d *file.Description) bool {
	a, errno := attrsOf(d)
	return errno == 0 && isVnode(d, a)
}

// asError is e as an error that is nil for 0.
func asError(errno netbsd.Errno) error {
	if errno == 0 {
		return nil
	}
	return errno
}

// Fchmod is fchmod(2).
func (v View) Fchmod(d *file.Description, mode uint32) netbsd.Errno {
	mode &= 0o7777
	if a, errno := attrsOf(d); errno == 0 && isVnode(d, a) && v.stickyRefused(a, mode) {
		return canChmod(v.user(), a, mode)
	}
	return v.onOpen(d,
		func(c *kern.Cred, a attrs) netbsd.Errno {
			errno := canChmod(c, a, mode)
			mode = v.ownSetIDs(mode, a)
			return errno
		},
		func() netbsd.Errno { return d.File.Chmod(mode) })
}

// Fchown is fchown(2); -1 leaves an id alone.
func (v View) Fchown(d *file.Description, uid, gid int) netbsd.Errno {
	return v.onOpen(d,
		func(c *kern.Cred, a attrs) netbsd.Errno { return canChown(c, a, uid, gid) },
		func() netbsd.Errno { return d.File.Chown(uid, gid) })
}

// Futimens is futimens(2) and futimes(2).
func (v View) Futimens(d *file.Description, atime, mtime file.Timeset) netbsd.Errno {
	return v.onOpen(d,
		func(c *kern.Cred, a attrs) netbsd.Errno { return canChtimes(c, a, atime.Now && mtime.Now) },
		func() netbsd.Errno { return d.File.Utimens(atime, mtime) })
}

// Fchflags is fchflags(2).
func (v View) Fchflags(d *file.Description, want uint64) netbsd.Errno {
	return v.onOpen(d, v.flagsRule(want), func() netbsd.Errno { return fchflags(d, want) })
}
