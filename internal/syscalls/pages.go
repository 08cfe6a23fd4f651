package syscalls

import (
	"bytes"
	"sync"

	"toaster/netbsd"
)

// pages reads guest memory by the page, and keeps the last one: what lies close
// together, as vectors and the strings of an environment do, is fetched at once.
// It belongs to one call, as its page is what the guest had there when it was read.
type pages struct {
	space Space
	at    uint64
	read  bool // page holds what is at at
	page  [pageSize]byte
}

const pageSize = 4096

// pagePool has pages of calls that are done: an execve(2) reads four, and fresh memory for each would be faulted in.
var pagePool = sync.Pool{New: func() any { return new(pages) }}

// pagesOf returns pages of a space, which the caller passes back by its done.
func pagesOf(space Space) *pages {
	r := pagePool.Get().(*pages)
	r.space, r.read = space, false
	return r
}

// done passes r on to the next call.
func (r *pages) done() {
	r.space = nil
	pagePool.Put(r)
}

// from returns the bytes from addr to the end of its page.
func (r *pages) from(addr uint64) ([]byte, netbsd.Errno) {
	base := addr &^ (pageSize - 1)
	if !r.read || r.at != base {
		if errno := r.space.Read(base, r.page[:]); errno != 0 {
			r.read = false
			return nil, errno
		}
		r.at, r.read = base, true
	}
	return r.page[addr-base:], 0
}

// word reads eight bytes, which may lie in two pages.
func (r *pages) word(addr uint64) (uint64, netbsd.Errno) {
	var w [8]byte
	for n := 0; n < len(w); {
		b, errno := r.from(addr + uint64(n))
		if errno != 0 {
			return 0, errno
		}
		n += copy(w[n:], b)
	}
	return le64(w[:]), 0
}

// string reads up to a NUL, as Space.ReadString does.
func (r *pages) string(addr uint64, limit int) (string, netbsd.Errno) {
	var out []byte
	for {
		b, errno := r.from(addr + uint64(len(out)))
		if errno != 0 {
			return "", errno
		}
		if n := bytes.IndexByte(b, 0); n >= 0 && len(out)+n < limit {
			if out == nil { // as nearly always
				return string(b[:n]), 0
			}
			return string(append(out, b[:n]...)), 0
		}
		if out = append(out, b...); len(out) >= limit {
			return "", netbsd.ENAMETOOLONG
		}
	}
}
