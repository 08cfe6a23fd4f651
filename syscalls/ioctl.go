package syscalls

import (
	"toaster/file"
	"toaster/netbsd"
)

func init() {
	register(map[int]Handler{54: ioctl})
}

// ioctl is ioctl(int fd, unsigned long com, ...). The request says how long its
// argument is and which way it goes.
func ioctl(c *Call) netbsd.Errno {
	return c.onFD(func(d *file.Description) netbsd.Errno {
		if !d.Readable() && !d.Writable() {
			return netbsd.EBADF
		}
		com := c.Uint32(1)
		req := netbsd.DecodeIoctl(uint64(com))
		data := make([]byte, req.Len)
		if req.In && req.Len > 0 {
			if e := c.Space.Read(c.Ptr(2), data); e != 0 {
				return e
			}
		}
		e := genericIoctl(c, d, com, data)
		if e == netbsd.EPASSTHROUGH {
			e = d.File.Ioctl(d.Call(c.L), com, data)
		}
		switch {
		case e == netbsd.EPASSTHROUGH:
			return netbsd.ENOTTY
		case e == 0 && req.Out && req.Len > 0:
			return c.copyout(c.Ptr(2), data)
		}
		return e
	})
}

// genericIoctl serves the requests that any descriptor takes.
func genericIoctl(c *Call, d *file.Description, com uint32, data []byte) netbsd.Errno {
	switch com {
	case netbsd.FIOCLEX, netbsd.FIONCLEX:
		return c.files().SetCloexec(c.Int(0), com == netbsd.FIOCLEX)
	case netbsd.FIONBIO:
		return d.SetFlag(netbsd.O_NONBLOCK, le32(data) != 0)
	case netbsd.FIOASYNC:
		return d.SetFlag(netbsd.O_ASYNC, le32(data) != 0)
	case netbsd.FIOSETOWN:
		d.SetOwner(int(int32(le32(data))))
		return 0
	case netbsd.FIOGETOWN:
		putLE32(data, uint32(d.Owner()))
		return 0
	}
	return netbsd.EPASSTHROUGH
}
