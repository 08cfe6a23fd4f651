package vfs

import (
	"cmp"
	"strings"

	"golang.org/x/sys/unix"

	"toaster/internal/file"
	"toaster/internal/hostfile"
	"toaster/kern"
	"toaster/netbsd"
)

// Stat is fstatat(2), stat(2) and lstat(2).
func (v View) Stat(at int, name string, follow bool) (file.Stat, netbsd.Errno) {
	return v.stat(at, name, follow, 0)
}

func (v View) stat(at int, name string, follow bool, links int) (file.Stat, netbsd.Errno) {
	l, errno := v.newLookup(at, name)
	if errno != 0 {
		return file.Stat{}, errno
	}
	defer l.close()
	if dev, ok := l.device(); ok {
		if dev.Link != "" && follow {
			if links == netbsd.MAXSYMLINKS {
				return file.Stat{}, netbsd.ELOOP
			}
			return v.stat(netbsd.AT_FDCWD, l.target(dev), follow, links+1)
		}
		return l.devStat(dev), dev.errno
	}
	if !follow && !strings.HasSuffix(name, "/") {
		return l.lstat()
	}
	st, errno := l.statFollow()
	if (errno == netbsd.ENOENT || errno == netbsd.EACCES) && links < netbsd.MAXSYMLINKS {
		if target := l.linkToDev(); target != "" {
			return v.stat(netbsd.AT_FDCWD, target, follow, links+1)
		}
	}
	return st, errno
}

// devStat describes a device; a name below /dev/fd is as its file.
func (l *lookup) devStat(dev Device) file.Stat {
	if !dev.There {
		return dev.Stat
	}
	d, errno := dev.Open(l.v, netbsd.O_RDONLY)
	if errno != 0 {
		return dev.Stat
	}
	defer d.Release()
	if st, errno := d.File.Stat(); errno == 0 {
		return st
	}
	return dev.Stat
}

func (l *lookup) statFollow() (file.Stat, netbsd.Errno) {
	if l.direct() {
		return hostfile.StatAt(l.at.fd, l.name, 0)
	}
	n, err := l.openPath(true)
	if err != nil {
		return file.Stat{}, hostfile.Errno(err)
	}
	defer n.close()
	return hostfile.StatIn(n.fd, &n.mnt.origin)
}

func (l *lookup) lstat() (file.Stat, netbsd.Errno) {
	if l.direct() {
		return hostfile.StatAt(l.at.fd, l.name, unix.AT_SYMLINK_NOFOLLOW)
	}
	n, err := l.openPath(false)
	if err != nil {
		return file.Stat{}, hostfile.Errno(err)
	}
	defer n.close()
	return hostfile.StatIn(n.fd, &n.mnt.origin)
}

// Access is faccessat(2). EINVAL for bits of the mode that mean nothing; of the flags
// do_sys_accessat looks at two, and lets the others be.
func (v View) Access(at int, name string, mode int, flags int) netbsd.Errno {
	if mode&^7 != 0 {
		return netbsd.EINVAL
	}
	if flags&netbsd.AT_EACCESS == 0 {
		v.Cred = realCred(v.Cred)
	}
	l, errno := v.newLookup(at, name)
	if errno != 0 {
		return errno
	}
	defer l.close()
	if dev, ok := l.device(); ok {
		switch {
		case dev.errno != 0:
			return dev.errno
		case dev.Link != "" && flags&netbsd.AT_SYMLINK_NOFOLLOW == 0:
			return l.onward().accessLinked(l.target(dev), mode, flags)
		}
		if l.cred != nil {
			return canAccess(l.cred, attrsOfDevice(dev), uint32(mode))
		}
		if uint32(mode)&^(dev.Stat.Mode>>6) != 0 {
			return netbsd.EACCES
		}
		return 0
	}
	hf := 0
	if flags&netbsd.AT_EACCESS != 0 {
		hf |= unix.AT_EACCESS
	}
	return l.onFile(flags&netbsd.AT_SYMLINK_NOFOLLOW == 0, func(n *node, at int, name string, nofollow int) error {
		err := l.access(n, at, name, uint32(mode), hf, nofollow)
		if err == nil && mode&mayWrite != 0 {
			if a, err := attrsAt(n, at, name, nofollow); err == nil {
				return asError(v.Dirs.tree.texts.busy(a.id)) // vn_writechk
			}
		}
		return err
	})
}

// access asks for rights to a file of the host's. at, name and nofollow are onFile's, hf are flags of the host's call.
func (l *lookup) access(n *node, at int, name string, mode uint32, hf, nofollow int) error {
	switch {
	case n != nil && n.mnt.origin.ReadOnly && mode&mayWrite != 0 && !isSpecial(n.kind()):
		return unix.EROFS
	case nofollow&unix.AT_EMPTY_PATH != 0: // a link, of which the host refuses nobody anything
		return l.allowAccess(*n, mode)
	case l.cred != nil:
		return cmp.Or(l.allowAccess(*n, mode), l.hostAccess(*n, mode))
	}
	return unix.Faccessat(at, name, mode, hf|nofollow)
}

// accessLinked is Access of what a link of the machine's own leads to.
func (v View) accessLinked(target string, mode, flags int) netbsd.Errno {
	return v.Access(netbsd.AT_FDCWD, target, mode, flags|netbsd.AT_EACCESS)
}

// realCred is c with the real ids for effective ones: access(2) asks for those who
// run a program with another's rights.
func realCred(c *kern.Cred) *kern.Cred {
	if c == nil || c.EUID == c.RUID && c.EGID == c.RGID {
		return c
	}
	r := *c
	r.EUID, r.EGID = c.RUID, c.RGID
	return &r
}
