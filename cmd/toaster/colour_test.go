package main

import (
	"bytes"
	"testing"

	"github.com/creack/pty"
)

// Colours are for terminals that may have them (no-color.org: NO_COLOR counts if it is not empty).
func TestPainter(t *testing.T) {
	_, tty, err := pty.Open()
	if err != nil {
		t.Skipf("no pseudo-terminal: %v", err)
	}
	for _, c := range []struct{ noColor, term, want string }{
		{"", "vt100", "\x1b[31mFAIL\x1b[0m"},
		{"", "", "\x1b[31mFAIL\x1b[0m"},
		{"1", "vt100", "FAIL"},
		{"", "dumb", "FAIL"},
	} {
		t.Setenv("NO_COLOR", c.noColor)
		t.Setenv("TERM", c.term)
		if got := painter(tty)(red, "FAIL"); got != c.want {
			t.Errorf("NO_COLOR=%q TERM=%q: %q, want %q", c.noColor, c.term, got, c.want)
		}
		if got := painter(new(bytes.Buffer))(red, "FAIL"); got != "FAIL" {
			t.Errorf("no terminal: %q", got)
		}
	}
}
