package vm

import (
	"fmt"
	"testing"

	"pgregory.net/rapid"

	"toaster/netbsd"
)

// page is what a test knows about one page, in the map and on the host.
type page struct {
	prot   int
	shared bool
	obj    any
	off    int64
}

// fataler is what a testing.T and a rapid.T share.
type fataler interface{ Fatalf(string, ...any) }

// host carries steps out on an array of pages.
type host struct {
	pages map[uint64]page
}

func (h *host) run(t fataler, ops []Op) {
	for _, op := range ops {
		switch op.Kind {
		case OpMap, OpCopy:
			for a := op.Region.Start; a < op.Region.End; a += PageSize {
				h.pages[a] = pageOf(op.Region, a)
			}
		case OpUnmap:
			for a := op.Region.Start; a < op.Region.End; a += PageSize {
				delete(h.pages, a)
			}
		case OpProtect:
			for a := op.Region.Start; a < op.Region.End; a += PageSize {
				p, ok := h.pages[a]
				if !ok {
					t.Fatalf("protect of unmapped %#x", a)
				}
				p.prot = op.Region.Prot
				h.pages[a] = p
			}
		case OpMove:
			h.move(t, op)
		case OpDup:
			h.dup(t, op)
		case OpExtend:
			h.extend(t, op)
		case OpDiscard:
		}
	}
}

func (h *host) move(t fataler, op Op) {
	moved := map[uint64]page{}
	for a := uint64(0); a < op.Region.Len(); a += PageSize {
		p, ok := h.pages[op.From+a]
		if !ok {
			t.Fatalf("move of unmapped %#x", op.From+a)
		}
		delete(h.pages, op.From+a)
		moved[op.Region.Start+a] = p
	}
	for a, p := range moved {
		h.pages[a] = p
	}
}

// dup does what MAP_REMAPDUP is for: both places show the same pages.
func (h *host) dup(t fataler, op Op) {
	for a := uint64(0); a < op.Region.Len(); a += PageSize {
		p, ok := h.pages[op.From+a]
		if !ok || !p.shared {
			t.Fatalf("duplicate of %+v at %#x", p, op.From+a)
		}
		h.pages[op.Region.Start+a] = p
	}
}

// extend has the object go on, as Linux's mremap(2) does in place.
func (h *host) extend(t fataler, op Op) {
	p, ok := h.pages[op.From]
	if !ok || p.obj == nil {
		t.Fatalf("%#x is no mapping of a file that could be longer: %+v", op.From, p)
	}
	for a := op.Region.Start; a < op.Region.End; a += PageSize {
		p.off += PageSize
		h.pages[a] = p
	}
}

func pageOf(r Region, a uint64) page {
	p := page{prot: r.Prot, shared: r.Shared, obj: r.Obj}
	if r.Obj != nil {
		p.off = r.Off + int64(a-r.Start)
	}
	return p
}

// agree compares the host with the map, page by page.
func (h *host) agree(t *rapid.T, m *Map) {
	n := 0
	for r := range m.All() {
		for a := r.Start; a < r.End; a += PageSize {
			if got := h.pages[a]; got != pageOf(r, a) {
				t.Fatalf("page %#x: host %+v, map %+v", a, got, pageOf(r, a))
			}
			n++
		}
	}
	if n != len(h.pages) {
		t.Fatalf("host has %d pages, map %d", len(h.pages), n)
	}
	if s := m.Check(); s != "" {
		t.Fatal(s)
	}
}

const window = 48 // pages that the model plays in

func genAddr(t *rapid.T) uint64 {
	return Min + uint64(rapid.IntRange(0, window-1).Draw(t, "page"))*PageSize
}

func genSize(t *rapid.T) uint64 {
	return uint64(rapid.IntRange(1, 12).Draw(t, "pages")) * PageSize
}

