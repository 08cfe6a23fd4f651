package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"toaster/internal/test/attacks"
	"toaster/internal/test/progress"
)

// A runner runs rows.
type runner struct {
	plan  *plan
	top   string // the repository
	tmp   string // for all that this run makes
	sides []side
	known *results
	show  *progress.Line
}

// runRows runs the rows one after the other. One that cannot be run does not keep the others from it.
func runRows(ctx context.Context, p *plan, top string, known *results, chosen []row) error {
	if err := attacks.BecomeSubreaper(); err != nil {
		return err
	}
	tmp, err := os.MkdirTemp("", "compat-")
	if err != nil {
		return err
	}
	defer removeAll(tmp)
	r := &runner{plan: p, top: top, tmp: tmp, known: known, show: progress.New(os.Stderr)}
	defer r.show.Clear()
	r.show.Say("building toaster")
	if r.sides, err = sides(ctx, top, tmp); err != nil {
		return err
	}
	var errs []error
	for i, row := range chosen {
		delete(known.Refused, row.name)
		if err := r.row(ctx, row, fmt.Sprintf("%d of %d, %s", i+1, len(chosen), row.name)); err != nil {
			known.refuse(row.name, err)
			errs = append(errs, fmt.Errorf("%s: %w", row.name, err))
		}
		if ctx.Err() != nil {
			break
		}
	}
	return errors.Join(errs...)
}

// row runs a row on both sides.
func (r *runner) row(ctx context.Context, row row, title string) error {
	dir, err := os.MkdirTemp(r.tmp, "r")
	if err != nil {
		return err
	}
	defer removeAll(dir)
	r.show.Say("%s: getting it", title)
	source, err := r.source(ctx, row, filepath.Join(dir, "src"))
	if err != nil {
		return err
	}
	all, err := r.list(ctx, row, source, dir)
	if err != nil {
		return err
	}
	for _, s := range r.sides {
		if row.inside && s.name == netbsdSide {
			if s, err = r.insideOf(ctx, s, dir); err != nil {
				return err
			}
		}
		if err := r.side(ctx, row, s, source, title+", "+s.name, all); err != nil {
			return fmt.Errorf("%s: %w", s.name, err)
		}
	}
	return nil
}

// list returns the packages that have tests on one side or the other.
func (r *runner) list(ctx context.Context, row row, source, tmp string) (all []string, err error) {
	for _, s := range r.sides {
		list, err := s.list(ctx, source, tmp, row.patterns)
		if err != nil {
			return nil, err
		}
		all = append(all, list...)
	}
	slices.Sort(all)
	return slices.Compact(all), nil
}

// side runs a row's packages on one side. Those of all that have no test there have a result, too.
func (r *runner) side(ctx context.Context, row row, s side, source, title string, all []string) error {
	tmp, err := os.MkdirTemp(r.tmp, "t")
	if err != nil {
		return err
	}
	defer removeAll(tmp)
	packages, err := s.list(ctx, source, tmp, row.patterns)
	if err != nil {
		return err
	}
	idle := func(p string) bool {
		return !r.plan.packages.MatchString(p) || r.plan.missing && r.known.has(row.name, p, s.name)
	}
	for _, p := range all {
		if !idle(p) && !slices.Contains(packages, p) {
			r.known.put(row, p, s.name, &outcome{})
		}
	}
	packages = slices.DeleteFunc(packages, idle)
	if len(packages) == 0 {
		return nil
	}
	if err := s.obtain(ctx, source, tmp, packages); err != nil {
		return err
	}
	r.show.Say("%s: building %d packages", title, len(packages))
	t := &trial{runner: r, row: row, side: s, source: source, tmp: tmp, title: title}
	return t.run(ctx, packages)
}

// A trial is one run of packages on one side.
type trial struct {
	*runner
	row    row
	side   side
	source string
	tmp    string
	title  string
}

