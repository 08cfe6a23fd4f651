package toaster_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"toaster"
	"toaster/internal/guesttest"
	"toaster/netbsd"
)

// These tests hold to what Wait promises: it returns within a second of the deadline,
// whatever the guests do. The second is a fair clock's: on a busy machine who ends guests waits for a core.

// prompt runs f, and fails if it has not returned a second after the deadline.
func prompt(t *testing.T, deadline time.Duration, f func()) {
	t.Helper()
	clock := guesttest.NewFairClock(t)
	f()
	if took := clock.Now(); took > deadline+time.Second {
		t.Errorf("returned %v after a deadline of %v", took-deadline, deadline)
	}
}

// stubborn are guests that do not end by themselves, nor by a signal that can be caught;
// each prints a line when it is that far.
var stubborn = []string{"deaf", "parent-of-deaf", "orphan", "bomb", "spin"}

func TestDeadlineOfOwnMachine(t *testing.T) {
	for _, manner := range stubborn {
		t.Run(manner, func(t *testing.T) {
			ctx, cancel := context.WithCancel(context.Background())
			defer cancel()
			cmd := toaster.CommandContext(ctx, guestExe, manner)
			cmd.Options.MaxProcs = 30
			out := newFirstLine(t, cancel)
			cmd.Stdout = out
			if err := cmd.Run(); err == nil {
				t.Error("no error")
			}
			if took := out.since(); took > time.Second {
				t.Errorf("Wait returned %v after the end of the context", took)
			}
		})
	}
}

// firstLine calls seen when the first bytes are written to it.
type firstLine struct {
	seen  func()
	clock *guesttest.FairClock
	at    time.Duration // 0 until then
}

func newFirstLine(t *testing.T, seen func()) *firstLine {
	return &firstLine{seen: seen, clock: guesttest.NewFairClock(t)}
}

func (f *firstLine) Write(b []byte) (int, error) {
	if f.at == 0 {
		f.at = f.clock.Now()
		f.seen()
	}
	return len(b), nil
}

// since returns how long ago that was, by a fair clock.
func (f *firstLine) since() time.Duration { return f.clock.Now() - f.at }

// On a machine that others use the deadline ends the program alone: a descendant that
// holds the output does not hold Wait, and goes on.
func TestDeadlineOnSharedMachine(t *testing.T) {
	for _, manner := range stubborn {
		t.Run(manner, func(t *testing.T) {
			m, err := toaster.New(context.Background(), toaster.Options{MaxProcs: 30})
			if err != nil {
				t.Fatal(err)
			}
			defer m.Close()
			ctx, cancel := context.WithCancel(context.Background())
			defer cancel()
			cmd := m.CommandContext(ctx, guestExe, manner)
			out := newFirstLine(t, cancel)
			cmd.Stdout = out
			err = cmd.Run()
			if took := out.since(); took > time.Second {
				t.Errorf("Wait returned %v after the end of the context", took)
			}
			var exit *toaster.ExitError
			switch ended := errors.Is(err, toaster.ErrWaitDelay) || errors.Is(err, context.Canceled); {
			case ended && manner == "orphan": // it ended by itself, its output did not
			case !errors.As(err, &exit), exit.Status().TermSignal() != netbsd.SIGKILL:
				t.Errorf("got %v, want death by SIGKILL", err)
			}
			if manner != "bomb" { // what it has started leaves no room
				if out := run(t, m.Command(guestExe, "args", "others")); out != "[\"others\"] \n" {
					t.Errorf("another program says %q", out)
				}
			}
			prompt(t, 0, func() { m.Close() })
		})
	}
}

