// Package cmdline has a program's command line as a table: commands, their flags, and what their
// arguments are. The pages of help and the completion of shells are made of it, and the manual pages
// are compared with it (internal/test/man).
package cmdline

import (
	"flag"
	"io"
	"strings"
)

// Command is a row of the table: a command, or the program itself.
type Command struct {
	Name  string
	Usage string // the command line after the program's name
	About string // one line
	// Flags returns the command's flags, anew; nil means that words are not looked at.
	// Their usage texts are package flag's, with the argument in backquotes, or in front: "`DIR`: text".
	// An argument that is words with | between them names all that there are.
	Flags func() *flag.FlagSet
	// FlagsOf is another command whose flags these are: it has them in its help and its manual page.
	FlagsOf string
	// Groups is the order of the flags in help; nil means that of their names.
	Groups []Group
	// Args is what arguments are: Files, Dirs, words with | between them, or "" for what nobody can
	// know.
	Args string
	// Details prints what help says beyond the flags.
	Details func(w io.Writer)
	Run     func(args []string) int

	Commands []Command // those that the first argument may name
	// Complete completes the words behind the command, where not this table but another program
	// knows how.
	Complete func(w io.Writer, words []string)
}

// What arguments can be, beside words.
const (
	Files = "FILE"
	Dirs  = "DIR"
)

// Group is flags that belong together.
type Group struct {
	Title string
	Names []string // with a line each in help
	More  []string // with their names alone, unless all is asked for
}

// Find returns the command of that name among c's, or nil.
func (c *Command) Find(name string) *Command {
	for i := range c.Commands {
		if c.Commands[i].Name == name {
			return &c.Commands[i]
		}
	}
	return nil
}

// Spelling is a flag as one types it: --name, or -n if it is a single letter.
func Spelling(f *flag.Flag) string {
	if len(f.Name) == 1 {
		return "-" + f.Name
	}
	return "--" + f.Name
}

// Argument returns what a flag's argument is called, "" if it takes none, and what the flag does. An
// argument that begins with = can be left out, and is part of the flag's own word if it is not.
func Argument(f *flag.Flag) (arg, text string) {
	arg, text = flag.UnquoteUsage(f)
	return arg, strings.TrimPrefix(text, arg+": ")
}

// Signature is a flag with its argument: "--root DIR", "--host-exec=on|off".
func Signature(f *flag.Flag) string {
	arg, _ := Argument(f)
	if arg != "" && !strings.HasPrefix(arg, "=") {
		arg = " " + arg
	}
	return Spelling(f) + arg
}

// choices returns the words that an argument may be, if its name lists them.
func choices(arg string) []string {
	list := strings.Split(strings.TrimPrefix(arg, "="), "|")
	if len(list) < 2 || strings.ContainsAny(arg, ":[]") {
		return nil
	}
	return list
}
