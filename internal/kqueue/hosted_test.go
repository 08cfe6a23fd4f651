package kqueue

import (
	"fmt"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"toaster/internal/file"
	"toaster/internal/hostfile"
	"toaster/netbsd"
)

// A play has a queue of pipes, and the same hosted: nobody can tell one from the other.
type play struct {
	t      *testing.T
	c      Caller
	q      *Queue
	h      *hostfile.Host
	hosted bool
}

func plays(t *testing.T, f func(p *play)) {
	for _, hosted := range []bool{false, true} {
		t.Run(map[bool]string{false: "watched", true: "hosted"}[hosted], func(t *testing.T) {
			h := hostfile.NewHost()
			defer h.Close()
			p := &play{t: t, c: Caller{L: make(waiter, 1), Files: file.NewTable()}, q: New(), h: h, hosted: hosted}
			p.q.NewSet = h.NewSet
			defer p.c.Files.Close()
			defer p.q.Close()
			f(p)
		})
	}
}

// settle has the queue hosted in the plays that are about that.
func (p *play) settle() {
	p.t.Helper()
	if !p.hosted {
		return
	}
	p.q.PromoteToLend(p.h.LentPipe)
	now(p.t, p.c, p.q) // what there is, is told once more
	if _, ok := p.q.LendFD(0); !ok {
		p.t.Skip("this host has no pipes to be lent")
	}
}

func (p *play) change(ev netbsd.Kevent) {
	p.t.Helper()
	must(p.t, p.q.Change(p.c, ev))
}

// wants compares the events that are ready: filter, descriptor, data, and whether it is the end.
func (p *play) wants(what, want string) {
	p.t.Helper()
	out := make([]netbsd.Kevent, 10)
	n, errno := p.q.Wait(p.c.L, out, time.Time{}, want == "")
	must(p.t, errno)
	var list []string
	for _, ev := range out[:n] {
		s := fmt.Sprintf("%c%d:%d", "rw"[ev.Filter], ev.Ident, ev.Data)
		if ev.Flags&netbsd.EV_EOF != 0 {
			s += "!"
		}
		list = append(list, s)
	}
	if got := strings.Join(list, " "); got != want {
		p.t.Errorf("%s: %q, want %q", what, got, want)
	}
}

// edges makes a pipe as those have it who ask for edges: writes do not wait.
func (c Caller) edges() (r, w int) {
	dr, dw := file.NewPipe(netbsd.O_NONBLOCK)
	r, _ = c.Files.Install(dr, 0, 100, 0)
	w, _ = c.Files.Install(dw, 0, 100, 0)
	return r, w
}

func (p *play) close(fd int) { must(p.t, p.c.Files.CloseFD(fd)) }

// kqueue(2): EV_CLEAR is told of once each time that something comes, other events as long as it is there.
func TestHostedEvents(t *testing.T) {
	plays(t, func(p *play) {
		r, w := p.c.edges()
		r2, w2 := p.c.edges()
		p.change(add(netbsd.EVFILT_READ, r, netbsd.EV_CLEAR))
		p.change(add(netbsd.EVFILT_READ, r2, 0))
		p.change(add(netbsd.EVFILT_WRITE, w2, netbsd.EV_CLEAR))
		p.wants("room", "w3:65536")
		p.settle()
		p.wants("nothing new", "")
		p.c.write(w, "abc")
		p.wants("a write", "r0:3")
		p.wants("told already", "")
		p.c.write(w, "de")
		p.wants("another one", "r0:5")
		p.c.read(r, 5)
		p.c.write(w2, "x")
		p.wants("level", "r2:1")
		p.wants("level", "r2:1")
		p.c.read(r2, 1)
		for len(now(p.t, p.c, p.q)) > 0 { // there is room again, which may be told
		}
		p.c.write(w, "x")
		p.c.read(r, 1)
		p.wants("gone again", "")
		p.close(w)
		p.wants("the end", "r0:0!")
		p.change(netbsd.Kevent{Ident: uint64(r), Filter: netbsd.EVFILT_READ, Flags: netbsd.EV_DELETE})
		p.wants("deleted", "")
		p.close(r2)
		p.wants("closed by its reader", "w3:0!")
		p.close(w2)
		p.wants("closed", "")
	})
}

