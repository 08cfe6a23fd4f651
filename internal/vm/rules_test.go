package vm

import (
	"slices"
	"testing"

	"toaster/netbsd"
)

const (
	protR, protW, protX = netbsd.PROT_READ, netbsd.PROT_WRITE, netbsd.PROT_EXEC
	anonFixed           = netbsd.MAP_PRIVATE | netbsd.MAP_ANON | netbsd.MAP_FIXED
)

// extra is PROT_MPROTECT.
func extra(prot int) int { return prot << 3 }

// PaX MPROTECT, as sys_mmap and sys_mprotect have it (pax_mprotect_maxprotect, pax_mprotect_validate): what is mapped
// allows later what it allowed at first and what PROT_MPROTECT named, and nothing is ever both writable and executable.
func TestMprotect(t *testing.T) {
	const at = 0x10000
	for _, c := range []struct {
		name        string
		prot, later int
		mmap, want  netbsd.Errno
	}{
		{"to be read alone", protR | protW, protR, 0, 0},
		{"code of what was written", protR | protW, protR | protX, 0, netbsd.EACCES},
		{"code of what was written and said so", protR | protW | extra(protX), protR | protX, 0, 0},
		{"and written again", protR | protX | extra(protW), protR | protW, 0, 0},
		{"access to what was reserved", 0, protR | protW, 0, netbsd.EACCES},
		{"access to what was reserved and said so", extra(protR | protW), protR | protW, 0, 0},
		{"code and writable", protR | protW | protX, 0, netbsd.EACCES, 0},
		{"code and writable, later", protR | extra(protW|protX), protW | protX, 0, netbsd.EACCES},
	} {
		m := New()
		m.Mprotect(true)
		_, _, errno := m.Map(Request{Addr: at, Len: PageSize, Prot: c.prot, Flags: anonFixed})
		if errno != c.mmap {
			t.Errorf("%s: mmap: %v, want %v", c.name, errno, c.mmap)
		}
		if errno != 0 {
			continue
		}
		child, _ := m.Fork()
		for who, m := range map[string]*Map{"itself": m, "its child": child} {
			if _, errno := m.Protect(at, PageSize, c.later); errno != c.want {
				t.Errorf("%s: %s: mprotect: %v, want %v", c.name, who, errno, c.want)
			}
		}
		m.Lift()
		if _, errno := m.Protect(at, PageSize, protR|protW|protX); errno != 0 {
			t.Errorf("%s: not lifted: %v", c.name, errno)
		}
	}
	free := New()
	free.Map(Request{Addr: at, Len: PageSize, Prot: protR | protW, Flags: anonFixed})
	if _, errno := free.Protect(at, PageSize, protR|protW|protX); errno != 0 {
		t.Errorf("without: %v", errno)
	}
	if _, _, errno := free.Map(Request{Addr: at, Len: PageSize, Prot: protR | extra(protW), MaxProt: protR, Obj: 1, Flags: netbsd.MAP_SHARED}); errno != netbsd.EACCES {
		t.Errorf("PROT_MPROTECT beyond what the file allows: %v", errno)
	}
	heap := New()
	heap.Mprotect(true)
	heap.SetBreak(at, at)
	heap.Brk(at+PageSize, Max)
	if _, errno := heap.Protect(at, PageSize, protR|protX); errno != netbsd.EACCES {
		t.Errorf("code in the break's memory: %v", errno)
	}
}

