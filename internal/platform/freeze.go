package platform

import (
	"sync"
	"sync/atomic"
)

// freezing is what a process has for Freeze. count changes when guest code is stopped and when it may run again: it is odd in between.
type freezing struct {
	count atomic.Uint32 // changed with mu held

	mu  sync.Mutex // guards now; nobody waits with it held
	now *freeze    // nil: guest code may run
}

// A freeze is the time in which a process's memory stands still, but for what its beginner does to it.
type freeze struct {
	start, end uint64        // toaster itself writes nothing here meanwhile
	stopped    chan struct{} // gets a token when a thread has stopped, unless one is there
	thawed     chan struct{} // closed at its end
}

// Freeze stops the guest code of all other threads of the process, and has Write and Poke of what lies in a range wait, until thaw. What any of
// them writes there is either there when Freeze returns or comes after thaw, so the caller may put other memory with the same contents in
// its place. Who reads is not kept from it: the range is to be readable throughout.
//
// The caller owns t, which is stopped, and calls thaw once, soon. No two freeze one process at a time: who calls has a lock of its own against
// that. A guest that does not stop is killed by the watchdog, as for a kick, and counts as stopped then.
func (t *Thread) Freeze(addr, size uint64) (thaw func()) {
	q, f := t.proc, &freeze{addr, addr + size, make(chan struct{}, 1), make(chan struct{})}
	q.freezing.set(f)
	for {
		running := false
		for _, o := range q.threadList() {
			if o != t && o.state.Load() == threadRunning {
				o.Kick()
				running = true
			}
		}
		if !running {
			break
		}
		<-f.stopped
	}
	return func() {
		q.freezing.set(nil)
		close(f.thawed)
	}
}

// set begins a freeze, or with nil ends it.
func (z *freezing) set(f *freeze) {
	z.mu.Lock()
	defer z.mu.Unlock()
	z.now = f
	z.count.Add(1)
}

// on says whether guest code is to stand still.
func (z *freezing) on() bool { return z.count.Load()%2 == 1 }

// current returns the freeze that there is, nil if none, and its count.
func (z *freezing) current() (*freeze, uint32) {
	z.mu.Lock()
	defer z.mu.Unlock()
	return z.now, z.count.Load()
}

// wait waits for the end of the freeze, if there is one.
func (z *freezing) wait() {
	if f, _ := z.current(); f != nil {
		<-f.thawed
	}
}

// tellStopped tells who freezes the process that guest code of a thread has stopped. The thread's state says so already; Freeze does the opposite in
// the opposite order, so that one of the two sees what the other has done.
func (z *freezing) tellStopped() {
	if !z.on() {
		return
	}
	if f, _ := z.current(); f != nil {
		select {
		case f.stopped <- struct{}{}:
		default:
		}
	}
}

// unfrozen calls f, which writes to a range of the guest's memory, and calls it again behind each freeze of that range that it has met: what it
// wrote may have gone to memory that is there no longer.
func (z *freezing) unfrozen(addr uint64, size int, f func()) {
	for {
		before := z.count.Load()
		f()
		if before%2 == 0 && z.count.Load() == before {
			return
		}
		met, count := z.current()
		one := count <= before+1 && met != nil // it has met no other
		if one && (addr >= met.end || addr+uint64(size) <= met.start) {
			return
		}
		z.wait()
	}
}
