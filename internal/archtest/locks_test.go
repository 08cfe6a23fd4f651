package archtest

import (
	"go/ast"
	"go/parser"
	"go/printer"
	"go/token"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// unlocking are the packages that must not leave a lock behind when they panic: a bug
// then kills one process, see kern/bug.go, and whoever waits for that lock would wait for
// good. kern has a way of its own.
var unlocking = []string{"internal/owners", "internal/file", "internal/hostfile", "internal/socket", "internal/vfs", "internal/kqueue", "internal/tty", "internal/syscalls", "internal/machine",
	"internal/platform", "internal/trace", "internal/vm", "."}

// TestLocksAreDeferred checks that a lock is given up by defer, unless nothing that could
// panic stands between: no call but of what is known, no index, no slice, no assertion, no
// division.
func TestLocksAreDeferred(t *testing.T) {
	for _, dir := range unlocking {
		names, err := filepath.Glob(filepath.Join("..", "..", dir, "*.go"))
		if err != nil || len(names) == 0 {
			t.Fatalf("%s: %v, %v", dir, names, err)
		}
		maps := mapFields(t, names)
		for _, name := range names {
			if strings.HasSuffix(name, "_test.go") {
				continue
			}
			src, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			fset := token.NewFileSet()
			f, err := parser.ParseFile(fset, name, src, 0)
			if err != nil {
				t.Fatal(err)
			}
			for _, d := range f.Decls {
				if fn, ok := d.(*ast.FuncDecl); ok && fn.Body != nil {
					checkLocks(t, fset, fn, maps)
				}
			}
		}
	}
}

// mapFields names the fields of a package that are maps: made with what has them, they can
// be indexed by anything.
func mapFields(t *testing.T, files []string) (names []string) {
	for _, name := range files {
		f, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(f, func(n ast.Node) bool {
			if field, ok := n.(*ast.Field); ok {
				if _, ok := field.Type.(*ast.MapType); ok {
					for _, id := range field.Names {
						names = append(names, id.Name)
					}
				}
			}
			return true
		})
	}
	return names
}

// checkLocks looks at each lock that a function takes.
func checkLocks(t *testing.T, fset *token.FileSet, fn *ast.FuncDecl, maps []string) {
	ast.Inspect(fn.Body, func(n ast.Node) bool {
		list := statements(n)
		for i, st := range list {
			mutex, what := lockCall(fset, st)
			if what != "Lock" && what != "RLock" {
				continue
			}
			if i+1 < len(list) {
				if d, ok := list[i+1].(*ast.DeferStmt); ok {
					if m, w := lockCall(fset, &ast.ExprStmt{X: d.Call}); m == mutex && strings.HasSuffix(w, "nlock") {
						continue
					}
				}
			}
			if risk := riskBetween(fset, fn, maps, mutex, st.End()); risk != nil {
				t.Errorf("%s: %s is unlocked without defer, and %s between could panic", fset.Position(st.Pos()), mutex, text(fset, risk))
			}
		}
		return true
	})
}

func statements(n ast.Node) []ast.Stmt {
	switch n := n.(type) {
	case *ast.BlockStmt:
		return n.List
	case *ast.CaseClause:
		return n.Body
	case *ast.CommClause:
		return n.Body
	}
	return nil
}

// lockCall takes "x.mu.Lock()" apart.
func lockCall(fset *token.FileSet, st ast.Stmt) (mutex, what string) {
	e, ok := st.(*ast.ExprStmt)
	if !ok {
		return "", ""
	}
	c, ok := e.X.(*ast.CallExpr)
	if !ok {
		return "", ""
	}
	s, ok := c.Fun.(*ast.SelectorExpr)
	if !ok {
		return "", ""
	}
	switch s.Sel.Name {
	case "Lock", "Unlock", "RLock", "RUnlock":
		return text(fset, s.X), s.Sel.Name
	}
	return "", ""
}

func text(fset *token.FileSet, n ast.Node) string {
	var b strings.Builder
	printer.Fprint(&b, fset, n)
	return b.String()
}

// riskBetween finds what could panic between a lock and its unlocks: what stands behind one
// of these in its list of statements is behind it.
func riskBetween(fset *token.FileSet, fn *ast.FuncDecl, maps []string, mutex string, from token.Pos) (risk ast.Node) {
	var behind [][2]token.Pos
	to := from
	ast.Inspect(fn.Body, func(n ast.Node) bool {
		list := statements(n)
		for _, st := range list {
			if m, w := lockCall(fset, st); m == mutex && strings.HasSuffix(w, "nlock") {
				behind = append(behind, [2]token.Pos{st.End(), list[len(list)-1].End()})
				to = max(to, st.Pos())
			}
		}
		return true
	})
	unlocked := func(n ast.Node) bool {
		return slices.ContainsFunc(behind, func(b [2]token.Pos) bool { return n.Pos() >= b[0] && n.End() <= b[1] && b[0] > from })
	}
	ast.Inspect(fn.Body, func(n ast.Node) bool {
		if n == nil || risk != nil || n.Pos() < from || n.Pos() >= to {
			return risk == nil
		}
		if unlocked(n) {
			return false
		}
		if risky(fset, n, maps) {
			risk = n
		}
		return risk == nil
	})
	return risk
}

// risky are an index, but of a map, a slice, an assertion, a division and most calls.
func risky(fset *token.FileSet, n ast.Node, maps []string) bool {
	switch n := n.(type) {
	case *ast.IndexExpr:
		if _, ok := n.Index.(*ast.BasicLit); ok {
			return false // of arrays, which the compiler has checked
		}
		s, ok := n.X.(*ast.SelectorExpr)
		return !ok || !slices.Contains(maps, s.Sel.Name)
	case *ast.SliceExpr, *ast.TypeAssertExpr:
		return true
	case *ast.BinaryExpr:
		return n.Op == token.QUO || n.Op == token.REM
	case *ast.CallExpr:
		return !harmless(fset, n)
	}
	return false
}

// harmless are calls that cannot panic, whatever they are given.
func harmless(fset *token.FileSet, c *ast.CallExpr) bool {
	known := []string{"len", "cap", "make", "min", "max", "append", "delete", "clear", "Unlock", "RUnlock", "Lock", "RLock", "TryLock",
		"Load", "Store", "Add", "CompareAndSwap", "Stop", "Now", "Since", "Signal", "Broadcast",
		"fdOf", "int", "int32", "int64", "uint32", "uint64", "byte", "string"}
	switch f := c.Fun.(type) {
	case *ast.Ident:
		return slices.Contains(known, f.Name)
	case *ast.SelectorExpr:
		return slices.Contains(known, f.Sel.Name) || text(fset, f.X) == "unix"
	}
	return false
}
