package hostfile

import (
	"golang.org/x/sys/unix"

	"toaster/netbsd"
)

// This file says what of the host's files may be lent to a guest's host process (file.Lendable):
// regular files that the kernel has opened for the guest by name. A description that somebody
// else has, too, such as the user's standard input, is never lent, nor what is no plain data: a
// file of procfs asks who reads it.

// MayLend implements file.Lendable.
func (f *File) MayLend() bool {
	return f.mode == unix.S_IFREG && f.kind == kindDirect && f.origin != nil && !f.foreign && f.shared < 0
}

// Gone implements file.Lendable.
func (f *File) Gone() bool { return f.gone.Load() }

// LendFD implements file.Lendable.
func (f *File) LendFD(flags int) (int, bool) {
	if !f.MayLend() || f.Gone() || f.clearSetID && flags&netbsd.O_ACCMODE != netbsd.O_RDONLY {
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

// lendMagic are file systems of the host's own, which wait for nobody else but the disk: a
// signal reaches a thread that reads there as soon as that has answered.
var lendMagic = map[int64]bool{
	unix.EXT4_SUPER_MAGIC: true, unix.XFS_SUPER_MAGIC: true, unix.BTRFS_SUPER_MAGIC: true, unix.F2FS_SUPER_MAGIC: true,
	unix.TMPFS_MAGIC: true, unix.RAMFS_MAGIC: true, unix.OVERLAYFS_SUPER_MAGIC: true,
}

// unlockLent gives up the lock of flock(2): a process that was killed may have the file for a moment
// longer, and who waits for the lock is told now.
func (f *File) unlockLent() {
	if f.lent.Load() && !f.handed.Load() {
		unix.Flock(f.fd, unix.LOCK_UN)
	}
}
