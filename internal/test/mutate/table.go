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

// counts are what became of the faults of a file.
type counts struct{ noticed, endless, unnoticed, equivalent, untried int }

func (c *counts) add(verdict string, known bool) {
	switch {
	case known:
		c.equivalent++
	case verdict == noticed:
		c.noticed++
	case verdict == endless:
		c.noticed++
		c.endless++
	case verdict == unnoticed:
		c.unnoticed++
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

// report prints the table, what nobody noticed, and the equivalent ones with their reasons.
func report(w io.Writer, faults []*fault, verdicts, known map[string]string) {
	var files []string
	by := map[string]*counts{"all": new(counts)}
	for _, f := range faults {
		if by[f.file] == nil {
			by[f.file] = new(counts)
			files = append(files, f.file)
		}
		for _, c := range []*counts{by[f.file], by["all"]} {
			c.add(verdicts[f.key()], known[f.key()] != "")
		}
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "file\tnoticed\tof these endless\tunnoticed\tequivalent\tnoticed, %\t")
	for _, name := range append(files, "all") {
		c := by[name]
		fmt.Fprintf(t, "%s\t%d\t%d\t%d\t%d\t%.1f\t\n", name, c.noticed, c.endless, c.unnoticed, c.equivalent, c.share())
	}
	t.Flush()
	list(w, "\nUnnoticed:", faults, func(f *fault) string {
		if verdicts[f.key()] == unnoticed && known[f.key()] == "" {
			return fmt.Sprintf("  %s:%d\n%s", f.file, f.line, f.key())
		}
		return ""
	})
	list(w, "\nEquivalent:", faults, func(f *fault) string {
		if why := known[f.key()]; why != "" {
			return "  " + f.key() + "\n      " + why
		}
		return ""
	})
}

func list(w io.Writer, title string, faults []*fault, line func(*fault) string) {
	for _, f := range faults {
		if s := line(f); s != "" {
			if title != "" {
				fmt.Fprintln(w, title)
				title = ""
			}
			fmt.Fprintln(w, s)
		}
	}
}
