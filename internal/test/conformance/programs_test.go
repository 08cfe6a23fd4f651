package conformance

import (
	"bytes"
	"errors"
	"fmt"
	"go/build/constraint"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
)

// knownPrograms are the programs that cannot pass, with the reason.
var knownPrograms = map[string]string{}

// TestPrograms runs every top-level "// run" program of GOROOT/test as the
// distribution's own test of them does (cmd/internal/testdir): build tags are
// respected, flags go to the compiler, both outputs together must equal the .out file
// if there is one.
func TestPrograms(t *testing.T) {
	dir := filepath.Join(goroot, "test")
	sources, _ := filepath.Glob(filepath.Join(dir, "*.go"))
	if len(sources) == 0 {
		t.Skipf("%s has no programs: this Go distribution comes without its test folder", dir)
	}
	found := make(map[string]bool)
	for _, source := range sources {
		p := readProgram(t, source)
		if p == nil {
			continue
		}
		found[p.name] = true
		t.Run(p.name, func(t *testing.T) {
			t.Parallel()
			if testing.Short() && len(p.name)%4 != 0 {
				t.Skip("a quarter of the programs in -short")
			}
			checkKnown(t, knownPrograms[p.name], p.check(t))
		})
	}
	for name := range knownPrograms {
		if !found[name] {
			t.Errorf("knownPrograms has %s, which is not a program to be run", name)
		}
	}
}

// checkKnown compares how a test ended with what its table says.
func checkKnown(t *testing.T, reason string, err error) {
	t.Helper()
	switch {
	case err != nil && reason == "":
		t.Error(err)
	case err != nil:
		t.Skipf("known: %s", reason)
	case reason != "":
		t.Errorf("passes, remove it from the table of known failures (%s)", reason)
	}
}

// program is one of GOROOT/test.
type program struct {
	name   string // "args.go"
	dir    string
	flags  []string // for the compiler
	extra  []string // more sources
	args   []string
	source []byte
}

// readProgram returns nil if source is not to be run on netbsd/amd64.
func readProgram(t *testing.T, source string) *program {
	t.Helper()
	text, err := os.ReadFile(source)
	if err != nil {
		t.Fatal(err)
	}
	recipe, ok := readHeader(string(text))
	words := strings.Fields(recipe)
	if !ok || len(words) == 0 || words[0] != "run" {
		return nil
	}
	p := &program{name: filepath.Base(source), dir: filepath.Dir(source), source: text}
	words = words[1:]
	for len(words) > 0 && strings.HasPrefix(words[0], "-") {
		n := 1
		if words[0] == "-gcflags" {
			n = 2
		}
		p.flags = append(p.flags, words[:n]...)
		words = words[n:]
	}
	for len(words) > 0 && strings.HasSuffix(words[0], ".go") { // as go run takes them
		p.extra = append(p.extra, words[0])
		words = words[1:]
	}
	p.args = words
	return p
}

// readHeader finds the recipe of a test program, and whether its build constraints
// hold for the guest. The recipe is the first line that is not a constraint.
func readHeader(text string) (recipe string, ok bool) {
	ok = true
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if strings.HasPrefix(line, "package ") {
			break
		}
		if expr, err := constraint.Parse(line); err == nil {
			ok = ok && expr.Eval(guestTag)
		} else if recipe == "" {
			recipe = strings.TrimSpace(strings.TrimPrefix(line, "//"))
		}
	}
	return recipe, ok
}

func guestTag(tag string) bool {
	return slices.Contains([]string{"netbsd", "amd64", "unix", "gc", "test_run"}, tag) || strings.HasPrefix(tag, "go1.")
}

// check builds and runs the program.
func (p *program) check(t *testing.T) error {
	exe := inWork(strings.TrimSuffix(p.name, ".go") + ".exe")
	p.build(t, exe)
	defer os.Remove(exe)
	out, err := guest{
		exe: exe, args: p.args, dir: p.dir, limit: hung,
		env: []string{"STDLIB_IMPORTCFG=" + importConfig(t)},
	}.run(t)
	if err != nil {
		return fmt.Errorf("%w\n%s", err, out)
	}
	want, err := os.ReadFile(filepath.Join(p.dir, strings.TrimSuffix(p.name, ".go")+".out"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	} else if err != nil {
		return err
	}
	if !bytes.Equal(out, want) {
		return fmt.Errorf("output is\n%s\nwant\n%s", out, want)
	}
	return nil
}

// builds limits how many programs are built at a time: each build is a process.
var builds = make(chan struct{}, max(2, runtime.NumCPU()/2))

// build makes the executable. A plain program goes right through compiler and linker,
// a tenth of a second; the go command would need five times as long to find out that
// nothing else is to be done.
func (p *program) build(t *testing.T, exe string) {
	t.Helper()
	builds <- struct{}{}
	defer func() { <-builds }()
	if len(p.flags)+len(p.extra) > 0 {
		args := slices.Concat([]string{"build", "-o", exe}, p.flags, []string{p.name}, p.extra)
		mustRun(t, goCommand(p.dir, args...))
		return
	}
	object := strings.TrimSuffix(exe, ".exe") + ".a"
	defer os.Remove(object)
	mustRun(t, goCommand(p.dir, "tool", "compile", "-p=main", "-importcfg="+importConfig(t), "-o", object, p.name))
	mustRun(t, goCommand(p.dir, "tool", "link", "-s", "-w", "-buildid=test", "-importcfg="+importConfig(t), "-o", exe, object))
}

// writeImportConfig tells compiler and linker where the build cache has the standard
// library for the guest.
var writeImportConfig = sync.OnceValues(func() (string, error) {
	list := goCommand(goroot, "list", "-export", "-f", "{{if .Export}}packagefile {{.ImportPath}}={{.Export}}{{end}}", "std")
	out, err := list.Output()
	if err != nil {
		return "", fmt.Errorf("go list -export std: %w", err)
	}
	name := inWork("importcfg")
	return name, os.WriteFile(name, out, 0o644)
})

func importConfig(t *testing.T) string {
	t.Helper()
	name, err := writeImportConfig()
	if err != nil {
		t.Fatal(err)
	}
	return name
}
