package loader

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"toaster/netbsd"
)

// elf builds a small NetBSD/amd64 executable, which tests then damage.
type elf struct {
	typ, machine  uint16
	osabi         byte
	entry         uint64
	phs           []phdr
	note          bool
	size          int
	interp        string
	phnum, phsize int
	shnum         uint16
}

func newELF() *elf {
	return &elf{
		typ: etExec, machine: emX8664, osabi: 2, entry: 0x401000, note: true, size: 0x3000,
		phs: []phdr{
			{typ: ptLoad, flags: pfR | pfX, off: 0, vaddr: 0x400000, filesz: 0x1800, memsz: 0x1800},
			{typ: ptLoad, flags: pfR | pfW, off: 0x1800, vaddr: 0x402800, filesz: 0x500, memsz: 0x3000},
		},
	}
}

func (e *elf) bytes() []byte {
	b := make([]byte, e.size)
	copy(b, "\x7fELF\x02\x01\x01")
	b[7] = e.osabi
	le.PutUint16(b[16:], e.typ)
	le.PutUint16(b[18:], e.machine)
	le.PutUint64(b[24:], e.entry)
	le.PutUint64(b[32:], ehsize)
	le.PutUint16(b[54:], uint16(phsize+e.phsize))
	le.PutUint16(b[60:], e.shnum)
	phs := slices.Clone(e.phs)
	if e.note {
		copy(b[0x800:], "\x07\x00\x00\x00\x04\x00\x00\x00\x01\x00\x00\x00NetBSD\x00\x00\x00\xca\x9a\x3b")
		phs = append(phs, phdr{typ: ptNote, off: 0x800, filesz: 24})
	}
	if e.interp != "" {
		copy(b[0x900:], e.interp)
		phs = append(phs, phdr{typ: ptInterp, off: 0x900, filesz: uint64(len(e.interp) + 1)})
	}
	le.PutUint16(b[56:], uint16(len(phs)+e.phnum))
	for i, p := range phs {
		q := b[ehsize+i*phsize:]
		le.PutUint32(q, p.typ)
		le.PutUint32(q[4:], p.flags)
		le.PutUint64(q[8:], p.off)
		le.PutUint64(q[16:], p.vaddr)
		le.PutUint64(q[32:], p.filesz)
		le.PutUint64(q[40:], p.memsz)
	}
	return b
}

func load(b []byte) (*Image, error) { return Load(bytes.NewReader(b), int64(len(b))) }

func TestLoad(t *testing.T) {
	m, err := load(newELF().bytes())
	if err != nil {
		t.Fatal(err)
	}
	want := []Segment{
		{Addr: 0x400000, Len: 0x2000, FileLen: 0x2000, Prot: netbsd.PROT_READ | netbsd.PROT_EXEC},
		{Addr: 0x402000, Len: 0x4000, FileOff: 0x1000, FileLen: 0x1000, ZeroAt: 0x402d00, ZeroLen: 0x300, Prot: netbsd.PROT_READ | netbsd.PROT_WRITE},
	}
	if !slices.Equal(m.Segments, want) {
		t.Errorf("segments %+v", m.Segments)
	}
	if m.Version != 1000000000 || m.Phdr != 0x400040 || m.Phnum != 3 || m.End != 0x406000 || m.PIE {
		t.Errorf("%+v", m)
	}
}

func TestPIE(t *testing.T) {
	e := newELF()
	e.typ, e.entry, e.interp = etDyn, 0x1000, "/libexec/ld.elf_so"
	for i := range e.phs {
		e.phs[i].vaddr -= 0x400000
	}
	m, err := load(e.bytes())
	if err != nil {
		t.Fatal(err)
	}
	if !m.PIE || m.Interp != "/libexec/ld.elf_so" || m.Low != 0 || m.End != 0x6000 {
		t.Fatalf("%+v", m)
	}
	if err := m.Place(0x200000); err != nil {
		t.Fatal(err)
	}
	if m.Entry != 0x201000 || m.Segments[1].Addr != 0x202000 || m.Segments[1].ZeroAt != 0x202d00 || m.Phdr != 0x200040 || m.End != 0x206000 {
		t.Errorf("%+v", m)
	}
	for _, base := range []uint64{0, 0x1234, netbsd.StackTop - 0x5000, 1 << 63} {
		if m.Place(base) == nil {
			t.Errorf("placed at %#x", base)
		}
	}
}

