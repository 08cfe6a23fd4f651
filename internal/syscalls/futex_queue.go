package syscalls

import (
	"sync"

	"toaster/kern"
)

// This file has who waits for which word of __futex(2), and in what order.

// A futexKey says which word it is: where its memory comes from, and how far into that. Two
// processes that share the memory have the same one, whatever the addresses.
type futexKey struct {
	obj any
	off uint64
}

// A futexTable has the waiters of a machine. A key with none is not in it, so that guests
// cannot fill it by naming words. mu is taken before kern's lock, and never held while guest
// memory is looked at.
type futexTable struct {
	mu     sync.Mutex
	queues map[futexKey]*futexQueue
}

// futexQueue is the waiters for one word, in the order in which they came.
type futexQueue struct{ head, tail *futexWaiter }

// futexWaiter is an LWP that waits, or is about to. The table's lock guards all but l and bits.
type futexWaiter struct {
	l          *kern.LWP
	bits       uint32 // of FUTEX_WAIT_BITSET
	key        futexKey
	queued     bool // false: it has been woken
	next, prev *futexWaiter
}

// enter puts w at the end of key's queue.
func (t *futexTable) enter(key futexKey, w *futexWaiter) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.addLocked(key, w)
}

func (t *futexTable) addLocked(key futexKey, w *futexWaiter) {
	q := t.queues[key]
	if q == nil {
		q = new(futexQueue)
		if t.queues == nil {
			t.queues = map[futexKey]*futexQueue{}
		}
		t.queues[key] = q
	}
	w.key, w.queued, w.prev, w.next = key, true, q.tail, nil
	if q.tail == nil {
		q.head = w
	} else {
		q.tail.next = w
	}
	q.tail = w
}

// removeLocked takes w off its queue, and the queue away with its last waiter.
func (t *futexTable) removeLocked(w *futexWaiter) {
	q := t.queues[w.key]
	if w.prev == nil {
		q.head = w.next
	} else {
		w.prev.next = w.next
	}
	if w.next == nil {
		q.tail = w.prev
	} else {
		w.next.prev = w.prev
	}
	w.queued, w.next, w.prev = false, nil, nil
	if q.head == nil {
		delete(t.queues, w.key)
	}
}

// leave takes w off, and reports whether it was there: if not, somebody has woken it, and has
// counted it.
func (t *futexTable) leave(w *futexWaiter) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !w.queued {
		return false
	}
	t.removeLocked(w)
	return true
}

// waits reports whether w has not been woken.
func (t *futexTable) waits(w *futexWaiter) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return w.queued
}

// wake wakes up to n waiters whose bits are among those given, and then has up to move others
// wait for another word. It returns how many were woken, and how many moved.
func (t *futexTable) wake(key futexKey, n int, bits uint32, to futexKey, move int) (woken, moved int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	q := t.queues[key]
	if q == nil {
		return 0, 0
	}
	last := q.tail // who is moved to the same word is not looked at again
	for w := q.head; w != nil && (woken < n || moved < move); {
		next, end := w.next, w == last
		switch {
		case w.bits&bits == 0:
		case woken < n:
			t.removeLocked(w)
			w.l.Wake()
			woken++
		default:
			t.removeLocked(w)
			t.addLocked(to, w)
			moved++
		}
		if end {
			break
		}
		w = next
	}
	return woken, moved
}

// known reports whether anybody waits for a word.
func (t *futexTable) known(key futexKey) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.queues[key] != nil
}