// mlock(2) counts pages up to RLIMIT_MEMLOCK (sys_mlock: EAGAIN, and ENOMEM for what is not mapped or not user
// space), munlock(2) gives them back, and a child has none.
func TestWire(t *testing.T) {
	const at, limit = 0x10000, 3 * PageSize
	m := New()
	m.Map(Request{Addr: at, Len: 8 * PageSize, Prot: protR, Flags: anonFixed})
	for i, c := range []struct {
		addr, size uint64
		on         bool
		want       netbsd.Errno
		wired      uint64 // pages, afterwards
	}{
		{at, 2 * PageSize, true, 0, 2},
		{at + 4*PageSize, 2 * PageSize, true, netbsd.EAGAIN, 2},
		{at + 4*PageSize + 1, 1, true, 0, 3},
		{at, 0, true, 0, 3},
		{at, 3 * PageSize, false, netbsd.ENOMEM, 3}, // uvm_map_pageable: some of it is not wired, and nothing is done
		{at + 3*PageSize, 2 * PageSize, false, netbsd.ENOMEM, 3},
		{at + 2*PageSize, PageSize, false, netbsd.ENOMEM, 3},
		{at + 2*PageSize, 0, false, 0, 3},
		{at, PageSize, false, 0, 2},
		{at, PageSize, false, netbsd.ENOMEM, 2}, // once is enough, whatever was wired how often
		{at + 8*PageSize, PageSize, true, netbsd.ENOMEM, 2},
		{0, PageSize, true, netbsd.ENOMEM, 2},
		{^uint64(0), PageSize, true, netbsd.ENOMEM, 2},
		{at, ^uint64(0), true, netbsd.ENOMEM, 2},     // rounded up it wraps
		{at + 8*PageSize, 0, true, netbsd.ENOMEM, 2}, // uvm_map_pageable looks up where it begins
		{at + 8*PageSize, 0, false, netbsd.ENOMEM, 2},
		{at, 1 << 62, true, netbsd.ENOMEM, 2},
	} {
		if errno := m.Wire(c.addr, c.size, c.on, limit); errno != c.want || m.Wired() != c.wired*PageSize {
			t.Errorf("%d: %v, want %v; %d bytes wired", i, errno, c.want, m.Wired())
		}
		if wrong := m.Check(); wrong != "" {
			t.Error(wrong)
		}
	}
	if errno := m.Wire(at+7*PageSize, 2*PageSize, true, Max); errno != netbsd.EINVAL { // uvm_map_pageable: a hole that is not at the beginning
		t.Errorf("a hole: %v", errno)
	}
	none := New()
	none.Map(Request{Addr: at, Len: PageSize, Flags: anonFixed})
	if errno := none.Wire(at, PageSize, true, limit); errno != netbsd.EINVAL {
		t.Errorf("of PROT_NONE: %v", errno)
	}
	wired := Request{Addr: at, Len: 2 * PageSize, Prot: protR, Flags: anonFixed | netbsd.MAP_WIRED, Memlock: 2 * PageSize}
	if _, _, errno := none.Map(wired); errno != 0 || none.Wired() != 2*PageSize {
		t.Errorf("MAP_WIRED: %v, %d bytes", errno, none.Wired())
	}
	wired.Addr += 2 * PageSize
	if _, _, errno := none.Map(wired); errno != netbsd.ENOMEM {
		t.Errorf("MAP_WIRED of more than the limit: %v", errno)
	}
	if child, _ := m.Fork(); child.Wired() != 0 || child.Check() != "" {
		t.Errorf("a child: %d bytes, %s", child.Wired(), child.Check())
	}
	if errno := m.WireAll(true, limit); errno != netbsd.ENOMEM {
		t.Errorf("mlockall(2) of more than the limit: %v", errno)
	}
	if m.WireAll(true, Max); m.Wired() != m.Size() {
		t.Errorf("mlockall(2): %d of %d", m.Wired(), m.Size())
	}
	if m.WireAll(false, 0); m.Wired() != 0 || m.Len() != 1 {
		t.Errorf("munlockall(2): %d, %d regions", m.Wired(), m.Len())
	}
	// What cannot be accessed is neither wired nor counted (uvm_map_pageable_all), as what a stack may still grow to.
	m.Map(Request{Addr: at + 64*PageSize, Len: 1 << 30, Flags: anonFixed})
	if errno := m.WireAll(true, m.Size()-1<<30); errno != 0 || m.Wired() != m.Size()-1<<30 {
		t.Errorf("mlockall(2) beside PROT_NONE: %v, %d of %d", errno, m.Wired(), m.Size())
	}
}

// uvm_mremap unmaps the old range last: where it has holes the new one can begin in it, and what of that has been moved there goes.
func TestRemapOverlaps(t *testing.T) {
	m := New()
	m.Map(Request{Addr: Min + 12*PageSize, Len: PageSize, Flags: anonFixed})
	at, ops, errno := m.Remap(Min+5*PageSize, 8*PageSize, Min+2*PageSize, 8*PageSize, netbsd.MAP_FIXED)
	if errno != 0 || at != Min+2*PageSize || m.Len() != 0 {
		t.Errorf("%#x, %v, %d regions", at, errno, m.Len())
	}
	if len(ops) != 2 || ops[0].Kind != OpMove || ops[1] != unmapOp(Min+5*PageSize, Min+13*PageSize) {
		t.Errorf("the steps: %+v", ops)
	}
}

