package archtest

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// abiName is how NetBSD's headers name a constant.
var abiName = regexp.MustCompile(`^[A-Z][A-Z0-9]*_[A-Z0-9_]+$|^(SIG|MAX|PT)[A-Z0-9]+$`)

// TestConstantsStandOnce: netbsd is the one source of the ABI's constants; no other
// package that is built for the host declares one by the same name.
func TestConstantsStandOnce(t *testing.T) {
	const root = "../.."
	owned := map[string]bool{}
	for _, name := range constants(t, filepath.Join(root, "netbsd")) {
		owned[name] = true
	}
	if !owned["RLIMIT_NOFILE"] || !owned["RAS_PURGE_ALL"] {
		t.Fatal("netbsd's constants are not found")
	}
	err := filepath.WalkDir(root, func(dir string, d fs.DirEntry, err error) error {
		if err != nil || !d.IsDir() || dir == filepath.Join(root, "netbsd") {
			return err
		}
		if strings.HasPrefix(d.Name(), ".git") || d.Name() == "testdata" || d.Name() == "guest" {
			return filepath.SkipDir
		}
		for _, name := range constants(t, dir) {
			if owned[name] {
				t.Errorf("%s declares %s, which is netbsd's", dir, name)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// constants returns the names of dir's constants that are written as NetBSD's.
func constants(t *testing.T, dir string) (names []string) {
	files, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		tree, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range tree.Decls {
			g, ok := d.(*ast.GenDecl)
			if !ok || g.Tok != token.CONST {
				continue
			}
			for _, s := range g.Specs {
				for _, id := range s.(*ast.ValueSpec).Names {
					if abiName.MatchString(id.Name) {
						names = append(names, id.Name)
					}
				}
			}
		}
	}
	return names
}
