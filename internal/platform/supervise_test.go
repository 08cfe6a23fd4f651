package platform

import (
	"errors"
	"testing"

	"golang.org/x/sys/unix"
)

// A thread whose exit was granted, and that does not wait for the answer any more, is known to nobody: it does not live on. The
// host says so (ENOENT, seccomp_unotify(2)), here as there never was such a question.
func TestExitThatIsNotWaitedFor(t *testing.T) {
	p := newPlatform(t, Options{Warm: -1})
	q, th := newGuest(t, p, syscallLoop...)
	n, err := th.NewThread()
	if err != nil {
		t.Fatal(err)
	}
	n.setOrder(order{kind: orderExit})
	p.answerExit(&notification{id: ^uint64(0), pid: uint32(n.tid), nr: unix.SYS_EXIT}, n)
	if !q.ended.Load() {
		t.Error("it lives on")
	}
}

// What is born while the platform is being closed is gone, for who has ordered it, too: its window may be unmapped by then.
func TestBornWhileClosing(t *testing.T) {
	p := newPlatform(t, Options{Warm: -1})
	_, th := newGuest(t, p, syscallLoop...)
	setClosed := func(closed bool) {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.closed = closed
	}
	setClosed(true) // as Close does first
	c, _, err := th.Fork()
	setClosed(false)
	if !errors.Is(err, ErrGone) {
		t.Fatalf("%v, want ErrGone", err)
	}
	if c != nil {
		t.Error("there is a process")
	}
	waitFor(t, "the window to come back", func() bool { return p.Stats().Windows == 2 })
}

// Questions without end do not keep the reaper from its other events: here a pipe has always one more.
func TestQuestionsWithoutEnd(t *testing.T) {
	var ends [2]int
	if err := unix.Pipe2(ends[:], unix.O_CLOEXEC); err != nil {
		t.Fatal(err)
	}
	defer unix.Close(ends[0])
	defer unix.Close(ends[1])
	unix.Write(ends[1], []byte{0})
	p := &Platform{listener: ends[0]}
	within(t, "the reaper to go on", p.answerUnawaited)
}
