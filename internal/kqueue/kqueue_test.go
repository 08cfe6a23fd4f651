package kqueue

import (
	"maps"
	"testing"
	"testing/synctest"
	"time"

	"toaster/internal/file"
	"toaster/kern"
	"toaster/netbsd"
)

// guest runs body as a process of a machine in a bubble.
func guest(t *testing.T, body func(l *kern.LWP, c Caller, q *Queue)) {
	synctest.Test(t, func(t *testing.T) {
		m := kern.New(kern.Config{})
		p, errno := m.Spawn(kern.SpawnArgs{Body: func(l *kern.LWP) {
			c := Caller{L: l, Files: file.NewTable(), Proc: l.Proc()}
			q := New()
			body(l, c, q)
			q.Close()
			c.Files.Close()
			if n := c.Files.Machine().Kqueues().Timers.Load(); n != 0 {
				t.Errorf("%d timers left", n)
			}
			if n := c.Files.Machine().Kqueues().Knotes.Load(); n != 0 {
				t.Errorf("%d knotes left", n)
			}
			l.Exit(0)
		}})
		if errno != 0 {
			t.Fatal(errno)
		}
		p.Wait()
		m.Close()
	})
}

func (c Caller) pipe(q *Queue) (r, w int) {
	dr, dw := file.NewPipe(0)
	r, _ = c.Files.Install(dr, 0, 100, 0)
	w, _ = c.Files.Install(dw, 0, 100, 0)
	return r, w
}

func (c Caller) write(fd int, s string) {
	d, _ := c.Files.Get(fd)
	defer d.Release()
	d.Write(c.L, []byte(s))
}

func (c Caller) read(fd, n int) {
	d, _ := c.Files.Get(fd)
	defer d.Release()
	d.Read(c.L, make([]byte, n))
}

func add(filter uint32, ident int, flags uint32) netbsd.Kevent {
	return netbsd.Kevent{Ident: uint64(ident), Filter: filter, Flags: netbsd.EV_ADD | flags, Udata: 42}
}

// now returns the events that are ready.
func now(t *testing.T, c Caller, q *Queue) []netbsd.Kevent {
	t.Helper()
	out := make([]netbsd.Kevent, 10)
	n, errno := q.Wait(c.L, out, time.Time{}, true)
	if errno != 0 {
		t.Fatal(errno)
	}
	return out[:n]
}

func one(t *testing.T, c Caller, q *Queue) netbsd.Kevent {
	t.Helper()
	evs := now(t, c, q)
	if len(evs) != 1 {
		t.Fatalf("%d events: %+v", len(evs), evs)
	}
	return evs[0]
}

func none(t *testing.T, c Caller, q *Queue) {
	t.Helper()
	if evs := now(t, c, q); len(evs) != 0 {
		t.Fatalf("events: %+v", evs)
	}
}

func must(t *testing.T, errno netbsd.Errno) {
	t.Helper()
	if errno != 0 {
		t.Fatal(errno)
	}
}

// kqueue_stat: a FIFO of its user's, whose size is the number of events; kqueue_fcntl and kqueue_ioctl: ENOTTY.
func TestQueueStat(t *testing.T) {
	q := New()
	q.Owner, q.KeventSize = file.Owner{UID: 7, GID: 8}, 72
	st, errno := q.Stat()
	want := file.Stat{Mode: netbsd.S_IFIFO | 0o600, UID: 7, GID: 8, Blksize: 72, Blocks: 1}
	if errno != 0 || st != want {
		t.Errorf("%+v, want %+v", st, want)
	}
	if errno := q.SetFlags(netbsd.O_NONBLOCK); errno != netbsd.ENOTTY {
		t.Error(errno)
	}
}

func TestReadLevel(t *testing.T) {
	guest(t, func(l *kern.LWP, c Caller, q *Queue) {
		r, w := c.pipe(q)
		must(t, q.Change(c, add(netbsd.EVFILT_READ, r, 0)))
		none(t, c, q)
		c.write(w, "abc")
		for range 2 {
			if ev := one(t, c, q); ev.Data != 3 || ev.Udata != 42 || ev.Ident != uint64(r) {
				t.Errorf("%+v", ev)
			}
		}
		c.read(r, 3)
		none(t, c, q)
		c.Files.CloseFD(w)
		if ev := one(t, c, q); ev.Flags&netbsd.EV_EOF == 0 {
			t.Errorf("%+v", ev)
		}
		c.Files.CloseFD(r)
		none(t, c, q)
		if len(q.knotes) != 0 {
			t.Error("the knote stays after the close")
		}
	})
}

