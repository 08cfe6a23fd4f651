package vm

import "toaster/netbsd"

// Remap is mremap(2): it resizes and moves [old, old+oldSize), and returns the new address. Without MAP_FIXED it stays where it is if
// it can. MAP_REMAPDUP works for shared memory only. Holes are as long afterwards, and nobody minds them, but where the range is to become
// longer: what it ends with does (uvm_mapent_extend). What is new, or elsewhere, is not wired (uvm_map_extract).
//
// Errors: EINVAL for flags, misalignment, and ranges that are empty or wrap, or cannot become longer, ENOMEM without room. With MAP_FIXED that is where anything is
// mapped already, the old range included: unlike mmap(2) it replaces nothing (uvm_map_reserve).
func (m *Map) Remap(old, oldSize, addr, newSize uint64, flags int) (uint64, []Op, netbsd.Errno) {
	const alignMask = 0xff << netbsd.MAP_ALIGNMENT_SHIFT
	align, errno := alignment(flags)
	if errno != 0 || flags&^(netbsd.MAP_FIXED|netbsd.MAP_REMAPDUP|alignMask) != 0 {
		return 0, nil, netbsd.EINVAL
	}
	fixed, dup := flags&netbsd.MAP_FIXED != 0, flags&netbsd.MAP_REMAPDUP != 0
	oldSize, newSize = pageUp(oldSize), pageUp(newSize)
	if old%PageSize != 0 || old+oldSize <= old || newSize == 0 || fixed && (addr%PageSize != 0 || addr+newSize <= addr) {
		return 0, nil, netbsd.EINVAL
	}
	if align >= Max {
		return 0, nil, netbsd.ENOMEM
	}
	if fixed && addr%align != 0 {
		return 0, nil, netbsd.EINVAL
	}
	if !dup && (!fixed || addr == old) && old%align == 0 {
		if ops, done, errno := m.resize(old, oldSize, newSize); done || errno != 0 {
			return old, ops, errno
		}
	}
	if m.full() {
		return 0, nil, netbsd.ENOMEM
	}
	return m.move(old, oldSize, addr, newSize, align, fixed, dup)
}

// resize shrinks, or grows into free room, in place; done is false if there is none. EINVAL: nothing is there that could become longer.
func (m *Map) resize(old, oldSize, newSize uint64) (ops []Op, done bool, errno netbsd.Errno) {
	if newSize <= oldSize {
		ops, _ := m.Unmap(old+newSize, oldSize-newSize)
		return ops, true, 0
	}
	if !m.Free(old+oldSize, newSize-oldSize) {
		return nil, false, 0
	}
	last, ok := m.Lookup(old + oldSize - 1)
	if !ok {
		return nil, false, netbsd.EINVAL
	}
	if m.full() {
		return nil, false, netbsd.ENOMEM
	}
	r := last.cut(old+oldSize, old+newSize)
	r.Wired = false
	m.replace(r.Start, r.End, r)
	return []Op{extend(r)}, true, 0
}

// extend is the step for r, by which a mapping becomes longer. What is added is of the same object (uvm_mapent_extend), which the host alone
// may still know: no descriptor of it need be open. Anonymous memory is new.
func extend(r Region) Op {
	if r.Obj == nil {
		return Op{Kind: OpMap, Region: r}
	}
	return Op{Kind: OpExtend, Region: r, From: r.Start - PageSize}
}

func (m *Map) move(old, oldSize, addr, newSize, align uint64, fixed, dup bool) (uint64, []Op, netbsd.Errno) {
	ok := fixed && m.Free(addr, newSize)
	if !fixed {
		addr, ok = m.FindFree(0, newSize, align)
	}
	if !ok {
		return 0, nil, netbsd.ENOMEM
	}
	var ops []Op
	var put []Region
	keep := min(oldSize, newSize)
	for r := range m.Overlap(old, old+keep) {
		if dup && !r.Shared {
			return 0, nil, netbsd.EINVAL
		}
		from := r.Start
		r.Start, r.End, r.Wired = addr+(r.Start-old), addr+(r.End-old), false
		put = append(put, r)
		op := Op{Kind: OpMove, Region: r, From: from}
		if dup {
			op.Kind = OpDup
		}
		ops = append(ops, op)
	}
	if newSize > oldSize {
		if len(put) == 0 || put[len(put)-1].End != addr+oldSize {
			return 0, nil, netbsd.EINVAL
		}
		last := put[len(put)-1]
		r := last.cut(addr+oldSize, addr+newSize)
		put = append(put, r)
		ops = append(ops, extend(r))
	}
	m.replace(addr, addr+newSize, put...)
	if !dup {
		m.replace(old, old+oldSize)
		gone := old + keep
		if addr < old+oldSize && old < addr+newSize {
			gone = old // of two ranges that overlap, where the old one has holes, what is new goes with what is old (uvm_mremap)
		}
		if gone < old+oldSize {
			ops = append(ops, unmapOp(gone, old+oldSize))
		}
	}
	return addr, ops, 0
}
