package syscalls

import (
	"toaster/internal/file"
	"toaster/netbsd"
)

// pipe is pipe(void): the descriptors come back in both result registers.
func pipe(c *Call) netbsd.Errno {
	r, w, e := makePipe(c, 0)
	c.Ret = [2]uint64{uint64(r), uint64(w)}
	return e
}

// pipe2 is pipe2(int fildes[2], int flags).
func pipe2(c *Call) netbsd.Errno {
	flags := c.Int(1)
	if flags&^(netbsd.O_CLOEXEC|netbsd.O_NONBLOCK|netbsd.O_NOSIGPIPE) != 0 {
		return netbsd.EINVAL
	}
	r, w, e := makePipe(c, flags)
	if e != 0 {
		return e
	}
	return c.outPair(c.Ptr(0), r, w)
}

// outPair stores two new descriptors, and closes them if it can't.
func (c *Call) outPair(addr uint64, a, b int) netbsd.Errno {
	out := c.out(8)
	putLE32(out, uint32(a))
	putLE32(out[4:], uint32(b))
	e := c.copyout(addr, out)
	if e != 0 {
		c.files().CloseFD(a)
		c.files().CloseFD(b)
	}
	return e
}

func makePipe(c *Call, flags int) (int, int, netbsd.Errno) {
	r, w := file.NewPipe(flags & (netbsd.O_NONBLOCK | netbsd.O_NOSIGPIPE))
	return installPair(c, r, w, flags&netbsd.O_CLOEXEC != 0)
}

// installPair gives two open files descriptors, or drops both.
func installPair(c *Call, a, b *file.Description, cloexec bool) (int, int, netbsd.Errno) {
	fa, e := c.files().Install(a, 0, c.nofile(), cloexec)
	if e != 0 {
		a.Release()
		b.Release()
		return 0, 0, e
	}
	fb, e := c.files().Install(b, 0, c.nofile(), cloexec)
	if e != 0 {
		c.files().CloseFD(fa)
		b.Release()
		return 0, 0, e
	}
	return fa, fb, 0
}