// An eventfd can be read unless its count is 0, and written unless that is EVENTFD_MAXVAL, which is negative as data
// (eventfd_filt_read, eventfd_filt_write).
func TestEventfd(t *testing.T) {
	for _, test := range []struct {
		count          uint64
		readable, room bool
	}{{0, false, true}, {1, true, true}, {1<<63 + 5, true, true}, {1<<64 - 2, true, false}} {
		guest(t, func(l *kern.LWP, c Caller, q *Queue) {
			fd, _ := c.Files.Install(file.NewEventfd(test.count, false, file.Owner{}, 0), 0, 100, 0)
			must(t, q.Change(c, add(netbsd.EVFILT_READ, fd, 0)))
			must(t, q.Change(c, add(netbsd.EVFILT_WRITE, fd, 0)))
			got := map[uint32]int64{}
			for _, ev := range now(t, c, q) {
				got[ev.Filter] = ev.Data
			}
			want := map[uint32]int64{}
			if test.readable {
				want[netbsd.EVFILT_READ] = int64(test.count)
			}
			if test.room {
				want[netbsd.EVFILT_WRITE] = int64(test.count)
			}
			if !maps.Equal(got, want) {
				t.Errorf("%#x: %v, want %v", test.count, got, want)
			}
		})
	}
}

func TestReadClear(t *testing.T) {
	guest(t, func(l *kern.LWP, c Caller, q *Queue) {
		r, w := c.pipe(q)
		must(t, q.Change(c, add(netbsd.EVFILT_READ, r, netbsd.EV_CLEAR)))
		must(t, q.Change(c, add(netbsd.EVFILT_WRITE, w, netbsd.EV_CLEAR)))
		if ev := one(t, c, q); ev.Filter != netbsd.EVFILT_WRITE {
			t.Errorf("%+v", ev)
		}
		none(t, c, q)
		c.write(w, "a")
		one(t, c, q)
		none(t, c, q)
		c.write(w, "b")
		if ev := one(t, c, q); ev.Data != 2 {
			t.Errorf("%+v", ev)
		}
		c.Files.CloseFD(r)
		if ev := one(t, c, q); ev.Filter != netbsd.EVFILT_WRITE || ev.Flags&netbsd.EV_EOF == 0 {
			t.Errorf("%+v", ev)
		}
	})
}

// pipe_kqfilter: EVFILT_WRITE of a pipe whose other end is closed is EBADF, EVFILT_READ is not. What
// was there before stays.
func TestWriteWithoutReader(t *testing.T) {
	guest(t, func(l *kern.LWP, c Caller, q *Queue) {
		r, w := c.pipe(q)
		must(t, q.Change(c, add(netbsd.EVFILT_WRITE, w, 0)))
		c.Files.CloseFD(r)
		must(t, q.Change(c, add(netbsd.EVFILT_WRITE, w, 0)))
		must(t, q.Change(c, netbsd.Kevent{Ident: uint64(w), Filter: netbsd.EVFILT_WRITE, Flags: netbsd.EV_DELETE}))
		if errno := q.Change(c, add(netbsd.EVFILT_WRITE, w, 0)); errno != netbsd.EBADF {
			t.Errorf("without a reader: %s", errno.Name())
		}
		r, w = c.pipe(q)
		c.Files.CloseFD(w)
		if errno := q.Change(c, add(netbsd.EVFILT_WRITE, r, 0)); errno != netbsd.EBADF {
			t.Errorf("of the end to read, without a writer: %s", errno.Name())
		}
		must(t, q.Change(c, add(netbsd.EVFILT_READ, r, 0)))
		if ev := one(t, c, q); ev.Filter != netbsd.EVFILT_READ || ev.Flags&netbsd.EV_EOF == 0 {
			t.Errorf("%+v", ev)
		}
	})
}

