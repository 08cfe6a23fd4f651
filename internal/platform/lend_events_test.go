package platform

import (
	"os"
	"testing"

	"golang.org/x/sys/unix"

	"toaster/internal/platform/stub"
	"toaster/netbsd"
)

// The guest's descriptor of which there are events, and where the test has the guest put them.
const (
	eventsOf   = lentAs + 1
	eventsHere = dataAt + 0x800
	noTime     = dataAt + 0x700 // a struct timespec of nothing
	watchFlags = netbsd.EV_ADD | netbsd.EV_CLEAR
)

// lendAs lends f as any descriptor.
func lendAs(t testing.TB, th *Thread, n int, f *os.File, rights uint32) {
	t.Helper()
	th.LendFile(n, int(f.Fd()), yes, func() bool {
		th.proc.PublishFile(n, rights)
		return true
	})
}

// setOf is an epoll instance that tells of f, once each time.
func setOf(t testing.TB, f *os.File) *os.File {
	t.Helper()
	fd, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		t.Fatal(err)
	}
	set := os.NewFile(uintptr(fd), "set")
	t.Cleanup(func() { set.Close() })
	ev := unix.EpollEvent{Fd: eventsOf, Events: unix.EPOLLIN | unix.EPOLLOUT | unix.EPOLLRDHUP | unix.EPOLLET}
	if err := unix.EpollCtl(fd, unix.EPOLL_CTL_ADD, int(f.Fd()), &ev); err != nil {
		t.Fatal(err)
	}
	return set
}

// left is how many events the set has.
func left(set *os.File) int {
	var evs [4]unix.EpollEvent
	n, _ := unix.EpollWait(int(set.Fd()), evs[:], 0)
	return n
}

// newWaiter is a guest about to ask for the events of f, which is lent with these rights, by a kqueue that is lent, too.
func newWaiter(t *testing.T, p *Platform, f *os.File, rights uint32, nr int, args ...uint64) (*Process, *Thread, *os.File) {
	t.Helper()
	set := setOf(t, f)
	q, th := newTransfer(t, p, nil, 0, nr, args...)
	q.Write(codeAt+7, code(t, "48 89 c3 48 8b 44 24 08 0f 05")) // RBX gets the result, RAX 42
	lendAs(t, th, lentAs, set, Events|Waits)
	if rights != 0 {
		lendAs(t, th, eventsOf, f, rights)
	}
	q.PublishEvent(eventsOf, netbsd.EVFILT_READ, watchFlags, 0x1111)
	q.PublishEvent(eventsOf, netbsd.EVFILT_WRITE, watchFlags, 0x2222)
	return q, th, set
}

func askFor(timeout uint64) []uint64 { return []uint64{lentAs, 0, 0, eventsHere, 16, timeout} }

// eventsOfGuest are the first n events that the guest has.
func eventsOfGuest(t *testing.T, q *Process, n int, size int) (list []netbsd.Kevent) {
	t.Helper()
	for i := range n {
		b := make([]byte, size)
		if _, ok := q.Read(eventsHere+uint64(i*size), b); !ok {
			t.Fatal("no memory")
		}
		if size == netbsd.SizeofKeventExt {
			list = append(list, netbsd.DecodeKeventExt(b))
		} else {
			list = append(list, netbsd.DecodeKevent(b))
		}
	}
	return list
}

func socketsOf(t testing.TB) (a, b *os.File) {
	t.Helper()
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	a, b = os.NewFile(uintptr(fds[0]), "a"), os.NewFile(uintptr(fds[1]), "b")
	t.Cleanup(func() { a.Close(); b.Close() })
	return a, b
}

