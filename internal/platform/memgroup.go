package platform

import "toaster/internal/hostlimits"

// This file has the host bound what guests use of its memory, by a control group of their own. It is
// a second line: what guests ask for by system calls is counted, and refused, before; but a guest
// can jump to the stub's mmap.
//
// The zygote enters the group when the sentinel is born and outside, so that all who come from it are
// inside. Whoever is left last removes the group: Close, or the sentinel where toaster is killed.

// What a group has beyond the guests' limit, as Linux charges it with what nobody has promised to
// guests: page tables, the kernel's stacks, the zygote, what is kept ready.
const (
	groupExtra      = 64 << 20
	groupExtraShare = 4 // and a quarter of the limit
)

// makeGroup makes the group where the host grants one: without it the limit is what guests are
// promised (SECURITY.md).
func (p *Platform) makeGroup() {
	if p.opts.Memory == 0 {
		return
	}
	p.group, _ = hostlimits.MakeGroup(groupLimit(p.opts.Memory))
}

// groupLimit is what a group has where the guests may have memory bytes.
func groupLimit(memory uint64) uint64 {
	memory = min(memory, 1<<62) // the sum must not wrap
	return memory + memory/groupExtraShare + groupExtra
}

// enterGroup puts the zygote into the group; there is none where the host does not let it. Nobody
// else uses the platform yet.
func (p *Platform) enterGroup(zygote int) {
	if p.group != nil && p.group.Move(zygote) != nil {
		p.group.Remove()
		p.group = nil
	}
}

// tellGroupKill tells of a guest that the host has killed for want of memory, if there is one that
// has not been told.
func (p *Platform) tellGroupKill() {
	kills := p.group.Kills()
	if p.groupKill.Swap(kills) < kills && p.opts.OverMemory != nil {
		p.opts.OverMemory()
	}
}
