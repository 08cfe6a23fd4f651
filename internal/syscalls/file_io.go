package syscalls

import (
	"sync"

	"toaster/internal/file"
	"toaster/internal/socket"
	"toaster/netbsd"
)

// ioChunk bounds what the kernel holds of a call at a time between guest and file. A larger call goes on
// in pieces: write(2) always, read(2) where a short count would mean the end (file.Whole); elsewhere no
// read has more to take at once. Between two pieces guest memory is touched, which fails once
// the guest has been killed.
const ioChunk = 256 << 10

var ioBuffers = sync.Pool{New: func() any { return new([ioChunk]byte) }}

// maxIO is SSIZE_MAX: a longer transfer is EINVAL.
const maxIO = 1<<63 - 1

type readFunc func(d *file.Description, b []byte) (int, netbsd.Errno)

// read is read(int fd, void *buf, size_t nbyte). EBADF: not open for reading. EINVAL: more than
// SSIZE_MAX. EFAULT: what was taken from a pipe is lost then, as on NetBSD. EAGAIN, EINTR,
// EISDIR.
func read(c *Call) netbsd.Errno {
	if c.Part > 0 {
		return c.endRead()
	}
	if errno := c.refused(); errno != 0 {
		return errno
	}
	return transferIn(c, c.Ptr(1), c.Ptr(2), c.readOnce)
}

// readOnce is a readFunc at the description's position.
func (c *Call) readOnce(d *file.Description, b []byte) (int, netbsd.Errno) {
	n, errno := d.Read(c.L, b)
	if s, ok := d.File.(*socket.Socket); ok && errno == 0 {
		c.countReceived(s, n)
	}
	return n, errno
}

// pread is pread(int fd, void *buf, size_t nbyte, int pad, off_t offset). As read; ESPIPE: no
// position. EINVAL: a negative one.
func pread(c *Call) netbsd.Errno {
	off := c.Long(4)
	return c.seekErrno(transferIn(c, c.Ptr(1), c.Ptr(2), func(d *file.Description, b []byte) (int, netbsd.Errno) {
		n, errno := d.Pread(c.L, b, off)
		off += int64(n)
		return n, errno
	}))
}

// seekErrno is what pread(2) and its kind fail with where they fail with errno for what they move: that the file has no position comes before,
// and an offset that is negative (do_filereadv, VOP_SEEK). Only a call that fails anyway has it looked at.
func (c *Call) seekErrno(errno netbsd.Errno) netbsd.Errno {
	if errno != netbsd.EFAULT && errno != netbsd.EINVAL {
		return errno
	}
	d, closed := c.get(c.Int(0))
	if closed != 0 {
		return errno
	}
	defer d.Release()
	if _, none := d.File.Lseek(0, netbsd.SEEK_CUR); none == netbsd.ESPIPE {
		return none
	}
	if c.Long(4) < 0 && !file.TakesAnyOffset(d.File) {
		return netbsd.EINVAL
	}
	return errno
}

func transferIn(c *Call, addr, n uint64, f readFunc) netbsd.Errno {
	d, errno := c.get(c.Int(0))
	if errno != 0 {
		return errno
	}
	defer d.Release()
	if !d.Readable() {
		return netbsd.EBADF
	}
	if n > maxIO {
		return netbsd.EINVAL
	}
	c.used(c.Int(0), d, n)
	if n <= uint64(len(c.scratch)) {
		return readInto(c, d, addr, c.scratch[:n], f)
	}
	buf := ioBuffers.Get().(*[ioChunk]byte)
	defer ioBuffers.Put(buf)
	if n <= ioChunk || !readsWhole(d) {
		return readInto(c, d, addr, buf[:min(n, ioChunk)], f)
	}
	return inPieces(c, d, n, buf[:], f, func(done uint64, b []byte) netbsd.Errno { return c.copyout(addr+done, b) })
}

// readsWhole reports whether a short count means the end of d.
func readsWhole(d *file.Description) bool {
	w, ok := d.File.(file.Whole)
	return ok && w.ReadsWhole()
}

