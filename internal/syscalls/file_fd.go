package syscalls

import (
	"math"
	"sync"

	"toaster/internal/file"
	"toaster/internal/vfs"
	"toaster/netbsd"
)

// fsync is fsync(int fd) and fdatasync(int fd). EBADF. EINVAL: no file of a file system.
func fsync(c *Call) netbsd.Errno {
	return c.onFD(func(d *file.Description) netbsd.Errno { return d.File.Sync() })
}

// fsyncRange is fsync_range(int fd, int how, off_t start, off_t length). The whole
// file is synced, which holds the range. EBADF: not open for writing. EINVAL: no file of a file system, no way, or a range that begins
// before 0, ends before it begins, or past what an offset can say; the start does not matter where length is 0.
func fsyncRange(c *Call) netbsd.Errno {
	return c.onFD(func(d *file.Description) netbsd.Errno {
		if !d.Vnode() {
			return netbsd.EINVAL
		}
		if !d.Writable() {
			return netbsd.EBADF
		}
		how := c.Int(1)
		if how&(netbsd.FDATASYNC|netbsd.FFILESYNC) == netbsd.FDATASYNC|netbsd.FFILESYNC || how&(netbsd.FDATASYNC|netbsd.FFILESYNC) == 0 {
			return netbsd.EINVAL
		}
		if start, length := c.Long(2), c.Long(3); length != 0 && (start < 0 || length < 0 || length > math.MaxInt64-start) {
			return netbsd.EINVAL
		}
		return d.File.Sync()
	})
}

// lseek is lseek(int fd, int pad, off_t offset, int whence). EINVAL: another whence, whatever fd is, or a place before the beginning. EBADF.
// ESPIPE: no position.
func lseek(c *Call) netbsd.Errno {
	if whence := c.Int(3); whence < netbsd.SEEK_SET || whence > netbsd.SEEK_END {
		return netbsd.EINVAL
	}
	return c.onFD(func(d *file.Description) netbsd.Errno {
		c.used(c.Int(0), d, 0)
		n, errno := d.File.Lseek(c.Long(2), c.Int(3))
		if errno != 0 {
			return errno
		}
		return c.ok(uint64(n))
	})
}

// ftruncate is ftruncate(int fd, int pad, off_t length). EINVAL: a negative length, or not open for writing. EBADF. EOPNOTSUPP: neither
// a file of a file system nor a memfd_create(2)'s. Up to release 10 a negative length came before all else, and no file of a file system was
// EINVAL (fd_getvnode).
func ftruncate(c *Call) netbsd.Errno {
	if c.Long(2) < 0 && !c.has(netbsd.SYS_memfd_create) {
		return netbsd.EINVAL
	}
	return c.onFD(func(d *file.Description) netbsd.Errno {
		if _, memfd := d.File.(*file.Memfd); !memfd && !d.Vnode() && c.has(netbsd.SYS_memfd_create) {
			return netbsd.EOPNOTSUPP
		}
		if c.Long(2) < 0 || !d.Writable() {
			return netbsd.EINVAL
		}
		return d.File.Truncate(c.Long(2))
	})
}

var direntBuffers = sync.Pool{New: func() any { return new([64 << 10]byte) }}

// getdents is __getdents30(int fd, char *buf, size_t count). EBADF, also for a file that is not open for reading. EINVAL: not a directory.
// EFAULT.
func getdents(c *Call) netbsd.Errno {
	return c.onFD(func(d *file.Description) netbsd.Errno {
		if !d.Vnode() {
			return netbsd.EINVAL // fd_getvnode, which comes first
		}
		if !d.Readable() {
			return netbsd.EBADF
		}
		r, ok := d.File.(file.DirReader)
		if !ok {
			return netbsd.EINVAL
		}
		buf := direntBuffers.Get().(*[64 << 10]byte)
		defer direntBuffers.Put(buf)
		n, errno := r.Getdents(buf[:min(c.Ptr(2), uint64(len(buf)))])
		if errno != 0 {
			return errno
		}
		c.Ret[0] = uint64(n)
		return c.copyoutLast(c.Ptr(1), buf[:n])
	})
}

// fchmod is fchmod(int fd, mode_t mode).
func fchmod(c *Call) netbsd.Errno {
	return c.onFD(func(d *file.Description) netbsd.Errno { return View(c.L).Fchmod(d, c.Uint32(1)) })
}

// fchown is fchown(int fd, uid_t owner, gid_t group), and __posix_fchown.
func fchown(c *Call) netbsd.Errno {
	return c.onFD(func(d *file.Description) netbsd.Errno {
		if c.Nr == netbsd.SYS___posix_fchown {
			return View(c.L).PosixFchown(d, c.Int(1), c.Int(2))
		}
		return View(c.L).Fchown(d, c.Int(1), c.Int(2))
	})
}