// minherit(2): with COPY a child has a copy of what is shared, which is its own (uvm_mapent_forkcopy); with SHARE
// it shares what was private, which its owner makes shared memory for it.
func TestInherit(t *testing.T) {
	const at = 0x10000
	m := New()
	m.Map(Request{Addr: at, Len: 2 * PageSize, Prot: protR | protW, Obj: 1, Flags: netbsd.MAP_SHARED | netbsd.MAP_FIXED})
	m.SetInherit(at, PageSize, netbsd.MAP_INHERIT_COPY)
	child, ops := m.Fork()
	if len(ops) != 1 || ops[0].Kind != OpCopy || ops[0].Region.Start != at || ops[0].Region.Len() != PageSize {
		t.Errorf("the steps: %+v", ops)
	}
	if r, _ := child.Lookup(at); r.Shared || r.Obj != nil || r.Prot != protR|protW || !r.Own {
		t.Errorf("the copy: %+v", r)
	}
	if r, _ := child.Lookup(at + PageSize); !r.Shared || r.Obj != 1 {
		t.Errorf("what is shared: %+v", r)
	}
	if r, _ := m.Lookup(at); !r.Shared || r.Obj != 1 {
		t.Errorf("the parent's: %+v", r)
	}

	m = New()
	m.Map(Request{Addr: at, Len: 3 * PageSize, Prot: protR | protW, Flags: anonFixed})
	m.SetInherit(at, PageSize, netbsd.MAP_INHERIT_SHARE)
	if ops = m.Convert(at, 3*PageSize); len(ops) != 1 || ops[0].Kind != OpCopy || !ops[0].Region.Shared || ops[0].Region.Len() != PageSize {
		t.Errorf("the steps: %+v", ops)
	}
	if ops = m.Convert(at, 3*PageSize); len(ops) != 0 {
		t.Errorf("once more: %+v", ops)
	}
	child, ops = m.Fork()
	if r, _ := child.Lookup(at); len(ops) != 0 || !r.Shared || !slices.Equal(slices.Collect(m.All()), slices.Collect(child.All())) {
		t.Errorf("%+v; the child's: %+v", ops, r)
	}
}

// sys_mmap looks at flags, the length and a fixed range before it looks at the file.
func TestRequestCheck(t *testing.T) {
	const fixed, priv = netbsd.MAP_FIXED, netbsd.MAP_PRIVATE
	for _, c := range []struct {
		q    Request
		want netbsd.Errno
	}{
		{Request{Len: PageSize, Flags: netbsd.MAP_SHARED | priv}, netbsd.EINVAL},
		{Request{Len: ^uint64(0), Flags: priv}, netbsd.ENOMEM},
		{Request{Flags: priv}, netbsd.EINVAL},
		{Request{Flags: priv | netbsd.MAP_ANON}, 0},
		{Request{Addr: 0x10001, Len: PageSize, Flags: priv | fixed}, netbsd.EINVAL},
		{Request{Addr: 0x10001, Len: PageSize, Flags: priv | fixed, Off: 1}, 0},
		{Request{Addr: 0, Len: PageSize, Flags: priv | fixed}, netbsd.EINVAL},
		{Request{Addr: Max, Len: PageSize, Flags: priv | fixed}, netbsd.EFBIG},
		{Request{Addr: 0x10001, Len: PageSize, Flags: priv}, 0},
	} {
		if errno := c.q.Check(); errno != c.want {
			t.Errorf("%+v: %v, want %v", c.q, errno, c.want)
		}
	}
}

