package syscalls

import (
	"toaster/internal/file"
	"toaster/netbsd"
)

// Lender is a CPU whose process can be lent its open files: it then reads and writes them without
// the kernel.
type Lender interface {
	// LendFile lends a descriptor before the LWP goes back to user mode, if it may be lent.
	LendFile(fd int)
	// ReturnFiles takes back all that the process has been lent, before it returns.
	ReturnFiles()
}

// used counts a call that has to do with n bytes of d, which is descriptor fd: who makes many is
// lent the file.
func (c *Call) used(fd int, d *file.Description, n uint64) {
	if d.Used(n) {
		if l, ok := c.CPU.(Lender); ok {
			l.LendFile(fd)
		}
	}
}

// endRead ends a read of which the stub has moved a part. That is all that there was, unless the guest's memory has
// ended and not what there is to read, which is EFAULT; what was taken is lost then (uiomove(9)).
func (c *Call) endRead() netbsd.Errno {
	var b [1]byte
	if c.Space.Read(c.Ptr(1)+c.Part, b[:]) != 0 {
		if d, errno := c.get(c.Int(0)); errno == 0 {
			defer d.Release()
			if f, ok := d.File.(file.Counter); ok && f.ReadCount() > 0 {
				return netbsd.EFAULT
			}
		}
	}
	return c.ok(c.Part)
}

// endWrite goes on with a write of which the stub has moved a part: the host had no more room, or a signal has come, or
// nobody reads any more. A descriptor that has been closed meanwhile is as good as a signal.
func (c *Call) endWrite() netbsd.Errno {
	part, addr, n := c.Part, c.Ptr(1), c.Ptr(2)
	d, errno := c.get(c.Int(0))
	if errno != 0 || part >= n || !d.Writable() {
		if errno == 0 {
			d.Release()
		}
		return c.ok(part)
	}
	defer d.Release()
	done, errno := writeFrom(c, d, addr+part, n-part, func(d *file.Description, b []byte) (int, netbsd.Errno) {
		return d.Write(c.L, b)
	})
	return finishWrite(c, d, part+done, errno)
}

// refused returns the error that the stub was told, of a file that tells it once (so_error); 0 if there is none. EPIPE
// comes again, and others are about the call: the kernel finds them.
func (c *Call) refused() netbsd.Errno {
	switch c.Refused {
	case 0, netbsd.EPIPE, netbsd.EBADF, netbsd.EFAULT, netbsd.EINTR, netbsd.EINVAL, netbsd.EAGAIN, netbsd.ENOMEM:
		return 0
	}
	d, errno := c.get(c.Int(0))
	if errno != 0 {
		return errno
	}
	defer d.Release()
	if _, ok := d.File.(interface{ Fail(netbsd.Errno) }); !ok {
		return 0
	}
	return c.Refused
}

// returnFiles is due before the caller's process ends: what it has open is then nobody's but its
// parent's, who may execute it.
func (c *Call) returnFiles() {
	if l, ok := c.CPU.(Lender); ok {
		l.ReturnFiles()
	}
}

// limitFiles follows a change of RLIMIT_FSIZE: what would exceed that is the kernel's to find.
func (c *Call) limitFiles(errno netbsd.Errno) netbsd.Errno {
	if _, bound := c.L.Proc().FileSize(); bound && errno == 0 {
		c.files().Recall(true)
	}
	return errno
}
