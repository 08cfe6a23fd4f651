package kern

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// sources parses the package's own files.
func sources(t *testing.T) map[string]*ast.File {
	t.Helper()
	files := map[string]*ast.File{}
	dir, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range dir {
		if !strings.HasSuffix(f.Name(), ".go") || strings.HasSuffix(f.Name(), "_test.go") {
			continue
		}
		tree, err := parser.ParseFile(token.NewFileSet(), f.Name(), nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		files[f.Name()] = tree
	}
	return files
}

// LockOrder names every mutex of the package and no other, and is no circle.
func TestLockOrderNamesEveryMutex(t *testing.T) {
	var have []string
	for _, f := range sources(t) {
		ast.Inspect(f, func(n ast.Node) bool {
			ts, ok := n.(*ast.TypeSpec)
			if !ok {
				return true
			}
			st, ok := ts.Type.(*ast.StructType)
			if !ok {
				return true
			}
			for _, fl := range st.Fields.List {
				if s, ok := fl.Type.(*ast.SelectorExpr); ok && fmt.Sprint(s.X) == "sync" && strings.HasSuffix(s.Sel.Name, "Mutex") {
					for _, name := range fl.Names {
						have = append(have, ts.Name.Name+"."+name.Name)
					}
				}
			}
			return true
		})
	}
	named := regexp.MustCompile(`\w+\.\w+`).FindAllString(LockOrder, -1)
	slices.Sort(have)
	uniq := slices.Clone(named)
	slices.Sort(uniq)
	uniq = slices.Compact(uniq)
	if !slices.Equal(have, uniq) {
		t.Errorf("mutexes in the code %v, in LockOrder %v", have, uniq)
	}
	rank := map[string]int{}
	for _, line := range strings.Split(strings.TrimSpace(LockOrder), "\n") {
		for i, name := range strings.Split(line, "<") {
			name = strings.TrimSpace(name)
			if r, ok := rank[name]; ok && r < i {
				t.Errorf("%s stands twice, at different places", name)
			}
			rank[name] = i
		}
	}
}

// What holds the lower lock (eventRing.mu) must not reach for the upper one: no
// function of the event ring calls anything that takes Machine.mu.
func TestNothingUnderTheEventRingTakesTheMachine(t *testing.T) {
	files := sources(t)
	for _, d := range files["events.go"].Decls {
		fn, ok := d.(*ast.FuncDecl)
		if !ok || fn.Body == nil {
			continue
		}
		locks, bad := false, ""
		ast.Inspect(fn.Body, func(n ast.Node) bool {
			c, ok := n.(*ast.CallExpr)
			if !ok {
				return true
			}
			s, ok := c.Fun.(*ast.SelectorExpr)
			if !ok {
				return true
			}
			switch s.Sel.Name {
			case "Lock":
				locks = true
			case "lock", "unlock", "psignal", "Check", "State":
				bad = s.Sel.Name
			}
			return true
		})
		if locks && bad != "" {
			t.Errorf("%s holds the ring's lock and calls %s", fn.Name.Name, bad)
		}
	}
}

// Only lock and unlock (drop) touch Machine.mu, so that what is put off until it is dropped
// runs, and no hook runs under it but Trace and SchedWait; and who looks after a panic
// whether it was left locked.
func TestMachineLockHasTwoDoors(t *testing.T) {
	for name, f := range sources(t) {
		for _, d := range f.Decls {
			fn, ok := d.(*ast.FuncDecl)
			if !ok || fn.Body == nil {
				continue
			}
			ast.Inspect(fn.Body, func(n ast.Node) bool {
				c, ok := n.(*ast.CallExpr)
				if !ok {
					return true
				}
				s, ok := c.Fun.(*ast.SelectorExpr)
				if !ok || s.Sel.Name != "Lock" && s.Sel.Name != "Unlock" {
					return true
				}
				x, ok := s.X.(*ast.SelectorExpr)
				if !ok || x.Sel.Name != "mu" {
					return true
				}
				owner := fmt.Sprint(x.X)
				machine := owner == "m" || strings.HasSuffix(owner, " m}")
				if machine && !slices.Contains([]string{"lock", "drop", "comesFree", "seize"}, fn.Name.Name) {
					t.Errorf("%s: %s touches Machine.mu itself", name, fn.Name.Name)
				}
				return true
			})
		}
	}
}

// The state tables: every state is reached and left, each edge is once there, the
// graph is drawn from the table, and a step that the table lacks is refused.
func TestStateTables(t *testing.T) {
	type edge struct{ from, to string }
	tables := map[string]struct {
		edges []edge
		n     int
		name  func(int) string
		graph string
		next  func(from, to int) bool
	}{}
	var pe, le []edge
	for _, e := range procEdges {
		pe = append(pe, edge{e.from.String(), e.to.String()})
	}
	for _, e := range lwpEdges {
		le = append(le, edge{e.from.String(), e.to.String()})
	}
	tables["process"] = struct {
		edges []edge
		n     int
		name  func(int) string
		graph string
		next  func(from, to int) bool
	}{pe, int(numProcStates), func(i int) string { return ProcState(i).String() }, ProcStateGraph(),
		func(f, to int) bool {
			return accepts(func() { (&Proc{state: ProcState(f)}).setState(ProcState(to)) })
		}}
	tables["LWP"] = struct {
		edges []edge
		n     int
		name  func(int) string
		graph string
		next  func(from, to int) bool
	}{le, int(numLWPStates), func(i int) string { return LWPState(i).String() }, LWPStateGraph(),
		func(f, to int) bool {
			return accepts(func() { (&LWP{p: &Proc{}, stat: LWPState(f)}).setStat(LWPState(to)) })
		}}
	for what, tb := range tables {
		seen := map[edge]bool{}
		in, out := map[string]bool{}, map[string]bool{}
		for _, e := range tb.edges {
			if seen[e] {
				t.Errorf("%s: %v twice", what, e)
			}
			seen[e], in[e.to], out[e.from] = true, true, true
			if !strings.Contains(tb.graph, e.from+" --> "+e.to+":") {
				t.Errorf("%s: %v is not in the graph", what, e)
			}
		}
		if n := strings.Count(tb.graph, "-->"); n != len(tb.edges)+2 {
			t.Errorf("%s: the graph has %d arrows, the table %d edges", what, n, len(tb.edges))
		}
		for i := range tb.n {
			s := tb.name(i)
			if i > 0 && !in[s] || i < tb.n-1 && !out[s] {
				t.Errorf("%s: state %s: reached %t, left %t", what, s, in[s], out[s])
			}
			for j := range tb.n {
				if want, got := seen[edge{s, tb.name(j)}], tb.next(i, j); want != got {
					t.Errorf("%s: %s to %s: in the table %t, accepted %t", what, s, tb.name(j), want, got)
				}
			}
		}
	}
}

func accepts(f func()) (ok bool) {
	defer func() { ok = recover() == nil }()
	f()
	return
}

// The states change through setState and setStat only, but for what has not begun.
func TestStatesChangeThroughTheTable(t *testing.T) {
	for name, f := range sources(t) {
		for _, d := range f.Decls {
			fn, ok := d.(*ast.FuncDecl)
			if !ok || fn.Body == nil || fn.Name.Name == "setState" || fn.Name.Name == "setStat" {
				continue
			}
			ast.Inspect(fn.Body, func(n ast.Node) bool {
				a, ok := n.(*ast.AssignStmt)
				if !ok {
					return true
				}
				for i, lhs := range a.Lhs {
					s, ok := lhs.(*ast.SelectorExpr)
					if !ok || s.Sel.Name != "stat" && s.Sel.Name != "state" {
						continue
					}
					if i < len(a.Rhs) && fmt.Sprint(a.Rhs[i]) == "LWPFree" {
						continue // newLWP: it never was on any list
					}
					t.Errorf("%s: %s sets %s itself", name, fn.Name.Name, s.Sel.Name)
				}
				return true
			})
		}
	}
}
