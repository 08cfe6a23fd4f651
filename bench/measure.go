package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

const (
	// limit is how long one measurement may take: something hangs that takes longer.
	limit = 5 * time.Minute
	// patience is how long a program that was killed may hold on to its output.
	patience = 2 * time.Second
)

// unavailable is a reason why there is no figure, which is nobody's failure.
type unavailable string

func (u unavailable) Error() string { return string(u) }

// measureAll makes a whole run. Where some measurements failed, there are results, and an error.
func measureAll(ctx context.Context, o *options) (*results, error) {
	list := choose(o)
	if len(list) == 0 {
		return nil, errors.New("there is no such row; -list has the names")
	}
	dir, err := os.MkdirTemp("", "toaster-bench-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	w, err := prepare(ctx, dir, o.beside)
	if err != nil {
		return nil, err
	}
	res := begin(ctx, w, o.rounds)
	list = prepareRows(ctx, w, list, res)
	for round := range o.rounds {
		for _, s := range w.systems {
			if err := s.renew(); err != nil {
				return nil, err
			}
		}
		for _, r := range list {
			progress("round %d of %d: %s", round+1, o.rounds, r.about)
			measureRow(ctx, w, r, res.row(r), round)
		}
	}
	progress("")
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	res.finish()
	return res, res.failure()
}

// choose returns the rows that are asked for, of -scale also by their kind.
func choose(o *options) []row {
	return slices.DeleteFunc(rows(), func(r row) bool {
		return r.scale != o.scale || !o.only.MatchString(r.name) && !o.only.MatchString(kind(r.name))
	})
}

// prepareRows returns the rows that this machine can do. The results say why not of the others.
func prepareRows(ctx context.Context, w *workshop, list []row, res *results) []row {
	return slices.DeleteFunc(list, func(r row) bool {
		result := res.add(r)
		if r.prepare == nil {
			return false
		}
		err := r.prepare(ctx, w)
		if err != nil {
			reason, _, _ := strings.Cut(err.Error(), "\n")
			result.miss("", reason)
		}
		return err != nil
	})
}

// measureRow lets the systems take turns, another one first in each round. A system that
// cannot do it once is not asked again: without a partner there is no ratio.
func measureRow(ctx context.Context, w *workshop, r row, result *result, round int) {
	for i := range w.systems {
		s := w.systems[(i+round)%len(w.systems)]
		if result.Missing[s.name] != "" || r.of != "" && r.of != s.name {
			continue
		}
		value, err := measureOnce(ctx, r, s)
		var none unavailable
		switch {
		case errors.As(err, &none):
			result.miss(s.name, string(none))
		case err != nil:
			result.fail(s.name, err)
		default:
			result.put(s.name, value)
		}
	}
}

func measureOnce(ctx context.Context, r row, s *system) (float64, error) {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	value, err := r.measure(ctx, s)
	if ctx.Err() == context.DeadlineExceeded {
		return 0, fmt.Errorf("it took more than %v", limit)
	}
	return value, err
}

// inside lets the guest do a thing n times, and measure itself. The figure is a per-th of that.
func inside(per int, mode string, n int, arg ...string) func(context.Context, *system) (float64, error) {
	return func(ctx context.Context, s *system) (float64, error) {
		args := append([]string{mode, strconv.Itoa(n)}, arg...)
		out, err := output(s.command(ctx, s.exe, args...))
		if err != nil {
			return 0, err
		}
		ns, err := strconv.ParseFloat(strings.TrimSpace(out), 64)
		return ns / float64(per), err
	}
}

// allowFiles lets programs have n open files, if the host does. It asks for some more, as toaster
// has files, too.
func allowFiles(n uint64) error {
	var lim syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &lim); err != nil {
		return err
	}
	need := n + n/10 + 1000
	if lim.Max >= need {
		return nil
	}
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &syscall.Rlimit{Cur: lim.Cur, Max: need}); err != nil {
		return unavailable(fmt.Sprintf("this host allows a process no more than %d open files", lim.Max))
	}
	return nil
}

// prepareWalk finds Go's sources.
func prepareWalk(ctx context.Context, w *workshop) error {
	out, err := output(exec.CommandContext(ctx, "go", "env", "GOROOT"))
	for _, s := range w.systems {
		s.source = filepath.Join(strings.TrimSpace(out), "src")
	}
	return err
}

func walk(ctx context.Context, s *system) (float64, error) {
	return inside(1, "walk", 1, s.source)(ctx, s)
}

// output runs a program. Its last words are part of an error.
func output(cmd *exec.Cmd) (string, error) {
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	err := cmd.Run()
	return out.String(), withWords(err, errs.String())
}

func withWords(err error, words string) error {
	words = strings.TrimSpace(words)
	if err == nil || words == "" {
		return err
	}
	return fmt.Errorf("%w: %s", err, words[strings.LastIndex(words, "\n")+1:])
}

// hello measures a whole program from outside, some times.
func hello(ctx context.Context, s *system) (float64, error) {
	return outside(20, func() *exec.Cmd { return s.command(ctx, s.exe, "hello") })
}

// outside returns the median of n runs of a program, start to end.
func outside(n int, command func() *exec.Cmd) (float64, error) {
	times := make([]float64, n)
	for i := range times {
		cmd := command()
		start := time.Now()
		if _, err := output(cmd); err != nil {
			return 0, err
		}
		times[i] = float64(time.Since(start))
	}
	return median(times), nil
}
