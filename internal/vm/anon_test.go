package vm

import (
	"testing"

	"toaster/netbsd"
)

// place is which memory lies at an address, and where in it.
func place(t *testing.T, m *Map, addr uint64) (*Anon, uint64) {
	t.Helper()
	r, ok := m.Lookup(addr)
	if !ok {
		t.Fatalf("%#x is not mapped", addr)
	}
	return r.Anon, addr - r.Start + uint64(r.Off)
}

// Anonymous memory that is shared stays the same memory at the same offsets in the map of a child,
// and whatever becomes of its neighbours or of its address (uvm_voaddr of uvm_map.c).
func TestAnonymousMemoryThatIsShared(t *testing.T) {
	m := New()
	q := Request{Len: 8 * PageSize, Prot: netbsd.PROT_READ | netbsd.PROT_WRITE, Flags: netbsd.MAP_ANON | netbsd.MAP_SHARED}
	addr, _, errno := m.Map(q)
	other, _, errno2 := m.Map(q)
	if errno != 0 || errno2 != 0 {
		t.Fatal(errno, errno2)
	}
	const at = 5*PageSize + 8
	first, _ := place(t, m, addr)
	if second, _ := place(t, m, other); first == nil || first == second {
		t.Errorf("two mappings are the memory %p and %p", first, second)
	}
	child, _ := m.Fork()
	child.Protect(addr+4*PageSize, PageSize, netbsd.PROT_READ)
	child.Unmap(addr+PageSize, PageSize)
	moved, _, errno := child.Remap(addr+5*PageSize, PageSize, 0, 2*PageSize, 0)
	if errno != 0 {
		t.Fatal(errno)
	}
	if a, off := place(t, child, moved+8); a != first || off != at {
		t.Errorf("in the child, moved: memory %p at %#x, want %p at %#x", a, off, first, at)
	}
	if a, off := place(t, m, addr+at); a != first || off != at {
		t.Errorf("in the parent: memory %p at %#x, want %p at %#x", a, off, first, at)
	}
	if wrong := child.Check(); wrong != "" {
		t.Error(wrong)
	}
}

// Private memory is nobody else's, nor is what minherit(2) has a child begin anew.
func TestAnonymousMemoryThatIsNot(t *testing.T) {
	m := New()
	q := Request{Len: PageSize, Prot: netbsd.PROT_READ | netbsd.PROT_WRITE, Flags: netbsd.MAP_ANON}
	private, _, _ := m.Map(q)
	q.Flags |= netbsd.MAP_SHARED
	shared, _, _ := m.Map(q)
	if a, _ := place(t, m, private); a != nil {
		t.Error("private memory is shared")
	}
	m.SetInherit(shared, PageSize, netbsd.MAP_INHERIT_ZERO)
	child, _ := m.Fork()
	if a, _ := place(t, child, shared); a != nil {
		t.Error("memory that begins anew is the parent's")
	}
}
