package netbsd

import "strconv"

//go:generate go test -run TestSyscallNames -update .

// SyscallName returns the name of a call as sys/syscall.h has it, without SYS_, or
// "syscall_N" where there is no call.
func SyscallName(nr int) string {
	if nr >= 0 && nr < MaxSyscall && syscallNames[nr] != "" {
		return syscallNames[nr]
	}
	return "syscall_" + strconv.Itoa(nr)
}
