package platform

import (
	"strconv"

	"golang.org/x/sys/unix"
)

// Peek copies guest memory at addr into b whatever its protection, as a debugger does. It
// reports whether all of it is there. It takes an open(2) of /proc, where Read takes one call;
// whether the caller's guest may look at all, ptrace(2)'s rules, is asked before.
func (q *Process) Peek(addr uint64, b []byte) bool {
	return q.accessMemory(unix.O_RDONLY, addr, b, unix.Pread)
}

// Poke copies b into guest memory at addr whatever its protection, as Peek does in the other
// direction. A private mapping gets a page of its own, so that a breakpoint is in no file.
func (q *Process) Poke(addr uint64, b []byte) bool {
	return q.accessMemory(unix.O_WRONLY, addr, b, unix.Pwrite)
}

func (q *Process) accessMemory(mode int, addr uint64, b []byte, move func(int, []byte, int64) (int, error)) bool {
	if addr >= GuestEnd || uint64(len(b)) > GuestEnd-addr {
		return false
	}
	fd, ok := q.openMemory(mode)
	if !ok {
		return false
	}
	defer unix.Close(fd)
	for len(b) > 0 {
		n, err := move(fd, b, int64(addr))
		if err == unix.EINTR {
			continue
		}
		if err != nil || n <= 0 {
			return false
		}
		b, addr = b[n:], addr+uint64(n)
	}
	return true
}

// openMemory opens the host's view of the memory, by pid, which may be another process's by
// now. The signal that follows, which is none, proves that the process was still there to be
// reaped, and so its pid its own, when the name was used.
func (q *Process) openMemory(mode int) (fd int, ok bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.reaped {
		return -1, false
	}
	fd, err := unix.Open("/proc/"+strconv.Itoa(q.pid)+"/mem", mode|unix.O_CLOEXEC, 0)
	if err != nil {
		return -1, false
	}
	if unix.PidfdSendSignal(q.pidfd, 0, nil, 0) != nil {
		unix.Close(fd)
		return -1, false
	}
	return fd, true
}
