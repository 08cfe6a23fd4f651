package hostfile

import (
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"toaster/internal/file"
)

func newSet(t *testing.T, h *Host) file.EventSet {
	t.Helper()
	s, errno := h.NewSet()
	if errno != 0 {
		t.Fatal(errno)
	}
	t.Cleanup(s.Close)
	return s
}

// harvested is what a set tells, as key and directions.
func harvested(s file.EventSet) string {
	var list []string
	s.Harvest(func(key uint32, in, out bool) { list = append(list, fmt.Sprint(key, in, out)) })
	return strings.Join(list, ", ")
}

// A set tells once of what is told by edges, as often as it is asked of what is not, and nothing of what was dropped.
func TestSet(t *testing.T) {
	h := newHost(t)
	s := newSet(t, h)
	var fds [2]int
	if err := unix.Pipe2(fds[:], unix.O_CLOEXEC|unix.O_NONBLOCK); err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fds[0])
	wants := func(what, want string) {
		t.Helper()
		if ready := s.Ready(); ready != (want != "") {
			t.Errorf("%s: ready %v", what, ready)
		}
		if got := harvested(s); !strings.HasPrefix(got, want) || want == "" && got != "" {
			t.Errorf("%s: %q, want %q", what, got, want)
		}
	}
	put := func(fd int, e file.SetEntry, there bool) {
		t.Helper()
		if errno := s.Put(fd, e, there); errno != 0 {
			t.Fatal(errno)
		}
	}
	edge := file.SetEntry{Key: 7, In: true, Edge: true}
	put(fds[0], edge, false)
	wants("nothing", "")
	unix.Write(fds[1], []byte("x"))
	wants("a byte", "7 true false")
	wants("told already", "")
	put(fds[0], edge, true)
	wants("put again", "7 true false")
	put(fds[0], file.SetEntry{Key: 8, In: true}, true)
	wants("as long as it is there", "8 true false")
	wants("as long as it is there", "8 true false")
	s.Drop(fds[0])
	wants("dropped", "")
	put(fds[1], file.SetEntry{Key: 9, Out: true, Edge: true}, false)
	wants("room", "9 false true")
	put(fds[0], edge, false)
	harvested(s)
	unix.Close(fds[1])
	wants("the end", "7 true true")
}

// Who waits for a set hears of what happens to what is in it.
func TestSetIsWatched(t *testing.T) {
	h := newHost(t)
	s := newSet(t, h)
	var fds [2]int
	if err := unix.Pipe2(fds[:], unix.O_CLOEXEC|unix.O_NONBLOCK); err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fds[0])
	defer unix.Close(fds[1])
	s.Put(fds[0], file.SetEntry{Key: 1, In: true, Edge: true}, false)
	heard := make(chan struct{}, 100)
	w := &file.Waiter{Mask: file.In, Fn: func(file.Events) { heard <- struct{}{} }}
	for range 3 {
		s.Watch(w)
		unix.Write(fds[1], []byte("x"))
		<-heard
		s.Unwatch(w)
		if got := harvested(s); got != "1 true false" {
			t.Errorf("%q", got)
		}
		unix.Write(fds[1], []byte("x")) // nobody listens
		harvested(s)
	}
}

// When Settle returns, what has happened before to a file that somebody watches has been told.
func TestSettle(t *testing.T) {
	h := newHost(t)
	s := newSet(t, h)
	var fds [2]int
	if err := unix.Pipe2(fds[:], unix.O_CLOEXEC|unix.O_NONBLOCK); err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fds[1])
	f, errno := h.New(fds[0])
	if errno != 0 {
		t.Fatal(errno)
	}
	defer f.Close()
	told := 0
	w := &file.Waiter{Mask: file.Readable, Fn: func(file.Events) { time.Sleep(time.Millisecond); told++ }}
	f.Watch(w)
	for i := range 20 {
		unix.Write(fds[1], []byte("x"))
		s.Settle()
		f.poll.queue.Remove(w)
		if told <= i {
			t.Fatalf("%d told of %d", told, i+1)
		}
		told = i + 1
		f.poll.queue.Add(w)
	}
}

// Settle is done with what has happened when it is called, however much more goes on happening.
func TestSetSettleEnds(t *testing.T) {
	h := NewHost()
	defer h.Close()
	w, r, errno := h.HalfPipe(0)
	if errno != 0 {
		t.Fatal(errno)
	}
	defer r.Close()
	defer unix.Close(w)
	set, errno := h.NewSet()
	if errno != 0 {
		t.Fatal(errno)
	}
	defer set.Close()
	var told atomic.Int64
	var over atomic.Bool
	again := file.Waiter{Mask: file.In, Fn: func(file.Events) {
		told.Add(1)
		if r.TryRead(make([]byte, 1)); !over.Load() {
			unix.Write(w, []byte("x"))
		}
	}}
	r.Watch(&again)
	unix.Write(w, []byte("x"))
	set.Settle()
	if told.Load() == 0 {
		t.Error("what had happened was not told")
	}
	over.Store(true)
	r.Unwatch(&again)
}
