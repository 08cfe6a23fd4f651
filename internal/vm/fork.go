package vm

import (
	"slices"

	"toaster/netbsd"
)

// Fork returns the child's map, and the steps that its copy of the host's address
// space needs: what minherit(2) excluded is unmapped, what it wants as zero is
// mapped afresh, and shared memory that it wants as a copy becomes memory of the child's own. Private memory
// that is to be shared has been made so by the call (Convert). No page of the child's is wired.
//
// The map is made in one pass: a guest can have it cut into as many regions as it may have, by minherit(2) alone.
func (m *Map) Fork() (*Map, []Op) {
	c := &Map{text: m.text, data: m.data, brkStart: m.brkStart, brkEnd: m.brkEnd, most: m.most, mprotect: m.mprotect}
	var ops []Op
	list := slices.Clone(m.regions)[:0]
	for _, r := range m.regions {
		r, op := r.inherited()
		if op.Region.End > 0 {
			ops = append(ops, op)
		}
		if op.Kind != OpUnmap {
			list = append(list, r)
		}
	}
	c.regions = merge(list)
	c.refer(nil, c.regions)
	for _, r := range c.regions {
		c.size, c.charge = c.size+r.Len(), c.charge+r.Charge()
	}
	return c, ops
}

// inherited returns what a child has in r's place, and the step for it; none where it is as it is.
func (r Region) inherited() (Region, Op) {
	r.Wired = false
	switch {
	case r.Inherit == netbsd.MAP_INHERIT_NONE:
		return r, unmapOp(r.Start, r.End)
	case r.Inherit == netbsd.MAP_INHERIT_ZERO:
		r = r.anew()
		r.settle()
		return r, Op{Kind: OpMap, Region: r}
	case r.Inherit == netbsd.MAP_INHERIT_COPY && r.Shared:
		r = r.anew()
		r.Own = true
		r.settle()
		return r, Op{Kind: OpCopy, Region: r}
	}
	return r, Op{}
}

// anew returns anonymous memory of one's own in r's place.
func (r Region) anew() Region {
	r.Obj, r.Anon, r.Off, r.Shared, r.Wired = nil, nil, 0, false, false
	return r
}

// Convert says what of a range is private and to be shared with children, and makes that anonymous
// memory which is: its owner has the host follow, and keeps what is in it.
func (m *Map) Convert(addr, size uint64) (ops []Op) {
	start, end, errno := Span(addr, size)
	if errno != 0 || m.full() {
		return nil
	}
	m.change(start, end, func(r *Region) {
		if r.Inherit == netbsd.MAP_INHERIT_SHARE && !r.Shared {
			zero := r.Obj == nil
			*r = r.anew()
			r.Shared, r.Own, r.Anon = true, true, new(Anon)
			ops = append(ops, Op{Kind: OpCopy, Region: *r, Zero: zero})
		}
	})
	return ops
}
