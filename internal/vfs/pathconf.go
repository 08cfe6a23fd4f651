package vfs

import (
	"toaster/netbsd"
)

// Pathconf is pathconf(2) for a file of a mode that exists. EINVAL for a name that is unknown, or says nothing of such a
// file: what is everybody's (genfs_pathconf), then what a device, a FIFO, or a file of a file system has.
func Pathconf(name int, mode uint32) (int64, netbsd.Errno) {
	switch name {
	case netbsd.PC_PATH_MAX:
		return netbsd.PATH_MAX, 0
	case netbsd.PC_LINK_MAX:
		return 32767, 0
	case netbsd.PC_PIPE_BUF:
		return netbsd.PIPE_BUF, 0
	case netbsd.PC_CHOWN_RESTRICTED, netbsd.PC_SYNC_IO:
		return 1, 0
	case netbsd.PC_ACL_EXTENDED:
		return 0, 0
	}
	switch mode & netbsd.S_IFMT {
	case netbsd.S_IFCHR, netbsd.S_IFBLK:
		return devicePathconf(name)
	case netbsd.S_IFIFO:
		return 0, netbsd.EINVAL
	}
	return filePathconf(name)
}

// devicePathconf is what devices have beside what all files have (spec_pathconf): it is meant for terminals.
func devicePathconf(name int) (int64, netbsd.Errno) {
	switch name {
	case netbsd.PC_MAX_CANON, netbsd.PC_MAX_INPUT, netbsd.PC_VDISABLE:
		return 255, 0
	}
	return 0, netbsd.EINVAL
}

// filePathconf is what files of a file system have (ufs_pathconf).
func filePathconf(name int) (int64, netbsd.Errno) {
	switch name {
	case netbsd.PC_NAME_MAX:
		return nameMax, 0
	case netbsd.PC_NO_TRUNC, netbsd.PC_2_SYMLINKS:
		return 1, 0
	case netbsd.PC_FILESIZEBITS:
		return 42, 0
	case netbsd.PC_SYMLINK_MAX:
		return netbsd.PATH_MAX, 0
	case netbsd.PC_MIN_HOLE_SIZE:
		return 512, 0
	}
	return 0, netbsd.EINVAL
}

// Pathconf is pathconf(2) of a path, which must lead to something, and without follow lpathconf(2), of a link itself.
func (v View) Pathconf(name string, what int, follow bool) (int64, netbsd.Errno) {
	st, errno := v.Stat(netbsd.AT_FDCWD, name, follow)
	if errno != 0 {
		return 0, errno
	}
	return Pathconf(what, st.Mode)
}
