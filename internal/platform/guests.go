package platform

import "sync/atomic"

// guests are the threads that have their turn. So few are looked through in no time;
// where there are more, all cores are taken anyway.
type guests struct {
	slots [8]atomic.Pointer[Thread]
	more  atomic.Int32
}

func (g *guests) add(t *Thread) {
	for i := range g.slots {
		s := &g.slots[(t.index+i)%len(g.slots)]
		if s.Load() == nil && s.CompareAndSwap(nil, t) {
			return
		}
	}
	g.more.Add(1)
}

func (g *guests) remove(t *Thread) {
	for i := range g.slots {
		s := &g.slots[(t.index+i)%len(g.slots)]
		if s.Load() == t {
			s.Store(nil)
			return
		}
	}
	g.more.Add(-1)
}

// spareCore says whether there is a core that no guest needs. One that naps needs none.
func (p *Platform) spareCore() bool {
	busy := p.guests.more.Load()
	for i := range p.guests.slots {
		if t := p.guests.slots[i].Load(); t != nil && !t.slot.napping() {
			busy++
		}
	}
	return busy < p.cores
}