// WaitDelay as os/exec has it: the program has ended with status 0, its output has not.
func TestWaitDelayAfterTheProgram(t *testing.T) {
	m, err := toaster.New(context.Background(), toaster.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	var out bytes.Buffer
	cmd := m.Command(guestExe, "orphan")
	cmd.Stdout = &out
	cmd.WaitDelay = 20 * time.Millisecond
	if err := cmd.Run(); err != toaster.ErrWaitDelay || out.String() != "orphan\n" {
		t.Errorf("%v, %q; want ErrWaitDelay, and what was written", err, &out)
	}
}

// Cancel stands for the kill; a program that does not heed it is killed after WaitDelay.
func TestCancel(t *testing.T) {
	for _, c := range []struct {
		manner string
		want   netbsd.Signal
	}{{"wait", netbsd.SIGTERM}, {"deaf", netbsd.SIGKILL}} {
		t.Run(c.manner, func(t *testing.T) {
			ctx, cancel := context.WithCancel(context.Background())
			defer cancel()
			cmd := toaster.CommandContext(ctx, guestExe, c.manner)
			cmd.Stdout = newFirstLine(t, cancel)
			cmd.WaitDelay = 50 * time.Millisecond
			if c.want == netbsd.SIGTERM {
				cmd.WaitDelay = time.Minute
			}
			cmd.Cancel = func() error { return cmd.Process.Signal(netbsd.SIGTERM) }
			var exit *toaster.ExitError
			if err := cmd.Run(); !errors.As(err, &exit) || exit.Status().TermSignal() != c.want {
				t.Errorf("got %v, want death by %v", err, c.want)
			}
		})
	}
}

// What Cancel returns is Wait's error if the program itself ends well, but for
// os.ErrProcessDone, as in os/exec.
func TestCancelsError(t *testing.T) {
	mine := errors.New("mine")
	for _, c := range []struct{ cancels, want error }{
		{nil, context.Canceled}, {os.ErrProcessDone, nil}, {mine, mine},
	} {
		ctx, cancel := context.WithCancel(context.Background())
		cmd := toaster.CommandContext(ctx, guestExe, "cat")
		in, err := cmd.StdinPipe()
		if err != nil {
			t.Fatal(err)
		}
		cmd.WaitDelay = time.Minute
		cmd.Cancel = func() error {
			in.Close() // the program ends with status 0
			return c.cancels
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		cancel()
		if err := cmd.Wait(); !errors.Is(err, c.want) {
			t.Errorf("Cancel returned %v: got %v, want %v", c.cancels, err, c.want)
		}
	}
}

// A signal to a program that has ended is os.ErrProcessDone.
func TestSignalAfterTheEnd(t *testing.T) {
	cmd := toaster.Command(guestExe, "exit", "0")
	if err := cmd.Run(); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Process.Kill(); !errors.Is(err, os.ErrProcessDone) {
		t.Errorf("got %v", err)
	}
}

// A limit that ends the machine ends every command in it, and each says why.
func TestLimitsEndTheMachine(t *testing.T) {
	for _, c := range []struct {
		limit, manner string
		opts          toaster.Options
	}{
		{toaster.LimitWall, "deaf", toaster.Options{WallTime: 200 * time.Millisecond}},
		{toaster.LimitWall, "bomb", toaster.Options{WallTime: 200 * time.Millisecond, MaxProcs: 30}},
		{toaster.LimitCPU, "spin", toaster.Options{CPUTime: 100 * time.Millisecond}},
		{toaster.LimitOutput, "yes", toaster.Options{MaxOutput: 1000}},
	} {
		t.Run(c.limit+"/"+c.manner, func(t *testing.T) {
			var told atomic.Int32
			c.opts.OnLimit = func(e *toaster.LimitError) {
				if e.Limit == c.limit {
					told.Add(1)
				}
			}
			m, err := toaster.New(context.Background(), c.opts)
			if err != nil {
				t.Fatal(err)
			}
			defer m.Close()
			done := make(chan error, 2)
			for _, manner := range []string{"wait", c.manner} {
				cmd := m.Command(guestExe, manner)
				cmd.Stdout = io.Discard
				if err := cmd.Start(); err != nil { // too late, on a busy machine
					done <- err
					continue
				}
				go func() { done <- cmd.Wait() }()
			}
			for range 2 {
				var limit *toaster.LimitError
				if err := <-done; !errors.As(err, &limit) || limit.Limit != c.limit || limit.Err == nil {
					t.Errorf("got %v, want a LimitError of %s around an error of the program", err, c.limit)
				}
			}
			var limit *toaster.LimitError
			if err := m.Command(guestExe, "exit", "0").Run(); !errors.As(err, &limit) {
				t.Errorf("on a machine that has ended: %v", err)
			}
			if told.Load() != 1 {
				t.Errorf("told %d times", told.Load())
			}
			prompt(t, 0, func() { m.Close() })
		})
	}
}

// An OnLimit that does not return delays neither the end of the machine nor Wait.
func TestSlowOnLimit(t *testing.T) {
	stuck := make(chan struct{})
	defer close(stuck)
	cmd := toaster.Command(guestExe, "deaf")
	cmd.Options.WallTime = 100 * time.Millisecond
	cmd.Options.OnLimit = func(*toaster.LimitError) { <-stuck }
	var limit *toaster.LimitError
	prompt(t, cmd.Options.WallTime, func() {
		if err := cmd.Run(); !errors.As(err, &limit) {
			t.Errorf("got %v", err)
		}
	})
}

// Under a root a command gets no environment but its own, and NetBSD's default path.
func TestRootTakesNothingAlong(t *testing.T) {
	t.Setenv("GREETING", "hello")
	root := rootWithGuest(t)
	for _, c := range []struct {
		env  []string
		want string
	}{{nil, "[] \n"}, {[]string{"GREETING=hi"}, "[] hi\n"}} {
		cmd := toaster.Command("guest", "args")
		cmd.Options.Root = root
		cmd.Env = c.env
		if got := run(t, cmd); got != c.want {
			t.Errorf("Env %q: the program says %q, want %q", c.env, got, c.want)
		}
	}
}

// rootWithGuest is a file tree with the guest in its /bin.
func rootWithGuest(t *testing.T) string {
	t.Helper()
	root := t.TempDir()
	exe, err := os.ReadFile(guestExe)
	if err == nil {
		err = os.Mkdir(root+"/bin", 0o755)
	}
	if err == nil {
		err = os.WriteFile(root+"/bin/guest", exe, 0o755)
	}
	if err != nil {
		t.Fatal(err)
	}
	return root
}

// A fork bomb stays within MaxProcs, and others go on beside it.
func TestForkBombWithinItsLimit(t *testing.T) {
	const limit = 20
	refused := make(chan *toaster.LimitError, 8)
	m, err := toaster.New(context.Background(), toaster.Options{MaxProcs: limit, OnLimit: func(e *toaster.LimitError) { refused <- e }})
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	beside := m.Command(guestExe, "cat")
	in, err := beside.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := beside.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	bomb := m.Command(guestExe, "bomb")
	for _, c := range []*toaster.Cmd{beside, bomb} {
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
	}
	if e := <-refused; e.Limit != toaster.LimitProcs || !strings.Contains(e.Error(), fmt.Sprint(limit)) {
		t.Errorf("told of %v", e)
	}
	if n := m.Kern().NumProcs(); n > limit+1 { // and init
		t.Errorf("%d processes", n)
	}
	fmt.Fprintln(in, "still here")
	if line, err := bufio.NewReader(out).ReadString('\n'); line != "still here\n" {
		t.Errorf("the program beside it: %q, %v", line, err)
	}
	prompt(t, 0, func() { m.Close() })
	bomb.Wait()
	beside.Wait()
}
