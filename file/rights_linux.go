package file

import (
	"sync"

	"golang.org/x/sys/unix"

	"toaster/netbsd"
)

// Descriptors on their way through a local socket (SCM_RIGHTS). An open file of
// ours is no descriptor of the host's, so a token goes in its place: the read end
// of a host pipe, which the receiving side knows by its inode. While the message
// waits in the host's queue the token holds a reference; should the message be
// thrown away unread, the pipe's other end hears that nobody reads any more, and
// the reference goes.

// token is one open file on its way.
type token struct {
	d   *Description
	end *hostFile // the write end, which hears of the token's loss
	w   Waiter
}

var tokens struct {
	mu   sync.Mutex
	sent map[inode]*token
}

// packRights makes tokens of open files, and a control message of tokens. The
// caller closes the descriptors once they are sent.
func packRights(s *Socket, rights []*Description) (oob []byte, fds []int, errno netbsd.Errno) {
	switch {
	case len(rights) == 0:
		return nil, nil, 0
	case s.family != netbsd.AF_LOCAL, len(rights) > maxRights:
		return nil, nil, netbsd.EINVAL
	}
	for _, d := range rights {
		fd, errno := newToken(d)
		if errno != 0 {
			closeAll(fds)
			return nil, nil, errno
		}
		fds = append(fds, fd)
	}
	return unix.UnixRights(fds...), fds, 0
}

func closeAll(fds []int) {
	for _, fd := range fds {
		unix.Close(fd)
	}
}

func newToken(d *Description) (int, netbsd.Errno) {
	fd, f, errno := halfPipe(1)
	if errno != 0 {
		return -1, errno
	}
	id, errno := inodeOf(fd)
	if errno != 0 {
		unix.Close(fd)
		f.Close()
		return -1, errno
	}
	t := &token{d: d.Ref(), end: f.(*hostFile)}
	tokens.mu.Lock()
	if tokens.sent == nil {
		tokens.sent = map[inode]*token{}
	}
	tokens.sent[id] = t
	tokens.mu.Unlock()
	// A separate goroutine: dropping the file must not happen under the
	// queue's lock.
	t.w = Waiter{Mask: Err | Hup, Fn: func(Events) { go dropToken(id, t) }}
	t.end.Watch(&t.w)
	return fd, 0
}

func inodeOf(fd int) (inode, netbsd.Errno) {
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return inode{}, Errno(err)
	}
	return inode{st.Dev, st.Ino}, 0
}

// dropToken ends a token whose last read end is closed.
func dropToken(id inode, t *token) {
	if pollNow(t.end.fd, 0)&(Err|Hup) == 0 {
		return
	}
	tokens.mu.Lock()
	mine := tokens.sent[id] == t
	if mine {
		delete(tokens.sent, id)
	}
	tokens.mu.Unlock()
	if mine {
		t.end.Unwatch(&t.w)
		t.end.Close()
		t.d.Release()
	}
}

// unpackRights gives the open files that came. What is no token came from a
// program of the host, and is a file of the host's.
func unpackRights(oob []byte) []*Description {
	msgs, err := unix.ParseSocketControlMessage(oob)
	if err != nil {
		return nil
	}
	var got []*Description
	for i := range msgs {
		fds, err := unix.ParseUnixRights(&msgs[i])
		if err != nil {
			continue
		}
		for _, fd := range fds {
			if d := received(fd); d != nil {
				got = append(got, d)
			}
			unix.Close(fd)
		}
	}
	return got
}

func received(fd int) *Description {
	id, errno := inodeOf(fd)
	if errno != 0 {
		return nil
	}
	tokens.mu.Lock()
	t := tokens.sent[id]
	tokens.mu.Unlock()
	if t != nil {
		return t.d.Ref()
	}
	d, errno := Inherit(fd)
	if errno != 0 {
		return nil
	}
	return d
}
