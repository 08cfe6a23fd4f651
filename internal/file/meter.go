package file

import (
	"io"
	"sync"
	"sync/atomic"

	"toaster/netbsd"
)

// A Meter bounds the bytes that guests write to some descriptions, such as the standard
// output and error that a machine was started with. What dup(2) and fork(2) make of
// these is the same description, and so counts. A program of the host that inherits one
// writes past the kernel, and does not count.
type Meter struct {
	left atomic.Int64
	once sync.Once
	over func()
}

// NewMeter lets so many bytes pass, and calls over, once, when more are wanted.
func NewMeter(bytes int64, over func()) *Meter {
	m := &Meter{over: over}
	m.left.Store(bytes)
	return m
}

// SetMeter has m count what is written to d, before anybody else knows d.
func (d *Description) SetMeter(m *Meter) { d.meter = m }

// Metered reports whether writes are counted; memory of such a file must not be shared,
// as stores to it are no writes.
func (d *Description) Metered() bool { return d.meter != nil }

// write makes a write of b of which at most what is left is done. EFBIG once nothing is
// left, as at RLIMIT_FSIZE (write(2)).
func (m *Meter) write(b []byte, f func([]byte) (int, netbsd.Errno)) (int, netbsd.Errno) {
	may := m.take(len(b))
	if may < len(b) {
		defer m.once.Do(m.over)
		if may == 0 {
			return 0, netbsd.EFBIG
		}
	}
	n, errno := f(b[:may])
	m.left.Add(int64(may - n))
	return n, errno
}

// take reserves up to n bytes before they are written, so that two LWPs together never
// write more than is left; write puts back what was not used.
func (m *Meter) take(n int) int {
	for {
		left := m.left.Load()
		may := min(int64(n), left)
		if m.left.CompareAndSwap(left, left-may) {
			return int(may)
		}
	}
}

// Writer returns a writer to w each of whose writes m counts, and makes whole or not at all: EFBIG. A nil m counts
// nothing, and a nil w stays nil.
func (m *Meter) Writer(w io.Writer) io.Writer {
	if m == nil || w == nil {
		return w
	}
	return meteredWriter{m, w}
}

type meteredWriter struct {
	m *Meter
	w io.Writer
}

func (w meteredWriter) Write(b []byte) (int, error) {
	if may := w.m.take(len(b)); may < len(b) {
		w.m.left.Add(int64(may))
		w.m.once.Do(w.m.over)
		return 0, netbsd.EFBIG
	}
	return w.w.Write(b)
}
