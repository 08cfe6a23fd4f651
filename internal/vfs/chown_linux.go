package vfs

import (
	"golang.org/x/sys/unix"

	"toaster/internal/file"
	"toaster/internal/hostfile"
	"toaster/internal/owners"
	"toaster/kern"
	"toaster/netbsd"
)

// This file changes owners. Which set-id bits go with that NetBSD and the host see in two ways (change_owner of vfs_syscalls.c): the host
// takes both from whoever asks for anything, but none from a directory.

// Chown is fchownat(2), chown(2) and lchown(2); -1 leaves an id alone.
func (v View) Chown(at int, name string, uid, gid int, follow bool) netbsd.Errno {
	return v.chown(at, name, uid, gid, follow, false)
}

// PosixChown is __posix_chown(2) and __posix_lchown(2).
func (v View) PosixChown(at int, name string, uid, gid int, follow bool) netbsd.Errno {
	return v.chown(at, name, uid, gid, follow, true)
}

func (v View) chown(at int, name string, uid, gid int, follow, posix bool) netbsd.Errno {
	return v.change(at, name, follow, chownRule(uid, gid, posix), func(n *node, at int, name string, flags int) error {
		a, err := attrsAt(n, at, name, flags)
		if err != nil {
			return err
		}
		mode := chownMode(v.user(), a.mode, uid, gid, posix)
		switch o := v.marksFor(n); {
		case uid == -1 && gid == -1 && mode == a.mode:
			return nil
		case o != nil:
			return o.Change(n.fd, func(m *owners.Mark) {
				if uid != -1 {
					m.UID = uint32(uid)
				}
				if gid != -1 {
					m.GID = uint32(gid)
				}
				m.Mode = chownMode(v.user(), m.Mode, uid, gid, posix)
			})
		case a.isLink() || a.mode&setIDs == 0:
			return unix.Fchownat(at, name, uid, gid, flags)
		}
		return v.chownHost(n, at, name, uid, gid, flags, posix)
	})
}

// chownHost has the host change the owner of a file with set-id bits, and sets those bits again that stay. The file is held meanwhile: the name may
// come to be that of one that gets no such bits from this caller.
func (v View) chownHost(n *node, at int, name string, uid, gid, flags int, posix bool) error {
	open := unix.O_PATH | unix.O_CLOEXEC
	if flags&unix.AT_SYMLINK_NOFOLLOW != 0 {
		open |= unix.O_NOFOLLOW
	}
	fd, err := openHost(at, name, open, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	var was, st unix.Stat_t
	if err := unix.Fstat(fd, &was); err != nil {
		return err
	}
	if was.Mode&unix.S_IFMT == unix.S_IFLNK {
		return unix.Fchownat(fd, "", uid, gid, unix.AT_EMPTY_PATH)
	}
	if uid != -1 || gid != -1 {
		if err := unix.Chown(hostfile.ProcPath(fd), uid, gid); err != nil {
			return err
		}
	}
	if err := unix.Fstat(fd, &st); err != nil {
		return err
	}
	mode := v.ownSetIDs(chownMode(v.user(), was.Mode, uid, gid, posix), attrsOfHost(&st))
	if n != nil {
		mode = n.mnt.origin.HostMode(mode, mode&unix.S_IFMT)
	}
	if mode == st.Mode {
		return nil
	}
	return unix.Chmod(hostfile.ProcPath(fd), mode&0o7777)
}

// Fchown is fchown(2); -1 leaves an id alone.
func (v View) Fchown(d *file.Description, uid, gid int) netbsd.Errno {
	return v.fchown(d, uid, gid, false)
}

// PosixFchown is __posix_fchown(2).
func (v View) PosixFchown(d *file.Description, uid, gid int) netbsd.Errno {
	return v.fchown(d, uid, gid, true)
}

func (v View) fchown(d *file.Description, uid, gid int, posix bool) netbsd.Errno {
	was, errno := attrsOf(d)
	if errno != 0 || !isVnode(d, was) {
		return d.File.Chown(uid, gid)
	}
	mode := chownMode(v.user(), was.mode, uid, gid, posix)
	return v.onOpen(d, chownRule(uid, gid, posix), func() netbsd.Errno {
		switch {
		case uid != -1 || gid != -1:
			if errno := d.File.Chown(uid, gid); errno != 0 || was.mode&setIDs == 0 {
				return errno
			}
		case mode == was.mode:
			return fixed(d)
		}
		st, errno := attrsOf(d)
		if own := v.ownSetIDs(mode, st); errno == 0 && own != st.mode {
			return d.File.Chmod(own & 0o7777)
		}
		return errno
	})
}

// chownRule asks canChown where chown(2) names an id, or the kernel takes set-id bits off.
func chownRule(uid, gid int, posix bool) ownerRule {
	return func(c *kern.Cred, a attrs) netbsd.Errno {
		if uid == -1 && gid == -1 && chownMode(c, a.mode, uid, gid, posix) == a.mode && !a.unchanging() {
			return 0
		}
		return canChown(c, a, uid, gid)
	}
}
