package toaster_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"toaster"
	"toaster/kern"
	"toaster/netbsd"
)

// TestRights: a command of a shared machine has the user, the groups, the mask and the limits that it says, and another one
// of the same machine has its own.
func TestRights(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("to be another user takes root")
	}
	root := t.TempDir()
	exe, err := os.ReadFile(guestExe)
	err = errors.Join(err, os.Chmod(root, 0o755), os.WriteFile(filepath.Join(root, "guest"), exe, 0o755))
	if err != nil {
		t.Fatal(err)
	}
	m, err := toaster.New(context.Background(), toaster.Options{Root: root})
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	cmd := m.Command("/guest", "rights")
	mask := uint32(0o27)
	cmd.User, cmd.Umask = &toaster.User{UID: 1000, GID: 100, Groups: []uint32{5, 6}}, &mask
	cmd.Rlimits = map[int]kern.Rlimit{netbsd.RLIMIT_STACK: {Cur: 1 << 20, Max: 1 << 40}, netbsd.RLIMIT_NPROC: {Cur: 77, Max: 88}}
	cmd.Dir = "/"
	// setrlimit(2) cuts the hard limit of the stack to MAXSSIZ.
	if got, want := run(t, cmd), fmt.Sprintf("1000 100 [5 6] %d %d %d 77 88\n", mask, 1<<20, netbsd.MAXSSIZ); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if got := run(t, m.Command("/guest", "rights")); !strings.HasPrefix(got, fmt.Sprintf("0 %d ", os.Getegid())) {
		t.Errorf("without rights of its own: %q", got)
	}
}

// TestWrongRlimits: a soft limit above the hard one, and a resource that there is none of, are EINVAL (setrlimit(2)).
func TestWrongRlimits(t *testing.T) {
	for _, limits := range []map[int]kern.Rlimit{{netbsd.RLIMIT_NOFILE: {Cur: 2, Max: 1}}, {netbsd.RLIM_NLIMITS: {}}, {-1: {}}} {
		cmd := toaster.Command(guestExe, "rights")
		cmd.Rlimits = limits
		if err := cmd.Run(); !errors.Is(err, netbsd.EINVAL) {
			t.Errorf("%v: %v, want EINVAL", limits, err)
		}
	}
}

// TestMachinePause: nothing comes of a guest in a machine that is paused, whatever it does, and all goes on afterwards.
func TestMachinePause(t *testing.T) {
	m, err := toaster.New(context.Background(), toaster.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	cmd := m.Command(guestExe, "count")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	spin := m.Command(guestExe, "spin")
	if err := errors.Join(cmd.Start(), spin.Start()); err != nil {
		t.Fatal(err)
	}
	lines := make(chan string, 1<<16)
	go func() {
		defer close(lines)
		for s := bufio.NewScanner(out); s.Scan(); {
			lines <- s.Text()
		}
	}()
	<-lines
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if err := m.Pause(ctx); err != nil {
		t.Fatal(err)
	}
	used := spin.Process // it computes, and never comes into the kernel by itself
	before := usage(m, used.Pid)
	time.Sleep(100 * time.Millisecond) // in which it would have used some
	if after := usage(m, used.Pid); after != before {
		t.Errorf("a guest has used %v while paused", after-before)
	}
	for len(lines) > 0 {
		<-lines
	}
	m.Resume()
	if _, open := <-lines; !open {
		t.Error("the guest has ended")
	}
	m.Close()
	cmd.Wait()
	spin.Wait()
}

// usage is the processor time of a guest's own code.
func usage(m *toaster.Machine, pid int) time.Duration {
	u, _ := m.Kern().Find(pid).Rusage(netbsd.RUSAGE_SELF)
	return u.Utime
}
