package hostfile

import (
	"errors"

	"golang.org/x/sys/unix"

	"toaster/netbsd"
)

// Errno converts an error of a host call; nil is 0, and a NetBSD error
// itself. What NetBSD has no number for is EIO.
func Errno(err error) netbsd.Errno {
	if err == nil {
		return 0
	}
	var own netbsd.Errno
	if errors.As(err, &own) {
		return own
	}
	var e unix.Errno
	if errors.As(err, &e) {
		return netbsd.FromLinux(int(e))
	}
	return netbsd.EIO
}
