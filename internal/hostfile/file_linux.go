package hostfile

import (
	"strconv"
	"sync/atomic"

	"golang.org/x/sys/unix"

	"toaster/internal/file"
	"toaster/internal/hostlimits"
	"toaster/netbsd"
)

// hostFile is an open file of the host: a regular file, a directory, a device,
// a FIFO, the standard streams. The host's description holds the offset, so a
// stream shared with host programs moves for all of them.
type File struct {
	file.Base
	fd   int
	mode uint32 // S_IFMT of the file
	kind hostKind
	poll pollDesc

	// shared is the blocking description that a reopened file was made from,
	// for host programs; -1 if there is none.
	shared int

	// tame: a write takes the set-id bits off the file.
	clearSetID bool

	setIDs atomic.Int64 // of the tree's marks when it was opened

	// appends is twice the count of the tree's marks (owners.Table.Appends) that the file was last looked at for, and 1 more if
	// it was append-only then.
	appends atomic.Int64

	// foreign: owner, mode and times are not the guest's to change.
	foreign bool

	lent   atomic.Bool // it has been lent to a host process
	gone   atomic.Bool // it has been revoked
	handed atomic.Bool // a program of the host has its description

	origin *file.Origin

	closed func() // called at the end; nil: nobody hears of it
}

// hostKind says how not to block in the host: a thread of toaster's that hangs in a call
// for a guest is one less for all others, and Go makes another in its place.
type hostKind int8

const (
	// kindDirect never makes the caller wait long: regular files, directories, disks.
	kindDirect hostKind = iota
	// kindNonblock is a description of the kernel's own with O_NONBLOCK set.
	kindNonblock
	// kindShared is somebody else's description, whose flags are not the
	// kernel's to set: asked for readiness before each transfer.
	kindShared
	// kindNowait is a pipe of the kernel's own whose O_NONBLOCK is the guest's, as its host process may
	// have it, too: here each transfer says that it does not wait.
	kindNowait
)

// New makes a File of a host descriptor that is the kernel's alone, opened with
// the host's O_NONBLOCK where that makes a difference. It owns fd from then on, even if
// it fails.
func (h *Host) New(fd int) (*File, netbsd.Errno) {
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		unix.Close(fd)
		return nil, Errno(err)
	}
	return h.NewIn(fd, st.Mode, nil), 0
}

// NewIn is New for a file that was found in a tree, and whose mode is known.
func (h *Host) NewIn(fd int, mode uint32, o *file.Origin) *File {
	f := &File{origin: o}
	f.init(h, fd, mode, kindDirect)
	if f.pollable() {
		if err := unix.SetNonblock(fd, true); err == nil {
			f.kind = kindNonblock
		}
	}
	return f
}

// OnClose has a new file call closed at its end, if that is not nil.
func (f *File) OnClose(closed func()) { f.closed = closed }

// Origin is where the file was found, nil if it wasn't found by name.
func (f *File) Origin() *file.Origin { return f.origin }

// Directory reports whether it is one.
func (f *File) Directory() bool { return f.mode == unix.S_IFDIR }

// Fixed is why owner, mode and times are not the guest's to change; 0 if they are.
func (f *File) Fixed() netbsd.Errno {
	if f.foreign {
		return netbsd.EPERM
	}
	return f.origin.Fixed()
}

// init makes a new File one of fd, which it owns from then on.
func (f *File) init(h *Host, fd int, mode uint32, kind hostKind) {
	f.fd, f.mode, f.kind, f.shared = fd, mode&unix.S_IFMT, kind, -1
	f.poll.fd, f.poll.poller = fd, &h.poller
}

// InitSocket makes a new File, which is part of a socket, one of fd. It owns fd, which
// does not block, from then on.
func (f *File) InitSocket(h *Host, fd int) { f.init(h, fd, unix.S_IFSOCK, kindNonblock) }

// IsSocket reports whether it is one of the host's.
func (f *File) IsSocket() bool { return f.mode == unix.S_IFSOCK }

// pollable reports whether reading may have to wait for somebody else.
func (f *File) pollable() bool {
	switch f.mode {
	case unix.S_IFIFO, unix.S_IFSOCK, unix.S_IFCHR:
		return true
	}
	return false
}

func (f *File) HostFD() (int, bool) { return f.fd, true }

