package syscalls

import (
	"cmp"
	"encoding/binary"
	"math"

	"toaster/internal/file"
	"toaster/netbsd"
)

// ioctlMax is IOCPARM_MAX: the longest argument that a request may name.
const ioctlMax = 4096

// ioctl is ioctl(int fd, unsigned long request, void *data). The request says how long
// the argument is and which way it goes:
//
//	31   30  29    28         16 15       8 7        0
//	in | out | void | 13 bits length | group  | number
//
// A request without argument (void) has data itself for one. EBADF: fd is not open;
// ENOTTY: the file knows no such request, or the argument is too long; EFAULT.
func ioctl(c *Call) netbsd.Errno {
	return c.onFD(func(d *file.Description) netbsd.Errno {
		if !d.Readable() && !d.Writable() {
			return netbsd.EBADF
		}
		req := netbsd.DecodeIoctl(c.Args[1])
		if req.Len > ioctlMax {
			return netbsd.ENOTTY
		}
		data, errno := c.ioctlIn(req)
		if errno != 0 {
			return errno
		}
		if c.Args[1] > math.MaxUint32 { // no file knows such a request
			return netbsd.ENOTTY
		}
		if errno := doIoctl(c, d, c.Uint32(1), data); errno != 0 {
			return errno
		}
		if req.Out && req.Len > 0 {
			return c.copyout(c.Ptr(2), data)
		}
		return 0
	})
}

// ioctlIn fetches the argument, or makes room for it.
func (c *Call) ioctlIn(req netbsd.Ioctl) ([]byte, netbsd.Errno) {
	n := req.Len
	if n == 0 {
		data := c.out(8)
		binary.LittleEndian.PutUint64(data, c.Ptr(2))
		return data, 0
	}
	data := c.scratch[:min(n, len(c.scratch))]
	if n > len(data) {
		data = make([]byte, n)
	}
	if req.In {
		return data, c.Space.Read(c.Ptr(2), data)
	}
	clear(data)
	return data, 0
}

// doIoctl does what every file understands; the rest is the file's.
func doIoctl(c *Call, d *file.Description, cmd uint32, data []byte) netbsd.Errno {
	switch cmd {
	case netbsd.FIOCLEX, netbsd.FIONCLEX:
		var flags file.FDFlags
		if cmd == netbsd.FIOCLEX {
			flags = file.CloseOnExec
		}
		return c.files().SetFDFlags(c.Int(0), flags, file.CloseOnExec)
	case netbsd.FIONBIO:
		errno := d.SetFlag(netbsd.O_NONBLOCK, le32(data) != 0)
		if errno != 0 {
			d.ForceFlags(netbsd.O_NONBLOCK, le32(data) != 0)
		}
		return cmp.Or(errno, refusedFlag(d, cmd, data))
	case netbsd.FIOASYNC:
		d.ForceFlags(netbsd.O_ASYNC, le32(data) != 0)
		return setAsync(c, d, data)
	case netbsd.SIOCGIFCONF, netbsd.OSIOCGIFCONF, netbsd.OOSIOCGIFCONF:
		return addressList(c, d, cmd, data)
	case netbsd.KFILTER_BYFILTER, netbsd.KFILTER_BYNAME:
		return kfilterMapping(c, d, cmd, data)
	}
	errno := d.File.Ioctl(d.Call(c.L), cmd, data)
	switch {
	case errno == netbsd.EPASSTHROUGH && ownerRequest(cmd):
		return ownerIoctl(c, d, cmd, data)
	case errno == netbsd.EPASSTHROUGH:
		return countIoctl(d, cmd, data)
	}
	return errno
}

// setAsync is FIOASYNC of fo_ioctl. The flag is the caller's to set.
func setAsync(c *Call, d *file.Description, data []byte) netbsd.Errno {
	if errno := d.File.Ioctl(d.Call(c.L), netbsd.FIOASYNC, data); errno != 0 && errno != netbsd.EPASSTHROUGH {
		return errno
	}
	errno := refusedFlag(d, netbsd.FIOASYNC, data)
	if errno == 0 {
		d.SetAsync(c.files().Machine(), le32(data) != 0)
	}
	return errno
}

// refusedFlag is what a file says to FIONBIO and FIOASYNC that has no part in them.
func refusedFlag(d *file.Description, cmd uint32, data []byte) netbsd.Errno {
	if r, ok := d.File.(file.Refuser); ok {
		return r.Refuses(cmd, data)
	}
	return 0
}