// A MaxProt of PROT_NONE is one (memfd_mmap: maxprot is prot): mprotect(2) is EACCES for any access (uvm_map_protect), and PROT_MPROTECT, too.
func TestNoProt(t *testing.T) {
	const at = 0x10000
	m := New()
	q := Request{Addr: at, Len: PageSize, MaxProt: NoProt, Obj: 1, Flags: netbsd.MAP_SHARED | netbsd.MAP_FIXED}
	if _, _, errno := m.Map(q); errno != 0 {
		t.Fatal(errno)
	}
	for _, prot := range []int{protR, protW, protX} {
		if _, errno := m.Protect(at, PageSize, prot); errno != netbsd.EACCES {
			t.Errorf("mprotect(%d): %v", prot, errno)
		}
	}
	q.Prot = extra(protR)
	if _, _, errno := m.Map(q); errno != netbsd.EACCES {
		t.Errorf("PROT_MPROTECT: %v", errno)
	}
	q.Prot, q.MaxProt = protR, NoProt|protR
	if _, _, errno := m.Map(q); errno != 0 {
		t.Errorf("with a protection beside it: %v", errno)
	}
	if r, _ := m.Lookup(at); r.MaxProt != protR {
		t.Errorf("the region may at most %#x", r.MaxProt)
	}
}

// What a mapping becomes longer by, and what MAP_REMAPDUP duplicates, is of the same object (uvm_mapent_extend, mremap(2)), which only the
// host may still know: no step maps an object anew.
func TestRemapKeepsTheObject(t *testing.T) {
	const at, to = 0x100000, 0x200000
	const shared, private = netbsd.MAP_SHARED | netbsd.MAP_FIXED, netbsd.MAP_PRIVATE | netbsd.MAP_FIXED
	for _, c := range []struct {
		name              string
		mapped            int
		obj               any
		newPages          uint64
		flags             int
		want              []OpKind
		errno             netbsd.Errno
		lastOff, lastFrom uint64
	}{
		{"a shared file, in place", shared, 1, 3, 0, []OpKind{OpExtend}, 0, 4 * PageSize, at + PageSize},
		{"a private file, in place", private, 1, 3, 0, []OpKind{OpExtend}, 0, 4 * PageSize, at + PageSize},
		{"a file, elsewhere", private, 1, 4, netbsd.MAP_FIXED, []OpKind{OpMove, OpExtend}, 0, 4 * PageSize, to + PageSize},
		{"anonymous memory", private, nil, 3, 0, []OpKind{OpMap}, 0, 0, 0},
		{"a duplicate of a file", shared, 1, 2, netbsd.MAP_FIXED | netbsd.MAP_REMAPDUP, []OpKind{OpDup}, 0, 2 * PageSize, at},
		{"a longer duplicate", shared, 1, 3, netbsd.MAP_FIXED | netbsd.MAP_REMAPDUP, []OpKind{OpDup, OpExtend}, 0, 4 * PageSize, to + PageSize},
		{"a duplicate of anonymous memory", shared, nil, 2, netbsd.MAP_FIXED | netbsd.MAP_REMAPDUP, []OpKind{OpDup}, 0, 0, at},
		{"a duplicate of private memory", private, 1, 2, netbsd.MAP_FIXED | netbsd.MAP_REMAPDUP, nil, netbsd.EINVAL, 0, 0},
	} {
		m := New()
		q := Request{Addr: at, Len: 2 * PageSize, Prot: protR, Flags: c.mapped, Obj: c.obj}
		if c.obj != nil {
			q.Off = 2 * PageSize
		}
		if _, _, errno := m.Map(q); errno != 0 {
			t.Fatal(errno)
		}
		_, ops, errno := m.Remap(at, 2*PageSize, to, c.newPages*PageSize, c.flags)
		var kinds []OpKind
		for _, op := range ops {
			kinds = append(kinds, op.Kind)
		}
		if errno != c.errno || !slices.Equal(kinds, c.want) {
			t.Errorf("%s: %v, steps %v; want %v, %v", c.name, errno, kinds, c.errno, c.want)
			continue
		}
		if n := len(ops); n > 0 && (uint64(ops[n-1].Region.Off) != c.lastOff || ops[n-1].From != c.lastFrom) {
			t.Errorf("%s: %+v", c.name, ops[n-1])
		}
	}
}

