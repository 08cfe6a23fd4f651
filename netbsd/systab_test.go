package netbsd

import (
	"go/ast"
	"go/parser"
	"go/token"
	"strconv"
	"strings"
	"testing"
)

// Every signature parses, names existing flag sets and layouts, and fits the
// calling convention.
func TestTableParses(t *testing.T) {
	seen := map[string]int{}
	for _, s := range Syscalls() {
		args, err := ParseArgs(s.Sig)
		if err != nil {
			t.Errorf("%d %s: %v", s.Nr, s.Name, err)
		}
		if len(args) > 8 {
			t.Errorf("%s has %d arguments", s.Name, len(args))
		}
		if n, ok := seen[s.Name]; ok {
			t.Errorf("%s is both %d and %d", s.Name, n, s.Nr)
		}
		seen[s.Name] = s.Nr
		if s.Support == Partial && s.Note == "" && s.Family != "lwp" {
			t.Errorf("%s is partial without a note", s.Name)
		}
	}
}

// The SYS_ constants and the table say the same.
func TestNumbersMatchTable(t *testing.T) {
	f, err := parser.ParseFile(token.NewFileSet(), "sysnum.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	ast.Inspect(f, func(x ast.Node) bool {
		v, ok := x.(*ast.ValueSpec)
		if !ok {
			return true
		}
		nr, _ := strconv.Atoi(v.Values[0].(*ast.BasicLit).Value)
		name := strings.TrimPrefix(v.Names[0].Name, "SYS_")
		if s := LookupSyscall(nr); s == nil || s.Name != name {
			t.Errorf("%s = %d, but the table has %q there", name, nr, SyscallName(nr))
		}
		n++
		return true
	})
	if n < 300 {
		t.Errorf("only %d constants", n)
	}
}

// Calls of the Go runtime and library (GOROOT's sysnum files) are all supported.
func TestGoCallsSupported(t *testing.T) {
	for _, nr := range []int{1, 2, 3, 4, 5, 6, 9, 10, 12, 13, 15, 16, 20, 23, 24, 26, 37, 39, 41, 47, 54, 57, 58, 59, 60, 61,
		73, 74, 75, 79, 80, 81, 82, 90, 92, 95, 98, 104, 105, 106, 118, 121, 123, 124, 128, 132, 133, 134, 135, 136, 137, 147,
		173, 174, 181, 194, 195, 197, 199, 200, 201, 202, 207, 275, 281, 293, 296, 305, 307, 308, 309, 310, 311, 317, 318, 321,
		340, 344, 350, 390, 394, 420, 425, 427, 430, 435, 439, 440, 441, 445, 449, 453, 454, 456, 457, 458, 461, 462, 463, 464,
		466, 467, 468, 469, 470, 471, 478, 479, 481} {
		if s := LookupSyscall(nr); s == nil || s.Support == None {
			t.Errorf("%d %s is not supported", nr, SyscallName(nr))
		}
	}
}

func TestParseArgs(t *testing.T) {
	a, err := ParseArgs("fd fd, buf >buf[n], n size, name >sockaddr[*len], len <>socklen, f |open, p <>timespec[2]")
	if err != nil {
		t.Fatal(err)
	}
	if a[1].Kind != KBuf || a[1].Dir != Out || a[1].Len != 2 {
		t.Errorf("buf: %+v", a[1])
	}
	if a[3].Layout != "sockaddr" || !a[3].Deref || a[3].Len != 4 {
		t.Errorf("name: %+v", a[3])
	}
	if a[4].Dir != In|Out || a[5].Set != FlagSets["open"] || a[6].Count != 2 {
		t.Errorf("rest: %+v", a[4:])
	}
	for _, bad := range []string{"x", "x nothing", "x |nothing", "x <nothing", "x >buf[y]", "x ioctl(y)"} {
		if _, err := ParseArgs(bad); err == nil {
			t.Errorf("ParseArgs(%q) took it", bad)
		}
	}
}

func TestFlagNames(t *testing.T) {
	for _, c := range []struct {
		set  string
		v    uint64
		want string
	}{
		{"open", O_RDWR | O_CREAT | O_CLOEXEC, "O_RDWR|O_CREAT|O_CLOEXEC"},
		{"open", 0, "O_RDONLY"},
		{"prot", 0, "PROT_NONE"},
		{"sock", SOCK_STREAM | SOCK_NONBLOCK, "SOCK_STREAM|SOCK_NONBLOCK"},
		{"wait", 0, "0"},
		{"wait", WEXITED | 0x4000000, "WEXITED|0x4000000"},
		{"filetype", S_IFREG, "S_IFREG"},
	} {
		if got := FlagSets[c.set].Names(c.v); got != c.want {
			t.Errorf("%s %#x: %s, want %s", c.set, c.v, got, c.want)
		}
	}
	if got := FlagSets["fcntl"].Value(F_DUPFD_CLOEXEC); got != "F_DUPFD_CLOEXEC" {
		t.Error(got)
	}
}
