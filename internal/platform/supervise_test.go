package platform

import (
	"errors"
	"os"
	"slices"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"

	"toaster/internal/platform/stub"
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
	p := &Platform{listener: ends[0], listening: make(chan struct{}, 1)}
	within(t, "the reaper to go on", p.answerUnawaited)
}

// seccomp(2): SPEC_ALLOW leaves speculation as it is for other processes; a host before Linux 5.19 does not know WAIT_KILLABLE_RECV.
func TestFilterFlags(t *testing.T) {
	flags := uint64(unix.SECCOMP_FILTER_FLAG_NEW_LISTENER)
	if TryWaitKillable() == nil {
		flags |= unix.SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV
	}
	for safe, want := range map[bool]uint64{false: flags | unix.SECCOMP_FILTER_FLAG_SPEC_ALLOW, true: flags} {
		o := Options{SpeculationSafe: safe}
		if got := o.filterFlags(); got != want {
			t.Errorf("SpeculationSafe %v: %#x, want %#x", safe, got, want)
		}
	}
}

// SIGSTOP comes through whatever is blocked, also between a question and its answer; so do the host's freezer and debuggers. An honest
// guest loses nothing by it: it does not ask again what was granted already.
func TestStoppedWhileItAsks(t *testing.T) {
	if err := TryWaitKillable(); err != nil {
		t.Skip("Linux before 5.19: ", err)
	}
	p := newPlatform(t, Options{Warm: -1})
	q, th := newGuest(t, p, syscallLoop...)
	wantKind(t, th.Run(), Syscall) // a program that has run asks before it clones
	var n *Thread
	for _, c := range []struct {
		questions []int32
		ask       func() error
	}{
		{[]int32{unix.SYS_CLONE, stub.AskProcess}, func() error {
			child, _, err := th.Fork()
			if err == nil {
				child.Release()
			}
			return err
		}},
		{[]int32{unix.SYS_CLONE, stub.AskThread}, func() (err error) {
			n, err = th.NewThread()
			return err
		}},
		{[]int32{unix.SYS_EXIT}, func() error {
			n.setOrder(order{kind: orderExit})
			n.postOp(stub.OpExit)
			return nil
		}},
	} {
		asked := make(chan error, 1)
		if got := answerStopped(t, p, len(c.questions), func() { asked <- c.ask() }); !slices.Equal(got, c.questions) {
			t.Errorf("asked %d, want %d", got, c.questions)
		}
		if err := <-asked; err != nil || q.ended.Load() {
			t.Fatalf("asked %d: %v; the guest is killed: %v", c.questions, err, q.ended.Load())
		}
	}
	waitFor(t, "the thread's end", func() bool { return len(tasks(t, q)) == 1 })
}

// answerStopped answers so many questions of what ask begins, each when who asks it has been sent a stop, and returns them. The host makes
// a clone again that a signal has met (ERESTARTNOINTR), which the supervisor grants more than once: that is one question.
func answerStopped(t *testing.T, p *Platform, questions int, ask func()) (asked []int32) {
	t.Helper()
	p.listening <- struct{}{}
	defer func() { <-p.listening }()
	go ask()
	for len(asked) < questions {
		var n notification
		if err := ioctl(p.listener, notifRecv, unsafe.Pointer(&n)); err != nil {
			t.Fatal(err)
		}
		if again := slices.Contains(asked, n.nr); !again {
			stopWhoAsks(t, int(n.pid))
			asked = append(asked, n.nr)
		}
		p.answer(&n)
		unix.Kill(int(n.pid), unix.SIGCONT)
	}
	return asked
}

// Who waits for its own guest does not wait for the listener, which those have whose guests answer late or never: here somebody keeps
// it, and answers for all.
func TestSuperviseBesideOthers(t *testing.T) {
	p := newPlatform(t, Options{Warm: -1})
	q, th := newGuest(t, p, syscallLoop...)
	wantKind(t, th.Run(), Syscall) // a program that has run asks before it clones
	file, err := os.CreateTemp(t.TempDir(), "")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	fork := func() error {
		child, _, err := th.Fork()
		if err == nil {
			child.Release()
		}
		return err
	}
	for _, c := range []struct {
		name   string
		answer func(*notification)
		asked  int
		order  func() error
		want   error
	}{
		{"fork", p.answer, 2, fork, nil},
		{"a file", p.answer, 1, func() error { return q.Map(th, dataAt, 4096, 3, unix.MAP_SHARED, int(file.Fd()), 0) }, nil},
		{"a refused fork", p.deny, 1, fork, unix.EPERM}, // which nobody but the slot tells of
	} {
		t.Run(c.name, func(t *testing.T) {
			p.listening <- struct{}{}
			defer func() { <-p.listening }()
			got := make(chan error, 1)
			go func() { got <- c.order() }()
			for range c.asked {
				var n notification
				if err := ioctl(p.listener, notifRecv, unsafe.Pointer(&n)); err != nil {
					t.Fatal(err)
				}
				c.answer(&n)
			}
			within(t, "the order to return", func() {
				if err := <-got; !errors.Is(err, c.want) {
					t.Errorf("%v, want %v", err, c.want)
				}
			})
		})
	}
}

// stopWhoAsks sends a stop and returns when it has come to nothing, as who asks can only be killed (D), or stopped it (T).
func stopWhoAsks(t *testing.T, tid int) {
	t.Helper()
	unix.Kill(tid, unix.SIGSTOP)
	waitFor(t, "the stop to reach who asks", func() bool {
		b, _ := os.ReadFile("/proc/" + itoa(tid) + "/stat")
		f := statFields(b)
		return len(f) > 0 && (f[0][0] == 'D' || f[0][0] == 'T')
	})
}
