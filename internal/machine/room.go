package machine

import (
	"toaster/internal/platform"
	"toaster/internal/vm"
	"toaster/netbsd"
)

// This file lets the stub map memory for a process with one LWP (internal/platform/room.go), from
// its exec or fork on to its first LWP.

// sysSetrlimit can set a limit that only the kernel checks.
const sysSetrlimit = 195

// showRoom is due before each Run.
func (g *Guest) showRoom() {
	if !g.alone || g.sys.memory.limit > 0 { // what is counted is asked for
		return
	}
	low, high, change := g.space.room(g.shown)
	if change == g.shown {
		return
	}
	g.shown = change
	if limitOf(&g.call, netbsd.RLIMIT_AS) != 0 {
		g.thread.HideRoom()
		return
	}
	g.thread.ShowRoom(low, high)
}

// room gives the room of a map that has changed since, and the number of the change.
func (s *Space) room(since uint64) (low, high, change uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if change = s.m.Changes(); change != since {
		low, high = s.m.Room()
	}
	return low, high, change
}

// hideRoom is due before the process gets another LWP, or another one its memory. What
// the stub has mapped is taken.
func (g *Guest) hideRoom() {
	g.alone = false
	g.thread.HideRoom()
}

// takePlaced is due after each trap.
func (g *Guest) takePlaced() {
	list := g.thread.TakePlaced()
	if len(list) == 0 {
		return
	}
	s := g.space
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, p := range list {
		s.notePlaced(p)
	}
}

func (s *Space) notePlaced(p platform.Placed) {
	const flags = netbsd.MAP_FIXED | netbsd.MAP_PRIVATE | netbsd.MAP_ANON
	s.m.Map(vm.Request{Addr: p.Addr, Len: p.Size, Prot: p.Prot, Flags: flags})
}
