package cmdline

import (
	"flag"
	"io"
	"slices"
	"strings"
	"testing"
)

// table is a program with what a command line can have.
func table() *Command {
	flags := func() *flag.FlagSet {
		fs := flag.NewFlagSet("", flag.ContinueOnError)
		fs.String("root", "", "`DIR` is its root")
		fs.String("trace", "", "`FILE`: where lines go")
		fs.String("mount", "", "`SRC:DST[:ro]`: a mount")
		fs.String("network", "", "`none|loopback`: what is reached")
		fs.Int("n", 0, "at most `N`")
		fs.Var(new(switchable), "exec", "`=on|off`: how it executes")
		fs.Bool("quiet", false, "say less")
		return fs
	}
	return &Command{Name: "prog", Commands: []Command{
		{Name: "run", Usage: "run [flags] PROGRAM", About: "run one", Flags: flags, Args: Files},
		{Name: "shell", Usage: "shell DIR", About: "a shell", Flags: func() *flag.FlagSet { return flag.NewFlagSet("", flag.ContinueOnError) }, Args: Dirs},
		{Name: "go", Usage: "go ARG...", About: "another's", Args: Files},
		{Name: "oci", Usage: "oci COMMAND", About: "containers", Flags: flags, Commands: []Command{{Name: "create", About: "make one"}, {Name: "kill", About: "end one", Args: "TERM|KILL"}, {Name: "state", Flags: flags, Offer: func(words []string) []string { return append(words, "last") }}}},
		{Name: "root", Usage: "root COMMAND", About: "trees", Complete: func(w io.Writer, words []string) {
			io.WriteString(w, "words\n"+strings.Join(words, " ")+"\n")
		}},
	}}
}

// switchable is a flag whose argument can be left out.
type switchable string

func (s *switchable) Set(v string) error { *s = switchable(v); return nil }
func (s *switchable) String() string     { return string(*s) }
func (s *switchable) IsBoolFlag() bool   { return true }

const allFlags = "words --exec --mount -n --network --quiet --root --trace --help"

// What a word can become is what package flag would take in its place: a flag's argument behind it or behind =,
// a flag until the first argument, a command.
func TestCompleteWords(t *testing.T) {
	for _, c := range []struct{ line, want string }{
		{"", "words run shell go oci root"},
		{"ru", "words run shell go oci root"}, // the shell chooses
		{"run ", "files"},
		{"run -", allFlags},
		{"run --ne", allFlags},
		{"run --root ", "dirs"},
		{"run -root ", "dirs"},
		{"run --root=", "dirs"},
		{"run --root x ", "files"},
		{"run --root=x ", "files"},
		{"run --root x --trace ", "files"},
		{"run --mount /a", "files"},
		{"run --mount /a:/b", "words"},
		{"run --network ", "words none loopback"},
		{"run --network=l", "words --network=none --network=loopback"},
		{"run --exec ", "files"}, // it has no argument then
		{"run --exec=", "words --exec=on --exec=off"},
		{"run -n ", "words"},
		{"run --quiet --ne", allFlags},
		{"run --unknown x", "files"},
		{"run --unknown=", "words"},
		{"run prog --ne", "files"}, // the program's own
		{"run prog ", "files"},
		{"shell ", "dirs"},
		{"shell --", "words --help"},
		{"go test -", "files"},
		{"oci ", "words create kill state"},
		{"oci --root ", "dirs"},
		{"oci --root x ", "words create kill state"},
		{"oci --root x state la", "words oci --root x state last"},
		{"oci state --quiet ", "words oci state --quiet last"},
		{"oci state --root ", "dirs"},
		{"oci state x ", "words"}, // one is enough
		{"oci kill ", "words TERM KILL"},
		{"root create --sets ba", "words create --sets ba"},
		{"root ", "words "},
		{"nosuch ", "words"},
	} {
		var b strings.Builder
		table().CompleteWords(&b, strings.Split(c.line, " "))
		if got := answer(b.String()); got != c.want {
			t.Errorf("%q: %q, want %q", c.line, got, c.want)
		}
	}
	var b strings.Builder
	table().CompleteWords(&b, nil)
	if got := answer(b.String()); got != "words run shell go oci root" {
		t.Errorf("without words: %q", got)
	}
	if !strings.Contains(b.String(), "run\trun one\n") {
		t.Errorf("a command has no text: %q", &b)
	}
}

// answer is what CompleteWords prints, in a line, without the texts.
func answer(s string) string {
	var words []string
	for line := range strings.Lines(s) {
		word, _, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "\t")
		words = append(words, word)
	}
	return strings.Join(words, " ")
}

