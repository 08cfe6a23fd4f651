// Package guesttest builds NetBSD programs for tests, with the go command that runs
// the tests.
package guesttest

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// Build compiles one Go source text for NetBSD and returns the executable's path.
func Build(t testing.TB, source string) string {
	t.Helper()
	dir := t.TempDir()
	exe, err := BuildIn(dir, source)
	if err != nil {
		t.Fatal(err)
	}
	return exe
}

// BuildIn is Build without a test; the executable and its source stay in dir.
func BuildIn(dir, source string) (string, error) {
	src, exe := filepath.Join(dir, "main.go"), filepath.Join(dir, "guest")
	if err := os.WriteFile(src, []byte(source), 0o644); err != nil {
		return "", err
	}
	cmd := exec.Command("go", "build", "-buildvcs=false", "-o", exe, src)
	cmd.Env = append(os.Environ(), "GOOS=netbsd", "GOARCH=amd64", "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", &buildError{err, out}
	}
	return exe, nil
}

type buildError struct {
	err error
	out []byte
}

func (e *buildError) Error() string {
	return "go build for netbsd: " + e.err.Error() + "\n" + string(e.out)
}
