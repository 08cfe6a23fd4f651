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

// A lentKind is what the loop does about one kind. To lend another one takes a row here, a
// word in the slot (stub.Lent), and, if others may look at it while the guest runs, a method of
// kern.Lent.
type lentKind struct {
	// publish puts the kind in the slot when it is stale: after an exec and a fork,
	// for a process with one LWP, and after one of the calls.
	publish func(*Context)
	calls   []int
	// collect takes over what the guest has changed.
	collect func(*Context)
	// revoke ends what the kernel has promised, if it has; the stub's part needs none.
	revoke func(*Context)
}

// lentKinds is the table of what is lent, in the order of platform.Lent. An LWP's mask and
// signal stack are published at each return, as anything can change them, and are nobody
// else's.
var lentKinds = [platform.LentKinds]lentKind{
	{collect: (*Context).collectMask},
	{collect: (*Context).collectStack},
	{(*Context).publishActions, []int{netbsd.SYS___sigaction_sigtramp}, (*Context).collectActions, (*Context).revokeActions},
	// What mmap does elsewhere, and what munmap leaves, changes where there is room; and
	// there is none where RLIMIT_AS counts.
	{(*Context).publishRoom, []int{netbsd.SYS_mmap, netbsd.SYS_munmap, netbsd.SYS_mremap, netbsd.SYS_break, netbsd.SYS_setrlimit, netbsd.SYS_mlockall, netbsd.SYS_munlockall}, (*Context).collectRoom, nil},
	// Lent as they are used, and taken back by whoever closes them: publish has that done.
	{publish: (*Context).publishFiles, revoke: (*Context).revokeFiles},
}

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
//
// It is on the way of each return to user mode: what is not stale costs comparisons. SetTrapAll
// is asked anew, as a tracer can come at any time while the guest is stopped.
func (mc *Context) publish() {
	mc.thread.SetTrapAll(mc.l.Proc().CallsTrap() || mc.l.Platform().Cancelled())
	mc.publishMask()
	if mc.stale != 0 {
		mc.publishStale()
	}
	if mc.thread.FilesDue() {
		mc.thread.ReturnFiles()
	}
}

func (mc *Context) publishStale() {
	for ; mc.stale != 0; mc.stale &= mc.stale - 1 {
		lentKinds[bits.TrailingZeros32(uint32(mc.stale))].publish(mc)
	}
}

// collect is due after each Run.
//
// It comes before the trap is served: what the guest has done by itself, it has done earlier.
// All that is found is a guest's word: whatever a hostile one notes is judged as its call would
// be.
func (mc *Context) collect() {
	for noted := mc.thread.Noted(); noted != 0; noted &= noted - 1 {
		lentKinds[bits.TrailingZeros32(uint32(noted))].collect(mc)
	}
}

// revoke is due before the process gets another LWP (lentAlone), and before anybody but
// its sigaction(2) changes its signal actions. The guest is stopped.
//
// Only mc's own goroutine may call it.
func (mc *Context) revoke(kinds platform.Lent) {
	mc.stale &^= kinds
	mc.thread.Revoke(kinds)
	for ; kinds != 0; kinds &= kinds - 1 {
		if revoke := lentKinds[bits.TrailingZeros32(uint32(kinds))].revoke; revoke != nil {
			revoke(mc)
		}
	}
}

// lentBy is the slot of a thread as kern knows it. It holds the thread, not the Context, whose
// thread an exec changes while somebody may look.
type lentBy struct{ t *platform.Thread }

// Mask implements kern.Lent.
// Any goroutine may ask, while the guest runs; the answer is old at once (SetLent).
func (b lentBy) Mask() (netbsd.Sigset, bool) {
	mask, ok := b.t.Mask()
	return netbsd.Sigset(mask), ok
}

// Asleep implements kern.Lent.
func (b lentBy) Asleep() bool { return b.t.Asleep() }

// Actions implements kern.Lent. What the guest has noted is what it could have said in a
// call, or it is nothing.
//
// A handler without a trampoline, or whose trampoline has another version, is left out, as sigaction1 refuses it. The
// kernel's lock is held by whoever calls, so set calls nothing that takes it.
func (b lentBy) Actions(settle bool, set func(netbsd.Signal, kern.Action)) {
	b.t.CollectActions(settle, func(sig int, a platform.Action) {
		if a.Handler > netbsd.SIG_IGN && (a.Version != syscalls.TrampVersion || a.Tramp == 0) {
			return
		}
		set(netbsd.Signal(sig), kern.Action{
			Handler: a.Handler, Mask: netbsd.Sigset(a.Mask), Flags: int32(a.Flags),
			Vers: int32(a.Version), Tramp: a.Tramp,
		})
	})
}

