package main

import (
	"math/rand/v2"
	"os"
	"sync"

	"toaster/internal/test/progress"
)

// try runs the tests with each of the faults that are not known to change nothing, and have no
// verdict in the log that still holds.
func try(p *pkg, faults []*fault, known map[string]string, pl *plan) (*logbook, error) {
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
	tests, err := reach(b, len(p.faults), pl.workers, shown)
	if err != nil {
		return nil, err
	}
	return log, judgeAll(b, tests, todo, log, pl, shown)
}

// judgeAll tries faults in any order, so that a run which is cut short is a sample; those that no
// test comes by are known at once.
func judgeAll(b *testBinary, tests []*test, todo []*fault, log *logbook, pl *plan, shown *counter) error {
	var left []*fault
	for _, f := range todo {
		if len(reaching(tests, f.id)) > 0 {
			left = append(left, f)
		} else if err := log.note(f, outcome{verdict: unreached}); err != nil {
			return err
		}
	}
	rand.New(rand.NewPCG(pl.seed, 1)).Shuffle(len(left), func(i, j int) { left[i], left[j] = left[j], left[i] })
	shown.begin("faults", len(left))
	return parallel(pl.workers, len(left), func(_, i int) error {
		shown.done(left[i].String())
		return log.note(left[i], b.judge(left[i].id, cheap(reaching(tests, left[i].id), pl.cost)))
	})
}

// parallel has n things done by so many workers, until one fails.
func parallel(workers, n int, do func(worker, i int) error) error {
	var mu sync.Mutex
	var failed error
	next := 0
	take := func() (i int, ok bool) {
		mu.Lock()
		defer mu.Unlock()
		next++
		return next - 1, failed == nil && next <= n
	}
	var wg sync.WaitGroup
	for w := range workers {
		wg.Go(func() {
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
	return failed
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
