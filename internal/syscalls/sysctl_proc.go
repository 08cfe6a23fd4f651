package syscalls

import (
	"encoding/binary"

	"toaster/netbsd"
)

// procNodes is proc: below it each process has a node by its pid, all of which are alike, and only
// the caller's, curproc, is listed (sysctl_proc_setup of kern_resource.c).
func procNodes() sysctlNode {
	cur := sysctlNode{num: netbsd.PROC_CURPROC, name: "curproc", kind: ctlNode, children: []sysctlNode{
		procStop(netbsd.PROC_PID_STOPFORK, "stopfork"),
		procStop(netbsd.PROC_PID_STOPEXEC, "stopexec"),
		procStop(netbsd.PROC_PID_STOPEXIT, "stopexit"),
	}}
	return sysctlNode{num: netbsd.CTL_PROC, name: "proc", kind: ctlNode, children: []sysctlNode{cur}, each: &cur}
}

// procStop is proc.PID.stopfork and its like: whether the process stops at its next fork, exec or
// exit, which can be set.
func procStop(num int32, name string) sysctlNode {
	return sysctlNode{num: num, name: name, kind: ctlInt, value: procStops, set: procSetStop}
}

// procStops is sysctl_proc_stop. ESRCH: there is no such process.
func procStops(c *Call, _ []int32, _ uint64) ([]byte, netbsd.Errno) {
	pid, which, errno := c.procStopName()
	if errno != 0 {
		return nil, errno
	}
	on, errno := c.L.StopsOn(pid, which)
	if errno != 0 {
		return nil, errno
	}
	b := make([]byte, 4)
	if on {
		b[0] = 1
	}
	return b, 0
}

// EINVAL: the new value is no int. EPERM: another user's process.
func procSetStop(c *Call) netbsd.Errno {
	pid, which, errno := c.procStopName()
	if errno != 0 {
		return errno
	}
	if c.Ptr(5) != 4 {
		return netbsd.EINVAL
	}
	b, errno := c.in(c.Ptr(4), 4)
	if errno != 0 {
		return errno
	}
	return c.L.SetStopOn(pid, which, binary.LittleEndian.Uint32(b) != 0)
}

// procStopName reads the name once more: the guest may have changed it meanwhile, so that it is
// checked once more, too.
func (c *Call) procStopName() (pid, which int, errno netbsd.Errno) {
	name, errno := sysctlName(c)
	if errno != 0 || len(name) < 3 {
		return 0, 0, netbsd.EINVAL
	}
	if pid = int(name[1]); pid == netbsd.PROC_CURPROC {
		pid = c.L.Proc().Pid()
	}
	return pid, int(name[2]), 0
}