// What has happened the stub tells as kqueue_scan does, of both sizes of struct kevent; nothing is told of nothing.
func TestEventsInTheStub(t *testing.T) {
	p := newPlatform(t, Options{})
	read := netbsd.Kevent{Ident: eventsOf, Filter: netbsd.EVFILT_READ, Flags: watchFlags, Data: 3, Udata: 0x1111}
	room := netbsd.Kevent{Ident: eventsOf, Filter: netbsd.EVFILT_WRITE, Flags: watchFlags, Data: pipeRoom, Udata: 0x2222}
	for nr, size := range map[int]int{netbsd.SYS___kevent50: netbsd.SizeofKevent, netbsd.SYS___kevent100: netbsd.SizeofKeventExt} {
		r, w := pipeOf(t)
		w.WriteString("abc")
		q, th, set := newWaiter(t, p, r, readsEnd, nr, askFor(0)...)
		wantKind(t, th.Run(), Syscall)
		if g := th.Regs(); g.RAX != 42 || g.RBX != 1 || g.RFLAGS&1 != 0 || left(set) != 0 {
			t.Fatalf("%+v", g)
		}
		if got := eventsOfGuest(t, q, 1, size)[0]; got != read {
			t.Errorf("%+v, want %+v", got, read)
		}
		th.Regs().RIP, th.Regs().RAX, th.Regs().R9 = codeAt, 0, noTime
		wantKind(t, th.Run(), Syscall)
		if g := th.Regs(); g.RAX != 42 || g.RBX != 0 {
			t.Errorf("told again: %+v", g)
		}
		r2, w2 := pipeOf(t)
		q, th, _ = newWaiter(t, p, w2, writesEnd, nr, askFor(0)...)
		wantKind(t, th.Run(), Syscall)
		if got := eventsOfGuest(t, q, 1, size)[0]; th.Regs().RBX != 1 || got != room {
			t.Errorf("%+v, want %+v", got, room)
		}
		r2.Close()
		a, b := socketsOf(t)
		b.WriteString("abc")
		q, th, _ = newWaiter(t, p, a, readsEnd|MayWrite|Stream, nr, askFor(0)...)
		wantKind(t, th.Run(), Syscall)
		both := eventsOfGuest(t, q, 2, size)
		buffer, _ := unix.GetsockoptInt(int(a.Fd()), unix.SOL_SOCKET, unix.SO_SNDBUF)
		room := room
		room.Data = int64(buffer / 2)
		if th.Regs().RBX != 2 || both[0] != read || both[1] != room {
			t.Errorf("%+v, want %+v and %+v", both, read, room)
		}
	}
}

// What the stub does not know of the kernel is asked for, with what it has taken; and nothing is taken of what is not plain.
func TestEventsLeftToTheKernel(t *testing.T) {
	p := newPlatform(t, Options{})
	const hole = dataAt + 0x10000
	for name, c := range map[string]struct {
		args   []uint64
		rights uint32
		closed bool
		part   uint64
	}{
		"changes":            {[]uint64{lentAs, dataAt, 1, eventsHere, 16, 0}, readsEnd, false, 0},
		"room for few":       {[]uint64{lentAs, 0, 0, eventsHere, 15, 0}, readsEnd, false, 0},
		"no such time":       {askFor(timeAt), readsEnd, false, 0},
		"no memory":          {[]uint64{lentAs, 0, 0, hole, 16, 0}, readsEnd, false, 1},
		"memory above":       {[]uint64{lentAs, 0, 0, stub.WindowAddr, 16, 0}, readsEnd, false, 0},
		"another":            {[]uint64{eventsOf, 0, 0, eventsHere, 16, 0}, readsEnd, false, 0},
		"the end":            {askFor(0), readsEnd, true, 1},
		"a file not lent":    {askFor(0), 0, false, 1},
		"only to be written": {askFor(0), writesEnd, false, 1},
	} {
		r, w := pipeOf(t)
		w.WriteString("abc")
		if c.closed {
			w.Close()
		}
		q, th, set := newWaiter(t, p, r, c.rights, netbsd.SYS___kevent50, c.args...)
		setTime(t, q, 1, 1_000_000_000)
		trap := th.Run()
		wantKind(t, trap, Syscall)
		if th.Regs().RAX != netbsd.SYS___kevent50 || trap.Events != (c.part == 1) || left(set) != 1-int(c.part) {
			t.Errorf("%s: events %v, %d left, %+v", name, trap.Events, left(set), th.Regs())
		}
		if keys := th.LentEvents(); c.part == 1 && (len(keys) != 1 || keys[0] != eventsOf) {
			t.Errorf("%s: events of %v", name, keys)
		}
		if th.Asleep() || th.slot.Napping() {
			t.Errorf("%s: asleep", name)
		}
		q.Release()
	}
}

