package syscalls

import (
	"bytes"
	"encoding/binary"
	"testing"

	"toaster/netbsd"
)

// memory is an address space of which only [base, base+len(b)) exists.
type memory struct {
	Space
	base  uint64
	b     []byte
	reads int
}

func (m *memory) Read(addr uint64, b []byte) netbsd.Errno {
	m.reads++
	if addr < m.base || addr-m.base > uint64(len(m.b)) || uint64(len(b)) > uint64(len(m.b))-(addr-m.base) {
		return netbsd.EFAULT
	}
	copy(b, m.b[addr-m.base:])
	return 0
}

// A vector of 40 strings that lie together costs three reads: its own page, and the
// two that the strings are in.
func TestStringVectorReadsPages(t *testing.T) {
	m := &memory{base: 0x10000, b: make([]byte, 3*pageSize)}
	at := uint64(2*pageSize - 100)
	for i := range uint64(40) {
		binary.LittleEndian.PutUint64(m.b[8*i:], m.base+at)
		at += uint64(copy(m.b[at:], "a string\x00"))
	}
	v := (&Call{Space: m}).stringVectors(netbsd.ARG_MAX)
	defer v.done()
	list, errno := v.next(m.base)
	if errno != 0 || len(list) != 40 || list[39] != "a string" || v.room != netbsd.ARG_MAX-40*9 {
		t.Errorf("%q, %v, room for %d", list, errno, v.room)
	}
	if m.reads != 3 {
		t.Errorf("%d reads", m.reads)
	}
	// Nor is a page read again whose bytes the next vector is in, as arguments and environment often are.
	if list, errno := v.next(m.base + 39*8); errno != 0 || len(list) != 1 || m.reads != 3 {
		t.Errorf("%q, %v, %d reads", list, errno, m.reads)
	}
}

// Pages that were another call's hold nothing for the next one.
func TestPagesOfAnotherCall(t *testing.T) {
	for _, text := range []string{"first", "second"} {
		m := &memory{base: 0x10000, b: append([]byte(text), make([]byte, pageSize)...)[:pageSize]}
		r := pagesOf(m)
		if s, errno := r.string(m.base, 100); s != text || errno != 0 {
			t.Errorf("%q, %v", s, errno)
		}
		r.done()
	}
}

func TestPages(t *testing.T) {
	const end = 0x10000 + 2*pageSize
	m := &memory{base: 0x10000, b: bytes.Repeat([]byte("x"), 2*pageSize)}
	copy(m.b[pageSize-4:], "12345678")
	copy(m.b[2*pageSize-3:], "ab\x00")
	for _, c := range []struct {
		addr  uint64
		limit int
		want  string
		errno netbsd.Errno
	}{
		{end - 3, 3, "ab", 0},
		{end - 3, 2, "", netbsd.ENAMETOOLONG},
		{end - 1, 1, "", 0},
		{end - 2*pageSize, pageSize, "", netbsd.ENAMETOOLONG},
		{end, 10, "", netbsd.EFAULT},
		{0, 10, "", netbsd.EFAULT},
		{^uint64(0), 10, "", netbsd.EFAULT},
	} {
		r := pages{space: m}
		if s, errno := r.string(c.addr, c.limit); s != c.want || errno != c.errno {
			t.Errorf("string(%#x, %d) = %q, %v; want %q, %v", c.addr, c.limit, s, errno, c.want, c.errno)
		}
	}
	r := pages{space: m}
	if w, errno := r.word(0x10000 + pageSize - 4); w != le64([]byte("12345678")) || errno != 0 {
		t.Errorf("a word in two pages: %#x, %v", w, errno)
	}
	if _, errno := r.word(end - 4); errno != netbsd.EFAULT {
		t.Errorf("a word in half a page: %v", errno)
	}
}
