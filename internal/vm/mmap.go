package vm

import "toaster/netbsd"

// Request is mmap(2), with the file already looked up.
type Request struct {
	Addr, Len uint64
	Prot      int // and what PROT_MPROTECT adds
	MaxProt   int // 0 means everything, NoProt nothing
	Flags     int // MAP_*
	Obj       any // nil: anonymous
	Off       int64
	Name      string
	LimitAS   uint64 // RLIMIT_AS; 0 means none
	Memlock   uint64 // RLIMIT_MEMLOCK, for MAP_WIRED; 0 bounds nothing (locklimit of uvm_mmap)
}

const (
	protAll   = netbsd.PROT_READ | netbsd.PROT_WRITE | netbsd.PROT_EXEC
	knownMask = netbsd.MAP_SHARED | netbsd.MAP_PRIVATE

	// NoProt is a MaxProt of PROT_NONE: the mapping may never be accessed. It is a bit that no protection has.
	NoProt = protAll + 1
)

// extraProt is PROT_MPROTECT_EXTRACT: what mprotect(2) may allow later, beyond prot.
func extraProt(prot int) int { return prot >> 3 & protAll }

// Check is what sys_mmap looks at before it looks at the file. EINVAL: contradicting flags, nothing of a file, a fixed
// address that is not aligned as the offset is, or below the first page. ENOMEM: a length that wraps. EFBIG,
// EOVERFLOW: a fixed range that leaves user space.
func (q *Request) Check() netbsd.Errno {
	if q.Flags&knownMask == knownMask || q.Len == 0 && q.Flags&netbsd.MAP_ANON == 0 {
		return netbsd.EINVAL
	}
	pageOff := uint64(q.Off) % PageSize
	size := pageUp(q.Len + pageOff)
	switch {
	case size < q.Len:
		return netbsd.ENOMEM
	case q.Flags&netbsd.MAP_FIXED == 0:
		return 0
	case (q.Addr-pageOff)%PageSize != 0:
		return netbsd.EINVAL
	}
	return CheckRange(q.Addr-pageOff, size, true)
}

func pageUp(a uint64) uint64 { return (a + PageSize - 1) &^ (PageSize - 1) }

// Map enters a mapping and returns its address, which has the offset's place within
// the page. A MAP_FIXED mapping replaces what is there.
//
// Errors: EINVAL for contradicting flags, a misaligned fixed address or
// alignment, an address below the first page; EFBIG and EOVERFLOW for a fixed range
// that leaves user space; ENOMEM if there is no room, also for the alignment alone; EACCES for what is beyond MaxProt, what PROT_MPROTECT
// adds included, and what PaX MPROTECT forbids. Protections against the object are the caller's.
func (m *Map) Map(q Request) (uint64, []Op, netbsd.Errno) {
	if q.Flags&knownMask == knownMask {
		return 0, nil, netbsd.EINVAL
	}
	if q.MaxProt == 0 {
		q.MaxProt = protAll
	}
	q.MaxProt &= protAll
	extra := extraProt(q.Prot)
	q.Prot &= protAll
	if (q.Prot|extra)&^q.MaxProt != 0 || m.refuses(q.Prot) {
		return 0, nil, netbsd.EACCES
	}
	q.MaxProt = m.limit(q.Prot, extra, q.MaxProt)
	var pageOff uint64
	if q.Obj != nil { // of anonymous memory the stub does not look at it, as sys_mmap would
		pageOff = uint64(q.Off) % PageSize
		q.Off -= int64(pageOff)
	}
	size := pageUp(q.Len + pageOff)
	if size < q.Len {
		return 0, nil, netbsd.ENOMEM
	}
	addr, errno := m.place(&q, pageOff, size)
	if errno != 0 || size == 0 {
		return addr + pageOff, nil, errno
	}
	if errno := m.checkLimit(size, q.LimitAS); errno != 0 {
		return 0, nil, errno
	}
	if m.full() {
		return 0, nil, netbsd.ENOMEM
	}
	if m.future {
		q.Flags |= netbsd.MAP_WIRED
	}
	if q.Prot == netbsd.PROT_NONE {
		q.Flags &^= netbsd.MAP_WIRED // there is nothing to wire (uvm_mmap)
	}
	if q.Flags&netbsd.MAP_WIRED != 0 && q.Memlock != 0 && (size > q.Memlock || m.Wired() > q.Memlock-size) {
		return 0, nil, netbsd.ENOMEM
	}
	r := q.region(addr, size)
	op := Op{Kind: OpMap, Region: r, Commit: r.anonymous() && r.Prot&netbsd.PROT_WRITE != 0 && m.held(r.Start, r.End)}
	m.replace(r.Start, r.End, r)
	return addr + pageOff, []Op{op}, 0
}

