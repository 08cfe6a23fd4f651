package machine

import (
	"sync"
	"testing"

	"toaster/internal/vm"
	"toaster/netbsd"
)

const (
	plenty = 1 << 50 // so that what Go's runtime has counts for little
	half   = plenty / 2
)

// With --memory what guests are promised, together, stays below the limit; a call that
// would promise more is ENOMEM, and each refusal is told of (README.md, SECURITY.md).
func TestMemoryLimit(t *testing.T) {
	full := 0
	m := newMemory(plenty, func() { full++ }, nil)
	for i, step := range []struct {
		take  uint64
		errno netbsd.Errno
		given uint64
	}{
		{half, 0, half},
		{half + 1, netbsd.ENOMEM, half},
		{plenty, netbsd.ENOMEM, half},
		{^uint64(0), netbsd.ENOMEM, half}, // which added up would be little
		{half / 2, 0, half + half/2},
		{0, 0, half + half/2},
	} {
		if errno := m.take(step.take); errno != step.errno || m.promised() != step.given {
			t.Errorf("%d: take(%#x): %v, promised %#x", i, step.take, errno, m.promised())
		}
	}
	if full != 3 || !m.left() {
		t.Errorf("told %d times, left %v", full, m.left())
	}
	m.give(half + half/2)
	if m.promised() != 0 {
		t.Errorf("%#x is still promised", m.promised())
	}
	// Without a limit take refuses nothing, and neither take nor give counts anything.
	m = newMemory(0, nil, nil)
	if errno := m.take(^uint64(0)); errno != 0 || m.promised() != 0 || !m.left() {
		t.Errorf("without a limit: %v, promised %#x", errno, m.promised())
	}
	if m.give(half); m.promised() != 0 {
		t.Errorf("without a limit, given back: promised %#x", m.promised())
	}
}

// Never is more promised than there is, however many LWPs ask at once.
func TestMemoryLimitHammer(t *testing.T) {
	m := newMemory(plenty, nil, nil)
	var wg sync.WaitGroup
	var mu sync.Mutex
	got := 0
	for range 16 {
		wg.Go(func() {
			for range 100 {
				if m.take(plenty/64) == 0 {
					mu.Lock()
					got++
					mu.Unlock()
				}
			}
		})
	}
	wg.Wait()
	if got > 64 || got < 60 || m.promised() != uint64(got)*(plenty/64) {
		t.Errorf("%d of 64 parts are promised: %#x", got, m.promised())
	}
}

// A space counts for what its map says: what a call may need at most is taken first, what it
// did not need is given back, and a call that fails counts for nothing.
func TestSpaceCharge(t *testing.T) {
	m := newMemory(plenty, nil, nil)
	s := &Space{sys: &System{memory: m}, m: vm.New()}
	anon := vm.Request{Addr: 0x10000, Len: 0x4000, Prot: netbsd.PROT_READ | netbsd.PROT_WRITE, Flags: netbsd.MAP_FIXED | netbsd.MAP_PRIVATE | netbsd.MAP_ANON}
	mapped := func() netbsd.Errno { _, _, errno := s.m.Map(anon); return errno }
	if errno := s.charge(half, mapped); errno != 0 || s.charged != s.m.Charge() || m.promised() != s.charged || s.charged < anon.Len {
		t.Errorf("%v: charged %#x, promised %#x; the map says %#x", errno, s.charged, m.promised(), s.m.Charge())
	}
	before := s.charged
	if errno := s.charge(half, func() netbsd.Errno { return netbsd.EINVAL }); errno != netbsd.EINVAL || s.charged != before || m.promised() != before {
		t.Errorf("a call that fails: %v, charged %#x, promised %#x", errno, s.charged, m.promised())
	}
	called := false
	if errno := s.charge(plenty, func() netbsd.Errno { called = true; return 0 }); errno != netbsd.ENOMEM || called || m.promised() != before {
		t.Errorf("too much: %v, called %v, promised %#x", errno, called, m.promised())
	}
	s.m.Unmap(anon.Addr, anon.Len)
	s.settle()
	if s.charged != 0 || m.promised() != 0 {
		t.Errorf("unmapped: charged %#x, promised %#x", s.charged, m.promised())
	}
}
