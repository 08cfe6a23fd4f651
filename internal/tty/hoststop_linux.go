package tty

import (
	"os"
	"runtime"
	"unsafe"

	"golang.org/x/sys/unix"
)

// kernelSigaction is the host kernel's struct sigaction.
type kernelSigaction struct {
	handler  uintptr
	flags    uint64
	restorer uintptr
	mask     uint64
}

// SuspendSelf stops this process as Ctrl-Z stops one that knows nothing of it, and
// returns when somebody has continued it. Where nobody could, because its group is
// orphaned, the host drops the signal and it returns at once.
//
// The action is changed behind os/signal's back: once a program has asked for SIGTSTP,
// the Go runtime never lets it have its effect again, Reset or not. The signal goes to
// the calling thread, which cannot return from the call before it has taken effect.
func SuspendSelf() {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	var old, dfl kernelSigaction
	swap := func(set, was *kernelSigaction) {
		unix.RawSyscall6(unix.SYS_RT_SIGACTION, uintptr(unix.SIGTSTP), uintptr(unsafe.Pointer(set)),
			uintptr(unsafe.Pointer(was)), unsafe.Sizeof(set.mask), 0, 0)
	}
	swap(&dfl, &old)
	unix.Tgkill(os.Getpid(), unix.Gettid(), unix.SIGTSTP)
	swap(&old, nil)
}
