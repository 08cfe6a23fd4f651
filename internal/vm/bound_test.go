package vm

import (
	"testing"

	"toaster/netbsd"
)

// A guest that cuts its memory into pieces comes to an end of it, and can still unmap.
func TestMapIsBounded(t *testing.T) {
	m := New()
	m.most = 20
	const base, flags = 0x10000000, netbsd.MAP_FIXED | netbsd.MAP_PRIVATE | netbsd.MAP_ANON
	if _, _, e := m.Map(Request{Addr: base, Len: 100 * PageSize, Prot: netbsd.PROT_READ, Flags: flags}); e != 0 {
		t.Fatal(e)
	}
	for name, cut := range map[string]func(addr uint64) netbsd.Errno{
		"mprotect": func(addr uint64) netbsd.Errno { _, e := m.Protect(addr, PageSize, 0); return e },
		"minherit": func(addr uint64) netbsd.Errno { return m.SetInherit(addr, PageSize, netbsd.MAP_INHERIT_NONE) },
		"mmap": func(addr uint64) netbsd.Errno {
			_, _, e := m.Map(Request{Addr: addr, Len: PageSize, Prot: netbsd.PROT_WRITE, Flags: flags})
			return e
		},
		"munmap": func(addr uint64) netbsd.Errno { _, e := m.Unmap(addr, PageSize); return e },
		"mremap": func(addr uint64) netbsd.Errno {
			_, _, e := m.Remap(addr, PageSize, 2*base+addr, 2*PageSize, netbsd.MAP_FIXED)
			return e
		},
	} {
		c := New()
		*c = *m
		c.regions = append([]Region(nil), m.regions...)
		old := m
		m = c
		var e netbsd.Errno
		for i := uint64(1); i < 99 && e == 0; i += 2 {
			e = cut(base + i*PageSize)
		}
		if e != netbsd.ENOMEM || m.Len() > m.most+2 {
			t.Errorf("%s: %v, %d regions", name, e, m.Len())
		}
		if _, e := m.Unmap(base, 100*PageSize); e != 0 || m.Mapped(base, base+PageSize) {
			t.Errorf("%s: unmapped: %v", name, e)
		}
		m = old
	}
}
