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
	if off < 0 {
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

// NoSigpipe reports whether EPIPE comes without SIGPIPE (O_NOSIGPIPE).
func (d *Description) NoSigpipe() bool { return d.Flags()&netbsd.O_NOSIGPIPE != 0 }
