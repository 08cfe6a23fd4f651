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

// unchanging are the flags that keep a file from being changed but at its end, or at all (chflags(2)).
const unchanging = netbsd.UF_IMMUTABLE | netbsd.SF_IMMUTABLE | netbsd.UF_APPEND | netbsd.SF_APPEND

// mark is what guests have made of the file.
func (f *File) mark() (m owners.Mark) {
	o := f.origin.Marks()
	var st unix.Stat_t
	if o.Marked() && unix.Fstat(f.fd, &st) == nil {
		m = o.Of(f.fd, &st)
	}
	return m
}

// appendOnly reports whether guests have made the file one that is written to at its end only. It is looked at again when that has
// changed of any file of the tree.
func (f *File) appendOnly() bool {
	n := f.origin.Marks().Appends()
	seen := f.appends.Load()
	if seen>>1 != n {
		if seen = n << 1; f.mark().AppendOnly() {
			seen |= 1
		}
		f.appends.Store(seen)
	}
	return seen&1 != 0
}

// writeAtEnd is a write at off, or at the position if that is below 0, of a file that is append-only: EPERM but at its end, also for
// nothing (WRITE of ufs_readwrite.c). What others append meanwhile stays.
func (f *File) writeAtEnd(b []byte, off int64) (int, error) {
	var st unix.Stat_t
	fl, err := unix.FcntlInt(uintptr(f.fd), unix.F_GETFL, 0)
	at := off
	if err == nil && fl&unix.O_APPEND == 0 {
		if err = unix.Fstat(f.fd, &st); err == nil && off < 0 {
			at, err = unix.Seek(f.fd, 0, unix.SEEK_CUR)
		}
		if err == nil && at != st.Size {
			err = unix.EPERM
		}
	}
	if err != nil || len(b) == 0 {
		return 0, err
	}
	return unix.Pwritev2(f.fd, [][]byte{b}, max(off, -1), unix.RWF_APPEND)
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
