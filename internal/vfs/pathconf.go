package vfs

import (
	"toaster/netbsd"
)

// Pathconf is pathconf(2) for a file that exists. EINVAL for a name that is
// unknown.
func Pathconf(name int) (int64, netbsd.Errno) {
	switch name {
	case netbsd.PC_LINK_MAX:
		return 32767, 0
	case netbsd.PC_MAX_CANON, netbsd.PC_MAX_INPUT:
		return 255, 0
	case netbsd.PC_NAME_MAX:
		return nameMax, 0
	case netbsd.PC_PATH_MAX:
		return netbsd.PATH_MAX, 0
	case netbsd.PC_PIPE_BUF:
		return netbsd.PIPE_BUF, 0
	case netbsd.PC_CHOWN_RESTRICTED, netbsd.PC_NO_TRUNC, netbsd.PC_SYNC_IO, netbsd.PC_2_SYMLINKS:
		return 1, 0
	case netbsd.PC_VDISABLE:
		return 255, 0
	case netbsd.PC_FILESIZEBITS:
		return 64, 0
	case netbsd.PC_SYMLINK_MAX:
		return netbsd.PATH_MAX, 0
	case netbsd.PC_ACL_EXTENDED:
		return 0, 0
	case netbsd.PC_MIN_HOLE_SIZE:
		return 512, 0
	}
	return 0, netbsd.EINVAL
}

// Pathconf is pathconf(2) of a path, which must lead to something.
func (v View) Pathconf(name string, what int) (int64, netbsd.Errno) {
	if _, errno := v.Stat(netbsd.AT_FDCWD, name, true); errno != 0 {
		return 0, errno
	}
	return Pathconf(what)
}
