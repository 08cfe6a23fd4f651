package syscalls

import (
	"toaster/internal/file"
	"toaster/netbsd"
)

// nofile is the caller's RLIMIT_NOFILE.
func (c *Call) nofile() uint64 {
	r, _ := c.L.Proc().Rlimit(netbsd.RLIMIT_NOFILE)
	return r.Cur
}

// open is open(const char *path, int flags, mode_t mode).
func open(c *Call) netbsd.Errno { return doOpen(c, netbsd.AT_FDCWD, 0) }

// openat is openat(int fd, const char *path, int flags, mode_t mode).
func openat(c *Call) netbsd.Errno { return doOpen(c, c.Int(0), 1) }

func doOpen(c *Call, at, arg int) netbsd.Errno {
	name, errno := c.path(arg)
	if errno != 0 {
		return errno
	}
	flags := c.Int(arg + 1)
	d, errno := View(c.L).Open(at, name, flags, c.Uint32(arg+2))
	if errno != 0 {
		return errno
	}
	return c.install(d, flags&netbsd.O_CLOEXEC != 0)
}

// install makes d the caller's lowest free descriptor, or drops it.
func (c *Call) install(d *file.Description, cloexec bool) netbsd.Errno {
	fd, errno := c.files().Install(d, 0, c.nofile(), cloexec)
	if errno != 0 {
		d.Release()
		return errno
	}
	return c.ok(uint64(fd))
}

// dup is dup(int fd). EBADF. EMFILE: RLIMIT_NOFILE.
func dup(c *Call) netbsd.Errno {
	fd, errno := c.files().Dup(c.Int(0), 0, c.nofile(), false)
	c.Ret[0] = uint64(fd)
	return errno
}

// dup2 is dup2(int from, int to). EBADF: from is not open, or to is none that RLIMIT_NOFILE
// allows.
func dup2(c *Call) netbsd.Errno {
	c.Ret[0] = uint64(c.Int(1))
	return c.files().Dup2(c.Int(0), c.Int(1), c.nofile(), false)
}

// dup3 is dup3(int from, int to, int flags).
func dup3(c *Call) netbsd.Errno {
	flags := c.Int(2)
	if flags&^(netbsd.O_CLOEXEC|netbsd.O_NONBLOCK|netbsd.O_NOSIGPIPE) != 0 {
		return netbsd.EINVAL
	}
	c.Ret[0] = uint64(c.Int(1))
	return c.files().Dup2(c.Int(0), c.Int(1), c.nofile(), flags&netbsd.O_CLOEXEC != 0)
}
