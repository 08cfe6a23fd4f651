package toaster_test

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"toaster"
	"toaster/netbsd"
)

// These tests hold Cmd, Process and ProcessState to what os/exec and os document of theirs.

// "Err: LookPath error, if any": Start returns it. A name without a slash that PATH does not
// have is exec.ErrNotFound; so is a path that leads to nothing, which for callers is the
// same, and also fs.ErrNotExist, as os/exec has it.
func TestErr(t *testing.T) {
	mine := errors.New("mine")
	cmd := toaster.Command(guestExe, "exit", "0")
	cmd.Err = mine
	if err := cmd.Start(); err != mine {
		t.Errorf("with Err set Start returned %v", err)
	}
	cmd = toaster.Command("no-such-program")
	if cmd.Err != nil {
		t.Errorf("Command has looked the name up: %v", cmd.Err)
	}
	err := cmd.Start()
	if !errors.Is(err, exec.ErrNotFound) || cmd.Err != err {
		t.Errorf("Start returned %v, Err is %v", err, cmd.Err)
	}
	err = toaster.Command("./no-such-program").Start()
	if !errors.Is(err, exec.ErrNotFound) || !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a path that leads to nothing: %v", err)
	}
	if err := new(toaster.Cmd).Start(); err == nil || errors.Is(err, exec.ErrNotFound) {
		t.Errorf("a Cmd without Path: %v", err)
	}
	if err := toaster.Command("/proc/self/exe").Start(); err == nil || errors.Is(err, exec.ErrNotFound) {
		t.Errorf("a program of the host: %v", err)
	}
}

// String is a description for people: the program and its arguments, or Args if Err is set.
func TestString(t *testing.T) {
	cmd := toaster.Command("/bin/prog", "one", "two words")
	cmd.Args[0] = "other"
	if got := cmd.String(); got != "/bin/prog one two words" {
		t.Errorf("got %q", got)
	}
	cmd.Err = exec.ErrNotFound
	if got := cmd.String(); got != "other one two words" {
		t.Errorf("with Err: %q", got)
	}
	if got := (&toaster.Cmd{Path: "prog"}).String(); got != "prog" {
		t.Errorf("without Args: %q", got)
	}
}

// "If the Args field is empty or nil, Run uses {Path}."
func TestNoArgs(t *testing.T) {
	out, err := (&toaster.Cmd{Path: guestExe}).CombinedOutput()
	var exit *toaster.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() != 2 || !strings.Contains(string(out), "index out of range [1] with length 1") {
		t.Errorf("%v, %q; want the guest to miss its first argument", err, out)
	}
}

// Environ has what the program will have, and PWD for Dir.
func TestEnviron(t *testing.T) {
	dir := t.TempDir()
	cmd := toaster.Command(guestExe, "args")
	cmd.Dir = dir
	if env := cmd.Environ(); !slices.Contains(env, "PWD="+dir) {
		t.Errorf("no PWD for %s in %q", dir, env)
	}
	cmd.Env = []string{"GREETING=hi", "GREETING=hello"}
	if env := cmd.Environ(); !slices.Equal(env, []string{"GREETING=hello"}) {
		t.Errorf("got %q", env)
	}
	if got := run(t, cmd); got != "[] hello\n" {
		t.Errorf("the program says %q", got)
	}
	rooted := toaster.Command("/prog")
	rooted.Options.Root = dir
	if env := rooted.Environ(); len(env) != 0 {
		t.Errorf("under a root: %q", env)
	}
}

// Process.Wait returns how the program ended, as often as it is asked, beside Cmd.Wait.
func TestProcessWait(t *testing.T) {
	cmd := toaster.Command(guestExe, "exit", "7")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if s, err := cmd.Process.Wait(); err != nil || s.ExitCode() != 7 || s.Pid() != cmd.Process.Pid {
			t.Errorf("got %v, %v", s, err)
		}
	}
	var exit *toaster.ExitError
	if err := cmd.Wait(); !errors.As(err, &exit) || exit.ExitCode() != 7 {
		t.Errorf("Cmd.Wait after it: %v", err)
	}
	if s, err := cmd.Process.Wait(); err != nil || s.ExitCode() != 7 {
		t.Errorf("after Cmd.Wait: %v, %v", s, err)
	}
}

