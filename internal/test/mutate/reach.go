package main

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// This file finds out which tests come by which fault, and what each costs: the tests run one at a
// time, without a fault, and mark in a mapped file what they reach. A test whose ways depend on
// chance, as those with several runnable goroutines do, runs more than once.

// A test is one of the package's: a function, with all its subtests.
type test struct {
	name    string
	wall    time.Duration // without a fault, the longest of its runs
	cpu     time.Duration
	cost    time.Duration // the least processor time of its runs, in whole milliseconds
	reaches []bool        // by the fault's number
	reached int           // how many they are
}

// reachRuns is how often a test runs for what it reaches.
const reachRuns = 2

// reach returns the tests, fastest first; of those that are equally fast, the one that is about
// less comes first.
func reach(b *testBinary, faults, workers int, shown *counter) ([]*test, error) {
	out, err := exec.Command(b.path, "-test.list=.").Output()
	if err != nil {
		return nil, fmt.Errorf("list of tests: %w", err)
	}
	var tests []*test
	for name := range strings.FieldsSeq(string(out)) {
		if !strings.HasPrefix(name, "Benchmark") {
			tests = append(tests, &test{name: name, reaches: make([]bool, faults+1)})
		}
	}
	shown.begin("what tests reach", len(tests))
	err = parallel(workers, len(tests), func(worker, i int) error {
		shown.done(tests[i].name)
		return tests[i].look(b, filepath.Join(filepath.Dir(b.path), fmt.Sprintf("reach%d", worker)))
	})
	slices.SortStableFunc(tests, func(a, b *test) int {
		return cmp.Or(cmp.Compare(a.cost, b.cost), cmp.Compare(a.reached, b.reached))
	})
	return tests, err
}

// look runs t for what it reaches and costs.
func (t *test) look(b *testBinary, file string) error {
	for range reachRuns {
		if err := os.WriteFile(file, make([]byte, 4*len(t.reaches)), 0o600); err != nil {
			return err
		}
		o := b.run(0, []string{t.name}, bound{5 * time.Minute, 5 * time.Minute}, reachVar+"="+file)
		if o.verdict != unnoticed {
			return fmt.Errorf("%s fails without a fault (%s):\n%s", t.name, o.verdict, o.output)
		}
		t.wall, t.cpu = max(t.wall, o.wall), max(t.cpu, o.cpu)
		if ms := o.cpu.Truncate(time.Millisecond); t.cost == 0 || ms < t.cost {
			t.cost = max(ms, time.Millisecond)
		}
		marks, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		for i := range t.reaches {
			t.reaches[i] = t.reaches[i] || binary.NativeEndian.Uint32(marks[4*i:]) != 0
		}
	}
	for _, r := range t.reaches {
		if r {
			t.reached++
		}
	}
	return nil
}

// reaching returns the tests that come by the fault, in the order of tests.
func reaching(tests []*test, id int) (r []*test) {
	for _, t := range tests {
		if t.reaches[id] {
			r = append(r, t)
		}
	}
	return r
}

// cheap leaves out tests that cost more than most; 0 is no limit. They are sorted.
func cheap(tests []*test, most time.Duration) []*test {
	for i, t := range tests {
		if most != 0 && t.cost > most {
			return tests[:i]
		}
	}
	return tests
}

// A batch is what runs in one process.
type batch []*test

// batches cuts tests, which are sorted, so that each batch takes about four times as long as the
// one before: a process for every test would cost more than most tests.
func batches(tests []*test) (all []batch) {
	most, sum := 100*time.Millisecond, time.Duration(0)
	var b batch
	for _, t := range tests {
		if len(b) > 0 && sum+t.cost > most {
			all = append(all, b)
			b, sum, most = nil, 0, 4*most
		}
		b = append(b, t)
		sum += t.cost
	}
	if len(b) > 0 {
		all = append(all, b)
	}
	return all
}

func (b batch) names() (n []string) {
	for _, t := range b {
		n = append(n, t.name)
	}
	return n
}

// bound is four times the processor time that the batch takes without a fault, and twice the time,
// as each test's has a start of the binary in it; and some for a busy machine.
func (b batch) bound() (m bound) {
	for _, t := range b {
		m.wall += t.wall
		m.cpu += t.cpu
	}
	return bound{2*m.wall + 10*time.Second, 4*m.cpu + time.Second}
}
