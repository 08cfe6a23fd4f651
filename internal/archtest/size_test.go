package archtest

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"strings"
	"testing"
)

// longest is how many lines a function may have, tests aside (CONTRIBUTING.md).
const longest = 60

// TestFunctionsAreShort looks at every function outside of tests.
func TestFunctionsAreShort(t *testing.T) {
	functions := 0
	err := filepath.WalkDir("../..", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") {
			return err
		}
		fset := token.NewFileSet()
		file, err := parser.ParseFile(fset, name, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		for _, d := range file.Decls {
			f, ok := d.(*ast.FuncDecl)
			if !ok {
				continue
			}
			functions++
			if n := fset.Position(f.End()).Line - fset.Position(f.Pos()).Line + 1; n > longest {
				t.Errorf("%s: %s has %d lines, more than %d", fset.Position(f.Pos()), f.Name.Name, n, longest)
			}
		}
		return nil
	})
	if err != nil || functions < 1000 {
		t.Errorf("%d functions found, %v", functions, err)
	}
}
