package hostfile

import (
	"testing"

	"golang.org/x/sys/unix"

	"toaster/internal/file"
	"toaster/internal/guard"
)

// epoll_ctl(2) and epoll_create1(2) fail for want of memory, descriptors or watches, too, which passes: who sleeps is woken nevertheless, and
// nothing but EPERM says that a file is always ready.
func TestPollerWithoutWatches(t *testing.T) {
	h := newHost(t)
	p := &h.poller
	other, _ := pipeOf(t, h)
	never := &file.Waiter{Mask: file.Readable, Fn: func(file.Events) {}}
	other.Watch(never) // has the poller run
	defer other.Unwatch(never)
	f, w := pipeOf(t, h)
	var epfd int
	guard.Locked(&p.mu, func() { epfd, p.epfd = p.epfd, -1 })
	told := make(chan file.Events, 1)
	waiter := &file.Waiter{Mask: file.Readable, Fn: func(ev file.Events) {
		select {
		case told <- ev:
		default:
		}
	}}
	f.Watch(waiter)
	defer f.Unwatch(waiter)
	unix.Write(w, []byte("x"))
	if ev := <-told; ev&file.In == 0 {
		t.Errorf("told %#x", ev)
	}
	guard.Locked(&p.mu, func() { p.epfd = epfd })
	for armed := false; !armed; {
		<-told
		guard.Locked(&f.poll.mu, func() { armed = f.poll.armed })
	}
	if f.poll.always {
		t.Error("it counts as always ready")
	}
}

// pipeOf makes a pipe of the host, the file to read from it and the descriptor to write to it.
func pipeOf(t *testing.T, h *Host) (*File, int) {
	t.Helper()
	var fds [2]int
	if err := unix.Pipe2(fds[:], unix.O_CLOEXEC|unix.O_NONBLOCK); err != nil {
		t.Fatal(err)
	}
	f, errno := h.New(fds[0])
	if errno != 0 {
		t.Fatal(errno)
	}
	t.Cleanup(func() { f.Close(); unix.Close(fds[1]) })
	return f, fds[1]
}