// TestModel runs random calls and checks each against what the manual says about
// pages, and the host's pages against the map's.
func TestModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m, h := New(), &host{pages: map[uint64]page{}}
		brkStart := uint64(Min + window*PageSize)
		m.SetBreak(brkStart, brkStart)
		apply := func(ops []Op, errno netbsd.Errno) {
			if errno == 0 {
				h.run(t, ops)
			}
		}
		t.Repeat(map[string]func(*rapid.T){
			"mapFixed": func(t *rapid.T) {
				q := genRequest(t)
				q.Flags |= netbsd.MAP_FIXED
				a, ops, errno := m.Map(q)
				if errno != 0 {
					t.Fatalf("mmap fixed: %v", errno)
				}
				if a != q.Addr {
					t.Fatalf("mapped at %#x", a)
				}
				apply(ops, errno)
			},
			"mapFree": func(t *rapid.T) {
				q := genRequest(t)
				a, ops, errno := m.Map(q)
				if errno != 0 {
					t.Fatalf("mmap: %v", errno)
				}
				for p := a; p < a+q.Len; p += PageSize {
					if _, ok := h.pages[p]; ok {
						t.Fatalf("%#x was mapped already", p)
					}
				}
				apply(ops, errno)
			},
			"unmap": func(t *rapid.T) {
				a, n := genAddr(t), genSize(t)
				ops, errno := m.Unmap(a, n)
				apply(ops, errno)
				for r := range m.Overlap(a, a+n) {
					t.Fatalf("still mapped: %+v", r)
				}
			},
			"protect": func(t *rapid.T) {
				a, n, prot := genAddr(t), genSize(t), rapid.IntRange(0, 7).Draw(t, "prot")
				ops, errno := m.Protect(a, n, prot)
				apply(ops, errno)
				for r := range m.Overlap(a, a+n) {
					if errno == 0 && r.Prot != prot {
						t.Fatalf("not protected: %+v", r)
					}
				}
			},
			"inherit": func(t *rapid.T) {
				m.SetInherit(genAddr(t), genSize(t), rapid.SampledFrom([]int{0, 1, 2, 4}).Draw(t, "inherit"))
			},
			"remap": func(t *rapid.T) {
				a, n, to, n2 := genAddr(t), genSize(t), genAddr(t), genSize(t)
				flags := rapid.SampledFrom([]int{0, netbsd.MAP_FIXED, netbsd.MAP_REMAPDUP}).Draw(t, "flags")
				mapped := m.Mapped(a, a+n)
				got, ops, errno := m.Remap(a, n, to, n2, flags)
				apply(ops, errno)
				if errno == 0 && mapped && !m.Mapped(got, got+n2) {
					t.Fatalf("not mapped afterwards")
				}
			},
			"brk": func(t *rapid.T) {
				to := brkStart + uint64(rapid.IntRange(-1, 8).Draw(t, "brk"))*PageSize
				ops, errno := m.Brk(to, 6*PageSize)
				apply(ops, errno)
				if _, end := m.Break(); errno == 0 && end != to {
					t.Fatalf("break is %#x", end)
				}
			},
			"fork": func(t *rapid.T) {
				c, ops := m.Fork()
				ch := &host{pages: map[uint64]page{}}
				for a, p := range h.pages {
					ch.pages[a] = p
				}
				ch.run(t, ops)
				ch.agree(t, c)
				m, h = c, ch
			},
			"mapHigh": func(t *rapid.T) { // where the room is
				q := genRequest(t)
				q.Addr, q.Flags = q.Addr-Min+Max-StackReserve-window*PageSize, q.Flags|netbsd.MAP_FIXED
				_, ops, errno := m.Map(q)
				apply(ops, errno)
			},
			"mapAnywhere": func(t *rapid.T) {
				low, high := m.Room()
				q := genRequest(t)
				q.Addr = 0
				a, ops, errno := m.Map(q)
				if q.Len <= high-low && a != high-q.Len || errno != 0 {
					t.Fatalf("%#x, %v: the room was %#x to %#x", a, errno, low, high)
				}
				apply(ops, errno)
			},
			"": func(t *rapid.T) {
				h.agree(t, m)
				low, high := m.Room()
				for r := range m.Overlap(low, high) {
					t.Fatalf("in the room: %+v", r)
				}
				if high < low || high > Max-StackReserve || !m.Mapped(high, Max-StackReserve) {
					t.Fatalf("the room is %#x to %#x", low, high)
				}
			},
		})
	})
}

