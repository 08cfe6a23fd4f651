// Package core writes core files as NetBSD's kernel does (core_elf32.c): an ELF file with the
// notes of a process, and a segment for each piece of its memory. It knows nothing of
// processes: the caller says what is in the notes, where memory is, and how to read it.
package core

import (
	"encoding/binary"
	"errors"

	"toaster/netbsd"
)

// Notes are a core file's notes, in their order.
type Notes struct{ b []byte }

// Add adds one; names and contents are padded to four bytes.
func (n *Notes) Add(name string, typ uint32, desc []byte) {
	le := binary.LittleEndian
	n.b = le.AppendUint32(n.b, uint32(len(name)+1))
	n.b = le.AppendUint32(n.b, uint32(len(desc)))
	n.b = le.AppendUint32(n.b, typ)
	n.b = append(n.b, name...)
	n.b = pad(append(n.b, 0))
	n.b = pad(append(n.b, desc...))
}

func pad(b []byte) []byte { return append(b, make([]byte, -len(b)&3)...) }

// Segment is a piece of memory, of whole pages. Only what has Data is in the file: text can be
// read from the executable, and nobody can have looked at what is not to be read.
type Segment struct {
	Start, End uint64
	Prot       int
	Data       bool
}

// MaxSize is how much memory a core file may have at most. NetBSD has no such limit but
// RLIMIT_CORE's; here memory that was reserved and never touched would have to be looked
// through, at the host's cost.
const MaxSize = 4 << 30

// ErrTooLarge says that a core file would have more than MaxSize.
var ErrTooLarge = errors.New("core: too large")

// Size is how much memory the segments would put into a file.
func Size(list []Segment) (n uint64) {
	for _, s := range list {
		if s.Data {
			n += s.End - s.Start
		}
	}
	return n
}

// A Dump is a core file that is being written.
type Dump struct {
	// Read fills b from memory at addr. An error means that a page is not there. If none is, as where the process was
	// killed meanwhile, the dump ends.
	Read func(addr uint64, b []byte) error
	// Write stores b in the file, which is empty before, at off.
	Write func(b []byte, off int64) error

	buf  [chunk]byte
	read bool  // anything
	err  error // the last one of Read
}

// chunk is how much memory is copied at once.
const chunk = 64 << 10

const (
	headerSize  = 64
	phdrSize    = 56
	shdrSize    = 64
	moreHeaders = 0xffff // PN_XNUM: the count of program headers is in a section's header

	ptLoad, ptNote = 1, 4
	etCore         = 4
	emX86_64       = 62
)

// phdr is a program header.
type phdr struct {
	typ, flags            uint32
	off, addr, file, size uint64
	align                 uint64
}

func (p *phdr) append(b []byte) []byte {
	le := binary.LittleEndian
	b = le.AppendUint32(le.AppendUint32(b, p.typ), p.flags)
	for _, v := range [...]uint64{p.off, p.addr, 0, p.file, p.size, p.align} {
		b = le.AppendUint64(b, v)
	}
	return b
}

// Run writes the file: headers, notes, memory. Zeroes at the end of a segment are left out, and
// others are holes in the file.
func (d *Dump) Run(notes *Notes, list []Segment) error {
	if Size(list) > MaxSize {
		return ErrTooLarge
	}
	count := len(list) + 1
	head := header(count)
	at := uint64(len(head) + phdrSize*count)
	note := phdr{typ: ptNote, flags: 4, off: at, file: uint64(len(notes.b)), align: 4}
	at += note.file
	heads := make([]phdr, len(list))
	for i, s := range list {
		heads[i] = phdr{typ: ptLoad, flags: flags(s.Prot), off: at, addr: s.Start, size: s.End - s.Start, align: netbsd.PageSize}
		if s.Data {
			heads[i].file = d.used(s)
			at += heads[i].file
		}
		head = heads[i].append(head)
	}
	if d.err != nil && !d.read {
		return d.err
	}
	head = append(note.append(head), notes.b...)
	if err := d.Write(head, 0); err != nil {
		return err
	}
	for i := range heads {
		if err := d.copy(&heads[i]); err != nil {
			return err
		}
	}
	return nil
}

// header is the ELF header, with the one of a section behind it where there are too many program
// headers for it to count.
func header(count int) []byte {
	le := binary.LittleEndian
	b := make([]byte, headerSize)
	copy(b, "\x7fELF\x02\x01\x01")
	le.PutUint16(b[16:], etCore)
	le.PutUint16(b[18:], emX86_64)
	le.PutUint32(b[20:], 1)
	le.PutUint64(b[32:], headerSize)
	le.PutUint16(b[52:], headerSize)
	le.PutUint16(b[54:], phdrSize)
	le.PutUint16(b[56:], uint16(min(count, moreHeaders)))
	if count < moreHeaders {
		return b
	}
	le.PutUint64(b[32:], headerSize+shdrSize)
	le.PutUint64(b[40:], headerSize)
	le.PutUint16(b[58:], shdrSize)
	le.PutUint16(b[60:], 1)
	s := make([]byte, shdrSize)
	le.PutUint32(s[44:], uint32(count)) // sh_info
	return append(b, s...)
}

// flags turns a protection into PF_R and its like, whose bits are the other way round.
func flags(prot int) uint32 {
	return uint32(prot&netbsd.PROT_READ<<2 | prot&netbsd.PROT_WRITE | prot&netbsd.PROT_EXEC>>2)
}

// used is how much of a segment there is without the zeroes at its end, in words, and the pages there that cannot be read.
func (d *Dump) used(s Segment) uint64 {
	for end := s.End; end > s.Start; {
		b := d.tail(s.Start, end)
		end -= uint64(len(b))
		for i := len(b); i > 0; i -= 8 {
			if binary.LittleEndian.Uint64(b[i-8:]) != 0 {
				return end + uint64(i) - s.Start
			}
		}
	}
	return 0
}

// tail reads memory between start and end, some of it before end, at least a page. If that cannot be read it is zeroes.
func (d *Dump) tail(start, end uint64) []byte {
	for _, most := range [...]uint64{chunk, netbsd.PageSize} {
		b := d.buf[:min(most, end-start)]
		if err := d.Read(end-uint64(len(b)), b); err != nil {
			d.err = err
			continue
		}
		d.read = true
		return b
	}
	b := d.buf[:min(netbsd.PageSize, end-start)]
	clear(b)
	return b
}

// copy stores a segment's memory. Between the look for its end and now it may have become 0.
func (d *Dump) copy(p *phdr) error {
	for done := uint64(0); done < p.file; {
		b := d.buf[:min(chunk, p.file-done)]
		if err := d.Read(p.addr+done, b); err != nil {
			return err
		}
		last := done+uint64(len(b)) == p.file // else the file would be too short
		if last || !zero(b) {
			if err := d.Write(b, int64(p.off+done)); err != nil {
				return err
			}
		}
		done += uint64(len(b))
	}
	return nil
}

func zero(b []byte) bool {
	for ; len(b) >= 8; b = b[8:] {
		if binary.LittleEndian.Uint64(b) != 0 {
			return false
		}
	}
	return true
}
