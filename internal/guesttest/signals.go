package guesttest

import (
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"
)

// DefaultSignals is for TestMain of tests that send signals to guests or to programs of
// the host. What starts the tests may have them ignore signals (nohup(1), "&" of a
// shell), and whatever they start would inherit that, as execve(2) says. A signal that a
// process catches is not inherited, so each ignored one is caught here, to no effect:
// the tests themselves go on ignoring it.
func DefaultSignals() error {
	ignored, err := ignoredSignals()
	if err != nil {
		return err
	}
	for sig := syscall.Signal(1); sig <= 64; sig++ {
		if ignored&(1<<(sig-1)) != 0 {
			signal.Notify(make(chan os.Signal, 1), sig)
		}
	}
	return nil
}

// ignoredSignals is the set of signals that this process ignores. Package signal knows
// only of those that the runtime handles.
func ignoredSignals() (set uint64, err error) {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0, err
	}
	_, rest, found := strings.Cut(string(status), "\nSigIgn:")
	if !found {
		return 0, fmt.Errorf("/proc/self/status has no SigIgn")
	}
	_, err = fmt.Sscanf(rest, "%x", &set)
	return set, err
}
