package machine

import (
	"testing"

	"toaster/internal/platform"
	"toaster/internal/syscalls"
	"toaster/kern"
	"toaster/netbsd"
)

// Each kind can be collected, as a guest can note what it likes; and what is lent to a
// process with one LWP is published when it is stale, which some call makes it.
func TestLentKinds(t *testing.T) {
	var stale platform.Lent
	for _, kinds := range staleAfter {
		stale |= kinds
	}
	for k, row := range lentKinds {
		kind := platform.Lent(1) << k
		if kind == platform.LentDescriptors { // lent on demand, and nothing is noted of them
			if row.publish == nil || row.revoke == nil {
				t.Error("files are not lent, or not taken back")
			}
			continue
		}
		if row.collect == nil {
			t.Errorf("kind %d is not collected", k)
		}
		if alone := lentAlone&kind != 0; alone != (row.publish != nil) || alone != (stale&kind != 0) {
			t.Errorf("kind %d: a process's %v, published %v, stale after a call %v", k, alone, row.publish != nil, stale&kind != 0)
		}
	}
}

// A call makes stale what it changes, and no other call does.
func TestStaleAfterCalls(t *testing.T) {
	for nr, want := range map[uint64]platform.Lent{
		netbsd.SYS_mmap:                 platform.LentRoom,
		netbsd.SYS___sigaction_sigtramp: platform.LentActions,
		netbsd.SYS_getpid:               0,
		netbsd.SYS___sigaltstack14:      0, // published at each return
		511:                             0,
	} {
		play(t, func(x *script) {
			if x.syscall(nr, 0, 4096, 3, netbsd.MAP_ANON, ^uint64(0), 0, 0); x.stale != want {
				t.Errorf("call %d: %#x is stale, want %#x", nr, x.stale, want)
			}
		})
	}
}

// What is revoked is not published again by itself: a process that gets another LWP has
// nothing of its own any more, and a fault may change the actions (trapsignal).
func TestRevokedIsNotStale(t *testing.T) {
	play(t, func(x *script) {
		x.alone, x.stale = true, lentAlone
		x.sys.handle(x.Context, &platform.Trap{Kind: platform.Fault, Signo: 11, Code: 1, Trapno: 14})
		if x.stale != platform.LentRoom || !x.alone {
			t.Errorf("after a fault %#x is stale, alone %v", x.stale, x.alone)
		}
		x.share()
		if x.stale != 0 || x.alone {
			t.Errorf("beside another LWP %#x is stale, alone %v", x.stale, x.alone)
		}
	})
}

// Actions that are lent are taken over before they are revoked, and no others are taken
// afterwards.
func TestRevokeTakesTheActions(t *testing.T) {
	play(t, func(x *script) {
		lent := &scriptedLent{action: kern.Action{Handler: handler, Vers: syscalls.TrampVersion}}
		x.l.Platform().SetLent(lent)
		if !x.l.Platform().PublishActions(func(netbsd.Signal, *kern.Action) {}) {
			t.Fatal("not published")
		}
		x.lends = true
		x.revoke(platform.LentActions)
		if a := x.l.Proc().Action(netbsd.SIGUSR1); a.Handler != handler || lent.asked != 1 {
			t.Errorf("%+v, asked %d times", a, lent.asked)
		}
		x.revoke(platform.LentActions)
		x.l.Proc().Kill(netbsd.SIGCHLD)
		if lent.asked != 1 {
			t.Errorf("asked %d times", lent.asked)
		}
	})
}

// scriptedLent has one action for SIGUSR1.
type scriptedLent struct {
	action kern.Action
	asked  int
}

func (*scriptedLent) Asleep() bool { return false }

func (*scriptedLent) Mask() (netbsd.Sigset, bool) { return 0, false }

func (s *scriptedLent) Actions(_ bool, set func(netbsd.Signal, kern.Action)) {
	s.asked++
	set(netbsd.SIGUSR1, s.action)
}
