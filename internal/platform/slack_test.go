package platform

import (
	"os"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// onThread runs f on a thread of its own, which ends with it.
func onThread(f func()) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread()
		f()
	}()
	<-done
}

func ownSlack() uintptr {
	n, _, _ := syscall.RawSyscall(unix.SYS_PRCTL, unix.PR_GET_TIMERSLACK, 0, 0)
	return n
}

// Who waits for guests gets the slack asked for, and what it starts the usual one.
func TestOwnTimerSlack(t *testing.T) {
	onThread(func() {
		RestoreTimerSlack()
		before := ownSlack()
		word := uint32(1)
		futexWait(&word, 2, 0)
		if got := ownSlack(); got != before {
			t.Errorf("%d, and was %d, though none was asked for", got, before)
		}
		futexWait(&word, 2, 300_000)
		if got := ownSlack(); got != 300_000 {
			t.Errorf("%d", got)
		}
		RestoreTimerSlack()
		if got := ownSlack(); got != before {
			t.Errorf("%d for programs, and was %d", got, before)
		}
	})
}

// Guests have theirs, however they came about.
func TestGuestTimerSlack(t *testing.T) {
	p := newPlatform(t, Options{})
	q, th := newGuest(t, p, syscallLoop...)
	wantKind(t, th.Run(), Syscall)
	child, _, err := th.Fork()
	if err != nil {
		t.Fatal(err)
	}
	n, err := th.NewThread()
	if err != nil {
		t.Fatal(err)
	}
	for _, id := range []int{q.pid, child.pid, n.tid} {
		b, err := os.ReadFile("/proc/" + itoa(id) + "/timerslack_ns")
		if err != nil {
			t.Skip("another process's slack is for CAP_SYS_NICE to see: ", err)
		}
		if got := strings.TrimSpace(string(b)); got != itoa(int(guestSlack)) {
			t.Errorf("%s ns", got)
		}
	}
}
