package syscalls

import (
	"toaster/internal/file"
	"toaster/internal/vfs"
	"toaster/netbsd"
)

// This file serves access control lists (vfs_acl.c), which file systems of NetBSD have where they are mounted so. Those of the
// host are not: EOPNOTSUPP, behind what is wrong with the arguments.

// onACL runs do with what a call's first argument means; errors of the look-up come first.
type onACL func(c *Call, do Handler) netbsd.Errno

func aclOfFile(c *Call, do Handler) netbsd.Errno { return c.aclOfName(true, do) }
func aclOfLink(c *Call, do Handler) netbsd.Errno { return c.aclOfName(false, do) }

func (c *Call) aclOfName(follow bool, do Handler) netbsd.Errno {
	if _, errno := c.lookup(0, follow); errno != 0 {
		return errno
	}
	return do(c)
}

// aclOfFd is fd_getvnode: EBADF. EINVAL: no file that could have a name.
func aclOfFd(c *Call, do Handler) netbsd.Errno {
	return c.onFD(func(d *file.Description) netbsd.Errno {
		if !vfs.IsVnode(d) {
			return netbsd.EINVAL
		}
		return do(c)
	})
}

// noACL is VOP_GETACL and its kin of a file system without lists.
func noACL(*Call) netbsd.Errno { return netbsd.EOPNOTSUPP }

// aclGet is __acl_get_file(const char *path, acl_type_t type, struct acl *aclp) and its kin; aclDelete
// __acl_delete_file(2), which has no list.
func aclGet(of onACL) Handler    { return func(c *Call) netbsd.Errno { return of(c, noACL) } }
func aclDelete(of onACL) Handler { return func(c *Call) netbsd.Errno { return of(c, noACL) } }

// aclSet is __acl_set_file(const char *path, acl_type_t type, struct acl *aclp) and its kin, and those of
// __acl_aclcheck_file(2).
func aclSet(of onACL) Handler {
	return func(c *Call) netbsd.Errno { return of(c, (*Call).aclIn) }
}

// Sizes of struct oldacl, with 32 entries, which the first two types have, and of struct acl.
const (
	sizeofOldACL = 4 + 32*12
	sizeofACL    = 24 + aclMax*16
	aclMax       = 254 // ACL_MAX_ENTRIES
)

// aclIn is acl_copyin, and then there is nothing to do with the list. EFAULT. EINVAL: it does not say how long it may be.
func (c *Call) aclIn() netbsd.Errno {
	size := sizeofACL
	old := c.Uint32(1) <= 1
	if old {
		size = sizeofOldACL
	}
	b := make([]byte, size)
	if errno := c.Space.Read(c.Ptr(2), b); errno != 0 {
		return errno
	}
	if !old && le32(b) != aclMax {
		return netbsd.EINVAL
	}
	return netbsd.EOPNOTSUPP
}
