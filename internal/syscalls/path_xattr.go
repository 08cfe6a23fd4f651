package syscalls

import (
	"math"
	"strings"

	"toaster/internal/file"
	"toaster/internal/vfs"
	"toaster/netbsd"
)

// This file serves extended attributes, which there are two faces to: extattr_*(2), which names a namespace, and
// Linux's *xattr(2), whose names begin with one (xattr_native) and are kept as they are.

// ofXattrs runs do with the attributes of what a call's first argument means.
type ofXattrs func(c *Call, do func(*vfs.Xattrs) netbsd.Errno) netbsd.Errno

func xattrsOfFile(c *Call, do func(*vfs.Xattrs) netbsd.Errno) netbsd.Errno {
	return c.onPath(0, func(name string) netbsd.Errno { return View(c.L).Xattrs(name, true, do) })
}

func xattrsOfLink(c *Call, do func(*vfs.Xattrs) netbsd.Errno) netbsd.Errno {
	return c.onPath(0, func(name string) netbsd.Errno { return View(c.L).Xattrs(name, false, do) })
}

func xattrsOfFD(c *Call, do func(*vfs.Xattrs) netbsd.Errno) netbsd.Errno {
	return c.onFD(func(d *file.Description) netbsd.Errno { return View(c.L).Fxattrs(d, do) })
}

// xattrNameMax is EXTATTR_MAXNAMELEN and XATTR_NAME_MAX: the longest name, with its NUL.
const xattrNameMax = 255

// onXattr runs do with the attributes and the name of one of them, argument i. Names come
// first, as in all of vfs_xattr.c; namespace picks it by the name.
func (c *Call) onXattr(of ofXattrs, i int, namespace func(name string) int, do func(x *vfs.Xattrs, name string) netbsd.Errno) netbsd.Errno {
	name, errno := c.Space.ReadString(c.Ptr(i), xattrNameMax)
	if errno != 0 {
		return errno
	}
	return of(c, func(x *vfs.Xattrs) netbsd.Errno {
		if namespace(name) != netbsd.EXTATTR_NAMESPACE_USER {
			return vfs.SystemXattrs(c.L.Proc().Cred())
		}
		return do(x, name)
	})
}

// namespaceArg is the namespace of extattr_*(2), the second argument.
func (c *Call) namespaceArg(string) int { return c.Int(1) }

// namespaceOf is xattr_native.
func namespaceOf(name string) int {
	for _, system := range []string{"system.", "security.", "trusted."} {
		if strings.HasPrefix(name, system) {
			return netbsd.EXTATTR_NAMESPACE_SYSTEM
		}
	}
	return netbsd.EXTATTR_NAMESPACE_USER
}

// xattrErrno is XATTR_ERRNO.
func xattrErrno(errno netbsd.Errno) netbsd.Errno {
	if errno == netbsd.EOPNOTSUPP {
		return netbsd.ENOTSUP
	}
	return errno
}

// setXattr reads a value of n bytes and sets it: extattr_set_vp.
func (c *Call) setXattr(x *vfs.Xattrs, name string, addr, n uint64, flags int) netbsd.Errno {
	switch {
	case n > math.MaxInt32:
		return netbsd.EINVAL
	case n > vfs.XattrMax:
		return netbsd.ENOSPC
	}
	value := make([]byte, n)
	if errno := c.Space.Read(addr, value); errno != 0 {
		return errno
	}
	return x.Set(name, value, flags)
}

// xattrOut stores as much of what get returns as there is room for, and returns how much that is; without an address,
// how much there would be (extattr_get_vp). EINVAL for too much room comes before the attribute is looked for.
func (c *Call) xattrOut(addr, room uint64, get func() ([]byte, netbsd.Errno)) netbsd.Errno {
	if addr != 0 && room > math.MaxInt32 {
		return netbsd.EINVAL
	}
	b, errno := get()
	switch {
	case errno != 0:
		return errno
	case addr == 0:
		return c.ok(uint64(len(b)))
	}
	b = b[:min(uint64(len(b)), room)]
	c.Ret[0] = uint64(len(b))
	return c.copyout(addr, b)
}

// extattrSet is extattr_set_file(const char *path, int attrnamespace, const char *attrname, const void *data,
// size_t nbytes) and its kin. It returns nbytes.
func extattrSet(of ofXattrs) Handler {
	return func(c *Call) netbsd.Errno {
		return c.onXattr(of, 2, c.namespaceArg, func(x *vfs.Xattrs, name string) netbsd.Errno {
			c.Ret[0] = c.Ptr(4)
			return c.setXattr(x, name, c.Ptr(3), c.Ptr(4), 0)
		})
	}
}

