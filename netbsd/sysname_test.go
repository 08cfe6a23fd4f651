package netbsd

import (
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "rewrite what is generated")

// The names are those of the SYS_ constants, which stand in order, no number twice.
func TestSyscallNames(t *testing.T) {
	var b strings.Builder
	b.WriteString("// Code generated from sysnum.go by go generate; DO NOT EDIT.\n\npackage netbsd\n\nvar syscallNames = [MaxSyscall]string{\n")
	last := -1
	names := sysConstants(t)
	for _, v := range names {
		nr := 0
		if _, err := fmt.Sscan(v.Values[0].(*ast.BasicLit).Value, &nr); err != nil || nr <= last {
			t.Errorf("%s is %d behind %d", v.Names[0].Name, nr, last)
		}
		last = nr
		fmt.Fprintf(&b, "\t%s: %q,\n", v.Names[0].Name, strings.TrimPrefix(v.Names[0].Name, "SYS_"))
	}
	b.WriteString("}\n")
	if *update {
		if err := os.WriteFile("sysnames.go", []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	have, err := os.ReadFile("sysnames.go")
	if err != nil || spaced(string(have)) != spaced(b.String()) {
		t.Error("sysnames.go is not what sysnum.go says: run go generate ./netbsd")
	}
	if len(names) < 400 || SyscallName(SYS___wait450) != "__wait450" || SyscallName(-1) != "syscall_-1" || SyscallName(11) != "syscall_11" {
		t.Errorf("%d names: %q, %q, %q", len(names), SyscallName(SYS___wait450), SyscallName(-1), SyscallName(11))
	}
}

// sysConstants are the constants of sysnum.go.
func sysConstants(t *testing.T) (list []*ast.ValueSpec) {
	t.Helper()
	f, err := parser.ParseFile(token.NewFileSet(), "sysnum.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	ast.Inspect(f, func(n ast.Node) bool {
		if v, ok := n.(*ast.ValueSpec); ok {
			list = append(list, v)
		}
		return true
	})
	return list
}

// spaced is text without regard to gofmt's columns.
func spaced(s string) string { return strings.Join(strings.Fields(s), " ") }
