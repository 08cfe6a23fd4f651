// Package vm is the map of a guest's address space as data: which ranges are
// mapped, how, and where there is room. It maps nothing. Operations that change the
// map return a list of steps that its owner carries out on the host, in order.
//
// A Map is not safe for concurrent use; its owner has a lock for it.
package vm

import (
	"iter"
	"slices"
	"sort"

	"toaster/netbsd"
)

// Bounds of what a guest may map.
const (
	PageSize = netbsd.PageSize
	Min      = netbsd.MinAddress
	Max      = netbsd.StackTop

	// StackReserve is what mmap keeps free below the top: the largest stack and a
	// guard of 1 MiB (vm.user_stack_guard_size).
	StackReserve = netbsd.MAXSSIZ + 1<<20
)

// Region is a range of pages that are mapped alike. Two neighbours never agree in
// everything: they are merged.
type Region struct {
	Start, End uint64
	Prot       int  // PROT_*
	MaxProt    int  // what mprotect may allow at most
	Shared     bool // MAP_SHARED
	Used       bool // could once be touched
	Own        bool // may have pages of its own: could once be written and is no shared file
	Wired      bool // by mlock(2)
	Inherit    int  // MAP_INHERIT_*
	Obj        any  // what is mapped, comparable; nil: anonymous memory
	Off        int64
	Anon       *Anon  // which memory it is, if it is anonymous and shared
	Name       string // "stack", "heap": for people
}

// Anon stands for anonymous memory that a fork shares: every map that has it has the same one, at
// the same offsets.
type Anon struct{ _ byte }

// Len returns the length in bytes.
func (r Region) Len() uint64 { return r.End - r.Start }

// continues reports whether s goes on where r ends.
func (r Region) continues(s Region) bool {
	return r.End == s.Start && r.Prot == s.Prot && r.MaxProt == s.MaxProt && r.Shared == s.Shared && r.Used == s.Used && r.Own == s.Own && r.Wired == s.Wired &&
		r.Inherit == s.Inherit && r.Name == s.Name && r.Obj == s.Obj && r.Anon == s.Anon &&
		(r.Obj == nil && r.Anon == nil || r.Off+int64(r.Len()) == s.Off)
}

// cut returns the part of r between start and end, which must lie inside.
func (r Region) cut(start, end uint64) Region {
	if r.Obj != nil || r.Anon != nil {
		r.Off += int64(start - r.Start)
	}
	r.Start, r.End = start, end
	return r
}

// Map is an address space. The regions are a sorted slice: programs have tens of
// them, rarely thousands, so a binary search and a short copy beat any tree.
type Map struct {
	regions  []Region
	size     uint64
	charge   uint64
	text     uint64 // how long the program's is (vm_tsize)
	data     uint64 // where the program's begin (vm_daddr)
	brkStart uint64
	brkEnd   uint64
	most     int // of regions: mostRegions
	mprotect bool
	future   bool      // what is mapped is wired
	gone     []Counted // of regions that the host may still have mapped, see Leave
}

// Mprotect says whether PaX MPROTECT holds (paxctl(8)): nothing is writable and executable at once, and a page
// becomes neither later unless its mapping said so, in its protection or by PROT_MPROTECT.
func (m *Map) Mprotect(on bool) { m.mprotect = on }

// Mprotects says whether Mprotect was told so.
func (m *Map) Mprotects() bool { return m.mprotect }

// Lift ends PaX MPROTECT, for what is mapped already, too: as if that had never held.
func (m *Map) Lift() {
	m.mprotect = false
	m.change(Min, Max, func(r *Region) { r.MaxProt = protAll })
}

// limit applies PaX MPROTECT to the most that a mapping allows (pax_mprotect_maxprotect).
func (m *Map) limit(prot, extra, most int) int {
	if !m.mprotect {
		return most
	}
	return (prot | extra) & most
}

// refuses reports whether a protection is one that PaX MPROTECT has never (pax_mprotect_validate).
func (m *Map) refuses(prot int) bool {
	const both = netbsd.PROT_WRITE | netbsd.PROT_EXEC
	return m.mprotect && prot&both == both
}

// mostRegions bounds a map, and so what a guest can have the kernel remember of it: four times
// as many as Linux allows a process, unless its administrator says otherwise. What would make
// more is ENOMEM.
const mostRegions = 1 << 18

// full says whether no more may be added or split.
func (m *Map) full() bool { return len(m.regions) >= m.most }

// New returns an empty map.
func New() *Map { return &Map{most: mostRegions} }

