package syscalls

import (
	"toaster/internal/file"
	"toaster/internal/kqueue"
	"toaster/netbsd"
)

// fcntl is fcntl(int fd, int cmd, ...). The third argument is an int, or a pointer
// for locks and F_GETPATH.
func fcntl(c *Call) netbsd.Errno {
	t, fd, arg := c.files(), c.Int(0), c.Int(2)
	switch cmd := c.Int(1); cmd {
	case netbsd.F_GETLK, netbsd.F_SETLK, netbsd.F_SETLKW:
		return recordLock(c)
	case netbsd.F_CLOSEM:
		if fd < 0 {
			return netbsd.EBADF
		}
		t.CloseFrom(fd)
		return 0
	case netbsd.F_MAXFD:
		return c.ok(uint64(int64(t.Highest())))
	case netbsd.F_DUPFD:
		return c.dupfd(fd, arg, 0)
	case netbsd.F_DUPFD_CLOEXEC:
		return c.dupfd(fd, arg, file.CloseOnExec)
	case netbsd.F_DUPFD_CLOFORK, netbsd.F_DUPFD_CLOBOTH:
		return c.dupfdClofork(fd, arg, cmd == netbsd.F_DUPFD_CLOBOTH)
	case netbsd.F_GETFD:
		flags, errno := t.FDFlags(fd)
		c.Ret[0] = uint64(flags)
		return errno
	case netbsd.F_SETFD:
		return t.SetFDFlags(fd, file.FDFlags(arg)&file.CloseOnExec|c.closeOnFork(arg&netbsd.FD_CLOFORK != 0), file.CloseOnExec|file.CloseOnFork)
	}
	return c.onFD(func(d *file.Description) netbsd.Errno { return fcntlFile(c, d, arg) })
}

// fsctl is fcntl_forfs: a command for the file system, of which none here has any. The argument is fetched before the file is asked. EFAULT.
func fsctl(c *Call, d *file.Description) netbsd.Errno {
	cmd := uint32(c.Int(1))
	if size := int(cmd >> 16 & netbsd.F_PARAM_MASK); cmd&netbsd.F_FSIN != 0 && size > 0 {
		if errno := c.Space.Read(c.Ptr(2), make([]byte, size)); errno != 0 {
			return errno
		}
	}
	return otherFcntl(d)
}

// otherFcntl is fo_fcntl for a command that a file does not know: kqueue_fcntl, memfd_fcntl, and fnullop_fcntl or genfs_fcntl.
func otherFcntl(d *file.Description) netbsd.Errno {
	switch d.File.(type) {
	case *kqueue.Queue:
		return netbsd.ENOTTY
	case *file.Memfd:
		return netbsd.EINVAL
	}
	return netbsd.EOPNOTSUPP
}

// dupfd is F_DUPFD and its kind: the lowest free descriptor from min on, with these flags.
func (c *Call) dupfd(fd, min int, flags file.FDFlags) netbsd.Errno {
	n, errno := c.files().Dup(fd, min, c.nofile(), flags)
	c.Ret[0] = uint64(n)
	return errno
}

// dupfdClofork is F_DUPFD_CLOFORK, and F_DUPFD_CLOBOTH with exec. Where the release has neither they are unknown commands:
// EINVAL, after EBADF.
func (c *Call) dupfdClofork(fd, min int, exec bool) netbsd.Errno {
	flags := c.closeOnFork(true)
	if flags == 0 {
		return c.onFD(func(*file.Description) netbsd.Errno { return netbsd.EINVAL })
	}
	if exec {
		flags |= file.CloseOnExec
	}
	return c.dupfd(fd, min, flags)
}

