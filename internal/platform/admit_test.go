package platform

import (
	"errors"
	"os"
	"syscall"
	"testing"
	"time"
)

// A part of the room is used without another look, the reserve never, and a refusal says
// which limit it is, and is EAGAIN (fork(2)).
func TestAdmission(t *testing.T) {
	left, looks, tightened := 1000, 0, 0
	a := &admission{
		room:    func() (int, string) { looks++; return left, "1000 of a test" },
		tighten: func() { tightened++ },
	}
	a.begin()
	if a.credit == 0 || looks != 1 {
		t.Errorf("begin looked %d times, and allows %d tasks", looks, a.credit)
	}
	taken := 0
	for ; taken < 2000; taken++ {
		if r := a.admitTask(); r != nil {
			if !errors.Is(r, syscall.EAGAIN) || r.why != "1000 of a test" {
				t.Errorf("the refusal is %v", r)
			}
			break
		}
		if left--; left < taskReserve {
			t.Fatalf("%d are left, %d is the reserve", left, taskReserve)
		}
		if little := left < littleRoom-1000/8; little && !a.tight() {
			t.Fatalf("%d are left, and no threads are made in advance", left)
		}
	}
	if taken != 1000-taskReserve {
		t.Errorf("%d of 1000 were taken", taken)
	}
	if looks > 100 {
		t.Errorf("it looked %d times", looks)
	}
	if tightened != 1 {
		t.Errorf("told %d times that there is little", tightened)
	}
	left = 100
	if r := a.admitTask(); r != nil {
		t.Errorf("there is room again: %v", r)
	}
}

// What is made in advance stays: threads that nobody needs are kept by the runtime.
func TestSpareThreads(t *testing.T) {
	const n = 40
	if got := spareThreads(n); got != n {
		t.Errorf("%d threads, want %d", got, n)
	}
	list, err := os.ReadDir("/proc/self/task")
	if err != nil {
		t.Fatal(err)
	}
	if len(list) < n {
		t.Errorf("the process has %d threads", len(list))
	}
}

// What is kept ready for guests is given up, and nothing more is made ready.
func TestDropReady(t *testing.T) {
	p := newPlatform(t, Options{})
	_, th := newGuest(t, p)
	th.NewThread()
	n, err := th.NewThread()
	if err != nil {
		t.Fatal(err)
	}
	n.Exit()
	if s := p.Stats(); s.Parked == 0 {
		t.Fatalf("nothing is parked: %+v", s)
	}
	// A thread that has only just been told to park is passed by.
	for end := time.Now().Add(10 * time.Second); p.Stats().Parked > 0 && time.Now().Before(end); {
		p.dropReady()
	}
	if s := p.Stats(); s.Parked != 0 || s.Warm != 0 {
		t.Errorf("still ready: %+v", s)
	}
	if p.dropReady() {
		t.Error("there is nothing more to give up")
	}
	if _, _, err := p.NewProcess(); err != nil {
		t.Errorf("a process is made when it is asked for: %v", err)
	}
}
