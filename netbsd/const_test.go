package netbsd

import (
	"go/ast"
	"go/constant"
	"go/parser"
	"go/token"
	"go/types"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// differs has names whose number in Go's tables is that of an older NetBSD.
var differs = map[string]string{
	"NET_RT_IFLIST":   "6 since NetBSD 8; Go asks for the older one",
	"SCM_CREDS":       "0x10 since NetBSD 8",
	"TIOCPTMGET":      "long names since NetBSD 8; the older request is COMPAT_TIOCPTMGET",
	"TIOCPTSNAME":     "as TIOCPTMGET",
	"SIOCSIFMEDIA":    "another number since NetBSD 9; the older request is COMPAT_SIOCSIFMEDIA",
	"NET_RT_OIFLIST":  "5 since NetBSD 8",
	"RTM_NEWADDR":     "0x16 since NetBSD 8",
	"RTM_DELADDR":     "0x17 since NetBSD 8",
	"AF_MAX":          "grew",
	"EVFILT_SYSCOUNT": "grew",
}

// The constants are those of Go's syscall package for netbsd/amd64, where it has them.
func TestConstantsAgreeWithGo(t *testing.T) {
	ours := packageConsts(t, ".")
	n := 0
	for _, name := range []string{"zerrors_netbsd_amd64.go", "ztypes_netbsd_amd64.go"} {
		path := filepath.Join(goroot(t), "src", "syscall", name)
		if _, err := os.Stat(path); err != nil {
			t.Skip("no Go source here: ", err)
		}
		f, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(f, func(x ast.Node) bool {
			v, ok := x.(*ast.ValueSpec)
			if !ok || len(v.Values) != 1 {
				return true
			}
			want := literal(v.Values[0])
			got, have := ours[v.Names[0].Name]
			if want == nil || !have || differs[v.Names[0].Name] != "" {
				return true
			}
			if n++; !constant.Compare(got, token.EQL, want) {
				t.Errorf("%s = %v, Go has %v", v.Names[0].Name, got, want)
			}
			return true
		})
	}
	if n < 350 {
		t.Errorf("only %d constants compared", n)
	}
}

// literal evaluates 0x5, -0x5, Errno(0x5) and Signal(0x5).
func literal(e ast.Expr) constant.Value {
	switch e := e.(type) {
	case *ast.BasicLit:
		return constant.MakeFromLiteral(e.Value, e.Kind, 0)
	case *ast.UnaryExpr:
		if v := literal(e.X); v != nil {
			return constant.UnaryOp(e.Op, v, 0)
		}
	case *ast.CallExpr:
		return literal(e.Args[0])
	}
	return nil
}

func packageConsts(t *testing.T, dir string) map[string]constant.Value {
	fset := token.NewFileSet()
	paths, _ := filepath.Glob(filepath.Join(dir, "*.go"))
	var files []*ast.File
	for _, p := range paths {
		if ok, _ := filepath.Match("*_test.go", filepath.Base(p)); ok {
			continue
		}
		f, err := parser.ParseFile(fset, p, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, f)
	}
	// Imports stay unresolved, which only matters to what is not a constant.
	conf := types.Config{Error: func(error) {}, IgnoreFuncBodies: true}
	pkg, _ := conf.Check("netbsd", fset, files, nil)
	m := map[string]constant.Value{}
	for _, name := range pkg.Scope().Names() {
		if c, ok := pkg.Scope().Lookup(name).(*types.Const); ok && c.Val().Kind() == constant.Int {
			m[name] = c.Val()
		}
	}
	return m
}

// goroot is where the go command that runs this test has its source.
func goroot(t *testing.T) string {
	t.Helper()
	out, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		t.Skip("no go command here: ", err)
	}
	return strings.TrimSpace(string(out))
}

// The id types are those of sys/idtype.h, an enumeration from P_ALL, 0, on.
func TestIdtypes(t *testing.T) {
	for want, got := range []int{P_ALL, P_PID, P_LWPID, P_PPID, P_PGID, P_SID, P_CID, P_UID, P_GID, P_TASKID, P_PROJID, P_POOLID} {
		if got != want {
			t.Errorf("id type %d is %d here", want, got)
		}
	}
}