// fcntlFile is the part of fcntl(2) that is about the open file.
func fcntlFile(c *Call, d *file.Description, arg int) netbsd.Errno {
	switch c.Int(1) {
	case netbsd.F_GETFL:
		return c.ok(uint64(d.Flags()))
	case netbsd.F_SETFL:
		return setStatus(c, d, arg)
	case netbsd.F_GETOWN:
		var owner int32
		errno := fcntlIoctl(c, d, netbsd.FIOGETOWN, 0, &owner)
		c.Ret[0] = uint64(int64(owner))
		return errno
	case netbsd.F_SETOWN:
		return fcntlIoctl(c, d, netbsd.FIOSETOWN, arg, nil)
	case netbsd.F_GETNOSIGPIPE:
		if d.NoSigpipe() {
			c.Ret[0] = 1
		}
		return 0
	case netbsd.F_SETNOSIGPIPE:
		d.ForceFlags(netbsd.O_NOSIGPIPE, c.Ptr(2) != 0)
		return 0
	case netbsd.F_GETPATH:
		return getPath(c, d)
	case netbsd.F_ADD_SEALS, netbsd.F_GET_SEALS:
		return c.sealing(d, arg)
	}
	if c.Int(1) < 0 { // F_FSCTL
		return fsctl(c, d)
	}
	return netbsd.EINVAL
}

// setStatus is F_SETFL. After fo_fcntl, fo_ioctl is asked of O_NONBLOCK and of O_ASYNC, if they change.
func setStatus(c *Call, d *file.Description, flags int) netbsd.Errno {
	change := d.Flags() ^ flags
	if change&netbsd.O_NONBLOCK != 0 {
		if errno := refusedFlag(d, netbsd.FIONBIO, c.intArg(flags&netbsd.O_NONBLOCK)); errno != 0 {
			return errno
		}
	}
	if change&netbsd.O_ASYNC != 0 {
		if errno := setAsync(c, d, c.intArg(flags&netbsd.O_ASYNC)); errno != 0 {
			return errno
		}
	}
	return d.SetFlags(flags)
}

// intArg is the argument of a request of ioctl(2) that the kernel itself makes.
func (c *Call) intArg(v int) []byte {
	data := c.out(4)
	putLE32(data, uint32(v))
	return data
}

// fcntlIoctl makes a request of ioctl(2) with an int, as sys_fcntl does for the owner.
func fcntlIoctl(c *Call, d *file.Description, cmd uint32, arg int, out *int32) netbsd.Errno {
	data := c.intArg(arg)
	errno := doIoctl(c, d, cmd, data)
	if out != nil {
		*out = int32(le32(data))
	}
	return errno
}

// getPath is F_GETPATH, into a buffer of MAXPATHLEN bytes.
func getPath(c *Call, d *file.Description) netbsd.Errno {
	if f, ok := d.File.(*file.Memfd); ok {
		return c.copyout(c.Ptr(2), append([]byte(f.Name()), 0))
	}
	if _, ok := d.File.(*kqueue.Queue); ok {
		return otherFcntl(d)
	}
	name, errno := View(c.L).PathOf(d)
	if errno != 0 {
		return errno
	}
	if len(name) >= netbsd.PATH_MAX {
		return netbsd.ERANGE
	}
	return c.copyout(c.Ptr(2), append([]byte(name), 0))
}

// recordLock is F_GETLK, F_SETLK and F_SETLKW. EFAULT comes before EBADF (sys_fcntl).
func recordLock(c *Call) netbsd.Errno {
	b, errno := c.in(c.Ptr(2), netbsd.SizeofFlock)
	if errno != 0 {
		return errno
	}
	lk := netbsd.DecodeFlock(b)
	return c.onFD(func(d *file.Description) netbsd.Errno { return doRecordLock(c, d, lk) })
}

func doRecordLock(c *Call, d *file.Description, lk netbsd.Flock) netbsd.Errno {
	if cmd := c.Int(1); cmd != netbsd.F_GETLK {
		lk.Pid = int32(c.L.Proc().Pid())
		return d.SetLock(c.L, c.files(), lk, cmd == netbsd.F_SETLKW)
	}
	got, errno := d.GetLock(c.files(), lk)
	if errno != 0 {
		return errno
	}
	b := c.out(netbsd.SizeofFlock)
	got.Encode(b)
	return c.copyout(c.Ptr(2), b)
}
