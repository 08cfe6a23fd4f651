package syscalls

import (
	"toaster/kern"
	"toaster/netbsd"
)

func (c *Call) cred() *kern.Cred { return c.L.Proc().Cred() }

// setuid is setuid(uid_t). EPERM: neither the superuser nor the real user.
func setuid(c *Call) netbsd.Errno { return c.L.Setuid(c.Uint32(0)) }

// seteuid is seteuid(uid_t). EPERM: neither the superuser, nor the real nor the saved user.
func seteuid(c *Call) netbsd.Errno { return c.L.Seteuid(c.Uint32(0)) }

// setreuid is setreuid(uid_t ruid, uid_t euid); -1 leaves one as it is.
func setreuid(c *Call) netbsd.Errno { return c.L.Setreuid(int64(c.Int(0)), int64(c.Int(1))) }

// setgid is setgid(gid_t). EPERM: neither the superuser nor the real group.
func setgid(c *Call) netbsd.Errno { return c.L.Setgid(c.Uint32(0)) }

// setegid is setegid(gid_t). EPERM: neither the superuser, nor the real nor the saved group.
func setegid(c *Call) netbsd.Errno { return c.L.Setegid(c.Uint32(0)) }

// setregid is setregid(gid_t rgid, gid_t egid); -1 leaves one as it is.
func setregid(c *Call) netbsd.Errno { return c.L.Setregid(int64(c.Int(0)), int64(c.Int(1))) }

// geteuid is geteuid(void).
func geteuid(c *Call) netbsd.Errno { return c.ok(uint64(c.cred().EUID)) }

// getegid is getegid(void).
func getegid(c *Call) netbsd.Errno { return c.ok(uint64(c.cred().EGID)) }

// getuid is getuid(void); RDX carries the effective user.
func getuid(c *Call) netbsd.Errno {
	cr := c.cred()
	c.Ret[1] = uint64(cr.EUID)
	return c.ok(uint64(cr.RUID))
}

// getgid is getgid(void); RDX carries the effective group.
func getgid(c *Call) netbsd.Errno {
	cr := c.cred()
	c.Ret[1] = uint64(cr.EGID)
	return c.ok(uint64(cr.RGID))
}

// issetugid is issetugid(void).
func issetugid(c *Call) netbsd.Errno {
	if c.L.Proc().Issetugid() {
		return c.ok(1)
	}
	return 0
}

// getgroups is getgroups(int gidsetlen, gid_t *gidset); with a length of 0 it counts. EINVAL:
// less room than there are groups. EFAULT.
func getgroups(c *Call) netbsd.Errno {
	groups := c.cred().Groups
	n := c.Int(0)
	if n == 0 {
		return c.ok(uint64(len(groups)))
	}
	if n < len(groups) {
		return netbsd.EINVAL
	}
	b := c.out(4 * len(groups))
	for i, g := range groups {
		putLE32(b[4*i:], g)
	}
	if errno := c.copyout(c.Ptr(1), b); errno != 0 {
		return errno
	}
	return c.ok(uint64(len(groups)))
}

// setgroups is setgroups(int ngroups, const gid_t *gidset). EINVAL: more than NGROUPS_MAX, or
// less than none. EPERM: not the superuser. EFAULT.
func setgroups(c *Call) netbsd.Errno {
	n := c.Int(0)
	if n < 0 || n > netbsd.NGROUPS_MAX {
		return netbsd.EINVAL
	}
	b, errno := c.in(c.Ptr(1), 4*n)
	if errno != 0 {
		return errno
	}
	groups := make([]uint32, n)
	for i := range groups {
		groups[i] = le32(b[4*i:])
	}
	return c.L.Setgroups(groups)
}

// maxLogname is MAXLOGNAME, the bytes of a session's name. The longest name has no NUL there.
const maxLogname = netbsd.LOGIN_NAME_MAX - 1

// getlogin is __getlogin(char *name, size_t namelen). As in NetBSD all of the name's bytes are written for which there is room, those
// behind its end, too.
func getlogin(c *Call) netbsd.Errno {
	var name [maxLogname]byte
	copy(name[:], c.L.Proc().Getlogin())
	return c.copyout(c.Ptr(0), name[:min(c.Args[1], maxLogname)])
}

// setlogin is __setlogin(const char *name). EPERM: not the superuser, whatever the name is. EINVAL: more than LOGIN_NAME_MAX with its
// NUL. EFAULT.
func setlogin(c *Call) netbsd.Errno {
	if !c.cred().IsRoot() {
		return netbsd.EPERM
	}
	name, errno := c.Space.ReadString(c.Ptr(0), netbsd.LOGIN_NAME_MAX)
	if errno == netbsd.ENAMETOOLONG {
		errno = netbsd.EINVAL
	}
	if errno != 0 {
		return errno
	}
	return c.L.Setlogin(name)
}
