package syscalls

import (
	"toaster/internal/file"
	"toaster/netbsd"
)

// pipe is pipe(void): the descriptors come back in both result registers. EMFILE, ENFILE.
func pipe(c *Call) netbsd.Errno {
	r, w, errno := makePipe(c, 0)
	c.Ret = [2]uint64{uint64(r), uint64(w)}
	return errno
}

// pipe2 is pipe2(int fildes[2], int flags). EINVAL: unknown flags. EFAULT: both stay open, though nobody is told which they are (sys_pipe2).
// EMFILE, ENFILE.
func pipe2(c *Call) netbsd.Errno {
	flags := c.Int(1)
	if flags&^c.fdOpenFlags() != 0 {
		return netbsd.EINVAL
	}
	r, w, errno := makePipe(c, flags)
	if errno != 0 {
		return errno
	}
	return c.copyout(c.Ptr(0), c.pairBytes(r, w))
}

// outPair stores two new descriptors, and closes them if it can't.
func (c *Call) outPair(addr uint64, a, b int) netbsd.Errno {
	errno := c.copyout(addr, c.pairBytes(a, b))
	if errno != 0 {
		c.files().CloseFD(a)
		c.files().CloseFD(b)
	}
	return errno
}

func (c *Call) pairBytes(a, b int) []byte {
	out := c.out(8)
	putLE32(out, uint32(a))
	putLE32(out[4:], uint32(b))
	return out
}

func makePipe(c *Call, flags int) (int, int, netbsd.Errno) {
	r, w := file.NewPipeOf(c.owner(), flags&(netbsd.O_NONBLOCK|netbsd.O_NOSIGPIPE))
	return installPair(c, r, w, c.fdFlags(flags))
}

// installPair makes descriptors of two open files, or drops both.
func installPair(c *Call, a, b *file.Description, flags file.FDFlags) (int, int, netbsd.Errno) {
	fa, errno := c.files().Install(a, 0, c.nofile(), flags)
	if errno != 0 {
		a.Release()
		b.Release()
		return 0, 0, errno
	}
	fb, errno := c.files().Install(b, 0, c.nofile(), flags)
	if errno != 0 {
		c.files().CloseFD(fa)
		b.Release()
		return 0, 0, errno
	}
	return fa, fb, 0
}
