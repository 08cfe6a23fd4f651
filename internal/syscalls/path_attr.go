package syscalls

import (
	"toaster/internal/file"
	"toaster/netbsd"
)

// This file serves the calls that change or test what a path leads to.

// anyAccess are the bits of access(2)'s mode: a call with others does not read its path (do_sys_accessat).
const anyAccess = 7

// access is access(const char *path, int mode). EINVAL: bits that are none. It asks for the real
// ids, not the effective ones.
func access(c *Call) netbsd.Errno {
	if c.Int(1)&^anyAccess != 0 {
		return netbsd.EINVAL
	}
	return c.onPath(0, func(name string) netbsd.Errno {
		return View(c.L).Access(netbsd.AT_FDCWD, name, c.Int(1), 0)
	})
}

// faccessat is faccessat(int fd, const char *path, int amode, int flag).
func faccessat(c *Call) netbsd.Errno {
	if c.Int(2)&^anyAccess != 0 {
		return netbsd.EINVAL
	}
	return c.onPath(1, func(name string) netbsd.Errno { return View(c.L).Access(c.Int(0), name, c.Int(2), c.Int(3)) })
}

// chmod is chmod(const char *path, mode_t mode).
func chmod(c *Call) netbsd.Errno { return doChmod(c, netbsd.AT_FDCWD, 0, true) }

// lchmod is lchmod(const char *path, mode_t mode).
func lchmod(c *Call) netbsd.Errno { return doChmod(c, netbsd.AT_FDCWD, 0, false) }

// fchmodat is fchmodat(int fd, const char *path, mode_t mode, int flag).
func fchmodat(c *Call) netbsd.Errno {
	follow := atFollow(c.Int(3))
	return doChmod(c, c.Int(0), 1, follow)
}

func doChmod(c *Call, at, arg int, follow bool) netbsd.Errno {
	return c.onPath(arg, func(name string) netbsd.Errno {
		return View(c.L).Chmod(at, name, c.Uint32(arg+1), follow)
	})
}

// chown is chown(const char *path, uid_t owner, gid_t group).
func chown(c *Call) netbsd.Errno { return doChown(c, netbsd.AT_FDCWD, 0, true) }

// lchown is lchown(const char *path, uid_t owner, gid_t group).
func lchown(c *Call) netbsd.Errno { return doChown(c, netbsd.AT_FDCWD, 0, false) }

// fchownat is fchownat(int fd, const char *path, uid_t owner, gid_t group, int flag).
func fchownat(c *Call) netbsd.Errno {
	follow := atFollow(c.Int(4))
	return doChown(c, c.Int(0), 1, follow)
}

func doChown(c *Call, at, arg int, follow bool) netbsd.Errno {
	return c.onPath(arg, func(name string) netbsd.Errno {
		v, uid, gid := View(c.L), c.Int(arg+1), c.Int(arg+2)
		if c.Nr == netbsd.SYS___posix_chown || c.Nr == netbsd.SYS___posix_lchown {
			return v.PosixChown(at, name, uid, gid, follow)
		}
		return v.Chown(at, name, uid, gid, follow)
	})
}

// truncate is truncate(const char *path, int pad, off_t length). EINVAL for a negative length comes before all that the path may be.
func truncate(c *Call) netbsd.Errno {
	if c.Long(2) < 0 {
		return netbsd.EINVAL
	}
	return c.onPath(0, func(name string) netbsd.Errno { return View(c.L).Truncate(name, c.Long(2)) })
}

// chflags is chflags(const char *path, unsigned long flags), and lchflags. EOPNOTSUPP: see vfs.View.Chflags.
func chflags(c *Call) netbsd.Errno {
	return c.onPath(0, func(name string) netbsd.Errno {
		return c.flagsSet(View(c.L).Chflags(name, c.Nr == netbsd.SYS_chflags, c.Ptr(1)))
	})
}

// flagsSet follows a change of flags: what has become append-only is the kernel's to write to (WRITE of ufs_readwrite.c).
func (c *Call) flagsSet(errno netbsd.Errno) netbsd.Errno {
	if errno == 0 && c.Ptr(1)&(netbsd.UF_APPEND|netbsd.SF_APPEND) != 0 {
		c.K.eachTable(func(t *file.Table) { t.Recall(true) })
	}
	return errno
}

