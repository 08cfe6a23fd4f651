package archtest

import (
	"os"
	"strings"
	"testing"

	"toaster/kern"
)

// TestStateGraphs compares ARCHITECTURE.md's pictures with the table that they are
// drawn from.
func TestStateGraphs(t *testing.T) {
	page, err := os.ReadFile("../../ARCHITECTURE.md")
	if err != nil {
		t.Fatal(err)
	}
	for name, graph := range map[string]string{"ProcStateGraph": kern.ProcStateGraph(), "LWPStateGraph": kern.LWPStateGraph()} {
		if !strings.Contains(string(page), strings.TrimSpace(graph)) {
			t.Errorf("ARCHITECTURE.md does not have kern.%s as it is:\n%s", name, graph)
		}
	}
}

// TestNamedFilesExist looks for every file that ARCHITECTURE.md names.
func TestNamedFilesExist(t *testing.T) {
	page, err := os.ReadFile("../../ARCHITECTURE.md")
	if err != nil {
		t.Fatal(err)
	}
	for i, word := range strings.Split(string(page), "`") {
		if i%2 == 0 || !strings.Contains(word, "/") || strings.ContainsAny(word, " (*") || !strings.Contains(word, ".") {
			continue
		}
		if _, err := os.Stat("../../" + word); err != nil {
			t.Errorf("ARCHITECTURE.md names %s: %v", word, err)
		}
	}
}
