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
	// An argument that is words with | between them names all that there are. A letter with the text of
	// a longer flag is another spelling of that one.
	Flags func() *flag.FlagSet
	// FlagsOf is another command whose flags these are: it has them in its help and its manual page.
	FlagsOf string
	// Groups is the order of the flags in help; nil means that of their names.
	Groups []Group
	// Args is what arguments are: Files, Dirs, words with | between them, or "" for what nobody can
	// know.
	Args string
	// Offer returns what the first argument can be, where that is known at the time only: it is asked with the words behind the program's
	// name, up to the argument. A shell waits for it.
	Offer func(words []string) []string
	// Details prints what help says beyond the flags.
	Details func(w io.Writer)
	Run     func(args []string) int

	Commands []Command // those that the first argument may name
	// Complete completes the words behind the command, where not this table but another program
	// knows how.
	Complete func(w io.Writer, words []string)
}

// NoEffect is the text of flags that are taken because another program has them.
const NoEffect = "taken, and without effect"

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

// Names returns commands by their names alone, and those below them: for one whose arguments name them.
func Names(commands []Command) (list []Command) {
	for _, c := range commands {
		list = append(list, Command{Name: c.Name, About: c.About, Commands: Names(c.Commands), Complete: c.Complete})
	}
	return list
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

// Flags returns the flags of a set, sorted, without letters that are other spellings.
func Flags(fs *flag.FlagSet) (list []*flag.Flag) {
	letters := map[*flag.Flag]bool{}
	fs.VisitAll(func(f *flag.Flag) { letters[letterOf(fs, f)] = true })
	fs.VisitAll(func(f *flag.Flag) {
		if !letters[f] {
			list = append(list, f)
		}
	})
	return list
}

// letterOf returns the letter that is another spelling of a flag, or nil.
func letterOf(fs *flag.FlagSet, f *flag.Flag) (letter *flag.Flag) {
	fs.VisitAll(func(other *flag.Flag) {
		if len(other.Name) == 1 && len(f.Name) > 1 && other.Usage == f.Usage {
			letter = other
		}
	})
	return letter
}

// signature is a flag of a set with its letter and its argument: "-b, --bundle DIR", "--host-exec=on|off".
func signature(fs *flag.FlagSet, f *flag.Flag) string {
	text := Spelling(f)
	if letter := letterOf(fs, f); letter != nil {
		text = Spelling(letter) + ", " + text
	}
	arg, _ := Argument(f)
	if arg != "" && !strings.HasPrefix(arg, "=") {
		arg = " " + arg
	}
	return text + arg
}

// choices returns the words that an argument may be, if its name lists them.
func choices(arg string) []string {
	list := strings.Split(strings.TrimPrefix(arg, "="), "|")
	if len(list) < 2 || strings.ContainsAny(arg, ":[]") {
		return nil
	}
	return list
}
