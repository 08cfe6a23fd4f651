package hostfile

import (
	"fmt"

	"golang.org/x/sys/unix"

	"toaster/internal/file"
	"toaster/netbsd"
)

// Inherit makes an open file of a host descriptor that others share: the
// standard streams. fd itself stays the caller's; the file works on a duplicate.
//
// O_NONBLOCK is never set on a shared description, for it would be set for the
// user's shell, too. A pipe or terminal is opened a second time through /proc,
// which makes a description of the kernel's own; where that fails, the file asks for
// readiness before each transfer.
//
// A device's owner, mode and times are the host's, whoever runs the guest: /dev/null
// is standard input often enough.
func (h *Host) Inherit(fd int) (*file.Description, netbsd.Errno) {
	fl, err := unix.FcntlInt(uintptr(fd), unix.F_GETFL, 0)
	if err != nil {
		return nil, Errno(err)
	}
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return nil, Errno(err)
	}
	dup, err := unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, 3)
	if err != nil {
		return nil, Errno(err)
	}
	if own, ok := reopen(fd, fl, &st); ok {
		f, errno := h.New(own)
		if errno != 0 {
			unix.Close(dup)
			return nil, errno
		}
		f.shared, f.foreign = dup, f.device()
		return file.New(f, guestFlags(fl)), 0
	}
	f := new(File)
	f.init(h, dup, st.Mode, kindDirect)
	if f.pollable() {
		f.kind = kindShared
	}
	f.foreign = f.device()
	return file.New(f, guestFlags(fl)), 0
}

// Mappable opens a file anew for a mapping: of what is open for writing alone, which the host maps for nobody, or of what must not be
// written to, unless written is set. The descriptor is the caller's.
func Mappable(fd int, written bool) (int, netbsd.Errno) {
	flags := unix.O_RDONLY
	if written {
		flags = unix.O_RDWR
	}
	own, err := unix.Open(ProcPath(fd), flags|unix.O_CLOEXEC|unix.O_NONBLOCK|unix.O_NOCTTY, 0)
	return own, Errno(err)
}

// Confine forbids to change owner, mode and times of what d is, if that is a file of the
// host: for guests that are to touch nothing outside their root.
func Confine(d *file.Description) {
	if f, ok := d.File.(*File); ok {
		f.foreign = true
	}
}

func (f *File) device() bool { return f.mode == unix.S_IFCHR || f.mode == unix.S_IFBLK }

// reopen returns a nonblocking description of the kernel's own for the same file.
func reopen(fd, fl int, st *unix.Stat_t) (int, bool) {
	switch st.Mode & unix.S_IFMT {
	case unix.S_IFIFO:
	case unix.S_IFCHR:
		// Opening /dev/ptmx again would make another terminal.
		if _, err := unix.IoctlGetTermios(fd, unix.TCGETS); err != nil || isPtmx(st.Rdev) {
			return -1, false
		}
	default:
		return -1, false
	}
	flags := fl&unix.O_ACCMODE | unix.O_NONBLOCK | unix.O_NOCTTY | unix.O_CLOEXEC
	own, err := unix.Open(fmt.Sprintf("/proc/self/fd/%d", fd), flags, 0)
	return own, err == nil
}

// isPtmx knows the multiplexor of the host by its device (5, 2).
func isPtmx(rdev uint64) bool { return unix.Major(rdev) == 5 && unix.Minor(rdev) == 2 }

// guestFlags converts the access mode and O_APPEND of a host description.
// O_NONBLOCK is converted, too: whoever set it meant it for the program.
func guestFlags(fl int) int {
	return int(netbsd.OpenFromLinux(fl & (unix.O_ACCMODE | unix.O_APPEND | unix.O_NONBLOCK)))
}
