package main

import (
	_ "embed"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
)

//go:embed equivalent.txt
var equivalentText string

// equivalents returns the faults that change nothing that can be seen, with the reason: paragraphs,
// the first lines of which are keys and the last one, indented, the reason.
func equivalents() (map[string]string, error) {
	known := make(map[string]string)
	var keys []string
	for i, line := range strings.Split(equivalentText, "\n") {
		switch {
		case strings.HasPrefix(line, "#"), strings.TrimSpace(line) == "":
		case !strings.HasPrefix(line, " "):
			keys = append(keys, line)
		case len(keys) == 0:
			return nil, fmt.Errorf("equivalent.txt:%d: a reason of nothing", i+1)
		default:
			for _, k := range keys {
				known[k] = strings.TrimSpace(line)
			}
			keys = nil
		}
	}
	if len(keys) > 0 {
		return nil, fmt.Errorf("equivalent.txt: no reason for %s", keys[0])
	}
	return known, nil
}

// counts are what became of the faults of a file. An endless one is among the noticed, an
// unreached one among the unnoticed, and one that was unnoticed before the last change is so still
// until it is tried again.
type counts struct{ noticed, endless, unnoticed, unreached, before, equivalent, untried int }

func (c *counts) add(verdict string, before, known bool) {
	switch {
	case known:
		c.equivalent++
	case before:
		c.unnoticed++
		c.before++
	case verdict == noticed:
		c.noticed++
	case verdict == endless:
		c.noticed++
		c.endless++
	case verdict == unnoticed:
		c.unnoticed++
	case verdict == unreached:
		c.unnoticed++
		c.unreached++
	default:
		c.untried++
	}
}

// share is how many per cent of those that are tried and not equivalent were noticed.
func (c *counts) share() float64 {
	if n := c.noticed + c.unnoticed; n > 0 {
		return 100 * float64(c.noticed) / float64(n)
	}
	return 0
}

// result is what became of faults.
type result struct {
	files      []string // in the order of the faults
	by         map[string]*counts
	all        counts
	unnoticed  []*fault
	before     []*fault
	equivalent []*fault
	log        *logbook
	why        map[string]string
}

func newResult(faults []*fault, log *logbook, known map[string]string) *result {
	r := &result{by: make(map[string]*counts), log: log, why: known}
	for _, f := range faults {
		if r.by[f.file] == nil {
			r.by[f.file] = new(counts)
			r.files = append(r.files, f.file)
		}
		v, before := log.verdict(f), log.before(f)
		for _, c := range []*counts{r.by[f.file], &r.all} {
			c.add(v, before, known[f.key()] != "")
		}
		switch {
		case known[f.key()] != "":
			r.equivalent = append(r.equivalent, f)
		case before:
			r.before = append(r.before, f)
		case v == unnoticed, v == unreached:
			r.unnoticed = append(r.unnoticed, f)
		}
	}
	return r
}

// print prints the table, what nobody noticed, and the equivalent ones with their reasons.
func (r *result) print(w io.Writer) {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "file\tnoticed\tof these endless\tunnoticed\tof these unreached\tequivalent\tnoticed, %\t")
	row := func(name string, c *counts) {
		fmt.Fprintf(t, "%s\t%d\t%d\t%d\t%d\t%d\t%.1f\t\n", name, c.noticed, c.endless, c.unnoticed, c.unreached, c.equivalent, c.share())
	}
	for _, name := range r.files {
		row(name, r.by[name])
	}
	row("all", &r.all)
	t.Flush()
	list(w, "\nUnnoticed:", r.unnoticed, func(f *fault) string {
		return fmt.Sprintf("  %s:%d %s\n%s", f.file, f.line, r.log.verdict(f), f.key())
	})
	list(w, "\nEquivalent:", r.equivalent, func(f *fault) string { return "  " + f.key() + "\n      " + r.why[f.key()] })
}

func list(w io.Writer, title string, faults []*fault, line func(*fault) string) {
	if len(faults) > 0 {
		fmt.Fprintln(w, title)
	}
	for _, f := range faults {
		fmt.Fprintln(w, line(f))
	}
}
