package loader

import (
	"encoding/binary"
	"fmt"
	"io"

	"toaster/netbsd"
)

// This file reads ELF by hand rather than with debug/elf: the kernel looks at
// program headers only, must not be led by sizes a hostile file claims, and has to
// say what is wrong.

var le = binary.LittleEndian

const (
	ehsize, phsize = 64, 56
	maxPhnum       = 128 // as NetBSD limits it
	maxShnum       = 32768
	maxNote        = 1024 // the longest segment of notes that is looked at (ELF_MAXNOTESIZE)
	maxSegments    = 64

	etExec, etDyn           = 2, 3
	emX8664                 = 62
	ptLoad, ptInterp        = 1, 3
	ptNote, ptPhdr          = 4, 6
	pfX, pfW, pfR           = 1, 2, 4
	osabiNetBSD, osabiLinux = 2, 3
	ntNetBSDIdent           = 1
	ntPaX                   = 3
)

type phdr struct {
	typ, flags                        uint32
	off, vaddr, filesz, memsz, pAlign uint64
}

func isELF(head []byte) bool { return len(head) >= 4 && string(head[:4]) == "\x7fELF" }

// loadELF describes an ELF file. Every number in it may be a hostile guest's, who runs what it
// has written itself: each is compared with the file's length or a bound of NetBSD's before
// it is used to read, to allocate or to add. Whose program it is comes before what is wrong
// with its segments, as a message about a foreign program's segments would help nobody.
func loadELF(r io.ReaderAt, size int64, head []byte) (*Image, error) {
	if len(head) < 20 {
		return nil, fail(Truncated, "the ELF header is incomplete")
	}
	machine, typ := fileMachine(head), le.Uint16(head[16:])
	if head[4] != 2 || head[5] != 1 || machine != emX8664 {
		return nil, fail(OtherArch, archName(head, machine))
	}
	if len(head) < ehsize {
		return nil, fail(Truncated, "the ELF header is incomplete")
	}
	if typ != etExec && typ != etDyn {
		return nil, fail(NotExec, typeName(typ))
	}
	if n := le.Uint16(head[60:]); n > maxShnum {
		return nil, fail(Malformed, fmt.Sprintf("it has %d sections", n))
	}
	phs, err := readPhdrs(r, size, head)
	if err != nil {
		return nil, err
	}
	if err := checkLength(phs, size); err != nil {
		return nil, err
	}
	notes := readNotes(r, phs)
	interp, err := readInterp(r, size, phs)
	if err != nil {
		return nil, err
	}
	if notes.netbsd == 0 {
		return nil, notNetBSD(head[7], notes, interp)
	}
	m := &Image{Interp: interp, PIE: typ == etDyn, Version: notes.netbsd, PaX: notes.pax, Entry: le.Uint64(head[24:])}
	if err := m.addSegments(phs, size); err != nil {
		return nil, err
	}
	m.findPhdr(phs, le.Uint64(head[32:]))
	m.Phent = uint64(le.Uint16(head[54:]))
	return m, m.checkEntry()
}

// readPhdrs reads the program headers, of which there may be maxPhnum. They have the size that they have, whatever e_phentsize says, which is
// passed on to the program alone (exec_elf_makecmds).
func readPhdrs(r io.ReaderAt, size int64, head []byte) ([]phdr, error) {
	off, num := le.Uint64(head[32:]), int(le.Uint16(head[56:]))
	switch {
	case num == 0 || num > maxPhnum:
		return nil, fail(Malformed, fmt.Sprintf("it has %d program headers", num))
	case off > uint64(size) || uint64(num*phsize) > uint64(size)-off:
		return nil, fail(Truncated, "its program headers are missing")
	}
	b := make([]byte, num*phsize)
	if _, err := r.ReadAt(b, int64(off)); err != nil && err != io.EOF {
		return nil, &Error{Kind: Unreadable, Errno: netbsd.EIO, Detail: err.Error()}
	}
	l := make([]phdr, num)
	for i := range l {
		p := b[i*phsize:]
		l[i] = phdr{le.Uint32(p), le.Uint32(p[4:]), le.Uint64(p[8:]), le.Uint64(p[16:]),
			le.Uint64(p[32:]), le.Uint64(p[40:]), le.Uint64(p[48:])}
	}
	return l, nil
}

// readInterp returns the path of the dynamic linker (PT_INTERP), "" if there is none.
func readInterp(r io.ReaderAt, size int64, phs []phdr) (string, error) {
	for _, p := range phs {
		if p.typ != ptInterp {
			continue
		}
		if p.filesz < 2 || p.filesz > netbsd.PATH_MAX {
			return "", fail(Malformed, "the path of its dynamic linker has a bad length")
		}
		if p.off > uint64(size) || p.filesz > uint64(size)-p.off {
			return "", fail(Truncated, "the path of its dynamic linker is missing")
		}
		b := make([]byte, p.filesz)
		if _, err := r.ReadAt(b, int64(p.off)); err != nil && err != io.EOF {
			return "", &Error{Kind: Unreadable, Errno: netbsd.EIO, Detail: err.Error()}
		}
		path := cString(b)
		if len(path) != len(b)-1 {
			return "", fail(Malformed, "the path of its dynamic linker does not end where it should")
		}
		return path, nil
	}
	return "", nil
}

func cString(b []byte) string {
	for i, c := range b {
		if c == 0 {
			return string(b[:i])
		}
	}
	return string(b)
}

