package platform

import (
	"testing"

	"golang.org/x/sys/unix"

	"toaster/internal/platform/stub"
)

// Who has the turn is counted, however many they are; who naps needs no core.
func TestIdleCore(t *testing.T) {
	p := &Platform{cores: 2}
	threads := make([]*Thread, 3*len(p.running.slots))
	for i := range threads {
		threads[i] = &Thread{index: i % 5, slot: stub.SlotAt(make([]byte, stub.OffStack), 0, stub.OffStack)}
	}
	for range 2 {
		for i, th := range threads {
			if got, want := p.hasIdleCore(), i < 2; got != want {
				t.Errorf("%d guests of 2 cores: a spare one: %v", i, got)
			}
			p.running.add(th)
		}
		for i, th := range threads {
			p.running.remove(th)
			if left := len(threads) - i - 1; p.hasIdleCore() != (left < 2) {
				t.Errorf("%d guests left of 2 cores: a spare one: %v", left, p.hasIdleCore())
			}
		}
	}
	for _, th := range threads[:4] {
		p.running.add(th)
	}
	for i, want := range []bool{false, false, true, true} {
		threads[i].slot.Poke32(stub.OffNapping, 1)
		if p.hasIdleCore() != want {
			t.Errorf("%d of 4 nap: a spare core: %v", i+1, !want)
		}
	}
}

// A guest that is moved to another core may go back to any.
func TestWakeElsewhere(t *testing.T) {
	p := newPlatform(t, Options{})
	_, th := newFast(t, p, code(t, callMany))
	for range 20 {
		wantKind(t, th.Run(), Syscall)
		waitFor(t, "the guest to sleep", func() bool { return th.slot.LoadTurn() == stub.TurnKernelAwaits })
		th.slot.Poke32(stub.OffTurn, stub.TurnGuest)
		th.slot.Poke32(stub.OffOp, stub.OpFrame)
		th.wakeElsewhere()
		if !th.awaitTurn() {
			t.Fatal("gone")
		}
		th.light = false
		var set unix.CPUSet
		if err := unix.SchedGetaffinity(th.tid, &set); err != nil || set != p.affinity {
			t.Fatalf("it may run on %v, %v; want %v", set, err, p.affinity)
		}
	}
}
