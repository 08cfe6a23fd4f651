package archtest

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestGlossary looks for each word of doc/glossary.md in the sources: a word that is not
// used there any more has been renamed, and so must be its entry. It has each word once.
func TestGlossary(t *testing.T) {
	page, err := os.ReadFile("../../doc/glossary.md")
	if err != nil {
		t.Fatal(err)
	}
	source := strings.ToLower(sources(t))
	seen := map[string]bool{}
	for _, row := range regexp.MustCompile(`(?m)^\| ([a-zA-Z][a-zA-Z -]*(?:, [a-z]+)*) \|`).FindAllStringSubmatch(string(page), -1) {
		for word := range strings.SplitSeq(row[1], ", ") {
			if word == "word" {
				continue // the head of a table
			}
			if seen[word] {
				t.Errorf("%q stands there twice", word)
			}
			seen[word] = true
			if w, ok := strings.CutSuffix(word, "y"); ok {
				word = w // so that copies are found, too
			}
			written := strings.NewReplacer(" ", `[ -]?(//\s*)?`, "-", `[ -]?`).Replace(strings.ToLower(word))
			if !regexp.MustCompile(written).MatchString(source) {
				t.Errorf("no source has %q", word)
			}
		}
	}
	if len(seen) < 50 {
		t.Errorf("found %d words", len(seen))
	}
}

// sources returns all that is written in Go and assembly, this package aside.
func sources(t *testing.T) string {
	t.Helper()
	var all strings.Builder
	err := filepath.WalkDir("../..", func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && d.Name() == "archtest":
			return fs.SkipDir
		case d.IsDir() || !strings.HasSuffix(name, ".go") && !strings.HasSuffix(name, ".s"):
			return nil
		}
		b, err := os.ReadFile(name)
		all.Write(b)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all.String()
}
