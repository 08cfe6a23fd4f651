package tree

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/txtar"

	"toaster"
)

// variable names the environment variable that has the tree's directory.
const variable = "TOASTER_NETBSD_ROOT"

// TestScripts runs each script of testdata with the files that it comes with.
func TestScripts(t *testing.T) {
	root := os.Getenv(variable)
	if root == "" {
		t.Skipf("no NetBSD file tree: %s is not set", variable)
	}
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("no scripts: %v", err)
	}
	for _, name := range files {
		t.Run(strings.TrimSuffix(filepath.Base(name), ".txtar"), func(t *testing.T) {
			a, err := txtar.ParseFile(name)
			if err != nil {
				t.Fatal(err)
			}
			play(t, root, a)
		})
	}
}

// play lays the archive's files in /tmp and runs the one that is called script.
func play(t *testing.T, root string, a *txtar.Archive) {
	t.Helper()
	scratch := t.TempDir()
	var want []string
	for _, f := range a.Files {
		name := filepath.Join(scratch, filepath.FromSlash(f.Name))
		if err := os.MkdirAll(filepath.Dir(name), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, f.Data, modeOf(f.Data)); err != nil {
			t.Fatal(err)
		}
		if f.Name == "script" {
			want = promised(string(f.Data))
		}
	}
	if want == nil {
		t.Fatal("there is no script that promises anything")
	}
	out, errs, err := runScript(t, root, scratch)
	if err != nil {
		t.Error(err)
	}
	if got := lines(out); !slices.Equal(want, got) {
		t.Errorf("the manual pages promise -, there was +:\n%s", difference(want, got))
	}
	if errs != "" {
		t.Errorf("standard error: %s", errs)
	}
}

// runScript runs /tmp/script with scratch as the tree's /tmp.
func runScript(t *testing.T, root, scratch string) (out, errs string, err error) {
	t.Helper()
	cmd := toaster.Command("/bin/sh", "/tmp/script")
	cmd.Options = toaster.Options{
		Root: root, Dir: "/tmp", ReadOnly: true, WallTime: patience,
		Mounts: []toaster.Mount{{Source: scratch, Target: "/tmp", Access: toaster.ReadWrite}},
	}
	cmd.Env = []string{"PATH=/bin:/usr/bin:/sbin:/usr/sbin", "HOME=/tmp", "TZ=UTC", "LC_ALL=C"}
	var o, e bytes.Buffer
	cmd.Stdout, cmd.Stderr = &o, &e
	err = cmd.Run()
	return o.String(), e.String(), err
}

// patience ends a script that hangs; it decides nothing else.
const patience = 5 * time.Minute

// modeOf makes executable what begins as a script does.
func modeOf(data []byte) os.FileMode {
	if bytes.HasPrefix(data, []byte("#!")) {
		return 0o755
	}
	return 0o644
}

// promised returns the lines that a script says that it prints.
func promised(script string) (want []string) {
	for _, line := range lines(script) {
		if text, ok := strings.CutPrefix(strings.TrimLeft(line, "\t "), "#="); ok {
			want = append(want, strings.TrimPrefix(text, " "))
		}
	}
	return want
}

func lines(s string) []string {
	if s = strings.TrimSuffix(s, "\n"); s == "" {
		return nil
	}
	return strings.Split(s, "\n")
}

// difference shows what is missing of want, by -, and what is too much in got, by +.
func difference(want, got []string) string {
	var b strings.Builder
	common := longest(want, got)
	i, j := 0, 0
	for i < len(want) || j < len(got) {
		switch {
		case i < len(want) && j < len(got) && want[i] == got[j]:
			i, j = i+1, j+1
		case j == len(got) || i < len(want) && common[i+1][j] >= common[i][j+1]:
			b.WriteString("- " + want[i] + "\n")
			i++
		default:
			b.WriteString("+ " + got[j] + "\n")
			j++
		}
	}
	return b.String()
}

// longest returns how many lines a[i:] and b[j:] have in common, in their order.
func longest(a, b []string) [][]int {
	n := make([][]int, len(a)+1)
	for i := len(a); i >= 0; i-- {
		n[i] = make([]int, len(b)+1)
		for j := len(b) - 1; j >= 0 && i < len(a); j-- {
			if n[i][j] = max(n[i+1][j], n[i][j+1]); a[i] == b[j] {
				n[i][j] = n[i+1][j+1] + 1
			}
		}
	}
	return n
}

// What a script promises are its lines of that form alone.
func TestPromised(t *testing.T) {
	got := promised("# sh(1)\necho a # x\n#= a\n\t#=  b\n#=\n#x= c\n")
	if want := []string{"a", " b", ""}; !slices.Equal(want, got) {
		t.Errorf("%q, want %q", got, want)
	}
}
