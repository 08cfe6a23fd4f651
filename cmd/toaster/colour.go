package main

import (
	"fmt"
	"io"
	"os"
)

// colour is a colour's number in ECMA-48's SGR sequence.
type colour int

const (
	red    colour = 31
	green  colour = 32
	yellow colour = 33
)

// painter returns what paints text that goes to w: nothing, unless w is a terminal that may have
// colours. NO_COLOR is as no-color.org has it: it counts if it is set and not empty.
func painter(w io.Writer) func(colour, string) string {
	if !isTerminal(w) || os.Getenv("NO_COLOR") != "" || os.Getenv("TERM") == "dumb" {
		return func(_ colour, s string) string { return s }
	}
	return func(c colour, s string) string { return fmt.Sprintf("\x1b[%dm%s\x1b[0m", c, s) }
}

// isTerminal reports whether w is a character device, which a terminal is; it does no harm that /dev/null is one,
// too.
func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	st, err := f.Stat()
	return err == nil && st.Mode()&os.ModeCharDevice != 0
}
