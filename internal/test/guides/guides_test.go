package guides

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"toaster"
	"toaster/internal/guesttest"
)

func TestMain(m *testing.M) {
	if err := guesttest.DefaultSignals(); err != nil {
		panic(err)
	}
	os.Exit(m.Run())
}

// guides are the pages that are played. A block with the word "console" has commands, behind "$ ", and what they print:
// a line "..." is any number of lines, "..." in a line any text. A block whose language is followed by a name is that
// file. A comment <!-- needs WHAT --> before a block leaves it out where this host has none of that (needs).
//
// All of a page happens in one directory, app, beside which this repository is called toaster; toaster itself is on PATH.
var guides = []string{"doc/embed-kern.md", "doc/untrusted-programs.md", "doc/netbsd-only-failures.md", "doc/compared.md"}

func TestGuides(t *testing.T) {
	bin := t.TempDir()
	build(t, bin, "./cmd/...")
	for _, name := range guides {
		t.Run(filepath.Base(name), func(t *testing.T) {
			page, err := os.ReadFile(filepath.Join("../../..", name))
			if err != nil {
				t.Fatal(err)
			}
			g := guide{dir: place(t), env: environment(bin)}
			for _, b := range blocks(string(page)) {
				g.play(t, b)
			}
			if g.commands == 0 {
				t.Error("nothing was played")
			}
		})
	}
}

// build builds packages of this repository into a directory.
func build(t *testing.T, dir, packages string, env ...string) {
	t.Helper()
	cmd := exec.Command("go", "build", "-buildvcs=false", "-o", dir+"/", packages)
	cmd.Dir, cmd.Env = "../../..", append(os.Environ(), env...)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
}

// place makes the directory that a guide happens in.
func place(t *testing.T) string {
	t.Helper()
	root, err := filepath.Abs("../../..")
	if err != nil {
		t.Fatal(err)
	}
	beside := t.TempDir()
	dir := filepath.Join(beside, "app")
	if err := os.Symlink(root, filepath.Join(beside, "toaster")); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	return dir
}

// environment is that of the commands: offline, with what the module cache has.
func environment(bin string) []string {
	return append(os.Environ(), "PATH="+bin+":"+os.Getenv("PATH"), "GOPROXY=off", "GOSUMDB=off", "GOWORK=", "LC_ALL=C",
		"GOFLAGS=-mod=mod -trimpath -buildvcs=false")
}

// block is one of a page.
type block struct {
	language, file string
	needs          string
	text           string
}

var fence = regexp.MustCompile("(?ms)(?:^<!-- needs (\\S+) -->\n+)?^```(\\w+) ?(\\S*)\n(.*?)^```$")

func blocks(page string) (list []block) {
	for _, m := range fence.FindAllStringSubmatch(page, -1) {
		list = append(list, block{needs: m[1], language: m[2], file: m[3], text: m[4]})
	}
	return list
}

// needs try what not every host grants.
var needs = map[string]func() error{"tmpfs": toaster.TryTmpfs}

// guide is one that is played.
type guide struct {
	dir      string
	env      []string
	commands int
}

func (g *guide) play(t *testing.T, b block) {
	t.Helper()
	if b.needs != "" {
		if err := needs[b.needs](); err != nil {
			t.Logf("left out, as it needs %s (%v):\n%s", b.needs, err, b.text)
			return
		}
	}
	switch {
	case b.file != "":
		name := filepath.Join(g.dir, b.file)
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(b.text), 0o644); err != nil {
			t.Fatal(err)
		}
	case b.language == "console":
		for _, c := range commands(b.text) {
			g.run(t, c)
		}
	}
}

// command is one of a block, with what it should print.
type command struct{ line, want string }

func commands(text string) (list []command) {
	for line := range strings.Lines(text) {
		if shown, ok := strings.CutPrefix(line, "$ "); ok {
			list = append(list, command{line: shown})
		} else if n := len(list); n > 0 {
			list[n-1].want += line
		}
	}
	return list
}

