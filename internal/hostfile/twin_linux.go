package hostfile

import (
	"sync"

	"golang.org/x/sys/unix"
)

// hostTwin is the host's own device, opened when a host program inherits one
// that the kernel serves to guests.
type hostTwin struct {
	name string
	mu   sync.Mutex
	fd   int
	open bool
}

func (h *hostTwin) get() (int, bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if !h.open {
		fd, err := unix.Open(h.name, unix.O_RDWR|unix.O_CLOEXEC, 0)
		if err != nil {
			fd, err = unix.Open(h.name, unix.O_RDONLY|unix.O_CLOEXEC, 0)
		}
		if err != nil {
			return -1, false
		}
		h.fd, h.open = fd, true
	}
	return h.fd, true
}

func (h *hostTwin) close() {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.open {
		unix.Close(h.fd)
		h.open = false
	}
}
