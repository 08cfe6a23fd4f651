package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"toaster"
	"toaster/internal/guesttest"
	"toaster/internal/hostlike"
	"toaster/internal/platform/doctor"
)

// TestMain makes this test binary serve as "toaster" for the scripts.
func TestMain(m *testing.M) {
	testscript.Main(testsOnly{m}, map[string]func(){
		"toaster":  func() { os.Exit(dispatch(os.Args)) },
		execName:   func() { os.Exit(dispatch(os.Args)) },
		ociName:    func() { os.Exit(dispatch(os.Args)) },
		"ptyshell": ptyShell,
		"as":       onOtherHost,
	})
}

// onOtherHost is the scripts' command as PART[,PART...] toaster ARG...: it runs toaster on a
// host that refuses what the parts say.
func onOtherHost() {
	fmt.Fprintln(os.Stderr, hostlike.Exec(os.Args[1], "/proc/self/exe", os.Args[2:], os.Environ()))
	os.Exit(1)
}

// testsOnly runs the tests, and nothing of what the binary is besides.
type testsOnly struct{ m *testing.M }

func (t testsOnly) Run() int {
	// A test that starts this binary by a name that TestMain has no entry for would run all tests again, itself among them.
	// Package testing does so for the workers of a fuzz target.
	const running = "TOASTER_TESTS_RUN"
	if os.Getenv(running) != "" && !slices.Contains(os.Args, "-test.fuzzworker") {
		fmt.Fprintf(os.Stderr, "%s: started by one of its own tests, by a name that TestMain does not know\n", os.Args[0])
		return 1
	}
	os.Setenv(running, "1")
	if err := guesttest.DefaultSignals(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return t.m.Run()
}

// TestScript runs testdata/script/*.txtar: each says what a user types and sees.
//
// Beside testscript's own commands there is
//
//	netbsd OUT PACKAGE|FILE    builds a guest with the host's go command
//	truncate FROM TO SIZE      copies the first SIZE bytes, executable
//	exits STATUS PROGRAM...    runs a program and checks its exit status
//	as HOST toaster ARG...     runs toaster as on another host, see package hostlike
//
// and the conditions [host-exec]: --host-exec works on this host; [root]: root runs it;
// [spec-safe]: this host lets processes switch speculation off; [tmpfs]: it makes file systems
// in memory for toaster; [as:HOST]: another host can be imitated.
func TestScript(t *testing.T) {
	goEnv := goEnvironment(t)
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script",
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"netbsd":   buildGuest,
			"truncate": truncate,
			"exits":    exits,
		},
		Condition: func(name string) (bool, error) {
			if parts, ok := strings.CutPrefix(name, "as:"); ok {
				return hostlike.Can(parts) == nil, nil
			}
			switch name {
			case "host-exec":
				return canRegister(), nil
			case "root":
				return os.Geteuid() == 0, nil
			case "tmpfs":
				return toaster.TryTmpfs() == nil, nil
			case "spec-safe":
				return canSwitchSpeculation(), nil
			}
			return false, fmt.Errorf("no condition %q", name)
		},
		Setup: func(env *testscript.Env) error {
			// A guest of another user executes itself by a relative name, for which it has to read what lies above (exec_makepathbuf).
			for _, dir := range []string{env.WorkDir, filepath.Dir(env.WorkDir)} {
				if err := os.Chmod(dir, 0o755); err != nil {
					return err
				}
			}
			env.Vars = append(env.Vars, goEnv...)
			env.Setenv("ORDINARY", ordinaryUser())
			return nil
		},
	})
}

// ordinaryUser is the number of the user that "as user" runs toaster as, or that runs the test.
func ordinaryUser() string {
	if uid := os.Geteuid(); uid != 0 {
		return strconv.Itoa(uid)
	}
	return "1000"
}

// canRegister reports whether this host can do what --host-exec needs: binfmt_misc in a user
// namespace, where guests' host processes must be able to send a descriptor.
func canRegister() bool {
	if hostlike.CanSend() != nil {
		return false
	}
	try := "mount -t binfmt_misc none /proc/sys/fs/binfmt_misc && test -w /proc/sys/fs/binfmt_misc/register"
	return exec.Command("unshare", "-Urm", "sh", "-c", try).Run() == nil
}

// canSwitchSpeculation reports whether this host lets --spec-safe work.
func canSwitchSpeculation() bool {
	for _, f := range doctor.Features() {
		if f.Name == "speculation" {
			return f.OK
		}
	}
	return false
}

// goEnvironment returns the go command's directories, which the scripts' own HOME would hide.
func goEnvironment(t *testing.T) []string {
	t.Helper()
	names := []string{"GOCACHE", "GOMODCACHE", "GOROOT", "GOPROXY", "GOFLAGS"}
	out, err := exec.Command("go", append([]string{"env"}, names...)...).Output()
	if err != nil {
		t.Fatalf("go env: %v", err)
	}
	var vars []string
	for i, v := range strings.Split(strings.TrimRight(string(out), "\n"), "\n") {
		if v != "" {
			vars = append(vars, names[i]+"="+v)
		}
	}
	return append(vars, "GOTOOLCHAIN=local")
}

func buildGuest(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) < 2 || neg {
		ts.Fatalf("usage: netbsd OUT PACKAGE|FILE...")
	}
	for _, kv := range []string{"GOOS=netbsd", "GOARCH=amd64", "CGO_ENABLED=0"} {
		k, v, _ := strings.Cut(kv, "=")
		old := ts.Getenv(k)
		ts.Setenv(k, v)
		defer ts.Setenv(k, old)
	}
	ts.Check(ts.Exec("go", append([]string{"build", "-buildvcs=false", "-o"}, args...)...))
}

func truncate(ts *testscript.TestScript, neg bool, args []string) {
	n, err := strconv.Atoi(args[2])
	ts.Check(err)
	b, err := os.ReadFile(ts.MkAbs(args[0]))
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs(args[1]), b[:n], 0o777))
}

func exits(ts *testscript.TestScript, neg bool, args []string) {
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	err = ts.Exec(args[1], args[2:]...)
	var exit *exec.ExitError
	got := 0
	if errors.As(err, &exit) {
		got = exit.ExitCode()
	} else {
		ts.Check(err)
	}
	if got != want {
		ts.Fatalf("%v: exit status %d, want %d", args[1:], got, want)
	}
}
