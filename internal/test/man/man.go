// Package man compares manual pages, in mdoc(7), with the tables of command lines. Beside that it tests
// that the pages in the directory man are clean for mandoc(1).
package man

import (
	"flag"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"toaster/internal/cmdline"
)

var (
	// An item that describes a flag: .It Fl -name Ar ARG, .It Fl n, one of several by a comma: .It Fl v , Fl -verbose.
	item     = regexp.MustCompile(`(?m)^\.It (Fl .*)$`)
	mention  = regexp.MustCompile(`\bFl (-?[A-Za-z0-9-]+)`)
	argument = regexp.MustCompile(`\b(?:Ar|Cm|Ns)(?: |$)`)
)

// Flags returns how a page differs from a command's flags, and those of the commands below it: flags without an item that
// describes them with the argument that they take, items of flags that there are not, and mentions of such.
// --help is every command's, and described once, by toaster(1). A command with another's flags refers to its page.
func Flags(page string, c *cmdline.Command) (wrong []string) {
	described := describedFlags(page)
	if c.FlagsOf != "" {
		if !strings.Contains(page, "\n.Xr toaster-"+c.FlagsOf+" 1") {
			wrong = append(wrong, fmt.Sprintf("it does not refer to toaster-%s(1), which has the flags", c.FlagsOf))
		}
		return append(wrong, strangers(page, flags(c))...)
	}
	all := flags(c)
	for _, f := range all {
		arg, ok := described[f.name]
		switch {
		case !ok:
			wrong = append(wrong, fmt.Sprintf("no item describes -%s", f.name))
		case !slices.Contains(f.args, arg):
			wrong = append(wrong, fmt.Sprintf("-%s has the argument %q, want %q", f.name, arg, f.args[0]))
		}
		delete(described, f.name)
	}
	for name := range described {
		wrong = append(wrong, fmt.Sprintf("an item describes -%s, which is no flag", name))
	}
	return append(wrong, strangers(page, all)...)
}

// knownFlag is a flag as Fl has it, without its first dash, and what its argument is called: commands below one page may
// call that of the same flag by several names, any of which will do.
type knownFlag struct {
	name string
	args []string
}

// flags returns a command's flags, and those of the commands below it, sorted.
func flags(c *cmdline.Command) (list []knownFlag) {
	args := map[string][]string{}
	var collect func(c *cmdline.Command)
	collect = func(c *cmdline.Command) {
		if c.Flags != nil {
			c.Flags().VisitAll(func(f *flag.Flag) {
				arg, _ := cmdline.Argument(f)
				name := strings.TrimPrefix(cmdline.Spelling(f), "-")
				args[name] = append(args[name], plainArgument(arg))
			})
		}
		for i := range c.Commands {
			collect(&c.Commands[i])
		}
	}
	collect(c)
	for name, args := range args {
		list = append(list, knownFlag{name, args})
	}
	slices.SortFunc(list, func(a, b knownFlag) int { return strings.Compare(a.name, b.name) })
	return list
}

// describedFlags returns the flags that items describe, as Fl has them, and their arguments.
func describedFlags(page string) map[string]string {
	described := map[string]string{}
	for _, m := range item.FindAllStringSubmatch(page, -1) {
		names, arg := []string(nil), ""
		for _, part := range strings.Split(m[1], " , ") { // an argument behind the last name is that of all
			var name string
			name, arg, _ = strings.Cut(strings.TrimPrefix(part, "Fl "), " ")
			names = append(names, name)
		}
		if before, optional, ok := strings.Cut(arg, " Ns Op "); ok { // which reaches to the line's end
			arg = before + "[" + optional + "]"
		}
		for _, name := range names {
			described[name] = plainArgument(argument.ReplaceAllString(arg, ""))
		}
	}
	return described
}

// plainArgument is an argument without what only its writing needs: blanks, and quotes.
func plainArgument(arg string) string {
	return strings.NewReplacer(" ", "", `"`, "", `\&`, "").Replace(arg)
}

// strangers returns mentions of what is none of the flags.
func strangers(page string, all []knownFlag) (wrong []string) {
	for line := range strings.Lines(page) {
		if strings.HasPrefix(line, ".It ") || !strings.HasPrefix(line, ".") {
			continue
		}
		for _, m := range mention.FindAllStringSubmatch(line, -1) {
			known := func(f knownFlag) bool { return f.name == m[1] }
			if m[1] != "-help" && !slices.ContainsFunc(all, known) {
				wrong = append(wrong, fmt.Sprintf("it mentions -%s, which is no flag: %s", m[1], strings.TrimSpace(line)))
			}
		}
	}
	return wrong
}

var status = regexp.MustCompile(`(?m)^\.It (\d+)(?: Ns .*)?$`)

// Statuses returns the numbers that a page's section EXIT STATUS lists, in their order.
func Statuses(page string) (list []int) {
	_, section, _ := strings.Cut(page, "\n.Sh EXIT STATUS\n")
	section, _, _ = strings.Cut(section, "\n.Sh ")
	for _, m := range status.FindAllStringSubmatch(section, -1) {
		n, _ := strconv.Atoi(m[1])
		list = append(list, n)
	}
	slices.Sort(list)
	return list
}
