package syscalls

import (
	"toaster/internal/file"
	"toaster/netbsd"
)

// stat is __stat50(const char *path, struct stat *).
func stat(c *Call) netbsd.Errno { return statAt(c, netbsd.AT_FDCWD, 0, true) }

// lstat is __lstat50(const char *path, struct stat *).
func lstat(c *Call) netbsd.Errno { return statAt(c, netbsd.AT_FDCWD, 0, false) }

// fstatat is fstatat(int fd, const char *path, struct stat *, int flag).
func fstatat(c *Call) netbsd.Errno {
	follow := atFollow(c.Int(3))
	return statAt(c, c.Int(0), 1, follow)
}

// atFollow decodes the flag of most *at calls, which look at no other bit of it (sys_fstatat, do_sys_chmodat, do_sys_chownat).
func atFollow(flag int) bool { return flag&netbsd.AT_SYMLINK_NOFOLLOW == 0 }

func statAt(c *Call, at, arg int, follow bool) netbsd.Errno {
	name, errno := c.path(arg)
	if errno != 0 {
		return errno
	}
	st, errno := View(c.L).Stat(at, name, follow)
	if errno != 0 {
		return errno
	}
	return outStat(c, c.Ptr(arg+1), &st)
}

// fstat is __fstat50(int fd, struct stat *).
func fstat(c *Call) netbsd.Errno {
	return c.onFD(func(d *file.Description) netbsd.Errno {
		st, errno := d.File.Stat()
		if errno != 0 {
			return errno
		}
		return outStat(c, c.Ptr(1), &st)
	})
}

func outStat(c *Call, addr uint64, st *file.Stat) netbsd.Errno {
	b := c.out(netbsd.SizeofStat)
	st.Encode(b)
	return c.copyoutLast(addr, b)
}

// onFD runs f with the file of the first argument.
func (c *Call) onFD(f func(*file.Description) netbsd.Errno) netbsd.Errno {
	d, errno := c.get(c.Int(0))
	if errno != 0 {
		return errno
	}
	defer d.Release()
	return f(d)
}
