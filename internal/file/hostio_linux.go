package file

import (
	"golang.org/x/sys/unix"

	"toaster/internal/hostlimits"
	"toaster/netbsd"
)

func (f *hostFile) Read(c Call, b []byte) (int, netbsd.Errno) {
	if f.mode == unix.S_IFDIR {
		return 0, netbsd.EISDIR
	}
	n, errno := f.tryRead(b)
	if errno != netbsd.EAGAIN {
		return n, errno
	}
	return Block(c, f, Readable, func() (int, netbsd.Errno) { return f.tryRead(b) })
}

// tryRead reads what is there now; EAGAIN if nothing is.
func (f *hostFile) tryRead(b []byte) (int, netbsd.Errno) {
	if f.kind == kindShared && pollNow(f.fd, In)&(In|Hup|Err) == 0 {
		return 0, netbsd.EAGAIN
	}
	n, err := f.transfer(func() (int, error) { return unix.Read(f.fd, b) })
	return max(n, 0), Errno(err)
}

// Write writes all of b unless the file doesn't block: then what fits. An
// interruption after something was written gives the count.
func (f *hostFile) Write(c Call, b []byte) (int, netbsd.Errno) {
	done := 0
	for {
		n, errno := f.tryWrite(b[done:])
		if errno == netbsd.EAGAIN && !c.Nonblock {
			n, errno = Block(c, f, Writable, func() (int, netbsd.Errno) { return f.tryWrite(b[done:]) })
		}
		done += max(n, 0)
		if errno != 0 && done > 0 && errno != netbsd.EPIPE {
			return done, 0
		}
		if errno != 0 || done >= len(b) || n == 0 {
			return done, errno
		}
	}
}

// sharedChunk is what a description not ours takes without blocking once the
// host calls it writable: Linux reports a pipe so when a page is free.
const sharedChunk = 4096

func (f *hostFile) tryWrite(b []byte) (int, netbsd.Errno) {
	if f.kind == kindShared {
		if pollNow(f.fd, Out)&(Out|Hup|Err) == 0 {
			return 0, netbsd.EAGAIN
		}
		b = b[:min(len(b), sharedChunk)]
	}
	n, err := f.transfer(func() (int, error) { return unix.Write(f.fd, b) })
	f.wrote(n)
	return max(n, 0), Errno(err)
}

func (f *hostFile) Pread(c Call, b []byte, off int64) (int, netbsd.Errno) {
	if f.mode == unix.S_IFDIR {
		return 0, netbsd.EISDIR
	}
	n, err := f.transfer(func() (int, error) { return unix.Pread(f.fd, b, off) })
	return max(n, 0), Errno(err)
}

func (f *hostFile) Pwrite(c Call, b []byte, off int64) (int, netbsd.Errno) {
	n, err := f.transfer(func() (int, error) { return unix.Pwrite(f.fd, b, off) })
	f.wrote(n)
	return max(n, 0), Errno(err)
}

// transfer makes a call of the host that moves bytes. On a file system that does not
// answer it holds a thread of the kernel's, so that there may be only so many.
func (f *hostFile) transfer(call func() (int, error)) (int, error) {
	if f.kind == kindDirect {
		hostlimits.Enter()
		defer hostlimits.Leave()
	}
	for {
		n, err := call()
		if err != unix.EINTR {
			return n, err
		}
	}
}

// ReadCount is FIONREAD's number; for a regular file, what lies ahead.
func (f *hostFile) ReadCount() int64 {
	if f.mode == unix.S_IFREG {
		var st unix.Stat_t
		pos, err := unix.Seek(f.fd, 0, netbsd.SEEK_CUR)
		if err != nil || unix.Fstat(f.fd, &st) != nil {
			return 0
		}
		return st.Size - pos
	}
	n, err := unix.IoctlGetInt(f.fd, unix.TIOCINQ)
	if err != nil {
		return 0
	}
	return int64(n)
}

// WriteCount is the room for a write without blocking, as far as the host tells.
func (f *hostFile) WriteCount() int64 { return netbsd.PIPE_BUF }
