package tty

import (
	"toaster/internal/file"
	"toaster/internal/vfs"
	"toaster/kern"
	"toaster/netbsd"
)

// ptm is /dev/ptm of ptm(4): TIOCPTMGET opens both sides of a new pseudo-terminal for
// the caller.
type ptm struct {
	typewriter
	d *Driver
}

func (d *Driver) openPtm(_ vfs.View, flags int) (*file.Description, netbsd.Errno) {
	return file.New(&ptm{d: d}, flags), 0
}

func (f *ptm) Stat() (file.Stat, netbsd.Errno) { return f.d.devStat(ptmMajor, 1, 0o666), 0 }

// Read and Write are noread and nowrite.
func (f *ptm) Read(file.Call, []byte) (int, netbsd.Errno) { return 0, netbsd.ENODEV }

// Write is as Read.
func (f *ptm) Write(file.Call, []byte) (int, netbsd.Errno) { return 0, netbsd.ENODEV }

// installer is the part of a descriptor table that TIOCPTMGET needs.
type installer interface {
	Install(d *file.Description, min int, limit uint64, flags file.FDFlags) (int, netbsd.Errno)
	CloseFD(fd int) netbsd.Errno
}

// rlimitNofile is RLIMIT_NOFILE.
const rlimitNofile = 8

// Ioctl implements file.File. EINVAL: anything but TIOCPTMGET; EMFILE: no two
// descriptors are free.
//
// Between install and the return a sibling may close either number; then putName names one that
// is free or another file's, which is the guest's own doing. Of a failure nothing is left:
// install has released what it could not place, and the controller's close frees the pair.
func (f *ptm) Ioctl(c file.Call, cmd uint32, data []byte) netbsd.Errno {
	if cmd != netbsd.TIOCPTMGET && cmd != netbsd.COMPAT_TIOCPTMGET {
		return netbsd.EINVAL
	}
	l := lwpOf(c)
	if l == nil {
		return netbsd.ENOTTY
	}
	t, ok := l.Proc().Files().(installer)
	if !ok {
		return netbsd.EOPNOTSUPP
	}
	ctl, errno := f.d.OpenPair(l, 0)
	if errno != 0 {
		return errno
	}
	p := ctl.File.(*controller).pair
	p.setOwner(l, 0o620)
	cfd, errno := install(l, t, ctl)
	if errno != 0 {
		return errno
	}
	term, errno := p.open(0, netbsd.O_RDWR)
	if errno == 0 {
		var tfd int
		if tfd, errno = install(l, t, term); errno == 0 {
			return p.putName(data, cfd, tfd)
		}
	}
	t.CloseFD(cfd)
	return errno
}

func install(l *kern.LWP, t installer, d *file.Description) (int, netbsd.Errno) {
	r, _ := l.Proc().Rlimit(rlimitNofile)
	fd, errno := t.Install(d, 0, r.Cur, 0)
	if errno != 0 {
		d.Release()
	}
	return fd, errno
}
