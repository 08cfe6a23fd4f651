package hostfile

import (
	"sync"

	"golang.org/x/sys/unix"

	"toaster/internal/file"
	"toaster/internal/hostlimits"
	"toaster/netbsd"
)

// newPipe is a file.HostPipe.
func (h *Host) newPipe() (r, w file.HostEnd, errno netbsd.Errno) {
	ends, errno := h.makePipe()
	if errno != 0 {
		return nil, nil, errno
	}
	return ends[0], ends[1], 0
}

// LentPipe is a file.HostPipe for a pipe whose ends are to be lent. It fails where the host has
// none that could be, or has little left: then the pipe stays the kernel's.
func (h *Host) LentPipe() (r, w file.HostEnd, errno netbsd.Errno) {
	if !nowaitPipes() {
		return nil, nil, netbsd.EOPNOTSUPP
	}
	ends, errno := h.makePipe()
	if errno != 0 {
		return nil, nil, errno
	}
	size, err := unix.FcntlInt(uintptr(ends[0].fd), unix.F_GETPIPE_SZ, 0)
	if err != nil || size < file.PipeSize || hostlimits.Scarce(ends[0].fd) || hostlimits.Scarce(ends[1].fd) {
		ends[0].Close()
		ends[1].Close()
		return nil, nil, netbsd.ENFILE
	}
	return ends[0], ends[1], 0
}

func (h *Host) makePipe() (ends [2]*File, errno netbsd.Errno) {
	var fds [2]int
	if err := unix.Pipe2(fds[:], unix.O_CLOEXEC|unix.O_NONBLOCK); err != nil {
		return ends, Errno(err)
	}
	kind := kindNonblock
	if nowaitPipes() {
		kind = kindNowait
	}
	for i, fd := range fds {
		ends[i] = new(File)
		ends[i].init(h, fd, unix.S_IFIFO, kind)
	}
	return ends, 0
}

// nowaitPipes reports whether the host reads and writes pipes without waiting whatever their
// flags say (RWF_NOWAIT, Linux 6.4).
var nowaitPipes = sync.OnceValue(func() bool {
	var fds [2]int
	if unix.Pipe2(fds[:], unix.O_CLOEXEC) != nil {
		return false
	}
	defer unix.Close(fds[0])
	defer unix.Close(fds[1])
	b := [][]byte{make([]byte, 1)}
	if _, err := unix.Preadv2(fds[0], b, -1, unix.RWF_NOWAIT); err != unix.EAGAIN {
		return false
	}
	n, err := unix.Pwritev2(fds[1], b, -1, unix.RWF_NOWAIT)
	return n == 1 && err == nil
})

// EventFD implements file.HostEnd.
func (f *File) EventFD() (int, bool) { return f.fd, f.kind == kindNowait }

// LendEnd implements file.HostEnd.
func (f *File) LendEnd(flags int) (int, bool) {
	return f.fd, f.kind == kindNowait && f.SetFlags(flags) == 0
}
