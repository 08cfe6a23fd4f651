package main

import (
	"cmp"
	"context"
	"math/rand/v2"
	"os"
	"runtime"
	"slices"
	"sync"

	"toaster/internal/test/progress"
)

// try runs the tests with each of the faults that are not known to change nothing, and have no
// verdict in the log that still holds. It ends early when ctx does; what it knows then is in the log.
func try(ctx context.Context, p *pkg, faults []*fault, known map[string]string, pl *plan) (*logbook, error) {
	log, err := openLog(pl.log, pl.dir, pl.fresh, pl.cost)
	if err != nil {
		return nil, err
	}
	var todo []*fault
	for _, f := range faults {
		if known[f.key()] == "" && log.verdict(f) == "" {
			todo = append(todo, f)
		}
	}
	if len(todo) == 0 || pl.told {
		return log, nil
	}
	dir, err := os.MkdirTemp("", "toaster-mutate-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	b, err := p.build(dir)
	if err != nil {
		return nil, err
	}
	b.args = pl.args
	shown := &counter{line: progress.New(os.Stderr)}
	defer shown.line.Clear()
	tests, err := reach(ctx, b, filesLeft(todo, log), len(p.faults), pl.workers, shown)
	if err == nil {
		err = judgeAll(ctx, b, tests, todo, log, pl, shown)
	}
	if ctx.Err() != nil {
		err = nil
	}
	return log, err
}

// filesLeft returns the files with tests that any of the faults is to be tried with.
func filesLeft(todo []*fault, log *logbook) map[string]bool {
	files := make(map[string]bool)
	for _, f := range todo {
		for _, name := range log.filesLeft(f) {
			files[name] = true
		}
	}
	return files
}

// judgeAll tries faults in any order, so that a run which is cut short is a sample; what is known
// without a run comes first, and then those that earlier tests did not notice, which have few
// tests left.
func judgeAll(ctx context.Context, b *testBinary, tests []*test, todo []*fault, log *logbook, pl *plan, shown *counter) error {
	var left []*fault
	for _, f := range todo {
		if len(log.left(f, tests)) > 0 {
			left = append(left, f)
		} else if err := log.note(f, log.survives(f)); err != nil {
			return err
		}
	}
	rand.New(rand.NewPCG(pl.seed, 1)).Shuffle(len(left), func(i, j int) { left[i], left[j] = left[j], left[i] })
	slices.SortStableFunc(left, func(f, g *fault) int { return cmp.Compare(log.order(f), log.order(g)) })
	shown.begin("faults", len(left))
	return parallel(ctx, pl.workers, len(left), func(_, i int) error {
		shown.done(left[i].String())
		o := b.judge(ctx, left[i].id, log.left(left[i], tests))
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return log.note(left[i], o)
	})
}

// parallel has n things done by so many workers, until one fails. A worker keeps its thread, as
// the processes that it starts are to end with that.
func parallel(ctx context.Context, workers, n int, do func(worker, i int) error) error {
	var mu sync.Mutex
	var failed error
	next := 0
	take := func() (i int, ok bool) {
		mu.Lock()
		defer mu.Unlock()
		next++
		return next - 1, failed == nil && ctx.Err() == nil && next <= n
	}
	var wg sync.WaitGroup
	for w := range workers {
		wg.Go(func() {
			runtime.LockOSThread()
			for i, ok := take(); ok; i, ok = take() {
				if err := do(w, i); err != nil {
					mu.Lock()
					failed = err
					mu.Unlock()
				}
			}
		})
	}
	wg.Wait()
	return cmp.Or(failed, ctx.Err())
}

// counter counts what is done, for the line on a terminal.
type counter struct {
	line *progress.Line
	mu   sync.Mutex
	what string
	n    int
	of   int
}

func (p *counter) begin(what string, of int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.what, p.n, p.of = what, 0, of
}

// done counts one more, and shows what is next.
func (p *counter) done(name string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.n++
	p.line.Say("%s: %d of %d: %.70s", p.what, p.n, p.of, name)
}