// UserTime is "the user CPU time of the exited process and its children", of which wait4(2)
// counts those that it has waited for.
func TestProcessTimes(t *testing.T) {
	for _, manner := range []string{"burn", "parent-of-burn"} {
		cmd := toaster.Command(guestExe, manner)
		if err := cmd.Run(); err != nil {
			t.Fatal(err)
		}
		s := cmd.ProcessState
		if s.UserTime() < burnt {
			t.Errorf("%s: %v of user time, want the %v that the guest has counted", manner, s.UserTime(), burnt)
		}
		if s.SystemTime() <= 0 {
			t.Errorf("%s: no system time", manner)
		}
		usage, ok := s.SysUsage().(*netbsd.Rusage)
		if !ok || *usage != s.Usage() || usage.Utime != s.UserTime() || usage.Stime != s.SystemTime() {
			t.Errorf("%s: SysUsage %v, Usage %v", manner, s.SysUsage(), s.Usage())
		}
	}
}

// burnt is how much user time the guest's "burn" spends at least, and some system time.
const burnt = 50 * time.Millisecond

// What a process has used stays its own when it executes a program of the host (getrusage(2): of the process, whatever it has run).
func TestProcessTimesOverAHostProgram(t *testing.T) {
	cmd := toaster.Command(guestExe, "work")
	if err := cmd.Run(); err != nil {
		t.Fatal(err)
	}
	if ps := cmd.ProcessState; ps.UserTime()+ps.SystemTime() < 50*time.Millisecond {
		t.Errorf("%v in user mode and %v in the kernel of 50 ms", ps.UserTime(), ps.SystemTime())
	}
}

// ProcessState says what os.ProcessState does of exits, deaths and no process at all.
func TestProcessState(t *testing.T) {
	var none *toaster.ProcessState
	if none.ExitCode() != -1 || none.String() != "<nil>" {
		t.Errorf("before the end: %d, %q", none.ExitCode(), none)
	}
	for _, c := range []struct {
		args            []string
		exited, success bool
		code            int
		text            string
	}{
		{[]string{"exit", "0"}, true, true, 0, "exit status 0"},
		{[]string{"exit", "3"}, true, false, 3, "exit status 3"},
		{[]string{"crash"}, false, false, -1, "signal: SIGKILL"},
	} {
		cmd := toaster.Command(guestExe, c.args...)
		cmd.Run()
		s := cmd.ProcessState
		if s.Exited() != c.exited || s.Success() != c.success || s.ExitCode() != c.code || s.String() != c.text {
			t.Errorf("%q: %v, %v, %d, %q", c.args, s.Exited(), s.Success(), s.ExitCode(), s)
		}
		if s.Sys() != s.Status() {
			t.Errorf("%q: Sys %v, Status %v", c.args, s.Sys(), s.Status())
		}
	}
}

// "If Cancel is non-nil, the command must have been created with CommandContext."
func TestCancelNeedsAContext(t *testing.T) {
	cmd := toaster.Command(guestExe, "exit", "0")
	cmd.Cancel = func() error { return nil }
	if err := cmd.Start(); err == nil || !strings.Contains(err.Error(), "CommandContext") {
		t.Errorf("got %v", err)
	}
	if toaster.CommandContext(context.Background(), guestExe).Cancel == nil {
		t.Error("CommandContext has not set Cancel")
	}
}

