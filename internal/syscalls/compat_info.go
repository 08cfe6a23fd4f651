package syscalls

import (
	"strings"

	"toaster/internal/file"
	"toaster/netbsd"
)

// This file serves what programs asked of the kernel before there was sysctl(3); most of it is a sysctl of today
// (old_sysctl).

// oldSysctl reads a node to oldp, which has room for oldlen bytes, and sets it to newlen bytes at newp. ENOMEM:
// there is not enough room, and what there is room for is stored.
func (c *Call) oldSysctl(name []int32, oldp, oldlen, newp, newlen uint64) netbsd.Errno {
	write := newp != 0 && newlen != 0
	value, node, errno := sysctlValue(c, name, oldlen, write)
	if errno == 0 {
		errno = sysctlReturn(c, value, oldp, 0, oldlen)
	}
	if errno != 0 || !write || node == nil {
		return errno
	}
	return node.change(c, newp, newlen)
}

var (
	kernHostname   = []int32{netbsd.CTL_KERN, netbsd.KERN_HOSTNAME}
	kernDomainname = []int32{netbsd.CTL_KERN, netbsd.KERN_DOMAINNAME}
)

// gethostname43 is gethostname(char *hostname, u_int len), getdomainname09 getdomainname(char *domainname, int len).
func gethostname43(c *Call) netbsd.Errno {
	return c.oldSysctl(kernHostname, c.Ptr(0), uint64(c.Uint32(1)), 0, 0)
}

func getdomainname09(c *Call) netbsd.Errno {
	return c.oldSysctl(kernDomainname, c.Ptr(0), uint64(int64(c.Int(1))), 0, 0)
}

// sethostname43 is sethostname(const char *hostname, u_int len), setdomainname09 setdomainname(2). EPERM but for the
// superuser. EINVAL: too long.
func sethostname43(c *Call) netbsd.Errno {
	return c.oldSysctl(kernHostname, 0, 0, c.Ptr(0), uint64(c.Uint32(1)))
}

func setdomainname09(c *Call) netbsd.Errno {
	return c.oldSysctl(kernDomainname, 0, 0, c.Ptr(0), uint64(int64(c.Int(1))))
}

// gethostid43 is gethostid(void).
func gethostid43(c *Call) netbsd.Errno { return c.ok(uint64(uint32(hostID.number(c.K)))) }

// sethostid43 is sethostid(int32_t hostid). EPERM but for the superuser. EINVAL for that one, as a long is too
// long for kern.hostid (compat_43_sys_sethostid, sysctl_lookup).
func sethostid43(c *Call) netbsd.Errno {
	if !c.L.Proc().Cred().IsRoot() {
		return netbsd.EPERM
	}
	return netbsd.EINVAL
}

// getdtablesize43 is getdtablesize(void): RLIMIT_NOFILE, as far as there may be that many open files.
func getdtablesize43(c *Call) netbsd.Errno {
	return c.ok(min(c.nofile(), uint64(orDefault(c.K.MaxFiles, file.MaxOpenFiles))))
}

// getpagesize43 is getpagesize(void).
func getpagesize43(c *Call) netbsd.Errno { return c.ok(netbsd.PageSize) }

// uname09 is uname(struct outsname *name). Of the version there are what its parentheses have and its number
// (compat_09_sys_uname).
func uname09(c *Call) netbsd.Errno {
	u := netbsd.Utsname09{
		Sysname: "NetBSD", Nodename: c.K.M.Hostname(), Release: c.K.osRelease(),
		Version: version09(c.K.version()), Machine: machineName,
	}
	b := c.out(netbsd.SizeofUtsname09)
	u.Encode(b)
	return c.copyout(c.Ptr(0), b)
}

// version09 is what is in the parentheses of s, and behind them from "#" up to ":".
func version09(s string) string {
	_, s, _ = strings.Cut(s, "(")
	name, rest, _ := strings.Cut(s, ")")
	if i := strings.IndexByte(rest, '#'); i >= 0 {
		number, _, _ := strings.Cut(rest[i:], ":")
		name += number
	}
	return name
}

const machineName = "amd64"

// What getkerninfo(2) can be asked for, in the second byte of its first argument.
const (
	kinfo43Proc    = 0 << 8
	kinfo43Route   = 1 << 8
	kinfo43Vnode   = 2 << 8
	kinfo43File    = 3 << 8
	kinfo43Meter   = 4 << 8
	kinfo43Loadavg = 5 << 8
	kinfo43Clock   = 6 << 8
)

// getkerninfo43 is getkerninfo(int op, char *where, size_t *size, int arg): some of sysctl(3) by numbers of its own. It
// returns the length, and stores it, too. EFAULT. EOPNOTSUPP: another op. ENOMEM, EINVAL, ENOENT: see sysctl.
// BSD/OS's KINFO_BSDI_SYSINFO, of which programs of NetBSD know nothing, is EOPNOTSUPP as well.
func getkerninfo43(c *Call) netbsd.Errno {
	op, where, sizep, arg := c.Int(0), c.Ptr(1), c.Ptr(2), int32(c.Int(3))
	var room uint64
	if sizep != 0 {
		b, errno := c.in(sizep, netbsd.SizeofLong)
		if errno != 0 {
			return errno
		}
		room = le64(b)
	}
	var name []int32
	switch op & 0xff00 {
	case kinfo43Proc:
		name = []int32{netbsd.CTL_KERN, netbsd.KERN_PROC, int32(op & 0xff), arg}
	case kinfo43Route:
		name = []int32{netbsd.CTL_NET, netbsd.AF_ROUTE, 0, int32(op >> 16 & 0xff), int32(op & 0xff), arg}
	case kinfo43Vnode:
		name = []int32{netbsd.CTL_KERN, netbsd.KERN_VNODE}
	case kinfo43File:
		name = []int32{netbsd.CTL_KERN, netbsd.KERN_FILE}
	case kinfo43Meter:
		name = []int32{netbsd.CTL_VM, netbsd.VM_METER}
	case kinfo43Loadavg:
		name = []int32{netbsd.CTL_VM, netbsd.VM_LOADAVG}
	case kinfo43Clock:
		name = []int32{netbsd.CTL_KERN, netbsd.KERN_CLOCKRATE}
	default:
		return netbsd.EOPNOTSUPP
	}
	value, _, errno := sysctlValue(c, name, room, false)
	if errno == 0 {
		errno = sysctlReturn(c, value, where, 0, room)
	}
	if errno != 0 {
		return errno
	}
	c.Ret[0] = uint64(len(value))
	b := c.out(netbsd.SizeofLong)
	putLE64(b, uint64(len(value)))
	return c.copyoutOptional(sizep, b)
}
