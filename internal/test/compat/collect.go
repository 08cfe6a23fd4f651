package main

import (
	"bytes"
	"encoding/json"
	"regexp"
	"slices"
	"strings"
)

// An event is a line of "go test -json" (go doc test2json, and go help buildjson for what fails to
// build).
type event struct {
	Action, Package, Test, Output string
	ImportPath, FailedBuild       string
}

// An outcome is how the tests of a package ended. A test that has subtests counts by these, and by
// itself only if it fails while none of them does.
type outcome struct {
	Pass, Skip, Fail int
	Failures         []failure `json:",omitempty"`
	Skips            []failure `json:",omitempty"` // tests that were skipped, and what they said last
	Again            []string  `json:",omitempty"` // tests that passed when they were run again
}

// A failure is a test that failed, and the beginning and the end of what it said. Without a name it is the package that
// did: it was not built, it crashed, its time was up.
type failure struct {
	Test string
	Said string
}

// unended begins what is said of a test that was running when its package ended.
const unended = "did not end"

// A collector counts the events of a run.
type collector struct {
	packages map[string]*progressOf
	builds   map[string]string         // what the compiler said, by ImportPath
	done     func(string, *outcome)    // is told of each package that has ended
	seen     func(e *event, o outcome) // is told of each test that starts
	rest     []byte                    // of a line that has not ended
}

func newCollector(done func(string, *outcome), seen func(*event, outcome)) *collector {
	return &collector{packages: map[string]*progressOf{}, builds: map[string]string{}, done: done, seen: seen}
}

// progressOf is how far a package is.
type progressOf struct {
	outcome
	open   []string          // tests that have not ended, in the order in which they began
	failed []string          // tests and subtests that did
	parent map[string]bool   // tests that have subtests
	said   map[string]string // what open tests and the package ("") said, shortened
}

// Write takes in what a run prints, which may end within a line. Lines that are no events are what
// tests wrote right to the output of the go command; they say nothing that counts.
func (c *collector) Write(b []byte) (int, error) {
	c.rest = append(c.rest, b...)
	for {
		line, rest, whole := bytes.Cut(c.rest, []byte("\n"))
		if !whole {
			return len(b), nil
		}
		var e event
		if json.Unmarshal(line, &e) == nil {
			c.take(&e)
		}
		c.rest = rest
	}
}

func (c *collector) take(e *event) {
	if e.Action == "build-output" {
		c.builds[e.ImportPath] = shorten(c.builds[e.ImportPath] + e.Output)
		return
	}
	if e.Package == "" {
		return
	}
	p := c.packages[e.Package]
	if p == nil {
		p = &progressOf{parent: map[string]bool{}, said: map[string]string{}}
		c.packages[e.Package] = p
	}
	switch {
	case e.Action == "output":
		p.said[e.Test] = shorten(p.said[e.Test] + e.Output)
	case e.Test == "":
		c.endPackage(e, p)
	case e.Action == "run", e.Action == "cont":
		p.begin(e.Test)
		c.seen(e, p.outcome)
	case e.Action == "pause": // one that has not gone on when the package crashes has no part in it
		p.close(e.Test)
	default:
		p.end(e.Test, e.Action)
	}
}

func (p *progressOf) begin(test string) {
	p.open = append(p.open, test)
	if i := strings.LastIndexByte(test, '/'); i >= 0 {
		p.parent[test[:i]] = true
	}
}

func (p *progressOf) close(test string) {
	p.open = slices.DeleteFunc(p.open, func(o string) bool { return o == test })
}

// end counts a test that has ended. Subtests end before the test that they are of.
func (p *progressOf) end(test, action string) {
	switch action {
	case "pass", "skip", "fail":
	default:
		return
	}
	said := p.said[test]
	delete(p.said, test)
	p.close(test)
	switch {
	case action == "fail":
		p.fail(test, said)
	case p.parent[test]:
	case action == "pass":
		p.Pass++
	default:
		p.Skip++
		p.Skips = append(p.Skips, failure{Test: test, Said: lastWords(said)})
	}
}