// sys_mincore: ENOMEM for a hole, before which 256 pages at a time are told of.
func TestMincore(t *testing.T) {
	const at, none = 0x1000000, 0x10000
	m := New()
	m.Map(Request{Addr: at, Len: 300 * PageSize, Prot: protR | protW, Flags: anonFixed})
	m.Map(Request{Addr: at + 300*PageSize, Len: 300 * PageSize, Prot: protR, Flags: anonFixed})
	for _, c := range []struct {
		addr, size uint64
		want       netbsd.Errno
		pages      uint64
	}{
		{at, 2 * PageSize, 0, 2},
		{at, PageSize + 1, 0, 2},
		{at, 600 * PageSize, 0, 600},
		{at, 601 * PageSize, netbsd.ENOMEM, 512},
		{at, 1 << 62, netbsd.ENOMEM, 512},
		{at + 500*PageSize, 200 * PageSize, netbsd.ENOMEM, 0},
		{none, PageSize, netbsd.ENOMEM, 0},
		{at, ^uint64(0), netbsd.EINVAL, 0},
		{at, 0, netbsd.EINVAL, 0},
		{at + 1, PageSize, netbsd.EINVAL, 0},
	} {
		if n, errno := m.Mincore(c.addr, c.size); n != c.pages || errno != c.want {
			t.Errorf("%#x, %#x: %d pages, %v; want %d, %v", c.addr, c.size, n, errno, c.pages, c.want)
		}
	}
}

// uvm_mremap: holes, and memory that is not there, are moved as they are (uvm_map_extract), and minded where the range is to become longer
// (uvm_mapent_extend). What is moved or new is not wired.
func TestRemapOfHoles(t *testing.T) {
	const at, to = 0x100000, 0x200000
	for i, c := range []struct {
		from, size, newSize uint64
		flags               int
		want                netbsd.Errno
		mapped              []uint64
	}{
		{at, 3, 3, 0, 0, []uint64{at, at + 2*PageSize}},
		{at, 3, 1, 0, 0, []uint64{at}},
		{at, 3, 3, netbsd.MAP_FIXED, 0, []uint64{to, to + 2*PageSize}},
		{at, 3, 4, 0, 0, []uint64{at, at + 2*PageSize, at + 3*PageSize}},
		{at, 3, 4, netbsd.MAP_FIXED, 0, []uint64{to, to + 2*PageSize, to + 3*PageSize}},
		{at + PageSize, 1, 1, netbsd.MAP_FIXED, 0, []uint64{at, at + 2*PageSize}},
		{at + PageSize, 1, 2, netbsd.MAP_FIXED, netbsd.EINVAL, []uint64{at, at + 2*PageSize}},
		{at + 3*PageSize, 1, 2, 0, netbsd.EINVAL, []uint64{at, at + 2*PageSize}},
		{at + 8*PageSize, 1, 1, 0, 0, []uint64{at, at + 2*PageSize}},
		{at, 1, 1 << 40, 0, netbsd.ENOMEM, []uint64{at, at + 2*PageSize}},
		{1<<64 - PageSize, 1, 1, 0, netbsd.EINVAL, []uint64{at, at + 2*PageSize}},
	} {
		m := New()
		m.Map(Request{Addr: at, Len: 3 * PageSize, Prot: protR, Flags: anonFixed | netbsd.MAP_WIRED})
		m.Unmap(at+PageSize, PageSize)
		_, _, errno := m.Remap(c.from, c.size*PageSize, to, c.newSize*PageSize, c.flags)
		var mapped []uint64
		for a := uint64(at); a < to+8*PageSize; a += PageSize {
			if r, ok := m.Lookup(a); ok {
				if mapped = append(mapped, a); r.Wired != (a < at+3*PageSize) {
					t.Errorf("%d: %#x is wired: %v", i, a, r.Wired)
				}
			}
		}
		if errno != c.want || !slices.Equal(mapped, c.mapped) || m.Check() != "" {
			t.Errorf("%d: %v, want %v; mapped %#x, want %#x; %s", i, errno, c.want, mapped, c.mapped, m.Check())
		}
	}
}

// uvm_map_protect: what could not be accessed when MCL_FUTURE of mlockall(2) was asked for is wired once it can.
func TestProtectWires(t *testing.T) {
	const at = 0x100000
	m := New()
	m.Map(Request{Addr: at, Len: PageSize, Flags: anonFixed})
	m.Map(Request{Addr: at + PageSize, Len: PageSize, Prot: protR, Flags: anonFixed})
	m.WireFuture(true)
	m.Protect(at, 2*PageSize, protR|protW)
	if r, _ := m.Lookup(at); !r.Wired || m.Wired() != PageSize {
		t.Errorf("%+v, %d bytes wired", r, m.Wired())
	}
}

