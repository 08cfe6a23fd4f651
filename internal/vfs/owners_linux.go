package vfs

import (
	"os"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"toaster/internal/file"
	"toaster/internal/owners"
	"toaster/kern"
	"toaster/netbsd"
)

// This file has guests of an ordinary user be whom they will below a root. All files are that
// user's on the host, who could not give them away; what guests are told of them is in
// package owners. Once there is one such file, the host's judgement is no longer asked: all
// callers meet NetBSD's rules, with the attributes that guests gave (permit.go).

// keepOwners opens what is kept of a mount's files, if the machine keeps it.
func (m *mount) keepOwners() (err error) {
	if m.tree.keeper == nil {
		return nil
	}
	m.origin.Owners, err = m.tree.keeper.NewTable(m.fd, m.inMemory)
	return err
}

// marks is the table of the mount that a file was found in.
func (n node) marks() *owners.Table {
	if n.mnt == nil {
		return nil
	}
	return n.mnt.origin.Owners
}

// stat describes an open file, as guests are to see it.
func (n node) stat() (st unix.Stat_t, err error) {
	err = unix.Fstat(n.fd, &st)
	n.show(&st)
	return st, err
}

// show puts what guests are told of an open file in place of what the host says.
func (n node) show(st *unix.Stat_t) (m owners.Mark) {
	if o := n.marks(); o.Marked() {
		m = o.Of(n.fd, st)
		st.Mode, st.Uid, st.Gid = m.Mode, m.UID, m.GID
	}
	return m
}

// attrsOf is show for the rules.
func (n node) attrsOf(st *unix.Stat_t) attrs {
	m := n.show(st)
	a := attrsOfHost(st)
	a.flags = m.Flags
	return a
}

// marksFor is the table for a change to a file that toaster's own word decides about: NetBSD's rules
// have let the caller through. nil: the host is to do it.
func (v View) marksFor(n *node) *owners.Table {
	if n == nil || v.otherUser() == nil {
		return nil
	}
	return n.marks()
}

// widen has the host let toaster do what the rules have let the caller do (rights of 0700).
func (n node) widen(needs uint32) error {
	if !n.marks().On() {
		return nil
	}
	var st unix.Stat_t
	if err := unix.Fstat(n.fd, &st); err != nil {
		return err
	}
	return n.widenFrom(&st, needs)
}

// widenFrom is widen of a file that the host has described.
func (n node) widenFrom(st *unix.Stat_t, needs uint32) error {
	if n.mnt.origin.ReadOnly {
		return nil
	}
	return n.marks().Widen(n.fd, st, needs)
}

// widenTo is widen for the caller, whom the host judges rightly if there are no credentials.
func (l *lookup) widenTo(n node, want uint32) error {
	if l.cred == nil {
		return nil
	}
	return n.widen(want << 6)
}

// widenOpen is widenTo of an open file.
func (v View) widenOpen(d *file.Description, fd int, want uint32) error {
	m := v.Dirs.tree.mountOf(d)
	if m == nil {
		return nil
	}
	return node{fd, m}.widen(want << 6)
}

// trusted reports whether the host's word on the caller is not asked for: a file of toaster's user is
// the guest's whose mark it has.
func (n node) trusted() bool {
	o := n.marks()
	if !o.On() {
		return false
	}
	var st unix.Stat_t
	return unix.Fstat(n.fd, &st) == nil && o.Mine(&st)
}

// setsIDs reports whether a mode for what kind (S_IFMT) is makes somebody somebody else.
func setsIDs(mode, kind uint32) bool {
	return kind == unix.S_IFREG && mode&(unix.S_ISUID|unix.S_ISGID) != 0
}

// judged has the rules of NetBSD be asked about the caller from here on, as there is about to be a mark.
func (l *lookup) judged() {
	if l.cred == nil && l.tree.keeper != nil {
		l.cred = l.v.user()
		l.search = l.maySearch
	}
}

// madeMode is the mode that a file of a kind (S_IFMT) is made with, of what was asked for.
func (l *lookup) madeMode(m *mount, mode, kind uint32) uint32 {
	if l.cred != nil && m.origin.Owners.On() {
		return mode
	}
	return m.origin.HostMode(mode, kind)
}

// makeMarked makes something under a name, with a mark of whose it is. What cannot get its mark does not stay.
func (l *lookup) makeMarked(p parentDir, m owners.Mark, make func(mode uint32) (fd int, err error)) error {
	if err := p.at.widen(0o300); err != nil {
		return err
	}
	made, found := false, -1
	defer func() {
		if found >= 0 {
			unix.Close(found)
		}
	}()
	err := p.at.marks().Made(m, func(mode uint32) (int, error) {
		fd, err := make(mode)
		if made = err == nil; err == nil && fd < 0 {
			found, err = p.at.mnt.openAt(p.at.fd, p.name, unix.O_PATH, 0)
			fd = found
		}
		return fd, err
	})
	if err != nil && made {
		flags := 0
		if m.Mode&netbsd.S_IFMT == netbsd.S_IFDIR {
			flags = unix.AT_REMOVEDIR
		}
		unix.Unlinkat(p.at.fd, p.name, flags)
	}
	return err
}