func genRequest(t *rapid.T) Request {
	q := Request{Addr: genAddr(t), Len: genSize(t), Prot: rapid.IntRange(0, 7).Draw(t, "prot"), Flags: netbsd.MAP_PRIVATE}
	if rapid.Bool().Draw(t, "shared") {
		q.Flags = netbsd.MAP_SHARED
	}
	if o := rapid.IntRange(0, 2).Draw(t, "obj"); o > 0 {
		q.Obj, q.Off = o, int64(rapid.IntRange(0, 4).Draw(t, "off"))*PageSize
	}
	return q
}

func TestMapErrors(t *testing.T) {
	const fixed, priv = netbsd.MAP_FIXED, netbsd.MAP_PRIVATE
	for _, c := range []struct {
		q    Request
		want netbsd.Errno
	}{
		{Request{Len: PageSize, Flags: netbsd.MAP_SHARED | priv}, netbsd.EINVAL},
		{Request{Addr: 0x1001, Len: PageSize, Flags: priv | fixed}, netbsd.EINVAL},
		{Request{Addr: 0, Len: PageSize, Flags: priv | fixed}, netbsd.EINVAL},
		{Request{Addr: Max, Len: PageSize, Flags: priv | fixed}, netbsd.EFBIG},
		{Request{Addr: 1 << 63, Len: 1 << 63, Flags: priv | fixed}, netbsd.EOVERFLOW},
		{Request{Len: 1 << 47, Flags: priv}, netbsd.ENOMEM},
		{Request{Len: ^uint64(0), Flags: priv}, netbsd.ENOMEM},
		{Request{Len: PageSize, Flags: priv | 5<<netbsd.MAP_ALIGNMENT_SHIFT}, netbsd.EINVAL},
		{Request{Len: PageSize, Flags: priv, Prot: netbsd.PROT_WRITE, MaxProt: netbsd.PROT_READ}, netbsd.EACCES}, // sys_mmap
		{Request{Len: PageSize, Flags: priv | 46<<netbsd.MAP_ALIGNMENT_SHIFT}, 0},
		{Request{Len: PageSize, Flags: priv | 47<<netbsd.MAP_ALIGNMENT_SHIFT}, netbsd.ENOMEM}, // uvm_mmap
		{Request{Addr: 0x1000, Len: PageSize, Flags: priv | fixed | 63<<netbsd.MAP_ALIGNMENT_SHIFT}, netbsd.ENOMEM},
		{Request{Len: PageSize, Flags: priv, LimitAS: PageSize / 2}, netbsd.ENOMEM},
	} {
		if _, _, errno := New().Map(c.q); errno != c.want {
			t.Errorf("%+v: %v, want %v", c.q, errno, c.want)
		}
	}
}

// Where mappings land, as NetBSD/amd64 does it: top down below the stack's room, at
// the hint if it is free, else below it.
func TestPlacement(t *testing.T) {
	m := New()
	at := func(addr, size uint64, flags int) uint64 {
		a, _, errno := m.Map(Request{Addr: addr, Len: size, Flags: flags | netbsd.MAP_PRIVATE | netbsd.MAP_ANON})
		if errno != 0 {
			t.Fatal(errno)
		}
		return a
	}
	top := uint64(Max - StackReserve)
	for _, c := range []struct {
		addr, size uint64
		flags      int
		want       uint64
	}{
		{0, 0x2000, 0, top - 0x2000},
		{0, 0x1000, 0, top - 0x3000},
		{0xc000000000, 64 << 20, 0, 0xc000000000},
		{0xc000000000, 0x1000, 0, 0xc000000000 - 0x1000},
		{0, 0x1000, 21 << netbsd.MAP_ALIGNMENT_SHIFT, (top - 0x4000) &^ (1<<21 - 1)},
		{top + 0x1000, 0x1000, netbsd.MAP_TRYFIXED, top + 0x1000},
		{0x1800, 0x1000, 0, 0x2000},
	} {
		if got := at(c.addr, c.size, c.flags); got != c.want {
			t.Errorf("%#x+%#x: %#x, want %#x", c.addr, c.size, got, c.want)
		}
	}
	if s := m.Check(); s != "" {
		t.Error(s)
	}
}

