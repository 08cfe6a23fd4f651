package guesttest

import (
	"os"
	"os/exec"
	"strings"
	"testing"
)

// childVar, in the environment, makes the test binary tell what a child of its inherits.
const childVar = "TOASTER_GUESTTEST_CHILD"

// Whatever the tests are started to ignore, their children begin with the defaults.
func TestDefaultSignals(t *testing.T) {
	for _, test := range []struct{ ignored, want string }{
		{"", "0000000000000000"},
		{"HUP", "0000000000000000"},
		{"INT QUIT", "0000000000000000"},
		{"HUP INT QUIT PIPE TERM TSTP TTIN TTOU USR1", "0000000000000000"},
	} {
		shell := "exec \"$0\" -test.run '^TestChild$'"
		if test.ignored != "" {
			shell = "trap '' " + test.ignored + "; " + shell
		}
		cmd := exec.Command("/bin/sh", "-c", shell, os.Args[0])
		cmd.Env = append(os.Environ(), childVar+"=1")
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		if !strings.Contains(string(out), "SigIgn:\t"+test.want) {
			t.Errorf("with %q ignored a child has %s", test.ignored, out)
		}
	}
}

// TestChild is TestDefaultSignals' child.
func TestChild(t *testing.T) {
	if os.Getenv(childVar) == "" {
		t.Skip("a part of TestDefaultSignals")
	}
	if err := DefaultSignals(); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("/bin/grep", "SigIgn", "/proc/self/status")
	cmd.Stdout = os.Stdout
	if err := cmd.Run(); err != nil {
		t.Fatal(err)
	}
}
