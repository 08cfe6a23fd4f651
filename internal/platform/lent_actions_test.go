package platform

import (
	"encoding/binary"
	"sync/atomic"
	"testing"

	"toaster/internal/platform/stub"
)

// actionCode: mov $340,%eax; syscall; mov 8(%rsp),%rax; syscall
const actionCode = "b8 54 01 00 00 0f 05 48 8b 44 24 08 0f 05"

const newAt, oldAt = dataAt + 0x100, dataAt + 0x200

// structSigaction is an action as a guest has it.
func structSigaction(a Action) []byte {
	b := binary.LittleEndian.AppendUint64(nil, a.Handler)
	b = binary.LittleEndian.AppendUint64(b, a.Mask)
	b = binary.LittleEndian.AppendUint64(b, ^uint64(0)) // signals that there are not
	return binary.LittleEndian.AppendUint64(b, 0xdead<<32|uint64(a.Flags))
}

var (
	shownAction = Action{Handler: 0x1111, Mask: 0x22, Flags: 0x40, Version: 2, Tramp: 0x3333}
	newAction   = Action{Handler: 0x4444, Mask: 0x50, Flags: 0x12, Version: 2, Tramp: 0x5555}
)

// newActor is a guest about to change the action of a signal, with all of them lent.
func newActor(t *testing.T, p *Platform, sig uint64) (*Process, *Thread) {
	t.Helper()
	q, th := newCaller(t, p, actionCode, sig, newAt, oldAt, newAction.Tramp, 2)
	a := newAction
	a.Mask |= 1<<8 | 1<<16 | 1<<63 // SIGKILL, SIGSTOP, and no signal
	q.Write(newAt, structSigaction(a))
	for sig := 1; sig < 64; sig++ {
		th.PublishAction(sig, shownAction)
	}
	th.LendActions()
	return q, th
}

func act(t *testing.T, th *Thread) bool {
	t.Helper()
	return answered(t, th, stub.CallSigaction)
}

func taken(th *Thread, settle bool) map[int]Action {
	m := map[int]Action{}
	th.CollectActions(settle, func(sig int, a Action) { m[sig] = a })
	return m
}

func (t *Thread) noted(k Lent) bool { return t.Noted()&k != 0 }

// oldIs reports whether the guest was told that the action was a.
func oldIs(t *testing.T, q *Process, a Action) bool {
	t.Helper()
	b := make([]byte, 32)
	q.Read(oldAt, b)
	le := binary.LittleEndian
	return le.Uint64(b) == a.Handler && le.Uint64(b[8:]) == a.Mask && le.Uint64(b[16:]) == 0 && le.Uint64(b[24:]) == uint64(a.Flags)
}

func TestLentAction(t *testing.T) {
	p := newPlatform(t, Options{})
	q, th := newActor(t, p, 30)
	if !act(t, th) || !oldIs(t, q, shownAction) || !th.noted(LentActions) {
		t.Fatalf("noted %v", th.noted(LentActions))
	}
	if got := taken(th, false); len(got) != 1 || got[30] != newAction {
		t.Errorf("taken %+v", got)
	}
	if got := taken(th, false); len(got) != 0 {
		t.Errorf("taken again %+v", got)
	}
	// A second change before the trap is looked at goes the long way.
	r := th.Regs()
	r.RIP, r.RSI, r.RDX = codeAt, newAt, 0
	if act(t, th) {
		t.Error("changed twice")
	}
	// A query is answered with what was set.
	r.RIP, r.RSI, r.RDX = codeAt, 0, oldAt
	if !act(t, th) || !oldIs(t, q, newAction) {
		t.Error("a query gives something else")
	}
	if got := taken(th, true); len(got) != 0 || th.noted(LentActions) {
		t.Errorf("settled: %+v, noted %v", got, th.noted(LentActions))
	}
	r.RIP, r.RSI, r.RDX = codeAt, newAt, 0
	if !act(t, th) || len(taken(th, true)) != 1 {
		t.Error("no change after the settlement")
	}
	th.Revoke(LentActions)
	r.RIP = codeAt
	if act(t, th) {
		t.Error("answered though the actions are not lent")
	}
}

// What is not plain is the kernel's.
func TestActionsLeftToTheKernel(t *testing.T) {
	p := newPlatform(t, Options{})
	for name, c := range map[string]struct {
		query bool // a query would be answered
		set   func(r *Regs)
	}{
		"signal 0":          {false, func(r *Regs) { r.RDI = 0 }},
		"signal 64":         {false, func(r *Regs) { r.RDI = 64 }},
		"signal -1":         {false, func(r *Regs) { r.RDI = ^uint64(0) }},
		"SIGKILL":           {true, func(r *Regs) { r.RDI = 9 }},
		"SIGSTOP":           {true, func(r *Regs) { r.RDI = 17 }},
		"version 1":         {true, func(r *Regs) { r.R8 = 1 }},
		"no trampoline":     {true, func(r *Regs) { r.R10 = 0 }}, // EINVAL for a handler (sigaction1)
		"bad new":           {true, func(r *Regs) { r.RSI = 0x1000 }},
		"new is the stub's": {true, func(r *Regs) { r.RSI = stub.WindowAddr }},
		"bad old":           {false, func(r *Regs) { r.RDX = 0x1000 }},
		"old is the stub's": {false, func(r *Regs) { r.RDX = stub.Addr }},
		"old of nobody":     {false, func(r *Regs) { r.RDX = ^uint64(0) }},
	} {
		q, th := newActor(t, p, 30)
		c.set(th.Regs())
		before := *th.Regs()
		if act(t, th) || th.noted(LentActions) {
			t.Errorf("%s: noted %v", name, th.noted(LentActions))
		}
		intact(t, q)
		*th.Regs() = before
		th.Regs().RSI = 0
		for sig := 1; sig < 64; sig++ {
			th.PublishAction(sig, shownAction)
		}
		th.LendActions()
		if act(t, th) != c.query {
			t.Errorf("%s: a query is answered: %v", name, !c.query)
		}
		q.Release()
	}
	q, th := newActor(t, p, 30)
	a := newAction
	a.Flags |= saResetHand
	q.Write(newAt, structSigaction(a))
	if act(t, th) {
		t.Error("SA_RESETHAND: done")
	}
}

// A signal at each instruction: the change is made, and the guest told of the old
// action, or neither.
func TestSignalAtEveryInstructionOfAnAction(t *testing.T) {
	t.Parallel()
	var done atomic.Int32
	eachInstruction(t, func(p *Platform, at int) {
		q, th := newActor(t, p, 30)
		if act(t, th) {
			done.Add(1)
			if got := taken(th, true); len(got) != 1 || got[30] != newAction || !oldIs(t, q, shownAction) {
				t.Errorf("%#x: done, but taken %+v", at, got)
			}
		} else if th.noted(LentActions) {
			t.Errorf("%#x: not done, but noted", at)
		}
	})
	if done.Load() == 0 {
		t.Error("it was never done")
	}
}
