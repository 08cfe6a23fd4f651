//lint:file-ignore U1000 the assembly of the heir uses what Go does not

package outside

import (
	"os"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"

	"toaster/internal/memprog"
)

// The heir is a process that holds the listener, too. What a program of the host leaves behind
// may live longer than toaster, and Linux refuses every execve below a filter whose listener is gone
// (ENOSYS): so when toaster is gone, whatever has ended it, the heir has them go on. It ends with
// the last of them.

// Where the heir's code and data are.
const (
	heirCode = 0x10000000
	heirData = 0x20000000
)

const (
	notifRecv = unix.SECCOMP_IOCTL_NOTIF_RECV
	notifSend = unix.SECCOMP_IOCTL_NOTIF_SEND
)

// heirMem is its data. The assembly knows it by these names.
type heirMem struct {
	poll     unix.PollFd
	answer   response
	question notification
}

// Implemented in heir_amd64.s, and never called here.
func heirBegin()
func heirLimit()

var heirText memprog.Code // between them

// An heir is toaster's side of it.
type heir struct {
	pid int
	end int // of a pipe: the heir takes over when it is closed
}

func startHeir(listener int) (*heir, error) {
	m := heirMem{poll: unix.PollFd{Fd: 1, Events: unix.POLLIN}, answer: response{flags: unix.SECCOMP_USER_NOTIF_FLAG_CONTINUE}}
	data := (*[unsafe.Sizeof(m)]byte)(unsafe.Pointer(&m))[:]
	exe, err := memprog.File("toaster-heir", &memprog.Image{Entry: heirCode, Segments: []memprog.Segment{
		{Addr: heirCode, Prot: unix.PROT_READ | unix.PROT_EXEC, Data: heirText.Bytes()},
		{Addr: heirData, Prot: unix.PROT_READ | unix.PROT_WRITE, Data: data}}})
	if err != nil {
		return nil, err
	}
	defer unix.Close(exe)
	var ends [2]int
	if err := unix.Pipe2(ends[:], unix.O_CLOEXEC); err != nil {
		return nil, os.NewSyscallError("pipe2", err)
	}
	defer unix.Close(ends[0])
	pid, err := memprog.Start(exe, []string{"toaster-heir"}, &syscall.ProcAttr{
		Dir: "/", Env: []string{}, Files: []uintptr{uintptr(ends[0]), uintptr(listener)},
		Sys: &syscall.SysProcAttr{Setsid: true}, // no signal of a terminal's
	})
	if err != nil {
		unix.Close(ends[1])
		return nil, err
	}
	return &heir{pid: pid, end: ends[1]}, nil
}

// takeOver lets the heir do what it is there for. It is waited for here if nobody is left below
// the filter; over says so.
func (k *heir) takeOver(over bool) {
	unix.Close(k.end)
	if over {
		collect(k.pid)
	} else {
		go collect(k.pid)
	}
}

// nobodyAsks reports whether there is no process any more below the listener's filter. Those that have been
// told to end may take a moment.
func nobodyAsks(listener int) bool {
	fds := []unix.PollFd{{Fd: int32(listener)}}
	n, err := unix.Poll(fds, 100)
	return err == nil && n > 0 && fds[0].Revents&unix.POLLHUP != 0
}
