package syscalls

import (
	"encoding/binary"

	"toaster/kern"
	"toaster/netbsd"
)

// procArgs is kern.proc_args.PID.WHAT (KERN_PROC_ARGS): 1 argv, 2 its count, 3
// envp, 4 its count, 5 the executable's path, 6 the current directory; pid -1 is the caller.
func procArgs(c *Call, rest []int32, oldlen uint64) ([]byte, netbsd.Errno) {
	if len(rest) != 2 {
		return nil, netbsd.EINVAL
	}
	switch rest[1] {
	case netbsd.KERN_PROC_ARGV, netbsd.KERN_PROC_NARGV, netbsd.KERN_PROC_ENV, netbsd.KERN_PROC_NENV:
		return procStrings(c, int(rest[0]), rest[1], oldlen)
	case netbsd.KERN_PROC_PATHNAME:
		image, errno := argsOf(c, int(rest[0]))
		if errno != 0 {
			return nil, errno
		}
		return append([]byte(image.Path), 0), 0
	case netbsd.KERN_PROC_CWD:
		return cwdOf(c, int(rest[0]))
	}
	return nil, netbsd.EINVAL
}

// procStrings is procArgs for what is in the process's memory (sysctl_kern_proc_args): EINVAL for one that is
// not there, or is a zombie. Of vectors as much is told as there is room for, and where there is none, that
// ARG_MAX bytes are enough (copy_procargs).
func procStrings(c *Call, pid int, what int32, oldlen uint64) ([]byte, netbsd.Errno) {
	image, errno := argsOf(c, pid)
	switch errno {
	case 0:
	case netbsd.ESRCH:
		return nil, netbsd.EINVAL
	default:
		return nil, errno
	}
	list := image.Argv
	if what == netbsd.KERN_PROC_ENV || what == netbsd.KERN_PROC_NENV {
		if errno := c.maySeeEnv(pid); errno != 0 {
			return nil, errno
		}
		list = image.Envp
	}
	switch none := c.Ptr(2) == 0; {
	case what == netbsd.KERN_PROC_NARGV || what == netbsd.KERN_PROC_NENV:
		return binary.LittleEndian.AppendUint32(nil, uint32(len(list))), 0
	case none:
		return anyArgs[:], 0
	case c.zombie(pid):
		return nil, netbsd.EINVAL
	}
	b := nulJoin(list)
	return b[:min(uint64(len(b)), oldlen)], 0
}

// anyArgs is as long as arguments can be, of which the length alone is told.
var anyArgs [netbsd.ARG_MAX]byte

// zombie reports whether the process has no memory any more, or is gone.
func (c *Call) zombie(pid int) bool {
	if pid == -1 {
		return false
	}
	p := c.K.M.Find(pid)
	return p == nil || p.State() >= kern.StateDead
}

// maySeeEnv is KAUTH_REQ_PROCESS_CANSEE_ENV: an environment is seen by root and by
// processes of the same real user, unless the process runs with another's rights.
func (c *Call) maySeeEnv(pid int) netbsd.Errno {
	me := c.L.Proc()
	p := me
	if pid != -1 {
		p = c.K.M.Find(pid)
	}
	if p == nil {
		return netbsd.ESRCH
	}
	a, b := me.Cred(), p.Cred()
	if p == me || a.IsRoot() || a.RUID == b.RUID && a.RUID == b.SUID {
		return 0
	}
	return netbsd.EPERM
}

func nulJoin(list []string) []byte {
	var b []byte
	for _, s := range list {
		b = append(append(b, s...), 0)
	}
	return b
}

// cwdOf is where a process is, as the caller could name it (fill_cwd): he must see the process (proc_find_locked), whoever's it is. ENOENT:
// nowhere below his root.
func cwdOf(c *Call, pid int) ([]byte, netbsd.Errno) {
	p := c.L.Proc()
	if pid != -1 {
		var errno netbsd.Errno
		if p, errno = c.see(pid); errno != 0 {
			return nil, errno
		}
	}
	dirs := dirsOf(p) // before the state: what ends has its state first
	if dirs == nil && p.State() >= kern.StateExiting {
		return nil, netbsd.ESRCH
	}
	name, errno := View(c.L).CwdOf(dirs)
	return append([]byte(name), 0), errno
}