// EV_ADD again changes udata, and tells of what is there; other changes come at any time.
func TestHostedChanges(t *testing.T) {
	plays(t, func(p *play) {
		r, w := p.c.edges()
		p.change(add(netbsd.EVFILT_READ, r, netbsd.EV_CLEAR))
		p.settle()
		p.c.write(w, "abc")
		p.wants("a write", "r0:3")
		ev := add(netbsd.EVFILT_READ, r, netbsd.EV_CLEAR)
		ev.Udata = 43
		p.change(ev)
		if got := one(t, p.c, p.q); got.Udata != 43 || got.Data != 3 {
			t.Errorf("%+v", got)
		}
		ev.Flags = netbsd.EV_DISABLE
		p.change(ev)
		p.c.write(w, "de")
		p.wants("disabled", "")
		ev.Flags = netbsd.EV_ENABLE
		p.change(ev)
		p.wants("enabled", "r0:5")
		user := netbsd.Kevent{Ident: 9, Filter: netbsd.EVFILT_USER, Flags: netbsd.EV_ADD | netbsd.EV_CLEAR}
		p.change(user)
		user.Flags, user.Fflags = 0, netbsd.NOTE_TRIGGER
		p.change(user)
		if got := one(t, p.c, p.q); got.Filter != netbsd.EVFILT_USER {
			t.Errorf("%+v", got)
		}
		p.c.write(w, "f")
		p.wants("beside it", "r0:6")
		r3, w3 := p.c.edges()
		p.change(add(netbsd.EVFILT_READ, r3, netbsd.EV_CLEAR))
		p.c.write(w3, "x")
		p.wants("a new pipe", "r2:1")
	})
}

// An LWP that waits in the kernel hears of what a host process does, and of what else comes.
func TestHostedSleeper(t *testing.T) {
	plays(t, func(p *play) {
		r, w := p.c.edges()
		p.change(add(netbsd.EVFILT_READ, r, netbsd.EV_CLEAR))
		p.settle()
		for i := range 10 {
			got := make(chan netbsd.Kevent)
			go func() {
				var out [4]netbsd.Kevent
				p.q.Wait(p.c.L, out[:], time.Time{}, false)
				got <- out[0]
			}()
			p.c.write(w, "x")
			if ev := <-got; ev.Data != int64(i+1) {
				t.Errorf("%+v", ev)
			}
		}
	})
}

// noted is a host process that notes what it is told.
type noted struct{ told []string }

func (b *noted) PublishFile(fd int, rights uint32) { b.tell("%d=%d", fd, rights) }
func (b *noted) UnlendFile(fd int)                 { b.tell("-%d", fd) }
func (b *noted) RecallFiles()                      {}
func (b *noted) PublishEvent(fd int, filter, flags uint32, udata uint64) {
	b.tell("%c%d=%#x,%d", "rw"[filter], fd, flags, udata)
}
func (b *noted) tell(format string, args ...any) {
	b.told = append(b.told, fmt.Sprintf(format, args...))
}

func (b *noted) wants(t *testing.T, what, want string) {
	t.Helper()
	if got := strings.Join(b.told, " "); got != want {
		t.Errorf("%s: told %q, want %q", what, got, want)
	}
	b.told = nil
}

// lend lends the queue, as descriptor 20, to b.
func (p *play) lend(b *noted) {
	p.t.Helper()
	d := file.New(p.q, netbsd.O_RDWR)
	if fd, _ := p.c.Files.Install(d, 20, 100, 0); fd != 20 {
		p.t.Fatal(fd)
	}
	p.settle()
	if !p.c.Files.Lend(20, d, b, func() bool { return true }) {
		p.t.Fatal("not lent")
	}
}

