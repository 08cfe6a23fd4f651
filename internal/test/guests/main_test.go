package guests

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"toaster/internal/file"
	"toaster/internal/guesttest"
	"toaster/kern"
)

// guestPath is the program with all the cases, built once for a test run.
var guestPath string

var releases = []kern.Release{kern.Release11, kern.Release10, kern.Release2003}

func TestMain(m *testing.M) {
	if role := os.Getenv(roleVar); role != "" {
		os.Exit(playRole(role))
	}
	if role := os.Getenv(limitVar); role != "" {
		os.Exit(playLimited(role))
	}
	dir, err := os.MkdirTemp("", "toaster-guests-")
	if err == nil {
		err = guesttest.DefaultSignals()
	}
	if err == nil {
		err = os.Chmod(dir, 0o755)
	}
	if err == nil {
		guestPath = filepath.Join(dir, "guest")
		err = buildGuest(guestPath)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	status := m.Run()
	os.RemoveAll(dir)
	for _, leak := range leaks() {
		fmt.Fprintln(os.Stderr, "leak:", leak)
		status = 99
	}
	os.Exit(status)
}

// buildGuest links the guest with its own entry. Optimisations are off: the compiler
// does not see what the kernel writes, nor LWPs, nor a vfork.
func buildGuest(out string) error {
	cmd := exec.Command("go", "build", "-buildvcs=false", "-gcflags=-N -l", "-ldflags=-E=main.start", "-o", out, "./guest")
	cmd.Env = append(os.Environ(), "GOOS=netbsd", "GOARCH=amd64", "CGO_ENABLED=0")
	if b, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("build of the guest: %v\n%s", err, b)
	}
	return nil
}

// leaks tells what a test run has left behind.
func leaks() (list []string) {
	if n := file.LiveDescriptions(); n != 0 {
		list = append(list, fmt.Sprintf("%d open file descriptions", n))
	}
	for _, pid := range hostChildren("self") {
		list = append(list, "host process "+pid+" "+commOf(pid))
	}
	return list
}

// hostChildren returns the children of all threads of a process.
func hostChildren(pid string) (list []string) {
	files, _ := filepath.Glob("/proc/" + pid + "/task/*/children")
	for _, f := range files {
		b, _ := os.ReadFile(f)
		list = append(list, strings.Fields(string(b))...)
	}
	return list
}

func commOf(pid string) string {
	b, _ := os.ReadFile("/proc/" + pid + "/comm")
	return string(bytes.TrimSpace(b))
}