func (r Region) anonymous() bool { return r.Obj == nil && !r.Shared }

// held reports whether a range is reserved, and no more.
func (m *Map) held(start, end uint64) bool {
	for r := range m.Overlap(start, end) {
		if !r.anonymous() || r.Prot != netbsd.PROT_NONE {
			return false
		}
	}
	return m.Mapped(start, end)
}

func (q *Request) region(addr, size uint64) Region {
	r := Region{Start: addr, End: addr + size, Prot: q.Prot, MaxProt: q.MaxProt, Obj: q.Obj, Name: q.Name}
	r.Shared = q.Flags&netbsd.MAP_SHARED != 0
	r.Wired = q.Flags&netbsd.MAP_WIRED != 0
	r.Inherit = netbsd.MAP_INHERIT_COPY
	if r.Shared {
		r.Inherit = netbsd.MAP_INHERIT_SHARE
	}
	switch {
	case r.Obj != nil:
		r.Off = q.Off
	case r.Shared:
		r.Anon = new(Anon)
	}
	return r
}

// checkLimit is RLIMIT_AS. What MAP_FIXED is to replace counts as well, as it is there still (uvm_mmap).
func (m *Map) checkLimit(size, limit uint64) netbsd.Errno {
	if limit != 0 && m.size+size > limit {
		return netbsd.ENOMEM
	}
	return 0
}

// place chooses the address.
func (m *Map) place(q *Request, pageOff, size uint64) (uint64, netbsd.Errno) {
	align, errno := alignment(q.Flags)
	if errno != 0 {
		return 0, errno
	}
	if align >= Max {
		return 0, netbsd.ENOMEM
	}
	if q.Flags&netbsd.MAP_FIXED != 0 {
		addr := q.Addr - pageOff
		if addr%align != 0 {
			return 0, netbsd.EINVAL
		}
		return addr, CheckRange(addr, size, true)
	}
	hint := pageUp(q.Addr)
	if q.Flags&netbsd.MAP_TRYFIXED != 0 && q.Addr != 0 && hint%align == 0 && m.Free(hint, size) {
		return hint, 0
	}
	if addr, ok := m.FindFree(hint, size, align); ok {
		return addr, 0
	}
	return 0, netbsd.ENOMEM
}

// alignment reads the MAP_ALIGNED part of the flags.
func alignment(flags int) (uint64, netbsd.Errno) {
	log := uint(flags) >> netbsd.MAP_ALIGNMENT_SHIFT & 0xff
	switch {
	case log == 0:
		return PageSize, 0
	case log < 12 || log >= 64:
		return 0, netbsd.EINVAL
	}
	return 1 << log, 0
}

// CheckRange is NetBSD's test of an address range; isMmap selects mmap's errors.
func CheckRange(addr, size uint64, isMmap bool) netbsd.Errno {
	end := addr + size
	switch {
	case addr < Min:
		return netbsd.EINVAL
	case end > Max && isMmap:
		return netbsd.EFBIG
	case end < addr && isMmap:
		return netbsd.EOVERFLOW
	case end > Max || end < addr:
		return netbsd.EINVAL
	}
	return 0
}

// Free reports whether a range is user space, and nothing is mapped there.
func (m *Map) Free(addr, size uint64) bool {
	if CheckRange(addr, size, false) != 0 {
		return false
	}
	i := m.search(addr)
	return i == len(m.regions) || m.regions[i].Start >= addr+size
}

// FindFree looks for room: at the hint, else downwards from it, else, so that no
// room is left unused, downwards from the end of what mmap may use. Without a hint
// that is where it begins, below the room for the stack.
func (m *Map) FindFree(hint, size, align uint64) (uint64, bool) {
	top := uint64(Max - StackReserve)
	if size > top-Min {
		return 0, false
	}
	if hint == 0 || hint > top-size {
		hint = top - size
	}
	hint = hint &^ (align - 1)
	if hint >= Min && m.Free(hint, size) {
		return hint, true
	}
	if a, ok := m.findDown(hint, size, align); ok {
		return a, true
	}
	return m.findDown((top-size)&^(align-1), size, align)
}

// findDown returns the highest free aligned address that is not above from.
func (m *Map) findDown(from, size, align uint64) (uint64, bool) {
	a := from
	for i := m.search(from + size - 1); ; i-- {
		if i < len(m.regions) && m.regions[i].Start < a+size {
			if m.regions[i].Start < size {
				return 0, false
			}
			a = (m.regions[i].Start - size) &^ (align - 1)
		}
		if a < Min {
			return 0, false
		}
		if i == 0 || m.regions[i-1].End <= a {
			return a, true
		}
	}
}
