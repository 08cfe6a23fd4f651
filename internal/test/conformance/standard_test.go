package conformance

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

var stdPattern = flag.String("std", "", "run the tests of all standard packages whose path matches this `pattern`, not just the usual ones")

// standardPackage is a package of the standard library whose tests are run.
type standardPackage struct {
	path string
	only string // pattern of the tests to run, "" for all
}

// known are the package's tests that cannot pass, with the reason.
func (p *standardPackage) known() map[string]string { return KnownTests[p.path] }

// alone are the package's tests that need a process of their own, with the reason.
func (p *standardPackage) alone() map[string]string { return aloneTests[p.path] }

// TestStandard runs the tests of standard packages with -test.short, but not those that
// are known to fail or need a process of their own. Those are run one by one; each known
// one must still fail, each other one pass.
func TestStandard(t *testing.T) {
	if testing.Short() {
		t.Skip("takes minutes")
	}
	for _, p := range chosenPackages(t) {
		t.Run(p.path, func(t *testing.T) {
			t.Parallel()
			exe := p.build(t)
			t.Run("tests", func(t *testing.T) { p.runAll(t, exe) })
			for name, reason := range p.known() {
				t.Run("known", func(t *testing.T) { p.runKnown(t, exe, name, reason) })
			}
			for name, reason := range p.alone() {
				t.Run("alone", func(t *testing.T) { p.runAlone(t, exe, name, reason) })
			}
		})
	}
}

func chosenPackages(t *testing.T) []standardPackage {
	if *stdPattern == "" {
		return standardPackages
	}
	pattern, err := regexp.Compile(*stdPattern)
	if err != nil {
		t.Fatalf("-std: %v", err)
	}
	format := "{{if or .TestGoFiles .XTestGoFiles}}{{.ImportPath}}{{end}}"
	var list []standardPackage
	for path := range strings.FieldsSeq(string(mustRun(t, goCommand(goroot, "list", "-f", format, "std")))) {
		if pattern.MatchString(path) {
			list = append(list, standardPackage{path: path})
		}
	}
	return list
}

// build returns the test binary of the package, for the guest.
func (p *standardPackage) build(t *testing.T) string {
	t.Helper()
	if _, err := os.Stat(p.dir()); err != nil {
		t.Skipf("this Go distribution comes without sources: %v", err)
	}
	builds <- struct{}{}
	defer func() { <-builds }()
	exe := filepath.Join(t.TempDir(), filepath.Base(p.path)+".test")
	mustRun(t, goCommand(p.dir(), "test", "-c", "-o", exe, "."))
	return exe
}

func (p *standardPackage) dir() string {
	return filepath.Join(goroot, "src", filepath.FromSlash(p.path))
}

func (p *standardPackage) runAll(t *testing.T, exe string) {
	args := []string{"-test.run=" + p.only}
	if apart := anyOf(p.known(), p.alone()); apart != "" {
		args = append(args, "-test.skip="+apart)
	}
	out, err := p.guest(exe, args...).run(t)
	if err != nil {
		t.Errorf("%v\n%s", err, failures(out))
	}
	t.Logf("%d tests pass", strings.Count(string(out), "\n--- PASS: "))
}

// runKnown runs one test that is known to fail.
func (p *standardPackage) runKnown(t *testing.T, exe, name, reason string) {
	out, err := p.guest(exe, "-test.run="+exactly(name)).run(t)
	text := string(out)
	switch {
	case err != nil:
		t.Skipf("%s: %s", name, reason)
	case !strings.Contains(text, "--- PASS: "+name+" ") && !strings.Contains(text, "--- SKIP: "+name+" "):
		t.Errorf("%s: no such test; remove it from the table", name)
	default:
		t.Errorf("%s passes; remove it from the table (%s)", name, reason)
	}
}

// runAlone runs one test that needs a process of its own.
func (p *standardPackage) runAlone(t *testing.T, exe, name, reason string) {
	out, err := p.guest(exe, "-test.run="+exactly(name)).run(t)
	text := string(out)
	switch {
	case err != nil:
		t.Errorf("%s fails alone, too (in company it %s): %v\n%s", name, reason, err, failures(out))
	case strings.Contains(text, "--- SKIP: "+name+" "):
		t.Skipf("%s skips itself here:\n%s", name, text)
	case !strings.Contains(text, "--- PASS: "+name+" "):
		t.Errorf("%s: no such test; remove it from the table", name)
	}
}

// hung is how long only a guest that hangs takes: a busy machine has taken five minutes for what takes
// one of ten seconds elsewhere.
const hung = 9 * time.Minute

func (p *standardPackage) guest(exe string, args ...string) guest {
	args = slices.Concat([]string{"-test.v", "-test.short", "-test.timeout=8m", "-test.paniconexit0"}, args)
	return guest{exe: exe, args: args, dir: p.dir(), limit: hung}
}

// anyOf makes a -test.skip pattern; a name with slashes is that of a subtest.
func anyOf(tables ...map[string]string) string {
	var patterns []string
	for _, names := range tables {
		for name := range names {
			patterns = append(patterns, exactly(name))
		}
	}
	return strings.Join(patterns, "|")
}

func exactly(name string) string {
	parts := strings.Split(name, "/")
	for i, part := range parts {
		parts[i] = "^" + regexp.QuoteMeta(part) + "$"
	}
	return strings.Join(parts, "/")
}

// failures leaves out the lines of tests that pass. What remains is bounded: a crash
// with all its stacks can be long.
func failures(out []byte) string {
	var kept []string
	for line := range strings.Lines(string(out)) {
		if trimmed := strings.TrimSpace(line); !passing.MatchString(trimmed) {
			kept = append(kept, line)
		}
	}
	const limit = 200
	if n := len(kept); n > 2*limit {
		left := fmt.Sprintf("... %d lines ...\n", n-2*limit)
		kept = slices.Concat(kept[:limit], []string{left}, kept[n-limit:])
	}
	return strings.Join(kept, "")
}

var passing = regexp.MustCompile(`^(=== |--- PASS|--- SKIP)`)
