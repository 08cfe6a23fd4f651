package outside

import (
	"os"
	"unsafe"

	"golang.org/x/sys/unix"

	"toaster/internal/guard"
)

// A supervisor answers what the filter asks: may this thread execute a program? Each question
// is answered on a goroutine of its own, as to read a file may take its time.
type supervisor struct {
	listener int
	stop     int // an eventfd
	identify func(*os.File) Look
	join     func(*Exec)
	free     func() (*thread, error) // a thread beyond the filter
	plain    bool                    // see Way
	done     chan struct{}
}

// An Exec is a program of the machine that a program of the host has executed.
type Exec struct {
	Proxy *Proxy
	Name  string   // as execve(2) was called with it
	File  *os.File // what that is; the receiver's to close
	// Status is that of the process when it executed the program.
	Status Status
}

// notification is struct seccomp_notif, response struct seccomp_notif_resp.
type notification struct {
	id    uint64
	pid   uint32
	flags uint32
	nr    int32
	arch  uint32
	ip    uint64
	args  [6]uint64
}

type response struct {
	id    uint64
	val   int64
	errno int32
	flags uint32
}

// run receives questions until the supervisor is told to stop, or nobody can ask any more.
func (s *supervisor) run() {
	defer close(s.done)
	for s.wait() {
		n := new(notification)
		if s.ioctl(unix.SECCOMP_IOCTL_NOTIF_RECV, unsafe.Pointer(n)) != nil {
			continue // it was withdrawn: its thread is gone
		}
		guard.Go("a program of the host executed another", func() { s.answer(n) })
	}
}

// wait returns true when there is a question.
func (s *supervisor) wait() bool {
	for {
		fds := []unix.PollFd{{Fd: int32(s.listener), Events: unix.POLLIN}, {Fd: int32(s.stop), Events: unix.POLLIN}}
		n, err := unix.Poll(fds, -1)
		switch {
		case err == unix.EINTR:
			continue
		case err != nil || n == 0 || fds[1].Revents != 0:
			return false
		case fds[0].Revents&unix.POLLIN != 0:
			return true
		}
		return false
	}
}

// answer has the execve go on, after it has become a proxy's where the program is not to run there.
func (s *supervisor) answer(n *notification) {
	if t := s.look(n); t != nil {
		if s.replace(n, t) {
			return
		}
		t.file.Close()
	}
	s.respond(&response{id: n.id, flags: unix.SECCOMP_USER_NOTIF_FLAG_CONTINUE})
}

func (s *supervisor) respond(r *response) error {
	return s.ioctl(unix.SECCOMP_IOCTL_NOTIF_SEND, unsafe.Pointer(r))
}

func (s *supervisor) ioctl(request uintptr, arg unsafe.Pointer) error {
	_, _, e := unix.Syscall(unix.SYS_IOCTL, uintptr(s.listener), request, uintptr(arg))
	if e != 0 {
		return e
	}
	return nil
}
