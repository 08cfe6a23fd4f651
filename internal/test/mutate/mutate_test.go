package main

import (
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// sample has one of each kind of fault, some in each other.
const sample = `package sample

// Count counts what is above least and not banned, up to most.
func Count(list []int, least, most int, banned func(int) bool) (n int) {
	for _, v := range list {
		if v <= least || banned != nil && banned(v) {
			continue
		}
		n++
		if n == 3 && most == 0 {
			break
		}
	}
	switch {
	case n > most+1:
		n = most
	}
	return n
}
`

func parsed(t *testing.T) *pkg {
	t.Helper()
	p := &pkg{seen: make(map[string]int)}
	if err := p.parse("sample.go", []byte(sample)); err != nil {
		t.Fatal(err)
	}
	return p
}

func TestFaults(t *testing.T) {
	var got []string
	for _, f := range parsed(t).faults {
		got = append(got, f.what())
	}
	want := []string{
		"loop left out: for _, v := range list { if v <= least || banned != nil && banned(v) { continue } n++ if n …",
		"left out: n++",
		"negated: v <= least", "negated: banned != nil", "negated: banned(v)",
		"&& for ||: v <= least || banned != nil && banned(v)", "bound off by one: v <= least",
		"|| for &&: banned != nil && banned(v)", "break for continue: continue",
		"negated: n == 3", "negated: most == 0", "|| for &&: n == 3 && most == 0",
		"constant off by one: n == 3", "constant off by one: most == 0", "continue for break: break",
		"negated: n > most+1", "left out: n = most", "bound off by one: n > most+1", "constant off by one: most+1",
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// What is written is Go, and without a chosen fault it is the source: the tests of a package pass
// with all of them in it, which try makes sure of at its start.
func TestEditsNest(t *testing.T) {
	s := parsed(t).sources[0]
	text := s.edits.apply(s.text)
	if _, err := parser.ParseFile(token.NewFileSet(), "sample.go", text, 0); err != nil {
		t.Errorf("%v in\n%s", err, text)
	}
}

// A package whose test looks at two inputs only notices some faults, and each fault by itself.
func TestTry(t *testing.T) {
	if testing.Short() {
		t.Skip("it builds a package")
	}
	dir := t.TempDir()
	for name, text := range map[string]string{
		"go.mod":    "module sample\n\ngo 1.25\n",
		"sample.go": sample,
		"sample_test.go": `package sample

import "testing"

func TestCount(t *testing.T) {
	if n := Count([]int{1, 5, 6}, 1, 9, nil); n != 2 {
		t.Error(n)
	}
}
`} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	p, err := find(dir, regexp.MustCompile("^sample"))
	if err != nil {
		t.Fatal(err)
	}
	log := filepath.Join(dir, "log")
	known := map[string]string{"sample.go Count: left out: n = most": "a reason"}
	for range 2 { // the second time from the log
		book, err := try(t.Context(), p, p.faults, known, &plan{dir: dir, workers: 2, log: log})
		if err != nil {
			t.Fatal(err)
		}
		got := make(map[string]string)
		for _, f := range p.faults {
			got[f.key()] = book.verdict(f)
		}
		for key, want := range map[string]string{
			"sample.go Count: left out: n++":                     noticed,
			"sample.go Count: negated: v <= least":               noticed,
			"sample.go Count: bound off by one: v <= least":      noticed,
			"sample.go Count: constant off by one: n == 3":       unnoticed,
			"sample.go Count: negated: most == 0":                unreached,
			"sample.go Count: continue for break: break":         unreached,
			"sample.go Count: left out: n = most":                "",
			"sample.go Count: || for &&: n == 3 && most == 0":    unnoticed,
			"sample.go Count: constant off by one: most+1":       unnoticed,
			"sample.go Count: break for continue: continue":      noticed,
			"sample.go Count: negated: n > most+1":               noticed,
			"sample.go Count: negated: banned != nil":            noticed,
			"sample.go Count: constant off by one: n == 3 #2":    "",
			"sample.go Count: continue for break: continue":      "",
			"sample.go Count: && for ||: v <= least || no such ": "",
		} {
			if got[key] != want {
				t.Errorf("%s: %q, want %q", key, got[key], want)
			}
		}
	}
	var b strings.Builder
	book, err := openLog(log, dir, false, 0)
	if err != nil {
		t.Fatal(err)
	}
	newResult(p.faults, book, known).print(&b)
	for _, want := range []string{"all", "Unnoticed:\n  sample.go:", "Equivalent:\n  sample.go Count: left out: n = most\n      a reason\n"} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("%q is not in\n%s", want, b.String())
		}
	}
}

// What equivalent.txt names is a fault that kern can have; one that has gone is to go there, too.
func TestEquivalentsExist(t *testing.T) {
	p, err := find("../../../kern", regexp.MustCompile(`\.go$`))
	if err != nil {
		t.Fatal(err)
	}
	there := make(map[string]bool)
	for _, f := range p.faults {
		there[f.key()] = true
	}
	known, err := equivalents()
	if err != nil {
		t.Fatal(err)
	}
	for key := range known {
		if !there[key] {
			t.Errorf("equivalent.txt: there is no fault %q", key)
		}
	}
}
