package syscalls

import "toaster/netbsd"

// mmap is mmap(void *addr, size_t len, int prot, int flags, int fd, long pad, off_t pos).
func mmap(c *Call) netbsd.Errno {
	addr, errno := c.Space.Mmap(c, MmapArgs{
		Addr: c.Ptr(0), Len: c.Ptr(1), Prot: c.Int(2), Flags: c.Int(3), FD: c.Int(4), Offset: c.Long(6),
	})
	if errno != 0 {
		return errno
	}
	return c.ok(addr)
}

// munmap is munmap(void *addr, size_t len).
func munmap(c *Call) netbsd.Errno { return c.Space.Munmap(c, c.Ptr(0), c.Ptr(1)) }

// mprotect is mprotect(void *addr, size_t len, int prot).
func mprotect(c *Call) netbsd.Errno { return c.Space.Mprotect(c, c.Ptr(0), c.Ptr(1), c.Int(2)) }

// madvise is madvise(void *addr, size_t len, int advice).
func madvise(c *Call) netbsd.Errno { return c.Space.Madvise(c, c.Ptr(0), c.Ptr(1), c.Int(2)) }

// msync is msync(void *addr, size_t len, int flags).
func msync(c *Call) netbsd.Errno { return c.Space.Msync(c, c.Ptr(0), c.Ptr(1), c.Int(2)) }

// mincore is mincore(void *addr, size_t len, char *vec).
func mincore(c *Call) netbsd.Errno { return c.Space.Mincore(c, c.Ptr(0), c.Ptr(1), c.Ptr(2)) }

// minherit is minherit(void *addr, size_t len, int inherit).
func minherit(c *Call) netbsd.Errno { return c.Space.Minherit(c, c.Ptr(0), c.Ptr(1), c.Int(2)) }

// mlock is mlock(const void *addr, size_t len), and munlock(2). Residency is the host's affair: what is
// locked is counted, and bound by RLIMIT_MEMLOCK.
func mlock(c *Call) netbsd.Errno {
	return c.Space.Mlock(c, c.Ptr(0), c.Ptr(1), c.Nr == netbsd.SYS_mlock)
}

// mlockall is mlockall(int flags). EINVAL for no flag and for unknown ones (sys_mlockall).
func mlockall(c *Call) netbsd.Errno {
	flags := c.Int(0)
	if flags == 0 || flags&^(netbsd.MCL_CURRENT|netbsd.MCL_FUTURE) != 0 {
		return netbsd.EINVAL
	}
	return c.Space.Mlockall(c, flags)
}

// munlockall is munlockall(void).
func munlockall(c *Call) netbsd.Errno { return c.Space.Mlockall(c, 0) }

// mremap is mremap(void *old, size_t oldsize, void *new, size_t newsize, int flags).
func mremap(c *Call) netbsd.Errno {
	addr, errno := c.Space.Mremap(c, MremapArgs{
		Old: c.Ptr(0), OldLen: c.Ptr(1), New: c.Ptr(2), NewLen: c.Ptr(3), Flags: c.Int(4),
	})
	if errno != 0 {
		return errno
	}
	return c.ok(addr)
}

// obreak is the call behind brk(2) and sbrk(2).
func obreak(c *Call) netbsd.Errno { return c.Space.Brk(c, c.Ptr(0)) }
