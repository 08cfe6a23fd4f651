package vm

import "toaster/netbsd"

// Span widens a byte range to pages the way all the calls on ranges do it (round_and_check). No bytes are no page, wherever they begin. EINVAL: it
// wraps, or leaves user space.
func Span(addr, size uint64) (start, end uint64, errno netbsd.Errno) {
	off := addr % PageSize
	start = addr - off
	n := uint64(0)
	if size != 0 {
		if n = pageUp(size + off); n < size || start+n < start {
			return 0, 0, netbsd.EINVAL
		}
	}
	return start, start + n, CheckRange(start, n, false)
}

// Unmap is munmap(2): holes are no error, nor is an empty range.
func (m *Map) Unmap(addr, size uint64) ([]Op, netbsd.Errno) {
	start, end, errno := Span(addr, size)
	if errno != 0 || start == end {
		return nil, errno
	}
	if r, ok := m.Lookup(start); ok && r.Start < start && r.End > end && m.full() {
		return nil, netbsd.ENOMEM // it would become two
	}
	var ops []Op
	for r := range m.Overlap(start, end) {
		if n := len(ops); n > 0 && ops[n-1].Region.End == r.Start {
			ops[n-1].Region.End = r.End
			continue
		}
		ops = append(ops, unmapOp(r.Start, r.End))
	}
	m.replace(start, end)
	return ops, 0
}

// MayProtect says what Protect would answer. EACCES: some page's object does not allow it, or PaX MPROTECT does not.
func (m *Map) MayProtect(addr, size uint64, prot int) netbsd.Errno {
	start, end, errno := Span(addr, size)
	if errno != 0 {
		return errno
	}
	if m.full() {
		return netbsd.ENOMEM
	}
	if prot &= protAll; m.refuses(prot) {
		return netbsd.EACCES
	}
	for r := range m.Overlap(start, end) {
		if prot&^r.MaxProt != 0 {
			return netbsd.EACCES
		}
	}
	return 0
}

// Protect is mprotect(2). Errors are those of MayProtect; holes are no error.
func (m *Map) Protect(addr, size uint64, prot int) ([]Op, netbsd.Errno) {
	if errno := m.MayProtect(addr, size, prot); errno != 0 {
		return nil, errno
	}
	start, end, _ := Span(addr, size)
	prot &= protAll
	var ops []Op
	m.change(start, end, func(r *Region) {
		if r.Prot != prot {
			r.Wired = r.Wired || m.future && r.Prot == netbsd.PROT_NONE // uvm_map_protect: it could not be before
			r.Prot = prot
			ops = append(ops, Op{Kind: OpProtect, Region: *r})
		}
	})
	return ops, 0
}

// SetInherit is minherit(2).
func (m *Map) SetInherit(addr, size uint64, inherit int) netbsd.Errno {
	switch inherit {
	case netbsd.MAP_INHERIT_SHARE, netbsd.MAP_INHERIT_COPY, netbsd.MAP_INHERIT_NONE, netbsd.MAP_INHERIT_ZERO:
	default:
		return netbsd.EINVAL
	}
	start, end, errno := Span(addr, size)
	if errno == 0 && m.full() {
		errno = netbsd.ENOMEM
	}
	if errno == 0 {
		m.change(start, end, func(r *Region) { r.Inherit = inherit })
	}
	return errno
}

// Advise is madvise(2). Only MADV_FREE has a step: private anonymous pages are
// dropped. MADV_DONTNEED keeps the data on NetBSD, and so does nothing.
//
// Errors: EINVAL for advice that there isn't, and for MADV_SPACEAVAIL; EFAULT
// for a hole with MADV_FREE and MADV_DONTNEED, but not with MADV_WILLNEED (uvm_map_willneed); EBUSY for MADV_FREE of what is wired.
func (m *Map) Advise(addr, size uint64, advice int) ([]Op, netbsd.Errno) {
	start, end, errno := Span(addr, size)
	if errno != 0 {
		return nil, errno
	}
	switch advice {
	case netbsd.MADV_NORMAL, netbsd.MADV_RANDOM, netbsd.MADV_SEQUENTIAL, netbsd.MADV_WILLNEED:
		return nil, 0
	case netbsd.MADV_DONTNEED, netbsd.MADV_FREE:
		if errno := m.mayClean(start, end, advice == netbsd.MADV_FREE); errno != 0 {
			return nil, errno
		}
	default:
		return nil, netbsd.EINVAL
	}
	var ops []Op
	if advice == netbsd.MADV_FREE {
		for r := range m.Overlap(start, end) {
			if r.Obj == nil && !r.Shared {
				ops = append(ops, Op{Kind: OpDiscard, Region: r})
			}
		}
	}
	return ops, 0
}

// mayClean is what uvm_map_clean looks at first. EFAULT: a hole, or nothing at start, be there bytes behind it or not. EBUSY: pages are to be
// given up, and the first are wired; nobody looks at the others.
func (m *Map) mayClean(start, end uint64, free bool) netbsd.Errno {
	switch first, ok := m.Lookup(start); {
	case !ok:
		return netbsd.EFAULT
	case free && first.Wired && start < end:
		return netbsd.EBUSY
	case !m.Mapped(start, end):
		return netbsd.EFAULT
	}
	return 0
}

