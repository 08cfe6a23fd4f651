package attacks

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"toaster/internal/guesttest"
)

// patience is how long a program may take on a busy machine. It decides nothing else.
const patience = 3 * time.Minute

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
	// What a killed kernel leaves behind becomes ours, so that we see it.
	if err := becomeSubreaper(); err != nil {
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
	return compile(programs)
}

// compile builds the programs as static NetBSD executables.
func compile(dir string) error {
	cc := ""
	for _, name := range []string{"gcc", "clang"} {
		if path, err := exec.LookPath(name); err == nil {
			cc = path
			break
		}
	}
	if cc == "" {
		noCompiler = "neither gcc nor clang is on PATH; install one (Debian: apt-get install gcc)"
		return nil
	}
	if err := os.Mkdir(dir, 0o755); err != nil {
		return err
	}
	sources, err := filepath.Glob("programs/*.c")
	if err != nil || len(sources) == 0 {
		return errors.Join(err, errors.New("no programs"))
	}
	for _, src := range sources {
		exe := filepath.Join(dir, strings.TrimSuffix(filepath.Base(src), ".c"))
		args := append(strings.Fields("-O1 -std=gnu11 -nostdlib -static -fno-pic -no-pie -fno-stack-protector -mno-red-zone "+
			"-mgeneral-regs-only -fcf-protection=none -fno-asynchronous-unwind-tables -w "+
			"-Wl,--build-id=none,-z,norelro,-z,noexecstack,-e,_start -o"), exe, src)
		if out, err := exec.Command(cc, args...).CombinedOutput(); err != nil {
			return fmt.Errorf("%s %s: %w\n%s", cc, src, err, out)
		}
	}
	return nil
}

// becomeSubreaper makes orphans below us our children (prctl(2), PR_SET_CHILD_SUBREAPER).
func becomeSubreaper() error {
	const prSetChildSubreaper = 36
	if _, _, e := syscall.RawSyscall6(syscall.SYS_PRCTL, prSetChildSubreaper, 1, 0, 0, 0, 0); e != 0 {
		return os.NewSyscallError("prctl", e)
	}
	return nil
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
	took   time.Duration
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
	cmd.WaitDelay = 5 * time.Second
	begun := time.Now()
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
	o := outcome{out.String(), cmd.ProcessState.ExitCode(), time.Since(begun)}
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

// nobodyRemains waits until we have no children. What dies with its parent takes a moment.
func nobodyRemains(t *testing.T) {
	t.Helper()
	var left []string
	for end := time.Now().Add(10 * time.Second); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		if left = children(t); len(left) == 0 {
			return
		}
	}
	t.Errorf("processes remain: %v", left)
	for _, l := range left {
		pid, _, _ := strings.Cut(l, " ")
		if n, err := strconv.Atoi(pid); err == nil {
			syscall.Kill(n, syscall.SIGKILL)
		}
	}
}

// children lists our children and collects those that are dead.
func children(t *testing.T) (list []string) {
	t.Helper()
	me := strconv.Itoa(os.Getpid())
	dir, err := os.ReadDir("/proc")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range dir {
		stat, err := os.ReadFile("/proc/" + e.Name() + "/stat")
		if err != nil {
			continue
		}
		_, rest, _ := strings.Cut(string(stat), ") ")
		f := strings.Fields(rest)
		if len(f) < 2 || f[1] != me {
			continue
		}
		if f[0] == "Z" {
			if pid, err := strconv.Atoi(e.Name()); err == nil {
				syscall.Wait4(pid, nil, syscall.WNOHANG, nil)
			}
			continue
		}
		head, _, _ := strings.Cut(string(stat), ") ")
		list = append(list, head+")")
	}
	return list
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
