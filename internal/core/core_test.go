package core

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"errors"
	"testing"

	"toaster/netbsd"
)

// memory is a process's, in which some words are not zero.
type memory map[uint64]uint64

func (m memory) read(addr uint64, b []byte) error {
	clear(b)
	for a, v := range m {
		if a >= addr && a < addr+uint64(len(b)) {
			binary.LittleEndian.PutUint64(b[a-addr:], v)
		}
	}
	return nil
}

// sink is a file that is kept in memory, and counts what is written.
type sink struct {
	b       []byte
	written int
}

func (s *sink) write(b []byte, off int64) error {
	s.b = append(s.b, make([]byte, max(0, int(off)+len(b)-len(s.b)))...)
	copy(s.b[off:], b)
	s.written += len(b)
	return nil
}

const rw = netbsd.PROT_READ | netbsd.PROT_WRITE

// A core file has the memory that has data, without the zeroes at its end, and the notes behind
// the program headers (core_elf32.c).
func TestDump(t *testing.T) {
	m := memory{0x10000: 1, 0x10000 + 0x50000: 2, 0x90000 + 0x1008: 3}
	list := []Segment{
		{Start: 0x1000, End: 0x3000, Prot: netbsd.PROT_READ | netbsd.PROT_EXEC},
		{Start: 0x10000, End: 0x80000, Prot: rw, Data: true},
		{Start: 0x90000, End: 0x94000, Prot: rw, Data: true},
		{Start: 0xa0000, End: 0xb0000, Prot: rw, Data: true},
	}
	var n Notes
	n.Add(netbsd.CoreNoteName, netbsd.CORE_NOTE_PROCINFO, []byte("12345"))
	n.Add(netbsd.CoreNoteName+"@7", netbsd.CORE_NOTE_REGS, []byte("regs"))
	s := &sink{}
	if err := (&Dump{Read: m.read, Write: s.write}).Run(&n, list); err != nil {
		t.Fatal(err)
	}
	f, err := elf.NewFile(bytes.NewReader(s.b))
	if err != nil {
		t.Fatal(err)
	}
	if f.Type != elf.ET_CORE || f.Machine != elf.EM_X86_64 || len(f.Progs) != len(list)+1 {
		t.Fatalf("%v, %d program headers", f.FileHeader, len(f.Progs))
	}
	for i, want := range []struct {
		flags elf.ProgFlag
		size  uint64
	}{{elf.PF_R | elf.PF_X, 0}, {elf.PF_R | elf.PF_W, 0x50008}, {elf.PF_R | elf.PF_W, 0x1010}, {elf.PF_R | elf.PF_W, 0}} {
		p := f.Progs[i]
		if p.Type != elf.PT_LOAD || p.Vaddr != list[i].Start || p.Memsz != list[i].End-list[i].Start || p.Flags != want.flags || p.Filesz != want.size {
			t.Errorf("segment %d: %+v, want %d bytes", i, p.ProgHeader, want.size)
		}
		b := make([]byte, p.Filesz)
		p.ReadAt(b, 0)
		got := make([]byte, p.Filesz)
		if m.read(p.Vaddr, got); !bytes.Equal(b, got) {
			t.Errorf("segment %d differs from the memory", i)
		}
	}
	note := make([]byte, f.Progs[4].Filesz)
	f.Progs[4].ReadAt(note, 0)
	if want := "\x0c\x00\x00\x00\x05\x00\x00\x00\x01\x00\x00\x00NetBSD-CORE\x0012345\x00\x00\x00" +
		"\x0e\x00\x00\x00\x04\x00\x00\x00\x21\x00\x00\x00NetBSD-CORE@7\x00\x00\x00regs"; string(note) != want {
		t.Errorf("the notes are %q, want %q", note, want)
	}
	if s.written > 3*chunk {
		t.Errorf("%d bytes written: zeroes are no holes", s.written)
	}
}

// More program headers than the header can count are counted by a section's (PN_XNUM).
func TestManySegments(t *testing.T) {
	list := make([]Segment, 70000)
	for i := range list {
		list[i] = Segment{Start: uint64(i) << 13, End: uint64(i)<<13 + 0x1000, Prot: netbsd.PROT_READ}
	}
	s := &sink{}
	if err := (&Dump{Read: memory{}.read, Write: s.write}).Run(&Notes{}, list); err != nil {
		t.Fatal(err)
	}
	le := binary.LittleEndian
	if le.Uint16(s.b[56:]) != 0xffff || le.Uint64(s.b[40:]) != 64 || le.Uint32(s.b[64+44:]) != uint32(len(list)+1) {
		t.Errorf("%x", s.b[:128])
	}
}

// Pages at the end of a segment that cannot be read, as those behind the end of a file are, are left out as zeroes are
// (coredump_getseghdrs). If there is such a page in front of others there is no core file.
func TestDumpOfMemoryThatCannotBeRead(t *testing.T) {
	no := errors.New("no")
	m := memory{0x10000: 1, 0x40008: 2, 0x90000: 3}
	without := func(from, to uint64) func(uint64, []byte) error {
		return func(addr uint64, b []byte) error {
			if addr < to && addr+uint64(len(b)) > from {
				return no
			}
			return m.read(addr, b)
		}
	}
	list := []Segment{{Start: 0x10000, End: 0x80000, Prot: rw, Data: true}, {Start: 0x90000, End: 0x91000, Prot: rw, Data: true}}
	for _, test := range []struct {
		from, to uint64
		size     []uint64
		err      error
	}{
		{0, 0, []uint64{0x30010, 8}, nil},
		{0x41000, 0x80000, []uint64{0x30010, 8}, nil},
		{0x40000, 0x80000, []uint64{8, 8}, nil},
		{0x11000, 0x80000, []uint64{8, 8}, nil},
		{0x90000, 0x91000, []uint64{0x30010, 0}, nil},
		{0x20000, 0x30000, nil, no},
	} {
		s := &sink{}
		err := (&Dump{Read: without(test.from, test.to), Write: s.write}).Run(&Notes{}, list)
		if err != test.err {
			t.Errorf("%#x to %#x: %v", test.from, test.to, err)
		}
		for i, size := range test.size {
			if got := binary.LittleEndian.Uint64(s.b[headerSize+phdrSize*i+32:]); got != size {
				t.Errorf("%#x to %#x: segment %d has %#x bytes, want %#x", test.from, test.to, i, got, size)
			}
		}
	}
}

// What cannot be read, written or is too much ends a dump.
func TestDumpFails(t *testing.T) {
	no := errors.New("no")
	list := []Segment{{Start: 0x1000, End: 0x2000, Prot: rw, Data: true}}
	if err := (&Dump{Read: func(uint64, []byte) error { return no }, Write: (&sink{}).write}).Run(&Notes{}, list); err != no {
		t.Errorf("a read that fails: %v", err)
	}
	if err := (&Dump{Read: memory{}.read, Write: func([]byte, int64) error { return no }}).Run(&Notes{}, list); err != no {
		t.Errorf("a write that fails: %v", err)
	}
	list[0].End = list[0].Start + MaxSize + 0x1000
	if err := (&Dump{Read: memory{}.read, Write: (&sink{}).write}).Run(&Notes{}, list); err != ErrTooLarge {
		t.Errorf("too much memory: %v", err)
	}
}
