package platform

import (
	"encoding/binary"
	"math"
	"os"
	"strings"
	"testing"
	"time"

	"toaster/internal/platform/stub"
	"toaster/netbsd"
)

// timeAt is where the test has the guest's struct timespec.
const timeAt = dataAt + 0x600

func setTime(t testing.TB, q *Process, sec, nsec uint64) {
	t.Helper()
	b := binary.LittleEndian.AppendUint64(nil, sec)
	if _, ok := q.Write(timeAt, binary.LittleEndian.AppendUint64(b, nsec)); !ok {
		t.Fatal("no memory")
	}
}

// Of kevent(2) with a time: what has happened is told at once, and what comes, when it comes; a time that is over is no event, and not
// before it is (kqueue_scan).
func TestEventsInTheStubWithATime(t *testing.T) {
	p := newPlatform(t, Options{})
	for nr, size := range map[int]int{netbsd.SYS___kevent50: netbsd.SizeofKevent, netbsd.SYS___kevent100: netbsd.SizeofKeventExt} {
		r, w := pipeOf(t)
		w.WriteString("abc")
		q, th, set := newWaiter(t, p, r, readsEnd, nr, askFor(timeAt)...)
		for _, asleep := range []bool{false, true} {
			th.Regs().RIP, th.Regs().RAX, th.Regs().R9 = codeAt, 0, timeAt
			setTime(t, q, 3600, 999_999_999)
			var trap Trap
			if asleep {
				end := runAsleep(t, th)
				w.WriteString("abc")
				within(t, "an event", func() { trap = <-end })
			} else {
				trap = th.Run()
			}
			wantKind(t, trap, Syscall)
			read := netbsd.Kevent{Ident: eventsOf, Filter: netbsd.EVFILT_READ, Flags: watchFlags, Data: int64(queued(t, r)), Udata: 0x1111}
			if g := th.Regs(); g.RAX != 42 || g.RBX != 1 || g.RFLAGS&1 != 0 || left(set) != 0 || trap.Waited != 0 {
				t.Fatalf("asleep %v: %+v", asleep, g)
			}
			if got := eventsOfGuest(t, q, 1, size)[0]; got != read {
				t.Errorf("%+v, want %+v", got, read)
			}
		}
		for _, nsec := range []uint64{1, 3_000_000} {
			setTime(t, q, 0, nsec)
			th.Regs().RIP, th.Regs().RAX = codeAt, 0
			begin := Monotonic()
			wantKind(t, th.Run(), Syscall)
			if g := th.Regs(); g.RAX != 42 || g.RBX != 0 || g.RFLAGS&1 != 0 || Monotonic()-begin < time.Duration(nsec) {
				t.Errorf("%d ns: over after %v, %+v", nsec, Monotonic()-begin, g)
			}
		}
		if th.Asleep() || th.slot.Napping() || th.slot.Since() != 0 {
			t.Errorf("napping %v, since %v", th.slot.Napping(), th.slot.Since())
		}
	}
}

// A time that is none, or that the end of is out of range, is the kernel's to judge, and so is where there is none to be read; nothing is taken.
func TestTimesLeftToTheKernel(t *testing.T) {
	p := newPlatform(t, Options{})
	const hole = dataAt + 0x10000
	for name, c := range map[string]struct{ at, sec, nsec uint64 }{
		"nanoseconds":          {timeAt, 1, 1_000_000_000},
		"negative nanoseconds": {timeAt, 0, math.MaxUint64},
		"negative seconds":     {timeAt, math.MaxUint64, 0},
		"the lowest number":    {timeAt, 1 << 63, 0},
		"34 years":             {timeAt, 1 << 30, 0},
		"the highest number":   {timeAt, math.MaxInt64, 999_999_999},
		"no memory":            {hole, 0, 0},
		"half of it":           {hole - 8, 0, 0},
		"memory above":         {stub.WindowAddr, 0, 0},
	} {
		r, w := pipeOf(t)
		w.WriteString("abc")
		q, th, set := newWaiter(t, p, r, readsEnd, netbsd.SYS___kevent50, askFor(c.at)...)
		setTime(t, q, c.sec, c.nsec)
		trap := th.Run()
		wantKind(t, trap, Syscall)
		if th.Regs().RAX != netbsd.SYS___kevent50 || trap.Events || trap.Waited != 0 || left(set) != 1 || th.slot.Napping() {
			t.Errorf("%s: events %v, waited %v, %d left, %+v", name, trap.Events, trap.Waited, left(set), th.Regs())
		}
		q.Release()
	}
}

