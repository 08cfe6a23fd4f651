package conformance

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"toaster/internal/file"
	"toaster/internal/guesttest"
)

// goroot and workDir are set once, before any test.
var (
	goroot  string
	workDir string // for executables, and what builds need
)

// crossEnv makes a go command build for the guest. Programs that themselves run the go
// command, which is then one of the host's, have it in their environment, too.
var crossEnv = []string{"GOOS=netbsd", "GOARCH=amd64", "CGO_ENABLED=0", "GOENV=off", "GOFLAGS=", "GOTOOLCHAIN=local"}

func TestMain(m *testing.M) {
	status, err := setUpAndRun(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		status = 1
	}
	if n := file.LiveDescriptions(); n != 0 {
		fmt.Fprintf(os.Stderr, "leak: %d open file descriptions\n", n)
		status = 99
	}
	os.Exit(status)
}

func setUpAndRun(m *testing.M) (int, error) {
	if err := guesttest.DefaultSignals(); err != nil {
		return 1, err
	}
	out, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		return 1, fmt.Errorf("go env GOROOT: %w", err)
	}
	goroot = strings.TrimSpace(string(out))
	workDir, err = os.MkdirTemp("", "toaster-conformance-")
	if err != nil {
		return 1, err
	}
	defer os.RemoveAll(workDir)
	if err := os.Chmod(workDir, 0o755); err != nil { // guests may change their user
		return 1, err
	}
	return m.Run(), nil
}

// goCommand returns a go command that builds for the guest.
func goCommand(dir string, arg ...string) *exec.Cmd {
	cmd := exec.Command("go", arg...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), crossEnv...)
	return cmd
}

// mustRun runs a command of the host whose failure is a failure of the test's set-up.
func mustRun(t *testing.T, cmd *exec.Cmd) []byte {
	t.Helper()
	var errOut strings.Builder
	cmd.Stderr = &errOut
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v: %v\n%s%s", cmd, err, out, errOut.String())
	}
	return out
}

// inWork returns a path in the directory for what the tests build.
func inWork(elem ...string) string {
	return filepath.Join(append([]string{workDir}, elem...)...)
}
