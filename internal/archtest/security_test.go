package archtest

import (
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"
)

// Each test that SECURITY.md names as the one that tries a promise exists.
func TestSecurityNamesTests(t *testing.T) {
	const root = "../.."
	text, err := os.ReadFile(root + "/SECURITY.md")
	if err != nil {
		t.Fatal(err)
	}
	names := regexp.MustCompile("`(Test[A-Za-z0-9]+)`").FindAllStringSubmatch(string(text), -1)
	if len(names) < 20 {
		t.Fatalf("SECURITY.md names only %d tests", len(names))
	}
	out, err := exec.Command("grep", "-rhoE", "--include=*_test.go", `^func Test[A-Za-z0-9]+`, root).Output()
	if err != nil {
		t.Fatal(err)
	}
	have := map[string]bool{}
	for line := range strings.Lines(string(out)) {
		have[strings.TrimSpace(strings.TrimPrefix(line, "func "))] = true
	}
	for _, m := range names {
		if !have[m[1]] {
			t.Errorf("SECURITY.md names %s, which is not there", m[1])
		}
	}
}
