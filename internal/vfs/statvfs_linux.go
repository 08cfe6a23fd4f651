package vfs

import (
	"golang.org/x/sys/unix"

	"toaster/internal/file"
	"toaster/internal/hostfile"
	"toaster/netbsd"
)

// Statvfs is statvfs1(2).
func (v View) Statvfs(name string) (netbsd.Statvfs, netbsd.Errno) {
	l, errno := v.newLookup(netbsd.AT_FDCWD, name)
	if errno != 0 {
		return netbsd.Statvfs{}, errno
	}
	defer l.close()
	if l.isMade {
		return v.statvfsMade(l)
	}
	n, err := l.openPath(true)
	if err != nil {
		return netbsd.Statvfs{}, hostfile.Errno(err)
	}
	defer n.close()
	return v.statvfs(n)
}

// statvfsMade describes the file system of a name that the machine makes up. /dev is the root's.
func (v View) statvfsMade(l *lookup) (netbsd.Statvfs, netbsd.Errno) {
	switch {
	case l.made.errno != 0:
		return netbsd.Statvfs{}, l.made.errno
	case l.made.Link != "":
		return l.onward().Statvfs(l.target(l.made))
	case !l.made.Fixed:
		return v.Statvfs("/")
	}
	return procStatvfs(), 0
}

// procStatvfs is procfs_statvfs.
func procStatvfs() netbsd.Statvfs {
	return netbsd.Statvfs{
		Bsize: 4096, Frsize: 4096, Iosize: 4096, Blocks: 1, Files: 1 << 16,
		Namemax: 255, Type: "procfs", MountedOn: "/proc", From: "procfs",
	}
}

// Fstatvfs is fstatvfs1(2).
func (v View) Fstatvfs(d *file.Description) (netbsd.Statvfs, netbsd.Errno) {
	if m, ok := d.File.(*madeDir); ok {
		return v.Statvfs(m.path)
	}
	fd, ok := d.NameFD()
	if !ok {
		return netbsd.Statvfs{}, netbsd.EINVAL
	}
	return v.statvfs(node{fd, v.Dirs.tree.mountOf(d)})
}

// Free returns how much the file system of an open file has for whom it reserves nothing, of how much. EINVAL: it is in none.
func Free(d *file.Description) (avail, all uint64, errno netbsd.Errno) {
	fd, ok := d.NameFD()
	if !ok {
		return 0, 0, netbsd.EINVAL
	}
	st, errno := statvfsFD(fd)
	return st.Bavail, st.Blocks, errno
}

// Mounts describes what getvfsstat(2) lists: the root, and the mounts below the process's
// own.
func (v View) Mounts() (list []netbsd.Statvfs, errno netbsd.Errno) {
	st, errno := v.Statvfs("/")
	if errno != 0 {
		return nil, errno
	}
	list = append(list, st)
	cwd, root, _ := v.Dirs.get()
	defer v.Dirs.put(cwd, root)
	if cwd == nil {
		return nil, netbsd.ESRCH
	}
	for _, m := range v.Dirs.tree.others {
		n := m.root()
		if name, errno := v.nameOf(&n); errno != 0 || name == "/" {
			continue
		}
		if st, errno := v.statvfs(n); errno == 0 {
			list = append(list, st)
		}
	}
	if v.Dirs.tree.inMade("/proc") && !v.Dirs.chrooted() {
		list = append(list, procStatvfs())
	}
	return list, 0
}

// statvfs describes the file system that an open file is in, of none if it was opened
// elsewhere.
func (v View) statvfs(n node) (netbsd.Statvfs, netbsd.Errno) {
	st, errno := statvfsFD(n.fd)
	if errno != 0 || n.mnt == nil || n.mnt.free {
		return st, errno
	}
	if st.Flag |= netbsd.MNT_NODEV; !n.marks().On() {
		st.Flag |= netbsd.MNT_NOSUID
	}
	if n.mnt.origin.ReadOnly {
		st.Flag |= netbsd.MNT_RDONLY
	}
	if n.mnt == v.Dirs.tree.top {
		return st, 0
	}
	st.Type, st.From = "null", "host"
	if n.mnt.inMemory {
		st.Type, st.From = "tmpfs", "tmpfs"
	}
	root := n.mnt.root()
	if name, errno := v.nameOf(&root); errno == 0 {
		st.MountedOn = name
	}
	return st, 0
}

func statvfsFD(fd int) (netbsd.Statvfs, netbsd.Errno) {
	var st unix.Statfs_t
	if err := unix.Fstatfs(fd, &st); err != nil {
		return netbsd.Statvfs{}, hostfile.Errno(err)
	}
	flag := uint64(netbsd.MNT_LOCAL)
	for _, f := range [...]struct{ host, guest uint64 }{
		{unix.ST_RDONLY, netbsd.MNT_RDONLY}, {unix.ST_NOSUID, netbsd.MNT_NOSUID}, {unix.ST_NOEXEC, netbsd.MNT_NOEXEC}, {unix.ST_NODEV, netbsd.MNT_NODEV},
	} {
		if uint64(st.Flags)&f.host != 0 {
			flag |= f.guest
		}
	}
	return netbsd.Statvfs{
		Flag: flag, Bsize: uint64(st.Bsize), Frsize: uint64(st.Frsize), Iosize: uint64(st.Bsize),
		Blocks: st.Blocks, Bfree: st.Bfree, Bavail: st.Bavail, Bresvd: st.Bfree - st.Bavail,
		Files: st.Files, Ffree: st.Ffree, Favail: st.Ffree,
		Fsid:    uint64(uint32(st.Fsid.Val[0])) | uint64(uint32(st.Fsid.Val[1]))<<32,
		Namemax: nameMax, Type: "ffs", MountedOn: "/", From: "root",
	}, 0
}