// pathconf is pathconf(const char *path, int name), and lpathconf.
func pathconf(c *Call) netbsd.Errno {
	return c.onPath(0, func(name string) netbsd.Errno {
		v, errno := View(c.L).Pathconf(name, c.Int(1), c.Nr != netbsd.SYS_lpathconf)
		c.Ret[0] = uint64(v)
		return errno
	})
}

// utimes is __utimes50(const char *path, const struct timeval times[2]), and lutimes.
func utimes(c *Call) netbsd.Errno {
	a, m, errno := c.timevals(c.Ptr(1))
	if errno != 0 {
		return errno
	}
	return c.onPath(0, func(name string) netbsd.Errno {
		return View(c.L).Utimens(netbsd.AT_FDCWD, name, a, m, c.Nr != netbsd.SYS___lutimes50 && c.Nr != netbsd.SYS_compat_50_lutimes)
	})
}

// futimes is __futimes50(int fd, const struct timeval times[2]).
func futimes(c *Call) netbsd.Errno {
	return c.onFD(func(d *file.Description) netbsd.Errno {
		a, m, errno := c.timevals(c.Ptr(1))
		if errno != 0 {
			return errno
		}
		return View(c.L).Futimens(d, a, m)
	})
}

// utimensat is utimensat(int fd, const char *path, const struct timespec times[2], int flag).
func utimensat(c *Call) netbsd.Errno {
	follow := atFollow(c.Int(3))
	a, m, errno := c.timespecs(c.Ptr(2))
	if errno != 0 {
		return errno
	}
	return c.onPath(1, func(name string) netbsd.Errno {
		return View(c.L).Utimens(c.Int(0), name, a, m, follow)
	})
}

// futimens is futimens(int fd, const struct timespec times[2]).
func futimens(c *Call) netbsd.Errno {
	return c.onFD(func(d *file.Description) netbsd.Errno {
		a, m, errno := c.timespecs(c.Ptr(1))
		if errno != 0 {
			return errno
		}
		return View(c.L).Futimens(d, a, m)
	})
}

var bothNow = file.Timeset{Now: true}

// timespecs reads the two times of utimensat(2); a null pointer is now for both.
func (c *Call) timespecs(addr uint64) (a, m file.Timeset, errno netbsd.Errno) {
	if addr == 0 {
		return bothNow, bothNow, 0
	}
	b, errno := c.in(addr, 32)
	if errno != 0 {
		return a, m, errno
	}
	if a, errno = timeset(netbsd.DecodeTimespec(b)); errno != 0 {
		return a, m, errno
	}
	m, errno = timeset(netbsd.DecodeTimespec(b[16:]))
	return a, m, errno
}

// noSecond is a time's second that means none (VNOVAL): the time stays.
const noSecond = -1

func timeset(t netbsd.Timespec) (file.Timeset, netbsd.Errno) {
	switch {
	case t.Nsec == netbsd.UTIME_NOW:
		return file.Timeset{Now: true}, 0
	case t.Nsec == netbsd.UTIME_OMIT:
		return file.Timeset{Omit: true}, 0
	case t.Nsec < 0 || t.Nsec >= 1e9:
		return file.Timeset{}, netbsd.EINVAL
	}
	return file.Timeset{Time: t.Time(), Omit: t.Sec == noSecond}, 0
}

// timevals reads the two times of utimes(2).
func (c *Call) timevals(addr uint64) (a, m file.Timeset, errno netbsd.Errno) {
	if addr == 0 {
		return bothNow, bothNow, 0
	}
	b, errno := c.in(addr, 32)
	if errno != 0 {
		return a, m, errno
	}
	for i, t := range []*file.Timeset{&a, &m} {
		tv := netbsd.DecodeTimeval(b[16*i:])
		if tv.Usec == netbsd.UTIME_NOW || tv.Usec == netbsd.UTIME_OMIT { // do_sys_utimes takes them for nanoseconds
			t.Now, t.Omit = tv.Usec == netbsd.UTIME_NOW, tv.Usec == netbsd.UTIME_OMIT
			continue
		}
		if tv.Usec < 0 || tv.Usec >= 1e6 {
			return a, m, netbsd.EINVAL
		}
		t.Time, t.Omit = netbsd.Timespec{Sec: tv.Sec, Nsec: int64(tv.Usec) * 1000}.Time(), tv.Sec == noSecond
	}
	return a, m, 0
}