// run tests packages, keeps the outcome of each, and tests again what failed.
func (t *trial) run(ctx context.Context, packages []string) error {
	ended := 0
	var failing []string
	outcomes := map[string]*outcome{}
	done := func(path string, o *outcome) {
		ended++
		if outcomes[path] = o; o.Fail > 0 {
			failing = append(failing, path)
		}
		t.known.put(t.row, path, t.side.name, o)
		t.known.store(t.top)
	}
	seen := func(e *event, o outcome) {
		t.show.Say("%s: %d of %d, %s: %d pass, %d skip, %d fail; %s", t.title, ended, len(packages), e.Package, o.Pass, o.Skip, o.Fail, e.Test)
	}
	if err := t.test(ctx, packages, "", done, seen); err != nil {
		return err
	}
	if ended < len(packages) {
		return fmt.Errorf("only %d of %d packages ended", ended, len(packages))
	}
	for _, path := range failing {
		for n := 0; n < tries && len(outcomes[path].unexplained(path)) > 0; n++ {
			if err := t.again(ctx, path, outcomes[path]); err != nil {
				return err
			}
		}
	}
	return nil
}

// tries is how often what has failed is run again: elections of raft, with timeouts of 50 ms, have failed
// once and again on a busy Linux.
const tries = 3

// again tests a package again, only its tests that failed for no known reason if these can be run alone.
func (t *trial) again(ctx context.Context, path string, first *outcome) error {
	var second *outcome
	pattern, alone := alone(first.unexplained(path))
	done := func(_ string, o *outcome) { second = o }
	seen := func(e *event, o outcome) { t.show.Say("%s: %s again: %s", t.title, path, e.Test) }
	if err := t.test(ctx, []string{path}, pattern, done, seen); err != nil {
		return err
	}
	switch {
	case second == nil:
		return fmt.Errorf("%s did not end when it was run again", path)
	case alone:
		first.merge(path, second)
	default:
		first.replace(second)
	}
	t.known.put(t.row, path, t.side.name, first)
	return t.known.store(t.top)
}

// test has the go command test packages, and returns when nothing of it is left. Each package has its
// time from the go command, which ends its test; the whole has as much as all of them.
func (t *trial) test(ctx context.Context, packages []string, pattern string, done func(string, *outcome), seen func(*event, outcome)) error {
	limit := t.row.limit
	if t.plan.limit > 0 {
		limit = t.plan.limit
	}
	ctx, cancel := context.WithTimeout(ctx, time.Duration(len(packages))*(limit+2*time.Minute)+10*time.Minute)
	defer cancel()
	args := []string{"test", "-json", "-count=1", "-vet=off", fmt.Sprintf("-p=%d", t.plan.parallel), "-timeout=" + limit.String()}
	if t.row.short {
		args = append(args, "-short")
	}
	if pattern != "" {
		args = append(args, "-run="+pattern)
	}
	cmd := t.side.command(ctx, t.source, t.tmp, append(args, packages...)...)
	log, err := t.openLog(packages, pattern)
	if err != nil {
		return err
	}
	defer log.Close()
	cmd.Stderr = log
	cmd.Stdout = io.MultiWriter(newCollector(done, seen), log)
	err = cmd.Run()
	for _, left := range endAll() {
		t.show.Clear()
		fmt.Fprintf(os.Stderr, "compat: %s on %s: %s\n", t.row.name, t.side.name, left)
	}
	var exit *exec.ExitError
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case errors.As(err, &exit), errors.Is(err, exec.ErrWaitDelay): // that tests fail is in the outcomes; what they leave is ended
		return nil
	}
	return err
}

// openLog opens the file of -log, or what swallows it.
func (t *trial) openLog(packages []string, pattern string) (*os.File, error) {
	if t.plan.log == "" {
		return os.OpenFile(os.DevNull, os.O_WRONLY, 0)
	}
	if err := os.MkdirAll(t.plan.log, 0o755); err != nil {
		return nil, err
	}
	name := t.row.name + "-" + t.side.name
	if pattern != "" || len(packages) == 1 && t.row.short {
		name += "-" + packages[0]
	}
	return os.OpenFile(filepath.Join(t.plan.log, strings.ReplaceAll(name, "/", "-")+".json"), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o644)
}
