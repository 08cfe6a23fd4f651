package syscalls

import (
	"toaster/internal/file"
	"toaster/internal/kqueue"
	"toaster/netbsd"
)

// This file has epoll(2), which NetBSD makes of a kqueue (sys_epoll.c): an epoll instance is one, and what epoll_ctl registers
// are knotes of EVFILT_READ and EVFILT_WRITE. They keep in ext what epoll_pwait2 returns, and who watches what.

// Words of ext.
const (
	extData = 0 // the event's data
	extEpfd = 1 // who watches, as the caller numbers it
	extFd   = 2 // what is watched
)

// epollCreate1 is epoll_create1(int flags). EINVAL: flags but EPOLL_CLOEXEC.
func epollCreate1(c *Call) netbsd.Errno {
	flags := c.Int(0)
	if flags&^netbsd.EPOLL_CLOEXEC != 0 {
		return netbsd.EINVAL
	}
	return c.install(file.New(kqueue.New(), netbsd.O_RDWR), c.fdFlags(flags))
}

// epollCtl is epoll_ctl(int epfd, int op, int fd, struct epoll_event *event). In epoll_ctl_common's order: EFAULT. EBADF: epfd is
// not open. EINVAL: it is no kqueue. EBADF: fd is not open. EPERM: a file that is always ready, such as a regular one. EINVAL: epfd itself, flags that
// there are not, or an unknown op. ENOENT: EPOLL_CTL_MOD and EPOLL_CTL_DEL of what is not there. EEXIST, ELOOP, EINVAL: of EPOLL_CTL_ADD.
func epollCtl(c *Call) netbsd.Errno {
	var ev netbsd.EpollEvent
	if c.Int(1) != netbsd.EPOLL_CTL_DEL {
		b, errno := c.in(c.Ptr(3), netbsd.SizeofEpoll)
		if errno != 0 {
			return errno
		}
		ev = netbsd.DecodeEpollEvent(b)
	}
	return c.onEpoll(func(q *kqueue.Queue) netbsd.Errno {
		if errno := c.epollable(c.Int(2)); errno != 0 {
			return errno
		}
		if c.Int(0) == c.Int(2) {
			return netbsd.EINVAL
		}
		return c.epollChange(q, ev)
	})
}

// onEpoll runs f with the queue that the first argument is. EBADF, EINVAL.
func (c *Call) onEpoll(f func(q *kqueue.Queue) netbsd.Errno) netbsd.Errno {
	return c.onFD(func(d *file.Description) netbsd.Errno {
		if q, ok := d.File.(*kqueue.Queue); ok {
			return f(q)
		}
		return netbsd.EINVAL
	})
}

// epollable says whether epoll may watch a descriptor. EPERM: a regular file, a directory, a block device or a symbolic link.
func (c *Call) epollable(fd int) netbsd.Errno {
	d, errno := c.get(fd)
	if errno != 0 {
		return errno
	}
	defer d.Release()
	if _, none := d.File.(file.Pathconfer); none {
		return 0 // of no file system, whatever its mode says
	}
	if st, errno := d.File.Stat(); errno == 0 {
		switch st.Mode & netbsd.S_IFMT {
		case netbsd.S_IFREG, netbsd.S_IFDIR, netbsd.S_IFBLK, netbsd.S_IFLNK:
			return netbsd.EPERM
		}
	}
	return 0
}

// epollChange is the operation itself.
func (c *Call) epollChange(q *kqueue.Queue, ev netbsd.EpollEvent) netbsd.Errno {
	epfd, op, fd := c.Int(0), c.Int(1), c.Int(2)
	changes, errno := epollKevents(epfd, fd, ev)
	if errno != 0 && op != netbsd.EPOLL_CTL_DEL {
		return errno
	}
	switch op {
	case netbsd.EPOLL_CTL_DEL:
		return c.epollForget(q, fd)
	case netbsd.EPOLL_CTL_MOD:
		if errno := c.epollForget(q, fd); errno != 0 {
			return errno
		}
	case netbsd.EPOLL_CTL_ADD:
		if c.epollKnows(q, fd) {
			return netbsd.EEXIST
		}
		if errno := c.epollNests(epfd, fd); errno != 0 {
			return errno
		}
	default:
		return netbsd.EINVAL
	}
	for _, ev := range changes {
		if errno := q.Change(c.kqueueCaller(), ev); errno == netbsd.EOPNOTSUPP {
			return netbsd.EPERM
		} else if errno != 0 {
			return errno
		}
	}
	return 0
}