// inPieces reads n bytes by way of buf, and hands each piece to put with what was read before it. It ends
// where the file does. As in dofileread an interruption is none once something was read; an address that
// is bad is EFAULT even then.
func inPieces(c *Call, d *file.Description, n uint64, buf []byte, f readFunc, put func(done uint64, b []byte) netbsd.Errno) netbsd.Errno {
	for done := uint64(0); ; {
		b := buf[:min(n-done, uint64(len(buf)))]
		got, errno := f(d, b)
		if done > 0 && interrupted(errno) {
			return c.ok(done)
		}
		if errno != 0 {
			return errno
		}
		if errno := put(done, b[:got]); errno != 0 {
			return errno
		}
		if done += uint64(got); done == n || got < len(b) {
			return c.ok(done)
		}
	}
}

// interrupted reports whether a transfer that has moved something succeeds with it.
func interrupted(errno netbsd.Errno) bool {
	return errno == netbsd.ERESTART || errno == netbsd.EINTR || errno == netbsd.EAGAIN
}

func readInto(c *Call, d *file.Description, addr uint64, b []byte, f readFunc) netbsd.Errno {
	n, errno := f(d, b)
	if errno != 0 {
		return errno
	}
	c.Ret[0] = uint64(n)
	return c.copyoutLast(addr, b[:n])
}

// write is write(int fd, const void *buf, size_t nbyte). EPIPE comes with SIGPIPE. EBADF: not
// open for writing. EINVAL: more than SSIZE_MAX. EFAULT. EAGAIN, EINTR.
func write(c *Call) netbsd.Errno {
	if c.Part > 0 {
		return c.endWrite()
	}
	if errno := c.refused(); errno != 0 {
		return errno
	}
	return transferOut(c, c.Ptr(1), c.Ptr(2), -1, func(d *file.Description, b []byte) (int, netbsd.Errno) {
		return d.Write(c.L, b)
	})
}

// pwrite is pwrite(int fd, const void *buf, size_t nbyte, int pad, off_t offset). As write;
// ESPIPE: no position. EINVAL: a negative one.
func pwrite(c *Call) netbsd.Errno {
	off := c.Long(4)
	return c.seekErrno(transferOut(c, c.Ptr(1), c.Ptr(2), off, func(d *file.Description, b []byte) (int, netbsd.Errno) {
		n, errno := d.Pwrite(c.L, b, off)
		off += int64(n)
		return n, errno
	}))
}

// transferOut writes n bytes at off, or at the description's position if that is below 0.
func transferOut(c *Call, addr, n uint64, off int64, f readFunc) netbsd.Errno {
	d, errno := c.get(c.Int(0))
	if errno != 0 {
		return errno
	}
	defer d.Release()
	if !d.Writable() {
		return netbsd.EBADF
	}
	if n > maxIO {
		return netbsd.EINVAL
	}
	c.used(c.Int(0), d, n)
	c.countSent(d)
	if d.Sinks() {
		return c.ok(n)
	}
	if limit, bound := c.L.Proc().FileSize(); bound && d.Exceeds(limit, n, off) {
		return c.tooLarge()
	}
	done, errno := writeFrom(c, d, addr, n, f)
	return finishWrite(c, d, done, errno)
}

// tooLarge is EFBIG, which comes with SIGXFSZ.
func (c *Call) tooLarge() netbsd.Errno {
	c.L.Proc().Signal(&netbsd.Siginfo{Signo: netbsd.SIGXFSZ, Code: netbsd.SI_NOINFO})
	return netbsd.EFBIG
}

// writeFrom writes n bytes of guest memory in pieces; it stops at an error or a short
// count.
func writeFrom(c *Call, d *file.Description, addr, n uint64, f readFunc) (uint64, netbsd.Errno) {
	if n <= uint64(len(c.scratch)) {
		b := c.scratch[:n]
		if errno := c.Space.Read(addr, b); errno != 0 {
			return 0, errno
		}
		w, errno := f(d, b)
		return uint64(w), errno
	}
	buf := ioBuffers.Get().(*[ioChunk]byte)
	defer ioBuffers.Put(buf)
	var done uint64
	for done < n {
		b := buf[:min(n-done, ioChunk)]
		if errno := c.Space.Read(addr+done, b); errno != 0 {
			return done, errno
		}
		w, errno := f(d, b)
		done += uint64(w)
		if errno != 0 || w < len(b) {
			return done, errno
		}
	}
	return done, 0
}

