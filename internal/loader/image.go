// Package loader turns an executable file into a description of what to map, and
// arguments into the first page of a stack. It maps nothing itself and opens no file:
// whoever calls it does.
package loader

import (
	"io"

	"toaster/netbsd"
)

// Image describes an executable. Exactly one of Script and Segments is set.
type Image struct {
	Script   *Script   // a #! file: load its interpreter instead
	Segments []Segment // in ascending order, page aligned
	Entry    uint64
	Interp   string // PT_INTERP: the dynamic linker that must be loaded, too
	PIE      bool   // ET_DYN: addresses count from 0 until Place
	Base     uint64 // what Place added
	Phdr     uint64 // address of the program headers, 0 if they are not mapped
	Phent    uint64
	Phnum    uint64
	Version  int32  // of NetBSD, from the note: 1000000000 is 10.0
	PaX      uint32 // flags of the PaX note (paxctl(8)), PaXNoMprotect among them
	Low, End uint64 // the span of all segments; End is where break begins
	Data     uint64 // where its data begin (ep_daddr): the last segment that is no code
	DataLen  uint64 // and how long they are, of which RLIMIT_DATA counts (ep_dsize)
	TextLen  uint64 // how long the longest segment of code is (ep_tsize)
}

// Flags of Image.PaX: ELF_NOTE_PAX_MPROTECT and ELF_NOTE_PAX_NOMPROTECT of sys/exec_elf.h. The program is to have PaX
// MPROTECT, or to do without.
const (
	PaXMprotect   = 1
	PaXNoMprotect = 2
)

// Segment is one part to be mapped, with whole pages. The first FileLen bytes come
// from the file; what follows is anonymous memory. Zero bytes at ZeroAt, inside the
// file's last page, must be cleared: they are not the segment's.
type Segment struct {
	Addr, Len uint64
	FileOff   int64
	FileLen   uint64 // a multiple of the page size
	ZeroAt    uint64
	ZeroLen   uint64
	Prot      int
}

// Load reads an executable of the given size. What is not a NetBSD/amd64 executable
// or a script returns an *Error that says what it is instead.
func Load(r io.ReaderAt, size int64) (*Image, error) {
	head := make([]byte, min(size, scriptMax))
	if n, err := r.ReadAt(head, 0); err != nil && err != io.EOF {
		return nil, &Error{Kind: Unreadable, Detail: err.Error(), Errno: netbsd.EIO}
	} else if n < len(head) {
		head = head[:n]
	}
	switch {
	case len(head) == 0:
		return nil, fail(Empty, "")
	case isELF(head):
		return loadELF(r, size, head)
	case string(head[:min(2, len(head))]) == "#!":
		return loadScript(head)
	}
	return nil, guess(head)
}

// Place moves a position-independent image to base, which must be page aligned.
func (m *Image) Place(base uint64) error {
	if !m.PIE || base%netbsd.PageSize != 0 || base < netbsd.MinAddress || base > netbsd.StackTop-m.End+m.Base {
		return fail(Malformed, "it cannot be placed there")
	}
	d := base - m.Base
	for i := range m.Segments {
		m.Segments[i].Addr += d
		if m.Segments[i].ZeroLen != 0 {
			m.Segments[i].ZeroAt += d
		}
	}
	m.Entry += d
	if m.Phdr != 0 {
		m.Phdr += d
	}
	m.Low, m.End, m.Data, m.Base = m.Low+d, m.End+d, m.Data+d, base
	return nil
}

func pageDown(a uint64) uint64 { return a &^ (netbsd.PageSize - 1) }
func pageUp(a uint64) uint64   { return (a + netbsd.PageSize - 1) &^ (netbsd.PageSize - 1) }