// A page has a line a flag that its groups put first, and the others by name, unless all is asked for.
func TestPage(t *testing.T) {
	c := table().Find("run")
	c.Groups = []Group{{Title: "files", Names: []string{"root"}, More: []string{"mount", "trace"}}, {Title: "others", Names: []string{"exec", "n"}, More: []string{"network", "quiet"}}}
	c.Details = func(w io.Writer) { io.WriteString(w, "That is all.\n") }
	const short = `usage: prog run [flags] PROGRAM

files:
  --root DIR                 DIR is its root
others:
  --exec=on|off              how it executes
  -n N                       at most N
more flags:
  --mount SRC:DST[:ro], --trace FILE, --network none|loopback, --quiet

That is all.
`
	const long = `usage: prog run [flags] PROGRAM

files:
  --root DIR                 DIR is its root
  --mount SRC:DST[:ro]       a mount
  --trace FILE               where lines go
others:
  --exec=on|off              how it executes
  -n N                       at most N
  --network none|loopback    what is reached
  --quiet                    say less

That is all.
`
	for all, want := range map[bool]string{false: short, true: long} {
		var b strings.Builder
		if Page(&b, "prog", c, all); b.String() != want {
			t.Errorf("all %v:\n%s\nwant:\n%s", all, &b, want)
		}
	}
	if wrong := Ungrouped(c); wrong != nil {
		t.Errorf("groups: %q", wrong)
	}
	c.Groups[1].More = []string{"network", "network", "old"}
	want := []string{"--network is in 2 groups", "--quiet is in 0 groups", `a group names "old", which is no flag`}
	if wrong := Ungrouped(c); !slices.Equal(wrong, want) {
		t.Errorf("groups: %q, want %q", wrong, want)
	}
}

// A page without groups has all flags by name; one without flags has none.
func TestPageWithoutGroups(t *testing.T) {
	for name, want := range map[string]string{"go": "usage: prog go ARG...\n\n", "shell": "usage: prog shell DIR\n\n"} {
		var b strings.Builder
		if Page(&b, "prog", table().Find(name), false); b.String() != want {
			t.Errorf("%s: %q, want %q", name, &b, want)
		}
	}
	var b strings.Builder
	Page(&b, "prog", table().Find("oci"), false)
	if n := strings.Count(b.String(), "\n  -"); n != 7 {
		t.Errorf("%d flags:\n%s", n, &b)
	}
}

// A letter with a flag's text is that flag's, and has no line of its own; who has the letter alone has one. Flags without effect
// come last, as they do for who looks for one that has.
func TestLetters(t *testing.T) {
	c := &Command{Name: "create", Usage: "create ID", Flags: func() *flag.FlagSet {
		fs := flag.NewFlagSet("", flag.ContinueOnError)
		for _, name := range []string{"bundle", "b"} {
			fs.String(name, "", "`DIR`: the bundle")
		}
		fs.Bool("a", false, "alone")
		fs.Bool("no-pivot", false, NoEffect)
		fs.String("cap", "", "`CAP`: "+NoEffect)
		fs.String("c", "", "`CAP`: "+NoEffect)
		return fs
	}}
	const want = `usage: prog create ID

  -a                         alone
  -b, --bundle DIR           the bundle
more flags:
  -c, --cap CAP, --no-pivot

`
	var b strings.Builder
	if Page(&b, "prog", c, false); b.String() != want {
		t.Errorf("%s\nwant:\n%s", &b, want)
	}
	c.Groups = []Group{{Names: []string{"a", "bundle"}, More: []string{"cap", "no-pivot"}}}
	if wrong := Ungrouped(c); wrong != nil {
		t.Errorf("groups: %q", wrong)
	}
}

// What names commands has nothing but their names, and those of what is below them.
func TestNames(t *testing.T) {
	help := &Command{Name: "prog", Commands: []Command{{Name: "help", Commands: Names(table().Commands)}}}
	for line, want := range map[string]string{
		"help ": "words run shell go oci root", "help root cr": "words cr", "help oci ": "words create kill state", "help run ": "words", "help run -": "words", "help oci kill ": "words",
	} {
		var b strings.Builder
		help.CompleteWords(&b, strings.Split(line, " "))
		if got := answer(b.String()); got != want {
			t.Errorf("%q: %q, want %q", line, got, want)
		}
	}
}

// A screen has 24 lines, one of them for the prompt, of 80 columns.
func TestScreen(t *testing.T) {
	if wrong := Screen(strings.Repeat(strings.Repeat("x", 80)+"\n", 23)); wrong != nil {
		t.Errorf("%q", wrong)
	}
	if wrong := Screen(strings.Repeat("x\n", 24)); len(wrong) != 1 {
		t.Errorf("24 lines: %q", wrong)
	}
	if wrong := Screen(strings.Repeat("x", 81)); len(wrong) != 1 {
		t.Errorf("81 columns: %q", wrong)
	}
}

// There is a script for each shell that is named, and for no other.
func TestScript(t *testing.T) {
	for shell := range strings.SplitSeq(Shells, "|") {
		var b strings.Builder
		if err := Script(&b, shell, "prog", "prog-oci"); err != nil || !strings.Contains(b.String(), "prog") || !strings.Contains(b.String(), " prog prog-oci\n") ||
			strings.Contains(b.String(), "PROGRAM") || strings.Contains(b.String(), "NAMES") {
			t.Errorf("%s: %v\n%s", shell, err, &b)
		}
	}
	if err := Script(io.Discard, "csh", "prog"); err == nil || err.Error() != `no shell "csh"; there are bash, zsh, fish` {
		t.Errorf("csh: %v", err)
	}
}