// finishWrite turns an interruption after some bytes into a short count, and sends
// SIGPIPE with EPIPE.
func finishWrite(c *Call, d *file.Description, done uint64, errno netbsd.Errno) netbsd.Errno {
	if done > 0 && interrupted(errno) {
		errno = 0
	}
	if errno == netbsd.EPIPE && !d.NoSigpipe() {
		// psignal: as any other signal, which may be blocked or ignored.
		c.L.Proc().Signal(&netbsd.Siginfo{Signo: netbsd.SIGPIPE, Code: netbsd.SI_NOINFO})
	}
	if errno != 0 {
		return errno
	}
	return c.ok(done)
}

// closeFD is close(int fd). EBADF. What a sibling reads or writes by the descriptor meanwhile
// goes on.
func closeFD(c *Call) netbsd.Errno { return c.files().CloseFD(c.Int(0)) }

type iovec struct{ base, len uint64 }

// iovecs reads an array of struct iovec; EINVAL for more than IOV_MAX, and as vecErrno has it.
func (c *Call) iovecs(addr uint64, n int) ([]iovec, netbsd.Errno) {
	if n <= 0 || n > netbsd.IOV_MAX {
		return nil, netbsd.EINVAL
	}
	b := make([]byte, 16*n)
	if errno := c.Space.Read(addr, b); errno != 0 {
		return nil, errno
	}
	v := make([]iovec, n)
	for i := range v {
		v[i] = iovec{le64(b[16*i:]), le64(b[16*i+8:])}
	}
	return v, vecErrno(v)
}

// vecErrno is EINVAL for a sum beyond SSIZE_MAX.
func vecErrno(v []iovec) netbsd.Errno {
	var sum uint64
	for _, part := range v {
		if sum += part.len; part.len > maxIO || sum > maxIO {
			return netbsd.EINVAL
		}
	}
	return 0
}

// fileVec is iovecs for a file. EINVAL also for a part that is beyond SSIZE_MAX together with the sum up to it, which has it already
// (do_filereadv, do_filewritev).
func (c *Call) fileVec() ([]iovec, netbsd.Errno) {
	v, errno := c.iovecs(c.Ptr(1), c.Int(2))
	if errno != 0 {
		return nil, errno
	}
	sum := uint64(0)
	for _, part := range v {
		if sum += part.len; sum > maxIO-part.len {
			return nil, netbsd.EINVAL
		}
	}
	return v, 0
}

// readv is readv(int fd, const struct iovec *iov, int iovcnt). As read; EINVAL: no part or more
// than IOV_MAX of them, or a sum beyond SSIZE_MAX.
func readv(c *Call) netbsd.Errno {
	return scatter(c, c.readOnce)
}

// preadv is preadv(int fd, const struct iovec *iov, int iovcnt, int pad, off_t offset).
func preadv(c *Call) netbsd.Errno {
	off := c.Long(4)
	if c.Int(2) == 0 {
		return netbsd.EINVAL
	}
	return c.seekErrno(scatter(c, func(d *file.Description, b []byte) (int, netbsd.Errno) {
		n, errno := d.Pread(c.L, b, off)
		off += int64(n)
		return n, errno
	}))
}

// scatter reads as much as the vector holds, and spreads it. That there is none comes before EBADF (do_filereadv).
func scatter(c *Call, f readFunc) netbsd.Errno {
	if c.Int(2) == 0 {
		return netbsd.EINVAL
	}
	d, errno := c.get(c.Int(0))
	if errno != 0 {
		return errno
	}
	defer d.Release()
	if !d.Readable() {
		return netbsd.EBADF
	}
	v, errno := c.fileVec()
	if errno != 0 {
		return errno
	}
	buf := ioBuffers.Get().(*[ioChunk]byte)
	defer ioBuffers.Put(buf)
	n := vecLen(v)
	if n > ioChunk && !readsWhole(d) {
		n = ioChunk
	}
	return inPieces(c, d, n, buf[:], f, func(_ uint64, b []byte) (errno netbsd.Errno) {
		v, errno = c.spread(v, b)
		return errno
	})
}