func TestFlags(t *testing.T) {
	guest(t, func(l *kern.LWP, c Caller, q *Queue) {
		r, w := c.pipe(q)
		ev := add(netbsd.EVFILT_READ, r, netbsd.EV_ONESHOT)
		must(t, q.Change(c, ev))
		c.write(w, "a")
		one(t, c, q)
		none(t, c, q)
		ev.Flags = netbsd.EV_DELETE
		if errno := q.Change(c, ev); errno != netbsd.ENOENT {
			t.Error(errno)
		}
		must(t, q.Change(c, add(netbsd.EVFILT_READ, r, netbsd.EV_DISPATCH)))
		one(t, c, q)
		none(t, c, q)
		ev.Flags = netbsd.EV_ENABLE
		must(t, q.Change(c, ev))
		one(t, c, q)
		none(t, c, q)
		ev.Flags = netbsd.EV_DELETE
		must(t, q.Change(c, ev))
		must(t, q.Change(c, add(netbsd.EVFILT_READ, r, netbsd.EV_DISABLE)))
		none(t, c, q)
		ev.Flags = netbsd.EV_ENABLE
		must(t, q.Change(c, ev))
		one(t, c, q)
		ev.Flags = netbsd.EV_DISABLE
		must(t, q.Change(c, ev))
		none(t, c, q)
		for _, bad := range []struct {
			ev   netbsd.Kevent
			want netbsd.Errno
		}{
			{netbsd.Kevent{Filter: netbsd.EVFILT_READ, Ident: 99, Flags: netbsd.EV_DELETE}, netbsd.EBADF},
			{add(netbsd.EVFILT_READ, 99, 0), netbsd.EBADF},
			{netbsd.Kevent{Filter: netbsd.EVFILT_READ, Ident: ^uint64(0), Flags: netbsd.EV_ADD}, netbsd.EBADF},
			{add(netbsd.EVFILT_PROC, 12345, 0), netbsd.ESRCH},
			{add(netbsd.EVFILT_PROC, -1, 0), netbsd.ESRCH},
			{add(netbsd.EVFILT_SIGNAL, 64, 0), 0}, // filt_sigattach looks at no number
			{add(netbsd.EVFILT_SIGNAL, 0, 0), 0},
			{add(netbsd.EVFILT_FS, 0, 0), 0},
			{add(99, 0, 0), netbsd.EINVAL},
			{add(netbsd.EVFILT_AIO, 0, 0), netbsd.EINVAL},
			{netbsd.Kevent{Filter: netbsd.EVFILT_AIO, Flags: netbsd.EV_DELETE}, netbsd.EINVAL}, // kqueue_register: before it looks for a knote
			{netbsd.Kevent{Filter: netbsd.EVFILT_SYSCOUNT, Flags: netbsd.EV_DELETE}, netbsd.EINVAL},
			{netbsd.Kevent{Filter: netbsd.EVFILT_TIMER, Flags: netbsd.EV_ADD, Data: 0}, netbsd.EINVAL}, // filt_timercompute
		} {
			if errno := q.Change(c, bad.ev); errno != bad.want {
				t.Errorf("%+v: %v", bad.ev, errno)
			}
		}
	})
}

// TestOneshotIsAsItWas: kqueue_scan does not ask a one-shot event again.
func TestOneshotIsAsItWas(t *testing.T) {
	guest(t, func(l *kern.LWP, c Caller, q *Queue) {
		once := func(r int) {
			t.Helper()
			must(t, q.Change(c, add(netbsd.EVFILT_READ, r, netbsd.EV_ONESHOT)))
		}
		r, w := c.pipe(q)
		c.write(w, "abc")
		once(r)
		c.read(r, 3)
		if ev := one(t, c, q); ev.Data != 3 {
			t.Errorf("what was read meanwhile: %+v", ev)
		}
		none(t, c, q)

		c.write(w, "ab")
		once(r)
		c.read(r, 2)
		once(r) // asks again, and it still waits to be handed out
		if ev := one(t, c, q); ev.Data != 0 {
			t.Errorf("what was asked for twice: %+v", ev)
		}

		c.write(w, "ab")
		once(r)
		c.read(r, 2)
		c.write(w, "abcd")
		if ev := one(t, c, q); ev.Data != 4 {
			t.Errorf("what was written since: %+v", ev)
		}
		c.read(r, 4)

		c.write(w, "a")
		once(r)
		c.Files.CloseFD(w)
		if ev := one(t, c, q); ev.Data != 1 || ev.Flags&netbsd.EV_EOF == 0 {
			t.Errorf("what has ended since: %+v", ev)
		}
	})
}

// kqueue_register: what a receipt has as fflags. A new knote keeps them, be it attached or not; filt_usertouch takes those that command.
func TestLeftFflags(t *testing.T) {
	guest(t, func(l *kern.LWP, c Caller, q *Queue) {
		const all = netbsd.NOTE_TRIGGER | netbsd.NOTE_FFOR | 7
		r, w := c.pipe(q)
		c.Files.CloseFD(r)
		for _, row := range []struct {
			ev    netbsd.Kevent
			left  uint32
			errno netbsd.Errno
		}{
			{netbsd.Kevent{Filter: netbsd.EVFILT_AIO, Flags: netbsd.EV_ADD}, all, netbsd.EINVAL},
			{netbsd.Kevent{Filter: netbsd.EVFILT_READ, Ident: 99, Flags: netbsd.EV_ADD}, all, netbsd.EBADF},
			{netbsd.Kevent{Filter: netbsd.EVFILT_USER}, all, netbsd.ENOENT},
			{netbsd.Kevent{Filter: netbsd.EVFILT_USER, Flags: netbsd.EV_ADD}, 0, 0},
			{netbsd.Kevent{Filter: netbsd.EVFILT_USER, Flags: netbsd.EV_ADD}, 7, 0},
			{netbsd.Kevent{Filter: netbsd.EVFILT_USER, Flags: netbsd.EV_DELETE}, all, 0},
			{netbsd.Kevent{Filter: netbsd.EVFILT_TIMER, Flags: netbsd.EV_ADD}, 0, netbsd.EINVAL},
			{netbsd.Kevent{Filter: netbsd.EVFILT_WRITE, Ident: uint64(w), Flags: netbsd.EV_ADD}, 0, netbsd.EBADF}, // pipe_kqfilter
		} {
			row.ev.Fflags = all
			if left, errno := q.Register(c, row.ev); left != row.left || errno != row.errno {
				t.Errorf("%+v: %#x, %v, want %#x, %v", row.ev, left, errno, row.left, row.errno)
			}
		}
	})
}