// uvm_map_clean: what is wired is not given up, EBUSY; that of the first region is asked, and before holes behind it are looked for. An empty range
// is looked at where it begins. sys___msync13: ENOMEM for a range that leaves user space.
func TestCleanOfWired(t *testing.T) {
	const at, free = 0x100000, 0x102000
	m := New()
	m.Map(Request{Addr: at, Len: PageSize, Prot: protR | protW, Flags: anonFixed})
	m.Map(Request{Addr: at + PageSize, Len: PageSize, Prot: protR, Flags: anonFixed})
	if errno := m.Wire(at, PageSize, true, Max); errno != 0 {
		t.Fatal(errno)
	}
	for i, c := range []struct{ got, want netbsd.Errno }{
		{second(m.Advise(at, PageSize, netbsd.MADV_FREE)), netbsd.EBUSY},
		{second(m.Advise(at, 3*PageSize, netbsd.MADV_FREE)), netbsd.EBUSY},
		{second(m.Advise(at, 3*PageSize, netbsd.MADV_DONTNEED)), netbsd.EFAULT},
		{second(m.Advise(at+PageSize, PageSize, netbsd.MADV_FREE)), 0},
		{second(m.Advise(at, 0, netbsd.MADV_FREE)), 0},
		{second(m.Advise(free, 0, netbsd.MADV_FREE)), netbsd.EFAULT},
		{second(m.Advise(free, 0, netbsd.MADV_DONTNEED)), netbsd.EFAULT},
		{second(m.Advise(free, 0, netbsd.MADV_WILLNEED)), 0},
		{second(m.Msync(at, PageSize, netbsd.MS_INVALIDATE)), netbsd.EBUSY},
		{second(m.Msync(at, PageSize, netbsd.MS_SYNC)), 0},
		{second(m.Msync(at, 1<<63, netbsd.MS_SYNC)), netbsd.ENOMEM},
		{second(m.Msync(0, PageSize, netbsd.MS_SYNC)), netbsd.ENOMEM},
		{second(m.Msync(free, PageSize, netbsd.MS_SYNC)), netbsd.EFAULT},
	} {
		if c.got != c.want {
			t.Errorf("%d: %v, want %v", i, c.got, c.want)
		}
	}
}

// uvm_mmap: MAP_WIRED of what cannot be accessed wires nothing, and an RLIMIT_MEMLOCK of 0 bounds neither that nor mlockall(2)
// (uvm_map_pageable_all), while mlock(2) is held to it.
func TestWiredMappings(t *testing.T) {
	const at, wired = 0x100000, anonFixed | netbsd.MAP_WIRED
	m := New()
	for i, c := range []struct {
		q     Request
		want  netbsd.Errno
		wired uint64
	}{
		{Request{Addr: at, Len: 2 * PageSize, Flags: wired, Memlock: PageSize}, 0, 0},
		{Request{Addr: at, Len: 2 * PageSize, Flags: wired, Prot: protR, Memlock: PageSize}, netbsd.ENOMEM, 0},
		{Request{Addr: at, Len: 2 * PageSize, Flags: wired, Prot: protR}, 0, 2},
	} {
		if _, _, errno := m.Map(c.q); errno != c.want || m.Wired() != c.wired*PageSize {
			t.Errorf("%d: %v, %d bytes wired", i, errno, m.Wired())
		}
	}
	if errno := m.Wire(at, PageSize, true, 0); errno != netbsd.EAGAIN {
		t.Errorf("mlock: %v", errno)
	}
	if errno := m.WireAll(true, 0); errno != 0 {
		t.Errorf("mlockall: %v", errno)
	}
}

// uvm_mmap: RLIMIT_AS counts what there is and what comes, also where the one replaces the other.
func TestLimitOfReplaced(t *testing.T) {
	const at = 0x100000
	m := New()
	for i, c := range []struct {
		limit uint64
		want  netbsd.Errno
	}{{PageSize - 1, netbsd.ENOMEM}, {PageSize, 0}, {PageSize, netbsd.ENOMEM}, {2*PageSize - 1, netbsd.ENOMEM}, {2 * PageSize, 0}, {0, 0}} {
		if _, _, errno := m.Map(Request{Addr: at, Len: PageSize, Flags: anonFixed, LimitAS: c.limit}); errno != c.want {
			t.Errorf("%d: %v", i, errno)
		}
	}
}

