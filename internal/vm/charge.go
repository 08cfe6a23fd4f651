package vm

import "toaster/netbsd"

// This file counts what a map may come to hold of the host's memory, for a limit of all
// guests together. What counts is what is promised, not what is there: a program that was
// given memory can use it at any time, without asking again.

// Memory is an Obj that is no file but memory which others map, too. Its pages count wherever
// it is mapped, even for reading alone, as they may stay for this mapping's sake.
type Memory interface{ Memory() }

// Counted is a Memory that counts by itself, as a whole, for as long as anybody has it: the pages of a part that is unmapped stay while
// another part is mapped, so what a region shows says nothing about what there is. Its regions count for page tables alone.
//
// Ref tells it of n regions more, or fewer, and returns how much it counts for no longer, which the caller has to give back. It waits for
// nobody.
type Counted interface {
	Memory
	Ref(n int) (freed uint64)
}

// refer tells what counts by itself of the regions that come. Those that go are told of later (Leave): the host may have them mapped
// until it has followed.
func (m *Map) refer(old, now []Region) {
	for i := range now {
		if c, ok := now[i].Obj.(Counted); ok {
			c.Ref(1)
		}
	}
	for i := range old {
		if c, ok := old[i].Obj.(Counted); ok {
			m.gone = append(m.gone, c)
		}
	}
}

// Leave is due when the host has followed. It returns what counted by itself and is nobody's any more.
func (m *Map) Leave() (freed uint64) {
	for _, c := range m.gone {
		freed += c.Ref(-1)
	}
	m.gone = nil
	return freed
}

// Clear forgets all regions, of a host process that is to go, and returns what Leave does.
func (m *Map) Clear() (freed uint64) {
	m.replace(Min, Max)
	return m.Leave()
}

// settle notes what a region may have come to hold. It stays so when access is forbidden
// later on, as what is there stays.
func (r *Region) settle() {
	r.Used = r.Used || r.Prot != netbsd.PROT_NONE
	if !r.Shared || r.Obj == nil {
		r.Own = r.Own || r.Prot&netbsd.PROT_WRITE != 0
		return
	}
	if _, ok := r.Obj.(Memory); ok {
		_, itself := r.Obj.(Counted)
		r.Own = r.Own || !itself
	}
}

// Own notes that the pages of a range, which must be mapped, are changed by the kernel, whatever
// the program may do with them.
func (m *Map) Own(start, end uint64) {
	m.change(start, end, func(r *Region) { r.Own = true })
}

// pageTables is the share of a mapping that the host may need to describe it: 8 bytes for
// a page.
const pageTables = PageSize / 8

// Charge is what a region counts for: its pages, if it may have its own; the pages of a
// file are the file's. Of what can be looked at alone the host needs page tables, and
// what nobody can touch needs nothing.
func (r *Region) Charge() uint64 {
	switch {
	case r.Own:
		return r.Len() + r.Len()/pageTables
	case r.Used:
		return r.Len() / pageTables
	}
	return 0
}
