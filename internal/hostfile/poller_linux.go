package hostfile

import (
	"os"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"toaster/internal/file"
	"toaster/internal/guard"
)

// The poller is the one place where a machine waits for host descriptors: an epoll
// instance, itself watched by the Go runtime, so that neither a sleeping guest nor the
// poller costs a host thread.

// pollDesc is a host descriptor's registration. It is armed, edge-triggered,
// while somebody watches; an event that finds no watcher disarms it, so that a
// busy stream that nobody sleeps on costs no wakeups.
type pollDesc struct {
	queue  file.Queue
	poller *poller // set once
	fd     int

	mu     sync.Mutex // guards what follows
	key    int32      // 0: never registered
	epfd   int        // where it is registered
	armed  bool
	closed bool
	always bool // epoll can't watch it: always ready
	again  bool // armAgain is on its way
}

// poller runs from the first file that is watched until its machine has left and no file
// that was watched is open.
type poller struct {
	harvesting sync.Mutex // held from when events are taken to when all are told

	mu   sync.Mutex
	left bool // the machine is closed
	next int32
	desc map[int32]*pollDesc
	f    *os.File // the epoll instance, nil while it does not run
	epfd int      // its descriptor
}

const edges = unix.EPOLLIN | unix.EPOLLOUT | unix.EPOLLPRI | unix.EPOLLRDHUP | unix.EPOLLET

func (p *poller) startLocked() error {
	epfd, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return err
	}
	// os.NewFile leaves a nonblocking descriptor to the runtime's poller.
	unix.SetNonblock(epfd, true)
	f := os.NewFile(uintptr(epfd), "epoll")
	rc, err := f.SyscallConn()
	if err != nil {
		f.Close()
		return err
	}
	p.f, p.epfd, p.desc = f, epfd, map[int32]*pollDesc{}
	go rc.Read(func(fd uintptr) bool { p.harvest(int(fd)); return false }) // until stopLocked
	return nil
}

// stopLocked says what to close if nobody is left. That waits for what harvest is about,
// which may want any lock.
func (p *poller) stopLocked() *os.File {
	if !p.left || len(p.desc) > 0 {
		return nil
	}
	f := p.f
	p.f = nil
	return f
}

// leave is called when the machine is closed.
func (p *poller) leave() {
	stop := func() *os.File {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.left = true
		return p.stopLocked()
	}
	stop().Close() // of a nil file does nothing
}

// harvest reports everything that has happened.
func (p *poller) harvest(epfd int) {
	for p.harvestSome(epfd) {
	}
}

// harvestMost is how many events are taken at once.
const harvestMost = 64

// harvestSome reports some of what has happened, what happened first, and whether there may be more.
func (p *poller) harvestSome(epfd int) (more bool) {
	p.harvesting.Lock()
	defer p.harvesting.Unlock()
	var evs [harvestMost]unix.EpollEvent
	n, err := unix.EpollWait(epfd, evs[:], 0)
	for err == unix.EINTR {
		n, err = unix.EpollWait(epfd, evs[:], 0)
	}
	for i := range max(n, 0) {
		if d := p.find(evs[i].Fd); d != nil {
			guard.Report(guard.Catch("an event of the host was passed on", func() { d.event(evs[i].Events) }))
		}
	}
	return n > 0
}

// settle returns when all that the host has reported has been told. What guests make happen meanwhile is not waited for, as that may
// never end: each descriptor that is watched has one event at most, and one that comes again comes last. Preconditions: the machine is not closed.
func (p *poller) settle() {
	p.mu.Lock()
	f, epfd, watched := p.f, p.epfd, len(p.desc)
	p.mu.Unlock()
	for i := 0; f != nil && i <= watched/harvestMost && p.harvestSome(epfd); i++ {
	}
}

// find returns nil for what was closed after the host had reported it. Keys go round and
// are not descriptors, whose numbers the host reuses at once: an event that is late would
// reach another file.
func (p *poller) find(key int32) *pollDesc {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.desc[key]
}

// event passes a host event on, or disarms the descriptor if nobody watches.
func (d *pollDesc) event(bits uint32) {
	if d.queue.Empty() {
		d.disarm()
		return
	}
	d.queue.Notify(hostEvents(bits))
}