// kqueue_register looks whether there is an event before it disables it, and leaves it in the queue: it counts (kqueue_stat,
// kqueue_poll) until kqueue_scan finds that nobody wants it. EV_ENABLE then brings it back.
func TestDisabledStays(t *testing.T) {
	guest(t, func(l *kern.LWP, c Caller, q *Queue) {
		r, w := c.pipe(q)
		c.write(w, "x")
		counts := func(want int) {
			t.Helper()
			if n := q.ReadCount(); n != int64(want) || q.Poll(file.In) != map[int]file.Events{0: 0, 1: file.In}[want] {
				t.Fatalf("%d events, %#x, want %d", n, q.Poll(file.In), want)
			}
		}
		must(t, q.Change(c, add(netbsd.EVFILT_READ, r, netbsd.EV_DISABLE)))
		counts(1)
		none(t, c, q)
		counts(0)
		ev := netbsd.Kevent{Filter: netbsd.EVFILT_READ, Ident: uint64(r), Flags: netbsd.EV_DISABLE}
		must(t, q.Change(c, ev))
		counts(0) // what is disabled already is not queued
		ev.Flags = netbsd.EV_ENABLE
		must(t, q.Change(c, ev))
		counts(1)
		ev.Flags = netbsd.EV_DISABLE
		must(t, q.Change(c, ev))
		counts(1)
		ev.Flags = netbsd.EV_ENABLE
		must(t, q.Change(c, ev))
		one(t, c, q)
	})
}

// filt_fsattach: EV_CLEAR is implied; nothing is mounted.
func TestFS(t *testing.T) {
	guest(t, func(l *kern.LWP, c Caller, q *Queue) {
		ev := add(netbsd.EVFILT_FS, 7, 0)
		ev.Fflags = ^uint32(0)
		must(t, q.Change(c, ev))
		none(t, c, q)
		ev.Flags = netbsd.EV_DELETE
		must(t, q.Change(c, ev))
		if errno := q.Change(c, ev); errno != netbsd.ENOENT {
			t.Error(errno)
		}
	})
}

// filt_timercompute, tvtohz: a time below 0 is one tick, again and again; an absolute one has been. One of a fraction of a second is as
// long as there is any.
func TestNegativeTimer(t *testing.T) {
	guest(t, func(l *kern.LWP, c Caller, q *Queue) {
		for _, row := range []struct {
			fflags uint32
			data   int64
			after  time.Duration
		}{
			{netbsd.NOTE_SECONDS, -1, 10 * time.Millisecond},
			{netbsd.NOTE_SECONDS, -1 << 63, 10 * time.Millisecond},
			{netbsd.NOTE_MSECONDS, -1, 10 * time.Millisecond},
			{netbsd.NOTE_NSECONDS, -1, 10 * time.Millisecond},
			{netbsd.NOTE_MSECONDS, -500, (1<<31 - 1) * 10 * time.Millisecond},
			{netbsd.NOTE_SECONDS | netbsd.NOTE_ABSTIME, -1, 0},
			{netbsd.NOTE_SECONDS | netbsd.NOTE_ABSTIME, -1 << 63, 0},
		} {
			ev := add(netbsd.EVFILT_TIMER, 1, netbsd.EV_ONESHOT)
			ev.Fflags, ev.Data = row.fflags, row.data
			must(t, q.Change(c, ev))
			start := time.Now()
			out := make([]netbsd.Kevent, 1)
			n, errno := q.Wait(l, out, time.Time{}, false)
			if d := time.Since(start); n != 1 || errno != 0 || d != row.after || out[0].Data != 1 {
				t.Errorf("%+v: %d, %v, %+v after %v", row, n, errno, out, d)
			}
		}
	})
}

// filt_timerattach: fewer than kq_calloutmax, 4096, of all queues.
func TestTimersEnd(t *testing.T) {
	guest(t, func(l *kern.LWP, c Caller, q *Queue) {
		ev := add(netbsd.EVFILT_TIMER, 0, 0)
		ev.Data = 1 << 40
		for ; q.Change(c, ev) == 0; ev.Ident++ {
		}
		if ev.Ident != 4095 {
			t.Errorf("%d timers", ev.Ident)
		}
	})
}

