package archtest

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var (
	link    = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	heading = regexp.MustCompile(`(?m)^#+ (.+)$`)
	odd     = regexp.MustCompile(`[^\p{L}\p{N} _-]`)
)

// TestLinksResolve follows every link from a page of the repository to another one, and to
// its headings, under the names that forges give these.
func TestLinksResolve(t *testing.T) {
	pages, err := filepath.Glob("../../*.md")
	more, err2 := filepath.Glob("../../doc/*.md")
	if err != nil || err2 != nil {
		t.Fatal(err, err2)
	}
	links := 0
	for _, page := range append(pages, more...) {
		for _, m := range link.FindAllStringSubmatch(read(t, page), -1) {
			if strings.Contains(m[1], "://") {
				continue
			}
			links++
			file, anchor, _ := strings.Cut(m[1], "#")
			target := page
			if file != "" {
				target = filepath.Join(filepath.Dir(page), file)
			}
			if _, err := os.Stat(target); err != nil {
				t.Errorf("%s links to %s: %v", page, m[1], err)
			} else if anchor != "" && !anchors(t, target)[anchor] {
				t.Errorf("%s links to %s: there is no such heading", page, m[1])
			}
		}
	}
	if links < 30 {
		t.Errorf("found %d links", links)
	}
}

// anchors returns the names of a page's headings.
func anchors(t *testing.T, page string) map[string]bool {
	names := map[string]bool{}
	for _, m := range heading.FindAllStringSubmatch(read(t, page), -1) {
		name := odd.ReplaceAllString(strings.ToLower(m[1]), "")
		names[strings.ReplaceAll(name, " ", "-")] = true
	}
	return names
}

func read(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
