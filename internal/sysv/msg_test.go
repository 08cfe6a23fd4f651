package sysv

import (
	"testing"

	"toaster/internal/file"
	"toaster/netbsd"
)

// A sender that has the queue locked, and then finds its message too long (IPC_SET), wakes those who have waited for the queue.
func TestSenderThatFailsWakesOthers(t *testing.T) {
	m := &Messages{}
	m.places()
	q := m.queues[0]
	q.ds.Qbytes, q.ds.Cbytes = MSGMNB, MSGMNB
	id := idOf(0, &q.ds.Perm)
	long, short := &msgSend{m: m, q: q, id: id, size: 100}, &msgSend{m: m, q: q, id: id, size: 10}
	if long.reserve() || short.reserve() {
		t.Fatal("there is room")
	}
	woken := 0
	m.waiters.Add(&file.Waiter{Mask: file.In, Fn: func(file.Events) { woken++ }})
	q.ds.Qbytes, q.ds.Cbytes = 50, 0
	if short.reserve() {
		t.Fatal("the queue is not locked")
	}
	if !long.reserve() || long.errno != netbsd.EINVAL || woken != 1 {
		t.Errorf("%v, %d wakeups", long.errno, woken)
	}
	if !short.reserve() || short.errno != 0 {
		t.Errorf("%v", short.errno)
	}
}
