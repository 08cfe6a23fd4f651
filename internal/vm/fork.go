package vm

import (
	"slices"

	"toaster/netbsd"
)

// Fork returns the child's map, and the steps that its copy of the host's address
// space needs: what minherit(2) excluded is unmapped, what it wants as zero is
// mapped afresh, and shared memory that it wants as a copy becomes memory of the child's own. Private memory
// that is to be shared has been made so by the call (Convert). No page of the child's is wired.
func (m *Map) Fork() (*Map, []Op) {
	c := &Map{regions: slices.Clone(m.regions), size: m.size, charge: m.charge, brkStart: m.brkStart, brkEnd: m.brkEnd, most: m.most, mprotect: m.mprotect}
	c.refer(nil, c.regions)
	var ops []Op
	for _, r := range m.regions {
		switch {
		case r.Inherit == netbsd.MAP_INHERIT_NONE:
			c.replace(r.Start, r.End)
			ops = append(ops, unmapOp(r.Start, r.End))
		case r.Inherit == netbsd.MAP_INHERIT_ZERO:
			z := r.anew()
			c.replace(r.Start, r.End, z)
			ops = append(ops, Op{Kind: OpMap, Region: z})
		case r.Inherit == netbsd.MAP_INHERIT_COPY && r.Shared:
			z := r.anew()
			z.Own = true
			c.replace(r.Start, r.End, z)
			ops = append(ops, Op{Kind: OpCopy, Region: z})
		}
	}
	if c.Wired() > 0 {
		c.WireAll(false, 0)
	}
	return c, ops
}

// anew returns anonymous memory of one's own in r's place.
func (r Region) anew() Region {
	r.Obj, r.Anon, r.Off, r.Shared, r.Wired = nil, nil, 0, false, false
	return r
}

// Convert says what of a range is private and to be shared with children, and makes that anonymous
// memory which is: its owner has the host follow, and keeps what is in it.
func (m *Map) Convert(addr, size uint64) (ops []Op) {
	start, end, errno := span(addr, size)
	if errno != 0 || m.full() {
		return nil
	}
	m.change(start, end, func(r *Region) {
		if r.Inherit == netbsd.MAP_INHERIT_SHARE && !r.Shared {
			*r = r.anew()
			r.Shared, r.Own, r.Anon = true, true, new(Anon)
			ops = append(ops, Op{Kind: OpCopy, Region: *r})
		}
	})
	return ops
}