// countIoctl answers for files that can count but have no requests of their own.
func countIoctl(d *file.Description, cmd uint32, data []byte) netbsd.Errno {
	n, ok := d.File.(file.Counter)
	switch {
	case cmd == netbsd.FIONREAD && ok:
		putLE32(data, uint32(n.ReadCount()))
	case cmd == netbsd.FIONSPACE && ok:
		putLE32(data, uint32(n.WriteCount()))
	case cmd == netbsd.FIONWRITE && queuesNothing(d):
		putLE32(data, 0)
	case (cmd == netbsd.FIOGETBMAP || cmd == netbsd.OFIOGETBMAP) && queuesNothing(d):
		return blockMap(d, data)
	default:
		return netbsd.ENOTTY
	}
	return 0
}

// queuesNothing reports whether a file is one of those that have nothing on its way: vn_ioctl of regular files and directories.
func queuesNothing(d *file.Description) bool {
	f, ok := d.File.(interface{ Regular() bool })
	_, made := d.File.(*procReader)
	return ok && f.Regular() || d.Directory() || made
}

// blockMap is FIOGETBMAP, and with 32 bits OFIOGETBMAP: which block of a device, of 512 bytes each, has a block of the file. A machine's files are
// of no device of its, like nfs's, where blocks count from the file's beginning (nfs_bmap). EINVAL: a block before it. EOPNOTSUPP: a file that
// the machine makes up (genfs_eopnotsupp).
func blockMap(d *file.Description, data []byte) netbsd.Errno {
	block := int64(int32(le32(data)))
	if len(data) == 8 {
		block = int64(le64(data))
	}
	if block < 0 {
		return netbsd.EINVAL
	}
	if _, ok := d.File.(interface{ Regular() bool }); !ok {
		return netbsd.EOPNOTSUPP
	}
	st, errno := d.File.Stat()
	if errno != 0 {
		return errno
	}
	block *= max(1, int64(st.Blksize)/netbsd.DEV_BSIZE)
	if len(data) == 8 {
		putLE64(data, uint64(block))
	} else {
		putLE32(data, uint32(block))
	}
	return 0
}

func ownerRequest(cmd uint32) bool {
	switch cmd {
	case netbsd.FIOGETOWN, netbsd.SIOCGPGRP, netbsd.FIOSETOWN, netbsd.SIOCSPGRP, netbsd.TIOCGPGRP, netbsd.TIOCSPGRP:
		return true
	}
	return false
}

// ownerIoctl is fgetown and fsetown: who gets SIGIO is a process, or a group by its number below 0, which
// TIOCSPGRP, TIOCGPGRP and their like have above it. ENOTTY: the file sends none.
func ownerIoctl(c *Call, d *file.Description, cmd uint32, data []byte) netbsd.Errno {
	if a, ok := d.File.(file.Asynchronous); !ok || a.AsyncEvents() == 0 {
		return netbsd.ENOTTY
	}
	id := int(int32(le32(data)))
	switch cmd {
	case netbsd.TIOCGPGRP:
		putLE32(data, uint32(-d.Owner()))
		return 0
	case netbsd.FIOGETOWN, netbsd.SIOCGPGRP:
		putLE32(data, uint32(d.Owner()))
		return 0
	case netbsd.TIOCSPGRP:
		if id < 0 {
			return netbsd.EINVAL
		}
		id = -id
	}
	return c.setOwner(d, id)
}

// setOwner is the end of fsetown. ESRCH: no such process. EINVAL: no such group. EPERM: it is of another
// session.
func (c *Call) setOwner(d *file.Description, id int) netbsd.Errno {
	errno := netbsd.Errno(0)
	switch {
	case id > 0 && c.K.M.Find(id) == nil:
		errno = netbsd.ESRCH
	case id < 0:
		errno = netbsd.EINVAL
		for _, p := range c.K.M.Procs() {
			if p.Pgid() == -id {
				if errno = 0; p.Sid() != c.L.Proc().Sid() {
					errno = netbsd.EPERM
				}
				break
			}
		}
	}
	if errno == 0 {
		d.SetOwner(id)
	}
	return errno
}

// Sigio sends SIGIO as file.MachineConfig says (fownsignal).
func (k *Kernel) Sigio(owner int, code int32) {
	if owner < 0 {
		k.M.Kill(owner, netbsd.SIGIO)
	} else if p := k.M.Find(owner); p != nil {
		p.Signal(&netbsd.Siginfo{Signo: netbsd.SIGIO, Code: code})
	}
}
