package fs

import (
	"toaster/file"
	"toaster/netbsd"
)

// Names of pathconf(2) (sys/unistd.h).
const (
	pcLINK_MAX         = 1
	pcMAX_CANON        = 2
	pcMAX_INPUT        = 3
	pcNAME_MAX         = 4
	pcPATH_MAX         = 5
	pcPIPE_BUF         = 6
	pcCHOWN_RESTRICTED = 7
	pcNO_TRUNC         = 8
	pcVDISABLE         = 9
	pcSYNC_IO          = 10
	pcFILESIZEBITS     = 11
	pcSYMLINK_MAX      = 12
	pc2_SYMLINKS       = 13
	pcACL_EXTENDED     = 14
	pcMIN_HOLE_SIZE    = 15
)

// Pathconf is pathconf(2) for a file that exists. EINVAL for a name that is
// unknown.
func Pathconf(name int) (int64, netbsd.Errno) {
	switch name {
	case pcLINK_MAX:
		return 32767, 0
	case pcMAX_CANON, pcMAX_INPUT:
		return 255, 0
	case pcNAME_MAX:
		return nameMax, 0
	case pcPATH_MAX:
		return pathMax, 0
	case pcPIPE_BUF:
		return file.PipeBuf, 0
	case pcCHOWN_RESTRICTED, pcNO_TRUNC, pcSYNC_IO, pc2_SYMLINKS:
		return 1, 0
	case pcVDISABLE:
		return 255, 0
	case pcFILESIZEBITS:
		return 64, 0
	case pcSYMLINK_MAX:
		return pathMax, 0
	case pcACL_EXTENDED:
		return 0, 0
	case pcMIN_HOLE_SIZE:
		return 512, 0
	}
	return 0, netbsd.EINVAL
}

// Pathconf is pathconf(2) of a path, which must lead to something.
func (v View) Pathconf(name string, what int) (int64, netbsd.Errno) {
	if _, errno := v.Stat(AtFdcwd, name, true); errno != 0 {
		return 0, errno
	}
	return Pathconf(what)
}
