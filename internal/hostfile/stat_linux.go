package hostfile

import (
	"unsafe"

	"golang.org/x/sys/unix"

	"toaster/internal/file"
	"toaster/netbsd"
)

func (f *File) Stat() (file.Stat, netbsd.Errno) { return StatIn(f.fd, f.origin) }

// StatIn describes an open file that was found in a tree, as guests are to see it.
func StatIn(fd int, o *file.Origin) (file.Stat, netbsd.Errno) {
	st, errno := statx(fd, "", unix.AT_EMPTY_PATH)
	if errno == 0 {
		o.Marks().Show(fd, &st) // which knows files by when the host made them
		bornBefore(&st)
	}
	return st, errno
}

// StatAt describes a file of the host's as NetBSD's struct stat does.
func StatAt(dirfd int, path string, flags int) (file.Stat, netbsd.Errno) {
	st, errno := statx(dirfd, path, flags)
	bornBefore(&st)
	return st, errno
}

// bornBefore has a file be made no later than it was last written to: who sets the time of writing to one before that has the time of birth
// be the same (do_sys_utimensat). The host keeps its own, and once the file is written to again, that counts.
func bornBefore(st *file.Stat) {
	if st.Mtime.Sec < st.Btime.Sec || st.Mtime.Sec == st.Btime.Sec && st.Mtime.Nsec < st.Btime.Nsec {
		st.Btime = st.Mtime
	}
}

// statx is the host's call of the name. It is that for the time of birth and the flags, which the host's older calls do not know.
func statx(dirfd int, path string, flags int) (file.Stat, netbsd.Errno) {
	var st unix.Statx_t
	err := Retry(func() error {
		return unix.Statx(dirfd, path, flags, unix.STATX_BASIC_STATS|unix.STATX_BTIME, &st)
	})
	if err != nil {
		return file.Stat{}, Errno(err)
	}
	return convertStatx(&st), 0
}

func convertStatx(st *unix.Statx_t) file.Stat {
	s := file.Stat{
		Dev:     file.Mkdev(st.Dev_major, st.Dev_minor),
		Ino:     st.Ino,
		Mode:    uint32(st.Mode),
		Nlink:   st.Nlink,
		UID:     st.Uid,
		GID:     st.Gid,
		Rdev:    file.Mkdev(st.Rdev_major, st.Rdev_minor),
		Size:    int64(st.Size),
		Blocks:  int64(st.Blocks),
		Blksize: st.Blksize,
		Flags:   statxFlags(st.Attributes),
		Atime:   statxTime(st.Atime),
		Mtime:   statxTime(st.Mtime),
		Ctime:   statxTime(st.Ctime),
	}
	if st.Mask&unix.STATX_BTIME != 0 {
		s.Btime = statxTime(st.Btime)
	}
	return s
}

func statxTime(t unix.StatxTimestamp) netbsd.Timespec {
	return netbsd.Timespec{Sec: t.Sec, Nsec: int64(t.Nsec)}
}

func statxFlags(attr uint64) uint32 {
	var f uint32
	if attr&unix.STATX_ATTR_NODUMP != 0 {
		f |= netbsd.UF_NODUMP
	}
	if attr&unix.STATX_ATTR_IMMUTABLE != 0 {
		f |= netbsd.UF_IMMUTABLE
	}
	if attr&unix.STATX_ATTR_APPEND != 0 {
		f |= netbsd.UF_APPEND
	}
	return f
}

// HostTime converts a Timeset to what the host's utimensat takes.
func HostTime(t file.Timeset) unix.Timespec {
	switch {
	case t.Omit:
		return unix.Timespec{Nsec: unix.UTIME_OMIT}
	case t.Now:
		return unix.Timespec{Nsec: unix.UTIME_NOW}
	}
	return unix.Timespec{Sec: t.Time.Unix(), Nsec: int64(t.Time.Nanosecond())}
}

// utimensFD is futimens(3): x/sys has utimensat only, which won't take a nil
// path.
func utimensFD(fd int, ts *[2]unix.Timespec) error {
	_, _, e := unix.Syscall6(unix.SYS_UTIMENSAT, uintptr(fd), 0, uintptr(unsafe.Pointer(ts)), 0, 0, 0)
	if e != 0 {
		return e
	}
	return nil
}

// InodeOf is a file of the host's, in its numbers.
func InodeOf(st *unix.Stat_t) file.Inode { return file.Inode{Dev: st.Dev, Ino: st.Ino} }
