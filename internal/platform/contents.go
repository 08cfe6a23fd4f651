package platform

import (
	"encoding/binary"
	"os"
	"strconv"

	"golang.org/x/sys/unix"

	"toaster/internal/platform/stub"
)

// contentsPiece is how much Contents reads at once. Its page table is one page of the host's (proc_pid_pagemap(5)).
const contentsPiece = 2 << 20

// Contents calls f with what is in a range of the guest's memory, in order, in pieces of 2 MiB at most, whatever its protection, as Peek does. It
// leaves out what cannot be read, as behind the end of a file, and of private anonymous memory what has not been touched: so however much of that
// there is, it takes little time.
//
// It reports false once f has, or the process is dead or about to die: a guest that is killed keeps nobody waiting. b is f's until it returns.
func (q *Process) Contents(addr, size uint64, anonymous bool, f func(at uint64, b []byte) bool) bool {
	if !stub.InGuestRange(addr, size) {
		return false
	}
	return q.accessMemory(unix.O_RDONLY, addr, nil, func(m guestMemory) bool {
		var touched pagemap
		if anonymous {
			touched = q.openPagemap()
			defer touched.close()
		}
		buf := make([]byte, min(size, contentsPiece))
		for at, end := addr, addr+size; at < end; at += uint64(len(buf)) {
			if q.ended.Load() {
				return false
			}
			b := buf[:min(uint64(len(buf)), end-at)]
			if !touched.any(at, uint64(len(b))) {
				continue
			}
			b = b[:m.readUpTo(at, b)]
			if len(b) > 0 && !(q.veil(m, at, b) && f(at, b)) {
				return false
			}
		}
		return !q.ended.Load()
	})
}

// readUpTo fills b from addr on, as far as there is memory, and returns how far that is.
func (m guestMemory) readUpTo(addr uint64, b []byte) (done int) {
	for done < len(b) {
		n, err := unix.Pread(int(m), b[done:], int64(addr)+int64(done))
		if err == unix.EINTR {
			continue
		}
		if err != nil || n <= 0 {
			break
		}
		done += n
	}
	return done
}

// A pagemap says which pages of a process there are; nil says of all that they may be there.
type pagemap struct{ *os.File }

// openPagemap returns that of q, whose pid nobody else has yet: its memory is open.
func (q *Process) openPagemap() pagemap {
	f, err := os.Open("/proc/" + strconv.Itoa(q.pid) + "/pagemap")
	if err != nil {
		return pagemap{}
	}
	return pagemap{f}
}

func (p pagemap) close() {
	if p.File != nil {
		p.Close()
	}
}

// any says whether a range may have a page that is in memory or has been swapped out: the two highest bits of a page's 8 bytes. size is up to
// contentsPiece.
func (p pagemap) any(addr, size uint64) bool {
	if p.File == nil {
		return true
	}
	var b [8 * (contentsPiece/PageSize + 1)]byte
	first := addr / PageSize
	entries := b[:8*((addr+size+PageSize-1)/PageSize-first)]
	if _, err := p.ReadAt(entries, int64(8*first)); err != nil {
		return true
	}
	for ; len(entries) > 0; entries = entries[8:] {
		if binary.LittleEndian.Uint64(entries)>>62 != 0 {
			return true
		}
	}
	return false
}