// FD is the host descriptor, which stays the file's; -1 while it is suspended.
func (f *File) FD() int { return f.fd }

// Suspend closes the descriptor of a file that Resume will give another one. Preconditions:
// nobody uses the file, nor will before Resume.
func (f *File) Suspend() {
	f.poll.close()
	unix.Close(f.fd)
	f.fd = -1
}

// Resume ends a suspension with a descriptor of the same file, which it owns from then on.
func (f *File) Resume(fd int) {
	f.fd = fd
	f.poll.reopen(fd)
}

// TryFlock implements file.Flocker; no socket can be locked. The numbers of LOCK_SH,
// LOCK_EX and LOCK_UN are the host's.
func (f *File) TryFlock(kind int) netbsd.Errno {
	if f.mode == unix.S_IFSOCK {
		return netbsd.EOPNOTSUPP
	}
	return Errno(Retry(func() error { return unix.Flock(f.fd, kind|unix.LOCK_NB) }))
}

// export returns a descriptor for a host program, which expects to block.
func (f *File) export() (int, error) {
	f.handed.Store(true)
	if f.shared >= 0 {
		return unix.FcntlInt(uintptr(f.shared), unix.F_DUPFD_CLOEXEC, 0)
	}
	if (f.kind == kindNonblock || f.kind == kindNowait) && f.mode != unix.S_IFSOCK {
		fl, err := unix.FcntlInt(uintptr(f.fd), unix.F_GETFL, 0)
		if err == nil {
			fd, err := unix.Open("/proc/self/fd/"+strconv.Itoa(f.fd), fl&unix.O_ACCMODE|unix.O_NOCTTY|unix.O_CLOEXEC, 0)
			if err == nil {
				return fd, nil
			}
		}
	}
	return unix.FcntlInt(uintptr(f.fd), unix.F_DUPFD_CLOEXEC, 0)
}

// ReadsWhole implements file.Whole.
func (f *File) ReadsWhole() bool { return f.kind == kindDirect }

// AsyncEvents implements file.Asynchronous: what comes in on sockets and pipes of the host.
func (f *File) AsyncEvents() file.Events {
	if f.mode == unix.S_IFSOCK || f.mode == unix.S_IFIFO {
		return file.Readable
	}
	return 0
}

// Regular tells kevent(2) that the file has an end.
func (f *File) Regular() bool { return f.mode == unix.S_IFREG }

func (f *File) Close() {
	f.poll.close()
	if f.fd >= 0 {
		f.unlockLent()
		unix.Close(f.fd)
	}
	if f.shared >= 0 {
		unix.Close(f.shared)
	}
	if f.closed != nil {
		f.closed()
	}
}

// Restart sends sleepers back to their descriptors.
func (f *File) Restart(t *file.Table) { f.poll.queue.Restart(t) }

// Notify tells those who watch f what the host does not.
func (f *File) Notify(ev file.Events) { f.poll.queue.Notify(ev) }

func (f *File) Watch(w *file.Waiter)   { f.poll.watch(w) }
func (f *File) Unwatch(w *file.Waiter) { f.poll.queue.Remove(w) }

// WatchRestart has w hear of Restart; of what happens to f it hears only if others have f watched.
func (f *File) WatchRestart(w *file.Waiter) { f.poll.queue.Add(w) }

func (f *File) Poll(want file.Events) file.Events {
	if f.kind == kindDirect && !f.pollable() {
		return want & (file.In | file.Out | file.RdNorm)
	}
	ev := pollNow(f.fd, want)
	if f.mode == unix.S_IFIFO && ev&(file.Hup|file.Err) != 0 {
		return f.pollEnded(ev, want)
	}
	return ev
}

// pollEnded returns what a pipe says whose other end is closed: POLLHUP, and that it can be read and written, whichever end it is (pipe_poll).
// Of a FIFO, which is what was found by name, who reads has POLLHUP, and who writes has room (fifo_poll). The host has Hup for readers, and Err
// for writers.
func (f *File) pollEnded(ev, want file.Events) file.Events {
	eof := want & file.RdHup
	if ev&file.Err != 0 {
		eof = want & file.WrHup
	}
	switch {
	case f.origin == nil:
		return file.Hup | eof | want&(file.In|file.RdNorm|file.Out)
	case ev&file.Err != 0:
		return eof | want&file.Out
	}
	return file.Hup | eof | want&(file.In|file.RdNorm)
}