// spread stores b where a vector says, and returns what is left of the vector.
func (c *Call) spread(v []iovec, b []byte) ([]iovec, netbsd.Errno) {
	for len(b) > 0 {
		part := b[:min(uint64(len(b)), v[0].len)]
		if errno := c.copyout(v[0].base, part); errno != 0 {
			return v, errno
		}
		b = b[len(part):]
		v[0].base, v[0].len = v[0].base+uint64(len(part)), v[0].len-uint64(len(part))
		if v[0].len == 0 {
			v = v[1:]
		}
	}
	return v, 0
}

func vecLen(v []iovec) uint64 {
	var n uint64
	for _, e := range v {
		n += e.len
	}
	return n
}

// writev is writev(int fd, const struct iovec *iov, int iovcnt). As write; EINVAL: no part or
// more than IOV_MAX of them, or a sum beyond SSIZE_MAX.
func writev(c *Call) netbsd.Errno {
	return gather(c, -1, func(d *file.Description, b []byte) (int, netbsd.Errno) {
		return d.Write(c.L, b)
	})
}

// pwritev is pwritev(int fd, const struct iovec *iov, int iovcnt, int pad, off_t offset).
func pwritev(c *Call) netbsd.Errno {
	off := c.Long(4)
	if c.Int(2) == 0 {
		return netbsd.EINVAL
	}
	return c.seekErrno(gather(c, off, func(d *file.Description, b []byte) (int, netbsd.Errno) {
		n, errno := d.Pwrite(c.L, b, off)
		off += int64(n)
		return n, errno
	}))
}

// gather collects the vector into pieces as large as fit, so that a small one is
// written at once, atomically where the file promises that. No bytes at all are written, too: that can be a message.
func gather(c *Call, off int64, f readFunc) netbsd.Errno {
	if c.Int(2) == 0 {
		return netbsd.EINVAL // before EBADF, as do_filewritev
	}
	d, errno := c.get(c.Int(0))
	if errno != 0 {
		return errno
	}
	defer d.Release()
	if !d.Writable() {
		return netbsd.EBADF
	}
	v, errno := c.fileVec()
	if errno != 0 {
		return errno
	}
	c.countSent(d)
	if d.Sinks() {
		return c.ok(vecLen(v))
	}
	if limit, bound := c.L.Proc().FileSize(); bound && d.Exceeds(limit, vecLen(v), off) {
		return c.tooLarge()
	}
	buf := ioBuffers.Get().(*[ioChunk]byte)
	defer ioBuffers.Put(buf)
	var done uint64
	for first := true; first || vecLen(v) > 0; first = false {
		n, rest, errno := collect(c, v, buf[:])
		if errno == 0 {
			var w int
			w, errno = f(d, buf[:n])
			done += uint64(w)
			if errno == 0 && w < n {
				break
			}
		}
		if errno != 0 {
			return finishWrite(c, d, done, errno)
		}
		v = rest
	}
	return c.ok(done)
}

// collect copies from the vector until b is full; it returns what is left of the vector.
func collect(c *Call, v []iovec, b []byte) (int, []iovec, netbsd.Errno) {
	n := 0
	for len(v) > 0 && n < len(b) {
		part := min(v[0].len, uint64(len(b)-n))
		if errno := c.Space.Read(v[0].base, b[n:n+int(part)]); errno != 0 {
			return n, v, errno
		}
		n += int(part)
		if part < v[0].len {
			rest := append([]iovec{{v[0].base + part, v[0].len - part}}, v[1:]...)
			return n, rest, 0
		}
		v = v[1:]
	}
	return n, v, 0
}
