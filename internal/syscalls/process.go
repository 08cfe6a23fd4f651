package syscalls

import (
	"runtime"

	"toaster/internal/file"
	"toaster/kern"
	"toaster/netbsd"
)

func yield() { runtime.Gosched() }

// exit is exit(int status). It does not return: LWP and process end in kern.
func exit(c *Call) netbsd.Errno {
	c.returnFiles()
	c.L.Exit(c.Int(0))
	return netbsd.EJUSTRETURN
}

// fork is fork(void): RAX is the child's pid; in the child it is 0. EAGAIN: RLIMIT_NPROC, or the
// machine has as many processes as it may. ENOMEM: the host or --memory refuses.
func fork(c *Call) netbsd.Errno { return doFork(c, kern.ForkArgs{ExitSignal: netbsd.SIGCHLD}) }

// vfork is vfork(void): the child borrows the address space until it execs or exits,
// and the caller sleeps meanwhile.
func vfork(c *Call) netbsd.Errno {
	return doFork(c, kern.ForkArgs{ExitSignal: netbsd.SIGCHLD, Vfork: true, ShareVM: true})
}

// clone is __clone(int flags, void *stack): fork with an exit signal of choice and
// parts shared. The low byte of the flags is the signal. EINVAL for CLONE_PTRACE, for no signal, for shared handlers without
// shared memory, and for shared descriptors where some are to be closed by a fork. Nobody looks at other flags.
func clone(c *Call) netbsd.Errno {
	flags := c.Int(0)
	sig := flags & netbsd.CLONE_CSIGNAL
	if flags&netbsd.CLONE_PTRACE != 0 || sig >= netbsd.NSIG || flags&netbsd.CLONE_SIGHAND != 0 && flags&netbsd.CLONE_VM == 0 {
		return netbsd.EINVAL
	}
	if flags&netbsd.CLONE_FILES != 0 && c.files().ClosesOnFork() {
		return netbsd.EINVAL
	}
	return doFork(c, kern.ForkArgs{
		ExitSignal:   netbsd.Signal(sig),
		Vfork:        flags&netbsd.CLONE_VFORK != 0,
		ShareVM:      flags&netbsd.CLONE_VM != 0,
		ShareCwd:     flags&netbsd.CLONE_FS != 0,
		ShareFiles:   flags&netbsd.CLONE_FILES != 0,
		ShareSigacts: flags&netbsd.CLONE_SIGHAND != 0,
		NoExitSignal: sig == 0,
		Prepare:      func(l *kern.LWP) netbsd.Errno { return c.K.SetStack(l, c.Ptr(1)) },
	})
}

// Vforker is a CPU that a vfork child may have had meanwhile. Reclaim is due when the call returns to the parent.
type Vforker interface{ Reclaim() }

func doFork(c *Call, args kern.ForkArgs) netbsd.Errno {
	args.Body, args.Manual = c.K.LWPBody, true
	child, errno := c.L.Fork(args)
	if v, ok := c.CPU.(Vforker); ok && args.Vfork {
		v.Reclaim()
	}
	if errno != 0 {
		return errno
	}
	return c.ok(uint64(child.Pid()))
}

// getpid is getpid(void); RDX carries the parent's id.
func getpid(c *Call) netbsd.Errno {
	p := c.L.Proc()
	c.Ret[1] = uint64(p.Ppid())
	return c.ok(uint64(p.Pid()))
}

// getppid is getppid(void).
func getppid(c *Call) netbsd.Errno { return c.ok(uint64(c.L.Proc().Ppid())) }

// getpgrp is getpgrp(void).
func getpgrp(c *Call) netbsd.Errno {
	pgid, errno := c.L.Getpgid(0)
	c.Ret[0] = uint64(pgid)
	return errno
}

// getpgid is getpgid(pid_t). ESRCH: no such process; 0 is the caller.
func getpgid(c *Call) netbsd.Errno {
	pgid, errno := c.L.Getpgid(c.Int(0))
	c.Ret[0] = uint64(pgid)
	return errno
}

// getsid is getsid(pid_t). ESRCH: no such process; 0 is the caller.
func getsid(c *Call) netbsd.Errno {
	sid, errno := c.L.Getsid(c.Int(0))
	c.Ret[0] = uint64(sid)
	return errno
}

// setpgid is setpgid(pid_t pid, pid_t pgid). EINVAL: a negative group. ESRCH: pid is neither the
// caller nor descends from it. EACCES: the child has made an exec. EPERM: a session leader, another
// session, or a group that nobody has.
func setpgid(c *Call) netbsd.Errno { return c.L.Setpgid(c.Int(0), c.Int(1)) }

// setsid is setsid(void). EPERM: the caller leads a group already.
func setsid(c *Call) netbsd.Errno {
	sid, errno := c.L.Setsid()
	c.Ret[0] = uint64(sid)
	return errno
}

