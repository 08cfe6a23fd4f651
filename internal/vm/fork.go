package vm

import (
	"slices"

	"toaster/netbsd"
)

// Fork returns the child's map, and the steps that its copy of the host's address
// space needs: what minherit(2) excluded is unmapped, what it wants as zero is
// mapped afresh. Sharing private memory (MAP_INHERIT_SHARE on it) takes a host that
// can; it is copied here.
func (m *Map) Fork() (*Map, []Op) {
	c := &Map{regions: slices.Clone(m.regions), size: m.size, charge: m.charge, brkStart: m.brkStart, brkEnd: m.brkEnd, most: m.most}
	var ops []Op
	for _, r := range m.regions {
		switch r.Inherit {
		case netbsd.MAP_INHERIT_NONE:
			c.replace(r.Start, r.End)
			ops = append(ops, unmapOp(r.Start, r.End))
		case netbsd.MAP_INHERIT_ZERO:
			z := r
			z.Obj, z.Anon, z.Off, z.Shared = nil, nil, 0, false
			c.replace(r.Start, r.End, z)
			ops = append(ops, Op{Kind: OpMap, Region: z})
		}
	}
	return c, ops
}
