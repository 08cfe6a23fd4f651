package main

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"strconv"
	"syscall"
	"testing"
)

// TestDropChildSignals: the host neither wakes anybody for a child's end nor takes the zombie away (signal(7), and
// sigaction(2) about SIG_IGN and SIG_DFL of SIGCHLD).
func TestDropChildSignals(t *testing.T) {
	dropChildSignals()
	for _, set := range []string{"SigCgt", "SigIgn", "SigBlk"} {
		if signalSet(t, set)&(1<<(syscall.SIGCHLD-1)) != 0 {
			t.Errorf("SIGCHLD is in %s", set)
		}
	}
	var exit *exec.ExitError
	if err := exec.Command("sh", "-c", "exit 7").Run(); !errors.As(err, &exit) || exit.ExitCode() != 7 {
		t.Errorf("a child that exits with 7: %v", err)
	}
}

// signalSet returns a set of signals from /proc/self/status.
func signalSet(t *testing.T, name string) uint64 {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := bytes.Cut(status, []byte("\n"+name+":\t"))
	word, _, _ := bytes.Cut(rest, []byte("\n"))
	set, err := strconv.ParseUint(string(word), 16, 64)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return set
}
