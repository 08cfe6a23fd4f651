package syscalls

import (
	"sync/atomic"

	"toaster/kern"
	"toaster/netbsd"
)

// This file is the curtain of secmodel_extensions(9): users see each other's processes and sockets not at all. It is open until the superuser
// draws it, and opened no more where the security level is above 0 (sysctl_extensions_curtain_handler).

// curtainNode is one of the names of the same integer.
func curtainNode(num int32) sysctlNode {
	n := settableInt(num, "curtain", func(c *Call) *atomic.Int32 { return &c.K.curtain }).says("Whether users see each other's processes not at all")
	return n.judged(func(c *Call, v int64) netbsd.Errno {
		if v == 0 && c.K.curtain.Load() != 0 {
			return c.secured()
		}
		return 0
	})
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
