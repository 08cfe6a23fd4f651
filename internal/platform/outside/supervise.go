package outside

import (
	"os"
	"sync"
	"unsafe"

	"golang.org/x/sys/unix"

	"toaster/internal/guard"
)

// A supervisor answers what the filter asks: may this thread execute a program? There are two
// who receive, as to read a file may take its time; what takes longer has a goroutine of its own.
type supervisor struct {
	listener int
	identify func(*os.File) Look
	join     func(*Exec)
	free     func() (*thread, error) // a thread beyond the filter
	plain    bool                    // see Way
	known    cache

	last      uint64 // the sixth argument of the question that ends a receiver
	receivers sync.WaitGroup
}

const receivers = 2

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

// run begins to receive questions.
func (s *supervisor) run() {
	// The host then wakes who asks on the core of who answers, if it can (Linux 6.6).
	unix.Syscall(unix.SYS_IOCTL, uintptr(s.listener), unix.SECCOMP_IOCTL_NOTIF_SET_FLAGS, unix.SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP)
	for range receivers {
		s.receivers.Add(1)
		guard.Go("programs of the host were supervised", s.receive)
	}
}

// receive answers questions until it gets the one that ends it.
func (s *supervisor) receive() {
	defer s.receivers.Done()
	for {
		n := new(notification)
		err := s.ioctl(unix.SECCOMP_IOCTL_NOTIF_RECV, unsafe.Pointer(n))
		switch {
		case err == unix.ENOENT || err == unix.EINTR: // it was withdrawn: its thread is gone
			continue
		case err != nil:
			return
		}
		s.answer(n)
		if n.args[5] == s.last {
			return
		}
	}
}

// stop ends the receivers. They sleep in the host until they are asked, so by is told to ask each of
// them, to execute nothing.
func (s *supervisor) stop(by *thread) {
	for range receivers {
		by.own(unix.SYS_EXECVE, 0, 0, 0, 0, 0, uintptr(s.last))
	}
	s.receivers.Wait()
}

// answer has the execve go on, after it has become a proxy's where the program is not to run there.
func (s *supervisor) answer(n *notification) {
	t := s.look(n)
	if t == nil {
		s.proceed(n)
		return
	}
	guard.Go("a program of the host executed another", func() {
		if !s.replace(n, t) {
			t.file.Close()
			s.proceed(n)
		}
	})
}

func (s *supervisor) proceed(n *notification) {
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
