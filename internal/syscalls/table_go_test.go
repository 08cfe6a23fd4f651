package syscalls

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

var prototype = regexp.MustCompile(`= (\d+)\s+// \{ [^|]*\|sys\|[^|]*\|(\w+)\((.*)\); \}`)

// The table has the numbers, names and numbers of arguments that the prototypes in
// Go's own list say, padding included.
func TestTableAgreesWithGo(t *testing.T) {
	b, err := os.ReadFile(filepath.Join(goroot(t), "src", "syscall", "zsysnum_netbsd_amd64.go"))
	if err != nil {
		t.Skip("no Go source here: ", err)
	}
	renamed := map[string]string{"obreak": "break", "getpid_with_ppid": "getpid", "getuid_with_euid": "getuid",
		"getgid_with_egid": "getgid", "ovadvise": "vadvise"}
	gone := map[string]bool{}              // of Go's list: none since release 2003 has pmc_get_info and pmc_control
	padded := map[string]int{"mknodat": 1} // got padding in NetBSD 6
	n := 0
	for _, m := range prototype.FindAllStringSubmatch(string(b), -1) {
		nr, _ := strconv.Atoi(m[1])
		name, params := m[2], 0
		if m[3] != "void" {
			params = strings.Count(m[3], ",") + 1 + strings.Count(m[3], "...")
		}
		// "int flags, ... mode_t mode" has its comma before the dots.
		params -= strings.Count(m[3], ", ...")
		if gone[name] {
			continue
		}
		s := Row(nr)
		if s == nil {
			t.Errorf("%d %s is missing", nr, name)
			continue
		}
		args := Prototype(nr).Args
		n++
		if r := renamed[name]; r != "" {
			name = r
		}
		if !strings.Contains(s.Name(), name) {
			t.Errorf("%d is %s, Go has %s", nr, s.Name(), name)
		}
		if NArgs(nr) != len(args) {
			t.Errorf("%s: NArgs %d, Args %d", name, NArgs(nr), len(args))
		}
		if got := len(args); got != params+padded[name] {
			t.Errorf("%s has %d arguments, Go %d: %s", s.Name(), got, params, m[3])
		}
	}
	if n < 200 {
		t.Errorf("only %d calls compared", n)
	}
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
