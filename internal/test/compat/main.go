// Compat runs other people's tests under toaster and on this Linux, and writes doc/compatibility.md.
//
//	go run ./internal/test/compat
//	go run ./internal/test/compat -only net/http,github.com/miekg/dns
//	go run ./internal/test/compat -only std -packages '^(os|io)'
//	go run ./internal/test/compat -missing
//
// A row is a suite (rows.go): tests of the standard library, of a module at a fixed version, or Go's
// toolchain that tests a module as a NetBSD program. Each is run with GOOS=netbsd, where nothing but
// "toaster setup" has been done, and then for Linux; both are counted from what "go test -json" says
// (collect.go). Tests that fail are run again, alone: a busy machine fails tests, too.
//
// What was found is kept in results.json, package by package, as it comes: a run that is cut short,
// or that has only one row, leaves the rest of the page as it was, and -missing goes on where one was
// cut. The page says of each row on which day it was run. Why a test fails stands in reasons.go.
//
// A package is ended after the time of its row. What tests leave behind, processes and files, is
// gone when the command ends. On a terminal it shows where it is; in a pipe it says only what went wrong.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"regexp"
	"strings"
	"syscall"
	"time"
)

// A plan is what is to be done, as flags say it.
type plan struct {
	only     string
	packages *regexp.Regexp
	missing  bool
	page     bool
	parallel int
	limit    time.Duration
	log      string
}

func main() {
	var p plan
	flag.StringVar(&p.only, "only", "", "run these `rows` alone, with commas between them; -list has their names")
	packages := flag.String("packages", "", "run these packages of a row alone, a regular `expression`")
	list := flag.Bool("list", false, "print the names of the rows, and run none")
	flag.BoolVar(&p.missing, "missing", false, "run what has no result yet, and nothing else")
	flag.BoolVar(&p.page, "page", false, "write the page anew from what is known, and run nothing")
	flag.IntVar(&p.parallel, "p", 2, "this `number` of packages is tested at a time")
	flag.DurationVar(&p.limit, "timeout", 0, "the `time` of a package, instead of its row's")
	flag.StringVar(&p.log, "log", "", "keep what go test prints in this `directory`")
	flag.Parse()
	if *list {
		fmt.Println(strings.Join(names(), "\n"))
		return
	}
	p.packages = regexp.MustCompile(*packages)
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	err := run(ctx, &p)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "compat:", err)
		os.Exit(1)
	}
}

// run runs the rows, and writes the page even if one of them could not be run.
func run(ctx context.Context, p *plan) error {
	top, err := repository()
	if err != nil {
		return err
	}
	known, err := load(top)
	if err != nil {
		return err
	}
	chosen, err := choose(p.only)
	if err == nil && !p.page {
		err = runRows(ctx, p, top, known, chosen)
	}
	return errors.Join(err, known.store(top), writePage(top, known))
}

// choose returns the rows of these names, or all.
func choose(only string) ([]row, error) {
	if only == "" {
		return rows, nil
	}
	var chosen []row
	for name := range strings.SplitSeq(only, ",") {
		r, ok := find(name)
		if !ok {
			return nil, fmt.Errorf("there is no row %q; -list has the names", name)
		}
		chosen = append(chosen, r)
	}
	return chosen, nil
}
