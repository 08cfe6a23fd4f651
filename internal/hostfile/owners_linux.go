package hostfile

import (
	"golang.org/x/sys/unix"

	"toaster/internal/file"
	"toaster/internal/owners"
	"toaster/netbsd"
)

// This file changes the attributes of files whose owner on the host is one and the same user
// (package owners). Who may do so was checked before.

// marksMode reports whether a mode of a file of a kind (S_IFMT) is one that a mark has to say: where
// there are marks, and for set-id bits, which no file of the host gets.
func marksMode(o *file.Origin, mode, kind uint32) bool {
	m := o.Marks()
	return m.Marked() || m.On() && kind == netbsd.S_IFREG && mode&(netbsd.S_ISUID|netbsd.S_ISGID) != 0
}

func chmodMark(t *owners.Table, fd int, mode uint32) error {
	return t.Change(fd, func(m *owners.Mark) { m.Mode = m.Mode&netbsd.S_IFMT | mode&0o7777 })
}

// Flags that keep a file from being changed but at its end, or at all (chflags(2)).
const (
	appendOnly = netbsd.UF_APPEND | netbsd.SF_APPEND
	unchanging = netbsd.UF_IMMUTABLE | netbsd.SF_IMMUTABLE | appendOnly
)

// marked reports whether guests have set some of flags on a file.
func (f *File) marked(flags uint32) bool {
	o := f.origin.Marks()
	var st unix.Stat_t
	return o.Marked() && unix.Fstat(f.fd, &st) == nil && o.Of(f.fd, &st).Flags&flags != 0
}

// ChownMark is chown(2) of a file that has marks: -1 leaves an id alone, and a bit goes with the id that
// it would give (change_owner).
func ChownMark(t *owners.Table, fd, uid, gid int) error {
	return t.Change(fd, func(m *owners.Mark) {
		if uid != -1 {
			m.UID, m.Mode = uint32(uid), m.Mode&^netbsd.S_ISUID
		}
		if gid != -1 {
			m.GID, m.Mode = uint32(gid), m.Mode&^netbsd.S_ISGID
		}
	})
}
