package file

import (
	"strconv"

	"golang.org/x/sys/unix"

	"toaster/internal/hostlimits"
	"toaster/netbsd"
)

// hostFile is an open file of the host: a regular file, a directory, a device,
// a FIFO, the standard streams. The host's description holds the offset, so a
// stream shared with host programs moves for all of them.
type hostFile struct {
	Base
	fd   int
	mode uint32 // S_IFMT of the file
	kind hostKind
	poll pollDesc

	// shared is the blocking description that a reopened file was made from,
	// for host programs; -1 if there is none.
	shared int

	// tame: a write takes the set-id bits off the file.
	tame bool

	// Of a socket that is, or was, in flight; rights.mu guards them, and fd, which is -1
	// while it rests.
	rights *rights
	ino    inode

	// foreign: owner, mode and times are not the guest's to change.
	foreign bool

	origin *Origin
}

// hostKind says how not to block in the host.
type hostKind int8

const (
	// kindDirect never makes us wait long: regular files, directories, disks.
	kindDirect hostKind = iota
	// kindNonblock is a description of our own with O_NONBLOCK set.
	kindNonblock
	// kindShared is somebody else's description, whose flags aren't ours to
	// set: asked for readiness before each transfer.
	kindShared
)

// NewHost makes a File of a host descriptor that is ours alone, opened with
// the host's O_NONBLOCK where that makes a difference. It owns fd from then on.
func NewHost(fd int) (File, netbsd.Errno) {
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		unix.Close(fd)
		return nil, Errno(err)
	}
	return NewHostIn(fd, st.Mode, nil), 0
}

// NewHostIn is NewHost for a file that was found in a tree, and whose mode is known.
func NewHostIn(fd int, mode uint32, o *Origin) File {
	f := &hostFile{fd: fd, mode: mode & unix.S_IFMT, poll: pollDesc{fd: fd}, shared: -1, origin: o}
	if f.pollable() {
		if err := unix.SetNonblock(fd, true); err == nil {
			f.kind = kindNonblock
		}
	}
	return f
}

// Origin is where the file was found, nil if it wasn't found by name.
func (f *hostFile) Origin() *Origin { return f.origin }

// Directory reports whether it is one.
func (f *hostFile) Directory() bool { return f.mode == unix.S_IFDIR }

// fixed is why owner, mode and times are not the guest's to change; 0 if they are.
func (f *hostFile) fixed() netbsd.Errno {
	if f.foreign {
		return netbsd.EPERM
	}
	return f.origin.fixed()
}

func newHostFile(fd int) (*hostFile, netbsd.Errno) {
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return nil, Errno(err)
	}
	return &hostFile{fd: fd, mode: st.Mode & unix.S_IFMT, poll: pollDesc{fd: fd}, shared: -1}, 0
}

// pollable reports whether reading may have to wait for somebody else.
func (f *hostFile) pollable() bool {
	switch f.mode {
	case unix.S_IFIFO, unix.S_IFSOCK, unix.S_IFCHR:
		return true
	}
	return false
}

func (f *hostFile) HostFD() (int, bool) { return f.fd, true }

func (f *hostFile) ownFD() int { return f.fd }

// export gives a descriptor for a host program, which expects to block.
func (f *hostFile) export() (int, error) {
	if f.shared >= 0 {
		return unix.FcntlInt(uintptr(f.shared), unix.F_DUPFD_CLOEXEC, 0)
	}
	if f.kind == kindNonblock && f.mode != unix.S_IFSOCK {
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

// Regular tells kevent(2) that the file has an end.
func (f *hostFile) Regular() bool { return f.mode == unix.S_IFREG }

func (f *hostFile) Close() {
	f.poll.close()
	if f.fd >= 0 {
		unix.Close(f.fd)
	}
	if f.shared >= 0 {
		unix.Close(f.shared)
	}
}

// Restart sends sleepers back to their descriptors.
func (f *hostFile) Restart(t *Table) { f.poll.queue.Restart(t) }

func (f *hostFile) Watch(w *Waiter)   { f.poll.watch(w) }
func (f *hostFile) Unwatch(w *Waiter) { f.poll.queue.Remove(w) }

func (f *hostFile) Poll(want Events) Events {
	if f.kind == kindDirect && !f.pollable() {
		return want & (In | Out | RdNorm)
	}
	return pollNow(f.fd, want)
}

func (f *hostFile) Lseek(off int64, whence int) (int64, netbsd.Errno) {
	if whence < netbsd.SEEK_SET || whence > netbsd.SEEK_END {
		return 0, netbsd.EINVAL
	}
	if f.mode == unix.S_IFDIR {
		return f.seekDir(off, whence)
	}
	n, err := unix.Seek(f.fd, off, whence)
	return n, Errno(err)
}

func (f *hostFile) Truncate(size int64) netbsd.Errno {
	if size < 0 {
		return netbsd.EINVAL
	}
	return Errno(retrySlow(func() error { return unix.Ftruncate(f.fd, size) }))
}

func (f *hostFile) Sync() netbsd.Errno {
	return Errno(retrySlow(func() error { return unix.Fsync(f.fd) }))
}

func (f *hostFile) Chmod(mode uint32) netbsd.Errno {
	if errno := f.fixed(); errno != 0 {
		return errno
	}
	return Errno(unix.Fchmod(f.fd, f.origin.HostMode(mode&0o7777, f.mode)))
}

func (f *hostFile) Chown(uid, gid int) netbsd.Errno {
	if errno := f.fixed(); errno != 0 {
		return errno
	}
	return Errno(unix.Fchown(f.fd, uid, gid))
}

func (f *hostFile) Utimens(atime, mtime Timeset) netbsd.Errno {
	if errno := f.fixed(); errno != 0 {
		return errno
	}
	ts := [2]unix.Timespec{HostTime(atime), HostTime(mtime)}
	return Errno(utimensFD(f.fd, &ts))
}

// SetFlags passes O_APPEND on: the host's description is where the position is.
func (f *hostFile) SetFlags(flags int) netbsd.Errno {
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

// retrySlow is retry for what may take long, see transfer.
func retrySlow(call func() error) error {
	hostlimits.Enter()
	defer hostlimits.Leave()
	return retry(call)
}

// retry repeats a host call that a host signal interrupted; the Go runtime's
// preemption signals do that.
func retry(call func() error) error {
	for {
		if err := call(); err != unix.EINTR {
			return err
		}
	}
}