// exitLater is a child that exits when its parent waits.
func exitLater(l *kern.LWP) {
	l.Sleep(true, time.Now().Add(time.Second))
	l.Exit(3)
}

// proc_find takes a pid_t: what is beyond its 32 bits is not looked at, though the event has it (filt_procattach).
func TestProcIdent(t *testing.T) {
	guest(t, func(l *kern.LWP, c Caller, q *Queue) {
		child, errno := l.Fork(kern.ForkArgs{Body: exitLater})
		must(t, errno)
		ev := add(netbsd.EVFILT_PROC, 1<<32|child.Pid(), 0)
		ev.Fflags = netbsd.NOTE_EXIT
		must(t, q.Change(c, ev))
		l.Wait(child.Pid(), 0)
		if got := one(t, c, q); got.Ident != ev.Ident || got.Fflags != netbsd.NOTE_EXIT {
			t.Errorf("%+v", got)
		}
	})
}

// What cannot be watched: kqueue_kqfilter, pipe_kqfilter, eventfd_fop_kqfilter and timerfd_fop_kqfilter have EINVAL for filters that are not theirs.
func TestForeignFilters(t *testing.T) {
	guest(t, func(l *kern.LWP, c Caller, q *Queue) {
		r, _ := c.pipe(q)
		inner, _ := c.Files.Install(file.New(New(), netbsd.O_RDWR), 0, 100, 0)
		for _, row := range []struct {
			fd     int
			filter uint32
		}{
			{r, netbsd.EVFILT_VNODE}, {r, netbsd.EVFILT_EMPTY},
			{inner, netbsd.EVFILT_WRITE}, {inner, netbsd.EVFILT_VNODE}, {inner, netbsd.EVFILT_EMPTY},
		} {
			if errno := q.Change(c, add(row.filter, row.fd, 0)); errno != netbsd.EINVAL {
				t.Errorf("%+v: %v", row, errno)
			}
		}
	})
}

func TestWaitWakes(t *testing.T) {
	guest(t, func(l *kern.LWP, c Caller, q *Queue) {
		r, w := c.pipe(q)
		must(t, q.Change(c, add(netbsd.EVFILT_READ, r, 0)))
		time.AfterFunc(time.Second, func() { c.write(w, "x") })
		out := make([]netbsd.Kevent, 1)
		start := time.Now()
		if n, errno := q.Wait(l, out, start.Add(time.Hour), false); n != 1 || errno != 0 {
			t.Error(n, errno)
		}
		if d := time.Since(start); d != time.Second {
			t.Error(d)
		}
		c.read(r, 1)
		if n, errno := q.Wait(l, out, time.Now().Add(time.Minute), false); n != 0 || errno != 0 {
			t.Error(n, errno)
		}
	})
}

func TestTimer(t *testing.T) {
	guest(t, func(l *kern.LWP, c Caller, q *Queue) {
		ev := add(netbsd.EVFILT_TIMER, 7, 0)
		ev.Data = 10
		must(t, q.Change(c, ev))
		none(t, c, q)
		time.Sleep(35 * time.Millisecond)
		if ev := one(t, c, q); ev.Data != 3 {
			t.Errorf("%+v", ev)
		}
		none(t, c, q)
		ev.Data, ev.Fflags = 1, netbsd.NOTE_SECONDS
		must(t, q.Change(c, ev))
		time.Sleep(999 * time.Millisecond)
		none(t, c, q)
		time.Sleep(2 * time.Millisecond)
		one(t, c, q)
		ev.Flags = netbsd.EV_DELETE
		must(t, q.Change(c, ev))
		ev = add(netbsd.EVFILT_TIMER, 8, netbsd.EV_ONESHOT)
		ev.Data, ev.Fflags = 5, netbsd.NOTE_USECONDS
		must(t, q.Change(c, ev))
		time.Sleep(time.Second)
		if ev := one(t, c, q); ev.Data != 1 {
			t.Errorf("%+v", ev)
		}
		ev = add(netbsd.EVFILT_TIMER, 9, 0)
		ev.Data, ev.Fflags = time.Now().Add(time.Second).Unix(), netbsd.NOTE_SECONDS|netbsd.NOTE_ABSTIME
		must(t, q.Change(c, ev))
		time.Sleep(10 * time.Second)
		if ev := one(t, c, q); ev.Data != 1 {
			t.Errorf("%+v", ev)
		}
	})
}

