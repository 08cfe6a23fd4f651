package cmdline

import (
	"flag"
	"fmt"
	"io"
	"slices"
	"strings"
)

// Columns and Lines are the screen that a page of help fits: a VT100's.
const (
	Columns = 80
	Lines   = 24
)

// Page prints how a command is used: its usage, its flags in their groups, and its details. Flags that
// are seldom needed have a line each only if all is set; without, the page fits a screen.
func Page(w io.Writer, program string, c *Command, all bool) {
	fmt.Fprintf(w, "usage: %s %s\n\n", program, c.Usage)
	if c.Flags != nil && c.FlagsOf == "" {
		printFlags(w, c.Flags(), groups(c), all)
	}
	if c.Details != nil {
		c.Details(w)
	}
}

// groups returns a command's groups of flags, or one of all its flags, without a title, in which those without effect
// come last.
func groups(c *Command) []Group {
	if c.Groups != nil {
		return c.Groups
	}
	var g Group
	for _, f := range Flags(c.Flags()) {
		if _, text := Argument(f); text == NoEffect {
			g.More = append(g.More, f.Name)
		} else {
			g.Names = append(g.Names, f.Name)
		}
	}
	if g.Names == nil && g.More == nil {
		return nil
	}
	return []Group{g}
}

func printFlags(w io.Writer, fs *flag.FlagSet, groups []Group, all bool) {
	var more []string
	for _, g := range groups {
		if g.Title != "" {
			fmt.Fprintf(w, "%s:\n", g.Title)
		}
		for _, name := range g.Names {
			printFlag(w, fs, fs.Lookup(name))
		}
		for _, name := range g.More {
			f := fs.Lookup(name)
			if all {
				printFlag(w, fs, f)
			}
			more = append(more, signature(fs, f))
		}
	}
	if more != nil && !all {
		fmt.Fprintln(w, moreTitle(groups))
		printWrapped(w, more)
	}
	if groups != nil {
		fmt.Fprintln(w)
	}
}

// moreTitle is said above flags that have no lines.
func moreTitle(groups []Group) string {
	if slices.ContainsFunc(groups, func(g Group) bool { return g.Names != nil }) {
		return "more flags:"
	}
	return "flags:"
}

func printFlag(w io.Writer, fs *flag.FlagSet, f *flag.Flag) {
	_, text := Argument(f)
	fmt.Fprintf(w, "  %-26s %s\n", signature(fs, f), text)
}

// printWrapped prints words in lines that fit.
func printWrapped(w io.Writer, words []string) {
	line := " "
	for i, word := range words {
		if i < len(words)-1 {
			word += ","
		}
		if len(line)+1+len(word) > Columns {
			fmt.Fprintln(w, line)
			line = " "
		}
		line += " " + word
	}
	fmt.Fprintln(w, line)
}

// Overview prints a line for each of the program's commands.
func Overview(w io.Writer, c *Command) {
	width := 0
	for _, sub := range c.Commands {
		width = max(width, len(sub.Usage))
	}
	for _, sub := range c.Commands {
		fmt.Fprintf(w, "  %s %-*s %s\n", c.Name, width, sub.Usage, sub.About)
	}
}

// Ungrouped returns what is wrong with a command's groups: flags that are in none or in several, and
// names that are no flags.
func Ungrouped(c *Command) (wrong []string) {
	if c.Groups == nil {
		return nil
	}
	count := map[string]int{}
	for _, g := range c.Groups {
		for _, name := range slices.Concat(g.Names, g.More) {
			count[name]++
		}
	}
	for _, f := range Flags(c.Flags()) {
		if n := count[f.Name]; n != 1 {
			wrong = append(wrong, fmt.Sprintf("%s is in %d groups", Spelling(f), n))
		}
		delete(count, f.Name)
	}
	for name := range count {
		wrong = append(wrong, fmt.Sprintf("a group names %q, which is no flag", name))
	}
	return wrong
}

// Screen returns what of a page does not fit a screen; a line is left for the prompt.
func Screen(page string) (wrong []string) {
	lines := strings.Split(strings.TrimSuffix(page, "\n"), "\n")
	if len(lines) >= Lines {
		wrong = append(wrong, fmt.Sprintf("%d lines, want %d", len(lines), Lines-1))
	}
	for _, line := range lines {
		if len(line) > Columns {
			wrong = append(wrong, fmt.Sprintf("%d columns: %s", len(line), line))
		}
	}
	return wrong
}
