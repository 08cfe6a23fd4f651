package hostfile

import (
	"golang.org/x/sys/unix"

	"toaster/internal/file"
	"toaster/internal/guard"
	"toaster/netbsd"
)

// This file hands open files to programs of the host: a descriptor of the
// host's for each, with a goroutine that carries the bytes where the file is
// the kernel's alone and can't become one of the host's.

// exporter is a file that the host has something for. EOPNOTSUPP: it has not, and the bytes are
// to be carried.
type exporter interface{ Export() (int, netbsd.Errno) }

// Export returns a host descriptor for d that the caller owns. It blocks as the
// host's programs expect. What nothing of the host can stand for is EOPNOTSUPP.
func (h *Host) Export(d *file.Description) (int, netbsd.Errno) {
	switch f := d.File.(type) {
	case *File:
		fd, err := f.export()
		return fd, Errno(err)
	case file.PipeEnd:
		if end, errno := f.Promote(h.newPipe); errno == 0 {
			if fd, err := end.(*File).export(); err == nil {
				return fd, 0
			}
		}
		// The host has too little room: better carried than not at all.
	case exporter:
		if fd, errno := f.Export(); errno != netbsd.EOPNOTSUPP {
			return fd, errno
		}
	}
	if fd, ok := d.HostFD(); ok {
		nfd, err := unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, 0)
		return nfd, Errno(err)
	}
	switch {
	case d.Readable() && d.Writable():
		return h.exportBoth(d)
	case d.Writable():
		return h.exportWrite(d)
	}
	return h.exportRead(d)
}

// exportRead makes a host pipe and feeds it from d. What the pump has taken and the program
// never reads is lost to other readers of d; pipes, where that would matter, become the
// host's instead.
func (h *Host) exportRead(d *file.Description) (int, netbsd.Errno) {
	r, w, errno := h.HalfPipe(1)
	if errno != 0 {
		return -1, errno
	}
	goPump(w, file.New(w, netbsd.O_WRONLY), d.Ref())
	return r, 0
}

// exportWrite makes a host pipe and carries what comes out of it to d.
func (h *Host) exportWrite(d *file.Description) (int, netbsd.Errno) {
	w, r, errno := h.HalfPipe(0)
	if errno != 0 {
		return -1, errno
	}
	goPump(nil, d.Ref(), file.New(r, netbsd.O_RDONLY))
	return w, 0
}

// exportBoth makes a host socket pair, and carries both ways.
func (h *Host) exportBoth(d *file.Description) (int, netbsd.Errno) {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return -1, Errno(err)
	}
	f, errno := h.New(fds[1])
	if errno != 0 {
		unix.Close(fds[0])
		return -1, errno
	}
	kept := file.New(f, netbsd.O_RDWR)
	goPump(f, kept.Ref(), d.Ref())
	goPump(nil, d.Ref(), kept)
	return fds[0], 0
}

// HalfPipe makes a host pipe; end kept (0 reads, 1 writes) becomes a File, the
// other one is for the host program.
func (h *Host) HalfPipe(kept int) (other int, f *File, errno netbsd.Errno) {
	var fds [2]int
	if err := unix.Pipe2(fds[:], unix.O_CLOEXEC); err != nil {
		return -1, nil, Errno(err)
	}
	f, errno = h.New(fds[kept])
	if errno != 0 {
		unix.Close(fds[1-kept])
		return -1, nil, errno
	}
	return fds[1-kept], f, 0
}

// goPump is pump in a goroutine of its own.
func goPump(host file.File, dst, src *file.Description) {
	guard.Go("bytes were carried to or from a program of the host", func() { pump(host, dst, src) })
}

// pump copies from src to dst until either ends, then releases both. host, if
// not nil, is dst's file: the pump ends as soon as nobody reads there any more,
// even while src has nothing.
func pump(host file.File, dst, src *file.Description) {
	defer dst.Release()
	defer src.Release()
	l := file.NewKthread()
	if host != nil {
		w := &file.Waiter{Mask: file.Err | file.Hup, L: l}
		host.Watch(w)
		defer host.Unwatch(w)
		l.Stop = func() bool { return host.Poll(0)&(file.Err|file.Hup) != 0 }
	}
	buf := make([]byte, 32<<10)
	for {
		n, errno := src.Read(l, buf)
		if errno == netbsd.EAGAIN { // O_NONBLOCK is the guest's, not the pump's
			n, errno = file.Block(file.Call{L: l}, src.File, file.Readable, func() (int, netbsd.Errno) {
				return src.File.Read(file.Call{L: l, Nonblock: true}, buf)
			})
		}
		if errno != 0 || n == 0 {
			return
		}
		if !pumpAll(l, dst, buf[:n]) {
			return
		}
	}
}

// pumpAll writes all of b, as write(2) of a blocking file does; false once it cannot.
func pumpAll(l file.Sleeper, dst *file.Description, b []byte) bool {
	for len(b) > 0 {
		n, errno := dst.File.Write(file.Call{L: l}, b)
		if errno != 0 {
			return false
		}
		b = b[n:]
	}
	return true
}