// disarm looks again whether nobody watches, with mu, which watch needs to arm: a watcher
// that has come meanwhile finds it disarmed and arms it.
func (d *pollDesc) disarm() {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.queue.Empty() && d.armed && !d.closed {
		d.armed = false
		ev := unix.EpollEvent{Fd: d.key, Events: unix.EPOLLET}
		unix.EpollCtl(d.epfd, unix.EPOLL_CTL_MOD, d.fd, &ev)
	}
}

// hostEvents converts the bits of epoll or poll; but for the write band and
// RDHUP both systems agree.
func hostEvents(bits uint32) file.Events {
	ev := file.Events(bits) & (file.In | file.Pri | file.Out | file.Err | file.Hup | file.RdNorm | file.RdBand)
	if bits&unix.EPOLLRDHUP != 0 {
		ev |= file.RdHup
	}
	if ev&file.In != 0 {
		ev |= file.RdNorm
	}
	return ev
}

// watch adds w and makes sure that events come. A state that holds already is
// reported again by arming, which the caller may or may not hear.
func (d *pollDesc) watch(w *file.Waiter) {
	d.queue.Add(w)
	d.mu.Lock()
	defer d.mu.Unlock()
	d.armLocked()
}

// armLocked has the host report what comes, unless it does.
func (d *pollDesc) armLocked() {
	if d.armed || d.always || d.closed {
		return
	}
	switch err := d.controlLocked(); {
	case err == nil:
		d.armed = true
	case err == unix.EPERM:
		d.always = true
	case !d.again:
		d.again = true
		time.AfterFunc(armPause, func() { guard.Report(guard.Catch("a descriptor was armed", d.armAgain)) })
	}
}

// controlLocked orders what armLocked wants. It leaves nothing registered that was not before if it fails.
func (d *pollDesc) controlLocked() error {
	if d.key != 0 {
		return unix.EpollCtl(d.epfd, unix.EPOLL_CTL_MOD, d.fd, &unix.EpollEvent{Fd: d.key, Events: edges})
	}
	if err := d.poller.register(d); err != nil {
		return err
	}
	err := unix.EpollCtl(d.epfd, unix.EPOLL_CTL_ADD, d.fd, &unix.EpollEvent{Fd: d.key, Events: edges})
	if err != nil {
		d.poller.unregister(d.key)
		d.key = 0
	}
	return err
}

// armPause is how long who watches waits until he is told something, where the host has no memory, descriptors or watches left.
const armPause = 50 * time.Millisecond

// armAgain tries again to have the host report what comes to d, and meanwhile asks what is there: who sleeps would never be woken.
func (d *pollDesc) armAgain() {
	var ev file.Events
	guard.Locked(&d.mu, func() {
		d.again = false
		if d.closed || d.queue.Empty() {
			return
		}
		if d.armLocked(); !d.armed {
			ev = pollNow(d.fd, ^file.Events(0))
		}
	})
	d.queue.Notify(ev)
}

// register enters d, which is locked, under a key of its own in the poller; the poller runs
// as long as d has the key.
func (p *poller) register(d *pollDesc) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.f == nil {
		if err := p.startLocked(); err != nil {
			return err
		}
	}
	for {
		if p.next++; p.next <= 0 {
			p.next = 1
		}
		if p.desc[p.next] == nil {
			p.desc[p.next] = d
			d.key, d.epfd = p.next, p.epfd
			return nil
		}
	}
}

// close forgets the registration; called before the descriptor is closed.
func (d *pollDesc) close() {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		return
	}
	d.closed = true
	if d.key == 0 {
		return
	}
	unix.EpollCtl(d.epfd, unix.EPOLL_CTL_DEL, d.fd, nil)
	d.poller.unregister(d.key)
}

// unregister forgets a key.
func (p *poller) unregister(key int32) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.desc, key)
	if f := p.stopLocked(); f != nil {
		go f.Close()
	}
}

// reopen makes a closed registration one of fd. Who watches, such as O_ASYNC, goes on.
func (d *pollDesc) reopen(fd int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.fd, d.key = fd, 0
	d.armed, d.closed, d.always = false, false, false
	if !d.queue.Empty() {
		d.armLocked()
	}
}