// fchflags is fchflags(int fd, unsigned long flags). EOPNOTSUPP: see vfs.View.Chflags.
func fchflags(c *Call) netbsd.Errno {
	return c.onFD(func(d *file.Description) netbsd.Errno {
		if !d.Vnode() {
			return netbsd.EINVAL
		}
		return c.flagsSet(View(c.L).Fchflags(d, c.Ptr(1)))
	})
}

// fpathconf is fpathconf(int fd, int name).
func fpathconf(c *Call) netbsd.Errno {
	return c.onFD(func(d *file.Description) netbsd.Errno {
		v, errno := pathconfOf(d, c.Int(1))
		c.Ret[0] = uint64(v)
		return errno
	})
}

// pathconfOf is fo_fpathconf: of files that are in no file system pipes and sockets know one name, kqueues none, and others
// have no such call.
func pathconfOf(d *file.Description, name int) (int64, netbsd.Errno) {
	if p, ok := d.File.(file.Pathconfer); ok {
		return p.Pathconf(name)
	}
	st, errno := d.File.Stat()
	if errno != 0 {
		return 0, errno
	}
	return vfs.Pathconf(name, st.Mode)
}

// flock is flock(int fd, int operation). EBADF. EINVAL: no operation. EWOULDBLOCK: with LOCK_NB.
// EINTR.
func flock(c *Call) netbsd.Errno {
	return c.onFD(func(d *file.Description) netbsd.Errno {
		op := c.Int(1)
		return d.Flock(c.files().Machine(), c.L, op&^netbsd.LOCK_NB, op&netbsd.LOCK_NB != 0)
	})
}

// fadvise is __posix_fadvise50(int fd, int pad, off_t offset, off_t len, int advice).
// It answers with the error as its result.
func fadvise(c *Call) netbsd.Errno {
	offset, length := c.Long(2), c.Long(3)
	none := length < 0 || length > 0 && (offset < 0 || length > math.MaxInt64-offset)
	if none && !c.has(netbsd.SYS_memfd_create) {
		return c.ok(uint64(netbsd.EINVAL)) // do_posix_fadvise looks at the range first, up to release 10
	}
	errno := c.onFD(func(d *file.Description) netbsd.Errno { return adviseErrno(d, none, c.Int(4)) })
	return c.ok(uint64(errno))
}

// adviseErrno is fo_posix_fadvise. ESPIPE: a pipe, or a socket. EOPNOTSUPP: another file that is in no file system. EINVAL: no range,
// or no advice.
func adviseErrno(d *file.Description, noRange bool, advice int) netbsd.Errno {
	if p, ok := d.File.(file.Pathconfer); ok {
		if _, errno := p.Pathconf(netbsd.PC_PIPE_BUF); errno == 0 {
			return netbsd.ESPIPE
		}
		return netbsd.EOPNOTSUPP
	}
	if noRange || advice < netbsd.POSIX_FADV_NORMAL || advice > netbsd.POSIX_FADV_NOREUSE {
		return netbsd.EINVAL
	}
	return 0
}

// fallocate is posix_fallocate(int fd, int pad, off_t pos, off_t len). Its result is the
// errno. Most of NetBSD's file systems don't support it, and neither is it needed:
// EOPNOTSUPP makes libraries write zeros.
func fallocate(c *Call) netbsd.Errno { return c.ok(uint64(noSpaceChange(c))) }

// fdiscard is fdiscard(int fd, int pad, off_t pos, off_t len), which file systems need not
// support either. ENODEV: a device, none of which can (nodiscard).
func fdiscard(c *Call) netbsd.Errno {
	errno := noSpaceChange(c)
	if errno != netbsd.EOPNOTSUPP {
		return errno
	}
	return c.onFD(func(d *file.Description) netbsd.Errno {
		if st, none := d.File.Stat(); none == 0 && st.Mode&netbsd.S_IFMT == netbsd.S_IFCHR {
			return netbsd.ENODEV
		}
		return errno
	})
}

// noSpaceChange says what is wrong with the arguments of posix_fallocate(2) and fdiscard(2):
// EINVAL for a range that there cannot be, and for what is in no file system, EBADF for what is not open for writing; if
// nothing, EOPNOTSUPP.
func noSpaceChange(c *Call) netbsd.Errno {
	pos, length := c.Long(2), c.Long(3)
	if pos < 0 || length < 0 || length > math.MaxInt64-pos {
		return netbsd.EINVAL
	}
	return c.onFD(func(d *file.Description) netbsd.Errno {
		switch {
		case !d.Vnode():
			return netbsd.EINVAL
		case !d.Writable():
			return netbsd.EBADF
		}
		return netbsd.EOPNOTSUPP
	})
}
