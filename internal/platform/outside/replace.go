package outside

import (
	"bytes"
	"os"
	"runtime"
	"strconv"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"toaster/internal/guard"
)

// This file makes an execve that waits for the supervisor's word one of a proxy:
//
//	execve(name, argv, envp)  becomes  execveat(proxy, "", argv, envp, AT_EMPTY_PATH)
//
// The supervisor puts two descriptors into the process, of the proxy's program and of a socket. The
// registers take a moment of ptrace(2), as an answer cannot change them. Nothing is written to the
// process's memory, which after a vfork(2) is its parent's: the empty name is the end of the
// one that is there.
//
// Under somebody else's debugger there is no such moment; Linux then executes what it takes
// for a program of its own.

// restart is what Linux's system calls return where a signal handler, or a debugger, comes
// first: ERESTARTSYS. It never reaches the program.
const restart = 512

// addFD is struct seccomp_notif_addfd.
type addFD struct {
	id         uint64
	flags      uint32
	srcfd      uint32
	newfd      uint32
	newfdFlags uint32
}

// replace reports whether the question n has been answered.
func (s *supervisor) replace(n *notification, t *target) bool {
	st, err := StatusOf(int(n.pid))
	if err != nil {
		return false
	}
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return false
	}
	way, err := s.give(n, pair[1], 0)
	unix.Close(pair[1])
	if err != nil {
		unix.Close(pair[0])
		return false
	}
	p, err := newProxy(st.Pid, pair[0], way)
	if err != nil {
		return false
	}
	if !s.redirect(n, t, way) {
		p.Close()
		return false
	}
	guard.Go("a program joined the machine", func() {
		if p.awaitHello() != nil {
			p.Close()
			t.file.Close()
			return
		}
		then := s.join
		if t.outside {
			then = s.carry
		}
		then(&Exec{Proxy: p, Name: t.name, File: t.file, Status: st})
	})
	return true
}

// give makes fd a descriptor of the process that asks.
func (s *supervisor) give(n *notification, fd int, flags uint32) (int, error) {
	a := addFD{id: n.id, srcfd: uint32(fd), newfdFlags: flags}
	r, _, e := unix.Syscall(unix.SYS_IOCTL, uintptr(s.listener), unix.SECCOMP_IOCTL_NOTIF_ADDFD, uintptr(unsafe.Pointer(&a)))
	if e != 0 {
		return -1, e
	}
	return int(r), nil
}

// redirect makes n an execve of a proxy whose way to toaster is descriptor way.
func (s *supervisor) redirect(n *notification, t *target, way int) bool {
	exe, err := proxyFile(way)
	if err != nil {
		return false
	}
	defer unix.Close(exe)
	fd, err := s.give(n, exe, unix.O_CLOEXEC)
	if err != nil {
		return false
	}
	runtime.LockOSThread() // whoever traces is a thread
	tid := int(n.pid)
	if unix.PtraceSeize(tid) != nil {
		runtime.UnlockOSThread()
		return false
	}
	defer letGo(tid)
	if unix.PtraceInterrupt(tid) != nil {
		return false
	}
	// If the thread has been interrupted already the answer comes too late, and is not needed.
	s.respond(&response{id: n.id, errno: -restart})
	var r unix.PtraceRegs
	if !awaitStop(tid, &r) {
		return true // it is gone
	}
	argv, envp := r.Rsi, r.Rdx
	if n.nr == unix.SYS_EXECVEAT {
		argv, envp = r.Rdx, r.R10
	}
	r.Rip -= 2 // the instruction
	r.Orig_rax = ^uint64(0)
	r.Rax = unix.SYS_EXECVEAT
	r.Rdi, r.Rsi, r.Rdx, r.R10, r.R8 = uint64(fd), t.nameAt+uint64(t.nameLen), argv, envp, unix.AT_EMPTY_PATH
	unix.PtraceSetRegs(tid, &r)
	return true
}

// letGo ends the tracing. Of a thread that has died nobody can let go, and its parent is not told of its end as long as it is
// traced: then the caller's own thread, which traces, ends with the goroutine, as it stays locked.
func letGo(tid int) {
	if unix.PtraceDetach(tid) == nil {
		runtime.UnlockOSThread()
	}
}

// awaitStop reads the registers once the thread has stopped; false if it is gone. It does not
// wait(2): who waits for the process's end may have been told of the stop instead.
func awaitStop(tid int, r *unix.PtraceRegs) bool {
	for unix.PtraceGetRegs(tid, r) != nil {
		if isDead(tid) {
			return false
		}
		time.Sleep(10 * time.Microsecond)
	}
	return true
}

// isDead reports whether a thread is gone, or dead with nobody having waited for it (proc_pid_status(5)).
func isDead(tid int) bool {
	b, err := os.ReadFile("/proc/" + strconv.Itoa(tid) + "/status")
	return err != nil || bytes.Contains(b, []byte("\nState:\tZ")) || bytes.Contains(b, []byte("\nState:\tX"))
}
