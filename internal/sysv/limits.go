package sysv

import (
	"cmp"

	"toaster/netbsd"
)

// This file has the limits that the superuser may change by kern.ipc of sysctl(7). A table has no more places than its bound here, whatever is
// wanted: ENOMEM, as where NetBSD's kernel has no memory for them.
const (
	mostQueues   = 4096
	mostSegments = 1 << 15
	mostSets     = 4096
	mostSems     = 1 << 16
	mostUndoers  = 1 << 15
	mostShared   = 4096
)

// sized is what is wanted of the size of a table: EINVAL for none, ENOMEM for too much, EBUSY for less than what is in use.
func sized(n, used, most int) netbsd.Errno {
	switch {
	case n < 1:
		return netbsd.EINVAL
	case n > most:
		return netbsd.ENOMEM
	case n < used:
		return netbsd.EBUSY
	}
	return 0
}

// lastUsed is the number of places up to the last one in use; the first counts as one (msgrealloc, semrealloc, shmrealloc).
func lastUsed(n int, used func(i int) bool) int {
	for i := n - 1; i > 0; i-- {
		if used(i) {
			return i + 1
		}
	}
	return 1
}

// places makes the table where there is none yet. mu is held.
func (m *Messages) places() {
	if m.queues == nil {
		m.grow(MSGMNI)
	}
}

func (m *Messages) grow(n int) {
	for len(m.queues) < n {
		m.queues = append(m.queues, &msgQueue{})
	}
	m.queues = m.queues[:n:n]
}

// Limits returns kern.ipc.msgmni and kern.ipc.msgseg.
func (m *Messages) Limits() (queues, segments int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.places()
	return len(m.queues), cmp.Or(m.most, MSGSEG)
}

// SetQueues changes kern.ipc.msgmni. EINVAL, ENOMEM, EBUSY.
func (m *Messages) SetQueues(n int) netbsd.Errno {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.places()
	used := lastUsed(len(m.queues), func(i int) bool { return m.queues[i].ds.Qbytes != 0 || m.queues[i].locked })
	errno := sized(n, used, mostQueues)
	if errno == 0 {
		m.grow(n)
	}
	return errno
}

// SetSegments changes kern.ipc.msgseg. EINVAL, ENOMEM, EBUSY. Who waits for room looks again.
func (m *Messages) SetSegments(n int) netbsd.Errno {
	m.mu.Lock()
	defer m.mu.Unlock()
	errno := sized(n, m.segments, mostSegments)
	if errno == 0 {
		m.most = n
		m.waiters.wake()
	}
	return errno
}

// places makes the table where there is none yet. mu is held.
func (s *Semaphores) places() {
	if s.slots == nil {
		s.slots = make([]semSlot, SEMMNI)
	}
}

// Limits returns kern.ipc.semmni, kern.ipc.semmns and kern.ipc.semmnu.
func (s *Semaphores) Limits() (sets, sems, undos int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.places()
	return len(s.slots), cmp.Or(s.most, SEMMNS), cmp.Or(s.mostUndos, SEMMNU)
}

// SetSets changes kern.ipc.semmni. EINVAL, ENOMEM, EBUSY.
func (s *Semaphores) SetSets(n int) netbsd.Errno {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.places()
	errno := sized(n, lastUsed(len(s.slots), func(i int) bool { return s.slots[i].set != nil }), mostSets)
	if errno == 0 {
		slots := make([]semSlot, n)
		copy(slots, s.slots)
		s.slots = slots
	}
	return errno
}

// SetSems changes kern.ipc.semmns, SetUndos kern.ipc.semmnu. EINVAL, ENOMEM, EBUSY.
func (s *Semaphores) SetSems(n int) netbsd.Errno {
	s.mu.Lock()
	defer s.mu.Unlock()
	errno := sized(n, s.total, mostSems)
	if errno == 0 {
		s.most = n
	}
	return errno
}

func (s *Semaphores) SetUndos(n int) netbsd.Errno {
	s.mu.Lock()
	defer s.mu.Unlock()
	errno := sized(n, len(s.undos), mostUndoers)
	if errno == 0 {
		s.mostUndos = n
	}
	return errno
}

// places makes the table where there is none yet. mu is held.
func (s *Shared) places() {
	if s.slots == nil {
		s.slots = make([]shmSlot, SHMMNI)
	}
}

// shown is shmmax as it is told, limit what holds: not more than there is memory for. mu is held.
func (s *Shared) shown() uint64 { return cmp.Or(s.told, s.max) }
func (s *Shared) limit() uint64 { return min(s.shown(), s.max) }

// Limits returns kern.ipc.shmmax, kern.ipc.shmmni and kern.ipc.shmseg.
func (s *Shared) Limits() (size uint64, segments, perMap int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.places()
	return s.shown(), len(s.slots), s.attachable()
}

// SetMax changes kern.ipc.shmmax, to whole pages. EINVAL: less than one.
func (s *Shared) SetMax(size uint64) netbsd.Errno {
	if size < netbsd.PageSize {
		return netbsd.EINVAL
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.told = max(pages(size), netbsd.PageSize)
	return 0
}

// SetSegments changes kern.ipc.shmmni. EINVAL, ENOMEM, EBUSY.
func (s *Shared) SetSegments(n int) netbsd.Errno {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.places()
	errno := sized(n, lastUsed(len(s.slots), func(i int) bool { return s.slots[i].seg != nil }), mostShared)
	if errno == 0 {
		slots := make([]shmSlot, n)
		copy(slots, s.slots)
		s.slots, s.lastFree = slots, -1
	}
	return errno
}

// SetPerMap changes kern.ipc.shmseg, which is whatever it is set to; an address space has no more than mostShared, and none where it is negative.
func (s *Shared) SetPerMap(n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.perMap = &n
}

// attachable is kern.ipc.shmseg. mu is held.
func (s *Shared) attachable() int {
	if s.perMap != nil {
		return *s.perMap
	}
	return SHMSEG
}
