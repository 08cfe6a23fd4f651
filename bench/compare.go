package main

import (
	"errors"
	"fmt"
	"io"
	"slices"
)

// change is a row whose ratio is not what it was.
type change struct {
	name     string
	unit     string // empty for a ratio
	old, now spread
}

// comparison is what two runs say of toaster.
type comparison struct {
	slower, faster []change
	gone, added    []string // rows that only one of the runs has
	same           int
}

// compare looks for rows that differ by more than their spreads: these do not meet. Ratios
// are compared, as native tells what machine it was; where there is none, the figures are.
func compare(old, now *results) comparison {
	var c comparison
	for _, r := range now.Rows {
		after := comparable(r)
		before := comparable(old.find(r.Name))
		switch {
		case after == nil:
		case before == nil || before.unit != after.unit:
			c.added = append(c.added, r.Name)
		case after.now.Low > before.now.High:
			c.slower = append(c.slower, change{r.Name, after.unit, before.now, after.now})
		case after.now.High < before.now.Low:
			c.faster = append(c.faster, change{r.Name, after.unit, before.now, after.now})
		default:
			c.same++
		}
	}
	for _, r := range old.Rows {
		if comparable(r) != nil && comparable(now.find(r.Name)) == nil && !unasked(r, now) {
			c.gone = append(c.gone, r.Name)
		}
	}
	return c
}

// unasked reports whether a row is not in results because nobody asked for it: there is still one
// of that name.
func unasked(r *result, now *results) bool {
	return now.find(r.Name) == nil && slices.ContainsFunc(rows(), func(known row) bool { return known.name == r.Name })
}

// comparable is what toaster's part of a row is judged by, or nil if there is none.
func comparable(r *result) *change {
	if r == nil || r.Figures[toaster] == nil {
		return nil
	}
	f := r.Figures[toaster]
	if f.Ratio != nil {
		return &change{name: r.Name, now: *f.Ratio}
	}
	return &change{name: r.Name, unit: r.Unit, now: f.Value}
}

// judge prints how results differ from those of the file old, and returns an error if
// something is slower.
func judge(w io.Writer, name string, old, now *results) error {
	c := compare(old, now)
	fmt.Fprintf(w, "\nagainst %s, %s", name, old.Date.Format("2006-01-02 15:04"))
	if old.Commit != "" {
		fmt.Fprintf(w, ", commit %s", old.Commit)
	}
	fmt.Fprintln(w, ":")
	if old.Host != now.Host {
		fmt.Fprintf(w, "  on another host: %s; now %s\n", old.Host, now.Host)
	}
	printChanges(w, "slower", c.slower)
	printChanges(w, "faster", c.faster)
	for _, name := range c.gone {
		fmt.Fprintf(w, "  gone    %s\n", name)
	}
	for _, name := range c.added {
		fmt.Fprintf(w, "  new     %s\n", name)
	}
	fmt.Fprintf(w, "  %d rows are the same within their spread\n", c.same)
	if n := len(c.slower); n > 0 {
		return errors.New(counted(n, "row is", "rows are") + " slower than in " + name)
	}
	return nil
}

func printChanges(w io.Writer, how string, list []change) {
	for _, c := range list {
		fmt.Fprintf(w, "  %s  %-14s %s, was %s\n", how, c.name, withSpread(c.now, c.unit), withSpread(c.old, c.unit))
	}
}

func counted(n int, one, more string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, more)
}
