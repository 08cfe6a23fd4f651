package main

import (
	"context"
	"encoding/binary"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// This file finds out which tests come by which fault, and what each costs: the tests run one at a
// time, without a fault, and mark in a mapped file what they reach. A test whose ways depend on
// chance, as those with several runnable goroutines do, runs more than once.

// A test is one of the package's: a function, with all its subtests.
type test struct {
	name    string
	file    string        // where it stands
	wall    time.Duration // without a fault, the longest of its runs
	cpu     time.Duration
	cost    time.Duration // the least processor time of its runs, in whole milliseconds
	reaches []bool        // by the fault's number
}

// reachRuns is how often a test runs for what it reaches.
const reachRuns = 2

// reach returns the tests that stand in those files, with what they reach.
func reach(ctx context.Context, b *testBinary, files map[string]bool, faults, workers int, shown *counter) ([]*test, error) {
	out, err := exec.CommandContext(ctx, b.path, "-test.list=.").Output()
	if err != nil {
		return nil, fmt.Errorf("list of tests: %w", err)
	}
	where, err := testFiles(b.dir)
	if err != nil {
		return nil, err
	}
	var tests []*test
	for name := range strings.FieldsSeq(string(out)) {
		if !strings.HasPrefix(name, "Benchmark") && files[where[name]] {
			tests = append(tests, &test{name: name, file: where[name], reaches: make([]bool, faults+1)})
		}
	}
	shown.begin("what tests reach", len(tests))
	err = parallel(ctx, workers, len(tests), func(worker, i int) error {
		shown.done(tests[i].name)
		return tests[i].look(ctx, b, filepath.Join(filepath.Dir(b.path), fmt.Sprintf("reach%d", worker)))
	})
	return tests, err
}

// testFiles returns in which file of dir each function stands that is in a file with tests.
func testFiles(dir string) (map[string]string, error) {
	names, err := filepath.Glob(filepath.Join(dir, "*_test.go"))
	if err != nil {
		return nil, err
	}
	where := make(map[string]string)
	for _, name := range names {
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
		if err != nil {
			return nil, err
		}
		for _, d := range file.Decls {
			if f, ok := d.(*ast.FuncDecl); ok && f.Recv == nil {
				where[f.Name.Name] = filepath.Base(name)
			}
		}
	}
	return where, nil
}

// look runs t for what it reaches and costs.
func (t *test) look(ctx context.Context, b *testBinary, file string) error {
	for range reachRuns {
		if err := os.WriteFile(file, make([]byte, 4*len(t.reaches)), 0o600); err != nil {
			return err
		}
		o := b.run(ctx, 0, []string{t.name}, bound{5 * time.Minute, 5 * time.Minute}, reachVar+"="+file)
		if ctx.Err() != nil {
			return ctx.Err()
		}
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
	return nil
}

// A batch is what runs in one process.
type batch []*test

// batches cuts tests so that each batch takes about four times as long as the one before: a process for every test would cost more than most tests.
func batches(tests []*test) (all []batch) {
	most, sum := 50*time.Millisecond, time.Duration(0)
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
	return bound{2*m.wall + 10*time.Second, 4*m.cpu + time.Second/2}
}