func TestFileOffsetInPage(t *testing.T) {
	m := New()
	a, ops, errno := m.Map(Request{Len: 0x1000, Off: 0x2010, Obj: "f", Flags: netbsd.MAP_PRIVATE})
	if errno != 0 || a%PageSize != 0x10 || ops[0].Region.Off != 0x2000 || ops[0].Region.Len() != 0x2000 {
		t.Errorf("%#x %+v %v", a, ops, errno)
	}
}

// Memory is committed where it was reserved, and nowhere else.
func TestCommit(t *testing.T) {
	const anon, fixed = netbsd.MAP_PRIVATE | netbsd.MAP_ANON, netbsd.MAP_FIXED
	for name, c := range map[string]struct {
		before, q Request
		want      bool
	}{
		"a part":        {Request{}, Request{Addr: 0x12000, Len: 0x1000, Prot: 3, Flags: anon | fixed}, true},
		"all":           {Request{}, Request{Addr: 0x10000, Len: 0x10000, Prot: 3, Flags: anon | fixed}, true},
		"to be read":    {Request{}, Request{Addr: 0x12000, Len: 0x1000, Prot: 1, Flags: anon | fixed}, false},
		"reserved anew": {Request{}, Request{Addr: 0x12000, Len: 0x1000, Flags: anon | fixed}, false},
		"beyond it":     {Request{}, Request{Addr: 0x1f000, Len: 0x2000, Prot: 3, Flags: anon | fixed}, false},
		"beside it":     {Request{}, Request{Addr: 0x30000, Len: 0x1000, Prot: 3, Flags: anon | fixed}, false},
		"anywhere":      {Request{}, Request{Len: 0x1000, Prot: 3, Flags: anon}, false},
		"a file":        {Request{}, Request{Addr: 0x12000, Len: 0x1000, Prot: 3, Flags: netbsd.MAP_PRIVATE | fixed, Obj: 1}, false},
		"shared":        {Request{}, Request{Addr: 0x12000, Len: 0x1000, Prot: 3, Flags: netbsd.MAP_SHARED | netbsd.MAP_ANON | fixed}, false},
		"in use":        {Request{Addr: 0x12000, Len: 0x1000, Prot: 1, Flags: anon | fixed}, Request{Addr: 0x11000, Len: 0x4000, Prot: 3, Flags: anon | fixed}, false},
		"over a file":   {Request{Addr: 0x12000, Len: 0x1000, Flags: netbsd.MAP_PRIVATE | fixed, Obj: 1}, Request{Addr: 0x12000, Len: 0x1000, Prot: 3, Flags: anon | fixed}, false},
	} {
		m := New()
		m.Map(Request{Addr: 0x10000, Len: 0x10000, Flags: anon | fixed})
		if c.before.Len != 0 {
			m.Map(c.before)
		}
		if _, ops, errno := m.Map(c.q); errno != 0 || ops[0].Commit != c.want {
			t.Errorf("%s: %+v, %v", name, ops, errno)
		}
	}
}

func TestProtectMax(t *testing.T) {
	m := New()
	m.Map(Request{Addr: 0x1000, Len: 0x2000, Flags: netbsd.MAP_SHARED | netbsd.MAP_FIXED, Obj: 1, Prot: 1, MaxProt: 1})
	if _, errno := m.Protect(0x1000, 0x1000, 3); errno != netbsd.EACCES {
		t.Error(errno)
	}
	if ops, errno := m.Protect(0x1000, 0x1000, 0); errno != 0 || len(ops) != 1 || m.Len() != 2 {
		t.Error(ops, errno, m.Len())
	}
	if _, errno := m.Protect(0x1000, 0x1000, 1); errno != 0 || m.Len() != 1 {
		t.Error(errno, m.Len())
	}
}

