package cmdline

import (
	"flag"
	"fmt"
	"io"
	"strings"
)

// CompleteName is the command by which the scripts of completion ask the program itself: NAME
// __complete WORD..., the last word being the one to complete. So they agree with the program that is
// installed, and know nothing themselves. Package cmdline alone knows what the answer looks like: a line that
// is "words", "files" or "dirs", the latter for the shell to find, and then a line a word, with
// a tab and a text.
const CompleteName = "__complete"

// CompleteWords prints what the last of words, which follow the program's name, can become.
func (c *Command) CompleteWords(w io.Writer, words []string) {
	if len(words) == 0 {
		words = []string{""}
	}
	last := words[len(words)-1]
	at, pending, rest := c.walk(words[:len(words)-1])
	switch {
	case at.Complete != nil:
		at.Complete(w, append(rest, last))
	case pending != nil:
		arg, _ := Argument(pending)
		printChoices(w, arg, "", last)
	case rest == nil && at.Flags != nil && strings.HasPrefix(last, "-"):
		at.completeFlag(w, last)
	case rest == nil && at.Commands != nil:
		fmt.Fprintln(w, "words")
		for _, sub := range at.Commands {
			fmt.Fprintf(w, "%s\t%s\n", sub.Name, sub.About)
		}
	case rest == nil && at.Offer != nil:
		fmt.Fprintln(w, "words")
		for _, word := range at.Offer(words[:len(words)-1]) {
			fmt.Fprintln(w, word)
		}
	default:
		printChoices(w, at.Args, "", last)
	}
}

// walk follows words that are complete: to the command that the next one belongs to, to the flag whose
// argument it is, or past arguments, which rest has; it is not nil behind the first.
func (c *Command) walk(words []string) (at *Command, pending *flag.Flag, rest []string) {
	at = c
	for len(words) > 0 && at.Complete == nil {
		word := words[0]
		if at.Flags != nil && len(word) > 1 && word[0] == '-' {
			var wants bool
			pending, wants = at.flagNamed(word)
			words = words[1:]
			if !wants {
				pending = nil
			} else if len(words) > 0 {
				pending, words = nil, words[1:]
			}
			continue
		}
		sub := at.Find(word)
		if sub == nil {
			return at, nil, words
		}
		at, words = sub, words[1:]
	}
	if at.Complete != nil {
		return at, nil, words
	}
	return at, pending, nil
}

// flagNamed finds the flag that a word names, and says whether the next word is its argument.
func (c *Command) flagNamed(word string) (f *flag.Flag, wants bool) {
	name, _, has := strings.Cut(strings.TrimLeft(word, "-"), "=")
	f = c.Flags().Lookup(name)
	return f, f != nil && !has && !isBool(f)
}

// isBool reports whether a flag can stand alone, as package flag has it.
func isBool(f *flag.Flag) bool {
	b, ok := f.Value.(interface{ IsBoolFlag() bool })
	return ok && b.IsBoolFlag()
}

// completeFlag prints the flags, or the arguments of the flag that last names before its =.
func (c *Command) completeFlag(w io.Writer, last string) {
	if name, value, has := strings.Cut(last, "="); has {
		arg := ""
		if f, _ := c.flagNamed(name); f != nil {
			arg, _ = Argument(f)
		}
		printChoices(w, arg, name+"=", value)
		return
	}
	fmt.Fprintln(w, "words")
	c.Flags().VisitAll(func(f *flag.Flag) {
		_, text := Argument(f)
		fmt.Fprintf(w, "%s\t%s\n", Spelling(f), text)
	})
	fmt.Fprintln(w, "--help\tsay how it is used")
}

// printChoices prints what an argument can be, by what it is called: words behind prefix, or files of the host,
// which what is behind the colon of SRC:DST is none of.
func printChoices(w io.Writer, arg, prefix, last string) {
	switch list := choices(arg); {
	case list != nil:
		fmt.Fprintln(w, "words")
		for _, word := range list {
			fmt.Fprintln(w, prefix+word)
		}
	case strings.HasPrefix(arg, Dirs):
		fmt.Fprintln(w, "dirs")
	case strings.HasPrefix(arg, Files), strings.HasPrefix(arg, "SRC") && !strings.Contains(last, ":"):
		fmt.Fprintln(w, "files")
	default:
		fmt.Fprintln(w, "words")
	}
}