func TestUser(t *testing.T) {
	guest(t, func(l *kern.LWP, c Caller, q *Queue) {
		must(t, q.Change(c, add(netbsd.EVFILT_USER, 1, netbsd.EV_CLEAR)))
		none(t, c, q)
		ev := netbsd.Kevent{Ident: 1, Filter: netbsd.EVFILT_USER, Fflags: netbsd.NOTE_FFOR | 5, Udata: 42}
		must(t, q.Change(c, ev))
		none(t, c, q)
		ev.Fflags = netbsd.NOTE_FFCOPY | 3 | netbsd.NOTE_TRIGGER
		ev.Data = 77
		must(t, q.Change(c, ev))
		if got := one(t, c, q); got.Fflags != 3 || got.Data != 77 {
			t.Errorf("%+v", got)
		}
		none(t, c, q)
		must(t, q.Change(c, add(netbsd.EVFILT_USER, 2, 0)))
		ev.Ident = 2
		must(t, q.Change(c, ev))
		one(t, c, q)
		one(t, c, q)
	})
}

// filt_usertouch: flags and data stay when they have been reported, with EV_CLEAR, too; EV_CLEAR in a change takes its trigger
// back. filt_userattach: EV_ADD of a new event does not trigger it, and keeps the flags as they are.
func TestUserTouch(t *testing.T) {
	guest(t, func(l *kern.LWP, c Caller, q *Queue) {
		ev := add(netbsd.EVFILT_USER, 1, netbsd.EV_CLEAR)
		ev.Fflags, ev.Data = netbsd.NOTE_TRIGGER|5, 6
		must(t, q.Change(c, ev))
		none(t, c, q)
		ev.Flags, ev.Fflags = 0, netbsd.NOTE_TRIGGER
		must(t, q.Change(c, ev))
		if got := one(t, c, q); got.Fflags != netbsd.NOTE_TRIGGER|5 || got.Data != 6 || got.Flags != netbsd.EV_ADD|netbsd.EV_CLEAR {
			t.Errorf("%+v", got)
		}
		none(t, c, q)
		ev.Fflags = netbsd.NOTE_FFCOPY | 3
		must(t, q.Change(c, ev))
		none(t, c, q)
		ev.Fflags, ev.Data = netbsd.NOTE_TRIGGER, 8
		for range 2 {
			must(t, q.Change(c, ev))
			if got := one(t, c, q); got.Fflags != 3 || got.Data != 8 {
				t.Errorf("%+v", got)
			}
		}
		ev.Flags = netbsd.EV_CLEAR
		must(t, q.Change(c, ev))
		none(t, c, q)
	})
}

// filt_timertouch: only EV_ADD sets a timer anew, and one that it cannot set stands still. filt_timercompute: EV_CLEAR is implied
// but for NOTE_ABSTIME; a time that has been is reported at once. kqueue_register: EV_ENABLE comes after EV_DISABLE.
func TestTimerTouch(t *testing.T) {
	guest(t, func(l *kern.LWP, c Caller, q *Queue) {
		ev := add(netbsd.EVFILT_TIMER, 7, netbsd.EV_DISPATCH)
		ev.Data = 1000
		must(t, q.Change(c, ev))
		for _, flags := range []uint32{netbsd.EV_DISABLE, netbsd.EV_ENABLE, netbsd.EV_DISABLE | netbsd.EV_ENABLE} {
			must(t, q.Change(c, netbsd.Kevent{Ident: 7, Filter: netbsd.EVFILT_TIMER, Flags: flags}))
		}
		time.Sleep(100 * time.Millisecond)
		none(t, c, q)
		for range 2 { // kqueue_scan: EV_DISPATCH has no effect beside EV_CLEAR
			time.Sleep(time.Second)
			if got := one(t, c, q); got.Data != 1 || got.Flags&netbsd.EV_CLEAR == 0 {
				t.Errorf("%+v", got)
			}
		}
		time.Sleep(time.Second)
		ev.Data = 0
		if errno := q.Change(c, ev); errno != netbsd.EINVAL {
			t.Error(errno)
		}
		time.Sleep(time.Minute)
		none(t, c, q)
		ev = add(netbsd.EVFILT_TIMER, 9, 0)
		ev.Data, ev.Fflags = 1, netbsd.NOTE_SECONDS|netbsd.NOTE_ABSTIME
		must(t, q.Change(c, ev))
		for range 2 {
			if got := one(t, c, q); got.Data != 1 || got.Flags&netbsd.EV_CLEAR != 0 {
				t.Errorf("%+v", got)
			}
		}
	})
}

