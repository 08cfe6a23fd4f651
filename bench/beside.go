package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// besideSystem is now with another toaster command. Both become copies in dir.
func besideSystem(dir, command string, now *system) (*system, error) {
	s := *now
	s.name, s.argv = before, append([]string{filepath.Join(dir, "before")}, now.argv[1:]...)
	s.copyOf, now.copyOf = command, now.argv[0]
	now.argv[0] += "-copy"
	return &s, errors.Join(s.renew(), now.renew())
}

// renew copies the command again, if it is a copy. How a file lies in the host's page cache is worth up to a
// tenth of a short program's time, so that each round has copies of its own.
func (s *system) renew() error {
	if s.copyOf == "" {
		return nil
	}
	b, err := os.ReadFile(s.copyOf)
	if err == nil {
		os.Remove(s.argv[0]) // a new file, not the old one's pages
		err = os.WriteFile(s.argv[0], b, 0o755)
	}
	return err
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
