package guests

import (
	_ "embed"
	"os"
	"runtime"
	"testing"
	"time"

	"toaster/internal/guesttest"
)

//go:embed testdata/hostterm.go.txt
var hostTermGuest string

// TestTerminalOfHostPrograms has programs of the host in sessions that a guest leads, whose terminal is theirs,
// too. No descriptor, goroutine or process is left.
func TestTerminalOfHostPrograms(t *testing.T) {
	exe := guesttest.Build(t, hostTermGuest)
	adopt(t)
	tryHostPty(t, exe, "a terminal") // once, for what the program keeps for all machines
	for _, test := range []struct {
		what string
		bash bool
	}{
		{"a terminal", false}, {"jobs of a shell", true}, {"jobs of the leader's", false}, {"an interrupt", false},
		{"a new size", false}, {"a hang-up", false}, {"the leader's end", false}, {"a guest below", true},
		{"an orphaned group", false}, {"a shell becomes the leader", false},
	} {
		t.Run(test.what, func(t *testing.T) {
			if test.bash {
				needBash(t)
			}
			fds, goroutines := countFDs(t), runtime.NumGoroutine()
			tryHostPty(t, exe, test.what)
			collectOrphans(t)
			for end := time.Now().Add(patience); countFDs(t) > fds || runtime.NumGoroutine() > goroutines; runtime.Gosched() {
				if time.Now().After(end) {
					t.Errorf("%d descriptors and %d goroutines, were %d and %d", countFDs(t), runtime.NumGoroutine(), fds, goroutines)
					break
				}
			}
		})
	}
}

func needBash(t *testing.T) {
	t.Helper()
	if _, err := os.Stat("/bin/bash"); err != nil {
		t.Skip("the host has no shell that says what it does with jobs:", err)
	}
}

// TestNothingIsLeftOfTerminals: the stand-in, the programs and what is in their groups end with the machine, and
// with toaster when that is killed.
func TestNothingIsLeftOfTerminals(t *testing.T) {
	needBash(t)
	exe := guesttest.Build(t, hostTermGuest)
	adopt(t)
	for _, kill := range []bool{false, true} {
		what := "stay"
		if kill {
			what += "\nlong"
		}
		endOfGroups(t, exe, what, kill)
	}
}
