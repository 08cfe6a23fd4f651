package main

import (
	"fmt"
	"io"
	"os"
)

const helpHelp = `help without COMMAND lists the commands.
`

// helpMain is "toaster help [COMMAND]".
func helpMain(args []string) int {
	switch len(args) {
	case 0:
		usage(os.Stdout)
		return 0
	case 1:
		return helpOn(args[0])
	}
	complain("help: takes one command at most, got %q", args)
	return exitOwnFailure
}

// helpOn prints how a command is used.
func helpOn(name string) int {
	c := find(name)
	if c == nil {
		complain("help: no command %q; %q lists them", name, "toaster help")
		return exitOwnFailure
	}
	fmt.Printf("usage: toaster %s\n\n", c.usage)
	c.details(os.Stdout)
	return 0
}

// usage prints the commands, a line each.
func usage(w io.Writer) {
	fmt.Fprintln(w, "toaster runs NetBSD/amd64 programs on Linux, as ordinary processes.")
	fmt.Fprintln(w)
	for _, c := range subcommands() {
		fmt.Fprintf(w, "  toaster %-30s %s\n", c.usage, c.about)
	}
	fmt.Fprintln(w, "\n\"toaster help COMMAND\" says more of one.")
}

// isHelp reports whether an argument asks for help, in one of the forms that package flag
// takes.
func isHelp(arg string) bool {
	switch arg {
	case "-h", "-help", "--help":
		return true
	}
	return false
}

// text is the details of a command that fit into a constant.
func text(s string) func(io.Writer) {
	return func(w io.Writer) { io.WriteString(w, s) }
}

// withoutArgs is the run of a command that takes no arguments, but for a call for help.
func withoutArgs(name string, run func() int) func([]string) int {
	return func(args []string) int {
		switch {
		case len(args) == 0:
			return run()
		case isHelp(args[0]):
			return helpOn(name)
		}
		complain("%s: takes no arguments, got %q", name, args[0])
		return exitOwnFailure
	}
}
