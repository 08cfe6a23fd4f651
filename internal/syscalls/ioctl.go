package syscalls

import (
	"encoding/binary"

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
		return c.files().SetCloexec(c.Int(0), cmd == netbsd.FIOCLEX)
	case netbsd.FIONBIO:
		return d.SetFlag(netbsd.O_NONBLOCK, le32(data) != 0)
	case netbsd.SIOCGIFCONF:
		return addressList(c, d, data)
	case netbsd.KFILTER_BYFILTER, netbsd.KFILTER_BYNAME:
		return kfilterMapping(c, d, cmd, data)
	}
	errno := d.File.Ioctl(d.Call(c.L), cmd, data)
	switch {
	case cmd == netbsd.FIOASYNC && (errno == 0 || errno == netbsd.EPASSTHROUGH):
		return d.SetFlag(netbsd.O_ASYNC, le32(data) != 0)
	case errno == netbsd.EPASSTHROUGH:
		return countIoctl(d, cmd, data)
	}
	return errno
}

// countIoctl answers for files that can count but have no requests of their own.
func countIoctl(d *file.Description, cmd uint32, data []byte) netbsd.Errno {
	n, ok := d.File.(file.Counter)
	switch {
	case cmd == netbsd.FIONREAD && ok:
		putLE32(data, uint32(n.ReadCount()))
	case cmd == netbsd.FIONSPACE && ok:
		putLE32(data, uint32(n.WriteCount()))
	case cmd == netbsd.FIOGETOWN, cmd == netbsd.SIOCGPGRP:
		putLE32(data, uint32(d.Owner()))
	case cmd == netbsd.FIOSETOWN, cmd == netbsd.SIOCSPGRP:
		d.SetOwner(int(int32(le32(data))))
	default:
		return netbsd.ENOTTY
	}
	return 0
}