func TestAdviseAndRanges(t *testing.T) {
	m := New()
	m.Map(Request{Addr: 0x1000, Len: 0x1000, Flags: netbsd.MAP_PRIVATE | netbsd.MAP_FIXED, Prot: 3})
	m.Map(Request{Addr: 0x3000, Len: 0x1000, Flags: netbsd.MAP_SHARED | netbsd.MAP_FIXED, Obj: 1})
	if ops, errno := m.Advise(0x1000, 1, netbsd.MADV_FREE); errno != 0 || len(ops) != 1 || ops[0].Kind != OpDiscard {
		t.Error(ops, errno)
	}
	for _, c := range []struct{ got, want netbsd.Errno }{
		{second(m.Advise(0x1000, 0x3000, netbsd.MADV_FREE)), netbsd.EFAULT},
		{second(m.Advise(0x1000, 0x3000, netbsd.MADV_WILLNEED)), 0}, // uvm_map_willneed
		{second(m.Advise(0x1000, 0x1000, netbsd.MADV_SPACEAVAIL)), netbsd.EINVAL},
		{second(m.Advise(0x1000, 0x3000, netbsd.MADV_RANDOM)), 0},
		{second(m.Msync(0x3000, 0x1000, netbsd.MS_SYNC|netbsd.MS_ASYNC)), netbsd.EINVAL},
		{second(m.Msync(0x2000, 0, netbsd.MS_SYNC)), netbsd.EINVAL},
		{m.Wire(0x1000, 0x1000, true, Max), 0},
		{m.Wire(0x1000, 0x1000, false, 0), 0},
		{m.Wire(0x1000, 0x1001, false, 0), netbsd.ENOMEM},
		{second(m.Unmap(0, 0x1000)), netbsd.EINVAL},
		{second(m.Unmap(0x1000, 0)), 0},
		{second(m.Unmap(0x1001, 0)), 0},
		{second(m.Unmap(0x1000, ^uint64(0))), netbsd.EINVAL}, // rounded up it wraps (round_and_check)
		{second(m.Unmap(0x1000, 1<<63)), netbsd.EINVAL},
		{second(m.Protect(0x1001, 0, netbsd.PROT_NONE)), 0},
		{m.Wire(0x1001, 0, true, 0), 0},
		{m.Wire(0x1000, 0x1000, true, Max), 0},
		{m.Wire(0x1000, 0x1000, false, 0), 0},
	} {
		if c.got != c.want {
			t.Errorf("%v, want %v", c.got, c.want)
		}
	}
	if l, errno := m.Msync(0x3800, 0, netbsd.MS_SYNC); errno != 0 || len(l) != 1 || l[0].Start != 0x3000 {
		t.Error(l, errno)
	}
}

func second[T any](_ T, errno netbsd.Errno) netbsd.Errno { return errno }

func BenchmarkLookup(b *testing.B) {
	for _, n := range []int{30, 10000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			m := New()
			for i := range n {
				m.Map(Request{Addr: uint64(i+1) * 2 * PageSize, Len: PageSize, Flags: netbsd.MAP_PRIVATE | netbsd.MAP_FIXED})
			}
			for b.Loop() {
				m.Lookup(uint64(n) * PageSize)
			}
		})
	}
}

// sys_obreak rounds up: a program may go back to its first break, the end of its data, which lies in
// the page before (sbrk(3) keeps it as it is).
func TestBrkBack(t *testing.T) {
	const data, limit = Min + 8*PageSize + 0x123, 4 * PageSize
	m := New()
	m.SetBreak(data, data)
	for _, c := range []struct {
		to   uint64
		want netbsd.Errno
		end  uint64
	}{
		{data, 0, Min + 9*PageSize},
		{data + 2*PageSize, 0, Min + 11*PageSize},
		{data, 0, Min + 9*PageSize},
		{Min + 8*PageSize, netbsd.EINVAL, Min + 9*PageSize},
		{data + limit, 0, Min + 13*PageSize},
		{data + limit + PageSize, netbsd.ENOMEM, Min + 13*PageSize},
		{0, netbsd.ENOMEM, Min + 13*PageSize},
		{1<<64 - 1, netbsd.ENOMEM, Min + 13*PageSize},
		{data, 0, Min + 9*PageSize},
	} {
		_, errno := m.Brk(c.to, limit+PageSize) // the page in which the data begin counts
		if _, end := m.Break(); errno != c.want || end != c.end {
			t.Errorf("brk(%#x): %s, break %#x; want %s, %#x", c.to, errno.Name(), end, c.want.Name(), c.end)
		}
	}
}

