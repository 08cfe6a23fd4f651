package platform

import (
	"time"

	"golang.org/x/sys/unix"
)

// Linux likes to keep on one core who wakes each other. For a guest and toaster that is a
// stable state, and a bad one if the other core is free: each turn costs two switches,
// some 5 to 13 µs, where watching the word from another core costs 0.5. So after some
// turns of this kind the guest is moved.

const (
	// A quick answer is part of a conversation. After a longer one, which is sleep, the
	// guest is as well off where it is.
	quickAnswer = 30 * time.Microsecond

	// maxSameCoreTurns are borne before a move, which costs 20 to 40 µs once.
	maxSameCoreTurns = 3
)

// wakeGuest wakes the thread; together says that it was last seen on the caller's core, and that
// there is another one to spare.
func (t *Thread) wakeGuest(together bool) {
	if !together || Monotonic()-t.lastWoken > quickAnswer {
		t.sameCoreTurns = 0
	} else if t.sameCoreTurns++; t.sameCoreTurns >= maxSameCoreTurns {
		t.sameCoreTurns = 0
		t.wakeElsewhere()
		return
	}
	futexWake(t.slot.Turn())
}

// wakeElsewhere wakes the thread on another core than the caller's, and gives it back all of
// toaster's cores: by then it is awake where it is to be. A host that refuses to move it just
// leaves things as they were.
func (t *Thread) wakeElsewhere() {
	p := t.proc.platform
	set := p.affinity
	set.Clear(int(p.core()) - 1)
	t.setAffinity(&set)
	futexWake(t.slot.Turn())
	t.setAffinity(&p.affinity)
}

// setAffinity sets the cores of the host thread, unless its id may be somebody else's by now.
func (t *Thread) setAffinity(set *unix.CPUSet) {
	q := t.proc
	q.mu.Lock()
	defer q.mu.Unlock()
	if !q.reaped {
		unix.SchedSetaffinity(t.tid, set)
	}
}
