package owners

import (
	"golang.org/x/sys/unix"

	"toaster/netbsd"
)

// Change changes what a guest is told of an open file. EPERM: it is another host user's, or
// the tree is.
func (t *Table) Change(fd int, change func(*Mark)) error {
	t.k.mu.Lock()
	defer t.k.mu.Unlock()
	s, err := look(fd)
	if err != nil {
		return err
	}
	m := t.find(fd, s)
	was := m
	change(&m)
	if m == was && t.begun {
		return nil
	}
	if m.AppendOnly() != was.AppendOnly() {
		defer t.appends.Add(1)
	}
	return t.put(fd, s, m)
}

// Made makes a file and marks it before anybody else can look at it. make is told the
// mode that the host's file is to have, and returns it open. EPERM: the tree is another host user's.
//
// The tree is marked first: who looks at a file once it is there looks for its mark. What needs
// none in all likelihood marks no tree.
func (t *Table) Made(m Mark, make func(hostMode uint32) (fd int, err error)) error {
	t.k.mu.Lock()
	defer t.k.mu.Unlock()
	if !m.plain(seen{uid: t.k.uid, gid: m.GID, mode: m.Mode}) {
		if err := t.begin(); err != nil {
			return err
		}
	}
	fd, err := make(m.hostMode())
	if err != nil {
		return err
	}
	s, err := look(fd)
	if err != nil {
		return err
	}
	if s.kind() == netbsd.S_IFLNK {
		m.Mode = s.mode // which nobody asks for
	}
	return t.put(fd, s, m)
}

// Names keeps other names of the tree from being made or moved until the function that it
// returns is called.
func (t *Table) Names() (done func()) {
	if t == nil {
		return func() {}
	}
	t.k.names.Lock()
	return t.k.names.Unlock
}

// put writes a mark, or takes it away where the host's file can have all of it. Preconditions:
// the keeper's mu is held.
func (t *Table) put(fd int, s seen, m Mark) error {
	if s.uid != t.k.uid || s.ino == t.plain.ino() {
		return unix.EPERM
	}
	isRoot := t.root >= 0 && s.ino == t.ino
	t.known.forget(s.ino)
	if m.plain(s) && !isRoot {
		return t.clear(fd, s, m)
	}
	if err := t.begin(); err != nil {
		return err
	}
	if m.Mode&(netbsd.S_ISUID|netbsd.S_ISGID) != 0 {
		t.setIDs.Add(1)
	}
	// The host wants the right to write for an attribute; and what the mark will no longer
	// say must not be there when the mark is.
	if err := t.setHostMode(fd, s, m.hostMode()); err != nil {
		return err
	}
	if s.attrs() && !t.noAttrs.Load() {
		switch err := unix.Setxattr(path(fd), attrName, []byte(m.String()), 0); err {
		case nil:
			if m.Flags == 0 {
				return t.plain.drop(s, fd)
			}
		case unix.EOPNOTSUPP:
			t.noAttrs.Store(true)
		default:
			return err
		}
	}
	return t.plain.put(s, fd, m)
}

// clear has the host's file be what the mark said.
func (t *Table) clear(fd int, s seen, m Mark) error {
	if s.attrs() && !t.noAttrs.Load() {
		if err := unix.Removexattr(path(fd), attrName); err != nil && err != unix.ENODATA && err != unix.EOPNOTSUPP && err != unix.EACCES {
			return err
		}
	}
	if err := t.plain.drop(s, fd); err != nil {
		return err
	}
	return t.setHostMode(fd, s, m.Mode&0o777)
}

// setHostMode is chmod(2) of the host, where it is needed. Links have no mode.
func (t *Table) setHostMode(fd int, s seen, mode uint32) error {
	if s.kind() == netbsd.S_IFLNK || s.mode&0o7777 == mode {
		return nil
	}
	return unix.Chmod(path(fd), mode)
}

// begin marks the root of the tree, so that later machines look for marks. Preconditions: the
// keeper's mu is held.
func (t *Table) begin() error {
	if t.begun {
		return nil
	}
	if t.root < 0 {
		t.begun = true
		t.k.found()
		return nil
	}
	s, err := look(t.root)
	if err != nil {
		return err
	}
	t.begun = true // for put, of the root
	if err := t.put(t.root, s, t.find(t.root, s)); err != nil {
		t.begun = false
		return err
	}
	t.k.found()
	return nil
}

// Widen sets for the host's owner some of the rights (of 0700) over a file that toaster needs to
// serve a guest that NetBSD's rules let through. The guest is told what it was before. st is what the
// host says of the file.
func (t *Table) Widen(fd int, st *unix.Stat_t, needs uint32) error {
	if !t.On() || st.Mode&needs == needs || !t.Mine(st) || st.Mode&unix.S_IFMT == unix.S_IFLNK {
		return nil
	}
	t.k.mu.Lock()
	defer t.k.mu.Unlock()
	s, err := look(fd)
	if err != nil {
		return err
	}
	return t.put(fd, s, t.find(fd, s))
}

// SetIDs counts how often a file got set-id bits: who holds one open for writing looks at it
// again when it has changed.
func (t *Table) SetIDs() int64 {
	if t == nil {
		return 0
	}
	return t.setIDs.Load()
}

// Appends counts how often a file became append-only, or ceased to be: who writes to one that is open looks at it again when that has
// changed, and at nothing before. It stays 0 for files in memory, which tmpfs_write lets be written to anywhere by who has them open.
func (t *Table) Appends() int64 {
	if t == nil || t.memory {
		return 0
	}
	return t.appends.Load()
}

// ClearSetIDs takes the set-id bits off a file.
func (t *Table) ClearSetIDs(fd int) error {
	return t.Change(fd, func(m *Mark) {
		if m.Mode&netbsd.S_IFMT == netbsd.S_IFREG {
			m.Mode &^= netbsd.S_ISUID | netbsd.S_ISGID
		}
	})
}

// Removed hears that a name of a file is gone, as the host described it before.
func (t *Table) Removed(st *unix.Stat_t) {
	if !t.Marked() || st.Nlink > 1 && st.Mode&unix.S_IFMT != unix.S_IFDIR {
		return
	}
	t.k.mu.Lock()
	defer t.k.mu.Unlock()
	t.plain.forget(st.Ino)
}
