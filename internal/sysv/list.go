package sysv

import "toaster/netbsd"

// This file lists what there is, as procfs tells of it. Each list is of one moment, in the order of the table.

// A Listed queue, set or segment is what stat says of it, and by which number it goes.
type (
	ListedMessages struct {
		ID int
		netbsd.MsqidDS
	}
	ListedSemaphores struct {
		ID int
		netbsd.SemidDS
	}
	ListedShared struct {
		ID int
		netbsd.ShmidDS
	}
)

// List returns all queues.
func (m *Messages) List() (list []ListedMessages) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for i := range m.queues {
		if ds := m.queues[i].shown(); ds.Qbytes > 0 {
			list = append(list, ListedMessages{idOf(i, &ds.Perm), ds})
		}
	}
	return list
}

// List returns all sets.
func (s *Semaphores) List() (list []ListedSemaphores) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range s.slots {
		if set := s.slots[i].set; set != nil {
			list = append(list, ListedSemaphores{idOf(i, &set.ds.Perm), set.ds})
		}
	}
	return list
}

// List returns all segments, also those that go with their last process.
func (s *Shared) List() (list []ListedShared) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range s.slots {
		if seg := s.slots[i].seg; seg != nil {
			list = append(list, ListedShared{idOf(i, &seg.ds.Perm), seg.ds})
		}
	}
	return list
}
