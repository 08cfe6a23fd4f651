package platform

import (
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func countFDs(t testing.TB) int {
	t.Helper()
	list, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(list)
}

// Close leaves no process, no thread inside Run, no descriptor, no memory.
func TestCloseLeavesNothing(t *testing.T) {
	newPlatform(t, Options{}).Close() // what the runtime opens once
	within(t, "nothing", func() {})   // and for the first timer
	before := countFDs(t)
	for range 5 {
		p, err := New(Options{})
		if err != nil {
			t.Fatal(err)
		}
		var wg sync.WaitGroup
		for range 5 {
			_, th := newGuest(t, p, spinLoop...)
			wg.Go(func() { wantKind(t, th.Run(), Gone) })
		}
		pgid := itoa(p.zygote.pid)
		within(t, "Close", p.Close)
		within(t, "Run", wg.Wait)
		if left := group(t, pgid); len(left) > 0 {
			t.Errorf("processes are left: %v", left)
		}
		if _, _, err := p.NewProcess(); err == nil {
			t.Error("NewProcess of a closed platform works")
		}
		p.Close()
	}
	if n := countFDs(t); n != before {
		t.Errorf("%d descriptors before, %d after", before, n)
	}
	var st unix.WaitStatus
	if pid, err := unix.Wait4(-1, &st, unix.WNOHANG|unix.WALL, nil); err != unix.ECHILD {
		t.Errorf("children are left: %d, %v", pid, err)
	}
}

// A platform whose processes somebody has killed, the zygote too, does nothing more: the
// host reports for good that nobody is left to ask.
func TestNobodyIsLeft(t *testing.T) {
	p := newPlatform(t, Options{})
	_, th := newGuest(t, p, spinLoop...)
	time.AfterFunc(10*time.Millisecond, func() { unix.Kill(-p.zygote.pid, unix.SIGKILL) })
	wantKind(t, th.Run(), Gone)
	waitFor(t, "the reaper to be told no more", func() bool { return !watches(t, p.epoll, p.listener) })
	if _, _, err := p.NewProcess(); err == nil {
		t.Error("NewProcess without a zygote works")
	}
}

// watches reports whether an epoll descriptor has fd in it.
func watches(t *testing.T, epoll, fd int) bool {
	info, err := os.ReadFile("/proc/self/fdinfo/" + itoa(epoll))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(info)) {
		if f := strings.Fields(line); len(f) > 1 && f[0] == "tfd:" && f[1] == itoa(fd) {
			return true
		}
	}
	return false
}

// What the platform says that it holds is what it holds.
func TestDescriptorsAreAccountedFor(t *testing.T) {
	newPlatform(t, Options{}).Close()
	before := countFDs(t)
	p := newPlatform(t, Options{})
	for range 20 {
		newGuest(t, p)
	}
	waitFor(t, "descriptors", func() bool { return countFDs(t)-before == p.Stats().Descriptors })
}

// Running out of descriptors is an error, and no more.
func TestOutOfDescriptors(t *testing.T) {
	p := newPlatform(t, Options{Warm: -1})
	_, th := newGuest(t, p, syscallLoop...)
	var old unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &old); err != nil {
		t.Fatal(err)
	}
	small := old
	small.Cur = uint64(countFDs(t) + 3)
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &small); err != nil {
		t.Fatal(err)
	}
	var list []*Process
	var err error
	for range 50 {
		var q *Process
		if q, _, err = th.Fork(); err != nil {
			break
		}
		list = append(list, q)
	}
	unix.Setrlimit(unix.RLIMIT_NOFILE, &old)
	if err == nil {
		t.Error("no error")
	}
	for _, q := range list {
		q.Release()
	}
	wantKind(t, th.Run(), Syscall)
	accounted(t, p)
	waitFor(t, "windows to come back", func() bool { return p.Stats().Windows == 2 })
	if _, _, err := th.Fork(); err != nil {
		t.Error(err)
	}
}
