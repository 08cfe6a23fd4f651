package syscalls

import (
	"slices"
	"sync"
	"time"

	"toaster/internal/file"
	"toaster/internal/kqueue"
	"toaster/netbsd"
)

func (c *Call) newQueue() *kqueue.Queue {
	q := kqueue.New()
	q.Owner, q.KeventSize, q.NewSet = c.owner(), netbsd.SizeofKeventExt, c.K.NewEventSet
	if c.K.M.Release().LastCall() < netbsd.SYS___kevent100 {
		q.KeventSize = netbsd.SizeofKevent
	}
	return q
}

// newKqueue is kqueue(void).
func newKqueue(c *Call) netbsd.Errno {
	return c.install(file.New(c.newQueue(), netbsd.O_RDWR), 0)
}

// kqueue1 is kqueue1(int flags), of which O_CLOEXEC, O_NONBLOCK and O_NOSIGPIPE count; others are not looked at. No fork
// passes a kqueue on, so that O_CLOFORK has nothing to do.
func kqueue1(c *Call) netbsd.Errno {
	flags := c.Int(0)
	d := file.New(c.newQueue(), netbsd.O_RDWR|flags&(netbsd.O_NONBLOCK|netbsd.O_NOSIGPIPE))
	return c.install(d, c.fdFlags(flags&netbsd.O_CLOEXEC))
}

// kfilterNames are the filters' names, by number. EVFILT_AIO has one, too, though nobody serves it.
var kfilterNames = [...]string{
	netbsd.EVFILT_READ: "EVFILT_READ", netbsd.EVFILT_WRITE: "EVFILT_WRITE", netbsd.EVFILT_AIO: "EVFILT_AIO",
	netbsd.EVFILT_VNODE: "EVFILT_VNODE", netbsd.EVFILT_PROC: "EVFILT_PROC", netbsd.EVFILT_SIGNAL: "EVFILT_SIGNAL",
	netbsd.EVFILT_TIMER: "EVFILT_TIMER", netbsd.EVFILT_FS: "EVFILT_FS", netbsd.EVFILT_USER: "EVFILT_USER",
	netbsd.EVFILT_EMPTY: "EVFILT_EMPTY",
}

// kfilterMaxName is KFILTER_MAXNAME, the longest name that is looked for, with its NUL.
const kfilterMaxName = 256

// kfilterMapping is ioctl(2) KFILTER_BYFILTER, which stores the name of a filter, and
// KFILTER_BYNAME, which stores its number. ENOENT: there is none. ENAMETOOLONG: no room for the
// name, of which the beginning is stored. EFAULT. ENOTTY: not a kqueue. struct kfilter_mapping is
//
//	name 0 (a pointer), len 8, filter 16, 4 bytes padding
func kfilterMapping(c *Call, d *file.Description, cmd uint32, data []byte) netbsd.Errno {
	if _, ok := d.File.(*kqueue.Queue); !ok {
		return netbsd.ENOTTY
	}
	addr, room := le64(data), le64(data[8:])
	if cmd == netbsd.KFILTER_BYFILTER {
		return c.outKfilter(le32(data[16:]), addr, room)
	}
	name, errno := c.Space.ReadString(addr, kfilterMaxName)
	if errno != 0 {
		return errno
	}
	filter := slices.Index(kfilterNames[:], name)
	if filter < 0 {
		return netbsd.ENOENT
	}
	putLE32(data[16:], uint32(filter))
	return 0
}

// outKfilter stores a filter's name as copyoutstr does.
func (c *Call) outKfilter(filter uint32, addr, room uint64) netbsd.Errno {
	if filter >= uint32(len(kfilterNames)) {
		return netbsd.ENOENT
	}
	name := append([]byte(kfilterNames[filter]), 0)
	n := min(uint64(len(name)), room)
	if errno := c.copyout(addr, name[:n]); errno != 0 {
		return errno
	}
	if n < uint64(len(name)) {
		return netbsd.ENAMETOOLONG
	}
	return 0
}

// keventSize is the size of a struct kevent as the caller knows it: since __kevent100 it has ext.
func (c *Call) keventSize() uint64 {
	if c.Nr == netbsd.SYS___kevent100 {
		return netbsd.SizeofKeventExt
	}
	return netbsd.SizeofKevent
}

// decodeKevent reads a struct kevent of keventSize; without ext that is zeroes.
func decodeKevent(b []byte, size uint64) netbsd.Kevent {
	if size == netbsd.SizeofKeventExt {
		return netbsd.DecodeKeventExt(b)
	}
	return netbsd.DecodeKevent(b)
}

func encodeKevent(ev *netbsd.Kevent, b []byte, size uint64) {
	if size == netbsd.SizeofKeventExt {
		ev.EncodeExt(b)
	} else {
		ev.Encode(b)
	}
}

