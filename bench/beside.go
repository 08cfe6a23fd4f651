package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// besideSystem is now with another toaster command. Both get fresh copies in dir: how a file lies in the
// host's page cache, a linker's output or a copy, is worth up to a tenth of a short program's time.
func besideSystem(dir, command string, now *system) (*system, error) {
	s := *now
	s.name, s.argv = before, append([]string{filepath.Join(dir, "before")}, now.argv[1:]...)
	fresh := now.argv[0] + "-copy"
	for from, to := range map[string]string{command: s.argv[0], now.argv[0]: fresh} {
		b, err := os.ReadFile(from)
		if err != nil {
			return nil, err
		}
		if err := os.WriteFile(to, b, 0o755); err != nil {
			return nil, err
		}
	}
	now.argv[0] = fresh
	return &s, nil
}

// printBeside prints what each row costs of what it costs with the command of -beside, by the ratios of the rounds.
func printBeside(w io.Writer, res *results) {
	head := "now, of what it was before:\n"
	for _, r := range res.Rows {
		now, was := r.Figures[toaster], r.Figures[before]
		if now == nil || was == nil {
			continue
		}
		fmt.Fprintf(w, "%s  %-14s %s\n", head, r.Name, withSpread(summarize(ratios(now.Values, was.Values)), ""))
		head = ""
	}
}