// kqueueCaller is who changes a queue.
func (c *Call) kqueueCaller() kqueue.Caller {
	return kqueue.Caller{L: c.L, Files: c.files(), Proc: c.L.Proc()}
}

// What epoll_to_kevent knows of events.
const (
	epollRead  = netbsd.EPOLLIN | netbsd.EPOLLRDNORM
	epollWrite = netbsd.EPOLLOUT | netbsd.EPOLLWRNORM
	epollAll   = epollRead | epollWrite | netbsd.EPOLLET | netbsd.EPOLLONESHOT | netbsd.EPOLLHUP | netbsd.EPOLLERR |
		netbsd.EPOLLPRI | netbsd.EPOLLRDHUP
)

// epollKevents returns the knotes that ev asks for (epoll_to_kevent): without EPOLLIN and EPOLLOUT one that tells of nothing, so that fd counts as
// added. EPOLLERR, EPOLLHUP, EPOLLPRI and EPOLLRDHUP ask for nothing of their own. EINVAL: other flags.
func epollKevents(epfd, fd int, ev netbsd.EpollEvent) ([]netbsd.Kevent, netbsd.Errno) {
	if ev.Events&^epollAll != 0 {
		return nil, netbsd.EINVAL
	}
	kn := netbsd.Kevent{Ident: uint64(int64(fd)), Flags: netbsd.EV_ADD | netbsd.EV_ENABLE,
		Ext: [4]uint64{extData: ev.Data, extEpfd: uint64(int64(epfd)), extFd: uint64(int64(fd))}}
	if ev.Events&netbsd.EPOLLONESHOT != 0 {
		kn.Flags |= netbsd.EV_DISPATCH
	}
	if ev.Events&netbsd.EPOLLET != 0 {
		kn.Flags |= netbsd.EV_CLEAR
	}
	var list []netbsd.Kevent
	if ev.Events&epollRead != 0 {
		kn.Filter = netbsd.EVFILT_READ
		list = append(list, kn)
	}
	if ev.Events&epollWrite != 0 {
		kn.Filter = netbsd.EVFILT_WRITE
		list = append(list, kn)
	}
	if list == nil {
		list = append(list, netbsd.Kevent{Ident: uint64(int64(fd)), Filter: netbsd.EVFILT_READ, Flags: netbsd.EV_ADD | netbsd.EV_DISABLE})
	}
	return list, 0
}

// epollForget removes both knotes of fd (epoll_delete_all_events). ENOENT: there is neither.
func (c *Call) epollForget(q *kqueue.Queue, fd int) netbsd.Errno {
	read := q.Change(c.kqueueCaller(), netbsd.Kevent{Ident: uint64(int64(fd)), Filter: netbsd.EVFILT_READ, Flags: netbsd.EV_DELETE})
	write := q.Change(c.kqueueCaller(), netbsd.Kevent{Ident: uint64(int64(fd)), Filter: netbsd.EVFILT_WRITE, Flags: netbsd.EV_DELETE})
	if read == 0 {
		return 0
	}
	return write
}

// epollKnows reports whether fd has a knote, by a change that changes nothing (epoll_fd_registered).
func (c *Call) epollKnows(q *kqueue.Queue, fd int) bool {
	for _, filter := range [...]uint32{netbsd.EVFILT_READ, netbsd.EVFILT_WRITE} {
		if q.Change(c.kqueueCaller(), netbsd.Kevent{Ident: uint64(int64(fd)), Filter: filter}) != netbsd.ENOENT {
			return true
		}
	}
	return false
}

// epollMaxDepth is EPOLL_MAX_DEPTH: how many queues may watch one another in a row.
const epollMaxDepth = 5

// epollNests says whether epfd may watch fd (epoll_check_loop_and_depth). ELOOP: a queue would be met twice on the way down from epfd, in a circle
// or not. EINVAL: the way would be too long.
func (c *Call) epollNests(epfd, fd int) netbsd.Errno {
	if c.queueOf(fd) == nil {
		return 0
	}
	edges := c.epollEdges()
	edges[epfd] = append(edges[epfd], fd)
	return epollWalk(edges, map[int]bool{}, epfd, 0)
}

// queueOf returns the queue that a descriptor is, nil if it is none. It holds no reference: what is asked of a queue that is closed meanwhile is
// answered, too.
func (c *Call) queueOf(fd int) *kqueue.Queue {
	d, errno := c.get(fd)
	if errno != 0 {
		return nil
	}
	defer d.Release()
	q, _ := d.File.(*kqueue.Queue)
	return q
}

