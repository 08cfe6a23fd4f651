package archtest

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// TestPublicPackagesNameNoInternalTypes: whoever embeds toaster can write down each type that
// an exported declaration of a public package names. Another module cannot import what is
// internal, so such a type needs a name in the package, an alias at least.
func TestPublicPackagesNameNoInternalTypes(t *testing.T) {
	for _, dir := range []string{".", "kern", "netbsd"} {
		names, err := filepath.Glob(filepath.Join("../..", dir, "*.go"))
		if err != nil || len(names) == 0 {
			t.Fatalf("%s: %v, %v", dir, names, err)
		}
		for _, name := range names {
			if strings.HasSuffix(name, "_test.go") {
				continue
			}
			fset := token.NewFileSet()
			file, err := parser.ParseFile(fset, name, nil, 0)
			if err != nil {
				t.Fatal(err)
			}
			internal := internalImports(file)
			for _, node := range exported(file) {
				ast.Inspect(node, func(n ast.Node) bool {
					if s, ok := n.(*ast.SelectorExpr); ok {
						if x, ok := s.X.(*ast.Ident); ok && internal[x.Name] {
							t.Errorf("%s: %s.%s cannot be named outside", fset.Position(s.Pos()), x.Name, s.Sel.Name)
						}
					}
					return true
				})
			}
		}
	}
}

// internalImports returns the names under which a file knows internal packages.
func internalImports(file *ast.File) map[string]bool {
	names := map[string]bool{}
	for _, imp := range file.Imports {
		path, _ := strconv.Unquote(imp.Path.Value)
		if !strings.Contains(path, "/internal/") {
			continue
		}
		name := path[strings.LastIndex(path, "/")+1:]
		if imp.Name != nil {
			name = imp.Name.Name
		}
		names[name] = true
	}
	return names
}

// exported returns what a caller sees of a file's types: those of exported functions,
// methods, variables, and fields. An alias is a name of its own, and left out.
func exported(file *ast.File) (list []ast.Node) {
	for _, d := range file.Decls {
		switch d := d.(type) {
		case *ast.FuncDecl:
			if d.Name.IsExported() && (d.Recv == nil || ast.IsExported(receiver(d.Recv.List[0].Type))) {
				list = append(list, d.Type)
			}
		case *ast.GenDecl:
			for _, spec := range d.Specs {
				list = append(list, exportedSpec(spec)...)
			}
		}
	}
	return list
}

func exportedSpec(spec ast.Spec) (list []ast.Node) {
	switch s := spec.(type) {
	case *ast.ValueSpec:
		if s.Type != nil && s.Names[0].IsExported() {
			list = append(list, s.Type)
		}
	case *ast.TypeSpec:
		if !s.Name.IsExported() || s.Assign.IsValid() {
			return nil
		}
		fields, ok := s.Type.(*ast.StructType)
		if !ok {
			return []ast.Node{s.Type}
		}
		for _, f := range fields.Fields.List {
			if len(f.Names) == 0 || f.Names[0].IsExported() {
				list = append(list, f.Type)
			}
		}
	}
	return list
}

// receiver returns the name of a method's type.
func receiver(e ast.Expr) string {
	if p, ok := e.(*ast.StarExpr); ok {
		e = p.X
	}
	if id, ok := e.(*ast.Ident); ok {
		return id.Name
	}
	return ""
}
