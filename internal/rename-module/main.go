// Command rename-module gives the module another path, everywhere: in go.mod, in imports,
// and where strings, comments, documents and scripts name a package by its whole path.
//
//	go run ./internal/rename-module example.org/people/toaster
//
// It changes the tree that it is started in, and is for the day on which the module finds
// a public home. Nothing else depends on the path: "go test ./internal/rename-module" moves
// a copy of the tree and builds it.
package main

import (
	"bytes"
	"errors"
	"fmt"
	"go/format"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

func main() {
	if len(os.Args) != 2 || strings.HasPrefix(os.Args[1], "-") {
		fmt.Fprintln(os.Stderr, "usage: go run ./internal/rename-module NEWPATH")
		os.Exit(2)
	}
	changed, err := renameModule(".", os.Args[1])
	if err != nil {
		fmt.Fprintln(os.Stderr, "rename-module:", err)
		os.Exit(1)
	}
	fmt.Printf("%d files changed; see git diff, then go build ./... && go vet ./...\n", changed)
}

// renameModule makes to the path of the module in root, and returns how many files that
// changes. Preconditions: root holds go.mod.
func renameModule(root, to string) (changed int, err error) {
	from, err := modulePath(root)
	if err != nil {
		return 0, err
	}
	edit := exec.Command("go", "mod", "edit", "-module", to) // which judges the path, too
	edit.Dir = root
	if out, err := edit.CombinedOutput(); err != nil {
		return 0, fmt.Errorf("go mod edit: %w\n%s", err, out)
	}
	r, err := newRenamer(root, from, to)
	if err != nil {
		return 0, err
	}
	err = filepath.WalkDir(root, func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && d.Name() == ".git":
			return filepath.SkipDir
		case !d.Type().IsRegular() || d.Name() == "go.mod" || d.Name() == "go.sum":
			return nil
		}
		did, err := r.file(name)
		if did {
			changed++
		}
		return err
	})
	return changed + 1, err
}

// modulePath returns the path that go.mod of root says.
func modulePath(root string) (string, error) {
	b, err := os.ReadFile(filepath.Join(root, "go.mod"))
	if err != nil {
		return "", fmt.Errorf("%w; start it in the module's root", err)
	}
	for line := range strings.Lines(string(b)) {
		if path, ok := strings.CutPrefix(line, "module "); ok {
			return strings.TrimSpace(path), nil
		}
	}
	return "", errors.New("go.mod has no module line")
}

// renamer changes single files.
type renamer struct {
	from, to string
	packages *regexp.Regexp // a package of the module by its path, or OLD/...
	versions *regexp.Regexp // the module as go.mod and its commands name it
	imports  *regexp.Regexp // the import of the root package in a document
}

// newRenamer finds the directories that a path below the module's can begin with: a word
// that equals the module's path is nothing to change, as in cmd/toaster.
func newRenamer(root, from, to string) (*renamer, error) {
	entries, err := os.ReadDir(root)
	if err != nil {
		return nil, err
	}
	below := []string{`\.\.\.`}
	for _, e := range entries {
		if e.IsDir() && !strings.HasPrefix(e.Name(), ".") {
			below = append(below, regexp.QuoteMeta(e.Name())+`\b`)
		}
	}
	const before = `(^|[^\w./-])`
	old := regexp.QuoteMeta(from)
	return &renamer{
		from: from, to: to,
		packages: regexp.MustCompile(`(?m)` + before + old + `(/(?:` + strings.Join(below, "|") + `))`),
		versions: regexp.MustCompile(`(?m)` + before + old + `(@v|=[./$]| => | v\d)`),
		imports:  regexp.MustCompile(`(?m)^(\s*(?:import )?")` + old + `("$)`),
	}, nil
}

// file changes one file, if there is something to change.
func (r *renamer) file(name string) (changed bool, err error) {
	old, err := os.ReadFile(name)
	if err != nil || bytes.IndexByte(old, 0) >= 0 {
		return false, err
	}
	b := r.replace(r.packages, old)
	b = r.replace(r.versions, b)
	if strings.HasSuffix(name, ".go") {
		if b, err = r.rootImports(name, b); err != nil {
			return false, err
		}
	} else {
		b = r.replace(r.imports, b)
	}
	if bytes.Equal(old, b) {
		return false, nil
	}
	if strings.HasSuffix(name, ".go") {
		if b, err = format.Source(b); err != nil { // it sorts imports
			return false, fmt.Errorf("%s: %w", name, err)
		}
	}
	return true, os.WriteFile(name, b, 0) // which keeps the file's mode
}

// replace puts the new path between the two groups of re.
func (r *renamer) replace(re *regexp.Regexp, b []byte) []byte {
	return re.ReplaceAll(b, []byte("${1}"+strings.ReplaceAll(r.to, "$", "$$")+"${2}"))
}

// rootImports changes the imports of the root package in a Go file.
func (r *renamer) rootImports(name string, b []byte) ([]byte, error) {
	fset := token.NewFileSet()
	f, err := parser.ParseFile(fset, name, b, parser.ImportsOnly)
	if err != nil {
		return nil, err
	}
	for _, spec := range slices.Backward(f.Imports) {
		if path, err := strconv.Unquote(spec.Path.Value); err == nil && path == r.from {
			from, to := fset.Position(spec.Path.Pos()).Offset, fset.Position(spec.Path.End()).Offset
			b = slices.Concat(b[:from], []byte(strconv.Quote(r.to)), b[to:])
		}
	}
	return b, nil
}
