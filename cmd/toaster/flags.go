package main

import (
	"errors"
	"flag"
	"io"
	"strings"
)

// newFlagSet makes a set that says nothing itself: parseFlags words the errors.
func newFlagSet(command string) *flag.FlagSet {
	fs := flag.NewFlagSet(command, flag.ContinueOnError)
	fs.SetOutput(io.Discard)
	return fs
}

// noFlags is the set of a command that has only --help.
func noFlags() *flag.FlagSet { return newFlagSet("") }

// parseFlags reads a command's flags. If ok is false, that was all, with status.
func parseFlags(command string, fs *flag.FlagSet, args []string) (status int, ok bool) {
	err := fs.Parse(args)
	switch {
	case err == nil:
		return 0, true
	case errors.Is(err, flag.ErrHelp):
		return helpOn(false, command), false
	}
	text := strings.Replace(err.Error(), "flag -", "flag --", 1)
	text = strings.Replace(text, "not defined: -", "not defined: --", 1)
	text = strings.Replace(text, "invalid boolean value", "invalid value", 1)
	text = strings.Replace(text, " for -", " for flag --", 1)
	complain("%s: %s; \"toaster help %s\" lists the flags", command, text, command)
	return exitOwnFailure, false
}

// parseOnlyFlags is parseFlags for a command that takes nothing else.
func parseOnlyFlags(command string, fs *flag.FlagSet, args []string) (status int, ok bool) {
	if status, ok = parseFlags(command, fs, args); ok && fs.NArg() > 0 {
		complain("%s: takes no arguments, got %q", command, fs.Arg(0))
		return exitOwnFailure, false
	}
	return status, ok
}

// speech is how much a command says beside what it is for.
type speech struct{ quiet, verbose bool }

func (s *speech) addQuiet(fs *flag.FlagSet, text string) { fs.BoolVar(&s.quiet, "quiet", false, text) }
func (s *speech) addVerbose(fs *flag.FlagSet, text string) {
	fs.BoolVar(&s.verbose, "verbose", false, text)
}
