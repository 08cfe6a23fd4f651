package syscalls

import "toaster/netbsd"

// execve is execve(const char *path, char *const argv[], char *const envp[]).
func execve(c *Call) netbsd.Errno {
	args, errno := c.execArgs(0, 1, 2)
	if errno != 0 {
		return errno
	}
	c.ktraceExec(&args)
	errno = c.K.Exec(c, args)
	if errno == netbsd.EJUSTRETURN {
		stopAio(c.L.Proc())
		c.ktraceEmul()
	}
	return errno
}

// execArgs reads a path, arguments and environment from the arguments named. As in copyinargs the
// environment need not be there, and is empty then; without arguments it is EINVAL.
func (c *Call) execArgs(path, argv, envp int) (args ExecArgs, errno netbsd.Errno) {
	if args.Path, errno = c.path(path); errno != 0 {
		return args, errno
	}
	if c.Ptr(argv) == 0 {
		return args, netbsd.EINVAL
	}
	room := netbsd.ARG_MAX
	if args.Argv, errno = c.stringVector(c.Ptr(argv), &room); errno != 0 {
		return args, errno
	}
	if c.Ptr(envp) != 0 {
		args.Envp, errno = c.stringVector(c.Ptr(envp), &room)
	}
	return args, errno
}

// stringVector reads a vector of strings that a null pointer ends; room is what is
// left of ARG_MAX, pointers included. E2BIG beyond it.
func (c *Call) stringVector(addr uint64, room *int) ([]string, netbsd.Errno) {
	var list []string
	vector, strings := pages{space: c.Space}, pages{space: c.Space}
	for ; ; addr += 8 {
		p, errno := vector.word(addr)
		if errno != 0 {
			return nil, errno
		}
		if p == 0 {
			return list, 0
		}
		if *room -= 8; *room <= 0 {
			return nil, netbsd.E2BIG
		}
		s, errno := strings.string(p, *room)
		if errno == netbsd.ENAMETOOLONG {
			errno = netbsd.E2BIG
		}
		if errno != 0 {
			return nil, errno
		}
		*room -= len(s) + 1
		list = append(list, s)
	}
}
