package archtest

import (
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// nobody matches words that do not say who acts. The unit µs is not one of them.
var nobody = regexp.MustCompile(`(?i)(^|[^µ\w])(we|us|our|ours)\b`)

// A comment names who acts (CONTRIBUTING.md): a reader cannot know whether "we" is toaster, the
// stub, the guest or the test.
func TestCommentsSayWhoActs(t *testing.T) {
	comments := 0
	err := filepath.WalkDir("../..", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(name, ".go") {
			return err
		}
		fset := token.NewFileSet()
		file, err := parser.ParseFile(fset, name, nil, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		for _, group := range file.Comments {
			for _, c := range group.List {
				comments++
				if word := nobody.FindString(c.Text); word != "" && !strings.Contains(name, "archtest") {
					t.Errorf("%s: %q: who?", fset.Position(c.Pos()), strings.TrimSpace(word))
				}
			}
		}
		return nil
	})
	if err != nil || comments < 5000 {
		t.Errorf("%d comments found, %v", comments, err)
	}
}
