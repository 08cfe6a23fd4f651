package kern

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// numbered is the name of a test of the checklist: TestArea_NN_Behaviour.
var numbered = regexp.MustCompile(`^Test[A-Z][A-Za-z0-9]*_(\d\d)_[A-Z][A-Za-z0-9]+$`)

// Every number of the checklist has a test, and every such test runs its behaviour
// under a release that it names.
func TestEveryNumberHasATest(t *testing.T) {
	have := map[int][]string{}
	files, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if !strings.HasSuffix(f.Name(), "_test.go") {
			continue
		}
		tree, err := parser.ParseFile(token.NewFileSet(), f.Name(), nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range tree.Decls {
			fn, ok := d.(*ast.FuncDecl)
			if !ok || fn.Recv != nil {
				continue
			}
			m := numbered.FindStringSubmatch(fn.Name.Name)
			if m == nil {
				continue
			}
			n, _ := strconv.Atoi(m[1])
			have[n] = append(have[n], fn.Name.Name)
			if !runsReleases(fn) {
				t.Errorf("%s runs under no named release", fn.Name.Name)
			}
		}
	}
	for n := 1; n <= 99; n++ {
		if len(have[n]) == 0 {
			t.Errorf("item %d has no test", n)
		}
		delete(have, n)
	}
	for n, names := range have {
		t.Errorf("the checklist has no item %d: %v", n, names)
	}
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
