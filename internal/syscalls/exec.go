package syscalls

import (
	"toaster/internal/file"
	"toaster/netbsd"
)

// execve is execve(const char *path, char *const argv[], char *const envp[]). EAGAIN comes first: see LWP.MayExec.
func execve(c *Call) netbsd.Errno {
	if errno := c.L.MayExec(); errno != 0 {
		return errno
	}
	args, errno := c.execArgs(0, 1, 2)
	if errno != 0 {
		return errno
	}
	return c.exec(args)
}

// exec is execve1: what comes behind the arguments.
func (c *Call) exec(args ExecArgs) netbsd.Errno {
	c.ktraceExec(&args)
	unasked := c.systraceUnasked()
	errno := c.K.Exec(c, args)
	if errno == netbsd.EJUSTRETURN {
		stopAio(c.L.Proc())
		c.ktraceEmul()
		if unasked {
			c.systraceExec(args.Path)
		}
	}
	return errno
}

// fexecve is fexecve(int fd, char *const argv[], char *const envp[]). EBADF. EINVAL: no file that a name could
// have. ENOENT: it has none any more. The file that is open is executed; by its name the program is called. Of the errors, those of the file
// come first (execve_loadvm).
func fexecve(c *Call) netbsd.Errno {
	var args ExecArgs
	errno := c.L.MayExec()
	if errno != 0 {
		return errno
	}
	errno = c.onFD(func(d *file.Description) (errno netbsd.Errno) {
		args.File, args.Path, errno = View(c.L).OpenExecFile(d)
		return errno
	})
	if errno != 0 {
		return errno
	}
	c.execVectors(&args, 1, 2)
	return c.exec(args)
}

// execArgs reads a path, arguments and environment from the arguments named.
func (c *Call) execArgs(path, argv, envp int) (args ExecArgs, errno netbsd.Errno) {
	if args.Path, errno = c.path(path); errno != 0 {
		return args, errno
	}
	c.execVectors(&args, argv, envp)
	return args, 0
}

// execVectors reads arguments and environment. As in copyinargs the environment need not be there, and is empty then; without arguments it is
// EINVAL. Errors are args.Bad, as what is wrong with the file comes first.
func (c *Call) execVectors(args *ExecArgs, argv, envp int) {
	if c.Ptr(argv) == 0 {
		args.Bad = netbsd.EINVAL
		return
	}
	v := c.stringVectors(netbsd.ARG_MAX)
	defer v.done()
	var errno netbsd.Errno
	if args.Argv, errno = v.next(c.Ptr(argv)); errno == 0 && c.Ptr(envp) != 0 {
		args.Envp, errno = v.next(c.Ptr(envp))
	}
	if errno != 0 {
		args.Argv, args.Envp, args.Bad = nil, nil, errno
	}
}

// stringVectors reads vectors of strings, which often share pages, as do their strings.
type stringVectors struct {
	vector, strings *pages
	room            int // what is left of ARG_MAX, which bounds the strings and, as each has a byte, the pointers (copyinargstrs)
}

// stringVectors returns a reader of vectors for which there is that much room. The caller calls its done.
func (c *Call) stringVectors(room int) stringVectors {
	return stringVectors{pagesOf(c.Space), pagesOf(c.Space), room}
}

func (v *stringVectors) done() {
	v.vector.done()
	v.strings.done()
}

// next reads a vector of strings that a null pointer ends. E2BIG: there is no room for it.
func (v *stringVectors) next(addr uint64) ([]string, netbsd.Errno) {
	var list []string
	for ; ; addr += 8 {
		p, errno := v.vector.word(addr)
		if errno != 0 {
			return nil, errno
		}
		if p == 0 {
			return list, 0
		}
		s, errno := v.strings.string(p, v.room)
		if errno == netbsd.ENAMETOOLONG {
			errno = netbsd.E2BIG
		}
		if errno != 0 {
			return nil, errno
		}
		v.room -= len(s) + 1
		list = append(list, s)
	}
}
