package syscalls

import (
	"time"

	"toaster/internal/aio"
	"toaster/kern"
	"toaster/netbsd"
)

// This file serves asynchronous I/O. A process gets its queue with its first job.

type aioKey struct{}

// aioHook is there once the process ends its queue when it exits. The hook outlives an exec, which the queue does not, and one is enough:
// a process may execute without end.
type aioHook struct{}

// aioOf returns the caller's queue, nil if it has none.
func (c *Call) aioOf() *aio.Queue {
	q, _ := c.L.Proc().Specific(aioKey{}).(*aio.Queue)
	return q
}

// aioQueue returns the caller's queue, and makes it if it has none (aio_procinit). EAGAIN: the
// process is about to end. Two LWPs may both make one: the lock decides.
func (c *Call) aioQueue() (*aio.Queue, netbsd.Errno) {
	c.K.aioMu.Lock()
	defer c.K.aioMu.Unlock()
	if q := c.aioOf(); q != nil {
		return q, 0
	}
	p := c.L.Proc()
	if p.Specific(aioHook{}) == nil {
		if p.OnExit(stopAio) != 0 {
			return nil, netbsd.EAGAIN
		}
		p.SetSpecific(aioHook{}, true)
	}
	q := aio.New(&c.K.Aio, p, c.Space, c.files())
	p.SetSpecific(aioKey{}, q)
	return q, 0
}

// stopAio ends a process's queue: it ends, or runs another program. It is called with each exec,
// and does nothing for who has none.
func stopAio(p *kern.Proc) {
	if q, ok := p.Specific(aioKey{}).(*aio.Queue); ok {
		p.SetSpecific(aioKey{}, nil)
		q.Close()
	}
}

// aioRead is aio_read(struct aiocb *aiocbp), aioWrite and aioFsync are like it. EFAULT, EINVAL,
// EAGAIN. What comes of the operation tells aio_error(3).
func aioRead(c *Call) netbsd.Errno  { return c.aioEnqueue(aio.Read, c.Ptr(0)) }
func aioWrite(c *Call) netbsd.Errno { return c.aioEnqueue(aio.Write, c.Ptr(0)) }

// aioFsync is aio_fsync(int op, struct aiocb *aiocbp). EINVAL: another op.
func aioFsync(c *Call) netbsd.Errno {
	if op := c.Int(0); op != netbsd.O_DSYNC && op != netbsd.O_SYNC {
		return netbsd.EINVAL
	}
	return c.aioEnqueue(aio.Sync, c.Ptr(1))
}

func (c *Call) aioEnqueue(op aio.Op, addr uint64) netbsd.Errno {
	if c.K.Aio.Full(1) {
		return netbsd.EAGAIN
	}
	return aio.Enqueue(c.Space, op, addr, nil, c.aioQueue)
}

// aiocb reads struct aiocb. EINVAL: the process has no jobs.
func (c *Call) aiocb(addr uint64) (cb netbsd.Aiocb, errno netbsd.Errno) {
	if c.aioOf() == nil {
		return cb, netbsd.EINVAL
	}
	b, errno := c.in(addr, netbsd.SizeofAiocb)
	if errno != 0 {
		return cb, errno
	}
	return netbsd.DecodeAiocb(b), 0
}

// aioError is aio_error(const struct aiocb *aiocbp). EINVAL: no job. EFAULT.
func aioError(c *Call) netbsd.Errno {
	cb, errno := c.aiocb(c.Ptr(0))
	if errno != 0 {
		return errno
	}
	if cb.State == netbsd.JOB_NONE {
		return netbsd.EINVAL
	}
	return c.ok(uint64(cb.Errno))
}

// aioReturn is aio_return(struct aiocb *aiocbp), which can be asked once. EINVAL: not done. EFAULT.
func aioReturn(c *Call) netbsd.Errno {
	cb, errno := c.aiocb(c.Ptr(0))
	if errno != 0 {
		return errno
	}
	if cb.Errno == netbsd.EINPROGRESS || cb.State != netbsd.JOB_DONE {
		return netbsd.EINVAL
	}
	c.Ret[0] = uint64(cb.Retval)
	cb.Errno, cb.Retval, cb.State = 0, -1, netbsd.JOB_NONE
	b := c.out(netbsd.SizeofAiocb)
	cb.Encode(b)
	return c.copyout(c.Ptr(0), b)
}