func TestBadELF(t *testing.T) {
	for _, c := range []struct {
		name string
		edit func(*elf)
		kind Kind
		want string
	}{
		{"linux", func(e *elf) { e.note, e.osabi = false, 0 }, Linux, "Linux"},
		{"no note", func(e *elf) { e.note = false }, Malformed, "no NetBSD note"},
		{"freebsd", func(e *elf) { e.note, e.osabi = false, 9 }, OtherOS, "FreeBSD"},
		{"arm64", func(e *elf) { e.machine = 183 }, OtherArch, "NetBSD/arm64"},
		{"object", func(e *elf) { e.typ = 1 }, NotExec, "object"},
		{"truncated", func(e *elf) { e.size = 0x1900 }, Truncated, "should have"},
		{"no headers", func(e *elf) { e.note, e.phs = false, nil }, Malformed, "0 program headers"},
		{"sections", func(e *elf) { e.shnum = 32769 }, Malformed, "32769 sections"}, // elf_check_header
		{"a linker's name with more behind it", func(e *elf) { e.interp = "/ld\x00x" }, Malformed, "does not end"},
		{"many headers", func(e *elf) { e.phnum = 200 }, Malformed, "program headers"},
		{"memsz", func(e *elf) { e.phs[1].memsz = 1 }, Malformed, "smaller in memory"},
		{"overflow", func(e *elf) { e.phs[1].memsz = ^uint64(0) }, Malformed, "beyond"},
		{"beyond", func(e *elf) { e.phs[1].vaddr = 0x7f7fffffe800 }, Malformed, "beyond"},
		{"page zero", func(e *elf) { e.phs[0].vaddr = 0 }, Malformed, "page zero"},
		{"overlap", func(e *elf) { e.phs[1].vaddr = 0x401000 }, Malformed, "overlap"},
		{"unaligned", func(e *elf) { e.phs[1].vaddr++ }, Malformed, "does not fit"},
		{"offset", func(e *elf) { e.phs[1].off = ^uint64(0) - 0x7ff }, Truncated, "should have"},
		{"entry", func(e *elf) { e.entry = 0x10 }, Malformed, "entry"},
	} {
		e := newELF()
		c.edit(e)
		_, err := load(e.bytes())
		var ie *Error
		if !errors.As(err, &ie) || ie.Kind != c.kind || !strings.Contains(ie.Error(), c.want) {
			t.Errorf("%s: %v (%+v)", c.name, err, ie)
		}
	}
}

func TestNotELF(t *testing.T) {
	for _, c := range []struct {
		in   string
		kind Kind
	}{
		{"", Empty}, {"\x7fELF", Truncated}, {"echo hi\n", Text}, {"\x00\x01\x02", Data}, {"MZ\x90", Foreign},
		{"#!", BadScript}, {"#!\n", BadScript}, {"#! \t\n", BadScript}, {"#!/bin/sh", BadScript},
		{"#!/" + strings.Repeat("x", 1100) + "\n", BadScript},
	} {
		_, err := load([]byte(c.in))
		var ie *Error
		if !errors.As(err, &ie) || ie.Kind != c.kind {
			t.Errorf("%.20q: %v, want kind %d", c.in, err, c.kind)
		}
	}
}

