package main

import (
	"os"
	"slices"
	"strings"
	"testing"
)

const top = "../../.."

// TestPageIsGenerated: doc/compatibility.md says of itself that it is made of the results.
func TestPageIsGenerated(t *testing.T) {
	known, err := load(top)
	if err != nil {
		t.Fatal(err)
	}
	page, err := os.ReadFile(top + "/" + pageFile)
	if err != nil {
		t.Fatal(err)
	}
	if string(page) != render(known) {
		t.Error("the page is not what the results say; run: go run ./internal/test/compat -page")
	}
	for _, row := range rows {
		if !strings.Contains(string(page), "| ["+row.name+"](#") || !strings.Contains(string(page), "\n## "+row.name+"\n") {
			t.Errorf("the page has no row and section of %s", row.name)
		}
	}
}

// TestResultsFitTheRows: what was run is in the table of rows, at the version that this has.
func TestResultsFitTheRows(t *testing.T) {
	known, err := load(top)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range known.Packages {
		row, ok := find(r.Row)
		if !ok || r.Version != row.version {
			t.Errorf("results.json has %s of row %s at version %q, the row %q", r.Package, r.Row, r.Version, row.version)
		}
		for _, o := range []*outcome{r.NetBSD, r.Linux} {
			if o != nil && len(o.Failures) != o.Fail {
				t.Errorf("%s of row %s: %d failures are counted, %d named", r.Package, r.Row, o.Fail, len(o.Failures))
			}
		}
	}
}

// TestFailuresHaveReasons: each failure on NetBSD's side has its reason in the tables, and each reason is
// that of a failure.
func TestFailuresHaveReasons(t *testing.T) {
	known, err := load(top)
	if err != nil {
		t.Fatal(err)
	}
	failed := map[string][]string{}
	for _, r := range known.Packages {
		for _, f := range r.failed() {
			failed[r.Package] = append(failed[r.Package], f.test)
			if _, ok := explain(r.Package, f.test); !ok {
				t.Errorf("%s %s fails on %v, and no table says why", r.Package, f.test, f.where)
			}
		}
	}
	for path, table := range reasons {
		for test := range table {
			if !slices.ContainsFunc(failed[path], func(f string) bool { return f == test || strings.HasPrefix(f, test+"/") }) {
				t.Errorf("reasons has %s %q, which did not fail", path, test)
			}
		}
	}
}

func TestRender(t *testing.T) {
	known := &results{
		Packages: []*result{
			{Row: "net", Package: "net", Day: "2026-01-02", Go: "go1.26.8", Host: "Linux 6.18", Toaster: "abc",
				NetBSD: &outcome{Pass: 5, Skip: 2, Fail: 2, Failures: []failure{{"TestA", "why `a`"}, {"TestB/x", "b"}}, Again: []string{"TestC"},
					Skips: []failure{{"TestS1", "no x"}, {"TestS2", "no x"}, {"TestS3", "no y"}}},
				Linux: &outcome{Pass: 6, Fail: 1, Failures: []failure{{"TestA", "why"}}, Skips: []failure{{"TestS3", "no y"}}}},
			{Row: "std", Package: "errors", NetBSD: &outcome{Pass: 3}, Linux: &outcome{Pass: 3}},
			{Row: "std", Package: "io", NetBSD: &outcome{Pass: 3}},
		},
		Refused: map[string]string{"restic": "cannot be had"},
	}
	page := render(known)
	for _, want := range []string{
		"| [net](#net) | 1.26.8 | 1 | 5 | 2 | 2 | 6 | 0 | 1 | 2026-01-02 |\n",
		"- `net` TestA, on Linux here as well: not explained; it says `why 'a'`\n",
		"- `net` TestB/x on NetBSD: not explained; it says `b`\n",
		"- `net` TestC on NetBSD: failed at first, passed alone.\n",
		"- `net`, `no x`: TestS1, TestS2\n\n## net/http",
		"1 packages have the same counts on both sides. The others:\n",
		"| io | 3 | 0 | 0 | not run | | |\n",
		"| [std](#std) |  | 2 | 6 | 0 | 0 | (1 packages) 3 | 0 | 0 |  |\n",
		"| [restic](#restic) | v0.18.1 | | not run, see below | | | not run, see below | | | |\n",
		"did not go through: `cannot be had`\n",
		"| [os](#os) |  | | not run | | | not run | | | |\n",
	} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %q:\n%s", want, page)
		}
	}
}

func TestReasonOfSubtests(t *testing.T) {
	reasons["p"] = map[string]string{"TestA/x": "because", "": "it does not build"}
	defer delete(reasons, "p")
	for test, want := range map[string]string{"TestA/x/y": "because", "TestA/x": "because", "TestA": "", "": "it does not build"} {
		if why, ok := explain("p", test); why != want || ok != (want != "") {
			t.Errorf("%q: %q, %v; want %q", test, why, ok, want)
		}
	}
}
