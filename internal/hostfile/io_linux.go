package hostfile

import (
	"golang.org/x/sys/unix"

	"toaster/internal/file"
	"toaster/internal/hostlimits"
	"toaster/netbsd"
)

func (f *File) Read(c file.Call, b []byte) (int, netbsd.Errno) {
	if f.mode == unix.S_IFDIR {
		return 0, netbsd.EISDIR
	}
	n, errno := f.TryRead(b) // before any waiter is made: most reads find something
	if errno != netbsd.EAGAIN {
		return n, errno
	}
	return file.Block(c, f, file.Readable, func() (int, netbsd.Errno) { return f.TryRead(b) })
}

// TryRead reads what is there now; EAGAIN if nothing is.
func (f *File) TryRead(b []byte) (int, netbsd.Errno) {
	if f.kind == kindShared && pollNow(f.fd, file.In)&(file.In|file.Hup|file.Err) == 0 {
		return 0, netbsd.EAGAIN
	}
	n, err := f.transfer(func() (int, error) {
		if f.kind == kindNowait {
			return unix.Preadv2(f.fd, [][]byte{b}, -1, unix.RWF_NOWAIT)
		}
		return unix.Read(f.fd, b)
	})
	return max(n, 0), Errno(err)
}

// Write writes all of b unless the file doesn't block: then what fits. An
// interruption after something was written returns the count.
func (f *File) Write(c file.Call, b []byte) (int, netbsd.Errno) {
	done := 0
	for {
		n, errno := f.TryWrite(b[done:])
		if errno == netbsd.EAGAIN && !c.Nonblock {
			n, errno = file.Block(c, f, file.Writable, func() (int, netbsd.Errno) { return f.TryWrite(b[done:]) })
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

// sharedChunk is what a description of somebody else's takes without blocking once the
// host calls it writable: Linux reports a pipe so when a page is free.
const sharedChunk = 4096

// TryWrite writes what fits now; EAGAIN if nothing does.
func (f *File) TryWrite(b []byte) (int, netbsd.Errno) {
	if f.kind == kindShared {
		if pollNow(f.fd, file.Out)&(file.Out|file.Hup|file.Err) == 0 {
			return 0, netbsd.EAGAIN
		}
		b = b[:min(len(b), sharedChunk)]
	}
	atEnd := f.appendOnly()
	n, err := f.transfer(func() (int, error) {
		switch {
		case f.kind == kindNowait:
			return unix.Pwritev2(f.fd, [][]byte{b}, -1, unix.RWF_NOWAIT)
		case atEnd:
			return f.writeAtEnd(b, -1)
		}
		return unix.Write(f.fd, b)
	})
	f.wrote(n)
	return max(n, 0), Errno(err)
}

func (f *File) Pread(c file.Call, b []byte, off int64) (int, netbsd.Errno) {
	if f.mode == unix.S_IFDIR {
		return 0, netbsd.EISDIR
	}
	n, err := f.transfer(func() (int, error) { return unix.Pread(f.fd, b, off) })
	return max(n, 0), Errno(err)
}

func (f *File) Pwrite(c file.Call, b []byte, off int64) (int, netbsd.Errno) {
	atEnd := f.appendOnly()
	n, err := f.transfer(func() (int, error) {
		if atEnd {
			return f.writeAtEnd(b, off)
		}
		return unix.Pwrite(f.fd, b, off)
	})
	f.wrote(n)
	return max(n, 0), Errno(err)
}

// transfer makes a call of the host that moves bytes. On a file system that does not
// answer it holds a thread of the kernel's, so that there may be only so many. The descriptor is the file's own and
// open for what is asked, unless it has been revoked.
func (f *File) transfer(call func() (int, error)) (int, error) {
	if f.kind == kindDirect {
		hostlimits.Enter()
		defer hostlimits.Leave()
	}
	for {
		n, err := call()
		if err == unix.EBADF {
			err = unix.EIO
		}
		if err != unix.EINTR {
			return n, err
		}
	}
}

// Queued is how many bytes are in the pipe of which f is an end.
func (f *File) Queued() int {
	n, err := unix.IoctlGetInt(f.fd, unix.TIOCINQ)
	if err != nil {
		return 0
	}
	return n
}

// ReadCount is FIONREAD's number; for a regular file, what lies ahead.
func (f *File) ReadCount() int64 {
	if f.mode == unix.S_IFREG {
		var st unix.Stat_t
		pos, err := unix.Seek(f.fd, 0, netbsd.SEEK_CUR)
		if err != nil || unix.Fstat(f.fd, &st) != nil {
			return 0
		}
		return st.Size - pos
	}
	return int64(f.Queued())
}

// WriteCount is the room for a write without blocking, as far as the host tells; of what has no end to
// its room it is 0 (filt_genfswrite).
func (f *File) WriteCount() int64 {
	if f.kind == kindDirect {
		return 0
	}
	return netbsd.PIPE_BUF
}
