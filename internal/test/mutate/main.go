// Mutate puts single faults into a package and says which of them its tests notice.
//
//	go run ./internal/test/mutate -sample 50
//	go run ./internal/test/mutate -log /tmp/verdicts
//	go run ./internal/test/mutate -func '^findStopped$|^consume$'
//
// A fault is a condition negated, && for || or the reverse, a bound or a constant off by one, a
// statement or a loop left out, break for continue or the reverse. All of them are compiled into
// one test binary, by an overlay that leaves the sources alone (overlay.go), and a variable of the
// environment chooses which one is there: so a fault costs no build. The tests run with -short;
// a fault is noticed if they fail or do not end.
//
// Faults that change nothing that anybody could see are named in equivalent.txt, with the reason.
// What is printed is a table by file, and the faults that nobody noticed. With -log verdicts are
// kept in a file, and a later run with the same file goes on where it was. On a terminal it shows
// where it is; in a pipe it prints the table alone.
package main

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"regexp"
	"time"
)

// A plan is what is to be done, as flags say it.
type plan struct {
	dir     string // of the package
	funcs   *regexp.Regexp
	files   *regexp.Regexp
	sample  int
	seed    uint64
	log     string
	list    bool
	again   bool
	timeout time.Duration
}

// lives are the files with kern's code of exit, wait, reparent, signals, groups, ptrace and LWPs.
const lives = `^(exit|exit_lwps|reaper|wait|findchild|procfree|reparent|stop|sig\w*|pgrp|session|ptrace\w*|lwp|lwpcalls|sleep|knote|heap|subreaper)\.go$`

func main() {
	var p plan
	flag.StringVar(&p.dir, "dir", "kern", "the package's `directory`")
	files := flag.String("files", lives, "which files, a regular `expression`")
	funcs := flag.String("func", "", "which functions, a regular `expression`")
	flag.IntVar(&p.sample, "sample", 0, "try that `many`, chosen at random; 0 is all")
	flag.Uint64Var(&p.seed, "seed", 1, "of the choice")
	flag.StringVar(&p.log, "log", "", "keep verdicts in this `file`, and go on from those that are in it")
	flag.BoolVar(&p.again, "again", false, "try what the log calls unnoticed, and nothing else")
	flag.BoolVar(&p.list, "list", false, "print the faults, and try none")
	flag.DurationVar(&p.timeout, "timeout", 5*time.Minute, "after which tests that run on have noticed a fault; 15 s of processor time are the same")
	flag.Parse()
	p.files, p.funcs = regexp.MustCompile(*files), regexp.MustCompile(*funcs)
	if err := run(&p); err != nil {
		fmt.Fprintln(os.Stderr, "mutate:", err)
		os.Exit(1)
	}
}

func run(p *plan) error {
	pkg, err := find(p.dir, p.files)
	if err != nil {
		return err
	}
	known, err := equivalents()
	if err != nil {
		return err
	}
	faults := choose(pkg.faults, p)
	if p.list {
		for _, f := range faults {
			fmt.Println(f)
		}
		return nil
	}
	verdicts, err := try(pkg, faults, known, p)
	if err != nil {
		return err
	}
	report(os.Stdout, faults, verdicts, known)
	return nil
}

// choose returns the faults that are to be tried, in the order of the sources.
func choose(all []*fault, p *plan) (chosen []*fault) {
	for _, f := range all {
		if p.funcs.MatchString(f.fn) {
			chosen = append(chosen, f)
		}
	}
	if p.sample <= 0 || p.sample >= len(chosen) {
		return chosen
	}
	in := make(map[int]bool)
	r := rand.New(rand.NewPCG(p.seed, 0))
	for _, i := range r.Perm(len(chosen))[:p.sample] {
		in[i] = true
	}
	var some []*fault
	for i, f := range chosen {
		if in[i] {
			some = append(some, f)
		}
	}
	return some
}
