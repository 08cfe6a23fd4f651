package vfs

import (
	"bytes"
	"cmp"

	"golang.org/x/sys/unix"

	"toaster/internal/file"
	"toaster/internal/hostfile"
	"toaster/internal/owners"
	"toaster/kern"
	"toaster/netbsd"
)

// Xattrs are the extended attributes of one file in the namespace of users, which are the host's
// attributes whose names begin with "user.". Where the host's file system has none, and for what is neither
// a regular file nor a directory, each method is EOPNOTSUPP. What the host keeps in its other namespaces is
// no guest's business: labels, capabilities and access control lists of the host mean something to it.
//
// Reading takes the right to read the file, changing the right to write to it (extattr_check_cred).
type Xattrs struct {
	path  string // by which the host reaches the file
	allow func(want uint32) error
	as    func(func() error) error
	fixed netbsd.Errno // why nothing may be changed

	// reserved: some names are toaster's, as it would believe what they say (owners.Reserved).
	reserved bool
}

// xattrPrefix is how the host spells the namespace.
const xattrPrefix = "user."

// XattrMax is the longest value that Linux keeps.
const XattrMax = 64 << 10

// Xattrs runs do with the attributes of what a path leads to.
func (v View) Xattrs(name string, follow bool, do func(*Xattrs) netbsd.Errno) netbsd.Errno {
	l, errno := v.newLookup(netbsd.AT_FDCWD, name)
	if errno != 0 {
		return errno
	}
	defer l.close()
	if dev, ok := l.device(); ok {
		if dev.Link != "" && follow {
			return l.onward().Xattrs(l.target(dev), follow, do)
		}
		return cmp.Or(dev.errno, netbsd.EOPNOTSUPP)
	}
	n, err := l.openPath(follow)
	if err != nil {
		return hostfile.Errno(err)
	}
	defer n.close()
	if kind := n.kind(); kind != unix.S_IFREG && kind != unix.S_IFDIR {
		return netbsd.EOPNOTSUPP
	}
	return do(&Xattrs{
		path: hostfile.ProcPath(n.fd), as: l.as, fixed: n.mnt.origin.Fixed(),
		allow:    func(want uint32) error { return cmp.Or(l.allowAccess(n, want), l.widenTo(n, want)) },
		reserved: !n.mnt.free,
	})
}

// Fxattrs is Xattrs of an open file. EINVAL: it is none that a name could have (fd_getvnode).
func (v View) Fxattrs(d *file.Description, do func(*Xattrs) netbsd.Errno) netbsd.Errno {
	a, errno := attrsOf(d)
	if errno != 0 || !isVnode(d, a) {
		return netbsd.EINVAL
	}
	fd, ok := d.NameFD()
	if kind := a.mode & netbsd.S_IFMT; !ok || kind != netbsd.S_IFREG && kind != netbsd.S_IFDIR {
		return netbsd.EOPNOTSUPP
	}
	x := &Xattrs{path: hostfile.ProcPath(fd), as: v.as, fixed: fixed(d), reserved: v.Dirs.rooted(), allow: func(want uint32) error {
		c := v.otherUser()
		if c == nil {
			return nil
		}
		return cmp.Or(asError(canAccess(c, a, want)), v.widenOpen(d, fd, want))
	}}
	return do(x)
}

// Get returns the value of an attribute. ENOATTR: there is none of the name.
func (x *Xattrs) Get(name string) (value []byte, errno netbsd.Errno) {
	if x.hides(name) {
		return nil, netbsd.ENOATTR
	}
	errno = x.do(mayRead, func() (err error) {
		value, err = sized(func(b []byte) (int, error) { return unix.Getxattr(x.path, xattrPrefix+name, b) })
		return err
	})
	return value, errno
}

// List returns the names.
func (x *Xattrs) List() (names []string, errno netbsd.Errno) {
	errno = x.do(mayRead, func() error {
		b, err := sized(func(b []byte) (int, error) { return unix.Listxattr(x.path, b) })
		for name := range bytes.SplitSeq(b, []byte{0}) {
			if own, ok := bytes.CutPrefix(name, []byte(xattrPrefix)); ok && !x.hides(string(own)) {
				names = append(names, string(own))
			}
		}
		return err
	})
	return names, errno
}

// Set sets an attribute. flags are XATTR_CREATE (EEXIST: there is one) and XATTR_REPLACE (ENOATTR:
// there is none), whose values are the host's. ENOSPC: it is too long.
func (x *Xattrs) Set(name string, value []byte, flags int) netbsd.Errno {
	if x.hides(name) {
		return netbsd.EPERM
	}
	return x.change(func() error { return unix.Setxattr(x.path, xattrPrefix+name, value, flags) })
}

// Remove takes an attribute away. ENOATTR: there is none of the name.
func (x *Xattrs) Remove(name string) netbsd.Errno {
	if x.hides(name) {
		return netbsd.ENOATTR
	}
	return x.change(func() error { return unix.Removexattr(x.path, xattrPrefix+name) })
}

// hides reports whether an attribute is none of the guests'.
func (x *Xattrs) hides(name string) bool { return x.reserved && owners.Reserved(name) }

func (x *Xattrs) change(call func() error) netbsd.Errno {
	if x.fixed != 0 {
		return x.fixed
	}
	return x.do(mayWrite, call)
}

// do makes a call of the host with the caller's rights.
func (x *Xattrs) do(want uint32, call func() error) netbsd.Errno {
	if err := x.allow(want); err != nil {
		return hostfile.Errno(err)
	}
	return xattrErrno(x.as(func() error { return hostfile.Retry(call) }))
}

// xattrErrno names what the host calls otherwise: it has one number for a missing attribute and for
// missing data, and finds a long name out of range.
func xattrErrno(err error) netbsd.Errno {
	switch err {
	case unix.ENODATA:
		return netbsd.ENOATTR
	case unix.ERANGE:
		return netbsd.ENAMETOOLONG
	case unix.E2BIG:
		return netbsd.ENOSPC
	}
	return hostfile.Errno(err)
}

// sized makes a call that fills a buffer, with one that is large enough: what is read may grow meanwhile.
func sized(call func(b []byte) (int, error)) ([]byte, error) {
	for {
		n, err := call(nil)
		if err != nil || n == 0 {
			return nil, err
		}
		b := make([]byte, n)
		n, err = call(b)
		if err != unix.ERANGE {
			return b[:max(n, 0)], err
		}
	}
}

// SystemXattrs is what the namespace of the system answers: EPERM to whoever is not the superuser
// (extattr_check_cred), and to that there is none.
func SystemXattrs(c *kern.Cred) netbsd.Errno {
	if c.IsRoot() {
		return netbsd.EOPNOTSUPP
	}
	return netbsd.EPERM
}
