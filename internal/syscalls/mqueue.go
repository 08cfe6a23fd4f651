package syscalls

import (
	"time"

	"toaster/internal/file"
	"toaster/internal/mqueue"
	"toaster/netbsd"
)

// This file serves POSIX message queues. A descriptor of one is a file descriptor.

func (c *Call) mqCaller() mqueue.Caller {
	p := c.L.Proc()
	return mqueue.Caller{L: c.L, P: p, Cred: p.Cred()}
}

// mqName reads a queue's name. EFAULT, ENAMETOOLONG.
func (c *Call) mqName() (string, netbsd.Errno) { return c.Space.ReadString(c.Ptr(0), mqueue.NameMax) }

// mqOpen is mq_open(const char *name, int oflag, mode_t mode, struct mq_attr *attr). EINVAL: O_EXEC. EFAULT,
// ENAMETOOLONG, EMFILE, EINVAL, ENOENT, EEXIST, EACCES, ENFILE.
func mqOpen(c *Call) netbsd.Errno {
	a := mqueue.OpenArgs{Flags: c.Int(1), Mode: c.Uint32(2) & 0o7777 &^ View(c.L).Dirs.Mask()}
	if a.Flags&netbsd.O_EXEC != 0 {
		return netbsd.EINVAL
	}
	if a.Flags&netbsd.O_CREAT != 0 && c.Ptr(3) != 0 {
		b, errno := c.in(c.Ptr(3), netbsd.SizeofMqAttr)
		if errno != 0 {
			return errno
		}
		attr := netbsd.DecodeMqAttr(b)
		a.Attr = &attr
	}
	var errno netbsd.Errno
	if a.Name, errno = c.mqName(); errno != 0 {
		return errno
	}
	if errno := c.room(); errno != 0 {
		return errno
	}
	a.Has = c.openQueues()
	d, errno := c.K.Queues.Open(c.mqCaller(), a)
	if errno != 0 {
		return errno
	}
	return c.install(d, c.fdFlags(a.Flags&netbsd.O_CLOEXEC))
}

// openQueues is how many of the caller's descriptors are queues.
func (c *Call) openQueues() (n int) {
	t := c.files()
	for _, fd := range t.Open() {
		if d, errno := t.Get(fd); errno == 0 {
			if _, ok := d.File.(*mqueue.File); ok {
				n++
			}
			d.Release()
		}
	}
	return n
}

// mqClose is mq_close(mqd_t mqdes), which is close(2), whatever the descriptor is of.
func mqClose(c *Call) netbsd.Errno { return closeFD(c) }

// mqUnlink is mq_unlink(const char *name). EFAULT, ENAMETOOLONG, ENOENT, EACCES.
func mqUnlink(c *Call) netbsd.Errno {
	name, errno := c.mqName()
	if errno != 0 {
		return errno
	}
	return c.K.Queues.Unlink(c.mqCaller(), name)
}

// onQueue calls f with the queue that the first argument is open for. EBADF: none, or not for
// what acc says, unless that is nil.
func (c *Call) onQueue(acc func(*file.Description) bool, f func(*mqueue.File) netbsd.Errno) netbsd.Errno {
	return c.onFD(func(d *file.Description) netbsd.Errno {
		q, ok := d.File.(*mqueue.File)
		if !ok || acc != nil && !acc(d) {
			return netbsd.EBADF
		}
		return f(q)
	})
}

// mqGetattr is mq_getattr(mqd_t mqdes, struct mq_attr *mqstat). EBADF, EFAULT.
func mqGetattr(c *Call) netbsd.Errno {
	return c.onQueue(nil, func(q *mqueue.File) netbsd.Errno {
		b := c.out(netbsd.SizeofMqAttr)
		q.Attr().Encode(b)
		return c.copyout(c.Ptr(1), b)
	})
}

// mqSetattr is mq_setattr(mqd_t mqdes, const struct mq_attr *mqstat, struct mq_attr *omqstat).
// EBADF. EFAULT: of omqstat after the change.
func mqSetattr(c *Call) netbsd.Errno {
	b, errno := c.in(c.Ptr(1), netbsd.SizeofMqAttr)
	if errno != 0 {
		return errno
	}
	on := netbsd.DecodeMqAttr(b).Flags&netbsd.O_NONBLOCK != 0
	return c.onQueue(nil, func(q *mqueue.File) netbsd.Errno {
		b := c.out(netbsd.SizeofMqAttr)
		q.SetNonblock(on).Encode(b)
		return c.copyoutOptional(c.Ptr(2), b)
	})
}

// mqNotify is mq_notify(mqd_t mqdes, const struct sigevent *notification). EFAULT. EINVAL: no
// such signal. EBADF. EBUSY.
func mqNotify(c *Call) netbsd.Errno {
	var ev *netbsd.Sigevent
	if c.Ptr(1) != 0 {
		b, errno := c.in(c.Ptr(1), netbsd.SizeofSigevent)
		if errno != 0 {
			return errno
		}
		e := netbsd.DecodeSigevent(b)
		if e.Notify == netbsd.SIGEV_SIGNAL && !signalArg(int(e.Signo)).Valid() {
			return netbsd.EINVAL
		}
		ev = &e
	}
	return c.onQueue(nil, func(q *mqueue.File) netbsd.Errno { return q.Notify(c.L.Proc(), ev) })
}

// A mqDeadline is asked when a call is about to sleep: no time is looked at before.
type mqDeadline func() (time.Time, netbsd.Errno)

func noMqDeadline() (time.Time, netbsd.Errno) { return time.Time{}, 0 }

