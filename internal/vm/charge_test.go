package vm

import (
	"testing"

	"toaster/netbsd"
)

// others implements Memory.
type others struct{}

func (others) Memory() {}

// A mapping counts when it can first be written or looked at, and until it is unmapped:
// what was touched stays when access is forbidden (mprotect(2)).
func TestCharge(t *testing.T) {
	const (
		size  = 1 << 20
		whole = size + size/512
		look  = size / 512
		rw    = netbsd.PROT_READ | netbsd.PROT_WRITE
		anon  = netbsd.MAP_ANON | netbsd.MAP_PRIVATE
	)
	for _, c := range []struct {
		name  string
		req   Request
		then  []int // protections, one after the other
		want  uint64
		child uint64
	}{
		{"reserved", Request{Prot: netbsd.PROT_NONE, Flags: anon}, nil, 0, 0},
		{"reserved, then taken", Request{Prot: netbsd.PROT_NONE, Flags: anon}, []int{rw}, whole, whole},
		{"to be written", Request{Prot: rw, Flags: anon}, nil, whole, whole},
		{"written, then forbidden", Request{Prot: rw, Flags: anon}, []int{netbsd.PROT_NONE}, whole, whole},
		{"looked at", Request{Prot: netbsd.PROT_READ, Flags: anon}, nil, look, look},
		{"looked at, then forbidden", Request{Prot: netbsd.PROT_READ, Flags: anon}, []int{netbsd.PROT_NONE}, look, look},
		{"shared", Request{Prot: rw, Flags: netbsd.MAP_ANON | netbsd.MAP_SHARED}, nil, whole, whole},
		{"a file's, private", Request{Prot: rw, Flags: netbsd.MAP_PRIVATE, Obj: "f"}, nil, whole, whole},
		{"a file's, not to be written", Request{Prot: netbsd.PROT_READ, Flags: netbsd.MAP_PRIVATE, Obj: "f"}, nil, look, look},
		{"memory of others, for reading", Request{Prot: netbsd.PROT_READ, Flags: netbsd.MAP_SHARED, Obj: others{}}, nil, whole, whole},
		{"a file's, shared", Request{Prot: rw, Flags: netbsd.MAP_SHARED, Obj: "f"}, nil, look, look},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := New()
			c.req.Len, c.req.MaxProt = size, protAll
			addr, _, errno := m.Map(c.req)
			if errno != 0 {
				t.Fatal(errno)
			}
			for _, prot := range c.then {
				if _, errno := m.Protect(addr, size, prot); errno != 0 {
					t.Fatal(errno)
				}
			}
			child, _ := m.Fork()
			if m.Charge() != c.want || child.Charge() != c.child {
				t.Errorf("charge %d, of a copy %d; want %d and %d", m.Charge(), child.Charge(), c.want, c.child)
			}
			if _, errno := m.Unmap(addr, size); errno != 0 || m.Charge() != 0 {
				t.Errorf("%d are left after munmap, %v", m.Charge(), errno)
			}
			if s := m.Check() + child.Check(); s != "" {
				t.Error(s)
			}
		})
	}
}

// Pages of a file that the kernel has changed count as the process's own, and no others.
func TestOwnCounts(t *testing.T) {
	const at, size = 0x10000000, 16 * PageSize
	m := New()
	if _, _, errno := m.Map(Request{Addr: at, Len: size, Prot: netbsd.PROT_READ | netbsd.PROT_EXEC, Flags: netbsd.MAP_PRIVATE | netbsd.MAP_FIXED, Obj: "f"}); errno != 0 {
		t.Fatal(errno)
	}
	before := m.Charge()
	m.Own(at+2*PageSize, at+5*PageSize)
	if got := m.Charge() - before; got < 3*PageSize || got >= 4*PageSize {
		t.Errorf("3 pages count for %d bytes", got)
	}
	child, _ := m.Fork()
	if child.Charge() != m.Charge() || m.Check()+child.Check() != "" {
		t.Errorf("a copy counts for %d, %s", child.Charge(), m.Check())
	}
	if ops, errno := m.Unmap(at, size); errno != 0 || len(ops) != 1 || m.Charge() != 0 {
		t.Errorf("unmapped: %v, %v, %d", ops, errno, m.Charge())
	}
}

// counted implements Counted: it counts for size bytes as long as there are references, of which a descriptor has one.
type counted struct {
	refs int
	size uint64
}

func (*counted) Memory() {}

func (c *counted) Ref(n int) (freed uint64) {
	if c.refs += n; c.refs == 0 {
		freed = c.size
	}
	return freed
}

// Memory that counts by itself does so until the last region of it is gone from the last map, however small that is: as a uvm_object, whose
// pages stay until its last reference is (uao_detach).
func TestCountedUntilTheLastRegion(t *testing.T) {
	const at, size = 0x10000000, 16 * PageSize
	obj := &counted{refs: 1, size: size}
	m := New()
	settle := func(what string, m *Map, freed uint64, refs int) {
		t.Helper()
		if got := m.Leave(); got != freed || obj.refs != refs || m.Charge() > size/512 || m.Check() != "" {
			t.Errorf("%s: freed %d, %d references, charge %d, %s; want %d and %d", what, got, obj.refs, m.Charge(), m.Check(), freed, refs)
		}
	}
	q := Request{Addr: at, Len: size, Prot: protR | protW, Flags: netbsd.MAP_SHARED | netbsd.MAP_FIXED, Obj: obj}
	if _, _, errno := m.Map(q); errno != 0 {
		t.Fatal(errno)
	}
	settle("mapped", m, 0, 2)
	child, _ := m.Fork()
	settle("forked", child, 0, 3)
	m.Protect(at+4*PageSize, PageSize, protR)
	settle("cut into three", m, 0, 5)
	m.Protect(at+4*PageSize, PageSize, protR|protW)
	settle("made one", m, 0, 3)
	if obj.Ref(-1) != 0 {
		t.Error("closed: freed while it is mapped")
	}
	m.Unmap(at+PageSize, size-2*PageSize)
	settle("unmapped but for two pages", m, 0, 3)
	m.Remap(at, PageSize, 2*at, PageSize, netbsd.MAP_FIXED)
	settle("moved", m, 0, 3)
	q.Len, q.Obj, q.Flags = PageSize, nil, anonFixed
	m.Map(q)
	q.Addr = 2 * at
	m.Map(q)
	m.Unmap(at+size-PageSize, PageSize)
	if obj.refs < 3 {
		t.Errorf("%d references before the host has followed", obj.refs)
	}
	m.Unmap(0x10000, 2*at)
	settle("replaced and unmapped", m, 0, 1)
	if freed := child.Clear(); freed != size || child.Len() != 0 || child.Check() != "" {
		t.Errorf("freed %d with the last map, which has %d regions", freed, child.Len())
	}
	if freed := child.Clear(); freed != 0 {
		t.Errorf("freed %d twice", freed)
	}
}
