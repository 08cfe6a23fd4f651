package socket

import (
	"golang.org/x/sys/unix"

	"toaster/internal/file"
	"toaster/internal/hostfile"
	"toaster/netbsd"
)

// This file turns what came through a local socket into open files again, and knows
// what becomes of a socket meanwhile.

// unpack makes open files of a control message (unp_externalize). What none of the
// machine's own came from is a file of the host's. EPERM: among them is a directory
// from outside the guests' root, and none is received. told is what came beside files.
func (k *Stack) unpack(oob []byte) (got []*file.Description, told []netbsd.Cmsg, errno netbsd.Errno) {
	var (
		tokens []*token
		denied bool
	)
	for _, fd := range descriptors(oob) {
		d, t, errno := k.received(fd)
		if t != nil {
			tokens = append(tokens, t)
			told = append(told, t.told...)
		}
		if d != nil {
			got = append(got, d)
		}
		denied = denied || errno == netbsd.EPERM
	}
	for _, t := range tokens {
		k.rights.dropIfLost(t) // unless the message was only looked at
	}
	if denied {
		(&Message{Rights: got}).Release()
		return nil, nil, netbsd.EPERM
	}
	return got, told, 0
}

// descriptors are those that a control message of the host has brought.
func descriptors(oob []byte) (fds []int) {
	msgs, err := unix.ParseSocketControlMessage(oob)
	if err != nil {
		return nil
	}
	for i := range msgs {
		if some, err := unix.ParseUnixRights(&msgs[i]); err == nil {
			fds = append(fds, some...)
		}
	}
	return fds
}

// received makes an open file of fd, which it takes or closes, and says which token it was.
func (k *Stack) received(fd int) (*file.Description, *token, netbsd.Errno) {
	id, errno := inodeOf(fd)
	if errno != 0 {
		unix.Close(fd)
		return nil, nil, errno
	}
	d, t := k.rights.find(id, &fd)
	if d == nil && t == nil {
		d, errno = k.fromOutside(fd)
	}
	if fd >= 0 {
		unix.Close(fd)
	}
	return d, t, errno
}

// find looks up what came. A socket that is suspended takes fd for its own.
func (r *rights) find(id file.Inode, fd *int) (*file.Description, *token) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if t := r.tokens[id]; t != nil {
		if t.seal {
			return nil, t
		}
		return t.files[0].Ref(), t
	}
	d := r.sockets[id]
	if d == nil {
		return nil, nil
	}
	if h := flier(d); h.FD() < 0 {
		h.Resume(*fd)
		*fd = -1
	}
	return d.Ref(), nil
}

// fromOutside makes an open file of what a program of the host has sent.
func (k *Stack) fromOutside(fd int) (*file.Description, netbsd.Errno) {
	d, errno := k.host.Inherit(fd)
	if errno != 0 || !k.confined {
		return d, errno
	}
	if d.Directory() {
		d.Release()
		return nil, netbsd.EPERM
	}
	hostfile.Confine(d)
	return d, 0
}

// LeftInFlight implements file.Carrier: a socket is suspended.
func (r *rights) LeftInFlight(d *file.Description) {
	if h := flier(d); h != nil && r.suspend(d, h) {
		collectInHost()
	}
}

// rest closes the kernel's descriptor of the socket d, unless somebody has it after all.
func (r *rights) suspend(d *file.Description, h *hostfile.File) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	// Who receives it meanwhile does so with the lock, and has a reference afterwards.
	if !d.InFlightOnly() || h.FD() < 0 {
		return false
	}
	h.Suspend()
	return true
}

// collectInHost has the host look for cycles, which it does whenever a local socket ends.
func collectInHost() {
	if fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0); err == nil {
		unix.Close(fd)
	}
}
