package platform

import (
	"encoding/binary"
	"fmt"
	"testing"

	"toaster/internal/platform/stub"
)

const (
	// maskCode: mov $293,%eax; syscall; mov 8(%rsp),%rax; syscall
	maskCode = "b8 25 01 00 00 0f 05 48 8b 44 24 08 0f 05"
	// stackCode: the same with 281.
	stackCode = "b8 19 01 00 00 0f 05 48 8b 44 24 08 0f 05"

	shownMask = 0x0e0f // without SIGKILL
)

// newCaller is a guest about to make the call of text, and then call 42.
func newCaller(t *testing.T, p *Platform, text string, args ...uint64) (*Process, *Thread) {
	t.Helper()
	q, th := newFast(t, p, code(t, text))
	q.Write(stackAt+0x8008, []byte{42, 0, 0, 0, 0, 0, 0, 0})
	r := th.Regs()
	for i, f := range r.Fields() {
		*f = uint64(i) * 0x0101010101010101
	}
	r.RIP, r.RSP, r.RFLAGS, r.FSBase, r.GSBase = codeAt, stackAt+0x8000, 0x8d5|0x202, 0, 0
	for i, f := range []*uint64{&r.RDI, &r.RSI, &r.RDX, &r.R10, &r.R8, &r.R9} {
		*f = 0
		if i < len(args) {
			*f = args[i]
		}
	}
	return q, th
}

// answered runs such a guest, and says whether the stub has done the call; else that is
// about to be served. The guest's registers are right either way.
func answered(t *testing.T, th *Thread, call uint64) bool {
	t.Helper()
	r := th.Regs()
	want := *r
	trap := th.Run()
	for trap.Kind == Kicked {
		trap = th.Run()
	}
	wantKind(t, trap, Syscall)
	done := r.RAX == 42
	want.RIP, want.RCX, want.RAX, want.R11 = codeAt+7, codeAt+7, call, r.R11
	if done {
		want.RIP, want.RCX, want.RAX, want.RDX = codeAt+14, codeAt+14, 42, 0
		want.RFLAGS &^= 1
	}
	if *r != want {
		t.Fatalf("done %v:\ngot  %+v\nwant %+v", done, r, want)
	}
	return done
}

func putWords(q *Process, addr uint64, words ...uint64) {
	var b []byte
	for _, w := range words {
		b = binary.LittleEndian.AppendUint64(b, w)
	}
	q.Write(addr, b)
}

func getWords(q *Process, addr uint64, n int) []uint64 {
	b := make([]byte, 8*n)
	q.Read(addr, b)
	var words []uint64
	for i := range n {
		words = append(words, binary.LittleEndian.Uint64(b[8*i:]))
	}
	return words
}

func TestMaskInTheSlot(t *testing.T) {
	p := newPlatform(t, Options{})
	const set = 0x3300 | 1<<8 | 1<<16 | 1<<63 // with SIGKILL, SIGSTOP, and what is no signal
	const settable = 0x3200
	for _, c := range []struct {
		name  string
		how   uint64
		query bool
		want  uint64
	}{
		{"block", sigBlock, false, shownMask | settable},
		{"unblock", sigUnblock, false, shownMask &^ set},
		{"set", sigSetmask, false, settable},
		{"query", 99, true, shownMask},
	} {
		q, th := newCaller(t, p, maskCode, c.how, newAt, oldAt)
		if c.query {
			th.Regs().RSI = 0
		}
		putWords(q, newAt, set, ^uint64(0))
		putWords(q, oldAt, 1, 2, 3)
		th.PublishMask(shownMask, LentMask|LentStack)
		if !answered(t, th, stub.CallSigprocmask) {
			t.Errorf("%s: left to the kernel", c.name)
		}
		if noted := th.noted(LentMask); noted != (c.want != shownMask) {
			t.Errorf("%s: noted %v", c.name, noted)
		}
		if got := th.CollectMask(); got != c.want || th.Noted() != 0 {
			t.Errorf("%s: the mask is %#x, want %#x", c.name, got, c.want)
		}
		if old := fmt.Sprint(getWords(q, oldAt, 3)); old != fmt.Sprint([]uint64{shownMask, 0, 3}) {
			t.Errorf("%s: the old mask is %s", c.name, old)
		}
		q.Release()
	}
}

