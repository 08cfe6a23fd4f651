package vm

import (
	"testing"

	"toaster/netbsd"
)

// exec_setup_stack: two mappings below USRSTACK, MAXSSIZ together, of which RLIMIT_STACK says how much can be
// touched. dosetrlimit: uvm_map_protect of what is between the old limit and the new one.
func TestStack(t *testing.T) {
	const mib = 1 << 20
	for _, pax := range []bool{false, true} {
		m := New()
		m.Mprotect(pax)
		limit := func(what string, want uint64) {
			t.Helper()
			for r := range m.All() {
				if prot := r.Prot; (prot == stackProt) != (r.Start >= Max-want) || prot != stackProt && prot != netbsd.PROT_NONE || r.Name != "stack" {
					t.Errorf("%s: %#x to %#x below the top are %#x of %q", what, Max-r.Start, Max-r.End, prot, r.Name)
				}
			}
			if m.Size() != netbsd.MAXSSIZ || !m.Mapped(Max-netbsd.MAXSSIZ, Max) {
				t.Errorf("%s: not all is mapped", what)
			}
			if s := m.Check(); s != "" {
				t.Errorf("%s: %s", what, s)
			}
		}
		if ops, errno := m.Stack(4 * mib); errno != 0 || len(ops) != 2 {
			t.Errorf("%v, %v", ops, errno)
		}
		limit("at first", 4*mib)
		for _, c := range []struct {
			what     string
			from, to uint64
			want     uint64
		}{
			{"lower", 4 * mib, 1 * mib, 1 * mib},
			{"the same", 1 * mib, 1 * mib, 1 * mib},
			{"higher, to a page", 1 * mib, 8*mib - 1, 8 * mib},
			{"none", 8 * mib, netbsd.RLIM_INFINITY, netbsd.MAXSSIZ},
			{"back", netbsd.MAXSSIZ, 2 * mib, 2 * mib},
		} {
			ops := m.LimitStack(c.from, c.to)
			if n := len(ops); n == 0 != (c.from == c.to) {
				t.Errorf("%s: %v", c.what, ops)
			}
			limit(c.what, c.want)
		}
	}
}

// A stack that is all there is, or next to nothing.
func TestStackOfOddLimits(t *testing.T) {
	for _, limit := range []uint64{1, netbsd.MAXSSIZ, 1 << 62} {
		m := New()
		if _, errno := m.Stack(limit); errno != 0 || m.Size() != netbsd.MAXSSIZ || m.Check() != "" {
			t.Errorf("%#x: %v, %#x bytes, %s", limit, errno, m.Size(), m.Check())
		}
	}
}

// uvm_map_protect changes what is there, though it is the program's own by now, and nothing where that must not be.
func TestStackLimitOfWhatIsThere(t *testing.T) {
	m := New()
	m.Stack(1 << 20)
	m.Map(Request{Addr: Max - 2<<20, Len: PageSize, Prot: netbsd.PROT_READ, MaxProt: netbsd.PROT_READ, Flags: netbsd.MAP_FIXED | netbsd.MAP_PRIVATE | netbsd.MAP_ANON})
	if ops := m.LimitStack(1<<20, 4<<20); len(ops) != 0 {
		t.Errorf("%v", ops)
	}
	m.Unmap(Max-2<<20, PageSize)
	if ops := m.LimitStack(1<<20, 4<<20); len(ops) != 2 {
		t.Errorf("with a hole: %v", ops)
	}
}
