package hostfile

import (
	"sync"

	"golang.org/x/sys/unix"

	"toaster/netbsd"
)

// This file says what of the host's files may be lent to a guest's host process (file.Lendable):
// regular files that the kernel has opened for the guest by name, and two devices. A description that somebody
// else has, too, such as the user's standard input, is never lent, nor what is no plain data: a
// file of procfs asks who reads it.

// MayLend implements file.Lendable.
func (f *File) MayLend() bool {
	return f.mode == unix.S_IFREG && f.kind == kindDirect && f.origin != nil && !f.foreign && f.shared < 0
}

// MayWait implements file.Lendable.
func (f *File) MayWait() bool { return false }

// Gone implements file.Lendable.
func (f *File) Gone() bool { return f.gone.Load() }

// LendFD implements file.Lendable.
func (f *File) LendFD(flags int) (int, bool) {
	if !f.MayLend() || f.Gone() || flags&netbsd.O_ACCMODE != netbsd.O_RDONLY && (f.clearSetID || f.appendOnly()) {
		return -1, false
	}
	fl, err := unix.FcntlInt(uintptr(f.fd), unix.F_GETFL, 0)
	if err != nil || fl&unix.O_ACCMODE != flags&netbsd.O_ACCMODE || fl&(unix.O_PATH|unix.O_DIRECT) != 0 {
		return -1, false
	}
	var st unix.Statfs_t
	if unix.Fstatfs(f.fd, &st) != nil || !lendMagic[int64(uint32(st.Type))] {
		return -1, false
	}
	f.lent.Store(true)
	return f.fd, true
}

// FlagsChanged reports whether the file may have become append-only since LendFD looked.
func (f *File) FlagsChanged() bool { return f.origin.Marks().Appends() != f.appends.Load()>>1 }

// lendMagic are file systems of the host's own, which wait for nobody else but the disk: a
// signal reaches a thread that reads there as soon as that has answered.
var lendMagic = map[int64]bool{
	unix.EXT4_SUPER_MAGIC: true, unix.XFS_SUPER_MAGIC: true, unix.BTRFS_SUPER_MAGIC: true, unix.F2FS_SUPER_MAGIC: true,
	unix.TMPFS_MAGIC: true, unix.RAMFS_MAGIC: true, unix.OVERLAYFS_SUPER_MAGIC: true,
}

// unlockLent releases the lock of flock(2): a process that was killed may have the file for a moment
// longer, and who waits for the lock is told now.
func (f *File) unlockLent() {
	if f.lent.Load() && !f.handed.Load() {
		unix.Flock(f.fd, unix.LOCK_UN)
	}
}

// lentTwin is the host's own device, opened with the rights of the guest's open file, to be lent: null(4)
// and zero(4) of the host do what NetBSD's do, positions included, and have no secrets.
type lentTwin struct {
	mu   sync.Mutex
	fd   int
	open bool
}

// A twin is a device of the host, by its name and number.
type twin struct {
	name string
	rdev uint64
}

var (
	nullTwin = twin{"/dev/null", unix.Mkdev(1, 3)}
	zeroTwin = twin{"/dev/zero", unix.Mkdev(1, 5)}
)

// get opens it the first time; false if the host has something else under that name.
func (l *lentTwin) get(t *twin, flags int) (int, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.open {
		return l.fd, true
	}
	fd, err := unix.Open(t.name, flags&netbsd.O_ACCMODE|unix.O_CLOEXEC|unix.O_NOCTTY, 0)
	if err != nil {
		return -1, false
	}
	var st unix.Stat_t
	if unix.Fstat(fd, &st) != nil || st.Mode&unix.S_IFMT != unix.S_IFCHR || st.Rdev != t.rdev {
		unix.Close(fd)
		return -1, false
	}
	l.fd, l.open = fd, true
	return fd, true
}

func (l *lentTwin) close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.open {
		unix.Close(l.fd)
		l.open = false
	}
}