// aioCancel is aio_cancel(int fildes, struct aiocb *aiocbp). EBADF, EFAULT.
func aioCancel(c *Call) netbsd.Errno {
	d, errno := c.get(c.Int(0))
	if errno != 0 {
		return errno
	}
	d.Release()
	q := c.aioOf()
	if q == nil {
		return c.ok(netbsd.AIO_NOTCANCELED)
	}
	n, errno := q.Cancel(int32(c.Int(0)), c.Ptr(1))
	if errno != 0 {
		return errno
	}
	return c.ok(uint64(n))
}

// aioSuspend is __aio_suspend50(const struct aiocb *const list[], int nent, const struct timespec
// *timeout), aioSuspend30 its form of before NetBSD 6. EAGAIN: no entries, too many, or the time is
// over. EFAULT, EINTR.
func aioSuspend(c *Call) netbsd.Errno   { return c.aioSuspend(netbsd.DecodeTimespec) }
func aioSuspend30(c *Call) netbsd.Errno { return c.aioSuspend(netbsd.DecodeTimespec50) }

func (c *Call) aioSuspend(decode func([]byte) netbsd.Timespec) netbsd.Errno {
	n, ts := c.Int(1), netbsd.Timespec{}
	if n <= 0 || n > c.K.Aio.ListMax() {
		return netbsd.EAGAIN
	}
	if c.Ptr(2) != 0 {
		b, errno := c.in(c.Ptr(2), netbsd.SizeofTimespec)
		if errno != 0 {
			return errno
		}
		ts = decode(b)
	}
	addrs, errno := c.pointers(c.Ptr(0), n)
	if errno != 0 {
		return errno
	}
	q := c.aioOf()
	if q == nil {
		return netbsd.EAGAIN
	}
	var deadline time.Time
	if c.Ptr(2) != 0 {
		if !ts.Valid() || ts.Duration() <= 0 {
			return netbsd.EAGAIN // mstohz: no ticks
		}
		deadline = deadlineIn(ts.Duration())
	}
	return q.Suspend(c.L, addrs, deadline)
}

// pointers reads n of them.
func (c *Call) pointers(addr uint64, n int) ([]uint64, netbsd.Errno) {
	b := make([]byte, 8*n)
	if errno := c.Space.Read(addr, b); errno != 0 {
		return nil, errno
	}
	list := make([]uint64, n)
	for i := range list {
		list[i] = le64(b[8*i:])
	}
	return list, 0
}

// lioListio is lio_listio(int mode, struct aiocb *const list[], int nent, struct sigevent *sig).
// EINVAL, EAGAIN, EFAULT. EIO: some of the jobs could not begin. EINTR.
func lioListio(c *Call) netbsd.Errno {
	mode, n := c.Int(0), c.Int(2)
	if n < 1 || n > c.K.Aio.ListMax() {
		return netbsd.EINVAL
	}
	if c.K.Aio.Full(n) {
		return netbsd.EAGAIN
	}
	q, errno := c.aioQueue()
	if errno != 0 {
		return errno
	}
	var ev netbsd.Sigevent
	if mode == netbsd.LIO_NOWAIT && c.Ptr(3) != 0 {
		b, errno := c.in(c.Ptr(3), netbsd.SizeofSigevent)
		if errno != 0 {
			return errno
		}
		ev = netbsd.DecodeSigevent(b)
	}
	if mode != netbsd.LIO_NOWAIT && mode != netbsd.LIO_WAIT {
		return netbsd.EINVAL
	}
	list, errno := aio.NewListio(ev)
	if errno != 0 {
		return errno
	}
	addrs, errno := c.pointers(c.Ptr(1), n) // of EFAULT a signal tells, too: there is no job left
	for _, a := range addrs {
		if aio.Enqueue(c.Space, aio.List, a, list, c.aioQueue) != 0 {
			errno = netbsd.EIO
		}
	}
	began := q.Began(c.L, list, errno == 0 && mode == netbsd.LIO_WAIT)
	if errno != 0 {
		return errno
	}
	return began
}
