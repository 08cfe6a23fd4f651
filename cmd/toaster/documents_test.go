package main

import (
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"toaster/internal/cmdline"
	"toaster/internal/test/man"
)

// Every flag of run stands in one group of the help, and in a table of README.
func TestFlagsAreDocumented(t *testing.T) {
	readme := readFile(t, "../../README.md")
	for _, c := range program().Commands {
		for _, wrong := range cmdline.Ungrouped(&c) {
			t.Errorf("%s: %s", c.Name, wrong)
		}
	}
	new(runFlags).set().VisitAll(func(f *flag.Flag) {
		if !strings.Contains(readme, "--"+f.Name) {
			t.Errorf("README does not name --%s", f.Name)
		}
	})
}

// statuses are the constants of status.go.
func statuses(t *testing.T) (list []int) {
	file, err := parser.ParseFile(token.NewFileSet(), "status.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	ast.Inspect(file, func(n ast.Node) bool {
		if lit, ok := n.(*ast.BasicLit); ok {
			v, err := strconv.Atoi(lit.Value)
			if err != nil {
				t.Fatal(err)
			}
			list = append(list, v)
		}
		return true
	})
	slices.Sort(list)
	return list
}

// The exit statuses of toaster itself stand in README's table and in that of toaster(1), and no others do.
func TestStatusesAreDocumented(t *testing.T) {
	want := statuses(t)
	if len(want) != 6 || want[0] != exitOutputLimit || want[5] != exitSignal {
		t.Fatalf("status.go has %v", want)
	}
	if got := tableOfStatuses(readFile(t, "../../README.md")); !slices.Equal(got, want) {
		t.Errorf("README's table of statuses has %v, want %v", got, want)
	}
	if got := man.Statuses(readFile(t, "../../man/toaster.1")); !slices.Equal(got, want) {
		t.Errorf("toaster(1)'s table of statuses has %v, want %v", got, want)
	}
}

func tableOfStatuses(page string) (list []int) {
	for _, m := range regexp.MustCompile(`(?m)^\| (\d+)(?:\+N)? \|`).FindAllStringSubmatch(page, -1) {
		n, _ := strconv.Atoi(m[1])
		list = append(list, n)
	}
	return list
}

// Every command has a page of help, and stands in README.
func TestCommandsAreDocumented(t *testing.T) {
	readme := readFile(t, "../../README.md")
	for _, c := range program().Commands {
		var page strings.Builder
		if c.Details(&page); page.Len() == 0 {
			t.Errorf("toaster help %s says nothing", c.Name)
		}
		if !strings.Contains(readme, "\ntoaster "+c.Name+" ") {
			t.Errorf("README does not name toaster %s", c.Name)
		}
	}
}

// Every page of help fits a screen, but for that with all flags, whose lines do.
func TestHelpFitsAScreen(t *testing.T) {
	var list strings.Builder
	usage(&list)
	for _, wrong := range cmdline.Screen(list.String()) {
		t.Errorf("toaster --help: %s", wrong)
	}
	eachCommand(program().Commands, "", func(name string, c *cmdline.Command) {
		var page, all strings.Builder
		cmdline.Page(&page, "toaster", c, false)
		for _, wrong := range cmdline.Screen(page.String()) {
			t.Errorf("toaster help%s: %s", name, wrong)
		}
		cmdline.Page(&all, "toaster", c, true)
		for line := range strings.Lines(all.String()) {
			if len(line) > cmdline.Columns+1 {
				t.Errorf("toaster help --verbose%s: %d columns: %s", name, len(line)-1, line)
			}
		}
	})
}

// eachCommand calls f for commands and those below them that have pages, with their names behind above.
func eachCommand(commands []cmdline.Command, above string, f func(name string, c *cmdline.Command)) {
	for i := range commands {
		c := &commands[i]
		if c.Usage == "" { // a name that an argument can be
			continue
		}
		f(above+" "+c.Name, c)
		eachCommand(c.Commands, above+" "+c.Name, f)
	}
}

// Help, completion and the shells say of every flag what it does, and of one without effect that it has none.
func TestFlagsHaveTexts(t *testing.T) {
	n := 0
	eachCommand(program().Commands, "", func(name string, c *cmdline.Command) {
		if c.Flags == nil {
			return
		}
		c.Flags().VisitAll(func(f *flag.Flag) {
			n++
			if _, text := cmdline.Argument(f); text == "" {
				t.Errorf("toaster%s %s: no text", name, cmdline.Spelling(f))
			}
		})
	})
	if n < 100 {
		t.Errorf("%d flags", n)
	}
}

// Every command has a manual page, toaster-NAME in section 1 or 8, which describes its flags and no others, and is named
// by toaster(1); no page is of a command that there is not. The flags of a command that is another program are that
// one's to check.
func TestManualPages(t *testing.T) {
	table := program()
	first := readFile(t, "../../man/toaster.1")
	pages := map[string]string{} // by command
	for _, name := range glob(t, "../../man/toaster-*.[18]") {
		command, section, _ := strings.Cut(strings.TrimPrefix(filepath.Base(name), "toaster-"), ".")
		pages[command] = name
		if table.Find(command) == nil {
			t.Errorf("%s: there is no command %q", name, command)
		}
		if !strings.Contains(first, fmt.Sprintf("\n.Xr toaster-%s %s", command, section)) {
			t.Errorf("toaster(1) does not refer to %s", name)
		}
	}
	for _, c := range table.Commands {
		name := pages[c.Name]
		if name == "" {
			t.Errorf("there is no man/toaster-%s.1; CONTRIBUTING.md says what a command needs", c.Name)
			continue
		}
		if !strings.Contains(first, "\n.It Cm "+c.Name+"\n") && !strings.Contains(first, "\n.It Cm "+c.Name+" ") {
			t.Errorf("toaster(1) does not list %s", c.Name)
		}
		if c.Complete != nil {
			continue
		}
		for _, wrong := range man.Flags(readFile(t, name), &c) {
			t.Errorf("%s: %s", name, wrong)
		}
	}
}

func glob(t *testing.T, pattern string) []string {
	t.Helper()
	names, err := filepath.Glob(pattern)
	if err != nil || names == nil {
		t.Fatalf("%s: %q, %v", pattern, names, err)
	}
	return names
}

func readFile(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
