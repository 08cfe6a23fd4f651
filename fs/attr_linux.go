package fs

import (
	"strings"

	"golang.org/x/sys/unix"

	"toaster/file"
	"toaster/netbsd"
)

// onFile runs an *at call on the file that the path leads to. In a confined
// tree the file is opened first and reached again through /proc, which the host
// follows to exactly that file.
func (l *lookup) onFile(follow bool, call func(at int, name string, nofollow int) error) netbsd.Errno {
	follow = follow || strings.HasSuffix(l.name, "/")
	nofollow := 0
	if !follow {
		nofollow = unix.AT_SYMLINK_NOFOLLOW
	}
	if l.root == nil {
		return file.Errno(call(l.at, l.name, nofollow))
	}
	if !follow {
		p, err := l.parent()
		if err != nil {
			return file.Errno(err)
		}
		defer p.close()
		return file.Errno(call(p.at, p.name, nofollow))
	}
	fd, err := l.openPath(true)
	if err != nil {
		return file.Errno(err)
	}
	defer unix.Close(fd)
	return file.Errno(call(unix.AT_FDCWD, procPath(fd), 0))
}

// change is onFile for calls that a device of ours refuses.
func (v View) change(at int, name string, follow bool, call func(at int, name string, nofollow int) error) netbsd.Errno {
	l, errno := v.look(at, name)
	if errno != 0 {
		return errno
	}
	defer l.close()
	if _, ok := l.device(); ok {
		return netbsd.EPERM
	}
	return l.onFile(follow, call)
}

// Chmod is fchmodat(2), chmod(2) and lchmod(2).
func (v View) Chmod(at int, name string, mode uint32, follow bool) netbsd.Errno {
	mode &= 0o7777
	return v.change(at, name, follow, func(at int, name string, nofollow int) error {
		if nofollow != 0 {
			return chmodNofollow(at, name, mode)
		}
		return unix.Fchmodat(at, name, mode, 0)
	})
}

// Chown is fchownat(2), chown(2) and lchown(2); -1 leaves an id alone.
func (v View) Chown(at int, name string, uid, gid int, follow bool) netbsd.Errno {
	return v.change(at, name, follow, func(at int, name string, nofollow int) error {
		return unix.Fchownat(at, name, uid, gid, nofollow)
	})
}

// Utimens is utimensat(2) and its older kin.
func (v View) Utimens(at int, name string, atime, mtime file.Timeset, follow bool) netbsd.Errno {
	ts := []unix.Timespec{file.HostTime(atime), file.HostTime(mtime)}
	return v.change(at, name, follow, func(at int, name string, nofollow int) error {
		return unix.UtimesNanoAt(at, name, ts, nofollow)
	})
}

// Truncate is truncate(2).
func (v View) Truncate(name string, size int64) netbsd.Errno {
	if size < 0 {
		return netbsd.EINVAL
	}
	return v.change(netbsd.AT_FDCWD, name, true, func(at int, name string, _ int) error {
		fd, err := openHost(at, name, unix.O_WRONLY|unix.O_NONBLOCK|unix.O_CLOEXEC|unix.O_NOCTTY, 0)
		if err != nil {
			return err
		}
		defer unix.Close(fd)
		return unix.Ftruncate(fd, size)
	})
}
