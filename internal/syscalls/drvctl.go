package syscalls

import (
	"bytes"

	"toaster/internal/file"
	"toaster/internal/vfs"
	"toaster/kern"
	"toaster/netbsd"
)

// This file is /dev/drvctl (kern_drvctl.c) of a machine that has no devices which a bus would have: no name is one's, and nothing ever
// happens to one.

// drvctlMajor is drvctl's major number (conf/majors).
const drvctlMajor = 167

// drvctlFile is an open file of it. Each open(2) makes another (fd_clone).
type drvctlFile struct {
	file.Base
	file.NoPathconf
	uid, gid uint32 // of who has opened it
	both     bool   // to read and to write
}

// DrvctlDevice is /dev/drvctl, with the mode that MAKEDEV(8) sets.
func (k *Kernel) DrvctlDevice() vfs.Device {
	return k.cloning(drvctlMajor, func(c *kern.Cred, _ file.Stat, flags int) file.File {
		return &drvctlFile{uid: c.EUID, gid: c.EGID, both: flags&netbsd.O_ACCMODE == netbsd.O_RDWR}
	})
}

// cloning is a device of everybody's each open(2) of which makes another file, which open makes (fd_clone). ENXIO: no LWP opens it.
func (k *Kernel) cloning(major uint32, open func(c *kern.Cred, st file.Stat, flags int) file.File) vfs.Device {
	st := vfs.DevStat(netbsd.TimespecAt(k.BootTime), major, 0, 0o644)
	return vfs.Device{Stat: st, Open: func(v vfs.View, flags int) (*file.Description, netbsd.Errno) {
		l, ok := v.L.(*kern.LWP)
		if !ok {
			return nil, netbsd.ENXIO
		}
		return file.New(open(l.Proc().Cred(), st, flags), flags), 0
	}}
}

// Dtype implements file.Typed.
func (f *drvctlFile) Dtype() uint32 { return netbsd.DTYPE_MISC }

// Stat implements file.File: drvctl_stat says whose it is, and nothing else.
func (f *drvctlFile) Stat() (file.Stat, netbsd.Errno) { return file.Stat{UID: f.uid, GID: f.gid}, 0 }

func (f *drvctlFile) Read(file.Call, []byte) (int, netbsd.Errno)  { return 0, netbsd.ENODEV }
func (f *drvctlFile) Write(file.Call, []byte) (int, netbsd.Errno) { return 0, netbsd.ENODEV }

// Poll implements file.File: there is never an event to get (drvctl_poll).
func (f *drvctlFile) Poll(file.Events) file.Events { return 0 }

// KnoteErrno implements file.KnoteRefuser (fnullop_kqfilter).
func (f *drvctlFile) KnoteErrno(int) netbsd.Errno { return netbsd.EOPNOTSUPP }

// Ioctl implements file.File (drvctl_ioctl). ENXIO: no device has the name. DRVCTLCOMMAND is EOPNOTSUPP, which NetBSD does not say: its
// commands come as property lists, and the only one that there is asks for what a device has.
func (f *drvctlFile) Ioctl(c file.Call, cmd uint32, data []byte) netbsd.Errno {
	switch cmd {
	case netbsd.DRVSUSPENDDEV, netbsd.DRVRESUMEDEV, netbsd.DRVDETACHDEV:
		return netbsd.ENXIO
	case netbsd.DRVLISTDEV:
		return drvctlList(data)
	case netbsd.DRVRESCANBUS:
		return drvctlRescan(c, data)
	case netbsd.DRVGETEVENT:
		return f.event(c)
	case netbsd.DRVCTLCOMMAND:
		return netbsd.EOPNOTSUPP
	}
	return netbsd.EPASSTHROUGH
}

// drvctlList is listdevbyname: without a name, of the devices at the top, that there are none. EINVAL: the name has no end.
func drvctlList(b []byte) netbsd.Errno {
	switch bytes.IndexByte(b[:16], 0) {
	case 0:
		putLE64(b[24:], 0)
		return 0
	case -1:
		return netbsd.EINVAL
	}
	return netbsd.ENXIO
}

// drvctlRescan is rescanbus. EINVAL: more than MAXLOCATORS; EFAULT: they are not there.
func drvctlRescan(c file.Call, b []byte) netbsd.Errno {
	n := le32(b[32:])
	if n > 100 {
		return netbsd.EINVAL
	}
	l, ok := c.L.(*kern.LWP)
	if !ok {
		return netbsd.ENXIO
	}
	if m, ok := l.Proc().VM().(Space); ok && n > 0 {
		if errno := m.Read(le64(b[40:]), make([]byte, 4*n)); errno != 0 {
			return errno
		}
	}
	return netbsd.ENXIO
}

// event is drvctl_getevent, for which the file is open to read and to write: EPERM.
func (f *drvctlFile) event(c file.Call) netbsd.Errno {
	if !f.both {
		return netbsd.EPERM
	}
	_, errno := file.Block(c, f, file.In, func() (int, netbsd.Errno) { return 0, netbsd.EAGAIN })
	return errno
}
