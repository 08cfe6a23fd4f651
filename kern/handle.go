package kern

import (
	"sync/atomic"

	"toaster/netbsd"
)

// Handle names one process for ever, whatever becomes of its pid (Linux's pidfd,
// FreeBSD's procdesc). It does not reap: the parent still waits.
type Handle struct {
	p           *Proc
	killOnClose bool
	closed      atomic.Bool
}

// OpenHandle makes a handle of the process that has the pid now. With killOnClose
// the handle's Close kills it. ESRCH: there is none.
//
// Between the caller's learning of a pid and this call the pid may have become another
// process's; who made the process uses Proc.Handle.
func (m *Machine) OpenHandle(pid int, killOnClose bool) (*Handle, netbsd.Errno) {
	p := m.Find(pid)
	if p == nil {
		return nil, netbsd.ESRCH
	}
	return p.Handle(killOnClose), 0
}

// Handle makes a handle of p.
func (p *Proc) Handle(killOnClose bool) *Handle {
	return &Handle{p: p, killOnClose: killOnClose}
}

// Proc returns the process.
func (h *Handle) Proc() *Proc { return h.p }

// Pid returns the pid that the process had when it lived.
func (h *Handle) Pid() int { return h.p.Pid() }

// Signal sends sig; 0 only looks. ESRCH: the process has gone; EBADF: the handle is
// closed. It never reaches another process that got the pid.
func (h *Handle) Signal(sig netbsd.Signal) netbsd.Errno {
	if h.closed.Load() {
		return netbsd.EBADF
	}
	return h.p.Kill(sig)
}

// Done is closed when the process has exited.
func (h *Handle) Done() <-chan struct{} { return h.p.Done() }

// Wait blocks until the process has exited and returns its status.
func (h *Handle) Wait() netbsd.WaitStatus { return h.p.Wait() }

// Close ends the handle's use; with killOnClose the process gets SIGKILL. Closing
// again does nothing.
func (h *Handle) Close() {
	if !h.closed.Swap(true) && h.killOnClose {
		h.p.Kill(netbsd.SIGKILL)
	}
}
