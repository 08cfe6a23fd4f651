package main

import (
	"cmp"
	"slices"
	"strings"
	"time"
)

// This file has the tests begin that are likely to notice a fault: those that have noticed others
// of its function or its file, measured by what they cost.

// record counts what tests have noticed, in functions (by file and name), in files, in all.
type record struct{ where map[string]map[string]int }

func newRecord() record { return record{make(map[string]map[string]int)} }

// add counts an entry of the log.
func (r record) add(key string, e entry) {
	if !e.noticed() {
		return
	}
	fn, _, _ := strings.Cut(key, ":")
	file, _, _ := strings.Cut(fn, " ")
	for _, where := range []string{fn, file, ""} {
		if r.where[where] == nil {
			r.where[where] = make(map[string]int)
		}
		r.where[where][e.by]++
	}
}

// sort puts the most promising first.
func (r record) sort(tests []*test, f *fault) {
	in, file, all := r.where[f.file+" "+f.fn], r.where[f.file], r.where[""]
	promise := func(t *test) float64 {
		n := 1 + float64(100*in[t.name]) + 10*float64(file[t.name]) + float64(all[t.name])
		return n / float64(t.cost+2*time.Millisecond)
	}
	slices.SortStableFunc(tests, func(a, b *test) int { return cmp.Compare(promise(b), promise(a)) })
}
