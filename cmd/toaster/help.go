package main

import (
	"flag"
	"fmt"
	"io"
	"os"

	"toaster/internal/cmdline"
)

const helpHelp = `help without COMMAND lists the commands. What is below a command is named behind
it: "toaster help oci create". The manual pages, toaster(1) and one a command,
say all.
`

type helpFlags struct{ speech }

func (f *helpFlags) set() *flag.FlagSet {
	fs := newFlagSet("help")
	f.addVerbose(fs, "list the flags that are seldom needed, too")
	return fs
}

// helpMain is "toaster help [COMMAND...]".
func helpMain(args []string) int {
	var f helpFlags
	fs := f.set()
	if status, ok := parseFlags("help", fs, args); !ok {
		return status
	}
	if fs.NArg() == 0 {
		usage(os.Stdout)
		return 0
	}
	return helpOn(f.verbose, fs.Args()...)
}

// helpOn prints how a command is used, by its name and the names below it; all is with every flag.
func helpOn(all bool, names ...string) int {
	c, above := program(), "toaster help"
	for i, name := range names {
		sub := c.Find(name)
		switch {
		case c.Commands == nil && c.Complete != nil: // another program has what is below
			return c.Run(append(names[i:], "--help"))
		case c.Commands == nil:
			complain("help: takes one command at most, got %q", names)
			return exitOwnFailure
		case sub == nil:
			complain("help: no command %q; %q lists them", name, above)
			return exitOwnFailure
		}
		c, above = sub, above+" "+name
	}
	cmdline.Page(os.Stdout, "toaster", c, all)
	return 0
}

// usage prints the commands, a line each.
func usage(w io.Writer) {
	fmt.Fprintln(w, "toaster runs NetBSD/amd64 programs on Linux, as ordinary processes.")
	fmt.Fprintln(w)
	cmdline.Overview(w, program())
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