// What is not plain is the kernel's, and nothing is changed.
func TestMaskLeftToTheKernel(t *testing.T) {
	p := newPlatform(t, Options{})
	for name, set := range map[string]func(th *Thread, r *Regs){
		"not lent":          func(th *Thread, r *Regs) { th.PublishMask(shownMask, 0) },
		"how 0":             func(th *Thread, r *Regs) { r.RDI = 0 },
		"how 4":             func(th *Thread, r *Regs) { r.RDI = 4 },
		"half a set":        func(th *Thread, r *Regs) { r.RSI = dataAt + 0x10000 - 8 },
		"bad set":           func(th *Thread, r *Regs) { r.RSI = 0x1000 },
		"set is the stub's": func(th *Thread, r *Regs) { r.RSI = stub.WindowAddr },
		"bad old":           func(th *Thread, r *Regs) { r.RDX = 0x1000 },
		"half an old":       func(th *Thread, r *Regs) { r.RDX = dataAt + 0x10000 - 8 },
		"old is the stub's": func(th *Thread, r *Regs) { r.RDX = stub.Addr },
		"old of nobody":     func(th *Thread, r *Regs) { r.RDX = ^uint64(0) },
		"traced":            func(th *Thread, r *Regs) { th.SetTrapAll(true) },
	} {
		q, th := newCaller(t, p, maskCode, sigSetmask, newAt, oldAt)
		putWords(q, newAt, 0x3000, 0)
		th.PublishMask(shownMask, LentMask|LentStack)
		set(th, th.Regs())
		done := answered(t, th, stub.CallSigprocmask)
		if got := th.CollectMask(); done || got != shownMask {
			t.Errorf("%s: done %v, the mask is %#x", name, done, got)
		}
		intact(t, q)
		q.Release()
	}
}

// Others may look at the mask only while the guest runs.
func TestMaskOfAStoppedGuest(t *testing.T) {
	p := newPlatform(t, Options{})
	_, th := newCaller(t, p, maskCode, sigSetmask, newAt, 0)
	th.PublishMask(shownMask, LentMask|LentStack)
	if _, ok := th.Mask(); ok {
		t.Error("another may look before the guest runs")
	}
	answered(t, th, stub.CallSigprocmask)
	if _, ok := th.Mask(); ok {
		t.Error("another may look when the guest has trapped")
	}
}

// A newborn has nothing of whose slot it has, whether its creator is in a light trap or in
// a signal frame.
func TestMaskOfANewborn(t *testing.T) {
	for _, light := range []bool{true, false} {
		p := newPlatform(t, Options{})
		_, th := newCaller(t, p, maskCode, sigSetmask, newAt, 0)
		answered(t, th, stub.CallSigprocmask)
		if !light {
			th.ensureFrame()
		}
		n := newborn(t, th)
		for range 3 {
			n.PublishMask(shownMask, LentMask|LentStack)
			n.slot.Poke32(stub.OffStackNoted, 1)
			at := n.slot.Addr()
			n.Exit()
			waitFor(t, "the thread to be parked", func() bool {
				n = newborn(t, th)
				return n.slot.Addr() == at
			})
			_, chosen := n.CollectStack()
			if n.light != light || chosen || n.slot.Peek32(stub.OffLent) != 0 {
				t.Errorf("light %v, stack chosen %v: a newborn may change its mask before that was published", n.light, chosen)
			}
		}
	}
}

