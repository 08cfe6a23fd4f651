package loader

import (
	"bytes"
	"strings"
	"testing"

	"toaster/netbsd"
)

// Instructions are sites, and the same bytes inside of others are not.
func TestSites(t *testing.T) {
	text := bytes.Repeat([]byte{0xcc}, 0x200)
	put := func(at int, code string) { copy(text[at:], code) }
	put(0x40, "\x90\xb8\x14\x00\x00\x00\x0f\x05\xc3")                      // nop; mov $20,%eax; syscall; ret
	put(0x80, "\x48\xb9\xb8\x14\x00\x00\x00\x0f\x05\x90\xc3")              // movabs with the same bytes in it
	put(0xc0, "\xb8\x01\x00\x00\x00\xeb\x00\x0f\x05\xc3")                  // a jump between
	put(0x100, "\x48\x8b\x44\x24\x08\x0f\x05\xb8\x04\x00\x00\x00\x0f\x05") // two
	put(0x140, "\x48\xc7\xc0\xb8\x04\x00\x00\x0f\x05")                     // seven bytes
	put(0x180, "\x48\x81\xc0\xb8\x04\x00\x00\x0f\x05")                     // others, of which the last five look like some
	put(0x1fe, "\x0f\x05")
	any := func(b []byte) bool { return b[0] == 0xb8 || b[0] == 0x48 && b[1] != 0x81 }
	m := &Image{Segments: []Segment{
		{Addr: 0x1000, FileLen: 0x200, FileOff: 0, Prot: netbsd.PROT_READ},
		{Addr: 0x400000, FileLen: 0x200, FileOff: 0, Prot: netbsd.PROT_READ | netbsd.PROT_EXEC},
	}}
	want := []uint64{0x400041, 0x400100, 0x400107, 0x400140}
	list := m.Sites(bytes.NewReader(text), any)
	if len(list) != len(want) {
		t.Fatalf("%x", list)
	}
	for i, s := range list {
		if s.Addr != want[i] || !bytes.Equal(s.Code, text[s.Addr-0x400000:][:len(s.Code)]) {
			t.Errorf("%x, want %x", s, want[i])
		}
	}
	for n := range text {
		m.Sites(bytes.NewReader(text[:n]), any)
	}
}

// Where one window ends and the next begins makes no difference.
func TestSitesAcrossWindows(t *testing.T) {
	m := func(n int) *Image {
		return &Image{Segments: []Segment{{Addr: 0x400000, FileLen: uint64(n), Prot: netbsd.PROT_READ | netbsd.PROT_EXEC}}}
	}
	any := func(b []byte) bool { return b[0] == 0xb8 }
	for shift := -24; shift < 24; shift++ {
		text := bytes.Repeat([]byte{0xcc}, 3*window)
		var want []uint64
		for w := 1; w < 3; w++ {
			at := w*window + shift
			copy(text[at&^15-64:at], bytes.Repeat([]byte{0x90}, 80)) // one long function
			copy(text[at:], "\xb8\x14\x00\x00\x00\x0f\x05\xc3")
			want = append(want, 0x400000+uint64(at))
		}
		list := m(len(text)).Sites(bytes.NewReader(text), any)
		if len(list) != 2 || list[0].Addr != want[0] || list[1].Addr != want[1] {
			t.Errorf("shift %d: %x, want %x", shift, list, want)
		}
	}
}

