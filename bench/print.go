package main

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
)

// printNames prints what -only can choose from.
func printNames(w io.Writer, list []row) {
	for _, r := range list {
		note := ""
		if r.scale {
			note = "  (-scale)"
		}
		fmt.Fprintf(w, "%-16s %s%s\n", r.name, r.about, note)
	}
}

// printTable prints results: rows of whole programs, then those of -scale, then what is missing.
func printTable(w io.Writer, res *results) {
	printRows(w, res, false)
	printRows(w, res, true)
	printMissing(w, res)
	h := res.Host
	fmt.Fprintf(w, "%s; %s; load %.2f before, %.2f after\n", h, counted(res.Rounds, "round", "rounds"), res.Load[0], res.Load[1])
}

func (h host) String() string {
	return fmt.Sprintf("%s, %d processors, Linux %s, %s", h.CPU, h.CPUs, h.Kernel, h.Go)
}

// A column of the table has a cell a row.
type column struct {
	width int // negative if it is aligned on the left
	head  string
	cell  func(r *result) string
}

func printRows(w io.Writer, res *results, scale bool) {
	rows := slices.DeleteFunc(slices.Clone(res.Rows), func(r *result) bool { return r.Scale != scale || len(r.Figures) == 0 })
	if len(rows) == 0 {
		return
	}
	list := columns(res, scale)
	printLine(w, list, func(c column) string { return c.head })
	for _, r := range rows {
		printLine(w, list, func(c column) string { return c.cell(r) })
	}
}

func printLine(w io.Writer, list []column, text func(column) string) {
	var b strings.Builder
	for _, c := range list {
		fmt.Fprintf(&b, "%*s", c.width, text(c))
	}
	fmt.Fprintln(w, strings.TrimRight(b.String(), " "))
}

// columns are those of the table. In that of -scale, growth is in the place of spreads.
func columns(res *results, scale bool) []column {
	title := ""
	if scale {
		title = "how costs grow, for one"
	}
	list := []column{{-40, title, func(r *result) string { return r.About }}}
	for _, name := range res.Systems {
		list = append(list, column{11, name, func(r *result) string { return value(r, name) }})
		if name != native {
			list = append(list, column{9, "ratio", func(r *result) string { return ratio(r, name) }})
		}
		if scale {
			list = append(list, column{8, "growth", func(r *result) string { return growth(res, r, name) }})
		} else if name != native {
			list = append(list, column{13, "spread", func(r *result) string { return between(r, name) }})
		}
	}
	if !scale {
		list = append(list, column{8, "aim", aim})
	}
	return list
}

func value(r *result, system string) string {
	if f := r.Figures[system]; f != nil {
		return inUnit(f.Value.Median, r.Unit)
	}
	return "-"
}

func ratio(r *result, system string) string {
	if f := r.Figures[system]; f != nil && f.Ratio != nil {
		return times(f.Ratio.Median) + "x"
	}
	return ""
}

func between(r *result, system string) string {
	if f := r.Figures[system]; f != nil && f.Ratio != nil {
		return times(f.Ratio.Low) + "-" + times(f.Ratio.High)
	}
	return ""
}

func aim(r *result) string {
	if r.Aim == 0 {
		return ""
	}
	return times(r.Aim) + "x"
}

// growth is what one costs, against what it costs in the first row of its kind: 1 is flat.
func growth(res *results, r *result, system string) string {
	if r.Unit != inTime || r.Figures[system] == nil {
		return ""
	}
	for _, first := range res.Rows {
		if kind(first.Name) != kind(r.Name) {
			continue
		}
		if first == r || first.Figures[system] == nil {
			return ""
		}
		return times(r.Figures[system].Value.Median / first.Figures[system].Value.Median)
	}
	return ""
}

// kind is the name of a row of -scale without how many there are at once.
func kind(name string) string {
	kind, _, _ := strings.Cut(name, "/")
	return kind
}

// printMissing prints each reason once, with the rows that it is of.
func printMissing(w io.Writer, res *results) {
	var reasons []string
	names := map[string][]string{}
	for _, r := range res.Rows {
		for _, system := range append([]string{""}, res.Systems...) {
			reason := r.Missing[system]
			if reason == "" {
				continue
			}
			if system != "" {
				reason = "under " + system + ": " + reason
			}
			if names[reason] == nil {
				reasons = append(reasons, reason)
			}
			names[reason] = append(names[reason], r.Name)
		}
	}
	for _, reason := range reasons {
		fmt.Fprintf(w, "without %s: %s\n", strings.Join(names[reason], ", "), reason)
	}
}

// withSpread prints a spread, of ratios if there is no unit.
func withSpread(s spread, unit string) string {
	if unit == "" {
		return fmt.Sprintf("%sx (%s-%s)", times(s.Median), times(s.Low), times(s.High))
	}
	return fmt.Sprintf("%s (%s-%s)", inUnit(s.Median, unit), inUnit(s.Low, unit), inUnit(s.High, unit))
}

// times prints a ratio.
func times(ratio float64) string {
	switch {
	case ratio < 10:
		return fmt.Sprintf("%.2f", ratio)
	case ratio < 100:
		return fmt.Sprintf("%.1f", ratio)
	}
	return fmt.Sprintf("%.0f", ratio)
}

// inUnit prints a figure with three digits.
func inUnit(v float64, unit string) string {
	if unit == inBytes {
		return size(v)
	}
	return short(time.Duration(v))
}

func short(d time.Duration) string {
	switch {
	case d < 10*time.Microsecond:
		return fmt.Sprintf("%.2fµs", float64(d)/1e3)
	case d < time.Millisecond:
		return fmt.Sprintf("%.0fµs", float64(d)/1e3)
	case d < 100*time.Millisecond:
		return fmt.Sprintf("%.2fms", float64(d)/1e6)
	}
	return fmt.Sprintf("%.0fms", float64(d)/1e6)
}

func size(bytes float64) string {
	if bytes < 10<<20 {
		return fmt.Sprintf("%.1fKiB", bytes/(1<<10))
	}
	return fmt.Sprintf("%.1fMiB", bytes/(1<<20))
}
