package file

import (
	"time"

	"toaster/netbsd"
)

// Sleeper is the part of an LWP that a blocking operation needs; *kern.LWP is
// one. A wakeup is remembered: it may be spurious, and none is lost that comes
// between a test and the Sleep after it.
type Sleeper interface {
	Sleep(interruptible bool, deadline time.Time) netbsd.Errno
	Wake()
}

// Call says on whose behalf, and how, one operation runs. Terminals look at L
// for more: its process group and session.
type Call struct {
	L        Sleeper
	Nonblock bool
}

// File is what an open file description refers to. One File may serve several
// descriptions only where it says so. Methods are called without any lock of
// this package held, and from many goroutines.
//
// Read and Write take the description's own position where there is one; they
// return a count, or an error and then a count of 0.
type File interface {
	Read(c Call, b []byte) (int, netbsd.Errno)
	Write(c Call, b []byte) (int, netbsd.Errno)
	Pread(c Call, b []byte, off int64) (int, netbsd.Errno)
	Pwrite(c Call, b []byte, off int64) (int, netbsd.Errno)
	Lseek(off int64, whence int) (int64, netbsd.Errno)

	Stat() (Stat, netbsd.Errno)
	Truncate(size int64) netbsd.Errno
	Sync() netbsd.Errno
	Chmod(mode uint32) netbsd.Errno
	Chown(uid, gid int) netbsd.Errno
	Utimens(atime, mtime Timeset) netbsd.Errno

	// Ioctl gets data as ioctl(2) transfers it: len(data) is the size in
	// cmd, filled in for IOC_IN, copied out afterwards for IOC_OUT. A request
	// without size has the argument itself in data, as 8 bytes.
	// EPASSTHROUGH says that the file knows no such request.
	Ioctl(c Call, cmd uint32, data []byte) netbsd.Errno

	// Poll reports which of the wanted events hold now; Err and Hup are
	// reported unasked.
	Poll(want Events) Events
	// Watch makes w hear of changes until Unwatch. Both may be called with
	// no lock of the file held, and Unwatch of a waiter not on the queue is
	// harmless.
	Watch(w *Waiter)
	Unwatch(w *Waiter)

	// SetFlags hears of the new status flags after F_SETFL.
	SetFlags(flags int) netbsd.Errno

	// Close is called once, when the last reference goes. It may block.
	Close()
}

// HupUntold is implemented by files whose POLLHUP is no end to kevent(2): that has RdHup and WrHup alone.
type HupUntold interface{ HupUntold() }

// Counter is implemented by files that can say how much kevent(2) should report
// in data: bytes to read (connections to accept), and room to write.
type Counter interface {
	ReadCount() int64
	WriteCount() int64
}

// KnoteRefuser is implemented by files that kevent(2) cannot watch, or not by every filter
// (fo_kqfilter): 0 if it can.
type KnoteRefuser interface {
	KnoteErrno(filter int) netbsd.Errno
}

// Pathconfer is implemented by files that are in no file system, and so have not what fpathconf(2) tells of one (fo_fpathconf).
type Pathconfer interface {
	Pathconf(name int) (int64, netbsd.Errno)
}

// PipePathconf is Pathconf of pipes and sockets: PIPE_BUF alone (pipe_fpathconf, soo_fpathconf).
func PipePathconf(name int) (int64, netbsd.Errno) {
	if name == netbsd.PC_PIPE_BUF {
		return netbsd.PIPE_BUF, 0
	}
	return 0, netbsd.EINVAL
}

// NoPathconf is Pathconf of files without fo_fpathconf.
type NoPathconf struct{}

// Pathconf implements Pathconfer.
func (NoPathconf) Pathconf(int) (int64, netbsd.Errno) { return 0, netbsd.EOPNOTSUPP }

// HostFiler is implemented by files that a host descriptor stands behind. The
// descriptor stays the file's.
type HostFiler interface {
	HostFD() (int, bool)
}

// Private is implemented by files that fork(2) doesn't pass on (kqueue(2)).
type Private interface {
	NotInherited() bool
}

// Whole is implemented by files of which a read takes all that is asked for unless the file ends: regular
// ones, and devices that never end.
type Whole interface {
	ReadsWhole() bool
}

// AnyOffset is implemented by files in which a negative offset is one: /dev/kmem, where it is an address.
type AnyOffset interface {
	AnyOffset() bool
}

// TakesAnyOffset reports whether f is one.
func TakesAnyOffset(f File) bool {
	a, ok := f.(AnyOffset)
	return ok && a.AnyOffset()
}

// Sink is implemented by files whose writes go nowhere: what is written is not even looked at.
type Sink interface {
	Sinks() bool
}

// DirReader is implemented by directories: getdents(2).
type DirReader interface {
	Getdents(b []byte) (int, netbsd.Errno)
}

// Base answers every operation of File as a file that can't do it. Types embed
// it and override what they can.
type Base struct{}

func (Base) Read(Call, []byte) (int, netbsd.Errno)          { return 0, netbsd.EOPNOTSUPP }
func (Base) Write(Call, []byte) (int, netbsd.Errno)         { return 0, netbsd.EOPNOTSUPP }
func (Base) Pread(Call, []byte, int64) (int, netbsd.Errno)  { return 0, netbsd.ESPIPE }
func (Base) Pwrite(Call, []byte, int64) (int, netbsd.Errno) { return 0, netbsd.ESPIPE }
func (Base) Lseek(int64, int) (int64, netbsd.Errno)         { return 0, netbsd.ESPIPE }
func (Base) Stat() (Stat, netbsd.Errno)                     { return Stat{}, netbsd.EOPNOTSUPP }
func (Base) Truncate(int64) netbsd.Errno                    { return netbsd.EINVAL }
func (Base) Sync() netbsd.Errno                             { return netbsd.EINVAL }
func (Base) Chmod(uint32) netbsd.Errno                      { return netbsd.EINVAL }
func (Base) Chown(int, int) netbsd.Errno                    { return netbsd.EINVAL }
func (Base) Utimens(Timeset, Timeset) netbsd.Errno          { return netbsd.EINVAL }
func (Base) Ioctl(Call, uint32, []byte) netbsd.Errno        { return netbsd.EPASSTHROUGH }
func (Base) Poll(want Events) Events                        { return want & (In | Out | RdNorm | WrNorm) }
func (Base) Watch(*Waiter)                                  {}
func (Base) Unwatch(*Waiter)                                {}
func (Base) SetFlags(int) netbsd.Errno                      { return 0 }
func (Base) Close()                                         {}