// A guest that waits for events sleeps, and is woken by what happens, by a kick, and when the kqueue is taken back.
func TestAsleepForEvents(t *testing.T) {
	p := newPlatform(t, Options{})
	for name, c := range map[string]struct {
		wake func(w *os.File, th *Thread)
		done bool
	}{
		"event":  {func(w *os.File, _ *Thread) { w.WriteString("abc") }, true},
		"kicked": {func(_ *os.File, th *Thread) { th.Kick() }, false},
		"unlent": {func(_ *os.File, th *Thread) { th.proc.UnlendFile(lentAs) }, false},
	} {
		r, w := pipeOf(t)
		q, th, _ := newWaiter(t, p, r, readsEnd, netbsd.SYS___kevent50, askFor(0)...)
		asleep := runAsleep(t, th)
		c.wake(w, th)
		var trap Trap
		within(t, name, func() { trap = <-asleep })
		wantKind(t, trap, Syscall)
		if g := th.Regs(); (g.RAX == 42) != c.done || trap.Events || c.done && g.RBX != 1 {
			t.Errorf("%s: %+v", name, g)
		}
		if th.Asleep() || th.slot.Napping() {
			t.Errorf("%s: still asleep", name)
		}
		q.Release()
	}
}

// A signal at each instruction: an event that was taken is told, or the kernel knows of it; or it is still there.
func TestSignalAtEveryInstructionOfEvents(t *testing.T) {
	t.Parallel()
	m := stub.Load().Marks
	for _, c := range []struct{ from, to, timeout, seconds uint64 }{
		{m.Ask, m.EndTell, noTime, 0},
		{m.MoveTold, m.EndTell, timeAt, 3600},
		{m.MoveTold, m.Ask, timeAt, 0}, // a short time
		{m.Over, m.Nap, timeAt, 3600},  // the clock
	} {
		var outcome tally[string]
		eachInstructionFrom(t, c.from, c.to, func(p *Platform, at int) { outcome.add(interruptedEvents(t, p, at, c.timeout, c.seconds)) })
		if outcome.n["told"] == 0 || outcome.n["taken"] == 0 && c.to == m.EndTell || outcome.n["not"] == 0 {
			t.Errorf("from %#x on: %v", c.from, outcome.n)
		}
	}
}

// interruptedEvents has a guest ask for events, and returns what has become of the one that there is.
func interruptedEvents(t *testing.T, p *Platform, at int, timeout, seconds uint64) string {
	t.Helper()
	r, w := pipeOf(t)
	w.WriteString("abc")
	q, th, set := newWaiter(t, p, r, readsEnd, netbsd.SYS___kevent50, askFor(timeout)...)
	defer q.Release()
	setTime(t, q, seconds, 1_000_000)
	begin := Monotonic()
	trap := th.Run()
	for trap.Kind == Kicked {
		trap = th.Run()
	}
	wantKind(t, trap, Syscall)
	g, there := th.Regs(), left(set)
	if trap.Waited < 0 || trap.Waited > Monotonic()-begin || th.slot.Since() != 0 || timeout == noTime && trap.Waited != 0 {
		t.Errorf("%#x: waited %v, since %v", at, trap.Waited, th.slot.Since())
	}
	switch {
	case g.RAX == 42:
		if g.RBX != 1 || there != 0 || trap.Events || trap.Waited != 0 {
			t.Errorf("%#x: RBX %d, %d there, events %v", at, g.RBX, there, trap.Events)
		}
		return "told"
	case trap.Events:
		if keys := th.LentEvents(); there != 0 || len(keys) != 1 || keys[0] != eventsOf || g.RAX != netbsd.SYS___kevent50 {
			t.Errorf("%#x: %d there, events of %v, %+v", at, there, keys, g)
		}
		return "taken"
	default:
		if there != 1 || g.RAX != netbsd.SYS___kevent50 {
			t.Errorf("%#x: %d there, %+v", at, there, g)
		}
		return "not"
	}
}

// A guest that says that it has taken events names at most as many as the stub takes; of which, is its own affair.
func TestForgedEvents(t *testing.T) {
	p := newPlatform(t, Options{})
	_, th := newTransfer(t, p, nil, 0, netbsd.SYS___kevent50, askFor(0)...)
	for note, want := range map[uint64]uint64{3: 3, stub.MaxEvents: stub.MaxEvents, stub.MaxEvents + 1: 0, ^uint64(0): 0} {
		th.slot.Poke(stub.OffPart, note)
		th.Regs().RIP = codeAt
		if trap := th.Run(); trap.Kind != Syscall || trap.Events != (want > 0) || want > 0 && len(th.LentEvents()) != int(want) {
			t.Errorf("%d noted: %+v", note, trap)
		}
		th.slot.Poke(stub.OffPart, 0)
	}
}
