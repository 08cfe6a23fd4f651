package machine

import (
	"sync"
	"time"

	"toaster/internal/hostlimits"
	"toaster/internal/vm"
	"toaster/netbsd"
)

// This file holds the guests of a machine to a limit of memory, the kernel's own growth
// included. What counts is what they have been promised (vm.Map.Charge): a call that
// would promise more fails with ENOMEM. Each address space has its charge, which follows
// its map, until its host process is released.

// memory is the account of a machine.
//
// Its lock is a leaf: it is taken with a Space's lock held, and nothing is called with it but
// Go's runtime. full and host are called without it.
type memory struct {
	limit uint64       // 0: there is none, and nothing is counted
	full  func()       // told each time that memory is refused for it
	host  func(string) // told each time that it is refused for what the host has no more of

	mu     sync.Mutex
	given  uint64 // to guests
	start  uint64 // what the kernel had at first
	kernel uint64 // what it has, when it was last asked
	asked  time.Time
}

// kernelAge is how old the figure of the kernel's memory may be.
const kernelAge = 10 * time.Millisecond

// newMemory returns an account. full and host are told of refusals without the account's lock,
// on the goroutine of the LWP that is refused.
func newMemory(limit uint64, full func(), host func(string)) *memory {
	m := &memory{limit: limit, full: full, host: host}
	if limit > 0 {
		m.start = hostlimits.Resident()
	}
	return m
}

// take adds n bytes to what the machine's guests have been promised. ENOMEM: the limit does not
// allow it, and the embedder has been told. The caller owns the n bytes: it returns them with
// give, or adds them to the charged field of a Space, which returns them at its release.
func (m *memory) take(n uint64) netbsd.Errno {
	if m.limit == 0 || n == 0 || m.promise(n) {
		return 0
	}
	if m.full != nil {
		m.full()
	}
	return netbsd.ENOMEM
}

// watches reports whether anything may be refused.
func (m *memory) watches() bool { return m.limit > 0 || hostlimits.MemoryLimited() }

// hostHas refuses where the control group that toaster runs in is nearly full. What is
// promised counts for nothing there, as it need not be used; so who then uses more than
// there is, is killed by the host.
//
// It is asked without a limit, too: --memory is toaster's promise, the group's limit the
// host's.
func (m *memory) hostHas() netbsd.Errno { return m.hostHasRoom(netbsd.PageSize) }

// hostHasRoom is hostHas for what the kernel itself is about to fill.
func (m *memory) hostHasRoom(bytes uint64) netbsd.Errno {
	if hostlimits.Memory(bytes) {
		return 0
	}
	if m.host != nil {
		m.host("memory (a control group's limit)")
	}
	return netbsd.ENOMEM
}

// promise adds n to what is given if it fits beside the kernel's own growth. n is the guest's
// choice: the sum must not wrap.
func (m *memory) promise(n uint64) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if n > m.limit || m.given+n+m.growthLocked() > m.limit {
		return false
	}
	m.given += n
	return true
}

// give takes back a promise of n bytes. Without a limit take has counted nothing, and nothing is given back.
// More than was promised would wrap, and refuse all memory from then on.
func (m *memory) give(n uint64) {
	if m.limit == 0 {
		return
	}
	m.mu.Lock()
	m.given -= n
	m.mu.Unlock()
}

// left reports whether there is any memory left, for what the kernel makes on behalf of
// guests.
func (m *memory) left() bool {
	if m.limit == 0 {
		return true
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.given+m.growthLocked() < m.limit
}

// growthLocked is how much memory this process has taken since the machine was made. With
// several machines in a process each counts the growth of all, so that a limit errs on the safe
// side. Go's runtime is asked at most once in kernelAge.
func (m *memory) growthLocked() uint64 {
	if now := time.Now(); now.Sub(m.asked) > kernelAge {
		m.kernel, m.asked = hostlimits.Resident(), now
	}
	return m.kernel - min(m.start, m.kernel)
}

// MemoryLeft reports whether the guests' memory is below its limit, MemoryGiven how much
// they have been promised; that is counted only where there is a limit.
func (s *System) MemoryLeft() bool    { return s.memory.left() }
func (s *System) MemoryGiven() uint64 { return s.memory.promised() }

func (m *memory) promised() uint64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.given
}

// charge makes a change of the map that may need up to most bytes more, and then has s
// count for what the map says. If f fails nothing is counted.
//
// Preconditions: s.mu is held, or nobody else knows s.
//
// What f may need is promised beforehand, as several spaces charge at once: between a look and
// a promise another one could take what is left. settle then returns what f did not need.
func (s *Space) charge(most uint64, f func() netbsd.Errno) netbsd.Errno {
	m := s.sys.memory
	if most > 0 {
		if errno := m.hostHas(); errno != 0 {
			return errno
		}
	}
	if errno := m.take(most); errno != 0 {
		return errno
	}
	errno := f()
	if m.limit > 0 {
		s.charged += most
	}
	s.settle()
	return errno
}

// settle returns to the machine what s counts for beyond what its map says, and what has counted by itself and was last in its map. The
// host has followed the map.
//
// Preconditions: s.mu is held, or nobody else knows s. The map follows its own rules, so the
// charge may fall by a call that asked for more.
func (s *Space) settle() {
	m := s.sys.memory
	freed := s.m.Leave()
	if m.limit == 0 {
		return
	}
	now := s.m.Charge()
	m.mu.Lock()
	m.given += now - s.charged - freed // which may be less than before
	m.mu.Unlock()
	s.charged = now
}

// release gives the host process up, and what s counts for.
//
// It is due once, by the last user (drop) or by whoever made a space that nobody got.
func (s *Space) release() {
	s.proc.Release()
	s.clear()
	s.sys.memory.give(s.charged)
	s.charged = 0
}

// clear empties the map, so that nobody takes what was there for mapped: a parent that has waited for s's process may find a memfd of
// theirs free to be sealed. What counted by itself counts for s until its release.
func (s *Space) clear() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.charged += s.m.Clear()
	endTexts(s.running)
	s.running = nil
}

// chargeAll counts a new space for all of its map; if that is too much, the space must be
// released.
func (s *Space) chargeAll() netbsd.Errno {
	n := s.m.Charge()
	if errno := s.sys.memory.take(n); errno != 0 {
		return errno
	}
	if s.sys.memory.limit > 0 {
		s.charged = n
	}
	return 0
}

// mostOf is the most that a range can count for once it has a protection.
func mostOf(size uint64, prot int) uint64 {
	r := vm.Region{End: size, Used: prot != netbsd.PROT_NONE, Own: prot&netbsd.PROT_WRITE != 0}
	return r.Charge()
}

// gains is what a range may count for in addition once it has a protection.
//
// The range is the guest's choice: its end may wrap, and then Overlap finds nothing.
func (s *Space) gains(addr, size uint64, prot int) (n uint64) {
	for r := range s.m.Overlap(addr, addr+min(size, vm.Max)) {
		n += mostOf(r.Len(), prot) - min(r.Charge(), mostOf(r.Len(), prot))
	}
	return n
}