// Where a break cannot go back, as a piece of the map would have to become two and there is no room for one more, it stays where it is,
// as after any failure (brk(2)). In sys_obreak itself that never fails.
func TestBrkStaysWithoutRoom(t *testing.T) {
	const start = Min + 8*PageSize
	m := New()
	m.SetBreak(start, start)
	m.Brk(start+4*PageSize, 16*PageSize)
	// One piece from the heap on to what lies behind it, so that the heap's end is in the middle.
	if _, _, errno := m.Map(Request{Addr: start, Len: 8 * PageSize, Flags: netbsd.MAP_FIXED | netbsd.MAP_PRIVATE | netbsd.MAP_ANON}); errno != 0 {
		t.Fatal(errno)
	}
	m.most = len(m.regions)
	_, errno := m.Brk(start+PageSize, 16*PageSize)
	if _, end := m.Break(); errno != netbsd.ENOMEM || end != start+4*PageSize {
		t.Errorf("%s, break %#x", errno.Name(), end)
	}
}

func FuzzMap(f *testing.F) {
	f.Add(uint64(0x1000), uint64(0x3000), 7, uint64(0x2000), uint64(0x1000), 0)
	f.Fuzz(func(t *testing.T, a, n uint64, flags int, b, n2 uint64, flags2 int) {
		m, h := New(), &host{pages: map[uint64]page{}}
		run := func(ops []Op, errno netbsd.Errno) {
			for _, op := range ops {
				if op.Region.Len() > 1<<20 {
					return
				}
			}
			if s := m.Check(); s != "" {
				t.Fatal(s)
			}
			h.run(t, ops)
		}
		_, ops, errno := m.Map(Request{Addr: a, Len: n, Prot: flags, Flags: flags})
		run(ops, errno)
		ops, errno = m.Unmap(b, n2)
		run(ops, errno)
		ops, errno = m.Protect(b, n, flags2)
		run(ops, errno)
		_, ops, errno = m.Remap(a, n, b, n2, flags2)
		run(ops, errno)
		ops, errno = m.Brk(b, n2)
		run(ops, errno)
		ops, errno = m.Advise(b, n2, flags&7)
		run(ops, errno)
		m.Mincore(a, n)
		m.Msync(b, n, flags2&7)
		if s := m.Check(); s != "" {
			t.Fatal(s)
		}
	})
}

// A guest has its memory cut into as many regions as it may have in a second, by minherit(2) alone, and then forks: that must not
// take the square of their number.
func TestForkOfManyRegions(t *testing.T) {
	const holes = 1 << 16
	m := New()
	addr, _, errno := m.Map(Request{Len: 2 * holes * PageSize, Prot: netbsd.PROT_READ, Flags: netbsd.MAP_ANON | netbsd.MAP_PRIVATE})
	for i := uint64(0); i < holes && errno == 0; i++ {
		inherit := netbsd.MAP_INHERIT_NONE
		if i%2 == 0 {
			inherit = netbsd.MAP_INHERIT_ZERO
		}
		errno = m.SetInherit(addr+2*i*PageSize, PageSize, inherit)
	}
	if errno != 0 {
		t.Fatal(errno)
	}
	c, ops := m.Fork()
	if bad := c.Check(); bad != "" || len(ops) != holes || c.Len() != holes/2*3 || c.Size() != holes/2*3*PageSize {
		t.Errorf("%q: %d steps, %d regions, %d bytes", bad, len(ops), c.Len(), c.Size())
	}
}