// Size returns the number of bytes mapped, for RLIMIT_AS.
func (m *Map) Size() uint64 { return m.size }

// Charge is how much of the host's memory the map may come to hold, see Region.Charge.
func (m *Map) Charge() uint64 { return m.charge }

// Room returns the free range at the top of what mmap may use: what is mapped anywhere
// goes to its end, if it fits.
func (m *Map) Room() (low, high uint64) {
	high = Max - StackReserve
	i := m.search(high - 1)
	if i == len(m.regions) || m.regions[i].Start >= high {
		i--
	}
	for ; i >= 0 && m.regions[i].End >= high; i-- {
		high = m.regions[i].Start
	}
	if i < 0 {
		return Min, max(high, Min)
	}
	return m.regions[i].End, high
}

// Len returns the number of regions.
func (m *Map) Len() int { return len(m.regions) }

// All goes through the regions in order.
func (m *Map) All() iter.Seq[Region] { return slices.Values(m.regions) }

// Lookup finds the region that holds an address.
func (m *Map) Lookup(addr uint64) (Region, bool) {
	if i := m.search(addr); i < len(m.regions) && m.regions[i].Start <= addr {
		return m.regions[i], true
	}
	return Region{}, false
}

// Overlap goes through the parts of regions that lie between start and end.
func (m *Map) Overlap(start, end uint64) iter.Seq[Region] {
	return func(yield func(Region) bool) {
		for i := m.search(start); i < len(m.regions) && m.regions[i].Start < end; i++ {
			r := m.regions[i]
			if !yield(r.cut(max(r.Start, start), min(r.End, end))) {
				return
			}
		}
	}
}

// Mapped reports whether every page between start and end is mapped.
func (m *Map) Mapped(start, end uint64) bool {
	at := start
	for r := range m.Overlap(start, end) {
		if r.Start != at {
			return false
		}
		at = r.End
	}
	return at >= end
}

// search returns the index of the first region that ends behind addr.
func (m *Map) search(addr uint64) int {
	return sort.Search(len(m.regions), func(i int) bool { return m.regions[i].End > addr })
}

// replace puts new regions, in order and within the range, in place of what is
// between start and end, splitting at the edges and merging there.
func (m *Map) replace(start, end uint64, with ...Region) {
	for i := range with {
		with[i].settle()
	}
	lo := m.search(start)
	hi := lo
	var few [6]Region // nearly always enough
	put := few[:0]
	if lo < len(m.regions) && m.regions[lo].Start < start {
		put = append(put, m.regions[lo].cut(m.regions[lo].Start, start))
	}
	put = append(put, with...)
	for ; hi < len(m.regions) && m.regions[hi].Start < end; hi++ {
		m.size -= m.regions[hi].Len()
		m.charge -= m.regions[hi].Charge()
		if m.regions[hi].End > end {
			put = append(put, m.regions[hi].cut(end, m.regions[hi].End))
		}
	}
	for _, r := range put {
		m.size += r.Len()
		m.charge += r.Charge()
	}
	// Take the neighbours in, so that they can merge with what is new.
	if lo > 0 && m.regions[lo-1].End == start {
		lo--
		put = slices.Insert(put, 0, m.regions[lo])
	}
	if hi < len(m.regions) {
		put = append(put, m.regions[hi])
		hi++
	}
	put = merge(put)
	m.refer(m.regions[lo:hi], put)
	m.regions = slices.Replace(m.regions, lo, hi, put...)
}

// merge joins neighbours that could have been one mapping, which keeps a map as short as what
// it describes, whatever a guest has cut it into before.
func merge(l []Region) []Region {
	out := l[:0]
	for _, r := range l {
		if n := len(out); n > 0 && out[n-1].continues(r) {
			out[n-1].End = r.End
			continue
		}
		out = append(out, r)
	}
	return out
}

// Check reports what is wrong with the map, for tests and the machine's own check;
// empty if nothing is.
func (m *Map) Check() string {
	var size, charge uint64
	for i, r := range m.regions {
		switch {
		case r.Start >= r.End:
			return "empty region"
		case r.Start < Min || r.End > Max:
			return "region out of bounds"
		case (r.Start|r.End)%PageSize != 0:
			return "region not page aligned"
		case i > 0 && m.regions[i-1].End > r.Start:
			return "regions overlap"
		case i > 0 && m.regions[i-1].continues(r):
			return "neighbours not merged"
		}
		size += r.Len()
		charge += r.Charge()
	}
	if size != m.size || charge != m.charge {
		return "size or charge is wrong"
	}
	return ""
}
