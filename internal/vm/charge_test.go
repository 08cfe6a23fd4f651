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
