package hostfile

import (
	"golang.org/x/sys/unix"

	"toaster/internal/file"
	"toaster/netbsd"
)

// newPipe is a file.HostPipe.
func (h *Host) newPipe() (r, w file.HostEnd, errno netbsd.Errno) {
	var fds [2]int
	if err := unix.Pipe2(fds[:], unix.O_CLOEXEC|unix.O_NONBLOCK); err != nil {
		return nil, nil, Errno(err)
	}
	var ends [2]*File
	for i, fd := range fds {
		ends[i] = new(File)
		ends[i].init(h, fd, unix.S_IFIFO, kindNonblock)
	}
	return ends[0], ends[1], 0
}
