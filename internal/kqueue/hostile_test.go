package kqueue

import (
	"testing"
	"time"

	"toaster/internal/file"
	"toaster/kern"
	"toaster/netbsd"
)

// install makes a descriptor of a queue.
func (c Caller) install(t *testing.T, q *Queue) int {
	t.Helper()
	fd, errno := c.Files.Install(file.New(q, netbsd.O_RDWR), 0, 1000, 0)
	must(t, errno)
	return fd
}

// Of two LWPs that close a circle from both ends at the same time one is refused: a knote counts for checkNesting before it is in place.
func TestCircleIsClosedAtOnce(t *testing.T) {
	guest(t, func(l *kern.LWP, c Caller, q *Queue) {
		other := New()
		self, fd := c.install(t, q), c.install(t, other)
		kn := &knote{q: q, src: unattached{}, filter: netbsd.EVFILT_READ, ident: uint64(fd), disabled: true}
		q.knotes[key{kn.filter, kn.ident}] = kn
		src, errno := attach(c, kn) // the one LWP has come so far in add
		must(t, errno)
		if errno := other.Change(c, add(netbsd.EVFILT_READ, self, 0)); errno != netbsd.EINVAL {
			t.Errorf("the circle is closed: %v", errno)
		}
		kn.src = src
	})
}

// How queues watch one another is looked at in a time that grows with how many do, not with how many ways there are.
func TestLayersOfQueues(t *testing.T) {
	guest(t, func(l *kern.LWP, c Caller, q *Queue) {
		const layers, width = 8, 12
		var below []int
		for range layers {
			var fds []int
			for range width {
				q := New()
				fds = append(fds, c.install(t, q))
				for _, fd := range below {
					must(t, q.Change(c, add(netbsd.EVFILT_READ, fd, 0)))
				}
			}
			below = fds
		}
		d, errno := c.Files.Get(below[0])
		must(t, errno)
		defer d.Release()
		must(t, d.File.(*Queue).Change(c, netbsd.Kevent{Ident: 1, Filter: netbsd.EVFILT_USER, Flags: netbsd.EV_ADD}))
		must(t, q.Change(c, add(netbsd.EVFILT_READ, below[0], 0)))
	})
}

// A row of queues that watch one another has an end, however short another way to the last of them is.
func TestRowOfQueues(t *testing.T) {
	guest(t, func(l *kern.LWP, c Caller, q *Queue) {
		last := New()
		end := c.install(t, last)
		fd := end
		for range 8 {
			next := New()
			must(t, next.Change(c, add(netbsd.EVFILT_READ, fd, 0)))
			fd = c.install(t, next)
		}
		both := New()
		must(t, both.Change(c, add(netbsd.EVFILT_READ, end, 0)))
		must(t, both.Change(c, add(netbsd.EVFILT_READ, fd, 0)))
		if errno := q.Change(c, add(netbsd.EVFILT_READ, c.install(t, both), 0)); errno != netbsd.EINVAL {
			t.Errorf("a row of ten: %v", errno)
		}
	})
}

// A change of a timer that has been deleted meanwhile sets nothing: nobody would stop it.
func TestTimerIsDeletedMeanwhile(t *testing.T) {
	guest(t, func(l *kern.LWP, c Caller, q *Queue) {
		ev := add(netbsd.EVFILT_TIMER, 7, 0)
		ev.Data = 1000
		must(t, q.Change(c, ev))
		kn := q.knotes[key{netbsd.EVFILT_TIMER, 7}]
		must(t, q.Change(c, netbsd.Kevent{Filter: netbsd.EVFILT_TIMER, Ident: 7, Flags: netbsd.EV_DELETE}))
		s := kn.src.(*timerSource)
		s.touch(kn, &ev)
		if s.timer.Stop() {
			t.Error("the timer runs")
		}
	})
}

// What tells of forks is bounded, whatever a process deletes before it asks: NOTE_TRACKERR (knote_proc_fork_track).
func TestTrackedForksAreBounded(t *testing.T) {
	guest(t, func(l *kern.LWP, c Caller, q *Queue) {
		child, errno := l.Fork(kern.ForkArgs{Body: func(l *kern.LWP) {
			l.Sleep(true, time.Now().Add(time.Second))
			l.Exit(0)
		}})
		must(t, errno)
		ev := add(netbsd.EVFILT_PROC, l.Proc().Pid(), 0)
		ev.Fflags = netbsd.NOTE_TRACK
		must(t, q.Change(c, ev))
		s := q.knotes[key{netbsd.EVFILT_PROC, ev.Ident}].src.(*procSource)
		for range maxKnotes + 2 {
			s.Track(l.Proc(), child)
			q.Change(c, netbsd.Kevent{Filter: netbsd.EVFILT_PROC, Ident: uint64(child.Pid()), Flags: netbsd.EV_DELETE})
		}
		if n := q.ready.n; n > maxKnotes+1 || s.kn.fflags&netbsd.NOTE_TRACKERR == 0 {
			t.Errorf("%d events, fflags %#x", n, s.kn.fflags)
		}
		l.Wait(child.Pid(), 0)
	})
}

// The knotes of all queues together are bounded: a guest has as many queues as descriptors.
func TestKnotesOfAllQueuesAreBounded(t *testing.T) {
	guest(t, func(l *kern.LWP, c Caller, q *Queue) {
		other, all := New(), &c.Files.Machine().Kqueues().Knotes
		must(t, other.Change(c, add(netbsd.EVFILT_USER, 1, 0)))
		all.Add(maxAllKnotes - 2)
		must(t, q.Change(c, add(netbsd.EVFILT_USER, 1, 0)))
		if errno := q.Change(c, add(netbsd.EVFILT_USER, 2, 0)); errno != netbsd.ENOMEM {
			t.Errorf("one too many: %v", errno)
		}
		if errno := q.Change(c, add(netbsd.EVFILT_READ, 99, 0)); errno != netbsd.EBADF { // before there is a knote (kqueue_register)
			t.Errorf("one too many, of no file: %v", errno)
		}
		other.Close()
		must(t, q.Change(c, add(netbsd.EVFILT_USER, 2, 0)))
		must(t, q.Change(c, netbsd.Kevent{Filter: netbsd.EVFILT_USER, Ident: 2, Flags: netbsd.EV_DELETE}))
		if errno := q.Change(c, add(netbsd.EVFILT_READ, 99, 0)); errno != netbsd.EBADF {
			t.Errorf("of no file: %v", errno)
		}
		must(t, q.Change(c, add(netbsd.EVFILT_USER, 2, 0)))
		all.Add(2 - maxAllKnotes)
	})
}