func TestScript(t *testing.T) {
	for _, c := range []struct {
		in, interp, arg string
		hasArg          bool
	}{
		{"#!/bin/sh\n", "/bin/sh", "", false},
		{"#! /bin/sh -e\n", "/bin/sh", "-e", true},
		{"#!\t/usr/bin/env  -S a  b \nx", "/usr/bin/env", "-S a  b ", true},
		{"#!/bin/sh   \n", "/bin/sh", "", false},
		{"#!/bin/sh\r\n", "/bin/sh\r", "", false},
	} {
		m, err := load([]byte(c.in))
		if err != nil {
			t.Errorf("%q: %v", c.in, err)
			continue
		}
		if s := m.Script; s.Interp != c.interp || s.Arg != c.arg || s.HasArg != c.hasArg {
			t.Errorf("%q: %+v", c.in, s)
		}
	}
	s := &Script{Interp: "/bin/sh", Arg: "-e", HasArg: true}
	if got := s.Args("/x", []string{"x", "1"}); !slices.Equal(got, []string{"/bin/sh", "-e", "/x", "1"}) {
		t.Error(got)
	}
}

// What the Go tool chain of this machine builds is recognised.
func TestGoPrograms(t *testing.T) {
	if testing.Short() {
		t.Skip("builds programs")
	}
	dir := t.TempDir()
	src := filepath.Join(dir, "m.go")
	os.WriteFile(src, []byte("package main\nfunc main() {}\n"), 0o644)
	for _, c := range []struct {
		os, arch string
		kind     Kind
	}{{"netbsd", "amd64", 0}, {"netbsd", "arm64", OtherArch}, {"linux", "amd64", Linux}, {"freebsd", "amd64", OtherOS}} {
		out := filepath.Join(dir, c.os+c.arch)
		cmd := exec.Command("go", "build", "-o", out, src)
		cmd.Env = append(os.Environ(), "GOOS="+c.os, "GOARCH="+c.arch, "CGO_ENABLED=0")
		if b, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%s", b)
		}
		f, err := os.Open(out)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		fi, _ := f.Stat()
		m, err := Load(f, fi.Size())
		var ie *Error
		switch {
		case c.kind == 0 && err != nil:
			t.Error(err)
		case c.kind == 0 && (len(m.Segments) != 3 || m.Phdr != 0x400040):
			t.Errorf("%+v", m)
		case c.kind != 0 && (!errors.As(err, &ie) || ie.Kind != c.kind):
			t.Errorf("%s/%s: %v", c.os, c.arch, err)
		}
	}
}

func FuzzLoad(f *testing.F) {
	f.Add(newELF().bytes())
	f.Add([]byte("#!/bin/sh -e\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := load(b)
		if err != nil {
			var ie *Error
			if !errors.As(err, &ie) || ie.Error() == "" || ie.Errno == 0 {
				t.Fatalf("bad error %v", err)
			}
			return
		}
		if (m.Script == nil) == (len(m.Segments) == 0) {
			t.Fatalf("neither or both: %+v", m)
		}
		for _, s := range m.Segments {
			bad := s.Len == 0 || s.Addr+s.Len > netbsd.StackTop || s.FileLen > s.Len ||
				(s.Addr|s.Len|s.FileLen|uint64(s.FileOff))%netbsd.PageSize != 0 || s.FileOff < 0 ||
				s.ZeroLen > 0 && (s.ZeroAt < s.Addr || s.ZeroAt+s.ZeroLen > s.Addr+s.FileLen)
			if bad {
				t.Fatalf("segment %+v", s)
			}
		}
	})
}

// exec_elf_makecmds: e_phentsize is for the program alone, and the data are the last segment that is no code, be there pages of bss or none.
func TestWhatIsToldOfHeadersAndData(t *testing.T) {
	for _, c := range []struct {
		name             string
		edit             func(*elf)
		phent, data, len uint64
		text             uint64
	}{
		{"pages of bss", func(*elf) {}, 56, 0x402000, 0x3800, 0x1800},
		{"bss in the last page", func(e *elf) { e.phs[1].memsz = 0x600 }, 56, 0x402000, 0xd00, 0x1800},
		{"another size", func(e *elf) { e.phsize, e.shnum = -56, 32768 }, 0, 0x402000, 0x3800, 0x1800},
		{"data that are read alone", func(e *elf) { e.phs[1].flags = pfR }, 56, 0x402000, 0x3800, 0x1800},
		{"code alone", func(e *elf) { e.phs[1].flags |= pfX }, 56, 0x406000, 0, 0x3800},
	} {
		e := newELF()
		c.edit(e)
		m, err := load(e.bytes())
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		if m.Phent != c.phent || m.Data != c.data || m.DataLen != c.len || m.TextLen != c.text {
			t.Errorf("%s: headers of %d bytes, data at %#x, %#x bytes, %#x of text", c.name, m.Phent, m.Data, m.DataLen, m.TextLen)
		}
	}
}