// epollEdges returns which descriptors the caller's queues watch that are queues (epoll_recover_watch_tree), by the numbers that the knotes
// have in ext. A queue has its knotes in the table of who made it, so all of them are found there.
func (c *Call) epollEdges() map[int][]int {
	watchers := map[*kqueue.Queue][]kqueue.Nested{} // by who is watched
	var open, met = []*kqueue.Queue{}, map[*kqueue.Queue]bool{}
	for _, fd := range c.files().Open() {
		q := c.queueOf(fd)
		if q == nil {
			continue
		}
		if open = append(open, q); met[q] {
			continue
		}
		met[q] = true
		for _, n := range q.Nested() {
			watchers[n.Queue] = append(watchers[n.Queue], n)
		}
	}
	edges := map[int][]int{}
	for _, q := range open {
		for _, n := range watchers[q] {
			if epfd := int(int32(n.Ext[extEpfd])); c.queueOf(epfd) != nil {
				edges[epfd] = append(edges[epfd], int(int32(n.Ext[extFd])))
			}
		}
	}
	return edges
}

// epollWalk goes down from fd (epoll_dfs).
func epollWalk(edges map[int][]int, met map[int]bool, fd, depth int) netbsd.Errno {
	if met[fd] {
		return netbsd.ELOOP
	}
	met[fd] = true
	if depth++; depth > epollMaxDepth {
		return netbsd.EINVAL
	}
	for _, next := range edges[fd] {
		if errno := epollWalk(edges, met, next, depth); errno != 0 {
			return errno
		}
	}
	return 0
}

// epollPwait2 is epoll_pwait2(int epfd, struct epoll_event *events, int maxevents, const struct timespec *timeout, const sigset_t
// *sigmask). EINVAL: no room for events, or for too many. EFAULT: of the time and the mask. EBADF. EINVAL: epfd is no kqueue, or the time is none. EINTR.
//
// With a mask the wait's own error is lost, as epoll_wait_common returns that of setting the old mask again: 0 events. So a
// signal that only the mask lets through ends the wait, and stays pending.
func epollPwait2(c *Call) netbsd.Errno {
	if n := c.Int(2); n <= 0 || n >= netbsd.EPOLL_MAX_EVENTS {
		return netbsd.EINVAL
	}
	if c.Ptr(3) != 0 {
		if _, errno := c.in(c.Ptr(3), netbsd.SizeofTimespec); errno != 0 {
			return errno
		}
	}
	if c.Ptr(4) == 0 {
		return c.onEpoll(func(q *kqueue.Queue) netbsd.Errno { return c.epollWait(q) })
	}
	mask, errno := c.sigset(c.Ptr(4))
	if errno != 0 {
		return errno
	}
	return c.onEpoll(func(q *kqueue.Queue) netbsd.Errno {
		old, _ := c.L.Sigprocmask(netbsd.SIG_SETMASK, &mask)
		errno := c.epollWait(q)
		c.L.Sigprocmask(netbsd.SIG_SETMASK, &old)
		if errno == netbsd.EFAULT { // of the events, which are stored after that
			return errno
		}
		return 0
	})
}

// epollWait is the wait.
func (c *Call) epollWait(q *kqueue.Queue) netbsd.Errno {
	deadline, nowait, errno := c.timeout(c.Ptr(3))
	if errno != 0 {
		return errno
	}
	events, errno := q.WaitUpTo(c.L, nil, uint64(c.Int(2)), deadline, nowait)
	if errno != 0 {
		return errno
	}
	c.Ret[0] = uint64(len(events))
	return c.outEpoll(events)
}

// outEpoll stores events (kevent_to_epoll). What is at its end is readable, and EPOLLRDHUP; EPOLLHUP and EPOLLPRI are never told.
func (c *Call) outEpoll(events []netbsd.Kevent) netbsd.Errno {
	if len(events) == 0 {
		return 0
	}
	b := make([]byte, len(events)*netbsd.SizeofEpoll)
	for i := range events {
		e := netbsd.EpollEvent{Events: netbsd.EPOLLIN, Data: events[i].Ext[extData]}
		switch {
		case events[i].Filter == netbsd.EVFILT_WRITE:
			e.Events = netbsd.EPOLLOUT
		case events[i].Flags&netbsd.EV_EOF != 0:
			e.Events |= netbsd.EPOLLRDHUP
		}
		e.Encode(b[i*netbsd.SizeofEpoll:])
	}
	return c.copyout(c.Ptr(1), b)
}