// isOwners reports whether a name is one of what package owners keeps. Some file systems of the host's find a file by its
// name in any case.
func isOwners(name string) bool {
	return len(name) >= len(owners.PlainName) && strings.EqualFold(name[:len(owners.PlainName)], owners.PlainName)
}

// mayName refuses the names of what package owners keeps in the root of a mount, to everybody: who makes another file of
// the name keeps marks from being kept.
func (p parentDir) mayName() error {
	if !p.at.marks().On() || !isOwners(p.name) {
		return nil
	}
	var st unix.Stat_t
	if err := unix.Fstat(p.at.fd, &st); err != nil {
		return err
	}
	if p.at.mnt.origin.IsRoot(st.Dev, st.Ino) {
		return unix.EPERM
	}
	return nil
}

// openNumbered opens the machine's device that a file stands for, by its number. ENXIO: it has none of that.
func (l *lookup) openNumbered(m owners.Mark, flags int) (*file.Description, error) {
	if l.cred != nil {
		if errno := canAccess(l.cred, attrs{mode: m.Mode, uid: m.UID, gid: m.GID}, openRights(flags)); errno != 0 {
			return nil, errno
		}
	}
	dev, ok := l.tree.deviceNumbered(m)
	if !ok {
		return nil, unix.ENXIO
	}
	d, errno := dev.Open(l.v, flags)
	return d, asError(errno)
}

// deviceNumbered finds one of the machine's devices.
func (t *Tree) deviceNumbered(m owners.Mark) (Device, bool) {
	t.mu.RLock()
	defer t.mu.RUnlock()
	for _, dev := range t.devices {
		if dev.Open != nil && dev.Link == "" && dev.Stat.Rdev == m.Rdev && dev.Stat.Mode&netbsd.S_IFMT == m.Mode&netbsd.S_IFMT {
			return dev, true
		}
	}
	return Device{}, false
}

// clearOthersSetIDs takes the set-id bits off what the caller has opened for writing, unless that is the
// superuser. st is what guests see of the file. It is done when writes look for bits that come later
// (hostfile.ClearSetIDOnWrite), and before the caller has the file.
func (l *lookup) clearOthersSetIDs(n node, st *unix.Stat_t) error {
	if !n.marks().Marked() || l.cred == nil || l.cred.IsRoot() || !setsIDs(st.Mode, st.Mode&unix.S_IFMT) {
		return nil
	}
	return n.marks().ClearSetIDs(n.fd)
}

// SetIDs returns the set-id bits of an open program that count, and whose they are: none below a root,
// unless guests gave them, and none in a mount of the host that is nosuid. st is what the host says
// of it.
func (v View) SetIDs(f *os.File, st os.FileInfo) (mode, uid, gid uint32) {
	const bits = netbsd.S_ISUID | netbsd.S_ISGID
	sys, ok := st.Sys().(*syscall.Stat_t)
	switch {
	case !ok:
	case v.Dirs.tree.keeper.Marked():
		m := v.Dirs.tree.markOf(f, sys)
		return m.Mode & bits, m.UID, m.GID
	case sys.Mode&bits == 0 || v.Dirs.tree.top.origin.NoSetID:
	case !onNosuid(f):
		return sys.Mode & bits, sys.Uid, sys.Gid
	}
	return 0, 0, 0
}

// onNosuid reports whether a file is in a mount of the host's that is.
func onNosuid(f *os.File) bool {
	var st unix.Statfs_t
	return unix.Fstatfs(int(f.Fd()), &st) != nil || st.Flags&unix.ST_NOSUID != 0
}

// markOf finds what guests are told of a file that is open by a name of the tree's.
func (t *Tree) markOf(f *os.File, sys *syscall.Stat_t) (m owners.Mark) {
	host, err := hostMountOf(int(f.Fd()))
	if err != nil {
		return m
	}
	for _, mnt := range append([]*mount{t.top}, t.others...) {
		if o := mnt.origin.Owners; mnt.host == host && o.On() {
			if sys.Mode&(unix.S_ISUID|unix.S_ISGID) != 0 {
				return m // no mark's: a bit that the host has means nothing here
			}
			st := unix.Stat_t{Ino: sys.Ino, Uid: sys.Uid, Gid: sys.Gid, Mode: sys.Mode}
			if m = o.Of(int(f.Fd()), &st); o.Mine(&st) {
				return m
			}
		}
	}
	return owners.Mark{}
}

// judgeOpen is onOpen's judge where marks are kept: NetBSD's rules, for toaster's own user, too, as what is changed may be
// a mark, which the host would not refuse anybody.
func (v View) judgeOpen() *kern.Cred {
	if v.Dirs.tree.keeper != nil {
		return v.user()
	}
	return v.otherUser()
}