func (p *progressOf) fail(test, said string) {
	if slices.ContainsFunc(p.failed, func(f string) bool { return strings.HasPrefix(f, test+"/") }) {
		return
	}
	p.Fail++
	p.failed = append(p.failed, test)
	p.Failures = append(p.Failures, failure{Test: test, Said: said})
}

// endPackage tells of a package that has ended. A failure that no test has told is the package's.
func (c *collector) endPackage(e *event, p *progressOf) {
	switch e.Action {
	case "pass", "skip", "fail":
	default:
		return
	}
	for i := len(p.open) - 1; i >= 0 && e.Action == "fail"; i-- { // subtests first
		p.fail(p.open[i], strings.TrimSpace(unended+"\n"+p.said[p.open[i]]))
	}
	if e.Action == "fail" && p.Fail == 0 {
		said := p.said[""]
		if build := c.builds[e.FailedBuild]; build != "" {
			said = build
		}
		p.fail("", said)
	}
	o := p.outcome
	c.done(e.Package, &o)
}

// lastWords is the last line that a test itself has said, without its place in the source.
func lastWords(said string) (last string) {
	for line := range strings.Lines(said) {
		line = strings.TrimSpace(line)
		if line != "" && !strings.HasPrefix(line, "--- ") && !strings.HasPrefix(line, "=== ") {
			last = place.ReplaceAllString(line, "")
		}
	}
	return strings.ToValidUTF8(last[:min(len(last), 150)], "")
}

var place = regexp.MustCompile(`^[\w.-]+\.go:\d+: `)

// shorten keeps the beginning and the end of what a test says.
func shorten(s string) string {
	const first, last = 500, 1000
	if len(s) <= first+last+100 {
		return s
	}
	return strings.ToValidUTF8(s[:first]+" … "+s[len(s)-last:], "")
}

// merge puts the outcome of a second run, of some tests alone, beside that of the first. Those whose
// reasons are known were not in it.
func (o *outcome) merge(path string, second *outcome) {
	var still []failure
	for _, f := range o.Failures {
		again := slices.ContainsFunc(second.Failures, func(s failure) bool { return s.Test == "" || topOf(s) == topOf(f) })
		if _, known := explain(path, f.Test); again || known {
			still = append(still, f)
			continue
		}
		o.Fail--
		o.Pass++
		o.Again = append(o.Again, f.Test)
	}
	o.Failures = still
}

// unexplained are the failures for which no table has a reason.
func (o *outcome) unexplained(path string) (list []failure) {
	for _, f := range o.Failures {
		if _, known := explain(path, f.Test); !known {
			list = append(list, f)
		}
	}
	return list
}

// replace takes the outcome of a second run of the whole package if more of it passes.
func (o *outcome) replace(second *outcome) {
	if second.Fail > o.Fail || second.Pass < o.Pass {
		return
	}
	second.Again = append(second.Again, "")
	*o = *second
}

// alone returns a pattern of -run for tests that failed; ok says that these can be run alone: none
// of them ended the package, or was not over when it ended.
func alone(failures []failure) (pattern string, ok bool) {
	var tests []string
	for _, f := range failures {
		if f.Test == "" || strings.HasPrefix(f.Said, unended) || crashed.MatchString(f.Said) {
			return "", false
		}
		if top := topOf(f); !slices.Contains(tests, top) {
			tests = append(tests, top)
		}
	}
	return "^(" + strings.Join(tests, "|") + ")$", true
}

// crashed matches what the last test of a package says that crashes; those behind it are not run.
var crashed = regexp.MustCompile(`(?m)^(panic|fatal error): `)

// topOf is the test that -run can name, without its subtests.
func topOf(f failure) string {
	top, _, _ := strings.Cut(f.Test, "/")
	return top
}
