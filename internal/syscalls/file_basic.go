package syscalls

import (
	"cmp"

	"toaster/internal/file"
	"toaster/internal/vfs"
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
	// That there is no descriptor comes before all that is about the file, which must not be made (do_open).
	if errno := cmp.Or(vfs.OpenMode(flags), c.room()); errno != 0 {
		return cmp.Or(View(c.L).CheckAt(at, name), errno)
	}
	d, errno := View(c.L).Open(at, name, flags, c.Uint32(arg+2))
	if errno != 0 {
		return errno
	}
	return c.install(d, c.fdFlags(flags))
}

// fdFlags returns what O_CLOEXEC and O_CLOFORK, among flags of open(2), make of a descriptor.
func (c *Call) fdFlags(flags int) (fl file.FDFlags) {
	if flags&netbsd.O_CLOEXEC != 0 {
		fl = file.CloseOnExec
	}
	return fl | c.closeOnFork(flags&netbsd.O_CLOFORK != 0)
}

// closeOnFork returns the flag that is asked for, where the release has it.
func (c *Call) closeOnFork(asked bool) file.FDFlags {
	if asked && c.K.M.Release().CloseOnFork() {
		return file.CloseOnFork
	}
	return 0
}

// fdOpenFlags returns the flags of open(2) that pipe2(2) and its like take.
func (c *Call) fdOpenFlags() int {
	const always = netbsd.O_CLOEXEC | netbsd.O_NONBLOCK | netbsd.O_NOSIGPIPE
	if c.K.M.Release().CloseOnFork() {
		return always | netbsd.O_CLOFORK
	}
	return always
}

// room says whether the caller may have one more descriptor, before anything is made for it (fd_allocfile). EMFILE, ENFILE.
func (c *Call) room() netbsd.Errno { return c.files().Room(c.nofile()) }

// install makes d the caller's lowest free descriptor, or drops it.
func (c *Call) install(d *file.Description, flags file.FDFlags) netbsd.Errno {
	fd, errno := c.files().Install(d, 0, c.nofile(), flags)
	if errno != 0 {
		d.Release()
		return errno
	}
	return c.ok(uint64(fd))
}

// dup is dup(int fd). EBADF. EMFILE: RLIMIT_NOFILE.
func dup(c *Call) netbsd.Errno {
	d, errno := c.get(c.Int(0))
	if errno != 0 {
		return errno
	}
	return c.install(d, 0)
}

// dup2 is dup2(int from, int to). EBADF: from is not open, or to is none that RLIMIT_NOFILE
// allows.
func dup2(c *Call) netbsd.Errno {
	c.Ret[0] = uint64(c.Int(1))
	return c.files().Dup2(c.Int(0), c.Int(1), c.nofile(), 0)
}

// dup3 is dup3(int from, int to, int flags) as it was up to release 10 (compat_100_sys_dup3): with from == to it does
// nothing. EBADF. EINVAL: flags that there are not, looked at last (fd_dup2). O_NONBLOCK and O_NOSIGPIPE are set on the open
// file, never cleared.
func dup3(c *Call) netbsd.Errno {
	from, to, flags := c.Int(0), c.Int(1), c.Int(2)
	d, errno := c.get(from)
	if errno != 0 {
		return errno
	}
	defer d.Release()
	switch {
	case to < 0 || uint64(to) >= c.nofile():
		return netbsd.EBADF
	case from == to:
		return c.ok(uint64(to))
	case flags&^c.fdOpenFlags() != 0:
		return netbsd.EINVAL
	}
	if add := flags & (netbsd.O_NONBLOCK | netbsd.O_NOSIGPIPE); add != 0 {
		d.ForceFlags(add, true)
	}
	c.Ret[0] = uint64(to)
	return c.files().Dup2(from, to, c.nofile(), c.fdFlags(flags))
}

// dup3100 is __dup3100(int from, int to, int flags), dup3(2) since release 11. EINVAL: from == to, whatever they are; else as
// dup3.
func dup3100(c *Call) netbsd.Errno {
	if c.Int(0) == c.Int(1) {
		return netbsd.EINVAL
	}
	return dup3(c)
}
