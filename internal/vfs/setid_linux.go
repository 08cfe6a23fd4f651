package vfs

import (
	"golang.org/x/sys/unix"
)

// Set-id bits mean nothing below a root, as on a file system that is mounted nosuid
// (mount(8)): a file that a guest marks so would be one of the host's, set-id of the user
// that toaster runs as. So the bits are not given to the host's file at all: chmod(2)
// succeeds, as programs that unpack archives expect, and stat(2) shows them missing. A
// directory keeps the set-group-id bit, which makes nobody anybody (file.Origin.HostMode). Where guests
// give files owners of their own (package owners) the bits are kept with these, and count.

// ownSetIDs takes off a mode the set-id bits that would make a file with these attributes
// one of somebody else than the caller: in the host's own tree a guest may be another user
// than its files', root of a machine for one, and the host would honour them.
func (v View) ownSetIDs(mode uint32, a attrs) uint32 {
	c := v.otherUser()
	if c == nil || a.isDir() || v.Dirs.tree.keeper != nil {
		return mode
	}
	if a.uid != c.EUID {
		mode &^= unix.S_ISUID
	}
	if !c.InGroup(a.gid) {
		mode &^= unix.S_ISGID
	}
	return mode
}

// tame takes the set-id bits off a file that is open for writing, before what is written can
// count as the owner's: the host does it for a writer who is not root, and not for memory
// that is mapped. That it fails is no matter: the file is not toaster's then, and anybody on the
// host may write to it.
func (m *mount) clearSetID(fd int, st *unix.Stat_t) {
	if mode := m.origin.HostMode(st.Mode, unix.S_IFREG); mode != st.Mode && st.Mode&unix.S_IFMT == unix.S_IFREG {
		unix.Fchmod(fd, mode&0o7777)
	}
}
