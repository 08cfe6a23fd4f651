package archtest

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
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

// TestNamedFilesExist looks for every file that a page of the repository names by its path.
func TestNamedFilesExist(t *testing.T) {
	pages, err := filepath.Glob("../../*.md")
	more, err2 := filepath.Glob("../../doc/*.md")
	if pages = append(pages, more...); err != nil || err2 != nil || len(pages) < 8 {
		t.Fatalf("%d pages, %v, %v", len(pages), err, err2)
	}
	file := regexp.MustCompile("`((?:bench|cmd|doc|examples|internal|kern|netbsd)/[\\w/.*-]+\\.[a-z]+)`")
	found := 0
	for _, name := range pages {
		page, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range file.FindAllStringSubmatch(string(page), -1) {
			found++
			if list, err := filepath.Glob("../../" + m[1]); err != nil || len(list) == 0 {
				t.Errorf("%s names %s, which is not there", name, m[1])
			}
		}
	}
	if found < 50 {
		t.Errorf("found %d names", found)
	}
}

// document is the name of a page, with its directory if that is given.
var document = regexp.MustCompile(`[A-Za-z0-9_./:-]+\.md\b`)

// TestCitedDocumentsExist: who clones the repository has every document that one of its
// files cites, by a path from the root or from the file.
func TestCitedDocumentsExist(t *testing.T) {
	const root = "../.."
	cited := 0
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && d.Name() == ".git" {
			return filepath.SkipDir
		}
		if !slices.Contains([]string{".go", ".md", ".s", ".c", ".h"}, filepath.Ext(path)) {
			return nil
		}
		text, err := os.ReadFile(path)
		for _, name := range document.FindAllString(string(text), -1) {
			if strings.Contains(name, "://") {
				continue
			}
			cited++
			if !exists(filepath.Join(root, name)) && !exists(filepath.Join(filepath.Dir(path), name)) {
				t.Errorf("%s cites %s, which is not there", path, name)
			}
		}
		return err
	})
	if err != nil || cited < 10 {
		t.Errorf("%d citations found, %v", cited, err)
	}
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// TestNamedFunctionsExist looks for what ARCHITECTURE.md names together with its file:
// `Name` (`file`).
func TestNamedFunctionsExist(t *testing.T) {
	page, err := os.ReadFile("../../ARCHITECTURE.md")
	if err != nil {
		t.Fatal(err)
	}
	found := regexp.MustCompile("`(\\w+)`\\s+(?:in |\\()`([\\w/]+\\.(?:go|s))`").FindAllStringSubmatch(string(page), -1)
	for _, m := range found {
		source, err := os.ReadFile("../../" + m[2])
		if err != nil {
			t.Errorf("%s: %v", m[1], err)
			continue
		}
		decl := `(?m)^(func (\([^)]*\) )?` + m[1] + `[(\[]|type ` + m[1] + ` |var ` + m[1] + ` |TEXT ·` + m[1] + `\()`
		if !regexp.MustCompile(decl).Match(source) {
			t.Errorf("ARCHITECTURE.md says that %s is in %s", m[1], m[2])
		}
	}
	if len(found) < 20 {
		t.Errorf("found %d names", len(found))
	}
}

// TestContributingExample: the code that CONTRIBUTING.md shows is in the sources as it is.
func TestContributingExample(t *testing.T) {
	page, err := os.ReadFile("../../CONTRIBUTING.md")
	if err != nil {
		t.Fatal(err)
	}
	all := spaces.ReplaceAllString(sources(t), " ")
	blocks := strings.Split(string(page), "```go\n")[1:]
	for _, block := range blocks {
		block, _, _ = strings.Cut(block, "```")
		if !strings.Contains(all, strings.TrimSpace(spaces.ReplaceAllString(block, " "))) {
			t.Errorf("no source has\n%s", block)
		}
	}
	if len(blocks) < 3 {
		t.Errorf("found %d pieces of code", len(blocks))
	}
}

var spaces = regexp.MustCompile(`\s+`)