// filt_piperead: NOTE_LOWAT is for sockets alone. filt_pipewrite: there is no room without a reader.
func TestPipeNotes(t *testing.T) {
	guest(t, func(l *kern.LWP, c Caller, q *Queue) {
		r, w := c.pipe(q)
		ev := add(netbsd.EVFILT_READ, r, 0)
		ev.Fflags, ev.Data = netbsd.NOTE_LOWAT, 10
		must(t, q.Change(c, ev))
		c.write(w, "abc")
		if got := one(t, c, q); got.Data != 3 {
			t.Errorf("%+v", got)
		}
		c.read(r, 3)
		must(t, q.Change(c, add(netbsd.EVFILT_WRITE, w, 0)))
		c.Files.CloseFD(r)
		if got := one(t, c, q); got.Flags&netbsd.EV_EOF == 0 || got.Data != 0 {
			t.Errorf("%+v", got)
		}
	})
}

func TestSignal(t *testing.T) {
	guest(t, func(l *kern.LWP, c Caller, q *Queue) {
		must(t, q.Change(c, add(netbsd.EVFILT_SIGNAL, int(netbsd.SIGUSR1), 0)))
		l.Sigaction(netbsd.SIGUSR1, &kern.Action{Handler: netbsd.SIG_IGN})
		for range 3 {
			l.Kill(l.Proc().Pid(), netbsd.SIGUSR1)
			l.Kill(l.Proc().Pid(), netbsd.SIGCONT)
		}
		if ev := one(t, c, q); ev.Data != 3 {
			t.Errorf("%+v", ev)
		}
		none(t, c, q)
	})
}

func TestProc(t *testing.T) {
	guest(t, func(l *kern.LWP, c Caller, q *Queue) {
		forked := make(chan int, 1)
		child, errno := l.Fork(kern.ForkArgs{Body: func(l *kern.LWP) {
			l.Sleep(true, time.Now().Add(time.Second))
			g, _ := l.Fork(kern.ForkArgs{Body: func(l *kern.LWP) {
				l.Sleep(true, time.Now().Add(time.Second))
				l.Exit(2)
			}})
			forked <- g.Pid()
			l.Sleep(true, time.Now().Add(time.Minute))
			l.Exit(3)
		}})
		must(t, errno)
		ev := add(netbsd.EVFILT_PROC, child.Pid(), 0)
		ev.Fflags = netbsd.NOTE_EXIT | netbsd.NOTE_FORK | netbsd.NOTE_TRACK
		must(t, q.Change(c, ev))
		none(t, c, q)
		grandchild := <-forked
		got := now(t, c, q)
		seen := map[uint64]netbsd.Kevent{}
		for _, ev := range got {
			seen[ev.Ident] = ev
		}
		if ev := seen[uint64(child.Pid())]; ev.Fflags != netbsd.NOTE_FORK || len(got) != 2 {
			t.Errorf("%+v", got)
		}
		// knote_proc_fork_track: the flags of what follows a child have EV_ENABLE, too.
		const flags = netbsd.EV_ADD | netbsd.EV_ENABLE | netbsd.EV_CLEAR
		if ev := seen[uint64(grandchild)]; ev.Flags != flags|netbsd.EV_ONESHOT || ev.Fflags != netbsd.NOTE_CHILD || ev.Data != int64(child.Pid()) || ev.Udata != 42 {
			t.Errorf("%+v", ev)
		}
		out := make([]netbsd.Kevent, 4)
		n, errno := q.Wait(l, out, time.Time{}, false)
		if errno != 0 || n != 1 || out[0].Ident != uint64(grandchild) || out[0].Fflags != netbsd.NOTE_EXIT ||
			out[0].Flags != flags|netbsd.EV_EOF|netbsd.EV_ONESHOT || out[0].Data != int64(netbsd.ExitStatus(2, 0)) {
			t.Errorf("%v %+v", errno, out[:n])
		}
		l.Wait(child.Pid(), 0)
		if ev := one(t, c, q); ev.Ident != uint64(child.Pid()) || ev.Data != int64(netbsd.ExitStatus(3, 0)) {
			t.Errorf("%+v", ev)
		}
		if len(q.knotes) != 0 {
			t.Errorf("%d knotes left", len(q.knotes))
		}
	})
}

// knote_proc_fork_track: a child is followed by a knote that is enabled, though its parent's is not.
func TestTrackDisabled(t *testing.T) {
	guest(t, func(l *kern.LWP, c Caller, q *Queue) {
		ev := add(netbsd.EVFILT_PROC, l.Proc().Pid(), netbsd.EV_DISABLE)
		ev.Fflags = netbsd.NOTE_EXIT | netbsd.NOTE_FORK | netbsd.NOTE_TRACK
		must(t, q.Change(c, ev))
		child, errno := l.Fork(kern.ForkArgs{Body: exitLater})
		must(t, errno)
		if ev := one(t, c, q); ev.Ident != uint64(child.Pid()) || ev.Fflags != netbsd.NOTE_CHILD {
			t.Errorf("%+v", ev)
		}
		l.Wait(child.Pid(), 0)
		if ev := one(t, c, q); ev.Ident != uint64(child.Pid()) || ev.Fflags != netbsd.NOTE_EXIT {
			t.Errorf("%+v", ev)
		}
	})
}

