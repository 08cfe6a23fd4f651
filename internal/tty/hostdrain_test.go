package tty

import (
	"testing"

	"golang.org/x/sys/unix"

	"toaster/internal/file"
	"toaster/internal/filetest"
	"toaster/netbsd"
)

// TIOCDRAIN ends with EINTR (ttywait); the host's wait cannot be ended, and there is one for all, however often they come back.
func TestHostDrainsOnce(t *testing.T) {
	d := onHost(t)
	_, slave := hostPair(t)
	h, errno := d.HostTTY(int(slave.Fd()))
	if errno != 0 {
		t.Fatal(errno)
	}
	begun, end := make(chan bool, 10), make(chan error)
	old := drainHost
	defer func() { drainHost = old }()
	drainHost = func(int) error { begun <- true; return <-end }
	first, _ := h.startDrain()
	l := filetest.NewSleeper()
	for range 5 {
		l.Signal <- netbsd.EINTR
		if errno := h.drain(file.Call{L: l}); errno != netbsd.EINTR {
			t.Errorf("interrupted: %s", errno.Name())
		}
	}
	for _, c := range []struct {
		err  error
		want netbsd.Errno
	}{{unix.EIO, 0}, {nil, 0}, {unix.ENOTTY, netbsd.ENOTTY}} {
		dr, _ := h.startDrain()
		if first != nil && dr != first {
			t.Fatal("the host waits more than once")
		}
		first = nil
		<-begun
		end <- c.err
		if <-dr.done; dr.errno != c.want {
			t.Errorf("%v: %s", c.err, dr.errno.Name())
		}
	}
	drained := make(chan netbsd.Errno)
	go func() { drained <- h.drain(file.Call{L: filetest.NewSleeper()}) }()
	<-begun
	end <- nil
	if errno := <-drained; errno != 0 {
		t.Errorf("drained: %s", errno.Name())
	}
}