// extattrGet is extattr_get_file(const char *path, int attrnamespace, const char *attrname, void *data,
// size_t nbytes) and its kin. ENOATTR: there is no such attribute.
func extattrGet(of ofXattrs) Handler {
	return func(c *Call) netbsd.Errno {
		return c.onXattr(of, 2, c.namespaceArg, func(x *vfs.Xattrs, name string) netbsd.Errno {
			return c.xattrOut(c.Ptr(3), c.Ptr(4), func() ([]byte, netbsd.Errno) { return x.Get(name) })
		})
	}
}

// extattrDelete is extattr_delete_file(const char *path, int attrnamespace, const char *attrname) and its kin.
func extattrDelete(of ofXattrs) Handler {
	return func(c *Call) netbsd.Errno {
		return c.onXattr(of, 2, c.namespaceArg, (*vfs.Xattrs).Remove)
	}
}

// extattrList is extattr_list_file(const char *path, int attrnamespace, void *data, size_t nbytes) and its kin. A
// name is a byte with its length and the name, without a NUL (EXTATTR_LIST_LENPREFIX).
func extattrList(of ofXattrs) Handler {
	return func(c *Call) netbsd.Errno {
		return of(c, func(x *vfs.Xattrs) netbsd.Errno {
			if c.Int(1) != netbsd.EXTATTR_NAMESPACE_USER {
				return vfs.SystemXattrs(c.L.Proc().Cred())
			}
			return c.xattrOut(c.Ptr(2), c.Ptr(3), func() (b []byte, errno netbsd.Errno) {
				names, errno := x.List()
				for _, name := range names {
					b = append(append(b, byte(len(name))), name...)
				}
				return b, errno
			})
		})
	}
}

// setxattr is setxattr(const char *path, const char *name, const void *value, size_t size, int flags) and its kin.
func setxattr(of ofXattrs) Handler {
	return func(c *Call) netbsd.Errno {
		return xattrErrno(c.onXattr(of, 1, namespaceOf, func(x *vfs.Xattrs, name string) netbsd.Errno {
			return c.setXattr(x, name, c.Ptr(2), c.Ptr(3), c.Int(4)&(netbsd.XATTR_CREATE|netbsd.XATTR_REPLACE))
		}))
	}
}

// getxattr is getxattr(const char *path, const char *name, void *value, size_t size) and its kin.
func getxattr(of ofXattrs) Handler {
	return func(c *Call) netbsd.Errno {
		return xattrErrno(c.onXattr(of, 1, namespaceOf, func(x *vfs.Xattrs, name string) netbsd.Errno {
			return c.xattrOut(c.Ptr(2), c.Ptr(3), func() ([]byte, netbsd.Errno) { return x.Get(name) })
		}))
	}
}

// removexattr is removexattr(const char *path, const char *name) and its kin.
func removexattr(of ofXattrs) Handler {
	return func(c *Call) netbsd.Errno {
		return xattrErrno(c.onXattr(of, 1, namespaceOf, (*vfs.Xattrs).Remove))
	}
}

// listxattr is listxattr(const char *path, char *list, size_t size) and its kin: names that end with a NUL.
func listxattr(of ofXattrs) Handler {
	return func(c *Call) netbsd.Errno {
		return xattrErrno(of(c, func(x *vfs.Xattrs) netbsd.Errno {
			return c.xattrOut(c.Ptr(1), c.Ptr(2), func() (b []byte, errno netbsd.Errno) {
				names, errno := x.List()
				for _, name := range names {
					b = append(append(b, name...), 0)
				}
				return b, errno
			})
		}))
	}
}

// extattrctl is extattrctl(const char *path, int cmd, const char *filename, int attrnamespace, const char
// *attrname), by which UFS1 is told to keep attributes: EOPNOTSUPP for any other file system. Before that come the attribute's name,
// the path and the other path, of which the first and the last can be missing (sys_extattrctl).
func extattrctl(c *Call) netbsd.Errno {
	if c.Ptr(4) != 0 {
		if _, errno := c.Space.ReadString(c.Ptr(4), xattrNameMax); errno != 0 {
			return errno
		}
	}
	for _, i := range [...]int{0, 2} {
		if i > 0 && c.Ptr(i) == 0 {
			continue
		}
		if errno := c.onPath(i, func(name string) netbsd.Errno {
			_, errno := View(c.L).Stat(netbsd.AT_FDCWD, name, true)
			return errno
		}); errno != 0 {
			return errno
		}
	}
	return netbsd.EOPNOTSUPP
}
