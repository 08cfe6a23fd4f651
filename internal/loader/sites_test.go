package loader

import (
	"bytes"
	"testing"

	"toaster/netbsd"
)

// Instructions are sites, and the same bytes inside of others are not.
func TestSites(t *testing.T) {
	text := bytes.Repeat([]byte{0xcc}, 0x200)
	put := func(at int, code string) { copy(text[at:], code) }
	put(0x40, "\x90\xb8\x14\x00\x00\x00\x0f\x05\xc3")                      // nop; mov $20,%eax; syscall; ret
	put(0x80, "\x48\xb9\xb8\x14\x00\x00\x00\x0f\x05\x90\xc3")              // movabs with the same bytes in it
	put(0xc0, "\xb8\x01\x00\x00\x00\x90\x0f\x05\xc3")                      // something between
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
