package file

import (
	"time"

	"toaster/netbsd"
)

// Read is read(2) into b.
func (d *Description) Read(l Sleeper, b []byte) (int, netbsd.Errno) {
	if !d.Readable() {
		return 0, netbsd.EBADF
	}
	return d.File.Read(d.Call(l), b)
}

// Write is write(2) of b. It fails with EPIPE where the caller must also get
// SIGPIPE, unless O_NOSIGPIPE is among the flags.
func (d *Description) Write(l Sleeper, b []byte) (int, netbsd.Errno) {
	if !d.Writable() {
		return 0, netbsd.EBADF
	}
	if d.meter != nil {
		return d.meter.write(b, func(b []byte) (int, netbsd.Errno) { return d.File.Write(d.Call(l), b) })
	}
	return d.File.Write(d.Call(l), b)
}

// TryWrite is Write, but does not wait for room: EAGAIN, or a count of what there was room for.
func (d *Description) TryWrite(b []byte) (int, netbsd.Errno) {
	if !d.Writable() {
		return 0, netbsd.EBADF
	}
	c := Call{L: noSleeper{}, Nonblock: true}
	if d.meter != nil {
		return d.meter.write(b, func(b []byte) (int, netbsd.Errno) { return d.File.Write(c, b) })
	}
	return d.File.Write(c, b)
}

// noSleeper is nobody who could wait.
type noSleeper struct{}

func (noSleeper) Sleep(bool, time.Time) netbsd.Errno { return netbsd.EAGAIN }
func (noSleeper) Wake()                              {}

// Pread is pread(2): EINVAL for a negative offset.
func (d *Description) Pread(l Sleeper, b []byte, off int64) (int, netbsd.Errno) {
	if !d.Readable() {
		return 0, netbsd.EBADF
	}
	if off < 0 && !TakesAnyOffset(d.File) {
		return 0, netbsd.EINVAL
	}
	return d.File.Pread(d.Call(l), b, off)
}

// Pwrite is pwrite(2): EINVAL for a negative offset.
func (d *Description) Pwrite(l Sleeper, b []byte, off int64) (int, netbsd.Errno) {
	if !d.Writable() {
		return 0, netbsd.EBADF
	}
	if off < 0 {
		return 0, netbsd.EINVAL
	}
	if d.meter != nil {
		return d.meter.write(b, func(b []byte) (int, netbsd.Errno) { return d.File.Pwrite(d.Call(l), b, off) })
	}
	return d.File.Pwrite(d.Call(l), b, off)
}

// Exceeds reports whether a write of n bytes would make a regular file longer than RLIMIT_FSIZE allows: at off, at the position if
// that is below 0, or with O_APPEND at the end, whatever off is. Nothing of such a write is done (ufs_write).
func (d *Description) Exceeds(limit, n uint64, off int64) bool {
	if f, ok := d.File.(interface{ Regular() bool }); !ok || !f.Regular() {
		return false
	}
	var errno netbsd.Errno
	switch {
	case d.Flags()&netbsd.O_APPEND != 0:
		var st Stat
		st, errno = d.File.Stat()
		off = st.Size
	case off < 0:
		off, errno = d.File.Lseek(0, netbsd.SEEK_CUR)
	}
	return errno == 0 && n > 0 && (n > limit || uint64(off) > limit-n)
}

// NoSigpipe reports whether EPIPE comes without SIGPIPE (O_NOSIGPIPE).
func (d *Description) NoSigpipe() bool { return d.Flags()&netbsd.O_NOSIGPIPE != 0 }
