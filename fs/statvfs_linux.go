package fs

import (
	"golang.org/x/sys/unix"

	"toaster/file"
	"toaster/netbsd"
)

// Statvfs is struct statvfs of statvfs(5) before encoding.
type Statvfs struct {
	Flag                              uint64
	Bsize, Frsize, Iosize             uint64
	Blocks, Bfree, Bavail, Bresvd     uint64
	Files, Ffree, Favail, Fresvd      uint64
	Fsid                              uint64
	Namemax                           uint64
	Owner                             uint32
	Fstypename, Mntonname, Mntfrmname string
}

// Mount flags of statvfs(5).
const (
	mntRDONLY = 0x1
	mntNOSUID = 0x8
	mntNOEXEC = 0x4
	mntNODEV  = 0x10
	mntLOCAL  = 0x1000
)

// Statvfs is statvfs1(2).
func (v View) Statvfs(name string) (Statvfs, netbsd.Errno) {
	l, errno := v.look(AtFdcwd, name)
	if errno != 0 {
		return Statvfs{}, errno
	}
	defer l.close()
	fd, err := l.openPath(true)
	if err != nil {
		return Statvfs{}, file.Errno(err)
	}
	defer unix.Close(fd)
	return statvfsFD(fd)
}

// Fstatvfs is fstatvfs1(2).
func Fstatvfs(d *file.Description) (Statvfs, netbsd.Errno) {
	fd, ok := d.HostFD()
	if !ok {
		return Statvfs{}, netbsd.EINVAL
	}
	return statvfsFD(fd)
}

func statvfsFD(fd int) (Statvfs, netbsd.Errno) {
	var st unix.Statfs_t
	if err := unix.Fstatfs(fd, &st); err != nil {
		return Statvfs{}, file.Errno(err)
	}
	flag := uint64(mntLOCAL)
	for _, f := range [...]struct{ host, guest uint64 }{
		{unix.ST_RDONLY, mntRDONLY}, {unix.ST_NOSUID, mntNOSUID}, {unix.ST_NOEXEC, mntNOEXEC}, {unix.ST_NODEV, mntNODEV},
	} {
		if uint64(st.Flags)&f.host != 0 {
			flag |= f.guest
		}
	}
	return Statvfs{
		Flag: flag, Bsize: uint64(st.Bsize), Frsize: uint64(st.Frsize), Iosize: uint64(st.Bsize),
		Blocks: st.Blocks, Bfree: st.Bfree, Bavail: st.Bavail, Bresvd: st.Bfree - st.Bavail,
		Files: st.Files, Ffree: st.Ffree, Favail: st.Ffree,
		Fsid:    uint64(uint32(st.Fsid.Val[0])) | uint64(uint32(st.Fsid.Val[1]))<<32,
		Namemax: nameMax, Fstypename: "ffs", Mntonname: "/", Mntfrmname: "root",
	}, 0
}