// Call sites as NetBSD's libc has them (SYSTRAP, in functions that are aligned with NOPs), and as
// compilers make them: of inline assembly, in the middle of a function, with arguments between
// number and call. As few instructions belong to a site as will do, and none that is bound to its
// place.
func TestSitesOfOtherLanguages(t *testing.T) {
	const (
		begin = "\x55\x48\x89\xe5\x48\x83\xec\x10"             // push %rbp; mov %rsp,%rbp; sub $16,%rsp
		end   = "\x72\x02\xc9\xc3\xf7\xd8\xc9\xc3"             // jb 1f; leave; ret; 1: neg %eax; leave; ret
		nop   = "\x66\x66\x2e\x0f\x1f\x84\x00\x00\x00\x00\x00" // nopw
	)
	for name, c := range map[string]struct {
		text string // from the beginning of a function on
		code string // of the site; "" for none
	}{
		"libc":                      {"\xb8\x14\x00\x00\x00\x49\x89\xca\x0f\x05" + end, "\xb8\x14\x00\x00\x00\x49\x89\xca"},
		"libc, behind endbr64":      {"\xf3\x0f\x1e\xfa\xb8\x14\x00\x00\x00\x49\x89\xca\x0f\x05" + end, "\xb8\x14\x00\x00\x00\x49\x89\xca"},
		"inline":                    {begin + "\xb8\x14\x00\x00\x00\x0f\x05" + end, "\xb8\x14\x00\x00\x00"},
		"inline, zeroes":            {begin + "\xb8\x14\x00\x00\x00\x31\xff\x31\xf6\x0f\x05" + end, "\xb8\x14\x00\x00\x00\x31\xff\x31\xf6"},
		"inline, r10":               {begin + "\xb8\x1a\x00\x00\x00\x41\xba\x08\x00\x00\x00\x0f\x05" + end, "\x41\xba\x08\x00\x00\x00"},
		"inline, a buffer":          {begin + "\x48\x8d\x74\x24\x08\x89\xd7\x31\xc0\x0f\x05" + end, "\x48\x8d\x74\x24\x08\x89\xd7\x31\xc0"},
		"musl's syscall":            {"\x48\x89\xf8\x48\x89\xf7\x48\x89\xd6\x48\x89\xca\x4d\x89\xc2\x4d\x89\xc8\x4c\x8b\x4c\x24\x08\x0f\x05\xc3", "\x4c\x8b\x4c\x24\x08"},
		"an address of its own":     {begin + "\xb8\x04\x00\x00\x00\x48\x8d\x35\x10\x00\x00\x00\x0f\x05" + end, ""},
		"a number of 64 bits":       {begin + "\x48\xb8\x14\x00\x00\x00\x00\x00\x00\x00\x0f\x05" + end, "\x48\xb8\x14\x00\x00\x00\x00\x00\x00\x00"},
		"a string of its own":       {begin + "\x48\x8d\x3d\x10\x00\x00\x00\x48\x89\xd6\x0f\x05" + end, "\x48\x8d\x3d\x10\x00\x00\x00\x48\x89\xd6"},
		"a string before another":   {begin + "\x48\x8d\x3d\x10\x00\x00\x00\x48\x8d\x35\x10\x00\x00\x00\x0f\x05" + end, ""},
		"a branch between":          {begin + "\xb8\x04\x00\x00\x00\x74\x00\x0f\x05" + end, ""},
		"a call between":            {begin + "\xb8\x04\x00\x00\x00\xe8\x00\x00\x00\x00\x0f\x05" + end, ""},
		"short instructions alone":  {"\x31\xc0\x0f\x05\xc3", ""},
		"none":                      {"\x0f\x05\xc3", ""},
		"another system call":       {"\xb8\x04\x00\x00\x00\x0f\x05\x31\xc0\x0f\x05\xc3", "\xb8\x04\x00\x00\x00"},
		"in an instruction's bytes": {begin + "\x48\xb9\xb8\x14\x00\x00\x00\x0f\x05\x90" + end, ""},
	} {
		t.Run(name, func(t *testing.T) {
			for _, before := range []string{nop, "\x90", "\xcc", "\xc3", "\xe9\x00\x01\x00\x00"} {
				text := strings.Repeat("\x90", 64-len(before)) + before + c.text + strings.Repeat("\x90", 64)
				m := &Image{Segments: []Segment{{Addr: 0x400000, FileOff: 0x1000, FileLen: uint64(len(text)), Prot: netbsd.PROT_READ | netbsd.PROT_EXEC}}}
				list := m.Sites(strings.NewReader(strings.Repeat("\x00", 0x1000)+text), isSite)
				if c.code == "" {
					if len(list) > 0 {
						t.Errorf("%x", list)
					}
					continue
				}
				at := uint64(64 + strings.Index(c.text, c.code+"\x0f\x05"))
				if len(list) != 1 || string(list[0].Code) != c.code || list[0].Addr != 0x400000+at || list[0].Off != int64(0x1000+at) {
					t.Errorf("behind % x: %x, want % x at %#x", before, list, c.code, at)
				}
			}
		})
	}
}

// isSite is what the platform asks of a site, about: its first instruction.
func isSite(b []byte) bool {
	return b[0] == 0xb8 || b[0] == 0x48 && (b[1] == 0xb8 || b[2] == 0x3d) || b[0] == 0x41 && b[1] == 0xba || b[1] == 0x8d && b[3] == 0x24 || b[0] == 0x4c && b[1] == 0x8b && b[3] == 0x24
}

// Functions that are not aligned begin behind another one's return.
func TestSitesOfPackedFunctions(t *testing.T) {
	const fn = "\x55\x48\x89\xe5\xb8\xc3\x00\x00\x00\x49\x89\xca\x0f\x05\x5d\xc3" + "\x31\xc0\xc3" // the number is a return's byte
	text := strings.Repeat(fn, 50)
	m := &Image{Segments: []Segment{{Addr: 0x400000, FileLen: uint64(len(text)), Prot: netbsd.PROT_READ | netbsd.PROT_EXEC}}}
	list := m.Sites(strings.NewReader(text), isSite)
	for i, s := range list {
		if s.Addr != 0x400000+uint64(len(fn)*i)+4 || len(s.Code) != 8 {
			t.Fatalf("%d: %x", i, s)
		}
	}
	if len(list) != 50 {
		t.Errorf("%d of 50", len(list))
	}
	// Data that looks like a site, with no function before it.
	data := strings.Repeat("\x00\x07\x1e", 100) + "\xb8\x14\x00\x00\x00\x49\x89\xca\x0f\x05" + strings.Repeat("\x00", 100)
	m.Segments[0].FileLen = uint64(len(data))
	if list := m.Sites(strings.NewReader(data), isSite); len(list) > 0 {
		t.Errorf("data: %x", list)
	}
}

