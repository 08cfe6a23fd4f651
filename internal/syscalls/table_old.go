package syscalls

import (
	"toaster/kern"
	"toaster/netbsd"
)

// oldCalls are calls that no NetBSD has any more, but release 2003.
func oldCalls() []Syscall {
	return []Syscall{
		{netbsd.SYS_pmc_get_info, "ctr int, op int, args ptr", netbsd.RetInt, Full, in2003(pmcGetInfo), "release 2003, with PERFCTRS and that counter; else ENOSYS and SIGSYS"},
		{netbsd.SYS_pmc_control, "ctr int, op int, args ptr", netbsd.RetInt, Full, in2003(pmcControl), "release 2003, with PERFCTRS and one counter, of nanoseconds of processor time; else ENOSYS and SIGSYS"},
	}
}

// in2003 serves a call under release 2003; under others its number is nobody's.
func in2003(serve Handler) Handler {
	return func(c *Call) netbsd.Errno {
		if c.K.M.Release() != kern.Release2003 {
			return nosys(c)
		}
		return serve(c)
	}
}