func (f *File) Lseek(off int64, whence int) (int64, netbsd.Errno) {
	if whence < netbsd.SEEK_SET || whence > netbsd.SEEK_END {
		return 0, netbsd.EINVAL
	}
	if f.mode == unix.S_IFDIR {
		return f.seekDir(off, whence)
	}
	n, err := unix.Seek(f.fd, off, whence)
	return n, Errno(err)
}

func (f *File) Truncate(size int64) netbsd.Errno {
	if size < 0 {
		return netbsd.EINVAL
	}
	if f.mark().Flags&unchanging != 0 {
		return netbsd.EPERM // ufs_setattr
	}
	return Errno(retrySlow(func() error { return unix.Ftruncate(f.fd, size) }))
}

// Sync implements file.File. Nothing of a character device or a FIFO is kept for later (spec_fsync, fifofs), which the host will not be asked.
func (f *File) Sync() netbsd.Errno {
	if f.mode == unix.S_IFCHR || f.mode == unix.S_IFIFO && f.origin != nil {
		return 0
	}
	return Errno(retrySlow(func() error { return unix.Fsync(f.fd) }))
}

func (f *File) Chmod(mode uint32) netbsd.Errno {
	if errno := f.Fixed(); errno != 0 {
		return errno
	}
	if marksMode(f.origin, mode, f.mode) {
		return Errno(chmodMark(f.origin.Owners, f.fd, mode))
	}
	return Errno(unix.Fchmod(f.fd, f.origin.HostMode(mode&0o7777, f.mode)))
}

func (f *File) Chown(uid, gid int) netbsd.Errno {
	if errno := f.Fixed(); errno != 0 {
		return errno
	}
	if o := f.origin.Marks(); o.On() {
		return Errno(ChownMark(o, f.fd, uid, gid))
	}
	return Errno(unix.Fchown(f.fd, uid, gid))
}

func (f *File) Utimens(atime, mtime file.Timeset) netbsd.Errno {
	if errno := f.Fixed(); errno != 0 {
		return errno
	}
	ts := [2]unix.Timespec{HostTime(atime), HostTime(mtime)}
	return Errno(utimensFD(f.fd, &ts))
}

// SetFlags passes O_APPEND on: the host's description is where the position is. So it does with O_NONBLOCK of what is
// lent.
func (f *File) SetFlags(flags int) netbsd.Errno {
	if f.kind == kindNowait {
		return Errno(unix.SetNonblock(f.fd, flags&netbsd.O_NONBLOCK != 0))
	}
	if f.mode != unix.S_IFREG {
		return 0
	}
	cur, err := unix.FcntlInt(uintptr(f.fd), unix.F_GETFL, 0)
	if err != nil {
		return Errno(err)
	}
	next := cur &^ unix.O_APPEND
	if flags&netbsd.O_APPEND != 0 {
		next |= unix.O_APPEND
	}
	if next == cur {
		return 0
	}
	_, err = unix.FcntlInt(uintptr(f.fd), unix.F_SETFL, next)
	return Errno(err)
}

// Revoke takes the file away if it is this one (genfs_revoke): what reads or writes it from now on is EIO
// (dead_read, dead_write). The descriptor becomes one that names the file and no more; mappings stay.
func (f *File) Revoke(id file.Inode) {
	var st unix.Stat_t
	if f.kind != kindDirect || unix.Fstat(f.fd, &st) != nil || InodeOf(&st) != id {
		return
	}
	f.gone.Store(true)
	if dead, err := unix.Open(ProcPath(f.fd), unix.O_PATH|unix.O_CLOEXEC, 0); err == nil {
		unix.Dup3(dead, f.fd, unix.O_CLOEXEC)
		unix.Close(dead)
	}
}

// retrySlow is Retry for what may take long, see transfer.
func retrySlow(call func() error) error {
	hostlimits.Enter()
	defer hostlimits.Leave()
	return Retry(call)
}

// Retry repeats a host call that a host signal interrupted; the Go runtime's
// preemption signals do that.
func Retry(call func() error) error {
	for {
		if err := call(); err != unix.EINTR {
			return err
		}
	}
}
