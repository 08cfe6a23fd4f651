package greet

import (
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"
)

func TestGreeting(t *testing.T) {
	if got := Greeting(); !strings.HasSuffix(got, runtime.GOOS) {
		t.Error(got)
	}
}

// TestChild starts a process, which is what a cross-compiled test cannot show without a kernel of the kind.
func TestChild(t *testing.T) {
	if os.Getenv("CHILD") != "" {
		os.Exit(7)
	}
	cmd := exec.Command(os.Args[0], "-test.run=TestChild")
	cmd.Env = append(os.Environ(), "CHILD=1")
	if err := cmd.Run(); cmd.ProcessState == nil || cmd.ProcessState.ExitCode() != 7 {
		t.Error(err)
	}
}