func newborn(t *testing.T, th *Thread) *Thread {
	t.Helper()
	n, err := th.NewThread()
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// A signal at each instruction: the mask is changed and the guest told of the old one,
// or the call comes again and the mask is what it was.
func TestSignalAtEveryInstructionOfAMask(t *testing.T) {
	t.Parallel()
	m := stub.Load().Marks
	var outcome tally[bool]
	check := func(p *Platform, at int) {
		q, th := newCaller(t, p, maskCode, sigBlock, newAt, oldAt)
		putWords(q, newAt, 0x3000, 0)
		th.PublishMask(shownMask, LentMask|LentStack)
		want := uint64(shownMask)
		done := answered(t, th, stub.CallSigprocmask)
		if done {
			want |= 0x3000
		}
		outcome.add(done)
		if got := th.CollectMask(); got != want || done && getWords(q, oldAt, 1)[0] != shownMask {
			t.Errorf("%#x: done %v, the mask is %#x, the old one %#x", at, done, got, getWords(q, oldAt, 1))
		}
	}
	eachInstructionFrom(t, m.Told, m.MaskTold, check)
	eachInstructionFrom(t, m.Answered, m.Last, check)
	if !testing.Short() && (outcome.n[true] == 0 || outcome.n[false] == 0) {
		t.Errorf("done and not done: %v", outcome.n)
	}
}

func TestSignalStackInTheSlot(t *testing.T) {
	p := newPlatform(t, Options{})
	q, th := newCaller(t, p, stackCode, newAt, 0)
	for i := range uint64(3) { // without a trap of its own in between that would take them
		putWords(q, newAt, 0x10000+i, minSigstksz, 0xdead<<32)
		th.Regs().RIP, th.Regs().RDI, th.Regs().RSI = codeAt, newAt, 0
		th.PublishMask(0, LentMask|LentStack)
		if !answered(t, th, stub.CallSigaltstack) {
			t.Fatalf("%d: left to the kernel", i)
		}
	}
	want := Stack{Sp: 0x10002, Size: minSigstksz}
	if got, ok := th.CollectStack(); !ok || got != want {
		t.Errorf("taken %+v, %v", got, ok)
	}
	if _, ok := th.CollectStack(); ok {
		t.Error("taken twice")
	}
	putWords(q, newAt, 0, 0, ssDisable)
	th.Regs().RIP = codeAt
	if !answered(t, th, stub.CallSigaltstack) {
		t.Error("SS_DISABLE: left to the kernel")
	}
	if got, ok := th.CollectStack(); !ok || got.Flags != ssDisable {
		t.Errorf("SS_DISABLE: taken %+v, %v", got, ok)
	}
}

func TestSignalStackLeftToTheKernel(t *testing.T) {
	p := newPlatform(t, Options{})
	for name, c := range map[string]struct {
		size, flags uint64
		set         func(th *Thread, r *Regs)
	}{
		"on the stack": {minSigstksz, 0, func(th *Thread, r *Regs) { th.PublishMask(0, LentMask) }},
		"not lent":     {minSigstksz, 0, func(th *Thread, r *Regs) { th.PublishMask(0, 0) }},
		"query":        {minSigstksz, 0, func(th *Thread, r *Regs) { r.RDI, r.RSI = 0, oldAt }},
		"with the old": {minSigstksz, 0, func(th *Thread, r *Regs) { r.RSI = oldAt }},
		"small":        {minSigstksz - 1, 0, func(th *Thread, r *Regs) {}},
		"unknown flag": {minSigstksz, 2, func(th *Thread, r *Regs) {}},
		"half a stack": {0, 0, func(th *Thread, r *Regs) {
			r.RDI = dataAt + 0x10000 - 20
			putWords(th.proc, r.RDI, 0x10000, minSigstksz)
		}},
		"bad stack":           {0, 0, func(th *Thread, r *Regs) { r.RDI = 0x1000 }},
		"stack is the stub's": {0, 0, func(th *Thread, r *Regs) { r.RDI = stub.WindowAddr }},
	} {
		q, th := newCaller(t, p, stackCode, newAt, 0)
		putWords(q, newAt, 0x10000, c.size, c.flags)
		th.PublishMask(0, LentMask|LentStack)
		c.set(th, th.Regs())
		if answered(t, th, stub.CallSigaltstack) {
			t.Errorf("%s: done", name)
		}
		if got, ok := th.CollectStack(); ok {
			t.Errorf("%s: taken %+v", name, got)
		}
		intact(t, q)
		q.Release()
	}
}

// A signal at each instruction: the stack is the new one, or the one chosen before.
func TestSignalAtEveryInstructionOfAStack(t *testing.T) {
	t.Parallel()
	m := stub.Load().Marks
	var outcome tally[bool]
	eachInstructionFrom(t, m.MaskTold, m.StackTold, func(p *Platform, at int) {
		q, th := newCaller(t, p, stackCode, newAt, 0)
		th.PublishMask(0, LentMask|LentStack)
		th.slot.Poke32(stub.OffStackNoted, 1) // one that was chosen without a trap
		for i, v := range []uint64{1, 2, 4} {
			th.slot.Poke(stub.OffStacks+8*i, v)
		}
		putWords(q, newAt, 0x10000, minSigstksz, 0)
		want := Stack{Sp: 1, Size: 2, Flags: 4}
		done := answered(t, th, stub.CallSigaltstack)
		if done {
			want = Stack{Sp: 0x10000, Size: minSigstksz, Flags: 0}
		}
		outcome.add(done)
		if got, _ := th.CollectStack(); got != want {
			t.Errorf("%#x: done %v, the stack is %+v", at, done, got)
		}
	})
	if outcome.n[true] == 0 || outcome.n[false] == 0 {
		t.Errorf("done and not done: %v", outcome.n)
	}
}

// What a hostile guest writes where its choice of a stack is noted.
func TestHostileSignalStack(t *testing.T) {
	p := newPlatform(t, Options{})
	_, th := newCaller(t, p, stackCode)
	for _, n := range []uint32{3, 0x7fffffff, 0x80000001, 0xffffffff} {
		th.slot.Poke32(stub.OffStackNoted, n)
		if s, ok := th.CollectStack(); ok {
			t.Errorf("%#x: taken %+v", n, s)
		}
	}
}

// What was lent to the LWP that had a slot, and what was noted there, is nobody else's: a
// slot that changes hands lends nothing, whatever kinds there are.
func TestNothingIsLentToTheNextOne(t *testing.T) {
	s := stub.StoppedSlot()
	for i := range stub.OffCommand / 8 {
		s.Poke(8*i, ^uint64(0))
	}
	s.Vacate()
	th := &Thread{proc: &Process{}, slot: s}
	if s.Peek32(stub.OffLent) != 0 || th.Noted() != 0 || th.takeNotes() != 0 {
		t.Errorf("lent %#x, noted %#x", s.Peek32(stub.OffLent), th.Noted())
	}
}

// What is revoked is left to the kernel, and nothing else is.
func TestRevoke(t *testing.T) {
	th := &Thread{proc: &Process{}, slot: stub.StoppedSlot()}
	const all = Lent(1<<LentKinds-1) &^ LentDescriptors // which no slot lends
	for kind := range LentKinds {
		if 1<<kind == LentDescriptors {
			continue
		}
		th.PublishMask(0, LentMask|LentStack)
		th.LendActions()
		th.PublishRoom(roomLow, roomHigh)
		if got := th.Lends(all); got != all {
			t.Fatalf("lent %#x of %#x", got, all)
		}
		k := Lent(1) << kind
		th.Revoke(k)
		if got := th.slot.Peek32(stub.OffLent); Lent(got) != all&^k || th.Lends(all) != all&^k {
			t.Errorf("%#x is revoked: the slot lends %#x, the thread %#x", k, got, th.Lends(all))
		}
	}
}
