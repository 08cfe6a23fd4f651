package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"time"

	"toaster/internal/test/progress"
)

// Verdicts.
const (
	noticed   = "noticed"
	unnoticed = "unnoticed"
	endless   = "endless" // noticed, as the tests did not end
)

// try runs the tests once without a fault and once with each of those that are not known to change
// nothing, and have no verdict in the log.
func try(p *pkg, faults []*fault, known map[string]string, pl *plan) (map[string]string, error) {
	verdicts, err := readLog(pl.log)
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "toaster-mutate-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	bin, err := p.build(dir)
	if err != nil {
		return nil, err
	}
	if v, out := judge(p, bin, 0, pl.timeout); v != unnoticed {
		return nil, fmt.Errorf("the tests fail without a fault (%s):\n%s", v, out)
	}
	var todo []*fault
	for _, f := range faults {
		due := ""
		if pl.again {
			due = unnoticed
		}
		if known[f.key()] == "" && verdicts[f.key()] == due {
			todo = append(todo, f)
		}
	}
	// In any order, so that a run which is cut short is a sample.
	rand.New(rand.NewPCG(pl.seed, 1)).Shuffle(len(todo), func(i, j int) { todo[i], todo[j] = todo[j], todo[i] })
	shown := progress.New(os.Stderr)
	defer shown.Clear()
	for i, f := range todo {
		shown.Say("%d of %d: %.70s", i, len(todo), f)
		v, _ := judge(p, bin, f.id, pl.timeout)
		verdicts[f.key()] = v
		if err := writeLog(pl.log, f.key(), v); err != nil {
			return nil, err
		}
	}
	return verdicts, nil
}

// judge runs the tests with a fault; 0 is none.
func judge(p *pkg, bin string, id int, timeout time.Duration) (verdict string, output []byte) {
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	cmd := exec.CommandContext(ctx, bin, "-test.short", "-test.failfast", "-test.count=1", "-test.timeout=0")
	cmd.Dir = p.dir
	cmd.Env = append(os.Environ(), faultVar+"="+strconv.Itoa(id))
	cmd.WaitDelay = time.Second
	out, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	switch {
	case ctx.Err() != nil, errors.As(err, &exit) && exit.ExitCode() < 0: // by a signal: the limit's
		return endless, out
	case err != nil:
		return noticed, out
	}
	return unnoticed, out
}

// readLog returns what earlier runs have found: a line each, the verdict, a tab and the key.
func readLog(name string) (map[string]string, error) {
	verdicts := make(map[string]string)
	if name == "" {
		return verdicts, nil
	}
	f, err := os.Open(name)
	if errors.Is(err, os.ErrNotExist) {
		return verdicts, nil
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		if v, key, ok := strings.Cut(lines.Text(), "\t"); ok {
			verdicts[key] = v
		}
	}
	return verdicts, nil
}

func writeLog(name, key, verdict string) error {
	if name == "" {
		return nil
	}
	f, err := os.OpenFile(name, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(f, "%s\t%s\n", verdict, key)
	return errors.Join(err, f.Close())
}