// Wire is mlock(2), and munlock(2): pages count as wired from then on, or no longer. Nothing is done on the
// host, whose pages stay where they are for as long as it has room. limit is RLIMIT_MEMLOCK.
//
// ENOMEM: the range wraps or leaves user space, or nothing is mapped where it begins, be it empty or not; or some of what is to be unlocked is not
// locked. EINVAL: some of what is to be locked is not mapped, or cannot be accessed (uvm_map_pageable). EAGAIN: more than limit would be
// wired (sys_mlock).
func (m *Map) Wire(addr, size uint64, on bool, limit uint64) netbsd.Errno {
	start, end, errno := Span(addr, size)
	if errno != 0 {
		return netbsd.ENOMEM
	}
	if on && (end-start > limit || m.Wired() > limit-(end-start)) {
		return netbsd.EAGAIN
	}
	if _, ok := m.Lookup(start); !ok || m.full() {
		return netbsd.ENOMEM
	}
	wrong := netbsd.Errno(netbsd.ENOMEM) // sys_munlock makes that of any error
	if on {
		wrong = netbsd.EINVAL
	}
	if !m.Mapped(start, end) {
		return wrong
	}
	for r := range m.Overlap(start, end) {
		if on && r.Prot == netbsd.PROT_NONE || !on && !r.Wired {
			return wrong
		}
	}
	m.change(start, end, func(r *Region) { r.Wired = on })
	return 0
}

// WireAll is mlockall(2) of what there is (MCL_CURRENT), and munlockall(2). What cannot be accessed is left out, and does not count
// (uvm_map_pageable_all). ENOMEM: more than limit, of which 0 is none.
func (m *Map) WireAll(on bool, limit uint64) netbsd.Errno {
	if on && limit != 0 && m.accessible() > limit {
		return netbsd.ENOMEM
	}
	m.change(Min, Max, func(r *Region) { r.Wired = on && (r.Wired || r.Prot != netbsd.PROT_NONE) })
	return 0
}

// accessible is how many bytes can be accessed.
func (m *Map) accessible() (n uint64) {
	for _, r := range m.regions {
		if r.Prot != netbsd.PROT_NONE {
			n += r.Len()
		}
	}
	return n
}

// WireFuture is MCL_FUTURE of mlockall(2): what is mapped from now on is wired as by MAP_WIRED.
func (m *Map) WireFuture(on bool) { m.future = on }

// WiresFuture says whether WireFuture holds.
func (m *Map) WiresFuture() bool { return m.future }

// Wired is how many bytes are wired.
func (m *Map) Wired() (n uint64) {
	for _, r := range m.regions {
		if r.Wired {
			n += r.Len()
		}
	}
	return n
}

// Msync checks msync(2) and returns the shared file mappings to be written back. An
// empty range means the region that holds the address. EINVAL: flags, or an empty range where nothing is. ENOMEM: it leaves user
// space. EFAULT: a hole. EBUSY: MS_INVALIDATE of what is wired.
func (m *Map) Msync(addr, size uint64, flags int) ([]Region, netbsd.Errno) {
	const all = netbsd.MS_ASYNC | netbsd.MS_SYNC | netbsd.MS_INVALIDATE
	const both = netbsd.MS_ASYNC | netbsd.MS_SYNC
	if flags&^all != 0 || flags == 0 || flags&both == both {
		return nil, netbsd.EINVAL
	}
	start, end, errno := Span(addr, size)
	if errno != 0 {
		return nil, netbsd.ENOMEM
	}
	if start == end {
		r, ok := m.Lookup(start)
		if !ok {
			return nil, netbsd.EINVAL
		}
		start, end = r.Start, r.End
	}
	if errno := m.mayClean(start, end, flags&netbsd.MS_INVALIDATE != 0); errno != 0 {
		return nil, errno
	}
	var l []Region
	for r := range m.Overlap(start, end) {
		if r.Obj != nil && r.Shared {
			l = append(l, r)
		}
	}
	return l, 0
}

// mincoreChunk is MINCORE_CHUNK, how many pages mincore(2) looks at at a time.
const mincoreChunk = 256

// Mincore is the check of mincore(2), which wants a page-aligned address: how many
// pages are to be told of. EINVAL: the address, or no pages. ENOMEM: some of the range is not mapped; the pages before that are told of, in
// whole chunks (sys_mincore).
func (m *Map) Mincore(addr, size uint64) (pages uint64, errno netbsd.Errno) {
	end := addr + pageUp(size)
	if addr%PageSize != 0 || end <= addr {
		return 0, netbsd.EINVAL
	}
	at := addr
	for r := range m.Overlap(addr, end) {
		if r.Start != at {
			break
		}
		at = r.End
	}
	if pages = (at - addr) / PageSize; at < end {
		return pages - pages%mincoreChunk, netbsd.ENOMEM
	}
	return pages, 0
}

// change applies f to the parts of regions in a range.
func (m *Map) change(start, end uint64, f func(*Region)) {
	var l []Region
	for r := range m.Overlap(start, end) {
		f(&r)
		l = append(l, r)
	}
	if len(l) > 0 {
		m.replace(start, end, l...)
	}
}
