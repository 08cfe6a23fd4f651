package fs

import (
	"golang.org/x/sys/unix"

	"toaster/file"
	"toaster/netbsd"
)

// Statvfs is statvfs1(2).
func (v View) Statvfs(name string) (netbsd.Statvfs, netbsd.Errno) {
	l, errno := v.look(netbsd.AT_FDCWD, name)
	if errno != 0 {
		return netbsd.Statvfs{}, errno
	}
	defer l.close()
	n, err := l.openPath(true)
	if err != nil {
		return netbsd.Statvfs{}, file.Errno(err)
	}
	defer n.close()
	return statvfsFD(n.fd)
}

// Fstatvfs is fstatvfs1(2).
func Fstatvfs(d *file.Description) (netbsd.Statvfs, netbsd.Errno) {
	fd, ok := d.NameFD()
	if !ok {
		return netbsd.Statvfs{}, netbsd.EINVAL
	}
	return statvfsFD(fd)
}

func statvfsFD(fd int) (netbsd.Statvfs, netbsd.Errno) {
	var st unix.Statfs_t
	if err := unix.Fstatfs(fd, &st); err != nil {
		return netbsd.Statvfs{}, file.Errno(err)
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
