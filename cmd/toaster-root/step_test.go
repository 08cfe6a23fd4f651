package main

import (
	_ "embed"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"toaster/internal/guesttest"
)

//go:embed testdata/greedy.go
var greedyGuest string

// TestShown: what a program of the tree says does not reach the user's terminal as it is, nor all of it.
func TestShown(t *testing.T) {
	for out, want := range map[string]string{
		" line\nline \n": "line\nline", "\x1b[2Jpwd_mkdb: \x07ü\xff": "?[2Jpwd_mkdb: ?ü\ufffd", strings.Repeat("x", 5000): strings.Repeat("x", mostShown),
	} {
		if got := shown([]byte(out)); got != want {
			t.Errorf("%.50q: %.50q, want %.50q", out, got, want)
		}
	}
}

// TestGreedyStep: a program of the tree gets what a step of create needs, and no more: its sets may be anybody's.
func TestGreedyStep(t *testing.T) {
	root := t.TempDir()
	exe, err := os.ReadFile(guesttest.Build(t, greedyGuest))
	if err == nil {
		err = os.WriteFile(filepath.Join(root, "greedy"), exe, 0o755)
	}
	if err != nil {
		t.Fatal(err)
	}
	for how, want := range map[string]string{
		"writes": "max-output", "allocates": "cannot allocate memory", "forks": "fork is refused",
	} {
		out, err := runOutput(t.Context(), root, "/greedy", how)
		said := string(out)
		if err != nil {
			said += err.Error()
		}
		if !strings.Contains(said, want) {
			t.Errorf("%s: %.200q, want %q", how, said, want)
		}
	}
	if o := stepCommand(t.Context(), root, "/greedy").Options; o.WallTime <= 0 || o.CPUTime <= 0 {
		t.Errorf("it may run for %v and use %v", o.WallTime, o.CPUTime)
	}
}
