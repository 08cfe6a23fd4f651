package syscalls

import (
	"cmp"

	"toaster/netbsd"
)

// This file serves the calls that make, move and remove names.

// onPath runs f with a path argument.
func (c *Call) onPath(arg int, f func(name string) netbsd.Errno) netbsd.Errno {
	name, errno := c.path(arg)
	if errno != 0 {
		return errno
	}
	return f(name)
}

// onPaths runs f with two path arguments.
func (c *Call) onPaths(a, b int, f func(a, b string) netbsd.Errno) netbsd.Errno {
	return c.onPath(a, func(x string) netbsd.Errno {
		return c.onPath(b, func(y string) netbsd.Errno { return f(x, y) })
	})
}

// link is link(const char *old, const char *new). A link at the end of old is
// followed.
func link(c *Call) netbsd.Errno {
	return c.link(netbsd.AT_FDCWD, 0, netbsd.AT_FDCWD, 1, true)
}

// link makes the path that is argument b another name of the file whose path is argument a, from oldAt. An error of
// the first path is found before the second is read (do_sys_linkat).
func (c *Call) link(oldAt, a, newAt, b int, follow bool) netbsd.Errno {
	return c.onPath(a, func(old string) netbsd.Errno {
		new, errno := c.path(b)
		if errno != 0 {
			_, missing := View(c.L).Stat(oldAt, old, follow)
			return cmp.Or(missing, errno)
		}
		return View(c.L).Link(oldAt, old, newAt, new, follow)
	})
}

// linkat is linkat(int fd1, const char *old, int fd2, const char *new, int flags), of which AT_SYMLINK_FOLLOW alone counts (sys_linkat).
func linkat(c *Call) netbsd.Errno {
	return c.link(c.Int(0), 1, c.Int(2), 3, c.Int(4)&netbsd.AT_SYMLINK_FOLLOW != 0)
}

// unlink is unlink(const char *path). EPERM: a directory. ENOENT, EACCES.
func unlink(c *Call) netbsd.Errno {
	return c.onPath(0, func(name string) netbsd.Errno { return View(c.L).Unlink(netbsd.AT_FDCWD, name, 0) })
}

// rmdir is rmdir(const char *path). ENOTEMPTY, ENOTDIR, ENOENT. EBUSY: something is mounted
// there.
func rmdir(c *Call) netbsd.Errno {
	return c.onPath(0, func(name string) netbsd.Errno {
		return View(c.L).Unlink(netbsd.AT_FDCWD, name, netbsd.AT_REMOVEDIR)
	})
}

// unlinkat is unlinkat(int fd, const char *path, int flag).
func unlinkat(c *Call) netbsd.Errno {
	return c.onPath(1, func(name string) netbsd.Errno { return View(c.L).Unlink(c.Int(0), name, c.Int(2)) })
}

// rename is rename(const char *from, const char *to). Of two links of one file from is removed.
// EINVAL: "." or "..". EBUSY: the root. EXDEV, ENOENT, ENOTDIR, EISDIR, ENOTEMPTY.
func rename(c *Call) netbsd.Errno {
	return c.onPaths(0, 1, func(from, to string) netbsd.Errno {
		return View(c.L).Rename(netbsd.AT_FDCWD, from, netbsd.AT_FDCWD, to)
	})
}

// posixRename is __posix_rename(const char *from, const char *to).
func posixRename(c *Call) netbsd.Errno {
	return c.onPaths(0, 1, func(from, to string) netbsd.Errno { return View(c.L).PosixRename(from, to) })
}

// renameat is renameat(int fromfd, const char *from, int tofd, const char *to).
func renameat(c *Call) netbsd.Errno {
	return c.onPaths(1, 3, func(from, to string) netbsd.Errno {
		return View(c.L).Rename(c.Int(0), from, c.Int(2), to)
	})
}

// mkdir is mkdir(const char *path, mode_t mode).
func mkdir(c *Call) netbsd.Errno {
	return c.onPath(0, func(name string) netbsd.Errno {
		return View(c.L).Mkdir(netbsd.AT_FDCWD, name, c.Uint32(1))
	})
}

// mkdirat is mkdirat(int fd, const char *path, mode_t mode).
func mkdirat(c *Call) netbsd.Errno {
	return c.onPath(1, func(name string) netbsd.Errno { return View(c.L).Mkdir(c.Int(0), name, c.Uint32(2)) })
}

// symlink is symlink(const char *target, const char *link).
func symlink(c *Call) netbsd.Errno {
	return c.onPaths(0, 1, func(target, name string) netbsd.Errno {
		return View(c.L).Symlink(target, netbsd.AT_FDCWD, name)
	})
}

// symlinkat is symlinkat(const char *target, int fd, const char *link).
func symlinkat(c *Call) netbsd.Errno {
	return c.onPaths(0, 2, func(target, name string) netbsd.Errno {
		return View(c.L).Symlink(target, c.Int(1), name)
	})
}

// readlink is readlink(const char *path, char *buf, size_t count).
func readlink(c *Call) netbsd.Errno { return doReadlink(c, netbsd.AT_FDCWD, 0) }

// readlinkat is readlinkat(int fd, const char *path, char *buf, size_t count).
func readlinkat(c *Call) netbsd.Errno { return doReadlink(c, c.Int(0), 1) }

// doReadlink cuts the target off at the end of the buffer, without a NUL.
func doReadlink(c *Call, at, arg int) netbsd.Errno {
	return c.onPath(arg, func(name string) netbsd.Errno {
		target, errno := View(c.L).Readlink(at, name)
		if errno != 0 {
			return errno
		}
		target = target[:min(uint64(len(target)), c.Ptr(arg+2))]
		c.Ret[0] = uint64(len(target))
		return c.copyoutLast(c.Ptr(arg+1), []byte(target))
	})
}

// mkfifo is mkfifo(const char *path, mode_t mode).
func mkfifo(c *Call) netbsd.Errno {
	return doMknod(c, netbsd.AT_FDCWD, 0, netbsd.S_IFIFO|c.Uint32(1)&0o7777)
}

// mkfifoat is mkfifoat(int fd, const char *path, mode_t mode).
func mkfifoat(c *Call) netbsd.Errno {
	return doMknod(c, c.Int(0), 1, netbsd.S_IFIFO|c.Uint32(2)&0o7777)
}

// mknod is __mknod50(const char *path, mode_t mode, dev_t dev).
func mknod(c *Call) netbsd.Errno { return doMknodDev(c, netbsd.AT_FDCWD, 0, c.Ptr(2)) }

// mknodat is mknodat(int fd, const char *path, mode_t mode, int pad, dev_t dev).
func mknodat(c *Call) netbsd.Errno { return doMknodDev(c, c.Int(0), 1, c.Ptr(4)) }

// doMknodDev is doMknod with a device's number: EPERM before all else, but for a FIFO without one (do_posix_mknodat).
func doMknodDev(c *Call, at, arg int, dev uint64) netbsd.Errno {
	if fifo := c.Uint32(arg+1)&netbsd.S_IFIFO != 0 && dev == 0; !fifo && !c.L.Proc().Cred().IsRoot() {
		return netbsd.EPERM
	}
	return c.onPath(arg, func(name string) netbsd.Errno { return View(c.L).MknodDev(at, name, c.Uint32(arg+1), dev) })
}

func doMknod(c *Call, at, arg int, mode uint32) netbsd.Errno {
	return c.onPath(arg, func(name string) netbsd.Errno { return View(c.L).Mknod(at, name, mode) })
}