// Who has a queue lent knows its events, and has it no longer once there is something that the set does not tell of:
// else who waits there would miss it.
func TestQueueIsTakenBack(t *testing.T) {
	for name, c := range map[string]struct {
		do   func(p *play, r, w int)
		want string
	}{
		"another event of it": {func(p *play, r, w int) { p.change(add(netbsd.EVFILT_WRITE, w, netbsd.EV_CLEAR)) }, "w1=0x21,42"},
		"it is closed":        {func(p *play, r, w int) { p.close(r) }, "r0=0x0,42"},
		"it is deleted":       {func(p *play, r, w int) { p.change(netbsd.Kevent{Filter: netbsd.EVFILT_READ, Flags: netbsd.EV_DELETE}) }, "r0=0x0,42"},
		"other udata":         {func(p *play, r, w int) { p.change(netbsd.Kevent{Filter: netbsd.EVFILT_READ, Udata: 9}) }, "r0=0x21,9"},
		"it is disabled":      {func(p *play, r, w int) { p.change(netbsd.Kevent{Filter: netbsd.EVFILT_READ, Flags: netbsd.EV_DISABLE}) }, "r0=0x0,0 -20"},
		"an event of no file": {func(p *play, r, w int) {
			p.change(netbsd.Kevent{Ident: 9, Filter: netbsd.EVFILT_USER, Flags: netbsd.EV_ADD})
		}, "-20"},
		"a pipe of the kernel's": {func(p *play, r, w int) {
			r2, _ := p.c.edges()
			p.change(add(netbsd.EVFILT_READ, r2, netbsd.EV_CLEAR))
		}, "-20"},
		"room of a pipe whose writes wait": {func(p *play, r, w int) {
			p.nonblock(w, false)
			p.change(add(netbsd.EVFILT_WRITE, w, netbsd.EV_CLEAR))
		}, "-20"},
		"its writes wait from now on": {func(p *play, r, w int) {
			p.change(add(netbsd.EVFILT_WRITE, w, netbsd.EV_CLEAR))
			p.nonblock(w, false)
		}, "w1=0x21,42 w1=0x0,42 -20"},
		"level and edge": {func(p *play, r, w int) { p.change(add(netbsd.EVFILT_WRITE, w, 0)) }, "-20"},
		"a low water mark": {func(p *play, r, w int) {
			p.change(netbsd.Kevent{Filter: netbsd.EVFILT_READ, Fflags: netbsd.NOTE_LOWAT, Data: 2})
		}, "r0=0x0,0 -20"},
		"what is not handed out": {func(p *play, r, w int) {
			p.change(add(netbsd.EVFILT_WRITE, w, netbsd.EV_CLEAR))
			p.c.write(w, "x")
			p.q.Wait(p.c.L, make([]netbsd.Kevent, 1), time.Time{}, true)
		}, "w1=0x21,42 -20"},
		"what the stub has taken": {func(p *play, r, w int) { p.q.Harvested([]uint32{0, 1, 77, 1 << 31}) }, "-20"},
		"all of that is handed out": {func(p *play, r, w int) {
			p.q.Harvested([]uint32{0, 1, 77, 1 << 31})
			p.wants("nothing", "")
		}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			plays(t, func(p *play) {
				if !p.hosted {
					return
				}
				r, w := p.c.edges()
				p.change(add(netbsd.EVFILT_READ, r, netbsd.EV_CLEAR))
				b := &noted{}
				p.lend(b)
				b.wants(t, "lent", fmt.Sprintf("r0=0x21,42 20=%d", file.LentEvents|file.LentWaits))
				c.do(p, r, w)
				p.q.Settle()
				b.wants(t, name, c.want)
			})
		})
	}
}

func (p *play) nonblock(fd int, on bool) {
	p.t.Helper()
	d, errno := p.c.Files.Get(fd)
	must(p.t, errno)
	defer d.Release()
	must(p.t, d.SetNonblock(on))
}

// Each read of a pipe that has room is an event of EVFILT_WRITE (pipe_read), for who does not write until there is none; whose O_NONBLOCK is
// cleared is one of them from then on, and is none again when it is set.
func TestRoomOnceWritesWait(t *testing.T) {
	plays(t, func(p *play) {
		r, w := p.c.edges()
		p.change(add(netbsd.EVFILT_WRITE, w, netbsd.EV_CLEAR))
		p.settle()
		for range 3 {
			p.nonblock(w, false)
			for range 3 {
				now(p.t, p.c, p.q)
				p.c.write(w, "abc")
				p.wants("a write", "")
				p.c.read(r, 3)
				p.wants("a read", "w1:65536")
				p.wants("told already", "")
			}
			p.nonblock(w, true)
			p.settle()
		}
		p.nonblock(w, false)
		p.change(netbsd.Kevent{Ident: uint64(w), Filter: netbsd.EVFILT_WRITE, Flags: netbsd.EV_DELETE})
		p.nonblock(w, true)
		p.nonblock(w, false)
		p.wants("deleted", "")
	})
}

