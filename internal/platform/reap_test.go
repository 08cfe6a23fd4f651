package platform

import (
	"regexp"
	"runtime"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// Strays are collected without a thread of toaster's each, also those beyond maxStrays, and
// whoever is none is left alone.
func TestStraysAreCollected(t *testing.T) {
	p := newPlatform(t, Options{Warm: -1})
	threads := ourThreads(t)
	pipe := make([]int, 2)
	if err := unix.Pipe2(pipe, unix.O_CLOEXEC); err != nil {
		t.Fatal(err)
	}
	var pids []int
	for range maxStrays + 20 {
		// It ends when the pipe is closed.
		pid, err := syscall.ForkExec("/bin/cat", []string{"cat"}, &syscall.ProcAttr{Files: []uintptr{uintptr(pipe[0])}})
		if err != nil {
			t.Fatal(err)
		}
		pids = append(pids, pid)
		p.collectStray(pid)
	}
	p.collectStray(unix.Getpid() + 1<<22)
	if n := ourThreads(t); n > threads+maxStrays/4 {
		t.Errorf("%d threads, %d before", n, threads)
	}
	unix.Close(pipe[1])
	unix.Close(pipe[0])
	waitFor(t, "strays to be collected", func() bool {
		p.mu.Lock()
		defer p.mu.Unlock()
		return len(p.strays) == 0
	})
	// Those that were not waited for are found when the next one ends.
	waitFor(t, "all to be collected", func() bool {
		pid, err := syscall.ForkExec("/bin/true", []string{"true"}, nil)
		if err != nil {
			t.Fatal(err)
		}
		p.collectStray(pid)
		p.mu.Lock()
		defer p.mu.Unlock()
		return len(p.unwatchedStrays) == 0
	})
	for _, pid := range pids {
		if got, err := unix.Wait4(pid, nil, unix.WNOHANG, nil); err != unix.ECHILD {
			t.Fatalf("process %d has not been collected: %d, %v", pid, got, err)
		}
	}
}

// As long as somebody has mu and finds reaped unset, the pid is the dead process's: a signal goes to nobody else.
func TestPidIsKeptUnderTheLock(t *testing.T) {
	p := newPlatform(t, Options{Warm: -1})
	q, _ := newGuest(t, p)
	q.mu.Lock()
	unix.Kill(q.pid, unix.SIGKILL)
	waitFor(t, "the reaper to want the lock", reaperWaits)
	if err := unix.Kill(q.pid, 0); err != nil || q.reaped {
		t.Errorf("signal 0 to the process: %v; reaped is %v", err, q.reaped)
	}
	q.mu.Unlock()
	<-q.Gone()
	if err := unix.Kill(q.pid, 0); err != unix.ESRCH {
		t.Errorf("signal 0 to a process that is gone: %v, want ESRCH", err)
	}
}

// reaperWaits reports whether a reaper waits for a lock.
func reaperWaits() bool {
	stacks := make([]byte, 1<<20)
	stacks = stacks[:runtime.Stack(stacks, true)]
	return regexp.MustCompile(`\[sync\.Mutex\.Lock[^\]]*\]:\n(\S.*\n\s.*\n)*?\S*reapLoop`).Match(stacks)
}
