package machine

import (
	"math/bits"

	"toaster/internal/platform"
	"toaster/internal/syscalls"
	"toaster/internal/vm"
	"toaster/kern"
	"toaster/netbsd"
)

// This file is the kernel's side of the state that is lent to the stub
// (internal/platform/lent.go): the run loop publishes it before each Run and collects it
// after; whoever is about to make it somebody else's, too, revokes it first.

// A lentKind is what the loop does about one kind.
type lentKind struct {
	// publish puts the kind in the slot when it is stale: after an exec and a fork,
	// for a process with one LWP, and after one of the calls.
	publish func(*Guest)
	calls   []int
	// collect takes over what the guest has changed.
	collect func(*Guest)
	// revoke ends what the kernel has promised, if it has; the stub's part needs none.
	revoke func(*Guest)
}

// lentKinds is the table of what is lent, in the order of platform.Lent. An LWP's mask and
// signal stack are published at each return, as anything can change them, and are nobody
// else's.
var lentKinds = [platform.LentKinds]lentKind{
	{collect: (*Guest).collectMask},
	{collect: (*Guest).collectStack},
	{(*Guest).publishActions, []int{sysSigaction}, (*Guest).collectActions, (*Guest).revokeActions},
	// What mmap does elsewhere, and what munmap leaves, changes where there is room; and
	// there is none where RLIMIT_AS counts.
	{(*Guest).publishRoom, []int{sysMmap, sysMunmap, sysMremap, sysBreak, sysSetrlimit}, (*Guest).collectRoom, nil},
}

const (
	sysBreak     = 17
	sysMunmap    = 73
	sysSetrlimit = 195
	sysMmap      = 197
	sysSigaction = 340
	sysMremap    = 411
)

// lentAlone are the kinds that belong to a process with one LWP. It lends them from its
// exec or fork on, and no longer once it has had another LWP.
const lentAlone = platform.LentActions | platform.LentRoom

// staleAfter says for each system call what it makes stale.
var staleAfter = func() (t [netbsd.MaxSyscall]platform.Lent) {
	for k := range lentKinds {
		for _, nr := range lentKinds[k].calls {
			t[nr] |= 1 << k
		}
	}
	return t
}()

// publish is due before each Run, behind UserRet.
func (g *Guest) publish() {
	g.thread.SetTrapAll(g.l.Proc().SyscallTraced())
	g.publishMask()
	if g.stale != 0 {
		g.publishStale()
	}
}

func (g *Guest) publishStale() {
	for ; g.stale != 0; g.stale &= g.stale - 1 {
		lentKinds[bits.TrailingZeros32(uint32(g.stale))].publish(g)
	}
}

// collect is due after each Run.
func (g *Guest) collect() {
	for noted := g.thread.Noted(); noted != 0; noted &= noted - 1 {
		lentKinds[bits.TrailingZeros32(uint32(noted))].collect(g)
	}
}

// revoke is due before the process gets another LWP (lentAlone), and before anybody but
// its sigaction(2) changes its signal actions. The guest is stopped.
func (g *Guest) revoke(kinds platform.Lent) {
	g.stale &^= kinds
	g.thread.Revoke(kinds)
	for ; kinds != 0; kinds &= kinds - 1 {
		if revoke := lentKinds[bits.TrailingZeros32(uint32(kinds))].revoke; revoke != nil {
			revoke(g)
		}
	}
}

// lentBy is the slot of a thread as the kernel knows it: kern.Lent.
type lentBy struct{ t *platform.Thread }

// Mask implements kern.Lent.
func (b lentBy) Mask() (netbsd.Sigset, bool) {
	mask, ok := b.t.Mask()
	return netbsd.Sigset(mask), ok
}

// Actions implements kern.Lent. What the guest has noted is what it could have said in a
// call, or it is nothing.
func (b lentBy) Actions(settle bool, set func(netbsd.Signal, *kern.Action)) {
	b.t.CollectActions(settle, func(sig int, a platform.Action) {
		if a.Handler > netbsd.SIG_IGN && a.Version != syscalls.TrampVersion {
			return
		}
		set(netbsd.Signal(sig), &kern.Action{
			Handler: a.Handler, Mask: netbsd.Sigset(a.Mask), Flags: int32(a.Flags),
			Vers: int32(a.Version), Tramp: a.Tramp,
		})
	})
}

func (g *Guest) publishMask() {
	mask, ok := g.l.PublishMask()
	var kinds platform.Lent
	switch {
	case !ok:
	case g.l.OnStack(): // sigaltstack(2) then fails
		kinds = platform.LentMask
	default:
		kinds = platform.LentMask | platform.LentStack
	}
	g.thread.PublishMask(uint64(mask), kinds)
}

func (g *Guest) collectMask() { g.l.CollectMask(netbsd.Sigset(g.thread.CollectMask())) }

func (g *Guest) collectStack() {
	if s, ok := g.thread.CollectStack(); ok {
		g.l.Sigaltstack(&kern.Altstack{Sp: s.Sp, Size: s.Size, Flags: int32(s.Flags)})
	}
}

// publishActions lends the actions, or, if they are lent, follows a sigaction(2).
func (g *Guest) publishActions() {
	if g.thread.Lends(platform.LentActions) != 0 {
		if s := netbsd.Signal(g.call.Int(0)); s.Valid() {
			a := g.l.Proc().Action(s)
			g.publishAction(s, &a)
		}
		return
	}
	if g.l.PublishActions(g.publishAction) {
		g.posts = true
		g.thread.LendActions()
	}
}

func (g *Guest) publishAction(s netbsd.Signal, a *kern.Action) {
	g.thread.PublishAction(int(s), platform.Action{
		Handler: a.Handler, Mask: uint64(a.Mask), Flags: uint32(a.Flags),
		Version: uint32(a.Vers), Tramp: a.Tramp,
	})
}

func (g *Guest) collectActions() { g.l.CollectActions() }

func (g *Guest) revokeActions() {
	if g.posts {
		g.posts = false
		g.l.RevokeActions()
	}
}

// publishRoom lends the room of a process with one LWP and memory of its own. What
// --memory and RLIMIT_AS count is asked for.
func (g *Guest) publishRoom() {
	switch {
	case !g.alone || g.sys.memory.limit > 0:
	case limitOf(&g.call, netbsd.RLIMIT_AS) != 0:
		g.thread.Revoke(platform.LentRoom)
	default:
		g.thread.PublishRoom(g.space.room())
	}
}

func (s *Space) room() (low, high uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.m.Room()
}

// collectRoom enters in the map what the stub has mapped. The room may be smaller since.
func (g *Guest) collectRoom() {
	s := g.space
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, p := range g.thread.CollectRoom() {
		s.notePlaced(p)
	}
	g.stale |= platform.LentRoom
}

func (s *Space) notePlaced(p platform.Placed) {
	const flags = netbsd.MAP_FIXED | netbsd.MAP_PRIVATE | netbsd.MAP_ANON
	s.m.Map(vm.Request{Addr: p.Addr, Len: p.Size, Prot: p.Prot, Flags: flags})
}
