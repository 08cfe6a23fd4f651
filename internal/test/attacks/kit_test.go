package attacks

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"toaster/internal/guesttest"
)

// patience is how long a program may take on a busy machine. It decides nothing else.
const patience = 3 * time.Minute

// timeLimit is the status of a command that --wall-time ended (README.md).
const timeLimit = 124

// command is the path of the toaster command, root a directory with all programs, for the
// tests' --root; noCompiler says why there are none.
var command, programs, noCompiler string

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "toaster-attacks-")
	if err == nil {
		err = prepare(dir)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	status := m.Run()
	os.RemoveAll(dir)
	os.Exit(status)
}

func prepare(dir string) error {
	if err := BecomeSubreaper(); err != nil {
		return err
	}
	if err := guesttest.DefaultSignals(); err != nil {
		return err
	}
	if err := os.Chmod(dir, 0o755); err != nil { // others run programs of it
		return err
	}
	command = filepath.Join(dir, "toaster")
	build := exec.Command("go", "build", "-buildvcs=false", "-o", command, "toaster/cmd/toaster")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		return fmt.Errorf("go build: %w\n%s", err, out)
	}
	programs = filepath.Join(dir, "programs")
	err := Build(programs)
	if errors.Is(err, ErrNoCompiler) {
		noCompiler, err = err.Error(), nil
	}
	return err
}

// newRoot is a root with all programs in it.
func newRoot(t *testing.T) string {
	t.Helper()
	if noCompiler != "" {
		t.Skip(noCompiler)
	}
	root, err := os.MkdirTemp(filepath.Dir(programs), "root-") // below what others may enter
	if err == nil {
		err = os.Chmod(root, 0o777)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(root) })
	list, err := os.ReadDir(programs)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range list {
		b, err := os.ReadFile(filepath.Join(programs, e.Name()))
		if err == nil {
			err = os.WriteFile(filepath.Join(root, e.Name()), b, 0o755)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return root
}

// outcome is how a run of the command ended.
type outcome struct {
	out    string
	status int
	took   time.Duration // by a fair clock
}

// attack runs a program below a root by the toaster command, and checks what holds for all
// of them: the kernel ends in time and by itself, not by a panic nor by Go's runtime, and no
// process remains.
func attack(t *testing.T, cmd *exec.Cmd) outcome {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	cmd.WaitDelay = patience
	clock := guesttest.NewFairClock(t)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	stop := context.AfterFunc(ctx, func() {
		t.Errorf("%v hangs", cmd.Args)
		cmd.Process.Kill()
	})
	err := cmd.Wait()
	stop()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Errorf("%v: %v", cmd.Args, err)
	}
	o := outcome{out.String(), cmd.ProcessState.ExitCode(), clock.Now()}
	for _, bad := range []string{"panic", "fatal error", "goroutine ", "a bug in toaster", "runtime: "} {
		if strings.Contains(o.out, bad) {
			t.Errorf("%v: %q in its output", cmd.Args, bad)
		}
	}
	if o.status == 125 || o.status == 2 {
		t.Errorf("%v: status %d, the kernel's own", cmd.Args, o.status)
	}
	nobodyRemains(t)
	if t.Failed() {
		t.Logf("%v, status %d, %v:\n%s", cmd.Args, o.status, o.took, o.out)
	}
	return o
}

// inRoot is the command line for a program below root.
func inRoot(root string, args ...string) *exec.Cmd {
	return exec.Command(command, append([]string{"run", "--root", root}, args...)...)
}

func nobodyRemains(t *testing.T) {
	t.Helper()
	if left := AwaitNoChildren(patience); left != "" {
		t.Error(left)
	}
}

// says demands that each text is, or with a "!" in front is not, in what was written.
func (o outcome) says(t *testing.T, want ...string) {
	t.Helper()
	for _, w := range want {
		text, not := strings.CutPrefix(w, "!")
		if strings.Contains(o.out, text) == not {
			t.Errorf("wanted %q in the output: %v\n%s", text, !not, o.out)
		}
	}
}