// Who is kicked out of a sleep with an end, or has the kqueue taken from him, comes with how long it has lasted: the kernel goes on with the
// rest. So does who is woken for what another one has read.
func TestWaited(t *testing.T) {
	p := newPlatform(t, Options{})
	for name, c := range map[string]struct {
		rights uint32
		wake   func(th *Thread)
	}{
		"kicked": {readsEnd, func(th *Thread) { th.Kick() }},
		"unlent": {readsEnd, func(th *Thread) { th.proc.UnlendFile(lentAs) }},
	} {
		r, _ := pipeOf(t)
		q, th, _ := newWaiter(t, p, r, c.rights, netbsd.SYS___kevent50, askFor(timeAt)...)
		setTime(t, q, 3600, 0)
		begin := Monotonic()
		asleep := runAsleep(t, th)
		since := Monotonic()
		time.Sleep(3 * time.Millisecond) // it is to have slept for a time that a clock tells
		least := Monotonic() - since
		c.wake(th)
		var trap Trap
		within(t, name, func() { trap = <-asleep })
		wantKind(t, trap, Syscall)
		if g := th.Regs(); g.RAX != netbsd.SYS___kevent50 || trap.Events || g.R9 != timeAt || g.RIP != codeAt+7 {
			t.Errorf("%s: %+v", name, g)
		}
		if most := Monotonic() - begin; trap.Waited < least || trap.Waited > most {
			t.Errorf("%s: waited %v, not %v to %v", name, trap.Waited, least, most)
		}
		if th.Asleep() || th.slot.Napping() || th.slot.Since() != 0 {
			t.Errorf("%s: still asleep, since %v", name, th.slot.Since())
		}
		q.Release()
	}
}

// A guest says how long it has waited: anything up to what the clock says, of this call alone.
func TestForgedWait(t *testing.T) {
	p := newPlatform(t, Options{})
	_, th := newTransfer(t, p, nil, 0, netbsd.SYS___kevent50, askFor(timeAt)...)
	for _, note := range []uint64{1, 1 << 40, 1<<63 - 1, 1 << 63, math.MaxUint64} {
		th.slot.Poke(stub.OffSince, note)
		th.Regs().RIP = codeAt
		trap := th.Run()
		if now := Monotonic(); trap.Kind != Syscall || trap.Waited < 0 || trap.Waited > now || note > uint64(now) && trap.Waited != 0 {
			t.Errorf("since %#x: %+v", note, trap)
		}
		th.Regs().RIP = codeAt
		if trap := th.Run(); trap.Waited != 0 {
			t.Errorf("since %#x, of another call: %+v", note, trap)
		}
	}
}

// A thread that waits for a short time has less slack meanwhile, and no longer.
func TestSlackOfAShortWait(t *testing.T) {
	p := newPlatform(t, Options{})
	r, w := pipeOf(t)
	q, th, _ := newWaiter(t, p, r, readsEnd, netbsd.SYS___kevent50, askFor(timeAt)...)
	for _, event := range []bool{false, true} {
		setTime(t, q, 0, 1_000_000)
		if event {
			w.WriteString("abc")
		}
		th.Regs().RIP, th.Regs().RAX, th.Regs().R9 = codeAt, 0, timeAt
		wantKind(t, th.Run(), Syscall)
		if g := th.Regs(); g.RAX != 42 || (g.RBX == 1) != event {
			t.Fatalf("event %v: %+v", event, g)
		}
		b, err := os.ReadFile("/proc/" + itoa(th.tid) + "/timerslack_ns")
		if err != nil {
			t.Skip("another process's slack is for CAP_SYS_NICE to see: ", err)
		}
		if got := strings.TrimSpace(string(b)); got != itoa(int(guestSlack)) {
			t.Errorf("event %v: %s ns", event, got)
		}
	}
}
