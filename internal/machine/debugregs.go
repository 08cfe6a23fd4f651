package machine

import (
	"errors"
	"syscall"

	"toaster/internal/platform"
	"toaster/kern"
	"toaster/netbsd"
)

// SetDebugRegs implements syscalls.CPU. EINVAL: the processor's own could do it, but the host does not. EPERM: it lets toaster
// trace nobody.
func (mc *Context) SetDebugRegs(r *kern.DebugRegs) netbsd.Errno {
	err := mc.thread.SetDebugRegs(&platform.DebugRegs{Addr: [4]uint64(r[:4]), Control: r[7]})
	switch {
	case err == nil:
		return 0
	case errors.Is(err, syscall.EINVAL):
		return netbsd.EINVAL
	}
	return netbsd.EPERM
}

// debugTraps are the bits of DR6 that name registers.
const debugTraps = 0xf

// noteDebugged makes the trace trap that it is the trap of a debug register that it was (x86_dbregs_user_trap).
func (mc *Context) noteDebugged(info *netbsd.Siginfo) {
	if mc.l.Platform().Debugged(mc.thread.TakeDebugStatus() & debugTraps) {
		info.Code = netbsd.TRAP_DBREG
	}
}