// mqDeadlineAt reads a time of CLOCK_REALTIME by decode, if there is a pointer. EFAULT. Later,
// EINVAL: not a time; ETIMEDOUT: it has passed (ts2timo).
func (c *Call) mqDeadlineAt(addr uint64, decode func([]byte) netbsd.Timespec) (mqDeadline, netbsd.Errno) {
	if addr == 0 {
		return noMqDeadline, 0
	}
	b, errno := c.in(addr, netbsd.SizeofTimespec)
	if errno != 0 {
		return nil, errno
	}
	ts := decode(b)
	return func() (time.Time, netbsd.Errno) {
		if ts.Nsec < 0 || ts.Nsec >= 1e9 || ts.Sec < 0 {
			return time.Time{}, netbsd.EINVAL
		}
		left := ts.Duration() - time.Duration(time.Now().UnixNano())
		if left <= 0 {
			return time.Time{}, netbsd.ETIMEDOUT
		}
		return deadlineIn(left), 0
	}, 0
}

// timed makes a call with the time that its last argument points to.
func (c *Call) timed(decode func([]byte) netbsd.Timespec, f func(mqDeadline) netbsd.Errno) netbsd.Errno {
	until, errno := c.mqDeadlineAt(c.Ptr(4), decode)
	if errno != 0 {
		return errno
	}
	return f(until)
}

// mqSend is mq_send(mqd_t mqdes, const char *msg_ptr, size_t msg_len, unsigned msg_prio),
// mqTimedsend the same with const struct timespec *abs_timeout,
// mqTimedsend50 with that of before NetBSD 6. EINVAL: no such priority.
// EMSGSIZE, EFAULT, EBADF, EAGAIN, ETIMEDOUT, EINTR.
func mqSend(c *Call) netbsd.Errno { return c.mqSend(noMqDeadline) }

func mqTimedsend(c *Call) netbsd.Errno   { return c.timed(netbsd.DecodeTimespec, c.mqSend) }
func mqTimedsend50(c *Call) netbsd.Errno { return c.timed(netbsd.DecodeTimespec50, c.mqSend) }

func (c *Call) mqSend(until mqDeadline) netbsd.Errno {
	if c.Uint32(3) >= c.K.Queues.MaxPrio() {
		return netbsd.EINVAL
	}
	if c.Ptr(2) > mqueue.MaxBody {
		return netbsd.EMSGSIZE
	}
	body := make([]byte, c.Ptr(2))
	if errno := c.Space.Read(c.Ptr(1), body); errno != 0 {
		return errno
	}
	return c.onQueue((*file.Description).Writable, func(q *mqueue.File) netbsd.Errno {
		return q.Send(c.L, c.Uint32(3), body, until)
	})
}

// mqReceive is mq_receive(mqd_t mqdes, char *msg_ptr, size_t msg_len, unsigned *msg_prio),
// mqTimedreceive the same with const struct timespec *abs_timeout,
// mqTimedreceive50 with that of before NetBSD 6. EBADF, EMSGSIZE, EAGAIN,
// ETIMEDOUT, EINTR. EFAULT: the message is lost.
func mqReceive(c *Call) netbsd.Errno { return c.mqReceive(noMqDeadline) }

func mqTimedreceive(c *Call) netbsd.Errno   { return c.timed(netbsd.DecodeTimespec, c.mqReceive) }
func mqTimedreceive50(c *Call) netbsd.Errno { return c.timed(netbsd.DecodeTimespec50, c.mqReceive) }

func (c *Call) mqReceive(until mqDeadline) netbsd.Errno {
	return c.onQueue((*file.Description).Readable, func(q *mqueue.File) netbsd.Errno {
		body, prio, errno := q.Receive(c.L, c.Ptr(2), until)
		if errno == netbsd.ERESTART {
			errno = netbsd.EINTR // mq_recv1, whatever SA_RESTART says
		}
		if errno != 0 {
			return errno
		}
		if errno := c.copyout(c.Ptr(1), body); errno != 0 {
			return errno
		}
		b := c.out(4)
		putLE32(b, prio)
		if errno := c.copyoutOptional(c.Ptr(3), b); errno != 0 {
			return errno
		}
		return c.ok(uint64(len(body)))
	})
}

// mqNodes are those of kern.mqueue. The kernel makes their numbers up, in this order.
func mqNodes() []sysctlNode {
	node := func(num int32, name string, of func(*mqueue.Limits) *int32, about string) sysctlNode {
		n := sysctlInt(num, name, func(c *Call) int32 { l := c.K.Queues.Limits(); return *of(&l) }).says(about)
		n.set = func(c *Call, b []byte) netbsd.Errno {
			if len(b) != 4 {
				return netbsd.EINVAL
			}
			l := c.K.Queues.Limits()
			*of(&l) = int32(le32(b))
			c.K.Queues.SetLimits(l)
			return 0
		}
		return n
	}
	return []sysctlNode{
		node(ctlCreateBase, "mq_open_max", func(l *mqueue.Limits) *int32 { return &l.OpenMax }, "Descriptors of a process"),
		node(ctlCreateBase+1, "mq_prio_max", func(l *mqueue.Limits) *int32 { return &l.PrioMax }, "Number of priorities"),
		node(ctlCreateBase+2, "mq_max_msgsize", func(l *mqueue.Limits) *int32 { return &l.MaxMsgsize }, "Bytes of a message"),
		node(ctlCreateBase+3, "mq_def_maxmsg", func(l *mqueue.Limits) *int32 { return &l.DefMaxmsg }, "Messages of a queue by default"),
		node(ctlCreateBase+4, "mq_max_maxmsg", func(l *mqueue.Limits) *int32 { return &l.MaxMaxmsg }, "Messages of a queue at most"),
	}
}