// addSegments describes what is to be mapped. An upper bound for their number keeps what the
// kernel remembers of one execve small.
func (m *Image) addSegments(phs []phdr, size int64) error {
	var last uint64 // end of the bytes of the segment before
	for _, p := range phs {
		if p.typ != ptLoad || p.memsz == 0 {
			continue
		}
		if len(m.Segments) == maxSegments {
			return fail(Malformed, "it has too many segments")
		}
		if err := m.checkLoad(p, size, last); err != nil {
			return err
		}
		last = p.vaddr + p.memsz
		m.Segments = append(m.Segments, segmentOf(p))
	}
	if len(m.Segments) == 0 {
		return fail(Malformed, "it has nothing to load")
	}
	m.Low = m.Segments[0].Addr
	m.End = pageUp(last)
	m.findData(phs)
	return nil
}

// findData is what exec_elf_makecmds notes of text and data: the longest segment of code, and the last one that is none, be it empty. Bss counts if it has pages
// of its own. Where all is code there are no data, and they begin behind it.
func (m *Image) findData(phs []phdr) {
	m.Data = m.End
	for _, p := range phs {
		if p.typ != ptLoad {
			continue
		}
		diff := p.vaddr % netbsd.PageSize
		size := p.filesz + diff
		if pageUp(p.memsz+diff) != pageUp(size) {
			size = p.memsz + diff
		}
		if p.flags&pfX != 0 {
			m.TextLen = max(m.TextLen, size)
		} else {
			m.Data, m.DataLen = p.vaddr-diff, size
		}
	}
}

// checkLoad refuses a segment that cannot be mapped where it wants to be. last is the end
// of the one before: that they are in order is the format's rule, and what makes it enough
// to compare neighbours. The sum of address and length may wrap around.
func (m *Image) checkLoad(p phdr, size int64, last uint64) error {
	end := p.vaddr + p.memsz
	switch {
	case p.memsz < p.filesz:
		return fail(Malformed, "a segment is smaller in memory than in the file")
	case end < p.vaddr || end > netbsd.StackTop:
		return fail(Malformed, "a segment lies beyond the user address space")
	case !m.PIE && p.vaddr < netbsd.MinAddress:
		return fail(Malformed, "a segment lies in page zero")
	case p.vaddr < last:
		return fail(Malformed, "segments overlap or are out of order")
	case p.filesz > 0 && (p.off-p.vaddr)%netbsd.PageSize != 0:
		return fail(Malformed, "a segment's offset does not fit its address")
	}
	return nil
}

// checkLength looks whether the file holds what its program headers say, before
// anything is concluded from what it lacks.
func checkLength(phs []phdr, size int64) error {
	for _, p := range phs {
		if p.typ == ptLoad && (p.off > uint64(size) || p.filesz > uint64(size)-p.off) {
			return fail(Truncated, fmt.Sprintf("it should have %d bytes, but has %d", p.off+p.filesz, size))
		}
	}
	return nil
}

// segmentOf rounds a segment to pages. What the last page of the file has behind the
// segment's bytes must read as zeros (ZeroAt), or the program's bss would begin with
// whatever follows in the file.
func segmentOf(p phdr) Segment {
	start := pageDown(p.vaddr)
	fileEnd, end := p.vaddr+p.filesz, pageUp(p.vaddr+p.memsz)
	s := Segment{Addr: start, Len: end - start, Prot: protOf(p.flags)}
	if p.filesz == 0 {
		return s
	}
	s.FileOff = int64(p.off - (p.vaddr - start))
	s.FileLen = pageUp(fileEnd) - start
	if p.memsz > p.filesz && fileEnd%netbsd.PageSize != 0 {
		s.ZeroAt = fileEnd
		s.ZeroLen = pageUp(fileEnd) - fileEnd
	}
	return s
}

func protOf(flags uint32) (prot int) {
	if flags&pfR != 0 {
		prot |= netbsd.PROT_READ
	}
	if flags&pfW != 0 {
		prot |= netbsd.PROT_WRITE
	}
	if flags&pfX != 0 {
		prot |= netbsd.PROT_EXEC
	}
	return prot
}

// findPhdr says where the program headers are in memory: PT_PHDR says so, mapped or not, else the
// segment that has the beginning of the file; of several the last one (exec_elf_makecmds).
func (m *Image) findPhdr(phs []phdr, phoff uint64) {
	m.Phnum = uint64(len(phs))
	var said, computed uint64
	for _, p := range phs {
		switch {
		case p.typ == ptPhdr:
			said = p.vaddr
		case p.typ == ptLoad && p.off == 0:
			computed = p.vaddr + phoff
		}
	}
	if m.Phdr = said; said == 0 {
		m.Phdr = computed
	}
}

func (m *Image) mapped(a uint64) bool {
	for _, s := range m.Segments {
		if a >= s.Addr && a-s.Addr < s.Len {
			return true
		}
	}
	return false
}

// checkEntry refuses an entry point where nothing is mapped: the program would die of its
// first instruction, with nobody left to tell why.
func (m *Image) checkEntry() error {
	if !m.mapped(m.Entry) {
		return fail(Malformed, "its entry point is outside of its segments")
	}
	return nil
}

// LoadText describes the segments of an ELF file that is mapped by programs themselves, such as a
// shared object, with addresses as they stand there. It may be anybody's: a note is not asked for.
// The error is an *Error.
func LoadText(r io.ReaderAt, size int64) (*Image, error) {
	head := make([]byte, ehsize)
	if n, err := r.ReadAt(head, 0); n < len(head) && err != nil || !isELF(head) || head[4] != 2 || head[5] != 1 || fileMachine(head) != emX8664 {
		return nil, fail(NotExec, "it is no ELF file for this machine")
	}
	phs, err := readPhdrs(r, size, head)
	if err != nil {
		return nil, err
	}
	if err := checkLength(phs, size); err != nil {
		return nil, err
	}
	m := &Image{PIE: true}
	return m, m.addSegments(phs, size)
}
