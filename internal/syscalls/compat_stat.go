package syscalls

import (
	"strings"

	"toaster/internal/file"
	"toaster/netbsd"
)

// This file serves what old programs ask of files and directories.

// An oldStat is a struct stat of another age.
type oldStat struct {
	size   int
	encode func(*file.Stat, []byte)
}

var (
	stat43 = oldStat{netbsd.SizeofStat43, (*netbsd.Stat).Encode43}
	stat12 = oldStat{netbsd.SizeofStat12, (*netbsd.Stat).Encode12}
	stat13 = oldStat{netbsd.SizeofStat13, (*netbsd.Stat).Encode13}
	stat30 = oldStat{netbsd.SizeofStat30, (*netbsd.Stat).Encode30}
)

// out stores st at the second argument.
func (o oldStat) out(c *Call, st *file.Stat) netbsd.Errno {
	b := c.out(o.size)
	o.encode(st, b)
	return c.copyout(c.Ptr(1), b)
}

// byPath is stat(const char *path, struct stat *ub), and lstat(2) if it does not follow.
func (o oldStat) byPath(follow bool) Handler {
	return func(c *Call) netbsd.Errno {
		return c.onPath(0, func(name string) netbsd.Errno {
			st, errno := View(c.L).Stat(netbsd.AT_FDCWD, name, follow)
			if errno != 0 {
				return errno
			}
			return o.out(c, &st)
		})
	}
}

// byFD is fstat(int fd, struct stat *sb).
func (o oldStat) byFD() Handler {
	return func(c *Call) netbsd.Errno {
		return c.onFD(func(d *file.Description) netbsd.Errno {
			st, errno := d.File.Stat()
			if errno != 0 {
				return errno
			}
			return o.out(c, &st)
		})
	}
}

// lstat43 is lstat(const char *path, struct stat43 *ub) of 4.3BSD, where a symbolic link has what its directory
// has, but for type, links and size (compat_43_sys_lstat).
func lstat43(c *Call) netbsd.Errno {
	return c.onPath(0, func(name string) netbsd.Errno {
		st, errno := View(c.L).Stat(netbsd.AT_FDCWD, name, false)
		if errno != 0 {
			return errno
		}
		if st.Mode&netbsd.S_IFMT == netbsd.S_IFLNK {
			link := st
			if st, errno = View(c.L).Stat(netbsd.AT_FDCWD, parentOf(name), true); errno != 0 {
				return errno
			}
			st.Mode = st.Mode&^netbsd.S_IFMT | netbsd.S_IFLNK
			st.Nlink, st.Size, st.Blocks = link.Nlink, link.Size, link.Blocks
		}
		return stat43.out(c, &st)
	})
}

// parentOf is a name of the directory that name is in.
func parentOf(name string) string {
	last := strings.TrimRight(name, "/")
	if last == "" {
		return name
	}
	return last[:strings.LastIndexByte(last, '/')+1] + "."
}

// outStatfs stores a struct statfs12.
func (c *Call) outStatfs(addr uint64, st *netbsd.Statvfs) netbsd.Errno {
	b := c.out(netbsd.SizeofStatfs12)
	st.EncodeStatfs12(b)
	return c.copyout(addr, b)
}

// statfs20 is statfs(const char *path, struct statfs12 *buf).
func statfs20(c *Call) netbsd.Errno {
	return c.onPath(0, func(name string) netbsd.Errno {
		st, errno := View(c.L).Statvfs(name)
		if errno != 0 {
			return errno
		}
		return c.outStatfs(c.Ptr(1), &st)
	})
}

// fstatfs20 is fstatfs(int fd, struct statfs12 *buf).
func fstatfs20(c *Call) netbsd.Errno {
	return c.onFD(func(d *file.Description) netbsd.Errno {
		st, errno := View(c.L).Fstatvfs(d)
		if errno != 0 {
			return errno
		}
		return c.outStatfs(c.Ptr(1), &st)
	})
}

// getfsstat20 is getfsstat(struct statfs12 *buf, long bufsize, int flags). It returns how many file systems
// there are, or as many as the buffer has room for.
func getfsstat20(c *Call) netbsd.Errno {
	list, errno := View(c.L).Mounts()
	if errno != 0 || c.Ptr(0) == 0 {
		c.Ret[0] = uint64(len(list))
		return errno
	}
	n := min(uint64(len(list)), c.Ptr(1)/netbsd.SizeofStatfs12)
	for i := range n {
		if errno := c.outStatfs(c.Ptr(0)+i*netbsd.SizeofStatfs12, &list[i]); errno != 0 {
			return errno
		}
	}
	return c.ok(n)
}

// direntsOf reads entries of a directory in an old form into count bytes at buf. None is longer than its form
// of today, so that what has fitted there fits. notDir is for another file. EBADF: not open for reading.
func (c *Call) direntsOf(count uint64, notDir netbsd.Errno, add func(*netbsd.Dirent, []byte) []byte) netbsd.Errno {
	return c.onFD(func(d *file.Description) netbsd.Errno {
		r, ok := d.File.(file.DirReader)
		switch {
		case !ok:
			return netbsd.EINVAL // fd_getvnode
		case !d.Readable():
			return netbsd.EBADF
		}
		if st, errno := d.File.Stat(); errno != 0 || st.Mode&netbsd.S_IFMT != netbsd.S_IFDIR {
			return notDir
		}
		buf := direntBuffers.Get().(*[64 << 10]byte)
		defer direntBuffers.Put(buf)
		n, errno := r.Getdents(buf[:min(count, uint64(len(buf)))])
		if errno != 0 {
			return errno
		}
		var out []byte
		for b := buf[:n]; len(b) > 0; {
			e, n := netbsd.DecodeDirent(b)
			if n == 0 {
				break
			}
			out, b = add(&e, out), b[n:]
		}
		c.Ret[0] = uint64(len(out))
		return c.copyout(c.Ptr(1), out)
	})
}

// getdents30 is getdents(int fd, char *buf, size_t count). EBADF. EINVAL: not a directory. EFAULT.
func getdents30(c *Call) netbsd.Errno {
	return c.direntsOf(c.Ptr(2), netbsd.EINVAL, (*netbsd.Dirent).Append12)
}

// getdirentries is getdirentries(int fd, char *buf, unsigned count, long *basep), which says where in the directory
// it has begun. EBADF. ENOTDIR. EFAULT.
func getdirentries(add func(*netbsd.Dirent, []byte) []byte) Handler {
	return func(c *Call) netbsd.Errno {
		base, errno := c.position(c.Int(0))
		if errno != 0 {
			return errno
		}
		if errno := c.direntsOf(uint64(c.Uint32(2)), netbsd.ENOTDIR, add); errno != 0 {
			return errno
		}
		b := c.out(netbsd.SizeofLong)
		putLE64(b, uint64(base))
		return c.copyout(c.Ptr(3), b)
	}
}

// position is where the next read of a descriptor begins, 0 where there is no such place. EBADF.
func (c *Call) position(fd int) (int64, netbsd.Errno) {
	d, errno := c.get(fd)
	if errno != 0 {
		return 0, errno
	}
	defer d.Release()
	at, _ := d.File.Lseek(0, netbsd.SEEK_CUR)
	return at, 0
}
