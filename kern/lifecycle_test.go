package kern

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// The tests of this file compare doc/lifecycle.md, the specification, with the code.

const lifecyclePage = "../doc/lifecycle.md"

// A lifecycleItem is a row of the specification's tables.
type lifecycleItem struct {
	seen        string // G or L
	function    string // of kern_exit.c 1.127, or a note that it is elsewhere
	first, last int    // its lines there; 0 if it is elsewhere
	tests       []string
}

var (
	itemRow   = regexp.MustCompile(`^\| (\d+) \| ([GL]) \| (.+) \| (.+) \| (.*) \| (.+) \|$`)
	itemLine  = regexp.MustCompile("^`(\\w+)` (?:(\\d+)(?:-(\\d+))?|\\((\\w+\\.c)\\))$")
	cFunction = regexp.MustCompile("^\\| `(\\w+)` \\| (\\d+)-(\\d+) \\|$")
	quoted    = regexp.MustCompile("`([^`]+)`")
)

// readLifecycle returns the items by their numbers, and the lines of the functions of
// kern_exit.c 1.127.
func readLifecycle(t *testing.T) (items map[int]lifecycleItem, functions map[string][2]int) {
	page, err := os.ReadFile(lifecyclePage)
	if err != nil {
		t.Fatal(err)
	}
	items, functions = map[int]lifecycleItem{}, map[string][2]int{}
	for _, line := range strings.Split(string(page), "\n") {
		if m := cFunction.FindStringSubmatch(line); m != nil {
			functions[m[1]] = [2]int{number(m[2]), number(m[3])}
		}
		m := itemRow.FindStringSubmatch(line)
		if m == nil {
			continue
		}
		n, at := number(m[1]), itemLine.FindStringSubmatch(m[4])
		if at == nil {
			t.Fatalf("item %d says %q instead of a function and its lines", n, m[4])
		}
		if _, twice := items[n]; twice || n != len(items)+1 {
			t.Errorf("item %d comes after %d others", n, len(items))
		}
		i := lifecycleItem{seen: m[2], function: at[1], first: number(at[2]), last: max(number(at[2]), number(at[3]))}
		for _, q := range quoted.FindAllStringSubmatch(m[6], -1) {
			i.tests = append(i.tests, q[1])
		}
		items[n] = i
	}
	return items, functions
}

func number(s string) int {
	n, _ := strconv.Atoi(s)
	return n
}

// TestLifecycleItems: 99 items, each with lines that lie in its function and with a test
// of this package.
func TestLifecycleItems(t *testing.T) {
	items, functions := readLifecycle(t)
	if len(items) != 99 {
		t.Errorf("%s has %d items", lifecyclePage, len(items))
	}
	for n, i := range items {
		if lines := functions[i.function]; i.first != 0 && (i.first < lines[0] || i.last > lines[1]) {
			t.Errorf("item %d: %s has the lines %v, not %d to %d", n, i.function, lines, i.first, i.last)
		}
		if !slices.ContainsFunc(i.tests, func(s string) bool { return strings.HasPrefix(s, "Test") }) {
			t.Errorf("item %d has no test", n)
		}
	}
}

var (
	numberedTest = regexp.MustCompile(`^Test[A-Z][A-Za-z0-9]*_(\d\d)_[A-Z][A-Za-z0-9]+$`)
	numberedCase = regexp.MustCompile(`\{"([a-z]+(?:_\d\d)+_\w+)"`)
)

// TestLifecycleTests: the tests that the specification names are those that there are,
// each in the row of its number; and those of this package run under a release that
// they name.
func TestLifecycleTests(t *testing.T) {
	items, _ := readLifecycle(t)
	there := map[string]bool{}
	claim := func(name, n string) {
		there[name] = true
		if i := items[number(n)]; !slices.Contains(i.tests, name) {
			t.Errorf("%s is not in row %s of %s", name, n, lifecyclePage)
		}
	}
	for _, dir := range []string{".", "../internal/tty"} {
		for _, fn := range testFunctions(t, dir) {
			if m := numberedTest.FindStringSubmatch(fn.Name.Name); m != nil {
				claim(m[0], m[1])
				if dir == "." && !runsReleases(fn) {
					t.Errorf("%s runs under no named release", m[0])
				}
			}
		}
	}
	cases, err := filepath.Glob("../internal/test/guests/guest/*_netbsd.go")
	if err != nil || len(cases) == 0 {
		t.Fatal("no guest programs", err)
	}
	for _, file := range cases {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range numberedCase.FindAllStringSubmatch(string(text), -1) {
			for _, word := range strings.Split(m[1], "_") {
				if len(word) == 2 && number(word) != 0 {
					claim(m[1], word)
				}
			}
		}
	}
	for n, i := range items {
		for _, name := range i.tests {
			if !there[name] {
				t.Errorf("item %d names %s, which is not there", n, name)
			}
		}
	}
}

// testFunctions returns the functions of dir's tests that are no methods.
func testFunctions(t *testing.T, dir string) (fns []*ast.FuncDecl) {
	files, err := filepath.Glob(filepath.Join(dir, "*_test.go"))
	if err != nil || len(files) == 0 {
		t.Fatal("no tests in ", dir, err)
	}
	for _, f := range files {
		tree, err := parser.ParseFile(token.NewFileSet(), f, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range tree.Decls {
			if fn, ok := d.(*ast.FuncDecl); ok && fn.Recv == nil {
				fns = append(fns, fn)
			}
		}
	}
	return fns
}

// runsReleases reports whether fn calls both or bothWith, whose subtests have the
// release in their name.
func runsReleases(fn *ast.FuncDecl) bool {
	found := false
	ast.Inspect(fn, func(n ast.Node) bool {
		if c, ok := n.(*ast.CallExpr); ok {
			if id, ok := c.Fun.(*ast.Ident); ok && (id.Name == "both" || id.Name == "bothWith") {
				found = true
			}
		}
		return true
	})
	return found
}

// citation is "item 37" or "items 17 to 25", also over the end of a comment's line.
var citation = regexp.MustCompile(`\bitems?[\s/]+\d+(?:(?:,| to| and|-)[\s/]*\d+)*`)

// TestLifecycleCitations: whatever item a file of the repository cites is one.
func TestLifecycleCitations(t *testing.T) {
	items, _ := readLifecycle(t)
	cited := 0
	err := filepath.WalkDir("..", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && d.Name() == ".git" {
			return filepath.SkipDir
		}
		if !slices.Contains([]string{".go", ".md", ".s", ".c", ".h"}, filepath.Ext(path)) {
			return nil
		}
		text, err := os.ReadFile(path)
		for _, c := range citation.FindAllString(string(text), -1) {
			for _, n := range regexp.MustCompile(`\d+`).FindAllString(c, -1) {
				cited++
				if _, ok := items[number(n)]; !ok {
					t.Errorf("%s: %q: there is no item %s", path, c, n)
				}
			}
		}
		return err
	})
	if err != nil || cited < 50 {
		t.Errorf("%d citations found, %v", cited, err)
	}
}
