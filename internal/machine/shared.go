package machine

import (
	"sync/atomic"
	"syscall"

	"toaster/internal/platform"
	"toaster/internal/syscalls"
	"toaster/internal/sysv"
	"toaster/internal/vm"
	"toaster/netbsd"
)

// This file has the memory of System V's shared segments: a file of the host without a name,
// whose descriptor toaster keeps for as long as somebody may attach it.

// shared implements sysv.Memory, and vm.Counted for the regions that map it: the host keeps all of the segment for one page that
// is mapped still. But for refs it is set before anybody else knows the segment.
type shared struct {
	fd   int    // of the host's file, open for writing
	size uint64 // what it counts for: 0 where nothing is counted
	m    *memory
	refs atomic.Int64 // one as long as it may be attached, one for each region
}

// Memory implements vm.Memory.
func (*shared) Memory() {}

// Ref implements vm.Counted.
func (s *shared) Ref(n int) (freed uint64) {
	if s.refs.Add(int64(n)) == 0 {
		return s.size
	}
	return 0
}

// Free implements sysv.Memory. While somebody has any of it mapped it still counts. It is called once, when nobody can
// attach the segment any more.
func (s *shared) Free() {
	syscall.Close(s.fd)
	s.m.give(s.Ref(-1))
}

// newShared implements sysv.Config.NewMemory. The segment counts for all of its size: it keeps
// what is written there when everybody has detached it.
//
// ENOMEM: the machine's limit, or the host has no descriptor or no memory left. Nothing is kept then. Without a
// limit the size is noted as 0, as what was not taken must not be given back.
func (s *System) newShared(size uint64) (sysv.Memory, netbsd.Errno) {
	if errno := s.memory.hostHas(); errno != 0 {
		return nil, errno
	}
	mem := &shared{m: s.memory}
	mem.refs.Store(1)
	if s.memory.limit > 0 {
		mem.size = size
	}
	if errno := s.memory.take(mem.size); errno != 0 {
		return nil, errno
	}
	var err error
	if mem.fd, err = platform.SharedMemory(size); err != nil {
		s.memory.give(mem.size)
		return nil, netbsd.ENOMEM
	}
	return mem, 0
}

// Attached implements syscalls.Space: which segments are attached where, which a fork's child inherits and an exec or the end
// detaches (uvm_shmfork, uvm_shmexit). What is in it is package sysv's, under the lock of that.
func (s *Space) Attached() *sysv.Map { return &s.shm }

// MapShared implements syscalls.Space. Nothing that is there is replaced, and what the mapping
// may not do now it may never. ENOMEM: no room, or not there.
func (s *Space) MapShared(c *syscalls.Call, m syscalls.SharedArgs) (addr uint64, errno netbsd.Errno) {
	mem := m.Memory.(*shared)
	fd := mem.fd
	// MaxProt alone would not do: it binds mprotect(2) as the kernel serves it, while the host lets the stub's own
	// system calls make writable whatever was mapped by a descriptor that can write.
	if m.Prot&netbsd.PROT_WRITE == 0 {
		ro, err := platform.ReadOnly(fd)
		if err != nil {
			return 0, hostErrno(err)
		}
		defer syscall.Close(ro)
		fd = ro
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	q := vm.Request{Addr: m.Addr, Len: m.Len, Prot: m.Prot, MaxProt: m.Prot, Flags: netbsd.MAP_SHARED, Obj: mem}
	if m.Addr != 0 {
		if !s.m.Free(m.Addr, m.Len) {
			return 0, netbsd.ENOMEM
		}
		q.Flags |= netbsd.MAP_FIXED
	}
	errno = s.charge(mostOf(m.Len, netbsd.PROT_WRITE), func() (errno netbsd.Errno) {
		var ops []vm.Op
		if addr, ops, errno = s.m.Map(q); errno != 0 {
			return netbsd.ENOMEM
		}
		// A failure of the host's leaves no mapping in the map: shmat(2) has failed as a whole.
		if errno = s.do(threadOf(c), ops, fd); errno != 0 {
			s.m.Unmap(addr, m.Len)
		}
		return errno
	})
	return addr, errno
}