// The table of a process has room for the events of one queue.
func TestOneQueueIsLent(t *testing.T) {
	plays(t, func(p *play) {
		if !p.hosted {
			return
		}
		r, _ := p.c.edges()
		p.change(add(netbsd.EVFILT_READ, r, netbsd.EV_CLEAR))
		b := &noted{}
		p.lend(b)
		q := New()
		q.NewSet = p.h.NewSet
		d := file.New(q, netbsd.O_RDWR)
		p.c.Files.Install(d, 21, 100, 0)
		r2, _ := p.c.edges()
		must(t, q.Change(p.c, add(netbsd.EVFILT_READ, r2, netbsd.EV_CLEAR)))
		q.PromoteToLend(p.h.LentPipe)
		if p.c.Files.Lend(21, d, b, func() bool { return true }) {
			t.Error("a second queue is lent")
		}
		p.close(20)
		b.told = nil
		if !p.c.Files.Lend(21, d, b, func() bool { return true }) {
			t.Error("when the first has gone, the other one is not lent")
		}
	})
}

// What happened before a queue became hosted, and was not told, is told. Of a pipe that becomes one of the host's it may be told once
// more what there is.
func TestNothingIsLost(t *testing.T) {
	plays(t, func(p *play) {
		const pipes = 10
		var r, w [pipes]int
		for i := range pipes {
			r[i], w[i] = p.c.edges()
			p.change(add(netbsd.EVFILT_READ, r[i], netbsd.EV_CLEAR))
			p.c.write(w[i], "x")
		}
		if n := len(now(t, p.c, p.q)); n != pipes {
			t.Fatalf("%d events", n)
		}
		for i := 0; i < pipes; i += 2 {
			p.c.write(w[i], "y")
		}
		if p.hosted {
			p.q.PromoteToLend(p.h.LentPipe)
		}
		seen := map[uint64]int{}
		for _, ev := range now(t, p.c, p.q) {
			seen[ev.Ident]++
		}
		for i := range pipes {
			if n, least := seen[uint64(r[i])], 1-i%2; n < least || n > 1 || n > least && !p.hosted {
				t.Errorf("pipe %d: %d events", i, n)
			}
		}
	})
}

// A queue to which something is added between the look whether it may be lent and the loan is not lent: whoever adds it finds it not
// lent, and takes nothing back.
func TestQueueIsNotLentBesideAnEvent(t *testing.T) {
	plays(t, func(p *play) {
		if !p.hosted {
			return
		}
		r, _ := p.c.edges()
		p.change(add(netbsd.EVFILT_READ, r, netbsd.EV_CLEAR))
		d := file.New(p.q, netbsd.O_RDWR)
		p.c.Files.Install(d, 20, 100, 0)
		p.settle()
		b := &noted{}
		beside := func() bool {
			p.change(netbsd.Kevent{Ident: 9, Filter: netbsd.EVFILT_USER, Flags: netbsd.EV_ADD})
			return true
		}
		if p.c.Files.Lend(20, d, b, beside) || p.q.Lent() {
			t.Error("lent")
		}
		b.wants(t, "it is told nothing", "")
	})
}

// What an LWP has taken from the set of a queue that is taken back meanwhile, and closed by the descriptor that it was lent by, others
// are told of.
func TestEventsOfAQueueThatWasTakenBack(t *testing.T) {
	plays(t, func(p *play) {
		if !p.hosted {
			return
		}
		r, w := p.c.edges()
		p.change(add(netbsd.EVFILT_READ, r, netbsd.EV_CLEAR))
		b := &noted{}
		p.lend(b)
		d, _ := p.c.Files.Get(20)
		defer d.Release() // as by another descriptor
		p.c.write(w, "abc")
		var evs [4]unix.EpollEvent
		fd, _ := p.q.LendFD(0)
		if n, err := unix.EpollWait(fd, evs[:], 0); n != 1 || evs[0].Fd != int32(r) {
			t.Fatal(n, err, evs)
		}
		p.close(20)
		q := New()
		q.NewSet = p.h.NewSet
		other := file.New(q, netbsd.O_RDWR)
		p.c.Files.Install(other, 21, 100, 0)
		r2, _ := p.c.edges()
		must(t, q.Change(p.c, add(netbsd.EVFILT_READ, r2, netbsd.EV_CLEAR)))
		q.PromoteToLend(p.h.LentPipe)
		if p.c.Files.Means(21, other) || p.c.Files.Lend(21, other, b, func() bool { return true }) {
			t.Error("another queue takes its place")
		}
		p.c.Files.EventsTaken([]uint32{uint32(evs[0].Fd)})
		p.wants("what was taken", "r0:3")
		p.c.Files.SettleEvents()
	})
}

