package syscalls

import (
	"toaster/kern"
	"toaster/netbsd"
)

// This file is the curtain of secmodel_extensions(9): users see each other's processes and sockets not at all. It is open until the superuser
// draws it.

// curtainNode is one of the names of the same integer.
func curtainNode(num int32) sysctlNode {
	n := sysctlInt(num, "curtain", func(c *Call) int32 { return c.K.curtain.Load() }).says("Whether users see each other's processes not at all")
	n.set = func(c *Call, b []byte) netbsd.Errno {
		if len(b) != 4 {
			return netbsd.EINVAL
		}
		c.K.curtain.Store(int32(le32(b)))
		return 0
	}
	return n
}

// userDebugRegsNode says whether others than the superuser may set debug registers of who they trace.
func userDebugRegsNode(num int32) sysctlNode {
	n := sysctlInt(num, "user_set_dbregs", func(c *Call) int32 { return c.K.userDebugRegs.Load() }).says("Whether users may set debug registers")
	n.set = func(c *Call, b []byte) netbsd.Errno {
		if len(b) != 4 {
			return netbsd.EINVAL
		}
		c.K.userDebugRegs.Store(int32(le32(b)))
		return 0
	}
	return n
}

// maySee is KAUTH_PROCESS_CANSEE of an entry, of arguments and of open files (secmodel_extensions_process_cb): the curtain hides others' processes
// from who is not the superuser.
func (c *Call) maySee(p *kern.Proc) bool {
	if c.K.curtain.Load() == 0 || p == c.L.Proc() {
		return true
	}
	a, b := c.L.Proc().Cred(), p.Cred()
	return a.IsRoot() || a.RUID == b.RUID || a.EUID == b.RUID || a.RUID == b.EUID || a.EUID == b.EUID
}

// see is Machine.Find of a process that the caller may see. EPERM: he may not; ESRCH.
func (c *Call) see(pid int) (*kern.Proc, netbsd.Errno) {
	p := c.K.M.Find(pid)
	switch {
	case p == nil:
		return nil, netbsd.ESRCH
	case !c.maySee(p):
		return nil, netbsd.EPERM
	}
	return p, 0
}