func (g *guide) run(t *testing.T, c command) {
	t.Helper()
	cmd := exec.Command("sh", "-c", c.line)
	cmd.Dir, cmd.Env = g.dir, g.env
	out, err := cmd.CombinedOutput()
	if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	g.commands++
	if got := squeeze(string(out)); !pattern(c.want).MatchString(got) {
		t.Fatalf("$ %s%s\nThe page has:\n%s", c.line, out, c.want)
	}
}

// pattern is what output a page shows.
func pattern(want string) *regexp.Regexp {
	var b strings.Builder
	b.WriteString(`\A`)
	for line := range strings.Lines(squeeze(want)) {
		if line == "...\n" {
			b.WriteString(`(?:.*\n)*?`)
			continue
		}
		b.WriteString(strings.ReplaceAll(regexp.QuoteMeta(line), `\.\.\.`, `.*`))
	}
	b.WriteString(`\z`)
	return regexp.MustCompile(b.String())
}

var blank = regexp.MustCompile(`[ \t]+`)

// squeeze makes one blank of several, and none at the ends of lines.
func squeeze(s string) string {
	var lines []string
	for line := range strings.Lines(s) {
		lines = append(lines, strings.TrimSpace(blank.ReplaceAllString(line, " "))+"\n")
	}
	return strings.Join(lines, "")
}

// Every page of doc that has commands for a console is played.
func TestAllGuidesArePlayed(t *testing.T) {
	names, err := filepath.Glob("../../../doc/*.md")
	if err != nil || names == nil {
		t.Fatal(names, err)
	}
	for _, name := range names {
		page, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(page), "\n```console\n") && !slices.Contains(guides, "doc/"+filepath.Base(name)) {
			t.Errorf("%s has commands, and is not among the guides that are played", name)
		}
	}
}

// What a page shows is compared as it says.
func TestPattern(t *testing.T) {
	for _, c := range []struct {
		want, out string
		ok        bool
	}{
		{"", "", true},
		{"", "x\n", false},
		{"a\n", "a\n", true},
		{"ok  a\n", "ok\ta\n", true},
		{"a ... c\n", "a b c\n", true},
		{"a ... c\n", "a b\n c\n", false},
		{"a\n...\nz\n", "a\nb\nc\nz\n", true},
		{"a\n...\nz\n", "a\nz\n", true},
		{"a\n...\nz\n", "a\nz\nx\n", false},
		{"1.5\n", "1x5\n", false},
	} {
		if got := pattern(c.want).MatchString(squeeze(c.out)); got != c.ok {
			t.Errorf("%q, %q: %v", c.want, c.out, got)
		}
	}
}

// Each line of README's picture, a shortened trace, is one that examples/lifecycle has, but for its numbers.
func TestReadmePicture(t *testing.T) {
	readme, err := os.ReadFile("../../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	var picture string
	for _, b := range blocks(string(readme)) {
		if b.language == "console" {
			picture = b.text
			break
		}
	}
	if !strings.HasPrefix(picture, "$ toaster run --trace - ./lifecycle\n") || strings.Count(picture, "\n") < 8 {
		t.Fatalf("README has no picture:\n%s", picture)
	}
	dir := t.TempDir()
	build(t, dir, "./cmd/toaster")
	build(t, dir, "./examples/lifecycle", "GOOS=netbsd", "GOARCH=amd64", "CGO_ENABLED=0")
	out, err := exec.Command(filepath.Join(dir, "toaster"), "run", "--trace", "-", filepath.Join(dir, "lifecycle")).CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	number := regexp.MustCompile(`\d+(\\\.\d+)?(µs|ms|ns|s\b)?`)
	for line := range strings.Lines(picture) {
		if strings.HasPrefix(line, "$") || line == "...\n" {
			continue
		}
		shape := number.ReplaceAllString(regexp.QuoteMeta(strings.TrimSpace(line)), `[0-9.]+(?:µs|ms|ns|s)?`)
		if !regexp.MustCompile(`(?m)^ *` + shape + `$`).Match(out) {
			t.Errorf("the trace has no line as %s", line)
		}
	}
}