// nobody is a host process that keeps nothing.
type nobody struct{}

func (nobody) PublishFile(int, uint32)                  {}
func (nobody) UnlendFile(int)                           {}
func (nobody) RecallFiles()                             {}
func (nobody) PublishEvent(int, uint32, uint32, uint64) {}

// borrow takes events from the set as a host process does, and passes them on to the kernel.
func (p *play) borrow(d *file.Description) {
	p.q.PromoteToLend(p.h.LentPipe)
	fd, ok := p.q.LendFD(0)
	if !ok || !p.c.Files.Lend(20, d, nobody{}, func() bool { return true }) {
		return
	}
	var evs [2]unix.EpollEvent
	n, _ := unix.EpollWait(fd, evs[:], 1)
	var keys []uint32
	for i := range max(n, 0) {
		keys = append(keys, uint32(evs[i].Fd))
	}
	p.c.Files.EventsTaken(keys)
	p.c.Files.SettleEvents()
}

// disturb changes the queue in ways that end a loan, and leaves it as it was.
func (p *play) disturb(i, fd int) {
	switch read := add(netbsd.EVFILT_READ, fd, netbsd.EV_CLEAR); i % 4 {
	case 0:
		user := netbsd.Kevent{Ident: 9, Filter: netbsd.EVFILT_USER, Flags: netbsd.EV_ADD | netbsd.EV_CLEAR}
		p.q.Change(p.c, user)
		user.Flags = netbsd.EV_DELETE
		p.q.Change(p.c, user)
	case 1:
		read.Flags = netbsd.EV_DISABLE
		p.q.Change(p.c, read)
		read.Flags = netbsd.EV_ENABLE
		p.q.Change(p.c, read)
	case 2:
		p.q.Change(p.c, netbsd.Kevent{Ident: read.Ident, Filter: read.Filter, Flags: netbsd.EV_DELETE})
		p.q.Change(p.c, read)
	case 3:
		p.c.Files.Unlend()
	}
}

// Whatever happens to a queue, no event is lost: each byte is written when the one before has been read, which it is when it is told of.
func TestHostedStorm(t *testing.T) {
	plays(t, func(p *play) {
		const pipes, rounds = 4, 2000
		var r, w [pipes]int
		for i := range pipes {
			r[i], w[i] = p.c.edges()
			p.change(add(netbsd.EVFILT_READ, r[i], netbsd.EV_CLEAR))
		}
		d := file.New(p.q, netbsd.O_RDWR)
		p.c.Files.Install(d, 20, 100, 0)
		acks, over := make(chan bool), make(chan bool)
		var others sync.WaitGroup
		background := func(f func(i int)) {
			others.Go(func() {
				for i := 0; ; i++ {
					select {
					case <-over:
						return
					default:
						f(i)
					}
				}
			})
		}
		if p.hosted {
			background(func(int) { p.borrow(d) })
		}
		background(func(i int) { p.disturb(i, r[i/4%pipes]); runtime.Gosched() })
		for who := range 2 {
			l := dozer{make(waiter, 1)}
			background(func(int) { p.consume(l, 1+who, acks) })
		}
		for i := range rounds {
			p.c.write(w[i*7/3%pipes], "x")
			<-acks
		}
		close(over)
		others.Wait()
	})
}

// A dozer is a waiter whose sleep ends in time.
type dozer struct{ waiter }

func (d dozer) Sleep(_ bool, deadline time.Time) netbsd.Errno {
	select {
	case <-d.waiter:
		return 0
	case <-time.After(time.Until(deadline)):
		return netbsd.EWOULDBLOCK
	}
}

// consume waits for room events for a while, reads what they tell of, and acknowledges each byte.
func (p *play) consume(l dozer, room int, acks chan bool) {
	out := make([]netbsd.Kevent, room)
	n, errno := p.q.Wait(l, out, time.Now().Add(20*time.Millisecond), false)
	if errno != 0 {
		p.t.Error(errno)
	}
	for _, ev := range out[:n] {
		if ev.Filter != netbsd.EVFILT_READ {
			continue
		}
		d, errno := p.c.Files.Get(int(ev.Ident))
		if errno != 0 {
			p.t.Error(errno)
			continue
		}
		for {
			var b [1]byte
			if n, _ := d.Read(l, b[:]); n != 1 {
				break
			}
			acks <- true
		}
		d.Release()
	}
}
