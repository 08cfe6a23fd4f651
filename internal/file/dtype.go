package file

import (
	"sync/atomic"

	"toaster/netbsd"
)

// This file says what an open file is to those who list them: sysctl(3) and /dev/kmem.

// Typed is implemented by files that are in no file system.
type Typed interface {
	// Dtype returns DTYPE_* of sys/file.h.
	Dtype() uint32
}

// DtypeOf is f_type: that of a vnode, unless the file says otherwise.
func DtypeOf(f File) uint32 {
	if t, ok := f.(Typed); ok {
		return t.Dtype()
	}
	return netbsd.DTYPE_VNODE
}

// Dtype implements Typed.
func (*pipeReader) Dtype() uint32 { return netbsd.DTYPE_PIPE }

// Dtype implements Typed.
func (*pipeWriter) Dtype() uint32 { return netbsd.DTYPE_PIPE }

// Dtype implements Typed.
func (*semFile) Dtype() uint32 { return netbsd.DTYPE_SEM }

// Dtype implements Typed.
func (*eventfd) Dtype() uint32 { return netbsd.DTYPE_EVENTFD }

// Dtype implements Typed.
func (*Timer) Dtype() uint32 { return netbsd.DTYPE_TIMERFD }

// Dtype implements Typed.
func (*Memfd) Dtype() uint32 { return netbsd.DTYPE_MEMFD }

// ArePeers reports whether two files are the ends of one pipe(2).
func ArePeers(a, b File) bool {
	r, ok := a.(*pipeReader)
	w, ok2 := b.(*pipeWriter)
	if !ok && !ok2 {
		r, ok = b.(*pipeReader)
		w, ok2 = a.(*pipeWriter)
	}
	return ok && ok2 && r.pipe == w.pipe
}

// Number returns a number by which d is told from the other open files of its machine, and never 0. It is taken from next, the machine's
// count, when somebody first asks.
func (d *Description) Number(next *atomic.Uint64) uint64 {
	if n := d.number.Load(); n != 0 {
		return n
	}
	d.number.CompareAndSwap(0, next.Add(1))
	return d.number.Load()
}

// References is how many there are to d: f_count.
func (d *Description) References() int { return int(d.refs.Load()) }

// SemInfo describes an open semaphore.
type SemInfo struct {
	Name           string
	Value          uint32
	Open, Sleepers int
	Mode, UID, GID uint32
	Unlinked       bool // no name leads to it any more
}

// SemInfoOf describes an open file that is one.
func SemInfoOf(f File) (SemInfo, bool) {
	s, ok := f.(*semFile)
	if !ok {
		return SemInfo{}, false
	}
	k := s.sem
	k.mu.Lock()
	defer k.mu.Unlock()
	return SemInfo{k.name, k.value, k.open, k.sleepers, k.mode, k.uid, k.gid, k.unlinked}, true
}
