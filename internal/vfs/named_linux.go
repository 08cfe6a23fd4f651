package vfs

import (
	"cmp"
	"sync"

	"golang.org/x/sys/unix"

	"toaster/internal/file"
	"toaster/internal/hostfile"
	"toaster/netbsd"
)

// Below a root a FIFO is a pipe inside the machine: to open the host's would be to talk to
// whoever has it open out there.

// fifoTable has the FIFOs of a tree that are open, or about to be. The descriptor by which
// each file knows its inode keeps the host from giving the number to another.
type fifoTable struct {
	mu   sync.Mutex
	open map[file.Inode]*namedFifo
}

type namedFifo struct {
	*file.Fifo
	users int
}

// get returns the FIFO of an inode until put is called.
func (t *fifoTable) get(id file.Inode) (f *file.Fifo, put func()) {
	t.mu.Lock()
	defer t.mu.Unlock()
	n := t.open[id]
	if n == nil {
		if t.open == nil {
			t.open = map[file.Inode]*namedFifo{}
		}
		n = &namedFifo{Fifo: file.NewFifo()}
		t.open[id] = n
	}
	n.users++
	return n.Fifo, func() {
		t.mu.Lock()
		defer t.mu.Unlock()
		if n.users--; n.users == 0 {
			delete(t.open, id)
		}
	}
}

// openFifo opens a FIFO below a root, and waits for its other end. n is its own from then
// on, even if it fails.
func (l *lookup) openFifo(n node, st *unix.Stat_t, flags int) (*file.Description, error) {
	fifo, put := l.tree.fifos.get(hostfile.InodeOf(st))
	name, opened := hostfile.NewUnopened(n.fd, st.Mode, &n.mnt.origin), false
	// Deferred: who is killed while waiting leaves by Goexit.
	defer func() {
		if !opened {
			name.Close()
			put()
		}
	}()
	if err := cmp.Or(l.allowAccess(n, openRights(flags)), l.widenTo(n, openRights(flags))); err != nil {
		return nil, err
	}
	if err := l.as(func() error { return n.access(flags) }); err != nil {
		return nil, err
	}
	f, errno := fifo.Open(l.v.L, flags, name, put)
	if errno != 0 {
		return nil, errno
	}
	opened = true
	d := l.newDescription(f, flags)
	return d, l.finishOpen(d, func() error { return asError(openLock(l.v, d, flags)) })
}

// access asks the host whether it would open the file, as flags say.
func (n node) access(flags int) error {
	want := uint32(unix.R_OK)
	switch flags & netbsd.O_ACCMODE {
	case netbsd.O_WRONLY:
		want = unix.W_OK
	case netbsd.O_RDWR:
		want |= unix.W_OK
	}
	return unix.Faccessat(unix.AT_FDCWD, hostfile.ProcPath(n.fd), want, unix.AT_EACCESS)
}
