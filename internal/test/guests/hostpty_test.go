package guests

import (
	_ "embed"
	"runtime"
	"strings"
	"testing"
	"time"

	"toaster"
	"toaster/internal/guesttest"
)

//go:embed testdata/hostpty.go.txt
var hostPtyGuest string

// TestPtyOfHostPrograms gives programs of the host a guest's pseudo-terminal, as creack/pty and
// the expect libraries do. No descriptor, goroutine or process is left.
func TestPtyOfHostPrograms(t *testing.T) {
	exe := guesttest.Build(t, hostPtyGuest)
	tryHostPty(t, exe, "a terminal") // once, for what the program keeps for all machines
	for _, what := range []string{
		"a terminal", "output at the end", "several programs", "guests and programs", "a program that stays", "a megabyte",
		"modes", "a new size", "a size set by a program", "jobs", "an interrupt", "the controller alone", "an end of the controller",
	} {
		t.Run(what, func(t *testing.T) {
			fds, goroutines := countFDs(t), runtime.NumGoroutine()
			tryHostPty(t, exe, what)
			for end := time.Now().Add(patience); countFDs(t) > fds || runtime.NumGoroutine() > goroutines; runtime.Gosched() {
				if time.Now().After(end) {
					t.Errorf("%d descriptors and %d goroutines, were %d and %d", countFDs(t), runtime.NumGoroutine(), fds, goroutines)
					break
				}
			}
		})
	}
}

// tryHostPty runs the guest in a machine of its own.
func tryHostPty(t *testing.T, exe, what string) {
	t.Helper()
	out, err := toaster.Command(exe, what).CombinedOutput()
	if err != nil || len(out) > 0 {
		t.Errorf("%v\n%s", err, strings.TrimSpace(string(out)))
	}
}
