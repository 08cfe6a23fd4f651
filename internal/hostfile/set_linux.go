package hostfile

import (
	"golang.org/x/sys/unix"

	"toaster/internal/file"
	"toaster/internal/hostlimits"
	"toaster/netbsd"
)

// Set is the events of many descriptors of the host, for one kqueue(2): an epoll instance of its own. It is a
// file.EventSet, and can be lent to a host process, which then waits in it without the kernel.
type Set struct {
	poll pollDesc // of the instance itself: somebody waits in the kernel
}

// NewSet makes an empty one. ENFILE: the host has little left.
func (h *Host) NewSet() (file.EventSet, netbsd.Errno) {
	fd, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, Errno(err)
	}
	if hostlimits.Scarce(fd) {
		unix.Close(fd)
		return nil, netbsd.ENFILE
	}
	s := &Set{}
	s.poll.poller, s.poll.fd = &h.poller, fd
	return s, 0
}

// FD implements file.EventSet.
func (s *Set) FD() int { return s.poll.fd }

// Put implements file.EventSet. What was put before is changed, which reports what holds already once more.
func (s *Set) Put(fd int, e file.SetEntry, there bool) netbsd.Errno {
	ev := unix.EpollEvent{Fd: int32(e.Key)} // the low half of epoll_data, which is what the stub looks at
	if e.In {
		ev.Events |= unix.EPOLLIN | unix.EPOLLRDHUP
	}
	if e.Out {
		ev.Events |= unix.EPOLLOUT
	}
	if e.Edge {
		ev.Events |= unix.EPOLLET
	}
	op := unix.EPOLL_CTL_ADD
	if there {
		op = unix.EPOLL_CTL_MOD
	}
	return Errno(unix.EpollCtl(s.poll.fd, op, fd, &ev))
}

// Drop implements file.EventSet.
func (s *Set) Drop(fd int) { unix.EpollCtl(s.poll.fd, unix.EPOLL_CTL_DEL, fd, nil) }

// Harvest implements file.EventSet.
func (s *Set) Harvest(f func(key uint32, in, out bool)) {
	var evs [16]unix.EpollEvent
	// What is reported as long as it holds would come for ever: once is enough.
	for range maxHarvest {
		n, err := unix.EpollWait(s.poll.fd, evs[:], 0)
		if err == unix.EINTR {
			continue
		}
		if n <= 0 {
			return
		}
		for i := range n {
			const both = unix.EPOLLHUP | unix.EPOLLERR
			e := evs[i].Events
			f(uint32(evs[i].Fd), e&(unix.EPOLLIN|unix.EPOLLRDHUP|both) != 0, e&(unix.EPOLLOUT|both) != 0)
		}
		if n < len(evs) {
			return
		}
	}
}

const maxHarvest = 64

// Ready implements file.EventSet.
func (s *Set) Ready() bool { return pollNow(s.poll.fd, file.In)&file.In != 0 }

// Watch implements file.EventSet.
func (s *Set) Watch(w *file.Waiter) { s.poll.watch(w) }

// Unwatch implements file.EventSet.
func (s *Set) Unwatch(w *file.Waiter) { s.poll.queue.Remove(w) }

// Settle implements file.EventSet.
func (s *Set) Settle() { s.poll.poller.settle() }

// Close implements file.EventSet.
func (s *Set) Close() {
	s.poll.close()
	unix.Close(s.poll.fd)
}