// "If Cancel is set to nil, nothing will happen immediately when the command's Context is
// done, but a nonzero WaitDelay will still take effect."
func TestNoCancel(t *testing.T) {
	for _, end := range []string{"itself", "WaitDelay"} {
		ctx, cancel := context.WithCancel(context.Background())
		defer cancel()
		cmd := toaster.CommandContext(ctx, guestExe, "cat")
		cmd.Cancel = nil
		in, err := cmd.StdinPipe()
		if err != nil {
			t.Fatal(err)
		}
		cmd.WaitDelay = time.Minute
		if end == "WaitDelay" {
			cmd.WaitDelay = time.Millisecond
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		cancel()
		if end == "itself" {
			in.Close()
			if err := cmd.Wait(); err != nil || !cmd.ProcessState.Success() {
				t.Errorf("the program that ends by itself: %v, %v", err, cmd.ProcessState)
			}
			continue
		}
		var exit *toaster.ExitError
		if err := cmd.Wait(); !errors.As(err, &exit) || exit.Status().TermSignal() != netbsd.SIGKILL {
			t.Errorf("after WaitDelay: %v, want death by SIGKILL", err)
		}
	}
}

// WaitDelay holds before Wait is called, too: the program that does not heed Cancel is
// killed, and whoever reads from StdoutPipe gets to Wait, though another process holds the
// pipe ("those pipes are closed in order to unblock any goroutines currently blocked on
// Read or Write calls").
func TestWaitDelayBeforeWait(t *testing.T) {
	for _, manner := range []string{"orphan", "deaf"} {
		t.Run(manner, func(t *testing.T) {
			m, err := toaster.New(context.Background(), toaster.Options{})
			if err != nil {
				t.Fatal(err)
			}
			defer m.Close()
			ctx, cancel := context.WithCancel(context.Background())
			defer cancel()
			cmd := m.CommandContext(ctx, guestExe, manner)
			cmd.Cancel = func() error { return nil }
			cmd.WaitDelay = 20 * time.Millisecond
			out, err := cmd.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			if _, err := io.ReadFull(out, make([]byte, len(manner))); err != nil {
				t.Fatal(err)
			}
			cancel()
			io.Copy(io.Discard, out) // it returns
			var exit *toaster.ExitError
			err = cmd.Wait()
			switch killed := errors.As(err, &exit) && exit.Status().TermSignal() == netbsd.SIGKILL; {
			case manner == "deaf" && !killed:
				t.Errorf("got %v, want death by SIGKILL", err)
			case manner == "orphan" && err != context.Canceled && !killed: // it may not have ended by itself yet
				t.Errorf("got %v, want %v", err, context.Canceled)
			}
		})
	}
}

// The Cancel that CommandContext sets can be called from another one.
func TestCancelOfCancel(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	cmd := toaster.CommandContext(ctx, guestExe, "wait")
	cmd.Stdout = newFirstLine(t, cancel)
	kill, called := cmd.Cancel, false
	cmd.Cancel = func() error {
		called = true
		return kill()
	}
	var exit *toaster.ExitError
	if err := cmd.Run(); !errors.As(err, &exit) || exit.Status().TermSignal() != netbsd.SIGKILL || !called {
		t.Errorf("got %v, called %v; want death by SIGKILL", err, called)
	}
}

// No start leaves a descriptor of this process behind if it fails.
func TestFailedStartLeavesNoDescriptors(t *testing.T) {
	m, err := toaster.New(context.Background(), toaster.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	before := descriptors(t)
	for range 10 {
		cmd := m.Command("./no-such-program")
		cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(""), &strings.Builder{}, &strings.Builder{}
		if err := cmd.Start(); err == nil {
			t.Fatal("no error")
		}
	}
	if after := descriptors(t); after > before {
		t.Errorf("%d descriptors before, %d after", before, after)
	}
}

func descriptors(t *testing.T) int {
	t.Helper()
	list, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(list)
}

// The end of New's context closes the machine: what ran there has ended, and nothing starts.
func TestContextClosesTheMachine(t *testing.T) {
	for _, manner := range stubborn {
		t.Run(manner, func(t *testing.T) {
			ctx, cancel := context.WithCancel(context.Background())
			defer cancel()
			m, err := toaster.New(ctx, toaster.Options{MaxProcs: 30})
			if err != nil {
				t.Fatal(err)
			}
			cmd := m.Command(guestExe, manner)
			out := newFirstLine(t, cancel)
			cmd.Stdout = out
			if err := cmd.Run(); err == nil {
				t.Error("no error")
			}
			if took := out.since(); took > time.Second {
				t.Errorf("Wait returned %v after the end of the context", took)
			}
			if err := m.Command(guestExe, "exit", "0").Run(); err != context.Canceled {
				t.Errorf("Start after the end of the context: %v", err)
			}
			prompt(t, 0, func() {
				if err := m.Close(); err != nil {
					t.Errorf("Close: %v", err)
				}
			})
			if n := m.Kern().NumProcs(); n > 1 { // init
				t.Errorf("%d processes are left", n)
			}
		})
	}
}

// A closed machine says so; one whose context had ended is not made.
func TestClosedMachine(t *testing.T) {
	m, err := toaster.New(context.Background(), toaster.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := m.Close(); err != nil {
		t.Error(err)
	}
	for _, dir := range []string{"", "/tmp"} {
		cmd := m.Command(guestExe, "exit", "0")
		cmd.Dir = dir
		if err := cmd.Run(); !errors.Is(err, os.ErrClosed) {
			t.Errorf("on a closed machine: %v", err)
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := toaster.New(ctx, toaster.Options{}); err != context.Canceled {
		t.Errorf("New with a context that has ended: %v", err)
	}
}

// A command that is being started while its machine is closed either runs or says why not.
func TestStartBesideClose(t *testing.T) {
	for range 5 {
		var log logBuffer
		ctx, cancel := context.WithCancel(context.Background())
		m, err := toaster.New(ctx, toaster.Options{Log: &log})
		if err != nil {
			t.Fatal(err)
		}
		done := make(chan error)
		go func() {
			for {
				if err := m.Command(guestExe, "exit", "0").Run(); err != nil {
					done <- err
					return
				}
			}
		}()
		if err := m.Command(guestExe, "exit", "0").Run(); err != nil {
			t.Error(err)
		}
		cancel()
		var exit *toaster.ExitError
		if err := <-done; err != context.Canceled && !errors.As(err, &exit) {
			t.Errorf("got %v", err)
		}
		if err := m.Close(); err != nil || log.String() != "" {
			t.Errorf("Close: %v, %s", err, log.String())
		}
	}
}

// Grace is what programs have from the end of the machine's context until they are killed.
func TestGraceAfterTheContext(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	m, err := toaster.New(ctx, toaster.Options{Grace: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	cmd := m.Command(guestExe, "hangup")
	cmd.Stdout = newFirstLine(t, cancel)
	var exit *toaster.ExitError
	if err := cmd.Run(); !errors.As(err, &exit) || exit.ExitCode() != 9 {
		t.Errorf("got %v; want the exit status that the program chose on SIGHUP", err)
	}
}

// "If non-nil, entry i becomes file descriptor 3+i": os.ProcAttr has a nil one be a closed descriptor.
func TestNilExtraFile(t *testing.T) {
	null, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	for _, c := range []struct {
		first *os.File
		want  int
	}{{null, 0}, {nil, int(netbsd.EBADF)}} {
		cmd := toaster.Command(guestExe, "fstat3")
		cmd.ExtraFiles = []*os.File{c.first, null}
		if cmd.Run(); cmd.ProcessState.ExitCode() != c.want {
			t.Errorf("with %v: %v, want status %d", c.first, cmd.ProcessState, c.want)
		}
	}
}

// "If the error output is long, Stderr may contain only a prefix and suffix of the output": a program that writes
// without end does not fill this process's memory.
func TestOutputOfMuch(t *testing.T) {
	_, err := toaster.Command(guestExe, "complain", "1000000").Output()
	var exit *toaster.ExitError
	if !errors.As(err, &exit) {
		t.Fatal(err)
	}
	got := string(exit.Stderr)
	if len(got) > 100_000 || !strings.HasPrefix(got, "first") || !strings.HasSuffix(got, "last") || !strings.Contains(got, "\n... omitting 934473 bytes ...\n") {
		t.Errorf("%d bytes, %.10q to %q", len(got), got, got[max(0, len(got)-10):])
	}
	_, err = toaster.Command(guestExe, "complain", "40000").Output()
	if !errors.As(err, &exit) || len(exit.Stderr) != 40009 {
		t.Errorf("of little: %d bytes", len(exit.Stderr))
	}
}

// Wait stops the watch over the context: once it has returned Cancel is not called any more, even if the context has ended
// just before.
func TestNoCancelAfterWait(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1)) // what has been told is heard late
	m, err := toaster.New(context.Background(), toaster.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	for range 10 {
		ctx, cancel := context.WithCancel(context.Background())
		cmd := m.CommandContext(ctx, guestExe, "exit", "0")
		var calls atomic.Int32
		cmd.Cancel = func() error {
			calls.Add(1)
			return os.ErrProcessDone
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		cmd.Process.Wait()
		cancel()
		if err := cmd.Wait(); err != nil {
			t.Error(err)
		}
		before := calls.Load()
		for range 100 {
			runtime.Gosched()
		}
		if calls.Load() != before {
			t.Fatal("Cancel was called after Wait")
		}
	}
}

// MakeDir has the working directory be made, in a machine of the command's own, too.
func TestMakeDirOfOwnMachine(t *testing.T) {
	cmd := toaster.Command("/bin/guest", "dir")
	cmd.Options.Root = rootWithGuest(t)
	cmd.Dir, cmd.MakeDir = "/a/b", true
	if got := run(t, cmd); got != "/a/b <nil>\n" {
		t.Errorf("the program is in %q", got)
	}
	if st, err := os.Stat(filepath.Join(cmd.Options.Root, "a/b")); err != nil || !st.IsDir() {
		t.Errorf("on the host: %v, %v", st, err)
	}
}
