package main

import (
	"bytes"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// home is a path as a forge would have it, whose last element is not the package's name.
const home = "example.org/people/netbsd-toaster"

// A moved copy of the tree builds, its tests compile (go vet), those that judge imports and
// this command pass, and no string in it names a package by the old path. Moved back it is
// what it was.
func TestMoveTheTree(t *testing.T) {
	if testing.Short() {
		t.Skip("builds the whole module once more")
	}
	tree := copyTree(t, "../..")
	old, err := modulePath(tree)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := renameModule(tree, home); err != nil {
		t.Fatal(err)
	}
	if got, err := modulePath(tree); got != home {
		t.Errorf("go.mod says %q, %v", got, err)
	}
	for _, args := range [][]string{
		{"build", "-trimpath", "./..."}, {"vet", "-trimpath", "./..."}, // -trimpath: the same in every directory, so cached
		{"test", "-trimpath", "-short", "-run", "TestImports|TestNoCgo|TestFile|TestBadPath", "./internal/archtest", "./internal/rename-module"},
	} {
		cmd := exec.Command("go", args...)
		cmd.Dir = tree
		cmd.Env = append(os.Environ(), "GOPROXY=off", "GOWORK=off")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v: %v\n%s", cmd.Args, err, out)
		}
	}
	stale := regexp.MustCompile(`(^|[^\w./-])` + regexp.QuoteMeta(old) + `/(cmd|internal|kern|netbsd|bench|examples|\.\.\.)`)
	eachString(t, tree, func(where, s string) {
		if stale.MatchString(s) {
			t.Errorf("%s: %s names the old path", where, s)
		}
	})
	if _, err := renameModule(tree, old); err != nil {
		t.Fatal(err)
	}
	sameTree(t, "../..", tree)
}

// What is no package path stays, whatever the module is called. FROM and TO stand for the
// two paths, so that a move of the module leaves the table alone.
func TestFile(t *testing.T) {
	for _, c := range []struct{ name, from, to, before, after string }{
		{"a.go", "toaster", home,
			"package a\n\nimport (\n\t\"os\"\n\n\t\"FROM\"\n\tk \"FROM/kern\"\n)\n\nvar s = \"FROM\"\n",
			"package a\n\nimport (\n\t\"os\"\n\n\t\"TO\"\n\tk \"TO/kern\"\n)\n\nvar s = \"FROM\"\n"},
		{"a.go", "toaster", home,
			"package a\n\n// cmd/FROM/kern, ./FROM/kern, FROM/nothing\nvar s = []string{\"FROM/cmd/toaster\", \"-X FROM/cmd.v=1\", \"FROM/...\"}\n",
			"package a\n\n// cmd/FROM/kern, ./FROM/kern, FROM/nothing\nvar s = []string{\"TO/cmd/toaster\", \"-X TO/cmd.v=1\", \"TO/...\"}\n"},
		{"README.md", home, "toaster",
			"go mod edit -require=FROM@v0.0.0 -replace=FROM=../toaster\n\nimport \"FROM\"\n\n\t\"FROM/kern\"\n",
			"go mod edit -require=TO@v0.0.0 -replace=TO=../toaster\n\nimport \"TO\"\n\n\t\"TO/kern\"\n"},
		{"README.md", "toaster", home, "FROM replaces FROM by FROM; `go doc FROM/kern`\n", "FROM replaces FROM by FROM; `go doc TO/kern`\n"},
	} {
		paths := strings.NewReplacer("FROM", c.from, "TO", c.to)
		before, after := paths.Replace(c.before), paths.Replace(c.after)
		dir := t.TempDir()
		for _, sub := range []string{"kern", "cmd"} {
			if err := os.Mkdir(filepath.Join(dir, sub), 0o755); err != nil {
				t.Fatal(err)
			}
		}
		name := filepath.Join(dir, c.name)
		if err := os.WriteFile(name, []byte(before), 0o600); err != nil {
			t.Fatal(err)
		}
		r, err := newRenamer(dir, c.from, c.to)
		if err != nil {
			t.Fatal(err)
		}
		if changed, err := r.file(name); err != nil || !changed {
			t.Errorf("%s: changed %v, %v", before, changed, err)
		}
		if got, _ := os.ReadFile(name); string(got) != after {
			t.Errorf("got %q\nwant %q", got, after)
		}
	}
}

// A path that the go command refuses changes nothing.
func TestBadPath(t *testing.T) {
	dir := t.TempDir()
	const mod = "module toaster\n\ngo 1.26.0\n"
	if err := os.WriteFile(filepath.Join(dir, "go.mod"), []byte(mod), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"", "two words", "/rooted", "a//b"} {
		if n, err := renameModule(dir, path); err == nil || n != 0 {
			t.Errorf("%q: %d files, %v", path, n, err)
		}
	}
	if b, err := os.ReadFile(filepath.Join(dir, "go.mod")); string(b) != mod {
		t.Errorf("go.mod is %q, %v", b, err)
	}
}

// copyTree copies what belongs to the module.
func copyTree(t *testing.T, from string) string {
	t.Helper()
	to := t.TempDir()
	eachFile(t, from, func(rel string, b []byte, mode fs.FileMode) {
		name := filepath.Join(to, rel)
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, b, mode|0o200); err != nil {
			t.Fatal(err)
		}
	})
	return to
}

// sameTree compares the files of two trees.
func sameTree(t *testing.T, a, b string) {
	t.Helper()
	eachFile(t, a, func(rel string, want []byte, _ fs.FileMode) {
		if got, err := os.ReadFile(filepath.Join(b, rel)); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s is not what it was (%v)", rel, err)
		}
	})
}

func eachFile(t *testing.T, root string, f func(rel string, b []byte, mode fs.FileMode)) {
	t.Helper()
	err := filepath.WalkDir(root, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && d.Name() == ".git" {
			return filepath.SkipDir
		}
		if !d.Type().IsRegular() {
			return nil
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		b, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, name)
		if err == nil {
			f(rel, b, info.Mode())
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// eachString calls f with every string literal and comment of the tree's Go files.
func eachString(t *testing.T, root string, f func(where, s string)) {
	t.Helper()
	eachFile(t, root, func(rel string, b []byte, _ fs.FileMode) {
		if !strings.HasSuffix(rel, ".go") || strings.HasPrefix(rel, "internal/rename-module/") {
			return
		}
		file, err := parser.ParseFile(token.NewFileSet(), rel, b, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			if lit, ok := n.(*ast.BasicLit); ok && lit.Kind == token.STRING {
				f(rel, strings.Trim(lit.Value, "\"`"))
			}
			return true
		})
		for _, group := range file.Comments {
			f(rel, group.Text())
		}
	})
}
