package machine

import (
	"sync"

	"toaster/internal/platform"
	"toaster/internal/vm"
)

// This file keeps programs at hand that are executed again and again: copies of a host
// process that has one mapped, its system calls rewritten, and has not run. A shell's
// commands, a compiler, a test that starts itself: for them an execve is what remains
// to be done, which is to write the stack.

// warmImages are by the file's state: a file that changes is another program.
type warmImages struct {
	mu    sync.Mutex
	known map[fileID]*warmImage
	clock int
}

type warmImage struct {
	seen    int // executions, up to the one that made it warm
	used    int // when it was executed last, by the clock
	nursery *platform.Nursery
	m       *vm.Map
}

const (
	warmFrom   = 2 // the execution that shows that a program is executed again
	warmCopies = 2
	maxWarm    = 4 // programs with copies
)

// warmID is fileID for the programs that can be kept: static ones, as one file says all
// of them.
func (p *program) warmID() (fileID, bool) {
	if p.interp != nil {
		return fileID{}, false
	}
	return p.fileID()
}

// take gives an address space with p in it, or nil if there is none at hand.
func (w *warmImages) take(s *System, p *program) *Guest {
	id, ok := p.warmID()
	if !ok {
		return nil
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	i := w.known[id]
	if i == nil || i.nursery == nil {
		return nil
	}
	w.clock++
	i.used = w.clock
	hp, t, ok := i.nursery.Take()
	if !ok {
		return nil
	}
	m, _ := i.m.Fork()
	return &Guest{sys: s, thread: t, space: s.spaceOf(hp, m, i.nursery)}
}

// learn sees that p is executed; g is ready for that and has not run.
func (w *warmImages) learn(s *System, p *program, g *Guest) {
	id, ok := p.warmID()
	if !ok || s.Platform.Lean() || !w.due(id) {
		return
	}
	_, t, err := g.thread.Fork()
	if err != nil {
		return // it goes without
	}
	n, err := s.Platform.NewNursery(t, warmCopies)
	if err != nil {
		return
	}
	m, _ := g.space.m.Fork()
	g.space.nursery = n
	w.add(id, n, m)
}

// due counts an execution, and says whether it is the one to make the program warm.
func (w *warmImages) due(id fileID) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.known == nil {
		w.known = map[fileID]*warmImage{}
	}
	i := w.known[id]
	if i == nil {
		w.forget()
		i = new(warmImage)
		w.known[id] = i
	}
	i.seen++
	return i.seen == warmFrom
}

// forget bounds what is remembered of programs that are not warm. mu is held.
func (w *warmImages) forget() {
	if len(w.known) < maxKnown {
		return
	}
	for id, i := range w.known {
		if i.nursery == nil {
			delete(w.known, id)
		}
	}
}

// add makes a program warm, and the one cold that was not executed for longest if there
// are too many.
func (w *warmImages) add(id fileID, n *platform.Nursery, m *vm.Map) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.clock++
	w.known[id] = &warmImage{nursery: n, m: m, used: w.clock}
	warm, oldest := 0, id
	for id, i := range w.known {
		if i.nursery == nil {
			continue
		}
		if warm++; i.used < w.known[oldest].used {
			oldest = id
		}
	}
	if warm > maxWarm {
		w.known[oldest].nursery.Close()
		delete(w.known, oldest)
	}
}