// exec_elf_makecmds: AT_PHDR is what PT_PHDR says, or lies in the segment that has the file's beginning; 0 if there is neither.
func TestFindPhdr(t *testing.T) {
	load := func(off, vaddr uint64) phdr { return phdr{typ: ptLoad, off: off, vaddr: vaddr, filesz: 0x1000} }
	for i, c := range []struct {
		phs  []phdr
		want uint64
	}{
		{[]phdr{load(0, 0x400000)}, 0x400040},
		{[]phdr{load(0, 0x400000), load(0, 0x500000)}, 0x500040},
		{[]phdr{{typ: ptPhdr, vaddr: 0x900040}, load(0, 0x400000)}, 0x900040},
		{[]phdr{load(0x20, 0x400020)}, 0},
	} {
		var m Image
		if m.findPhdr(c.phs, 64); m.Phdr != c.want || m.Phnum != uint64(len(c.phs)) {
			t.Errorf("%d: %#x, want %#x", i, m.Phdr, c.want)
		}
	}
}

// netbsd_elf_signature and netbsd_elf_note: segments of notes that are longer than ELF_MAXNOTESIZE are not looked at; lengths are rounded up to 4, and what
// does not fit ends the look; NetBSD's own notes have their lengths, and no others.
func TestNotes(t *testing.T) {
	note := func(name, desc string, typ uint32) string {
		b := le.AppendUint32(le.AppendUint32(le.AppendUint32(nil, uint32(len(name))), uint32(len(desc))), typ)
		return string(b) + name + "\x00\x00\x00"[:-len(name)&3] + desc + "\x00\x00\x00"[:-len(desc)&3]
	}
	version := note("NetBSD\x00", "\x00\xca\x9a\x3b", ntNetBSDIdent)
	for i, c := range []struct {
		file string
		want int32
		pax  uint32
	}{
		{version, 1000000000, 0},
		{note("GNU\x00", "12345", 3) + version + note("PaX\x00", "\x01\x00\x00\x00", ntPaX), 1000000000, 1},
		{version + strings.Repeat("x", 1024-len(version)), 1000000000, 0},
		{version + strings.Repeat("x", 1025-len(version)), 0, 0},
		{note("NetBSD\x00", "\x00\xca\x9a\x3b....", ntNetBSDIdent), 0, 0},
		{note("NetBSD", "\x00\xca\x9a\x3b", ntNetBSDIdent), 0, 0},
		{note("NetBSD\x00x", "\x00\xca\x9a\x3b", ntNetBSDIdent), 0, 0},
		{version[:len(version)-4], 0, 0},
		{note("GNU\x00", "1234567", 3)[:23] + version, 0, 0},
		{version + "\x04\x00\x00\x00", 1000000000, 0},
	} {
		got := readNotes(strings.NewReader(c.file), []phdr{{typ: ptNote, filesz: uint64(len(c.file))}})
		if got.netbsd != c.want || got.pax != c.pax {
			t.Errorf("%d: version %d, PaX %#x; want %d, %#x", i, got.netbsd, got.pax, c.want, c.pax)
		}
	}
	if got := readNotes(strings.NewReader(version), []phdr{{typ: ptNote, filesz: uint64(len(version)) + 4}}); got.netbsd != 0 {
		t.Errorf("a file that ends before: version %d", got.netbsd) // exec_read
	}
}
