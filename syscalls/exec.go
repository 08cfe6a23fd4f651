package syscalls

import "toaster/netbsd"

func init() {
	register(map[int]Handler{59: execve})
}

// argMax is ARG_MAX: the room for arguments and environment, their pointers included.
const argMax = 256 * 1024

// execve is execve(const char *path, char *const argv[], char *const envp[]).
func execve(c *Call) netbsd.Errno {
	path, e := c.path(0)
	if e != 0 {
		return e
	}
	args := ExecArgs{Path: path}
	room := argMax
	if args.Argv, e = c.stringVector(c.Ptr(1), &room); e != 0 {
		return e
	}
	if args.Envp, e = c.stringVector(c.Ptr(2), &room); e != 0 {
		return e
	}
	return c.K.Exec(c, args)
}

// stringVector reads a vector of strings that a null pointer ends; room is what is
// left of ARG_MAX. E2BIG beyond it. A null vector is EFAULT for execve's argv, as on
// NetBSD, and so it is here.
func (c *Call) stringVector(addr uint64, room *int) ([]string, netbsd.Errno) {
	var list []string
	for ; ; addr += 8 {
		b, e := c.in(addr, 8)
		if e != 0 {
			return nil, e
		}
		p := le64(b)
		if p == 0 {
			return list, 0
		}
		if *room -= 8; *room <= 0 {
			return nil, netbsd.E2BIG
		}
		s, e := c.Space.ReadString(p, *room)
		if e == netbsd.ENAMETOOLONG {
			e = netbsd.E2BIG
		}
		if e != 0 {
			return nil, e
		}
		*room -= len(s) + 1
		list = append(list, s)
	}
}
