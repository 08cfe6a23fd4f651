package main

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
)

// A fault is one that can be switched on. Its key survives changes elsewhere in the file: it
// counts those of the same kind and text in the function.
type fault struct {
	id   int
	file string
	line int
	fn   string
	kind string // what is done to text
	text string
	nth  int
	sum  string // of the function's text: a verdict holds for that
}

func (f *fault) key() string {
	k := fmt.Sprintf("%s %s: %s: %s", f.file, f.fn, f.kind, f.text)
	if f.nth > 1 {
		k += fmt.Sprintf(" #%d", f.nth)
	}
	return k
}

func (f *fault) String() string { return fmt.Sprintf("%s:%d %s: %s", f.file, f.line, f.fn, f.what()) }

func (f *fault) what() string { return f.kind + ": " + f.text }

// A source is a file, with what is to be written into it.
type source struct {
	path  string
	text  []byte
	edits edits
}

type pkg struct {
	dir     string
	name    string
	sources []*source
	faults  []*fault
	seen    map[string]int // how many faults have the same key but for the count
}

// find parses the files of the package in dir whose names match, and finds the faults.
func find(dir string, match *regexp.Regexp) (*pkg, error) {
	names, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil {
		return nil, err
	}
	p := &pkg{dir: dir, seen: make(map[string]int)}
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") || !match.MatchString(filepath.Base(name)) {
			continue
		}
		text, err := os.ReadFile(name)
		if err != nil {
			return nil, err
		}
		if err := p.parse(name, text); err != nil {
			return nil, err
		}
	}
	if len(p.faults) == 0 {
		return nil, fmt.Errorf("no faults can be put into %s", dir)
	}
	return p, nil
}

func (p *pkg) parse(name string, text []byte) error {
	fset := token.NewFileSet()
	file, err := parser.ParseFile(fset, name, text, parser.SkipObjectResolution)
	if err != nil {
		return err
	}
	p.name = file.Name.Name
	s := &source{path: name, text: text}
	imports := make(map[string]bool)
	for _, i := range file.Imports {
		imports[path.Base(strings.Trim(i.Path.Value, `"`))] = true
	}
	p.sources = append(p.sources, s)
	for _, d := range file.Decls {
		if f, ok := d.(*ast.FuncDecl); ok && f.Body != nil && f.Name.Name != "init" {
			w := &walker{pkg: p, src: s, fset: fset, fn: f.Name.Name, imports: imports}
			w.sum = sum([]byte(w.cut(f)))
			ast.Walk(w, f.Body)
		}
	}
	return nil
}

// A walker goes through one function.
type walker struct {
	*pkg
	src     *source
	fset    *token.FileSet
	fn      string
	sum     string
	imports map[string]bool
	loops   int // how many loops of the same function lie around

	endless bool // a break here would leave a loop that has no other end
}

// Visit implements ast.Visitor: what a node offers is taken before what lies in it.
func (w *walker) Visit(n ast.Node) ast.Visitor {
	switch n := n.(type) {
	case *ast.BlockStmt:
		w.statements(n.List)
	case *ast.CaseClause:
		w.statements(n.Body)
	case *ast.CommClause:
		w.statements(n.Body)
	case *ast.IfStmt:
		w.condition(n.Cond)
	case *ast.SwitchStmt:
		w.cases(n)
		in := *w
		in.endless = false
		return &in
	case *ast.SelectStmt, *ast.TypeSwitchStmt:
		in := *w
		in.endless = false
		return &in
	case *ast.ReturnStmt:
		for _, e := range n.Results {
			w.value(e)
		}
	case *ast.AssignStmt:
		for _, e := range n.Rhs {
			w.value(e)
		}
	case *ast.BinaryExpr:
		w.binary(n)
	case *ast.BranchStmt:
		w.branch(n)
	case *ast.ForStmt:
		in := *w
		in.loops, in.endless = w.loops+1, n.Cond == nil
		return &in
	case *ast.RangeStmt:
		in := *w
		in.loops, in.endless = w.loops+1, false
		return &in
	case *ast.FuncLit:
		in := *w
		in.loops, in.endless = 0, false
		return &in
	}
	return w
}

// fault notes one, and returns the number that switches it on.
func (w *walker) fault(n ast.Node, kind string) int {
	text := strings.Join(strings.Fields(w.cut(n)), " ")
	if len(text) > 90 {
		text = text[:90] + " …"
	}
	f := &fault{id: len(w.faults) + 1, file: filepath.Base(w.src.path), line: w.fset.Position(n.Pos()).Line,
		fn: w.fn, kind: kind, text: text, sum: w.sum}
	w.seen[f.key()]++
	f.nth = w.seen[f.key()]
	w.faults = append(w.faults, f)
	return f.id
}

func (w *walker) offset(p token.Pos) int { return w.fset.Position(p).Offset }

func (w *walker) cut(n ast.Node) string {
	return string(w.src.text[w.offset(n.Pos()):w.offset(n.End())])
}

// wrap has pre and post written around n.
func (w *walker) wrap(n ast.Node, pre, post string) {
	w.src.edits.wrap(w.offset(n.Pos()), w.offset(n.End()), pre, post)
}

// instead has text written for what lies between two operands.
func (w *walker) instead(x, y ast.Expr, text string) {
	w.src.edits.replace(w.offset(x.End()), w.offset(y.Pos()), text)
}