// kevent is __kevent100(int fd, const struct kevent *changes, size_t nchanges, struct kevent *events, size_t nevents, const
// struct timespec *timeout), and __kevent50, whose structure lacks ext. EBADF: not a kqueue. EINVAL: a time that is none, or
// an unknown filter. ENOENT: to change what is not there. EFAULT. EINTR.
func kevent(c *Call) netbsd.Errno {
	return c.onFD(func(d *file.Description) netbsd.Errno {
		q, ok := d.File.(*kqueue.Queue)
		if !ok {
			return netbsd.EBADF
		}
		if !q.Lent() {
			c.used(c.Int(0), d, 0)
		}
		deadline, nowait, invalid := c.timeout(c.Ptr(5))
		if invalid == netbsd.EFAULT {
			return invalid
		}
		failed, done, errno := changeEvents(c, q)
		if errno != 0 || done {
			c.Ret[0] = failed
			return errno
		}
		if c.Ptr(4) == 0 {
			return 0 // kqueue_scan asks for room before it looks at the time
		}
		if invalid != 0 {
			return invalid
		}
		if !deadline.IsZero() {
			deadline = deadline.Add(-c.Waited)
		}
		return waitEvents(c, q, deadline, nowait)
	})
}

// timeout reads a struct timespec that may be null, for ever.
func (c *Call) timeout(addr uint64) (deadline time.Time, nowait bool, errno netbsd.Errno) {
	if addr == 0 {
		return time.Time{}, false, 0
	}
	b, errno := c.in(addr, 16)
	if errno != 0 {
		return deadline, false, errno
	}
	ts := c.timespec(b)
	if !ts.Valid() {
		return deadline, false, netbsd.EINVAL
	}
	if ts.Sec == 0 && ts.Nsec == 0 {
		return deadline, true, 0
	}
	return deadlineIn(ts.Duration()), false, 0
}

// maxSleep keeps deadlines within what time.Time adds without overflow.
const maxSleep = 100 * 365 * 24 * time.Hour

func deadlineIn(d time.Duration) time.Time { return time.Now().Add(min(d, maxSleep)) }

// changeEvents applies the change list. What fails, or asks for EV_RECEIPT, is told in
// the event list while that has room; failed is how many entries were. Where there is no room for one the call is done: with its
// error, or, as kevent1 has it, with 0.
func changeEvents(c *Call, q *kqueue.Queue) (failed uint64, done bool, errno netbsd.Errno) {
	if c.Ptr(2) == 0 {
		return 0, false, 0 // the room below is the heap's
	}
	caller := c.kqueueCaller()
	size := c.keventSize()
	var b [8 * netbsd.SizeofKeventExt]byte
	for at, left := c.Ptr(1), c.Ptr(2); left > 0; {
		n := min(left, 8)
		part := b[:n*size]
		if errno := c.Space.Read(at, part); errno != 0 {
			return failed, true, errno
		}
		for ; len(part) > 0; part = part[size:] {
			ev := decodeKevent(part, size)
			left, errno := q.Register(caller, ev)
			if errno == 0 && ev.Flags&netbsd.EV_RECEIPT == 0 {
				continue
			}
			if failed >= c.Ptr(4) {
				return 0, true, errno
			}
			ev.Fflags = left
			if errno := outReceipt(c, failed, ev, errno); errno != 0 {
				return failed, true, errno
			}
			failed++
		}
		at, left = at+n*size, left-n
	}
	return failed, failed > 0, 0
}

func outReceipt(c *Call, i uint64, ev netbsd.Kevent, result netbsd.Errno) netbsd.Errno {
	ev.Flags, ev.Data = netbsd.EV_ERROR, int64(result)
	size := c.keventSize()
	b := c.out(int(size))
	encodeKevent(&ev, b, size)
	return c.copyout(c.Ptr(3)+i*size, b)
}

// eventRooms have room for as many events as an event loop asks for at once. It would be garbage at each call
// otherwise, and such loops do little else.
var eventRooms = sync.Pool{New: func() any { return new([64]netbsd.Kevent) }}

func waitEvents(c *Call, q *kqueue.Queue, deadline time.Time, nowait bool) netbsd.Errno {
	room := eventRooms.Get().(*[64]netbsd.Kevent)
	defer eventRooms.Put(room)
	events, errno := q.WaitUpTo(c.L, room[:], c.Ptr(4), deadline, nowait)
	if errno != 0 || len(events) == 0 {
		return errno
	}
	size := c.keventSize()
	b := c.scratch[:0]
	if len(events)*int(size) > len(c.scratch) {
		b = make([]byte, 0, len(events)*int(size))
	}
	for i := range events {
		b = b[:len(b)+int(size)]
		encodeKevent(&events[i], b[len(b)-int(size):], size)
	}
	c.Ret[0] = uint64(len(events))
	return c.copyoutLast(c.Ptr(3), b)
}