// uvm_mremap: MAP_FIXED reserves the new range, and so replaces nothing: ENOMEM where something is mapped, the old range included, or where nothing
// can be.
func TestRemapReplacesNothing(t *testing.T) {
	const at, taken = 0x100000, 0x200000
	for i, c := range []struct {
		to, size uint64
		flags    int
		want     netbsd.Errno
	}{
		{taken, PageSize, netbsd.MAP_FIXED, netbsd.ENOMEM},
		{taken - PageSize, 2 * PageSize, netbsd.MAP_FIXED, netbsd.ENOMEM},
		{at + PageSize, 2 * PageSize, netbsd.MAP_FIXED, netbsd.ENOMEM},
		{at, 3 * PageSize, netbsd.MAP_FIXED, netbsd.ENOMEM}, // which is in the way of itself there
		{Max, PageSize, netbsd.MAP_FIXED, netbsd.ENOMEM},
		{0, PageSize, netbsd.MAP_FIXED, netbsd.ENOMEM},
		{1<<64 - PageSize, PageSize, netbsd.MAP_FIXED, netbsd.EINVAL},
		{taken + 1, PageSize, netbsd.MAP_FIXED, netbsd.EINVAL},
		{0, PageSize, 47 << netbsd.MAP_ALIGNMENT_SHIFT, netbsd.ENOMEM},
		{taken + PageSize, PageSize, netbsd.MAP_FIXED, 0},
	} {
		m := New()
		m.Map(Request{Addr: at, Len: 2 * PageSize, Prot: protR, Flags: anonFixed})
		m.Map(Request{Addr: at + 2*PageSize, Len: PageSize, Flags: anonFixed})
		m.Map(Request{Addr: taken, Len: PageSize, Prot: protR, Flags: anonFixed})
		if _, _, errno := m.Remap(at, 2*PageSize, c.to, c.size, c.flags); errno != c.want {
			t.Errorf("%d: %v, want %v", i, errno, c.want)
		}
		if _, ok := m.Lookup(taken); !ok {
			t.Errorf("%d: what was there is gone", i)
		}
	}
}

// uvmspace_fork: a child has its parent's vm_daddr, from where RLIMIT_DATA counts, high up as that may be.
func TestBreakOfAChild(t *testing.T) {
	defer func() {
		m := New()
		m.SetText(0x1001)
		m.SetBreak(0x300800, 0x302800)
		m.Brk(0x304000, 1<<20)
		c, _ := m.Fork()
		if text, data := c.Sizes(); text != 0x2000 || data != 0x4000 {
			t.Errorf("%#x bytes of text, %#x of data", text, data)
		}
	}()
	const data, end = 0x200001000, 0x200002000
	m := New()
	m.SetBreak(data, end)
	c, _ := m.Fork()
	if _, errno := c.Brk(end+PageSize, 2*PageSize); errno != 0 {
		t.Error(errno)
	}
	if _, errno := c.Brk(end+2*PageSize, 2*PageSize); errno != netbsd.ENOMEM {
		t.Error(errno)
	}
}

// sys_obreak: RLIMIT_DATA counts from where the program's data begin, which are behind its first break; one that is no longer kept allows no more
// than to give back.
func TestBreakCountsTheData(t *testing.T) {
	const data, end = 0x100800, 0x102800
	m := New()
	m.SetBreak(data, end)
	for i, c := range []struct {
		to, limit uint64
		want      netbsd.Errno
	}{
		{0x104000, 0x3fff, netbsd.ENOMEM},
		{0x104000, 0x4000, 0},
		{0x104000, 0x3fff, netbsd.ENOMEM},
		{0x103000, 0x3000, 0},
		{0x103000, 0x2fff, netbsd.ENOMEM},
	} {
		if _, errno := m.Brk(c.to, c.limit); errno != c.want {
			t.Errorf("%d: %v, want %v", i, errno, c.want)
		}
	}
}