// getrlimit is getrlimit(int resource, struct rlimit *). EINVAL: no such resource. EFAULT.
func getrlimit(c *Call) netbsd.Errno {
	r, errno := c.L.Proc().Rlimit(c.Int(0))
	if errno != 0 {
		return errno
	}
	b := c.out(netbsd.SizeofRlimit)
	netbsd.Rlimit{Cur: r.Cur, Max: r.Max}.Encode(b)
	return c.copyout(c.Ptr(1), b)
}

// setrlimit is setrlimit(int resource, const struct rlimit *). EINVAL: no such resource, or a
// soft limit above the hard one. EPERM: to raise a hard limit takes the superuser. The argument
// is read before the resource is looked at, as sys_setrlimit does.
func setrlimit(c *Call) netbsd.Errno {
	b, errno := c.in(c.Ptr(1), netbsd.SizeofRlimit)
	if errno != 0 {
		return errno
	}
	r := netbsd.DecodeRlimit(b)
	return c.setRlimit(c.Int(0), kern.Rlimit{Cur: r.Cur, Max: r.Max})
}

// setRlimit is dosetrlimit.
func (c *Call) setRlimit(which int, r kern.Rlimit) netbsd.Errno {
	switch which {
	case netbsd.RLIMIT_STACK:
		return c.Space.LimitStack(c, r.Cur, func(used uint64) netbsd.Errno {
			return c.L.SetRlimitWithin(which, r, used, netbsd.MAXSSIZ)
		})
	case netbsd.RLIMIT_DATA:
		return c.L.SetRlimitWithin(which, r, 0, netbsd.MAXDSIZ)
	case netbsd.RLIMIT_FSIZE:
		return c.limitFiles(c.L.SetRlimit(which, r))
	case netbsd.RLIMIT_NOFILE:
		// Not kern.maxfiles: who bounds the machine's files is promised ENFILE, and hears of it.
		return c.L.SetRlimitWithin(which, r, 0, file.MaxOpenFiles)
	case netbsd.RLIMIT_NPROC:
		return c.L.SetRlimitWithin(which, r, 0, uint64(c.K.M.MaxProc()))
	case netbsd.RLIMIT_NTHR:
		return c.L.SetRlimitWithin(which, r, 0, uint64(c.K.maxLWPs()))
	}
	return c.L.SetRlimit(which, r)
}

// getrusage is getrusage(int who, struct rusage *): 0 self, -1 children. EINVAL: any other.
// EFAULT.
func getrusage(c *Call) netbsd.Errno {
	u, errno := c.L.Rusage(c.Int(0))
	if errno != 0 {
		return errno
	}
	b := c.out(netbsd.SizeofRusage)
	u.Encode(b)
	return c.copyout(c.Ptr(1), b)
}

// wait4 is __wait450(pid_t pid, int *status, int options, struct rusage *). ECHILD: no child
// that would match. EINVAL: unknown options. EINTR. EFAULT comes when the child has been reaped
// already (release 10), as the copyout is last.
func wait4(c *Call) netbsd.Errno {
	pid, errno := c.L.Wait4(c.Int(0), c.Int(2), c.waitOut(c.Ptr(1), c.Ptr(3), 0, 0))
	c.Ret[0] = uint64(pid)
	return errno
}

// wait6 is wait6(idtype_t, id_t, int *status, int options, struct wrusage *, siginfo_t *). As
// wait4; EINVAL also for options that wait for nothing.
func wait6(c *Call) netbsd.Errno {
	pid, errno := c.L.Wait6(c.Int(0), c.Int(1), c.Int(3), c.waitOut(c.Ptr(2), 0, c.Ptr(4), c.Ptr(5)))
	c.Ret[0] = uint64(pid)
	return errno
}

// waitOut makes the copyouts of a wait; a null pointer is skipped (item 77).
func (c *Call) waitOut(status, rusage, wrusage, info uint64) *kern.WaitOut {
	out := new(kern.WaitOut)
	if status != 0 {
		out.Status = func(w netbsd.WaitStatus) netbsd.Errno {
			b := c.out(4)
			putLE32(b, uint32(w))
			return c.copyout(status, b)
		}
	}
	if rusage != 0 {
		out.Rusage = func(r *netbsd.Rusage) netbsd.Errno {
			b := c.out(netbsd.SizeofRusage)
			r.Encode(b)
			return c.copyout(rusage, b)
		}
	}
	if wrusage != 0 {
		out.Wrusage = func(self, children *netbsd.Rusage) netbsd.Errno {
			b := c.out(netbsd.SizeofWrusage)
			(&netbsd.Wrusage{Self: *self, Children: *children}).Encode(b)
			return c.copyout(wrusage, b)
		}
	}
	if info != 0 {
		out.Info = func(i *netbsd.Siginfo) netbsd.Errno { return c.siginfoOut(info, i) }
	}
	return out
}

// profil is profil(char *samples, size_t size, u_long offset, u_int scale). EINVAL: a scale above 1<<16. Nobody looks at the
// addresses here (sys_profil); counters that are nowhere end the profile when the first is due.
func profil(c *Call) netbsd.Errno {
	return c.L.Proc().Profil(kern.Profile{Base: c.Ptr(0), Size: c.Ptr(1), Offset: c.Ptr(2), Scale: c.Uint32(3)})
}
