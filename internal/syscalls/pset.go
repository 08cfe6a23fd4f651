package syscalls

import (
	"runtime"

	"toaster/netbsd"
)

// This file has the calls of pset(3). Processors are the host's, so there is no set but the
// default one, PS_NONE, in which all of them are: an unprivileged caller of NetBSD sees the same
// where nobody has made another. The superuser makes none here either (EPERM).

// psetMay is pset_listener_cb and secmodel_suser: everybody may ask, the superuser alone may
// change. EPERM.
func (c *Call) psetMay(psid int) netbsd.Errno {
	if psid != netbsd.PS_QUERY && !c.cred().IsRoot() {
		return netbsd.EPERM
	}
	return 0
}

// psetValid is psid_validate. EINVAL: there is no such set.
func psetValid(psid int) netbsd.Errno {
	if psid != netbsd.PS_NONE && psid != netbsd.PS_QUERY && psid != netbsd.PS_MYID {
		return netbsd.EINVAL
	}
	return 0
}

// psetCreate is pset_create(psetid_t *psid). EPERM.
func psetCreate(*Call) netbsd.Errno { return netbsd.EPERM }

// psetDestroy is pset_destroy(psetid_t psid). EPERM. EINVAL: no set that could be destroyed.
func psetDestroy(c *Call) netbsd.Errno {
	if !c.cred().IsRoot() {
		return netbsd.EPERM
	}
	return netbsd.EINVAL
}

// psetAssign is pset_assign(psetid_t psid, cpuid_t cpu, psetid_t *opsid): in which set a
// processor is. EPERM. EINVAL: no such processor, or set. EFAULT.
func psetAssign(c *Call) netbsd.Errno {
	psid := c.Int(0)
	if errno := c.psetMay(psid); errno != 0 {
		return errno
	}
	if c.Args[1] >= uint64(runtime.NumCPU()) {
		return netbsd.EINVAL
	}
	if errno := psetValid(psid); errno != 0 {
		return errno
	}
	return c.copyoutOptional(c.Ptr(2), c.out(4))
}

// psetBind is _pset_bind(idtype_t, id_t first, id_t second, psetid_t psid, psetid_t *opsid): in which
// set an LWP runs. EPERM. EINVAL: no such set, or another type of id. ESRCH. EFAULT.
func psetBind(c *Call) netbsd.Errno {
	psid := c.Int(3)
	if errno := c.psetMay(psid); errno != 0 {
		return errno
	}
	if errno := psetValid(psid); errno != 0 {
		return errno
	}
	pid, lid, errno := c.psetTarget()
	if errno != 0 {
		return errno
	}
	if _, errno := c.L.Affinity(pid, lid); errno != 0 {
		return errno
	}
	return c.copyoutOptional(c.Ptr(4), c.out(4))
}

// psetTarget is whom the ids name: first is a process, or an LWP with its process as second.
// P_MYID is the caller's.
func (c *Call) psetTarget() (pid, lid int, errno netbsd.Errno) {
	pid, lid = c.Int(1), 0
	switch c.Int(0) {
	case netbsd.P_PID:
	case netbsd.P_LWPID:
		pid, lid = c.Int(2), c.Int(1)
		if lid == netbsd.P_MYID {
			return 0, c.L.ID(), 0
		}
	default:
		return 0, 0, netbsd.EINVAL
	}
	switch pid {
	case netbsd.P_MYID:
		pid = 0
	case 0:
		return 0, 0, netbsd.EPERM // the system's process (sys__pset_bind)
	}
	return pid, lid, 0
}
