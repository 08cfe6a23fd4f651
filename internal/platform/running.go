package platform

import "sync/atomic"

// runningThreads are the threads that have their turn. So few are looked through in no time;
// where there are more, all cores are taken anyway. There is no lock: it is looked at several
// times in each system call that spins, and an answer that is a moment old costs a few
// microseconds, once.
type runningThreads struct {
	slots [8]atomic.Pointer[Thread]
	more  atomic.Int32
}

func (g *runningThreads) add(t *Thread) {
	t.counted = true
	for i := range g.slots {
		s := &g.slots[(t.index+i)%len(g.slots)]
		if s.Load() == nil && s.CompareAndSwap(nil, t) {
			return
		}
	}
	g.more.Add(1)
}

// remove is for t's owner, as add is. A guest that sleeps on its own, in a pipe say, is removed before its turn is over: of
// more, nobody could see that it sleeps.
func (g *runningThreads) remove(t *Thread) {
	t.counted = false
	for i := range g.slots {
		s := &g.slots[(t.index+i)%len(g.slots)]
		if s.Load() == t {
			s.Store(nil)
			return
		}
	}
	g.more.Add(-1)
}

// hasIdleCore says whether there is a core that no guest needs. One that naps needs none.
func (p *Platform) hasIdleCore() bool {
	busy := p.running.more.Load()
	for i := range p.running.slots {
		if t := p.running.slots[i].Load(); t != nil && !t.slot.Napping() {
			busy++
		}
	}
	return busy < p.cores
}