func TestNested(t *testing.T) {
	guest(t, func(l *kern.LWP, c Caller, q *Queue) {
		inner := New()
		fd, _ := c.Files.Install(file.New(inner, netbsd.O_RDWR), 0, 100, 0)
		self, _ := c.Files.Install(file.New(q, netbsd.O_RDWR), 0, 100, 0)
		must(t, q.Change(c, add(netbsd.EVFILT_READ, fd, 0)))
		if errno := inner.Change(c, add(netbsd.EVFILT_READ, self, 0)); errno != netbsd.EINVAL {
			t.Error(errno)
		}
		none(t, c, q)
		ev := add(netbsd.EVFILT_USER, 1, 0)
		ev.Fflags = netbsd.NOTE_TRIGGER
		must(t, inner.Change(c, ev)) // filt_userattach does not trigger
		none(t, c, q)
		must(t, inner.Change(c, ev))
		if ev := one(t, c, q); ev.Data != 1 {
			t.Errorf("%+v", ev)
		}
		if kids := c.Files.Fork(false).Open(); len(kids) != 0 {
			t.Errorf("inherited: %v", kids)
		}
	})
}

// filt_procattach: EACCES for another user's process, and for one that has changed its identity. In
// knote_proc_fork_track the process that forks must be allowed to watch its child: if not, the knote says
// NOTE_TRACKERR and the child is not followed.
func TestProcCredentials(t *testing.T) {
	guest(t, func(l *kern.LWP, c Caller, q *Queue) {
		forks := make(chan struct{})
		child, errno := l.Fork(kern.ForkArgs{Body: func(cl *kern.LWP) {
			cl.Sleep(true, time.Now().Add(time.Second))
			cl.Setuid(100)
			grandchild, _ := cl.Fork(kern.ForkArgs{Body: func(gl *kern.LWP) { gl.Exit(0) }})
			cl.Wait(grandchild.Pid(), 0)
			mine := Caller{L: cl, Files: c.Files, Proc: cl.Proc()}
			other := New()
			for pid, want := range map[int]netbsd.Errno{l.Proc().Pid(): netbsd.EACCES, cl.Proc().Pid(): netbsd.EACCES} {
				ev := add(netbsd.EVFILT_PROC, pid, 0)
				ev.Fflags = netbsd.NOTE_EXIT
				if errno := other.Change(mine, ev); errno != want {
					t.Errorf("watching %d: %s, want %s", pid, errno.Name(), want.Name())
				}
			}
			other.Close()
			close(forks)
			cl.Sleep(true, time.Now().Add(time.Minute))
			cl.Exit(0)
		}})
		must(t, errno)
		ev := add(netbsd.EVFILT_PROC, child.Pid(), 0)
		ev.Fflags = netbsd.NOTE_FORK | netbsd.NOTE_TRACK
		must(t, q.Change(c, ev))
		<-forks
		if ev := one(t, c, q); ev.Ident != uint64(child.Pid()) || ev.Fflags != netbsd.NOTE_FORK|netbsd.NOTE_TRACKERR {
			t.Errorf("%+v, want NOTE_FORK and NOTE_TRACKERR alone", ev)
		}
	})
}

// closing is a knote beside others, and hears of a close between them.
type closing struct{ f func() }

func (c *closing) FDClosed() { c.f() }

// fd_close lets go of the knotes of a descriptor before its number is free. So who opens another file, which gets that number, and watches it, is
// told of that file, though the close is not over yet.
func TestNumberIsUsedAgainBeforeTheKnoteHasGone(t *testing.T) {
	guest(t, func(l *kern.LWP, c Caller, q *Queue) {
		for range 30 { // the order of knotes is any
			r, w := c.pipe(q)
			must(t, q.Change(c, add(netbsd.EVFILT_READ, r, netbsd.EV_CLEAR)))
			d, _ := c.Files.Get(r)
			r2, w2 := -1, -1
			must(t, c.Files.Attach(r, d, &closing{func() {
				r2, w2 = c.pipe(q)
				must(t, q.Change(c, add(netbsd.EVFILT_READ, r2, netbsd.EV_CLEAR)))
			}}))
			d.Release()
			must(t, c.Files.CloseFD(r))
			c.write(w2, "abc")
			if ev := one(t, c, q); r2 != r || int(ev.Ident) != r2 || ev.Data != 3 {
				t.Fatalf("descriptor %d, then %d: %+v", r, r2, ev)
			}
			for _, fd := range []int{r2, w, w2} {
				must(t, c.Files.CloseFD(fd))
			}
		}
	})
}