// publishMask asks kern at each return: whatever the LWP has done or suffered meanwhile may
// have changed its mask or left a signal pending. It costs two comparisons if nothing has.
func (mc *Context) publishMask() {
	mask, ok := mc.l.Platform().PublishMask()
	var kinds platform.Lent
	switch {
	case !ok:
	case mc.l.Platform().OnStack(): // what sigaltstack(2) may do then is kern's to say
		kinds = platform.LentMask
	default:
		kinds = platform.LentMask | platform.LentStack
	}
	mc.thread.PublishMask(uint64(mask), kinds)
}

func (mc *Context) collectMask() { mc.l.Platform().CollectMask(netbsd.Sigset(mc.thread.CollectMask())) }

// collectStack takes over a stack as a sigaltstack(2) would have: what that refuses is
// dropped, as the stub answers only calls that it would grant, and so the guest has cheated.
func (mc *Context) collectStack() {
	if s, ok := mc.thread.CollectStack(); ok {
		mc.l.Sigaltstack(&kern.Altstack{Sp: s.Sp, Size: s.Size, Flags: int32(s.Flags)})
	}
}

// publishActions lends the actions, or, if they are lent, follows a sigaction(2).
//
// PublishActions decides under the kernel's lock whether the process is alone with its actions.
// If it is not, nothing is lent until the next sigaction(2) asks again.
func (mc *Context) publishActions() {
	if mc.thread.Lends(platform.LentActions) != 0 {
		if s := netbsd.Signal(mc.call.Int(0)); s.Valid() {
			a := mc.l.Proc().Action(s)
			mc.publishAction(s, &a)
		}
		return
	}
	if mc.l.Platform().PublishActions(mc.publishAction) {
		mc.lends = true
		mc.thread.LendActions()
	}
}

func (mc *Context) publishAction(s netbsd.Signal, a *kern.Action) {
	mc.thread.PublishAction(int(s), platform.Action{
		Handler: a.Handler, Mask: uint64(a.Mask), Flags: uint32(a.Flags),
		Version: uint32(a.Vers), Tramp: a.Tramp,
	})
}

func (mc *Context) collectActions() { mc.l.Platform().CollectActions() }

// revokeActions is due once at most: RevokeActions takes the kernel's lock.
func (mc *Context) revokeActions() {
	if mc.lends {
		mc.lends = false
		mc.l.Platform().RevokeActions()
	}
}

// publishRoom lends the room of a process with one LWP and memory of its own. What
// --memory and RLIMIT_AS count is asked for.
func (mc *Context) publishRoom() {
	switch {
	case !mc.alone || mc.sys.memory.limit > 0:
	case limitOf(&mc.call, netbsd.RLIMIT_AS) != 0 || mc.space.wiresFuture():
		mc.thread.Revoke(platform.LentRoom)
	default:
		mc.thread.PublishRoom(mc.space.room())
	}
}

// wiresFuture reports whether what is mapped is to be wired (MCL_FUTURE), which the stub does not do.
func (s *Space) wiresFuture() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.m.WiresFuture()
}

// room returns where mmap(2) would put what goes anywhere.
func (s *Space) room() (low, high uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.m.Room()
}

// collectRoom enters in the map what the stub has mapped. The room may be smaller since.
//
// The room is stale then: what mmap(2) puts next goes below what is here now.
func (mc *Context) collectRoom() {
	s := mc.space
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, p := range mc.thread.CollectRoom() {
		s.notePlaced(p)
	}
	mc.stale |= platform.LentRoom
}

// notePlaced enters one mapping. It never fails for what the stub has mapped. A note that a
// hostile guest has made up may, or it says what is not so: that is between the guest and its map.
func (s *Space) notePlaced(p platform.Placed) {
	const flags = netbsd.MAP_FIXED | netbsd.MAP_PRIVATE | netbsd.MAP_ANON
	s.noteText(p.Addr, p.Addr+p.Size)
	s.coverShelf(p.Addr, p.Addr+p.Size)
	s.m.Map(vm.Request{Addr: p.Addr, Len: p.Size, Prot: p.Prot, Flags: flags})
}
