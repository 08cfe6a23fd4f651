package platform

import (
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// entersyscallblock gives the P away at once. The usual way into a system call
// keeps it until sysmon takes it back, up to 10 ms later, and with as many
// guests as cores that stalls everybody. Its linkname is promised to stay
// (go.dev/issue/67401).
//
//go:linkname entersyscallblock runtime.entersyscallblock
func entersyscallblock()

//go:linkname exitsyscall runtime.exitsyscall
func exitsyscall()

// futexWait sleeps for as long as *word is value, or spuriously less. The thread's slack,
// if it is not 0, becomes that: to find out whether it is already would cost as much.
//
//go:nosplit
func futexWait(word *uint32, value uint32, slack uintptr) {
	entersyscallblock()
	if slack != 0 {
		syscall.RawSyscall(unix.SYS_PRCTL, unix.PR_SET_TIMERSLACK, slack, 0)
	}
	syscall.RawSyscall6(unix.SYS_FUTEX, uintptr(unsafe.Pointer(word)), 0, uintptr(value), 0, 0, 0)
	exitsyscall()
}

// futexWake wakes who sleeps on word. It doesn't block.
func futexWake(word *uint32) {
	syscall.RawSyscall6(unix.SYS_FUTEX, uintptr(unsafe.Pointer(word)), 1, 1, 0, 0, 0)
}

// futexWakeAll wakes both sides, if both sleep on word.
func futexWakeAll(word *uint32) {
	syscall.RawSyscall6(unix.SYS_FUTEX, uintptr(unsafe.Pointer(word)), 1, 2, 0, 0, 0)
}

// pollBlock is poll(2) on one descriptor, with a timeout in milliseconds.
//
//go:nosplit
func pollBlock(fd *unix.PollFd, timeout int) (int, syscall.Errno) {
	entersyscallblock()
	n, _, e := syscall.RawSyscall(unix.SYS_POLL, uintptr(unsafe.Pointer(fd)), 1, uintptr(timeout))
	exitsyscall()
	return int(n), e
}

// pollNow is pollBlock for those who don't wait: Go's scheduler is not told of the call.
func pollNow(fd *unix.PollFd, timeout int) (int, syscall.Errno) {
	n, _, e := syscall.RawSyscall(unix.SYS_POLL, uintptr(unsafe.Pointer(fd)), 1, uintptr(timeout))
	return int(n), e
}

// futexWaitv sleeps until somebody wakes one of n words, whose index it then returns, until
// one of them has another value than it should, or for less.
//
//go:nosplit
func futexWaitv(list *waitv, n int, slack uintptr) (int, syscall.Errno) {
	entersyscallblock()
	if slack != 0 {
		syscall.RawSyscall(unix.SYS_PRCTL, unix.PR_SET_TIMERSLACK, slack, 0)
	}
	which, _, e := syscall.RawSyscall6(sysFutexWaitv, uintptr(unsafe.Pointer(list)), uintptr(n), 0, 0, 0, 0)
	exitsyscall()
	return int(which), e
}

// futexWakePrivate is futexWake on a word of toaster's own memory.
func futexWakePrivate(word *uint32) {
	const private = 128
	syscall.RawSyscall6(unix.SYS_FUTEX, uintptr(unsafe.Pointer(word)), 1|private, 1, 0, 0, 0)
}