// A text that is made of what looks like call sites has its end, and costs no more than a few
// libraries: of those that are some, the first; of those that are none, the look.
func TestWorkOnSitesIsBounded(t *testing.T) {
	const size = 16 << 20
	for name, fn := range map[string]string{
		"sites":   "\xb8\x14\x00\x00\x00\x49\x89\xca\x0f\x05\xc3\x90\x90\x90\x90\x90",
		"none":    "\x48\xb9\xb8\x14\x00\x00\x00\x0f\x05\xc3\x90\x90\x90\x90\x90\x90",
		"nothing": "\xb8\xb8\xb8\xb8\xb8\xb8\xb8\xb8\xb8\x90\x90\x90\x90\x90\x0f\x05",
	} {
		text := strings.Repeat(fn, size/len(fn))
		m := &Image{Segments: []Segment{{Addr: 0x400000, FileLen: size, Prot: netbsd.PROT_READ | netbsd.PROT_EXEC}}}
		list := windowsOf(m, text, isSite)
		if most := workMost / (workCall + workStraight + workDecode + workSite); len(list) > most || name == "sites" && len(list) != most {
			t.Errorf("%s: %d sites", name, len(list))
		}
	}
}

// Neither what could be calls and is none makes a look long, nor segments that are the same bytes of the file over and over.
func TestLooksAreBounded(t *testing.T) {
	const size = 16 << 20
	text := strings.Repeat("\x0f\x05", size/2)
	m := &Image{}
	for i := range uint64(maxSegments) {
		m.Segments = append(m.Segments, Segment{Addr: 0x400000 + i*size, FileLen: size, Prot: netbsd.PROT_READ | netbsd.PROT_EXEC})
	}
	if n := len(m.windows()); n != maxText/window {
		t.Errorf("%d windows", n)
	}
	m.Segments = m.Segments[:1]
	asked := 0
	windowsOf(m, text, func([]byte) bool { asked++; return false })
	if most := workMost / workCall * (mostCode - leastCode + 1); asked > most {
		t.Errorf("%d pieces of code, at most %d", asked, most)
	}
}

// windowsOf is Image.Sites by one goroutine.
func windowsOf(m *Image, text string, match func([]byte) bool) (list []Site) {
	work := new(work)
	work.left.Store(workMost)
	buf := make([]byte, before+window+behind)
	for _, w := range m.windows() {
		list = append(list, w.sites(strings.NewReader(text), buf, match, work)...)
	}
	return list
}

// LoadText describes what a program maps itself, which may be anything: an error, but no panic.
func TestLoadText(t *testing.T) {
	exe := newELF().bytes()
	m, err := LoadText(bytes.NewReader(exe), int64(len(exe)))
	if err != nil || len(m.Segments) == 0 {
		t.Fatalf("%+v, %v", m, err)
	}
	for _, bad := range [][]byte{nil, exe[:20], exe[:63], exe[:64], []byte("#!/bin/sh\n"), bytes.Repeat([]byte{0}, 100)} {
		if _, err := LoadText(bytes.NewReader(bad), int64(len(bad))); err == nil {
			t.Errorf("%d bytes are text", len(bad))
		}
	}
}

// Text can be anything: looking through it ends, and what is found is where it says.
func FuzzSites(f *testing.F) {
	f.Add([]byte("\xc3\xb8\x14\x00\x00\x00\x49\x89\xca\x0f\x05\xc3"))
	f.Add([]byte("\xcc\x48\x8b\x44\x24\x08\x0f\x05"))
	f.Fuzz(func(t *testing.T, text []byte) {
		m := &Image{Segments: []Segment{{Addr: 0x1000, FileLen: uint64(len(text)), Prot: netbsd.PROT_READ | netbsd.PROT_EXEC}}}
		for _, s := range m.Sites(bytes.NewReader(text), func([]byte) bool { return true }) {
			if end := s.Off + int64(len(s.Code)); int(end)+2 > len(text) || !bytes.Equal(text[s.Off:end], s.Code) || string(text[end:end+2]) != "\x0f\x05" {
				t.Fatalf("%x", s)
			}
		}
	})
}
