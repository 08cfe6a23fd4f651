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
	if _, _, errno := m.Map(Request{Addr: base, Len: 100 * PageSize, Prot: netbsd.PROT_READ, Flags: flags}); errno != 0 {
		t.Fatal(errno)
	}
	for name, cut := range map[string]func(addr uint64) netbsd.Errno{
		"mprotect": func(addr uint64) netbsd.Errno { _, errno := m.Protect(addr, PageSize, 0); return errno },
		"minherit": func(addr uint64) netbsd.Errno { return m.SetInherit(addr, PageSize, netbsd.MAP_INHERIT_NONE) },
		"mlock":    func(addr uint64) netbsd.Errno { return m.Wire(addr, PageSize, true, Max) },
		"mmap": func(addr uint64) netbsd.Errno {
			_, _, errno := m.Map(Request{Addr: addr, Len: PageSize, Prot: netbsd.PROT_WRITE, Flags: flags})
			return errno
		},
		"munmap": func(addr uint64) netbsd.Errno { _, errno := m.Unmap(addr, PageSize); return errno },
		"mremap": func(addr uint64) netbsd.Errno {
			_, _, errno := m.Remap(addr, PageSize, 2*base+addr, 2*PageSize, netbsd.MAP_FIXED)
			return errno
		},
	} {
		c := New()
		*c = *m
		c.regions = append([]Region(nil), m.regions...)
		old := m
		m = c
		var errno netbsd.Errno
		for i := uint64(1); i < 99 && errno == 0; i += 2 {
			errno = cut(base + i*PageSize)
		}
		if errno != netbsd.ENOMEM || m.Len() > m.most+2 {
			t.Errorf("%s: %v, %d regions", name, errno, m.Len())
		}
		if _, errno := m.Unmap(base, 100*PageSize); errno != 0 || m.Mapped(base, base+PageSize) {
			t.Errorf("%s: unmapped: %v", name, errno)
		}
		m = old
	}
}
