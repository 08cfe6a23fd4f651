package syscalls

import (
	"toaster/internal/file"
	"toaster/netbsd"
)

// This file serves what is about a process's directories, and about file systems.

// chdir is chdir(const char *path). ENOENT, ENOTDIR, EACCES, ELOOP, ENAMETOOLONG, EFAULT.
func chdir(c *Call) netbsd.Errno {
	return c.onPath(0, func(name string) netbsd.Errno { return View(c.L).Chdir(name) })
}

// fchdir is fchdir(int fd).
func fchdir(c *Call) netbsd.Errno { return View(c.L).Fchdir(c.Int(0)) }

// chroot is chroot(const char *path), for the superuser.
func chroot(c *Call) netbsd.Errno {
	if c.L.Proc().Cred().EUID != 0 {
		return netbsd.EPERM
	}
	return c.onPath(0, func(name string) netbsd.Errno { return View(c.L).Chroot(name) })
}

// fchroot is fchroot(int fd), for the superuser.
func fchroot(c *Call) netbsd.Errno {
	if c.L.Proc().Cred().EUID != 0 {
		return netbsd.EPERM
	}
	return View(c.L).Fchroot(c.Int(0))
}

// getcwd is __getcwd(char *buf, size_t length); it returns the length with the NUL. ERANGE for a length that is less than 2, as an int.
func getcwd(c *Call) netbsd.Errno {
	room := min(c.Int(1), 4*netbsd.PATH_MAX)
	if room < 2 {
		return netbsd.ERANGE
	}
	name, errno := View(c.L).Getcwd()
	switch {
	case errno != 0:
		return errno
	case len(name) >= room:
		return netbsd.ERANGE
	}
	c.Ret[0] = uint64(len(name) + 1)
	return c.copyoutLast(c.Ptr(0), append([]byte(name), 0))
}

// umask is umask(mode_t newmask).
func umask(c *Call) netbsd.Errno { return c.ok(uint64(View(c.L).Dirs.Umask(c.Uint32(0)))) }

// syncAll is sync(void). The host writes back by itself; waiting for every disk of the
// host would be none of a guest's business.
func syncAll(*Call) netbsd.Errno { return 0 }

// revoke is revoke(const char *path). EPERM: neither the owner nor the superuser asks. Files in messages
// of local sockets that are on their way stay open.
func revoke(c *Call) netbsd.Errno {
	return c.onPath(0, func(name string) netbsd.Errno {
		errno := View(c.L).Revoke(name, c.K.eachOpen)
		if errno == 0 {
			c.K.eachTable(func(t *file.Table) { t.Recall(false) })
		}
		return errno
	})
}

// eachTable calls f with the table of every process.
func (k *Kernel) eachTable(f func(*file.Table)) {
	for _, p := range k.M.Procs() {
		if files, ok := p.Files().(Files); ok {
			f(files.Table)
		}
	}
}

// eachOpen calls f with every open file in a process's table.
func (k *Kernel) eachOpen(f func(*file.Description)) {
	k.eachTable(func(t *file.Table) {
		for _, fd := range t.Open() {
			if d, errno := t.Get(fd); errno == 0 {
				f(d)
				d.Release()
			}
		}
	})
}

// statvfs is statvfs1(const char *path, struct statvfs *, int flags), in the layouts
// of before and since NetBSD 10.
func statvfs(c *Call) netbsd.Errno {
	return c.onPath(0, func(name string) netbsd.Errno {
		st, errno := View(c.L).Statvfs(name)
		if errno != 0 {
			return errno
		}
		return outStatvfs(c, c.Ptr(1), &st)
	})
}

// fstatvfs is fstatvfs1(int fd, struct statvfs *, int flags).
func fstatvfs(c *Call) netbsd.Errno {
	return c.onFD(func(d *file.Description) netbsd.Errno {
		st, errno := View(c.L).Fstatvfs(d)
		if errno != 0 {
			return errno
		}
		return outStatvfs(c, c.Ptr(1), &st)
	})
}

// compat90 says whether a call writes struct statvfs of before NetBSD 10.
func compat90(nr int) bool {
	return nr == netbsd.SYS_statvfs1 || nr == netbsd.SYS_fstatvfs1 || nr == netbsd.SYS_getvfsstat
}

func outStatvfs(c *Call, addr uint64, st *netbsd.Statvfs) netbsd.Errno {
	if compat90(c.Nr) {
		b := make([]byte, netbsd.SizeofStatvfs90)
		st.Encode90(b)
		return c.copyout(addr, b)
	}
	b := make([]byte, netbsd.SizeofStatvfs)
	st.Encode(b)
	return c.copyout(addr, b)
}

// getvfsstat is getvfsstat(struct statvfs *buf, size_t bufsize, int flags). It returns how
// many file systems there are, or as many as the buffer has room for.
func getvfsstat(c *Call) netbsd.Errno {
	list, errno := View(c.L).Mounts()
	if errno != 0 || c.Ptr(0) == 0 {
		c.Ret[0] = uint64(len(list))
		return errno
	}
	size := uint64(netbsd.SizeofStatvfs)
	if compat90(c.Nr) {
		size = netbsd.SizeofStatvfs90
	}
	n := min(uint64(len(list)), c.Ptr(1)/size)
	for i := range n {
		if errno := outStatvfs(c, c.Ptr(0)+i*size, &list[i]); errno != 0 {
			return errno
		}
	}
	return c.ok(n)
}
